"""Every document that okstrafs renders, against docs/schema: of a made home, and of all samples where there are any.

A key that is in no schema fails, so a new key comes with its schema. Nothing is mounted; where python3-jsonschema is
missing, the documents are not looked at.
"""

import json
import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("support", "mount", "sources", "reference")]
os.environ.setdefault("OKSTRAFS_TEST_SECONDS", "600")

import records  # noqa: E402
import schemas  # noqa: E402
from compared_homes import Home, Made, sample_homes  # noqa: E402
from tap import run_tap  # noqa: E402

AT_ONCE = 400  # paths of one command
SESSIONS = 400
FEW = 12  # folders whose windows are read as well
MARK = b"README of okstrafs"
WINDOWS = ("today", "last-30d", "2026-06-10", "2026-06-10T09:00Z_2026-06-12")
TOP = ("usage.json", "status.json", "pricing.json", "events.jsonl", "limits/claude.json", "limits/codex.json")


class PlainHome(Home):
    """Without the clock that comparisons need."""

    def environment(self) -> dict:
        return {key: value for key, value in super().environment().items() if key != "LD_PRELOAD"}


def listed(home: Home, path: str) -> list[str]:
    return home.run("ls", path).decode("utf-8", "surrogateescape").splitlines()


def files_of(home: Home, folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in listed(home, folder) if name.endswith((".json", ".jsonl"))]


def paths_of(home: Home) -> list[str]:
    """Of all kinds of folders; of sessions each file, and the windows of a few."""
    out = [*TOP, *files_of(home, "budgets"), *files_of(home, "stats"), *files_of(home, "events")]
    sessions, projects, teams = (listed(home, kind) for kind in ("sessions", "projects", "teams"))
    names = [path.rpartition("/")[2] for path in files_of(home, f"sessions/{sessions[0]}")] if sessions else []
    out += [f"sessions/{session}/{name}" for session in sessions[:SESSIONS] for name in names]
    out += [f"projects/{project}/usage.json" for project in projects]
    hosts = listed(home, "hosts")
    out += [path for host in hosts[:FEW] for path in files_of(home, f"hosts/{host}")]
    folders = ["", *(f"sessions/{name}/" for name in sessions[:FEW]), *(f"projects/{name}/" for name in projects[:FEW]),
               *(f"hosts/{name}/" for name in hosts[:FEW])]
    for team in teams:
        here = f"teams/{team}"
        out += files_of(home, here)
        folders.append(f"{here}/")
        for part in ("members", "runs"):
            for name in listed(home, f"{here}/{part}")[:FEW]:
                out += files_of(home, f"{here}/{part}/{name}")
                folders.append(f"{here}/{part}/{name}/")
    out += [f"{folder}window/{window}.json" for folder in folders for window in WINDOWS]
    out += [path for window in WINDOWS[:3] for path in files_of(home, f"stats/window/{window}")]
    return out


def documents(home: Home):
    """(path, bytes) of each; README.txt tells them apart."""
    paths = paths_of(home)
    mark = home.run("cat", "README.txt")
    for i in range(0, len(paths), AT_ONCE):
        some = paths[i : i + AT_ONCE]
        text = home.run("cat", *(word for path in some for word in (path, "README.txt")))
        yield from zip(some, text.split(mark))


class Schemas(unittest.TestCase):
    def test_schemas_are_valid(self):
        if not schemas.available():
            self.skipTest("no python3-jsonschema")
        for name in schemas.names():
            schemas.validator(name).check_schema(schemas.schema(name))
            self.assertEqual(schemas.schema(name)["$id"], f"https://okstrafs.invalid/schema/1/{name}.json")
        self.assertEqual(set(schemas.names()) - {"common"}, {name for _, name in schemas.KINDS})

    def test_the_list_names_all(self):
        text = (schemas.FOLDER / "README.md").read_text()
        self.assertEqual(set(re.findall(r"\]\(([a-z-]+)\.json\)", text)), set(schemas.names()) - {"common"})

    def test_a_new_key_is_refused(self):
        """In each object of each document, whatever the schema."""
        if not schemas.available():
            self.skipTest("no python3-jsonschema")
        line = {"t": None, "id": None, "name": "Bash", "durationMs": 1, "failed": None, "messageId": None, "agentId": None, "sidechain": False}
        self.assertIsNone(schemas.wrong("sessions/x/tools.jsonl", json.dumps(line).encode()))
        self.assertIn("'more' was unexpected", schemas.wrong("sessions/x/tools.jsonl", json.dumps(line | {"more": 1}).encode()))
        for name in schemas.names():
            for where, one in objects(schemas.schema(name)):
                if name != "common" or where != "measure":
                    self.assertTrue(one.get("additionalProperties") is not None or one.get("unevaluatedProperties") is False, f"{name} {where}")

    def check(self, fill) -> None:
        if not schemas.available():
            self.skipTest("no python3-jsonschema")
        with tempfile.TemporaryDirectory() as folder:
            home = PlainHome(Path(folder))
            home.make(fill)
            home.renew()
            seen, wrong = {}, []
            for path, data in documents(home):
                seen[schemas.kind_of(path)] = seen.get(schemas.kind_of(path), 0) + 1
                wrong.append(schemas.wrong(path, data))
            self.assertFalse([one for one in wrong if one][:5])
            self.seen = seen

    def test_made_home(self):
        self.check(Made(60).fill)
        self.assertEqual(set(self.seen), set(schemas.names()) - {"common"})

    def test_samples(self):
        samples = records.samples()
        if not samples:
            self.skipTest("no samples: see OKSTRAFS_SAMPLES")
        for name, fill in sample_homes(Path(samples)):
            with self.subTest(name):
                self.check(fill)


def objects(node, where: str = ""):
    """Every object of a schema that lists properties."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield where, node
        for key, value in node.items():
            yield from objects(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value, where)


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
