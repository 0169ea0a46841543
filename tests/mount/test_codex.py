"""Homes of Codex rollouts through a real mount: pages, forks, compressed and archived files, against a reference of their own."""

import ctypes
import json
import os
import random
import shutil
from collections import Counter
from pathlib import Path

import harness
import events

os.environ.setdefault("OKSTRAFS_BIN", "")
import reference_codex as reference

SEEDS = range(int(os.environ.get("OKSTRAFS_CODEX_SEEDS", "6")))


def packed(data: bytes) -> bytes:
    """As Codex does it: one frame, level 3."""
    zstd = ctypes.CDLL("libzstd.so.1")
    zstd.ZSTD_compressBound.restype = zstd.ZSTD_compress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(zstd.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    size = zstd.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:size]


class CodexTest(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.folder = self.home.root / ".codex/sessions/2026/09/01"
        self.archive = self.home.root / ".codex/archived_sessions"
        self.folder.mkdir(parents=True)
        self.archive.mkdir()

    def contents(self) -> dict:
        """What the plain files hold."""
        return {str(path): path.read_bytes() for folder in (self.folder, self.archive) for path in folder.glob("*.jsonl")}

    def compare(self, read, contents: dict, when: str) -> None:
        """All totals, and the time, model and tokens of each request."""
        expected = reference.requests(contents)
        total = json.loads(read("stats/by-model.json"))["total"]
        sums = [sum(r.numbers[i] for r in expected) for i in range(4)]
        sums = [sums[0] - sums[1] - sums[2], sums[3], sums[2], sums[1]]
        keys = ("inputTokens", "outputTokens", "cacheCreationTokens", "cacheReadTokens")
        self.assertEqual((total["billed"]["requests"], [total["billed"][key] for key in keys]), (len(expected), sums), when)
        self.assertEqual([total[key] or 0 for key in keys], sums, when)
        lines = [row for row in events.table(read("events.jsonl")).values() if row["requests"]]
        shown = Counter((x["t"], x["model"] or "", x["inputTotalTokens"], x["cacheReadTokens"], x["outputTokens"]) for x in lines)
        self.assertEqual(shown, Counter((r.stamp, r.model, r.numbers[0], r.numbers[1], r.numbers[3]) for r in expected), when)

    def forget(self) -> None:
        """What was deleted is retained otherwise."""
        shutil.rmtree(self.home.okstra)

    def cat(self, *path: str) -> bytes:
        return self.home.run("cat", *path)


class Homes(CodexTest):
    def test_whole_homes(self):
        for seed in SEEDS:
            for path in self.folder.iterdir():
                path.unlink()
            for name, data in reference.Home(seed).files.items():
                (self.folder / name).write_bytes(data)
            self.compare(lambda path: self.home.run("--no-cache", "cat", path), self.contents(), f"seed {seed}")

    def test_files_that_grow_in_any_order(self):
        for seed in SEEDS:
            home, dice = reference.Home(seed), random.Random(seed)
            folder = self.folder.parent / f"{2 + seed:02}"
            self.folder = folder
            folder.mkdir()
            rest = dict(home.files)
            with self.home.mount() as mount:
                step = 0
                while rest:
                    name = dice.choice(sorted(rest))
                    size = dice.choice((17, 300, 2500, 100000))
                    harness.append(folder / name, rest[name][:size])
                    rest[name] = rest[name][size:]
                    if not rest[name]:
                        del rest[name]
                    step += 1
                    if dice.random() < 0.3 or not rest:
                        self.compare(mount.read, self.contents(), f"seed {seed}, step {step}")
            self.compare(self.cat, self.contents(), f"seed {seed}, again")
            for path in folder.iterdir():
                path.unlink()
            self.forget()

    def test_files_that_change_their_form(self):
        for seed in SEEDS:
            home, dice = reference.Home(100 + seed), random.Random(seed)
            self.folder = self.folder.parent / f"{2 + seed:02}"
            self.folder.mkdir()
            for name, data in home.files.items():
                (self.folder / name).write_bytes(data)
            contents = self.contents()
            with self.home.mount() as mount:
                for step in range(12):
                    path = dice.choice(sorted([*self.folder.iterdir(), *self.archive.iterdir()]))
                    how = dice.choice(("pack", "pack", "unpack", "archive", "both"))
                    if how == "archive":
                        path.rename((self.archive if path.parent == self.folder else self.folder) / path.name)
                    elif path.suffix == ".zst":
                        plain = path.with_suffix("")
                        plain.write_bytes(contents[str(self.folder / plain.name)])
                        if how != "both":
                            path.unlink()
                    elif how != "unpack":
                        path.with_name("rollout-compress-x.tmp").write_bytes(packed(path.read_bytes()))
                        path.with_name("rollout-compress-x.tmp").rename(path.with_name(path.name + ".zst"))
                        if how != "both":
                            path.unlink()
                    self.compare(mount.read, contents, f"seed {seed}, step {step}: {how} {path.name}")
            self.compare(self.cat, contents, f"seed {seed}, again")
            for path in [*self.folder.iterdir(), *self.archive.iterdir()]:
                path.unlink()
            self.forget()


class Samples(CodexTest):
    def test_sets_that_grow_in_any_order(self):
        folder = Path(os.environ.get("OKSTRAFS_SAMPLES", "")) / "codex-pages"
        totals = folder.parent / "REFERENCE_AGENTS.json"
        if not os.environ.get("OKSTRAFS_SAMPLES") or not totals.exists():
            self.skipTest("no samples")
        for seed, name in enumerate(sorted(s for s in json.loads(totals.read_text())["sets"] if s.startswith("codex-pages/"))):
            dice, codex = random.Random(seed), self.home.root / ".codex"
            rest = {p.relative_to(folder.parent / name): p.read_bytes() for p in (folder.parent / name).rglob("rollout-*")}
            plain = all(path.suffix != ".zst" for path in rest)  # the reference reads no others
            with self.home.mount() as mount:
                while rest:
                    path = dice.choice(sorted(rest))
                    size = len(rest[path]) if path.suffix == ".zst" else dice.choice((40, 700, 5000))
                    (codex / path).parent.mkdir(parents=True, exist_ok=True)
                    harness.append(codex / path, rest[path][:size])
                    rest[path] = rest[path][size:]
                    if not rest[path]:
                        del rest[path]
                    if plain:
                        self.compare(mount.read, {str(p): p.read_bytes() for p in codex.rglob("*.jsonl")}, name)
                self.total(mount.read, json.loads(totals.read_text())["sets"][name]["total"], name)
            self.total(self.cat, json.loads(totals.read_text())["sets"][name]["total"], name)
            for path in codex.rglob("rollout-*"):
                path.unlink()
            self.forget()

    def total(self, read, expected: dict, when: str) -> None:
        billed = json.loads(read("stats/by-model.json"))["total"]["billed"]
        keys = {"requests": "requests", "input": "inputTokens", "output": "outputTokens",
                "cacheWrite": "cacheCreationTokens", "cacheRead": "cacheReadTokens"}
        self.assertEqual({key: billed[shown] for key, shown in keys.items()}, {key: expected[key] for key in keys}, when)


class Compressed(CodexTest):
    def one(self) -> tuple:
        home = reference.Home(3, 1)
        name, data = max(home.files.items(), key=lambda item: len(item[1]))
        return self.folder / name, data

    def test_a_bad_frame_is_a_bad_file_and_nothing_more(self):
        path, data = self.one()
        other, more = next(iter(reference.Home(4, 1).files.items()))
        (self.folder / other).write_bytes(more)
        good, zst = packed(data), path.with_name(path.name + ".zst")
        zst.write_bytes(good)
        with self.home.mount() as mount:
            both = {str(path): data, str(self.folder / other): more}
            self.compare(mount.read, both, "good")
            for bad in (good[:-5], b"{}\n", b"", good + b"x", good[:20] + bytes(len(good) - 20)):
                zst.write_bytes(bad)
                self.compare(mount.read, both, "what was known stays")
            self.assertIn(zst.name, json.dumps(mount.json("status.json")))
            fresh = self.home.run("--no-cache", "cat", "stats/by-model.json")
            self.assertEqual(json.loads(fresh)["total"]["billed"]["requests"], len(reference.requests({other: more})))
            zst.write_bytes(good)
            self.compare(mount.read, both, "good again")

    def test_both_forms_are_one_rollout(self):
        path, data = self.one()
        half = data[: data.rindex(b"\n", 0, len(data) // 2) + 1]
        zst = path.with_name(path.name + ".zst")
        zst.write_bytes(packed(half))
        for scanned in (True, False):
            with self.home.mount() as mount:
                self.compare(mount.read, {str(path): half}, "packed")
                self.assertEqual(mount.json("status.json")["bytesScanned"] > 0, scanned)  # again, from the cache
        path.write_bytes(data)
        self.compare(self.cat, {str(path): data}, "both")
        zst.unlink()
        self.compare(self.cat, {str(path): data}, "plain")


if __name__ == "__main__":
    harness.main(__name__)
