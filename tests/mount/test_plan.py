"""What is ahead, through a real mount: limits/claude.json and `okstrafs statusline`, and what a team's run heads for."""

import json
import os
import subprocess
import time
from decimal import Decimal

import harness
import records
import watching
from test_teams import TEAM, TeamsTest

NOW = int(time.time())  # the daemon's clock tells which windows are over
SESSION = "0f000000-0000-4000-8000-000000000001"


def status(five=None, seven=None, **more) -> dict:
    limits = {key: {"used_percentage": used, "resets_at": end} for key, (used, end) in
              (("five_hour", five or (None, 0)), ("seven_day", seven or (None, 0))) if used is not None}
    return {"session_id": SESSION, "transcript_path": "/nowhere.jsonl", "model": {"id": "claude-opus-4-7", "display_name": "Opus 4.7"},
            "cost": {"total_cost_usd": 1.2345}, "context_window": {"used_percentage": 42.9, "context_window_size": 200000},
            "rate_limits": limits} | more


class Statusline(harness.MountTest):
    def line(self, given, colour=False, code=0, **environ) -> str:
        text = given if isinstance(given, bytes) else json.dumps(given).encode()
        env = self.home.environment() | ({} if colour else {"NO_COLOR": "1"}) | environ
        done = subprocess.run([harness.binary(), "statusline", str(self.home.root / "usage")], input=text, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.said = done.stderr.decode()
        self.assertEqual(done.returncode, code, self.said)
        return done.stdout.decode()

    def limits(self, mount=None) -> dict:
        document = mount.json("limits/claude.json") if mount else json.loads(self.home.run("cat", "limits/claude.json"))
        return document["limits"][0] if document["limits"] else {}

    def used(self, mount=None) -> tuple:
        found = self.limits(mount)
        return tuple(found[key] and found[key]["usedPercent"] for key in ("primary", "secondary")) if found else ()

    def test_without_a_mount(self):
        self.assertEqual(self.used(), ())
        line = self.line(status((42.5, NOW + 7000), (93, NOW + 90000)))
        self.assertRegex(line, r"^Opus 4\.7 \| context 42% \| 5h 42% \(1:5\d left\) \| 7d 93% \| session \$1\.23\n$")
        found = self.limits()
        self.assertEqual(found["primary"]["windowMinutes"], 300)
        self.assertEqual(found["primary"]["over"], False)
        self.assertEqual(found["secondary"]["windowMinutes"], 10080)
        self.assertEqual(self.used(), (42.5, 93))
        path = self.home.okstra / "okstrafs/limits/claude.json"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_colours(self):
        line = self.line(status((91, NOW + 7000), (75, NOW + 90000)), colour=True)
        self.assertIn("\033[31m91%\033[0m", line)
        self.assertIn("\033[33m75%\033[0m", line)

    def test_with_a_mount(self):
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(NOW - 60))
        self.home.transcript("-p", SESSION, [records.assistant(now, records.usage(1000000, 0), id="msg_1", model="claude-sonnet-4-6",
                                                               stop_reason="end_turn")])
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs.json").write_text('{"budgets": {"crew": {"scope": "total", "limitUSD": 4}}}')
        with self.home.mount() as mount:
            cost = mount.json(f"sessions/{SESSION}/usage.json")["billed"]["costUSD"]
            shown = f"${Decimal(str(cost)):.2f}"
            line = self.line(status((10, NOW + 7000)))
            self.assertRegex(line, rf"^Opus 4\.7 \| context 42% \| 5h 10% \(1:5\d left\) \| session \{shown} \| today \{shown}"
                                   rf" \| block \{shown} \| crew {int(cost * 25)}%\n$")

    def test_the_newest_counts(self):
        with self.home.mount() as mount:
            end = NOW + 7000
            for given, want in (((10, end), 10), ((30, end), 30), ((20, end), 30), ((20, end + 30), 30), ((5, end - 18000), 30),
                                ((31.26, end + 30), 31.26), ((2, end + 18000), 2), ((90, end), 2)):
                self.line(status(given))
                self.assertEqual(self.used(mount), (want, None), given)
            self.line(status(None, (7, NOW + 90000)))
            self.assertEqual(self.used(mount), (2, 7))
            self.line(status())
            self.assertEqual(self.used(mount), (2, 7))

    def test_what_is_over_is_said(self):
        self.line(status((80, NOW - 5)))
        self.assertEqual(self.limits()["primary"]["over"], True)
        self.assertNotIn("5h", self.line(status()))
        self.line(status((3, NOW + 17000)))
        self.assertEqual(self.limits()["primary"]["over"], False)

    def test_nothing_is_written_twice(self):
        self.line(status((10, NOW + 7000)))
        path = self.home.okstra / "okstrafs/limits/claude.json"
        before = path.stat()
        self.line(status((10, NOW + 7000)))
        self.line(status((9, NOW + 7000)))
        self.assertEqual(path.stat().st_ino, before.st_ino)

    def test_watchers_hear_of_it(self):
        with self.home.mount() as mount:
            self.line(status((10, NOW + 7000)))
            mount.read("limits/claude.json")
            with watching.started([watching.Inotify(mount.point / "limits/claude.json")]) as watchers:
                self.line(status((11, NOW + 7000)))
                self.assertEqual(watching.unheard(watchers, [0]), [])

    def test_hostile_input(self):
        deep = b'{"a":' * 100000
        for text in (b"", b"no", b"[]", b"3", b"{", deep, b'{"session_id": "\xff"}', b" " * (1 << 20), b'{"a":"' + b"x" * (1 << 20) + b'"}'):
            self.line(text, code=65)
            self.assertIn("okstrafs statusline", self.said)
        for given in ({}, {"model": 3, "session_id": ["x"], "cost": "no", "context_window": None, "rate_limits": []},
                      status((-1, NOW), (1e300, -5)), status((1e300, 2**70)),
                      {"session_id": "../../etc", "cost": {"total_cost_usd": 1e99}}):
            line = self.line(given)
            self.assertEqual(line.count("\n"), 1)
        line = self.line(status(model={"display_name": "a\u202eb\x1b[31m\nc" * 100}))
        self.assertEqual(line.count("\n"), 1)
        self.assertNotRegex(line[:-1], "[\x00-\x1f\u202e]")

    def test_a_damaged_file_is_as_none(self):
        path = self.home.okstra / "okstrafs/limits/claude.json"
        path.parent.mkdir(parents=True)
        for bad in (b"", b"{", b'{"fiveHours": {"usedPercent": "x"}}', b"\xff" * 9999):
            path.write_bytes(bad)
            self.assertEqual(self.used(), ())
            self.line(status((10, NOW + 7000)))
            self.assertEqual(self.used(), (10, None))
        self.assertNotIn("ERROR", self.home.run("ls", "budgets").decode())

    def test_a_folder_that_cannot_be_made(self):
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs").write_text("in the way")
        self.assertIn("5h 10%", self.line(status((10, NOW + 7000))))
        self.assertIn("cannot keep the plan limits", self.said)


class BudgetWatch(harness.MountTest):
    """contrib/budget-watch, which has Claude Code watch budgets and the session's context."""

    def ask(self, mount, hook: str, **more) -> dict:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../contrib/budget-watch")
        given = json.dumps({"session_id": SESSION, "hook_event_name": hook} | more).encode()
        done = subprocess.run([script], input=given, env=self.home.environment() | {"OKSTRAFS_MOUNT": str(mount.point)},
                              stdout=subprocess.PIPE, timeout=60, check=True)
        return json.loads(done.stdout) if done.stdout else {}

    def test_it(self):
        transcript = self.home.transcript("-p", SESSION, [records.assistant(counts=records.usage(10, 1), id="msg_1", stop_reason="end_turn")])
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs.json").write_text('{"budgets": {"crew": {"scope": "total", "limitTokens": 1000}}}')
        with self.home.mount() as mount:
            paths = self.ask(mount, "SessionStart")["hookSpecificOutput"]["watchPaths"]
            self.assertEqual(paths, [f"{mount.point}/budgets/exceeded", f"{mount.point}/sessions/{SESSION}/context.json"])
            self.assertEqual(self.ask(mount, "CwdChanged")["hookSpecificOutput"]["hookEventName"], "CwdChanged")
            for path in paths:
                self.assertEqual(self.ask(mount, "FileChanged", file_path=path, event="change"), {})
            with watching.started([watching.Inotify(path, watching.IN_MODIFY | watching.IN_CREATE) for path in paths]) as watchers:
                harness.append(transcript, records.line(records.assistant(counts=records.usage(990000, 1), id="msg_2", stop_reason="end_turn")) + b"\n")
                self.assertEqual(watching.unheard(watchers, [0, 0]), [])
            name = os.listdir(paths[0])[0]
            self.assertEqual(self.ask(mount, "Stop"), {})
            self.assertEqual(self.ask(mount, "FileChanged", file_path=f"{paths[0]}/{name}", event="add"),
                             {"systemMessage": 'okstrafs: budget "crew" is used up'})
            context = mount.json(f"sessions/{SESSION}/context.json")
            said = self.ask(mount, "FileChanged", file_path=paths[1], event="change")
            self.assertTrue(context["shouldCompact"])
            self.assertEqual(said, {"systemMessage": f"okstrafs: the context is {int(context['ratio'] * 100)} % full: /compact makes room"})

    def test_no_mount(self):
        class Nothing:
            point = self.home.root / "nothing"
        self.assertEqual(self.ask(Nothing, "SessionStart"), {})


class Projection(TeamsTest):
    """Of runs that cost 1, 2, 3 ... requests' worth."""

    def run_of(self, number: int, requests: int, minutes: int, ends: bool = True) -> None:
        day = f"2026-06-{number + 1:02}"
        lines = [{"sessionId": f"lead-{number}", "agentName": "lead", "team": {"teamName": TEAM}, "timestamp": f"{day}T08:00:00Z",
                  "type": "system", "cwd": self.cwd}]
        for i in range(requests):
            minute = minutes * (i + 1) // requests
            lines.append(records.assistant(f"{day}T{8 + minute // 60:02}:{minute % 60:02}:00.000Z", records.usage(1000, 100), id=f"msg_{number}_{i}",
                                           sessionId=f"lead-{number}", model="claude-sonnet-4-6", stop_reason="end_turn"))
        self.home.transcript("-project", f"lead-{number}", lines)
        end = f"{day}T{8 + minutes // 60:02}:{minutes % 60:02}:00Z" if ends else None
        self.state(f"phase-{number}", f"x-{number:03}", f"{day}T08:00:00Z", runEndedAt=end, lead={"sessionId": f"lead-{number}"}, workers=[])

    def projection(self) -> dict:
        with self.home.mount() as mount:
            document = mount.json(f"teams/{TEAM}/projection.json")
            self.one = Decimal(str(mount.json(f"teams/{TEAM}/runs/{self.first}/usage.json")["billed"]["costUSD"]))
        return document

    def test_no_runs(self):
        self.example()
        with self.home.mount() as mount:
            self.assertEqual(mount.json(f"teams/{TEAM}/projection.json"), {
                "team": TEAM, "earlierRuns": {"runs": 0, "costUSD": None, "totalTokens": None, "durationMs": None, "lowerBound": False},
                "running": None})

    def test_middle_and_edge(self):
        requests = [1, 9, 2, 8, 3, 7, 4, 6, 5, 30]
        for number, n in enumerate(requests):
            self.run_of(number, n, 10 * n)
        self.first = "000"
        document = self.projection()
        self.assertEqual(document["earlierRuns"]["runs"], 10)
        self.assertIsNone(document["running"])
        # 1 ... 9, 30: between 5 and 6; nine of ten are at most 9.
        self.assertEqual(Decimal(str(document["earlierRuns"]["costUSD"]["median"])), self.one * 11 / 2)
        self.assertEqual(Decimal(str(document["earlierRuns"]["costUSD"]["p90"])), self.one * 9)
        self.assertEqual(document["earlierRuns"]["totalTokens"], {"median": 1100 * 11 // 2, "p90": 1100 * 9})
        self.assertEqual(document["earlierRuns"]["durationMs"], {"median": 55 * 60000, "p90": 90 * 60000})

    def test_the_one_that_goes_on(self):
        for number, (n, minutes) in enumerate(((1, 120), (2, 120), (3, 120))):
            self.run_of(number, n, minutes)
        self.run_of(3, 4, 30, ends=False)
        self.first = "000"
        running = self.projection()["running"]
        self.assertEqual((running["run"], running["startedAt"], running["elapsedMs"]), ("003", "2026-06-04T08:00:00Z", 30 * 60000))
        self.assertEqual(Decimal(str(running["costUSD"])), self.one * 4)
        self.assertEqual(Decimal(str(running["burnRate"]["costUSDPerHour"])), self.one * 8)
        self.assertEqual(running["burnRate"]["tokensPerHour"], 8800)
        # Earlier runs took two hours: four times as long as this one so far.
        self.assertEqual(Decimal(str(running["headsFor"]["costUSD"])), self.one * 16)
        self.assertEqual(running["headsFor"]["totalTokens"], 17600)

    def test_an_older_one_without_an_end_is_over(self):
        self.run_of(0, 1, 60, ends=False)
        self.run_of(1, 2, 60)
        self.first = "000"
        document = self.projection()
        self.assertEqual(document["earlierRuns"]["runs"], 2)
        self.assertIsNone(document["running"])

    def test_longer_than_the_others(self):
        self.run_of(0, 1, 10)
        self.run_of(1, 6, 60, ends=False)
        self.first = "000"
        running = self.projection()["running"]
        self.assertEqual(running["headsFor"]["costUSD"], running["costUSD"])


del TeamsTest  # or its tests run here too

if __name__ == "__main__":
    harness.main(__name__)
