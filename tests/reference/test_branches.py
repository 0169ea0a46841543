"""by-branch.json, by-effort.json, by-tool.json and tools.jsonl of made-up sessions, against a plain loop over all lines.

Each look is a process of its own, so what one remembers goes through the cache, wherever the files were cut. What tools
were given and said is in no document.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from collections import Counter, defaultdict
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("support", "reference")]

import reference  # noqa: E402
from tap import run_tap  # noqa: E402

BINARY = os.environ["OKSTRAFS_BIN"]
LOOKS = 3 if os.environ.get("OKSTRAFS_BRIEF") else 6
SECRET = "do-not-show-this"
TOOLS = ("Read", "Bash", "mcp__x__y", "결제")
COLUMNS = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens")
KEYS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def stamp(second: int) -> str:
    return f"2026-06-{10 + second // 86400:02}T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"


class Session:
    """Lines of one session: responses with tool calls, and their results."""

    def __init__(self, rnd: random.Random, number: int):
        self.rnd, self.number, self.second, self.made = rnd, number, number * 40000, 0

    def record(self, kind: str, **more) -> dict:
        self.second += self.rnd.randrange(1, 4000)
        record = {"type": kind, "timestamp": stamp(self.second), "cwd": f"/srv/p{self.number % 2}", "uuid": f"{self.number}-{self.second}"}
        if branch := self.rnd.choice((None, "", "main", "main", "topic/é")):
            record["gitBranch"] = branch
        return record | more

    def turn(self) -> list[dict]:
        self.made += 1
        calls = [f"toolu_{self.number}_{self.made}_{i}" for i in range(self.rnd.choice((0, 1, 1, 1, 2, 3)))]
        blocks = [{"type": "tool_use", "id": call, "name": self.rnd.choice(TOOLS), "input": {"name": SECRET}} for call in calls]
        effort = self.rnd.choice((None, "low", "high"))
        usage = {key: self.rnd.randrange(1000) for key in KEYS}
        lines = [self.record("assistant", **({"effort": effort} if effort else {}), message={
            "id": f"msg_{self.number:04}{self.made:020}", "model": "claude-opus-4-7", "stop_reason": "end_turn", "usage": usage,
            "content": blocks + [{"type": "text", "text": SECRET}]})]
        for call in self.rnd.sample(calls, len(calls)):
            if self.rnd.randrange(8):
                lines.append(self.record("user", message={"content": [
                    {"type": "tool_result", "tool_use_id": call, "is_error": self.rnd.randrange(4) == 0, "content": SECRET}]}))
        return lines


def expected_rows(files: dict[Path, bytes], by: str, since: str, until: str) -> dict:
    """Each response is on one line here, so what is billed is what the lines say."""
    rows: dict = defaultdict(lambda: [0] * len(KEYS))
    for data in files.values():
        for record in filter(None, map(reference.parse_line, data.split(b"\n"))):
            if record["type"] == "assistant" and since <= record["timestamp"] <= until:
                branch = record.get("gitBranch")
                key = record.get("effort") or "unknown" if by == "effort" else record["cwd"] + (f"@{branch}" if branch else "")
                rows[key] = [a + record["message"]["usage"][k] for a, k in zip(rows[key], KEYS)]
    return dict(rows)


def expected_calls(files: dict[Path, bytes], since: str, until: str) -> Counter:
    return Counter(block["name"] for data in files.values() for record in filter(None, map(reference.parse_line, data.split(b"\n")))
                   if record["type"] == "assistant" and since <= record["timestamp"] <= until
                   for block in record["message"]["content"] if block["type"] == "tool_use")


def expected_tools(data: bytes) -> list[tuple]:
    """Complete lines only. A call without a result is over when another response comes."""
    waiting: dict[str, tuple] = {}
    out = []
    for raw in data.split(b"\n")[:-1]:
        record = json.loads(raw)
        blocks = record["message"]["content"]
        if record["type"] == "assistant":
            out += [(call, name, None, None) for call, (name, _) in waiting.items()]
            waiting = {b["id"]: (b["name"], record["timestamp"]) for b in blocks if b["type"] == "tool_use"}
        else:
            name, begun = waiting.pop(blocks[0]["tool_use_id"])
            out.append((blocks[0]["tool_use_id"], name, reference.duration_ms(begun, record["timestamp"]), blocks[0]["is_error"]))
    return sorted(out)


class Branches(unittest.TestCase):
    def cat(self, name: str) -> bytes:
        out = subprocess.run([BINARY, "cat", name], env=self.environment, capture_output=True, check=True).stdout
        self.assertNotIn(SECRET.encode(), out)
        return out

    def check(self, files: dict[Path, bytes], window: str, since: str, until: str, note: str) -> None:
        for by in "branch", "effort":
            document = json.loads(self.cat(f"stats/{window}by-{by}.json"))
            want = expected_rows(files, by, since, until)
            got = {row["key"]: [row[c] for c in COLUMNS] for row in document["rows"]}
            self.assertEqual(got, want, f"{note} {window}{by}")
            self.assertEqual({row["key"]: [row["billed"][c] for c in COLUMNS] for row in document["rows"]}, want, f"{note} billed")
            self.assertEqual([document["total"][c] for c in COLUMNS], [sum(row[i] for row in want.values()) for i in range(len(KEYS))])
        document = json.loads(self.cat(f"stats/{window}by-tool.json"))
        want = expected_calls(files, since, until)
        self.assertEqual({row["key"]: row["calls"] for row in document["rows"]}, dict(want), f"{note} {window}tool")
        self.assertEqual(document["total"], {"calls": sum(want.values())})

    def test_made_sessions(self):
        with tempfile.TemporaryDirectory() as root:
            self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE_", "XDG_"))} | {
                "HOME": root, "OKSTRA_HOME": f"{root}/okstra", "CLAUDE_CONFIG_DIR": f"{root}/claude", "CODEX_HOME": f"{root}/codex",
                "GEMINI_CLI_HOME": root, "TZ": "UTC"}
            rnd = random.Random(16)
            sessions = [Session(rnd, i) for i in range(5)]
            written = {Path(root) / f"claude/projects/-p{i % 2}/session-{i}.jsonl": b"" for i in range(5)}
            for path in written:
                path.parent.mkdir(parents=True, exist_ok=True)
            rest = dict(written)
            for look in range(LOOKS):
                for path, session in zip(written, sessions):
                    rest[path] += b"".join(json.dumps(r, ensure_ascii=False).encode() + b"\n" for _ in range(rnd.randrange(4)) for r in session.turn())
                    end = rnd.randrange(len(rest[path]) + 1)
                    written[path], rest[path] = written[path] + rest[path][:end], rest[path][end:]
                    path.write_bytes(written[path])
                self.check(written, "", "", "~", f"look {look}")
                self.check(written, "window/2026-06-10T12:00Z_2026-06-11T12:00Z/", "2026-06-10T12:00:00Z", "2026-06-11T12:00:00Z", f"look {look}")
                for path, data in written.items():
                    got = [json.loads(line) for line in self.cat(f"sessions/{path.stem}/tools.jsonl").splitlines()] if data else []
                    self.assertEqual(sorted((t["id"], t["name"], t["durationMs"], t["failed"]) for t in got), expected_tools(data), path.stem)


def chat_message(number: int, names: list) -> dict:
    """A message of Gemini CLI: it is written again with each call."""
    return {"id": f"m{number}", "timestamp": stamp(number * 60), "type": "gemini", "model": "gemini-3-pro", "content": SECRET,
            "tokens": {"input": 100 + number, "output": 5, "cached": 0, "thoughts": 0, "tool": 0, "total": 105 + number},
            "toolCalls": [{"id": f"call-{number}-{i}", "args": {"name": SECRET, "list": [{"name": SECRET}]}, "result": [{"name": SECRET}],
                           "status": "success"} | ({"name": name} if name else {}) for i, name in enumerate(names)]}


class Gemini(Branches):
    """Names of tools, in a chat of lines and in one of a whole file. A response with more than eight calls has "(others)"."""

    def tools(self) -> dict:
        return {row["key"]: row["calls"] for row in json.loads(self.cat("stats/by-tool.json"))["rows"]}

    def test_made_sessions(self):
        with tempfile.TemporaryDirectory() as root:
            self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE_", "XDG_"))} | {
                "HOME": root, "OKSTRA_HOME": f"{root}/okstra", "CLAUDE_CONFIG_DIR": f"{root}/claude", "CODEX_HOME": f"{root}/codex",
                "GEMINI_CLI_HOME": root, "TZ": "UTC"}
            chats = Path(root) / ".gemini/tmp/slug/chats"
            chats.mkdir(parents=True)
            rnd = random.Random(7)
            head = {"sessionId": "one", "projectHash": "x", "startTime": stamp(0)}
            names = [[rnd.choice((*TOOLS, "")) for _ in range(rnd.choice((0, 1, 2, 3)))] for _ in range(12)]
            lines = [head]
            for number, calls in enumerate(names):
                lines += [chat_message(number, calls[:n]) for n in range(len(calls) + 1)]
            data = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
            path = chats / "session-2026-06-10T00-00-one.jsonl"
            for end in [*sorted(rnd.sample(range(len(data)), LOOKS)), len(data)]:
                path.write_bytes(data[:end])
                latest = {line["id"]: line for line in map(reference.parse_line, data[:end].split(b"\n")) if line and "id" in line}
                want = Counter(call.get("name") or "(others)" for line in latest.values() for call in line["toolCalls"])
                self.assertEqual(self.tools(), dict(want), end)
            (chats / "session-2026-06-10T00-00-two.json").write_text(json.dumps(head | {"sessionId": "two", "messages": [
                chat_message(100 + number, calls) for number, calls in enumerate((["Whole"] * 2, ["Many"] * 9))]}))
            want.update({"Whole": 2, "(others)": 9})
            self.assertEqual(self.tools(), dict(want))


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
