"""The homes over which compare_builds.py compares: one for each agent's samples, and one of made-up sessions.

Whoever imports this has put the folders of tests/ on sys.path (compare_builds.py).
"""

import json
import os
import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Callable, Iterator, Optional

import harness
import records
import test_samples
import test_sources as made

NOW = datetime.fromisoformat("2026-06-20T02:30:00+00:00").timestamp()
AGE = datetime.fromisoformat("2026-06-19T00:00:00+00:00").timestamp()  # of the first file; each next one is a second younger
# Where an agent keeps what one set of its samples holds. Codex is told of several folders at once.
PLACES = {"qwen": ".qwen", "copilot": ".copilot", "pi": ".pi/agent", "omp": ".omp/agent", "kimi": ".kimi", "grok": ".grok",
          "opencode": ".local/share/opencode", "openclaude": ".openclaude"}
AGENT_FOLDERS = ("claude", ".codex", ".gemini", "codex-pages", *PLACES.values())

Change = Callable[[], Optional[list[Path]]]  # gives the files that it wrote


# --- homes ----------------------------------------------------------------------------------------------------------


class Home(harness.Home):
    """Always at the same path: documents say where something lies."""

    def __init__(self, root: Path):
        self.root = root / "home"
        self.config, self.okstra = self.root / "claude", self.root / "okstra"
        self.projects, self.project = self.config / "projects", self.root / "project"
        self.clock = root / "clock.so"
        self.template = root / "template"
        self.mounts = []

    def environment(self) -> dict:
        pages = sorted(map(str, (self.root / "codex-pages").glob("*")))
        return super().environment() | {"TZ": "America/New_York", "LD_PRELOAD": str(self.clock), "LC_ALL": "C.UTF-8",
                                        "OKSTRAFS_COMPARE_NOW": str(int(NOW)),
                                        "CODEX_HOME": ",".join([str(self.root / ".codex"), *pages])}

    def make(self, fill: Callable[["Home"], None]) -> None:
        """Fills it once, and keeps a copy whose times are the same each time."""
        for folder in (self.root, self.template):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.projects, self.okstra, self.project):
            folder.mkdir(parents=True)
        fill(self)
        for n, path in enumerate(sorted(self.root.rglob("*"), reverse=True)):
            os.utime(path, (AGE + n, AGE + n))
        self.root.rename(self.template)

    def renew(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.template, self.root, symlinks=True)

    def transcripts(self) -> list[Path]:
        return sorted({path for folder in AGENT_FOLDERS for path in (self.root / folder).rglob("*.jsonl")})


def sets_of(samples: Path, agent: str) -> list[Path]:
    return sorted(path for path in (samples / agent).glob("*") if path.is_dir())


def fill_sets(samples: Path, n: int, home: Home) -> None:
    """The n-th set of each agent that has so many."""
    for agent, place in PLACES.items():
        for one in sets_of(samples, agent)[n : n + 1]:
            shutil.copytree(one, home.root / place)


def fill_codex(samples: Path, home: Home) -> None:
    for n, path in enumerate(sorted((samples / "codex").iterdir())):
        folder = home.root / ".codex/sessions/2026/02" / f"{n + 1:02d}"
        folder.mkdir(parents=True)
        name = path.name.rpartition("__")[2]
        shutil.copy(path, folder / (name if name.startswith("rollout-") else f"rollout-2026-02-23T12-00-00-{name}"))


def fill_gemini(samples: Path, home: Home) -> None:
    for n, path in enumerate(sorted((samples / "gemini").iterdir())):
        folder = home.root / f".gemini/tmp/slug-{n % 3}/chats"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / f"session-2026-01-01T00-00-x{n}{path.suffix}")


def fill_claude(samples: Path, home: Home) -> None:
    test_samples.lay_out(str(samples), home.projects)
    test_samples.add_team(home)


def sample_homes(samples: Path) -> Iterator[tuple[str, Callable[[Home], None]]]:
    fillers = {"claude": fill_claude, "codex": fill_codex, "gemini": fill_gemini,
               "codex-pages": lambda samples, home: shutil.copytree(samples / "codex-pages", home.root / "codex-pages")}
    for agent, fill in fillers.items():
        if (samples / agent).is_dir():
            yield agent, lambda home, fill=fill: fill(samples, home)
        else:
            print(f"{agent}: no samples, skipped", flush=True)
    for n in range(max(len(sets_of(samples, agent)) for agent in PLACES)):
        yield f"other agents, set {n + 1}", lambda home, n=n: fill_sets(samples, n, home)


# --- a made home ----------------------------------------------------------------------------------------------------


class Made:
    """Sessions of three agents: forks, replays, sub-agents, teams with runs and rosters, cut and bad lines, and budgets."""

    def __init__(self, count: int):
        self.count = count
        self.claude: dict[int, tuple[str, str, list]] = {}
        self.rollouts: dict[int, list] = {}
        self.written: list[Path] = []
        self.unfinished: list[tuple[Path, bytes]] = []  # and what comes to it

    def fill(self, home: Home) -> None:
        self.home = home
        for n in range(self.count):
            (self.add_codex if n % 10 in (3, 7) else self.add_gemini if n % 10 == 9 else self.add_claude)(n)
        home.transcript("-made-0", "empty", [], end=b"")
        home.transcript("-made-0", "only-asked", [records.user(sessionId="only-asked")])
        self.run("first", "001", "2026-06-10T08:00:00Z", "2026-06-14T00:00:00Z")
        self.run("second", "002", "2026-06-14T08:00:00Z", None)
        self.roster("scout", "writer", "absent")
        self.settings(9.5)
        self.prices(3e-06)
        self.completed = self.unfinished[:12]

    def when(self, n: int) -> datetime:
        return records.START + timedelta(minutes=n * 14400 / self.count)

    def pack(self, n: int, lines: list) -> list[bytes]:
        out = [records.line(one) for one in lines]
        if n % 11 == 6:
            out[3:3] = [b'{"bad"', b"\xff\xfe", b"", b"[1]", out[0][: len(out[0]) // 2]]
        return out

    def write(self, n: int, path: Path, lines: list) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        data = b"\n".join(self.pack(n, lines)) + b"\n"
        rest = len(records.line(lines[-1])) // 2 if n % 11 == 5 else 0
        path.write_bytes(data[: len(data) - rest])
        self.written.append(path)
        if rest:
            self.unfinished.append((path, data[-rest:]))

    def add_claude(self, n: int) -> None:
        session = f"{n * 2654435761 % 2**32:08x}-0000-4000-8000-{n:012x}"
        maker = records.Maker(n, session)
        maker.when = self.when(n)
        chance, crew = maker.random, n % 4 == 0
        lines = [maker.any() for _ in range(chance.randrange(6, 24))] + [maker.assistant()]
        for one in lines:
            if one.get("teamName"):
                one["teamName"] = f"crew-{n % 3}"
            if crew and one["type"] == "assistant":
                one |= {"teamName": f"{'Crew' if n % 8 else 'crew'}-{n % 3}",
                        "agentName": ("lead", "codex-worker", "codex-worker-002", "scout")[n // 4 % 4]}
            if "cwd" in one and n % 3 == 0:
                one["cwd"] = str(self.home.project)
            if one["type"] == "assistant" and n % 13 == 7 and chance.random() < 0.6:
                one["message"]["model"] = chance.choice(("unheard-of-1", "my-gateway-model", "claude-opus-4-5[1m]"))
        before = self.claude.get(n - 1) or self.claude.get(n - 2)
        if before and n % 6 == 1:  # resumed: the old one's lines again
            lines = before[2][: len(before[2]) * 2 // 3] + lines
        if before and n % 6 == 4:  # a fork: as lines of its own
            lines = [one | {"sessionId": session} for one in before[2]] + lines
        project = f"-made-{n % 7}"
        self.claude[n] = project, session, lines
        self.write(n, self.home.path(project, session), lines)
        if n % 5 == 1:
            self.add_agents(n, project, session, maker)

    def add_agents(self, n: int, project: str, session: str, maker: records.Maker) -> None:
        for label in ("scout", "Explore"):
            lines = [maker.assistant() | {"isSidechain": True, "agentId": f"{label}{n}"} for _ in range(4)]
            path = self.home.path(project, f"agent-{label.lower()}{n:04x}", session if n % 2 else "")
            self.write(n, path, lines)
            if n % 3:
                self.written.append(path.with_suffix(".meta.json"))
                self.written[-1].write_text(json.dumps({"agentType": label, "name": label}))

    def add_codex(self, n: int) -> None:
        session, day = f"019c8a4c-0000-7000-8000-{n:012x}", f"{self.when(n):%Y-%m-%d}"
        cwd = {"cwd": str(self.home.project) if n % 4 == 3 else f"/srv/p.{n % 5}"}
        model = ("gpt-5.2", "gpt-5.4-mini", "unheard-of-2")[n % 3]
        lines = [made.meta(session, **cwd), made.context(model)] + made.turns(3 + n % 9)
        parent = self.rollouts.get(n - 10) if n % 20 == 17 else None
        if parent:  # a fork replays its parent
            base = [made.meta(session, forked_from_id=parent[0]["payload"]["id"], **cwd)] + parent
            lines = base + made.turns(3, 20, made.last_total(parent))
        elif n % 20 == 13:  # a spawned one does not
            spawn = {"thread_spawn": {"parent_thread_id": f"019c8a4c-0000-7000-8000-{n - 10:012x}", "agent_role": "scout"}}
            lines[0] = made.meta(session, source={"subagent": spawn}, **cwd)
        elif n % 50 == 23:
            lines = lines[:2] + [made.token_count(None)]
        lines = json.loads(json.dumps(lines).replace("2026-02-23", day))
        self.rollouts[n] = lines
        name = f"rollout-{day}T12-00-00-{session}.jsonl"
        self.write(n, self.home.root / ".codex/sessions" / day.replace("-", "/") / name, lines)
        if n % 50 == 33:
            self.write(n, self.home.root / ".codex/archived_sessions" / name, lines)

    def chat(self, n: int) -> list[dict]:
        stamp, model = f"{self.when(n):%Y-%m-%dT%H:%M}", ("gemini-2.5-pro", "gemini-2.5-flash")[n // 10 % 2]
        return [made.message(f"m{n}-{i % 5}", (200 + 31 * n + i, 10 + i, 40, i, 2, 300), stamp=f"{stamp}:{i:02d}.000Z",
                             calls=i % 3, model=model) for i in range(4 + n % 5)]

    def add_gemini(self, n: int) -> None:
        head = made.CHAT | {"sessionId": f"0ab84937-0000-4000-8000-{n:012x}"}
        folder = self.home.root / f".gemini/tmp/slug-{n // 10 % 4}"
        path = folder / f"chats/session-2026-06-10T00-00-{n:08x}.jsonl"
        self.write(n, path, [head, *self.chat(n), {"$set": {"lastUpdated": "2026-06-12T12:01:00.000Z"}}])
        if n // 10 % 4 == 0:
            (folder / ".project_root").write_text(f"{self.home.project}\n")
        if n % 40 == 19:
            self.write(n, folder / "chats" / head["sessionId"] / f"sub-{n}.jsonl",
                       [head | {"sessionId": f"sub-{n}", "kind": "subagent"}, made.message(f"s{n}", (5, 5, 0, 0, 0, 10))])
        if n % 40 == 29:
            path.with_suffix(".json").write_text(json.dumps(head | {"messages": self.chat(n)[:3]}))

    def run(self, run: str, case: str, created: str, ended: Optional[str]) -> list[Path]:
        folder = self.home.project / f".okstra/tasks/TG/TID/runs/{run}"
        lead = next((session for n, (_, session, _) in self.claude.items() if n % 48 == 0), "")
        state = {"schemaVersion": "1.0", "taskKey": "TG:TID:tid", "team": {"teamName": "crew-0"}, "runEndedAt": ended,
                 "runDirectoryPath": f".okstra/tasks/TG/TID/runs/{run}", "lead": {"sessionId": lead, "model": "opus"},
                 "workers": [{"workerId": "codex", "agent": "codex", "model": "gpt-5.5"},
                             {"workerId": "scout", "agent": "scout"},
                             {"workerId": "gemini", "agent": "gemini", "model": "gemini-2.5-pro"}]}
        files = {folder / f"state/team-state-{run}-{case}.json": state,
                 folder / f"manifests/run-manifest-{run}-{case}.json": {"createdAt": created}}
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
        return list(files)

    def roster(self, *members: str) -> list[Path]:
        lead = next((session for n, (_, session, _) in self.claude.items() if n % 5 == 1), "")
        people = [{"agentId": f"{name}@build", "name": name, "agentType": "general-purpose", "model": "haiku"}
                  for name in members]
        path = self.home.config / "teams/build/config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"name": "build", "leadAgentId": "team-lead@build", "leadSessionId": lead,
                                    "members": [{"agentId": "team-lead@build", "name": "team-lead"}, *people]}))
        return [path]

    def settings(self, limit: float) -> list[Path]:
        scopes = ("day", "block", "total", "session", "project", "team", "run", "agent-day")
        policies = ("block", "prompt", "warn_continue")
        budgets = {f"{scope} {unit}": {"scope": scope, f"limit{unit}": amount, "policy": policies[i % 3]}
                   for i, scope in enumerate(scopes) for unit, amount in (("USD", limit), ("Tokens", 20000 * (i + 1)))}
        budgets["crew"] = {"scope": "team", "of": "CREW-1", "limitUSD": limit, "warnAt": 0.1}
        path = self.home.okstra / "okstrafs.json"
        path.write_text(json.dumps({"timeZone": "Asia/Seoul", "budgets": budgets}))
        return [path]

    def prices(self, each: float) -> list[Path]:
        path = self.home.okstra / "okstrafs/prices.json"
        path.parent.mkdir(exist_ok=True)
        price = {"input_cost_per_token": each, "output_cost_per_token": 5 * each}
        path.write_text(json.dumps({"my-gateway-model": price}))
        return [path]

    def add_late(self) -> list[Path]:
        self.written = []
        self.add_claude(self.count + 1)
        return self.written

    def changes(self) -> Iterator[Change]:
        """Besides those that every home goes through."""
        for path, rest in self.completed:
            yield lambda path=path, rest=rest: append(path, rest)
        yield self.add_late
        yield lambda: self.run("third", "003", "2026-06-17T08:00:00Z", None)
        yield lambda: self.roster("scout", "explore")
        yield lambda: self.settings(30)
        yield lambda: self.prices(4e-06)


# --- changes --------------------------------------------------------------------------------------------------------


def append(path: Path, data: bytes) -> list[Path]:
    if path.exists():  # it may be one of those that were deleted
        harness.append(path, data)
        return [path]
    return []


def cut(path: Path) -> list[Path]:
    os.truncate(path, path.stat().st_size * 3 // 5)
    return [path]


def repeat(path: Path) -> list[Path]:
    """Its second half again, from the start of a line; it completes an unfinished last line."""
    data = path.read_bytes()
    return append(path, (b"" if data.endswith(b"\n") else b"\n") + data[data.find(b"\n", len(data) // 2) + 1 :])


def rename(path: Path) -> None:
    path.rename(path.with_name(f"{path.stem[:-1]}{'1' if path.stem[-1] == '0' else '0'}{path.suffix}"))


def plan(home: Home) -> tuple[list[Path], list[Change]]:
    """The transcripts that are deleted between two mounts, and what happens during one. Each file is in one of these only."""
    paths = home.transcripts()
    order = random.Random(7).sample(paths, len(paths))
    part = max(1, min(6, len(order) // 6))
    chosen = [order[i * part : (i + 1) * part] for i in range(5)]
    steps = [lambda p=path, do=do: do(p) for do, some in zip((repeat, cut, Path.unlink, rename), chosen) for path in some]
    return chosen[4], steps
