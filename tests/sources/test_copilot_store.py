"""Copilot CLI's database of requests, through the whole program: where a session has rows there they count, and nothing of
its events; whichever came first, and while the agent has the database open.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "support")]

from tap import run_tap  # noqa: E402

BINARY = os.environ["OKSTRAFS_BIN"]
FIRST, SECOND = "6f1e0000-0000-4000-8000-000000000001", "6f1e0000-0000-4000-8000-000000000002"
COLUMNS = ("id, session_id, created_at, model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, "
           "reasoning_tokens")


class CopilotStore(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="okstrafs-store.")
        self.addCleanup(scratch.cleanup)
        self.root, self.n, self.db = Path(scratch.name), 0, None
        self.homes = [self.root / "copilot"]

    def event(self, session: str, kind: str, data: dict) -> None:
        self.n += 1
        path = self.homes[0] / "session-state" / session / "events.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as file:
            file.write(json.dumps({"type": kind, "id": f"e{self.n}", "timestamp": f"2026-09-05T08:00:{self.n:02}.000Z",
                                   "data": data}) + "\n")

    def message(self, session: str, output: int) -> None:
        self.event(session, "assistant.message", {"messageId": f"m{self.n}", "model": "gpt-5-mini", "outputTokens": output,
                                                  "toolRequests": [{"name": "view"}]})

    def shutdown(self, session: str, *numbers) -> None:
        usage = dict(zip(("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"), numbers))
        self.event(session, "session.shutdown", {"modelMetrics": {"gpt-5-mini": {"requests": {"count": 1}, "usage": usage}}})

    def open(self, agents: bool = True) -> None:
        self.homes[0].mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(self.homes[0] / "session-store.db", isolation_level=None)
        self.addCleanup(self.db.close)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA wal_autocheckpoint = 0")
        self.db.execute(f"CREATE TABLE assistant_usage_events (id TEXT, session_id, created_at, model, input_tokens, output_tokens, "
                        f"cache_read_tokens, cache_write_tokens, reasoning_tokens{', agent_id' if agents else ''})")

    def row(self, session: str, time, *numbers, agent=None) -> None:
        self.n += 1
        more, values = (", agent_id", [agent]) if agent else ("", [])
        values = [f"r{self.n}", session, time, "claude-sonnet-4.6", *numbers, 1, *values]
        self.db.execute(f"INSERT INTO assistant_usage_events ({COLUMNS}{more}) VALUES ({','.join('?' * len(values))})", values)

    def run_it(self, *arguments) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE_", "XDG_"))}
        environment |= {"HOME": str(self.root / "home"), "OKSTRA_HOME": str(self.root / "okstra"), "TZ": "UTC",
                        "COPILOT_HOME": ",".join(map(str, self.homes))}
        done = subprocess.run([BINARY, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def billed(self) -> tuple:
        looks = []
        for head in ([], ["--no-cache"]):
            usage = json.loads(self.run_it(*head, "cat", "usage.json"))
            self.assertEqual(usage["inputTokens"], usage["billed"]["inputTokens"])
            looks.append(tuple(usage["billed"][key] for key in ("requests", "inputTokens", "outputTokens", "cacheCreationTokens",
                                                                "cacheReadTokens", "lowerBound")))
        self.assertEqual(*looks)
        return looks[0]

    def test_rows_count_and_events_do_not(self):
        self.open()
        self.row(FIRST, "2026-09-05T08:00:00.000Z", 1000, 100, 600, 50)
        self.row(FIRST, "2026-09-05 08:10:00", 500, 50, 0, 0)
        self.row("other", 1788600000, 9, 9, 9, 9)
        self.message(FIRST, 100)
        self.message(FIRST, 50)
        self.shutdown(FIRST, 7777, 7777, 0, 0)
        self.message(SECOND, 5)
        self.assertEqual(self.billed(), (3, 850, 155, 50, 600, True))  # the second session is not in the database
        context = json.loads(self.run_it("cat", f"sessions/{FIRST}/context.json"))
        self.assertEqual((context["occupancyTokens"], context["t"]), (500, "2026-09-05T08:10:00Z"))
        usage = json.loads(self.run_it("cat", f"sessions/{FIRST}/usage.json"))
        self.assertEqual((usage["toolUses"], usage["billed"]["lowerBound"]), (2, False))

    def test_rows_that_come_later(self):
        self.message(FIRST, 100)
        self.assertEqual(self.billed(), (1, 0, 100, 0, 0, True))
        self.open()
        for i in range(1, 4):
            self.row(FIRST, 1788595200000 + i, 1000 * i, 100, 0, 0)
            self.message(FIRST, 100)
            self.assertEqual(self.billed(), (i, sum(range(i + 1)) * 1000, 100 * i, 0, 0, False))
        self.shutdown(FIRST, 6000, 300, 0, 0)
        self.assertEqual(self.billed(), (3, 6000, 300, 0, 0, False))

    def test_rows_have_the_branch_of_their_time(self):
        """Whether the rows are read line by line or all at once."""
        def start(kind: str, branch: str) -> None:
            self.event(FIRST, kind, {"sessionId": FIRST, "context": {"cwd": "/srv/shop", "branch": branch}})
            self.row(FIRST, f"2026-09-05T08:00:{self.n:02}.500Z", 10 ** len(branch), 0, 0, 0)
            self.message(FIRST, 1)

        def by_branch(*head) -> dict:
            rows = json.loads(self.run_it(*head, "cat", "stats/by-branch.json"))["rows"]
            return {row["branch"]: row["billed"]["inputTokens"] for row in rows}

        self.open()
        for kind, branch in (("session.start", "a"), ("session.resume", "bc"), ("session.resume", "def")):
            start(kind, branch)
            by_branch()
        expected = {"a": 10, "bc": 100, "def": 1000}
        self.assertEqual([by_branch(), by_branch("--no-cache")], [expected] * 2)
        for head in ([], ["--no-cache"]):
            ledger = self.run_it(*head, "cat", f"sessions/{FIRST}/ledger.jsonl").splitlines()
            verdicts = [line["verdict"] for line in map(json.loads, ledger) if line.get("inputTokens")]
            self.assertEqual(verdicts, ["counted"] * 3, ledger)

    def test_without_the_database(self):
        """What it has told stays, and a fresh look goes by the events."""
        self.open()
        self.row(FIRST, "2026-09-05T08:00:00.000Z", 1000, 100, 600, 50)
        self.message(FIRST, 100)
        self.assertEqual(self.billed(), (1, 350, 100, 50, 600, False))
        self.db.close()
        for path in self.homes[0].glob("session-store.db*"):
            path.unlink()
        self.message(FIRST, 7)
        self.assertEqual(json.loads(self.run_it("cat", "usage.json"))["billed"]["inputTokens"], 350)
        shutil.rmtree(self.root / "okstra")
        self.assertEqual(self.billed(), (2, 0, 107, 0, 0, True))

    def test_other_versions_and_no_database(self):
        self.open(agents=False)
        self.row(FIRST, "2026-09-05T08:00:00.000Z", 1000, 100, 600, 50)
        self.message(FIRST, 100)
        self.assertEqual(self.billed(), (1, 350, 100, 50, 600, False))
        self.db.close()
        for content in (b"", b"no database", b"SQLite format 3\0" + bytes(4000)):
            shutil.rmtree(self.root / "okstra")
            for path in self.homes[0].glob("session-store.db*"):
                path.unlink()
            (self.homes[0] / "session-store.db").write_bytes(content)
            self.assertEqual(self.billed(), (1, 0, 100, 0, 0, True))

    def test_locked(self):
        """Neither the events nor nothing count while its rows cannot be read, and nothing of that is remembered."""
        self.open()
        self.db.execute("PRAGMA journal_mode = DELETE")
        self.db.execute("PRAGMA cache_size = 5")
        self.row(FIRST, "2026-09-05T08:00:00.000Z", 1000, 100, 600, 50)
        self.message(FIRST, 7)
        self.db.execute("BEGIN EXCLUSIVE")
        for _ in range(2000):  # more than the cache: some of it is in the file, and may be taken back
            self.row(SECOND, "x" * 100, 1, 1, 1, 1)
        self.assertGreater((self.homes[0] / "session-store.db-journal").stat().st_size, 0)
        self.assertIsNone(json.loads(self.run_it("cat", "usage.json"))["totalTokens"])
        status = json.loads(self.run_it("cat", "status.json"))
        self.assertEqual([Path(error["path"]).parent.name for error in status["errors"]], [FIRST])
        self.db.execute("ROLLBACK")
        self.assertEqual(self.billed(), (1, 350, 100, 50, 600, False))

    def test_copied(self):
        self.open()
        self.row(FIRST, "2026-09-05T08:00:00.000Z", 1000, 100, 600, 50)
        self.row(FIRST, "2026-09-05T08:01:00.000Z", 10, 1, 0, 0, agent="call-1")
        self.message(FIRST, 100)
        self.homes.append(self.root / "copy")
        shutil.copytree(self.homes[0], self.homes[1])
        expected = (2, 360, 101, 50, 600, False)
        looks = json.loads(self.run_it("cat", "usage.json"))["billed"]
        self.assertEqual(tuple(looks[key] for key in ("requests", "inputTokens")), expected[:2])
        shutil.rmtree(self.homes[0])
        self.homes[0].mkdir()
        looks = json.loads(self.run_it("cat", "usage.json"))["billed"]
        self.assertEqual(tuple(looks[key] for key in ("requests", "inputTokens")), expected[:2])


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
