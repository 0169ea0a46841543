"""An independent reference for the totals of transcripts: slow, plain, and read by a person in one sitting.

It shares no code and no idea with the C core: a line is judged by json.loads, a window is a loop over all events, and
nothing is remembered between two calls. What it says is what okstrafs must say. The rules are those of the okstra
collector, with the deviations that this project fixed in writing:
  - a token count is an integer from 0 to 2^63-1; null and absent are 0; anything else is 0 too, and odd
  - sums saturate at 2^63-1
  - timestamps, agent names and models are non-empty strings; `usage` is an object; other types are as absent
  - containers nest up to 1024; an integer literal has at most 4300 digits; a line has at most 256 MiB
  - a lone surrogate escape is shown as U+FFFD, and compares as that

As a command:
  reference.py [--window SINCE_UNTIL] [--now MS] FILE...   the thirteen keys of the files as one session
  reference.py --status FILE...                            lines, bad and odd ones, team names
  reference.py --teams FILE...                             team names
  reference.py --tree CONFIG_DIR...                        every session, project and team with its totals
"""

import argparse
import json
import os
import re
import stat
import sys
from datetime import datetime
from typing import NamedTuple, Optional

import reference_window

TOKENS_MAX = 2**63 - 1
DEPTH_MAX = 1024
LINE_MAX = 256 << 20
TEAM_NAME_MAX = 1024
STEPS_MAX = 24
SEARCHES_MAX = 4
STEPS = ("message", "fallback_message", "advisor_message", "compaction")
STEPS_APART = ("advisor_message", "compaction")  # their numbers are nowhere else
VENDOR_ID = re.compile(r"msg_((bdrk|vrtx)_)?[A-Za-z0-9]{20,}\Z")

KEYS = ("totalTokens", "inputTokens", "outputTokens", "cacheCreationTokens", "cacheCreation5mTokens",
        "cacheCreation1hTokens", "cacheReadTokens", "toolUses", "durationMs", "agentName", "model", "startedAt",
        "endedAt")

# json's C scanner counts its recursion against this; far above DEPTH_MAX, far below what a stack holds.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 4000))
sys.set_int_max_str_digits(4300)


# --- lines ----------------------------------------------------------------------------------------------------------

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)


def nesting(text: str) -> int:
    """How many containers are open at once, at most. Only meaningful for valid JSON."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return 0
    depth = deepest = 0
    for char in _STRING.sub("", text):
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def parse_line(raw: bytes) -> Optional[dict]:
    """The object that a line (without its newline, not blank) is, or None where it is bad."""
    if len(raw) > LINE_MAX:
        return None
    try:
        text = raw.strip().decode("utf-8")
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or nesting(text) > DEPTH_MAX:
        return None
    return value


_SURROGATE = re.compile("[\ud800-\udfff]")


def shown(value: str) -> str:
    return _SURROGATE.sub("\ufffd", value)


def text_of(value) -> Optional[str]:
    """A non-empty string, as it is shown, or None."""
    return shown(value) if isinstance(value, str) and value else None


def token_count(value) -> tuple[int, int]:
    """The count, and 1 where the value was no count."""
    if value is None:
        return 0, 0
    if type(value) is int and 0 <= value <= TOKENS_MAX:
        return value, 0
    return 0, 1


# --- records and events ---------------------------------------------------------------------------------------------


class Usage(NamedTuple):
    input: int = 0
    output: int = 0
    creation: int = 0
    creation_5m: int = 0
    creation_1h: int = 0
    read: int = 0
    searches: int = 0
    odd: int = 0


def usage_counts(usage: dict) -> Usage:
    odd = 0

    def count(of: dict, key: str) -> int:
        nonlocal odd
        value, is_odd = token_count(of.get(key))
        odd += is_odd
        return value

    input_, output = count(usage, "input_tokens"), count(usage, "output_tokens")
    read, creation = count(usage, "cache_read_input_tokens"), count(usage, "cache_creation_input_tokens")
    split = usage.get("cache_creation")
    five, hour = "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"
    if isinstance(split, dict) and (split.get(five) is not None or split.get(hour) is not None):
        in_5m, in_1h = count(split, five), count(split, hour)
    else:
        in_5m, in_1h = creation, 0
    tools = usage.get("server_tool_use")
    searches = count(tools, "web_search_requests") if isinstance(tools, dict) else 0
    return Usage(input_, output, creation, in_5m, in_1h, read, searches, odd)


def tool_uses(message: dict) -> int:
    content = message.get("content")
    if not isinstance(content, list):
        return 0
    return sum(1 for block in content if isinstance(block, dict) and block.get("type") == "tool_use")


class Event(NamedTuple):
    stamp: Optional[str]
    usage: Usage
    tools: int


def event_of(record: dict) -> Optional[Event]:
    message = record.get("message")
    if not isinstance(message, dict):
        message = {}
    usage = message.get("usage")
    counts = usage_counts(usage) if isinstance(usage, dict) else Usage()
    tools = tool_uses(message) if record.get("type") == "assistant" else 0
    stamp = text_of(record.get("timestamp")) or text_of(message.get("timestamp"))
    if not stamp and not tools and not any(counts[:6]):
        return None
    return Event(stamp, counts, tools)


def steps_of(message: dict) -> list[dict]:
    """The elements of usage.iterations[] whose type matters."""
    usage = message.get("usage") if isinstance(message, dict) else None
    steps = usage.get("iterations") if isinstance(usage, dict) else None
    return [s for s in steps if isinstance(s, dict) and s.get("type") in STEPS] if isinstance(steps, list) else []


def odd_of(record: dict) -> int:
    """Counts in message.usage, those of advisors, compactions and web searches included, that are none."""
    message = record.get("message")
    usage = message.get("usage") if isinstance(message, dict) else None
    if not isinstance(usage, dict):
        return 0
    odd = usage_counts(usage).odd
    return odd + sum(usage_counts(s).odd for s in steps_of(message)[:STEPS_MAX] if s["type"] in STEPS_APART)


# --- transcripts ----------------------------------------------------------------------------------------------------

# A look-ahead, so that finds may overlap: the closing quote of one name can open the next key.
_TEAM = re.compile(rb'(?=("teamname":"([^"\n]*)"))', re.I)


def team_names_in(raw: bytes) -> list[bytes]:
    return [m.group(2) for m in _TEAM.finditer(raw) if len(m.group(2)) <= TEAM_NAME_MAX]


def fold(name: bytes) -> str:
    return name.decode("utf-8", errors="replace").lower()


class Transcript:
    """All that one file says, whatever the window."""

    def __init__(self, content: bytes):
        self.events: list[Event] = []
        self.agent_name: Optional[str] = None
        self.model: Optional[str] = None
        self.lines = self.bad = self.odd = 0
        self.teams: dict[str, bytes] = {}  # folded -> as first written
        pieces = content.split(b"\n")
        for i, raw in enumerate(pieces):
            self._line(raw, complete=i < len(pieces) - 1)

    @classmethod
    def read(cls, path) -> "Transcript":
        with open(path, "rb") as file:
            return cls(file.read())

    def _line(self, raw: bytes, complete: bool) -> None:
        for name in team_names_in(raw):
            if name:
                self.teams.setdefault(fold(name), name)
        if not raw.strip():
            return
        record = parse_line(raw)
        self.lines += complete
        if record is None:
            self.bad += complete
            return
        if complete:
            self.odd += odd_of(record)
        self._names(record)
        event = event_of(record)
        if event:
            self.events.append(event)

    def _names(self, record: dict) -> None:
        if self.agent_name is None:
            self.agent_name = text_of(record.get("agentName"))
        message = record.get("message")
        if self.model is None and record.get("type") == "assistant" and isinstance(message, dict):
            self.model = text_of(message.get("model"))


# --- totals ---------------------------------------------------------------------------------------------------------


def saturating(values) -> int:
    return min(sum(values), TOKENS_MAX)


def duration_ms(first: Optional[str], last: Optional[str]) -> int:
    if not first or not last:
        return 0
    try:
        begin = datetime.fromisoformat(first.replace("Z", "+00:00"))
        end = datetime.fromisoformat(last.replace("Z", "+00:00"))
        return max(0, int((end - begin).total_seconds() * 1000))
    except (ValueError, TypeError, OverflowError):
        return 0


def in_window(stamp: Optional[str], since: str, until: str) -> bool:
    if not stamp:
        return True
    key = stamp.encode()
    return not (since and key < since.encode()) and not (until and key > until.encode())


def totals_of(transcripts: list[Transcript], since: str = "", until: str = "") -> dict:
    """The thirteen keys of a session: the events of all its transcripts in one pool."""
    pool = [e for t in transcripts for e in t.events if in_window(e.stamp, since, until)]
    stamps = [e.stamp.encode() for e in pool if e.stamp]
    first = min(stamps).decode() if stamps else None
    last = max(stamps).decode() if stamps else None
    columns = [saturating(e.usage[i] for e in pool) for i in range(6)]
    input_, output, creation, in_5m, in_1h, read = columns
    values = (saturating([input_, output, creation]), input_, output, creation, in_5m, in_1h, read,
              saturating(e.tools for e in pool), duration_ms(first, last),
              next((t.agent_name for t in transcripts if t.agent_name), None),
              next((t.model for t in transcripts if t.model), None), first, last)
    return dict(zip(KEYS, values))


def totals(paths, since: str = "", until: str = "") -> dict:
    if isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    return totals_of([Transcript.read(p) for p in sorted(paths, key=os.fsencode)], since, until)


def teams(paths) -> list[bytes]:
    """The team names of a file or of several, as first written."""
    if isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    names: dict[str, bytes] = {}
    for path in sorted(paths, key=os.fsencode):
        for key, name in Transcript.read(path).teams.items():
            names.setdefault(key, name)
    return list(names.values())


def agreed(values: list):
    return values[0] if values and all(v == values[0] for v in values) else None


def aggregate(parts: list[dict]) -> dict:
    """A team, member or project: its sessions summed."""
    out = {key: saturating(p[key] for p in parts) for key in KEYS[1:9]}
    total = saturating([out["inputTokens"], out["outputTokens"], out["cacheCreationTokens"]])
    firsts = [p["startedAt"].encode() for p in parts if p["startedAt"]]
    lasts = [p["endedAt"].encode() for p in parts if p["endedAt"]]
    out |= {"totalTokens": total, "agentName": agreed([p["agentName"] for p in parts]),
            "model": agreed([p["model"] for p in parts]),
            "startedAt": min(firsts).decode() if firsts else None,
            "endedAt": max(lasts).decode() if lasts else None}
    return {key: out[key] for key in KEYS}


# --- a whole configuration folder -----------------------------------------------------------------------------------


class Session:
    def __init__(self):
        self.paths: list[str] = []
        self.projects: set[str] = set()
        self._transcripts: Optional[list[Transcript]] = None

    @property
    def transcripts(self) -> list[Transcript]:
        if self._transcripts is None:
            self.paths.sort(key=os.fsencode)
            self._transcripts = [Transcript.read(p) for p in self.paths]
        return self._transcripts

    def totals(self, since: str = "", until: str = "") -> dict:
        return totals_of(self.transcripts, since, until)

    def teams(self) -> dict[str, bytes]:
        names: dict[str, bytes] = {}
        for transcript in self.transcripts:
            for key, name in transcript.teams.items():
                names.setdefault(key, name)
        return names


def find_transcripts(config: str):
    """Every (path, project) under <config>/projects; no symlink below it is followed."""
    root = os.path.join(os.path.realpath(config), "projects")
    for folder, dirs, files in os.walk(root):
        dirs.sort(key=os.fsencode)
        rel = os.path.relpath(folder, root)
        project = None if rel == "." else rel.split(os.sep)[0]
        for name in sorted(files, key=os.fsencode):
            path = os.path.join(folder, name)
            if not name.endswith(".jsonl") or name == "journal.jsonl":
                continue
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield path, project


def sessions_of(configs) -> dict[str, Session]:
    sessions: dict[str, Session] = {}
    for config in configs:
        for path, project in find_transcripts(config):
            session = sessions.setdefault(os.path.basename(path)[: -len(".jsonl")], Session())
            if path not in session.paths:
                session.paths.append(path)
            if project:
                session.projects.add(project)
    return sessions


def projects_of(sessions: dict[str, Session]) -> dict[str, list[str]]:
    projects: dict[str, list[str]] = {}
    for sid, session in sessions.items():
        for project in session.projects:
            projects.setdefault(project, []).append(sid)
    return {name: sorted(projects[name]) for name in sorted(projects)}


def tree(configs, since: str = "", until: str = "") -> dict:
    sessions = sessions_of(configs)
    each = {sid: s.totals(since, until) for sid, s in sessions.items()}
    by_team: dict[str, dict] = {}
    for sid in sorted(sessions):
        for key, name in sessions[sid].teams().items():
            team = by_team.setdefault(key, {"name": name.decode("utf-8", "replace"), "sessions": []})
            team["sessions"].append(sid)

    def summed(ids: list[str]) -> dict:
        return aggregate([each[i] for i in ids])

    return {
        "sessions": {sid: {"totals": each[sid], "transcripts": len(sessions[sid].paths),
                           "projects": sorted(sessions[sid].projects), "teams": sorted(sessions[sid].teams())}
                     for sid in sorted(sessions)},
        "projects": {name: {"sessions": ids, "totals": summed(ids)} for name, ids in projects_of(sessions).items()},
        "teams": {key: team | {"totals": summed(team["sessions"])} for key, team in sorted(by_team.items())},
    }


# --- the command ----------------------------------------------------------------------------------------------------


def status(paths) -> dict:
    transcripts = [Transcript.read(p) for p in sorted(paths, key=os.fsencode)]
    return {"lines": sum(t.lines for t in transcripts), "bad": sum(t.bad for t in transcripts),
            "odd": sum(t.odd for t in transcripts), "events": sum(len(t.events) for t in transcripts)}


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--window", default="_", metavar="SINCE_UNTIL")
    parser.add_argument("--now", type=int, default=0, metavar="MS", help="for windows that are relative to now")
    parser.add_argument("--status", action="store_true")
    parser.add_argument("--teams", action="store_true")
    parser.add_argument("--tree", action="store_true")
    parser.add_argument("path", nargs="+")
    args = parser.parse_args(argv)
    window = reference_window.parse(args.window + ".json", args.now)
    if window is None:
        parser.error(f"no window: {args.window!r}")
    since, until, _ = window
    if args.tree:
        out = tree(args.path, since, until)
    elif args.teams:
        out = [name.decode("utf-8", "replace") for name in teams(args.path)]
    elif args.status:
        out = status(args.path)
    else:
        out = totals(args.path, since, until)
    print(json.dumps(out, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
