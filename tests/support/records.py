"""Made-up transcript records of every shape that Claude Code writes, for tests and benchmarks.

Each builder gives a plain dict whose keys stand in the order of the real ones. Nothing in them was ever said by or to
anybody. `Maker` hands out records of a plausible session: increasing stamps, fresh ids, seeded and so repeatable.
"""

import json
import os
import random
from datetime import datetime, timedelta
from pathlib import Path

START = datetime(2026, 6, 10, 1, 0, 0)
MODELS = ("claude-opus-4-7", "claude-sonnet-4-6", "claude-haiku-4-5")
WORDS = ("meson", "cursor", "window", "team", "naïve", "façade", "日本語", "данные", "🚀", "tab\there", "line\nbreak",
         'a "quoted" word', "C:\\path\\file", "{}", "[1, 2]", "usage", "input_tokens", "\u0000", "\u2028", "한국어")


def samples() -> str:
    """The folder of real transcripts ($OKSTRAFS_SAMPLES, else beside the project), or "" where there is none."""
    root = Path(os.environ.get("OKSTRAFS_SAMPLES") or Path(__file__).resolve().parents[3] / "shared" / "samples")
    return str(root) if root.is_dir() else ""


def line(record, **options) -> bytes:
    """As the CLI writes it: no space between tokens, UTF-8 as it is."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), **options).encode()


def usage(i=10, o=1, c=0, r=0, split=None, **more) -> dict:
    out = {"input_tokens": i, "cache_creation_input_tokens": c, "cache_read_input_tokens": r, "output_tokens": o}
    if split is not None:
        out["cache_creation"] = {"ephemeral_5m_input_tokens": split[0], "ephemeral_1h_input_tokens": split[1]}
    return out | more


def assistant(stamp="2026-06-10T01:00:00.000Z", counts=None, content=None, model=MODELS[0], **more) -> dict:
    ident = more.pop("id", "msg_01")
    message = {"id": ident, "type": "message", "role": "assistant", "model": model,
               "content": [{"type": "text", "text": "ok"}] if content is None else content,
               "stop_reason": more.pop("stop_reason", None), "usage": usage() if counts is None else counts}
    # Lines with one id are copies of one line: the uuid says so too.
    return {"type": "assistant", "timestamp": stamp, "uuid": f"of-{ident}", "message": message} | more


def user(stamp="2026-06-10T01:00:00.000Z", text="please", **more) -> dict:
    return {"type": "user", "timestamp": stamp, "message": {"role": "user", "content": text}} | more


class Maker:
    def __init__(self, seed: int = 1, session: str = "00000000-0000-4000-8000-000000000001"):
        self.random = random.Random(seed)
        self.session = session
        self.when = START
        self.serial = 0

    def stamp(self) -> str:
        self.when += timedelta(milliseconds=self.random.randrange(1, 90_000))
        return self.when.isoformat(timespec="milliseconds") + "Z"

    def ident(self, prefix: str = "") -> str:
        self.serial += 1
        return f"{prefix}{self.serial:08x}-{self.random.getrandbits(32):08x}"

    def vendor_ident(self) -> str:
        """As the vendor makes them; others are looked at differently (docs/architecture.md)."""
        return "msg_01" + self.ident().replace("-", "K") + "vQ9x"

    def words(self, low: int = 3, high: int = 60) -> str:
        return " ".join(self.random.choices(WORDS, k=self.random.randrange(low, high)))

    def envelope(self, kind: str) -> dict:
        return {"parentUuid": None if self.random.random() < 0.1 else self.ident(), "isSidechain":
                self.random.random() < 0.2, "userType": "external", "cwd": "/home/u/naïve project",
                "sessionId": self.session, "version": "2.1.42", "gitBranch": "main", "type": kind}

    def block(self) -> dict:
        return self.random.choice((
            {"type": "text", "text": self.words()},
            {"type": "thinking", "thinking": self.words(), "signature": "Eq" + "A" * self.random.randrange(400)},
            {"type": "tool_use", "id": self.ident("toolu_"), "name": "Bash",
             "input": {"command": self.words(), "type": "tool_use", "deep": [[{"usage": {"input_tokens": 1}}]]}},
        ))

    def full_usage(self) -> dict:
        pick = self.random.randrange
        five, hour = pick(0, 5000), pick(0, 900)
        more = {"server_tool_use": {"web_search_requests": pick(0, 3), "web_fetch_requests": 0},
                "service_tier": self.random.choice(("standard", "priority", None)),
                "speed": self.random.choice(("standard", "fast")), "inference_geo": "not_available"}
        out = usage(pick(0, 900), pick(1, 3000), five + hour, pick(0, 200_000), (five, hour))
        if self.random.random() < 0.5:
            out |= more
        if self.random.random() < 0.2:
            out["iterations"] = [self.iteration() for _ in range(pick(0, 4))]
        return out

    def iteration(self) -> dict:
        kind = self.random.choice(("message", "advisor_message", "advisor_message", "compaction"))
        return {"type": kind, "model": self.random.choice(MODELS)} | usage(3, 4, 5, 6, (5, 0))

    def response(self) -> dict:
        return {"model": self.random.choice(MODELS), "id": self.vendor_ident(), "type": "message", "role": "assistant",
                "content": [self.block() for _ in range(self.random.randrange(0, 3))],
                "stop_reason": self.random.choice((None, "tool_use", "end_turn")), "stop_sequence": None,
                "usage": self.full_usage()}

    def assistant(self) -> dict:
        return self.envelope("assistant") | {"message": self.response(), "requestId": self.ident("req_"),
                                             "uuid": self.ident(), "timestamp": self.stamp()}

    def member(self) -> dict:
        return self.assistant() | {"teamName": "okstra-T1", "agentName": "codex-worker", "agentId": self.ident("a")}

    def failure(self) -> dict:
        return self.assistant() | {"isApiErrorMessage": True, "requestId": None, "error": "unknown"}

    def user(self) -> dict:
        return self.envelope("user") | {"message": {"role": "user", "content": self.words()}, "uuid": self.ident(),
                                        "timestamp": self.stamp(), "isCompactSummary": self.random.random() < 0.1}

    def tool_result(self) -> dict:
        content = [{"tool_use_id": self.ident("toolu_"), "type": "tool_result", "content": self.words(10, 300)}]
        return self.envelope("user") | {"message": {"role": "user", "content": content}, "uuid": self.ident(),
                                        "timestamp": self.stamp(), "toolUseResult": {"usage": usage(1, 2, 3, 4),
                                                                                     "totalTokens": 10}}

    def compaction(self) -> dict:
        key = self.random.choice(("compactMetadata", "microcompactMetadata"))
        return self.envelope("system") | {"subtype": "compact_boundary", "timestamp": self.stamp(), "level": "info",
                                          key: {"trigger": "auto", "preTokens": self.random.randrange(200_000),
                                                "preservedSegment": {"trigger": "no"}}, "uuid": self.ident()}

    def progress(self) -> dict:
        inner = {"type": "assistant", "timestamp": self.stamp(), "message": self.response(), "uuid": self.ident(),
                 "requestId": self.ident("req_")}
        kind = "agent_progress" if self.random.random() < 0.8 else "hook_progress"
        return self.envelope("progress") | {"data": {"message": inner, "type": kind, "agentId": "a1"},
                                            "uuid": self.ident(), "timestamp": self.stamp()}

    def attachment(self) -> dict:
        return self.envelope("attachment") | {"attachment": {"type": "hook", "message": {"usage": usage(9, 9)}},
                                              "uuid": self.ident(), "timestamp": self.stamp()}

    def summary(self) -> dict:
        return {"type": "summary", "summary": self.words(), "leafUuid": self.ident()}

    def snapshot(self) -> dict:
        return {"type": "file-history-snapshot", "messageId": self.ident(),
                "snapshot": {"trackedFileBackups": {}, "timestamp": self.stamp()}, "isSnapshotUpdate": False}

    def small(self) -> dict:
        return self.random.choice((
            {"type": "queue-operation", "operation": "enqueue", "timestamp": self.stamp(), "sessionId": self.session},
            {"type": "pr-link", "prNumber": 7, "prUrl": "https://example.org/7", "timestamp": self.stamp()},
            {"type": "agent-name", "agentName": "reviewer", "sessionId": self.session},
            {"type": "mode", "mode": "plan"},
            {"type": "from-the-future", "message": {"timestamp": self.stamp(), "usage": usage(1)}},
        ))

    def any(self) -> dict:
        makers = (self.assistant, self.member, self.failure, self.user, self.tool_result, self.compaction,
                  self.progress, self.attachment, self.summary, self.snapshot, self.small)
        return self.random.choices(makers, weights=(8, 3, 1, 2, 2, 2, 4, 1, 1, 1, 2))[0]()
