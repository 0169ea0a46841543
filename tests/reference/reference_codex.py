"""Which requests the rollouts of a Codex home hold, said as plainly as possible: all files at once, dicts, no cursors; and
homes that are made up, to compare on."""

import itertools
import json
import random
import re
import uuid
from collections import namedtuple

FIVE = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.I)
NAME = re.compile(r"rollout-.{19}-(.{36})(?:_(.+))?\.jsonl")

Request = namedtuple("Request", "stamp model numbers")


def five(usage) -> tuple:
    return tuple(usage.get(key) or 0 for key in FIVE)


def objects(data: bytes) -> list:
    out = []
    for raw in data.split(b"\n"):
        try:
            out.append(json.loads(raw))
        except ValueError:
            continue
    return [x for x in out if isinstance(x, dict) and isinstance(x.get("payload"), dict)]


def is_count(payload) -> bool:
    return bool(payload.get("type") == "token_count" and payload.get("info"))


def turn_of(line, turn):
    opens = line["type"] == "turn_context" or line["payload"].get("type") == "task_started"
    return line["payload"].get("turn_id", turn) if opens else turn


class File:
    """One rollout: its lines, and what it says of itself."""

    def __init__(self, path: str, data: bytes):
        thread, page = NAME.search(path).groups()
        self.path, self.lines = path, objects(data)
        self.rollout = page or thread
        metas = [x["payload"] for x in self.lines if x["type"] == "session_meta"]
        self.meta = metas[0] if metas else {"id": thread}
        head = list(itertools.takewhile(lambda line: not is_count(line["payload"]), self.lines))
        metas = [x["payload"] for x in head if x["type"] == "session_meta"]  # what comes later is too late for the counts
        self.base = metas[0].get("history_base") if metas else None
        self.names = {self.meta["id"]}
        for meta in metas:
            self.names |= {meta[key] for key in ("id", "session_id", "forked_from_id", "parent_thread_id") if meta.get(key)}
        self.counts, self.models, self.turn = set(), {}, None  # the turn that it ends in
        for line in self.lines:
            payload = line["payload"]
            self.turn = turn_of(line, self.turn)
            if line["type"] == "turn_context" and payload.get("model"):
                self.models.setdefault(payload.get("turn_id"), payload["model"])
            if is_count(payload):
                self.counts.add((five(payload["info"]["total_token_usage"]), five(payload["info"].get("last_token_usage") or {})))

    def model(self, turn, at):
        if turn in self.models:
            return self.models[turn]
        said = [(n, x["payload"]["model"]) for n, x in enumerate(self.lines)
                if x["type"] == "turn_context" and x["payload"].get("model")]
        before = [model for n, model in said if n < at]
        return before[-1] if before else said[0][1] if said else ""


def may_go_on_from(page: File, other: File) -> bool:
    """Of its own session, or the one that it was forked from: a rollout that lost its head may name another session."""
    if other.meta["id"] == page.meta.get("forked_from_id"):
        return True
    before = other.path.rsplit("/", 1)[-1] < page.path.rsplit("/", 1)[-1]
    return other.meta["id"] == page.meta["id"] and (before or other.rollout == page.base["thread_id"])


def families(files) -> dict:
    """The smallest name that is joined to each."""
    root = {}

    def find(name):
        while root.setdefault(name, name) != name:
            name = root[name]
        return name

    for file in files:
        first, *rest = sorted(file.names | ({file.base["thread_id"]} if file.base else set()))
        for name in [first, *rest]:
            a, b = find(first), find(name)
            root[max(a, b)] = min(a, b)
    return {name: find(name) for name in list(root)}


def requests(contents: dict) -> list:
    """What all rollouts come to: a Request for each, by time."""
    files = [File(path, data) for path, data in sorted(contents.items())]
    family, records, counts, aliases = families(files), {}, {}, set()

    def put(into, key, stamp, model, numbers):
        old = into.get(key)
        into[key] = Request(min(stamp, old.stamp) if old else stamp, model, numbers)

    for file in files:
        others = [f for f in files if f is not file and file.base and may_go_on_from(file, f)]
        turn, previous, pending, covering, first = None, (0,) * 5, None, False, True
        for at, line in enumerate(file.lines):
            payload, stamp = line["payload"], line["timestamp"]
            turn = turn_of(line, turn)
            if line["type"] == "token_usage_record":
                numbers = five(payload["usage"])
                put(records, (payload["thread_id"], payload["response_id"], numbers), stamp,
                    file.model(payload["turn_id"], at), numbers)
                if pending and pending[1] == numbers:
                    aliases.add(pending[0])
                else:
                    covering = True
                pending = None
            if not is_count(payload):
                continue
            total, last = five(payload["info"]["total_token_usage"]), payload["info"].get("last_token_usage")
            fell = any(a < b for a, b in zip(total, previous))
            last = five(last) if last else total if fell else tuple(a - b for a, b in zip(total, previous))
            opens, first = first and file.base, False
            key = (turn if UUID.match(turn or "") else (family[file.meta["id"]], turn), total, last)
            repeated = [f for f in others if (total, last) in f.counts] if opens else []
            if repeated and all(f.turn != turn for f in repeated):  # in the same turn it is the very key of the request
                aliases.add(key)
            repeats = total == previous or repeated or key in aliases and opens
            previous = total
            if repeats or not any(total + last):
                continue
            if covering:
                aliases.add(key)
                covering = False
                continue
            put(counts, key, stamp, file.model(turn, at), last)
            pending = (key, last)
    return sorted([*records.values(), *(one for key, one in counts.items() if key not in aliases)], key=lambda r: r.stamp)


# --- made-up homes --------------------------------------------------------------------------------------------------


class Thread:
    """A thread as Codex would write it: `pages` are lists of lines."""

    def __init__(self, home: "Home", **meta):
        self.home, self.id, self.total, self.summed = home, home.uuid(), [0] * 5, [0] * 5
        self.style = home.dice.choice(("both", "both", "counts", "records", "reversed"))
        self.old = home.dice.random() < 0.2  # ids of turns that are no UUIDs
        self.turns, self.pages, self.names, self.last = 0, [], [], None
        self.ancestor = {key: meta[key] for key in meta if key != "history_base"}  # on all of its pages
        self.page(meta)

    def page(self, meta):
        self.pages.append([])
        name = f"rollout-2026-09-01T{len(self.home.names):08d}-{self.id}"
        self.names.append(name + (f"_{self.home.uuid()}" if len(self.pages) > 1 else ""))
        self.home.names.append(self.names[-1])
        self.put("session_meta", {"id": self.id, "session_id": self.id, "cwd": "/made/up", **meta})

    def put(self, kind, payload):
        self.pages[-1].append({"timestamp": self.home.now(), "type": kind, "payload": payload})

    def count(self, last):
        usage = lambda numbers: dict(zip(FIVE, numbers), total_tokens=numbers[0] + numbers[3])
        self.last = last
        self.put("event_msg", {"type": "token_count", "info": {"total_token_usage": usage(self.total), "last_token_usage": usage(last)}})

    def record(self, numbers):
        self.summed = [a + b for a, b in zip(self.summed, numbers)]
        usage = lambda n: dict(zip(FIVE, n), total_tokens=n[0] + n[3])
        self.put("token_usage_record", {"thread_id": self.id, "turn_id": self.current, "response_id": f"resp_{self.home.uuid()}",
                                        "usage": usage(numbers), "thread_token_usage": usage(self.summed)})

    def numbers(self):
        pick = self.home.dice.randrange
        cached, written, fresh, out = pick(1000), pick(3) * pick(100), 1 + pick(1000), 1 + pick(500)
        return [cached + written + fresh, cached, written, out, pick(out)]

    def begin(self):
        self.turns += 1
        self.current = str(self.turns) if self.old else self.home.uuid()
        self.put("event_msg", {"type": "task_started", "turn_id": self.current})
        self.put("turn_context", {"turn_id": self.current, "model": self.home.dice.choice(("gpt-5.5", "gpt-5.4-mini"))})

    def turn(self):
        dice = self.home.dice
        self.begin()
        for _ in range(dice.randrange(1, 4)):
            self.put("response_item", {"type": "message", "role": "assistant"})
            numbers = self.numbers()
            self.total = [a + b for a, b in zip(self.total, numbers)]
            if self.style in ("both", "records"):
                self.record(numbers)
            if self.style != "records":
                for _ in range(dice.randrange(1, 3)):
                    self.count(numbers)
            if self.style == "reversed":
                self.record(numbers)
            if self.style in ("both", "records") and dice.random() < 0.2:
                self.record(self.numbers())
                self.put("compacted", {"message": ""})
                if self.style == "both":
                    self.count([0] * 5)
        if self.style == "both" and dice.random() < 0.2:
            self.style = "counts"

    def resume(self):
        """The next page."""
        base = self.names[-1].rsplit("_")[-1] if "_" in self.names[-1] else self.id
        self.page({**self.ancestor, "history_base": {"thread_id": base}})
        if self.last and any(self.total) and self.style != "records" and self.home.dice.random() < 0.6:
            self.begin()
            self.count(self.last)
        elif self.home.dice.random() < 0.3:
            self.total = [0] * 5


class Home:
    """Threads, their pages and forks, all made from one seed."""

    def __init__(self, seed: int, threads: int = 5):
        self.dice, self.clock, self.names, self.threads = random.Random(seed), 0, [], []
        while len(self.threads) < threads:
            self.threads.append(self.made())
            for _ in range(self.dice.randrange(1, 6)):
                self.dice.choice(self.threads[-2:]).__getattribute__(self.dice.choice(("turn", "turn", "resume")))()
        gone = {t for t in self.threads[:-1] if self.dice.random() < 0.25}
        self.files = {f"{name}.jsonl": b"".join(json.dumps(x).encode() + b"\n" for x in page)
                      for t in self.threads if t not in gone for name, page in zip(t.names, t.pages)}

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128)))

    def now(self) -> str:
        self.clock += 1
        return f"2026-09-{1 + self.clock // 86400:02}T{self.clock // 3600 % 24:02}:{self.clock // 60 % 60:02}:{self.clock % 60:02}.000Z"

    def made(self) -> Thread:
        how = self.dice.choice(("plain", "fork", "fork", "agent", "reference")) if self.threads else "plain"
        if how == "plain":
            return Thread(self)
        parent = self.dice.choice(self.threads)
        if how == "reference":
            base = parent.names[-1].rsplit("_")[-1] if "_" in parent.names[-1] else parent.id
            child = Thread(self, forked_from_id=parent.id, history_base={"thread_id": base})
            child.total, child.style = list(parent.total), parent.style
            if parent.last and any(child.total) and child.style != "records" and self.dice.random() < 0.6:
                child.last = parent.last
                child.begin()
                child.count(parent.last)
            return child
        child = Thread(self, forked_from_id=parent.id, **({"parent_thread_id": parent.id} if how == "agent" else {}))
        child.old, child.turns = parent.old, parent.turns + 100 * len(self.threads)
        kinds = ("token_usage_record",) if how == "agent" and self.dice.random() < 0.5 else ()
        stamp = self.now()
        for page in parent.pages:
            child.pages[-1] += [{**line, "timestamp": stamp} for line in page if line["type"] not in kinds]
        if how == "fork":
            child.total, child.style = list(parent.total), parent.style
        child.last = parent.last
        return child
