"""What the benchmarks of the mounted program share: daemons over a corpus, timed looks, and tables.

A missed target is said and is no failure: a benchmark on a busy machine proves nothing by failing. What fails is a stale
answer or a program that does not work.
"""

import contextlib
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("mount", "support")]

import harness  # noqa: E402
import records  # noqa: E402

SKIPPED = 77


def number(name: str, default: float) -> float:
    return float(os.environ.get(f"OKSTRAFS_BENCH_{name}") or default)


# --- what was measured ----------------------------------------------------------------------------------------------


def say_machine() -> None:
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{model}, {os.cpu_count()} cores, Linux {platform.release()}; load average {load}\n", flush=True)


def table(head, rows) -> None:
    """The first column is text, the others are numbers or text of their own."""
    rows = [[one if isinstance(one, str) else f"{one:.2f}" for one in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(head), *rows]) for i in range(len(head))]
    for line in [list(head), *rows]:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))))
    print(flush=True)


def target(what: str, value: float, limit: float, at_most: bool = True) -> None:
    met = value <= limit if at_most else value >= limit
    sign = "<=" if at_most else ">="
    print(f"target: {what}: {value:.2f} {sign} {limit:g}: target met: {'yes' if met else 'no'}", flush=True)


def median(values) -> float:
    return sorted(values)[len(values) // 2]


# --- daemons --------------------------------------------------------------------------------------------------------


class Home(harness.Home):
    """A home whose transcripts are a corpus made before."""

    def __init__(self, config: Path):
        super().__init__()
        self.config = config.absolute()
        self.projects = self.config / "projects"

    def scan(self) -> None:
        """Reads everything, and fills the caches."""
        subprocess.run([harness.binary(), "scan"], env=self.environment(), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True, timeout=900)


@contextlib.contextmanager
def home(config: Path):
    one = Home(config)
    try:
        yield one
    finally:
        one.close()


@contextlib.contextmanager
def mounted(config: Path, *options: str):
    with home(config) as one:
        one.scan()
        with one.mount(*options) as mount:
            yield mount


@contextlib.contextmanager
def static_file(program: str):
    """The path of the file that never changes, and the process that serves it."""
    one = harness.Home()
    point = one.root / "static"
    point.mkdir()
    process = subprocess.Popen([program, str(point)])
    harness.Watchdog.tell("+", process.pid, point)
    try:
        deadline = time.monotonic() + harness.LIMIT
        while not harness.is_mounted(point):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the static filesystem does not mount")
            time.sleep(0.01)
        yield point / "usage.json", process.pid
    finally:
        process.terminate()
        process.wait(harness.LIMIT)
        harness.detach(point)
        harness.Watchdog.tell("-", process.pid, point)
        one.close()


@contextlib.contextmanager
def growing(*paths: Path):
    """Files that may be appended to: after it they are as long as before."""
    before = [path.stat().st_size for path in paths]
    try:
        yield
    finally:
        for path, size in zip(paths, before):
            os.truncate(path, size)


def memory_of(pid: int) -> dict:
    """VmRSS, VmHWM ... in MiB."""
    with open(f"/proc/{pid}/status") as file:
        fields = (line.split() for line in file if line.startswith("Vm"))
        return {field[0].rstrip(":"): int(field[1]) / 1024 for field in fields}


# --- looks ----------------------------------------------------------------------------------------------------------


class Look(NamedTuple):
    """In microseconds."""

    median: float
    least: float
    p99: float


APPENDED = records.assistant(stamp="2026-06-12T00:00:00.000Z", counts=records.usage(7, 3), id="msg_appended",
                             content=[{"type": "text", "text": "lorem ipsum " * 60}])


def pin(pid: int, cores) -> None:
    """All threads of a process; those that they start stay there too."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), cores)


def places(daemons):
    """Where looks and daemons are: anywhere, on one core, and each on one of their own; with the cores for looks()."""
    cores = sorted(os.sched_getaffinity(0))
    yield "anywhere", None
    for where, home, looker in ("one core", cores[0], cores[0]), ("two cores", cores[0], cores[-1]):
        for daemon in daemons:
            pin(daemon, {home})
        yield where, {looker}


def asked() -> dict:
    """A record of now that is another request each time it is appended, of some cents: a line without an id is known by its
    place."""
    record = APPENDED | {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())}
    del record["uuid"]
    record["message"] = {key: value for key, value in record["message"].items() if key != "id"} | {"usage": records.usage(7000, 3000)}
    return record


def looks(program: str, rounds: int, steps, cores=None, appended=APPENDED) -> list[Look]:
    """Takes the steps of bench_open.c, each a tuple of words, round-robin; on these cores, or any."""
    one = harness.Home()
    record = one.root / "record"
    record.write_bytes(records.line(appended) + b"\n")
    words = [str(word) for step in steps for word in step]
    try:
        done = subprocess.run([program, str(rounds), str(record), *words], stdout=subprocess.PIPE, check=True, timeout=500,
                              preexec_fn=cores and (lambda: os.sched_setaffinity(0, cores)))
    finally:
        one.close()
    return [Look(*(int(word) / 1000 for word in line.split()[:3])) for line in done.stdout.splitlines()]


# --- whole processes ------------------------------------------------------------------------------------------------


class Run(NamedTuple):
    wall: float
    cpu: float


def begun(command, environ, timeout: float = 300):
    """A process, and the alarm that ends it if nobody does before. To be waited for without a timeout: Python's wait with
    one sleeps up to 50 ms between two looks, and so every wall time came out a multiple of that too long."""
    process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    alarm = threading.Timer(timeout, process.kill)
    alarm.daemon = True
    alarm.start()
    return process, alarm


def ended(process, alarm) -> None:
    status = process.wait()
    alarm.cancel()
    if status != 0:
        sys.exit(f"{process.args[0]} failed: {status}")


def run(command, environ) -> Run:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    ended(*begun(command, environ))
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main(measure) -> None:
    reason = harness.why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    harness.Watchdog.start()
    try:
        say_machine()
        measure()
    finally:
        harness.Watchdog.stop()
