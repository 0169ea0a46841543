"""Remote filesystems that do not answer: a project's folder, a symlink, a root. Nothing else waits for them.

The filesystem is hanging_fs.c, which shows a folder and stops to answer while a file exists.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import guarded
import harness
import records

PROGRAM = os.environ.get("OKSTRAFS_HANGING_FS", "")
SILENT = 2  # seconds, after which a read no longer waits for a host


class HangingFs:
    def __init__(self, root: Path, name: str):
        self.source, self.hang, self.point = (root / f"{name}-{part}" for part in ("source", "hang", "point"))
        self.source.mkdir()
        self.point.mkdir()
        self.process = subprocess.Popen([PROGRAM, self.source, self.hang, self.point], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + harness.LIMIT
        while not harness.is_mounted(self.point):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("hanging_fs does not start")
            time.sleep(0.01)

    def stop_answering(self) -> None:
        self.hang.touch()

    def stop_opening(self, after: int = 0) -> None:
        """It answers, but for the opening of files, after some more."""
        new = self.hang.with_suffix(".new")
        new.write_text(str(after))
        new.rename(self.hang)

    def waits(self) -> bool:
        """Whether somebody waits for a file to be opened."""
        return self.hang.with_name(f"{self.hang.name}-waits").exists()

    def answer(self) -> None:
        self.hang.unlink(missing_ok=True)

    def close(self) -> None:
        """Its death ends every wait for it."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            subprocess.run(["umount", "-l", self.point], stderr=subprocess.DEVNULL, timeout=harness.LIMIT)
        harness.detach(self.point)


class RemoteTest(harness.MountTest):
    def setUp(self):
        super().setUp()
        if not os.access(PROGRAM, os.X_OK):
            self.skipTest("no hanging_fs: OKSTRAFS_HANGING_FS is not set")
        self.filesystems = []

    def tearDown(self):
        for one in self.filesystems:
            one.close()
        super().tearDown()

    def filesystem(self, name: str) -> HangingFs:
        self.filesystems.append(HangingFs(self.home.root, name))
        return self.filesystems[-1]

    def read(self, mount, path: str) -> bytes:
        """In a process that may hang."""
        return guarded.call(lambda: (mount.point / path).read_bytes())

    def json(self, mount, path: str) -> dict:
        return json.loads(self.read(mount, path))

    def tokens(self, mount, session: str) -> int:
        return self.json(mount, f"sessions/{session}/usage.json")["totalTokens"]

    def skipped(self, mount) -> dict:
        return {one["path"]: one["error"] for one in self.json(mount, "status.json")["skipped"]["paths"]}

    def line(self, n: int, **more) -> dict:
        return records.assistant(counts=records.usage(n, 0), **more)

    def end(self, mount) -> None:
        """SIGTERM ends the daemon."""
        self.assertEqual(mount.stop(signal.SIGTERM), 0)


class Projects(RemoteTest):
    def state(self, folder: Path, team: str) -> None:
        path = folder / "run/state/team-state-a-001.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"team": {"teamName": team}, "workers": []}))

    def test_a_working_directory_that_does_not_answer(self):
        fs, here = self.filesystem("far"), self.home.root / "here"
        self.state(here / ".okstra/tasks", "near")
        self.state(fs.source / ".okstra/tasks", "far")
        (self.home.root / "beside").mkdir()
        (self.home.root / "beside/.okstra").symlink_to(fs.point / "not-here")  # a link that leads there
        fs.stop_answering()
        for name, cwd in (("a", fs.point), ("b", fs.point / "deep"), ("c", here), ("d", self.home.root / "beside")):
            self.home.transcript("-p", f"session-{name}", [self.line(10, cwd=str(cwd))])
        with self.home.mount() as mount:
            self.assertEqual(self.tokens(mount, "session-a"), 10)
            self.assertEqual(sorted(guarded.call(os.listdir, mount.point / "teams")), ["near"])
            harness.append(self.home.path("-p", "session-a"), records.line(self.line(5, cwd=str(fs.point / "later"))) + b"\n")
            self.assertEqual(self.tokens(mount, "session-a"), 15)
            self.read(mount, "teams/near/usage.json")
            skipped = self.skipped(mount)
            for path in (fs.point, fs.point / "deep", fs.point / "later", self.home.root / "beside"):
                self.assertIn("network filesystem", skipped[str(path)])
            self.end(mount)

    def test_a_working_directory_is_entered_after_its_filesystem_has_gone(self):
        fs = self.filesystem("far")
        self.home.transcript("-p", "session-a", [self.line(10, cwd=str(fs.point))])
        with self.home.mount() as mount:
            self.assertEqual(guarded.call(os.listdir, mount.point / "teams"), [])
            self.assertEqual(len(self.skipped(mount)), 1)
            fs.close()
            self.state(fs.point / ".okstra/tasks", "found")
            self.assertEqual(guarded.call(os.listdir, mount.point / "teams"), ["found"])
            self.assertEqual(self.skipped(mount), {})

    def test_a_manifest_behind_a_link(self):
        fs, here = self.filesystem("far"), self.home.root / "here"
        self.state(here / ".okstra/tasks", "near")
        (here / ".okstra/tasks/run/manifests").symlink_to(fs.point)
        fs.stop_answering()
        self.home.transcript("-p", "session-a", [self.line(10, cwd=str(here))])
        with self.home.mount() as mount:
            self.assertIsNone(self.json(mount, "teams/near/usage.json")["window"]["since"])
            self.end(mount)

    def test_rosters_and_linked_projects(self):
        fs = self.filesystem("far")
        fs.stop_answering()
        self.home.transcript("-p", "session-a", [self.line(10)])
        (self.home.config / "teams").symlink_to(fs.point)
        (self.home.projects / "-linked").symlink_to(fs.point / "project")
        with self.home.mount() as mount:
            self.assertEqual(self.tokens(mount, "session-a"), 10)
            self.assertEqual(guarded.call(os.listdir, mount.point / "teams"), [])
            skipped = self.skipped(mount)
            self.assertIn("network filesystem", skipped[str(self.home.projects / "-linked")])
            self.assertIn("network filesystem", skipped[str(self.home.config)])
            self.end(mount)


class Roots(RemoteTest):
    """A second configuration folder, in a filesystem that may not answer."""

    def setUp(self):
        super().setUp()
        self.fs = self.filesystem("far")
        self.projects = self.fs.source / "projects"
        self.home.transcript("-near", "session-near", [self.line(10, id="msg_near", requestId="req_near")])
        self.far("session-far", self.line(300))

    def far(self, session: str, *lines) -> Path:
        path = self.projects / "-far" / f"{session}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as file:
            file.writelines(records.line({"sessionId": session} | one) + b"\n" for one in lines)
        return path

    def start(self, *options):
        return self.home.mount(*options, environ={"CLAUDE_CONFIG_DIR": f"{self.home.config},{self.fs.point}"})

    @contextlib.contextmanager
    def mount(self):
        """At its end the filesystem answers, so that the daemon can end."""
        with self.start() as mount:
            try:
                yield mount
            finally:
                self.fs.answer()

    def answers(self, mount) -> dict:
        return {one["path"]: one["answers"] for one in self.json(mount, "status.json")["sources"]}

    def total(self, mount) -> int:
        return self.json(mount, "stats/by-source.json")["total"]["totalTokens"]

    def test_every_change_is_seen(self):
        with self.mount() as mount:
            self.assertEqual((self.tokens(mount, "session-near"), self.tokens(mount, "session-far")), (10, 300))
            path = self.far("session-far", self.line(7))
            self.assertEqual(self.tokens(mount, "session-far"), 307)
            self.far("session-more", self.line(1))
            self.assertEqual(self.total(mount), 318)
            (self.projects / "-new").mkdir()
            path.rename(self.projects / "-new" / path.name)
            self.assertEqual(self.tokens(mount, "session-far"), 307)
            self.assertEqual(self.total(mount), 318)
            names = guarded.call(os.listdir, mount.point / "projects")
            self.assertEqual(sorted(names), ["-far", "-near", "-new"])
            shutil.rmtree(self.projects / "-far")
            self.assertEqual(self.total(mount), 318)  # deleted transcripts still count
            self.assertTrue(self.json(mount, "sessions/session-more/usage.json")["retained"])
            self.assertEqual(set(self.answers(mount).values()), {True})
        with self.mount() as mount:
            self.assertEqual(self.total(mount), 318)
            self.assertFalse(self.json(mount, "sessions/session-far/usage.json")["retained"])

    def test_links_in_such_a_root(self):
        (self.fs.source / "elsewhere").mkdir()
        self.far("session-linked", self.line(2)).rename(self.fs.source / "elsewhere/session-linked.jsonl")
        (self.projects / "-linked").symlink_to("../elsewhere")
        with self.mount() as mount:
            self.assertEqual(self.tokens(mount, "session-linked"), 2)
            self.assertEqual(self.json(mount, "projects/-linked/usage.json")["totalTokens"], 2)

    def test_rosters_and_runs_beside_such_a_root(self):
        state = self.fs.source / "work/.okstra/tasks/run/state/team-state-a-001.json"
        state.parent.mkdir(parents=True)
        state.write_text(json.dumps({"team": {"teamName": "runs"}, "workers": []}))
        manifest = state.parents[1] / "manifests/run-manifest-a-001.json"
        manifest.parent.mkdir()
        manifest.write_text(json.dumps({"createdAt": "2026-06-10T00:00:00Z"}))
        roster = self.fs.source / "teams/listed/config.json"
        roster.parent.mkdir(parents=True)
        roster.write_text(json.dumps({"name": "listed", "leadSessionId": "session-far",
                                      "members": [{"agentId": "a@listed", "name": "a"}, {"agentId": "b@listed", "name": "b"}]}))
        other = self.filesystem("other")
        self.far("session-far", self.line(1, cwd=str(self.fs.point / "work")), self.line(1, cwd=str(other.point)))
        with self.mount() as mount:
            self.assertEqual(self.teams(mount), ["listed", "runs"])
            self.assertEqual(self.json(mount, "teams/runs/usage.json")["window"]["since"], "2026-06-10T00:00:00Z")
            self.assertEqual(list(self.skipped(mount)), [str(other.point)])
            self.fs.stop_answering()
            self.assertEqual(self.json(mount, "teams/runs/usage.json")["window"]["since"], "2026-06-10T00:00:00Z")
            self.fs.answer()
            shutil.rmtree(roster.parent)
            harness.until(lambda: "listed" not in self.teams(mount), "the team is gone")
            self.assertEqual(self.teams(mount), ["runs"])

    def teams(self, mount) -> list:
        return sorted(guarded.call(os.listdir, mount.point / "teams"))

    def test_one_that_stops_answering_costs_its_own_transcripts(self):
        with self.mount() as mount:
            self.assertEqual(self.total(mount), 310)
            self.fs.stop_answering()
            harness.append(self.home.path("-near", "session-near"), records.line(self.line(5)) + b"\n")
            self.assertEqual(self.tokens(mount, "session-near"), 15)
            self.assertEqual(self.tokens(mount, "session-far"), 300)  # as last known
            self.assertEqual(self.total(mount), 315)
            root = str(self.fs.point / "projects")
            self.assertEqual([path for path, answers in self.answers(mount).items() if not answers], [root])
            self.assertIn("does not answer", self.skipped(mount)[root])
            self.far("session-far", self.line(7))
            self.fs.answer()
            harness.until(lambda: self.tokens(mount, "session-far") == 307, "what came meanwhile is counted")
            self.assertEqual(self.total(mount), 322)
            self.assertEqual(set(self.answers(mount).values()), {True})

    def test_one_that_stops_answering_while_it_is_read(self):
        with self.mount() as mount:
            self.assertEqual(self.total(mount), 310)
            for n in range(3):
                self.far("session-far", *[self.line(1)] * 2000)
                reader = guarded.Child(lambda: (mount.point / "total_tokens").exists())
                self.fs.stop_answering()
                reader.result(harness.LIMIT)
                harness.append(self.home.path("-near", "session-near"), records.line(self.line(5)) + b"\n")
                self.assertEqual(self.tokens(mount, "session-near"), 15 + 5 * n)
                self.fs.answer()

    def starts_and_ends(self, stop) -> None:
        with self.mount() as mount:
            self.assertEqual(self.total(mount), 310)
        stop()
        mount = self.start()
        self.assertEqual(self.tokens(mount, "session-near"), 10)
        self.assertEqual(self.tokens(mount, "session-far"), 300)  # from the history
        mount.process.send_signal(signal.SIGTERM)
        harness.until(lambda: not harness.is_mounted(mount.point), "the mount is gone")
        # A thread that waits for another process's answer cannot be ended by anybody; nothing else is left.
        self.fs.close()
        self.assertEqual(mount.process.wait(harness.LIMIT), 0)

    def test_a_daemon_starts_and_ends_without_an_answer(self):
        self.starts_and_ends(self.fs.stop_answering)

    def test_a_daemon_starts_and_ends_while_no_file_can_be_opened(self):
        self.starts_and_ends(self.fs.stop_opening)

    def test_a_daemon_ends_although_a_reader_waits(self):
        """The openings by the scans of its two syncs are answered, and that by the reader itself is not."""
        mount = self.start("-o", "notify=off")
        self.assertEqual(self.total(mount), 310)
        self.fs.stop_opening(after=2)
        reader = guarded.Child(lambda: (mount.point / "sessions/session-far/ledger.jsonl").read_bytes())
        harness.until(self.fs.waits, "the reader waits")
        mount.process.send_signal(signal.SIGTERM)
        with self.assertRaises(OSError):
            reader.result()
        harness.until(lambda: not harness.is_mounted(mount.point), "the mount is gone")
        self.fs.close()
        self.assertEqual(mount.process.wait(harness.LIMIT), os.EX_SOFTWARE)
        self.assertIn("ending without it", mount.said())


class Hosts(RemoteTest):
    """Hosts of okstrafs.json: one in a filesystem that may stop to answer, one in a folder that may go."""

    def setUp(self):
        super().setUp()
        self.fs = self.filesystem("far")
        self.home.transcript("-p", "session-own", [self.line(1)])
        self.home.okstra.mkdir(exist_ok=True)
        self.put(self.fs.source, "session-far", 20)
        self.put(self.home.root / "copy", "session-copy", 300)
        self.configure(far=self.fs.point, copy=self.home.root / "copy")

    def put(self, home: Path, session: str, *tokens: int) -> Path:
        path = home / ".claude/projects/-p" / f"{session}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as file:
            file.writelines(records.line(self.line(n, sessionId=session)) + b"\n" for n in tokens)
        return path

    def configure(self, **folders: Path) -> None:
        """As an editor does: by a rename."""
        new = self.home.okstra / "new"
        new.write_text(json.dumps({"host": "here", "hosts": {name: str(folder) for name, folder in folders.items()}}))
        new.rename(self.home.okstra / "okstrafs.json")

    def by_host(self, mount) -> dict:
        document = self.json(mount, "stats/by-host.json")
        rows = {row["key"]: row["totalTokens"] for row in document["rows"]}
        self.assertEqual(sum(rows.values()), document["total"]["totalTokens"])
        return rows

    def rows(self, mount) -> dict:
        """The same in all documents: while nothing changes."""
        rows = self.by_host(mount)
        self.assertEqual(int(self.read(mount, "total_tokens")), sum(rows.values()))
        for name, tokens in rows.items():
            self.assertEqual(int(self.read(mount, f"hosts/{name}/total_tokens")), tokens)
        return rows

    def away(self, mount) -> dict:
        """As both documents say it, which one that comes back meanwhile may keep from being the same."""
        def states() -> dict:
            return {host["host"]: host["away"] for host in self.json(mount, "status.json")["hosts"]}
        harness.until(lambda: states() == {name: self.json(mount, f"hosts/{name}/status.json")["away"] for name in states()}, "both documents agree")
        return states()

    def until_rows(self, mount, rows: dict) -> None:
        try:
            harness.until(lambda: self.by_host(mount) == rows, f"rows are {rows}")
        except AssertionError as error:
            raise AssertionError(f"{error}; they are {self.by_host(mount)}") from None
        self.assertEqual(self.rows(mount), rows)

    @contextlib.contextmanager
    def mount(self):
        with self.home.mount() as mount:
            try:
                yield mount
            finally:
                self.fs.answer()

    def test_hosts_that_go_and_come_back(self):
        with self.mount() as mount:
            self.assertEqual(self.rows(mount), {"here": 1, "far": 20, "copy": 300})
            self.assertEqual(self.away(mount), {"far": False, "copy": False})
            self.assertEqual(mount.names("hosts"), ["copy", "far", "here"])
            self.assertEqual(mount.names("hosts/copy/sessions"), ["session-copy"])
            harness.until(lambda: self.json(mount, "status.json")["cache"]["saved"], "the cache is saved")
            self.fs.stop_answering()
            (self.home.root / "copy").rename(self.home.root / "away")
            harness.append(self.home.path("-p", "session-own"), records.line(self.line(5)) + b"\n")
            self.assertEqual(self.rows(mount), {"here": 6, "far": 20, "copy": 300})
            self.assertEqual(self.away(mount), {"far": True, "copy": True})
            error = self.json(mount, "hosts/far/status.json")["folders"][0]
            self.assertEqual((error["answers"], "does not answer" in error["error"]), (False, True))
        shutil.rmtree(self.home.okstra / "cache")
        self.fs.stop_answering()
        with self.mount() as mount:  # over a restart, without caches
            self.assertEqual(self.rows(mount), {"here": 6, "far": 20, "copy": 300})
            self.assertEqual(self.away(mount), {"far": True, "copy": True})
            self.put(self.fs.source, "session-far", 7)
            self.fs.answer()
            (self.home.root / "away").rename(self.home.root / "copy")
            self.put(self.home.root / "copy", "session-copy", 9)
            harness.until(lambda: not any(self.away(mount).values()), "no host is away")
            self.until_rows(mount, {"here": 6, "far": 27, "copy": 309})

    def test_a_host_is_taken_out_while_it_does_not_answer(self):
        with self.mount() as mount:
            self.assertEqual(self.rows(mount), {"here": 1, "far": 20, "copy": 300})
            harness.until(lambda: self.json(mount, "status.json")["cache"]["saved"], "the cache is saved")
            self.fs.stop_answering()
            self.configure(copy=self.home.root / "copy")
            self.until_rows(mount, {"here": 1, "copy": 300})
            self.configure(renamed=self.home.root / "copy", far=self.fs.point)
            self.assertEqual(self.rows(mount), {"here": 1, "far": 20, "renamed": 300})
            self.fs.answer()
            self.put(self.fs.source, "session-far", 7)
            self.until_rows(mount, {"here": 1, "far": 27, "renamed": 300})
            self.configure()
            self.assertEqual(self.rows(mount), {"here": 1})
            self.assertEqual(mount.names("hosts"), ["here"])
            (self.home.okstra / "okstrafs.json").write_text('{"hosts": {"a/b": "/x"}}')
            self.assertIn(b'host "a/b"', self.read(mount, "budgets/ERROR"))

    def test_a_host_is_taken_out_while_its_file_is_read(self):
        with self.mount() as mount:
            self.assertEqual(self.rows(mount), {"here": 1, "far": 20, "copy": 300})
            harness.until(lambda: self.json(mount, "status.json")["cache"]["saved"], "the cache is saved")
            self.fs.stop_opening()
            self.put(self.fs.source, "session-far", 7)
            harness.until(lambda: self.away(mount)["far"], "the opening of the file does not answer")
            harness.until(lambda: self.json(mount, "status.json")["scan"]["filesBeingRead"] == 1, "the file is being read")
            known = self.by_host(mount)["far"]  # with the 7, if the daemon had it open just before
            self.assertIn(known, (20, 27))
            self.configure(renamed=self.home.root / "copy")
            self.until_rows(mount, {"here": 1, "renamed": 300})
            self.configure(renamed=self.home.root / "copy", far=self.fs.point)
            self.until_rows(mount, {"here": 1, "far": known, "renamed": 300})
            self.fs.answer()
            self.until_rows(mount, {"here": 1, "far": 27, "renamed": 300})
            harness.until(lambda: not self.json(mount, "status.json")["scan"]["filesBeingRead"], "nothing is being read")
            self.assertEqual(mount.names("sessions"), ["session-copy", "session-far", "session-own"])

    def test_each_line_of_a_host_counts_at_once(self):
        """Also while the saver has the transcript: it begins a second after a change."""
        def too_old() -> list:
            found, n, end = [], 0, time.monotonic() + 8
            while time.monotonic() < end:
                n += 1
                self.put(self.fs.source, "session-far", 1)
                begun = time.monotonic()
                seen = int((mount.point / "total_tokens").read_bytes())
                if seen != total + n and time.monotonic() - begun < SILENT:
                    found.append((seen, total + n))
            return found
        with self.mount() as mount:
            total = sum(self.rows(mount).values())
            self.assertEqual(guarded.call(too_old), [])

    def test_doctor_says_who_is_away(self):
        (self.home.root / "copy").rename(self.home.root / "away")
        out = self.home.run("doctor", check=False).decode()
        self.assertIn(f"host copy is away: {self.home.root}/copy: no transcripts are there", out)
        self.assertIn(f"transcripts of host far are read from {self.fs.point}", out)


if __name__ == "__main__":
    harness.main(__name__)
