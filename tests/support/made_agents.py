"""Made-up transcripts of each agent: what it writes for a response, and how it copies lines into a fork.

    world = World(Qwen(), random.Random(1))
    world.grow(40)
    world.files       # bytes by path below the agent's folder
    world.requests    # what was paid

A new agent is one class here and one entry in AGENTS. Every line has SECRET in what the user and the model said.
"""

import json
import random
import uuid
from dataclasses import dataclass, field
from pathlib import PurePosixPath

SECRET = "SECRET of the conversation"
CWD = "/srv/made/shop"
BEGIN = 1788700000  # seconds


@dataclass(frozen=True)
class Request:
    n: int
    second: int
    model: str
    input: int
    output: int
    write: int
    read: int
    calls: int = 0

    def totals(self) -> dict:
        return dict(requests=1, input=self.input, output=self.output, cacheWrite=self.write, cacheRead=self.read)


def stamp(second: float) -> str:
    from datetime import datetime, timezone
    return datetime.fromtimestamp(BEGIN + second, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Session:
    id: str
    path: PurePosixPath
    lines: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    state: dict = field(default_factory=dict)  # of the agent


class Agent:
    name = place = ""
    writes = True    # whether its format tells what was written to the cache
    forks = True     # whether it copies lines into new files
    replays = True   # whether it may append lines again
    lines = True     # whether it appends lines to a file
    ends = ()        # types of lines at a session's end, which comes more often here than in life

    def __init__(self, chance: random.Random):
        self.chance = chance

    def said(self) -> str:
        """Of the user, the model or a tool."""
        return SECRET

    def id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def path(self, session: str) -> str:
        raise NotImplementedError

    def begin(self, session: Session, second: int) -> list:
        return []

    def prompt(self, session: Session, second: int) -> list:
        raise NotImplementedError

    def response(self, session: Session, request: Request) -> list:
        raise NotImplementedError

    def copied(self, parent: Session, lines: list, session: Session, second: int) -> list:
        """The lines as the fork has them."""
        return list(lines)


class Claude(Agent):
    name, place = "claude", ".claude"
    vendor = True

    def path(self, session):
        return f"projects/-srv-made-shop/{session}.jsonl"

    def line(self, session, second, kind, message):
        return {"type": kind, "uuid": self.id(), "sessionId": session.id, "timestamp": stamp(second), "cwd": CWD,
                "version": "2.1.220", "message": message}

    def prompt(self, session, second):
        return [self.line(session, second, "user", {"role": "user", "content": self.said()})]

    def response(self, session, request):
        said = f"msg_{self.chance.getrandbits(120):030d}" if self.vendor else f"msg_{self.name}_{request.n % 7}"
        out = []
        for output, stop in ((1, None), (request.output, "end_turn")):
            content = [{"type": "text", "text": self.said()}]
            if stop:
                content += [{"type": "tool_use", "id": self.id(), "name": "Bash", "input": {"command": self.said()}}] * request.calls
            usage = {"input_tokens": request.input, "output_tokens": output, "cache_creation_input_tokens": request.write,
                     "cache_read_input_tokens": request.read}
            out.append(self.line(session, request.second + len(out) / 1000, "assistant", {
                "id": said, "role": "assistant", "model": request.model, "content": content, "stop_reason": stop, "usage": usage}))
        return out

    def copied(self, parent, lines, session, second):
        return [dict(line, sessionId=session.id) for line in lines]


class OpenClaude(Claude):
    name, place, vendor = "openclaude", ".openclaude", False


class Codex(Agent):
    name, place, replays = "codex", ".codex", False

    def path(self, session):
        return f"sessions/2026/09/06/rollout-2026-09-06T13-00-00-{session}.jsonl"

    def line(self, second, kind, payload):
        return {"timestamp": stamp(second), "type": kind, "payload": payload}

    def begin(self, session, second, **more):
        session.state["total"] = [0] * 5
        return [self.line(second, "session_meta", {"id": session.id, "cwd": CWD, "cli_version": "0.155.0"} | more)]

    def prompt(self, session, second):
        session.state["turn"] = self.id()
        return [self.line(second, "turn_context", {"turn_id": session.state["turn"], "model": "gpt-5.5", "cwd": CWD}),
                self.line(second, "response_item", {"type": "message", "role": "user", "content": [{"text": self.said()}]})]

    def response(self, session, request):
        if "turn" not in session.state:
            return self.prompt(session, request.second) + self.response(session, request)
        keys = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens")
        used = [request.input + request.read + request.write, request.read, request.write, request.output, 0]
        session.state["total"] = [a + b for a, b in zip(session.state["total"], used)]
        last, total = dict(zip(keys, used)), dict(zip(keys, session.state["total"]))
        record = {"thread_id": session.id, "turn_id": session.state["turn"], "response_id": f"resp_{self.id()}", "usage": last}
        count = {"type": "token_count", "info": {"total_token_usage": total, "last_token_usage": last}}
        call = {"type": "function_call", "name": "shell", "arguments": self.said()}
        answer = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": self.said()}]}
        return [self.line(request.second, "response_item", answer),
                *[self.line(request.second, "response_item", call)] * request.calls,
                self.line(request.second, "token_usage_record", record), self.line(request.second, "event_msg", count)]

    def copied(self, parent, lines, session, second):
        session.state.update(parent.state, total=list(parent.state["total"]))
        own, session.lines[:] = self.begin(session, second, forked_from_id=parent.id), []
        session.state["total"] = list(parent.state["total"])
        return own + [dict(line, timestamp=stamp(second)) for line in lines]


class Gemini(Agent):
    name, place, writes, forks = "gemini", ".gemini", False, False

    def path(self, session):
        return f"tmp/shop/chats/session-2026-09-06T13-00-{session}.jsonl"

    def begin(self, session, second):
        return [{"sessionId": session.id, "projectHash": "ab12", "startTime": stamp(second)}]

    def prompt(self, session, second):
        return [{"id": self.id(), "timestamp": stamp(second), "type": "user", "content": self.said()}]

    def response(self, session, request):
        out = []
        message = {"id": self.id(), "timestamp": stamp(request.second), "type": "gemini", "content": self.said(), "model": request.model}
        for output in (1, request.output):
            tokens = {"input": request.input + request.read, "output": output, "cached": request.read, "thoughts": 0, "tool": 0}
            calls = [{"id": f"{message['id']}-{i}", "name": "ls", "args": self.said()} for i in range(request.calls)]
            out.append(message | {"tokens": tokens, "toolCalls": calls if output > 1 else []})
        return out


class Qwen(Agent):
    name, place, writes = "qwen", ".qwen", False

    def path(self, session):
        return f"projects/-srv-made-shop/chats/{session}.jsonl"

    def line(self, session, second, kind, **more):
        return {"uuid": self.id(), "sessionId": session.id, "timestamp": stamp(second), "type": kind, "cwd": CWD,
                "version": "0.21.6"} | more

    def prompt(self, session, second):
        return [self.line(session, second, "user", message={"role": "user", "parts": [{"text": self.said()}]})]

    def response(self, session, request):
        numbers = (request.input + request.read, request.output, request.read, 1)
        total = numbers[0] + numbers[1]
        event = dict(zip(("input_token_count", "output_token_count", "cached_content_token_count", "thoughts_token_count"), numbers))
        event |= {"event.name": "qwen-code.api_response", "event.timestamp": stamp(request.second), "model": request.model,
                  "response_id": "chatcmpl-mock", "total_token_count": total, "prompt_id": f"{session.id}########0",
                  "response_text": self.said()}
        usage = dict(zip(("promptTokenCount", "candidatesTokenCount", "cachedContentTokenCount", "thoughtsTokenCount"), numbers))
        parts = [{"text": self.said(), "thought": True}]
        parts += [{"functionCall": {"id": self.id(), "name": "read_file", "args": {"path": self.said()}}}] * request.calls
        answer = self.line(session, request.second + 0.002, "assistant", model=request.model,
                           message={"role": "model", "parts": parts}, usageMetadata=usage | {"totalTokenCount": total})
        lines = [self.line(session, request.second + 0.001, "system", subtype="ui_telemetry", systemPayload={"uiEvent": event}),
                 answer]
        return self.chance.choice((lines, lines, lines[:1]))  # broken off: without an answer

    def copied(self, parent, lines, session, second):
        return [dict(line, sessionId=session.id, forkedFrom=parent.id) for line in lines]


class Pi(Agent):
    name, place = "pi", ".pi/agent"

    def path(self, session):
        return f"sessions/--srv-made-shop--/2026-09-06T13-07-00-000Z_{session}.jsonl"

    def begin(self, session, second, **more):
        return [{"type": "session", "version": 3, "id": session.id, "timestamp": stamp(second), "cwd": CWD} | more]

    def entry(self, second, message):
        return {"type": "message", "id": f"{self.chance.getrandbits(32):08x}", "parentId": None, "timestamp": stamp(second),
                "message": message | {"timestamp": int((BEGIN + second) * 1000) - 40}}

    def prompt(self, session, second):
        return [self.entry(second, {"role": "user", "content": [{"type": "text", "text": self.said()}]})]

    def response(self, session, request):
        usage = {"input": request.input, "output": request.output, "cacheRead": request.read, "cacheWrite": request.write}
        content = [{"type": "text", "text": self.said()}]
        content += [{"type": "toolCall", "id": self.id(), "name": "bash", "arguments": {"command": self.said()}}] * request.calls
        return [self.entry(request.second, {
            "role": "assistant", "content": content, "model": request.model, "responseId": "chatcmpl-mock",
            "stopReason": self.chance.choice(("stop", "aborted")), "usage": usage})]

    def copied(self, parent, lines, session, second):
        session.lines.clear()
        head = self.begin(session, second, parentSession=f"/home/made/{parent.path}")
        return head + [line for line in lines if line["type"] != "session"]


class Omp(Pi):
    name, place = "omp", ".omp/agent"


class Copilot(Agent):
    """Each response ends with a shutdown, and the session is resumed. Its counters go on or begin anew."""
    name, place, forks, replays = "copilot", ".copilot", False, False
    ends = "session.shutdown", "session.resume"

    def path(self, session):
        return f"session-state/{session}/events.jsonl"

    def event(self, second, kind, data):
        return {"type": kind, "data": data, "id": self.id(), "timestamp": stamp(second), "parentId": None}

    def begin(self, session, second):
        session.state.update(totals={}, running=self.chance.random() < 0.5)
        return [self.event(second, "session.start", {"sessionId": session.id, "context": {"cwd": CWD, "branch": "main"}})]

    def prompt(self, session, second):
        return [self.event(second, "user.message", {"content": self.said()})]

    def response(self, session, request):
        calls = [{"toolCallId": self.id(), "name": "view", "arguments": {"path": self.said()}} for _ in range(request.calls)]
        message = {"messageId": self.id(), "model": request.model, "content": self.said(), "toolRequests": calls,
                   "outputTokens": request.output}
        used = {"inputTokens": request.input + request.read + request.write, "outputTokens": request.output,
                "cacheReadTokens": request.read, "cacheWriteTokens": request.write}
        if not session.state["running"]:
            session.state["totals"] = {}
        n, before = session.state["totals"].get(request.model, (0, {}))
        session.state["totals"][request.model] = n + 1, {key: before.get(key, 0) + used[key] for key in used}
        metrics = {model: {"requests": {"count": count, "cost": 1}, "usage": usage}
                   for model, (count, usage) in session.state["totals"].items()}
        results = [self.event(request.second, "tool.execution_complete", {
            "toolCallId": call["toolCallId"], "success": True, "result": {"content": self.said()}}) for call in calls]
        return [self.event(request.second, "assistant.message", message), *results,
                self.event(request.second, "session.shutdown", {"modelMetrics": metrics, "currentModel": request.model}),
                self.event(request.second + 1, "session.resume", {"context": {"cwd": CWD}})]


class Kimi(Agent):
    name, place, forks = "kimi", ".kimi-code", False

    def path(self, session):
        return f"sessions/wd_shop_ab12/session_{session}/agents/main/wire.jsonl"

    def line(self, second, kind, **more):
        return {"type": kind, "time": int((BEGIN + second) * 1000)} | more

    def event(self, second, kind, **more):
        return self.line(second, "context.append_loop_event", event={"type": kind} | more)

    def begin(self, session, second):
        return [self.line(second, "config.update", cwd=CWD, systemPrompt=self.said(), profileName="agent")]

    def prompt(self, session, second):
        return [self.line(second, "turn.prompt", input=[{"type": "text", "text": self.said()}])]

    def response(self, session, request):
        usage = {"inputOther": request.input, "output": request.output, "inputCacheRead": request.read,
                 "inputCacheCreation": request.write}
        alias = f"made/{request.model}"
        calls = [self.event(request.second, "tool.call", toolCallId=self.id(), name="Bash", args={"command": self.said()})
                 for _ in range(request.calls)]
        calls += [self.event(request.second, "tool.result", toolCallId=call["event"]["toolCallId"], result={"output": self.said()})
                  for call in calls]
        calls += [self.event(request.second, "content.part", part={"type": "text", "text": self.said()})]
        step = self.event(request.second, "step.end", usage=usage)
        record = self.line(request.second, "usage.record", model=alias, usage=usage, usageScope="turn")
        return [self.event(request.second - 1, "step.begin"),
                self.line(request.second - 1, "llm.request", model=request.model, modelAlias=alias), *calls,
                *self.chance.choice(([step, record], [step, record], [step], [record]))]


class KimiCli(Agent):
    """The older client: the usage so far of a message, repeated, and no model."""
    name, place, forks = "kimi", ".kimi", False

    def path(self, session):
        return f"sessions/0123456789abcdef0123456789abcdef/{session}/wire.jsonl"

    def line(self, second, kind, payload):
        return {"timestamp": BEGIN + second + 0.5, "message": {"type": kind, "payload": payload}}

    def prompt(self, session, second):
        return [self.line(second, "TurnBegin", {"user_input": self.said()})]

    def response(self, session, request):
        said, out = self.id(), []
        for output in (1, request.output, request.output):
            usage = {"input_other": request.input, "output": output, "input_cache_read": request.read,
                     "input_cache_creation": request.write}
            out.append(self.line(request.second, "StatusUpdate", {"message_id": said, "token_usage": usage}))
        call = {"type": "function", "id": self.id(), "function": {"name": "Shell", "arguments": self.said()}}
        text = self.line(request.second, "ContentPart", {"type": "text", "text": self.said()})
        return [self.line(request.second, "ToolCall", call)] * request.calls + [text] + out


class Grok(Agent):
    """A turn, and sometimes another line that replaces it."""
    name, place, forks = "grok", ".grok", False

    def path(self, session):
        return f"sessions/%2Fsrv%2Fmade%2Fshop/{session}/updates.jsonl"

    def line(self, session, second, update):
        return {"timestamp": BEGIN + second, "method": "session/update", "params": {"sessionId": session.id, "update": update}}

    def prompt(self, session, second):
        chunk = {"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": self.said()}}
        return [self.line(session, second, chunk)]

    def response(self, session, request):
        turn, out = self.id(), []
        call = {"sessionUpdate": "tool_call", "toolCallId": self.id(), "title": self.said(), "rawInput": {"path": self.said()},
                "_meta": {"x.ai/tool": {"name": "read_file"}}}
        for share in self.chance.choice(((1,), (2, 1), (0.5, 1))):
            numbers = [int(n * share) for n in (request.input + request.read + request.write, request.output, request.read, request.write)]
            usage = dict(zip(("inputTokens", "outputTokens", "cachedReadTokens", "cacheCreationTokens"), numbers))
            out.append(self.line(session, request.second, {
                "sessionUpdate": "turn_completed", "prompt_id": turn, "usage": {"modelUsage": {request.model: usage}}}))
        chunk = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": self.said()}}
        return [self.line(session, request.second, call)] * request.calls + [self.line(session, request.second, chunk)] + out


AGENTS = (Claude, Codex, Gemini, Qwen, OpenClaude, Pi, Omp, Copilot, Kimi, KimiCli, Grok)


class World:
    """Sessions of one agent that grow, fork and repeat themselves."""

    def __init__(self, agent: type, seed: int):
        self.chance = random.Random(f"{agent.name} {seed}")
        self.agent = agent(self.chance)
        self.sessions, self.requests, self.second = [], [], 0

    def grow(self, steps: int) -> None:
        self.session()
        for _ in range(steps):
            self.second += self.chance.randrange(1, 50)
            step = self.chance.choices((self.respond, self.fork, self.repeat, self.tear, self.session), (12, 3, 2, 1, 1))[0]
            step()

    def session(self) -> Session:
        name = self.agent.id()
        session = Session(name, PurePosixPath(self.agent.path(name)))
        session.lines += self.agent.begin(session, self.second)
        self.sessions.append(session)
        return session

    def respond(self) -> None:
        session = self.chance.choice(self.sessions)
        if self.chance.random() < 0.7:
            session.lines += self.agent.prompt(session, self.second)
        numbers = [self.chance.randrange(1, 5000) for _ in range(4)]
        if not self.agent.writes:
            numbers[2] = 0
        model = self.chance.choice(("gpt-5.5", "qwen3-coder-plus", "claude-sonnet-4-6")) if self.agent.name != "codex" else "gpt-5.5"
        request = Request(len(self.requests), self.second + 1, model, *numbers, calls=self.chance.randrange(3))
        session.lines += self.agent.response(session, request)
        self.requests.append(request)

    def fork(self) -> None:
        parent = self.chance.choice(self.sessions)
        if not self.agent.forks or len(parent.lines) < 2:
            return
        lines = [line for line in parent.lines if isinstance(line, dict)]
        if self.agent.name != "codex":  # whose counter would go on from a total in the middle
            lines = lines[: self.chance.randrange(1, len(lines) + 1)]
        session = self.session()
        session.lines += self.agent.copied(parent, lines, session, self.second)

    def repeat(self) -> None:
        session = self.chance.choice(self.sessions)
        if self.agent.replays and session.lines:
            session.lines += session.lines[-self.chance.randrange(1, 12):]

    def tear(self) -> None:
        """The agent was killed within a line, and goes on behind it."""
        session = self.chance.choice(self.sessions)
        session.lines.append(b'{"type":"assistant","message":{"usage":{"input_tokens":99,"output')

    @property
    def files(self) -> dict:
        return {session.path: b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n"
                                       for line in session.lines) for session in self.sessions if session.lines}

    def totals(self) -> dict:
        out = dict(requests=0, input=0, output=0, cacheWrite=0, cacheRead=0)
        for request in self.requests:
            for key, n in request.totals().items():
                out[key] += n
        return out
