#!/usr/bin/env python3
"""Runs all fuzz targets in turn for a given time, and sums up the CPU time that each has had.

    CC=clang meson setup build-fuzz -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link
    tests/fuzz/run_all.py --hours 8 build-fuzz
    tests/fuzz/run_all.py --hours 1 --jobs 2 build-fuzz scanner ops cache

The hours are CPU hours of all targets together. Each target runs for a slice of some minutes, then the next one; so each
has had its share whenever this is stopped. What is kept in FOUND (by default found/ in the build folder):

    <target>/     inputs that reached something new; the next run goes on from them
    crashes/      inputs that crashed, hung or took too much memory, by target
    log           one line for each slice: time, target, CPU seconds, executions, edges reached, crashes

The exit status is 1 if there was a crash. Stopping it (Ctrl-C, SIGTERM) ends the targets and prints the sums.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
# A longer program of requests only repeats itself; the other targets take their length from their corpus.
MAX_LEN = {"ops": 2000}
SECONDS_PER_INPUT = 60


def targets_of(build: Path) -> list[str]:
    listed = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^tests/fuzz/fuzz_([a-z_]+): c_LINKER", listed, re.M)


class Runner:
    def __init__(self, build: Path, found: Path, slice_seconds: int):
        self.build, self.found, self.slice = build, found, slice_seconds
        self.crashes = found / "crashes"
        self.crashes.mkdir(parents=True, exist_ok=True)
        self.log = open(found / "log", "a", encoding="utf-8")
        self.seconds: dict[str, float] = {}
        self.runs: dict[str, int] = {}
        self.new_crashes: dict[str, int] = {}
        self.processes: set[subprocess.Popen] = set()
        self.stopped = False

    def stop(self, *_) -> None:
        self.stopped = True
        for process in list(self.processes):
            process.terminate()

    def run(self, target: str) -> None:
        """One slice of a target; its line in the log."""
        if self.stopped:
            return
        grown = self.found / target
        grown.mkdir(exist_ok=True)
        output = self.found / f"{target}.output"
        prefix = f"{self.crashes}/{target}-"
        before = set(self.crashes.glob(f"{target}-*"))
        command = [self.build / "tests/fuzz" / f"fuzz_{target}", f"-max_total_time={self.slice}",
                   f"-timeout={SECONDS_PER_INPUT}", f"-artifact_prefix={prefix}", "-print_final_stats=1"]
        if target in MAX_LEN:
            command.append(f"-max_len={MAX_LEN[target]}")
        with open(output, "wb") as file:
            process = subprocess.Popen([*command, grown, HERE / "corpus" / target], stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.STDOUT)
            self.processes.add(process)
            if self.stopped:
                process.terminate()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.processes.discard(process)
        text = output.read_text(errors="replace")
        executed = re.search(r"number_of_executed_units: *(\d+)", text)
        units = re.findall(r"^#(\d+)\s.*?cov: (\d+)", text, re.M)
        runs = int(executed[1] if executed else units[-1][0] if units else 0)
        new = set(self.crashes.glob(f"{target}-*")) - before
        if process.returncode and not new and not self.stopped:  # it did not even begin, or found a leak at its end
            kept = Path(f"{prefix}output-{time.time_ns()}")
            kept.write_text(text)
            new.add(kept)
        cpu = usage.ru_utime + usage.ru_stime
        self.seconds[target] = self.seconds.get(target, 0) + cpu
        self.runs[target] = self.runs.get(target, 0) + runs
        self.new_crashes[target] = self.new_crashes.get(target, 0) + len(new)
        self.say(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {target:<12} {cpu:8.1f} s CPU {runs:>10} runs "
                 f"{units[-1][1] if units else 0:>6} edges {len(new)} crashes"
                 + "".join(f"\n    {path}" for path in sorted(new)))

    def say(self, text: str) -> None:
        print(text, flush=True)
        print(text, file=self.log, flush=True)

    def sums(self) -> None:
        self.say(f"{'target':<12} {'CPU s':>9} {'runs':>12} crashes")
        for target in sorted(self.seconds):
            self.say(f"{target:<12} {self.seconds[target]:9.1f} {self.runs[target]:12d} {self.new_crashes[target]:7d}")
        self.say(f"{'all':<12} {sum(self.seconds.values()):9.1f} {sum(self.runs.values()):12d} "
                 f"{sum(self.new_crashes.values()):7d}   ({sum(self.seconds.values()) / 3600:.2f} CPU hours)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--hours", type=float, required=True, help="CPU hours, of all targets together")
    parser.add_argument("--jobs", type=int, default=1, help="targets at the same time")
    parser.add_argument("--slice", type=int, help="seconds of a slice (300, less if the hours are few)")
    parser.add_argument("--found", type=Path, help="where inputs and the log are kept")
    parser.add_argument("build", type=Path, help="a build folder that was made for fuzzing")
    parser.add_argument("targets", nargs="*", help="by default all")
    args = parser.parse_args()

    known = targets_of(args.build)
    if not known:
        parser.error(f"{args.build} has no fuzz targets: set it up as tests/fuzz/run_all.py says at its beginning")
    unknown = set(args.targets) - set(known)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))} (there are {', '.join(known)})")
    targets = args.targets or known
    subprocess.run(["ninja", "-C", args.build, *(f"tests/fuzz/fuzz_{target}" for target in targets)], check=True,
                   stdout=subprocess.DEVNULL)
    wanted = args.hours * 3600
    runner = Runner(args.build.resolve(), (args.found or args.build / "found").resolve(),
                    args.slice or max(1, min(300, round(wanted / len(targets)))))
    signal.signal(signal.SIGINT, runner.stop)
    signal.signal(signal.SIGTERM, runner.stop)
    with ThreadPoolExecutor(args.jobs) as pool:
        while not runner.stopped and sum(runner.seconds.values()) < wanted:
            done = sum(runner.seconds.values())
            for _ in pool.map(runner.run, targets):
                pass
            if sum(runner.seconds.values()) - done < 0.1 * len(targets):
                break  # every target ends at once: there is nothing to wait for
    runner.sums()
    return 1 if sum(runner.new_crashes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
