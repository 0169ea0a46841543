"""A mounted daemon in which the Nth call of a kind fails, while something new is to be found.

Before each read a project appears, a transcript grows and another one is replaced. The read is right or an error; the
next one, without faults, is right: nothing that could not be seen was taken for absent. At the end a new daemon, and
one without caches, say the same.
"""

import contextlib
import errno
import os
import random
import resource

import faults
import guarded
import harness
import records
from faults import FOREVER

COUNTED = 11  # tokens of a line


class Daemon(faults.FailingTest):
    def setUp(self):
        super().setUp()
        self.serial, self.lines = 0, 2
        self.grows = self.home.transcript("-p", "grows", [self.line()])
        self.home.transcript("-p", "replaced", [self.line()])

    def line(self) -> dict:
        self.serial += 1
        return records.assistant(f"2026-06-10T01:{self.serial // 60 % 60:02}:{self.serial % 60:02}Z", id=f"msg_01{self.serial:022}")

    def happen(self) -> None:
        """A project appears, a transcript grows, another one is rewritten: what it lost counts on."""
        self.home.transcript(f"-new{self.serial}", f"new-{self.serial}", [self.line()])
        harness.append(self.grows, records.line(self.line()) + b"\n")
        self.home.transcript("-p", "replaced", [self.line()])
        self.lines += 3

    def expected(self) -> list:
        names = [path.stem for path in self.home.projects.rglob("*.jsonl")]
        return [self.lines, sorted(names)]

    def look(self, mount) -> list:
        total = guarded.call(mount.json, "stats/by-agent.json")["total"]
        return [total["billed"]["requests"], guarded.call(mount.names, "sessions")]

    def check_without_faults(self, mount, note: str) -> None:
        self.assertEqual(self.look(mount), self.expected(), note)

    def fail_each(self, kind: str, error: int, most: int, *options: str) -> None:
        failed = wrong = 0
        with self.home.mount(*options, environ=self.failing.environment()) as mount:
            self.check_without_faults(mount, "at first")
            # Armed before anything happens: the notifier may sync before the read does. Its calls count and fail as well.
            self.failing.arm(kind)
            self.happen()
            self.look(mount)
            n = self.failing.count
            most = harness.by_effort(max(most // 2, 2), most, n)
            some = random.Random(n).sample(range(2, n + 1), most - 1) if n > most else range(2, n + 1)
            for first in (1, *sorted(some)):
                for last in (first, FOREVER):
                    note = f"{kind} {first}{'+' if last == FOREVER else ''}"
                    self.failing.arm(kind, first, error, last)
                    self.happen()
                    try:
                        self.assertEqual(self.look(mount), self.expected(), note)
                    except OSError as problem:
                        wrong += 1
                        self.assertIn(problem.errno, (error, errno.ENOMEM, errno.EIO), note)
                    failed += bool(self.failing.disarm())
                    self.check_without_faults(mount, f"after {note}")
        self.assertTrue(failed)
        for more in ((), ("--no-cache",)):
            with self.home.mount(*more) as mount:
                self.check_without_faults(mount, f"a new daemon {more}")


class Reading(Daemon):
    def test_opens(self):
        self.fail_each("open", errno.EMFILE, 8)

    def test_listings(self):
        self.fail_each("list", errno.EIO, 6)

    def test_stats(self):
        self.fail_each("stat", errno.ENOMEM, 8)

    def test_watches(self):
        self.fail_each("watch", errno.ENOSPC, 6)

    def test_allocations(self):
        self.fail_each("allocate", errno.ENOMEM, 16)

    def test_opens_without_watches(self):
        self.fail_each("open", errno.ENFILE, 6, "-o", "revalidate=stat")

    def test_stats_without_watches(self):
        self.fail_each("stat", errno.EIO, 6, "-o", "revalidate=stat")


class Descriptors(Daemon):
    def test_a_project_that_appears_while_there_are_none(self):
        """With the real limit, of the running daemon."""
        with self.home.mount(*harness.visible()) as mount:
            self.check_without_faults(mount, "at first")
            before = resource.prlimit(mount.process.pid, resource.RLIMIT_NOFILE)
            used = [int(fd) for fd in os.listdir(f"/proc/{mount.process.pid}/fd")]
            for free in range(6):
                resource.prlimit(mount.process.pid, resource.RLIMIT_NOFILE, (free + max(used) + 1, before[1]))
                self.happen()
                with contextlib.suppress(OSError):
                    self.assertEqual(self.look(mount), self.expected(), f"{free} free")
                resource.prlimit(mount.process.pid, resource.RLIMIT_NOFILE, before)
                self.check_without_faults(mount, f"after {free} were free")


if __name__ == "__main__":
    harness.main(__name__)
