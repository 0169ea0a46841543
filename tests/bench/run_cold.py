"""The whole process, without any cache, over a few hundred megabytes: run_cold.py PACKAGES

Against ccusage's native program and tests/reference/reference.py; wall time and CPU time (user + system, all threads), page cache
warm. Everybody reads the same transcripts. ccusage comes from npm into the folder PACKAGES once; where that cannot be had
its rows are left out. OKSTRAFS_BENCH_COLD_MB: size (300). OKSTRAFS_BENCH_ROUNDS: rounds (5; the slow ones once).

What two threads could reach at most on this machine, now, is measured beside them: two programs that know nothing of each
other, each with one core and one half of the transcripts, at once and one after the other.
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
    if can_pin():
        out["okstrafs, one core"] = (["taskset", "-c", "0", program, "cat", "--no-cache", DOCUMENT], True)
    if other:
        for report in ("daily", "session"):
            out[f"ccusage {report}"] = ([other, report, "--json", "--offline"], True)
    reference = bench.HERE.parent / "reference" / "reference.py"
    out["tests/reference/reference.py"] = ([sys.executable, str(reference), "--tree", str(config)], False)
    return out


@contextlib.contextmanager
def halves(config: Path):
    """Two configuration folders with half of the bytes each: hard links, so that the page cache is shared."""
    tops = [config.parent / f"{config.name}.half{i}" for i in (0, 1)]
    sizes = [0, 0]
    try:
        for path in sorted(config.rglob("*.jsonl"), key=lambda one: -one.stat().st_size):
            i = sizes.index(min(sizes))
            sizes[i] += path.stat().st_size
            link = tops[i] / path.relative_to(config)
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, link)
        yield tops
    finally:
        for top in tops:
            shutil.rmtree(top, ignore_errors=True)


def apart(homes, at_once: bool) -> float:
    """Wall time of one program per home, each on a core of its own."""
    start = time.monotonic()
    running = []
    for core, home in enumerate(homes):
        running.append(bench.begun(["taskset", "-c", str(core), harness.binary(), "cat", "--no-cache", DOCUMENT],
                                   home.environment()))
        if not at_once:
            bench.ended(*running[-1])
    for process, alarm in running if at_once else ():
        bench.ended(process, alarm)
    return time.monotonic() - start


def can_pin() -> bool:
    return shutil.which("taskset") is not None and (os.cpu_count() or 1) > 1


def compare(title: str, config: Path, other: str) -> None:
    sessions = sum(1 for _ in config.rglob("*.jsonl"))
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(bench.home(config))
        pair = [stack.enter_context(bench.home(half)) for half in stack.enter_context(halves(config))] if can_pin() else []
        environ = home.environment()
        commands = ways(other, config)
        found = {name: [] for name in commands}
        split = {False: [], True: []}
        for command, often in commands.values():
            if often:
                bench.run(command, environ)  # warms the page cache
        for i in range(int(bench.number("ROUNDS", 5))):
            for name, (command, often) in commands.items():
                if often or i == 0:
                    found[name].append(bench.run(command, environ))
            for at_once, times in split.items() if pair else ():
                times.append(apart(pair, at_once))
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
    bench.target("tests/reference/reference.py, wall", wall["tests/reference/reference.py"] / wall["okstrafs"], 10, at_most=False)
    if pair:
        ceiling, least = (pick(split[False]) / pick(split[True]) for pick in (bench.median, min))
        print(f"control: two programs with half of it each, at once against one after the other: {ceiling:.2f} (best {least:.2f})")
        bench.target("all cores against one, wall", wall["okstrafs, one core"] / wall["okstrafs"], 1.7, at_most=False)
        print(f"        the same of the best rounds: {best['okstrafs, one core'] / best['okstrafs']:.2f}")
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
