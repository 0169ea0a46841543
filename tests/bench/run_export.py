"""What `export --watch` costs after one record was appended to one of ten thousand sessions: run_export.py

What it exports without a PATH, and the usage.json of every session. A change is over when the exported file shows it. CPU time
is that of the exporter's thread, kernel included, and of all its threads, of which one saves caches. Instructions are those
of the exporter's thread in user space, in a second run under callgrind, where that is installed; the profile is kept beside the
transcripts, whose folder must not be above the home: a file that is made there makes the exporter look at all paths.
OKSTRAFS_BENCH_GB: all transcripts together (0.2). OKSTRAFS_BENCH_CHANGES: changes (40).
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import bench
import corpora
import harness
import records

SESSIONS = 10_000
CHANGES = int(bench.number("CHANGES", 40))
CHANGES_COUNTED = 5  # under callgrind
WHO = 4              # the session that grows
WARM_UP = 3          # changes before the first that counts: names and sums are made then
SECONDS = 300        # for one change to be seen


@contextlib.contextmanager
def exporting(home: bench.Home, patterns, tool=()):
    out = home.root / "out"
    process = subprocess.Popen([*tool, harness.binary(), "export", "--watch", str(out), *patterns], env=home.environment(),
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL if tool else None)
    try:
        yield process, out
    finally:
        process.terminate()
        process.wait(SECONDS)
        shutil.rmtree(out)


def cpu_ns(process, every: bool) -> int:
    """Of all threads, or of the one that exports."""
    tasks = os.listdir(f"/proc/{process.pid}/task") if every else [process.pid]
    return sum(int(Path(f"/proc/{process.pid}/task/{task}/schedstat").read_text().split()[0]) for task in tasks)


def wait_for(file: Path, shown: bytes, process) -> bytes:
    """The content of the file, as soon as it is another one."""
    for _ in range(SECONDS * 200):
        try:
            if (now := file.read_bytes()) != shown:
                return now
        except FileNotFoundError:
            pass
        if process.poll() is not None:
            sys.exit("the exporter has ended")
        time.sleep(0.005)
    sys.exit(f"{file} does not show the change")


def idle(process) -> None:
    """Until the exporter sleeps."""
    before = -1
    for _ in range(SECONDS * 20):
        if (now := cpu_ns(process, False)) == before:
            return
        before = now
        time.sleep(0.05)


def changes(transcript: Path, file: Path, process, n: int):
    """Yields after each change."""
    shown = wait_for(file, b"", process)
    idle(process)
    for _ in range(n):
        harness.append(transcript, records.line(bench.asked()) + b"\n")
        shown = wait_for(file, shown, process)
        idle(process)
        yield


def cpu_of_changes(run, transcript: Path, file: str) -> list:
    """Seconds of the first round; milliseconds of a change: median and least of the exporter, mean of all threads."""
    taken, every = [], []
    with run as (process, out):
        wait_for(out / file, b"", process)
        idle(process)
        taken.append(cpu_ns(process, False))
        for _ in changes(transcript, out / file, process, WARM_UP + CHANGES):
            taken.append(cpu_ns(process, False))
            every.append(cpu_ns(process, True))
    each = [(b - a) / 1e6 for a, b in zip(taken[WARM_UP:], taken[WARM_UP + 1:])]
    return [taken[0] / 1e9, bench.median(each), min(each), (every[-1] - every[WARM_UP - 1]) / CHANGES / 1e6]


def control(process, word: str) -> None:
    subprocess.run(["callgrind_control", "-i", word, str(process.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=True, timeout=SECONDS)


def instructions_of_changes(run, transcript: Path, file: str, profile: Path) -> float:
    with run as (process, out):
        for i, _ in enumerate(changes(transcript, out / file, process, WARM_UP + CHANGES_COUNTED), 1):
            if i == WARM_UP:
                control(process, "on")
        control(process, "off")
    with open(f"{profile}-01", encoding="ascii") as found:
        total = next(line for line in found if line.startswith("totals:"))
    return int(total.split()[1]) / CHANGES_COUNTED


def measured(config: Path, name: str, file: str, *patterns: str) -> list:
    transcript = corpora.session_path(config, WHO)
    counted = "-"
    with bench.home(config) as home, bench.growing(transcript):
        home.scan()
        row = cpu_of_changes(exporting(home, patterns), transcript, file)
        if shutil.which("callgrind_control"):
            profile = corpora.folder() / f"export-{len(patterns)}.callgrind"
            valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes", "-q",
                        f"--callgrind-out-file={profile}"]
            counted = instructions_of_changes(exporting(home, patterns, valgrind), transcript, file, profile) / 1e6
    return [name, *row, counted]


def measure() -> None:
    config = corpora.many_sessions(SESSIONS, int(bench.number("GB", 0.2) * 1e9 / SESSIONS))
    usage = f"sessions/{corpora.session_name(WHO)}/usage.json"
    rows = [measured(config, "no PATH", "total_tokens"), measured(config, "sessions/*/usage.json", usage, "sessions/*/usage.json")]
    bench.table((f"export --watch, {SESSIONS} sessions, after one record", "first round, CPU s", "CPU ms, median", "CPU ms, min",
                 "all threads, CPU ms", "million instructions"), rows)


if __name__ == "__main__":
    bench.main(measure)
