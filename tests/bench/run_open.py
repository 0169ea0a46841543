"""What looking at a document that did not change costs: run_open.py BENCH_OPEN BENCH_STATIC_FS

Interleaved with a file of a static FUSE filesystem that the kernel caches as far as it can. Both mounts are asked for the
same documents, as one that is looked at more often finds its daemon busy with the end of the last look.

A look waits for a daemon that may be woken on the core where the look comes from, or on another, which takes several
times as long on a virtual machine. Left to itself a scheduler decides that once for each daemon and then keeps to it, so
what is compared is luck. Therefore looks and daemons are also held on one core, and on two. OKSTRAFS_BENCH_LOOKS:
rounds (5000).
"""

import sys

import bench
import corpora

SMALL = 20_000
ALLOWED = 2.5
ALIKE = 1.1


def documents(mount, among: str) -> dict:
    session, team = f"sessions/{corpora.session_name(4)}", f"teams/{corpora.team_name(4)}"
    paths = {f"a session's usage.json among {among}": f"{session}/usage.json",
             f"a team of 10 among {among} sessions": f"{team}/usage.json",
             f"total_tokens of that team, {among}": f"{team}/total_tokens",
             f"a window of that session, {among}": f"{session}/window/2026-06-10_2026-06-11.json",
             f"stats/by-model.json of {among} sessions": "stats/by-model.json"}
    return {name: mount.point / path for name, path in paths.items()}


def compare(where: str, rows: dict, cores) -> None:
    found = bench.looks(sys.argv[1], int(bench.number("LOOKS", 5000)), [("keep", path) for path in rows.values()], cores)
    floor = found[0]
    bench.table((f"open + read + close, unchanged; {where}", "median us", "min us", "p99 us", "x floor", "x floor (min)"),
                [(name, *look, look.median / floor.median, look.least / floor.least) for name, look in zip(rows, found)])
    for name, look in list(zip(rows, found))[1:]:
        bench.target(f"{where}: {name}, of the floor", look.median / floor.median, ALLOWED)
    three = [found[i].median for i in (1, 2, 7)]
    bench.target(f"{where}: session, team among 10 and among 10,000: the slowest of the fastest", max(three) / min(three), ALIKE)


def measure() -> None:
    few, many = corpora.many_sessions(10, SMALL), corpora.many_sessions(10_000, SMALL)
    with bench.static_file(sys.argv[2]) as (static, pid), bench.mounted(few) as a, bench.mounted(many) as b:
        rows = {"static file: the floor": static} | documents(a, "10") | documents(b, "10,000")
        daemons = pid, a.process.pid, b.process.pid
        for where, cores in bench.places(daemons):
            compare(where, rows, cores)


if __name__ == "__main__":
    bench.main(measure)
