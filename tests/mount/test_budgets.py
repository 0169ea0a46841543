"""Budgets through a real mount: every scope and policy flips at the exact token or cent, at midnight, and when a price
or the configuration changes; and watchers hear of it."""

import contextlib
import datetime
import json
import os
import struct
import subprocess
import time
import unittest

import harness
import records
import watching

SCOPES = ("run", "day", "session", "team", "project", "agent-day", "block", "total")
POLICIES = ("block", "warn_continue", "prompt")
CLOCK = os.environ.get("OKSTRAFS_FAKE_CLOCK_LIBRARY", "")


def utc(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def stamp(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + \
        f"{int(seconds * 1000) % 1000:03d}Z"


class Clock:
    """The daemon's time of day, set by us."""

    def __init__(self, home):
        self.path = home.root / "clock"
        self.path.write_bytes(struct.pack("q", 0))

    def environ(self) -> dict:
        return {"LD_PRELOAD": CLOCK, "OKSTRAFS_FAKE_CLOCK": str(self.path)}

    def set(self, text: str) -> None:
        with open(self.path, "r+b", buffering=0) as file:
            file.write(struct.pack("q", int(utc(text) - time.time())))


class Budgets(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.serial = 0

    def configure(self, budgets: dict, **more) -> None:
        self.home.okstra.mkdir(exist_ok=True)
        fresh = self.home.okstra / "fresh.json"
        fresh.write_text(json.dumps({"budgets": budgets} | more))
        fresh.rename(self.home.okstra / "okstrafs.json")

    def prices(self, per_token) -> None:
        folder = self.home.okstra / "okstrafs"
        folder.mkdir(exist_ok=True)
        (folder / "prices.json").write_text(json.dumps({"claude-opus-4-5": {"input_cost_per_token": per_token,
                                                                          "output_cost_per_token": 0}}))

    def request(self, tokens: int, when: str, **more) -> dict:
        self.serial += 1
        record = records.assistant(when, records.usage(i=tokens, o=0), model="claude-opus-4-5", **more)
        record["message"] |= {"id": f"msg_{self.serial}", "stop_reason": "end_turn"}
        return record

    def unpriced(self, tokens: int, when: str, model: str = "mystery", **more) -> dict:
        record = self.request(tokens, when, **more)
        record["message"]["model"] = model
        return record

    def spend(self, path, tokens: int, when: str, **more) -> None:
        harness.append(path, records.line(self.request(tokens, when, **more)) + b"\n")

    def states(self, mount) -> dict:
        return {name[:-5]: mount.json(f"budgets/{name}")["state"] for name in mount.names("budgets") if name != "exceeded"}

    def assertStates(self, mount, state: str) -> None:
        states = self.states(mount)
        self.assertEqual(states, {name: state for name in states})
        self.assertEqual(mount.names("budgets/exceeded"), sorted(states) if state == "exceeded" else [])


class Amounts(Budgets):
    def everything(self, now: str):
        """One team run with one agent in one project and session: every scope sees the same spending."""
        work = self.home.root / "work" / ".okstra" / "tasks" / "t" / "runs"
        (work / "state").mkdir(parents=True)
        (work / "manifests").mkdir()
        (work / "state" / "team-state-x-1.json").write_text('{"teamName": "crew", "workers": []}')
        (work / "manifests" / "run-manifest-x-1.json").write_text('{"createdAt": "2026-01-01T00:00:00Z"}')
        return self.home.transcript("-p", "session-1", [self.request(0, now, teamName="crew", agentName="lead")])

    def check(self, limit: dict, tokens: int) -> None:
        now = stamp(time.time() - 1)
        path = self.everything(now)
        self.configure({f"{scope}-{policy}": {"scope": scope, "policy": policy} | limit
                        for scope in SCOPES for policy in POLICIES})
        with self.home.mount("-o", f"root={self.home.root}/work") as mount:
            self.assertStates(mount, "ok")
            self.spend(path, tokens * 4 // 5 - 1, now)
            self.assertStates(mount, "ok")
            self.spend(path, 1, now)
            self.assertStates(mount, "warn")
            self.spend(path, tokens - tokens * 4 // 5 - 1, now)
            self.assertStates(mount, "warn")
            self.spend(path, 1, now)
            self.assertStates(mount, "exceeded")
            for policy in POLICIES:
                line = mount.read(f"budgets/exceeded/day-{policy}").decode().split("\t")
                self.assertEqual(line[:3], [policy, "day", "*"])
                self.assertEqual(mount.json(f"budgets/day-{policy}.json")["policy"], policy)

    def test_every_scope_and_policy_at_the_exact_token(self):
        self.check({"limitTokens": 1000}, 1000)

    def test_every_scope_and_policy_at_the_exact_cent(self):
        self.home.okstra.mkdir()
        self.prices(0.01)  # a cent a token
        self.check({"limitUSD": 5}, 500)

    def test_a_price_change_flips_it(self):
        now = stamp(time.time() - 1)
        self.home.okstra.mkdir()
        self.home.transcript("-p", "session-1", [self.request(100, now)])
        self.configure({"b": {"scope": "total", "limitUSD": 1.0}})
        with self.home.mount() as mount:
            self.assertEqual(mount.json("budgets/b.json")["spent"], 0.0005)
            self.prices(0.0099)
            self.assertEqual(mount.json("budgets/b.json")["state"], "warn")
            self.assertEqual(mount.names("budgets/exceeded"), [])
            self.prices(0.01)
            self.assertEqual(mount.json("budgets/b.json")["state"], "exceeded")
            self.assertEqual(mount.names("budgets/exceeded"), ["b"])
            (self.home.okstra / "okstrafs" / "prices.json").unlink()
            self.assertEqual(mount.json("budgets/b.json")["spent"], 0.0005)
            self.assertEqual(mount.names("budgets/exceeded"), [])

    def test_without_a_price_it_is_a_lower_bound(self):
        now = stamp(time.time() - 1)
        self.home.transcript("-p", "session-1", [self.request(100, now), self.unpriced(100, now)])
        self.configure({"b": {"scope": "total", "limitUSD": 1}, "t": {"scope": "total", "limitTokens": 1000}})
        with self.home.mount() as mount:
            self.assertEqual((mount.json("budgets/b.json")["spent"], mount.json("budgets/b.json")["lowerBound"]), (0.0005, True))
            self.assertEqual((mount.json("budgets/t.json")["spent"], mount.json("budgets/t.json")["lowerBound"]), (200, False))

    def test_without_a_price_a_limit_in_dollars_is_unknown(self):
        now = stamp(time.time() - 1)
        path = self.home.transcript("-p", "session-1", [self.unpriced(70_000_000, now)])
        self.configure({"b": {"scope": "total", "limitUSD": 1}, "t": {"scope": "total", "limitTokens": 1_000_000_000}})
        with self.home.mount() as mount:
            self.assertEqual(self.states(mount), {"b": "unknown", "t": "ok"})
            self.assertEqual(mount.json("budgets/b.json")["unpriced"], ["mystery"])
            self.assertEqual(mount.names("budgets/exceeded"), [])
            self.assertEqual(mount.read("sessions/session-1/cost_usd"), b"unknown\n")
            self.assertIsNone(mount.json("sessions/session-1/usage.json")["billed"]["costUSD"])
            (self.home.okstra / "okstrafs").mkdir(exist_ok=True)
            (self.home.okstra / "okstrafs" / "prices.json").write_text(
                '{"mystery": {"input_cost_per_token": 1e-09, "output_cost_per_token": 0}}')
            self.assertEqual(self.states(mount), {"b": "ok", "t": "ok"})
            self.assertEqual(mount.read("sessions/session-1/cost_usd"), b"0.07\n")
            self.spend(path, 1_000_000, now)
            self.assertEqual(self.states(mount), {"b": "exceeded", "t": "ok"})

    def test_a_wrong_configuration_is_told_and_changes_nothing(self):
        self.configure({"b": {"scope": "total", "limitTokens": 1}})
        with self.home.mount() as mount:
            self.assertEqual(mount.names("budgets"), ["b.json", "exceeded"])
            self.configure({"b": {"scope": "total", "limitTokens": "1"}})
            self.assertEqual(mount.json("budgets/b.json")["limit"], 1)
            self.assertEqual(mount.json("status.json")["settings"][0]["error"],
                             'line 1: budget "b": limitTokens must be a whole number above 0')
            self.configure({})
            self.assertEqual(mount.names("budgets"), ["exceeded"])
            with self.assertRaises(FileNotFoundError):
                mount.read("budgets/b.json")

    def test_a_wrong_configuration_has_a_file(self):
        """A typo switches a budget off: the mount, and a file that exists no longer than the error, tell."""
        self.configure({"b": {"scope": "total", "limitTokens": 1, "polcy": "block"}})
        path = self.home.okstra / "okstrafs.json"
        with self.home.mount() as mount:
            self.assertIn(f"{path}: line 1: ", mount.said())
            self.assertIn('"polcy"', mount.said())
            self.assertEqual(mount.names("budgets"), ["ERROR", "exceeded"])
            self.assertRegex(mount.read("budgets/ERROR").decode(), rf'^{path}: line 1: budget "b": .*"polcy".*\n$')
            self.assertEqual(self.home.run("cat", "budgets/ERROR"), mount.read("budgets/ERROR"))
            self.configure({"A": {"scope": "total", "limitTokens": 1}})
            self.assertEqual(mount.names("budgets"), ["A.json", "exceeded"])
            with self.assertRaises(FileNotFoundError):
                mount.read("budgets/ERROR")
            path.unlink()
            path.symlink_to("nowhere")
            self.assertEqual(mount.read("budgets/ERROR").decode(),
                             f"{path}: it is a symbolic link to a file that does not exist\n")
            prices = self.home.okstra / "okstrafs" / "prices.json"
            prices.parent.mkdir(exist_ok=True)
            prices.write_text("{,}")
            self.assertEqual([line.split(": ")[0] for line in mount.read("budgets/ERROR").decode().splitlines()],
                             [str(path), str(prices)])
            self.assertEqual(self.home.run("ls", "budgets").decode().split(), ["exceeded", "ERROR"])


@unittest.skipIf(harness.is_sanitized() or not CLOCK, "the clock cannot be set here")
class Midnight(Budgets):
    def check_day(self, zone: str, before: str, after: str, since: str, until: str) -> None:
        """Spent at the end of a day, and looked at on both sides of midnight, which the clock must not reach by itself."""
        path = self.home.transcript("-p", "session-1", [self.request(10, stamp(utc(before)), agentName="lead")])
        self.configure({"day": {"scope": "day", "limitTokens": 10}, "agent": {"scope": "agent-day", "limitTokens": 10}},
                       timeZone=zone)
        clock = Clock(self.home)
        clock.set(before)
        with self.home.mount(environ=clock.environ()) as mount:
            self.assertStates(mount, "exceeded")
            self.assertEqual(mount.json("budgets/day.json")["window"]["since"], since)
            self.assertEqual(mount.json("budgets/day.json")["window"]["until"], until)
            clock.set(after)
            self.assertStates(mount, "ok")
            self.spend(path, 10, stamp(utc(after)), agentName="lead")
            self.assertStates(mount, "exceeded")
            clock.set(before)
            self.assertEqual(mount.json("budgets/day.json")["spent"], 10)

    def test_seoul(self):
        self.check_day("Asia/Seoul", "2026-06-10T14:59:30Z", "2026-06-10T15:00:00Z", "2026-06-09T15:00:00.000Z",
                       "2026-06-10T14:59:59Z")

    def test_new_york_in_spring(self):
        """A day of 23 hours."""
        self.check_day("America/New_York", "2026-03-09T03:59:30Z", "2026-03-09T04:00:00Z", "2026-03-08T05:00:00.000Z",
                       "2026-03-09T03:59:59Z")

    def test_new_york_in_autumn(self):
        """A day of 25 hours."""
        self.check_day("America/New_York", "2026-11-02T04:59:30Z", "2026-11-02T05:00:00Z", "2026-11-01T04:00:00.000Z",
                       "2026-11-02T04:59:59Z")

    def test_tz_and_the_option(self):
        """The zone of TZ, or of -o tz=, where the configuration names none."""
        self.configure({"day": {"scope": "day", "limitTokens": 10}})
        clock = Clock(self.home)
        clock.set("2026-06-10T12:00:00Z")
        for options, environ, since in (((), {"TZ": "KST-9"}, "2026-06-09T15:00:00.000Z"),
                                        (("-o", "tz=America/New_York"), {"TZ": "KST-9"}, "2026-06-10T04:00:00.000Z")):
            with self.home.mount(*options, environ=clock.environ() | environ) as mount:
                self.assertEqual(mount.json("budgets/day.json")["window"]["since"], since)

    def test_the_end_of_a_block(self):
        self.home.transcript("-p", "session-1", [self.request(10, "2026-06-10T09:30:00.000Z")])
        self.configure({"block": {"scope": "block", "limitTokens": 10}})
        clock = Clock(self.home)
        clock.set("2026-06-10T13:59:30Z")
        with self.home.mount(environ=clock.environ()) as mount:
            self.assertStates(mount, "exceeded")
            clock.set("2026-06-10T14:00:00Z")
            self.assertStates(mount, "ok")


class Watchers(Budgets):
    def zone_with_midnight_in(self, seconds: int) -> str:
        """A POSIX string whose local midnight comes so many seconds from now."""
        ahead = 86400 - (int(time.time()) + seconds) % 86400
        return f"XXX-{ahead // 3600}:{ahead // 60 % 60:02d}:{ahead % 60:02d}"

    def test_midnight_is_told_to_who_watches_and_does_not_read(self):
        self.home.transcript("-p", "session-1", [self.request(10, stamp(time.time() - 1))])
        seconds = 20 if harness.is_sanitized() else 6  # it must be watched before
        self.configure({"day": {"scope": "day", "limitTokens": 10}}, timeZone=self.zone_with_midnight_in(seconds))
        with self.home.mount() as mount, contextlib.ExitStack() as stack:
            self.assertEqual(mount.names("budgets/exceeded"), ["day"])
            names = watching.InotifyWait(mount.point / "budgets/exceeded", "-e", "create,delete")
            file = watching.InotifyWait(mount.point / "budgets/day.json")
            stack.enter_context(watching.started([names, file]))
            self.assertEqual(names.count, 0)
            harness.until(lambda: names.count and file.count, "both hear of midnight")
            self.assertEqual([line.strip() for line in names.lines if "DELETE" in line], ["DELETE day"])
            self.assertEqual(mount.names("budgets/exceeded"), [])

    def test_a_flip_is_told(self):
        now = stamp(time.time() - 1)
        path = self.home.transcript("-p", "session-1", [self.request(9, now)])
        self.configure({"b": {"scope": "total", "limitTokens": 10}, "c": {"scope": "total", "limitTokens": 1000}})
        with self.home.mount() as mount, contextlib.ExitStack() as stack:
            self.assertEqual(mount.names("budgets/exceeded"), [])
            names = watching.InotifyWait(mount.point / "budgets/exceeded", "-e", "create,delete")
            folder = watching.InotifyWait(mount.point / "budgets")
            stack.enter_context(watching.started([names, folder]))
            time.sleep(0.5)
            self.spend(path, 1, now)
            self.assertEqual(watching.unheard([names, folder], [0, 0]), [])
            self.assertIn("CREATE b", [line.strip() for line in names.lines])

    def test_an_error_is_told(self):
        self.configure({"b": {"scope": "total", "limitTokens": 10}})
        with self.home.mount() as mount, contextlib.ExitStack() as stack:
            self.assertEqual(mount.names("budgets"), ["b.json", "exceeded"])
            names = watching.InotifyWait(mount.point / "budgets", "-e", "create,delete")
            stack.enter_context(watching.started([names]))
            time.sleep(0.5)
            for budgets, said in (({"b": {}}, "CREATE ERROR"), ({"b": {"scope": "total", "limitTokens": 10}}, "DELETE ERROR")):
                before = names.count
                self.configure(budgets)
                self.assertEqual(watching.unheard([names], [before]), [])
                self.assertIn(said, [line.strip() for line in names.lines])


class Hook(Budgets):
    """contrib/budget-hook, as Claude Code calls it."""

    PROGRAM = harness.HERE.parents[1] / "contrib" / "budget-hook"

    def call(self, event: str = "PreToolUse", session: str = "session-1", **environ):
        given = {"session_id": session, "transcript_path": "/x.jsonl", "cwd": "/x", "hook_event_name": event,
                 "tool_name": "Bash", "tool_input": {"command": 'echo "session_id": "other"', "session_id": "other"}}
        environ = {"OKSTRAFS_MOUNT": str(self.home.root / "usage")} | environ
        return subprocess.run([str(self.PROGRAM)], input=json.dumps(given), env=self.home.environment() | environ,
                              capture_output=True, text=True, timeout=60)

    def start(self, budgets: dict, spent: int = 10):
        self.now = stamp(time.time() - 1)
        more = {"teamName": "Crew", "agentName": "claude-worker"}
        self.path = self.home.transcript("-p", "session-1", [self.request(spent, self.now, **more)])
        self.home.transcript("-q", "session-2", [self.request(1, self.now)])
        self.configure(budgets)

    def assertQuiet(self, done) -> None:
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_block_refuses_at_the_token(self):
        self.start({"daily": {"scope": "day", "limitTokens": 12, "policy": "block"}})
        with self.home.mount():
            self.assertQuiet(self.call())
            self.spend(self.path, 1, self.now)
            for event in ("PreToolUse", "UserPromptSubmit"):
                done = self.call(event)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertEqual(done.stderr, "okstrafs: budget daily (day): 12 of 12 tokens spent. "
                                              "Stop here: nothing more is to be spent.\n")

    def test_prompt_asks_before_a_tool(self):
        self.start({"d": {"scope": "day", "limitTokens": 10, "policy": "prompt"}})
        with self.home.mount():
            done = self.call()
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(json.loads(done.stdout), {"hookSpecificOutput": {
                "hookEventName": "PreToolUse", "permissionDecision": "ask",
                "permissionDecisionReason": "okstrafs: budget d (day): 11 of 10 tokens spent. Go on?"}})
            done = self.call("UserPromptSubmit")
            self.assertEqual((done.returncode, json.loads(done.stdout)),
                             (0, {"systemMessage": "okstrafs: budget d (day): 11 of 10 tokens spent"}))

    def test_warn_continue_says_so_and_block_goes_first(self):
        self.start({"a": {"scope": "total", "limitTokens": 1}, 'q"\\': {"scope": "total", "limitTokens": 2}})
        with self.home.mount():
            done = self.call()
            self.assertEqual((done.returncode, json.loads(done.stdout)), (0, {
                "systemMessage": 'okstrafs: budget a (total): 11 of 1 tokens spent; budget q"\\ (total): 11 of 2 tokens spent'}))
            self.configure({"a": {"scope": "total", "limitTokens": 1}, "b": {"scope": "total", "limitTokens": 1,
                                                                           "policy": "block"}})
            self.assertEqual(self.call().returncode, 2)

    def test_models_without_a_price_ask_or_are_told(self):
        self.start({})
        names = ['q"\\', "mystery"]
        for name in names:
            harness.append(self.path, records.line(self.unpriced(90_000_000, self.now, name)) + b"\n")
        text = ('okstrafs: budget b (session "session-1"): 0.00005 of 1 USD spent, not counting models without a price '
                '("mystery", "q"\\")')
        path = os.path.dirname(harness.binary()) + ":" + os.environ["PATH"]
        for policy, tool in (("block", "ask"), ("prompt", "ask"), ("warn_continue", "message")):
            self.configure({"b": {"scope": "session", "limitUSD": 1, "policy": policy},
                            "o": {"scope": "session", "of": "session-2", "limitUSD": 1, "policy": policy},
                            "t": {"scope": "total", "limitTokens": 1_000_000_000, "policy": policy}})
            with self.subTest(policy=policy), contextlib.ExitStack() as stack:
                for environ in ({"PATH": path}, {}):
                    if not environ:
                        stack.enter_context(self.home.mount())
                    done = self.call(**environ)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertEqual(json.loads(done.stdout), {"systemMessage": text} if tool == "message" else {
                        "hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "ask",
                                               "permissionDecisionReason": text + ". Go on?"}})
                    done = self.call("UserPromptSubmit", **environ)
                    self.assertEqual((done.returncode, done.stderr, json.loads(done.stdout)), (0, "", {"systemMessage": text}))
                    self.assertQuiet(self.call(session="session-2", **environ))

    def test_what_is_exceeded_is_refused_whatever_else_is_unknown(self):
        self.start({"b": {"scope": "day", "limitUSD": 1, "policy": "block"}, "c": {"scope": "day", "limitTokens": 5, "policy": "block"}})
        harness.append(self.path, records.line(self.unpriced(90_000_000, self.now)) + b"\n")
        with self.home.mount():
            done = self.call()
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(done.stderr.count("budget"), 1)

    def test_a_budget_of_others_stops_nobody_else(self):
        for scope, of in (("session", "session-1"), ("project", "-p"), ("team", "Crew"), ("agent-day", "claude-worker")):
            with self.subTest(scope=scope):
                self.start({"b": {"scope": scope, "limitTokens": 10, "policy": "block"}})
                with self.home.mount() as mount:
                    self.assertEqual(mount.json("budgets/b.json")["of"], of)
                    self.assertEqual(self.call().returncode, 2)
                    said = self.call().stderr  # the model reads it: no name that a transcript may have made up
                    self.assertIn(f"budget b ({scope}): ", said)
                    self.assertNotIn(of, said)
                    self.assertQuiet(self.call(session="session-2"))

    def test_without_a_mount_the_program_is_asked(self):
        self.start({"b": {"scope": "session", "limitTokens": 10, "policy": "block"},
                    "p": {"scope": "project", "limitTokens": 10}, "t": {"scope": "team", "limitTokens": 10}})
        path = os.path.dirname(harness.binary()) + ":" + os.environ["PATH"]
        self.assertEqual(self.call(PATH=path).returncode, 2)
        done = self.call(PATH=path, session="session-2")
        self.assertQuiet(done)
        self.configure({"p": {"scope": "project", "limitTokens": 10}, "t": {"scope": "team", "limitTokens": 10}})
        done = self.call(PATH=path)
        self.assertEqual((done.returncode, done.stdout.count("budget")), (0, 2))

    def test_other_events_are_left_alone(self):
        """Exit 2 of Stop would mean: go on."""
        self.start({"b": {"scope": "day", "limitTokens": 1, "policy": "block"}})
        with self.home.mount():
            for event in ("Stop", "SubagentStop", "PostToolUse", "SessionStart", "Notification", "PreCompact"):
                self.assertQuiet(self.call(event))
            self.assertEqual(self.call("PreToolUse").returncode, 2)
            done = self.call("")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("hook_event_name", done.stderr)

    def test_a_wrong_configuration_is_told(self):
        """With a mount and without: the hook cannot know what is in force, and what is exceeded is still refused."""
        wrong = {"b": {"scope": "day", "limitTokens": 1, "polcy": "block"}}
        self.start(wrong)
        path = os.path.dirname(harness.binary()) + ":" + os.environ["PATH"]
        with contextlib.ExitStack() as stack:
            for environ in ({"PATH": path}, {}):
                if not environ:
                    stack.enter_context(self.home.mount())
                for event in ("PreToolUse", "UserPromptSubmit"):
                    done = self.call(event, **environ)
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertIn("a budget may be off", done.stderr)
                    self.assertIn(f'{self.home.okstra}/okstrafs.json: line 1: budget "b": a key that is not known: "polcy"',
                                  done.stderr)
                self.assertQuiet(self.call("Stop", **environ))
            for policy, code in (("block", 2), ("warn_continue", 1), ("prompt", 0)):
                self.configure({"b": {"scope": "day", "limitTokens": 1, "policy": policy}})
                self.assertEqual(self.call().returncode, 2 if policy == "block" else 0)
                self.configure(wrong)  # the last good one is in force
                done = self.call()
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn("11 of 1 tokens", done.stdout + done.stderr)
                self.assertEqual("a budget may be off" in done.stderr, code == 1)

    def test_what_cannot_be_found_out_stops_nobody(self):
        self.start({})
        done = self.call(PATH="/usr/bin:/bin")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("nothing is mounted", done.stderr)


if __name__ == "__main__":
    harness.main(__name__)
