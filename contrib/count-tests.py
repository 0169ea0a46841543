#!/usr/bin/env python3
"""Counts the test cases of a meson run: count-tests.py testlog.json -> "passed failed skipped" on one line.

Meson's own summary counts programs. Ours are TAP programs of many cases each, so the cases are counted where a
program printed any, and the program itself where it did not. A program that ended badly without naming a failed
case (it crashed, hung, leaked, or stopped short of its plan) is one failure more.
"""
import json
import re
import sys

CASE = re.compile(r"(not )?ok\b(.*)")
DIRECTIVE = re.compile(r"#\s*(skip|todo)", re.IGNORECASE)


def cases(stdout):
    passed = failed = skipped = 0
    for line in stdout.splitlines():
        case = CASE.match(line)
        if not case:
            continue
        directive = DIRECTIVE.search(case.group(2))
        if directive and directive.group(1).lower() == "skip":
            skipped += 1
        elif case.group(1) and not directive:
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def count(test):
    result = test["result"]
    passed, failed, skipped = cases(test.get("stdout", ""))
    if result == "SKIP":
        return 0, 0, max(1, skipped)
    if result in ("OK", "EXPECTEDFAIL"):
        return (passed, failed, skipped) if passed + failed + skipped else (1, 0, 0)
    return passed, max(1, failed), skipped


def main(path):
    totals = [0, 0, 0]
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            totals = [a + b for a, b in zip(totals, count(json.loads(line)))]
    print(*totals)


if __name__ == "__main__":
    main(sys.argv[1])
