"""`okstrafs cat`, `ls` and `scan` in which the Nth call of a kind fails, once or from then on.

Each run gives the right answer, or says what is wrong and exits with 1 (71 at its begin); it never prints a document that is not true.
Afterwards, without faults, everything is there again: no cache and no history was damaged.
"""

import errno
import random
import subprocess

import faults
import harness
import made_opencode
import schemas
from faults import FOREVER, KILL, SHORT

READING = (errno.EMFILE, errno.EIO)
WRITING = (errno.ENOSPC, SHORT)
FAILED = (1, 71)  # 71: before the engine was there


class Commands(faults.FailingTest):
    def setUp(self):
        super().setUp()
        self.made = faults.MadeHome(self.home)
        self.cat = ["cat", *self.made.documents]
        self.made.reset()
        self.documents = [self.made.run(["cat", name]).stdout for name in self.made.documents]
        self.right = b"".join(self.documents)
        self.assertEqual(self.made.run(["--no-cache", *self.cat]).stdout, self.right)
        for name, document in zip(self.made.documents, self.documents):
            if schemas.available() and name.endswith((".json", ".jsonl")):
                self.assertIsNone(schemas.wrong(name, document))

    def is_part(self, printed: bytes) -> bool:
        """Whether it is some of the right documents, whole and in their order."""
        for document in self.documents:
            printed = printed.removeprefix(document)
        return not printed

    def calls(self, kind: str, arguments: list, caches: bool) -> int:
        self.made.reset(caches)
        self.failing.arm(kind)
        done = self.made.run(arguments, self.failing)
        self.failing.disarm()
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.failing.count

    def chosen(self, n: int, most: int) -> list:
        """Which calls to fail: all by hand, else a sample, the same each time."""
        numbers = range(1, n + 1)
        most = harness.by_effort(max(most // 4, 2), most, n)
        return list(numbers) if n <= most else sorted(random.Random(n).sample(numbers, most))

    def check(self, note: str, done, killed: bool = False) -> None:
        if killed:
            self.assertIn(done.returncode, (0, 1, -9), note)
            self.assertTrue(self.right.startswith(done.stdout), note)  # it may end anywhere
            return
        if done.returncode == 0:
            self.assertEqual(done.stdout, self.right, note)
        else:
            self.assertIn(done.returncode, FAILED, f"{note}: {done.stderr}")
            self.assertTrue(done.stderr, f"{note}: it says nothing")
        self.assertTrue(self.is_part(done.stdout), f"{note}: {done.stderr}: {done.stdout}")

    def check_afterwards(self, note: str) -> None:
        done = self.made.run(self.cat)
        self.assertEqual(done.returncode, 0, f"afterwards, {note}: {done.stderr}")
        self.assertEqual(done.stdout, self.right, f"afterwards, {note}")

    def fail_each(self, kind: str, errors, most: int, arguments=None) -> int:
        failed = 0
        for caches in (True, False):
            for error in errors:
                for first in self.chosen(self.calls(kind, arguments or self.cat, caches), most):
                    for last in (first, FOREVER) if error != KILL else (first,):
                        self.made.reset(caches)
                        self.failing.arm(kind, first, error, last)
                        done = self.made.run(arguments or self.cat, self.failing)
                        note = f"{kind} {first}{'+' if last == FOREVER else ''} {error} caches={caches}"
                        failed += bool(self.failing.disarm())
                        if arguments:
                            self.assertIn(done.returncode, (0, *FAILED) if error != KILL else (0, -9), f"{note}: {done.stderr}")
                        else:
                            self.check(note, done, error == KILL)
                        self.check_afterwards(note)
        self.assertTrue(failed, f"no call of the kind {kind} failed")
        return failed


class Reading(Commands):
    def test_opens(self):
        self.fail_each("open", READING, 3)

    def test_reads(self):
        self.fail_each("read", READING, 4)

    def test_listings(self):
        self.fail_each("list", READING, 4)

    def test_stats(self):
        self.fail_each("stat", (errno.ENOMEM, errno.EIO), 4)

    def test_listings_of_names(self):
        """`ls` lists all or says that it cannot."""
        self.made.reset()
        right = self.made.run(["ls", "sessions"]).stdout
        for kind in ("open", "list", "stat"):
            numbers = self.chosen(self.calls(kind, ["ls", "sessions"], True), 8)
            for first in sorted({*numbers, *(range(1, 11) if kind == "stat" else ())}):  # the first look for folders of agents
                self.made.reset()
                self.failing.arm(kind, first, errno.EMFILE)
                done = self.made.run(["ls", "sessions"], self.failing)
                self.assertTrue(done.stdout == right or (done.returncode in FAILED and done.stderr), f"{kind} {first}: {done}")

    def test_looks_at_opencode(self):
        """Neither its database nor its older files count as gone or damaged after a failure that passes."""
        answer = {"role": "assistant", "modelID": "gpt-5.5", "time": {"created": 1780000000000}, "tokens": made_opencode.tokens([5, 7, 0, 1, 2])}
        for n in range(2):
            made_opencode.put_files(self.home.root / ".local/share/opencode", f"ses_old{n}", {f"msg_{n}{i}": answer for i in range(2)})
        arguments = ["cat", "stats/by-project.json"]
        self.made.reset(caches=False)
        right = self.made.run(arguments).stdout
        for first in range(1, self.calls("stat", arguments, False) + 1, 3):
            self.made.reset(caches=False)
            self.failing.arm("stat", first, errno.EIO)
            done = self.made.run(arguments, self.failing)
            self.assertTrue(done.stdout == right or (done.returncode in FAILED and done.stderr), f"stat {first}: {done}")

    def test_a_look_at_a_folder_with_a_comma(self):
        """A variable may name one folder or several. A failed look does not make several of one."""
        folder = self.home.root / "work,private"
        (self.home.root / ".codex").rename(folder)
        more = {"environ": {"CODEX_HOME": str(folder)}}
        arguments = ["cat", "stats/by-agent.json"]
        right = self.made.run(arguments, **more).stdout
        without = self.made.run(arguments, environ={"CODEX_HOME": str(self.home.root / "none")}).stdout
        self.assertNotEqual(right, without)
        for error in (errno.EIO, errno.ENOMEM):
            said = 0
            for first in range(1, 16):  # all looks at folders of agents come first
                self.made.reset(caches=False)
                environ = more["environ"] | self.failing.environment()
                self.failing.arm("stat", first, error)
                done = self.made.run(arguments, environ=environ)
                self.assertEqual(self.failing.disarm(), 1)
                self.assertTrue(done.stdout == right or (done.returncode in FAILED and done.stderr), f"stat {first}: {done}")
                said += str(folder).encode() in done.stderr
            self.assertTrue(said)

    def test_a_disk_that_stops_in_a_transcript(self):
        """However late: a document without what could not be read would be too small."""
        right = self.made.run(["cat", "stats/by-model.json"]).stdout
        for caches in (True, False):
            for first in self.chosen(self.calls("read", ["cat", "stats/by-model.json"], caches), 12):
                self.made.reset(caches)
                self.failing.arm("read", first, errno.EIO, FOREVER)
                done = self.made.run(["cat", "stats/by-model.json"], self.failing)
                self.failing.disarm()
                self.assertIn((done.returncode, done.stdout), ((0, right), (1, b"")), f"read {first}+ {caches}")
                self.check_afterwards(f"read {first}+ {caches}")

    def test_long_listings(self):
        """`ls -l` leaves out no entry that it cannot show."""
        arguments = ["ls", "-l", "stats"]
        self.made.reset()
        right = self.made.run(arguments).stdout
        for kind in ("open", "allocate"):
            for first in self.chosen(self.calls(kind, arguments, True), 12):
                self.made.reset()
                self.failing.arm(kind, first, errno.ENOMEM, FOREVER)
                done = self.made.run(arguments, self.failing)
                self.assertTrue(done.stdout == right or (done.returncode in FAILED and done.stderr), f"{kind} {first}: {done}")

    def test_an_output_that_is_full(self):
        for arguments in (self.cat, ["ls", "sessions"], ["ls", "-l", "stats"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([harness.binary(), *arguments], env=self.home.environment(), stdout=full,
                                      stderr=subprocess.PIPE, timeout=faults.SECONDS)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn(b"cannot write", done.stderr, arguments)


class Allocating(Commands):
    def test_one_allocation(self):
        self.fail_each("allocate", (errno.ENOMEM,), 12)

    def test_rows_of_time_are_made_again(self):
        """A document that fails leaves no request in rows of time that the next document shows."""
        names = ["stats/by-model.json", "stats/by-day.json", "stats/blocks.json"]
        documents = [self.documents[self.made.documents.index(name)] for name in names]
        n, failed = self.calls("allocate", ["cat", *names], True), 0
        for first in range(n - 120, n + 1, 2):  # those that make the rows: what was read is summed up by then
            self.made.reset()
            self.failing.arm("allocate", first, errno.ENOMEM)
            printed = self.made.run(["cat", *names], self.failing).stdout
            failed += bool(self.failing.disarm()) and not printed.startswith(documents[0] + documents[1])
            for document in documents:
                printed = printed.removeprefix(document)
            self.assertEqual(printed, b"", f"allocate {first} of {n}")
        self.assertTrue(failed, "by-day.json never failed")


class Writing(Commands):
    def test_writes(self):
        self.fail_each("write", WRITING, 4)

    def test_renames(self):
        self.fail_each("rename", (errno.EROFS,), 3)

    def test_syncs(self):
        self.fail_each("sync", (errno.EIO,), 3)

    def test_killed_at_each_step(self):
        """Of the path by which a cache and the history store are written."""
        for kind in ("write", "rename", "sync", "open"):
            self.fail_each(kind, (KILL,), 4)

    def test_killed_while_scanning(self):
        for kind in ("write", "rename"):
            self.fail_each(kind, (KILL,), 4, ["scan"])


class Twins(Commands):
    """The tests above can see a fault: where one is ignored, the answer is wrong."""

    def test_a_folder_that_is_left_out_is_seen(self):
        folder = self.home.projects / "-other"
        folder.rename(self.home.root / "elsewhere")
        done = self.made.run(self.cat)
        self.assertNotEqual(done.stdout, self.right)
        self.assertFalse(self.is_part(done.stdout))

    def test_a_lost_history_is_seen(self):
        self.made.reset()
        (self.home.okstra / "okstrafs/history/log").unlink()
        for name in ("rewritten", "gone"):
            done = self.made.run(["--no-cache", "cat", f"sessions/{name}/usage.json"])
            self.assertNotIn(done.stdout, self.documents, name)

    def test_calls_fail(self):
        """The library does what it says."""
        self.failing.arm("open", 1, errno.EMFILE, FOREVER)
        done = self.made.run(self.cat, self.failing)
        self.assertGreater(self.failing.disarm(), 0)
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    harness.main(__name__)
