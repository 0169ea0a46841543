"""A home that cannot be written: a full disk, no inodes, a read-only filesystem, a limit on the size of files; and few
descriptors for a command, and a clock that is set.

The answer is right all the same, and what deleted and rewritten transcripts said is there afterwards.
"""

import os
import resource
import shutil
import struct
import subprocess

import faults
import guarded
import harness
import records


class Disk(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.made = faults.MadeHome(self.home)
        self.cat = ["cat", *self.made.documents]
        self.made.reset()
        self.right = self.made.run(self.cat).stdout
        self.assertEqual(self.made.run(["--no-cache", *self.cat]).stdout, self.right)

    def check(self, note: str, **more) -> None:
        done = self.made.run(self.cat, **more)
        self.assertEqual(done.returncode, 0, f"{note}: {done.stderr}")
        self.assertEqual(done.stdout, self.right, note)


class Full(Disk):
    def with_filesystem(self, options: str, then) -> None:
        """The state is on a small filesystem of its own. `then` is called while it is mounted."""
        state = self.made.state
        shutil.rmtree(self.home.okstra)
        self.home.okstra.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", self.home.okstra], stderr=subprocess.PIPE)
        if mounted.returncode:
            self.skipTest(f"no tmpfs: {mounted.stderr.decode().strip()}")
        try:
            shutil.copytree(state, self.home.okstra, dirs_exist_ok=True)
            then()
        finally:
            subprocess.run(["umount", "-l", self.home.okstra], check=True)

    def fill(self) -> None:
        with open(self.home.okstra / "filler", "wb", buffering=0) as file:
            try:
                while file.write(bytes(512)):
                    pass
            except OSError:
                pass

    def test_disk_full(self):
        def then() -> None:
            self.fill()
            self.check("full")
            self.check("full, again")
            (self.home.okstra / "filler").unlink()
            self.check("with room again")
            self.check("warm")
        self.with_filesystem("size=160k", then)

    def test_no_inodes(self):
        def then() -> None:
            n = 0
            try:
                while True:
                    (self.home.okstra / f"filler{n}").touch()
                    n += 1
            except OSError:
                pass
            self.check("no inodes")
            for i in range(n):
                (self.home.okstra / f"filler{i}").unlink()
            self.check("with inodes again")
            self.check("warm")
        self.with_filesystem("size=1m,nr_inodes=60", then)

    def test_read_only(self):
        def then() -> None:
            subprocess.run(["mount", "-o", "remount,ro", self.home.okstra], check=True)
            self.check("read-only")
            subprocess.run(["mount", "-o", "remount,rw", self.home.okstra], check=True)
            self.check("writable again")
            self.check("warm")
        self.with_filesystem("size=1m", then)


class Limits(Disk):
    def test_size_of_files(self):
        for size in (0, 100, 1000, 5000):
            self.made.reset()
            self.check(f"{size} bytes", preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
            self.check(f"after {size} bytes")

    def test_descriptors(self):
        """Fewer and fewer: right, or a failure with a message."""
        right = 0
        for most in (32, 16, 12, 10, 9, 8, 7, 6, 5, 4):
            self.made.reset(most % 2 == 0)
            done = self.made.run(self.cat, preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
            if done.returncode == 0:
                self.assertEqual(done.stdout, self.right, f"{most} descriptors")
                right += 1
            else:
                self.assertTrue(done.stderr, f"{most} descriptors")
            self.check(f"after {most} descriptors")
        self.assertGreater(right, 0)
        self.assertLess(right, 10)  # the lowest limits matter


class Clock(Disk):
    def test_steps(self):
        """The time of day goes back and forth under a running daemon: totals do not, and no file becomes older."""
        library = os.environ.get("OKSTRAFS_FAKE_CLOCK_LIBRARY", "")
        if not library or harness.is_sanitized():
            self.skipTest("no OKSTRAFS_FAKE_CLOCK_LIBRARY, or a sanitizer")
        clock = self.home.root / "clock"
        clock.write_bytes(struct.pack("=q", 0))
        self.made.reset()
        with self.home.mount(environ={"LD_PRELOAD": library, "OKSTRAFS_FAKE_CLOCK": str(clock)}) as mount:
            def look() -> tuple:
                total = guarded.call(mount.json, "stats/by-model.json")["total"]["totalTokens"]
                return total, guarded.call(os.stat, mount.point / "stats/by-model.json").st_mtime_ns
            total, mtime = look()
            for i, step in enumerate((86_400, -2 * 86_400, 400 * 86_400, -20 * 365 * 86_400, 0)):
                with open(clock, "r+b") as file:
                    file.write(struct.pack("=q", step))
                harness.append(self.home.path("-project", "worker"), records.line(records.assistant(
                    f"2026-06-10T10:00:0{i}Z", records.usage(10, 1), id=f"msg_01step{i:020}", sessionId="worker")) + b"\n")
                now, then = look()
                self.assertEqual(now, total + 11, step)
                self.assertGreaterEqual(then, mtime, step)
                total, mtime = now, then
                for name in ("stats/window/today/by-model.json", "stats/window/last-7d/by-model.json", "stats/blocks.json"):
                    guarded.call(mount.json, name)


if __name__ == "__main__":
    harness.main(__name__)
