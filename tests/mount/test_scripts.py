"""The scripts and units of contrib/ that use the mount, run as a user would."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import harness
import records

CONTRIB = harness.HERE.parents[1] / "contrib"


def needs(tool: str):
    return unittest.skipUnless(shutil.which(tool), f"no {tool} here")


class Running:
    """A program whose lines are gathered."""

    def __init__(self, *command, env):
        self.lines: list[str] = []
        self.process = subprocess.Popen([str(c) for c in command], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(3)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(harness.LIMIT)
        self.thread.join(harness.LIMIT)
        self.process.stdout.close()

    def says(self, wanted: str, seconds: float = harness.LIMIT) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(wanted in line for line in list(self.lines)):
                return True
            time.sleep(0.01)
        return False


class Scripts(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.path = self.home.transcript("-p", "session-1", [records.assistant(teamName="crew", agentName="lead")])
        self.env = self.home.environment() | {"OKSTRAFS_MOUNT": str(self.home.root / "usage"), "PATH": os.environ["PATH"]}

    def append(self, tokens: int) -> None:
        harness.append(self.path, records.line(records.assistant(counts=records.usage(i=tokens, o=0), teamName="crew")) + b"\n")

    def bash(self, script: str) -> str:
        return subprocess.run(["bash", "-c", script], env=self.env, check=True, stdout=subprocess.PIPE, text=True,
                              timeout=harness.LIMIT).stdout

    def test_status_line(self):
        script = f'. {CONTRIB}/status-line.sh; okstrafs_status teams/crew; echo "<$OKSTRAFS_STATUS>"'
        with self.home.mount():
            for tokens, shown in ((0, "11"), (988, "999"), (1, "1.0k"), (236_069, "237.1k"), (762_880, "999.9k"), (1, "1.0M"), (236_000, "1.2M")):
                if tokens:
                    self.append(tokens)
                self.assertEqual(self.bash(script).splitlines()[0], f"<{shown}>")
            self.assertEqual(self.bash(script.replace("crew", "nobody")).splitlines()[0], "<>")
        self.assertEqual(self.bash(script).splitlines()[0], "<>")

    def test_status_line_of_everything(self):
        script = f'. {CONTRIB}/status-line.sh; set -u; okstrafs_%s; echo "<$OKSTRAFS_STATUS>"'
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        self.home.transcript("-q", "session-2", [records.assistant(now, records.usage(i=100_000, o=0), id="x",
                                                                  model="claude-opus-4-5", stop_reason="end_turn")])
        with self.home.mount() as mount:
            for folder in ("", "''", ".", "stats/window/_"):
                self.assertEqual(self.bash(script % f"status {folder}"), "<100.0k>\n")
                self.assertRegex(self.bash(script % f"cost {folder}"), r"^<\$0\.50>$")
            self.assertEqual(self.bash(script % "status stats/window/last-24h"), "<100.0k>\n")
            self.assertEqual(self.bash(script % "cost stats/window/last-24h"), "<$0.50>\n")
            self.assertEqual(self.bash(script % "cost stats/window/2020-01-01"), "<$0.00>\n")
            for cost, shown in (("12", "$12.00"), ("0.005", "$0.01"), ("2.9", "$2.90"), ("1.999", "$2.00"), ("3.4", "$3.40"), ("unknown", ""), ("1.2.3", "")):
                point = self.home.root / "false"
                point.mkdir(exist_ok=True)
                (point / "cost_usd").write_text(cost + "\n")
                self.assertEqual(self.bash(f"OKSTRAFS_MOUNT={point}; {script % 'cost'}"), f"<{shown}>\n")
            self.assertEqual(self.bash(script % "cost teams/nobody"), "<>\n")
            self.assertGreater(int(mount.read("total_tokens")), 100_000)

    @needs("strace")
    def test_status_line_starts_no_process(self):
        with self.home.mount():
            trace = self.home.root / "trace"
            self.bash(f"strace -f -e trace=fork,vfork,clone,clone3,execve -o {trace} bash -c "
                      f"'. {CONTRIB}/status-line.sh; okstrafs_status teams/crew; [[ $OKSTRAFS_STATUS == 11 ]]'")
            calls = [line for line in trace.read_text().splitlines() if "execve" not in line and "(" in line]
            self.assertEqual(calls, [])

    def until_it_says(self, running: Running, first: int) -> None:
        """Changes until the script has heard of one: it may not be watching yet."""
        deadline = time.monotonic() + harness.LIMIT
        while time.monotonic() < deadline:
            self.append(first)
            if running.says("total", 0.5):
                return
        self.fail(f"it says nothing of changes: {running.lines}")

    @needs("inotifywait")
    def test_on_change(self):
        show = ("sh", "-c", 'echo "total $(cat "${1%/*}/total_tokens")"', "-")
        with Running(CONTRIB / "on-change", "teams/crew", *show, env=self.env) as running:
            with self.home.mount():
                self.until_it_says(running, 100)
                self.append(5000)
                want = int((self.home.root / "usage/teams/crew/total_tokens").read_text())
                self.assertTrue(running.says(f"total {want}"), running.lines)
            with self.home.mount():  # and after a restart
                running.lines.clear()
                self.until_it_says(running, 100)

    @needs("inotifywait")
    def test_on_change_says_what_it_waits_for(self):
        """A misspelt name, and no mount at all; each once."""
        kinds = [(CONTRIB / "on-change", "teams/crow", "true"), *([("node", CONTRIB / "on-change.mjs", "teams/crow")]
                                                                  if shutil.which("node") else [])]
        point = self.home.root / "usage"
        for command in kinds:
            with Running(*command, env=self.env) as running:
                self.assertTrue(running.says(f"on-change: there is no {point}/teams: waiting for it; 'okstrafs mount'"), running.lines)
            with self.home.mount(), Running(*command, env=self.env) as running:
                self.assertTrue(running.says(f"on-change: there is no {point}/teams/crow yet: waiting for it"), running.lines)
                time.sleep(1.2)
                self.assertEqual(len(running.lines), 1)

    @needs("inotifywait")
    def test_on_change_of_everything(self):
        with self.home.mount(), Running(CONTRIB / "on-change", ".", "sh", "-c", 'echo "total $(cat "${1%/*}/total_tokens")"', "-",
                                        env=self.env) as running:
            self.until_it_says(running, 100)

    def test_completion(self):
        def completed(*words: str) -> list:
            quoted = " ".join(f"'{word}'" for word in words)
            return self.bash(f"compopt() {{ :; }}; . {CONTRIB}/okstrafs.bash-completion; COMP_WORDS=(okstrafs {quoted}); "
                             f'COMP_CWORD={len(words)}; _okstrafs; printf "%s\n" "${{COMPREPLY[@]}}"').split()
        self.env["PATH"] = os.path.dirname(os.path.abspath(harness.binary())) + ":" + self.env["PATH"]
        self.assertEqual(completed("u"), ["umount"])
        self.assertEqual(completed("cat", "tea"), ["teams"])
        self.assertEqual(completed("cat", "teams/cr"), ["teams/crew"])
        self.assertEqual(completed("ls", "teams/crew/cost"), ["teams/crew/cost_usd"])
        self.assertEqual(completed("forget", "sess"), ["session-1"])

    def test_on_change_refuses_nonsense(self):
        done = subprocess.run([CONTRIB / "on-change", "teams/x"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage", done.stderr)

    @needs("node")
    def test_node(self):
        with Running("node", CONTRIB / "on-change.mjs", "teams/crew", env=self.env) as running:
            for _ in range(2):
                with self.home.mount() as mount:
                    running.lines.clear()
                    self.until_it_says(running, 100)
                    self.append(7000)
                    total = int(mount.read("teams/crew/total_tokens"))
                    self.assertTrue(running.says(f'"totalTokens":{total}'), running.lines[-1:])
                    for line in running.lines:
                        json.loads(line)


class Service(harness.MountTest):
    def test_readiness(self):
        """What sd_notify(3) promises: a datagram when the mount answers, another at the end."""
        self.home.transcript("-p", "session-1", [records.assistant()])
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.bind(f"{folder}/notify")
            one.settimeout(10)
            with self.home.mount(environ={"NOTIFY_SOCKET": f"{folder}/notify"}) as mount:
                said = one.recv(4096).decode().splitlines()
                self.assertIn("READY=1", said)
                self.assertIn(f"STATUS=Mounted on {mount.point}", said)
                self.assertTrue(harness.is_mounted(mount.point))
                mount.stop()
                self.assertIn("STOPPING=1", one.recv(4096).decode().splitlines())

    @needs("systemd-analyze")
    def test_units(self):
        """As systemd reads them, with the program that is under test."""
        with tempfile.TemporaryDirectory() as folder:
            units = [Path(folder, name) for name in ("okstrafs.service", "okstrafs-react@.path", "okstrafs-react@.service")]
            for unit in units:
                text = (CONTRIB / unit.name).read_text().replace("ExecStart=okstrafs", f"ExecStart={harness.binary()}")
                unit.write_text("".join(line for line in text.splitlines(True) if not line.startswith("Documentation=man")))
            done = subprocess.run(["systemd-analyze", "verify", "--user", *units], stderr=subprocess.PIPE, text=True,
                                  env=os.environ | {"XDG_RUNTIME_DIR": folder, "SYSTEMD_LOG_LEVEL": "warning"}, timeout=60)
            self.assertEqual([line for line in done.stderr.splitlines() if "okstrafs" in line], [])
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    harness.main(__name__)
