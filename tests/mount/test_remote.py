"""Remote filesystems that do not answer: a project's folder, a symlink, a root. Nothing else waits for them.

The filesystem is hanging_fs.c, which shows a folder and stops to answer while a file exists.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import guarded
import harness
import records

PROGRAM = os.environ.get("OKSTRAFS_HANGING_FS", "")
SECONDS = 60


class HangingFs:
    def __init__(self, root: Path, name: str):
        self.source, self.hang, self.point = (root / f"{name}-{part}" for part in ("source", "hang", "point"))
        self.source.mkdir()
        self.point.mkdir()
        self.process = subprocess.Popen([PROGRAM, self.source, self.hang, self.point], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + SECONDS
        while not harness.is_mounted(self.point):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("hanging_fs does not start")
            time.sleep(0.01)

    def stop_answering(self) -> None:
        self.hang.touch()

    def answer(self) -> None:
        self.hang.unlink(missing_ok=True)

    def close(self) -> None:
        """Its death ends every wait for it."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            subprocess.run(["umount", "-l", self.point], stderr=subprocess.DEVNULL, timeout=10)
        harness.detach(self.point)


class RemoteTest(harness.MountTest):
    def setUp(self):
        super().setUp()
        if not os.access(PROGRAM, os.X_OK):
            self.skipTest("no hanging_fs: OKSTRAFS_HANGING_FS is not set")
        self.filesystems = []

    def tearDown(self):
        for one in self.filesystems:
            one.close()
        super().tearDown()

    def filesystem(self, name: str) -> HangingFs:
        self.filesystems.append(HangingFs(self.home.root, name))
        return self.filesystems[-1]

    def read(self, mount, path: str) -> bytes:
        """In a process that may hang."""
        return guarded.call(lambda: (mount.point / path).read_bytes(), seconds=SECONDS)

    def json(self, mount, path: str) -> dict:
        return json.loads(self.read(mount, path))

    def tokens(self, mount, session: str) -> int:
        return self.json(mount, f"sessions/{session}/usage.json")["totalTokens"]

    def skipped(self, mount) -> dict:
        return {one["path"]: one["error"] for one in self.json(mount, "status.json")["skipped"]["paths"]}

    def line(self, n: int, **more) -> dict:
        return records.assistant(counts=records.usage(n, 0), **more)

    def end(self, mount) -> None:
        """SIGTERM ends the daemon."""
        self.assertEqual(mount.stop(signal.SIGTERM), 0)


class Projects(RemoteTest):
    def state(self, folder: Path, team: str) -> None:
        path = folder / "run/state/team-state-a-001.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"team": {"teamName": team}, "workers": []}))

    def test_a_working_directory_that_does_not_answer(self):
        fs, here = self.filesystem("far"), self.home.root / "here"
        self.state(here / ".okstra/tasks", "near")
        self.state(fs.source / ".okstra/tasks", "far")
        (self.home.root / "beside").mkdir()
        (self.home.root / "beside/.okstra").symlink_to(fs.point / "not-here")  # a link that leads there
        fs.stop_answering()
        for name, cwd in (("a", fs.point), ("b", fs.point / "deep"), ("c", here), ("d", self.home.root / "beside")):
            self.home.transcript("-p", f"session-{name}", [self.line(10, cwd=str(cwd))])
        with self.home.mount() as mount:
            self.assertEqual(self.tokens(mount, "session-a"), 10)
            self.assertEqual(sorted(guarded.call(os.listdir, mount.point / "teams", seconds=SECONDS)), ["near"])
            harness.append(self.home.path("-p", "session-a"), records.line(self.line(5, cwd=str(fs.point / "later"))) + b"\n")
            self.assertEqual(self.tokens(mount, "session-a"), 15)
            self.read(mount, "teams/near/usage.json")
            skipped = self.skipped(mount)
            for path in (fs.point, fs.point / "deep", fs.point / "later", self.home.root / "beside"):
                self.assertIn("network filesystem", skipped[str(path)])
            self.end(mount)

    def test_a_working_directory_is_entered_after_its_filesystem_has_gone(self):
        fs = self.filesystem("far")
        self.home.transcript("-p", "session-a", [self.line(10, cwd=str(fs.point))])
        with self.home.mount() as mount:
            self.assertEqual(guarded.call(os.listdir, mount.point / "teams", seconds=SECONDS), [])
            self.assertEqual(len(self.skipped(mount)), 1)
            fs.close()
            self.state(fs.point / ".okstra/tasks", "found")
            self.assertEqual(guarded.call(os.listdir, mount.point / "teams", seconds=SECONDS), ["found"])
            self.assertEqual(self.skipped(mount), {})

    def test_a_manifest_behind_a_link(self):
        fs, here = self.filesystem("far"), self.home.root / "here"
        self.state(here / ".okstra/tasks", "near")
        (here / ".okstra/tasks/run/manifests").symlink_to(fs.point)
        fs.stop_answering()
        self.home.transcript("-p", "session-a", [self.line(10, cwd=str(here))])
        with self.home.mount() as mount:
            self.assertIsNone(self.json(mount, "teams/near/usage.json")["window"]["since"])
            self.end(mount)

    def test_rosters_and_linked_projects(self):
        fs = self.filesystem("far")
        fs.stop_answering()
        self.home.transcript("-p", "session-a", [self.line(10)])
        (self.home.config / "teams").symlink_to(fs.point)
        (self.home.projects / "-linked").symlink_to(fs.point / "project")
        with self.home.mount() as mount:
            self.assertEqual(self.tokens(mount, "session-a"), 10)
            self.assertEqual(guarded.call(os.listdir, mount.point / "teams", seconds=SECONDS), [])
            skipped = self.skipped(mount)
            self.assertIn("network filesystem", skipped[str(self.home.projects / "-linked")])
            self.assertIn("network filesystem", skipped[str(self.home.config)])
            self.end(mount)


if __name__ == "__main__":
    harness.main(__name__)
