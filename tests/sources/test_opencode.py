"""OpenCode's database through the whole program: while the agent writes to it, by sessions, forked, reverted, deleted,
damaged. Each look is a process of its own, so what one remembers goes through the cache.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("support",)]

import made_opencode  # noqa: E402
from made_opencode import SECRET, Agent, tokens  # noqa: E402
from tap import run_tap  # noqa: E402

BINARY = os.environ["OKSTRAFS_BIN"]
LONG, BRIEF = os.environ.get("OKSTRAFS_LONG"), os.environ.get("OKSTRAFS_BRIEF")
SEEDS, STEPS, COMMITS = (20, 300, 50000) if LONG else (1, 60, 1500) if BRIEF else (2, 120, 6000)
NAMES = dict(requests="requests", input="inputTokens", output="outputTokens", cacheWrite="cacheCreationTokens",
             cacheRead="cacheReadTokens")


class Home:
    def __init__(self, root: str):
        self.root = Path(root)
        self.folder = self.root / "home/.local/share/opencode"
        kept = {k: v for k, v in os.environ.items() if k.startswith(("PATH", "LD_", "ASAN", "UBSAN", "LSAN", "TSAN", "OKSTRAFS"))}
        self.environment = kept | {"HOME": str(self.root / "home"), "OKSTRA_HOME": str(self.root / "okstra"), "TZ": "UTC"}

    def run(self, *arguments, fails: bool = False) -> bytes:
        done = subprocess.run([BINARY, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60)
        assert fails or done.returncode == 0, done.stderr.decode()
        return done.stdout

    def cat(self, path: str, cache: bool = True):
        return json.loads(self.run(*([] if cache else ["--no-cache"]), "cat", path))

    def looks(self, cache: bool = True) -> tuple:
        """What was paid, and what is counted."""
        usage = self.cat("usage.json", cache)
        billed = usage["billed"] or {name: 0 for name in NAMES.values()}
        return ({key: billed[name] for key, name in NAMES.items()},
                {key: usage[name] or 0 for key, name in NAMES.items() if key != "requests"})


class OpenCode(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="okstrafs-opencode.")
        self.addCleanup(self.scratch.cleanup)
        self.home = Home(self.scratch.name)

    def agent(self, seed: int = 0) -> Agent:
        agent = Agent(self.home.folder, seed)
        self.addCleanup(lambda: agent.db.close())
        return agent

    def same(self, agent: Agent, note: str = "", caches=(True, False)) -> None:
        for cache in caches:
            paid, counted = self.home.looks(cache)
            agent.look()
            self.assertEqual(paid, agent.paid(), f"{note}, paid, cache={cache}")
            expected = {key: n for key, n in agent.counted().items() if key != "requests"}
            self.assertEqual(counted, expected, f"{note}, counted, cache={cache}")

    def test_whatever_the_agent_does(self):
        for seed in range(SEEDS):
            with self.subTest(seed=seed):
                shutil.rmtree(self.home.root / "okstra", ignore_errors=True)
                shutil.rmtree(self.home.root / "home", ignore_errors=True)
                agent = self.agent(seed)
                for step in range(STEPS):
                    agent.anything()
                    if agent.chance.random() < 0.1:
                        self.same(agent, f"after {step}", (True,))
                    if agent.chance.random() < 0.03:
                        agent.db.close()  # what is in the log goes to the database
                        agent.open()
                self.same(agent, "at the end")

    def test_the_writer_is_never_kept_waiting(self):
        """Commits without a busy timeout, while others look; the totals are exact at the end."""
        agent, errors, ended = self.agent(), [], threading.Event()
        sessions = [agent.session() for _ in range(5)]

        def write():
            try:
                for i in range(COMMITS):
                    message = agent.answer(sessions[i % 5])
                    agent.db.execute("BEGIN IMMEDIATE")
                    agent.step(message)
                    agent.complete(message)
                    agent.db.execute("COMMIT")
            except sqlite3.Error as error:
                errors.append(error)
            ended.set()

        thread = threading.Thread(target=write)
        thread.start()
        looks = 0
        while not ended.is_set():
            self.home.looks()
            looks += 1
        thread.join()
        self.assertEqual(errors, [])
        self.assertGreater(looks, 1)
        self.same(agent, f"after {looks} looks")

    def test_nothing_is_made_or_changed_beside_the_database(self):
        agent = self.agent()
        agent.step(agent.answer(agent.session()))
        self.same(agent)
        files = {path: path.read_bytes() for path in self.home.folder.iterdir()}
        self.assertEqual(len(files), 3)
        os.rename(self.home.folder / "opencode.db-shm", self.home.root / "shm")  # as in a copy of the home
        for _ in range(2):
            self.same(agent, "without the index of the log")
        self.assertFalse((self.home.folder / "opencode.db-shm").exists())
        os.rename(self.home.root / "shm", self.home.folder / "opencode.db-shm")
        agent.db.close()
        self.same(agent, "closed")
        self.assertEqual([path.name for path in self.home.folder.iterdir()], ["opencode.db"])

    def test_forks_and_sub_agents(self):
        agent = self.agent()
        session = agent.session(directory="/srv/made/shop")
        for _ in range(3):
            message = agent.answer(session)
            agent.step(message)
            agent.step(message)
            agent.complete(message)
        child = agent.session(session)
        agent.step(agent.answer(child))
        fork = agent.fork(session)
        self.same(agent, "forked")
        self.assertEqual(self.home.cat(f"sessions/{session}/usage.json")["billed"]["requests"], 6)
        self.assertEqual((self.home.cat(f"sessions/{fork}/usage.json")["billed"] or {"requests": 0})["requests"], 0)
        self.assertEqual(self.home.cat(f"sessions/{child}/usage.json")["agentName"], "build")
        self.assertEqual(self.home.run("ls", "projects").split(), [b"-srv-made-shop"])
        agent.delete(session)
        self.same(agent, "the original is deleted")
        agent.step(agent.answer(fork))
        self.same(agent, "the fork goes on")

    def test_both_places(self):
        agent = self.agent()
        session = agent.session()
        used = [tokens([100 * i, 10, 0, 5, 7]) for i in range(1, 4)]
        messages = {f"msg_{i}": {"role": "assistant", "modelID": "gpt-5.5", "time": {"created": agent.now + i}, "tokens": used[i]}
                    for i in range(3)}
        made_opencode.put_files(self.home.folder, session, messages)
        expected = dict(requests=3, input=600, output=30, cacheWrite=21, cacheRead=15)
        self.assertEqual(self.home.looks()[0], expected)
        for name, data in messages.items():  # the agent moves them, one after the other
            agent.db.execute("INSERT INTO message VALUES (?, ?, 1, 1, ?)", (name, session, json.dumps(data)))
            agent.now += 1000
            agent.touch(session)
            for cache in (True, False):
                paid, counted = self.home.looks(cache)
                self.assertEqual((paid, counted["input"]), (expected, 600), name)
        shutil.rmtree(self.home.folder / "storage")
        self.assertEqual(self.home.looks()[0], expected)
        inline = {"type": "assistant", "model": {"modelID": "gpt-5.5", "providerID": "made"}, "time": {"created": 1788700000000},
                  "tokens": used[0], "content": [{"type": "tool", "id": "t", "name": "grep", "state": {"status": "error"}}]}
        made_opencode.put_files(self.home.folder, "ses_inline", {"msg_inline": inline}, directory=None)
        self.assertEqual(self.home.looks()[0]["requests"], 4)
        tool = json.loads(self.home.run("cat", "sessions/ses_inline/tools.jsonl"))
        self.assertEqual((tool["tool"] if "tool" in tool else tool["name"]), "grep")

    def test_tools(self):
        agent = self.agent()
        session = agent.session()
        message = agent.answer(session)
        state = {"status": "completed", "input": {"x": SECRET}, "output": SECRET, "time": {"start": agent.now, "end": agent.now + 250}}
        agent.part(message, {"type": "tool", "tool": "read", "callID": "call_1", "state": state})
        agent.part(message, {"type": "tool", "tool": "bash", "callID": "call_2", "state": state | {"status": "error"}})
        agent.step(message)
        lines = [json.loads(line) for line in self.home.run("cat", f"sessions/{session}/tools.jsonl").splitlines()]
        self.assertEqual([line["durationMs"] for line in lines[:2]], [250, 250])
        rows = {row["key"]: row["calls"] for row in self.home.cat("stats/by-tool.json")["rows"]}
        self.assertEqual(rows["read"], 1)
        self.assertEqual(sum(rows.values()), len(lines))

    def test_a_hostile_database(self):
        """It is no more than a bad file: the program ends in time, and what was known stays."""
        agent = self.agent()
        for _ in range(5):
            agent.step(agent.answer(agent.session()))
        self.same(agent)
        agent.db.close()
        data, expected = agent.path.read_bytes(), self.home.looks()[0]

        def put(bytes_, *names):
            for path in self.home.folder.iterdir():
                path.unlink()
            agent.path.write_bytes(bytes_)

        def sql(*statements):
            for path in self.home.folder.iterdir():
                path.unlink()
            with sqlite3.connect(agent.path) as db:
                for statement in statements:
                    db.execute(statement)
            db.close()

        chance = random.Random(1)
        hostile = {
            "empty": lambda: put(b""),
            "text": lambda: put(b"no database at all\n" * 1000),
            "a head alone": lambda: put(data[:100]),
            "cut": lambda: put(data[: len(data) // 2]),
            "a view that never ends": lambda: sql(
                "CREATE VIEW session AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                "SELECT i AS id, 1 AS parent_id, 1 AS directory, 1 AS time_updated, 1 AS time_created FROM n"),
            "no rows by number": lambda: sql(
                "CREATE TABLE session (id TEXT PRIMARY KEY, parent_id, directory, time_updated, time_created) WITHOUT ROWID",
                "CREATE TABLE message (id TEXT PRIMARY KEY, session_id, time_updated, data) WITHOUT ROWID",
                "CREATE TABLE part (id TEXT PRIMARY KEY, message_id, session_id, data) WITHOUT ROWID"),
            "huge values": lambda: sql(
                "CREATE TABLE session (id, parent_id, directory, time_updated, time_created)",
                "CREATE TABLE message (id, session_id, time_created, time_updated, data AS (zeroblob(1000000000)))",
                "CREATE TABLE part (id, message_id, session_id, data)",
                "INSERT INTO session VALUES ('ses_1', NULL, '/w', 1, 1)",
                "INSERT INTO message VALUES ('msg_1', 'ses_1', 1, 1)"),
        }
        for name, make in hostile.items():
            with self.subTest(name):
                make()
                self.assertEqual(self.home.looks()[0], expected)
        for i in range(40 if LONG else 4 if BRIEF else 12):  # single pages
            bytes_ = bytearray(data)
            at = chance.randrange(100, len(data))
            bytes_[at: at + 30] = chance.randbytes(min(30, len(data) - at))
            put(bytes(bytes_))
            with self.subTest(f"bytes at {at}"):
                self.home.looks()

    def test_values_that_are_none(self):
        agent = self.agent()
        session = agent.session()
        for data in ('{"role":"assistant","tokens":null}', '{"role":"assistant","tokens":{"input":-5,"output":1e99,"cache":7}}', "[]",
                     '{"role":"assistant","time":{"created":99999999999999999},"tokens":{"input":9223372036854775807,"output":3}}',
                     '{"role":"assist', '{"role":["assistant"],"tokens":{"input":"12"}}', "", '{"role":"assistant"}} , "x":{"y":1'):
            agent.db.execute("INSERT INTO message VALUES (?, ?, 1, 1, ?)", (agent.id("msg"), session, data))
        agent.db.execute("INSERT INTO message VALUES ('../../../x', ?, 'x', 'y', x'00ff')", (session,))
        agent.db.execute("INSERT INTO session VALUES ('../../etc', 'prj', NULL, '/w', 't', NULL, 1, 1)")
        agent.db.execute("INSERT INTO session VALUES ('ses_odd', 'prj', 17, x'2f00', 't', NULL, 'x', 9e99)")
        usage = self.home.cat("usage.json")
        self.assertEqual(usage["billed"]["inputTokens"], 2 ** 63 - 1)
        self.assertEqual(self.home.cat("status.json")["sessions"], 2)
        self.assertGreater(self.home.cat("status.json")["badLines"], 1)

    def test_nothing_that_was_said_is_shown_or_kept(self):
        agent = self.agent()
        session = agent.session()
        for _ in range(3):
            agent.prompt(session)
            agent.step(agent.answer(session))
        made_opencode.put_files(self.home.folder, "ses_old", {"msg_old": {"role": "user", "text": SECRET}},
                                {"msg_old": [{"type": "text", "text": SECRET}]})
        files = [f"sessions/{name}/{file}" for name in (session, "ses_old")
                 for file in ("usage.json", "context.json", "ledger.jsonl", "requests.jsonl", "tools.jsonl")]
        self.assertNotIn(b"SECRET", self.home.run("cat", "usage.json", "status.json", "report.html", "events.jsonl", "stats/by-tool.json",
                                                  *files))
        for path in (self.home.root / "okstra").rglob("*"):
            if path.is_file():
                self.assertNotIn(b"SECRET", path.read_bytes(), str(path))


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
