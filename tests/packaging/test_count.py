#!/usr/bin/env python3
"""contrib/count-tests.py counts what meson logs, and nothing that went wrong counts as passed."""
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
    "a failed case": ("ERROR", "1..2\nok 1\nnot ok 2 - x\n", "1 1 0"),
    "crashed half-way": ("ERROR", "1..2\nok 1\n", "1 1 0"),
    "leaked after its last case": ("ERROR", "1..1\nok 1\n", "1 1 0"),
    "hung": ("TIMEOUT", "1..2\nok 1\n", "1 1 0"),
}


def counted(tests):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        for result, stdout in tests:
            log.write(json.dumps({"name": "x", "result": result, "stdout": stdout}) + "\n")
        log.flush()
        return subprocess.run([SCRIPT, log.name], check=True, capture_output=True, text=True).stdout.strip()


def main():
    checks = {name: (counted([(result, out)]), want) for name, (result, out, want) in CASES.items()}
    checks["all of them together"] = (counted([case[:2] for case in CASES.values()]), "10 5 3")
    checks["none"] = (counted([]), "0 0 0")
    print(f"1..{len(checks)}")
    for number, (name, (got, want)) in enumerate(checks.items(), 1):
        print(f"{'ok' if got == want else 'not ok'} {number} - {name}: {got}")
    return any(got != want for got, want in checks.values())


if __name__ == "__main__":
    sys.exit(main())
