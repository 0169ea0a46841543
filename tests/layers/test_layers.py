"""A folder of core/ or fs/ uses only the folders listed before it in its meson.build: by include and by symbol.

What is not so yet stands in EXCEPTIONS. A violation that is not listed there fails; so does a listed one that is gone,
so the list can only become shorter.
"""

import argparse
import re
import subprocess
import sys
import unittest
from collections import defaultdict
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from tap import run_tap  # noqa: E402

# (file, header that it must not include) and (file, symbol of a higher folder that it must not use).
EXCEPTIONS: list[tuple[str, str]] = []

PUBLIC = "include/okstrafs"
INTERNAL = "include/internal"  # what fs/ needs besides; not installed
# Not of the C library: what these headers must not need.
LIBRARIES = ("fuse", "json-c/", "openssl/")

root: Path
layers: dict[str, str]  # folder ("core/base"): its library, lowest first in core/ and in fs/
unlinked: list[str]


def rank(folder: str) -> int:
    return list(layers).index(folder)


def sources() -> list[Path]:
    return sorted(path for folder in [*layers, PUBLIC, INTERNAL] for path in (root / folder).iterdir() if path.suffix in (".c", ".h"))


def named(path: Path) -> str:
    return str(path.relative_to(root))


def includes_of(path: Path) -> list[tuple[str, str]]:
    """(bracket, header) of each #include."""
    return re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def place_of(includer: str, header: str) -> str | None:
    """The folder that a quoted header lies in; None: it is generated."""
    folder = header.rpartition("/")[0]
    if folder in ("okstrafs", "internal"):
        return f"include/{folder}"
    if not folder:
        return includer if (root / includer / header).exists() else None
    # An include says "base/hash.h"; core/ and fs/ have no folder of one name.
    return next((top for top in layers if top.partition("/")[2] == folder), folder)


def may_include(includer: str, bracket: str, header: str) -> bool:
    if bracket == "<":
        if includer in (PUBLIC, INTERNAL):
            return not header.startswith(LIBRARIES)
        return includer.startswith("fs/") or not header.startswith("fuse")
    folder = place_of(includer, header)
    if folder == INTERNAL and includer == PUBLIC:
        return False
    if folder in (None, PUBLIC, INTERNAL, includer):
        return True
    return (includer in layers and folder in layers and includer.split("/")[0] == folder.split("/")[0]
            and rank(folder) < rank(includer))


def wrong_includes() -> set[tuple[str, str]]:
    return {(named(path), header) for path in sources() for bracket, header in includes_of(path)
            if not may_include(named(path.parent), bracket, header)}


def file_of(member: str, folder: str) -> str:
    """core/base/hash.c of the object .../base_hash.c.o, or what is left of it."""
    name = member.rpartition("/")[2].removesuffix(".o")
    return f"{folder}/{name.removeprefix(folder.partition('/')[2] + '_')}"


class Member:
    """An object file in a library."""

    def __init__(self):
        self.defines: set[str] = set()
        self.needs: set[str] = set()


@cache
def members_of(folder: str) -> dict[str, Member]:
    """By source file. Global symbols only; a weak reference (w, v) needs nothing."""
    out = subprocess.run(["nm", "--print-file-name", "--extern-only", "--format=posix", layers[folder]], check=True,
                         capture_output=True, text=True).stdout
    members = defaultdict(Member)
    for line in out.splitlines():
        match = re.match(r".*\[(.*)\]: (\S+) (\S)", line)
        if not match:
            raise ValueError(f"nm says what is not understood: {line}")
        member, symbol, kind = match.groups()
        if kind == "U":
            members[file_of(member, folder)].needs.add(symbol)
        elif kind not in "wv":
            members[file_of(member, folder)].defines.add(symbol)
    return members


def definers(libraries: dict[str, dict[str, Member]]) -> dict[str, str]:
    """Symbol: the folder that defines it."""
    return {symbol: folder for folder, members in libraries.items() for member in members.values()
            for symbol in member.defines}


@cache
def wrong_symbols() -> dict[tuple[str, str], str]:
    """(file, symbol): the higher folder that defines it."""
    libraries = {folder: members_of(folder) for folder in layers}
    where = definers(libraries)
    return {(file, symbol): where[symbol] for folder, members in libraries.items() for file, member in members.items()
            for symbol in member.needs if symbol in where and rank(where[symbol]) > rank(folder)}


def links(folder: str) -> bool:
    """Whether the folder's library, taken whole, needs no symbol of a higher one, directly or by a lower one."""
    libraries = {other: members_of(other) for other in layers}
    where = definers(libraries)
    lower = {symbol: member for other, members in libraries.items() if rank(other) <= rank(folder)
             for member in members.values() for symbol in member.defines}
    waiting, seen = list(libraries[folder].values()), set()
    while waiting:
        member = waiting.pop()
        if id(member) in seen:
            continue
        seen.add(id(member))
        for symbol in member.needs & where.keys():
            if symbol not in lower:
                return False
            waiting.append(lower[symbol])
    return True


def circle_among(graph: dict[str, list[str]]) -> list[str]:
    """One circle, its first again at its end; empty where there is none."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return []
        done.add(node)
        return next(filter(None, (visit(below, path + [node]) for below in graph.get(node, []))), [])

    return next(filter(None, (visit(node, []) for node in graph)), [])


class Layers(unittest.TestCase):
    maxDiff = None

    def test_includes_and_symbols_go_down(self):
        symbols = wrong_symbols()
        found = wrong_includes() | symbols.keys()
        new = [f"{what} must not use {whom}" + (f" of {symbols[what, whom]}" if (what, whom) in symbols else "")
               for what, whom in sorted(found - set(EXCEPTIONS))]
        gone = [f"no longer so, remove it from EXCEPTIONS: {pair}" for pair in sorted(set(EXCEPTIONS) - found)]
        if new or gone:
            self.fail("\n".join(new + gone))

    def test_headers_form_no_circle(self):
        headers = [path for path in sources() if path.suffix == ".h"]
        graph = {named(path): [f"{place_of(named(path.parent), header)}/{header.rpartition('/')[2]}"
                               for bracket, header in includes_of(path) if bracket == '"'] for path in headers}
        circle = circle_among(graph)
        self.assertEqual(circle, [], "headers include each other: " + " -> ".join(circle))

    def test_unlinked_folders_do_not_link(self):
        linked = [folder for folder in unlinked if links(folder)]
        self.assertEqual(linked, [], "they link with the folders below them alone: remove them from core_unlinked or "
                                     "fs_unlinked in tests/layers/meson.build")

    def test_every_source_is_in_a_layer(self):
        for top in ("core", "fs"):
            folders = {named(path.parent) for path in (root / top).rglob("*.[ch]")}
            self.assertLessEqual(folders, layers.keys(), "folders that no meson.build lists")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--layer", nargs=2, action="append", metavar=("FOLDER", "LIBRARY"), required=True)
    parser.add_argument("--unlinked", action="append", default=[])
    options, sys.argv[1:] = parser.parse_known_args()
    root, layers, unlinked = options.root, dict(options.layer), options.unlinked
    sys.exit(run_tap(sys.modules[__name__]))
