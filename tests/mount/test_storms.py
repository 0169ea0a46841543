"""Watchers in bad weather: ten thousand changes a second, attackers beside the toucher, and daemons that are killed.

Nobody may be left behind: no process that cannot be killed, no mount that hangs, and no watcher that has not heard of
the last state.
"""

import contextlib
import errno
import fcntl
import json
import os
import random
import select
import signal
import time
import unittest

import guarded
import harness
import records
import reference
import watching
from watching import IN_Q_OVERFLOW, Inotify

STORM_SECONDS = harness.by_effort(0.5, 1.5, 10)
# OKSTRAFS_KILLS=1000: so many in all, by hand (docs/testing.md).
WANTED = int(os.environ.get("OKSTRAFS_KILLS", "0"))
if WANTED:
    os.environ.setdefault("OKSTRAFS_TEST_SECONDS", "7200")
KILLS = WANTED * 4 // 10 or harness.by_effort(2, 8, 200)
CRASHES = WANTED // 10 or harness.by_effort(1, 3, 50)
HELPER_KILLS = WANTED * 4 // 10 or harness.by_effort(1, 4, 200)
KILLS_OF_BOTH = WANTED // 10 or harness.by_effort(1, 1, 50)
ATTACK_SECONDS = harness.by_effort(0.3, 1.0, 20)
A_SECOND = 10_000
TOUCHES_A_SECOND = 4
TOTAL = "sessions/session-1/total_tokens"


def line(i: int) -> bytes:
    return records.line(records.assistant(counts=records.usage(i=1 + i % 7, o=1), id=f"msg_{i}")) + b"\n"


def append_fast(path, seconds: float, a_second: int = A_SECOND) -> int:
    """One write for each record, as many a second; how many there were."""
    lines = [line(i) for i in range(97)]
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    start = time.monotonic()
    done = 0
    while (now := time.monotonic() - start) < seconds:
        while done < now * a_second:
            fcntl.flock(fd, fcntl.LOCK_EX)  # for Appended
            os.write(fd, lines[done % len(lines)])
            fcntl.flock(fd, fcntl.LOCK_UN)
            done += 1
        time.sleep(0.0005)
    os.close(fd)
    return done


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Storm(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.path = self.home.transcript("-p", "session-1", [records.assistant(teamName="crew", agentName="lead")])

    def test_the_last_state_is_told(self):
        """And no queue overflows: each file is rung a few times a second."""
        with self.home.mount() as mount:
            for leaf in ("usage.json", "total_tokens", "window/2026-06-10.json"):
                os.stat(mount.point / "sessions/session-1" / leaf)
            watches = [Inotify(mount.point / TOTAL, 0xFFF), Inotify(mount.point / "sessions/session-1", 0xFFF)]
            with watching.started(watches) as (file, folder):
                before = cpu_seconds(mount.process.pid) + cpu_seconds(mount.toucher())
                start = time.monotonic()
                writer = guarded.Child(append_fast, self.path, STORM_SECONDS)
                seen = -1
                last = time.monotonic()
                heard = 0
                rest = 1.5 if not harness.is_sanitized() else 5
                while writer.is_waiting() or time.monotonic() < last + rest:
                    if writer.is_waiting():
                        last = time.monotonic()
                    if file.count > heard:
                        heard = file.count
                        seen = int(guarded_read(mount.point / TOTAL))
                    time.sleep(0.005)
                written = writer.result(30)
                took = time.monotonic() - start
                used = cpu_seconds(mount.process.pid) + cpu_seconds(mount.toucher()) - before
                events = file.read() + folder.read()
                print(f"# {written} changes in {STORM_SECONDS} s, {sum(m & 2 != 0 for m, _ in file.events)} touches, "
                      f"daemon's CPU {100 * used / took:.1f} %", flush=True)
                self.assertFalse([e for e in events if e[0] & IN_Q_OVERFLOW])
                self.assertEqual(seen, reference.totals(self.path)["totalTokens"])
                touches = sum(mask & watching.IN_MODIFY != 0 for mask, _ in file.events)
                self.assertLessEqual(touches, TOUCHES_A_SECOND * took + 2)
                self.assertGreater(touches, 1 if not harness.is_sanitized() else 0)
                self.assertLess(used / took, 0.5 if not harness.is_sanitized() else 2)

    def attack(self, top, seconds: float) -> list:
        """Tries what the toucher does, while it does it; what was not refused."""
        file, folder = str(top / TOTAL), str(top / "sessions")
        door = str(top / ".okstrafs-gate")
        acts = [
            (lambda: os.utime(file), {errno.EROFS}),
            (lambda: os.utime(file, ns=(1, 1)), {errno.EROFS}),
            (lambda: os.close(os.open(file, os.O_WRONLY)), {errno.EROFS}),
            (lambda: os.truncate(file, 0), {errno.EROFS}),
            (lambda: os.mkdir(folder + "/mine"), {errno.EROFS}),
            (lambda: os.close(os.open(folder + "/mine", os.O_CREAT | os.O_EXCL | os.O_WRONLY)), {errno.EROFS}),
            (lambda: os.symlink("x", folder + "/link"), {errno.EROFS}),
            (lambda: os.unlink(file), {errno.EROFS}),
            (lambda: os.rmdir(folder + "/session-1"), {errno.EROFS}),
            (lambda: os.rename(file, file + "x"), {errno.EROFS}),
            (lambda: os.chmod(file, 0o777), {errno.EROFS}),
            (lambda: os.setxattr(file, "user.x", b"y"), {errno.EROFS, errno.EPERM}),
            (lambda: os.stat(door), {errno.ENOENT}),
            (lambda: os.open(door + "/inode", os.O_WRONLY), {errno.ENOENT}),
            (lambda: os.unlink(door + "/inode"), {errno.ENOENT}),
            (lambda: os.mkdir(door), {errno.EROFS}),
        ]
        wrong = []
        end = time.monotonic() + seconds
        while time.monotonic() < end and not wrong:
            for i, (act, expected) in enumerate(acts):
                try:
                    act()
                    wrong.append((i, "not refused"))
                except OSError as error:
                    if error.errno not in expected:
                        wrong.append((i, errno.errorcode.get(error.errno)))
        return wrong

    def test_nobody_slips_in_behind_the_toucher(self):
        with self.home.mount() as mount:
            watches = [Inotify(mount.point / TOTAL), Inotify(mount.point / "sessions", 0x380)]
            os.listdir(mount.point / "sessions")
            with watching.started(watches) as (file, names):
                attackers = [guarded.Child(self.attack, mount.point, ATTACK_SECONDS) for _ in range(4)]
                end = time.monotonic() + ATTACK_SECONDS
                while time.monotonic() < end:
                    harness.append(self.path, line(1))
                    time.sleep(0.02)
                self.assertEqual([a.result() for a in attackers], [[]] * 4)
                before = [file.count]
                harness.append(self.path, line(2))
                self.assertEqual(watching.unheard([file], before), [])
                self.assertEqual(names.read(), [])
            self.assertEqual(int(mount.read(TOTAL)), reference.totals(self.path)["totalTokens"])


def guarded_read(path) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class Appended:
    """The tokens in a transcript that only grows. It reads what is new, once."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.rest = b""
        self.tokens = 0

    def written(self) -> int:
        """By writes that have returned: a read of the file may see one that has not told inotify of it yet."""
        fcntl.flock(self.file, fcntl.LOCK_SH)
        try:
            return self.now()
        finally:
            fcntl.flock(self.file, fcntl.LOCK_UN)

    def now(self) -> int:
        *lines, self.rest = (self.rest + self.file.read()).split(b"\n")
        self.tokens += sum(sum(json.loads(text)["message"]["usage"].values()) for text in lines)
        return self.tokens


def read_for_ever(point) -> None:
    """Until the mount is gone. A transcript that only grows has a total that only grows."""
    total = 0
    while True:
        try:
            for leaf in ("usage.json", "total_tokens", "window/last-5h.json"):
                text = guarded_read(point / "sessions/session-1" / leaf)
                if not leaf.startswith("window"):
                    before, total = total, json.loads(text)["totalTokens"] if leaf == "usage.json" else int(text)
                    assert total >= before, f"{leaf}: {total} after {before}"
            os.listdir(point / "teams")
        except OSError:
            return


def follow_for_ever(point) -> None:
    """As tail -f with poll(2), until the mount is gone."""
    while True:
        try:
            with open(point / "events.jsonl", "rb", buffering=0) as stream:
                stream.seek(0, os.SEEK_END)
                poll = select.poll()
                poll.register(stream, select.POLLPRI)
                while not any(events & select.POLLERR for _, events in poll.poll(500)):
                    stream.read(1 << 16)
            os.stat(point / "sessions")
        except OSError:
            return


class Deaths(harness.MountTest):
    """Killed while the toucher touches, readers read, watchers watch and somebody follows a stream."""

    def setUp(self):
        super().setUp()
        self.path = self.home.transcript("-p", "session-1", [records.assistant(teamName="crew", agentName="lead")])

        self.appended = Appended(self.path)
        self.addCleanup(self.appended.file.close)

    def check_answer(self, mount: harness.Mount) -> None:
        """Between what was in the transcript before the read and after it."""
        low = self.appended.written()
        total = int(guarded.call(guarded_read, mount.point / TOTAL))
        self.assertTrue(low <= total <= self.appended.now(), f"{low} <= {total} <= {self.appended.tokens}")

    def die(self, how: int, wait: float) -> float:
        """Seconds until the mount was gone."""
        mount = self.home.mount()
        self.home.mounts.remove(mount)  # its crash is meant
        folder = mount.point / "sessions/session-1"
        try:
            with contextlib.ExitStack() as stack:
                guarded.call(os.listdir, mount.point / "teams")
                watches = [Inotify(folder / "usage.json"), Inotify(folder, 0xFFF), Inotify(mount.point / "teams", 0xFFF)]
                stack.enter_context(watching.started(watches))
                readers = [guarded.Child(read_for_ever, mount.point) for _ in range(2)]
                readers.append(guarded.Child(follow_for_ever, mount.point))
                self.check_answer(mount)
                time.sleep(wait)
                os.kill(mount.process.pid, how)
                start = time.monotonic()
                mount.process.wait(harness.LIMIT)  # a daemon that waits for itself would not be reaped
                harness.until(lambda: not harness.is_mounted(mount.point), "the mount is gone")
                took = time.monotonic() - start
                for reader in readers:
                    reader.result()
            self.assertEqual(guarded.call(os.listdir, mount.point), [])
            return took
        finally:
            mount.stop()

    @contextlib.contextmanager
    def growing(self):
        writer = guarded.Child(append_fast, self.path, 3600, 200)
        try:
            yield
        finally:
            writer.kill()

    def check(self, how: int, times: int) -> None:
        rand = random.Random(how)
        with self.growing():
            took = sorted(self.die(how, 0.02 + rand.random() * 0.6) for _ in range(times))
        print(f"# {times} times signal {how}: mount gone after {1000 * took[len(took) // 2]:.0f} ms, at most "
              f"{1000 * took[-1]:.0f} ms", flush=True)
        with self.home.mount() as mount:
            self.assertTotals(guarded.call(mount.totals, "sessions/session-1/usage.json"), reference.totals(self.path))

    def test_killed(self):
        self.check(signal.SIGKILL, KILLS)

    @unittest.skipIf(harness.is_sanitized(), "a sanitizer reports the crash that is meant")
    def test_crashed(self):
        self.check(signal.SIGSEGV, CRASHES)

    def kill_helpers(self, times: int, victims) -> None:
        """One mount, whose helper processes are killed again and again."""
        rand = random.Random(times)
        with self.home.mount() as mount, self.growing():
            guarded.call(os.listdir, mount.point / "teams")
            readers = [guarded.Child(read_for_ever, mount.point), guarded.Child(follow_for_ever, mount.point)]
            with watching.started([Inotify(mount.point / TOTAL)]) as (file,):
                took = []
                for n in range(times):
                    time.sleep(rand.random() * 0.3)
                    before, start = file.count, time.monotonic()
                    victims(mount, rand)
                    self.check_answer(mount)
                    harness.until(lambda: file.count > before, f"watchers hear again after kill {n + 1}")
                    took.append(time.monotonic() - start)
            self.assertTrue(all(reader.is_waiting() for reader in readers), "a reader lost the mount")
            mount.stop()
            for reader in readers:
                reader.result()
        print(f"# {times} times {victims.__name__}: watchers heard again after {1000 * sorted(took)[times // 2]:.0f} ms, "
              f"at most {1000 * max(took):.0f} ms", flush=True)

    def test_helper_killed(self):
        """The toucher or its spare."""
        def one_helper(mount: harness.Mount, rand: random.Random) -> None:
            toucher = mount.toucher()
            with contextlib.suppress(ProcessLookupError):
                os.kill(rand.choice([toucher, *harness.helpers_of(toucher)]), signal.SIGKILL)

        self.kill_helpers(HELPER_KILLS, one_helper)

    def test_both_helpers_killed(self):
        def both_helpers(mount: harness.Mount, _) -> None:
            toucher = mount.toucher()
            for pid in (*harness.helpers_of(toucher), toucher):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

        self.kill_helpers(KILLS_OF_BOTH, both_helpers)


if __name__ == "__main__":
    harness.main(__name__)
