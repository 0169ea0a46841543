"""How soon a daemon ends that has much to write: run_stop.py

SIGTERM right after the first look at many small sessions, none of which has a cache file yet. OKSTRAFS_BENCH_SESSIONS:
how many (50000), OKSTRAFS_BENCH_STARTS: daemons, each with an empty cache folder (5).
"""

import signal
import sys
import time
from pathlib import Path

import bench
import corpora
import records

REQUESTS = 5  # of a session


def fill(config: Path, sessions: int) -> None:
    for i in range(sessions):
        path = corpora.session_path(config, i)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(
            records.line(records.assistant(f"2026-06-10T01:{k:02d}:00.000Z", counts=records.usage(i=10, o=5), id=f"m{i}-{k}",
                                           requestId=f"r{i}-{k}", sessionId=corpora.session_name(i))) + b"\n"
            for k in range(REQUESTS)))


def measure() -> None:
    sessions = int(bench.number("SESSIONS", 50_000))
    config = corpora.made(f"stop-{sessions}", lambda path: fill(path, sessions))
    wanted = sessions * REQUESTS * 15
    looks, stops = [], []
    for _ in range(int(bench.number("STARTS", 5))):
        with bench.home(config) as home, home.mount() as mount:
            start = time.monotonic()
            total = int((mount.point / "total_tokens").read_bytes())
            looks.append(time.monotonic() - start)
            start = time.monotonic()
            status = mount.stop(signal.SIGTERM)
            stops.append(time.monotonic() - start)
            if total != wanted or status != 0:
                sys.exit(f"total_tokens: {total} for {wanted}, exit status {status}")
    bench.table((f"{sessions} sessions, no caches", "median s", "slowest s"),
                [("first look", bench.median(looks), max(looks)), ("from SIGTERM to the end", bench.median(stops), max(stops))])
    bench.target("seconds from SIGTERM to the end, slowest", max(stops), 2)


if __name__ == "__main__":
    bench.main(measure)
