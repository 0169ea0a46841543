"""A walk that reads each file of the mount, as a backup or `grep -r` does: run_walk.py

    find MOUNT -type f -print0 | xargs -0 cat

The most resident memory of the daemon, against 1.2 times `memory=`. The inodes to which the kernel holds references after the walk, all that
there are, are part of it. OKSTRAFS_BENCH_GB: the transcripts, together (1). OKSTRAFS_BENCH_MEMORY: memory=, in MiB (64).
"""

import subprocess
import time

import bench
import corpora

MIB = 1 << 20


def number_of(command: str, point) -> int:
    command = f"set -o pipefail; {command} | wc -c"
    return int(subprocess.run(["bash", "-c", command, str(point)], stdout=subprocess.PIPE, check=True, timeout=1500).stdout)


def measure() -> None:
    config = corpora.made_up(round(bench.number("GB", 1) * 1000))
    size = sum(path.stat().st_size for path in config.rglob("*.jsonl"))
    limit = bench.number("MEMORY", 64)
    rows = []
    with bench.home(config) as home:
        for when in "without caches", "with caches":
            with home.mount("-o", f"memory={limit:.0f}M") as mount:
                mount.read("stats/by-source.json")
                before = bench.memory_of(mount.process.pid)
                start = time.monotonic()
                read = number_of('find "$0" -type f -print0 | xargs -0 cat', mount.point)
                took = time.monotonic() - start
                after = bench.memory_of(mount.process.pid)
                inodes = number_of('find "$0" -printf .', mount.point)
                rows.append((when, size / MIB, read / MIB, str(inodes), took, before["VmRSS"], after["VmRSS"], after["VmHWM"]))
    bench.table(("a walk that reads everything, MiB", "transcripts", "read", "inodes", "seconds", "before", "after", "peak"), rows)
    for row in rows:
        bench.target(f"peak resident memory, {row[0]}, of memory={limit:.0f}M", row[-1] / limit, 1.2)


if __name__ == "__main__":
    bench.main(measure)
