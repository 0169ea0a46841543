"""The steps of the model test: what happens to a home of transcripts, at random or by a script.

A step is a list: a verb and its arguments, all plain JSON. It carries all that it writes, so a script repeats a run without
its seed, and any selection of its steps is a script as well: a step whose file does not exist does nothing.
"""

import json
import os
import random
import shutil
from pathlib import Path

import made_agents
import records
import reference_codex
from test_codex import packed

DAYS = ("2026-06-01", "2026-06-02", "2026-06-03", "2026-06-09")
MODELS = ("claude-opus-4-7", "claude-sonnet-4-6", "claude-haiku-4-5", "unheard-of-1")
PROJECTS = ("-p-a", "-p-b", "-p-c")
SESSIONS = tuple(f"aaaaaaa{n}-0000-4000-8000-00000000000{n}" for n in range(1, 5))
AGENTS = ("agent-a1", "agent-a2")
TEAMS = ("okstra-x", "Okstra-X", "crew")
CODEX = "codex/sessions/2026/09/01"
ARCHIVE = "codex/archived_sessions"
CHATS = "gemini/.gemini/tmp/slug-{}/chats"

TASK = "work/.okstra/tasks/TG/TID/runs"
ROOT = "@ROOT@"  # stands for the folder of the home, which is another one in each run

DESTRUCTIVE = ("truncate", "rewrite", "replace", "move", "delete", "pack")
WRITES = ("append", "link", *DESTRUCTIVE)


# --- what is written ------------------------------------------------------------------------------------------------


class Claude:
    """Lines of Claude Code. Few ids, so that files share requests, and lines of one request differ."""

    def __init__(self, dice: random.Random, exact: bool = True):
        self.dice = dice
        self.runs = not exact
        self.ids = [f"msg_01{n:022d}" for n in range(dice.choice((6, 14, 30)))]
        self.huge = dice.random() < 0.06
        self.teams = dice.random() < 0.5
        self.rests: dict[str, str] = {}  # by path: the rest of an unfinished line

    def stamp(self) -> str:
        pick = self.dice.randrange
        return f"{self.dice.choice(DAYS)}T{pick(24):02d}:{pick(60):02d}:{pick(60):02d}.{pick(1000):03d}Z"

    def usage(self) -> dict:
        pick = self.dice.randrange
        if self.huge and pick(4) == 0:
            return records.usage(2**63 - 1 - pick(3), pick(9), 0, 2**62)
        five, hour = pick(60), pick(20)
        return records.usage(pick(100), pick(60), five + hour, pick(300), (five, hour) if pick(2) else None)

    def response(self, path: str) -> dict:
        dice = self.dice
        content = [{"type": dice.choice(("text", "tool_use"))} for _ in range(dice.randrange(3))]
        line = records.assistant(self.stamp(), self.usage(), content, dice.choice(MODELS), id=dice.choice(self.ids),
                                 stop_reason=dice.choice((None, "end_turn")), sessionId=Path(path).stem)
        if dice.random() < 0.15:
            line["isSidechain"] = True
        if dice.random() < 0.05:
            del line["timestamp"]
        return line

    def nested(self, path: str) -> dict:
        inner = self.response(path)
        if self.dice.random() < 0.5:
            inner.pop("timestamp", None)
        line = {"type": "progress", "data": {"type": "agent_progress", "message": inner}, "sessionId": Path(path).stem}
        return line | ({"timestamp": self.stamp()} if self.dice.random() < 0.7 else {})

    def line(self, path: str) -> str:
        what = self.dice.random()
        if what < 0.04:
            return self.dice.choice(("", "{", "[1]", '"x"', "{}", " "))
        one = self.response(path) if what < 0.8 else self.nested(path) if what < 0.86 else records.user(self.stamp())
        if self.teams and self.dice.random() < 0.2:
            one["teamName"] = self.dice.choice(TEAMS)
        if self.dice.random() < 0.1:
            one["agentName"] = self.dice.choice(("lead", "codex-worker"))
        if self.runs and self.dice.random() < 0.2:
            one["cwd"] = f"{ROOT}/work" if self.dice.random() < 0.7 else "/made/up"
        return records.line(one).decode()

    def lines(self, path: str) -> str:
        """What is appended: a piece may end anywhere in a line, and the next one goes on there, or begins anew."""
        before = self.rests.pop(path, "")
        if before and self.dice.random() < 0.25:
            before = "" if self.dice.random() < 0.5 else "\n"
        text = before + "".join(self.line(path) + "\n" for _ in range(self.dice.choice((0, 1, 1, 2, 6))))
        if self.dice.random() < 0.3 and text:
            cut = self.dice.randrange(1, len(text) + 1)
            if self.dice.random() < 0.4:
                cut = len(text) - 1  # all of a line but its end
            text, self.rests[path] = text[:cut], text[cut:]
        return text

    def path(self) -> str:
        dice, project = self.dice, self.dice.choice(PROJECTS)
        if dice.random() < 0.05:
            return f"claude/projects/{dice.choice(SESSIONS)}.jsonl"
        if dice.random() < 0.25:
            return f"claude/projects/{project}/{dice.choice(SESSIONS)}/subagents/{dice.choice(AGENTS)}.jsonl"
        return f"claude/projects/{project}/{dice.choice(SESSIONS)}.jsonl"


class Codex:
    """Rollouts of made-up threads, a piece at a time."""

    def __init__(self, dice: random.Random, exact: bool = True):
        self.dice = dice
        self.rest = {f"{CODEX}/{name}": data.decode() for name, data in
                     reference_codex.Home(dice.getrandbits(32), 4).files.items()}

    def lines(self, path: str) -> str:
        size = self.dice.choice((40, 700, 3000, 100000))
        text = self.rest.get(path, "")[:size]
        self.rest[path] = self.rest.get(path, "")[size:]
        return text

    def path(self) -> str:
        """Mostly in the order in which they were begun, so that a fork or a page comes after what it goes on from."""
        rest = [path for path in sorted(self.rest) if self.rest[path]] or sorted(self.rest)
        return rest[0] if self.dice.random() < 0.6 else self.dice.choice(rest)

    def is_gone(self, path: str) -> None:
        """Nobody goes on in the middle of a rollout."""
        for rest in self.rest:
            if os.path.basename(path).startswith(os.path.basename(rest)):
                self.rest[rest] = ""

    @staticmethod
    def other_place(path: str) -> str:
        folder, name = os.path.split(path)
        return f"{ARCHIVE if folder == CODEX else CODEX}/{name}"


class Gemini:
    """Chats: messages that come again with other counts, and settings."""

    def __init__(self, dice: random.Random, exact: bool = True):
        self.dice = dice
        self.begun: set[str] = set()  # files that have their first line

    def message(self) -> dict:
        pick = self.dice.randrange
        tokens = {key: pick(90) for key in ("input", "output", "cached", "thoughts", "tool", "total")}
        n = pick(12)  # a message that comes again has the time that it had
        return {"id": f"m{n}", "timestamp": f"{DAYS[n % len(DAYS)]}T{n:02d}:{n:02d}:00.000Z", "type": "gemini", "model": f"gemini-2.5-{self.dice.choice(('pro', 'flash'))}",
                "tokens": tokens, "toolCalls": [{}] * pick(3)}

    def lines(self, path: str) -> str:
        out = []
        if path not in self.begun:
            self.begun.add(path)
            ident = path.rpartition("-")[2].split(".")[0]
            out.append({"sessionId": f"0ab84937-0000-4000-8000-{ident:0>12}", "projectHash": "x", "kind": "main",
                        "startTime": "2026-06-01T00:00:00.000Z", "lastUpdated": "2026-06-01T00:00:00.000Z"})
        for _ in range(self.dice.choice((0, 1, 2, 5))):
            out.append(self.message() if self.dice.random() < 0.9 else {"$set": {"lastUpdated": "2026-06-12T00:00:00.000Z"}})
        return "".join(records.line(one).decode() + "\n" for one in out)

    def path(self) -> str:
        n = self.dice.randrange(4)
        return f"{CHATS.format(n % 2)}/session-2026-06-01T00-00-{n}.jsonl"


class Made:
    """Sessions of an agent of made_agents.py, a few steps of a conversation at a time."""

    def __init__(self, dice: random.Random, exact: bool = True):
        self.dice, self.agent = dice, self.kind(dice)
        self.ids = [self.agent.id() for _ in range(4)]
        self.sessions: dict[str, made_agents.Session] = {}
        self.rests: dict[str, str] = {}  # what is missing of a line that was written in part
        self.n = 0

    def lines(self, path: str) -> str:
        session, out = self.sessions.get(path), []
        if not session:
            session = self.sessions[path] = made_agents.Session(os.path.basename(path).rpartition("_")[2].split(".")[0], path)
            out += self.agent.begin(session, 0)
        for _ in range(self.dice.choice((0, 1, 1, 3))):
            self.n += 1
            if self.dice.random() < 0.5:
                out += self.agent.prompt(session, self.n * 40)
            numbers = [self.dice.randrange(90) for _ in range(4)]
            model = self.dice.choice(MODELS)
            out += self.agent.response(session, made_agents.Request(self.n, self.n * 40, model, *numbers, calls=self.dice.randrange(3)))
        text = self.rests.pop(path, "") + "".join(records.line(line).decode() + "\n" for line in out)
        if text and self.dice.random() < 0.2:
            cut = self.dice.randrange(len(text))
            text, self.rests[path] = text[:cut], text[cut:]
        return text

    def path(self) -> str:
        return f"{self.agent.name}/{self.agent.path(self.dice.choice(self.ids))}"


class Qwen(Made):
    kind = made_agents.Qwen


class Pi(Made):
    kind = made_agents.Pi


MAKERS = {"claude": Claude, "codex": Codex, "gemini": Gemini, "qwen": Qwen, "pi": Pi}
OF_LINES = {"append": 40, "read": 12, "check": 8, "truncate": 3, "fork": 6, "move": 3, "delete": 5, "restart": 4, "save": 4, "kill": 1, "caches": 2,
            "damage": 2, "forget": 3}
WEIGHTS = {
    "claude": {"append": 30, "read": 12, "check": 8, "truncate": 4, "rewrite": 4, "replace": 4, "move": 8, "movefolder": 3,
               "link": 5, "fork": 5, "delete": 7, "deletefolder": 1, "restart": 4, "save": 4, "kill": 1, "forget": 4, "caches": 2, "damage": 2},
    "codex": {"append": 40, "read": 12, "check": 8, "archive": 5, "pack": 5, "delete": 4, "restart": 4, "save": 4, "kill": 1, "caches": 2,
              "damage": 2, "link": 2},
    "gemini": {"append": 40, "read": 12, "check": 8, "delete": 5, "move": 2, "restart": 4, "save": 4, "kill": 1, "caches": 2, "damage": 2,
               "forget": 2, "replace": 3},
    "qwen": OF_LINES,
    "pi": {verb: n for verb, n in OF_LINES.items() if verb != "move"},  # whose lines name the session, not the file
}


class Chooser:
    """Chooses the next step, given the files that are there."""

    def __init__(self, seed: int, agents, exact: bool, root: Path):
        self.dice, self.root, self.exact = random.Random(seed), root, exact
        self.makers = {agent: MAKERS[agent](self.dice, exact) for agent in agents}

    def existing(self, agent: str) -> list[str]:
        start = len(str(self.root)) + 1
        return sorted(f"{folder[start:]}/{name}" for folder, _, names in os.walk(self.root / agent) for name in names if ".jsonl" in name)

    def step(self) -> list:
        agent = self.dice.choice(sorted(self.makers))
        weights = WEIGHTS[agent] | ({"run": 6} if agent == "claude" and not self.exact else {})
        verb = self.dice.choices(list(weights), list(weights.values()))[0]
        return getattr(self, f"_{verb}")(agent, self.makers[agent], self.existing(agent)) or ["check"]

    def _append(self, agent, maker, files):
        if agent == "gemini":
            maker.begun = set(files)
        path = self.dice.choice(files) if files and self.dice.random() < 0.6 and agent != "codex" else maker.path()
        if path.endswith(".zst") or (self.root / f"{path}.zst").exists():
            return None  # a compressed rollout is unpacked before it grows
        return ["append", path, maker.lines(path)]

    def _read(self, agent, maker, files):
        return ["read", self.dice.random()]

    def _check(self, agent, maker, files):
        return ["check"]

    def _truncate(self, agent, maker, files):
        if files:
            path = self.dice.choice(files)
            maker.rests.pop(path, None)
            return ["truncate", path, self.dice.randrange((self.root / path).stat().st_size + 1)]

    def _rewrite(self, agent, maker, files, verb="rewrite"):
        if files:
            path = self.dice.choice(files)
            return [verb, path, "".join(maker.line(path) + "\n" for _ in range(self.dice.randrange(8)))]

    def _replace(self, agent, maker, files):
        if agent == "claude":
            return self._rewrite(agent, maker, files, "replace")
        if files:
            path = self.dice.choice(files)
            maker.begun = set(files) - {path}
            return ["replace", path, maker.lines(path) + maker.lines(path)]

    def _move(self, agent, maker, files):
        return ["move", self.dice.choice(files), maker.path()] if files else None

    def _movefolder(self, agent, maker, files):
        here = f"claude/projects/{self.dice.choice(PROJECTS)}"
        to = f"claude/projects/{self.dice.choice((*PROJECTS, '-p-d'))}"
        if self.dice.random() < 0.3:
            session = self.dice.choice(SESSIONS)
            here, to = f"{here}/{session}", f"{to}/{self.dice.choice((session, self.dice.choice(SESSIONS)))}"
        return ["move", here, to]

    def _link(self, agent, maker, files):
        if files:
            path = self.dice.choice(files)
            to = maker.path() if agent == "claude" else Codex.other_place(path)
            return ["link", path, to]

    def _fork(self, agent, maker, files):
        if files:
            path = self.dice.choice(files)
            lines = (self.root / path).read_bytes().decode("utf-8", "replace").splitlines(True)
            lines = [line for line in lines if not (agent == "pi" and '"type":"session"' in line)]
            return ["append", maker.path(), "".join(lines[:self.dice.randrange(len(lines) + 1)])]

    def _delete(self, agent, maker, files):
        if files:
            path = self.dice.choice(files)
            if agent == "codex":
                maker.is_gone(path)
            return ["delete", path]

    def _deletefolder(self, agent, maker, files):
        return ["delete", f"claude/projects/{self.dice.choice(PROJECTS)}"]

    def _archive(self, agent, maker, files):
        if files:
            path = self.dice.choice(files)
            maker.is_gone(path)
            return ["move", path, maker.other_place(path)]

    def _pack(self, agent, maker, files):
        plain = [path for path in files if path.endswith(".jsonl")]
        if plain:
            path = self.dice.choice(plain)
            maker.is_gone(path)
            return ["pack", path]

    def _run(self, agent, maker, files):
        """What okstra and Claude Code write about teams, or that they remove it."""
        dice, n = self.dice, self.dice.randrange(1, 3)
        kind = dice.choice(("state", "state", "manifest", "roster", "label"))
        workers = [{"workerId": w, "agent": w, "model": "m"} for w in ("codex", "scout") if dice.random() < 0.8]
        state = {"schemaVersion": "1.0", "taskKey": "TG:TID:tid", "team": {"teamName": dice.choice(TEAMS)},
                 "runEndedAt": dice.choice((None, "2026-06-03T00:00:00Z")), "lead": {"sessionId": dice.choice(SESSIONS)},
                 "runDirectoryPath": f".okstra/tasks/TG/TID/runs/{n}", "workers": workers}
        members = [{"agentId": f"{name}@build", "name": name} for name in ("team-lead", "scout", "writer") if dice.random() < 0.8]
        label = f"claude/projects/{dice.choice(PROJECTS)}/{dice.choice(SESSIONS)}/subagents/{dice.choice(AGENTS)}.meta.json"
        path, content = {
            "state": (f"{TASK}/{n}/state/team-state-{n}-1.json", state),
            "manifest": (f"{TASK}/{n}/manifests/run-manifest-{n}-1.json", {"createdAt": dice.choice(DAYS) + "T08:00:00Z"}),
            "roster": ("claude/teams/build/config.json", {"name": "build", "leadAgentId": "team-lead@build",
                                                          "leadSessionId": dice.choice(SESSIONS), "members": members}),
            "label": (label, {"agentType": "scout"} | ({"name": "scout"} if dice.random() < 0.5 else {})),
        }[kind]
        return ["delete", path] if dice.random() < 0.15 else ["write", path, json.dumps(content)]

    def _restart(self, agent, maker, files):
        return ["restart", self.dice.choice(("", "", "memory=4K", "memory=1M"))]

    def _save(self, agent, maker, files):
        return ["save"]

    def _kill(self, agent, maker, files):
        return ["kill"]

    def _forget(self, agent, maker, files):
        return ["forget", self.dice.choice(SESSIONS + AGENTS) if agent == "claude" else "--all"]

    def _caches(self, agent, maker, files):
        return ["caches"]

    def _damage(self, agent, maker, files):
        return ["damage", self.dice.random(), self.dice.random(), self.dice.randrange(256)]


# --- doing it -------------------------------------------------------------------------------------------------------


def write(path: Path, data: bytes, flags: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o644)
    os.write(number, data)
    os.close(number)


def perform(root: Path, step: list) -> bool:
    """A step that concerns files. False: nothing changed."""
    verb, path = step[0], root / step[1]
    text = step[2].replace(ROOT, str(root)).encode() if isinstance(step[-1], str) and len(step) > 2 else b""
    to = root / step[2] if verb in ("move", "link") else None
    if verb == "append":
        if path.is_dir():
            return False
        write(path, text, os.O_APPEND)
        return True
    if verb == "write":
        write(path.with_name("new.tmp"), text, os.O_TRUNC)
        path.with_name("new.tmp").rename(path)
        return True
    if not path.exists() or (to and (to == path or path in to.parents)):
        return False
    if verb in ("move", "link"):
        if path.is_dir() and (verb == "link" or to.exists()):
            return False
        if path.is_file() and to.exists() and (verb == "link" or path.samefile(to)):
            return False
        to.parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, to) if verb == "move" else os.link(path, to)
    elif verb == "delete":
        if path.is_dir():  # at once: the daemon may look between two files
            path.rename(root / "gone")
            shutil.rmtree(root / "gone")
        else:
            path.unlink()
    elif verb == "truncate":
        os.truncate(path, min(step[2], path.stat().st_size))
    elif verb == "rewrite":
        write(path, text, os.O_TRUNC)
    elif verb == "replace":
        write(path.with_name("new.tmp"), text, os.O_TRUNC)
        path.with_name("new.tmp").rename(path)
    elif verb == "pack":
        new = path.with_name("rollout-compress-x.tmp")
        new.write_bytes(packed(path.read_bytes()))
        new.rename(path.with_name(path.name + ".zst"))
        path.unlink()
    return True


def load(text: str) -> list[list]:
    return [json.loads(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def dump(steps: list[list]) -> str:
    return "".join(json.dumps(step, ensure_ascii=False) + "\n" for step in steps)
