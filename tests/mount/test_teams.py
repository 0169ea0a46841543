"""Team documents through a real mount: okstra's team-state files, the runs they tell of, and who is counted where.

The first case is the collector's own example built as files.
"""

import json
import os
import shutil
import time
from pathlib import Path

import harness
import records

TEAM = "okstra-TG:TID:tid"
CASE = "error-analysis-001"


def member_lines(session: str, agent: str, first: str, second: str, i: int, o: int, team: str = TEAM, cwd: str = "") -> list:
    head = {"sessionId": session, "agentName": agent, "team": {"teamName": team}, "timestamp": first, "type": "system"}
    if not agent:
        del head["agentName"]
    if cwd:
        head["cwd"] = cwd
    return [head, {"sessionId": session, "type": "assistant", "timestamp": second,
                   "message": {"model": "claude-sonnet-4-6", "usage": records.usage(i, o)}}]


class TeamsTest(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.project = self.home.root / "project"
        self.project.mkdir()
        self.cwd = str(self.project)  # what the records say; "" for none
        self.path = f"teams/{TEAM}/usage.json"

    # -- building

    def member(self, session: str, agent: str, first: str, second: str, i: int, o: int, **more) -> Path:
        lines = member_lines(session, agent, first, second, i, o, cwd=self.cwd, **more)
        return self.home.transcript("-project", session, lines)

    def run_folder(self, run: str = "phase") -> Path:
        return self.project / ".okstra/tasks/TG/TID/runs" / run

    def state_file(self, run: str = "phase", case: str = CASE) -> Path:
        return self.run_folder(run) / "state" / f"team-state-{case}.json"

    def state(self, run: str = "phase", case: str = CASE, created: str = "2026-06-10T08:00:00Z", **more) -> Path:
        """A run of two codex sessions, unless `more` says otherwise; None leaves a key out."""
        content = {"schemaVersion": "1.0", "taskKey": "TG:TID:tid", "team": {"teamName": TEAM},
                   "runDirectoryPath": f".okstra/tasks/TG/TID/runs/{run}", "runEndedAt": "2026-06-10T11:00:00Z",
                   "lead": {"sessionId": "lead-sid", "model": "opus"},
                   "workers": [{"workerId": "codex", "agent": "codex", "model": "gpt-5.5"}]} | more
        content = {key: value for key, value in content.items() if value is not None}
        path = self.state_file(run, case)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        if created:
            manifest = self.run_folder(run) / "manifests" / f"run-manifest-{case}.json"
            manifest.parent.mkdir(exist_ok=True)
            manifest.write_text(json.dumps({"createdAt": created}))
        return path

    def example(self) -> None:
        self.member("lead-sid", "lead", "2026-06-10T09:00:00Z", "2026-06-10T09:01:00Z", 10, 20)
        self.member("codex-1", "codex-worker", "2026-06-10T10:00:00Z", "2026-06-10T10:05:00Z", 100, 200)
        self.member("codex-2", "codex-worker-002", "2026-06-10T10:10:00Z", "2026-06-10T10:20:00Z", 300, 400)

    # -- asking

    def team(self, mount, name: str = TEAM) -> dict:
        return mount.json(f"teams/{name}/usage.json")

    def summary(self, document: dict) -> tuple:
        summary = document["usageSummary"]
        return summary["leadTotalTokens"], summary["workerTotalTokens"], summary["totalTokens"]

    def workers(self, document: dict) -> dict:
        return {w["workerId"]: w["usage"] for w in document["workers"]}

    def sessions_of(self, usage: dict) -> list:
        return [usage["sessionId"], *usage["additionalSessionIds"]] if "sessionId" in usage else []


class Example(TeamsTest):
    def expect(self, document: dict) -> None:
        self.assertEqual(self.summary(document), (30, 1000, 1030))
        self.assertEqual(document["totalTokens"], 1030)
        self.assertEqual(document["taskKey"], "TG:TID:tid")
        self.assertEqual(document["window"], {"since": "2026-06-10T08:00:00Z", "until": "2026-06-10T11:00:00Z"})
        self.assertEqual(document["leadUsage"]["sessionId"], "lead-sid")
        self.assertEqual(document["leadUsage"]["totalTokens"], 30)
        (worker,) = document["workers"]
        self.assertEqual((worker["workerId"], worker["agent"], worker["model"]), ("codex", "codex", "gpt-5.5"))
        usage = worker["usage"]
        self.assertEqual((usage["sessionId"], usage["additionalSessionIds"]), ("codex-1", ["codex-2"]))
        self.assertEqual((usage["totalTokens"], usage["durationMs"]), (1000, 15 * 60 * 1000))
        self.assertEqual((usage["startedAt"], usage["endedAt"]), ("2026-06-10T10:00:00Z", "2026-06-10T10:20:00Z"))
        self.assertEqual(document["others"], [])

    def cold_warm_restarted_nocache(self, *options: str) -> None:
        with self.home.mount(*options) as mount:
            cold = mount.read(self.path)
            self.expect(json.loads(cold))
            self.assertEqual(mount.read(self.path), cold)
        with self.home.mount(*options) as mount:
            self.assertEqual(mount.read(self.path), cold)
            self.assertEqual(mount.json("status.json")["bytesScanned"], 0)
        with self.home.mount("--no-cache", *options) as mount:
            self.assertEqual(mount.read(self.path), cold)
        self.assertEqual(self.home.run(*options, "cat", self.path), cold)
        self.assertEqual(self.home.run("--no-cache", *options, "cat", self.path), cold)

    def test_found_by_the_working_directory(self):
        self.example()
        self.state()
        self.cold_warm_restarted_nocache()

    def test_found_by_the_configured_root(self):
        self.cwd = ""
        self.example()
        self.state()
        self.cold_warm_restarted_nocache("-o", f"root={self.project}")

    def test_by_stat(self):
        self.example()
        self.state()
        self.cold_warm_restarted_nocache("-o", "revalidate=stat")

    def test_members_and_links(self):
        self.example()
        self.state()
        with self.home.mount() as mount:
            base = f"teams/{TEAM}"
            self.assertEqual(mount.names(f"{base}/members"), ["codex-worker", "lead"])
            self.assertEqual(mount.names(f"{base}/sessions"), ["codex-1", "codex-2", "lead-sid"])
            self.assertEqual(os.readlink(mount.point / base / "sessions/codex-2"), "../../../sessions/codex-2")
            self.assertEqual(mount.json(f"{base}/sessions/codex-2/usage.json")["totalTokens"], 700)
            for member, tokens in (("codex-worker", 1000), ("lead", 30)):
                self.assertEqual(mount.json(f"{base}/members/{member}/usage.json")["totalTokens"], tokens)
                self.assertEqual(mount.read(f"{base}/members/{member}/total_tokens"), b"%d\n" % tokens)
            self.assertEqual(mount.read(f"{base}/total_tokens"), b"1030\n")
            self.assertEqual(mount.json(f"{base}/members/codex-worker/window/_2026-06-10T10:07Z.json")["totalTokens"], 300)
            with self.assertRaises(FileNotFoundError):
                mount.read(f"{base}/members/codex-worker-002/usage.json")

    def test_a_members_context_is_that_of_its_latest_session(self):
        self.example()
        self.state()
        path = f"teams/{TEAM}/members/codex-worker/context.json"
        with self.home.mount() as mount:
            self.assertEqual(mount.names(f"teams/{TEAM}/members/codex-worker"),
                             ["cache_hit_ratio", "context.json", "cost_usd", "sessions", "total_tokens", "usage.json", "window"])
            context = mount.json(path)
            self.assertEqual((context["sessionId"], context["team"], context["member"]), ("codex-2", TEAM, "codex-worker"))
            self.assertEqual((context["t"], context["occupancyTokens"]), ("2026-06-10T10:20:00Z", 300))
            alone = mount.json("sessions/codex-2/context.json")
            self.assertEqual({k: v for k, v in context.items() if k not in ("team", "member")}, alone)
            self.assertEqual(mount.json(f"teams/{TEAM}/members/lead/context.json")["sessionId"], "lead-sid")
            harness.append(self.home.path("-project", "codex-1"), records.line(records.assistant(
                "2026-06-10T10:30:00Z", records.usage(7, 1), id="msg_late")) + b"\n")
            self.assertEqual((mount.json(path)["sessionId"], mount.json(path)["occupancyTokens"]), ("codex-1", 7))
            # What lies outside the run is another run's.
            self.member("codex-3", "codex-worker-003", "2026-06-11T10:00:00Z", "2026-06-11T10:05:00Z", 9, 9)
            self.assertEqual(mount.json(path)["sessionId"], "codex-1")
            links = mount.point / f"teams/{TEAM}/members/codex-worker/sessions"
            self.assertEqual(sorted(os.listdir(links)), ["codex-1", "codex-2", "codex-3"])
            self.assertEqual((links / "codex-2/total_tokens").read_bytes(), b"700\n")
            with self.assertRaises(FileNotFoundError):
                mount.read(f"teams/{TEAM}/members/nobody/context.json")

    def test_the_time_of_collection_is_that_of_the_newest_byte(self):
        self.example()
        self.state()
        newest = self.home.path("-project", "codex-1")
        os.utime(newest, ns=(0, 4_000_000_000_250_000_000))
        with self.home.mount() as mount:
            self.assertEqual(self.team(mount)["usageSummary"]["collectedAt"], "2096-10-02T07:06:40.250Z")
            self.assertEqual(os.stat(mount.point / self.path).st_mtime_ns, 4_000_000_000_250_000_000)


class Runs(TeamsTest):
    def test_the_window_belongs_to_the_run(self):
        """A session of before or after it is not counted, an event on a bound is."""
        self.example()
        self.state(created="2026-06-10T10:05:00Z", runEndedAt="2026-06-10T10:20:00Z")
        self.member("codex-0", "codex-worker", "2026-06-09T10:00:00Z", "2026-06-09T10:00:00Z", 1, 1)
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual(self.sessions_of(self.workers(document)["codex"]), ["codex-1", "codex-2"])
            self.assertEqual(self.summary(document), (0, 1000, 1000))

    def test_a_lead_outside_the_window(self):
        self.example()
        self.state(created="2026-06-10T09:30:00Z")
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual(document["leadUsage"], {"source": "unavailable"})
            self.assertEqual(self.summary(document), (0, 1000, 1000))
            self.assertIn("lead", mount.names(f"teams/{TEAM}/members"))
            self.assertEqual(mount.read(f"teams/{TEAM}/members/lead/total_tokens"), b"0\n")

    def test_a_lead_that_never_names_the_team(self):
        self.example()
        self.home.transcript("-project", "lead-sid", [records.assistant("2026-06-10T09:00:00Z", records.usage(5, 6))])
        self.state()
        with self.home.mount() as mount:
            self.assertEqual(self.summary(self.team(mount)), (11, 1000, 1011))
            harness.append(self.home.path("-project", "lead-sid"),
                           records.line(records.assistant("2026-06-10T09:10:00Z", records.usage(100, 0))) + b"\n")
            self.assertEqual(self.summary(self.team(mount)), (111, 1000, 1111))
            self.assertIn("lead-sid", mount.names(f"teams/{TEAM}/sessions"))

    def test_a_lead_whose_transcript_comes_later(self):
        self.state()
        self.member("codex-1", "codex-worker", "2026-06-10T10:00:00Z", "2026-06-10T10:05:00Z", 100, 200)
        with self.home.mount() as mount:
            self.assertEqual(self.team(mount)["leadUsage"], {"source": "unavailable"})
            self.home.transcript("-project", "lead-sid", [records.assistant("2026-06-10T09:00:00Z", records.usage(5, 6))])
            self.assertEqual(self.summary(self.team(mount)), (11, 300, 311))
            self.home.path("-project", "lead-sid").unlink()
            self.assertEqual(self.summary(self.team(mount)), (11, 300, 311))  # retained

    def test_a_run_that_is_still_open(self):
        self.example()
        self.state(runEndedAt=None, status="running")
        with self.home.mount() as mount:
            self.assertEqual(self.team(mount)["window"], {"since": "2026-06-10T08:00:00Z", "until": None})
            self.member("codex-3", "codex-worker-003", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 1, 1)
            self.assertEqual(self.summary(self.team(mount)), (30, 1002, 1032))
            self.state()  # it ends: the window shrinks to the past
            self.assertEqual(self.team(mount)["window"]["until"], "2026-06-10T11:00:00Z")
            self.assertEqual(self.summary(self.team(mount)), (30, 1000, 1030))

    def test_a_finished_run_without_an_end_ends_with_its_file(self):
        self.example()
        path = self.state(runEndedAt=None, status="completed")
        os.utime(path, (0, 1_781_086_200))  # 2026-06-10T10:10:00Z
        with self.home.mount() as mount:
            self.assertEqual(self.team(mount)["window"]["until"], "2026-06-10T10:10:00.000Z")
            self.assertEqual(self.summary(self.team(mount)), (30, 300, 330))

    def test_bounds_in_other_time_zones(self):
        self.example()
        self.state(created="2026-06-10T17:00:00+09:00", runEndedAt="2026-06-10T06:00:00-05:00")
        with self.home.mount() as mount:
            self.assertEqual(self.team(mount)["window"], {"since": "2026-06-10T08:00:00Z", "until": "2026-06-10T11:00:00Z"})

    def test_the_newest_of_two_runs_is_shown(self):
        self.example()
        self.member("codex-9", "codex-worker", "2026-06-12T10:00:00Z", "2026-06-12T10:05:00Z", 7, 0)
        self.state(run="second", created="2026-06-12T08:00:00Z", runEndedAt=None, taskKey="second", lead=None)
        self.state()
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual(document["taskKey"], "second")
            self.assertEqual(document["window"], {"since": "2026-06-12T08:00:00Z", "until": None})
            self.assertEqual(self.sessions_of(self.workers(document)["codex"]), ["codex-9"])
            self.assertEqual(self.summary(document), (0, 7, 7))
            # The other run is a window away.
            older = mount.json(f"teams/{TEAM}/window/2026-06-10T08:00:00Z_2026-06-10T11:00:00Z.json")
            self.assertEqual(self.workers(older)["codex"]["totalTokens"], 1000)
            shutil.rmtree(self.run_folder("second"))
            self.assertEqual(self.summary(self.team(mount)), (30, 1000, 1030))

    def test_each_run_has_its_folder(self):
        self.example()
        self.member("codex-9", "codex-worker", "2026-06-12T10:00:00Z", "2026-06-12T10:05:00Z", 7, 0)
        self.state(run="second", case="error-analysis-002", created="2026-06-12T08:00:00Z", runEndedAt=None, lead=None)
        self.state()
        with self.home.mount() as mount:
            self.assertEqual(self.team(mount)["run"], "002")
            self.assertEqual(mount.names(f"teams/{TEAM}/runs"), ["001", "002"])
            first = mount.json(f"teams/{TEAM}/runs/001/usage.json")
            self.assertEqual((first["run"], self.summary(first)), ("001", (30, 1000, 1030)))
            self.assertEqual(first["window"], {"since": "2026-06-10T08:00:00Z", "until": "2026-06-10T11:00:00Z"})
            self.assertEqual(mount.read(f"teams/{TEAM}/runs/001/total_tokens"), b"1030\n")
            self.assertEqual(mount.read(f"teams/{TEAM}/runs/002/usage.json"), mount.read(self.path))
            window = mount.json(f"teams/{TEAM}/runs/001/window/2026-06-10T10:06Z_2026-06-10T12:00Z.json")
            self.assertEqual(self.summary(window), (0, 700, 700))
            self.member("codex-8", "codex-worker-003", "2026-06-10T10:30:00Z", "2026-06-10T10:31:00Z", 50, 0)
            self.assertEqual(self.summary(mount.json(f"teams/{TEAM}/runs/001/usage.json")), (30, 1050, 1080))
            # One of them goes: the other's document stays as it is.
            second = mount.read(f"teams/{TEAM}/runs/002/usage.json")
            self.state_file().write_text("{")
            self.assertEqual(mount.names(f"teams/{TEAM}/runs"), ["002"])
            self.assertEqual(mount.read(f"teams/{TEAM}/runs/002/usage.json"), second)
            with self.assertRaises(FileNotFoundError):
                mount.read(f"teams/{TEAM}/runs/001/usage.json")

    def test_runs_of_one_number_are_told_apart(self):
        self.state(run="a", case="error-analysis-001")
        self.state(run="b", case="final-verification-001", created="2026-06-11T08:00:00Z")
        self.state(run="c", case="report", created="2026-06-11T09:00:00Z")
        with self.home.mount("-o", f"root={self.project}") as mount:
            self.assertEqual(mount.names(f"teams/{TEAM}/runs"), ["error-analysis-001", "final-verification-001", "report"])
            self.state(run="d", case="report", created="2026-06-11T10:00:00Z")
            names = mount.names(f"teams/{TEAM}/runs")
            self.assertEqual([name.split("~")[0] for name in names],
                             ["error-analysis-001", "final-verification-001", "report", "report"])
            for name in names:
                self.assertEqual(mount.json(f"teams/{TEAM}/runs/{name}/usage.json")["run"], name)

    def test_an_interrupted_run_ends_with_its_file(self):
        self.example()
        path = self.state(runEndedAt=None, status="interrupted")
        os.utime(path, (0, 1_781_086_200))  # 2026-06-10T10:10:00Z
        with self.home.mount() as mount:
            self.assertEqual(self.team(mount)["window"]["until"], "2026-06-10T10:10:00.000Z")
            self.assertEqual(self.workers(self.team(mount))["codex"]["totalTokens"], 300)

    def test_names_of_any_kind(self):
        """Capitals, Korean, a slash: what a state file calls a team is what its sessions call it."""
        for n, (name, shown) in enumerate((("OKSTRA-Big", "OKSTRA-Big"), ("okstra-한글", "okstra-한글"),
                                           ("okstra/a", "okstra%2Fa"))):
            self.member(f"s-{n}", "codex-worker", "2026-06-10T10:00:00Z", "2026-06-10T10:05:00Z", 100 + n, 0, team=name)
            self.state(run=f"run{n}", team={"teamName": name}, lead=None)
            with self.home.mount() as mount:
                self.assertIn(shown, mount.names("teams"))
                self.assertEqual(self.summary(self.team(mount, shown)), (0, 100 + n, 100 + n))
                self.assertEqual(mount.names(f"teams/{shown}/runs"), ["001"])

    # -- the workers' own transcripts

    def rollout(self, session: str, stamp: str, total: int, cwd: str = "") -> Path:
        path = self.home.root / ".codex/sessions/2026/06/10" / f"rollout-2026-06-10T10-00-00-{session}.jsonl"
        usage = {"input_tokens": total - 1, "output_tokens": 1, "total_tokens": total}
        lines = [{"timestamp": stamp, "type": "session_meta", "payload": {"id": session, "cwd": cwd or str(self.project)}},
                 {"timestamp": stamp, "type": "event_msg", "payload": {
                     "type": "token_count", "info": {"total_token_usage": usage, "last_token_usage": usage}}}]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(records.line(line) + b"\n" for line in lines))
        return path

    def chat(self, session: str, stamp: str, total: int) -> Path:
        folder = self.home.root / ".gemini/tmp/slug"
        (folder / "chats").mkdir(parents=True, exist_ok=True)
        (folder / ".project_root").write_text(str(self.project))
        path = folder / "chats" / f"session-2026-06-10T10-00-{session}.jsonl"
        lines = [{"sessionId": session, "kind": "main"},
                 {"id": "m", "type": "gemini", "timestamp": stamp, "model": "gemini-2.5-pro",
                  "tokens": {"input": total - 1, "output": 1}}]
        path.write_bytes(b"".join(records.line(line) + b"\n" for line in lines))
        return path

    def test_codex_and_gemini_workers_read_their_own_transcripts(self):
        self.example()
        self.state(workers=[{"workerId": "codex", "agent": "codex", "model": "gpt-5.5"},
                            {"workerId": "gemini", "agent": "gemini"}, {"workerId": "claude", "agent": "claude"}])
        self.rollout("r-in", "2026-06-10T10:07:00Z", 5000)
        self.rollout("r-before", "2026-06-10T07:00:00Z", 1)
        self.rollout("r-elsewhere", "2026-06-10T10:07:00Z", 3, cwd="/elsewhere")
        with self.home.mount() as mount:
            workers = self.workers(self.team(mount))
            self.assertEqual(self.sessions_of(workers["codex"]), ["codex-1", "r-in", "codex-2"])
            self.assertEqual(workers["codex"]["totalTokens"], 6000)
            self.assertEqual(workers["gemini"], {"source": "unavailable"})
            chat = self.chat("g-1", "2026-06-10T10:30:00Z", 400)
            workers = self.workers(self.team(mount))
            self.assertEqual((workers["gemini"]["source"], workers["gemini"]["totalTokens"]), ("gemini", 400))
            self.assertEqual(self.summary(self.team(mount)), (30, 6400, 6430))
            self.assertIn("gemini-worker", mount.names(f"teams/{TEAM}/members"))
            self.assertEqual(mount.read(f"teams/{TEAM}/members/gemini-worker/total_tokens"), b"400\n")
            self.assertEqual(mount.names(f"teams/{TEAM}/sessions"), ["codex-1", "codex-2", "g-1", "lead-sid", "r-in"])
            harness.append(chat, records.line({"id": "n", "type": "gemini", "timestamp": "2026-06-10T10:40:00Z",
                                               "tokens": {"input": 1, "output": 1}}) + b"\n")
            self.assertEqual(self.summary(self.team(mount)), (30, 6402, 6432))
            chat.unlink()
            self.assertEqual(self.summary(self.team(mount)), (30, 6402, 6432))  # retained

    def test_two_teams_of_one_session(self):
        self.example()
        self.member("both", "codex-worker", "2026-06-10T10:30:00Z", "2026-06-10T10:31:00Z", 1, 0)
        harness.append(self.home.path("-project", "both"), b'{"teamName":"other"}\n')
        self.state()
        with self.home.mount() as mount:
            self.assertEqual(self.summary(self.team(mount)), (30, 1001, 1031))
            other = self.team(mount, "other")
            self.assertEqual((other["totalTokens"], other["taskKey"]), (1, None))


class Workers(TeamsTest):
    def test_a_worker_without_a_session(self):
        self.example()
        self.state(workers=[{"workerId": "codex", "agent": "codex", "model": "gpt-5.5"},
                            {"workerId": "gemini", "agent": "gemini", "model": "pro"}])
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual([w["workerId"] for w in document["workers"]], ["codex", "gemini"])
            self.assertEqual(document["workers"][1],
                             {"workerId": "gemini", "agent": "gemini", "model": "pro", "usage": {"source": "unavailable"}})
            self.member("gemini-1", "gemini-worker", "2026-06-10T10:00:00Z", "2026-06-10T10:00:00Z", 3, 0)
            self.assertEqual(self.workers(self.team(mount))["gemini"]["totalTokens"], 3)
            self.assertEqual(self.summary(self.team(mount)), (30, 1003, 1033))

    def test_a_worker_dispatched_three_times(self):
        """The earliest is the session, whatever the suffixes and the names of the files say."""
        self.member("z-first", "codex-worker-003", "2026-06-10T09:10:00Z", "2026-06-10T09:11:00Z", 1, 0)
        self.member("a-third", "codex-worker", "2026-06-10T10:10:00Z", "2026-06-10T10:11:00Z", 2, 0)
        self.member("m-second", "codex-worker-002", "2026-06-10T09:40:00Z", "2026-06-10T09:41:00Z", 4, 0)
        self.state()
        with self.home.mount() as mount:
            usage = self.workers(self.team(mount))["codex"]
            self.assertEqual((usage["sessionId"], usage["additionalSessionIds"]), ("z-first", ["m-second", "a-third"]))
            self.assertEqual((usage["totalTokens"], usage["durationMs"], usage["agentName"]), (7, 180_000, None))

    def test_what_is_no_dispatch_of_a_worker(self):
        agents = ("codex", "codex-worker-x", "codex-worker-", "xcodex-worker", "codex-workers", "Codex-worker", "codex-worker-1-2", "")
        for n, agent in enumerate(agents):
            self.member(f"stranger-{n}", agent, "2026-06-10T10:00:00Z", f"2026-06-10T10:0{n}:00Z", 1, 0)
        self.member("codex-1", "codex-worker-1", "2026-06-10T10:00:00Z", "2026-06-10T10:05:00Z", 100, 0)
        self.state(lead=None)
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual(self.sessions_of(self.workers(document)["codex"]), ["codex-1"])
            self.assertEqual(sorted(o["sessionId"] for o in document["others"]), [f"stranger-{n}" for n in range(len(agents))])
            self.assertEqual(self.summary(document), (0, 100, 100))
            self.assertEqual(document["totalTokens"], 100 + len(agents))

    def test_a_report_writer(self):
        self.example()
        self.member("report-1", "report-writer", "2026-06-10T10:30:00Z", "2026-06-10T10:31:00Z", 5, 0)
        self.member("report-2", "report-writer-002", "2026-06-10T10:40:00Z", "2026-06-10T10:41:00Z", 6, 0)
        self.state(workers=[{"workerId": "report-writer", "agent": "claude"}, {"workerId": "codex", "agent": "codex"}])
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual(self.sessions_of(self.workers(document)["report-writer"]), ["report-1", "report-2"])
            self.assertEqual(self.summary(document), (30, 1011, 1041))
            self.assertIsNone(document["workers"][0]["model"])
            self.assertEqual(mount.names(f"teams/{TEAM}/members"), ["codex-worker", "lead", "report-writer"])

    def test_others_are_listed_and_counted_in_no_worker(self):
        self.example()
        self.member("guest", "reviewer", "2026-06-10T10:30:00Z", "2026-06-10T10:31:00Z", 50, 0)
        self.state()
        with self.home.mount() as mount:
            document = self.team(mount)
            (other,) = document["others"]
            self.assertEqual((other["sessionId"], other["agentName"], other["totalTokens"]), ("guest", "reviewer", 50))
            self.assertEqual(self.summary(document), (30, 1000, 1030))
            self.assertEqual(document["totalTokens"], 1080)
            self.assertEqual(mount.read(f"teams/{TEAM}/members/reviewer/total_tokens"), b"50\n")

    def test_without_a_state_file_sessions_are_grouped_by_agent(self):
        self.example()
        self.member("guest", "reviewer", "2027-06-10T10:30:00Z", "2027-06-10T10:31:00Z", 50, 0)
        with self.home.mount() as mount:
            document = self.team(mount)
            self.assertEqual(document["window"], {"since": None, "until": None})
            self.assertIsNone(document["taskKey"])
            self.assertEqual(document["leadUsage"]["sessionId"], "lead-sid")
            self.assertEqual([(w["workerId"], w["agent"], w["usage"]["totalTokens"]) for w in document["workers"]],
                             [("codex", "codex-worker", 1000), ("reviewer", "reviewer", 50)])
            self.assertEqual(self.sessions_of(document["workers"][0]["usage"]), ["codex-1", "codex-2"])
            self.assertEqual(self.summary(document), (30, 1050, 1080))
            self.assertEqual(document["others"], [])
            self.assertEqual(mount.names(f"teams/{TEAM}/members"), ["codex-worker", "lead", "reviewer"])

    def test_a_team_of_nobody(self):
        """A run that has just begun: the file names it before any session does."""
        self.cwd = ""
        self.state(runEndedAt=None)
        with self.home.mount("-o", f"root={self.project}") as mount:
            self.assertEqual(mount.names("teams"), [TEAM])
            document = self.team(mount)
            self.assertEqual(self.summary(document), (0, 0, 0))
            self.assertEqual(document["leadUsage"], {"source": "unavailable"})
            self.assertIsNone(document["usageSummary"]["collectedAt"])
            self.assertEqual(mount.names(f"teams/{TEAM}/members"), [])
            self.example()
            self.assertEqual(self.summary(self.team(mount)), (30, 1000, 1030))


class Changes(TeamsTest):
    """The document follows at the next read, whatever happens to the team-state file."""

    options: tuple = ()

    def setUp(self):
        super().setUp()
        self.example()

    def is_grouped(self, mount) -> None:
        document = self.team(mount)
        self.assertIsNone(document["taskKey"])
        self.assertEqual(document["window"], {"since": None, "until": None})
        self.assertEqual(self.summary(document), (30, 1000, 1030))

    def is_run(self, mount) -> None:
        self.assertEqual(self.team(mount)["taskKey"], "TG:TID:tid")

    def test_changed_in_place_and_by_rename(self):
        path = self.state()
        with self.home.mount(*self.options) as mount:
            self.is_run(mount)
            path.write_text(path.read_text().replace("11:00:00", "10:07:00"))
            self.assertEqual(self.summary(self.team(mount)), (30, 300, 330))
            self.assertEqual(mount.read(f"teams/{TEAM}/total_tokens"), b"330\n")
            fresh = path.with_suffix(".tmp")
            fresh.write_text(path.read_text().replace("10:07:00", "09:30:00"))
            fresh.rename(path)
            self.assertEqual(self.summary(self.team(mount)), (30, 0, 30))
            manifest = self.run_folder() / "manifests" / f"run-manifest-{CASE}.json"
            manifest.write_text('{"createdAt":"2026-06-10T09:00:30Z"}')
            self.assertEqual(self.team(mount)["window"]["since"], "2026-06-10T09:00:30Z")
            manifest.unlink()
            self.assertIsNone(self.team(mount)["window"]["since"])

    def test_broken_then_mended(self):
        path = self.state()
        whole = path.read_text()
        with self.home.mount(*self.options) as mount:
            self.is_run(mount)
            for broken in (whole[: len(whole) // 2], "", "[]", "null", '{"team":{}}', '{"team":{"teamName":7}}', "\0\xff",
                           whole + "}", whole + " {}", whole + "x"):
                path.write_text(broken)
                self.is_grouped(mount)
                self.assertGreater(mount.json("status.json")["teamStateErrors"], 0)
                path.write_text(whole)
                self.is_run(mount)

    def test_values_of_other_types_count_as_absent(self):
        path = self.state(workers={"workerId": "codex"}, lead=[], runEndedAt=7, taskKey={}, status=[])
        with self.home.mount(*self.options) as mount:
            document = self.team(mount)
            self.assertEqual((document["taskKey"], document["workers"], document["window"]["until"]), (None, [], None))
            self.assertEqual(len(document["others"]), 3)
            path.write_text(json.dumps({"team": {"teamName": TEAM}, "workers": [7, None, {}, {"workerId": ""}, {"workerId": "codex"}]}))
            self.assertEqual(list(self.workers(self.team(mount))), ["codex"])

    def test_removed_and_created_later(self):
        with self.home.mount(*self.options) as mount:
            self.is_grouped(mount)
            path = self.state()
            self.is_run(mount)
            path.unlink()
            self.is_grouped(mount)
            self.state()
            self.is_run(mount)
            shutil.rmtree(self.project / ".okstra")
            self.is_grouped(mount)
            (self.project / ".okstra").mkdir()
            self.is_grouped(mount)
            self.state()
            self.is_run(mount)

    def test_each_folder_on_the_way_may_come_by_itself(self):
        with self.home.mount(*self.options) as mount:
            folder = self.project
            for name in ".okstra/tasks/TG/TID/runs/phase/state".split("/"):
                self.is_grouped(mount)
                folder /= name
                folder.mkdir()
            self.is_grouped(mount)
            self.state()
            self.is_run(mount)

    def test_the_project_comes_later(self):
        shutil.rmtree(self.project)
        with self.home.mount(*self.options) as mount:
            self.is_grouped(mount)
            self.state()
            self.is_run(mount)

    def test_the_folders_are_moved_in_and_out(self):
        self.state()
        away = self.home.root / "away"
        with self.home.mount(*self.options) as mount:
            self.is_run(mount)
            (self.project / ".okstra/tasks").rename(away)
            self.is_grouped(mount)
            away.rename(self.project / ".okstra/tasks")
            self.is_run(mount)

    def test_a_folder_above_is_moved_out_and_in(self):
        self.state()
        away = self.home.root / "away"
        with self.home.mount(*self.options) as mount:
            self.is_run(mount)
            (self.project / ".okstra").rename(away)
            self.is_grouped(mount)
            away.rename(self.project / ".okstra")
            self.is_run(mount)
            self.project.rename(away)
            self.is_grouped(mount)
            away.rename(self.project)
            self.is_run(mount)

    def test_two_projects_in_a_folder_that_goes_and_comes(self):
        """Both wait in one folder; when it comes again, both must be told."""
        work = self.home.root / "work"
        for name in ("a", "b"):
            self.cwd = str(work / name)
            self.member(f"codex-{name}", "codex-worker", "2026-06-10T10:00:00Z", "2026-06-10T10:05:00Z", 1, 0, team=name)
        work.mkdir()
        with self.home.mount(*self.options) as mount:
            for looks in (True, False):
                for name in ("a", "b"):
                    self.assertIsNone(self.team(mount, name)["taskKey"])
                work.rmdir()
                if looks:
                    self.assertIsNone(self.team(mount, "a")["taskKey"])
                work.mkdir()
                for name in ("b", "a"):
                    self.assertIsNone(self.team(mount, name)["taskKey"])
                    self.project = work / name
                    self.state(team={"teamName": name}, taskKey=f"key {name}")
                    self.assertEqual(self.team(mount, name)["taskKey"], f"key {name}")
                for name in ("a", "b"):
                    shutil.rmtree(work / name)

    def test_what_is_no_file(self):
        path = self.state_file()
        path.parent.mkdir(parents=True)
        os.mkfifo(path)
        os.symlink("/dev/zero", path.with_name("team-state-link.json"))
        path.with_name("team-state-folder.json").mkdir()
        (path.parent / "loop").symlink_to(path.parent)
        with self.home.mount(*self.options) as mount:
            self.is_grouped(mount)

    def test_a_file_that_is_too_large(self):
        path = self.state()
        with self.home.mount(*self.options) as mount:
            self.is_run(mount)
            path.write_text(path.read_text() + " " * (5 << 20))
            self.is_grouped(mount)

    def test_a_read_without_news_is_the_same_version(self):
        self.state()
        with self.home.mount(*self.options) as mount:
            first = os.stat(mount.point / self.path)
            time.sleep(0.01)
            second = os.stat(mount.point / self.path)
            self.assertEqual((first.st_ino, first.st_mtime_ns), (second.st_ino, second.st_mtime_ns))


class ChangesByStat(Changes):
    options = ("-o", "revalidate=stat")


if __name__ == "__main__":
    harness.main(__name__)
