"""Tokens that are logged apart from their requests, as Copilot CLI does: what the documents of the whole program say before
they came, when they have come, and where copies of a session end at different places.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "support")]

from tap import run_tap  # noqa: E402

BINARY = os.environ["OKSTRAFS_BIN"]
MODEL, OTHER = "claude-sonnet-4-6", "gpt-5-mini"
SESSION = "6f1e0000-0000-4000-8000-000000000001"


class InHome(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="okstrafs-later.")
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)
        self.homes = [self.root / "copilot"]
        self.n = 0

    def file(self, home: int = 0) -> Path:
        path = self.homes[home] / "session-state" / SESSION / "events.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def event(self, kind: str, hour: int, data: dict) -> bytes:
        self.n += 1
        return json.dumps({"type": kind, "id": f"e{self.n}", "timestamp": f"2026-09-05T{hour:02}:00:{self.n:02}.000Z",
                           "data": data}).encode() + b"\n"

    def start(self) -> bytes:
        return self.event("session.start", 8, {"sessionId": SESSION, "context": {"cwd": "/srv/made", "branch": "main"}})

    def message(self, hour: int, output: int, model: str = MODEL) -> bytes:
        return self.event("assistant.message", hour, {"messageId": f"m{self.n}", "model": model, "outputTokens": output})

    def shutdown(self, hour: int, numbers, model: str = MODEL, tokens: int = 35322) -> bytes:
        usage = dict(zip(("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"), numbers))
        metrics = {model: {"requests": {"count": 2}, "usage": usage}}
        return self.event("session.shutdown", hour, {"modelMetrics": metrics, "currentModel": model, "currentTokens": tokens})

    def run_it(self, *arguments) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE_", "XDG_"))}
        environment |= {"HOME": str(self.root / "home"), "OKSTRA_HOME": str(self.root / "okstra"), "TZ": "UTC",
                        "COPILOT_HOME": ",".join(map(str, self.homes))}
        done = subprocess.run([BINARY, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def look(self, path: str) -> dict:
        with_cache, without = (json.loads(self.run_it(*head, "cat", path)) for head in ([], ["--no-cache"]))
        self.assertEqual(with_cache, without, path)
        return with_cache

    def lines(self, path: str) -> list:
        return [json.loads(line) for line in self.run_it("cat", path).splitlines()]

    def billed(self) -> tuple:
        billed = self.look("usage.json")["billed"]
        return tuple(billed[key] for key in ("requests", "inputTokens", "outputTokens", "cacheCreationTokens", "cacheReadTokens",
                                             "lowerBound"))


class LaterTokens(InHome):
    def test_before_and_after(self):
        self.file().write_bytes(self.start() + self.message(8, 300) + self.message(9, 200))
        self.assertEqual(self.billed(), (2, 0, 500, 0, 0, True))
        context = self.look(f"sessions/{SESSION}/context.json")
        self.assertEqual((context["occupancyTokens"], context["t"]), (None, None))
        self.assertEqual([line["kind"] for line in self.lines("events.jsonl")], ["response"] * 2)
        with open(self.file(), "ab") as file:
            file.write(self.shutdown(11, (1000, 520, 600, 50)))
        self.assertEqual(self.billed(), (2, 350, 520, 50, 600, False))
        context = self.look(f"sessions/{SESSION}/context.json")
        self.assertEqual((context["occupancyTokens"], context["model"]), (35322, MODEL))

    def test_rows_of_time_and_streams_have_all_of_it(self):
        self.file().write_bytes(self.start() + self.message(8, 300) + self.message(9, 200) + self.shutdown(11, (1000, 520, 600, 50)))
        rows = {row["key"][11:13]: row["billed"] for row in self.look("stats/by-hour.json")["rows"]}
        self.assertEqual({hour: (row["requests"], row["inputTokens"], row["outputTokens"]) for hour, row in rows.items()},
                         {"08": (1, 0, 300), "09": (1, 0, 200), "11": (0, 350, 20)})
        whole = self.look("usage.json")["billed"]
        events = self.lines("events.jsonl")
        self.assertEqual(sorted(line["kind"] for line in events), ["response", "response", "rest"])
        for key, name in (("requests", "requests"), ("inputTokens", "inputTokens"), ("outputTokens", "outputTokens"),
                          ("cacheReadTokens", "cacheReadTokens")):
            self.assertEqual(sum(line[key] for line in events), whole[name], key)
        requests = self.lines(f"sessions/{SESSION}/requests.jsonl")
        self.assertEqual(sum(line["inputTotalTokens"] for line in requests), 1000)
        self.assertAlmostEqual(sum(line["costUSD"] for line in requests), whole["costUSD"])
        ledger = [line for line in self.lines(f"sessions/{SESSION}/ledger.jsonl") if "kind" in line]
        self.assertEqual({(line["kind"], line["verdict"]) for line in ledger},
                         {("response", "counted"), ("rest", "merged"), ("rest", "counted")})
        blocks = self.look("stats/blocks.json")["rows"]
        self.assertEqual(sum(row["billed"]["inputTokens"] for row in blocks), 350)
        window = self.look("window/2026-09-05T10:00:00Z_2026-09-05T12:00:00Z.json")["billed"]
        self.assertEqual((window["requests"], window["inputTokens"]), (0, 350))

    def test_each_model_has_its_own(self):
        self.file().write_bytes(self.start() + self.message(8, 300) + self.message(9, 40, OTHER) + self.shutdown(11, (1000, 300, 600, 50)))
        self.assertEqual(self.billed(), (3, 350, 340, 50, 600, True))  # the count says two of the first, and of one nothing
        rows = {row["key"]: row["billed"] for row in self.look("stats/by-model.json")["rows"]}
        self.assertEqual([rows[model]["lowerBound"] for model in (MODEL, OTHER)], [False, True])

    def test_copies_that_end_at_different_places(self):
        messages = self.start() + self.message(8, 300) + self.message(9, 200)
        whole = messages + self.shutdown(11, (1000, 500, 600, 50))
        self.homes.append(self.root / "copy")
        for first, second in ((messages, whole), (whole, messages)):
            self.file(0).write_bytes(first)
            self.file(1).write_bytes(second)
            self.assertEqual(self.billed(), (2, 350, 500, 50, 600, False))
        self.file(0).unlink()
        self.file(1).unlink()
        self.assertEqual(self.billed(), (2, 350, 500, 50, 600, False))

    def test_a_long_prompt_is_not_a_long_context(self):
        """Ten requests that took 300,000 tokens together: none of them was above the limit at which prices rise."""
        self.file().write_bytes(self.start() + b"".join(self.message(8, 10, "gpt-5.4") for _ in range(10)) +
                                self.shutdown(9, (300000, 100, 0, 0), "gpt-5.4", 30000))
        price = self.look("pricing.json")["models"]["gpt-5.4"]
        self.assertIn("input_cost_per_token_above_272k_tokens", price)
        self.assertAlmostEqual(self.look("usage.json")["billed"]["costUSD"],
                               300000 * price["input_cost_per_token"] + 100 * price["output_cost_per_token"])


class Replaced(InHome):
    """A turn of Grok Build whose later line says less: what was counted before was never paid."""

    def line(self, *numbers, prompt: str = "p") -> bytes:
        self.n += 1
        usage = dict(zip(("inputTokens", "outputTokens", "cachedReadTokens"), numbers))
        return json.dumps({"timestamp": 1788600000 + self.n, "params": {"update": {
            "sessionUpdate": "turn_completed", "prompt_id": prompt, "usage": {"modelUsage": {"grok-4.5": usage}}}}}).encode() + b"\n"

    def test_a_turn_that_becomes_less(self):
        path = self.root / "home/.grok/sessions/%2Fsrv%2Fmade" / SESSION / "updates.jsonl"
        path.parent.mkdir(parents=True)
        for numbers, expected in (((1000, 500, 600), (400, 500)), ((1000, 400, 700), (300, 400)), ((1000, 450, 700), (300, 450)),
                                  ((10, 1, 0), (10, 1))):
            with open(path, "ab") as file:
                file.write(self.line(*numbers))
            requests, input_tokens, output_tokens, _, _, lower_bound = self.billed()
            self.assertEqual((requests, input_tokens, output_tokens, lower_bound), (1, *expected, False))
        path.unlink()
        self.assertEqual(self.billed()[:3], (1, 10, 1))


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
