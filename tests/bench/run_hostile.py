"""What a stranger can make slow: run_hostile.py LOCK_HOLD_LIBRARY [CASE[:N]...]

Each case is made once with N of something and once with ten times as many. The CPU time of the daemon for the same read
is compared: a slope of 1 is linear, 2 is quadratic. lock_hold.c measures the longest time for which a lock was held, as CPU
time of the thread that held it; a hold above the limit fails the run. The last table is the memory that a walk over all
documents leaves behind. OKSTRAFS_BENCH_HOSTILE: multiplies all N (1).
"""

import bisect
import contextlib
import datetime
import json
import math
import mmap
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import bench
import harness
import records

SOME = records.usage(3, 5, 7, 11)
SLOW_FROM_MS = 50  # below it the CPU time says nothing: its unit is 10 ms
HOLD_MS = 50
HOLD = struct.Struct("qq12Q")  # struct hold of lock_hold.c


def line(name: str, **more) -> bytes:
    return records.line(records.assistant(more.pop("stamp", "2026-01-01T00:00:00.000Z"), SOME, id=f"msg_{name}", uuid=name,
                                          requestId=f"req_{name}", **more)) + b"\n"


def session_name(i: int) -> str:
    return f"{i:08x}-0000-4000-8000-000000000000"


class Functions:
    """The functions of the program, by address."""

    def __init__(self):
        lines = subprocess.run(["nm", "-n", "--defined-only", harness.binary()], capture_output=True, text=True, check=False).stdout
        symbols = [(int(line.split()[0], 16), line.split()[2]) for line in lines.splitlines() if line.split()[1] in "tT"]
        self.starts, self.names = [start for start, _ in symbols], [name for _, name in symbols]

    def of(self, pid: int, addresses) -> list[str]:
        mine = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if line.endswith(os.path.realpath(harness.binary()))]
        spans = [[int(part, 16) for part in fields[0].split("-")] for fields in mine]
        low, high = min(span[0] for span in spans), max(span[1] for span in spans)
        return [self.names[bisect.bisect(self.starts, at - low) - 1] for at in addresses if low <= at < high]


class Case:
    """A home, and a daemon in it whose locks are watched."""

    def __init__(self, library: str, *options: str):
        self.home = harness.Home()
        self.library, self.options = library, options
        self.hold_file = self.home.root / "lock-hold"
        self.hold_file.write_bytes(bytes(HOLD.size))

    def sessions(self, count: int, **more) -> None:
        for i in range(count):
            self.home.transcript(f"-p{i // 100}", session_name(i), [line(f"s{i}", **{k: v.format(i) for k, v in more.items()})], end=b"")

    def one(self, lines) -> Path:
        return self.home.transcript("-p", "one", [b"".join(lines)], end=b"")

    @contextlib.contextmanager
    def mounted(self):
        environ = {"LD_PRELOAD": self.library, "OKSTRAFS_LOCK_HOLD": str(self.hold_file)}
        with open(self.hold_file, "r+b") as file, mmap.mmap(file.fileno(), HOLD.size) as self.hold:
            with self.home.mount(*self.options, environ=environ) as self.mount:
                yield self.mount

    def cpu_ms(self) -> float:
        fields = Path(f"/proc/{self.mount.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def measured(self, read) -> tuple[float, float, float, float, str]:
        """CPU time of the daemon, wall time, longest hold of a lock in CPU time, that one in wall time: ms; and where it was."""
        self.hold[:] = bytes(HOLD.size)
        cpu, start = self.cpu_ms(), time.monotonic()
        read()
        cpu, wall = self.cpu_ms() - cpu, 1000 * (time.monotonic() - start)
        hold = HOLD.unpack(self.hold[:])
        calls = Functions().of(self.mount.process.pid, hold[2:])
        return cpu, wall, hold[0] / 1e6, hold[1] / 1e6, " < ".join(calls[:3])


def walk(mount, top: str) -> None:
    """Looks at every name, as find and ls -l do."""
    subprocess.run(["find", str(mount.point / top), "-printf", "%m"], stdout=subprocess.DEVNULL, check=False, timeout=600)


def count_of(tokens: int) -> dict:
    return {"input_tokens": tokens, "cached_input_tokens": 0, "output_tokens": tokens, "reasoning_output_tokens": 0,
            "total_tokens": 2 * tokens}


# --- the cases: each makes N of something, and reads -----------------------------------------------------------------


def many_teams(case: Case, n: int):
    path = case.one(line(f"t{i}", teamName=f"team {i}", agentName="a") for i in range(n))
    with case.mounted() as mount:
        mount.read("stats/by-source.json")
        harness.append(path, line("more", teamName="one more", agentName="a"))
        return case.measured(lambda: mount.read("stats/by-source.json"))


def many_models(case: Case, n: int):
    case.one(line(f"m{i}", model=f"model-{i}") for i in range(n))
    with case.mounted() as mount:
        return case.measured(lambda: [mount.read(f"stats/by-{key}.json") for key in ("model", "day")])


def many_runs(case: Case, n: int):
    cwd = case.home.root / "work"
    for i in range(n):
        state = cwd / f".okstra/tasks/task/{i}/state"
        state.mkdir(parents=True)
        (state / f"team-state-work-{i}.json").write_text(json.dumps({"teamName": "crew", "leadSessionId": "one"}))
    case.one([line("r", cwd=str(cwd))])
    with case.mounted() as mount:
        mount.read("stats/by-source.json")
        return case.measured(lambda: walk(mount, "teams"))


def many_sessions(case: Case, n: int):
    case.sessions(n)
    with case.mounted() as mount:
        return case.measured(lambda: mount.read("stats/by-source.json"))


def days_of_many_sessions(case: Case, n: int):
    case.sessions(n)
    with case.mounted() as mount:
        mount.read("stats/by-source.json")
        return case.measured(lambda: mount.read("stats/by-day.json"))


def members_of_a_team(case: Case, n: int):
    case.sessions(n, teamName="crew", agentName="agent{}")
    with case.mounted() as mount:
        return case.measured(lambda: (mount.read("stats/by-source.json"), mount.read("teams/crew/usage.json")))


def deleted_and_moved(case: Case, n: int):
    case.sessions(n)
    with case.mounted() as mount:
        mount.read("stats/by-source.json")
        folders = sorted(case.home.projects.iterdir())
        for folder in folders[::2]:
            shutil.rmtree(folder)
        mount.read("stats/by-source.json")
        for folder in folders[1::2]:
            folder.rename(folder.with_name(f"-moved{folder.name}"))
        return case.measured(lambda: mount.read("stats/by-source.json"))


def many_days(case: Case, n: int):
    first = datetime.date(1, 1, 1)
    case.one(line(f"d{i}", stamp=f"{(first + datetime.timedelta(days=i)).isoformat()}T00:00:00.000Z") for i in range(n))
    with case.mounted() as mount:
        return case.measured(lambda: [mount.read(f"stats/{name}.json") for name in ("by-day", "by-hour", "blocks")])


def many_hours(case: Case, n: int):
    first = datetime.datetime(2020, 1, 1)
    case.one(line(f"h{i}", stamp=f"{(first + datetime.timedelta(hours=n - i)).isoformat()}.000Z") for i in range(n))
    with case.mounted() as mount:
        return case.measured(lambda: [mount.read(f"stats/{name}.json") for name in ("by-day", "by-hour", "blocks")])


def pages_of_a_thread(case: Case, n: int):
    """Codex: each page goes on from the one before, and opens with that one's last count."""
    thread, total, last = "01900000-0000-7000-8000-000000000000", 0, None
    folder = case.home.root / ".codex/sessions/2026/09/01"
    folder.mkdir(parents=True)
    for i in range(n):
        page, before = (f"01900000-0000-7000-8000-{k:012x}" for k in (i, i - 1))
        base = {"history_base": {"thread_id": before if i > 1 else thread}} if i else {}
        kept, total = last, total + 10
        last = {"total_token_usage": count_of(total), "last_token_usage": count_of(10)}
        lines = [("session_meta", {"id": thread, "session_id": thread, "cwd": "/made/up", **base}),
                 ("turn_context", {"turn_id": page, "model": "gpt-5.5"}),
                 *[("event_msg", {"type": "token_count", "info": info}) for info in (kept, last) if info]]
        name = f"rollout-2026-09-01T00-00-{i:05d}-{thread}" + (f"_{page}" if i else "")
        stamp = f"2026-09-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}.000Z"
        text = [json.dumps({"timestamp": stamp, "type": kind, "payload": payload}) + "\n" for kind, payload in lines]
        (folder / f"{name}.jsonl").write_text("".join(text))
    with case.mounted() as mount:
        return case.measured(lambda: mount.read("stats/by-source.json"))


def copies_of_a_session(case: Case, n: int):
    """Transcripts of one session in many folders."""
    for i in range(n):
        case.home.transcript(f"-p{i}", session_name(0), [line(f"c{i}")], end=b"")
    with case.mounted() as mount:
        return case.measured(lambda: mount.read("stats/by-source.json"))


def find_sessions(case: Case, n: int):
    case.sessions(n)
    with case.mounted() as mount:
        mount.read("stats/by-source.json")
        return case.measured(lambda: walk(mount, "sessions"))


def find_project(case: Case, n: int):
    for i in range(n):
        case.home.transcript("-p", session_name(i), [line(f"s{i}")], end=b"")
    with case.mounted() as mount:
        mount.read("stats/by-source.json")
        return case.measured(lambda: walk(mount, "projects/-p"))


def find_members(case: Case, n: int):
    case.sessions(n, teamName="crew", agentName="agent{}")
    with case.mounted() as mount:
        mount.read("stats/by-source.json")
        return case.measured(lambda: walk(mount, "teams/crew/members"))


def find_subagents(case: Case, n: int):
    case.home.transcript("-p", session_name(0), [line("lead")], end=b"")
    for i in range(n):
        case.home.transcript("-p", f"agent-{i:08x}", [line(f"a{i}", agentId=f"{i:08x}", isSidechain=True)],
                             parent=session_name(0), end=b"")
    with case.mounted() as mount:
        mount.read("stats/by-source.json")
        return case.measured(lambda: walk(mount, f"sessions/{session_name(0)}/subagents"))


CASES = ((many_teams, 300), (many_models, 5000), (many_runs, 100), (many_sessions, 1000), (days_of_many_sessions, 1000),
         (members_of_a_team, 500), (deleted_and_moved, 1000), (many_days, 10000), (many_hours, 3000),
         (pages_of_a_thread, 100), (copies_of_a_session, 100), (find_sessions, 200), (find_project, 200), (find_members, 200),
         (find_subagents, 200))


def slope(small: float, large: float) -> float:
    return math.log10(max(large, SLOW_FROM_MS) / max(small, SLOW_FROM_MS / 10))


def run(library: str, case, n: int):
    made = Case(library)
    try:
        return case(made, n)
    finally:
        made.home.close()


def memory(sessions: int, size: int) -> list:
    """Of a walk that reads every document: what it reads, and what is kept, in MiB."""
    home = harness.Home()
    try:
        for i in range(sessions):
            home.transcript("-p", session_name(i), [line(f"w{i}-{k}", text="x" * 2000) for k in range(size)], end=b"")
        of_transcripts = sum(path.stat().st_size for path in home.projects.rglob("*.jsonl")) / 2**20
        with home.mount() as mount:
            mount.read("stats/by-source.json")
            before = bench.memory_of(mount.process.pid)["VmRSS"]
            read = 0
            for folder, _, files in os.walk(mount.point):
                read += sum(len(Path(folder, name).read_bytes()) for name in files)
            after = bench.memory_of(mount.process.pid)
            return [f"{sessions} sessions", of_transcripts, read / 2**20, before, after["VmRSS"], after["VmHWM"]]
    finally:
        home.close()


def measure() -> None:
    library, factor = sys.argv[1], bench.number("HOSTILE", 1)
    chosen = dict(name.partition(":")[::2] for name in sys.argv[2:])
    rows, worst_slope, longest = [], 0.0, 0.0
    for case, size in CASES:
        if chosen and case.__name__ not in chosen:
            continue
        n = int(chosen.get(case.__name__) or size * factor)
        small, large = run(library, case, n), run(library, case, 10 * n)
        rows.append([case.__name__.replace("_", " "), f"{n}, {10 * n}", small[0], large[0], slope(small[0], large[0]), *large[1:]])
        worst_slope, longest = max(worst_slope, rows[-1][4]), max(longest, large[2])
    bench.table(("case", "N", "CPU ms", "of 10 N", "slope", "wall ms of 10 N", "longest hold, CPU ms", "wall ms", "ended in"), rows)
    bench.target("steepest slope", worst_slope, 1.5)
    bench.target("longest hold of a lock, ms of CPU", longest, HOLD_MS)
    if longest > HOLD_MS:
        raise AssertionError(f"a lock was held for {longest:.0f} ms")
    if chosen:
        return
    walks = [memory(int(n * factor), 500) for n in (20, 200)]
    bench.table(("a walk that reads everything, MiB", "transcripts", "read", "before", "after", "most"), walks)
    bench.target("resident after the walk, of memory=64M", walks[-1][4] / 64, 1.2)


if __name__ == "__main__":
    bench.main(measure)
