"""Watching files: who is told, of what, and of nothing else."""

import json
import os
import signal
import time
import unittest
from pathlib import Path

import guarded
import harness
import records
import watching
from test_budgets import CLOCK, Clock
from watching import (IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_MODIFY, SYSTEMD_CHANGED, SYSTEMD_MODIFIED, Chokidar, Entr,
                      FsWatch, Inotify, InotifyWait, Node, Tail, Watchdog)

CHANGES = harness.by_effort(3, 12, 50)
QUIET = 0.7
KINDS = (InotifyWait, Node, Chokidar, Entr, FsWatch, Tail, Watchdog)


def record(n: int = 1, **more) -> bytes:
    return records.line(records.assistant(counts=records.usage(i=n, o=1), **more)) + b"\n"


class Watching(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.path = self.home.transcript("-p", "session-1", [records.assistant(teamName="crew", agentName="lead")])
        self.home.transcript("-p", "session-2", [records.assistant()])
        self.file = "sessions/session-1/usage.json"

    def append(self, n: int = 1) -> None:
        harness.append(self.path, record(n, teamName="crew", agentName="lead"))

    def change(self, watchers, n: int = 1, seconds: float = harness.LIMIT) -> list:
        """One change: who does not hear of it."""
        time.sleep(max(getattr(w, "rest", 0.0) for w in watchers))
        before = [w.count for w in watchers]
        self.append(n)
        return watching.unheard(watchers, before, seconds)

    def assertHeard(self, watchers, changes: int = CHANGES) -> None:
        for i in range(changes):
            self.assertEqual(self.change(watchers, i + 1), [], f"change {i}")

    def assertQuiet(self, watchers, act=lambda: None, seconds: float = QUIET) -> None:
        before = self.settled(watchers)
        act()
        time.sleep(seconds)
        self.assertEqual({str(w): w.since(n) for w, n in zip(watchers, before) if w.count > n}, {})

    def settled(self, watchers) -> list:
        """What each has counted when nothing has come for a while: one change may be told several times."""
        counts = None
        deadline = time.monotonic() + harness.LIMIT
        while counts != (counts := [w.count for w in watchers]):
            self.assertLess(time.monotonic(), deadline, "it does not become quiet")
            time.sleep(QUIET)
        return counts

    def no_news(self) -> None:
        """The transcript grows, and no document with it."""
        for data in (b"\n\n", b"{not json\n", b'{"type":"summary","summary":"x"}\n'):
            harness.append(self.path, data)
        os.utime(self.home.path("-p", "session-2"))


class KindsTest(Watching):
    """Each kind of watcher that is installed here hears of each change, and of nothing else."""

    def check(self, *watchers) -> None:
        with watching.started(watchers) as running:
            self.assertHeard(running)
            self.assertQuiet(running, self.no_news)
            self.assertHeard(running, 1)


class KindsTogether(KindsTest):
    def test_all_of_them_at_once(self):
        with self.home.mount() as mount:
            file = mount.point / self.file
            total = file.parent / "total_tokens"
            kinds = [kind(total if kind is Tail else file) for kind in KINDS if not kind.missing()]
            self.check(*kinds)


class Kinds(KindsTest):
    """Of a file."""


class KindsOfFolders(KindsTest):
    """Those that can watch a folder."""


def test_of(kind, of_folder: bool):
    @unittest.skipIf(kind.missing(), kind.missing())
    def test(self):
        with self.home.mount() as mount:
            file = mount.point / self.file
            self.check(kind(file.parent if of_folder else file.parent / "total_tokens" if kind is Tail else file))
    return test


for _kind in KINDS:
    setattr(Kinds, f"test_{_kind.__name__.lower()}", test_of(_kind, False))
    if _kind in (InotifyWait, Node, Chokidar, FsWatch):
        setattr(KindsOfFolders, f"test_{_kind.__name__.lower()}", test_of(_kind, True))


class Events(Watching):
    def test_what_systemd_listens_to(self):
        with self.home.mount() as mount:
            file = mount.point / self.file
            with watching.started([Inotify(file, SYSTEMD_CHANGED), Inotify(file, SYSTEMD_MODIFIED),
                                   Inotify(file.parent, SYSTEMD_CHANGED), Inotify(file.parent, SYSTEMD_MODIFIED)]) as all_:
                self.assertHeard(all_)
                self.assertQuiet(all_, self.no_news)

    def test_modify_then_close_write(self):
        with self.home.mount() as mount:
            file = mount.point / self.file
            with watching.started([Inotify(file, 0xFFF), Inotify(file.parent, IN_MODIFY | IN_CLOSE_WRITE)]) as (a, b):
                self.append()
                self.assertEqual(watching.unheard([a, b], [2, 3]), [])
                self.assertEqual([mask & 0xFFF for mask, _ in a.events if mask & (IN_MODIFY | IN_CLOSE_WRITE)],
                                 [IN_MODIFY, IN_CLOSE_WRITE])
                harness.until(lambda: {"usage.json", "total_tokens"} <= {name for _, name in b.read()}, "both names are told")

    def test_watches_on_every_generation_hear_of_each_change(self):
        """A watch stays where it was placed; the file has moved on."""
        with self.home.mount() as mount:
            watches = []
            with watching.started([]):
                for i in range(4):
                    watches.append(Inotify(mount.point / self.file, IN_MODIFY))
                    watches[-1].start()
                    self.assertEqual(self.change(watches, i + 1), [])
                    time.sleep(0.3)
            for watch in watches:
                watch.stop()

    def test_a_reader_does_not_swallow_it(self):
        """Who reads first takes the change out of the queue; the watchers must hear of it even so."""
        with self.home.mount() as mount:
            file = mount.point / self.file
            with watching.started([Inotify(file), Inotify(file.parent)]) as all_:
                for i in range(CHANGES):
                    before = [w.count for w in all_]
                    self.append(i + 1)
                    file.read_bytes()
                    self.assertEqual(watching.unheard(all_, before), [], f"change {i}")

    def test_the_first_change_of_a_folder(self):
        """Nobody has looked into it: the change comes while its transcript is read for the first time."""
        harness.append(self.path, (records.line({"type": "summary", "summary": "x" * (1 << 20)}) + b"\n") * 48)
        for i in range(CHANGES):
            with self.home.mount("--no-cache") as mount:
                with watching.started([Inotify((mount.point / self.file).parent)]) as all_:
                    time.sleep(0.002 * i)
                    self.assertHeard(all_, 2)
                    self.assertQuiet(all_, self.no_news)

    def test_all_that_shows_it_is_told(self):
        with self.home.mount() as mount:
            leaves = ("sessions/session-1/usage.json", "sessions/session-1/window/2026-06-10.json", "teams/crew/usage.json",
                      "teams/crew/members/lead/total_tokens", "projects/-p/usage.json", "stats/by-model.json")
            others = ("sessions/session-2/usage.json", "sessions/session-1/window/2020-01-01.json", "README.txt")
            told = [Inotify(mount.point / leaf) for leaf in leaves]
            silent = [Inotify(mount.point / leaf) for leaf in others]
            with watching.started(told + silent):
                for i in range(3):
                    self.assertEqual(self.change(told, i + 1), [])
                time.sleep(QUIET)
                self.assertEqual([str(w) for w in silent if w.count], [])

    def test_windows_that_move_with_the_clock(self):
        """Their bounds move at each look; who watches is told of what is in them."""
        with self.home.mount() as mount:
            leaves = ("sessions/session-1/window/last-5h.json", "projects/-p/window/-1h_now.json",
                      "stats/window/last-24h/by-model.json")
            windows = [Inotify(mount.point / leaf) for leaf in leaves]
            with watching.started(windows):
                for act in (self.append, self.no_news, lambda: [mount.read(leaf) for leaf in leaves]):
                    self.assertQuiet(windows, act)  # what came is months old
                for i in range(2):
                    before = [w.count for w in windows]
                    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
                    harness.append(self.path, record(i + 1, id=f"msg_now_{i}", stamp=stamp))
                    self.assertEqual(watching.unheard(windows, before), [])
                    self.assertQuiet(windows, self.append)

    def test_times_rise(self):
        with self.home.mount() as mount:
            file = mount.point / self.file
            with watching.started([Inotify(file)]) as all_:
                last = os.stat(file).st_mtime_ns
                for i in range(5):
                    self.assertEqual(self.change(all_, i + 1), [])
                    st = os.stat(file)
                    self.assertGreater(st.st_mtime_ns, last)
                    self.assertLessEqual(st.st_atime_ns, st.st_mtime_ns)
                    last = st.st_mtime_ns

    def test_off(self):
        """The negative control."""
        with self.home.mount("-o", "notify=off") as mount:
            file = mount.point / self.file
            kinds = [Inotify(file), Inotify(file.parent)] + ([InotifyWait(file)] if not InotifyWait.missing() else [])
            with watching.started(kinds) as all_:
                self.assertEqual(len(self.change(all_, seconds=QUIET)), len(all_))

    def test_by_stat(self):
        """Where changes can only be seen by looking."""
        with self.home.mount("-o", "revalidate=stat") as mount:
            file = mount.point / self.file
            with watching.started([Inotify(file), Inotify(file.parent)]) as all_:
                for i in range(3):
                    self.assertEqual(self.change(all_, i + 1), [])
                self.assertQuiet(all_)


@unittest.skipIf(harness.is_sanitized() or not CLOCK, "the clock cannot be set here")
class Midnight(Watching):
    """Windows of whole days are others when the local day ends, without any change of the data."""

    ENDS = ("sessions/session-1/window/today.json", "window/today.json", "stats/window/today/total_tokens", "projects/-p/window/yesterday.json",
            "stats/window/this-week/by-day.json", "teams/crew/window/this-week.json")
    STAYS = ("window/this-month.json", "window/2026-06-14.json", "sessions/session-1/window/2026-W24.json", "window/last-30d.json")

    def test_watchers_hear_of_it(self):
        harness.append(self.path, record(7, id="msg_sunday", stamp="2026-06-14T10:00:00.000Z"))
        clock = Clock(self.home)
        clock.set("2026-06-14T14:00:00Z")  # a Sunday, at eleven in Seoul
        with self.home.mount("-o", "tz=KST-9", environ=clock.environ()) as mount:
            ends, stays = ([Inotify(mount.point / leaf) for leaf in leaves] for leaves in (self.ENDS, self.STAYS))
            with watching.started(ends + stays):
                before = {leaf: mount.read(leaf) for leaf in self.ENDS + self.STAYS[:3]}
                self.assertEqual(len(watching.unheard(ends, [0] * len(ends), 0.3)), len(ends))
                clock.set("2026-06-14T14:59:58Z")
                os.stat(mount.point / "projects")  # the notifier looks at its clock once a minute, and after a lookup
                self.assertEqual(watching.unheard(ends, [0] * len(ends), 60 + harness.LIMIT), [])
                after = {leaf: mount.read(leaf) for leaf in before}
                self.assertEqual([leaf for leaf in before if before[leaf] != after[leaf]], list(self.ENDS))
                self.assertEqual([str(w) for w in stays if w.count], [])
            self.assertEqual(mount.read("stats/window/today/total_tokens"), b"0\n")
            self.assertEqual(mount.json("window/yesterday.json")["window"], {"since": "2026-06-13T15:00:00.000Z", "until": "2026-06-14T14:59:59Z"})
            self.assertEqual(mount.json("window/yesterday.json")["inputTokens"], 7)

    def test_a_reader_sees_it_at_once(self):
        """The look that comes first after midnight, before anything woke the notifier."""
        harness.append(self.path, record(7, id="msg_sunday", stamp="2026-06-14T10:00:00.000Z"))
        clock = Clock(self.home)
        clock.set("2026-06-14T12:00:00Z")
        with self.home.mount("-o", "tz=KST-9", environ=clock.environ()) as mount:
            inodes = set()
            for at in "2026-06-14T12:00:00Z", "2026-06-14T14:59:58Z":
                clock.set(at)
                self.assertEqual(mount.json("window/today.json")["inputTokens"], 7)
                inodes.add(os.stat(mount.point / "window/today.json").st_ino)
            self.assertEqual(len(inodes), 1)
            clock.set("2026-06-14T15:00:00Z")
            self.assertEqual(mount.json("window/today.json")["inputTokens"], 0)
            self.assertEqual(mount.json("window/yesterday.json")["inputTokens"], 7)
            self.assertEqual(mount.json("stats/window/this-week/by-model.json")["total"]["inputTokens"], 0)


class Names(Watching):
    """What comes and goes in folders."""

    def folder(self, mount, name: str) -> Inotify:
        os.listdir(mount.point / name)
        return Inotify(mount.point / name, IN_CREATE | IN_DELETE)

    def assertNames(self, watches, want: dict) -> None:
        """Of each watch, the names that it heard of, in time."""
        deadline = time.monotonic() + harness.LIMIT
        while time.monotonic() < deadline:
            got = {name: [(mask & (IN_CREATE | IN_DELETE), what) for mask, what in w.read()] for name, w in watches.items()}
            if all(set(want[name]) <= set(got[name]) for name in want):
                break
            time.sleep(0.01)
        self.assertEqual({name: sorted(events) for name, events in got.items()},
                         {name: sorted(events) for name, events in want.items()})

    def watched(self, mount, *names):
        return {name: self.folder(mount, name) for name in names}

    def test_creations(self):
        with self.home.mount() as mount:
            watches = self.watched(mount, "sessions", "teams", "projects", "teams/crew/members", "teams/crew/sessions",
                                   "sessions/session-1/window")
            with watching.started(watches.values()):
                self.home.transcript("-new", "session-3", [records.assistant(teamName="crew", agentName="worker")])
                harness.append(self.path, record(5, stamp="2026-06-11T00:00:00.000Z", teamName="other"))
                self.assertNames(watches, {
                    "sessions": [(IN_CREATE, "session-3")],
                    "teams": [(IN_CREATE, "other")],
                    "projects": [(IN_CREATE, "-new")],
                    "teams/crew/members": [(IN_CREATE, "worker")],
                    "teams/crew/sessions": [(IN_CREATE, "session-3")],
                    "sessions/session-1/window": [(IN_CREATE, "2026-06-11.json")],
                })
            self.assertEqual(mount.json("sessions/session-3/usage.json")["totalTokens"], 11)
            self.assertEqual(mount.read("sessions/session-1/teams"), b"crew\nother\n")

    def test_the_first_request_of_a_project(self):
        """Its current session appears in the project's folder."""
        path = self.home.transcript("-quiet", "session-9", [{"type": "user", "timestamp": "2026-06-10T00:00:00.000Z"}])
        with self.home.mount() as mount:
            watches = self.watched(mount, "projects/-quiet")
            with watching.started(watches.values()):
                harness.append(path, record(5, id="msg_first"))
                self.assertNames(watches, {"projects/-quiet": [(IN_CREATE, "current")]})
            self.assertEqual(os.readlink(mount.point / "projects/-quiet/current"), "../../sessions/session-9")

    def test_a_new_day_shows_that_day(self):
        """Its folder was announced before anybody looked it up."""
        with self.home.mount() as mount:
            watches = self.watched(mount, "stats/window")
            with watching.started(watches.values()):
                harness.append(self.path, record(5, stamp="2026-06-11T00:00:00.000Z"))
                self.assertNames(watches, {"stats/window": [(IN_CREATE, "2026-06-11")]})
                shown = mount.json("stats/window/2026-06-11/by-model.json")
                shown_without_mount = json.loads(self.home.run("cat", "stats/window/2026-06-11/by-model.json"))
                self.assertEqual(shown, shown_without_mount)

    def test_what_was_looked_up_before_it_was_told(self):
        """A name that the kernel knows cannot be created: it must not know it yet."""
        with self.home.mount() as mount:
            watches = self.watched(mount, "sessions")
            with watching.started(watches.values()):
                for i in range(CHANGES):
                    self.home.transcript("-p", f"quick-{i}", [records.assistant()])
                    os.stat(mount.point / f"sessions/quick-{i}")
                    (mount.point / f"sessions/quick-{i}/usage.json").read_bytes()
                    time.sleep(0.03)
                self.assertNames(watches, {"sessions": [(IN_CREATE, f"quick-{i}") for i in range(CHANGES)]})

    def test_deletions(self):
        with self.home.mount("--no-cache") as mount:  # with caches, what is deleted is retained
            self.home.transcript("-gone", "session-4", [records.assistant(teamName="leavers")])
            watches = self.watched(mount, "sessions", "teams", "projects")
            file = Inotify(mount.point / "sessions/session-4/usage.json", 0x400)  # DELETE_SELF
            with watching.started([*watches.values(), file]):
                self.home.path("-gone", "session-4").unlink()
                self.assertNames(watches, {"sessions": [(IN_DELETE, "session-4")], "teams": [(IN_DELETE, "leavers")],
                                           "projects": [(IN_DELETE, "-gone")]})
                self.assertEqual(watching.unheard([file], [0]), [])
            self.assertNotIn("session-4", mount.names("sessions"))
            self.home.transcript("-gone", "session-4", [records.assistant()])
            self.assertEqual(mount.json("sessions/session-4/usage.json")["totalTokens"], 11)
            self.assertIn("usage.json", mount.names("sessions/session-4"))

    def test_what_comes_back_at_once_is_there(self):
        """Its removal may still be on its way to watchers: no reader may see it gone."""
        with self.home.mount("--no-cache") as mount:
            session = mount.point / "sessions/session-4/usage.json"
            watches = self.watched(mount, "sessions")
            with watching.started(watches.values()):
                for i in range(harness.by_effort(20, 60, 400)):
                    path = self.home.transcript("-back", "session-4", [records.assistant()])
                    until = time.monotonic() + 0.03
                    while time.monotonic() < until:
                        session.read_bytes()
                        os.listdir(session.parent)
                    path.unlink()
                    os.listdir(mount.point / "sessions")  # found to be gone
                    time.sleep(0.0007 * (i * 37 % 60))

    def test_many_come_back_while_they_go(self):
        """The same, within the system calls that remove them."""
        names = [f"back-{i:02d}" for i in range(32)]
        sessions = [f"sessions/{name}" for name in names]

        def all_are_announced(events) -> bool:
            there = {name: bool(mask & IN_CREATE) for mask, name in events if mask & (IN_CREATE | IN_DELETE)}
            return all(there.get(name) for name in names)

        with self.home.mount("--no-cache") as mount:
            watch = self.folder(mount, "sessions")
            with watching.started([watch]):
                for i in range(harness.by_effort(8, 30, 200)):
                    paths = [self.home.transcript("-back", name, [records.assistant()]) for name in names]
                    harness.until(lambda: all_are_announced(watch.read()), "all are announced")
                    for session in sessions:
                        os.stat(mount.point / session)  # and in the kernel's cache
                    before = len(watch.read())
                    for path in paths:
                        path.unlink()
                    os.listdir(mount.point / "sessions")
                    deadline = time.monotonic() + harness.LIMIT
                    while not any(mask & IN_DELETE for mask, _ in watch.read()[before:]):  # without a pause: we meet
                        self.assertLess(time.monotonic(), deadline)
                    for path, session in reversed(list(zip(paths, sessions))[i % 16:]):  # they go in their order: we meet
                        path.write_bytes(record())
                        mount.read(f"{session}/usage.json")

    def test_a_root_that_comes_later(self):
        for path in (self.path, self.home.path("-p", "session-2")):
            path.unlink()
        self.path.parent.rmdir()
        self.home.projects.rmdir()
        with self.home.mount() as mount:
            watches = self.watched(mount, "sessions")
            with watching.started(watches.values()):
                time.sleep(0.3)
                self.home.transcript("-p", "session-9", [records.assistant()])
                self.assertNames(watches, {"sessions": [(IN_CREATE, "session-9")]})


class Toucher(Watching):
    @unittest.skipIf(os.geteuid(), "only root may look into the helper process")
    def test_it_holds_nothing(self):
        """No /dev/fuse, nothing of the mount but a watch, which keeps nothing busy, no terminal."""
        with self.home.mount() as mount:
            pid = mount.toucher()
            held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
            self.assertTrue(all(path in ("/dev/null", f"/proc/{pid}/mountinfo", str(mount.point), "anon_inode:inotify")
                                or path.startswith("socket:") for path in held), held)
            self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")

    def test_one_that_is_killed_is_started_again(self):
        mount = self.home.mount()
        with watching.started([Inotify(mount.point / self.file)]) as all_:
            for n in range(3):
                first = mount.toucher()
                os.kill(first, signal.SIGKILL)
                self.assertEqual(self.change(all_), [], f"killed {n + 1} times")
                self.assertNotEqual(mount.toucher(), first)
            self.assertEqual(mount.json(self.file)["totalTokens"], 11 + 3 * 2)
            self.assertIn("the helper process was killed", mount.said())
        mount.process.kill()  # the new one takes the mount away as well
        mount.process.wait(harness.LIMIT)
        harness.until(lambda: not harness.is_mounted(mount.point), "the mount is gone")
        self.home.mounts.remove(mount)
        mount.stop()

    def test_without_both_there_is_one_that_notifies(self):
        with self.home.mount() as mount:
            with watching.started([Inotify(mount.point / self.file)]) as all_:
                first = mount.toucher()
                both = [first, *(int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split())]
                self.assertEqual(len(both), 2)
                os.kill(first, signal.SIGSTOP)  # so that it does not start the spare again in between
                for pid in reversed(both):
                    os.kill(pid, signal.SIGKILL)
                self.assertEqual(self.change(all_), [])
            self.assertNotEqual(mount.toucher(), first)
            self.assertTrue(mount.json("status.json")["daemon"]["watchersNotified"])
            guarded.call(harness.detach, mount.point)
            self.assertEqual(mount.process.wait(harness.LIMIT), 0)

    def mount_by_default(self, *options: str) -> harness.Mount:
        """Where `doctor` looks."""
        self.home.okstra.mkdir(exist_ok=True)
        return self.home.mount(*options, point="okstra/usage")

    def helper(self, mount) -> dict:
        return mount.json("status.json")["daemon"]["helper"]

    def test_status_and_doctor_show_it(self):
        with self.mount_by_default() as mount:
            begin = self.helper(mount)
            self.assertEqual((begin["running"], begin["restarts"]), (True, 0))
            self.assertTrue(mount.json("status.json")["daemon"]["watchersNotified"])
            self.assertIn(b"ok     the helper process of the mount runs since", self.doctor())
            time.sleep(0.002)
            os.kill(mount.toucher(), signal.SIGKILL)
            harness.until(lambda: self.helper(mount)["restarts"], "the helper was started again")
            now = self.helper(mount)
            self.assertEqual((now["running"], now["restarts"]), (True, 1))
            self.assertGreater(now["since"], begin["since"])
            said = self.doctor()
            self.assertIn(b"the helper process of the mount was killed and started again, 1 times", said)
            self.assertIn(b"ok     file watchers are notified", said)

    def test_status_and_doctor_show_that_nobody_is_notified(self):
        with self.mount_by_default("-o", "notify=off") as mount:
            self.assertFalse(mount.json("status.json")["daemon"]["watchersNotified"])
            self.assertIn(b"note   file watchers are not notified", self.doctor())
        self.assertIsNone(json.loads(self.home.run("cat", "status.json"))["daemon"])

    def doctor(self) -> bytes:
        return self.home.run("doctor", check=False)

    def test_one_is_started_again_without_watchers(self):
        """With notify=off nobody talks to it, and it is still there to take the mount away."""
        with self.home.mount("-o", "notify=off") as mount:
            first = mount.toucher()
            os.kill(first, signal.SIGKILL)
            harness.until(lambda: mount.toucher() != first, "there is another helper")

    def test_the_dead_leave_no_mount(self):
        crashes = () if harness.is_sanitized() else (signal.SIGSEGV, signal.SIGABRT)  # which would report them
        for how in (signal.SIGKILL, *crashes):
            mount = self.home.mount()
            held = os.open(mount.point / self.file, os.O_RDONLY)
            os.kill(mount.process.pid, how)
            mount.process.wait(harness.LIMIT)
            harness.until(lambda: not harness.is_mounted(mount.point), "the mount is gone")
            self.assertEqual(guarded.call(os.listdir, mount.point), [])
            os.close(held)
            self.home.mounts.remove(mount)
            mount.stop()

    def test_somebody_elses_mount_is_left_alone(self):
        """One that came on top of ours."""
        if os.geteuid():
            self.skipTest("needs root")
        import subprocess
        mount = self.home.mount()
        subprocess.run(["mount", "-t", "tmpfs", "none", mount.point], check=True)
        try:
            mount.process.kill()
            mount.process.wait(harness.LIMIT)
            time.sleep(1.5)
            self.assertTrue(harness.is_mounted(mount.point))
        finally:
            subprocess.run(["umount", mount.point], check=True)
            self.home.mounts.remove(mount)
            mount.stop()


if __name__ == "__main__":
    harness.main(__name__)
