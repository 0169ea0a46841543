#!/usr/bin/env python3
"""The core as a library, out of what `meson install` has installed: what it exports, that its headers are complete, and that
the example prints what the program shows.

test_library.py BUILD_FOLDER COMPILER..."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from test_install import CHECKOUT, needs, run, run_tests

NODE = "OKSTRAFS_0.1"
HEADERS = sorted((CHECKOUT / "include/okstrafs").glob("*.h"))


def option(installed, name):
    needs("meson")
    options = json.loads(run("meson", "introspect", "--buildoptions", installed.build))
    return next(one["value"] for one in options if one["name"] == name)


def library(installed):
    return installed.path(option(installed, "libdir")) / "libokstrafs.so.0"


def flags(installed, *words):
    """What pkg-config says of the installed library, without any that this machine may have besides."""
    needs("pkg-config")
    folder = library(installed).parent / "pkgconfig"
    environment = {"PATH": os.environ["PATH"], "PKG_CONFIG_LIBDIR": str(folder), "PKG_CONFIG_SYSROOT_DIR": str(installed.top)}
    return run("pkg-config", *words, "okstrafs", env=environment).split()


def compiler(installed):
    """That of the build, which a sanitizer's library needs."""
    sanitize = option(installed, "b_sanitize")
    return [*sys.argv[2:], *([f"-fsanitize={sanitize}"] if sanitize != "none" else [])]


def prototypes():
    """The functions of the public headers, but for those that are defined in them."""
    found = []
    for header in HEADERS:
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        text = re.sub(r"^\s*#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
        found += re.findall(r"^(?!static )[a-z][\w *]*?\b(\w+)\(", text, re.MULTILINE)
    assert len(found) > 50 and len(found) == len(set(found)), found
    return set(found)


def test_what_is_exported_is_what_the_headers_declare(installed):
    lines = run("nm", "-D", "--defined-only", "--with-symbol-versions", library(installed)).splitlines()
    symbols = {line.split()[-1] for line in lines} - {NODE}
    expected = {f"{name}@@{NODE}" for name in prototypes()}
    assert symbols == expected, f"add or remove in core/libokstrafs.map, or move the header: {sorted(symbols ^ expected)}"


def test_the_map_names_nothing_else(installed):
    text = (CHECKOUT / "core/libokstrafs.map").read_text()
    listed = re.findall(r"^ +(\w+);", text, re.MULTILINE)
    assert listed == sorted(prototypes()), "core/libokstrafs.map: not those of the headers, or not in order"


def test_it_needs_no_library_of_the_mount(installed):
    text = run("readelf", "-d", library(installed))
    assert re.findall(r"\(SONAME\).*\[(.*)\]", text) == ["libokstrafs.so.0"], text
    needed = " ".join(re.findall(r"\(NEEDED\).*\[(.*)\]", text))
    assert "libc.so" in needed and not re.search("fuse|ncurses|tinfo", needed), needed
    assert "TEXTREL" not in text, text


def test_only_the_public_headers_are_installed(installed):
    folder = installed.path("include")
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert found == {Path("okstrafs") / header.name for header in HEADERS}, found


def test_installed_headers_compile(installed):
    """Each by itself. Headers of the checkout are not found from here."""
    used = flags(installed, "--cflags")
    languages = [["c", "-std=c11", "-pedantic-errors"]]
    if shutil.which("c++") and subprocess.run(["c++", "-std=c++23", "-E", "-xc++", "/dev/null"], capture_output=True, check=False).returncode == 0:
        languages.append(["c++", "-std=c++23"])
    for name, *standard in languages:
        command = ["c++"] if name == "c++" else sys.argv[2:]
        for header in HEADERS:
            run(*command, *standard, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *used, "-x", name, "-", cwd=installed.scratch,
                input=f"#include <okstrafs/{header.name}>\n")


def build_example(installed):
    program = installed.scratch / "team-total"
    if not program.exists():
        source = installed.path("share/doc/okstrafs/examples/team-total.c")
        run(*compiler(installed), "-Wall", "-Wextra", "-Werror", source, "-o", program, *flags(installed, "--cflags", "--libs"))
    return program


def run_example(installed, *words):
    environment = {**installed.environment(), "LD_LIBRARY_PATH": str(library(installed).parent)}
    return subprocess.run([build_example(installed), *words], capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_the_example_prints_the_total_of_a_team(installed):
    said = run_example(installed, "crew")
    shown = run(installed.path("bin/okstrafs"), "cat", "teams/crew/total_tokens", env=installed.environment())
    assert (said.returncode, said.stdout, said.stderr) == (0, shown, ""), (said, shown)
    assert said.stdout == "11\n", said


def test_the_example_follows_an_append(installed):
    installed.environment()
    with open(installed.scratch / "home/.claude/projects/-p/session-1.jsonl", "a", encoding="utf-8") as transcript:
        transcript.write('{"type":"assistant","timestamp":"2026-06-10T01:00:01Z","teamName":"crew","message":{"id":"m2",'
                         '"model":"claude-opus-4-7","usage":{"input_tokens":30,"output_tokens":1}}}\n')
    said = run_example(installed, "crew")
    assert (said.returncode, said.stdout) == (0, "42\n"), said


def test_the_example_says_what_fails(installed):
    said = run_example(installed, "nobody")
    assert (said.returncode, said.stdout) == (1, "") and said.stderr == "team-total: nobody: No such file or directory\n", said
    assert run_example(installed).returncode == 2


def test_the_page_shows_the_example_as_it_is(installed):
    page = (CHECKOUT / "docs/library.md").read_text()
    body = (CHECKOUT / "contrib/examples/team-total.c").read_text().partition("int main")[2]
    assert "int main" + body in page, "docs/library.md does not show contrib/examples/team-total.c"


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
