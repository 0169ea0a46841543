"""Hundreds of sessions: the statistics, the memory budget, and the index that a restart begins with.

Everything is compared with the reference, which adds all events up again each time.
"""

import random

import harness
import records
import reference

SESSIONS = 300
PROJECTS = 7
MODELS = ["claude-opus-4-7", "claude-sonnet-4-5", "made-up model/1", None]


def random_lines(rnd: random.Random, count: int) -> bytes:
    out = []
    for _ in range(count):
        stamp = f"2026-06-{rnd.randrange(1, 28):02d}T{rnd.randrange(24):02d}:{rnd.randrange(60):02d}:00.{rnd.randrange(1000):03d}Z"
        kind = rnd.randrange(10)
        if kind < 7:
            usage = records.usage(rnd.randrange(9), rnd.randrange(999), rnd.randrange(99), rnd.randrange(9999))
            # Ids of their own: who owns a request that stands in many files is decided from all their rows.
            record = records.assistant(stamp, usage, id=f"msg_{rnd.getrandbits(64):016x}")
            model = rnd.choice(MODELS)
            if model is None:
                del record["message"]["model"]
            else:
                record["message"]["model"] = model
            if kind == 0:
                del record["timestamp"]
        else:
            record = records.user(stamp)
        out.append(records.line(record) + b"\n")
    return b"".join(out)


def by_model(paths) -> dict:
    """model -> the counts of its events, and the sum over transcripts of the span of each."""
    rows = {}
    for path in paths:
        spans = {}
        for raw in path.read_bytes().split(b"\n"):
            record = reference.parse_line(raw) if raw.strip() else None
            event = reference.event_of(record) if record else None
            if not event or not (any(event.usage[:6]) or event.tools):
                continue
            name = reference.text_of(record.get("message", {}).get("model")) or "unknown"
            row = rows.setdefault(name, {"counts": [0] * 7, "stamps": [], "durationMs": 0})
            row["counts"] = [a + b for a, b in zip(row["counts"], [*event.usage[:6], event.tools])]
            if event.stamp:
                spans.setdefault(name, []).append(event.stamp)
        for name, stamps in spans.items():
            rows[name]["stamps"] += [min(stamps), max(stamps)]
            rows[name]["durationMs"] += reference.duration_ms(min(stamps), max(stamps))
    return rows


COUNTS = ["inputTokens", "outputTokens", "cacheCreationTokens", "cacheCreation5mTokens", "cacheCreation1hTokens",
          "cacheReadTokens", "toolUses"]


class ManyTest(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.rnd = random.Random(11)
        self.paths = []
        for i in range(SESSIONS):
            path = self.home.path(f"-project-{i % PROJECTS}", f"session-{i:04d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(random_lines(self.rnd, self.rnd.randrange(1, 25)))
            self.paths.append(path)

    def check_stats(self, mount) -> None:
        shown = {row["key"]: row for row in mount.json("stats/by-model.json")["rows"]}
        want = by_model(self.paths)
        self.assertEqual(sorted(shown), sorted(want))
        for name, row in want.items():
            self.assertEqual([shown[name][key] for key in COUNTS], row["counts"], name)
            self.assertEqual(shown[name]["startedAt"], min(row["stamps"]), name)
            self.assertEqual(shown[name]["endedAt"], max(row["stamps"]), name)
            self.assertEqual(shown[name]["durationMs"], row["durationMs"], name)
        parts = [reference.totals(path) for path in self.paths]
        total = mount.json("stats/by-model.json")["total"]
        self.assertTotals({key: total[key] for key in reference.KEYS}, reference.aggregate(parts))
        projects = {}
        for path, part in zip(self.paths, parts):
            projects.setdefault(path.parent.name, []).append(part)
        rows = mount.json("stats/by-project.json")["rows"]
        self.assertEqual([row["key"] for row in rows], sorted(projects))
        for row in rows:
            want = reference.aggregate(projects[row["key"]])
            self.assertTotals({key: row[key] for key in reference.KEYS}, want, row["key"])
            self.assertTotals(mount.totals(f"projects/{row['key']}/usage.json"), want, row["key"])

    def check_windows(self, mount, count: int) -> None:
        for _ in range(count):
            path = self.rnd.choice(self.paths)
            since, until = sorted(f"2026-06-{self.rnd.randrange(1, 28):02d}T{self.rnd.randrange(24):02d}:00:00Z" for _ in range(2))
            got = mount.totals(f"sessions/{path.stem}/window/{since}_{until}.json")
            self.assertTotals(got, reference.totals(path, since, until), f"{path.stem} {since} {until}")

    def test_statistics_follow_every_change(self):
        with self.home.mount("--no-cache") as mount:  # with caches, what is deleted stays counted
            self.check_stats(mount)
            for _ in range(6):
                for path in self.rnd.sample(self.paths, 5):
                    harness.append(path, random_lines(self.rnd, 2))
                self.rnd.choice(self.paths).write_bytes(random_lines(self.rnd, 3))
                gone = self.paths.pop(self.rnd.randrange(len(self.paths)))
                gone.unlink()
                harness.append(self.paths[0], random_lines(self.rnd, 1)[:-1])  # an unfinished line
                self.check_stats(mount)
                harness.append(self.paths[0], b"\n")

    def test_windows_of_all_sessions(self):
        with self.home.mount() as mount:
            self.check_stats(mount)
            self.check_windows(mount, 300)
            harness.append(self.paths[3], random_lines(self.rnd, 4))
            self.check_windows(mount, 50)
            self.check_stats(mount)
            days = mount.names(f"sessions/{self.paths[5].stem}/window")
            stamps = {e.stamp[:10] for e in reference.Transcript.read(self.paths[5]).events if e.stamp}
            self.assertEqual({d[:-5] for d in days if d[0] == "2"}, stamps)

    def test_windows_without_a_cache(self):
        with self.home.mount("--no-cache") as mount:
            self.check_stats(mount)
            self.check_windows(mount, 100)
        self.assertEqual(self.home.cache_files(), [])

    def index(self):
        return self.home.okstra / "cache/token-usage/.okstrafs/index"

    def test_a_restart_reads_the_index_and_nothing_else(self):
        self.home.run("scan")
        self.assertTrue(self.index().is_file())
        with self.home.mount() as mount:
            self.check_stats(mount)
            status = mount.json("status.json")
            self.assertEqual(status["bytesScanned"], 0)
            self.assertEqual(status["cache"]["hits"], 0)
            self.check_windows(mount, 60)
            harness.append(self.paths[1], random_lines(self.rnd, 2))
            self.check_stats(mount)
        harness.append(self.paths[2], random_lines(self.rnd, 2))
        self.paths[4].write_bytes(random_lines(self.rnd, 5))
        with self.home.mount() as mount:
            self.check_stats(mount)
            self.check_windows(mount, 60)

    def test_a_damaged_index_changes_no_answer(self):
        self.home.run("scan")
        good = self.index().read_bytes()
        want = self.home.run("--no-cache", "cat", "stats/by-model.json", "stats/by-project.json")
        damaged = [b"", good[:100], good[:-1], b"x" * 5000, good + b"x"]
        for _ in range(12):
            at = self.rnd.randrange(len(good))
            damaged.append(good[:at] + bytes([good[at] ^ (1 << self.rnd.randrange(8))]) + good[at + 1:])
        for bytes_ in damaged:
            self.index().write_bytes(bytes_)
            self.assertEqual(self.home.run("cat", "stats/by-model.json", "stats/by-project.json"), want)

    def test_a_lost_cache_behind_the_index_changes_no_answer(self):
        self.home.run("scan")
        for path in self.home.cache_files():
            if path.name != "index":
                path.unlink()
        with self.home.mount() as mount:
            self.check_windows(mount, 100)
            harness.append(self.paths[0], random_lines(self.rnd, 3))
            self.check_stats(mount)


if __name__ == "__main__":
    harness.main(__name__)
