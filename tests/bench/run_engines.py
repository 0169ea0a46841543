"""Events loaded into databases: what a million cost okstrafs, and the loader of contrib/engines.

    run_engines.py [sqlite FILE | duckdb FILE | postgresql CONNECTION | clickhouse HOST:PORT]...      (a new file of SQLite)

First `okstrafs cat events.jsonl`, and the files of events/ one by one, with caches: time, and most resident memory. Then
each engine, into an empty database: the first load, a second one, and one after a request more. OKSTRAFS_BENCH_EVENTS:
how many (1000000); the memory of a tenth of it is measured as well, because it should be the same but for the rows that
okstrafs keeps of each request.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench

OF_SESSION = 5000
LOADER = Path(__file__).resolve().parents[2] / "contrib" / "engines" / "okstrafs-load"
MIB = 1 << 20


def line(session: int, n: int) -> str:
    at = session * OF_SESSION + n
    stamp = f"2026-{1 + at // 90000 % 12:02}-{1 + at // 3200 % 28:02}T{at // 150 % 24:02}:{at % 60:02}:{at // 60 % 60:02}.000Z"
    usage = {"input_tokens": n % 50, "output_tokens": n % 900 + 1, "cache_creation_input_tokens": n % 4000,
             "cache_read_input_tokens": 20 * n, "cache_creation": {"ephemeral_5m_input_tokens": n % 4000, "ephemeral_1h_input_tokens": 0}}
    return json.dumps({"type": "assistant", "timestamp": stamp, "sessionId": f"session-{session}", "cwd": f"/srv/p{session % 9}",
                       "gitBranch": "main", "teamName": f"crew{session % 4}", "agentName": f"agent{session % 7}", "requestId": f"req_{at:024}",
                       "message": {"id": f"msg_{at:024}", "model": ("claude-opus-4-7", "claude-sonnet-4-5")[n % 2],
                                   "stop_reason": "end_turn", "usage": usage}}, separators=(",", ":")) + "\n"


def make(config: Path, n: int) -> None:
    for session in range(-(-n // OF_SESSION)):
        path = config / "projects" / f"-srv-p{session % 9}" / f"session-{session}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.writelines(line(session, i) for i in range(min(OF_SESSION, n - session * OF_SESSION)))


def timed(command: list[str], environ: dict, out=subprocess.DEVNULL) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, and MiB at most."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=environ, stdout=out, stderr=subprocess.PIPE)
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)[:200]}: {said}")
    return time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure_home(folder: Path, n: int) -> tuple[dict, Path]:
    """Makes the home, and the files of events/ in a folder beside it."""
    home = folder / str(n)
    make(home / "claude", n)
    environ = os.environ | {"HOME": str(home), "CLAUDE_CONFIG_DIR": str(home / "claude"), "OKSTRA_HOME": str(home / "okstra"), "TZ": "UTC"}
    program = os.environ["OKSTRAFS_BIN"]
    rows = [("first scan, cat cost_usd", *timed([program, "cat", "cost_usd"], environ)),
            ("with caches, cat cost_usd", *timed([program, "cat", "cost_usd"], environ)),
            ("with caches, cat events.jsonl", *timed([program, "cat", "events.jsonl"], environ))]
    months = subprocess.run([program, "ls", "events"], env=environ, stdout=subprocess.PIPE, check=True).stdout.decode().split()
    out = home / "events"
    out.mkdir()
    sums = []
    for month in months:
        with open(out / month, "wb") as file:
            sums.append(timed([program, "cat", f"events/{month}"], environ, file))
    rows.append((f"with caches, cat of {len(months)} months", sum(s[0] for s in sums), sum(s[1] for s in sums), max(s[2] for s in sums)))
    size = sum(path.stat().st_size for path in out.iterdir())
    bench.table((f"{n} events, {size / MIB:.0f} MiB of lines", "seconds", "CPU seconds", "MiB at most"), rows)
    return environ, out


def measure_engine(name: str, target: str, environ: dict, out: Path, n: int) -> None:
    command = [sys.executable, str(LOADER), name, target, "--from", str(out)]
    rows = [("first load", *timed(command, environ)), ("second load", *timed(command, environ))]
    newest = sorted(out.glob("2*.jsonl"))[-1]
    more = json.loads(subprocess.run(["tail", "-n", "1", str(newest)], stdout=subprocess.PIPE, check=True).stdout) | {"id": "f" * 16}
    with open(newest, "ab") as file:
        file.write(json.dumps(more).encode() + b"\n")
    rows.append(("after a request more", *timed(command, environ)))
    bench.table((f"{name}, {n} events: the loader", "seconds", "CPU seconds", "MiB at most"), rows)


def measure() -> None:
    n = round(bench.number("EVENTS", 1e6))
    with tempfile.TemporaryDirectory(dir=os.environ.get("OKSTRAFS_BENCH_DIR")) as folder:
        measure_home(Path(folder), n // 10)
        environ, out = measure_home(Path(folder), n)
        for name, target in zip(sys.argv[1::2] or ["sqlite"], sys.argv[2::2] or [str(out / "usage.db")]):
            measure_engine(name, target, environ, out, n)


if __name__ == "__main__":
    bench.main(measure)
