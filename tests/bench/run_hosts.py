"""One okstrafs that counts the homes of 1, 10 and 100 machines: the figures of docs/scale.md.

CPU time, because it does not depend on what else runs. Each machine is a home with a made day of work: OKSTRAFS_BENCH_SESSIONS
sessions (50) of OKSTRAFS_BENCH_REQUESTS requests (30) of 3.6 KB of transcript each. OKSTRAFS_BENCH_HOSTS: other numbers of
machines (1,10,100). OKSTRAFS_BENCH_LOOKS: looks after one record (500).
"""

import json
import os
from pathlib import Path

import bench
import corpora
import harness
import records

SESSIONS, REQUESTS = int(bench.number("SESSIONS", 50)), int(bench.number("REQUESTS", 30))
LOOKS = int(bench.number("LOOKS", 500))
LINE_BYTES = 3600
AGENTS = (".claude", ".codex", ".gemini")
TICKS = os.sysconf("SC_CLK_TCK")


def request(host: int, session: int, n: int) -> bytes:
    serial = (host * SESSIONS + session) * REQUESTS + n
    stamp = f"2026-06-10T{n * 24 // REQUESTS:02d}:{session % 60:02d}:{n % 60:02d}.000Z"
    line = records.assistant(stamp, records.usage(3 + n, 500 + serial % 997, 40_000 + n * 100, 2_000, (1_500, 500)), model=records.MODELS[session % 3],
                             id=f"msg_{serial:024x}", uuid=f"{serial:032x}", sessionId=name_of(host, session), cwd=f"/home/u/project-{session % 5}",
                             gitBranch="main", stop_reason="end_turn", content=[{"type": "text", "text": ""}])
    text = records.line(line)
    return text.replace(b'"text":""', b'"text":"' + b"x" * max(0, LINE_BYTES - len(text) - 1) + b'"') + b"\n"


def name_of(host: int, session: int) -> str:
    return f"{host:08x}-0000-4000-8000-{session:012x}"


def path_of(folder: Path, host: int, session: int) -> Path:
    return folder / f"host-{host:03d}" / f".claude/projects/-home-u-project-{session % 5}" / f"{name_of(host, session)}.jsonl"


def homes(n: int) -> Path:
    def fill(partial: Path) -> None:
        for host in range(n):
            for agent in AGENTS:
                (partial / f"host-{host:03d}" / agent).mkdir(parents=True)
            for session in range(SESSIONS):
                corpora.write(path_of(partial, host, session), b"".join(request(host, session, i) for i in range(REQUESTS)))
    return corpora.made(f"hosts-{n}-{SESSIONS}-{REQUESTS}", fill).absolute()


def configure(home: harness.Home, folder: Path, n: int) -> None:
    home.okstra.mkdir(exist_ok=True)
    hosts = {f"host-{host:03d}": str(folder / f"host-{host:03d}") for host in range(n)}
    (home.okstra / "okstrafs.json").write_text(json.dumps({"host": "hub", "hosts": hosts}))


def cpu_of(pid: int) -> float:
    """Seconds of all threads, also of those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def per_look(mount: harness.Mount, path: str, before, looks: int = LOOKS) -> float:
    """Milliseconds of CPU of the daemon for each look at the file, with a change before it."""
    mount.read(path)
    start = cpu_of(mount.process.pid)
    for i in range(looks):
        before(i)
        mount.read(path)
    return (cpu_of(mount.process.pid) - start) * 1000 / looks


def measure_one(n: int) -> list:
    folder = homes(n)
    home = harness.Home()
    try:
        configure(home, folder, n)
        env = home.environment()
        cold = bench.run([harness.binary(), "--no-cache", "cat", "stats/by-host.json"], env)
        bench.run([harness.binary(), "scan"], env)
        warm = bench.run([harness.binary(), "cat", "stats/by-host.json"], env)
        metrics = bench.run([harness.binary(), "cat", "metrics.prom"], env)
        events = len(home.run("cat", "events.jsonl"))
        grown = path_of(folder, n - 1, 1)
        with bench.growing(grown), home.mount("-o", "harden=off,notify=off") as mount:
            rows = mount.json("stats/by-host.json")["rows"]
            assert len(rows) == n and sum(row["billed"]["requests"] for row in rows) == n * SESSIONS * REQUESTS, "wrong sums"
            memory = bench.memory_of(mount.process.pid)["VmRSS"]

            def append(i: int) -> None:
                harness.append(grown, request(10_000 + i, 1, 1))

            def beside(i: int) -> None:
                (folder / f"host-{n - 1:03d}" / "beside").mkdir()
                (folder / f"host-{n - 1:03d}" / "beside").rmdir()

            host = f"hosts/host-{n - 1:03d}/total_tokens"
            looks = [per_look(mount, path, append) for path in (host, "stats/by-host.json", "metrics.prom")]
            above = per_look(mount, host, beside, max(LOOKS // 20, 1))
        sizes = [len(home.run("cat", path)) / 1e3 for path in ("stats/by-host.json", "metrics.prom")]
        return [str(n), cold.cpu, warm.cpu, metrics.cpu, memory, *looks, above, *sizes, events / n / SESSIONS / REQUESTS]
    finally:
        home.close()


def measure() -> None:
    counts = [int(word) for word in os.environ.get("OKSTRAFS_BENCH_HOSTS", "1,10,100").split(",")]
    print(f"each machine: {SESSIONS} sessions, {SESSIONS * REQUESTS} requests, {SESSIONS * REQUESTS * LINE_BYTES / 1e6:.1f} MB\n")
    head = ("machines", "cold CPU s", "warm CPU s", "metrics CPU s", "MiB", "host ms", "by-host ms", "metrics ms", "above ms", "by-host KB", "metrics KB",
            "event bytes")
    bench.table(head, [measure_one(n) for n in counts])


if __name__ == "__main__":
    bench.main(measure)
