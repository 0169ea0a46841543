"""The whole process, without any cache, over a few hundred megabytes: run_cold.py PACKAGES

Against ccusage's native program and tests/reference.py; wall time and CPU time (user + system, all threads), page cache
warm. Everybody reads the same transcripts. ccusage comes from npm into the folder PACKAGES once; where that cannot be had
its rows are left out. OKSTRAFS_BENCH_COLD_MB: size (300). OKSTRAFS_BENCH_ROUNDS: rounds (5; the slow ones once).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import bench
import corpora
import harness

CCUSAGE = "@ccusage/ccusage-linux-x64@20.0.24"
DOCUMENT = "stats/by-model.json"


def ccusage(packages: Path) -> str:
    """Its program, fetched where it is not there yet; "" where it cannot be had."""
    program = packages / "package" / "bin" / "ccusage"
    if program.exists():
        return str(program)
    if not shutil.which("npm") or os.uname().machine != "x86_64":
        print(f"no {CCUSAGE}: needs npm and x86_64\n")
        return ""
    packages.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(["npm", "pack", "--silent", CCUSAGE], cwd=packages, stdout=subprocess.PIPE, check=True,
                              stderr=subprocess.DEVNULL, timeout=120, text=True)
        subprocess.run(["tar", "xzf", done.stdout.split()[-1]], cwd=packages, check=True, timeout=60)
        program.chmod(0o755)
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        print(f"no {CCUSAGE}: {error}\n")
        return ""
    return str(program)


def ways(other: str, config: Path) -> dict:
    """Name: command, and whether it is run in every round."""
    program = harness.binary()
    out = {"okstrafs": ([program, "cat", "--no-cache", DOCUMENT], True)}
    if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        out["okstrafs, one core"] = (["taskset", "-c", "0", program, "cat", "--no-cache", DOCUMENT], True)
    if other:
        for report in ("daily", "session"):
            out[f"ccusage {report}"] = ([other, report, "--json", "--offline"], True)
    reference = bench.HERE.parent / "reference.py"
    out["tests/reference.py"] = ([sys.executable, str(reference), "--tree", str(config)], False)
    return out


def compare(title: str, config: Path, other: str) -> None:
    sessions = sum(1 for _ in config.rglob("*.jsonl"))
    with bench.home(config) as home:
        environ = home.environment()
        commands = ways(other, config)
        found = {name: [] for name in commands}
        for command, often in commands.values():
            if often:
                bench.run(command, environ)  # warms the page cache
        for i in range(int(bench.number("ROUNDS", 5))):
            for name, (command, often) in commands.items():
                if often or i == 0:
                    found[name].append(bench.run(command, environ))
    wall = {name: bench.median([run.wall for run in runs]) for name, runs in found.items()}
    cpu = {name: bench.median([run.cpu for run in runs]) for name, runs in found.items()}
    best = {name: min(run.wall for run in runs) for name, runs in found.items()}
    bench.table((f"{title}, {sessions} sessions", "wall ms", "best ms", "CPU ms", "x wall", "x best", "x CPU"),
                [(name, wall[name] * 1e3, best[name] * 1e3, cpu[name] * 1e3, wall[name] / wall["okstrafs"],
                  best[name] / best["okstrafs"], cpu[name] / cpu["okstrafs"]) for name in commands])
    for name in commands:
        if name.startswith("ccusage"):
            bench.target(f"{name}, wall", wall[name] / wall["okstrafs"], 7, at_most=False)
            bench.target(f"{name}, CPU", cpu[name] / cpu["okstrafs"], 6, at_most=False)
    bench.target("tests/reference.py, wall", wall["tests/reference.py"] / wall["okstrafs"], 10, at_most=False)
    if "okstrafs, one core" in wall:
        bench.target("all cores against one, wall", wall["okstrafs, one core"] / wall["okstrafs"], 1.7, at_most=False)
    print()


def measure() -> None:
    megabytes = int(bench.number("COLD_MB", 300))
    other = ccusage(Path(sys.argv[1]))
    compare(f"{megabytes} MB made up", corpora.made_up(megabytes), other)
    real = corpora.real(megabytes)
    if real:
        compare(f"{megabytes} MB real", real, other)


if __name__ == "__main__":
    bench.main(measure)
