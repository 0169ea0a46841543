"""The collector's contract through a real mount: what a reader sees while transcripts grow, shrink and are replaced.

Each proof is made against a running mount, and where a cache takes part also against one that was started anew. The
reference (tests/reference/reference.py) tells what is right.
"""

import errno
import os
import subprocess
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import harness
import records
import reference
import reference_window

PAD = b'{"f":"' + b"x" * 300 + b'"}\n'  # more than the 256 bytes by which a transcript is known


def line(stamp: str, i: int = 10, o: int = 1, **more) -> bytes:
    return records.line(records.assistant(stamp, records.usage(i, o), **more)) + b"\n"


def stamp(hour: int, minute: int = 0) -> str:
    return f"2026-06-10T{hour:02d}:{minute:02d}:00Z"


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with open(path, "r+b", buffering=0) as file:
        file.seek(offset)
        file.write(data)


class ContractTest(harness.MountTest):
    options: tuple = ()

    def mount(self, *more: str, **how) -> harness.Mount:
        return self.home.mount(*self.options, *more, **how)

    def raw(self, session: str, content: bytes, project: str = "-p") -> Path:
        path = self.home.path(project, session)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def check(self, mount, session: str, path: Path, window: str = "") -> dict:
        """The session's totals are the reference's, of the bytes that are there now."""
        since, until, _ = reference_window.parse(f"{window or '_'}.json", 0)
        leaf = f"window/{window}.json" if window else "usage.json"
        got = mount.totals(f"sessions/{session}/{leaf}")
        self.assertTotals(got, reference.totals(path, since, until))
        return got

    def input(self, mount, session: str) -> int:
        return mount.json(f"sessions/{session}/usage.json")["inputTokens"]

    def scanned(self, mount) -> int:
        return mount.json("status.json")["bytesScanned"]

    def assertMissing(self, mount, path: str) -> None:
        with self.assertRaises(OSError, msg=path) as caught:
            mount.read(path)
        self.assertEqual(caught.exception.errno, errno.ENOENT, path)

    def assertSameEverywhere(self, *paths: str) -> list[bytes]:
        """Cold, warm, restarted, without cache and without FUSE: the same bytes."""
        with self.mount() as mount:
            cold = [mount.read(p) for p in paths]
            self.assertEqual([mount.read(p) for p in paths], cold, "warm")
        # Without the notifier, which has looks of its own where it cannot watch.
        with self.mount("-o", "notify=off") as mount:
            self.assertEqual([mount.read(p) for p in paths], cold, "restarted")
            # By stat, every look reads unfinished lines again; a watch tells when that is needless.
            looks = 2 * len(paths) if self.options else 1
            self.assertLessEqual(self.scanned(mount), self.unfinished_bytes() * looks, "restarted: read again")
        with self.mount("--no-cache") as mount:
            self.assertEqual([mount.read(p) for p in paths], cold, "without cache")
        with self.mount("-o", "revalidate=stat") as mount:
            self.assertEqual([mount.read(p) for p in paths], cold, "by stat")
        for switch in ((), ("--no-cache",)):
            self.assertEqual([self.home.run(*switch, "cat", p) for p in paths], cold, f"without FUSE {switch}")
        return cold

    def unfinished_bytes(self) -> int:
        contents = [p.read_bytes() for p in self.home.projects.rglob("*.jsonl")]
        return sum(len(c) - (c.rfind(b"\n") + 1) for c in contents)


class Reading(ContractTest):
    def test_cold_warm_restarted_without_cache(self):
        maker = records.Maker(3, "sess-one")
        self.home.transcript("-p", "sess-one", [maker.any() for _ in range(60)])
        self.raw("sess-two", PAD + line(stamp(1)) + b"not json\n\n" + line(stamp(2))[:-1])
        self.assertSameEverywhere("sessions/sess-one/usage.json", "sessions/sess-two/usage.json", "projects/-p/usage.json",
                                  "projects/-p/total_tokens", "sessions/sess-two/window/2026-06-10.json")

    def test_bytes_behind_the_cursor_are_not_read_again(self):
        body = line(stamp(1), 100, 10)
        path = self.raw("sess-one", PAD + body)
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 100)
            overwrite(path, len(PAD), b"#" * (len(body) - 1))
            harness.append(path, line(stamp(2), 7, 3))
            self.assertEqual(self.input(mount, "sess-one"), 107)
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 107)
            harness.append(path, line(stamp(3), 1, 0))
            self.assertEqual(self.input(mount, "sess-one"), 108)
            self.assertEqual(self.scanned(mount), len(line(stamp(3), 1, 0)))
        with self.mount("--no-cache") as mount:
            self.assertEqual(self.input(mount, "sess-one"), 8)

    def test_a_window_may_shrink(self):
        path = self.raw("sess-one", b"".join(line(stamp(h), 100 << h, h) for h in range(1, 5)))
        windows = [f"2026-06-10T00:00:00Z_2026-06-10T{h:02d}:30:00Z" for h in (4, 3, 2, 1, 0)]
        for _ in ("cold", "restarted"):
            with self.mount() as mount:
                totals = [self.check(mount, "sess-one", path, w)["inputTokens"] for w in windows]
                self.assertEqual(totals, [3000, 1400, 600, 200, 0])

    def test_an_unfinished_line_counts_once(self):
        path = self.raw("sess-one", line(stamp(1), 10) + line(stamp(2), 5)[:-1])
        with self.mount() as mount:
            for _ in range(3):
                self.assertEqual(self.input(mount, "sess-one"), 15)
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 15)
            harness.append(path, b"\n" + line(stamp(3), 100)[:40])
            self.assertEqual(self.input(mount, "sess-one"), 15)
            harness.append(path, line(stamp(3), 100)[40:])
            self.assertEqual(self.input(mount, "sess-one"), 115)
            self.check(mount, "sess-one", path)
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 115)

    def test_an_unfinished_line_that_becomes_another(self):
        """What looked like a whole record may be the beginning of a bad line."""
        path = self.raw("sess-one", line(stamp(1), 10) + line(stamp(2), 5)[:-1])
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 15)
            harness.append(path, b" trailing words\n")
            self.assertEqual(self.input(mount, "sess-one"), 10)
            self.assertEqual(mount.json("status.json")["badLines"], 1)

    def test_truncated(self):
        one, two, three = (line(stamp(h), 10 * h) for h in (1, 2, 3))
        path = self.raw("sess-one", PAD + one + two + three)
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 60)
            os.truncate(path, len(PAD + one + two))
            self.assertEqual(self.input(mount, "sess-one"), 30)
            os.truncate(path, len(PAD + one) + 7)
            self.assertEqual(self.input(mount, "sess-one"), 10)
            os.truncate(path, 0)
            self.assertEqual(self.input(mount, "sess-one"), 0)
            harness.append(path, three)
            self.assertEqual(self.input(mount, "sess-one"), 30)
        os.truncate(path, 0)  # while nobody looks
        with self.mount() as mount:
            self.check(mount, "sess-one", path)

    def replaced(self, replace) -> None:
        """By something with other content, of the same size, a smaller and a larger one, and while nobody looks."""
        first = line(stamp(1), 10, content=[])
        path = self.raw("sess-one", first * 3)
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 30)
            for content in (line(stamp(2), 77, content=[]) * 3, line(stamp(3), 5), line(stamp(4), 6) * 9):
                time.sleep(0.02 if self.options else 0)  # by stat, one tick of the clock may hide a file of the same size
                replace(path, content)
                self.check(mount, "sess-one", path)
        replace(path, line(stamp(5), 44) * 2)
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 88)
            self.check(mount, "sess-one", path)

    def test_replaced_by_rename(self):
        def rename(path, content):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.rename(path)

        self.replaced(rename)

    def test_replaced_in_place(self):
        self.replaced(lambda path, content: path.write_bytes(content))

    def test_replaced_by_rename_behind_the_same_head(self):
        path = self.raw("sess-one", PAD + line(stamp(1), 10))
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 10)
            fresh = path.with_suffix(".new")
            fresh.write_bytes(PAD + line(stamp(1), 20) + line(stamp(2), 40))
            fresh.rename(path)
            self.assertEqual(self.input(mount, "sess-one"), 60)

    def test_deleted_and_back(self):
        path = self.raw("sess-one", line(stamp(1), 10))
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 10)
            path.unlink()
            self.assertEqual(self.input(mount, "sess-one"), 10)
            self.assertTrue(mount.json("sessions/sess-one/usage.json")["retained"])
            self.assertEqual(mount.names("sessions"), ["sess-one"])
            self.raw("sess-one", line(stamp(2), 20))
            self.assertEqual(self.input(mount, "sess-one"), 20)
            self.assertFalse(mount.json("sessions/sess-one/usage.json")["retained"])

    def test_deleted_without_a_cache(self):
        path = self.raw("sess-one", line(stamp(1), 10))
        with self.mount("--no-cache") as mount:
            self.assertEqual(self.input(mount, "sess-one"), 10)
            path.unlink()
            self.assertMissing(mount, "sessions/sess-one/usage.json")
            self.assertEqual(mount.names("sessions"), [])
            self.raw("sess-one", line(stamp(2), 20))
            self.assertEqual(self.input(mount, "sess-one"), 20)

    def test_forgotten(self):
        self.raw("sess-two", line(stamp(1), 5))
        path = self.raw("sess-one", line(stamp(1), 10))
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 10)
            path.unlink()
            self.assertEqual(self.input(mount, "sess-one"), 10)
            while len(self.home.cache_files()) < 2:
                time.sleep(0.05)
            with self.assertRaises(AssertionError):  # it is there
                self.home.run("forget", "sess-two")
            self.home.run("forget", "sess-one")
            self.assertMissing(mount, "sessions/sess-one/usage.json")
            self.assertEqual(self.input(mount, "sess-two"), 5)

    def test_forgotten_before_it_was_saved(self):
        """What the daemon has not written yet of the session is not written behind the forgetting, whether or not somebody reads
        in between."""
        for looks in (True, False):
            path = self.raw("sess-one", line(stamp(1), 10))
            with self.mount() as mount:
                self.assertEqual(self.input(mount, "sess-one"), 10)
                self.saved(mount)
                with path.open("ab") as file:
                    file.write(line(stamp(2), 20) + b"\n")
                self.assertEqual(self.input(mount, "sess-one"), 30)
                path.unlink()
                self.assertEqual(self.input(mount, "sess-one"), 30)
                self.home.run("forget", "sess-one")
                if looks:
                    self.assertMissing(mount, "sessions/sess-one/usage.json")
                else:
                    time.sleep(2)
                self.saved(mount)
                self.assertMissing(mount, "sessions/sess-one/usage.json")
                self.assertEqual(self.home.run("ls", "sessions"), b"")
            with self.mount() as mount:
                self.assertEqual(mount.names("sessions"), [])

    def saved(self, mount) -> None:
        while not mount.json("status.json")["cache"]["saved"]:
            time.sleep(0.05)

    def test_a_mount_inside_a_scanned_folder(self):
        self.raw("sess-one", line(stamp(1), 10))
        with self.mount(point="claude/projects/-p/usage") as mount:
            self.assertEqual(self.input(mount, "sess-one"), 10)
            self.raw("sess-two", line(stamp(1), 20))
            self.assertEqual(mount.names("sessions"), ["sess-one", "sess-two"])

    def test_a_session_started_inside_the_mount(self):
        """Its working directory may hold team-state files: looking there would ask ourselves."""
        point = self.home.root / "usage"
        link = self.home.root / "link"
        link.symlink_to(point / "teams")
        for i, cwd in enumerate((point, point / "sessions" / "sess-000", link / "T", link)):
            self.raw(f"sess-00{i}", line(stamp(1), teamName="T", cwd=str(cwd)))
        with self.mount() as mount:
            reader = subprocess.Popen(["cat", str(mount.point / "teams/T/total_tokens")], stdout=subprocess.PIPE)
            try:
                self.assertEqual(reader.communicate(timeout=harness.LIMIT)[0], b"44\n")
            except subprocess.TimeoutExpired:
                mount.process.kill()  # only its end releases the reader
                reader.kill()
                raise


    def test_verify_tail_sees_a_file_cut_and_grown_again(self):
        first, second, third = line(stamp(1), 10), line(stamp(1), 20), line(stamp(2), 40)
        self.assertEqual(len(first), len(second))
        for options, want in ((("-o", "verify=tail"), 60), ((), 50)):
            path = self.raw("sess-one", PAD + first)
            with self.mount(*options) as mount:
                self.assertEqual(self.input(mount, "sess-one"), 10)
                os.truncate(path, len(PAD))
                harness.append(path, second + third)  # without it, what was consumed stays consumed
                self.assertEqual(self.input(mount, "sess-one"), want)
            path.unlink()


class ReadingByStat(Reading):
    options = ("-o", "revalidate=stat")


class Teams(ContractTest):
    def test_a_tag_that_comes_later(self):
        quiet = b'{"type":"user","text":"no team here"}\n'
        path = self.raw("sess-one", PAD + quiet + line(stamp(1), 10))
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), [])
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), [])
            overwrite(path, len(PAD), b"#" * (len(quiet) - 1))
            harness.append(path, b'{"team":{"teamName":"okstra-T1"}}\n')
            self.assertEqual(mount.names("teams"), ["okstra-T1"])
            self.assertEqual(mount.json("teams/okstra-T1/usage.json")["inputTokens"], 10)
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), ["okstra-T1"])
            self.assertEqual(mount.read("teams/okstra-T1/total_tokens"), b"11\n")
            self.assertEqual(self.scanned(mount), 0)

    def test_tags_in_unfinished_and_invalid_lines(self):
        self.raw("sess-one", line(stamp(1)) + b'{"type":"user","teamName":"unfinished"')
        self.raw("sess-two", b'{"teamName":"invalid", no json\n\xff"TEAMNAME":"bytes"\n' + line(stamp(1)))
        self.raw("sess-six", b'{"teamName": "with a blank"}\n{"teamName":"no end\n{"teamName":null}\n' + line(stamp(1)))
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), ["bytes", "invalid", "unfinished"])
            self.assertEqual(mount.read("sessions/sess-two/teams"), b"bytes\ninvalid\n")
            self.assertEqual(mount.names("teams/unfinished/sessions"), ["sess-one"])

    def test_many_teams_of_one_file_in_one_pass(self):
        lines = [line(stamp(1), teamName=f"team-{n:03d}") for n in range(300)]
        path = self.raw("sess-one", b"".join(lines))
        names = [f"team-{n:03d}" for n in range(300)]
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), names)
            for name in names:
                self.assertEqual(mount.json(f"teams/{name}/usage.json")["inputTokens"], 3000)
            self.assertEqual(self.scanned(mount), path.stat().st_size)
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), names)
            self.assertEqual(self.scanned(mount), 0)

    def test_same_everywhere(self):
        self.raw("sess-one", line(stamp(1), 1, agentName="lead", teamName="T") + line(stamp(3), 2)[:-1])
        self.raw("sess-two", line(stamp(2), 4, agentName="codex-worker", teamName="t"))
        self.assertSameEverywhere("teams/T/usage.json", "teams/T/total_tokens", "teams/T/members/codex-worker/usage.json",
                                  "teams/T/window/2026-06-10T02:00:00Z_.json", "teams/T/members/lead/total_tokens")

    def test_names_by_other_case_are_links_to_the_listed_one(self):
        self.raw("sess-one", line(stamp(1), teamName="OKSTRA-Team") + line(stamp(2), teamName="한국어 팀")
                 + line(stamp(3), teamName="ÄÖ"))
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), ["OKSTRA-Team", "ÄÖ", "한국어 팀"])
            for spelling, listed in (("okstra-team", "OKSTRA-Team"), ("Okstra-TEAM", "OKSTRA-Team"), ("äö", "ÄÖ")):
                self.assertEqual(os.readlink(mount.point / "teams" / spelling), listed)
                self.assertEqual(mount.read(f"teams/{spelling}/usage.json"), mount.read(f"teams/{listed}/usage.json"))
            self.assertFalse(os.path.islink(mount.point / "teams/OKSTRA-Team"))
            self.assertMissing(mount, "teams/okstra-tea/usage.json")

    def test_a_team_under_several_spellings_is_one(self):
        self.raw("sess-one", line(stamp(1), 1, teamName="Team"))
        self.raw("sess-two", line(stamp(1), 2, teamName="TEAM"))
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), ["Team"])
            self.assertEqual(mount.names("teams/Team/sessions"), ["sess-one", "sess-two"])
            self.assertEqual(mount.read("sessions/sess-two/teams"), b"Team\n")

    def test_hostile_names_are_escaped_and_look_up_again(self):
        names = {b"a/b": "a%2Fb", b"..": "%2E.", b".hidden": "%2Ehidden", b"50%": "50%25", b"tab\tx": "tab%09x",
                 b"\x01": "%01", b"\xff\xfe": "%FF%FE", b"A/B%": None, b"%2Fa": "%252Fa"}
        del names[b"A/B%"]
        lines = b"".join(b'{"teamName":"' + raw + b'"}\n' for raw in names)
        self.raw("sess-one", line(stamp(1)) + lines + b'{"teamName":"' + b"L" * 600 + b'"}\n')
        with self.mount() as mount:
            listed = mount.names("teams")
            (long,) = (n for n in listed if n.startswith("LLL"))
            self.assertEqual(len(os.fsencode(long)), 255)
            self.assertEqual(listed, sorted([*names.values(), long]))
            for name in listed:
                self.assertEqual(mount.read(f"teams/{name}/total_tokens"), b"11\n")
                self.assertEqual(mount.json(f"teams/{name}/sessions/sess-one/usage.json")["inputTokens"], 10)
            self.assertEqual(mount.read("sessions/sess-one/teams").decode().splitlines(), listed)
            self.assertEqual(os.readlink(mount.point / "teams/A%2fB"), "a%2Fb")

    def test_an_empty_name_is_no_team(self):
        self.raw("sess-one", b'{"teamName":""}\n' + line(stamp(1)))
        with self.mount() as mount:
            self.assertEqual(mount.names("teams"), [])


class TeamsByStat(Teams):
    options = ("-o", "revalidate=stat")


class Tree(ContractTest):
    def test_a_prefix_of_six_characters_is_enough(self):
        for name in ("abcdef01-1", "abcdef02-2", "xyz123456"):
            self.raw(name, line(stamp(1)))
        with self.mount() as mount:
            self.assertEqual(os.readlink(mount.point / "sessions/xyz123"), "xyz123456")
            self.assertEqual(os.readlink(mount.point / "sessions/abcdef01"), "abcdef01-1")
            self.assertEqual(mount.read("sessions/xyz123/usage.json"), mount.read("sessions/xyz123456/usage.json"))
            for name in ("abcdef", "abcdef0", "xyz12", "xyz1234567", "XYZ123", "", "nothing"):
                if name:
                    self.assertMissing(mount, f"sessions/{name}/usage.json")
            # A full id wins over being the prefix of another.
            self.raw("abcdef", line(stamp(1), 99))
            self.assertEqual(self.input(mount, "abcdef"), 99)
            self.assertEqual(mount.names("sessions"), ["abcdef", "abcdef01-1", "abcdef02-2", "xyz123456"])

    def test_one_id_under_two_projects_is_one_session(self):
        self.raw("sess-one", line(stamp(1), 1), "-p")
        second = self.raw("sess-one", line(stamp(2), 2), "-q")
        with self.mount() as mount:
            self.assertEqual(mount.names("sessions"), ["sess-one"])
            document = mount.json("sessions/sess-one/usage.json")
            self.assertEqual((document["inputTokens"], document["transcripts"]), (3, 2))
            self.assertEqual((document["startedAt"], document["endedAt"]), (stamp(1), stamp(2)))
            harness.append(second, line(stamp(3), 4))
            self.assertEqual(self.input(mount, "sess-one"), 7)
            self.assertEqual(mount.read("sessions/sess-one/project"), b"-p\n")
        with self.mount() as mount:
            self.assertEqual(self.input(mount, "sess-one"), 7)
            self.assertEqual(self.scanned(mount), 0)

    def test_subagents_are_sessions_and_linked_from_their_parent(self):
        self.raw("sess-one", line(stamp(1), 1, sessionId="sess-one"))
        self.home.transcript("-p", "agent-a1", [line(stamp(2), 2, sessionId="sess-one")[:-1]], parent="sess-one")
        self.raw("agent-b2", line(stamp(3), 4, sessionId="sess-one", agentId="b2"))  # the old layout: beside it
        workflow = self.home.projects / "-p" / "sess-one" / "subagents" / "workflows" / "run-1"
        workflow.mkdir(parents=True)
        (workflow / "agent-c3.jsonl").write_bytes(line(stamp(4), 8))
        (workflow / "journal.jsonl").write_bytes(line(stamp(5), 16))
        other = self.home.projects / "-p" / "sess-one" / "workflows"
        other.mkdir()
        (other / "wf_1.json").write_bytes(line(stamp(6), 32))
        with self.mount() as mount:
            self.assertEqual(mount.names("sessions"), ["agent-a1", "agent-b2", "agent-c3", "sess-one"])
            self.assertEqual(mount.names("sessions/sess-one/subagents"), ["agent-a1", "agent-b2", "agent-c3"])
            self.assertEqual(os.readlink(mount.point / "sessions/sess-one/subagents/agent-a1"), "../../agent-a1")
            for agent, tokens in (("agent-a1", 2), ("agent-b2", 4), ("agent-c3", 8)):
                self.assertEqual(mount.json(f"sessions/sess-one/subagents/{agent}/usage.json")["inputTokens"], tokens)
                self.assertEqual(mount.names(f"sessions/{agent}/subagents"), [])
            self.assertEqual(self.input(mount, "sess-one"), 1)
            self.assertEqual(mount.json("projects/-p/usage.json")["inputTokens"], 15)

    def test_links_lead_one_way(self):
        self.raw("sess-one", line(stamp(1), teamName="T") + line(stamp(1), 0, teamName="Crew"))
        with self.mount() as mount:
            for link, target in (("teams/T/sessions/sess-one", "../../../sessions/sess-one"),
                                 ("projects/-p/sessions/sess-one", "../../../sessions/sess-one")):
                self.assertEqual(os.readlink(mount.point / link), target)
                self.assertEqual(mount.json(f"{link}/usage.json")["inputTokens"], 10)
            self.assertEqual(mount.read("sessions/sess-one/project"), b"-p\n")
            self.assertEqual(mount.read("sessions/sess-one/teams"), b"Crew\nT\n")
            # Every tool that follows links comes to an end: each folder is met by way of four names at most.
            followed = sum(1 + len(files) for _, _, files in os.walk(mount.point, followlinks=True))
            self.assertLess(followed, 5 * sum(1 + len(files) for _, _, files in os.walk(mount.point)))
            self.assertEqual(mount.names("sessions/sess-one"),
                             ["cache_hit_ratio", "context.json", "cost_usd", "ledger.jsonl", "project", "report.svg", "requests.jsonl", "subagents", "teams",
                              "tools.jsonl", "total_tokens", "usage.json", "window"])
            self.assertEqual(mount.names("teams/T"), ["cache_hit_ratio", "cost_usd", "members", "projection.json", "runs", "sessions", "total_tokens", "usage.json", "window"])
            self.assertEqual(mount.names("projects/-p"), ["cache_hit_ratio", "cost_usd", "current", "sessions", "total_tokens", "usage.json", "window"])
            self.assertLessEqual({"README.txt", "projects", "sessions", "status.json", "teams"}, set(mount.names()))

    def test_everything_listed_can_be_read_and_has_its_size(self):
        self.raw("sess-one", line(stamp(1), teamName="T", agentName="codex-worker") + line(stamp(2)))
        files = 0
        with self.mount() as mount:
            for folder, _, names in os.walk(mount.point):
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.islink(path):
                        continue
                    with open(path, "rb", buffering=0) as file:
                        size = os.fstat(file.fileno()).st_size
                        content = file.read()
                        self.assertEqual(file.read(), b"", path)
                    self.assertEqual(len(content), size, path)
                    if not name.endswith(".jsonl"):  # nothing may have been told yet
                        self.assertGreater(size, 0, path)
                    if name != "status.json" and not name.startswith(("today", "last-")):
                        self.assertEqual(os.stat(path).st_size, size, path)
                    self.assertTrue(content.endswith(b"\n") or not content, path)
                    files += 1
            self.assertGreaterEqual(files, 2 + 4 * 7)

    def test_readme(self):
        with self.mount() as mount:
            text = mount.read("README.txt").decode()
            self.assertLessEqual(len(text.splitlines()), 32)
            self.assertLessEqual(max(map(len, text.splitlines())), 100)
            for word in ("usage.json", "window/", "status.json", "total_tokens", "okstrafs umount"):
                self.assertIn(word, text)

    def test_mtime_is_that_of_the_newest_transcript(self):
        first = self.raw("sess-one", line(stamp(1), teamName="T"))
        second = self.raw("sess-one", line(stamp(2)), "-q")
        os.utime(first, ns=(0, 1_700_000_000_123_456_789))
        os.utime(second, ns=(0, 1_600_000_000_987_654_321))
        paths = ("sessions/sess-one/usage.json", "sessions/sess-one/total_tokens", "sessions/sess-one/window/2026-06-10.json",
                 "teams/T/usage.json", "projects/-p/usage.json")
        with self.mount() as mount:
            for path in paths:
                self.assertEqual(os.stat(mount.point / path).st_mtime_ns, 1_700_000_000_123_456_789, path)
            harness.append(second, line(stamp(3)))
            newest = os.stat(second).st_mtime_ns
            for path in paths[:4]:
                self.assertEqual(os.stat(mount.point / path).st_mtime_ns, newest, path)

    def test_times_are_the_same_after_a_restart(self):
        path = self.raw("sess-one", line(stamp(1), teamName="T"))
        os.utime(path, ns=(0, 1_700_000_000_123_456_789))
        (self.home.projects / "-p").joinpath("sess-one").joinpath("subagents").mkdir(parents=True)
        (self.home.projects / "-p/sess-one/subagents/agent-a1.jsonl").write_bytes(line(stamp(2)))
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs.json").write_text('{"budgets": {"b": {"scope": "session", "limitTokens": 1}}}')

        def times(mount):
            # status.json shows the daemon; a folder's own time is compared as well.
            return {os.path.relpath(os.path.join(folder, name), mount.point): os.lstat(os.path.join(folder, name)).st_mtime_ns
                    for folder, folders, files in os.walk(mount.point) for name in (*folders, *files) if name != "status.json"}

        with self.mount() as mount:
            before = times(mount)
        self.assertGreater(len(before), 50)
        self.assertLessEqual({"README.txt", "pricing.json", "budgets/b.json", "budgets/exceeded/b", "events.jsonl", "teams/T",
                              "teams/T/sessions/sess-one", "sessions/sess-one/requests.jsonl", "stats/by-day.json"}, set(before))
        time.sleep(0.01)
        with self.mount() as mount:
            self.assertEqual(times(mount), before)

    def test_an_open_file_stays_what_it_was(self):
        path = self.raw("sess-one", line(stamp(1), 1))
        with self.mount() as mount:
            with open(mount.point / "sessions/sess-one/usage.json", "rb", buffering=0) as file:
                head = file.read(20)
                before = os.fstat(file.fileno())
                harness.append(path, line(stamp(2), 1 << 40))
                self.assertGreater(self.input(mount, "sess-one"), 1 << 40)
                content = head + file.read()
                after = os.fstat(file.fileno())
            self.assertIn(b'"inputTokens": 1,', content)
            self.assertEqual((len(content), before.st_size, before.st_mtime_ns),
                             (after.st_size, after.st_size, after.st_mtime_ns))

    def test_nothing_can_be_changed(self):
        self.raw("sess-one", line(stamp(1)))
        with self.mount() as mount:
            usage = mount.point / "sessions/sess-one/usage.json"
            for change in (lambda: usage.write_bytes(b"x"), usage.unlink, lambda: usage.rename(usage.with_name("y")),
                           lambda: usage.chmod(0o600), lambda: os.truncate(usage, 0), (mount.point / "d").mkdir,
                           lambda: (mount.point / "f").touch(), lambda: os.symlink("x", mount.point / "l"),
                           lambda: os.link(usage, mount.point / "h"), lambda: os.utime(usage), usage.parent.rmdir,
                           lambda: os.setxattr(usage, "user.x", b"1")):
                with self.assertRaises(OSError) as caught:
                    change()
                self.assertIn(caught.exception.errno, (errno.EROFS, errno.EACCES))
            self.assertEqual(self.input(mount, "sess-one"), 10)


class Current(ContractTest):
    """projects/<p>/current: the session that asked last."""

    def current(self, mount, project: str = "-p"):
        link = mount.point / "projects" / project / "current"
        got = os.readlink(link) if os.path.lexists(link) else None
        self.assertEqual("current" in mount.names(f"projects/{project}"), got is not None)
        listed = self.home.run("ls", "-l", f"projects/{project}").decode()
        self.assertEqual(f"current -> {got}" in listed if got else "current" not in listed, True, listed)
        if got:
            session = got.rpartition("/")[2]
            self.assertEqual(mount.read(f"projects/{project}/current/usage.json"), mount.read(f"sessions/{session}/usage.json"))
            self.assertEqual(self.home.run("cat", f"projects/{project}/current/total_tokens"), mount.read(f"sessions/{session}/total_tokens"))
            return session
        return None

    def test_it_moves_with_who_asks(self):
        first = self.raw("sess-one", line(stamp(1), id="a1") + line(stamp(3), id="a2"))
        second = self.raw("sess-two", line(stamp(2), id="b1"))
        with self.mount() as mount:
            self.assertEqual(self.current(mount), "sess-one")
            harness.append(second, line(stamp(4), id="b2"))
            self.assertEqual(self.current(mount), "sess-two")
            harness.append(first, line(stamp(4), id="a3"))
            self.assertEqual(self.current(mount), "sess-one")  # of two at once, the first by name
            harness.append(second, records.line({"type": "user", "timestamp": stamp(9), "message": {"content": "?"}}) + b"\n")
            self.assertEqual(self.current(mount), "sess-one")  # nothing was asked of a model
            harness.append(second, line("2026-06-10T04:00:00.001Z", id="b3"))
            self.assertEqual(self.current(mount), "sess-one")  # ".001Z" is before "Z", as everywhere
            harness.append(second, line(stamp(5), id="b4")[:-1])
            self.assertEqual(self.current(mount), "sess-two")  # an unfinished line
        with self.mount() as mount:
            self.assertEqual(self.current(mount), "sess-two")

    def test_there_is_none(self):
        path = self.raw("sess-one", records.line({"type": "user", "timestamp": stamp(1), "message": {"content": "?"}}) + b"\n")
        self.raw("sess-two", line(stamp(2)), "-q")
        with self.mount() as mount:
            self.assertIsNone(self.current(mount))
            self.assertEqual(self.current(mount, "-q"), "sess-two")
            harness.append(path, line(stamp(3), id="new"))
            self.assertEqual(self.current(mount), "sess-one")

    def test_what_a_sub_agent_asks(self):
        """It is a part of the session that started it."""
        self.raw("sess-one", line(stamp(1), id="a1", sessionId="sess-one"))
        self.raw("sess-two", line(stamp(2), id="b1", sessionId="sess-two"))
        agent = self.home.path("-p", "agent-x", "sess-one")
        agent.parent.mkdir(parents=True)
        agent.write_bytes(line(stamp(3), id="c1", sessionId="sess-one", isSidechain=True))
        with self.mount() as mount:
            self.assertEqual(mount.names("sessions/sess-one/subagents"), ["agent-x"])
            self.assertEqual(self.current(mount), "sess-one")


class Windows(ContractTest):
    GOOD = ("_", "2026-06-10", "2026-06-10_", "_2026-06-10", "2026-06-10_2026-06-10", "2026-06-09_2026-06-11",
            "2026-06-10T01:00Z_", "2026-06-10T01:00:00Z_2026-06-10T02:00:00Z", "2026-06-10T01:00:00.001Z_",
            "2026-06-10T10:00+09:00_", "2026-06-09T20:30:00-04:30_2026-06-10T02:00Z", "@1781053200_",
            "_@1781056800", "@1781053200_@1781053200", "2026-06-10T02%3A00%3A00Z_", "2026-06-10T10:00%2B09:00_",
            "2026-06-10T03:00Z_2026-06-10T01:00Z", "0001-01-01_9999-12-31", "2026-06-10T01:00:00.000Z_now", "-1h_",
            "-1h_now", "-90m_", "-9999d_", "_-1d", "now_", *reference_window.PRESETS, "2026-06-10Z", "2026-06", "2026-06Z",
            "2026-W24", "2026-W24Z", "2026-W53", "2026-06-10Z_2026-06-11", "_2026-06-10Z", "2024-02-29_")
    ZONES = ("UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia")
    BAD = ("", "__", "a", "2026-06-10-", "2026-6-10_", "2026-02-30_", "2025-02-29", "2026-06-10T01_", "2026-06-10T01:00_",
           "2026-06-10T25:00Z_", "2026-06-10T01:60Z_", "2026-06-10T01:00:00.1Z_", "2026-06-10T01:00:00.1234Z_",
           "2026-06-10T01:00z_", "2026-06-10t01:00Z_", "2026-06-10 01:00Z_", "@_", "@x_", "@-5_", "@99999999999999_", "-5_",
           "-5w_", "5h_", "--5h_", "-h_", "NOW_", "tomorrow", "last-6h", "todayZ", "2026-W54", "2025-W53", "2026-w24", "2026-13", "2026-06_", "2026-W24_", "2026-06-10ZZ", "Today", "2026-06-10T01:00+0900_",
           "2026-06-10T01:00+25:00_", "0000-01-01_", "10000-01-01_", "%_", "%zz_", "%2_", "2026-06-10_%00", "now",
           "-5h", "2026-06-10T01:00Z", "_ ", " _", "２０２６-06-10_")

    def setUp(self):
        super().setUp()
        now = time.time()
        recent = [time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now - ago)) for ago in (3600 * 30, 3600 * 10, 5400, 60)]
        self.path = self.raw("sess-one", b"".join(line(s, 1 << n, teamName="T", agentName="codex-worker") for n, s in enumerate(
            [stamp(1), stamp(2), "2026-06-10T02:00:00.500Z", stamp(3), "2026-06-12T00:00:00.000Z", *recent])))
        self.stamps = [stamp(1), stamp(2), stamp(3), "2026-06-12T00:00:00.000Z", *recent]

    def days(self, zone: str = "UTC") -> list[str]:
        seconds = (datetime.fromisoformat(s.replace("Z", "+00:00")).timestamp() for s in self.stamps)
        return sorted({reference_window.text_of(reference_window.day_of(int(s), ZoneInfo(zone))) for s in seconds})

    def test_every_form(self):
        for zone in self.ZONES:
            self.check_every_form(zone)

    def check_every_form(self, zone: str) -> None:
        with self.mount("-o", f"tz={zone}") as mount:
            for name in self.GOOD:
                since, until, _ = reference_window.parse(f"{name}.json", reference_window.now_ms(), ZoneInfo(zone))
                want = reference.totals(self.path, since, until)
                for base in ("sessions/sess-one", "projects/-p"):
                    self.assertTotals(mount.totals(f"{base}/window/{name}.json"), want, f"{base} {name}")
                if (since or until) and not want["startedAt"]:
                    want |= {"agentName": None, "model": None}  # a team has no session in such a window
                for base in ("teams/T", "teams/T/members/codex-worker"):
                    self.assertTotals(mount.totals(f"{base}/window/{name}.json"), want, f"{base} {name}")

    def test_what_does_not_parse_is_not_there(self):
        with self.mount() as mount:
            for name in self.BAD:
                self.assertIsNone(reference_window.parse(f"{name}.json", reference_window.now_ms()), name)
                self.assertMissing(mount, f"sessions/sess-one/window/{name}.json")
            for name in ("2026-06-10", "2026-06-10.jsonx", "2026-06-10.JSON", "_.json.json", ".json"):
                self.assertMissing(mount, f"sessions/sess-one/window/{name}")

    def test_the_listing_is_days_and_presets(self):
        for zone in self.ZONES:
            want = sorted(f"{name}.json" for name in (*self.days(zone), *reference_window.PRESETS))
            with self.mount("-o", f"tz={zone}") as mount:
                for base in ("sessions/sess-one", "teams/T", "projects/-p", "teams/T/members/codex-worker", "."):
                    self.assertEqual(mount.names(f"{base}/window"), want)
                self.assertEqual(sorted(self.home.run("ls", "-o", f"tz={zone}", "projects/-p/window").decode().split()), want)
        with self.mount() as mount:
            harness.append(self.path, line("2026-06-20T00:00:00.000Z"))
            self.assertIn("2026-06-20.json", mount.names("projects/-p/window"))

    def test_the_listing_is_bounded(self):
        """Days of which no transcript can tell are not listed; their windows can be opened."""
        harness.append(self.path, b"".join(line(f"{year:04d}-06-10T01:00:00.000Z") for year in (1, 1999, 2019, 2020, 2039, 2040, 9999)))
        harness.append(self.path, line("2026-02-30T01:00:00.000Z"))
        with self.mount() as mount:
            names = mount.names("sessions/sess-one/window")
            self.assertEqual(names, sorted(f"{n}.json" for n in (*self.days(), "2020-06-10", "2039-06-10", *reference_window.PRESETS)))
            self.assertEqual(mount.totals("sessions/sess-one/window/1999-06-10.json")["startedAt"], "1999-06-10T01:00:00.000Z")

    def test_the_window_is_said(self):
        with self.mount() as mount:
            for name, since, until in (
                    ("_", None, None), ("2026-06-10", "2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z"),
                    ("2026-06-10T10:00+09:00_", "2026-06-10T01:00:00Z", None),
                    ("_@1781053200", None, "2026-06-10T01:00:00Z")):
                document = mount.json(f"sessions/sess-one/window/{name}.json")
                self.assertEqual(document["window"], {"since": since, "until": until}, name)

    def test_relative_windows_move(self):
        with self.mount() as mount:
            first = mount.json("sessions/sess-one/window/-1h_now.json")["window"]
            time.sleep(1.1)  # while the data does not change they stand still for a second
            second = mount.json("sessions/sess-one/window/-1h_now.json")["window"]
            self.assertLess(first["since"], second["since"])
            self.assertLess(first["until"], second["until"])


if __name__ == "__main__":
    harness.main(__name__)
