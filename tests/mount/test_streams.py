"""requests.jsonl, tools.jsonl and events.jsonl: files that only grow, under one inode, until their past is no longer true."""

import json
import os
import select
import time

import guarded
import harness
import events
import records
import watching
from watching import Inotify

LINES = harness.by_effort(200, 2000, 20000)


def request(i: int, **more) -> bytes:
    """A request that is over when its line is written."""
    stamp = f"2026-06-10T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}.000Z"
    return records.line(records.assistant(stamp=stamp, counts=records.usage(i=i + 1, o=1), id=f"msg_{i}",
                                          stop_reason="end_turn", **more)) + b"\n"


class Streams(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.path = self.home.transcript("-p", "session-1", [request(0).strip()])
        self.leaf = "sessions/session-1/requests.jsonl"
        self.next = 1

    def append(self, n: int = 1) -> None:
        harness.append(self.path, b"".join(request(self.next + i) for i in range(n)))
        self.next += n

    def ids(self, data: bytes) -> list[str]:
        return [json.loads(line)["messageId"] for line in data.splitlines()]

    def assertAll(self, data: bytes) -> None:
        self.assertEqual(self.ids(data), [f"msg_{i}" for i in range(self.next)])

    def test_who_looks_at_its_folder_pays_for_no_stream(self):
        """A watch on a file beside it: the folder is kept for watchers, and told of a change."""
        with self.home.mount(*harness.visible()) as mount:
            usage = mount.point / "sessions/session-1/usage.json"
            usage.read_bytes()
            with watching.started([Inotify(usage), Inotify(usage.parent)]) as watches:
                time.sleep(0.1)  # the folder has been taken down
                self.append(3)
                self.assertEqual(watching.unheard(watches, [0, 0]), [])
            fds = f"/proc/{mount.process.pid}/fd"
            held = [os.readlink(f"{fds}/{fd}") for fd in os.listdir(fds) if int(fd) > 2]
            self.assertEqual([path for path in held if path.endswith(" (deleted)")], [])
            self.assertAll((mount.point / self.leaf).read_bytes())

    def test_one_inode_that_grows(self):
        with self.home.mount() as mount:
            path = mount.point / self.leaf
            first = os.stat(path)
            with open(path, "rb", buffering=0) as file:
                held = file.read()
                for i in range(20):
                    self.append(1 + i % 3)
                    held += file.read()  # who keeps his offset drains
                    st = os.stat(path)
                    self.assertEqual(st.st_ino, first.st_ino)
                    self.assertEqual(st.st_size, len(held))
                    self.assertEqual(os.fstat(file.fileno()).st_size, len(held))
                    self.assertGreater(st.st_mtime_ns, first.st_mtime_ns)
                    self.assertAll(held)
                    first = st
                self.assertEqual(path.read_bytes(), held)  # and who starts over sees all
                self.assertEqual(file.read(), b"")
                self.assertEqual(os.lseek(file.fileno(), 0, os.SEEK_END), len(held))

    def test_events_of_all(self):
        with self.home.mount() as mount:
            other = self.home.transcript("-q", "session-2", [request(1000).strip()])
            got = [json.loads(line) for line in mount.read("events.jsonl").splitlines()]
            self.assertEqual([(e["messageId"], e["sessionId"]) for e in got],
                             [("msg_0", "session-1"), ("msg_1000", "session-2")])
            harness.append(other, request(1001))
            self.append()
            self.assertEqual(len(mount.read("events.jsonl").splitlines()), 4)
            self.assertEqual(os.listdir(mount.point / "events"), ["2026-06.jsonl"])
            self.assertEqual(mount.read("events/2026-06.jsonl"), self.home.run("cat", "events/2026-06.jsonl"))
            self.assertEqual(len(mount.read("events/2026-06.jsonl").splitlines()), 4)
            self.assertEqual({row["host"] for row in events.table(mount.read("events.jsonl")).values()}, {os.uname().nodename})
            self.assertEqual(self.home.run("cat", self.leaf), mount.read(self.leaf))

    def test_tool_calls(self):
        """One inode that grows, without what the tools were given or said, until the transcript is another one."""
        def call(i: int) -> bytes:
            begin = {"type": "assistant", "timestamp": f"2026-06-10T01:{i:02}:00.000Z", "message": {"id": f"msg_{i}", "content": [
                {"type": "tool_use", "id": f"toolu_{i}", "name": "Bash", "input": {"command": "SECRET"}}]}}
            end = {"type": "user", "timestamp": f"2026-06-10T01:{i:02}:02.500Z", "message": {"content": [
                {"type": "tool_result", "tool_use_id": f"toolu_{i}", "is_error": i % 2 == 1, "content": "SECRET"}]}}
            return b"".join(json.dumps(record).encode() + b"\n" for record in (begin, end))

        leaf = "sessions/session-2/tools.jsonl"
        path = self.home.transcript("-q", "session-2", [])
        harness.append(path, call(0))
        with self.home.mount() as mount:
            first = os.stat(mount.point / leaf)
            with open(mount.point / leaf, "rb", buffering=0) as file:
                held = file.read()
                for i in range(1, 10):
                    harness.append(path, call(i))
                    held += file.read()
                    self.assertEqual(os.stat(mount.point / leaf).st_ino, first.st_ino)
                    self.assertEqual(os.stat(mount.point / leaf).st_size, len(held))
                rows = [json.loads(line) for line in held.splitlines()]
                self.assertEqual([(row["id"], row["durationMs"], row["failed"]) for row in rows],
                                 [(f"toolu_{i}", 2500, i % 2 == 1) for i in range(10)])
                self.assertNotIn(b"SECRET", held)
                self.assertEqual(self.home.run("cat", leaf), held)
                path.write_bytes(b'{"other": 1}\n' * 50 + call(3))
                self.assertEqual(len(mount.read(leaf).splitlines()), 1)
                self.assertNotEqual(os.stat(mount.point / leaf).st_ino, first.st_ino)
                self.assertEqual(os.pread(file.fileno(), 1 << 20, 0), held)

    def test_every_slice_of_a_long_one(self):
        self.append(LINES)
        with self.home.mount() as mount:
            path = mount.point / self.leaf
            data = path.read_bytes()
            self.assertAll(data)
            fd = os.open(path, os.O_RDONLY)
            for size in (1, 4095, 4096, 65537, 1 << 20, len(data), len(data) + 1):
                for offset in (0, 1, 4095, 4096, 8191, len(data) - 1, len(data), len(data) + 5):
                    self.assertEqual(os.pread(fd, size, offset), data[offset:offset + size], (size, offset))
            for _ in range(30):
                self.append(LINES // 30)
            self.assertAll(path.read_bytes())
            self.assertEqual(os.pread(fd, len(data), 0), data)
            os.close(fd)

    def test_a_replaced_transcript_is_another_file(self):
        with self.home.mount() as mount:
            path = mount.point / self.leaf
            self.append(3)
            before = os.stat(path).st_ino
            held = os.open(path, os.O_RDONLY)
            data = os.pread(held, 1 << 20, 0)
            with watching.started([Inotify(path)]) as watches:
                self.path.write_bytes(b"".join(request(100 + i) for i in range(2)))
                self.assertEqual(watching.unheard(watches, [0]), [])
            self.assertNotEqual(os.stat(path).st_ino, before)
            self.assertEqual(self.ids(path.read_bytes()), [f"msg_{i}" for i in (0, 1, 2, 3, 100, 101)])  # with what it has lost
            self.assertEqual(os.pread(held, 1 << 20, 0), data)
            os.close(held)

    def test_watchers_are_told(self):
        with self.home.mount() as mount:
            path = mount.point / self.leaf
            os.stat(mount.point / "events.jsonl")
            with watching.started([Inotify(path), Inotify(path.parent), Inotify(mount.point / "events.jsonl")]) as watches:
                for i in range(5):
                    before = [w.count for w in watches]
                    self.append()
                    self.assertEqual(watching.unheard(watches, before), [], i)

    def tail(self, *options) -> None:
        class Tail(watching.Tail):
            slow = 3.0

            def command(self):
                return ["tail", *options, "-s", "0.05", "-n", "+1", self.path]

        with self.home.mount() as mount:
            with watching.started([Tail(mount.point / self.leaf)]) as (tail,):
                for i in range(10):
                    before = tail.count
                    self.append()
                    self.assertEqual(watching.unheard([tail], [before]), [], i)
                self.append(50)
                harness.until(lambda: tail.count >= self.next - 1, "the tail has all lines")
                # The first line said that it is ready.
                self.assertEqual([json.loads(line)["messageId"] for line in tail.lines],
                                 [f"msg_{i}" for i in range(1, self.next)])

    def test_tail_f(self):
        self.tail("-f")

    def test_tail_F(self):
        self.tail("-F")

    # -- poll(2)

    def polled(self, fd: int, events: int, ms: int) -> int:
        poller = select.poll()
        poller.register(fd, events)
        return dict(poller.poll(ms)).get(fd, 0)

    def test_poll(self):
        with self.home.mount() as mount:
            fd = os.open(mount.point / self.leaf, os.O_RDONLY)
            self.assertEqual(self.polled(fd, select.POLLIN | select.POLLPRI, 0), select.POLLIN)
            self.assertEqual(self.polled(fd, select.POLLPRI, 200), 0)
            for _ in range(5):
                writer = guarded.Child(self.append_later)
                self.assertEqual(self.polled(fd, select.POLLPRI, harness.LIMIT * 1000), select.POLLPRI)
                writer.result()
                self.assertEqual(self.polled(fd, select.POLLPRI | select.POLLIN, 0), select.POLLPRI | select.POLLIN)
                os.pread(fd, 1 << 20, 0)
                self.assertEqual(self.polled(fd, select.POLLPRI, 0), 0)
                self.next += 1
            os.close(fd)

    def append_later(self) -> None:
        time.sleep(0.2)
        self.append()

    def test_epoll(self):
        with self.home.mount() as mount:
            fd = os.open(mount.point / self.leaf, os.O_RDONLY)
            for flags in (0, select.EPOLLET):
                with select.epoll() as poller:
                    poller.register(fd, select.EPOLLPRI | flags)
                    self.assertEqual(poller.poll(0.1), [])
                    for _ in range(3):
                        self.append()
                        self.assertEqual(poller.poll(harness.LIMIT), [(fd, select.EPOLLPRI)])
                        os.pread(fd, 1 << 20, 0)
            os.close(fd)

    def test_select_never_waits(self):
        with self.home.mount() as mount:
            for leaf in (self.leaf, "sessions/session-1/usage.json"):
                fd = os.open(mount.point / leaf, os.O_RDONLY)
                self.assertEqual(guarded.call(select.select, [fd], [], [], 5, seconds=3)[0], [fd])
                os.close(fd)

    def test_poll_without_notifications(self):
        """The negative control: nobody wakes."""
        with self.home.mount("-o", "notify=off") as mount:
            fd = os.open(mount.point / self.leaf, os.O_RDONLY)
            writer = guarded.Child(self.append_later)
            self.assertEqual(self.polled(fd, select.POLLPRI, 1200), 0)
            writer.result()
            os.close(fd)

    def test_polling_when_the_daemon_ends(self):
        for how in (9, 15):
            mount = self.home.mount()
            fd = os.open(mount.point / self.leaf, os.O_RDONLY)
            waiting = guarded.Child(self.polled, fd, select.POLLPRI, 8000)
            time.sleep(0.3)
            os.kill(mount.process.pid, how)
            self.assertTrue(waiting.result(5) & select.POLLERR)
            os.close(fd)
            self.home.mounts.remove(mount)
            mount.process.wait(harness.LIMIT)  # a second signal would cut its end short
            mount.stop()


if __name__ == "__main__":
    harness.main(__name__)
