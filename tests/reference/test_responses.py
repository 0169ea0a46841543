"""What is billed of relays, forks, replays, passes and web searches, against a reference that looks at every line each time.

Each look is a process of its own: what one remembers goes through the cache, wherever the files were cut.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("support", "reference")]

import reference_billed  # noqa: E402
import responses  # noqa: E402
from tap import run_tap  # noqa: E402

BINARY = os.environ["OKSTRAFS_BIN"]
LONG, BRIEF = os.environ.get("OKSTRAFS_LONG"), os.environ.get("OKSTRAFS_BRIEF")
WORLDS = 300 if LONG else 4 if BRIEF else 25


class Home:
    def __init__(self, root: str):
        self.root = Path(root)
        self.config = self.root / "claude"
        (self.config / "projects").mkdir(parents=True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE_", "XDG_"))} | {
            "HOME": root, "OKSTRA_HOME": str(self.root / "okstra"), "CLAUDE_CONFIG_DIR": str(self.config),
            "CODEX_HOME": str(self.root / "codex"), "GEMINI_CLI_HOME": root, "TZ": "UTC"}

    def cat(self, *names, options=()) -> list[dict]:
        out = subprocess.run([BINARY, "cat", *options, *names], env=self.environment, capture_output=True, check=True)
        decoder, text, documents = json.JSONDecoder(), out.stdout.decode().strip(), []
        while text:
            document, end = decoder.raw_decode(text)
            documents.append(document)
            text = text[end:].lstrip()
        return documents


class Responses(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Home(folder.name)

    def check(self, note: str, options=()) -> None:
        world = reference_billed.World([str(self.home.config)])
        want = world.by_session(lambda sid: sid)
        names = sorted(want)
        documents = self.home.cat(*(f"sessions/{name}/usage.json" for name in names), "stats/by-source.json", options=options)
        for name, document in zip(names, documents):
            billed = want[name]["billed"]
            self.assertEqual({key: document["billed"][key] for key in billed}, billed, f"{note} {name}")
        total = world.total()["billed"]
        self.assertEqual({key: documents[-1]["total"]["billed"][key] for key in total}, total, note)

    def grow(self, world: responses.World, rnd: random.Random, note: str) -> None:
        """The files in any order, each in some pieces that end anywhere."""
        rest = {name: world.bytes_of(name) for name in world.files}
        while rest:
            for name in rnd.sample(sorted(rest), min(len(rest), rnd.randrange(1, 5))):
                path = responses.path_of(self.home.config, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                data = rest.pop(name)
                end = rnd.choice((len(data), rnd.randrange(len(data) + 1)))
                with open(path, "ab") as file:
                    file.write(data[:end])
                if end < len(data):
                    rest[name] = data[end:]
            if rnd.randrange(3) == 0:
                self.check(f"{note} growing")

    def test_made_up_worlds(self):
        for seed in range(WORLDS):
            with self.subTest(seed=seed):
                self.setUp()
                world, rnd = responses.World(seed), random.Random(seed)
                world.make()
                self.grow(world, rnd, f"seed {seed}")
                self.check(f"seed {seed}")
                self.check(f"seed {seed} cold", options=("--no-cache",))


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
