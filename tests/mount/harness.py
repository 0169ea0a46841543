"""What every test through a real mount needs: a home of its own, a daemon, and the certainty that both are gone after.

    class Example(harness.MountTest):
        def test_it(self):
            path = self.home.transcript("-p", "s-1", [records.assistant()])
            with self.home.mount() as mount:
                self.assertEqual(mount.totals("sessions/s-1/usage.json"), reference.totals(path))

    if __name__ == "__main__":
        harness.main(__name__)

$OKSTRAFS_BIN is the program under test. Where there is no usable /dev/fuse the whole file is skipped, not passed. A
watchdog process outlives a test that hangs or dies: it ends the daemons and takes the mounts away.
"""

import contextlib
import ctypes
import errno
import faulthandler
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("support", "reference", "sources")]

import records  # noqa: E402
import reference  # noqa: E402
from tap import count_cases, run_tap, shortened  # noqa: E402

DEVICE = "/dev/fuse"
CAP_SYS_ADMIN = 21
# How long a test waits for what must come. It takes milliseconds, and seconds on a busy machine; only what never comes
# takes this long. How fast something is, the benchmarks say.
LIMIT = 60
SANITIZERS = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
REPORT = "sanitizer"
LOG_LINES = 100
LOGS = 10
VALUE_LENGTH = 900
DIFF_LENGTH = 20_000
CRASHES = (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS)


# --- can it run here ------------------------------------------------------------------------------------------------


MTAB = "/etc/mtab"


def why_not_by_helper() -> str:
    """Why somebody who is not root cannot mount here, leaving the device aside, or ""."""
    helper = shutil.which("fusermount3")
    if not helper:
        return "no fusermount3 here"
    return "" if os.stat(helper).st_mode & stat.S_ISUID else "fusermount3 is not setuid"


def why_not_unmount() -> str:
    """Why somebody who is not root cannot take a mount away here, or ""."""
    return "" if os.path.exists(MTAB) else f"no {MTAB}: fusermount3 -u does nothing for an ordinary user"


def _why_not_mount() -> str:
    if os.geteuid():
        return why_not_by_helper() or why_not_unmount()
    with open("/proc/self/status") as file:
        caps = next(line.split()[1] for line in file if line.startswith("CapEff"))
    return "" if int(caps, 16) >> CAP_SYS_ADMIN & 1 else "this process may not mount (no CAP_SYS_ADMIN)"


def why_not() -> str:
    """Why mounts cannot be tested here, or ""."""
    if not os.access(binary(), os.X_OK):
        return f"no program: OKSTRAFS_BIN is {binary()!r}"
    try:
        os.close(os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{DEVICE}: {error.strerror}"
    if not stat.S_ISCHR(os.stat(DEVICE).st_mode):
        return f"{DEVICE}: no device"
    return _why_not_mount()


def binary() -> str:
    return os.environ.get("OKSTRAFS_BIN", "")


def by_effort(brief, ordinary, everything):
    """As in tests/support/effort.h."""
    return everything if os.environ.get("OKSTRAFS_LONG") else brief if os.environ.get("OKSTRAFS_BRIEF") else ordinary


def until(condition, what: str):
    """What the condition returns when it is true. It is asked again and again, for LIMIT seconds."""
    deadline = time.monotonic() + LIMIT
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {LIMIT} s: {what}")
        time.sleep(0.01)
    return answer


def is_sanitized() -> bool:
    """Whether the program carries a sanitizer, which keeps what was freed, and more: its memory proves nothing."""
    if not os.path.isfile(binary()):
        return False  # and why_not() says why nothing is tested
    content = Path(binary()).read_bytes()
    return b"__asan_init" in content or b"__tsan_init" in content


# --- mounts, seen without touching them -----------------------------------------------------------------------------


def _as_in_mountinfo(path) -> bytes:
    out = os.fsencode(path).replace(b"\\", b"\\134")
    for char in b" \t\n":
        out = out.replace(bytes([char]), b"\\%03o" % char)
    return out


def is_mounted(path) -> bool:
    """From mountinfo: a stat of a mount whose daemon hangs would hang too."""
    wanted = _as_in_mountinfo(path)
    with open("/proc/self/mountinfo", "rb") as file:
        return any(line.split()[4] == wanted for line in file)


def connection_of(path) -> int:
    """The number of the FUSE connection that is mounted there, or 0."""
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            fields = line.split()
            if fields[4] == _as_in_mountinfo(path) and b"fuse.okstrafs" in fields:
                return int(fields[2].split(b":")[1])
    return 0


def helpers_of(parent: int) -> list[int]:
    """The helper processes that it has started."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[1]) == parent \
                    and Path(f"/proc/{entry}/comm").read_text() == "okstrafs-touch\n":
                found.append(int(entry))
    return found


def visible() -> tuple:
    """Options of a daemon into whose /proc folder the test looks: only root may look into a hardened one's."""
    return () if os.geteuid() == 0 else ("-o", "harden=off")


FUSECTL = "/sys/fs/fuse/connections"


def abort(path) -> None:
    """Frees everybody who waits for that mount; a reader in the kernel's wait does not even die of SIGKILL."""
    number = connection_of(path)
    mounted = number and not os.listdir(FUSECTL)
    if mounted:
        subprocess.run(["mount", "-t", "fusectl", "none", FUSECTL], stderr=subprocess.DEVNULL, timeout=LIMIT)
    with contextlib.suppress(OSError):
        Path(FUSECTL, str(number), "abort").write_text("1")
    if mounted:
        subprocess.run(["umount", FUSECTL], stderr=subprocess.DEVNULL, timeout=LIMIT)


def detach(path) -> None:
    tools = (["fusermount3", "-uz", str(path)], ["umount", "-l", str(path)])
    for tool in tools:
        if not is_mounted(path):
            return
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(tool, stderr=subprocess.DEVNULL, timeout=LIMIT)


# --- the watchdog ---------------------------------------------------------------------------------------------------


TRACE = signal.SIGUSR2  # asks a test where it is


def _show_log_of(pid: int) -> None:
    """What a daemon has said, from its standard error: a file that has no name any more."""
    with contextlib.suppress(OSError):
        said = Path(f"/proc/{pid}/fd/2").read_bytes().decode("utf-8", "replace")
        lines = [f"daemon {pid}:", *(shortened(said, LOG_LINES) or ["(nothing)"])]
        print("".join(f"# {line}\n" for line in lines), end="", file=sys.stderr, flush=True)


def _watch(owner: int, seconds: float) -> None:
    """Reads "+pid path" and "-pid path" lines until the owner is gone or its time is up; then cleans up."""
    import select

    live: dict[int, str] = {}
    deadline = time.monotonic() + seconds
    pending = b""
    late = False
    while True:
        ready, _, _ = select.select([0], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            late = True
            print(f"# watchdog: {seconds} s are up", file=sys.stderr, flush=True)
            break
        chunk = os.read(0, 4096)
        if not chunk:
            break
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            pid, path = line[1:].split(b" ", 1)
            if line[:1] == b"+":
                live[int(pid)] = os.fsdecode(path)
            else:
                live.pop(int(pid), None)
    if late:
        with contextlib.suppress(OSError):
            os.kill(owner, TRACE)
            time.sleep(1)
            os.kill(owner, signal.SIGSTOP)  # what it makes of its dead daemons is no news
    for pid, path in live.items():
        if late:
            _show_log_of(pid)
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        abort(path)
        detach(path)
    if late:
        with contextlib.suppress(OSError):
            os.kill(owner, signal.SIGKILL)


class Watchdog:
    """At most one in a process; it holds the test's time limit ($OKSTRAFS_TEST_SECONDS, 300)."""

    _process = None

    @classmethod
    def start(cls) -> None:
        seconds = os.environ.get("OKSTRAFS_TEST_SECONDS", "300")
        command = [sys.executable, __file__, "--watch", str(os.getpid()), seconds]
        cls._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    @classmethod
    def tell(cls, sign: str, pid: int, path) -> None:
        if cls._process:
            cls._process.stdin.write(f"{sign}{pid} {path}\n".encode())
            cls._process.stdin.flush()

    @classmethod
    def stop(cls) -> None:
        if cls._process:
            cls._process.stdin.close()
            cls._process.wait(30)
            cls._process = None


# --- a device of our own --------------------------------------------------------------------------------------------

CLONE_NEWNS = 0x20000
libc = ctypes.CDLL(None, use_errno=True)


def _checked(outcome: int) -> None:
    if outcome:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def private_device(mode: int):
    """A /dev/fuse with that mode which only this process and its children see, in a mount namespace of their own; an
    OSError where this process may not have one. Only for a process without threads."""
    before = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    number = os.stat(DEVICE).st_rdev
    cwd = os.getcwd()
    Watchdog.stop()
    try:
        _checked(libc.unshare(CLONE_NEWNS))
        try:
            with tempfile.TemporaryDirectory(prefix="okstrafs-device-") as folder:
                _mount("--make-rprivate", "/")
                _mount("-t", "tmpfs", "-o", "mode=700", "none", folder)  # /tmp may be nodev
                try:
                    os.mknod(f"{folder}/fuse", stat.S_IFCHR, number)
                    os.chmod(f"{folder}/fuse", mode)
                    os.close(os.open(f"{folder}/fuse", os.O_RDWR | os.O_CLOEXEC))
                    _mount("--bind", f"{folder}/fuse", DEVICE)
                finally:
                    subprocess.run(["umount", "-l", folder], check=True, timeout=LIMIT)
            Watchdog.start()  # which must see our mounts
            try:
                yield
            finally:
                Watchdog.stop()
        finally:
            _checked(libc.setns(before, CLONE_NEWNS))
            os.chdir(cwd)
    finally:
        os.close(before)
        Watchdog.start()


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    if done.returncode:
        raise OSError(errno.EPERM, done.stderr.strip())


# --- a home and its mount -------------------------------------------------------------------------------------------


class Home:
    """A HOME, an OKSTRA_HOME and a CLAUDE_CONFIG_DIR in a private folder."""

    roots: list[Path] = []

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="okstrafs-test-"))
        self.roots.append(self.root)
        self.config = self.root / "claude"
        self.okstra = self.root / "okstra"
        self.projects = self.config / "projects"
        self.projects.mkdir(parents=True)
        self.mounts: list[Mount] = []

    def environment(self) -> dict:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OKSTRA_", "CLAUDE_", "XDG_", "CODEX_", "GEMINI_", "OPENCODE_"))}
        for name in SANITIZERS:
            kept[name] = f"{os.environ.get(name, '')}:log_path={self.root}/{REPORT}"
        return kept | {"HOME": str(self.root), "OKSTRA_HOME": str(self.okstra), "CLAUDE_CONFIG_DIR": str(self.config),
                       "TZ": "UTC"}

    def path(self, project: str, session: str, parent: str = "") -> Path:
        folder = self.projects / project
        return (folder / parent / "subagents" if parent else folder) / f"{session}.jsonl"

    def transcript(self, project: str, session: str, lines, parent: str = "", end: bytes = b"\n") -> Path:
        """Writes a transcript of records (dicts) or raw lines (bytes); `parent` makes it a sub-agent's."""
        path = self.path(project, session, parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\n".join(one if isinstance(one, bytes) else records.line(one) for one in lines) + end)
        return path

    def mount(self, *options: str, **more) -> "Mount":
        mount = Mount(self, options, **more)
        self.mounts.append(mount)
        return mount

    def run(self, *arguments: str, check: bool = True) -> bytes:
        """The program without FUSE: run("cat", "sessions/x/usage.json")."""
        done = subprocess.run([binary(), *arguments], env=self.environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        said = done.stderr.decode("utf-8", "replace")
        if check and done.returncode:
            raise AssertionError(f"okstrafs {' '.join(arguments)}: exit {done.returncode}: {said}")
        sys.stderr.write(said)
        return done.stdout

    def cache_files(self) -> list[Path]:
        return sorted((self.okstra / "cache" / "token-usage").rglob("*.json"))

    def complaints(self) -> str:
        """What the sanitizers found in our programs, also in those in the background, and which daemons crashed."""
        found = [report.read_text(errors="replace") for report in sorted(self.root.glob(f"{REPORT}.*"))]
        found += [f"a daemon ended by {mount.process.returncode}\n" for mount in self.mounts
                  if -(mount.process.returncode or 0) in CRASHES]
        return "".join(found)

    def close(self) -> None:
        for mount in self.mounts:
            mount.stop()
        complaints = self.complaints()
        if not any(is_mounted(m.point) for m in self.mounts):
            shutil.rmtree(self.root, ignore_errors=True)
        if complaints:
            raise AssertionError(complaints)


def append(path, data: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(data)


class Mount:
    """A running daemon in the foreground; a context manager that always ends it.

    `environ` comes on top of the home's; `more` goes to Popen (user, preexec_fn ...)."""

    started: list["Mount"] = []  # by the case that runs

    def __init__(self, home: Home, options=(), point: str = "usage", environ=None, program: str = "", **more):
        self.home = home
        self.point = home.root / point
        self.point.mkdir(exist_ok=True)
        self.errors = tempfile.TemporaryFile()
        command = [program or binary(), "mount", "-f", *options, str(self.point)]
        environ = home.environment() | (environ or {})
        self.command = " ".join(command[1:])
        self.process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stderr=self.errors, **more)
        self.started.append(self)
        Watchdog.tell("+", self.process.pid, self.point)
        self._wait_until_mounted()

    def _wait_until_mounted(self) -> None:
        deadline = time.monotonic() + LIMIT
        while not is_mounted(self.point):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"no mount at {self.point}: {self.said()}")
            time.sleep(0.01)

    def said(self) -> str:
        # Not by this descriptor's position: the daemon writes at the same one.
        size = os.fstat(self.errors.fileno()).st_size
        return os.pread(self.errors.fileno(), size, 0).decode("utf-8", "replace").strip()

    def story(self) -> str:
        """The log for somebody who looks for the cause of a failure."""
        status = self.process.poll()
        head = f"okstrafs {self.command}: " + ("it runs" if status is None else f"exit code {status}")
        return "\n".join([head, *(f"  {line}" for line in shortened(self.said(), LOG_LINES) or ["(it said nothing)"])])

    def __enter__(self) -> "Mount":
        return self

    def __exit__(self, kind, *_) -> None:
        status = self.stop()
        # What a sanitizer says at the end counts as well; an exception under way says more.
        if status and kind is None:
            raise AssertionError(f"the daemon left with {status}: {self.said()}")

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Ends the daemon and the mount; the daemon's exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                abort(self.point)
                detach(self.point)
                self.process.kill()
                self.process.wait(LIMIT)
        detach(self.point)
        Watchdog.tell("-", self.process.pid, self.point)
        return self.process.returncode

    def toucher(self) -> int:
        """The child that makes system calls on the mount, and takes it away. A mount can be there before it has got to run."""
        return until(lambda: helpers_of(self.process.pid), "it has a toucher")[0]

    def kill_with_helpers(self) -> None:
        """Nobody is left that takes the mount away. The daemon is stopped first, or it would replace who is killed."""
        toucher = self.toucher()
        self.process.send_signal(signal.SIGSTOP)
        for pid in (toucher, *helpers_of(toucher)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    # -- reading

    def read(self, path: str) -> bytes:
        return (self.point / path).read_bytes()

    def json(self, path: str) -> dict:
        return json.loads(self.read(path))

    def totals(self, path: str) -> dict:
        """The first thirteen keys of a document, in their order."""
        document = self.json(path)
        return dict(list(document.items())[: len(reference.KEYS)])

    def names(self, path: str = ".") -> list[str]:
        return sorted(os.listdir(self.point / path))


class MountTest(unittest.TestCase):
    """Each test gets a home of its own."""

    maxDiff = None

    def setUp(self):
        Mount.started.clear()
        self.home = Home()
        self.addCleanup(self.home.close)

    def diagnosis(self) -> str:
        """For tap.py: the logs of the daemons of this case, the last ones where there are many."""
        stories = [mount.story() for mount in Mount.started]
        return "\n".join([f"daemons started with -f: {len(stories)}", *stories[-LOGS:]])

    def assertEqual(self, first, second, msg=None) -> None:
        """Our order is what was got, then what was expected; a failure says so. Of what is long it shows the place
        where they begin to differ, and nothing is compared line by line, which would take minutes."""
        if first == second:
            return
        got, expected = repr(first), repr(second)
        at = max(len(os.path.commonprefix([got, expected])) - VALUE_LENGTH // 4, 0)
        error = msg or "not equal"
        if max(len(got), len(expected)) <= DIFF_LENGTH:
            try:
                super().assertEqual(first, second, msg)
            except self.failureException as failure:
                error = failure
        got, expected = (text if len(text) <= VALUE_LENGTH else f"[{len(text)} characters, from {at}] {text[at:at + VALUE_LENGTH]}"
                         for text in (got, expected))
        raise self.failureException(f"{error}\nexpected: {expected}\n     got: {got}")

    def assertTotals(self, got: dict, want: dict, note: str = "") -> None:
        """The same thirteen keys, in the same order."""
        self.assertEqual(list(got.items()), list(want.items()), note)


def main(module: str) -> None:
    reason = why_not()
    if reason:
        # In TAP this is how a whole file is skipped; an exit code of 77 is for tests that speak no protocol. The cases are
        # for count-tests.py.
        print(f"# {count_cases(sys.modules[module])} cases")
        print(f"1..0 # SKIP {reason}")
        sys.exit(0)
    faulthandler.register(TRACE, all_threads=True)
    Watchdog.start()
    try:
        status = run_tap(sys.modules[module])
    finally:
        Watchdog.stop()
    sys.exit(status)


if __name__ == "__main__" and sys.argv[1:2] == ["--watch"]:
    _watch(int(sys.argv[2]), float(sys.argv[3]))
