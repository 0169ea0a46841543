"""What every test with failing calls needs: a home with something of everything, and a program in which the Nth call of
one kind fails.

    with faults.Faults(home.root) as failing:
        failing.arm("open", first=3, error=errno.EMFILE)
        home.run(..., environ=failing.environment())
        failing.failed                                # how many calls failed

The library is failing_calls.c ($OKSTRAFS_FAULTS_LIBRARY); the layout of the file that both map is the same there.
"""

import json
import mmap
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("mount", "support", "reference")]

import harness
import made_opencode  # noqa: E402
import records  # noqa: E402

KINDS = ("nothing", "allocate", "open", "read", "write", "rename", "sync", "list", "watch", "thread", "stat")
KILL, SHORT = -1, -2
FOREVER = 2**62
SECONDS = 60
TEAM = "okstra-faults"


def library() -> str:
    return os.environ.get("OKSTRAFS_FAULTS_LIBRARY", "")


class Faults:
    LAYOUT = "=iiqqqq"

    def __init__(self, folder: Path):
        self.path = folder / "faults"
        self.path.write_bytes(bytes(struct.calcsize(self.LAYOUT)))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def environment(self) -> dict:
        return {"LD_PRELOAD": library(), "OKSTRAFS_FAULTS": str(self.path)}

    def arm(self, kind: str, first: int = FOREVER, error: int = 0, last: int = 0) -> None:
        """From now on calls of this kind are counted, and the calls first..last fail (only the first one, unless said)."""
        self.map[:] = struct.pack(self.LAYOUT, 0, 0, 0, 0, 0, 0)
        self.map[:] = struct.pack(self.LAYOUT, KINDS.index(kind), error, first, last or first, 0, 0)

    def disarm(self) -> int:
        """How many calls failed."""
        failed = self.failed
        self.map[:4] = struct.pack("=i", 0)
        return failed

    @property
    def count(self) -> int:
        return struct.unpack(self.LAYOUT, self.map[:])[4]

    @property
    def failed(self) -> int:
        return struct.unpack(self.LAYOUT, self.map[:])[5]


class FailingTest(harness.MountTest):
    """A case in which calls fail: self.failing."""

    def setUp(self):
        super().setUp()
        if not library():
            self.skipTest("no library: OKSTRAFS_FAULTS_LIBRARY is unset")
        if harness.is_sanitized():
            self.skipTest("the sanitizer must be the first library")
        self.failing = Faults(self.home.root)
        self.addCleanup(self.failing.map.close)


def claude_lines(session: str, agent: str, minute: int, n: int, cwd: Path) -> list:
    head = {"sessionId": session, "cwd": str(cwd), "agentName": agent, "team": {"teamName": TEAM},
            "timestamp": f"2026-06-10T09:{minute:02}:00Z", "type": "system"}
    return [head] + [records.assistant(f"2026-06-10T09:{minute:02}:{i + 1:02}Z", records.usage(10 + i, 20 + minute, 5, 7),
                                       id=f"msg_01{session.replace('-', '')}{i:022}", sessionId=session, requestId=f"req_{session}{i}")
                     for i in range(n)]


class MadeHome:
    """Transcripts of three agents in several folders, a sub-agent, a run and a roster, budgets and prices; one transcript
    was deleted, one rewritten and one appended to since the caches were written. `reset` puts caches and history back to
    that state, or removes what is a cache."""

    documents = (f"teams/{TEAM}/usage.json", "sessions/lead/usage.json", "sessions/worker/usage.json",
                 "sessions/gone/usage.json", "sessions/rewritten/usage.json", "stats/by-model.json", "stats/by-day.json",
                 "stats/by-agent.json", "stats/blocks.json", "budgets/all.json", "pricing.json", "sessions/lead/ledger.jsonl",
                 "sessions/rewritten/requests.jsonl", "sessions/lead/context.json")

    def __init__(self, home: harness.Home):
        self.home = home
        self.project = home.root / "project"
        self.state = home.root / "state"
        home.okstra.mkdir()
        (home.okstra / "okstrafs").mkdir()
        (home.okstra / "okstrafs.json").write_text(json.dumps({"budgets": {"all": {"scope": "total", "limitUSD": 3}}, "timeZone": "Asia/Seoul"}))
        self.transcripts()
        self.run_and_roster()
        home.run("scan")
        self.later()
        shutil.copytree(home.okstra, self.state)

    def transcripts(self) -> None:
        make, cwd = self.home.transcript, self.project
        make("-project", "lead", claude_lines("lead", "lead", 1, 4, cwd))
        make("-project", "agent-a", claude_lines("agent-a", "helper", 2, 2, cwd), parent="lead")
        make("-project", "worker", claude_lines("worker", "codex-worker", 3, 3, cwd))
        make("-other", "rewritten", claude_lines("rewritten", "w", 4, 5, cwd))
        make("-other", "gone", claude_lines("gone", "w", 5, 3, cwd))
        codex = self.home.root / ".codex/sessions/2026/06/10/rollout-2026-06-10T10-00-00-0190aaaa-0000-7000-8000-000000000001.jsonl"
        usage = {"input_tokens": 99, "output_tokens": 1, "total_tokens": 100}
        codex.parent.mkdir(parents=True)
        codex.write_bytes(b"".join(records.line(one) + b"\n" for one in (
            {"timestamp": "2026-06-10T09:10:00Z", "type": "session_meta", "payload": {"id": "0190aaaa-0000-7000-8000-000000000001", "cwd": str(cwd)}},
            {"timestamp": "2026-06-10T09:10:01Z", "type": "event_msg", "payload": {
                "type": "token_count", "info": {"total_token_usage": usage, "last_token_usage": usage}}})))
        gemini = self.home.root / ".gemini/tmp/slug"
        (gemini / "chats").mkdir(parents=True)
        (gemini / ".project_root").write_text(str(cwd))
        (gemini / "chats/session-2026-06-10T10-00-g1.jsonl").write_bytes(b"".join(records.line(one) + b"\n" for one in (
            {"sessionId": "g1", "kind": "main"},
            {"id": "m", "type": "gemini", "timestamp": "2026-06-10T09:20:00Z", "model": "gemini-2.5-pro", "tokens": {"input": 9, "output": 1}})))

        agent = made_opencode.Agent(self.home.root / ".local/share/opencode")
        for _ in range(2):
            agent.step(agent.answer(agent.session()))
        agent.db.close()

    def run_and_roster(self) -> None:
        folder = self.project / ".okstra/tasks/T/runs/one"
        for sub, name, content in (
                ("state", "team-state-error-001.json", {
                    "team": {"teamName": TEAM}, "taskKey": "T", "runEndedAt": "2026-06-10T11:00:00Z",
                    "lead": {"sessionId": "lead", "model": "opus"}, "workers": [{"workerId": "codex", "agent": "codex", "model": "gpt-5.5"}]}),
                ("manifests", "run-manifest-error-001.json", {"createdAt": "2026-06-10T08:00:00Z"})):
            (folder / sub).mkdir(parents=True)
            (folder / sub / name).write_text(json.dumps(content))
        roster = self.home.config / "teams/crew/config.json"
        roster.parent.mkdir(parents=True)
        roster.write_text(json.dumps({"name": "crew", "leadSessionId": "worker", "members": [{"name": "x", "agentType": "y", "model": "z"}]}))

    def later(self) -> None:
        """What happened since the caches were written."""
        self.home.path("-other", "gone").unlink()
        self.home.transcript("-other", "rewritten", claude_lines("rewritten", "w", 6, 2, self.project))
        harness.append(self.home.path("-project", "worker"), records.line(
            records.assistant("2026-06-10T09:30:00Z", records.usage(1000, 1), id="msg_01late00000000000000000001", sessionId="worker")) + b"\n")

    def reset(self, caches: bool = True) -> None:
        shutil.rmtree(self.home.okstra)
        shutil.copytree(self.state, self.home.okstra)
        if not caches:
            shutil.rmtree(self.home.okstra / "cache")

    def run(self, arguments, failing: Faults | None = None, **more) -> subprocess.CompletedProcess:
        environ = self.home.environment() | (failing.environment() if failing else {}) | more.pop("environ", {})
        return subprocess.run([harness.binary(), *arguments], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=SECONDS, **more)
