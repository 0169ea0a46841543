#!/usr/bin/env python3
"""Mutation test of the C code: how many random one-token changes do the fast suites notice?

    tests/reference/mutate_code.py --count 30 --seed 1 core/base/*.c core/time/*.c

Works in a copy of the tree (--work; kept for the next call, so that it builds only what changed). Each mutant is one
change of one file: an operator (+ -, < <=, > >=, == !=, && ||), a constant by one, a `!` taken away, the branches of an
if or a ?: exchanged, or a statement removed. Its own folder's unit tests run first, then the suites of --suites, until
one fails. A test that takes --timeout seconds more than five times what it takes without a change has failed too.

Not counted are mutants that do not compile, and those whose object file is the same as before. What survives is printed
as a diff: some of these are equivalent all the same, which only a reader can tell. Exit status: 1 where the share of
killed ones is below --least percent.
"""

import argparse
import difflib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = re.compile(r"""
    (?P<skip> /\*.*?\*/ | //[^\n]* | ^[ \t]*\#(?:\\\n|[^\n])* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
  | (?P<number> \b(?:0x[0-9a-fA-F]+|[0-9]+)[uUlL]*\b )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<operator> ->|\+\+|--|<<=|>>=|[-+*/%&|^=!<>]=|&&|\|\||<<|>>|[-+*/%&|^~!<>=?:;,.(){}\[\]] )
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
SWAPS = {"+": "-", "-": "+", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
         "+=": "-=", "-=": "+="}
CLOSES = {"(": ")", "[": "]", "{": "}"}
# What begins something else than a call, an assignment or a jump.
NO_STATEMENT = ("if", "for", "while", "do", "switch", "else", "case", "default", "static", "struct", "const", "enum",
                "typedef", "return")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def tokens_of(text: str) -> list[tuple[str, int, int]]:
    return [(match.group(), match.start(), match.end()) for match in TOKEN.finditer(text) if not match.group("skip")]


def is_operand(token: str) -> bool:
    return bool(re.match(r"\w", token)) and token not in ("return", "case", "else") or token in (")", "]")


def closing(tokens: list[tuple[str, int, int]], i: int) -> int:
    """The index of what closes the bracket tokens[i]."""
    depth = 0
    for k in range(i, len(tokens)):
        if tokens[k][0] in CLOSES:
            depth += 1
        elif tokens[k][0] in CLOSES.values():
            depth -= 1
            if depth == 0:
                return k
    return len(tokens) - 1


def constants(token: str) -> list[str]:
    digits = token.rstrip("uUlL")
    value, suffix = int(digits, 0 if digits.startswith("0x") else 10), token[len(digits):]
    return [f"{value + 1}{suffix}"] + ([f"{value - 1}{suffix}"] if value else [])


def mutants_of(text: str) -> list[tuple[int, int, str]]:
    """(start, end, what stands there instead)."""
    tokens, found, depth = tokens_of(text), [], 0
    for i, (token, start, end) in enumerate(tokens):
        before = tokens[i - 1][0] if i else ""
        depth += (token == "{") - (token == "}")
        if re.match(r"\d", token):
            found += [(start, end, other) for other in constants(token)]
        elif token in SWAPS and (token not in ("+", "-") or is_operand(before)):
            found.append((start, end, SWAPS[token]))
        elif token == "!":
            found.append((start, end, ""))
        elif token == "if" and tokens[i + 1][0] == "(":
            inner = tokens[i + 1][2], tokens[closing(tokens, i + 1)][1]
            found.append((*inner, f"!({text[slice(*inner)]})"))
        elif token == "?":
            found.append((start, start, "== 0 "))
        elif depth and before in (";", "{", "}", ")") and statement(tokens, i):
            found.append((start, tokens[statement(tokens, i)][2], ";"))
    return found


def statement(tokens: list[tuple[str, int, int]], i: int) -> int:
    """The index of the `;` that ends the statement tokens[i] begins; 0 where it is no call, assignment or jump."""
    word = tokens[i][0]
    if not re.match(r"[A-Za-z_*]", word) or word in NO_STATEMENT:
        return 0
    if tokens[i + 1][0] not in ("(", "=", "++", "--", "->", ".", "[", "+=", "-=", "|=", "&=", "^=", ";"):
        return 0
    k = i
    while k < len(tokens) and tokens[k][0] != ";":
        if tokens[k][0] == "{":
            return 0
        k = closing(tokens, k) + 1 if tokens[k][0] in CLOSES else k + 1
        if k < len(tokens) and tokens[k][0] in ("}", ")"):
            return 0
    return k if k < len(tokens) else 0


class Tree:
    """The copy that is built and tested."""

    def __init__(self, work: Path, suites: list[str], timeout: float, sanitizers: str):
        self.top, self.build, self.suites, self.timeout = work / "tree", work / "build", suites, timeout
        self.copy()
        if not (self.build / "build.ninja").exists():
            env = {**os.environ, "CC": os.environ.get("CC", "ccache gcc" if shutil.which("ccache") else "gcc")}
            subprocess.run(["meson", "setup", "-Ddebug=false", f"-Db_sanitize={sanitizers}", self.build, self.top],
                           check=True, env=env, **QUIET)
        if not self.make():
            sys.exit("the tree does not build")
        self.tests = [test for test in self.introspect("--tests")
                      if {suite.rpartition(":")[2] for suite in test["suite"]} & set(suites)]
        # How long each takes where nothing is wrong: a slow machine kills no mutant.
        self.seconds = {}
        for test in self.tests:
            start = time.monotonic()
            if not self.passes(test):
                sys.exit(f"{test['name']} fails without a change")
            self.seconds[test["name"]] = time.monotonic() - start
        # Program: the folder of its test.
        self.folders = {target["filename"][0]: Path(target["defined_in"]).parent / Path(source).parent.name
                        for target in self.introspect("--targets") if target["type"] == "executable"
                        for part in target["target_sources"] for source in part.get("sources", [])}

    def introspect(self, what: str) -> list[dict]:
        command = ["meson", "introspect", self.build, what]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    def copy(self):
        """Only what differs is written, so that ninja sees no more."""
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                               capture_output=True, text=True).stdout.splitlines()
        for name in filter(lambda name: (ROOT / name).is_file(), names):
            to = self.top / name
            if to.is_file() and to.read_bytes() == (ROOT / name).read_bytes():
                continue
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to)
        for path in list(self.top.rglob("*")):
            if path.is_file() and not (ROOT / path.relative_to(self.top)).exists():
                path.unlink()

    def make(self, *targets: str) -> bool:
        return subprocess.run(["ninja", "-C", self.build, *targets], **QUIET).returncode == 0

    def object_of(self, file: str) -> Path:
        folder, name = file.split("/")[1:3]
        return self.build / f"core/libokstrafs-{folder}.a.p/{folder}_{name}.o"

    def digest(self, file: str) -> str:
        made = self.object_of(file)
        return hashlib.sha256(made.read_bytes()).hexdigest() if made.exists() else ""

    def near(self, file: str) -> list[dict]:
        """The unit tests of the file's folder."""
        folder = file.split("/")[1]
        return [test for test in self.tests if self.folders.get(test["cmd"][0], Path()).name == folder]

    def passes(self, test: dict) -> bool:
        run = subprocess.Popen(test["cmd"], env={**os.environ, **test["env"]}, cwd=test.get("workdir") or self.build,
                               start_new_session=True, **QUIET)
        try:
            return run.wait(self.timeout + 5 * self.seconds.get(test["name"], 0)) == 0
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)  # a case that hangs is a child of it
            run.wait()
            return False

    def killer(self, file: str) -> str:
        """The first test that fails; empty: none does."""
        near = self.near(file)
        if near and not self.make(*(str(Path(test["cmd"][0]).relative_to(self.build)) for test in near)):
            return "build"
        found = self.first_failure(near)
        if not found:
            self.make()
            found = self.first_failure([test for test in self.tests if test not in near])
        return found

    def first_failure(self, tests: list[dict]) -> str:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            running = {pool.submit(self.passes, test): test["name"] for test in tests}
            for done in as_completed(running):
                if not done.result():
                    pool.shutdown(cancel_futures=True)
                    return running[done]
        return ""


def try_one(tree: Tree, file: str, text: str, mutant: tuple[int, int, str]) -> str | None:
    """The test that killed it; "": it survived; None: it does not count."""
    path = tree.top / file
    start, end, instead = mutant
    before = tree.digest(file)
    path.write_text(text[:start] + instead + text[end:])
    try:
        if before and (not tree.make(str(tree.object_of(file).relative_to(tree.build))) or tree.digest(file) == before):
            return None
        if not before and not tree.make():
            return None
        return tree.killer(file)
    finally:
        path.write_text(text)
        if before:
            tree.make(str(tree.object_of(file).relative_to(tree.build)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--least", type=float, default=0)
    parser.add_argument("--work", type=Path, default=Path("/tmp/okstrafs-mutants"))
    parser.add_argument("--sanitizers", default="none", help="of a new --work, such as address,undefined")
    parser.add_argument("--suites", default="unit,differential,fuzz")
    options = parser.parse_args()
    tree = Tree(options.work.resolve(), options.suites.split(","), options.timeout, options.sanitizers)
    choice = random.Random(options.seed)
    names = [str(path.resolve().relative_to(ROOT)) for path in options.files]
    files = {name: (tree.top / name).read_text() for name in names}
    # Every place is as likely as every other, in whatever file.
    places = [(file, mutant) for file, text in files.items() for mutant in mutants_of(text)]
    choice.shuffle(places)
    killed = counted = 0
    for file, mutant in places:
        if counted == options.count:
            break
        killer = try_one(tree, file, files[file], mutant)
        if killer is None:
            continue
        counted += 1
        killed += bool(killer)
        text = files[file]
        line = text.count("\n", 0, mutant[0]) + 1
        print(f"{counted:4} {'killed by ' + killer if killer else 'SURVIVED'}  {file}:{line}", flush=True)
        if not killer:
            changed = text[:mutant[0]] + mutant[2] + text[mutant[1]:]
            diff = difflib.unified_diff(text.splitlines(), changed.splitlines(), lineterm="", n=1)
            print("\n".join(list(diff)[2:]))
    print(f"{killed} of {counted} killed: {100 * killed / max(counted, 1):.0f} %")
    return int(100 * killed < options.least * counted)


if __name__ == "__main__":
    sys.exit(main())
