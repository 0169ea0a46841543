"""Samples of agents against REFERENCE_AGENTS.json, through the whole program: in one piece, file by file, growing, in any
order, deleted, and copied. Each look is a process of its own, so what one remembers goes through the cache.

An agent is tested as soon as it is in agents.PLACES. A set of samples is one agent's home in its true layout.
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

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("support", "reference")]

import agents  # noqa: E402
import records  # noqa: E402
from tap import run_tap  # noqa: E402

BINARY = os.environ["OKSTRAFS_BIN"]
LONG, BRIEF = os.environ.get("OKSTRAFS_LONG"), os.environ.get("OKSTRAFS_BRIEF")
CUTS = 40 if LONG else 2 if BRIEF else 6
KEYS = dict(requests="requests", input="inputTokens", output="outputTokens", cacheWrite="cacheCreationTokens",
            cacheRead="cacheReadTokens")
REFERENCE = Path(records.samples() or "/nonexistent") / "REFERENCE_AGENTS.json"


def references() -> dict:
    """The sets of the agents that are read, by name: "<agent>/<set>"."""
    if not REFERENCE.is_file():
        return {}
    sets = json.loads(REFERENCE.read_text())["sets"]
    return {name: one for name, one in sets.items() if name.partition("/")[0] in agents.PLACES}


class Home:
    def __init__(self, root: str, agent: str):
        self.root, self.agent = Path(root), agent
        self.folder = self.root / "home" / agents.PLACES[agent]
        self.more = {}

    def environment(self) -> dict:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE_", "XDG_"))}
        for variable in agents.VARIABLES.values():
            kept.pop(variable, None)
        return kept | {"HOME": str(self.root / "home"), "OKSTRA_HOME": str(self.root / "okstra"), "TZ": "UTC"} | self.more

    def run(self, *arguments) -> str:
        done = subprocess.run([BINARY, *arguments], env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def look(self, cache: bool = True) -> dict:
        """The totals as in the reference."""
        head = [] if cache else ["--no-cache"]
        rows = {row["key"]: row["billed"] for row in json.loads(self.run(*head, "cat", "stats/by-source.json"))["rows"]}
        assert set(rows) <= {self.agent}, rows
        models = json.loads(self.run(*head, "cat", "stats/by-model.json"))["rows"]
        lines = [json.loads(line) for line in self.run(*head, "cat", "events.jsonl").splitlines()]
        times = [line["t"] for line in lines]
        return totals(rows.get(self.agent)) | {
            "models": {row["key"]: totals(row["billed"]) for row in models if row["billed"]["requests"]},
            "first": min(times, default=None), "last": max(times, default=None)}

    def expected(self, reference: dict) -> dict:
        """Of a response in several lines, the reference has the time of the first, and we that of the one that counts."""
        if self.agent not in agents.SEVERAL_LINES | agents.SUMMED_UP:
            return reference
        found = self.look(cache=False)
        if self.agent in agents.SUMMED_UP:
            assert found["first"] <= reference["first"] and found["last"] >= reference["last"], found
            return reference | {key: found[key] for key in ("first", "last")}
        for key in ("first", "last"):
            assert not found[key] or abs(float(found[key][17:-1]) - float(reference[key][17:-1])) < 1, found
        return reference | {key: found[key] for key in ("first", "last")}


def totals(billed) -> dict:
    return {key: billed[name] if billed else 0 for key, name in KEYS.items()}


@unittest.skipUnless(references(), "no samples")
class Samples(unittest.TestCase):
    maxDiff = None

    def each_set(self, check) -> None:
        """With a new home that is gone afterwards. In brief: one set of each agent."""
        sets = references()
        if BRIEF:
            sets = {name: sets[name] for name in {name.partition("/")[0]: name for name in sets}.values()}
        for name, reference in sets.items():
            with self.subTest(name), tempfile.TemporaryDirectory(prefix="okstrafs-agents.") as root:
                check(Path(records.samples()) / name, reference, Home(root, name.partition("/")[0]))

    def same(self, home: Home, reference: dict, note: str = "") -> None:
        expected = home.expected(reference)
        self.assertEqual(home.look(), expected, note)
        self.assertEqual(home.look(cache=False), expected, f"{note} without a cache")

    def transcripts(self, sample: Path, reference: dict) -> list:
        """Relative paths of the files that the reference has read."""
        return sorted(Path(path).relative_to(Path(*sample.parts[-2:])) for path in reference["files"])

    def put_others(self, sample: Path, home: Home, transcripts: list) -> None:
        """Everything that is no transcript."""
        for path in sample.rglob("*"):
            rel = path.relative_to(sample)
            if path.is_file() and rel not in transcripts:
                self.put(home.folder / rel, path.read_bytes())

    def put(self, path: Path, data: bytes, mode: str = "wb") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, mode) as file:
            file.write(data)

    def test_in_one_piece(self):
        def check(sample, reference, home):
            shutil.copytree(sample, home.folder)
            self.same(home, reference["total"])

        self.each_set(check)

    def test_each_file_alone(self):
        def check(sample, reference, home):
            names = self.transcripts(sample, reference)
            for rel in names:
                shutil.rmtree(home.root / "okstra", ignore_errors=True)
                shutil.rmtree(home.folder, ignore_errors=True)
                self.put_others(sample, home, names)
                self.put(home.folder / rel, (sample / rel).read_bytes())
                self.same(home, reference["files"]["/".join((*sample.parts[-2:], str(rel)))], str(rel))

        self.each_set(check)

    def test_in_any_order(self):
        def check(sample, reference, home):
            names = self.transcripts(sample, reference)
            self.put_others(sample, home, names)
            random.Random(sample.name).shuffle(names)
            for rel in names:
                self.put(home.folder / rel, (sample / rel).read_bytes())
                self.assertEqual(home.look(), home.look(cache=False), str(rel))
            self.same(home, reference["total"])

        self.each_set(check)

    def test_growing_byte_range_by_byte_range(self):
        def check(sample, reference, home):
            names = [rel for rel in self.transcripts(sample, reference) if rel.suffix == ".jsonl"]
            self.put_others(sample, home, names)
            chance, pieces = random.Random(sample.name), []
            for rel in names:
                data = (sample / rel).read_bytes()
                ends = [at + 1 for at, byte in enumerate(data) if byte == 10]
                cuts = {chance.randrange(1, len(data)) for _ in range(CUTS)} | set(chance.sample(ends, min(len(ends), 2)))
                cuts = sorted(cuts | {len(data)})
                pieces.append([(rel, data[a:b]) for a, b in zip([0, *cuts], cuts)])
            while any(pieces):
                rel, piece = chance.choice([one for one in pieces if one]).pop(0)
                self.put(home.folder / rel, piece, "ab")
                self.assertEqual(home.look(), home.look(cache=False), f"{rel} at {(home.folder / rel).stat().st_size}")
            self.same(home, reference["total"])

        self.each_set(check)

    def test_deleted(self):
        def check(sample, reference, home):
            shutil.copytree(sample, home.folder)
            home.look()
            expected = home.expected(reference["total"])
            shutil.rmtree(home.folder)
            home.folder.mkdir()
            self.assertEqual(home.look(), expected)

        self.each_set(check)

    def test_copied(self):
        """A home is copied, and the agent is told of both."""
        def check(sample, reference, home):
            shutil.copytree(sample, home.folder)
            home.look()
            if home.agent in agents.VARIABLES:
                shutil.copytree(sample, home.root / "copy")
                home.more = {agents.VARIABLES[home.agent]: f"{home.folder},{home.root / 'copy'}"}
            else:  # a project's folder, beside it
                for top in [path for path in home.folder.glob("*/*") if path.is_dir()]:
                    shutil.copytree(top, top.with_name(f"{top.name}copy"))
            self.same(home, reference["total"])
            expected = home.expected(reference["total"])
            shutil.rmtree(home.folder)
            home.folder.mkdir()
            self.assertEqual(home.look(), expected, "one of the two is deleted")

        self.each_set(check)


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
