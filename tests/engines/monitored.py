"""Programs that a test starts and ends: okstrafs, node_exporter and Prometheus, and queries to the last one."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("mount", "support")]

import harness  # noqa: E402

PROGRAMS = ("prometheus", "prometheus-node-exporter", "promtool")
USER = "prometheus"
SCRAPE = "200ms"
SECONDS = 60


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def not_here() -> str:
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else ""


@unittest.skipIf(not_here(), not_here())
class Monitored(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.home = harness.Home()
        self.addCleanup(self.home.close)
        self.serial = 0
        self.running: list[subprocess.Popen] = []
        self.addCleanup(self.stop_all)
        try:
            self.user = pwd.getpwnam(USER) if os.geteuid() == 0 else None
        except KeyError:
            self.skipTest(f"no user {USER}")

    def stop_all(self) -> None:
        for process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
            process.wait(SECONDS)

    def start(self, *command: str, by_user: bool = False, **options) -> subprocess.Popen:
        """Root starts the readers as a user of their own, who sees the home only where it may."""
        log = open(self.home.root / f"log-{len(self.running)}", "wb")
        more = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if by_user and self.user else {}
        more |= options
        environment = {"PATH": os.environ["PATH"]} if by_user else self.home.environment()
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)
        self.running.append(process)
        return process

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted(self.home.root.glob("log-*")))

    def folder(self, name: str) -> Path:
        path = self.home.root / name
        path.mkdir()
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def ask(self, query: str) -> list:
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is starting
                raise ConnectionError from error
            raise AssertionError(f"{query}: {error.read().decode()}") from error
        self.assertEqual(body["status"], "success", query)
        return body["data"]["result"]

    def value(self, query: str) -> float | None:
        result = self.ask(query)
        self.assertLessEqual(len(result), 1, query)
        return float(result[0]["value"][1]) if result else None

    def until(self, condition, what: str) -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except OSError:  # it does not listen yet
                pass
            time.sleep(0.05)
        self.fail(f"not within {SECONDS} s: {what}\n{self.logs()}")
