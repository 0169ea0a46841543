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


def main() -> int:
    folder = Path(os.environ.get("OKSTRAFS_BENCH_DIR") or sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    large = corpus(folder, int(os.environ.get("OKSTRAFS_BENCH_MB", "512")))
    small = corpus(folder, 10)
    rounds = os.environ.get("OKSTRAFS_BENCH_ROUNDS", "5")
    return subprocess.run([sys.argv[1], large, small, rounds, str(HERE / "json_loads.py")]).returncode


if __name__ == "__main__":
    sys.exit(main())
