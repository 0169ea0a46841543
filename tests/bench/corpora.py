"""The transcripts that the benchmarks run over: each made once, kept, and taken away again on demand.

    corpora.py --remove [FOLDER]     removes all of them (FOLDER: else $OKSTRAFS_BENCH_DIR)

Content is that of make_corpus.py, or of real transcripts ($OKSTRAFS_SAMPLES), with ids that differ in every copy: a reader
that counts each answer once must have as much to remember as it would have in real life.
"""

import os
import random
import shutil
import sys
from pathlib import Path

import make_corpus

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import records  # noqa: E402

TEAM_SIZE = 10
PROJECT_SIZE = 100
PREFIX = "okstrafs-bench-2-"


def folder() -> Path:
    path = Path(os.environ.get("OKSTRAFS_BENCH_DIR") or Path.cwd())
    path.mkdir(parents=True, exist_ok=True)
    return path


def session_name(i: int) -> str:
    return f"{i * 2654435761 % 2**32:08x}-0000-4000-8000-{i:012x}"


def session_path(config: Path, i: int) -> Path:
    return config / "projects" / project_name(i) / f"{session_name(i)}.jsonl"


def team_name(i: int) -> str:
    return f"okstra-T{i // TEAM_SIZE}"


def project_name(i: int) -> str:
    return f"-home-u-project-{i // PROJECT_SIZE}"


def made(name: str, fill) -> Path:
    """The corpus of that name; fill(path) makes what is missing."""
    path = folder() / f"{PREFIX}{name}"
    if not path.exists():
        print(f"making {path}", flush=True)
        partial = Path(f"{path}.partial")
        remove(partial)
        fill(partial)
        os.replace(partial, path)
    return path


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def copied(lines: bytes, copy: int) -> bytes:
    """The same lines as if others had said them."""
    tag = b"%06x" % copy
    return lines.replace(b'"id":"msg_', b'"id":"msg_' + tag).replace(b'"requestId":"req_', b'"requestId":"req_' + tag)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# --- one long session -----------------------------------------------------------------------------------------------


def one_session(name: str, fill) -> Path:
    """A configuration folder with one session, whose transcript fill(path) writes."""
    def build(partial: Path) -> None:
        path = session_path(partial, 0)
        path.parent.mkdir(parents=True)
        fill(path)
    return made(name, build)


def long_session(megabytes: int) -> Path:
    return one_session(f"long-{megabytes}", lambda path: make_corpus.write(str(path), megabytes << 20))


EVENT = ('{"type":"assistant","timestamp":"%s","sessionId":"%s","message":{"id":"msg_01%022x","role":"assistant","model":"%s",'
         '"content":[],"usage":{"input_tokens":%d,"output_tokens":%d}}}\n')


def eventful_session(events: int) -> Path:
    """As many events as possible in as few bytes: one a second."""
    def fill(path: Path) -> None:
        with open(path, "w") as file:
            for i in range(events):
                stamp = (f"2026-06-{1 + i // 86400:02d}T{i // 3600 % 24:02d}:{i // 60 % 60:02d}:{i % 60:02d}.000Z")
                file.write(EVENT % (stamp, session_name(0), i, records.MODELS[i % 3], i % 97, i % 1009))
    return one_session(f"events-{events}", fill)


EVENTS_MAX = 30 * 86400
EVENTS_START = 1780272000  # 2026-06-01


# --- many sessions --------------------------------------------------------------------------------------------------


def many_sessions(sessions: int, size: int) -> Path:
    """Teams of ten, projects of a hundred, every transcript of about `size` bytes."""
    def build(partial: Path) -> None:
        lines = make_corpus.Lines(3)
        pool = [lines.next(min(int(lines.random.lognormvariate(6.85, 1.2)), 12_000)) for _ in range(3000)]
        for i in range(sessions):
            rand = random.Random(i)
            made_up = [records.line(lines.member() | {"teamName": team_name(i), "agentName": f"worker-{i % TEAM_SIZE}"}) + b"\n"]
            length = len(made_up[0])
            while length < size:
                made_up.append(rand.choice(pool))
                length += len(made_up[-1])
            content = copied(b"".join(made_up), i).replace(lines.session.encode(), session_name(i).encode())
            write(session_path(partial, i), content.replace("/home/u/naïve project".encode(),
                                                            b"/home/u/project/%d" % (i // PROJECT_SIZE)))
    return made(f"many-{sessions}-{size}", build)


# --- a few hundred megabytes as people have them --------------------------------------------------------------------


def made_up(megabytes: int) -> Path:
    """Sessions of 20 KB to 30 MB, most of them around one megabyte."""
    def build(partial: Path) -> None:
        rand = random.Random(5)
        lines = make_corpus.distinct_lines(5)
        written = i = 0
        while written < megabytes << 20:
            size = min(max(rand.lognormvariate(13.2, 1.0), 20_000), 30_000_000, (megabytes << 20) - written)
            taken = []
            length = 0
            while length < size:
                taken.append(rand.choice(lines))
                length += len(taken[-1])
            write(session_path(partial, i), copied(b"".join(taken), i))
            written += length
            i += 1
    return made(f"made-up-{megabytes}", build)


WHOLE_SESSION = 50_000  # smaller samples were trimmed by hand for somebody's tests


def real(megabytes: int):
    """Real transcripts, repeated; None where there are none."""
    sources = [path for path in sorted(Path(records.samples() or "/nonexistent", "claude").rglob("*.jsonl"))
               if path.stat().st_size >= WHOLE_SESSION]

    def build(partial: Path) -> None:
        written = i = 0
        while written < megabytes << 20:
            content = copied(sources[i % len(sources)].read_bytes(), i)
            write(session_path(partial, i), content)
            written += len(content)
            i += 1
    return made(f"real-{megabytes}", build) if sources else None


if __name__ == "__main__":
    if sys.argv[1:2] != ["--remove"]:
        sys.exit(__doc__)
    where = Path(sys.argv[2]) if len(sys.argv) > 2 else folder()
    for one in [*where.glob(PREFIX + "*"), *where.glob("corpus-*.jsonl")]:
        print(f"removing {one}")
        remove(one)
