#!/usr/bin/env python3
"""The demo transcripts are what they claim to be: the look that a newcomer takes at them must not mislead."""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "contrib" / "demo-transcripts.sh"
NOW = 1790000000
TEAM = "okstra-checkout"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def make(folder):
    subprocess.run([SCRIPT, folder, str(NOW)], check=True)
    return Path(os.path.realpath(folder))


def transcripts(demo):
    return {
        path: [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted(demo.glob("claude/projects/**/*.jsonl"))
    }


def of_team(found):
    return {path for path in found if f'"teamName":"{TEAM}"' in path.read_text()}


def tokens(usages):
    return sum(u["input_tokens"] + u["output_tokens"] + u["cache_creation_input_tokens"] for u in usages)


def test_every_line_is_a_record(demo, found):
    assert len(found) >= 8
    for path, records in found.items():
        assert path.read_bytes().endswith(b"\n")
        stamps = [record["timestamp"] for record in records]
        assert stamps == sorted(stamps) and all(STAMP.fullmatch(stamp) for stamp in stamps)
        assert all(record["sessionId"] in str(path) for record in records)
    uuids = [record["uuid"] for records in found.values() for record in records]
    assert len(uuids) == len(set(uuids))


def test_usage_adds_up(demo, found):
    lines = [r["message"]["usage"] for records in found.values() for r in records if "usage" in r["message"]]
    assert len(lines) > 50
    for usage in lines:
        split = usage["cache_creation"]
        assert usage["cache_creation_input_tokens"] == sum(split.values())
        assert usage["output_tokens"] > 0


def test_folders_are_named_after_the_cwd(demo, found):
    for path, records in found.items():
        folder = path.relative_to(demo / "claude" / "projects").parts[0]
        for record in records:
            assert folder == re.sub(rb"[^A-Za-z0-9]", b"-", os.fsencode(record["cwd"])).decode()
            assert Path(record["cwd"]).is_dir()


def test_the_state_files_fit_the_team(demo, found):
    (state_path,) = demo.glob("shop/.okstra/tasks/**/state/team-state-*.json")
    (manifest,) = (state_path.parent.parent / "manifests").glob("run-manifest-*.json")
    state = json.loads(state_path.read_text())
    since, until = json.loads(manifest.read_text())["createdAt"], state["runEndedAt"]
    assert since < until
    assert (demo / "shop" / state["runDirectoryPath"]).samefile(state_path.parent.parent)
    team = of_team(found)
    assert len(team) == 5 and state["team"]["teamName"] == TEAM
    (lead,) = [path for path in team if path.stem == state["lead"]["sessionId"]]
    stamps = [record["timestamp"] for record in found[lead]]
    assert stamps[0] < since and stamps[-1] > until
    agents = sorted(found[path][0]["agentName"] for path in team - {lead})
    assert agents == ["claude-worker", "codex-worker", "codex-worker-002", "report-writer"]
    for path in team - {lead}:
        assert all(since < record["timestamp"] < until for record in found[path])


def test_readme_shows_what_the_demo_has_used(demo, found):
    (state_path,) = demo.glob("shop/.okstra/tasks/**/state/team-state-*.json")
    (manifest,) = (state_path.parent.parent / "manifests").glob("run-manifest-*.json")
    since, until = json.loads(manifest.read_text())["createdAt"], json.loads(state_path.read_text())["runEndedAt"]
    used = [r["message"]["usage"] for path in of_team(found) for r in found[path]
            if "usage" in r["message"] and since <= r["timestamp"] <= until]
    everything = {r["message"]["id"]: r["message"]["usage"] for records in found.values() for r in records
                  if "usage" in r["message"]}
    readme = (SCRIPT.parent.parent / "README.md").read_text()
    assert f"of the team at the top `total_tokens` is {tokens(used)}," in readme
    assert re.search(r"^\$ jq .billed.totalTokens .*/usage/usage.json\n(\d+)$", readme, re.MULTILINE)[1] == \
        str(tokens(everything.values()))


def test_every_answer_has_an_end(demo, found):
    """Otherwise each cost would be a lower bound."""
    last = {r["message"]["id"]: r["message"]["stop_reason"] for records in found.values() for r in records
            if "usage" in r["message"]}
    assert last and set(last.values()) <= {"end_turn", "tool_use"}


def test_the_same_moment_gives_the_same_bytes(demo, found):
    with tempfile.TemporaryDirectory() as other:
        again = transcripts(make(Path(other) / 'a "b" \\c'))
    strip = [[{**r, "cwd": None} for r in records] for records in found.values()]
    assert sorted(map(str, strip)) == sorted(
        str([{**r, "cwd": None} for r in records]) for records in again.values()
    )


def test_a_folder_in_the_way_is_left_alone(demo, found):
    before = sorted(demo.rglob("*"))
    done = subprocess.run([SCRIPT, demo, str(NOW)], stderr=subprocess.DEVNULL, check=False)
    assert done.returncode != 0 and sorted(demo.rglob("*")) == before


def main():
    tests = [function for name, function in globals().items() if name.startswith("test_")]
    print(f"1..{len(tests)}")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        demo = make(Path(folder) / "demo")
        found = transcripts(demo)
        for number, test in enumerate(tests, 1):
            try:
                test(demo, found)
                print(f"ok {number} - {test.__name__}")
            except Exception as error:  # pylint: disable=broad-except
                bad += 1
                print(f"not ok {number} - {test.__name__}\n# {type(error).__name__}: {error}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
