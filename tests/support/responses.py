"""Made-up conversations in which message.id does not say which lines are one response, and in which a response costs more
than its answer: relays with one id or ids of a clock, forks, history that is appended again, side chains that repeat,
passes of several models, web searches of the client. Seeded and so repeatable.
"""

import random
from datetime import datetime, timedelta

import records

RELAY_MODELS = ("kimi-k2", "claude-opus-4-7", "gpt-5.5")
SPLIT = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


class World:
    """Files of lines (dicts) by (project, name, parent session or "")."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.files: dict[tuple, list[dict]] = {}
        self.serial = 0
        self.clock = -3_000  # a little before what is free from then on

    def next(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}{self.serial}"

    def stamp(self) -> str:
        self.clock += self.random.choice((0, 1, 40, 1000, 61_000))
        return (datetime(2026, 6, 2) + timedelta(milliseconds=self.clock)).isoformat(timespec="milliseconds") + "Z"

    def ident(self, style: str) -> str:
        return {"silent": lambda: "relay", "vendor": lambda: f"msg_01{self.next('A'):0>22}", "constant": lambda: "relay",
                "clock": lambda: f"msg_{1788256800000 + self.random.randrange(3)}", "own": lambda: self.next("chatcmpl-")}[style]()

    def usage(self, style: str) -> dict:
        pick = self.random.randrange
        if style == "silent":
            return records.usage(0, pick(1, 9))
        five, hour = pick(0, 50), pick(0, 9)
        created = self.random.choice((five + hour, five + hour + 5, 0))
        return records.usage(pick(1, 90), pick(1, 60), created, pick(0, 4) * 100, (five, hour) if pick(2) else None)

    def passes(self, usage: dict, model: str) -> None:
        """usage.iterations[], in the ways in which it adds up to the top level, and in one in which it does not."""
        pick, steps = self.random.randrange, []
        if pick(3) == 0:
            steps.append({"type": "compaction"} | records.usage(pick(500), pick(1, 90)))
        if pick(3) == 0:
            steps.append({"type": "advisor_message", "model": "adviser"} | records.usage(pick(90), pick(1, 9)))
        bare = {key: value for key, value in usage.items() if key != "iterations"}
        kind = pick(5)
        if kind == 0:
            steps.append({"type": "message"} | bare)
        elif kind in (1, 2):
            declined = {"type": "message", "model": "declining"} | records.usage(pick(40), pick(2) * pick(9), pick(5), pick(30))
            steps += [declined, {"type": "fallback_message", "model": model} | bare]
            if kind == 2:
                for key, value in declined.items():
                    if isinstance(value, int):
                        usage[key] += value
                if "cache_creation" in usage:
                    usage["cache_creation"] = dict(usage["cache_creation"])
                    usage["cache_creation"][SPLIT[0]] += declined["cache_creation_input_tokens"]
        elif kind == 3:
            steps.append({"type": "message"} | records.usage(1, 2, 3, 4))
        usage["iterations"] = steps

    def envelope(self, session: str, agent: str) -> dict:
        out = {"sessionId": session, "uuid": self.next("u"), "isSidechain": bool(agent)}
        return out | ({"agentId": agent} if agent else {})

    def response(self, session: str, style: str, agent: str = "") -> list[dict]:
        """The lines of one response, a tool's result between some of them."""
        pick, out = self.random.randrange, []
        ident, model, stamp = self.ident(style), self.random.choice(RELAY_MODELS), self.stamp()
        usage = self.usage(style)
        request = {"requestId": self.next("req_")} if style == "vendor" or pick(3) == 0 else {}
        if pick(4) == 0:
            self.passes(usage, model)
        grown = usage["output_tokens"]
        search = self.next("toolu_") if pick(5) == 0 else None
        late = style not in ("vendor", "silent") and "iterations" not in usage and pick(8) == 0
        if search and pick(3) == 0:
            usage["server_tool_use"] = {"web_search_requests": 2}
        for n in range(lines := pick(1, 4)):
            content = [{"type": "tool_use", "id": search, "name": "WebSearch"}] if search and n == lines - 1 else None
            counts = usage | ({"output_tokens": 1 + grown * (n + 1) // lines} if "iterations" not in usage else {})
            if late and n < lines - 1:  # the prompt is known at the end only
                counts = records.usage(0, 0)
            line = records.assistant(stamp, counts, content, model, id=ident, stop_reason="end_turn" if n == lines - 1 else None)
            out.append(line | self.envelope(session, agent) | request)
            if pick(4) == 0 and n < lines - 1 and not late and style != "silent":
                out.append(self.result(session, agent, self.next("toolu_"), None))
            if pick(2):
                stamp = self.stamp()
        if search:
            out.append(self.result(session, agent, search, self.random.choice((1, 1, 3, None))))
        return out

    def result(self, session: str, agent: str, tool: str, searches) -> dict:
        content = [{"type": "tool_result", "tool_use_id": tool, "content": "x"}]
        line = records.user(self.stamp(), content) | self.envelope(session, agent)
        return line | ({"toolUseResult": {"query": "x", "searchCount": searches}} if searches else {})

    def conversation(self, session: str, turns: int, agent: str = "") -> list[dict]:
        out = []
        style = self.random.choice(("vendor", "constant", "constant", "clock", "own", "silent"))
        for n in range(turns):
            if n == 0 or style == "silent" or self.random.random() < 0.7:
                out.append(records.user(self.stamp()) | self.envelope(session, agent))
            out += self.response(session, style, agent)
        return out

    # -- copies

    def fork(self, lines: list[dict], session: str) -> list[dict]:
        """A copy up to some line, under another session; and then its own history."""
        out = [line | {"sessionId": session} for line in lines[:self.random.randrange(1, len(lines) + 1)]]
        return out + self.conversation(session, self.random.randrange(3))

    def again(self, lines: list[dict]) -> list[dict]:
        """The end of the history once more, from the middle of a response perhaps."""
        return lines[self.random.randrange(len(lines)):]

    def replay(self, lines: list[dict], session: str) -> tuple[str, list[dict]]:
        """What a side chain repeats, with other names, and what it says itself."""
        agent = self.random.choice(("acompact-", "aside_question-", "")) + self.next("a")
        keep = self.random.random() < 0.5 or not agent.startswith(("acompact-", "aside_question-"))
        out, requests = [], {}
        lines = list({line["uuid"]: line for line in lines}.values())
        for line in lines[:self.random.randrange(len(lines) + 1)]:
            new = line | {"isSidechain": True, "agentId": agent, "uuid": self.next("u") if self.random.random() < 0.7 else line["uuid"]}
            if "requestId" in line:
                new["requestId"] = requests.setdefault(line["requestId"], self.next("req_"))
            if not keep:
                new["timestamp"] = self.stamp()
            out.append(new)
        return agent, out + self.conversation(session, 1, agent)

    # -- all of it

    def make(self, sessions: int = 5) -> None:
        pick, names = self.random.randrange, []
        for n in range(sessions):
            session = f"5e5510{n:02d}-0000-4000-8000-000000000000"
            project = f"-p-{n % 2}"
            if names and pick(2) == 0:
                lines = self.fork(self.files[self.random.choice(names)], session)
            else:
                lines = self.conversation(session, pick(1, 6))
            if pick(3) == 0:
                lines += self.again(lines)
                lines += self.conversation(session, 1)
            names.append((project, session, ""))
            self.files[names[-1]] = lines
            for _ in range(pick(3)):
                if pick(2):
                    agent, said = self.replay(lines, session)
                else:
                    agent = self.next("a")
                    said = self.conversation(session, pick(1, 3), agent)
                self.files[project, f"agent-{agent}", session] = said

    def bytes_of(self, name: tuple) -> bytes:
        return b"".join(records.line(line) + b"\n" for line in self.files[name])


def path_of(config, name: tuple):
    project, base, parent = name
    folder = config / "projects" / project
    return (folder / parent / "subagents" if parent else folder) / f"{base}.jsonl"
