"""Ten thousand sessions: run_many.py BENCH_OPEN

The start with warm caches, resident memory, and every kind of document after one record was appended.
OKSTRAFS_BENCH_GB: all of it together (0.2). OKSTRAFS_BENCH_LOOKS: rounds (1000). OKSTRAFS_BENCH_STARTS: starts (7).
"""

import subprocess
import sys
import time

import bench
import corpora
import harness

SESSIONS = 10_000
WHO = 4  # the session that grows
STATS = "by-model", "by-project", "by-agent", "by-source", "by-day", "by-hour", "blocks"


def first_answer(home: bench.Home, path: str) -> float:
    """Seconds from calling the program to the answer of a team."""
    point = home.root / "start"
    point.mkdir(exist_ok=True)
    start = time.monotonic()
    process = subprocess.Popen([harness.binary(), "mount", "-f", str(point)], env=home.environment(),
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    harness.Watchdog.tell("+", process.pid, point)
    try:
        while True:
            try:
                (point / path).read_bytes()
                return time.monotonic() - start
            except OSError:
                if process.poll() is not None or time.monotonic() > start + harness.LIMIT:
                    sys.exit("no answer")
                time.sleep(0.0005)
    finally:
        process.terminate()
        process.wait(harness.LIMIT)
        harness.detach(point)
        harness.Watchdog.tell("-", process.pid, point)


def starts(few: bench.Home, many: bench.Home) -> None:
    path = f"teams/{corpora.team_name(WHO)}/usage.json"
    times = [(first_answer(few, path), first_answer(many, path)) for _ in range(int(bench.number("STARTS", 7)))]
    a, b = (bench.median([pair[i] for pair in times]) for i in (0, 1))
    bench.table(("start to the first answer of a team, warm caches", "median ms", "min ms"),
                [("among 10 sessions", a * 1e3, min(pair[0] for pair in times) * 1e3),
                 (f"among {SESSIONS}", b * 1e3, min(pair[1] for pair in times) * 1e3)])
    bench.target("seconds more than with 10 sessions", b - a, 1)


def documents(point) -> dict:
    session, team, project = corpora.session_name(WHO), corpora.team_name(WHO), corpora.project_name(WHO)
    window = "window/2026-06-01_2026-06-30.json"
    return {
        "session": point / f"sessions/{session}/usage.json",
        "session, total_tokens": point / f"sessions/{session}/total_tokens",
        "session, window": point / f"sessions/{session}/{window}",
        "team": point / f"teams/{team}/usage.json",
        "team, member": point / f"teams/{team}/members/worker-{WHO}/usage.json",
        "team, window": point / f"teams/{team}/{window}",
        "project": point / f"projects/{project}/usage.json",
        "project, window": point / f"projects/{project}/{window}",
    } | {f"stats/{name}.json": point / f"stats/{name}.json" for name in STATS}


def memory(mount: harness.Mount, title: str, pid: int) -> None:
    fields = bench.memory_of(pid)
    print(f"memory {title}: VmRSS {fields['VmRSS']:.0f} MiB, VmHWM {fields['VmHWM']:.0f} MiB")
    bench.target(f"resident MiB {title}", fields["VmRSS"], 280)
    bench.target(f"peak resident MiB {title}", fields["VmHWM"], 280)


def first_looks(mount: harness.Mount, when: str) -> None:
    took = []
    for name in STATS:
        start = time.monotonic()
        mount.read(f"stats/{name}.json")
        took.append(f"{name} {time.monotonic() - start:.2f}")
    print(f"first looks at stats/, {when}, in this order, seconds: {', '.join(took)}")


def after_growth(mount: harness.Mount, transcript) -> None:
    """Placed as in run_open.py, and for the same reason."""
    paths = documents(mount.point)
    steps = [step for path in paths.values() for step in (("grow", transcript, path), ("keep", path))]
    for where, cores in bench.places([mount.process.pid]):
        with bench.growing(transcript):
            found = bench.looks(sys.argv[1], int(bench.number("LOOKS", 1000)), steps, cores)
        rows = [(name, *changed, unchanged.median, changed.median / unchanged.median)
                for name, changed, unchanged in zip(paths, found[::2], found[1::2])]
        bench.table((f"after one record, among {SESSIONS}; {where}", "median us", "min us", "p99 us", "unchanged us", "x unchanged"),
                    rows)
        for row in rows:
            bench.target(f"{where}: {row[0]}, of unchanged", row[-1], 5)


def before_the_rest(few: bench.Home, many: bench.Home, path: str) -> None:
    """One session while nobody has asked for the others: what they wait for must not be its business."""
    with few.mount() as a, many.mount() as b:
        found = bench.looks(sys.argv[1], int(bench.number("LOOKS", 1000)), [("keep", a.point / path), ("keep", b.point / path)])
    bench.table(("a session of a fresh mount, the others not yet read", "median us", "min us", "p99 us"),
                [("among 10 sessions", *found[0]), (f"among {SESSIONS}", *found[1])])
    bench.target(f"among {SESSIONS}, of among 10", found[1].median / found[0].median, 1.1)


def cold_memory(config) -> None:
    with bench.home(config) as home, home.mount() as mount:
        first_looks(mount, "without caches")
        memory(mount, "after a first scan without caches", mount.process.pid)


def measure() -> None:
    size = int(bench.number("GB", 0.2) * 1e9 / SESSIONS)
    few, many = corpora.many_sessions(10, size), corpora.many_sessions(SESSIONS, size)
    with bench.home(few) as a, bench.home(many) as b:
        a.scan()
        b.scan()
        starts(a, b)
        before_the_rest(a, b, f"sessions/{corpora.session_name(WHO)}/usage.json")
        with b.mount() as mount:
            first_looks(mount, "with warm caches")
            memory(mount, "with warm caches, stats/ read", mount.process.pid)
            after_growth(mount, corpora.session_path(many, WHO))
    cold_memory(many)


if __name__ == "__main__":
    bench.main(measure)
