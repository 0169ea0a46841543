"""Transcripts of each agent with the same texts, and how fast each is read: run_sources.py BENCH_SOURCES FOLDER [SOURCE ...]

OKSTRAFS_BENCH_DIR says where they are made (else FOLDER) and removed again, OKSTRAFS_BENCH_MB how large each is (300),
OKSTRAFS_BENCH_ROUNDS how often everything is measured (5). Sizes and kinds of texts are those of make_corpus.py. made_agents
writes what a response costs, and little else. So this adds what stands between in real transcripts (BESIDE): results of tools,
reasoning, events. How many of each there are for a response is taken from the samples (docs/scanner.md).

OKSTRAFS_BENCH_SAMPLES, a folder with one folder of transcripts for each agent: these are repeated instead, with other ids each
time.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import make_corpus

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import made_agents  # noqa: E402

DISTINCT_BYTES = 32 << 20
ENDS_EVERY = 10


def texts(seed: int):
    """Returns a function that gives another text with every call."""
    rand = random.Random(seed)
    pool = make_corpus.text_pool(rand, 4 << 20)

    def said() -> str:
        size = min(int(rand.lognormvariate(6.85, 1.45)), 200_000)
        at = rand.randrange(len(pool) - size)
        return pool[at : at + size]

    return said


def claude(agent, session, n, calls):
    for _ in range(calls):
        result = agent.said()
        yield agent.line(session, n, "user", {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": agent.id(), "content": result}]}) | {"toolUseResult": {"stdout": result}}


def codex(agent, session, n, calls):
    chance = agent.chance
    if chance.random() < 0.34:
        yield agent.line(n, "response_item", {"type": "reasoning", "summary": [], "encrypted_content": agent.said()})
    if chance.random() < 0.27:
        yield agent.line(n, "event_msg", {"type": "agent_reasoning", "text": agent.said()[:100]})
    if chance.random() < 0.23:
        yield agent.line(n, "event_msg", {"type": "agent_message", "message": agent.said()})
    for _ in range(calls):
        yield agent.line(n, "response_item", {"type": "function_call_output", "call_id": agent.id(), "output": agent.said()})


def kimi(agent, session, n, calls):
    if agent.chance.random() < 0.5:
        yield agent.line(n, "context.append_message", message={"role": "user", "content": [{"type": "text", "text": agent.said()}]})
    if agent.chance.random() < 0.27:
        yield agent.line(n, "permission.record_approval_result", toolCallId=agent.id(), result="approved", action=agent.said()[:200])


def kimi_cli(agent, session, n, calls):
    yield agent.line(n, "StepBegin", {"n": n % 100})
    for _ in range(calls):
        yield agent.line(n, "ToolResult", {"tool_call_id": agent.id(), "return_value": {"is_error": False, "output": agent.said()}})


def grok(agent, session, n, calls):
    for _ in range(calls):
        yield agent.line(session, n, {"sessionUpdate": "tool_call_update", "toolCallId": agent.id(), "status": "completed",
                                      "rawOutput": {"exit_code": 0, "output": agent.said()}})


def qwen(agent, session, n, calls):
    for _ in range(calls):
        yield agent.line(session, n, "tool_result", message={"role": "user", "parts": [
            {"functionResponse": {"id": agent.id(), "name": "read_file", "response": {"output": agent.said()}}}]})


def pi(agent, session, n, calls):
    for _ in range(calls):
        yield agent.entry(n, {"role": "toolResult", "toolCallId": agent.id(), "toolName": "bash",
                              "content": [{"type": "text", "text": agent.said()}]})


# For each agent: what else it writes for a response, and how many calls of tools a response has.
BESIDE = {
    made_agents.Claude: (claude, 1), made_agents.OpenClaude: (claude, 1), made_agents.Codex: (codex, 0.65),
    made_agents.Qwen: (qwen, 1), made_agents.Pi: (pi, 1), made_agents.Omp: (pi, 1),
    made_agents.Gemini: (None, 1), made_agents.Copilot: (None, 1),
    made_agents.Kimi: (kimi, 0.83), made_agents.KimiCli: (kimi_cli, 0.83), made_agents.Grok: (grok, 2.5),
}
# What its transcripts are called, where other files beside them end alike.
TRANSCRIPTS = {"grok": "updates.jsonl", "kimi": "wire.jsonl", "copilot": "events.jsonl", "qwen": "chats/*.jsonl"}
IDS = re.compile(rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|msg_[0-9]{8}(?=[0-9]{22})")


def other_ids(step: bytes, turn: int, kept: bytes) -> bytes:
    """The step as a later one: its ids differ, but for that of the session."""
    def other(match: re.Match) -> bytes:
        old = match.group()
        return old if old == kept else old[:-8] + b"%08x" % (int(old[-8:], 16) + turn & 0xffffffff)
    return IDS.sub(other, step)


def write(kind: type, path: Path, size: int) -> None:
    """
    Steps of a conversation are made once, and written in new orders and with new ids until the size is reached. One in ENDS_EVERY
    ends the session.
    """
    chance = random.Random(1)
    agent = kind(chance)
    agent.said = texts(2)
    session = made_agents.Session(agent.id(), Path("x"))
    beside, calls = BESIDE[kind]
    head = agent.begin(session, 0)
    steps, length, n = [], 0, 0
    while length < DISTINCT_BYTES:
        n += 1
        lines = agent.prompt(session, n) if chance.random() < 0.3 else []
        called = int(calls + chance.random())
        if beside:
            lines += beside(agent, session, n, called)
        lines += agent.response(session, made_agents.Request(n, n, "m", *(chance.randrange(1, 9999) for _ in range(4)), calls=called))
        if n % ENDS_EVERY:
            lines = [line for line in lines if line.get("type") not in agent.ends]
        steps.append(b"".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines))
        length += len(steps[-1])
    with open(path, "wb") as file:
        written, turn = sum(file.write(json.dumps(line).encode() + b"\n") for line in head), 0
        while written < size:
            chance.shuffle(steps)
            for step in steps:
                written += file.write(other_ids(step, turn, session.id[:8].encode()) if turn else step)
                if written >= size:
                    break
            turn += 1


def repeat(folder: Path, pattern: str, path: Path, size: int) -> None:
    """The lines of all transcripts in a folder; each time their ids are others."""
    files = sorted(file for file in folder.rglob(pattern) if file.is_file())
    lines = b"".join(file.read_bytes().rstrip(b"\n") + b"\n" for file in files)
    with open(path, "wb") as file:
        written, turn = 0, 0
        while written < size:
            written += file.write(other_ids(lines, turn, b""))
            turn += 1


def main() -> int:
    folder = Path(os.environ.get("OKSTRAFS_BENCH_DIR") or sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    size, rounds = int(os.environ.get("OKSTRAFS_BENCH_MB", "300")) * 1000000, os.environ.get("OKSTRAFS_BENCH_ROUNDS", "5")
    samples = os.environ.get("OKSTRAFS_BENCH_SAMPLES")
    kinds = [kind for kind in made_agents.AGENTS if kind.lines and (kind.name in sys.argv[3:] or not sys.argv[3:])]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        words = {}
        for kind in kinds:
            path = Path(scratch) / kind.__name__
            if not samples:
                write(kind, path, size)
            elif kind.name not in words.values():
                repeat(Path(samples) / kind.name, TRANSCRIPTS.get(kind.name, "*.jsonl"), path, size)
            else:
                continue
            words[path] = kind.name
        return subprocess.run([sys.argv[1], rounds, *(f"{name}={path}" for path, name in words.items())]).returncode


if __name__ == "__main__":
    sys.exit(main())
