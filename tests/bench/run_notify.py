"""What telling watchers costs: run_notify.py

How soon a watcher hears of a change that nobody reads, the CPU time of one announcement, what an idle daemon does, and
a storm of ten thousand changes a second. OKSTRAFS_BENCH_CHANGES: changes (100), OKSTRAFS_BENCH_STORM: its seconds (5),
OKSTRAFS_BENCH_IDLE: seconds of idleness (20).
"""

import os
import select
import sys
import time
from pathlib import Path

import bench
import guarded
import harness
import records
import watching
from test_storms import append_fast

LEAVES = ("usage.json", "total_tokens", "window/2026-06-10.json", "window/2026-06-11.json", "window/2026-06-10_.json",
          "window/_2026-06-11.json", "window/2026-06-09_.json", "window/_2026-06-12.json")


def tasks(mount) -> list[str]:
    """Of the daemon and of the toucher."""
    return [f"/proc/{pid}/task/{task}" for pid in (mount.process.pid, mount.toucher()) for task in os.listdir(f"/proc/{pid}/task")]


def cpu_us(mount) -> float:
    return sum(int(Path(task, "schedstat").read_text().split()[0]) for task in tasks(mount)) / 1000


def switches(mount) -> int:
    lines = [line for task in tasks(mount) for line in Path(task, "status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)


def append(path, i: int) -> None:
    harness.append(path, records.line(records.assistant(counts=records.usage(i=1 + i, o=1), id=f"m{i}")) + b"\n")


def heard_after(watch) -> float:
    """Milliseconds until the next event."""
    start = time.monotonic()
    if not select.select([watch.fd], [], [], 3)[0]:
        return float("inf")
    watch.read()
    return 1000 * (time.monotonic() - start)


def changes(home, path, leaves, count: int):
    """Latencies and CPU time a change, with so many files of the session looked up."""
    with home.mount() as mount:
        folder = mount.point / "sessions/session-1"
        for leaf in leaves:
            os.stat(folder / leaf)
        with watching.started([watching.Inotify(folder / "usage.json")]) as (watch,):
            latencies = []
            append(path, 0)
            heard_after(watch)
            time.sleep(1)
            before = cpu_us(mount)
            for i in range(count):
                append(path, i)
                latencies.append(heard_after(watch))
                time.sleep(0.3)
            return sorted(latencies), (cpu_us(mount) - before) / count


def idle(home, seconds: float) -> float:
    """Context switches a minute."""
    with home.mount() as mount:
        for leaf in ("sessions/session-1/usage.json", "stats/by-model.json", "status.json"):
            mount.read(leaf)
        time.sleep(3)
        before = switches(mount)
        time.sleep(seconds)
        return (switches(mount) - before) * 60 / seconds


def storm(home, path, seconds: float):
    with home.mount() as mount:
        folder = mount.point / "sessions/session-1"
        # Several kinds of events: equal ones behind each other become one in the queue.
        with watching.started([watching.Inotify(folder / "usage.json", watching.IN_MODIFY | watching.IN_CLOSE_WRITE)]) as (watch,):
            before, start = cpu_us(mount), time.monotonic()
            written = guarded.Child(append_fast, path, seconds).result(seconds + 30)
            time.sleep(1)
            took = time.monotonic() - start
            touches = sum(mask & watching.IN_MODIFY != 0 for mask, _ in watch.read())
            return written, touches, (cpu_us(mount) - before) / 1e4 / took


def measure() -> None:
    home = harness.Home()
    try:
        path = home.transcript("-p", "session-1", [records.assistant()])
        count = int(bench.number("CHANGES", 100))
        latencies, one = changes(home, path, ("usage.json",), count)
        _, many = changes(home, path, LEAVES, count)
        written, touches, share = storm(home, path, bench.number("STORM", 5))
        rows = [("from a write to the event: median, ms", latencies[len(latencies) // 2]),
                ("from a write to the event: slowest, ms", latencies[-1]),
                ("CPU time of one change, two files told, us", one),
                ("CPU time of one file more, us", (many - one) / (len(LEAVES) - 2)),
                ("idle: context switches a minute", idle(home, bench.number("IDLE", 20))),
                (f"storm: {written} changes, touches of one file", touches),
                ("storm: CPU of daemon and toucher, %", share)]
        bench.table(("telling watchers", "value"), rows)
        bench.target("a change is heard within a second", latencies[-1], 1000)
        bench.target("idle context switches a minute", rows[4][1], 0)
    finally:
        home.close()


if __name__ == "__main__":
    bench.main(measure)
