"""`okstrafs export`: the tree as regular files, once and as it changes, whatever ends it.

Without a mount, but for the comparison with one.
"""

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("support", "mount")]

import harness  # noqa: E402
import records  # noqa: E402
from tap import run_tap  # noqa: E402

MANIFEST, TEMPORARY = ".okstrafs-export", ".okstrafs-export.tmp"
SECONDS = 60
# What a daemon shows of itself, or what moves with the clock.
OF_ITSELF = ("status.json", "metrics.prom")


class Watcher:
    """A running `export --watch`."""

    def __init__(self, home: harness.Home, *arguments: str):
        self.out = home.root / "out"
        self.errors = open(home.root / "errors", "w+b")
        self.process = subprocess.Popen([harness.binary(), "export", "--watch", str(self.out), *arguments], env=home.environment(),
                                        stdin=subprocess.DEVNULL, stderr=self.errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, how: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(SECONDS)

    def said(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode()

    def switches(self) -> int:
        """How often its threads were woken up, or gave up the processor."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += sum(int(line.split()[1]) for line in (task / "status").read_text().splitlines() if "ctxt_switches" in line)
        return total


class ExportTest(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.home = harness.Home()
        self.addCleanup(self.home.close)
        self.out = self.home.root / "out"
        self.serial = 0

    def line(self, **more) -> bytes:
        self.serial += 1
        n = self.serial
        return records.line(records.assistant(f"2026-06-10T{n // 60 % 24:02d}:{n % 60:02d}:00.000Z", records.usage(n, n, n, n),
                                              id=f"msg_{n}", stop_reason="end_turn", cwd="/w", **more)) + b"\n"

    def append(self, session: str = "s0", project: str = "-w", **more) -> None:
        path = self.home.path(project, session)
        path.parent.mkdir(parents=True, exist_ok=True)
        harness.append(path, self.line(**more))

    def make(self, sessions: int = 3) -> None:
        for i in range(sessions):
            self.append(f"s{i}", teamName="crew" if i else "other", agentName=f"agent-{i}")
        self.append("s0", teamName="other")

    def export(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run([harness.binary(), "export", *arguments], env=self.home.environment(), capture_output=True, timeout=SECONDS)
        self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
        return done.stderr.decode()

    def files(self, manifests: bool = False) -> dict:
        """{path: bytes, or the target of a link}"""
        found = {}
        for folder, names, files in os.walk(self.out):
            for name in files + [name for name in names if os.path.islink(os.path.join(folder, name))]:
                path = os.path.join(folder, name)
                if manifests or name != MANIFEST:
                    found[os.path.relpath(path, self.out)] = os.readlink(path) if os.path.islink(path) else Path(path).read_bytes()
        return found

    def check(self, files: dict) -> None:
        """Each file has the bytes that `cat` prints."""
        documents = [path for path, content in files.items() if isinstance(content, bytes) and not path.endswith(OF_ITSELF)]
        self.assertTrue(documents)
        for path in documents:
            wanted = self.home.run("cat", path)
            if path.startswith("events"):  # a line again for each change, in the order of the changes
                rows, last = ([json.loads(line) for line in text.splitlines()] for text in (files[path], wanted))
                now = {row["id"]: row for row in rows}
                gone = set(now) - {row["id"] for row in last}
                self.assertEqual({now[key]["outputTokens"] for key in gone} - {0}, set(), path)
                self.assertEqual([now[row["id"]] | {"revision": 0} for row in last], [row | {"revision": 0} for row in last], path)
            elif path.endswith(".jsonl"):  # in the order in which lines were closed
                self.assertEqual(sorted(files[path].splitlines()), sorted(wanted.splitlines()), path)
            else:
                self.assertEqual(files[path], wanted, path)

    def until(self, condition, what: str) -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        self.fail(f"not within {SECONDS} s: {what}")

    def tokens(self, path: str = "total_tokens") -> str:
        file = self.out / path
        return file.read_text().strip() if file.exists() else ""

    def until_current(self) -> None:
        wanted = self.home.run("cat", "total_tokens").decode().strip()
        self.until(lambda: self.tokens() == wanted, f"total_tokens is {wanted}")

    def holds(self) -> bool:
        """Whether each file is as `cat` prints it, but for what moves with the clock."""
        try:
            self.check({path: content for path, content in self.files().items() if not path.endswith(("report.txt", "report.html"))})
        except (AssertionError, FileNotFoundError):
            return False
        return True

    # --- once ---

    def test_files_have_the_bytes_of_cat(self):
        self.make()
        self.assertEqual(self.export(str(self.out)), "")
        files = self.files()
        self.check(files)
        for path in ("usage.json", "metrics.prom", "events.jsonl", "stats/by-model.json", "teams/crew/members/agent-1/cost_usd",
                     "projects/-w/cost_usd"):
            self.assertIn(path, files)
        self.assertEqual([path for path in files if path.startswith("sessions/") or "/window/" in path], [])

    def test_everything_and_what_has_to_be_named(self):
        self.make()
        self.export(str(self.out), "/", "sessions/*/ledger.jsonl", "sessions/s1/tools.jsonl", "teams/*/sessions", "window",
                    "stats/window/2026-06-10", "sessions/s0/window/2026-06-10T00:01Z_.json")
        files = self.files()
        clock = {path for path in files if path.endswith(("report.txt", "report.html"))
                 or path.split("/")[-1].startswith(("last-", "today", "yesterday", "this-"))}
        self.check({path: content for path, content in files.items() if path not in clock})
        self.assertIn("sessions/s0/ledger.jsonl", files)
        self.assertIn("sessions/s1/tools.jsonl", files)
        self.assertNotIn("sessions/s2/tools.jsonl", files)
        self.assertIn("window/last-7d.json", files)
        self.assertIn("stats/window/2026-06-10/cost_usd", files)
        self.assertNotIn("stats/window/today/cost_usd", files)
        self.assertIn("sessions/s0/window/2026-06-10T00:01Z_.json", files)
        self.assertEqual(files["teams/crew/sessions/s1"], "../../../sessions/s1")

    @unittest.skipIf(harness.why_not(), "no mount here")
    def test_files_have_the_bytes_of_the_mount(self):
        self.make()
        self.export(str(self.out), "/")
        with self.home.mount() as mount:
            for path, content in self.files().items():
                if isinstance(content, str):
                    self.assertEqual(os.readlink(mount.point / path), content, path)
                elif not path.endswith(OF_ITSELF):
                    self.assertEqual((mount.point / path).read_bytes(), content, path)

    def test_only_what_changed_is_written(self):
        self.make()
        arguments = (str(self.out), "/")
        self.export(*arguments)
        before = {path: os.lstat(self.out / path).st_ino for path in self.files(True) if path not in OF_ITSELF}
        self.export(*arguments)
        self.assertEqual(before, {path: os.lstat(self.out / path).st_ino for path in self.files(True) if path not in OF_ITSELF})
        self.append("s1")
        self.export(*arguments)
        changed = {path for path, inode in before.items() if os.lstat(self.out / path).st_ino != inode}
        self.assertIn("sessions/s1/usage.json", changed)
        self.assertEqual([path for path in changed if path.startswith(("sessions/s0/", "sessions/s2/"))], [])
        self.check(self.files())

    def test_what_is_gone_is_removed(self):
        self.make()
        self.export(str(self.out), "/")
        self.home.path("-w", "s1").unlink()
        self.home.run("forget", "s1")
        self.export(str(self.out), "/")
        files = self.files(True)
        self.assertEqual([path for path in files if "s1" in path], [])
        self.assertFalse((self.out / "sessions/s1").exists())
        self.check(self.files())
        self.export(str(self.out), "cost_usd")
        self.assertEqual(sorted(self.files(True)), [MANIFEST, "cost_usd"])
        self.assertEqual(sorted(os.listdir(self.out)), [MANIFEST, "cost_usd"])

    def test_what_others_wrote_stays(self):
        self.make()
        self.out.mkdir()
        (self.out / "usage.json").write_text("mine")
        self.assertIn("holds files that okstrafs did not write", self.export(str(self.out), code=1))
        self.assertEqual(os.listdir(self.out), ["usage.json"])
        (self.out / "usage.json").unlink()
        self.export(str(self.out))
        (self.out / "notes").write_text("mine")
        (self.out / "stats" / "notes").write_text("mine")
        (self.out / "README.txt").write_text("mine")
        self.assertIn("README.txt: there is something that okstrafs did not write", self.export(str(self.out), "cost_usd", "README.txt", code=1))
        self.assertEqual({path: content for path, content in self.files().items() if content == b"mine"},
                         dict.fromkeys(("notes", "stats/notes", "README.txt"), b"mine"))
        self.assertEqual(sorted(self.files()), ["README.txt", "cost_usd", "notes", "stats/notes"])

    def test_mode_and_group(self):
        self.make()
        group = 4242 if os.geteuid() == 0 else os.getgid()
        self.export(f"--group={group}", "--mode=640", str(self.out))
        for path in (path for path in self.out.rglob("*") if not path.is_symlink()):
            st = path.lstat()
            self.assertEqual((stat.S_IMODE(st.st_mode), st.st_gid), (0o750 if path.is_dir() else 0o640, group), path)
        self.export("--mode=604", str(self.out))
        self.assertEqual({stat.S_IMODE(path.lstat().st_mode) for path in self.out.rglob("*")
                          if path.name != MANIFEST and not path.is_symlink()}, {0o705, 0o604})
        self.export(str(self.out))
        self.assertEqual({stat.S_IMODE(path.lstat().st_mode) for path in self.out.rglob("*")
                          if path.name != MANIFEST and not path.is_symlink()}, {0o700, 0o600})

    def test_what_is_wrong_is_said(self):
        self.make()
        self.assertIn("needs a folder", self.export(code=64))
        self.assertIn("no/such: No such file or directory", self.export(str(self.out), "no/such", "cost_usd", code=1))
        self.assertEqual(list(self.files()), ["cost_usd"])
        self.assertIn("has no ..", self.export(str(self.out), "../x", code=64))
        self.assertIn("--mode=rw", self.export("--mode=rw", str(self.out), code=64))
        self.assertIn("--mode=777", self.export("--mode=777", str(self.out), code=64))
        self.assertIn("no such group", self.export("--group=of nobody", str(self.out), code=64))
        self.assertIn("files are read as transcripts", self.export(str(self.home.projects / "out"), code=64))
        self.assertFalse((self.home.projects / "out").exists())
        self.assertIn("No such file or directory", self.export(str(self.home.root / "no" / "out"), code=1))

    # --- from then on ---

    def test_changes_are_written(self):
        self.make()
        with Watcher(self.home, "/") as watcher:
            self.until_current()
            for step in range(3):
                self.append("s1")
                self.append(f"new-{step}")
                self.until_current()
                self.until(lambda: (self.out / f"sessions/new-{step}/cost_usd").exists(), "the new session")
            # Streams grow, and stay the same file.
            events, inode = self.out / "events.jsonl", (self.out / "events.jsonl").stat().st_ino
            lines = len(events.read_bytes().splitlines())
            self.append("s2")
            self.append("s2")
            self.until(lambda: len(events.read_bytes().splitlines()) >= lines + 1, "a line more")
            self.assertEqual(events.stat().st_ino, inode)
            self.home.path("-w", "s0").unlink()
            retained = lambda: json.loads((self.out / "sessions/s0/usage.json").read_bytes())["billed"]["retainedRequests"]
            self.until(retained, "s0 is retained")
            self.until(lambda: b"s0" in self.home.run("ls", "sessions").split(), "another process knows it too")
            self.home.run("forget", "--all")
            self.until(lambda: not (self.out / "sessions/s0").exists(), "s0 is gone")
            self.until_current()
            self.until(self.holds, "each file has the bytes of cat")
            self.assertEqual(watcher.stop(), 0)
            self.assertEqual(watcher.said(), "")

    def change(self, rand: random.Random) -> None:
        """Records of members of teams, new sessions, deleted ones and those that come back, prices, budgets, forgetting."""
        name = f"s{rand.randrange(7)}"
        path = self.home.path("-w", name)
        what = rand.randrange(12)
        if what == 0 and path.exists():
            path.unlink()
        elif what == 1:
            self.home.run("forget", "--all")
        elif what in (2, 3):
            folder = self.home.okstra / "okstrafs"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "prices.json").write_text(json.dumps({records.MODELS[0]: {"input_cost_per_token": rand.randrange(9) / 1e6}}))
            (self.home.okstra / "okstrafs.json").write_text(json.dumps({"budgets": {f"b{rand.randrange(2)}": {"scope": "total", "limitTokens": 100}}}))
        else:
            self.append(name, teamName=rand.choice(("crew", "Crew", "other")), agentName=rand.choice(("ann", "bob", name)))

    def comparable(self) -> dict:
        """What does not depend on when it was written, or in which order its lines came. Ids of a deleted transcript that was
        never saved are known to the process alone that has read it."""
        def values(line: bytes) -> str:
            return json.dumps(json.loads(line) | {"requestId": None, "messageId": None}, sort_keys=True)
        return {path: sorted(map(values, content.splitlines())) if path.endswith(".jsonl") else content for path, content in self.files().items()
                if not path.endswith((*OF_ITSELF, "report.txt", "report.html")) and not path.startswith("events")}

    def is_as_anew(self) -> bool:
        """Whether the export is what another one writes into a new folder."""
        watched = self.out
        self.out = self.home.root / "anew"
        try:
            self.export(str(self.out), "/")
            wanted = self.comparable()
        finally:
            shutil.rmtree(self.out, ignore_errors=True)
            self.out = watched
        try:
            return self.comparable() == wanted
        except FileNotFoundError:  # replaced in this moment
            return False

    def test_after_random_changes_it_is_as_anew(self):
        rand = random.Random(17)
        self.make()
        with Watcher(self.home, "/") as watcher:
            for step in range(harness.by_effort(4, 12, 200)):
                for _ in range(rand.randrange(1, 4)):
                    self.change(rand)
                self.until(self.is_as_anew, f"the same as anew after step {step}")
            self.assertEqual(watcher.said(), "")

    def test_what_is_named_may_come_later(self):
        self.make()
        with Watcher(self.home, "sessions/later/cost_usd", "budgets", "total_tokens") as watcher:
            self.until_current()
            self.assertEqual(sorted(self.files()), ["total_tokens"])
            self.append("later")
            self.until(lambda: (self.out / "sessions/later/cost_usd").exists(), "the session that is named")
            self.home.okstra.mkdir(exist_ok=True)
            (self.home.okstra / "okstrafs.json").write_text(json.dumps({"budgets": {"b": {"scope": "total", "limitTokens": 1}}}))
            self.until(lambda: (self.out / "budgets/exceeded/b").exists(), "the budget")
            self.assertEqual(watcher.said(), "")

    def test_it_sleeps_while_nothing_changes(self):
        self.make()
        with Watcher(self.home) as watcher:
            self.until_current()
            before = [0, 0]
            end = time.monotonic() + SECONDS
            while before[0] != before[1] or before[0] == 0: # until caches are saved
                self.assertLess(time.monotonic(), end, "it is never idle")
                before = [watcher.switches()]
                time.sleep(1.5)
                before.append(watcher.switches())
            time.sleep(1.5)
            self.assertEqual(watcher.switches(), before[0])

    def test_two_do_not_write_into_one_folder(self):
        self.make()
        with Watcher(self.home):
            self.until_current()
            self.assertIn("another okstrafs exports into it", self.export(str(self.out), code=1))

    def test_a_full_disk_passes(self):
        """A file that cannot be written stays as it was, and is written when that is possible."""
        self.make()
        with Watcher(self.home, "total_tokens", "cost_usd") as watcher:
            self.until_current()
            before = self.tokens()
            (self.out / "cost_usd").unlink()
            (self.out / "cost_usd").mkdir()
            (self.out / "cost_usd" / "mine").write_text("x")
            self.append("s1")
            self.until(lambda: self.tokens() != before, "the other file")
            self.until(lambda: "cost_usd" in watcher.said(), "a message")
            (self.out / "cost_usd" / "mine").unlink()
            (self.out / "cost_usd").rmdir()
            self.append("s1")
            self.until(lambda: (self.out / "cost_usd").is_file(), "the file")

    def test_kills(self):
        """Whenever it is killed: each document is one of those that there were, whole, and the next run leaves none of its own."""
        self.make()
        pick = random.Random(3)
        seen = set()
        for _ in range(6):
            watcher = Watcher(self.home, "/")
            for _ in range(pick.randrange(1, 5)):
                self.append(f"s{pick.randrange(6)}")
                seen.add(self.home.run("cat", "total_tokens"))
                time.sleep(pick.random() * 0.15)
            watcher.stop(signal.SIGKILL)
            for path, content in self.files().items():
                if path.endswith("total_tokens") and "/" not in path:
                    self.assertIn(content, seen)
                elif path.endswith(".json"):
                    json.loads(content)
                elif path.endswith(("cost_usd", "total_tokens", ".prom", ".html", ".svg")):
                    self.assertTrue(content.endswith(b"\n"), path)
        self.export(str(self.out), "/")
        self.check({path: content for path, content in self.files().items() if not path.endswith(("report.txt", "report.html"))})
        self.assertEqual(list(self.out.rglob(TEMPORARY)), [])


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
