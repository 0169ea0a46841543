#!/usr/bin/env python3
"""contrib/count-tests.py counts what meson logs, and nothing that went wrong counts as passed; what it shows of failures."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "contrib" / "count-tests.py"

# what meson logs of one test program -> passed, failed, skipped
CASES = {
    "two cases": ("OK", "TAP version 13\n1..2\nok 1 - a\nok 2 - b\n", "2 0 0"),
    "a case left out": ("OK", "1..3\nok 1\nok 2 - b # SKIP no fuse\nok 3\n", "2 0 1"),
    "an expected failure": ("OK", "1..1\nnot ok 1 - a # TODO later\n", "1 0 0"),
    "not TAP": ("OK", "all is well\nokay\n", "1 0 0"),
    "not TAP, failed": ("FAIL", "", "0 1 0"),
    "not TAP, skipped": ("SKIP", "", "0 0 1"),
    "all skipped": ("SKIP", "1..0 # SKIP nothing here\n", "0 0 1"),
    "all skipped, and counted": ("SKIP", "# 37 cases\n1..0 # SKIP nothing here\n", "0 0 37"),
    "cases that a program speaks of": ("OK", "# 37 cases\nok 1\n1..1\n", "1 0 0"),
    "a failed case": ("ERROR", "1..2\nok 1\nnot ok 2 - x\n", "1 1 0"),
    "crashed half-way": ("ERROR", "1..2\nok 1\n", "1 1 0"),
    "leaked after its last case": ("ERROR", "1..1\nok 1\n", "1 1 0"),
    "hung": ("TIMEOUT", "1..2\nok 1\n", "1 1 0"),
}

# what meson logs of one test program: name, result, stdout, stderr -> --failures, --names, --left-out
SHOWN = {
    "a failed case and what belongs to it": (
        [("unit / a", "ERROR", "1..3\nok 1 - one\nnot ok 2 - two\n# why\nok 3 - three\n# of three\n", "# why\nand more\n")],
        "-- a: ERROR\nnot ok 2 - two\n# why\nand more", "a: two", ""),
    "what went well": ([("unit / a", "OK", "1..1\nok 1 - one\n", "noise\n"), ("b", "EXPECTEDFAIL", "", "")], "", "", ""),
    "a program that crashed": (
        [("a", "ERROR", "1..2\nok 1 - one\nlast words\n", "Segmentation fault\n")],
        "-- a: ERROR\n1..2\nok 1 - one\nlast words\nSegmentation fault", "a: (ERROR)", ""),
    "a program that said nothing": ([("a", "TIMEOUT", "", "")], "-- a: TIMEOUT\n(it said nothing)", "a: (TIMEOUT)", ""),
    "the last lines of many": (
        [("a", "FAIL", "".join(f"{i}\n" for i in range(150)), "")],
        "-- a: FAIL\n" + "\n".join(str(i) for i in range(50, 150)), "a: (FAIL)", ""),
    "an expected failure is none": ([("a", "OK", "1..1\nnot ok 1 - one # TODO later\n", "")], "", "", ""),
    "cases left out, for one reason each": (
        [("unit / a", "OK", "1..3\nok 1 - x # SKIP no node\nok 2 - y # SKIP no node\nok 3 - z # SKIP\n", "")],
        "", "", "LEFT OUT: 2 cases (a: x ...): no node\nLEFT OUT: a: z: no reason given"),
    "a program left out": ([("unit / a", "SKIP", "1..0 # SKIP no samples\n", "")], "", "", "LEFT OUT: a: no samples"),
    "no mounts at all": (
        [("mount / mount-a", "SKIP", "1..0 # SKIP no fuse\n", ""), ("mount / mount-b", "SKIP", "1..0 # SKIP no fuse\n", "")],
        "", "", "LEFT OUT: mount tests: no fuse"),
    "some mount tests left out": (
        [("mount-a", "SKIP", "1..0 # SKIP not as root\n", ""), ("mount-b", "SKIP", "1..0 # SKIP not as root\n", ""),
         ("mount-c", "OK", "1..1\nok 1 - one\n", "")],
        "", "", "LEFT OUT: 2 mount tests: not as root"),
}


def shown(option, tests):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        for name, result, stdout, stderr in tests:
            log.write(json.dumps({"name": name, "result": result, "stdout": stdout, "stderr": stderr}) + "\n")
        log.flush()
        return subprocess.run([SCRIPT, option, log.name], check=True, capture_output=True, text=True).stdout.strip()


def counted(tests):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        for result, stdout in tests:
            log.write(json.dumps({"name": "x", "result": result, "stdout": stdout}) + "\n")
        log.flush()
        return subprocess.run([SCRIPT, log.name], check=True, capture_output=True, text=True).stdout.strip()


def main():
    checks = {name: (counted([(result, out)]), want) for name, (result, out, want) in CASES.items()}
    checks["all of them together"] = (counted([case[:2] for case in CASES.values()]), "11 5 40")
    checks["none"] = (counted([]), "0 0 0")
    for name, (tests, *wants) in SHOWN.items():
        for option, want in zip(("--failures", "--names", "--left-out"), wants):
            checks[f"{name}, {option}"] = (shown(option, tests), want)
    checks["two that crashed, --names"] = (shown("--names", SHOWN["a program that crashed"][0] * 2), "a: (ERROR)\na: (ERROR)")
    no_fuse = [("mount / mount-a", "SKIP", "# 30 cases\n1..0 # SKIP no fuse\n", ""),
               ("mount / mount-b", "SKIP", "# 1 cases\n1..0 # SKIP no fuse\n", ""), ("unit / c", "OK", "1..1\nok 1 - x\n", "")]
    checks["no mounts, --untested"] = (shown("--untested", no_fuse), "no fuse (31 cases left out)")
    checks["some mounts, --untested"] = (shown("--untested", [*no_fuse, ("mount / mount-d", "OK", "1..1\nok 1 - x\n", "")]), "")
    checks["no mount tests, --untested"] = (shown("--untested", no_fuse[2:]), "")
    print(f"1..{len(checks)}")
    for number, (name, (got, want)) in enumerate(checks.items(), 1):
        print(f"{'ok' if got == want else 'not ok'} {number} - {name}: {got!r}")
    return any(got != want for got, want in checks.values())


if __name__ == "__main__":
    sys.exit(main())
