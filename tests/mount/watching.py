"""File watchers of every kind, each in a process of its own that writes a line for each event.

    with watching.started([watching.InotifyWait(path), watching.Node(path)]) as watchers:
        before = [w.count for w in watchers]

A kind whose program is not installed here says so in `missing`.
"""

import contextlib
import ctypes
import ctypes.util
import functools
import os
import shutil
import struct
import subprocess
import threading
import time

import harness


class Watcher:
    """`count` is how many lines it has written about events so far."""

    program = ""
    noise: tuple = ()
    rest = 0.0  # seconds after which it listens again

    def __init__(self, path, *more):
        self.path = str(path)
        self.more = more
        self.process = None
        self.lines: list[str] = []

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.path.rsplit('/', 1)[-1]})"

    @classmethod
    def missing(cls) -> str:
        return "" if shutil.which(cls.program) else f"no {cls.program} here"

    def command(self) -> list:
        raise NotImplementedError

    def is_ready(self) -> bool:
        return True

    @property
    def count(self) -> int:
        return len(self.lines)

    def since(self, count: int) -> list:
        return self.lines[count:]

    def counts(self, line: str) -> bool:
        return True

    def start(self) -> None:
        self.ready = threading.Event()
        self.process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1, errors="replace")
        self.feed()
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def feed(self) -> None:
        self.process.stdin.close()

    def listen(self) -> None:
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if self.announces(line):
                self.ready.set()
            elif self.counts(line):
                self.lines.append(line)

    def announces(self, line: str) -> bool:
        return line == "ready"

    def wait_until_ready(self) -> None:
        if not self.ready.wait(harness.LIMIT):
            raise AssertionError(f"{self} does not start")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(harness.LIMIT)
            self.thread.join(harness.LIMIT)
            self.process.stdout.close()


class InotifyWait(Watcher):
    program = "inotifywait"

    def command(self):
        return ["inotifywait", "-m", "--format", "%e %f", *(self.more or ("-e", "modify")), self.path]

    def announces(self, line):
        return line == "Watches established."

    def counts(self, line):
        return line != "Setting up watches."


class NodeProgram(Watcher):
    program = "node"
    code = ""

    def command(self):
        return ["node", "-e", self.code, self.path]


class Node(NodeProgram):
    """fs.watch"""

    code = """
        require('fs').watch(process.argv[1], (what, name) => console.log(what, name));
        console.log('ready');
    """


class Chokidar(NodeProgram):
    code = """
        const watcher = require('chokidar').watch(process.argv[1], {ignoreInitial: true, followSymlinks: false});
        watcher.on('all', (what, path) => console.log(what, path)).on('ready', () => console.log('ready'));
    """

    def counts(self, line):
        return not line.endswith("/ledger.jsonl")  # it looks at every file, and this one tells how long transcripts are

    @classmethod
    def missing(cls):
        if super().missing():
            return super().missing()
        found = subprocess.run(["node", "-e", "require('chokidar')"], stderr=subprocess.DEVNULL, timeout=harness.LIMIT).returncode == 0
        return "" if found else "no chokidar here ($NODE_PATH)"


class Entr(Watcher):
    """Says nothing when it is ready: it is soon after it watches, which shows in /proc. What happens before it has
    seen the end of its command, it drops."""

    program = "entr"
    rest = 0.3

    def command(self):
        return ["entr", "-np", "echo", "ran"]

    def feed(self):
        self.process.stdin.write(self.path + "\n")
        self.process.stdin.close()

    def counts(self, line):
        return line == "ran"

    def wait_until_ready(self):
        harness.until(lambda: watches_of(self.process.pid), f"{self} starts")
        time.sleep(0.3)  # what comes right behind its first look, it drops


class FsWatch(Entr):
    program = "fswatch"
    rest = 0.0

    def command(self):
        return ["fswatch", "-m", "inotify_monitor", "-l", "0.05", "--event", "Updated", self.path]

    def feed(self):
        self.process.stdin.close()

    def counts(self, line):
        return True


class Tail(Watcher):
    """Looks at a FUSE file by its inode number and size, since it takes it for a remote one."""

    program = "tail"

    def command(self):
        return ["tail", "-s", "0.05", "-n", "1", "-F", self.path]

    def announces(self, line):
        first = not self.ready.is_set()
        return first

    def counts(self, line):
        return not line.startswith("tail:")


class Watchdog(Watcher):
    """The Python package."""

    program = "python3"
    code = """
import sys, time
from watchdog.observers import Observer
from watchdog.events import FileSystemEventHandler
class Handler(FileSystemEventHandler):
    def on_modified(self, event):
        if not event.is_directory:
            print("modified", event.src_path, flush=True)
observer = Observer()
observer.schedule(Handler(), sys.argv[1])
observer.start()
print("ready", flush=True)
time.sleep(600)
"""

    @classmethod
    @functools.lru_cache
    def python(cls) -> str:
        for python in ("python3", "/usr/bin/python3"):
            if subprocess.run([python, "-c", "import watchdog"], stderr=subprocess.DEVNULL).returncode == 0:
                return python
        return ""

    @classmethod
    def missing(cls):
        return "" if cls.python() else "no watchdog package here"

    def command(self):
        return [self.python(), "-c", self.code, self.path]


# --- inotify itself -------------------------------------------------------------------------------------------------

IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO = 0x2, 0x4, 0x8, 0x40, 0x80
IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF, IN_Q_OVERFLOW = 0x100, 0x200, 0x400, 0x800, 0x4000
IN_ALL = 0xFFF

# systemd's src/core/path.c: what PathChanged= and PathModified= listen to.
SYSTEMD_CHANGED = (IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM
                   | IN_MOVED_TO)
SYSTEMD_MODIFIED = SYSTEMD_CHANGED | IN_MODIFY

libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)


class Inotify:
    """Any mask, in this process; `events` are (mask, name)."""

    def __init__(self, path, mask: int = IN_MODIFY):
        self.path = str(path)
        self.mask = mask
        self.events: list = []

    def __str__(self):
        return f"Inotify({self.path.rsplit('/', 1)[-1]}, {self.mask:#x})"

    @classmethod
    def missing(cls):
        return ""

    def start(self) -> None:
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(self.path), self.mask) < 0:
            raise OSError(ctypes.get_errno(), f"inotify: {self.path}")

    def wait_until_ready(self) -> None:
        pass

    def read(self) -> list:
        with contextlib.suppress(BlockingIOError):
            while True:
                data = os.read(self.fd, 1 << 16)
                at = 0
                while at < len(data):
                    _, mask, _, length = struct.unpack_from("iIII", data, at)
                    name = data[at + 16:at + 16 + length].rstrip(b"\0")
                    self.events.append((mask, os.fsdecode(name)))
                    at += 16 + length
        return self.events

    @property
    def count(self) -> int:
        return len(self.read())

    def since(self, count: int) -> list:
        return self.read()[count:]

    def stop(self) -> None:
        os.close(self.fd)


def watches_of(pid: int) -> int:
    """How many inotify watches a process has."""
    found = 0
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fdinfo"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{fd}") as file:
                found += sum(line.startswith("inotify wd") for line in file)
    return found


@contextlib.contextmanager
def started(watchers):
    watchers = list(watchers)
    try:
        for watcher in watchers:
            watcher.start()
        for watcher in watchers:
            watcher.wait_until_ready()
        yield watchers
    finally:
        for watcher in watchers:
            with contextlib.suppress(OSError, AttributeError):
                watcher.stop()


def unheard(watchers, before, seconds: float = harness.LIMIT) -> list:
    """Waits until each has counted more than `before`; those that did not in time."""
    deadline = time.monotonic() + seconds
    waiting = dict(zip(watchers, before))
    while waiting:
        for watcher in [w for w, n in waiting.items() if w.count > n]:
            del waiting[watcher]
        if time.monotonic() > deadline:
            break
        time.sleep(0.002)
    return [str(w) for w in waiting]
