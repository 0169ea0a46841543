"""Claude Code's own descriptions of teams, teams/<team>/config.json of a configuration folder, through a real mount."""

import json
import os
import shutil
from pathlib import Path

import harness
import records
import watching
from watching import IN_MODIFY

LEAD = "11111111-0000-4000-8000-000000000001"


class RosterTest(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.teams = self.home.config / "teams"
        self.path = "teams/build/usage.json"
        self.home.transcript("-p", LEAD, [records.assistant(sessionId=LEAD, id="msg_lead", requestId="req_lead",
                                                            counts=records.usage(5, 0))])

    def in_process(self, name: str, tokens: int, label: str = "") -> Path:
        """A teammate as a sub-agent of the lead: its records know of no team."""
        path = self.home.transcript("-p", f"agent-{name}", [records.assistant(
            sessionId=LEAD, isSidechain=True, agentId=name, id=f"msg_{name}", requestId=f"req_{name}",
            counts=records.usage(tokens, 0))], parent=LEAD)
        path.with_name(f"agent-{name}.meta.json").write_text(json.dumps({"agentType": label or name, "name": label or name}))
        return path

    def roster(self, *members: str, folder: str = "build", **more) -> Path:
        path = self.teams / folder / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        people = [{"agentId": f"{name}@{folder}", "name": name, "agentType": "general-purpose", "model": "haiku",
                   "prompt": "a secret that nobody should read"} for name in members]
        content = {"name": folder, "createdAt": 1781053200000, "leadAgentId": f"team-lead@{folder}", "leadSessionId": LEAD,
                   "members": [{"agentId": f"team-lead@{folder}", "name": "team-lead", "model": "opus"}, *people]} | more
        path.write_text(json.dumps(content))
        return path

    def team(self, mount, name: str = "build") -> dict:
        return mount.json(f"teams/{name}/usage.json")

    def people(self, document: dict) -> tuple:
        """The lead's tokens, and those of each worker: None where there is no session."""
        return (document["leadUsage"].get("totalTokens"),
                {w["workerId"]: w["usage"].get("totalTokens") for w in document["workers"]})


class Teams(RosterTest):
    def test_teammates_inside_the_leads_process(self):
        self.in_process("scout", 10)
        self.in_process("writer", 20)
        self.in_process("Explore", 40)  # a sub-agent, but no member
        self.roster("scout", "writer", "absent")
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual(self.people(document), (5, {"scout": 10, "writer": 20, "absent": None}))
            self.assertEqual(document["workers"][2], {"workerId": "absent", "agent": "general-purpose", "model": "haiku",
                                                      "usage": {"source": "unavailable"}})
            self.assertEqual((document["totalTokens"], document["others"]), (35, []))
            self.assertEqual((document["taskKey"], document["run"], document["window"]),
                             (None, None, {"since": None, "until": None}))
            self.assertEqual(mount.names("teams/build/members"), ["lead", "scout", "writer"])
            self.assertEqual(mount.read("teams/build/members/scout/total_tokens"), b"10\n")
            self.assertEqual(mount.names("teams/build/sessions"), [LEAD, "agent-scout", "agent-writer"])
            self.assertEqual(mount.names("teams/build/runs"), [])
            want = mount.read(self.path)
            self.assertNotIn(b"secret", want)
        with self.home.mount() as mount:
            self.assertEqual(mount.read(self.path), want)
        self.assertEqual(self.home.run("cat", self.path), want)
        self.assertEqual(self.home.run("--no-cache", "cat", self.path), want)

    def test_what_its_sessions_do_shows(self):
        scout = self.in_process("scout", 10)
        self.roster("scout", "late")
        with self.home.mount() as mount:
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10, "late": None}))
            harness.append(scout, records.line(records.assistant(sessionId=LEAD, counts=records.usage(100, 0), id="msg_2")) + b"\n")
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 110, "late": None}))
            self.in_process("late", 7)
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 110, "late": 7}))
            harness.append(self.home.path("-p", LEAD), records.line(records.assistant(counts=records.usage(1, 0), id="m")) + b"\n")
            self.assertEqual(self.people(self.team(mount)), (6, {"scout": 110, "late": 7}))
            self.in_process("third", 3, label="scout")
            self.assertEqual(self.people(self.team(mount)), (6, {"scout": 113, "late": 7}))

    def test_teammates_with_processes_of_their_own(self):
        """They name the team in their records; whom the roster does not know is there all the same."""
        for name, tokens in ("scout", 10), ("gone", 20):
            self.home.transcript("-p", f"own-{name}", [records.assistant(
                teamName="build", agentName=name, id=f"msg_{name}", counts=records.usage(tokens, 0))])
        self.roster("scout", "absent")
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual(self.people(document), (5, {"scout": 10, "absent": None, "gone": 20}))
            self.assertEqual((document["totalTokens"], document["others"]), (35, []))
            shutil.rmtree(self.teams)  # as the client does when the team is done
            document = self.team(mount)
            self.assertEqual(self.people(document), (None, {"scout": 10, "gone": 20}))
            self.assertEqual(document["totalTokens"], 30)

    def test_a_lead_that_is_nowhere(self):
        self.in_process("scout", 10)
        self.home.transcript("-p", "old-lead", [records.assistant(teamName="build", id="m", counts=records.usage(3, 0))])
        self.roster("scout", leadSessionId="no-such-session")
        with self.home.mount() as mount:
            self.assertEqual(self.people(self.team(mount)), (3, {"scout": None}))

    def test_a_run_counts_more(self):
        self.in_process("scout", 10)
        self.roster("scout")
        state = self.home.root / "project/.okstra/tasks/t/state/team-state-x-001.json"
        state.parent.mkdir(parents=True)
        with self.home.mount("-o", f"root={self.home.root}/project") as mount:
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))
            state.write_text(json.dumps({"teamName": "build", "lead": {"sessionId": LEAD}, "workers": [{"workerId": "codex"}]}))
            self.assertEqual(self.people(self.team(mount)), (5, {"codex": None}))
            self.assertEqual((self.team(mount)["run"], mount.names("teams/build/runs")), ("001", ["001"]))
            state.unlink()
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))


class TeamsThatAreGone(RosterTest):
    """The .meta.json beside a teammate's transcript stays when the member leaves, and when the team is gone."""

    def teammate(self, name: str, tokens: int, lead: str = LEAD, **meta) -> Path:
        path = self.home.transcript("-p", f"agent-{name}", [records.assistant(
            sessionId=lead, isSidechain=True, agentId=name, id=f"msg_{name}", requestId=f"req_{name}",
            counts=records.usage(tokens, 0))], parent=lead)
        meta = {"agentType": "general-purpose", "name": name, "taskKind": "in_process_teammate"} | meta
        path.with_name(f"agent-{name}.meta.json").write_text(json.dumps(meta))
        return path

    def test_a_member_that_left(self):
        self.teammate("scout", 10, teamName="build")
        self.teammate("gone", 20, teamName="Build")
        self.teammate("helper", 40, taskKind="local_agent", teamName="build")
        self.roster("scout")
        for _ in "cold", "from the caches":
            with self.home.mount() as mount:
                self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10, "gone": 20}))
                self.assertEqual(mount.names("teams/build/sessions"), [LEAD, "agent-gone", "agent-scout"])
        shutil.rmtree(self.teams)
        for options in (), ("-o", "revalidate=stat"):
            with self.home.mount(*options) as mount:
                self.assertEqual([t.lower() for t in mount.names("teams")], ["build"])
                self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10, "gone": 20}))
                self.assertEqual(self.team(mount)["totalTokens"], 35)
                harness.append(self.home.path("-p", LEAD),
                               records.line(records.assistant(counts=records.usage(0, 0), id="m")) + b"\n")
        self.assertEqual(json.loads(self.home.run("--no-cache", "cat", self.path))["totalTokens"], 35)

    def test_found_in_any_order(self):
        lead = self.home.path("-p", LEAD)
        kept = lead.read_bytes()
        lead.unlink()
        with self.home.mount() as mount:
            scout = self.teammate("scout", 10, teamName="build")
            self.assertEqual(self.people(self.team(mount)), (None, {"scout": 10}))
            lead.write_bytes(kept)
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))
            harness.append(lead, records.line(records.assistant(counts=records.usage(2, 0), id="m")) + b"\n")
            self.assertEqual(self.people(self.team(mount)), (7, {"scout": 10}))
            meta = scout.with_name("agent-scout.meta.json")
            meta.write_text(json.dumps({"name": "scout", "taskKind": "in_process_teammate", "teamName": "other"}))
            self.assertEqual(mount.names("teams"), ["other"])
            self.assertEqual(self.people(self.team(mount, "other")), (7, {"scout": 10}))
            meta.unlink()
            self.assertEqual(mount.names("teams"), [])

    def test_a_teammate_that_also_says_its_name(self):
        path = self.home.transcript("-p", "agent-x", [records.assistant(
            sessionId=LEAD, isSidechain=True, agentName="scout", id="msg_x", counts=records.usage(10, 0))], parent=LEAD)
        path.with_name("agent-x.meta.json").write_text(json.dumps({"agentType": "t", "teamName": "build"}))
        with self.home.mount() as mount:
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))

    def test_a_team_without_a_name(self):
        """It is the one that the lead's records name, or else the implicit one of the lead's session."""
        self.teammate("scout", 10)
        implicit = f"session-{LEAD[:8]}"
        with self.home.mount() as mount:
            self.assertEqual(mount.names("teams"), [implicit])
            self.assertEqual(self.people(self.team(mount, implicit)), (5, {"scout": 10}))
            harness.append(self.home.path("-p", LEAD),
                           records.line(records.assistant(teamName="squad", counts=records.usage(2, 0), id="m")) + b"\n")
            self.assertEqual(mount.names("teams"), ["squad"])
            self.assertEqual(self.people(self.team(mount, "squad")), (7, {"scout": 10}))
            harness.append(self.home.path("-p", LEAD),
                           records.line(records.assistant(teamName="crew", counts=records.usage(1, 0), id="n")) + b"\n")
            self.assertEqual(mount.names("teams"), ["crew", "squad"])
            self.assertEqual(self.people(self.team(mount, "crew")), (8, {}))  # which of the two is not known


class Processes(RosterTest):
    """Teammates with a process of their own, since 2.1.178: their records have a name, and no team."""

    CWD = "/srv/work"

    def own(self, sid: str, name: str, minute: int, tokens: int, cwd: str = CWD, **more) -> Path:
        return self.home.transcript("-srv-work", sid, [records.assistant(
            sessionId=sid, agentName=name, cwd=cwd, timestamp=f"2026-06-10T01:{minute:02d}:00.000Z", id=f"msg_{sid}",
            counts=records.usage(tokens, 0), **more)])

    def joined(self, folder: str, *members, **more) -> None:
        """Members: name and the minute when they joined."""
        path = self.roster(*(name for name, _ in members), folder=folder)
        content = json.loads(path.read_text()) | more
        for person, (_, minute) in zip(content["members"][1:], members):
            person |= {"cwd": self.CWD, "joinedAt": 1781053200000 + minute * 60000 + 300, "tmuxPaneId": "%3"}
        path.write_text(json.dumps(content))

    def test_by_name_folder_and_time(self):
        self.own("s1", "scout", 10, 10)
        self.own("s2", "scout", 5, 20)  # before it joined
        self.own("s3", "scout", 10, 40, cwd="/srv/other")
        self.own("s4", "other", 10, 80)
        self.own("s5", "scout", 11, 160, teamName="elsewhere")
        self.joined("build", ("scout", 10))
        with self.home.mount() as mount:
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))
            self.own("s6", "scout", 30, 1000)
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 1010}))
            self.joined("later", ("scout", 20))  # from then on it is a member of that one
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))
            self.assertEqual(self.people(self.team(mount, "later")), (5, {"scout": 1000}))
            self.home.path("-srv-work", "s6").unlink()
            self.assertEqual(mount.names("teams/later/sessions"), [LEAD, "s6"])  # retained
        with self.home.mount("--no-cache") as mount:
            self.assertEqual(self.people(self.team(mount, "later")), (5, {"scout": 1000}))
            self.home.path("-srv-work", "s1").unlink()
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))

    def test_one_in_the_leads_process_has_none(self):
        self.own("s1", "scout", 10, 10)
        self.joined("build", ("scout", 10))
        path = self.teams / "build/config.json"
        with self.home.mount() as mount:
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))
            path.write_text(path.read_text().replace("%3", "in-process"))
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": None}))


class Files(RosterTest):
    def test_comes_changes_breaks_and_goes(self):
        self.in_process("scout", 10)
        for option in ("inotify", "stat"):
            with self.subTest(option), self.home.mount("-o", f"revalidate={option}") as mount:
                self.assertEqual(mount.names("teams"), [])
                path = self.roster("scout")
                self.assertEqual(mount.names("teams"), ["build"])
                self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))
                self.roster("scout", "other")
                self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10, "other": None}))
                fresh = path.with_name("config.json.tmp")
                fresh.write_text(path.read_text().replace("other", "renamed"))
                fresh.rename(path)
                self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10, "renamed": None}))
                errors = mount.json("status.json")["teamStateErrors"]
                path.write_text('{"name": "build", "members": [')
                self.assertEqual(mount.names("teams"), [])
                self.assertGreater(mount.json("status.json")["teamStateErrors"], errors)
                self.roster("scout")
                self.assertEqual(mount.names("teams"), ["build"])
                self.teams.rename(self.home.config / "elsewhere")
                self.assertEqual(mount.names("teams"), [])
                (self.home.config / "elsewhere").rename(self.teams)
                self.assertEqual(mount.names("teams"), ["build"])
                shutil.rmtree(self.teams)
                self.assertEqual(mount.names("teams"), [])

    def test_hostile_ones_stop_no_other(self):
        self.in_process("scout", 10)
        self.roster("scout")
        self.roster("scout", folder="fifo").unlink()
        os.mkfifo(self.teams / "fifo/config.json")
        self.roster("scout", folder="link").unlink()
        os.symlink("config.json", self.teams / "link/config.json")
        self.roster("scout", folder="folder").unlink()
        (self.teams / "folder/config.json").mkdir()
        self.roster("scout", folder="large").write_bytes(b" " * (5 << 20))
        self.roster("scout", folder="slash", name="a/b")
        self.roster("scout", folder="deep/er")
        (self.teams / "config.json").write_text(json.dumps({"name": "top", "members": [{"name": "scout"}]}))
        with self.home.mount() as mount:
            self.assertEqual(mount.names("teams"), ["a%2Fb", "build"])
            self.assertEqual(self.people(self.team(mount)), (5, {"scout": 10}))

    def test_a_lead_alone_is_no_team(self):
        self.roster(folder="session-0a1b2c3d")
        with self.home.mount() as mount:
            self.assertEqual(mount.names("teams"), [])
            self.roster("scout", folder="session-0a1b2c3d")
            self.assertEqual(mount.names("teams"), ["session-0a1b2c3d"])

    def test_inboxes_say_nothing(self):
        self.in_process("scout", 10)
        inbox = self.roster("scout").parent / "inboxes"
        inbox.mkdir()
        with self.home.mount() as mount:
            before = os.stat(mount.point / self.path).st_ino
            for i in range(20):
                (inbox / "scout.json").write_text(json.dumps([{"from": "team-lead", "text": "a secret", "n": i}]))
            (inbox / "config.json").write_text(json.dumps({"name": "x", "members": [{"name": "y"}]}))
            self.assertEqual(os.stat(mount.point / self.path).st_ino, before)
            self.assertEqual(mount.names("teams"), ["build"])


class Watchers(RosterTest):
    """With nobody reading: a change of what a file tells of a team is an event on the team's document."""

    def heard(self, mount, change) -> None:
        watch = watching.Inotify(mount.point / self.path, IN_MODIFY)
        with watching.started([watch]):
            mount.read(self.path)
            change()
            self.assertEqual(watching.unheard([watch], [0]), [])

    def test_of_a_roster(self):
        self.in_process("scout", 10)
        path = self.roster("scout")
        with self.home.mount() as mount:
            self.heard(mount, lambda: self.roster("scout", "other"))
            self.heard(mount, lambda: path.write_text(path.read_text().replace("other", "renamed")))

    def test_of_a_run(self):
        project = self.home.root / "project"
        state = project / ".okstra/tasks/t/state/team-state-x-001.json"
        manifest = state.parents[1] / "manifests/run-manifest-x-001.json"
        state.parent.mkdir(parents=True)
        content = {"teamName": "build", "lead": {"sessionId": LEAD}, "workers": [{"workerId": "codex"}]}
        state.write_text(json.dumps(content))
        with self.home.mount("-o", f"root={project}") as mount:
            self.heard(mount, lambda: state.write_text(json.dumps(content | {"workers": [{"workerId": "gemini"}]})))
            manifest.parent.mkdir()
            self.heard(mount, lambda: manifest.write_text(json.dumps({"createdAt": "2026-06-10T00:30:00Z"})))
            self.heard(mount, lambda: state.write_text(json.dumps(content | {"runEndedAt": "2026-06-10T00:40:00Z"})))


if __name__ == "__main__":
    harness.main(__name__)
