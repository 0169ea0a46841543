"""okstrafs top on a terminal of our own: what it shows, when it draws again, and that it leaves the terminal as it was."""

import contextlib
import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import unicodedata
import unittest

import harness
import records

# A terminal that can do little, so that Screen is short.
TERMINFO = (r"okstrafs-test|for tests, am, cols#80, lines#24, bel=^G, cr=\r, ind=\n, cub1=\b, clear=\E[H\E[2J, el=\E[K, ed=\E[J,"
            r" cup=\E[%i%p1%d;%p2%dH, bold=\E[1m, rev=\E[7m, dim=\E[2m, sgr0=\E[m, smcup=\E[?1049h, rmcup=\E[?1049l,")


class Screen:
    """What the terminal shows after some output."""

    def __init__(self, rows: int, columns: int):
        self.output = b""
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.rest = ""

    def feed(self, data: bytes) -> None:
        self.output += data
        text = self.rest + data.decode("utf-8", "surrogateescape")
        token = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|([^\x1b])", re.DOTALL)
        at = 0
        while match := token.match(text, at):
            at = match.end()
            self.put(match[3]) if match[3] else self.control(match[1], match[2])
        self.rest = text[at:]

    def control(self, arguments: str, letter: str) -> None:
        if letter == "H":
            self.row, self.column = (int(n) - 1 for n in (arguments or "1;1").split(";"))
        elif letter == "J":
            rows = range(self.rows) if arguments == "2" else range(self.row + 1, self.rows)
            for row in rows:
                self.cells[row] = [" "] * self.columns
            if arguments != "2":
                self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif letter == "K":
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)

    def put(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row = min(self.row + 1, self.rows - 1)
        elif char == "\b":
            self.column = max(self.column - 1, 0)
        elif char >= " " and self.row < self.rows and self.column < self.columns:
            self.cells[self.row][self.column] = char
            self.column += 2 if unicodedata.east_asian_width(char) in "WF" else 1

    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.cells)


class Top:
    """The command on a pseudo-terminal; a context manager."""

    def __init__(self, home: harness.Home, *arguments: str, rows: int = 40, columns: int = 100, **environment: str):
        info = home.root / "terminfo"
        if not info.exists():
            (home.root / "terminal").write_text(TERMINFO + "\n")
            subprocess.run(["tic", "-x", "-o", info, home.root / "terminal"], check=True, timeout=60, stderr=subprocess.DEVNULL)
        self.ours, self.theirs = os.openpty()
        self.screen = Screen(rows, columns)
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(
            [harness.binary(), "top", *arguments], stdin=self.theirs, stdout=self.theirs, stderr=subprocess.PIPE, start_new_session=True,
            env=home.environment() | {"TERM": "okstrafs-test", "TERMINFO": str(info), "LC_ALL": "C.UTF-8"} | environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(harness.LIMIT)
        self.process.stderr.close()
        os.close(self.ours)
        os.close(self.theirs)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def read(self, seconds: float) -> bool:
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        self.screen.feed(os.read(self.ours, 65536))
        return True

    def wait_for(self, pattern: str) -> str:
        deadline = time.monotonic() + harness.LIMIT
        while not re.search(pattern, self.screen.text()):
            if not self.read(max(deadline - time.monotonic(), 0)) or self.process.poll() is not None:
                raise AssertionError(f"no {pattern!r} on the screen:\n{self.screen.text()}")
        return self.screen.text()

    def end(self) -> tuple[int, str]:
        """Its exit code and what it said, when it has ended by itself."""
        deadline = time.monotonic() + harness.LIMIT
        while self.process.poll() is None:
            self.read(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"it does not end:\n{self.screen.text()}")
        while self.read(0):
            pass
        return self.process.returncode, self.process.stderr.read().decode()

    def read_bytes(self) -> int:
        """How much it has read so far, of files and all else."""
        with open(f"/proc/{self.process.pid}/io") as file:
            return int(next(line.split()[1] for line in file if line.startswith("rchar")))


def has_top() -> bool:
    done = subprocess.run([harness.binary(), "top"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
    return b"built without top" not in done.stderr


class TopTest(harness.MountTest):
    def setUp(self):
        if not has_top():
            raise unittest.SkipTest("built without ncursesw")
        if not os.path.exists("/dev/ptmx"):
            raise unittest.SkipTest("no terminals here")
        if not shutil.which("tic"):
            raise unittest.SkipTest("no tic here, which makes descriptions of terminals")
        super().setUp()
        self.serial = 0
        self.paths = [self.home.transcript("-p", f"session-{number}", [self.record(100 * (number + 1))]) for number in range(3)]
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs.json").write_text('{"budgets": {"ever": {"scope": "total", "limitTokens": 1000000}}}')

    def record(self, tokens: int) -> dict:
        self.serial += 1
        return records.assistant("2026-06-10T01:00:00.000Z", records.usage(tokens, 1), id=f"msg_{self.serial}", cwd="/home/me/결제",
                                 stop_reason="end_turn")

    def add(self, number: int, tokens: int) -> None:
        harness.append(self.paths[number], records.line(self.record(tokens)) + b"\n")

    def restored(self, top: Top) -> None:
        self.assertEqual(termios.tcgetattr(top.theirs), top.before)
        self.assertTrue(b"\x1b[?1049l" in top.screen.output[-200:], top.screen.output[-200:])

    @contextlib.contextmanager
    def running(self, **more):
        with self.home.mount() as mount, Top(self.home, str(mount.point), **more) as top:
            top.wait_for(r"(?m)^ever +total +ok")
            yield mount, top

    def test_it_shows_the_documents(self):
        with self.running() as (mount, top):
            text = top.screen.text()
            billed = mount.json("usage.json")["billed"]
            self.assertRegex(text, rf"(?m)^All of time +{billed['requests']} .* {billed['totalTokens']:,} +")
            for number in range(3):
                usage = mount.json(f"sessions/session-{number}/usage.json")
                context = mount.json(f"sessions/session-{number}/context.json")
                self.assertRegex(text, rf"(?m)^session-{number} +-p +{usage['model']} +{usage['billed']['totalTokens']:,} +\S+ +{int(context['ratio'] * 100)}%")
            self.assertIn("okstrafs top", text.splitlines()[0])

    def test_it_follows_changes_without_a_clock(self):
        with self.running() as (mount, top):
            self.add(1, 7_000_000)
            top.wait_for(r"(?m)^session-1 .* 7,000,2\d\d [^§]*\nsession-0[^§]*\never +total +exceeded +7,000,6\d\d")  # what changed last is first
            self.home.transcript("-p", "session-new", [self.record(4242)])
            top.wait_for(r"session-new .*4,243")

    def test_a_session_that_is_not_watched_is_found(self):
        """There are more than are watched, in more than one project."""
        for number in range(90):
            path = self.home.transcript(f"-q{number % 3}", f"old-{number}", [self.record(10)])
            os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
        with self.running() as (_, top):
            self.assertNotRegex(top.screen.text(), r"(?m)^old-5 ")
            harness.append(self.home.path("-q2", "old-5"), records.line(self.record(987)) + b"\n")
            top.wait_for(r"(?m)^old-5 +-q2 .* 999 [^§]*\nsession-[^§]*^ever ")

    def test_sessions_without_a_project(self):
        """A rollout of Codex that names no folder: shown from the start, though it does not move."""
        name = "019c8a4c-0000-7000-8000-000000000001"
        folder = self.home.root / ".codex/sessions/2026/06/10"
        folder.mkdir(parents=True)
        usage = {"input_tokens": 4321, "cached_input_tokens": 0, "output_tokens": 10, "reasoning_output_tokens": 0, "total_tokens": 4331}
        lines = [("session_meta", {"id": name}), ("turn_context", {"model": "gpt-5.2"}),
                 ("event_msg", {"type": "token_count", "info": {"total_token_usage": usage, "last_token_usage": usage}})]
        (folder / f"rollout-2026-06-10T01-00-00-{name}.jsonl").write_bytes(b"".join(
            records.line({"timestamp": "2026-06-10T01:00:00.000Z", "type": kind, "payload": payload}) + b"\n" for kind, payload in lines))
        with self.running() as (mount, top):
            self.assertIn(name, mount.names("sessions"))
            self.assertNotIn(name, [link for project in mount.names("projects") for link in mount.names(f"projects/{project}/sessions")])
            self.assertRegex(top.screen.text(), rf"(?m)^{name[:13]} .* 4,331 ")

    def test_it_rests_while_nothing_changes(self):
        with self.running() as (_, top):
            for _ in range(5):
                while top.read(1.0):
                    pass
                before, minute = top.read_bytes(), time.time() // 60
                time.sleep(1.5)
                after = top.read_bytes()
                if minute == time.time() // 60:
                    self.assertEqual(after, before)
                    return
            self.fail("a minute ends whenever we look")

    def test_other_sizes(self):
        with self.running() as (_, top):
            top.resize(8, 50)
            os.kill(top.process.pid, signal.SIGWINCH)
            text = top.wait_for(r"okstrafs top[^§]*\nAll of time +\d+ [^§]*$")
            self.assertIn("okstrafs top", text.splitlines()[0])
            self.assertNotIn("session-", text)
            self.assertNotIn("ever", text)
            for _ in range(20):
                os.write(top.ours, b"j")
            top.wait_for(r"(?m)^ever +")
            top.resize(1, 1)
            os.kill(top.process.pid, signal.SIGWINCH)
            top.resize(40, 120)
            os.kill(top.process.pid, signal.SIGWINCH)
            top.wait_for(r"(?m)^Running|^All of time")

    def test_q_ends_it(self):
        with self.running() as (_, top):
            os.write(top.ours, b"q")
            self.assertEqual(top.end(), (0, ""))
            self.restored(top)

    def test_signals_leave_the_terminal_in_order(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.running() as (_, top):
                os.kill(top.process.pid, number)
                self.assertEqual(top.end(), (-number, ""))
                self.restored(top)

    def test_the_end_of_the_mount(self):
        with self.running() as (mount, top):
            mount.stop()
            code, said = top.end()
            self.assertEqual(code, 69)
            self.assertIn("has ended; 'okstrafs mount' starts it again", said)
            self.restored(top)

    def test_without_a_mount_or_a_terminal(self):
        with Top(self.home) as top:
            code, said = top.end()
            self.assertEqual(code, 69)
            self.assertRegex(said, "nothing is mounted on .*/usage: start it with 'okstrafs mount'")
            self.assertNotIn(b"\x1b", top.screen.output)
        done = subprocess.run([harness.binary(), "top"], env=self.home.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (64, b""))
        self.assertIn(b"top needs a terminal; 'okstrafs report'", done.stderr)
        with self.home.mount() as mount, Top(self.home, str(mount.point), TERM="of-nobody") as top:
            code, said = top.end()
            self.assertEqual(code, 1)
            self.assertIn("TERM=of-nobody: no such terminal is known here", said)


if __name__ == "__main__":
    harness.main(__name__)
