"""What reports, the status line and pages cost among 10,000 sessions: run_report.py BENCH_OPEN

Commands are whole processes, with warm caches, in pairs. The pages are looked at through a mount, unchanged and after one record, beside the documents
that they are made from. OKSTRAFS_BENCH_LOOKS: rounds (100); OKSTRAFS_BENCH_PAIRS: runs of each command (15).
"""

import json
import statistics
import subprocess
import sys
import time

import bench
import corpora
import harness

SMALL = 20_000
SESSIONS = 10_000
STATUS = {"session_id": corpora.session_name(4), "model": {"display_name": "Opus"}, "context_window": {"used_percentage": 40},
          "rate_limits": {"five_hour": {"used_percentage": 10, "resets_at": 4_000_000_000}}}
PAGES = ("report.html", "report.txt", "stats/by-day.svg", f"sessions/{corpora.session_name(4)}/report.svg")
PARTS = ("stats/by-day.json", "stats/by-project.json", "stats/blocks.json", "window/today.json")

TARGETS = ("report.html", "report.txt", "stats/by-day.svg", "window/today.json")


def one_run(home: bench.Home, words, given: bytes) -> float:
    start = time.perf_counter()
    subprocess.run([harness.binary(), *words], env=home.environment(), input=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - start) * 1000


def commands(home: bench.Home, rows: dict) -> dict:
    """The median of each, in ms; one run of each after the other, so that what slows the machine slows all of them."""
    took = {name: [] for name in rows}
    for _ in range(int(bench.number("PAIRS", 15))):
        for name, (words, given) in rows.items():
            took[name].append(one_run(home, words, given))
    bench.table(("whole process", "median ms", "min ms"), [(name, statistics.median(all_), min(all_)) for name, all_ in took.items()])
    return {name: statistics.median(all_) for name, all_ in took.items()}


def measure() -> None:
    config = corpora.many_sessions(SESSIONS, SMALL)
    with bench.home(config) as home:
        home.scan()
        found = commands(home, {"cat stats/by-day.json": (("cat", "stats/by-day.json"), b""), "report days": (("report", "days"), b""),
                                "report": (("report",), b""), "cat report.html": (("cat", "report.html"), b"")})
        bench.target("report days, of cat stats/by-day.json", found["report days"] / found["cat stats/by-day.json"], 2)
        with home.mount() as mount:
            for path in PAGES + PARTS:
                mount.read(path)
            found = commands(home, {"statusline": (("statusline", str(mount.point)), json.dumps(STATUS).encode())})
            bench.target("statusline, ms", found["statusline"], 5)
            transcript = corpora.session_path(config, 4)
            with bench.growing(transcript):
                steps = [step for path in PAGES + PARTS for step in (("grow", transcript, mount.point / path), ("keep", mount.point / path))]
                looks = bench.looks(sys.argv[1], int(bench.number("LOOKS", 100)), steps, appended=bench.asked())
            bench.table((f"after one record, among {SESSIONS}", "median us", "min us", "p99 us", "unchanged us", "bytes"),
                        [(path, *changed, unchanged.median, len(mount.read(path)))
                         for path, changed, unchanged in zip(PAGES + PARTS, looks[::2], looks[1::2])])
            for path, changed, unchanged in zip(PAGES + PARTS, looks[::2], looks[1::2]):
                if path in TARGETS:
                    bench.target(f"{path} after one record, of unchanged", changed.median / unchanged.median, 5)
            bench.target("bytes of report.html", len(mount.read("report.html")), 300_000)


if __name__ == "__main__":
    bench.main(measure)
