"""Calls that may hang, each in a child of its own with a time limit.

    names = guarded.call(os.listdir, mount.point)
    readers = [guarded.Child(read_all, mount, kind) for kind in KINDS]
    counts = [one.result(60) for one in readers]

A child that waits inside the kernel for a daemon that does not answer survives SIGKILL; then the connections of this
test's own mounts are aborted, so that neither the child nor the test stays behind. Fork only from a test that has no
threads; a child may start as many as it likes.
"""

import os
import pickle
import select
import signal
import sys
import time
import traceback

import harness


class Hung(AssertionError):
    pass


def _own_mounts() -> list:
    """The okstrafs mounts below the folders of this process's tests."""
    with open("/proc/self/mountinfo", "rb") as file:
        points = [line.split()[4] for line in file if b" fuse.okstrafs " in line]
    return [os.fsdecode(p.replace(b"\\040", b" ")) for p in points
            if any(os.fsdecode(p).startswith(str(root) + "/") for root in harness.Home.roots)]


def become(user: int, group: int) -> None:
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


class Child:
    """Runs fn(*args) now; result() gives what it returned or raises what it raised."""

    def __init__(self, fn, *args, user=None):
        self._pipe, write_end = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._pipe)
            self._run(write_end, fn, args, user)
        os.close(write_end)

    @staticmethod
    def _run(write_end: int, fn, args, user) -> None:
        try:
            if user is not None:
                become(user, user)
            outcome = (True, fn(*args))
        except BaseException as error:  # all of it is the parent's business
            outcome = (False, error)
            if not isinstance(error, OSError) and hasattr(error, "add_note"):
                error.add_note("in the child:\n" + traceback.format_exc())
        try:
            with os.fdopen(write_end, "wb") as pipe:
                pickle.dump(outcome, pipe)
        finally:
            os._exit(0)

    def result(self, seconds: float = harness.LIMIT):
        deadline = time.monotonic() + seconds
        pieces = []
        while True:
            ready, _, _ = select.select([self._pipe], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                self.kill()
                raise Hung(f"no answer within {seconds} s")
            piece = os.read(self._pipe, 1 << 20)
            if not piece:
                break
            pieces.append(piece)
        os.close(self._pipe)
        os.waitpid(self.pid, 0)
        if not pieces:
            raise AssertionError("the child died without a word")
        fine, value = pickle.loads(b"".join(pieces))
        if fine:
            return value
        raise value

    def is_waiting(self) -> bool:
        """Whether it has not answered yet."""
        return not select.select([self._pipe], [], [], 0)[0]

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        if not self._reaped(2):
            for point in _own_mounts():
                harness.abort(point)
            self._reaped(5)
        os.close(self._pipe)

    def _reaped(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return True
            time.sleep(0.01)
        return False


def call(fn, *args, seconds: float = harness.LIMIT, user=None):
    return Child(fn, *args, user=user).result(seconds)
