"""What looking at a document costs after one record was appended: run_append.py BENCH_OPEN

OKSTRAFS_BENCH_LONG_MB: the long transcript (1024). OKSTRAFS_BENCH_EVENTS: events of the eventful one (1000000).
OKSTRAFS_BENCH_LOOKS: rounds (2000).
"""

import sys

import bench
import corpora

HEAD = ("", "median us", "min us", "p99 us", "x unchanged")


def rows(names, found, base: int):
    return [(name, *look, look.median / found[base].median) for name, look in zip(names, found)]


def long_transcript(rounds: int) -> None:
    megabytes = int(bench.number("LONG_MB", 1024))
    config = corpora.long_session(megabytes)
    transcript = corpora.session_path(config, 0)
    with bench.mounted(config) as mount, bench.growing(transcript):
        path = mount.point / f"sessions/{corpora.session_name(0)}/usage.json"
        found = bench.looks(sys.argv[1], rounds, [("grow", transcript, path), ("keep", path)])
    bench.table((f"a transcript of {megabytes} MB", *HEAD[1:]), rows(("after one record", "unchanged"), found, 1))
    bench.target("after one record, of unchanged", found[0].median / found[1].median, 5)


def eventful_session(rounds: int) -> None:
    events = min(int(bench.number("EVENTS", 1_000_000)), corpora.EVENTS_MAX)
    config = corpora.eventful_session(events)
    transcript = corpora.session_path(config, 0)
    start = corpora.EVENTS_START
    with bench.mounted(config) as mount, bench.growing(transcript):
        session = mount.point / f"sessions/{corpora.session_name(0)}"
        # Cut at its start, open to what is appended; the new ones are cut at both ends.
        window = session / f"window/@{start + events // 2}_2026-06-30.json"
        usage = session / "usage.json"
        # What reads the window first brings the events back.
        steps = [("keep", usage), ("keep", window), ("fresh", session / "window", start + events // 4, start + events // 2)]
        found = bench.looks(sys.argv[1], rounds, steps)
        found += bench.looks(sys.argv[1], rounds, [("grow", transcript, usage), ("grow", transcript, window)])
    names = ("usage.json, unchanged", "a window, unchanged", "a window that nobody asked for before",
             "usage.json after one record", "a window after one record")
    bench.table((f"a session of {events} events", *HEAD[1:]), rows(names, found, 0))
    bench.target("window of usage.json, both unchanged", found[1].median / found[0].median, 2)
    bench.target("new window of usage.json unchanged (lookups of a new name and rendering)", found[2].median / found[0].median, 2)
    bench.target("window of usage.json, both after one record", found[4].median / found[3].median, 2)


def measure() -> None:
    rounds = int(bench.number("LOOKS", 2000))
    long_transcript(rounds)
    eventful_session(rounds)


if __name__ == "__main__":
    bench.main(measure)
