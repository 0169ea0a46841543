"""Makes the corpus once, then runs the scanner's benchmark over it: run.py BENCH_SCANNER [FOLDER]

OKSTRAFS_BENCH_DIR says where corpora are kept (else FOLDER), OKSTRAFS_BENCH_MB how large the long one is (512),
OKSTRAFS_BENCH_ROUNDS how often everything is measured (5).
"""

import os
import subprocess
import sys
from pathlib import Path

import make_corpus

HERE = Path(__file__).resolve().parent


def corpus(folder: Path, megabytes: int) -> str:
    path = folder / f"corpus-{megabytes}.jsonl"
    if not path.exists():
        print(f"making {path}", flush=True)
        make_corpus.write(str(path), megabytes << 20)
    return str(path)


def regrown(path: str) -> str:
    """A copy, appended line by line just now: one read back from disk lies in the page cache in other (larger) pages,
    which mmap + memchr runs through faster, so that the floor would depend on when the machine was started."""
    copy = f"{path}.regrown"
    with open(path, "rb") as source, open(copy, "wb", buffering=0) as target:
        for line in source:
            target.write(line)
        os.fsync(target.fileno())
    return copy


def main() -> int:
    folder = Path(os.environ.get("OKSTRAFS_BENCH_DIR") or sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    large = corpus(folder, int(os.environ.get("OKSTRAFS_BENCH_MB", "512")))
    small = corpus(folder, 10)
    rounds = os.environ.get("OKSTRAFS_BENCH_ROUNDS", "5")
    copy = regrown(large)
    try:
        return subprocess.run([sys.argv[1], copy, small, rounds, str(HERE / "json_loads.py")]).returncode
    finally:
        os.unlink(copy)


if __name__ == "__main__":
    sys.exit(main())
