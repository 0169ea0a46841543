"""One open, one version; and what was written before the open is in it.

A writer appends, cuts and replaces transcripts every millisecond or so and notes when each state of the data began and
ended. Readers of every kind note when they opened and closed. A read is right when it is one whole document, as long
as stat says, and equal to the reference for a state that existed in between: a torn, a mixed or a stale one is none of
these. OKSTRAFS_LONG=1 runs for minutes.
"""

import bisect
import json
import mmap
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

import guarded
import harness
import records
import reference
from test_surface import by_bytes, by_mmap, by_sendfile, by_splice

BRIEF = "OKSTRAFS_BRIEF" in os.environ
STORM_SECONDS = harness.by_effort(4, 5, 60)
ROUNDS = harness.by_effort(100, 300, 1500)
WINDOWS = harness.by_effort(20_000, 50_000, 1_000_000)
READERS = 256
# A storm goes on until it has had these, however busy the machine is. The limit is for one that hangs.
LEAST_CHANGES, LEAST_READS, LIMIT = 50, 25, 2 * harness.LIMIT
QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
WATCHES = Path("/proc/sys/user/max_inotify_watches")

now = time.monotonic_ns
is_root = os.geteuid() == 0


def keys_of(document: bytes) -> tuple:
    """The thirteen; raises where it is no whole document."""
    assert document.endswith(b"}\n"), "no end"
    parsed = json.loads(document)
    return tuple(parsed[key] for key in reference.KEYS)


# --- the writer -----------------------------------------------------------------------------------------------------


class Story:
    """What a transcript holds: a head whose model's name is short or long (documents grow and shrink with it), and
    the first n of a pool of records."""

    POOL = 120
    MODELS = ("m", "claude-" + "x" * 900, "z" * 200)

    def __init__(self, seed: int, agent: str):
        self.heads = [records.line(records.assistant(f"2026-06-01T00:00:0{i}.000Z", model=model, agentName=agent,
                                                     teamName="storm")) + b"\n" for i, model in enumerate(self.MODELS)]
        maker = records.Maker(seed)
        self.pool = [records.line(maker.assistant()) + b"\n" for _ in range(self.POOL)]
        self.read_heads = [reference.Transcript(one) for one in self.heads]
        self.read_pool = [reference.Transcript(one) for one in self.pool]
        self._known: dict = {}

    def content(self, head: int, n: int) -> bytes:
        """Head -1: nothing at all."""
        return b"" if head < 0 else self.heads[head] + b"".join(self.pool[:n])

    def keys(self, head: int, n: int) -> tuple:
        known = self._known.get((head, n))
        if known is None:
            totals = reference.totals_of([self.read_heads[head], *self.read_pool[:n]] if head >= 0 else [])
            known = self._known[head, n] = tuple(totals[key] for key in reference.KEYS)
        return known


def append_all(path: Path, data: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(data)


def write_storm(path: Path, story: Story, seconds: float, seed: int) -> list:
    """Appends, cuts and replaces, at times faster than a read takes; rows of (from, until, head, n) in order.

    A daemon that is slowed down twenty times (TSan, valgrind: the brief measure) never finds such a file at rest between
    two cuts, and takes what it has after a few tries: there it is only appended to and replaced.
    """
    rand = random.Random(seed)
    head, n = 0, 0
    changes = 0
    began = 0  # the readers may have started
    rows = []
    end = time.monotonic() + seconds

    def turn_into(new_head: int, new_n: int, change) -> None:
        """While the change is under way, the old and the new state may be seen."""
        nonlocal began, changes, head, n
        start = now()
        change()
        rows.append([began, now(), head, n])
        changes += 1
        began, head, n = start, new_head, new_n

    while time.monotonic() < end or changes < LEAST_CHANGES:
        if harness.is_sanitized():
            time.sleep(0.002)  # else hardly a read ends between two replacements
        action = rand.random()
        if action < (0.97 if BRIEF else 0.8) and n < story.POOL and head >= 0:
            turn_into(head, n + 1, lambda: append_all(path, story.pool[n]))
        elif action < 0.95 and n > 1 and not BRIEF:
            less = rand.randrange(n)
            turn_into(head, less, lambda: os.truncate(path, len(story.content(head, less))))
        elif action < 0.97 and not BRIEF:  # in place: whoever comes in between sees an empty file
            new = rand.randrange(len(story.heads)), rand.randrange(story.POOL // 2)
            turn_into(-1, 0, lambda: os.truncate(path, 0))
            turn_into(*new, lambda: append_all(path, story.content(*new)))
            # A long write shows page by page.
            rows += [[began, rows[-1][1], new[0], part] for part in range(new[1])]
        else:
            new = rand.randrange(len(story.heads)), rand.randrange(story.POOL // 2)
            fresh = path.with_suffix(".new")
            fresh.write_bytes(story.content(*new))
            turn_into(*new, lambda: fresh.replace(path))
        time.sleep(rand.random() * rand.choice((0.0002, 0.002)))
    rows.append([began, 1 << 62, head, n])
    return rows


class Judge:
    """Which states existed while a reader had the document open, and whether what it got is one of them."""

    def __init__(self, story: Story, rows: list):
        self.story, self.rows = story, rows
        self.ends = [row[1] for row in rows]

    def right(self, opened: int, closed: int, keys: tuple) -> bool:
        # The first state that had not wholly ended when the reader opened.
        i = bisect.bisect_left(self.ends, opened)
        while i < len(self.rows) and self.rows[i][0] <= closed:
            if self.story.keys(*self.rows[i][2:]) == keys:
                return True
            i += 1
        return False


# --- the readers ----------------------------------------------------------------------------------------------------


def by_parts(fd: int, size: int) -> bytes:
    return b"".join(iter(lambda: os.read(fd, 97), b""))


WAYS = {"read": lambda fd, size: os.read(fd, 1 << 20), "parts": by_parts, "bytes": by_bytes, "sendfile": by_sendfile,
        "splice": by_splice, "private map": by_mmap(mmap.MAP_PRIVATE), "shared map": by_mmap(mmap.MAP_SHARED)}


def read_storm(way: str, path: str, ended: Path) -> list:
    """Reads until `ended` exists. Rows of (opened, closed, thirteen keys or what was wrong)."""
    rows = []
    while len(rows) < LEAST_READS or not ended.exists():
        opened = now()
        fd = os.open(path, os.O_RDONLY)
        size = os.fstat(fd).st_size
        try:
            got = WAYS[way](fd, size)
            again = os.fstat(fd).st_size
            closed = now()
            assert len(got) == size == again, f"{len(got)} bytes of {size}, later {again}"
            rows.append((opened, closed, keys_of(got)))
        except (AssertionError, ValueError, KeyError) as error:
            rows.append((opened, now(), repr(error)))
        os.close(fd)
    return rows


NODE = """
const fs = require('fs'), out = [], keys = %s;
while (out.length < %d || !fs.existsSync(%s)) {
  const opened = process.hrtime.bigint().toString();
  let got;
  try { const parsed = JSON.parse(fs.readFileSync(%s, 'utf8')); got = keys.map(k => parsed[k]); }
  catch (e) { got = String(e); }
  out.push([opened, process.hrtime.bigint().toString(), got]);
}
console.log(JSON.stringify(out));
"""


def read_with_node(path: str, ended: Path) -> list:
    script = NODE % (json.dumps(reference.KEYS), LEAST_READS, json.dumps(str(ended)), json.dumps(path))
    out = subprocess.run(["node", "-e", script], stdout=subprocess.PIPE, check=True, timeout=LIMIT).stdout
    return [(int(a), int(b), tuple(got) if isinstance(got, list) else got) for a, b, got in json.loads(out)]


def judge_all(judge: Judge, reads: dict) -> dict:
    """Counts, and the first few of what was wrong."""
    faults = []
    for way, rows in reads.items():
        for opened, closed, got in rows:
            if isinstance(got, str) or not judge.right(opened, closed, got):
                faults.append((way, opened, closed, got))
    return {"reads": sum(len(rows) for rows in reads.values()), "faults": faults}


def storm(path: Path, document: str, story: Story, seconds: float, ended: Path) -> dict:
    """One writer against all readers of one document. The readers stop when `ended` is made."""
    readers = {way: guarded.Child(read_storm, way, document, ended) for way in WAYS}
    if shutil.which("node"):
        readers["node"] = guarded.Child(read_with_node, document, ended)
    writer = guarded.Child(write_storm, path, story, seconds, 5)
    rows = writer.result(seconds + LIMIT)
    ended.touch()
    reads = {way: child.result(LIMIT) for way, child in readers.items()}
    outcome = judge_all(Judge(story, rows), reads)
    outcome["states"] = len(rows)
    print(f"# {outcome['states']} states, {outcome['reads']} reads, {len(outcome['faults'])} wrong", flush=True)
    return outcome


class Versions(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.story = Story(3, "lead")
        self.path = self.home.transcript("-storm", "storm-1", [])
        self.path.write_bytes(self.story.content(0, 0))

    def check(self, *options: str, leaf: str = "sessions/storm-1/usage.json") -> None:
        with self.home.mount(*options) as mount:
            guarded.call(mount.read, leaf)
            outcome = storm(self.path, str(mount.point / leaf), self.story, STORM_SECONDS, self.home.root / "ended")
        self.assertEqual([str(fault) for fault in outcome["faults"][:2]], [])

    def test_a_session(self):
        self.check()

    def test_a_window(self):
        self.check(leaf="sessions/storm-1/window/2000-01-01_2100-01-01.json")

    def test_looking_with_stat(self):
        self.check("-o", "revalidate=stat", "--no-cache")

    def test_a_file_that_is_rewritten_in_place_is_caught(self):
        """The negative twin: the same readers and the same judge, without a filesystem that keeps versions."""
        document = self.home.root / "document.json"
        texts = {(h, n): json.dumps(dict(zip(reference.KEYS, self.story.keys(h, n))), indent=2).encode() + b"\n"
                 for h in range(3) for n in range(40)}
        document.write_bytes(texts[0, 0])

        ended = self.home.root / "ended"

        def rewrite() -> list:
            rows, began, state = [], 0, (0, 0)
            for i in range(int(2 / 0.001)):
                fresh = (i % 3, i % 40)
                start = now()
                with open(document, "r+b", buffering=0) as file:
                    half = len(texts[fresh]) // 2
                    file.write(texts[fresh][:half])
                    file.write(texts[fresh][half:])
                    file.truncate()
                rows.append([began, now(), *state])
                began, state = start, fresh
                time.sleep(0.001)
            return rows + [[began, 1 << 62, *state]]

        readers = {way: guarded.Child(read_storm, way, str(document), ended) for way in ("read", "parts", "private map")}
        rows = guarded.Child(rewrite).result(LIMIT)
        ended.touch()
        reads = {way: child.result(LIMIT) for way, child in readers.items()}
        self.assertGreater(len(judge_all(Judge(self.story, rows), reads)["faults"]), 0)

    def test_a_stale_answer_is_caught(self):
        """The negative twin of freshness: an answer that was right a moment before the reader came."""
        rows = [[0, 10, 0, 0], [9, 20, 0, 1], [19, 1 << 62, 0, 2]]
        judge = Judge(self.story, rows)
        self.assertTrue(judge.right(12, 15, self.story.keys(0, 1)))
        self.assertTrue(judge.right(12, 19, self.story.keys(0, 2)))
        self.assertFalse(judge.right(21, 25, self.story.keys(0, 1)))
        self.assertFalse(judge.right(12, 15, self.story.keys(0, 2)))


class Teams(harness.MountTest):
    """A team's document grows and shrinks by whole members, and its parts must agree with each other."""

    MEMBERS = 12

    def churn(self, seconds: float) -> None:
        rand = random.Random(8)
        end = time.monotonic() + seconds
        changes = 0
        while time.monotonic() < end or changes < LEAST_CHANGES:
            i = rand.randrange(1, self.MEMBERS)
            path = self.home.path("-team", f"member-{i:02d}")
            line = records.line(records.assistant(agentName=f"w{i}-worker", teamName="storm", counts=records.usage(i, 1 + i)))
            if rand.random() < 0.3 and path.exists():
                path.unlink()
            else:
                append_all(path, line + b"\n")
            changes += 1
            time.sleep(rand.random() * 0.003)

    @staticmethod
    def look(path: str, ended: Path) -> list:
        faults, count = [], 0
        while count < LEAST_READS or not ended.exists():
            fd = os.open(path, os.O_RDONLY)
            size = os.fstat(fd).st_size
            got = os.read(fd, 1 << 20)
            os.close(fd)
            count += 1
            if len(got) != size:
                faults.append((len(got), size))
                continue
            one = json.loads(got)
            summary = one["usageSummary"]
            parts = [w["usage"]["totalTokens"] for w in one["workers"] + one["others"] if "usage" in w]
            lead = one["leadUsage"].get("totalTokens", 0)
            if one["totalTokens"] < sum(parts) + lead or summary["totalTokens"] != summary["leadTotalTokens"] + summary["workerTotalTokens"]:
                faults.append(one)
        return faults[:3]

    def test_parts_agree_with_the_sum(self):
        self.home.transcript("-team", "member-00", [records.assistant(agentName="lead", teamName="storm")])
        with self.home.mount("--no-cache") as mount:
            path = str(mount.point / "teams/storm/usage.json")
            guarded.call(os.stat, path)
            ended = self.home.root / "ended"
            readers = [guarded.Child(self.look, path, ended) for _ in range(4)]
            guarded.Child(self.churn, STORM_SECONDS).result(STORM_SECONDS + LIMIT)
            ended.touch()
            faults = [one.result(LIMIT) for one in readers]
            at_rest = guarded.call(mount.totals, "teams/storm/usage.json")
        self.assertEqual(faults, [[]] * 4)
        want = reference.tree([self.home.config])["teams"]["storm"]["totals"]
        self.assertTotals(at_rest, want)


# --- freshness ------------------------------------------------------------------------------------------------------


def has_user_namespaces() -> bool:
    """A chroot, for one, has none: the kernel refuses them there."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-Urm", "true"], stderr=subprocess.DEVNULL).returncode == 0


class Freshness(harness.MountTest):
    """Append, then read: the answer holds what was appended."""

    OTHERS = 60

    def setUp(self):
        super().setUp()
        self.line = records.line(records.assistant(counts=records.usage(1, 2))) + b"\n"
        self.path = self.home.transcript("-fresh", "fresh-1", [])
        self.path.write_bytes(self.line)
        self.others = [self.home.transcript(f"-fresh-{i % 7}", f"other-{i}", [records.assistant()]) for i in range(self.OTHERS)]

    def stale_rounds(self, point, rounds: int, disturb: bool = False) -> int:
        """How many of the rounds gave another answer than the reference; new folders and files among them."""
        stale = 0
        for i in range(2, rounds + 2):
            if disturb:  # enough of it to overflow a short queue
                for other in self.others[:20]:
                    append_all(other, self.line)
            append_all(self.path, self.line)
            with open(point / "sessions/fresh-1/total_tokens") as file:
                stale += int(file.read()) != 3 * i
            if i % 25 == 0:
                name = f"born-{i}"
                self.home.transcript(f"-born-{i}", name, [records.assistant(counts=records.usage(5, 6))])
                with open(point / f"sessions/{name}/total_tokens") as file:
                    stale += file.read() != "11\n"
                with open(point / f"projects/-born-{i}/total_tokens") as file:
                    stale += file.read() != "11\n"
        return stale

    def check(self, mount, rounds: int = ROUNDS, disturb: bool = False) -> dict:
        stale = guarded.call(self.stale_rounds, mount.point, rounds, disturb, seconds=120)
        print(f"# {rounds} rounds, {stale} stale", flush=True)
        self.assertEqual(stale, 0)
        all_ = {sid: s.totals() for sid, s in reference.sessions_of([self.home.config]).items()}
        for sid, want in all_.items():
            self.assertTotals(guarded.call(mount.totals, f"sessions/{sid}/usage.json"), want, sid)
        return guarded.call(mount.json, "status.json")["revalidation"]

    def test_inotify(self):
        with self.home.mount() as mount:
            self.assertEqual(self.check(mount)["mode"], "inotify")

    def test_stat(self):
        with self.home.mount("-o", "revalidate=stat") as mount:
            self.assertEqual(self.check(mount)["mode"], "stat")

    @unittest.skipUnless(is_root and os.access(QUEUE, os.W_OK), "may not shorten the inotify queue")
    def test_queue_overflow(self):
        before = QUEUE.read_text()
        QUEUE.write_text("4")  # taken over by the daemon when it starts
        try:
            mount = self.home.mount()
        finally:
            QUEUE.write_text(before)
        with mount:
            state = self.check(mount, ROUNDS // 3, disturb=True)
        self.assertGreater(state["overflows"], 0)

    @unittest.skipUnless(is_root and has_user_namespaces(), "needs a user namespace of its own")
    def test_watches_exhausted(self):
        """This very test again in a user namespace in which there are three watches to be had."""
        command = ["unshare", "-Urm", sys.executable, __file__, "Freshness.inside_with_three_watches"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200)
        self.assertEqual(done.returncode, 0, done.stdout.decode("utf-8", "replace"))

    def inside_with_three_watches(self):
        WATCHES.write_text("3")
        with self.home.mount() as mount:
            state = self.check(mount, ROUNDS // 3, disturb=True)
        self.assertEqual(state["reason"], "No space left on device")
        self.assertGreater(state["foldersByStat"], 3)

    def test_an_answer_of_before_counts_as_stale(self):
        """The negative twin: a copy that nobody brings up to date."""
        with self.home.mount() as mount:
            copy = self.home.root / "copy"
            shutil.copytree(mount.point, copy, symlinks=True)
        copy.chmod(0o700)
        self.assertEqual(self.stale_rounds(copy, 20), 20)


# --- nothing grows --------------------------------------------------------------------------------------------------


def memory_kb(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def drop_caches() -> None:
    """The kernel forgets inodes; nothing of this depends on it where we may not ask."""
    if is_root:
        Path("/proc/sys/vm/drop_caches").write_text("2")


def look_up(point, first: int, count: int) -> int:
    """Distinct windows; how many could not be looked up."""
    failed = 0
    for i in range(first, first + count):
        try:
            os.stat(f"{point}/sessions/window-1/window/@{i}_@{i + 7}.json")
        except OSError:
            failed += 1
    return failed


def read_about(point, leaves: list, threads_: int, seconds: float) -> list:
    """Many threads read at random, each at least once: errors, and how many reads there were."""
    errors, counts = [], [0] * threads_
    end = time.monotonic() + seconds

    def one(number: int) -> None:
        rand = random.Random(number)
        while counts[number] == 0 or time.monotonic() < end:
            leaf = rand.choice(leaves)
            try:
                with open(f"{point}/{leaf}", "rb") as file:
                    data = file.read()
                if not data.endswith(b"\n") or leaf.endswith("json") and not json.loads(data):
                    errors.append((leaf, data[:50]))
            except (OSError, ValueError) as error:
                errors.append((leaf, repr(error)))
            counts[number] += 1

    workers = [threading.Thread(target=one, args=(n,)) for n in range(threads_)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        drop_caches()
        time.sleep(0.5)
    return [errors[:5], sum(counts)]


def inodes_held(point) -> int:
    """What the kernel has not forgotten, as the daemon counts it, in whole thousands."""
    return json.loads((point / "status.json").read_bytes())["daemon"]["inodes"]


def files_after_forgets(point, below: int) -> int:
    """The daemon hears of what the kernel forgot after everything else that it is asked."""
    deadline = time.monotonic() + harness.LIMIT
    while (files := inodes_held(point)) >= below and time.monotonic() < deadline:
        time.sleep(0.05)
    return files


class Growth(harness.MountTest):
    MEMORY_KB = 12 << 10

    def assert_small(self, grown: int) -> None:
        if not harness.is_sanitized():
            self.assertLess(grown, self.MEMORY_KB)

    @unittest.skipUnless(is_root, "only root can make the kernel forget inodes")
    def test_windows_without_number_leave_nothing(self):
        maker = records.Maker(2)
        self.home.transcript("-w", "window-1", [maker.assistant() for _ in range(50)])
        batch = 10_000
        with self.home.mount("--no-cache") as mount:
            pid = mount.process.pid
            for _ in range(5):  # anybody on the machine may make the kernel forget in between
                guarded.call(look_up, mount.point, 0, batch + 1000, seconds=LIMIT)
                held = inodes_held(mount.point)
                if held > batch:
                    break
            drop_caches()
            files = files_after_forgets(mount.point, batch // 10)
            memory = memory_kb(pid)
            self.assertGreater(held, batch, "the kernel holds what it looked up")
            self.assertLess(files, batch // 10, "and gives it back")
            for first in range(batch, WINDOWS, batch):
                self.assertEqual(guarded.call(look_up, mount.point, first, batch, seconds=LIMIT), 0)
                drop_caches()
            files = files_after_forgets(mount.point, batch // 10)
            grown = memory_kb(pid) - memory
            print(f"# {WINDOWS} windows: {memory} kB, grown by {grown} kB, {held} inodes, then {files}",
                  flush=True)
            self.assert_small(grown)
            self.assertLess(files, batch // 10)

    def test_many_readers_leave_nothing(self):
        leaves = ["README.txt", "status.json"]
        for i in range(40):
            self.home.transcript(f"-p{i % 5}", f"reader-{i}", [records.assistant(teamName=f"t{i % 3}", agentName=f"a{i}")])
            leaves += [f"sessions/reader-{i}/usage.json", f"sessions/reader-{i}/window/last-5h.json",
                       f"projects/-p{i % 5}/usage.json", f"teams/t{i % 3}/usage.json", f"sessions/reader-{i}/total_tokens"]
        seconds = harness.by_effort(2, 4, 30)
        with self.home.mount(*harness.visible()) as mount:
            pid = mount.process.pid
            guarded.call(read_about, mount.point, leaves, READERS, 2, seconds=LIMIT)
            before = (descriptors(pid), threads(pid), memory_kb(pid))
            errors, reads = guarded.call(read_about, mount.point, leaves, READERS, seconds, seconds=seconds + LIMIT)
            time.sleep(0.2)
            after = (descriptors(pid), threads(pid), memory_kb(pid))
        print(f"# {reads} reads in {READERS} threads: descriptors, threads, kB {before} -> {after}", flush=True)
        self.assertEqual(errors, [])
        self.assertLessEqual(after[0], before[0] + 2)
        self.assertLessEqual(after[1], 80)
        self.assert_small(after[2] - before[2])


if __name__ == "__main__":
    harness.main(__name__)
