"""What looking at a document that did not change costs: run_open.py BENCH_OPEN BENCH_STATIC_FS

Interleaved with a file of a static FUSE filesystem that the kernel caches as far as it can.
OKSTRAFS_BENCH_LOOKS: rounds (5000).
"""

import sys

import bench
import corpora

SMALL = 20_000
ALLOWED = 2.5
ALIKE = 1.1


def measure() -> None:
    few, many = corpora.many_sessions(10, SMALL), corpora.many_sessions(10_000, SMALL)
    session, team = corpora.session_name(4), corpora.team_name(4)
    with bench.static_file(sys.argv[2]) as static, bench.mounted(few) as a, bench.mounted(many) as b:
        rows = {
            "static file: the floor": static,
            "a session's usage.json": a.point / f"sessions/{session}/usage.json",
            "a team of 10 among 10 sessions": a.point / f"teams/{team}/usage.json",
            "a team of 10 among 10,000 sessions": b.point / f"teams/{team}/usage.json",
            "a session among 10,000": b.point / f"sessions/{session}/usage.json",
            "total_tokens of that team": b.point / f"teams/{team}/total_tokens",
            "a window of that session": b.point / f"sessions/{session}/window/2026-06-10_2026-06-11.json",
            "stats/by-model.json of 10,000 sessions": b.point / "stats/by-model.json",
        }
        found = bench.looks(sys.argv[1], int(bench.number("LOOKS", 5000)), [("keep", path) for path in rows.values()])
    floor = found[0]
    bench.table(("open + read + close, unchanged", "median us", "min us", "p99 us", "x floor", "x floor (min)"),
                [(name, *look, look.median / floor.median, look.least / floor.least) for name, look in zip(rows, found)])
    three = [look.median for look in found[1:4]]
    for name, look in list(zip(rows, found))[1:]:
        bench.target(f"{name}, of the floor", look.median / floor.median, ALLOWED)
    bench.target("session, team among 10 and among 10,000: the slowest of the fastest", max(three) / min(three), ALIKE)


if __name__ == "__main__":
    bench.main(measure)
