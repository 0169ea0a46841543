"""What `billed` and the documents of stats/ must say: every line looked at again each time, nothing remembered.

As slow and plain as reference.py, whose events it shares. A request is all lines with one key; the line with the
greatest output tells its tokens, the earliest file outside a side chain owns it (docs/architecture.md).
"""

import json
import os
import re
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import NamedTuple, Optional

import reference

BILLED = ("requests", "totalTokens", "inputTokens", "outputTokens", "cacheCreationTokens", "cacheCreation5mTokens",
          "cacheCreation1hTokens", "cacheReadTokens")
CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z\Z")
ADVISORS_MAX = 16
HOUR_MS = 3_600_000
BLOCK_MS = 5 * HOUR_MS


class Line(NamedTuple):
    key: tuple
    output: int
    sidechain: bool
    second_hand: bool
    stamp: Optional[str]
    model: str
    counts: tuple  # input, output, cache 5m, cache 1h, cache read
    path: str
    offset: int
    settled: bool


def rank(line: Line) -> tuple:
    return not line.second_hand, line.output, not line.sidechain


def counts_of(usage: dict) -> tuple:
    u = reference.usage_counts(usage)
    five = u.creation_5m
    if u.creation > u.creation_5m + u.creation_1h:
        five = u.creation - u.creation_1h
    return u.input, u.output, five, u.creation_1h, u.read


def text(value) -> Optional[str]:
    return reference.text_of(value)


def message_lines(record, message, uuid, stamp, path, offset, sidechain, second_hand):
    usage = message.get("usage") if isinstance(message, dict) else None
    if not isinstance(usage, dict) or message.get("model") == "<synthetic>":
        return
    counts = counts_of(usage)
    ident = text(message.get("id")) or text(uuid)
    name = os.path.basename(path)
    key = ("id", ident) if ident else ("line", name, offset, stamp, counts, second_hand)
    settled = isinstance(message.get("stop_reason"), str)
    yield Line(key, counts[1], sidechain, second_hand, stamp, text(message.get("model")) or "unknown", counts, path,
               offset, settled)
    steps = usage.get("iterations")
    if second_hand or not isinstance(steps, list):
        return
    advisors = [s for s in steps if isinstance(s, dict) and s.get("type") == "advisor_message"][:ADVISORS_MAX]
    for n, step in enumerate(advisors):
        counts = counts_of(step)
        yield Line(("part", key, n), counts[1], sidechain, False, stamp, text(step.get("model")) or "unknown", counts,
                   path, offset, True)


def lines_of(path: str):
    with open(path, "rb") as file:
        content = file.read()
    offset = 0
    for raw in content.split(b"\n"):
        record = reference.parse_line(raw) if raw.strip() else None
        if record is not None:
            yield from record_lines(record, path, offset)
        offset += len(raw) + 1


def record_lines(record, path, offset):
    message = record.get("message") if isinstance(record.get("message"), dict) else {}
    stamp = text(record.get("timestamp")) or text(message.get("timestamp"))
    if record.get("type") == "assistant":
        yield from message_lines(record, message, record.get("uuid"), stamp, path, offset,
                                 record.get("isSidechain") is True, False)
    data = record.get("data")
    if record.get("type") == "progress" and isinstance(data, dict) and data.get("type") == "agent_progress":
        outer = data.get("message")
        if isinstance(outer, dict):
            nested = text(outer.get("timestamp")) or stamp
            yield from message_lines(record, outer.get("message"), outer.get("uuid"), nested, path, offset, True, True)


class Request(NamedTuple):
    owner: str  # path
    line: Line  # that tells


def when(stamp: Optional[str]) -> tuple:
    return (1, b"") if stamp is None else (0, stamp.encode())


def requests(paths) -> list[Request]:
    rows: dict[tuple, dict[str, Line]] = {}
    for path in paths:
        for line in lines_of(path):
            of_file = rows.setdefault(line.key, {})
            kept = of_file.get(path)
            if kept is None or rank(line) >= rank(kept):
                settled = line.settled or bool(kept and kept.settled)
                of_file[path] = line._replace(settled=settled)
            elif line.settled:
                of_file[path] = kept._replace(settled=True)
    out = []
    for of_file in rows.values():
        first_path = sorted(of_file.values(), key=lambda l: os.fsencode(l.path))
        best = max(first_path, key=lambda l: (rank(l), when(l.stamp)))
        owner = min(first_path, key=lambda l: (l.second_hand, l.sidechain, when(l.stamp)))
        out.append(Request(owner.path, best))
    return out


def billed(found) -> dict:
    own = [r.line for r in found if not r.line.second_hand]
    i, o, five, hour, read = (sum(line.counts[k] for line in own) for k in range(5))
    values = (len(own), i + o + five + hour, i, o, five + hour, five, hour, read)
    return dict(zip(BILLED, values)) | {"models": sorted({line.model for line in own})}


# --- documents ------------------------------------------------------------------------------------------------------


class World:
    """All transcripts below some configuration folders, in a zone (a tzinfo)."""

    def __init__(self, configs, zone=timezone.utc):
        self.zone = zone
        self.sessions = reference.sessions_of(configs)
        self.of_path = {p: sid for sid, s in self.sessions.items() for p in s.paths}
        self.requests = requests(list(self.of_path))
        self.cwds = {sid: self._cwd(s) for sid, s in self.sessions.items()}

    @staticmethod
    def _cwd(session) -> Optional[str]:
        for path in sorted(session.paths, key=os.fsencode):
            with open(path, "rb") as file:
                pieces = file.read().split(b"\n")
            for raw in pieces[:-1]:
                record = reference.parse_line(raw) if raw.strip() else None
                if record and isinstance(record.get("cwd"), str) and record["cwd"] and len(record["cwd"].encode()) < 4096:
                    return record["cwd"]
        return None

    # -- what a session belongs to

    def project(self, sid: str) -> str:
        return self.cwds[sid] or next(iter(sorted(self.sessions[sid].projects)), "unknown")

    def agent(self, sid: str) -> str:
        name = next((t.agent_name for t in self.sessions[sid].transcripts if t.agent_name), None)
        name = name or next(filter(None, map(self._label, sorted(self.sessions[sid].paths, key=os.fsencode))), None)
        if name:
            return name
        return "(sub-agent)" if self.is_subagent(sid) else "(main)"

    @staticmethod
    def _label(path: str) -> Optional[str]:
        """What the file beside an agent's transcript calls it."""
        if not os.path.basename(path).startswith("agent-"):
            return None
        try:
            with open(path.removesuffix(".jsonl") + ".meta.json", "rb") as file:
                meta = json.load(file)
        except (OSError, ValueError):
            return None
        return text(meta.get("name")) or text(meta.get("agentType")) if isinstance(meta, dict) else None

    def is_subagent(self, sid: str) -> bool:
        path = min(self.sessions[sid].paths, key=os.fsencode)
        if "/subagents/" in path:
            return True
        return sid.startswith("agent-") and bool(self._session_id(path)) and self._session_id(path) != sid

    @staticmethod
    def _session_id(path: str) -> Optional[str]:
        with open(path, "rb") as file:
            for raw in file.read().split(b"\n")[:-1]:
                record = reference.parse_line(raw) if raw.strip() else None
                if record and text(record.get("sessionId")):
                    return text(record.get("sessionId"))
        return None

    # -- when it was

    def local(self, stamp: Optional[str]) -> Optional[datetime]:
        if not stamp or not CANONICAL.match(stamp):
            return None
        try:
            return datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(self.zone)
        except ValueError:
            return None

    def day(self, stamp) -> str:
        local = self.local(stamp)
        return local.strftime("%Y-%m-%d") if local else "unknown"

    def hour(self, stamp) -> str:
        local = self.local(stamp)
        if not local:
            return "unknown"
        offset = local.strftime("%z")
        shown = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}"
        return local.strftime("%Y-%m-%dT%H:00") + shown

    # -- rows

    def part(self, sid: str, keep) -> dict:
        session = self.sessions[sid]
        some = [SimpleNamespace(events=[e for e in t.events if keep(e)], agent_name=t.agent_name, model=t.model)
                for t in session.transcripts]
        return reference.totals_of(some) if any(t.events for t in some) else None

    def in_window(self, stamp, since, until) -> bool:
        return reference.in_window(stamp, since, until)

    def row(self, parts, found) -> dict:
        parts = [p for p in parts if p]
        return (reference.aggregate(parts) if parts else nothing()) | {"billed": billed(found)}

    def total(self, since="", until="") -> dict:
        inside = [r for r in self.requests if self.in_window(r.line.stamp, since, until)]
        return self.row([self.part(sid, lambda e: self.in_window(e.stamp, since, until)) for sid in self.sessions], inside)

    def by_session(self, key_of, since="", until="") -> dict:
        """key_of(sid): rows by a property of sessions."""
        rows: dict[str, tuple] = {}
        for sid in self.sessions:
            part = self.part(sid, lambda e: self.in_window(e.stamp, since, until))
            parts, found = rows.setdefault(key_of(sid), ([], []))
            parts.append(part)
        for r in self.requests:
            if self.in_window(r.line.stamp, since, until):
                rows[key_of(self.of_path[r.owner])][1].append(r)
        return {key: self.row(parts, found) for key, (parts, found) in rows.items()}

    def by_time(self, key_of, since="", until="") -> dict:
        """key_of(stamp): rows by a property of times."""
        rows: dict[str, tuple] = {}
        for sid, session in self.sessions.items():
            inside = [e for t in session.transcripts for e in t.events if self.in_window(e.stamp, since, until)]
            for key in {key_of(e.stamp) for e in inside}:
                part = self.part(sid, lambda e: self.in_window(e.stamp, since, until) and key_of(e.stamp) == key)
                rows.setdefault(key, ([], []))[0].append(part)
        for r in self.requests:
            if self.in_window(r.line.stamp, since, until):
                rows.setdefault(key_of(r.line.stamp), ([], []))[1].append(r)
        return {key: self.row(parts, found) for key, (parts, found) in rows.items()}

    def by_model(self, since="", until="") -> dict:
        """Of the counts only those of the columns: spans are those of transcripts."""
        rows: dict[str, dict] = {}
        for path in self.of_path:
            with open(path, "rb") as file:
                for raw in file.read().split(b"\n"):
                    record = reference.parse_line(raw) if raw.strip() else None
                    event = reference.event_of(record) if record else None
                    if not event or not (any(event.usage[:6]) or event.tools):
                        continue
                    if not self.in_window(event.stamp, since, until):
                        continue
                    message = record.get("message") if isinstance(record.get("message"), dict) else {}
                    row = rows.setdefault(text(message.get("model")) or "unknown", dict.fromkeys(COUNTS, 0))
                    for key, value in zip(COUNTS, [*event.usage[:6], event.tools]):
                        row[key] += value
        for r in self.requests:
            if self.in_window(r.line.stamp, since, until):
                rows.setdefault(r.line.model, dict.fromkeys(COUNTS, 0)).setdefault("found", []).append(r)
        return {key: {k: row[k] for k in COUNTS} | {"billed": billed(row.get("found", []))} for key, row in rows.items()}

    def blocks(self, since="", until="") -> list[dict]:
        """As ccusage cuts them: key, first and last request, gaps, and what is billed."""
        timed = sorted(((millis(r.line.stamp), r) for r in self.requests
                        if self.local(r.line.stamp) and self.in_window(r.line.stamp, since, until)
                        and not r.line.second_hand), key=lambda pair: pair[0])
        out: list[dict] = []
        for at, request in timed:
            last = out[-1] if out else None
            if last is None or at - last["start"] > BLOCK_MS or at - last["last"] > BLOCK_MS:
                if last and at - last["last"] > BLOCK_MS:
                    out.append({"gap": True, "start": last["last"] + BLOCK_MS, "end": at})
                out.append({"gap": False, "start": at - at % HOUR_MS, "end": at - at % HOUR_MS + BLOCK_MS, "first": at,
                            "found": []})
            out[-1]["last"] = at
            out[-1]["found"].append(request)
        return out


COUNTS = reference.KEYS[1:8]


def millis(stamp: str) -> int:
    since = datetime.fromisoformat(stamp.replace("Z", "+00:00")) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return since // timedelta(milliseconds=1)


def nothing() -> dict:
    return dict.fromkeys(reference.KEYS, 0) | {"agentName": None, "model": None, "startedAt": None, "endedAt": None}
