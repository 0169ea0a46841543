"""Starting, stopping and being killed; hostile places, environments, limits and content.

What every test asks in the end: are the totals still those of the reference, is there one clear line where there is a
refusal, and has nobody been left hanging?
"""

import contextlib
import errno
import fcntl
import json
import os
import random
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import time
import unittest
from pathlib import Path

import guarded
import harness
import records
import reference
import watching
from test_surface import regular_files

NOBODY = 65534
LONG = bool(os.environ.get("OKSTRAFS_LONG"))
KILLS = harness.by_effort(4, 12, 200)
is_root = os.geteuid() == 0
as_root = unittest.skipUnless(is_root, "needs root")


def memory_group():
    """The cgroup below which groups with a limit of their own can be made; None where there is none."""
    for path in Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"):
        controllers = path / "cgroup.subtree_control"
        limited = (path / "memory.limit_in_bytes").exists() or (controllers.exists() and "memory" in controllers.read_text())
        if limited and os.access(path, os.W_OK) and not os.statvfs(path).f_flag & os.ST_RDONLY:
            return path
    return None


class Lifecycle(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.sweep)
        self.ran: list[str] = []
        self.point = self.home.root / "usage"
        for i in range(4):
            maker = records.Maker(i + 1)
            lines = [maker.assistant() | {"teamName": "crew", "agentName": f"a{i}"} for _ in range(5 + i)]
            self.home.transcript(f"-p{i % 2}", f"session-{i}", lines)

    # -- daemons in the background

    def daemons(self) -> list[int]:
        """Those that were started with a path of this test's home."""
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and os.fsencode(self.home.root) in Path("/proc", entry, "cmdline").read_bytes() \
                        and Path("/proc", entry, "comm").read_text() == "okstrafs\n":
                    found.append(int(entry))
        return found

    def assertEnded(self) -> None:
        """A mount that is gone for long is given up by a daemon that is still saving its caches, as on a busy machine."""
        harness.until(lambda: not self.daemons(), "no daemon is left")

    def sweep(self) -> None:
        for pid in self.daemons():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with open("/proc/self/mountinfo", "rb") as file:
            points = [os.fsdecode(line.split()[4]) for line in file if b" fuse.okstrafs " in line]
        for point in points:
            if point.startswith(f"{self.home.root}/"):
                harness.abort(point)
                harness.detach(point)

    def command(self, *arguments, environ=None, program="", **more):
        """Exit code, output and complaints of the program; what is None in environ is unset."""
        merged = self.home.environment() | (environ or {})
        env = {k: v for k, v in merged.items() if v is not None}
        done = guarded.call(lambda: subprocess.run(
            [program or harness.binary(), *map(str, arguments)], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=harness.LIMIT, **more), seconds=harness.LIMIT + 20)
        return self.noted(arguments, (done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")))

    def noted(self, arguments, outcome):
        self.ran.append(f"okstrafs {' '.join(map(str, arguments))}: exit code {outcome[0]}: {outcome[2].strip()}")
        return outcome

    def diagnosis(self) -> str:
        return "\n".join([super().diagnosis(), f"programs run: {len(self.ran)}", *self.ran[-5:]])

    def assertRefused(self, outcome, *words: str) -> None:
        code, _, said = outcome
        self.assertNotEqual(code, 0)
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertTrue(said.startswith("okstrafs: "), said)
        for word in words:
            self.assertIn(word, said)

    # -- the oracle

    def want(self) -> dict:
        return {sid: s.totals() for sid, s in reference.sessions_of([self.home.config]).items()}

    def check(self, point, want=None) -> None:
        want = want or self.want()
        self.assertEqual(sorted(guarded.call(os.listdir, point / "sessions")), sorted(want))
        for sid, totals in want.items():
            document = json.loads(guarded.call((point / "sessions" / sid / "usage.json").read_bytes))
            self.assertTotals(dict(list(document.items())[:13]), totals, sid)


class Starting(Lifecycle):
    def test_a_folder_with_content_is_refused(self):
        self.point.mkdir()
        (self.point / "precious").write_text("x")
        self.assertRefused(self.command("mount", self.point), str(self.point), "empty")
        self.assertFalse(harness.is_mounted(self.point))
        self.assertEqual(self.command("mount", "-o", "nonempty", self.point)[0], 0)
        self.check(self.point)
        self.assertEqual(self.command("umount", self.point)[0], 0)
        self.assertEqual((self.point / "precious").read_text(), "x")

    def test_the_background(self):
        """The exit code of `mount` tells: 0 is mounted."""
        code, out, said = self.command("mount", *harness.visible(), self.point)
        self.assertEqual((code, out, said), (0, b"", ""))
        self.assertTrue(harness.is_mounted(self.point))
        self.check(self.point)
        pid, = self.daemons()
        for fd in (0, 1, 2):
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/{fd}"), "/dev/null")
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        self.assertEqual(os.getsid(pid), pid)
        self.assertEqual(self.command("umount", self.point), (0, b"", ""))
        self.assertFalse(harness.is_mounted(self.point))
        self.assertEnded()
        self.assertEqual(len(self.home.cache_files()), 4)
        self.assertRefused(self.command("umount", self.point), str(self.point))

    def test_what_a_parent_ignores_and_blocks(self):
        """Both are inherited: the end of a child could not be waited for, and no signal would end the daemon."""
        def inherit():
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP})

        self.assertEqual(self.command("mount", self.point, preexec_fn=inherit)[0], 0)
        self.assertRefused(self.command("mount", self.point, preexec_fn=inherit), "already mounted")
        self.assertEqual(self.command("umount", self.point, preexec_fn=inherit), (0, b"", ""))
        with self.home.mount(preexec_fn=inherit) as mount:
            mount.process.send_signal(signal.SIGTERM)
            self.assertEqual(mount.process.wait(harness.LIMIT), 0)
            self.assertFalse(harness.is_mounted(self.point))

    def test_a_signal_at_once(self):
        """As soon as the mount is in the kernel's table, while libfuse still waits for mount(8)."""
        self.point.mkdir()
        environ = self.home.environment()
        for _ in range(5):
            with open("/proc/self/mountinfo", "rb") as table:
                changes = select.poll()
                changes.register(table, select.POLLPRI)
                daemon = subprocess.Popen([harness.binary(), "mount", "-f", "--no-cache", str(self.point)], env=environ,
                                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
                deadline = time.monotonic() + harness.LIMIT
                while not harness.is_mounted(self.point) and time.monotonic() < deadline and daemon.poll() is None:
                    changes.poll(100)
            daemon.send_signal(signal.SIGTERM)
            said = daemon.communicate(timeout=harness.LIMIT)[1]
            self.assertEqual((daemon.returncode, said), (0, b""))
            self.assertFalse(harness.is_mounted(self.point))

    def test_the_default_mountpoint(self):
        self.assertEqual(self.command("mount")[0], 0)
        self.check(self.home.okstra / "usage")
        self.assertEqual(self.command("umount")[0], 0)

    def test_a_second_daemon_is_refused(self):
        with self.home.mount() as mount:
            for more in ((), ("-f",)):
                self.assertRefused(self.command("mount", *more, self.point), str(self.point))
            self.check(self.point)
            self.assertEqual(mount.stop(), 0)
        self.assertEqual(self.command("mount", self.point)[0], 0)
        self.assertRefused(self.command("mount", self.point), str(self.point))
        self.assertEqual(self.command("umount", self.point)[0], 0)

    def test_two_starts_at_once(self):
        """One of them wins, and the mount stays."""
        self.point.mkdir()
        for _ in range(5):
            racers = [guarded.Child(self.command, "mount", self.point) for _ in range(4)]
            codes = sorted(racer.result(40)[0] for racer in racers)
            self.assertEqual(codes.count(0), 1, codes)
            self.check(self.point)
            self.assertEqual(self.command("umount", self.point)[0], 0)

    def test_a_dead_mount_is_cleared(self):
        mount = self.home.mount()
        held = os.open(self.point / "sessions/session-0/usage.json", os.O_RDONLY)
        mount.kill_with_helpers()  # they would clear it at once
        with self.assertRaises(OSError) as caught:
            guarded.call(os.stat, self.point)
        self.assertEqual(caught.exception.errno, errno.ENOTCONN)
        self.assertEqual(self.command("mount", self.point)[0], 0)
        self.check(self.point)
        with contextlib.suppress(OSError):  # what is in the page cache may still be read
            guarded.call(os.pread, held, 10, 0)
        os.close(held)
        self.assertEqual(self.command("umount", self.point)[0], 0)

    @as_root
    def test_another_filesystem_is_left_alone(self):
        self.point.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", self.point], check=True)
        try:
            self.assertRefused(self.command("mount", self.point), str(self.point))
            self.assertTrue(harness.is_mounted(self.point))
        finally:
            subprocess.run(["umount", self.point], check=True)

    def test_a_stopped_daemon_is_not_waited_for(self):
        with self.home.mount() as mount:
            guarded.call(os.stat, self.point)  # the kernel knows its attributes now, and would answer by itself
            mount.process.send_signal(signal.SIGSTOP)
            try:
                self.assertRefused(self.command("mount", self.point), "does not answer")
            finally:
                mount.process.send_signal(signal.SIGCONT)
            self.check(self.point)

    def test_kinds_of_mountpoints(self):
        (self.home.root / "file").write_text("x")
        self.assertRefused(self.command("mount", self.home.root / "file"), "file")
        (self.home.root / "nowhere").symlink_to("none")
        self.assertRefused(self.command("mount", self.home.root / "nowhere"), "nowhere")
        os.mkfifo(self.home.root / "fifo")
        self.assertRefused(self.command("mount", self.home.root / "fifo"), "fifo")
        deep = self.home.root / "a" / "b" / "c"
        self.assertEqual(self.command("mount", deep)[0], 0)
        self.check(deep)
        self.assertEqual(stat.S_IMODE(os.stat(self.home.root / "a").st_mode), 0o700)
        self.assertEqual(self.command("umount", deep)[0], 0)

    def test_a_mountpoint_behind_a_symlink(self):
        real = self.home.root / "real"
        real.mkdir()
        link = self.home.root / "link"
        link.symlink_to("real")
        self.assertEqual(self.command("mount", link)[0], 0)
        self.check(link)
        self.assertTrue(harness.is_mounted(real))
        self.assertRefused(self.command("mount", link))
        self.assertRefused(self.command("mount", real))
        self.assertEqual(self.command("umount", link)[0], 0)
        self.assertFalse(harness.is_mounted(real))
        self.assertEnded()

    def test_names_of_mountpoints(self):
        for name in ("with space", "tab\there", "new\nline", "-dash", "back\\slash", "naïve 日本", "quo\"te", "a,b=c", "%s%n"):
            point = self.home.root / name
            self.assertEqual(self.command("mount", point)[0], 0, name)
            self.check(point)
            self.assertRefused(self.command("mount", point))
            self.assertEqual(self.command("umount", point)[0], 0, name)

    def test_what_would_hide_the_sources_is_refused(self):
        cache = self.home.okstra / "cache" / "token-usage"
        cache.mkdir(parents=True)
        link = self.home.root / "alias"
        link.symlink_to(self.home.config)
        for point in (self.home.okstra, cache, self.home.config, self.home.projects, self.home.root, f"{self.home.config}/",
                      f"{self.home.config}/.", f"{self.home.root}/x/../claude", f"{self.home.root}//claude", link):
            with self.subTest(point=point):
                self.assertRefused(self.command("mount", "-o", "nonempty", point))
        self.assertEqual(self.want().keys(), {f"session-{i}" for i in range(4)})

    def test_relative_paths(self):
        (self.home.root / "sub").mkdir()
        for name in ("usage", "./usage", "usage/", "sub/../usage", "../" + self.home.root.name + "/usage"):
            environ = {"CLAUDE_CONFIG_DIR": "claude", "OKSTRA_HOME": "okstra"}
            self.assertEqual(self.command("mount", name, cwd=self.home.root, environ=environ)[0], 0, name)
            self.assertTrue(harness.is_mounted(self.point), name)
            self.check(self.point)
            self.assertEqual(self.command("umount", name, cwd=self.home.root)[0], 0, name)
        self.assertEqual(self.command("mount", ".", cwd=self.home.root / "sub")[0], 0)
        self.check(self.home.root / "sub")
        self.assertEqual(self.command("umount", ".", cwd=self.home.root / "sub")[0], 0)


class Stopping(Lifecycle):
    def test_signals_unmount_and_save(self):
        for how in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            shutil.rmtree(self.home.okstra, ignore_errors=True)
            mount = self.home.mount()
            self.check(self.point)
            self.assertEqual(mount.stop(how), 0, how)
            self.assertFalse(harness.is_mounted(self.point))
            self.assertEqual(len(self.home.cache_files()), 4, how)

    def test_other_signals_are_ignored(self):
        with self.home.mount() as mount:
            for how in (signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGWINCH):
                mount.process.send_signal(how)
                time.sleep(0.02)
                self.check(self.point)

    def test_readers_see_the_end(self):
        """Nobody waits for a daemon that is gone: killed while many read."""
        def read_until_error(point) -> int:
            while True:
                try:
                    os.stat(point / "sessions/session-0/usage.json")
                    os.listdir(point / "sessions")
                    # Gone for good, and the folder below is empty again.
                except OSError as error:
                    return error.errno
        for how in (signal.SIGKILL, signal.SIGTERM):
            mount = self.home.mount()
            readers = [guarded.Child(read_until_error, self.point) for _ in range(8)]
            time.sleep(0.2)
            mount.process.send_signal(how)
            mount.process.wait(harness.LIMIT)
            for reader in readers:
                self.assertIn(reader.result(10), (errno.ENOTCONN, errno.ECONNABORTED, errno.ENOENT))
            mount.stop()

    def test_in_use(self):
        """umount lets go of the tree at once; the daemon ends with its last user."""
        with self.home.mount() as mount:
            held = os.open(self.point / "README.txt", os.O_RDONLY)
            code, _, said = self.command("umount", self.point)
            self.assertEqual((code, len(said.splitlines())), (0, 1), said)
            self.assertFalse(harness.is_mounted(self.point))
            os.close(held)
            self.assertEqual(mount.process.wait(harness.LIMIT), 0)

    def replaced(self, leave) -> None:
        """Somebody holds the old mount: a new one takes its place at once, and stays when the holder leaves."""
        self.assertEqual(self.command("umount", self.point)[0], 0)
        self.assertFalse(harness.is_mounted(self.point))
        old, = self.daemons()
        self.assertEqual(self.command("mount", self.point)[0], 0)
        self.check(self.point)
        leave()
        harness.until(lambda: old not in self.daemons(), "the former daemon ends")
        self.check(self.point)
        self.assertEqual(self.command("umount", self.point), (0, b"", ""))
        self.assertEnded()

    def test_replaced_while_a_shell_stands_in_it(self):
        self.assertEqual(self.command("mount", self.point)[0], 0)
        shell = subprocess.Popen(["sleep", "600"], cwd=self.point / "sessions")

        def leave():
            shell.kill()
            shell.wait(harness.LIMIT)

        self.addCleanup(leave)
        self.replaced(leave)

    @as_root
    def test_replaced_while_a_container_has_a_copy(self):
        self.assertEqual(self.command("mount", self.point)[0], 0)
        container = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sleep", "600"])
        mine = os.readlink("/proc/self/ns/mnt")
        harness.until(lambda: os.readlink(f"/proc/{container.pid}/ns/mnt") != mine, "the container has its own mounts")

        def leave():
            container.kill()
            container.wait(harness.LIMIT)

        self.addCleanup(leave)
        self.replaced(leave)

    @as_root
    def test_slow_to_end(self):
        """A mount that is gone and in use by nobody: its daemon keeps the folder until it has saved its caches."""
        with self.home.mount(*harness.visible()) as mount:
            folder = Path(f"/proc/{mount.toucher()}/fdinfo")
            harness.until(lambda: any("inotify wd:" in (folder / fd).read_text() for fd in os.listdir(folder)), "the helper watches")
            mount.process.send_signal(signal.SIGSTOP)
            self.addCleanup(mount.process.send_signal, signal.SIGCONT)
            harness.detach(self.point)
            time.sleep(1)  # longer than the helper waits for the kernel
            below = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
            with self.assertRaises(BlockingIOError):
                fcntl.flock(below, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(below)
            mount.process.send_signal(signal.SIGCONT)
            self.assertEqual(mount.process.wait(harness.LIMIT), 0)

    def test_in_use_for_a_moment(self):
        """A reader who is about to leave is waited for, and nobody is told of it."""
        with self.home.mount() as mount:
            with open(self.point / "README.txt") as held:
                leaving = subprocess.Popen(["sleep", "0.15"], stdin=held)
            self.assertEqual(self.command("umount", self.point), (0, b"", ""))
            leaving.wait(harness.LIMIT)
            self.assertEqual(mount.process.wait(harness.LIMIT), 0)

    @unittest.skipIf(harness.is_sanitized() or not memory_group(), "no memory cgroup to be had, or a program of another size")
    def test_out_of_memory(self):
        """The kernel's own killer: the mount goes, its reader hears of it, and the next start is as any other."""
        many = b"".join(b'{"type":"assistant","timestamp":"2026-06-10T01:%02d:%02d.%03dZ","message":{"id":"msg_%d","model":"m",'
                        b'"usage":{"input_tokens":%d}}}\n' % (i // 60000 % 60, i // 1000 % 60, i % 1000, i, i)
                        for i in range(400_000))
        self.home.path("-p0", "huge").write_bytes(many)
        group = memory_group() / f"okstrafs-test-{os.getpid()}"
        group.mkdir()
        limit = next(name for name in ("memory.max", "memory.limit_in_bytes") if (group / name).exists())
        (group / limit).write_text(str(14 << 20))
        swap = group / "memory.swap.max"
        if swap.exists():
            swap.write_text("0")
        mount = self.home.mount("--no-cache", "-o", "memory=1G",
                                preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())))
        self.addCleanup(group.rmdir)
        self.addCleanup(mount.stop)
        with self.assertRaises(OSError):
            guarded.call((self.point / "sessions/huge/usage.json").read_bytes, seconds=60)
        self.assertEqual(mount.process.wait(harness.LIMIT), -signal.SIGKILL)
        harness.until(lambda: not harness.is_mounted(self.point), "the mount is gone")
        with self.home.mount("--no-cache") as mount:
            self.assertEqual(mount.json("sessions/huge/usage.json")["inputTokens"], sum(range(400_000)))

    def test_killed_at_random_moments(self):
        """Appends go on; the next start answers as the reference does, whatever the last one had saved."""
        rand = random.Random(11)
        paths = [self.home.path(f"-p{i % 2}", f"session-{i}") for i in range(4)]
        maker = records.Maker(77)
        for _ in range(KILLS):
            mount = self.home.mount()
            end = time.monotonic() + rand.random() * (1.6 if rand.random() < 0.3 else 0.3)
            while time.monotonic() < end:
                harness.append(rand.choice(paths), records.line(maker.assistant()) + rand.choice((b"\n", b"\n", b"\n\n{bad\n")))
                guarded.call(os.stat, self.point / f"sessions/session-{rand.randrange(4)}/usage.json")
            mount.process.kill()
            mount.process.wait(harness.LIMIT)
            harness.detach(self.point)
        with self.home.mount():
            self.check(self.point)
        with self.home.mount("--no-cache"):
            self.check(self.point)
        litter = [p for p in self.home.okstra.rglob("*") if p.is_file() and p.suffix != ".json"]
        self.assertLessEqual(len(litter), KILLS)

    def test_two_daemons_share_a_cache(self):
        rand = random.Random(12)
        maker = records.Maker(78)
        paths = [self.home.path(f"-p{i % 2}", f"session-{i}") for i in range(4)]
        for _ in range(2 if not LONG else 30):
            mounts = [self.home.mount(point=name) for name in ("one", "two")]
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                harness.append(rand.choice(paths), records.line(maker.assistant()) + b"\n")
                for mount in mounts:
                    guarded.call(os.stat, mount.point / f"sessions/session-{rand.randrange(4)}/usage.json")
            want = self.want()
            for mount in mounts:
                self.check(mount.point, want)
            mounts[0].process.kill()
            mounts[0].process.wait(harness.LIMIT)
            mounts[0].stop()
            self.check(mounts[1].point, want)
            mounts[1].stop(rand.choice((signal.SIGKILL, signal.SIGTERM)))
            with self.home.mount():
                self.check(self.point, want)


class Surroundings(Lifecycle):
    def test_standard_files_may_be_closed(self):
        def close(*fds):
            return lambda: [os.close(fd) for fd in fds]

        for fds in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)):
            with self.home.mount("--no-cache", *harness.visible(), preexec_fn=close(*fds)) as mount:
                self.check(self.point)
                for fd in fds:
                    self.assertNotIn("fuse", os.readlink(f"/proc/{mount.process.pid}/fd/{fd}"))
            pid = subprocess.Popen([harness.binary(), "mount", self.point], env=self.home.environment(), preexec_fn=close(*fds))
            self.assertEqual(pid.wait(harness.LIMIT), 0)
            self.check(self.point)
            self.assertEqual(self.command("umount", self.point)[0], 0)

    def test_hostile_environments(self):
        want = self.want()
        for environ in ({"TMPDIR": "/nonexistent"}, {"TMPDIR": ""}, {"HOME": "relative"}, {"HOME": ""}, {"HOME": "new\nline"},
                        {"HOME": "/nonexistent"}, {"TZ": "Nowhere/Never"}, {"TZ": ":" + "x" * 5000}, {"TZ": "/dev/zero"},
                        {"LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"}, {"LANG": "\xff"}, {"PATH": ""},
                        {"LD_BIND_NOW": "1", "MALLOC_PERTURB_": "173"}):
            with self.home.mount("--no-cache", environ=environ):
                self.check(self.point, want)
                self.assertEqual(sorted(json.loads(guarded.call((self.point / "status.json").read_bytes)))[:1], ["badLines"])
            document = json.loads(self.command("cat", "sessions/session-1/usage.json", environ=environ)[1])
            self.assertTotals(dict(list(document.items())[:13]), want["session-1"], str(environ))

    def test_no_home_at_all(self):
        with_config = {"HOME": None, "CLAUDE_CONFIG_DIR": str(self.home.config)}
        code, out, _ = self.command("cat", "sessions/session-1/total_tokens", environ=with_config)
        self.assertEqual((code, out), (0, b"%d\n" % self.want()["session-1"]["totalTokens"]))

    def test_umask(self):
        for mask in (0o777, 0):
            shutil.rmtree(self.home.okstra, ignore_errors=True)
            with self.home.mount(preexec_fn=lambda: os.umask(mask)):
                self.check(self.point)
            files = self.home.cache_files()
            self.assertEqual(len(files), 4)
            self.assertEqual({stat.S_IMODE(p.stat().st_mode) for p in files}, {0o600})
            self.assertEqual({stat.S_IMODE(p.parent.stat().st_mode) for p in files}, {0o700})

    def test_few_descriptors(self):
        """A total is right or an error, never smaller."""
        line = records.line(records.assistant(teamName="wide")) + b"\n"
        for i in range(2000):
            path = self.home.path(f"-wide{i % 40}", f"wide-{i}")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(line)

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        with self.home.mount("--no-cache", preexec_fn=limit) as mount:
            seen = guarded.call(mount.totals, "teams/wide/usage.json", seconds=150)
            self.assertEqual(seen["totalTokens"], 2000 * 11)
            self.check(self.point)

    def test_hardly_any_descriptors(self):
        """The harder limit, at which an error is fine."""
        want = self.want()
        for limit in (32, 16, 12, 10):
            def lower(limit=limit) -> None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            try:
                mount = self.home.mount("--no-cache", preexec_fn=lower)
            except AssertionError as error:
                *others, said = str(error).splitlines()
                self.assertIn("okstrafs: ", said)
                self.assertTrue(all("fuse: " in line for line in others), str(error))  # what the library says of it
                continue
            with mount:
                for sid, totals in want.items():
                    try:
                        got = guarded.call(mount.totals, f"sessions/{sid}/usage.json")
                    except OSError:
                        continue
                    self.assertTotals(got, totals, f"{limit}")

    def cache_status(self, point) -> dict:
        return json.loads(guarded.call((point / "status.json").read_bytes))["cache"]

    def wait_for_write_error(self, point) -> None:
        harness.until(lambda: self.cache_status(point)["writeErrors"], "the failure is in status.json")
        self.assertTrue(self.cache_status(point)["lastWriteError"])

    def check_with_broken_cache(self, **more) -> None:
        with self.home.mount(**more) as mount:
            self.check(self.point)
            self.wait_for_write_error(self.point)
            harness.append(self.home.path("-p0", "session-0"), records.line(records.assistant()) + b"\n")
            self.check(self.point)
            self.assertEqual(mount.stop(), 0)
        with self.home.mount():
            self.check(self.point)

    def test_a_limit_on_file_sizes(self):
        def lower() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

        self.check_with_broken_cache(preexec_fn=lower)

    def test_the_cache_folder_is_a_file(self):
        for part in ("cache", "cache/token-usage", "cache/token-usage/-p0"):
            shutil.rmtree(self.home.okstra, ignore_errors=True)
            place = self.home.okstra / part
            place.parent.mkdir(parents=True)
            place.write_text("not a folder")
            self.check_with_broken_cache()
            self.assertEqual(place.read_text(), "not a folder")

    def test_the_home_is_a_file(self):
        self.home.okstra.write_text("not a folder")
        self.check_with_broken_cache()

    def test_the_cache_folder_goes_away(self):
        with self.home.mount():
            self.check(self.point)
            time.sleep(1.5)
            shutil.rmtree(self.home.okstra)
            harness.append(self.home.path("-p0", "session-0"), records.line(records.assistant()) + b"\n")
            self.check(self.point)
        with self.home.mount():
            self.check(self.point)

    @as_root
    def test_the_cache_is_full_or_read_only(self):
        self.home.okstra.mkdir()
        for options in ("size=4k,nr_inodes=3", "size=4k", "ro"):
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", self.home.okstra], check=True)
            try:
                self.check_with_broken_cache()
            finally:
                subprocess.run(["umount", "-l", self.home.okstra], check=True)

    @as_root
    @unittest.skipUnless(shutil.which("mount.fuse3"), "no mount.fuse3 here")
    def test_mount_8(self):
        """As fstab would: the program in PATH, its name in the type."""
        tools = self.home.root / "bin"
        tools.mkdir()
        shutil.copy(harness.binary(), tools / "okstrafs")
        env = self.home.environment() | {"PATH": f"{tools}:{os.environ['PATH']}"}
        self.point.mkdir()
        for options in ("rw,nosuid,nodev,noatime,x-systemd.automount,_netdev,no_cache", "ro,user,noauto,allow_other"):
            for command in (["mount", "-t", "fuse", f"{tools}/okstrafs#none", self.point, "-o", options],
                            ["mount.fuse3", "okstrafs#none", self.point, "-o", options]):
                done = guarded.call(lambda: subprocess.run(command, env=env, stderr=subprocess.PIPE, timeout=harness.LIMIT))
                self.assertEqual(done.returncode, 0, (command, done.stderr))
                self.check(self.point)
                self.assertEqual(subprocess.run(["umount", self.point], timeout=harness.LIMIT).returncode, 0)
                self.assertEnded()
        done = subprocess.run(["mount.fuse3", "okstrafs#none", self.point, "-o", "nonsense"], env=env,
                              stderr=subprocess.PIPE, timeout=harness.LIMIT)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"nonsense", done.stderr)


class Loops(Lifecycle):
    """The mount within reach of its own scan."""

    def test_the_mountpoint_lies_among_the_transcripts(self):
        for inside in ("-p0/usage", "usage", "-p0/session-0/subagents"):
            point = self.home.projects / inside
            point.mkdir(parents=True)
            want = self.want()
            with self.home.mount("--no-cache", point=os.path.relpath(point, self.home.root)) as mount:
                self.check(mount.point, want)
                harness.append(self.home.path("-p0", "session-0"), records.line(records.assistant()) + b"\n")
                want["session-0"] = reference.totals(self.home.path("-p0", "session-0"))
                self.check(mount.point, want)
                # Another scan, while nobody answers on that mount.
                mount.process.send_signal(signal.SIGSTOP)
                try:
                    code, out, _ = self.command("--no-cache", "ls", "sessions")
                    self.assertEqual((code, sorted(out.decode().split())), (0, sorted(want)))
                    self.assertEqual(self.command("--no-cache", "cat", "teams/crew/usage.json")[0], 0)
                finally:
                    mount.process.send_signal(signal.SIGCONT)
            point.rmdir()

    def cwds(self) -> list[str]:
        """Working directories that lead into the mount, straight or round corners."""
        (self.home.root / "link").symlink_to(self.point)
        (self.home.root / "deep").symlink_to(self.point / "sessions/session-0")
        (self.home.root / "project").mkdir()
        (self.home.root / "project" / ".okstra").symlink_to(self.point)
        (self.home.root / "half" / ".okstra").mkdir(parents=True)
        (self.home.root / "half" / ".okstra" / "tasks").symlink_to(self.point / "sessions")
        return [str(p) for p in (self.point, self.point / "sessions", self.home.root / "link", self.home.root / "deep",
                                 self.home.root / "project", self.home.root / "half", f"{self.point}/../usage/sessions",
                                 "/proc/self/cwd", f"/proc/self/root{self.point}", "relative", "", "/", "/dev", "/nonexistent")]

    def test_working_directories_lead_into_the_mount(self):
        """Where team states are looked for is a stranger's word; each must answer, with and without somebody there."""
        for i, cwd in enumerate(self.cwds()):
            path = self.home.transcript("-cwd", f"cwd-{i}", [records.assistant(cwd=cwd, teamName="lost")])
            with self.subTest(cwd=cwd), self.home.mount("--no-cache") as mount:
                self.assertEqual(guarded.call(mount.totals, "teams/lost/usage.json", seconds=6)["totalTokens"], 11)
                self.check(self.point)
                harness.append(path, records.line(records.assistant(cwd=cwd, teamName="lost")) + b"\n")
                self.assertEqual(guarded.call(mount.totals, "teams/lost/usage.json", seconds=6)["totalTokens"], 22)
                mount.process.send_signal(signal.SIGSTOP)
                try:
                    self.assertEqual(self.command("--no-cache", "cat", "teams/lost/total_tokens")[1], b"22\n")
                finally:
                    mount.process.send_signal(signal.SIGCONT)
            path.unlink()


NAMES = [b"new\nline", b"esc\x1b[31mred", b"quo\"te'", b"back\\slash", b"\xff\xfe", b"caf\xc3\xa9", b"%2F", b"..%2f", b"-dash",
         b"...", b"..x", b".hidden", b" space ", b"dot.", b"\xc3", b"\xed\xa0\x80", b"tab\t", b"usage.json", b"window", b"a" * 249,
         b"\xe6\x97\xa5" * 83, b"\x01" * 100, b"CASE", b"case", b"e\xcc\x81", b"\xc3\xa9", b"$(id)", b"*", b"~", b"\x7f"]


class Content(Lifecycle):
    """What strangers can lay among the transcripts."""

    @staticmethod
    def listing_problems(point) -> list:
        """Every name that is listed can be looked up, and every JSON document is one."""
        problems = []
        for top in ("sessions", "projects", "teams"):
            listed = os.listdir(os.fsencode(point / top))
            if len(set(listed)) != len(listed):
                problems.append((top, "twice"))
            for name in listed:
                if any(byte < 32 or byte == 127 for byte in name) or len(name) > 255 or name.startswith(b"."):
                    problems.append((name, "not escaped"))
                try:
                    name.decode()
                    os.stat(os.fsencode(point / top) + b"/" + name)
                except (OSError, UnicodeDecodeError) as error:
                    problems.append((name, repr(error)))
        for path in regular_files(str(point)):
            data = Path(path).read_bytes()
            try:
                text = data.decode()
                if path.endswith(".json"):
                    json.loads(text)
            except ValueError as error:
                problems.append((path, repr(error)))
        return problems

    def test_names(self):
        for i, name in enumerate(NAMES):
            folder = os.fsencode(self.home.projects) + b"/" + name
            os.mkdir(folder)
            with open(folder + b"/" + name + b".jsonl", "wb") as file:
                file.write(records.line(records.assistant(counts=records.usage(i, 1), teamName=name.decode("utf-8", "replace"),
                                                          agentName=name.decode("utf-8", "replace"))) + b"\n")
        with self.home.mount() as mount:
            self.assertEqual(guarded.call(self.listing_problems, self.point, seconds=60), [])
            names = guarded.call(os.listdir, self.point / "sessions")
            self.assertEqual(len(names), len(NAMES) + 4)
            tokens = sorted(int(guarded.call(mount.read, f"sessions/{name}/total_tokens")) for name in names
                            if not name.startswith("session-"))
            self.assertEqual(tokens, [i + 1 for i in range(len(NAMES))])
            # What is found without FUSE has the same names.
            code, out, _ = self.command("ls", "sessions")
            self.assertEqual((code, sorted(out.decode().splitlines())), (0, sorted(names)))
        with self.home.mount() as mount:
            self.assertEqual(sorted(guarded.call(os.listdir, self.point / "sessions")), sorted(names))
            self.assertEqual(guarded.call(mount.json, "status.json")["cache"]["writeErrors"], 0)

    def test_things_that_are_no_transcripts(self):
        folder = self.home.projects / "-p0"
        os.mkfifo(folder / "fifo.jsonl")
        (folder / "folder.jsonl").mkdir()
        (folder / "self.jsonl").symlink_to("self.jsonl")
        (folder / "ping.jsonl").symlink_to("pong.jsonl")
        (folder / "pong.jsonl").symlink_to("ping.jsonl")
        (folder / "passwd.jsonl").symlink_to("/etc/passwd")
        (folder / "mem.jsonl").symlink_to("/proc/self/mem")
        (folder / "tty.jsonl").symlink_to("/dev/tty")
        (folder / "up").symlink_to("..")
        (self.home.projects / "loop").symlink_to(".")
        bound = socket.socket(socket.AF_UNIX)
        self.addCleanup(bound.close)
        os.chdir(folder)  # the address is short
        self.addCleanup(os.chdir, "/")
        bound.bind("socket.jsonl")
        if is_root:
            os.mknod(folder / "zero.jsonl", stat.S_IFCHR | 0o666, os.makedev(1, 5))
            os.mknod(folder / "null.jsonl", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        want = self.want()
        with open(folder / "sparse.jsonl", "wb") as file:  # one line without an end
            file.truncate(3 << 30)
        with self.home.mount("--no-cache") as mount:
            names = guarded.call(os.listdir, self.point / "sessions")
            self.assertEqual(sorted(names), sorted({f"session-{i}" for i in range(4)} | {"sparse"}))
            for i in range(4):
                got = guarded.call(mount.totals, f"sessions/session-{i}/usage.json", seconds=60)
                self.assertTotals(got, want[f"session-{i}"])
            self.assertEqual(guarded.call(mount.totals, "sessions/sparse/usage.json", seconds=60)["totalTokens"], 0)
            # They come and go while it runs, and one takes the place of a transcript.
            self.home.path("-p1", "session-1").unlink()
            os.mkfifo(self.home.path("-p1", "session-1"))
            names = guarded.call(os.listdir, self.point / "sessions")
            self.assertNotIn("session-1", names)
            self.home.path("-p1", "session-1").unlink()
            self.home.transcript("-p1", "session-1", [records.assistant()])
            self.assertEqual(guarded.call(mount.totals, "sessions/session-1/usage.json")["totalTokens"], 11)

    def test_a_writer_on_a_fifo_keeps_its_bytes(self):
        path = self.home.projects / "-p0" / "fifo.jsonl"
        os.mkfifo(path)
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        os.write(fd, b"mine\n")
        with self.home.mount("--no-cache"):
            self.check(self.point)
            os.utime(path)
            self.check(self.point)
        self.assertEqual(os.read(fd, 100), b"mine\n")
        os.close(fd)


@unittest.skipUnless(is_root, "needs root to become an ordinary user")
class OrdinaryUser(Lifecycle):
    """The whole thing by somebody without privileges, through fusermount3. The device has the mode that the test needs,
    but the machine's own is left as it is."""

    device_is_private = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = harness.why_not_by_helper()
        if reason:
            raise unittest.SkipTest(reason)
        device = harness.private_device(0o666)
        try:
            device.__enter__()
            cls.addClassCleanup(device.__exit__, None, None, None)
            cls.device_is_private = True
        except OSError as error:
            if stat.S_IMODE(os.stat(harness.DEVICE).st_mode) & 0o006 != 0o006:
                raise unittest.SkipTest(f"{harness.DEVICE} is not for everybody, and a private one is refused: {error.strerror}")

    def setUp(self):
        super().setUp()
        self.program = str(self.home.root / "okstrafs")
        shutil.copy(harness.binary(), self.program)
        self.give_away()

    def give_away(self) -> None:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", self.home.root], check=True)

    def mounted(self, *options, **more):
        self.point.mkdir(exist_ok=True)
        self.give_away()
        return self.home.mount(*options, program=self.program, user=NOBODY, group=NOBODY, extra_groups=[], **more)

    def as_nobody(self, *arguments):
        return self.noted(arguments, guarded.call(self.command_of_nobody, *arguments, user=NOBODY, seconds=60))

    def command_of_nobody(self, *arguments):
        return self.command(*arguments, program=self.program)

    def read(self, leaf: str) -> dict:
        return json.loads(guarded.call((self.point / leaf).read_bytes, user=NOBODY))

    def check_as_nobody(self) -> None:
        for sid, want in self.want().items():
            self.assertTotals(dict(list(self.read(f"sessions/{sid}/usage.json").items())[:13]), want)

    def test_mount_read_unmount(self):
        with self.mounted() as mount:
            self.check_as_nobody()
            with self.assertRaises(PermissionError):  # root is another user here
                guarded.call(os.listdir, self.point)
            self.assertEqual(guarded.call(os.stat, self.point, user=NOBODY).st_uid, NOBODY)
            self.assertEqual(mount.stop(), 0)
        self.assertFalse(harness.is_mounted(self.point))
        self.assertEqual(len(self.home.cache_files()), 4)
        self.assertEqual({p.stat().st_uid for p in self.home.cache_files()}, {NOBODY})

    @unittest.skipIf(harness.why_not_unmount(), harness.why_not_unmount())
    def test_commands(self):
        self.assertEqual(self.as_nobody("mount", self.point)[0], 0)
        self.check_as_nobody()
        self.assertRefused(self.as_nobody("mount", self.point), str(self.point))
        self.assertEqual(self.as_nobody("umount", self.point)[0], 0)
        self.assertFalse(harness.is_mounted(self.point))

    @unittest.skipIf(harness.why_not_unmount(), harness.why_not_unmount())
    def test_a_dead_mount_is_cleared(self):
        mount = self.mounted()
        mount.process.kill()
        mount.process.wait(harness.LIMIT)
        self.assertEqual(self.as_nobody("mount", self.point)[0], 0)
        self.check_as_nobody()
        self.assertEqual(self.as_nobody("umount", self.point)[0], 0)

    def test_watchers_are_told(self):
        def watch() -> list:
            file = self.point / "sessions/session-0/usage.json"
            with watching.started([watching.Inotify(file), watching.Inotify(file.parent)]) as watchers:
                for _ in range(3):
                    before = [w.count for w in watchers]
                    harness.append(self.home.path("-p0", "session-0"), records.line(records.assistant()) + b"\n")
                    missed = watching.unheard(watchers, before)
                    if missed:
                        return missed
                os.listdir(self.point / "sessions")
                names = watching.Inotify(self.point / "sessions", watching.IN_CREATE)
                names.start()
                self.home.transcript("-p0", "session-new", [records.assistant()])
                return watching.unheard([names], [0])

        with self.mounted():
            self.assertEqual(guarded.call(watch, user=NOBODY), [])

    @unittest.skipIf(harness.why_not_unmount(), harness.why_not_unmount())
    def test_the_dead_leave_no_mount(self):
        """Its child calls fusermount3."""
        for how in (signal.SIGKILL,) if harness.is_sanitized() else (signal.SIGKILL, signal.SIGSEGV):
            mount = self.mounted()
            self.check_as_nobody()
            os.kill(mount.process.pid, how)
            mount.process.wait(harness.LIMIT)
            harness.until(lambda: not harness.is_mounted(self.point), "the mount is gone")
            self.home.mounts.remove(mount)
            mount.stop()

    def test_an_unreadable_mountpoint(self):
        self.point.mkdir(mode=0)
        self.give_away()
        self.assertRefused(self.as_nobody("mount", self.point), str(self.point))
        self.assertRefused(self.as_nobody("mount", "/root/usage"), "/root/usage")

    def test_no_device(self):
        if not self.device_is_private:
            self.skipTest("no device of our own")
        os.chmod(harness.DEVICE, 0o600)
        self.addCleanup(os.chmod, harness.DEVICE, 0o666)
        self.assertRefused(self.as_nobody("mount", self.point), "/dev/fuse")

    def test_unreadable_transcripts(self):
        self.give_away()
        hidden = self.home.path("-p0", "session-0")
        want = self.want()
        hidden.chmod(0)
        locked = self.home.projects / "-locked"
        locked.mkdir()
        self.point.mkdir()
        self.give_away()
        locked.chmod(0)
        with self.mounted():
            for sid in ("session-1", "session-2", "session-3"):
                self.assertTotals(dict(list(self.read(f"sessions/{sid}/usage.json").items())[:13]), want[sid])
            self.read("projects/-p0/usage.json")
            status = self.read("status.json")
            self.assertEqual(status["fileErrors"], 1)
            self.assertEqual([(e["path"], e["error"]) for e in status["errors"]], [(str(hidden), "Permission denied")])
            self.assertEqual((status["skipped"]["last"], status["skipped"]["error"]), (str(locked), "Permission denied"))
            # And when it may be read again, it is.
            hidden.chmod(0o600)
            self.check_as_nobody()
            self.assertEqual(self.read("status.json")["fileErrors"], 0)

    def test_what_is_left_out_is_named(self):
        """By `doctor`, and by `cat status.json`, which scans first."""
        self.give_away()
        hidden = self.home.path("-p0", "session-0")
        hidden.chmod(0)
        link = self.home.path("-p0", "a-link")
        link.symlink_to(self.home.path("-p0", "session-1"))
        status = json.loads(self.as_nobody("cat", "status.json")[1])
        self.assertEqual((status["fileErrors"], status["errors"][0]["path"]), (1, str(hidden)))
        self.assertGreater(status["bytesScanned"], 0)
        self.assertEqual((status["skipped"]["count"], status["skipped"]["paths"]),
                         (1, [{"path": str(link), "error": "a symbolic link"}]))
        out = self.as_nobody("doctor")[1].decode()
        self.assertIn(f"FAULT  {hidden}: Permission denied (it is not counted)\n", out)
        self.assertIn(f"note   passed over: {link}: a symbolic link\n", out)
        self.assertNotIn("all transcripts can be read", out)
        hidden.chmod(0o600)
        self.assertIn("ok     all transcripts can be read\n", self.as_nobody("doctor")[1].decode())

    def test_a_read_only_cache(self):
        self.home.okstra.mkdir()
        self.give_away()
        self.home.okstra.chmod(0o555)
        with self.mounted():
            self.check_as_nobody()
            harness.until(lambda: self.read("status.json")["cache"]["writeErrors"], "the failure is in status.json")
            self.assertEqual(self.read("status.json")["cache"]["lastWriteError"], "Permission denied")


if __name__ == "__main__":
    harness.main(__name__)
