"""unittest's results as TAP, so that meson counts every Python test case by itself, as it does those in C."""

import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self, stream):
        super().__init__()
        self.stream = stream
        self.number = 0

    def _say(self, ok: bool, test, note: str = "") -> None:
        self.number += 1
        print(f"{'ok' if ok else 'not ok'} {self.number} - {test.id().split('.', 1)[-1]}{note}", file=self.stream,
              flush=True)

    def _details(self, err) -> None:
        for line in self._exc_info_to_string(err, self._current).splitlines():
            print(f"# {line}", file=self.stream, flush=True)

    def startTest(self, test):
        super().startTest(test)
        self._current = test

    def addSuccess(self, test):
        super().addSuccess(test)
        self._say(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say(False, test)
        self._details(err)

    def addError(self, test, err):
        super().addError(test, err)
        # A failed setUpClass comes here without a startTest.
        self._current = test
        self._say(False, test)
        self._details(err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self._say(False, subtest)
            self._details(err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say(True, test, f" # SKIP {reason}")


def run_tap(module) -> int:
    """Runs a module's cases; the names given on the command line select some (Class or Class.test)."""
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(sys.argv[1:], module) if sys.argv[1:] else loader.loadTestsFromModule(module)
    print("TAP version 13", flush=True)
    result = TapResult(sys.stdout)
    suite.run(result)
    print(f"1..{result.number}", flush=True)
    return 0 if result.wasSuccessful() and result.number else 1
