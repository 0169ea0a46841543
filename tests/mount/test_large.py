"""Large and sparse transcripts: read once, in slices, and holes not at all."""

import os
from pathlib import Path

import harness
import records

RECORD = 256 << 10
LARGE = harness.by_effort(80 << 20, 150 << 20, 700 << 20)  # more than one slice
SPARSE = harness.by_effort(3 << 30, 3 << 30, 20 << 30)


class LargeTest(harness.MountTest):
    def scanned(self, mount) -> int:
        return mount.json("status.json")["bytesScanned"]

    def tokens(self, mount, session: str) -> int:
        return mount.json(f"sessions/{session}/usage.json")["totalTokens"]

    def line(self, n: int, ident: str = "", text: str = "") -> bytes:
        more = {"id": f"msg_01{ident:0>20}", "requestId": f"req_{ident}"} if ident else {}
        return records.line(records.assistant(counts=records.usage(n, 0), text=text, **more)) + b"\n"


class Sparse(LargeTest):
    def sparse(self, session: str, *parts) -> Path:
        """Bytes, and sizes of holes."""
        path = self.home.path("-p", session)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            for part in parts:
                file.seek(part, os.SEEK_CUR) if isinstance(part, int) else file.write(part)
            file.truncate(file.tell())
        if path.stat().st_blocks * 512 > 64 << 20:
            path.unlink()
            self.skipTest("no sparse files here")
        return path

    def test_a_hole_is_not_read(self):
        self.sparse("session-holes", self.line(1), SPARSE, b"\n" + self.line(20))
        self.home.transcript("-p", "session-other", [records.assistant(counts=records.usage(7, 0))])
        for options in ((), ("--no-cache",)):
            with self.home.mount(*options) as mount:
                self.assertEqual(self.tokens(mount, "session-holes"), 21)
                self.assertEqual(self.tokens(mount, "session-other"), 7)
                status = mount.json("status.json")
                self.assertEqual((status["lines"], status["badLines"]), (4, 1))
                self.assertLess(status["bytesScanned"], 8 << 20)

    def test_an_append_behind_a_hole_reads_what_is_new(self):
        path = self.sparse("session-holes", self.line(1), SPARSE)
        with self.home.mount() as mount:
            self.assertEqual(self.tokens(mount, "session-holes"), 1)
            for data, tokens in ((b"x", 1), (b"y", 1), (b"\n" + self.line(20), 21), (self.line(300), 321)):
                before = self.scanned(mount)
                harness.append(path, data)
                self.assertEqual(self.tokens(mount, "session-holes"), tokens)
                self.assertLess(self.scanned(mount) - before, 4096)
            # The file is cut within the line that was passed over, and goes on in another way.
            os.truncate(path, 1 << 20)
            harness.append(path, b"\n" + self.line(4000))
            self.assertEqual(self.tokens(mount, "session-holes"), 4001)

    def test_a_record_that_is_written_into_a_hole(self):
        """As with a file whose space was reserved."""
        first = self.line(1)
        path = self.sparse("session-holes", first, SPARSE)
        with self.home.mount() as mount:
            self.assertEqual(self.tokens(mount, "session-holes"), 1)
            with open(path, "r+b", buffering=0) as file:
                file.seek(len(first))
                file.write(self.line(20))
            self.assertEqual(self.tokens(mount, "session-holes"), 21)

    def test_a_line_that_is_too_long(self):
        path = self.home.transcript("-p", "session-long", [records.assistant(counts=records.usage(1, 0))])
        size = 257 << 20
        with open(path, "ab", buffering=0) as file:
            for _ in range(size >> 20):
                file.write(b"x" * (1 << 20))
        with self.home.mount("--no-cache") as mount:
            self.assertEqual(self.tokens(mount, "session-long"), 1)
            self.assertGreaterEqual(self.scanned(mount), size)
            for data, tokens in ((b"x", 1), (b"\n" + self.line(20), 21)):
                before = self.scanned(mount)
                harness.append(path, data)
                self.assertEqual(self.tokens(mount, "session-long"), tokens)
                self.assertLess(self.scanned(mount) - before, 4096)


class Slices(LargeTest):
    def lines(self, count: int, n: int):
        text = "x" * RECORD
        for i in range(count):
            yield self.line(n, f"{n}x{i}", text)

    def write(self, session: str, count: int, n: int, mode: str = "wb") -> Path:
        path = self.home.path("-p", session)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, mode) as file:
            file.writelines(self.lines(count, n))
        return path

    def billed(self, mount, session: str) -> tuple:
        document = mount.json(f"sessions/{session}/usage.json")
        return document["totalTokens"], document["billed"]["requests"], document["billed"]["retainedRequests"]

    def test_slices_add_up(self):
        count = LARGE // RECORD
        path = self.write("session-large", count, 3)
        with self.home.mount() as mount:
            self.assertEqual(self.billed(mount, "session-large"), (3 * count, count, 0))
            size = path.stat().st_size
            self.assertLess(self.scanned(mount), size + size // 64 * 4 + (4 << 20))
            self.write("session-large", count, 5, "ab")
            self.assertEqual(self.billed(mount, "session-large"), (8 * count, 2 * count, 0))
        with self.home.mount() as mount:
            self.assertEqual(self.billed(mount, "session-large"), (8 * count, 2 * count, 0))
            self.assertLess(self.scanned(mount), 1 << 20)  # it was cached as a whole

    def test_a_large_file_that_is_rewritten(self):
        """What it kept is counted once, and not as lost."""
        count = LARGE // RECORD
        self.write("session-large", count, 3)
        with self.home.mount() as mount:
            self.assertEqual(self.billed(mount, "session-large"), (3 * count, count, 0))
            path = self.write("session-new", 1, 9)
            harness.append(path, b"".join(self.lines(count - 1, 3)))
            os.replace(path, self.home.path("-p", "session-large"))
            self.assertEqual(self.billed(mount, "session-large"), (3 * count + 6, count + 1, 1))


if __name__ == "__main__":
    harness.main(__name__)
