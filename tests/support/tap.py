"""unittest's results as TAP, so that meson counts every Python test case by itself, as it does those in C.

Below a case that failed, lines of "# ..." tell what was expected, what was got and what else the case knows: a test
class may have a method diagnosis() that returns text. `meson test --print-errorlogs` does not show the standard output
of a TAP program, so where the standard error goes elsewhere the block is written there too.
"""

import os
import re
import sys
import unittest

DIAGNOSIS_LINES = 60
LINE_LENGTH = 1000


def shortened(text: str, lines: int = DIAGNOSIS_LINES) -> list[str]:
    """The first and the last lines, each of a length that can be read."""
    all_ = [line if len(line) <= LINE_LENGTH else f"{line[:LINE_LENGTH]} ... {len(line) - LINE_LENGTH} characters more"
            for line in text.splitlines()]
    if len(all_) <= lines:
        return all_
    head = lines // 2
    return [*all_[:head], f"... {len(all_) - lines} lines left out ...", *all_[head - lines:]]


def _is_same_file(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return True  # there is no second place


class TapResult(unittest.TestResult):
    def __init__(self, stream, second=None):
        super().__init__()
        self.stream = stream
        self.second = second
        self.number = 0

    def _say(self, ok: bool, test, note: str = "") -> str:
        self.number += 1
        name = re.sub(r"^(\w+) \((.*)\)$", r"\2.\1", test.id())  # "setUpClass (module.Class)"
        line = f"{'ok' if ok else 'not ok'} {self.number} - {name.split('.', 1)[-1]}{note}"
        print(line, file=self.stream, flush=True)
        return line

    def _fail(self, test, err) -> None:
        verdict = self._say(False, test)
        details = shortened(self._exc_info_to_string(err, self._current))
        if hasattr(self._current, "diagnosis"):
            try:
                details += self._current.diagnosis().splitlines()
            except Exception as error:  # what failed is told even so
                details.append(f"no diagnosis: {error!r}")
        block = "".join(f"# {line}\n" for line in details)
        # In one write, so that what others write does not come in between.
        print(block, end="", file=self.stream, flush=True)
        if self.second:
            self.second.write(f"{verdict}\n{block}")
            self.second.flush()

    def startTest(self, test):
        super().startTest(test)
        self._current = test

    def addSuccess(self, test):
        super().addSuccess(test)
        self._say(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        # A failed setUpClass comes here without a startTest.
        self._current = test
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self._fail(subtest, err)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._say(False, test, " (was expected to fail)")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._say(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say(True, test, f" # SKIP {reason}")


def _classes(module) -> dict:
    return {name: one for name, one in vars(module).items() if isinstance(one, type) and issubclass(one, unittest.TestCase)}


def _suite(module, names: list) -> unittest.TestSuite:
    loader = unittest.defaultTestLoader
    if names[:1] != ["--without"]:
        return loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    classes = _classes(module)
    unknown = sorted(set(names[1:]) - set(classes))
    if unknown:
        raise SystemExit(f"{module.__file__}: no class {', '.join(unknown)}")
    return unittest.TestSuite(loader.loadTestsFromTestCase(classes[name]) for name in sorted(set(classes) - set(names[1:])))


def count_cases(module) -> int:
    """How many cases run_tap() would run."""
    return _suite(module, sys.argv[1:]).countTestCases()


def run_tap(module) -> int:
    """Runs a module's cases; the names given on the command line select some (Class or Class.test), and after
    --without they are classes that are left to somebody else."""
    suite = _suite(module, sys.argv[1:])
    print("TAP version 13", flush=True)
    result = TapResult(sys.stdout, None if _is_same_file(1, 2) else sys.stderr)
    suite.run(result)
    print(f"1..{result.number}", flush=True)
    return 0 if result.wasSuccessful() and result.number else 1
