"""What no program has open is given up, and reads as before when it is opened again."""

import errno
import os
from pathlib import Path

import harness
import records

USAGE = records.usage(3, 5, 7, 11)


def lines(session: int, count: int) -> bytes:
    return b"".join(
        records.line(records.assistant(f"2026-03-{1 + i % 28:02d}T10:00:00.000Z", USAGE, id=f"msg_{session}_{i}",
                                       uuid=f"{session}-{i}", requestId=f"req_{session}_{i}")) + b"\n"
        for i in range(count))


class MemoryTest(harness.MountTest):
    def sessions(self, count: int, size: int) -> list[str]:
        names = [f"session-{i:03d}" for i in range(count)]
        for i, name in enumerate(names):
            self.home.transcript("-p", name, [lines(i, size)], end=b"")
        return names

    def resident(self, mount) -> int:
        status = Path(f"/proc/{mount.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) << 10

    def walk(self, mount) -> dict:
        """Each document below sessions/ and stats/: its inode, size, time and content."""
        found = {}
        for top in "sessions", "stats":
            for folder, _, files in os.walk(mount.point / top):
                for name in files:
                    path = Path(folder, name)
                    if "window" not in folder and name not in ("requests.jsonl", "events.jsonl"):
                        st = path.stat()
                        found[str(path)] = st.st_ino, st.st_size, st.st_mtime_ns, path.read_bytes()
                        self.assertEqual(len(found[str(path)][3]), st.st_size)
        return found

    def test_documents_stay_as_they_are(self):
        names = self.sessions(20, 40)
        with self.home.mount("-o", "memory=4K") as mount:
            with open(mount.point / "sessions" / names[0] / "ledger.jsonl", "rb") as held:
                first = self.walk(mount)
                self.assertEqual(self.walk(mount), first)
                self.assertEqual(held.read(), first[str(mount.point / "sessions" / names[0] / "ledger.jsonl")][3])
            for _ in range(3):  # relative to now: another content each second
                for name in names:
                    self.assertEqual(mount.json(f"sessions/{name}/window/last-7d.json")["inputTokens"], 0)

    def read_others(self, mount, names) -> None:
        for name in names:
            for leaf in "ledger.jsonl", "usage.json", "context.json":
                mount.read(f"sessions/{name}/{leaf}")

    def test_a_change_is_seen_through_a_name_that_was_looked_up(self):
        names = self.sessions(40, 10)
        ledger = f"sessions/{names[0]}/ledger.jsonl"
        with self.home.mount("-o", "memory=1K") as mount:
            before = mount.read(ledger)
            handle = os.open(mount.point / ledger, os.O_PATH)
            self.addCleanup(os.close, handle)
            self.read_others(mount, names[1:])
            self.assertEqual(Path(f"/proc/self/fd/{handle}").read_bytes(), before)
            self.read_others(mount, names[1:])
            harness.append(self.home.path("-p", names[0]), lines(99, 1))
            mount.read("stats/by-source.json")
            with self.assertRaises(OSError) as gone:
                Path(f"/proc/self/fd/{handle}").read_bytes()
            self.assertEqual(gone.exception.errno, errno.ESTALE)
            after = mount.read(ledger)
            self.assertEqual(after.count(b"\n"), before.count(b"\n") + 1)

    def test_long_documents_are_not_in_memory(self):
        count = harness.by_effort(4, 24, 48)
        names = self.sessions(count, 2500)
        with self.home.mount("-o", "memory=4M") as mount:
            mount.read("stats/by-source.json")
            mount.read(f"sessions/{names[0]}/ledger.jsonl")
            before = self.resident(mount)
            held = [open(mount.point / "sessions" / name / "ledger.jsonl", "rb") for name in names]
            for file in held:
                self.addCleanup(file.close)
            size = sum(os.fstat(file.fileno()).st_size for file in held)
            self.assertGreater(size, count * 700 << 10)
            grown = self.resident(mount) - before
            if count > 8 and not harness.is_sanitized():
                self.assertLess(grown, size // 2)
            harness.append(self.home.path("-p", names[0]), lines(99, 1))
            text = mount.read(f"sessions/{names[0]}/ledger.jsonl")
            self.assertEqual(text.count(b"\n"), 2502)
            for i, file in enumerate(held):
                shown = file.read()
                self.assertEqual(shown.count(b"\n"), 2501)
                self.assertIn(b'"messageId":"msg_%d_2499"' % i, shown)
            self.assertEqual(self.home.run("cat", f"sessions/{names[0]}/ledger.jsonl"), text)


if __name__ == "__main__":
    harness.main(__name__)
