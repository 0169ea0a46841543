"""Forks, replays and cuts of every source: what was paid counts once, whatever repeats it, whenever somebody looked, and
whichever files are left. And nothing of what was said leaves the transcripts.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("support",)]

import made_agents  # noqa: E402
from tap import run_tap  # noqa: E402

BINARY = os.environ["OKSTRAFS_BIN"]
LONG, BRIEF = os.environ.get("OKSTRAFS_LONG"), os.environ.get("OKSTRAFS_BRIEF")
SEEDS, STEPS, LOOKS = (20, 60, 12) if LONG else (1, 25, 2) if BRIEF else (2, 40, 5)
KEYS = dict(requests="requests", input="inputTokens", output="outputTokens", cacheWrite="cacheCreationTokens",
            cacheRead="cacheReadTokens")
DOCUMENTS = ("usage.json", "status.json", "metrics.prom", "report.html", "report.txt", "events.jsonl",
             *(f"stats/by-{name}.json" for name in ("source", "model", "agent", "branch", "tool", "effort", "project", "day")))


class Home:
    def __init__(self, root: str, agent):
        self.root = Path(root)
        self.folder = self.root / "home" / agent.place
        kept = {k: v for k, v in os.environ.items() if k.startswith(("PATH", "LD_", "ASAN", "UBSAN", "LSAN", "TSAN", "OKSTRAFS"))}
        self.environment = kept | {"HOME": str(self.root / "home"), "OKSTRA_HOME": str(self.root / "okstra"), "TZ": "UTC"}

    def run(self, *arguments) -> bytes:
        done = subprocess.run([BINARY, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def rows(self, cache: bool = True) -> dict:
        head = [] if cache else ["--no-cache"]
        rows = json.loads(self.run(*head, "cat", "stats/by-source.json"))["rows"]
        return {row["key"]: {key: row["billed"][name] for key, name in KEYS.items()} for row in rows}

    def put(self, path, data: bytes, mode: str = "wb") -> None:
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, mode) as file:
            file.write(data)


class MadeAgents(unittest.TestCase):
    maxDiff = None

    def each_world(self, check) -> None:
        for agent in made_agents.AGENTS:
            for seed in range(SEEDS):
                world = made_agents.World(agent, seed)
                world.grow(STEPS)
                with self.subTest(agent=agent.name, seed=seed), tempfile.TemporaryDirectory(prefix="okstrafs-made.") as root:
                    check(world, Home(root, agent))

    def same(self, world, home, note: str) -> None:
        expected = {world.agent.name: world.totals()}
        self.assertEqual(home.rows(), expected, note)
        self.assertEqual(home.rows(cache=False), expected, f"{note}, without a cache")

    def test_in_one_piece_and_then_without_some(self):
        def check(world, home):
            for path, data in world.files.items():
                home.put(path, data)
            self.same(world, home, "in one piece")
            paths = sorted(world.files)
            random.Random(len(paths)).shuffle(paths)
            for path in paths:
                (home.folder / path).unlink()
                if path in paths[:LOOKS] or path == paths[-1]:
                    self.assertEqual(home.rows(), {world.agent.name: world.totals()}, f"{path} was deleted")

        self.each_world(check)

    def test_growing(self):
        def check(world, home):
            chance, pieces = random.Random(len(world.requests)), []
            for path, data in world.files.items():
                cuts = sorted({chance.randrange(1, len(data)) for _ in range(LOOKS)} | {len(data)})
                pieces.append([(path, data[a:b]) for a, b in zip([0, *cuts], cuts)])
            left = sum(map(len, pieces))
            looks = set(chance.sample(range(left), min(left, 4 * LOOKS)))
            while any(pieces):
                left -= 1
                path, piece = chance.choice([one for one in pieces if one]).pop(0)
                home.put(path, piece, "ab")
                if left in looks:
                    self.assertEqual(home.rows(), home.rows(cache=False), f"{path}, {left} pieces are missing")
            self.same(world, home, "all is there")

        self.each_world(check)

    def test_nothing_that_was_said_is_shown_or_kept(self):
        def check(world, home):
            self.assertIn(b"SECRET", b"".join(world.files.values()))
            for path, data in world.files.items():
                home.put(path, data)
            session = world.sessions[0].id
            names = home.run("ls", "sessions").decode().split()
            documents = [*DOCUMENTS, *(f"sessions/{name}/{file}" for name in names[:3]
                                       for file in ("usage.json", "context.json", "ledger.jsonl", "requests.jsonl", "tools.jsonl"))]
            self.assertNotIn(b"SECRET", home.run("cat", *documents), session)
            for path in (home.root / "okstra").rglob("*"):
                if path.is_file():
                    self.assertNotIn(b"SECRET", path.read_bytes(), str(path))

        self.each_world(check)


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
