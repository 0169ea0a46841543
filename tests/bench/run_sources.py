"""Transcripts of each agent with the same texts, and how fast each is read: run_sources.py BENCH_SOURCES FOLDER [SOURCE ...]

OKSTRAFS_BENCH_DIR says where they are made (else FOLDER) and removed again, OKSTRAFS_BENCH_MB how large each is (300),
OKSTRAFS_BENCH_ROUNDS how often everything is measured (5). Sizes and kinds of texts are those of make_corpus.py.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import make_corpus

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import made_agents  # noqa: E402

DISTINCT_BYTES = 32 << 20
ENDS_EVERY = 10
ID_START = b'{"id":"'


def texts(seed: int):
    """Returns a function that gives another text with every call."""
    rand = random.Random(seed)
    pool = make_corpus.text_pool(rand, 4 << 20)

    def said() -> str:
        size = min(int(rand.lognormvariate(6.85, 1.45)), 200_000)
        at = rand.randrange(len(pool) - size)
        return pool[at : at + size]

    return said


def write(kind: type, path: Path, size: int) -> None:
    """
    Steps of a conversation are made once, and written in new orders until the size is reached. One in ENDS_EVERY ends the
    session. Where a message with an id that was there before would be the older one again, each round has ids of its own.
    """
    chance = random.Random(1)
    agent = kind(chance)
    agent.said = texts(2)
    session = made_agents.Session(agent.id(), Path("x"))
    head = agent.begin(session, 0)
    steps, length, n = [], 0, 0
    while length < DISTINCT_BYTES:
        n += 1
        lines = agent.prompt(session, n) if chance.random() < 0.3 else []
        lines += agent.response(session, made_agents.Request(n, n, "m", *(chance.randrange(1, 9999) for _ in range(4)),
                                                             calls=chance.randrange(2)))
        if n % ENDS_EVERY:
            lines = [line for line in lines if line.get("type") not in agent.ends]
        steps.append([json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines])
        length += sum(map(len, steps[-1]))
    with open(path, "wb", buffering=0) as file:
        written = sum(file.write(json.dumps(line).encode() + b"\n") for line in head)
        turn = 0
        while written < size:
            chance.shuffle(steps)
            for step in steps:
                if agent.rewrites:
                    step = [ID_START + b"%08x" % turn + line[len(ID_START) + 8:] for line in step]
                written += sum(map(file.write, step))
                if written >= size:
                    break
            turn += 1


def main() -> int:
    folder = Path(os.environ.get("OKSTRAFS_BENCH_DIR") or sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    size, rounds = int(os.environ.get("OKSTRAFS_BENCH_MB", "300")) * 1000000, os.environ.get("OKSTRAFS_BENCH_ROUNDS", "5")
    kinds = [kind for kind in made_agents.AGENTS if kind.lines and (kind.name in sys.argv[3:] or not sys.argv[3:])]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        words = []
        for kind in kinds:
            path = Path(scratch) / kind.name
            write(kind, path, size)
            words.append(f"{kind.name}={path}")
        return subprocess.run([sys.argv[1], rounds, *words]).returncode


if __name__ == "__main__":
    sys.exit(main())
