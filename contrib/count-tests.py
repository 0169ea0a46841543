#!/usr/bin/env python3
"""Counts the test cases of a meson run: count-tests.py testlog.json -> "passed failed skipped" on one line.

    count-tests.py --failures testlog.json    what failed, with all that the programs said about it
    count-tests.py --names testlog.json       the names of what failed, one a line
    count-tests.py --left-out testlog.json    what was skipped, and why, one reason a line
    count-tests.py --untested testlog.json    why no mount was tested, and how many cases that are; nothing if one was

Meson's own summary counts programs. Ours are TAP programs of many cases each, so the cases are counted where a
program printed any, and the program itself where it did not. A program that skips all of its cases says "# N cases" in front of its plan. A program that ended badly without naming a failed
case (it crashed, hung, leaked, or stopped short of its plan) is one failure more.
"""
import json
import re
import sys

CASE = re.compile(r"(not )?ok\b(.*)")
DIRECTIVE = re.compile(r"#\s*(skip|todo)\S*\s*(.*)", re.IGNORECASE)
LEFT_OUT_CASES = re.compile(r"# (\d+) cases?$", re.MULTILINE)
PLAN_SKIP = re.compile(r"1\.\.0\s*#\s*skip\S*\s*(.*)", re.IGNORECASE)
NAME = re.compile(r"\s*\d*\s*-?\s*([^#]*)")
LAST_LINES = 100
MOUNT = "mount-"


def judged(stdout):
    """Of each case: what came of it, its name, the reason why it was skipped, and the lines that belong to it."""
    case = None
    for line in stdout.splitlines():
        found = CASE.match(line)
        if found:
            if case:
                yield case
            directive = DIRECTIVE.search(found.group(2))
            kind = directive.group(1).lower() if directive else ""
            outcome = "skipped" if kind == "skip" else "failed" if found.group(1) and not kind else "passed"
            case = (outcome, NAME.match(found.group(2)).group(1).strip(), directive.group(2).strip() if directive else "",
                    [line])
        elif case and line.startswith("#"):
            case[3].append(line)
    if case:
        yield case


def cases(stdout):
    outcomes = [case[0] for case in judged(stdout)]
    return tuple(outcomes.count(outcome) for outcome in ("passed", "failed", "skipped"))


def count(test):
    result = test["result"]
    passed, failed, skipped = cases(test.get("stdout") or "")
    if result == "SKIP":
        said = LEFT_OUT_CASES.search(test.get("stdout") or "")
        return 0, 0, max(1, skipped, int(said.group(1)) if said else 0)
    if result in ("OK", "EXPECTEDFAIL"):
        return (passed, failed, skipped) if passed + failed + skipped else (1, 0, 0)
    return passed, max(1, failed), skipped


def short_name(test):
    """Meson logs "project:suite / name"."""
    return test["name"].rsplit(" / ", 1)[-1]


def failures(tests):
    """Of each program that failed: its name, the names of its failed cases, and what was said about them."""
    for test in tests:
        if not count(test)[1]:
            continue
        stdout, stderr = (test.get(stream) or "" for stream in ("stdout", "stderr"))
        bad = [case for case in judged(stdout) if case[0] == "failed"]
        said = [line for case in bad for line in case[3]]
        known = set(said)
        if not bad:
            said = stdout.splitlines()[-LAST_LINES:]
        # What a program says twice is shown once.
        said += [line for line in stderr.splitlines() if line not in known][-LAST_LINES:]
        yield test, [case[1] for case in bad], said


def show_failures(tests):
    for test, _, said in failures(tests):
        print(f"-- {short_name(test)}: {test['result']}")
        print(*said or ["(it said nothing)"], sep="\n")


def show_names(tests):
    for test, names, _ in failures(tests):
        for name in names or [f"({test['result']})"]:
            print(f"{short_name(test)}: {name}")


def show_left_out(tests):
    """Where no mount can be tested, all of those programs say the same, which is told once."""
    reasons = {}
    mounted = False
    for test in tests:
        plan = PLAN_SKIP.search(test.get("stdout") or "") if test["result"] == "SKIP" else None
        is_mount = short_name(test).startswith(MOUNT)
        mounted = mounted or (is_mount and not plan)
        if plan:
            reasons.setdefault((is_mount, plan.group(1).strip()), []).append(short_name(test))
        for outcome, name, reason, _ in judged(test.get("stdout") or ""):
            if outcome == "skipped":
                reasons.setdefault((False, reason), []).append(f"{short_name(test)}: {name}")
    for (is_mount, reason), names in reasons.items():
        what = names[0] if len(names) == 1 else f"{len(names)} cases ({names[0]} ...)"
        if is_mount:
            what = f"{len(names)} mount tests" if mounted else "mount tests"
        print(f"LEFT OUT: {what}: {reason or 'no reason given'}")


def show_untested(tests):
    mounts = [test for test in tests if short_name(test).startswith(MOUNT)]
    if not mounts or any(test["result"] != "SKIP" for test in mounts):
        return
    plans = (PLAN_SKIP.search(test.get("stdout") or "") for test in mounts)
    reasons = sorted({plan.group(1).strip() for plan in plans if plan})
    print(f"{', '.join(reasons) or 'no reason given'} ({sum(count(test)[2] for test in mounts)} cases left out)")


def show_count(tests):
    totals = [0, 0, 0]
    for test in tests:
        totals = [a + b for a, b in zip(totals, count(test))]
    print(*totals)


SHOWS = {"--failures": show_failures, "--names": show_names, "--left-out": show_left_out, "--untested": show_untested}


def main(arguments):
    show = SHOWS.get(arguments[0], show_count)
    with open(arguments[-1], encoding="utf-8", errors="replace") as log:
        show([json.loads(line) for line in log])


if __name__ == "__main__":
    main(sys.argv[1:])
