"""What `billed` and the documents of stats/ must say: every line looked at again each time, nothing remembered.

As slow and plain as reference.py, whose events it shares. A request is all lines with one key; the line with the
greatest output tells its tokens, the earliest file outside a side chain owns it (docs/architecture.md). Where a relay made
the id, lines are joined one by one: by uuid, by requestId, by standing together, and replays with what they replay.
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
HOUR_MS = 3_600_000
BLOCK_MS = 5 * HOUR_MS


FREE_FROM = b"2026-06-02T00:00:00.000Z"
REPEATING = ("acompact-", "aside_question-")


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
    part: tuple = ()  # of the response with this key: (kind, which of them)
    searches: int = 0
    free: bool = False


def rank(line: Line) -> tuple:
    if line.part[:1] == ("search",):
        return not line.second_hand, line.free, line.searches, line.settled
    return not line.second_hand, line.output, not line.sidechain


def counts_of(usage: dict) -> tuple:
    u = reference.usage_counts(usage)
    five = u.creation_5m
    if u.creation > u.creation_5m + u.creation_1h:
        five = u.creation - u.creation_1h
    return u.input, u.output, five, u.creation_1h, u.read


def text(value) -> Optional[str]:
    return reference.text_of(value)


# --- what one line logs -----------------------------------------------------------------------------------------------


def plus(a: tuple, b: tuple) -> tuple:
    return tuple(x + y for x, y in zip(a, b))


def four(counts: tuple) -> tuple:
    """The split of cache writes does not matter where numbers are compared."""
    i, o, five, hour, read = counts
    return i, o, five + hour, read


def minus(whole: tuple, part: tuple) -> tuple:
    i, o, five, hour, read = (a - b for a, b in zip(whole, part))
    return i, o, max(five, 0), hour + min(five, 0), read


def without_output(counts: tuple, stamp) -> bool:
    return counts[1] == 0 and stamp is not None and stamp.encode() >= FREE_FROM


def step_lines(line: Line, message: dict):
    """What is billed besides the answer, and what of the answer has another price."""
    steps = reference.steps_of(message)[:reference.STEPS_MAX]
    passes = [s for s in steps if s["type"] in ("message", "fallback_message")]
    answers = [s for s in passes if s["type"] == "fallback_message"]
    zero, top = (0,) * 5, line.counts

    def total(some):
        out = zero
        for step in some:
            out = plus(out, counts_of(step))
        return four(out)

    inside, apart = [], []
    if total(passes) == four(top):
        inside = passes
    elif answers and total(answers) == four(top):
        inside, apart = answers, [s for s in passes if s not in answers]
    elif answers and total(answers[-1:]) == four(top):
        inside, apart = answers[-1:], [s for s in passes if s is not answers[-1]]
    own = top
    for n, step in enumerate(passes):
        model, counts = text(step.get("model")) or line.model, counts_of(step)
        is_in = any(step is s for s in inside) and model != line.model
        if not is_in and not any(step is s for s in apart) or counts == zero:
            continue
        own = minus(own, counts) if is_in else own
        yield line._replace(part=("attempt", n), counts=counts, output=counts[1], model=model, settled=True)
    yield line._replace(counts=own, output=own[1])
    for kind in ("advisor_message", "compaction"):
        for n, step in enumerate(s for s in steps if s["type"] == kind):
            model = text(step.get("model")) or ("unknown" if kind == "advisor_message" else line.model)
            counts = counts_of(step)
            yield line._replace(part=(kind, n), counts=counts, output=counts[1], model=model, settled=True)


def message_line(message, stamp, path, offset, sidechain, second_hand) -> Optional[Line]:
    usage = message.get("usage") if isinstance(message, dict) else None
    if not isinstance(usage, dict) or message.get("model") == "<synthetic>":
        return None
    counts = counts_of(usage)
    return Line((), counts[1], sidechain, second_hand, stamp, text(message.get("model")) or "unknown", counts, path, offset,
                isinstance(message.get("stop_reason"), str))


class Names(NamedTuple):
    """What a line says about who it is."""
    ident: Optional[str]
    uuid: Optional[str]
    request_id: Optional[str]


def own_names(line: Line, names: Names, session=None) -> list[tuple]:
    """All keys that the line itself gives: they are of one request."""
    name = os.path.basename(line.path)
    place = ("line", name, line.offset, line.stamp, line.counts, line.second_hand)
    if names.ident and reference.VENDOR_ID.match(names.ident):
        return [("id", names.ident)]
    if not names.ident:
        return [("id", names.uuid) if names.uuid else place]
    if line.stamp and CANONICAL.match(line.stamp):
        i, _, five, hour, read = line.counts
        place = ("content", names.ident, session, line.stamp, i, five + hour, read)
    keys = [(kind, names.ident, value) for kind, value in (("request", names.request_id), ("uuid", names.uuid)) if value]
    return keys or [place]


def is_repeating(path: str, agent) -> bool:
    names = (os.path.basename(path).removeprefix("agent-"), agent or "")
    return any(name.startswith(REPEATING) for name in names if name)


class File:
    """The lines of one file, and which keys belong together by what stands in it."""

    def __init__(self, path: str, joined: "Joined", content: Optional[bytes] = None):
        self.path, self.joined = path, joined
        self.lines: list[Line] = []
        self.last: dict[tuple, dict] = {}  # by conversation: the response that it is at
        if content is None:
            with open(path, "rb") as file:
                content = file.read()
        offset = 0
        for raw in content.split(b"\n"):
            record = reference.parse_line(raw) if raw.strip() else None
            if record is not None:
                self.record(record, offset)
            offset += len(raw) + 1

    def record(self, record: dict, offset: int) -> None:
        message = record.get("message") if isinstance(record.get("message"), dict) else {}
        stamp = text(record.get("timestamp")) or text(message.get("timestamp"))
        kind, sidechain = record.get("type"), record.get("isSidechain") is True
        conversation = (text(record.get("sessionId")), sidechain, text(record.get("agentId")))
        blocks = message.get("content") if isinstance(message.get("content"), list) else []
        blocks = [b for b in blocks if isinstance(b, dict)]
        line = message_line(message, stamp, self.path, offset, sidechain, False) if kind == "assistant" else None
        if line:
            names = Names(reference.text_of(message.get("id")), text(record.get("uuid")), text(record.get("requestId")))
            if sidechain and is_repeating(self.path, conversation[2]):
                names = names._replace(request_id=None)
            key = self.identify(line, names, conversation)
            self.lines += step_lines(line._replace(key=key), message)
            self.uses(line, blocks, message)
        elif kind == "assistant":
            if self.last.get(conversation, {}).get("ident") != text(message.get("id")):
                self.last.pop(conversation, None)
        elif kind == "user":
            self.turn(conversation, blocks)
            self.result(record, blocks, stamp, offset, sidechain)
        self.nested(record, stamp, offset)

    def turn(self, conversation: tuple, blocks: list) -> None:
        if not any(b.get("type") == "tool_result" for b in blocks):
            self.last.pop(conversation, None)
        elif conversation in self.last:
            self.last[conversation]["tool"] = True

    def identify(self, line: Line, names: Names, conversation: tuple) -> tuple:
        keys = own_names(line, names, conversation[0])
        for key in keys:
            self.joined.join(keys[0], key)
        if not names.ident or reference.VENDOR_ID.match(names.ident):
            self.last.pop(conversation, None)
            return keys[0]
        i, _, five, hour, read = line.counts
        prompt = (i, five + hour, read) if i or five or hour or read else None
        last = self.last.get(conversation)
        if last and self.goes_on(last, names, prompt, line.stamp):
            self.joined.join(last["key"], keys[0])
        else:
            last = self.last[conversation] = {"ident": names.ident, "request": None, "prompt": None, "key": keys[0]}
            self.joined.replays.append((conversation, names.ident, line, prompt, keys[0]))
        last["tool"] = False
        last["request"] = names.request_id or last["request"]
        last["prompt"] = prompt or last["prompt"]
        last["stamp"] = line.stamp
        return keys[0]

    @staticmethod
    def goes_on(last: dict, names: Names, prompt, stamp) -> bool:
        if last["ident"] != names.ident:
            return False
        if last["request"] and names.request_id:
            return last["request"] == names.request_id
        if last["prompt"]:
            return prompt == last["prompt"]
        both = [s for s in (stamp, last["stamp"]) if s and CANONICAL.match(s)]
        return not last["tool"] and (len(both) < 2 or both[0] >= both[1])

    def uses(self, line: Line, blocks: list, message: dict) -> None:
        own = reference.usage_counts(message["usage"]).searches
        asked = [text(b.get("id")) for b in blocks if b.get("type") == "tool_use" and b.get("name") == "WebSearch"]
        for ident in [a for a in asked if a][:reference.SEARCHES_MAX]:
            self.lines.append(line._replace(key=("search", ident), part=("search",), output=0, counts=(0,) * 5, settled=True,
                                            free=own > 0))

    def result(self, record: dict, blocks: list, stamp, offset: int, sidechain: bool) -> None:
        result = record.get("toolUseResult")
        count = reference.token_count(result.get("searchCount"))[0] if isinstance(result, dict) else 0
        of = next((text(b.get("tool_use_id")) for b in blocks if b.get("type") == "tool_result"), None)
        if count and of:
            self.lines.append(Line(("search", of), 0, sidechain, False, stamp, "unknown", (0,) * 5, self.path, offset, False,
                                   ("search",), count))

    def nested(self, record: dict, stamp, offset: int) -> None:
        data = record.get("data")
        if record.get("type") != "progress" or not isinstance(data, dict) or data.get("type") != "agent_progress":
            return
        outer = data.get("message")
        message = outer.get("message") if isinstance(outer, dict) else None
        if not isinstance(message, dict):
            return
        line = message_line(message, text(outer.get("timestamp")) or stamp, self.path, offset, True, True)
        if not line:
            return
        names = Names(text(message.get("id")), text(outer.get("uuid")), text(outer.get("requestId")))
        keys = own_names(line, names, text(record.get("sessionId")))
        for key in keys:
            self.joined.join(keys[0], key)
        self.lines.append(line._replace(key=keys[0]))


class Joined:
    """Keys that belong together."""

    def __init__(self):
        self.up: dict[tuple, tuple] = {}
        self.replays: list[tuple] = []

    def root(self, key: tuple) -> tuple:
        while self.up.get(key, key) != key:
            key = self.up[key]
        return key

    def join(self, a: tuple, b: tuple) -> None:
        self.up[self.root(a)] = self.root(b)

    def join_replays(self) -> None:
        """A side chain repeats a response of its session: the same prompt and output, or the prompt if its agent repeats."""
        groups: dict[tuple, tuple] = {}
        for (session, sidechain, agent), ident, line, prompt, key in self.replays:
            said = (session, ident, line.model, prompt)
            names = [said + (line.output,)] if prompt else []
            if prompt and (not sidechain or is_repeating(line.path, agent)):
                names.append(said)
            if not prompt and line.stamp and CANONICAL.match(line.stamp):
                names.append(said + (line.output, line.stamp))
            for name in names:
                groups.setdefault(name, ([], []))[sidechain].append(key)
        for originals, replays in groups.values():
            for key in originals + replays if originals and replays else []:
                self.join(originals[0], key)


def lines_of(path: str, content: Optional[bytes] = None):
    return File(path, Joined(), content).lines


class Request(NamedTuple):
    owner: str  # path
    line: Line  # that tells
    settled: bool  # the owner's own line


def when(stamp: Optional[str]) -> tuple:
    return (1, b"") if stamp is None else (0, stamp.encode())


def requests(paths, more=()) -> list[Request]:
    """Those of the files, and of lines that no file has any more."""
    joined = Joined()
    files = [File(path, joined) for path in paths]
    joined.join_replays()
    rows: dict[tuple, dict[str, Line]] = {}
    for line in [*(line for file in files for line in file.lines), *more]:
        of_file = rows.setdefault((joined.root(line.key), line.part), {})
        kept = of_file.get(line.path)
        if kept is None:
            of_file[line.path] = line
        elif line.part == ("search",):
            first = line if line.settled and not kept.settled else kept
            of_file[line.path] = first._replace(free=line.free or kept.free, searches=max(line.searches, kept.searches))
        elif rank(line) >= rank(kept):
            of_file[line.path] = line._replace(settled=line.settled or kept.settled)
        elif line.settled:
            of_file[line.path] = kept._replace(settled=True)
    out = []
    for of_file in rows.values():
        first_path = sorted(of_file.values(), key=lambda l: os.fsencode(l.path))
        best = max(first_path, key=lambda l: (rank(l), when(l.stamp)))
        owner = min(first_path, key=lambda l: (l.second_hand, l.sidechain, when(l.stamp)))
        out.append(Request(owner.path, best, owner.settled))
    return out


def billed(found) -> dict:
    own = [r.line for r in found if not r.line.second_hand and r.line.part != ("search",)]
    i, o, five, hour, read = (sum(line.counts[k] for line in own) for k in range(5))
    values = (len(own), *(min(n, reference.TOKENS_MAX) for n in (i + o + five + hour, i, o, five + hour, five, hour, read)))
    return dict(zip(BILLED, values)) | {"models": sorted({line.model for line in own})}


# --- documents ------------------------------------------------------------------------------------------------------


class World:
    """All transcripts below some configuration folders, in a zone (a tzinfo)."""

    def __init__(self, configs, zone=timezone.utc, more=()):
        self.zone = zone
        self.sessions = reference.sessions_of(configs)
        self.of_path = {p: sid for sid, s in self.sessions.items() for p in s.paths}
        self.requests = requests(list(self.of_path), more)
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

    def files(self) -> list[str]:
        return list(self.of_path)

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

    def week(self, stamp) -> str:
        local = self.local(stamp)
        return local.strftime("%G-W%V") if local else "unknown"

    def month(self, stamp) -> str:
        local = self.local(stamp)
        return local.strftime("%Y-%m") if local else "unknown"

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
        for path in self.files():
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
                        row[key] = min(row[key] + value, reference.TOKENS_MAX)
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
