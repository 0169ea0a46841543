#!/usr/bin/env python3
"""Two builds of okstrafs over the same homes must show the same tree, byte for byte.

    compare_builds.py OLD NEW [--samples DIR] [--sessions 300] [--keep]
    compare_builds.py BINARY --write FILE      what one build shows, kept for later
    compare_builds.py BINARY --against FILE

There is a home for each agent's samples and one of a few hundred made-up sessions (compared_homes.py). Each build gets them
anew at the same path, with the same times, and is looked at through mounts and through `cat` and `ls`: cold, warm, when
transcripts were deleted, and after changes. The clock stands still for both, so what follows it is compared as well.

Left out is what depends on more than the data: inode numbers, and of status.json what is not in STATUS_KEYS. Files that
were written with --write are for the same user, the same $TMPDIR and the same samples. The exit status is 1 where anything
differs, or nothing was compared.
"""

import argparse
import gzip
import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Callable, Iterator, Optional

# Where the helpers are, also those of compared_homes.py.
TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("support", "mount", "sources")]
os.environ.setdefault("OKSTRAFS_BIN", "")  # test_sources.py wants it at its import
os.environ.setdefault("OKSTRAFS_TEST_SECONDS", "1800")

import harness  # noqa: E402
import records  # noqa: E402
from compared_homes import AGE, Change, Home, Made, plan, sample_homes  # noqa: E402

# Functions of the data alone. The others say how it was read (bytes, cache, lag, memory, looks in vain), by which build.
STATUS_KEYS = ("sources", "sessions", "teams", "projects", "transcripts", "transcriptBytes", "lines", "badLines", "oddValues",
               "settings", "fileErrors", "errors")
# Asked for in every window/; the first ones everywhere, the others in every eighth folder and in stats/.
WINDOWS = ("2026-06-12T03:00Z_2026-06-15", "_now", "_", "2026-06-10", "_2026-06-11T12:00:00.500+09:00", "2026-06-18T23:59Z_",
           "@1781049600_@1781400000", "-90m_now", "-7d_", "2026-06-15_2026-06-12", "2026-02-23", "2025-01-01_2025-12-31",
           "2026-06-31", "no-window")
WINDOWS_EVERYWHERE = 2
STATS_WINDOWS = WINDOWS[:5] + WINDOWS[-3:]
# For LD_PRELOAD, as tests/mount/fake_clock.c, whose clock goes on.
CLOCK = r"""
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *out)
{
    const char *now = getenv("OKSTRAFS_COMPARE_NOW");
    if (clock != CLOCK_REALTIME || !now)
        return (int)syscall(SYS_clock_gettime, clock, out);
    *out = (struct timespec){.tv_sec = atoll(now)};
    return 0;
}
"""
BATCH = 4000  # paths of one call of `cat`
SHOWN = 8  # differences of a phase
STATUS, STAT = "status.json", " (stat)"

Tree = dict[str, bytes]  # a document's path to its bytes, "path/" to a listing, path + STAT to what stat says
Phases = dict[str, Tree]


# --- looking --------------------------------------------------------------------------------------------------------


def change(mount: harness.Mount, step: Change, serial: int) -> None:
    """While the daemon stands still: it must not see a file before this has got its time."""
    os.kill(mount.process.pid, signal.SIGSTOP)
    try:
        for path in step() or []:
            os.utime(path, (AGE + 10**5 + serial,) * 2)
    finally:
        os.kill(mount.process.pid, signal.SIGCONT)
    mount.read("stats/by-source.json")


def unlisted(folder: str, names: list[str], seen: Tree) -> list[str]:
    """What can be looked up and is not listed: windows, short ids, other spellings."""
    if folder == "stats/window":
        return [name for name in STATS_WINDOWS if name not in names]
    if folder.endswith("/window"):
        count = len(WINDOWS) if zlib.crc32(folder.encode()) % 8 == 0 else WINDOWS_EVERYWHERE
        last = json.loads(seen[folder.removesuffix("window") + "usage.json"])["endedAt"] or ""
        to_the_last = (f"_{last}", f"{last}_") if last.endswith("Z") else ()
        return [f"{name}.json" for name in (*to_the_last, *WINDOWS[:count]) if f"{name}.json" not in names]
    if folder == "sessions":
        return [name[:n] for name in names[::10] for n in (6, 8) if len(name) > 8]
    return [name.swapcase() for name in names] + ["nobody"] if folder == "teams" else []


def only_data(content: bytes) -> bytes:
    document = json.loads(content)
    return json.dumps({key: document[key] for key in STATUS_KEYS}, ensure_ascii=False).encode()


def walk(point: Path, seen: Tree, folder: str = "") -> Tree:
    """Everything below a mount; status.json last, because it does not wait for what it tells of."""
    names = os.listdir(point / folder)
    seen[f"{folder}/"] = "\n".join(names).encode()
    for name in sorted(names + unlisted(folder, names, seen), key=STATUS.__eq__):
        path = f"{folder}/{name}" if folder else name
        try:
            look_at(point, seen, path)
        except OSError as error:
            seen[path] = str(error.strerror).encode()
    return seen


def look_at(point: Path, seen: Tree, path: str) -> None:
    full = f"{point}/{path}"
    st = os.lstat(full)
    if path != STATUS:
        # Below a microsecond, a file's time says how often it was looked at.
        seen[path + STAT] = f"{st.st_mode:o} {st.st_nlink} {st.st_uid} {st.st_size} {st.st_mtime_ns // 1000}".encode()
    if stat.S_ISLNK(st.st_mode):
        seen[path] = os.readlink(full).encode()
    elif stat.S_ISDIR(st.st_mode):
        walk(point, seen, path)
    else:
        with open(full, "rb", buffering=0) as file:
            content = file.readall()
        seen[path] = only_data(content) if path == STATUS else content


class Program:
    """The same without FUSE. README.txt, which is always the same, is asked for behind each document and each listing."""

    def __init__(self, home: Home, binary: str):
        self.home, self.binary = home, binary

    def run(self, *arguments: str) -> tuple[bytes, bytes]:
        done = subprocess.run([self.binary, *arguments], env=self.home.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=300)
        return done.stdout, b"exit %d\n%s" % (done.returncode, done.stderr)

    def each(self, seen: Tree, command: list[str], paths: list[str], mark: str, between: bytes, tail: str = "") -> None:
        for at in range(0, len(paths), BATCH):
            some = paths[at : at + BATCH]
            out, said = self.run(*command, *itertools.chain.from_iterable((path, mark) for path in some))
            pieces = out.split(between)
            if len(pieces) != len(some) + 1:
                raise RuntimeError(f"{' '.join(command)}: {len(pieces)} parts of {len(some)}: {said[:300]!r}")
            seen |= {path + tail: content for path, content in zip(some, pieces)} | {f"{command} {at}: errors": said}

    def look(self, like: Tree) -> Tree:
        """All that a mount has shown, in the same order."""
        seen: Tree = {}
        files = [path for path in like if like.get(path + STAT, b"").startswith(b"100") and path != "README.txt"]
        folders = [path.rstrip("/") or "." for path in like if path.endswith("/")]
        self.each(seen, ["cat"], [*files, STATUS], "README.txt", like["README.txt"])
        seen[STATUS] = only_data(seen[STATUS])
        self.each(seen, ["ls"], folders, "./README.txt", b"./README.txt\n", "/")
        for folder in [".", *folders[:: len(folders) // 8 + 1]]:
            lines = self.run("ls", "-l", folder)[0].splitlines()
            seen[f"{folder}/ (ls -l)"] = b"\n".join(line for line in lines if not line.endswith(b" status.json"))
        return seen


def look(home: Home, binary: str, more: Callable[[], Iterator[Change]]) -> Phases:
    """One build over one home."""
    program, phases = Program(home, binary), {}
    home.renew()
    doomed, steps = plan(home)
    with harness.Mount(home, program=binary) as mount:
        phases["mount, cold"] = walk(mount.point, {})
    for path in doomed:
        path.unlink()
    with harness.Mount(home, program=binary) as mount:
        phases["mount, warm, some deleted"] = walk(mount.point, {})
        for serial, step in enumerate([*steps, *more()]):
            change(mount, step, serial)
        phases["mount, changed"] = walk(mount.point, {})
    if doomed:
        phases["forget"] = {"said": b"".join(program.run("forget", doomed[0].stem))}
    phases["program, warm, changed"] = program.look(phases["mount, changed"])
    home.renew()
    phases["program, cold"] = program.look(phases["mount, cold"])
    for path in doomed:
        path.unlink()
    phases["program, warm, some deleted"] = program.look(phases["mount, warm, some deleted"])
    return phases


# --- comparing ------------------------------------------------------------------------------------------------------


def excerpt(content: Optional[bytes], at: int) -> str:
    return "not there" if content is None else f"{content[max(at - 60, 0) : at + 60]!r} ({len(content)} bytes)"


def compare(name: str, old: Phases, new: Phases) -> tuple[int, int]:
    """Says what differs; how many documents were compared, and how many differ."""
    total = wrong = 0
    for phase in old | new:
        before, after = old.get(phase, {}), new.get(phase, {})
        differing = [path for path in before | after if before.get(path) != after.get(path)]
        differing.sort(key=lambda path: path.endswith(STAT))
        count = sum(not path.endswith(STAT) for path in before | after)
        print(f"{name}: {phase}: {count} documents, {len(differing)} differ", flush=True)
        for path in differing[:SHOWN]:
            a, b = before.get(path), after.get(path)
            at = next((i for i, (x, y) in enumerate(zip(a or b"", b or b"")) if x != y), min(len(a or b""), len(b or b"")))
            print(f"  {path}: from byte {at}\n    old {excerpt(a, at)}\n    new {excerpt(b, at)}")
        if len(differing) > SHOWN:
            print(f"  ... and {len(differing) - SHOWN} more")
        total, wrong = total + count, wrong + len(differing)
    return total, wrong


class Dump:
    """What one build showed, each text once."""

    def __init__(self, path: str):
        self.path, self.texts, self.homes = path, {}, {}

    def read(self) -> None:
        with gzip.open(self.path, "rt") as file:
            texts, homes = json.load(file)
        texts = [text.encode("latin-1") for text in texts]
        self.homes = {name: {phase: {path: texts[i] for path, i in tree.items()} for phase, tree in phases.items()}
                      for name, phases in homes.items()}

    def add(self, name: str, phases: Phases) -> None:
        self.homes[name] = {phase: {path: self.texts.setdefault(text, len(self.texts)) for path, text in tree.items()}
                            for phase, tree in phases.items()}

    def write(self) -> None:
        with gzip.open(self.path, "wt", compresslevel=3) as file:
            json.dump([[text.decode("latin-1") for text in self.texts], self.homes], file)


def folder_of_ours() -> Path:
    """The same at each call, for --against."""
    root = Path(tempfile.gettempdir()) / f"okstrafs-compare-{os.getuid()}"
    try:
        root.mkdir(mode=0o700)
    except FileExistsError:
        sys.exit(f"{root}: another comparison runs, or left this; remove it first")
    return root


def compare_all(args: argparse.Namespace, root: Path) -> int:
    home, total, wrong = Home(root), 0, 0
    (root / "clock.c").write_text(CLOCK)
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", home.clock, root / "clock.c"], check=True)
    dump = Dump(args.write or args.against or "")
    if args.against:
        dump.read()
    crowd = Made(args.sessions)
    samples = args.samples or records.samples()
    if not samples:
        print("no samples, skipped: set OKSTRAFS_SAMPLES")
    for name, fill in [("made", crowd.fill), *(sample_homes(Path(samples)) if samples else [])]:
        begin = time.monotonic()
        home.make(fill)
        many = [look(home, os.path.abspath(one), crowd.changes if name == "made" else lambda: iter(())) for one in args.binary]
        if name == "made" and many[0]["mount, cold"]["sessions/"].count(b"\n") < args.sessions:
            raise RuntimeError("the program does not see the home")
        if args.write:
            dump.add(name, many[0])
            total += compare(name, many[0], many[0])[0]
        else:
            counts = compare(name, many[0] if len(many) == 2 else dump.homes.pop(name, {}), many[-1])
            total, wrong = total + counts[0], wrong + counts[1]
        print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)
    for name, phases in dump.homes.items() if args.against else ():
        wrong += compare(name, phases, {})[1]
    if args.write:
        dump.write()
    print(f"{total} documents, {wrong} differ")
    return 1 if wrong or not total else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary", nargs="+", help="OLD and NEW; one with --write or --against")
    parser.add_argument("--samples", metavar="DIR", help="instead of $OKSTRAFS_SAMPLES")
    parser.add_argument("--sessions", type=int, default=300, help="made-up ones (300)")
    parser.add_argument("--keep", action="store_true", help="leave the homes for a look")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--write", metavar="FILE")
    one.add_argument("--against", metavar="FILE")
    args = parser.parse_args()
    if len(args.binary) != (1 if args.write or args.against else 2):
        parser.error("two programs, or one with --write or --against")
    for os.environ["OKSTRAFS_BIN"] in args.binary:
        if harness.why_not():
            parser.error(harness.why_not())
    root = folder_of_ours()
    harness.Watchdog.start()
    try:
        return compare_all(args, root)
    finally:
        harness.Watchdog.stop()
        if args.keep:
            print(f"kept: {root}")
        elif not harness.is_mounted(root / "home/usage"):
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
