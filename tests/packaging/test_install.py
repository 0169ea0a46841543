#!/usr/bin/env python3
"""What `meson install` puts where, what the completions offer, and that a tarball is the same each time.

test_install.py BUILD_FOLDER"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CONTRIB = CHECKOUT / "contrib"
INSTALLED = [
    "bin/okstrafs",
    "sbin/mount.fuse.okstrafs",
    "lib/systemd/user/okstrafs.service",
    "lib/systemd/user/okstrafs-export.service",
    "lib/systemd/user/okstrafs-react@.path",
    "lib/systemd/user/okstrafs-react@.service",
    "share/man/man1/okstrafs.1",
    "share/man/man8/mount.fuse.okstrafs.8",
    "share/bash-completion/completions/okstrafs",
    "share/zsh/site-functions/_okstrafs",
    "share/fish/vendor_completions.d/okstrafs.fish",
    "share/okstrafs/budget-hook",
    "share/okstrafs/budget-watch",
    "share/okstrafs/on-change",
    "share/okstrafs/status-line.sh",
    "share/okstrafs/okstrafs.schema.json",
    "share/okstrafs/engines/okstrafs-load",
    "share/okstrafs/engines/postgresql.sql",
    "share/okstrafs/engines/duckdb.js",
    "share/okstrafs/schema/events.json",
    "share/doc/okstrafs/README.md",
    "share/doc/okstrafs/docs/guide.md",
    "share/doc/okstrafs/docs/reference.md",
    "share/doc/okstrafs/docs/terminal.svg",
    "share/doc/okstrafs/docs/library.md",
    "share/doc/okstrafs/examples/team-total.c",
]


class Skip(Exception):
    pass


def needs(tool):
    if not shutil.which(tool):
        raise Skip(f"no {tool} here")


def run(*command, **more):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                          check=True, **more).stdout


class Installed:
    def __init__(self, build, scratch):
        self.build, self.scratch, self.top = build, scratch, scratch / "root"
        meson = shutil.which("meson")
        if meson:
            run(meson, "install", "-C", build, "--no-rebuild", "--destdir", self.top)
            options = json.loads(run(meson, "introspect", "--buildoptions", build))
            self.prefix = Path(next(one["value"] for one in options if one["name"] == "prefix"))
        else:
            self.prefix = None

    def path(self, name):
        if self.prefix is None:
            raise Skip("no meson here")
        return self.top / self.prefix.relative_to("/") / name

    def environment(self):
        home = self.scratch / "home"
        folder = home / ".claude" / "projects" / "-p"
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "session-1.jsonl").write_text(
                '{"type":"assistant","timestamp":"2026-06-10T01:00:00Z","teamName":"crew","message":{"id":"m1",'
                '"model":"claude-opus-4-7","usage":{"input_tokens":11,"output_tokens":0}}}\n')
        return {"HOME": str(home), "PATH": f"{self.path('bin')}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}

    def commands(self):
        help_text = run(self.path("bin/okstrafs"), "--help", env=self.environment())
        return sorted(re.findall(r"^(?:usage:)? +okstrafs ([a-z]+) ", help_text, re.MULTILINE))


def test_everything_is_in_its_place(installed):
    missing = [name for name in INSTALLED if not os.path.lexists(installed.path(name))]
    assert not missing, missing
    link = os.readlink(installed.path("sbin/mount.fuse.okstrafs"))
    assert link == str(installed.prefix / "bin/okstrafs"), link
    assert installed.path("share/man/man8/mount.fuse.okstrafs.8").read_text() == ".so man1/okstrafs.1\n"
    for name in INSTALLED:
        if name.startswith("share/okstrafs/") and installed.path(name).read_bytes().startswith(b"#!"):
            assert os.access(installed.path(name), os.X_OK), name


def test_no_page_has_a_dead_link(installed):
    seen = 0
    for page in (CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")):
        copy = installed.path("share/doc/okstrafs") / page.relative_to(CHECKOUT)
        text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            seen += 1
            assert (page.parent / link).exists(), (page, link)
            if copy.exists() and not link.endswith(".py"):
                assert (copy.parent / link).exists(), (copy, link)
    assert seen > 50, seen


def test_no_text_names_the_build(installed):
    for path in filter(Path.is_file, installed.path(".").rglob("*")):
        text = path.read_bytes()
        if not text.startswith(b"\x7fELF"):
            assert os.fsencode(installed.build) not in text and os.fsencode(CHECKOUT) not in text, path


def test_units_start_the_installed_program(installed):
    text = installed.path("lib/systemd/user/okstrafs.service").read_text()
    program = re.search(r"^ExecStart=(\S+)", text, re.MULTILINE).group(1)
    assert os.access(installed.path("bin") / program, os.X_OK), program  # systemd looks for a bare name in /usr/bin and the like


def test_bash_offers_every_command(installed):
    said = run("bash", "-c", f'compopt() {{ :; }}; . {installed.path("share/bash-completion/completions/okstrafs")}; '
               'COMP_WORDS=(okstrafs ""); COMP_CWORD=1; _okstrafs; printf "%s\\n" "${COMPREPLY[@]}"', env=installed.environment())
    assert set(installed.commands()) <= set(said.split()), said
    assert len(installed.commands()) >= 7


def test_zsh_offers_every_command(installed):
    """With stand-ins for the functions of its completion system, which needs a terminal."""
    needs("zsh")
    file = installed.path("share/zsh/site-functions/_okstrafs")
    text = re.sub(r'^_okstrafs "\$@"$', "", file.read_text(), flags=re.MULTILINE)
    stubs = '_call_program() { shift; eval "$@" }; _describe() { print -l -- "${(P@)4}" }; compadd() { print -l -- "$@" }\n'
    said = run("zsh", "-f", "-c", stubs + text + "\n_okstrafs_commands", env=installed.environment())
    offered = dict(line.split(":", 1) for line in said.splitlines())
    assert sorted(offered) == installed.commands(), said
    assert all(offered.values()), said
    said = run("zsh", "-f", "-c", stubs + text + "\nPREFIX=teams/cr; _okstrafs_tree", env=installed.environment())
    assert said.split()[-1] == "crew" and "teams/" in said.split(), said


def test_fish_offers_every_command(installed):
    needs("fish")
    file = installed.path("share/fish/vendor_completions.d/okstrafs.fish")

    def offered(line):
        said = run("fish", "--no-config", "-c", f'source {file}; complete -C "{line}"', env=installed.environment())
        return [one.split("\t")[0] for one in said.splitlines()]

    assert set(installed.commands()) <= set(offered("okstrafs ")), offered("okstrafs ")
    assert offered("okstrafs umo") == ["umount"]
    assert offered("okstrafs cat teams/cr") == ["teams/crew"]
    assert offered("okstrafs forget sess") == ["session-1"]


def options_of(installed, command):
    """The switches that `okstrafs help COMMAND` describes, and what -o takes."""
    text = run(installed.path("bin/okstrafs"), "help", command, env=installed.environment())
    switches = [one for line in re.findall(r"^  (-.*?)(?:   .*)?$", text, re.MULTILINE) for one in re.findall(r"--?[a-z]+", line)]
    options = [one.split("=")[0] for line in re.findall(r"^     ([a-z]\S*(?:, \S+)?)  ", text, re.MULTILINE) for one in line.split(", ")]
    return switches, options


def test_every_option_is_in_the_manual_and_offered(installed):
    manual = (CHECKOUT / "docs" / "okstrafs.1").read_text()
    bash = installed.path("share/bash-completion/completions/okstrafs").read_text()
    zsh = installed.path("share/zsh/site-functions/_okstrafs").read_text()
    fish = installed.path("share/fish/vendor_completions.d/okstrafs.fish").read_text()
    seen = 0
    for command in installed.commands():
        assert re.search(rf"^\.It Cm {command}\b", manual, re.MULTILINE), command
        switches, options = options_of(installed, command)
        for name in switches:
            seen += 1
            bare = name.lstrip("-")
            kind = "l" if name.startswith("--") else "s"
            assert re.search(rf"Fl (?:[a-z] , )?{re.escape(name[1:])}\b", manual), name
            assert re.search(rf"(?<![\w-]){name}\b", bash), (command, name)
            assert re.search(rf"(?<![\w-]){name}\b", zsh), (command, name)
            assert re.search(rf"from [a-z ]*\b{command}\b.* -{kind} {bare}\b", fish), (command, name)
        for name in options:
            seen += 1
            assert re.search(rf"\b{name}\b", manual), name
            for text in (bash, zsh, fish):
                assert re.search(rf"\b{name}\b", text), (command, name)
    assert seen >= 25, seen


def test_a_tarball_is_the_same_each_time(installed):
    """Of what was unpacked from it, at another time, with other modes, in another folder."""
    first = Path(run(CONTRIB / "make-tarball.sh", installed.scratch / "one").strip())
    run("tar", "-C", installed.scratch, "-xf", first, umask=0o077)
    top = installed.scratch / first.name.removesuffix(".tar.gz")
    assert (top / "meson.build").read_bytes() == (CHECKOUT / "meson.build").read_bytes()
    os.utime(top / "README.md", (time.time(), 1))
    os.chmod(top / "README.md", 0o640)
    (top / "build").mkdir()
    (top / "build" / "left").write_text("")
    second = Path(run(top / "contrib" / "make-tarball.sh", installed.scratch / "two").strip())
    assert first.read_bytes() == second.read_bytes()
    (top / "README.md").write_text("changed")
    run(top / "contrib" / "make-tarball.sh", installed.scratch / "two")
    assert first.read_bytes() != second.read_bytes()


def run_tests(names):
    tests = [function for name, function in names.items() if name.startswith("test_")]
    print(f"1..{len(tests)}")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        installed = Installed(os.path.realpath(sys.argv[1]), Path(os.path.realpath(folder)))
        for number, test in enumerate(tests, 1):
            try:
                test(installed)
                print(f"ok {number} - {test.__name__}")
            except Skip as reason:
                print(f"ok {number} - {test.__name__} # SKIP {reason}")
            except Exception as error:  # pylint: disable=broad-except
                bad += 1
                said = f"{type(error).__name__}: {error} {getattr(error, 'output', '')}".replace("\n", "\n# ")
                print(f"not ok {number} - {test.__name__}\n# {said}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
