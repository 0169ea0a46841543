"""The model test: random things happen to transcripts and to the daemon, and all documents are compared with a reference.

    OKSTRAFS_BIN=build/fs/okstrafs tests/model/test_model.py                     some seeds, as in CI
    OKSTRAFS_BIN=build/fs/okstrafs tests/model/test_model.py --seed 7 [--steps N]    one seed again
    OKSTRAFS_BIN=build/fs/okstrafs tests/model/test_model.py --hours 2 [--from SEED] [--jobs N]    seeds until the time is up
    OKSTRAFS_BIN=build/fs/okstrafs tests/model/test_model.py --script FILE           a script that a failure has printed

Most seeds are run without a mount, which costs a tenth (views.py); --mount is for those that fail only with one.

What is compared (class Check): the sums of rows and totals, streams and totals, an appending reader and a new one, all with
the reference, the mount with `okstrafs cat`, before and after a restart, and a process that has nothing but the files.

A failure is made small: steps are left out as long as it fails. The script that remains is printed.
"""

import argparse
import contextlib
import itertools
import json
import operator
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import unittest
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "mount"))
os.environ.setdefault("OKSTRAFS_BIN", "")

import harness  # noqa: E402
import events  # noqa: E402
import schemas  # noqa: E402
import reference  # noqa: E402
import reference_billed  # noqa: E402
import reference_codex  # noqa: E402
import reference_sources  # noqa: E402
from expected import Past, complete  # noqa: E402
from steps import DESTRUCTIVE, Chooser, dump, load, perform  # noqa: E402
from views import Hosted, Mounted, Wrong, is_stream  # noqa: E402

STATS = ("by-model", "by-project", "by-branch", "by-agent", "by-source", "by-effort", "by-day", "by-week", "by-month", "by-hour", "blocks")
COLUMNS = reference_billed.COUNTS
BILLED = reference_billed.BILLED
COST_MAX = Decimal(2**63 - 1) / 10**12
WINDOWS = ("_2026-06-01", "2026-06-02_2026-06-02", "2026-06-02T12:00Z_")
SCHEMAS_EVERY = 8  # checks
MODES = (("claude", True), ("claude", True), ("claude", False), ("codex", True), ("gemini", True), ("mixed", False))
PROGRESS_EVERY = 50  # seeds
OTHERS = (("mixed", False), ("qwen", False), ("pi", False))  # in turn, where MODES has "mixed"
MOUNTED = 25  # one seed in so many has a mount
AGENTS = {"mixed": ("claude", "codex", "gemini", "qwen", "pi")}


def same(kind: str, got, want, note: str = "") -> None:
    if got == want:
        return
    if isinstance(got, dict) and isinstance(want, dict):
        keys = [key for key in [*want, *(k for k in got if k not in want)] if got.get(key) != want.get(key)][:4]
        got, want = ({key: of.get(key) for key in keys} for of in (got, want))
    raise Wrong(kind, f"{note}\n     got: {str(got)[:900]}\nexpected: {str(want)[:900]}")


def total(values) -> int:
    return min(sum(values), reference.TOKENS_MAX)


def comparable(path: str, data: bytes):
    """The order of a stream's lines, and how often a request is told again, depends on when they were found."""
    if path.startswith("events"):
        rows = [row for row in events.table(data).values() if (row["requests"] or row["webSearches"]) and not row["open"]]
        return sorted(str({key: value for key, value in row.items() if key != "revision"}) for row in rows)
    return sorted(data.splitlines()) if is_stream(path) else data


class Run:
    """A home, its daemon, and what has happened."""

    def __init__(self, agents: str, exact: bool, hosted: bool = False):
        self.agents, self.exact = AGENTS.get(agents, (agents,)), exact
        self.home = harness.Home()
        self.root = self.home.root
        environment = self.home.environment
        more = {"CODEX_HOME": str(self.root / "codex"), "GEMINI_CLI_HOME": str(self.root / "gemini"),
                "QWEN_RUNTIME_DIR": str(self.root / "qwen"), "PI_CODING_AGENT_DIR": str(self.root / "pi")}
        self.home.environment = lambda: environment() | more
        for folder in ("codex/sessions", "codex/archived_sessions", "gemini/.gemini/tmp", "qwen/projects", "pi/sessions"):
            (self.root / folder).mkdir(parents=True)
        self.past = Past(self.home.projects)
        self.rollouts: set[tuple[str, bytes]] = set()  # all that any file of Codex has said
        self.packed: set[tuple[str, bytes]] = set()  # of these what was compressed: its last line never goes on
        self.chats: dict[str, bytes] = {}
        self.unsaved = False  # the store may lack what a file has lost
        self.lines: dict[str, tuple] = {}  # by stream: its inode, and what a reader has got that only goes on
        # A folder of runs is named by an option, or only by lines of transcripts.
        (self.root / "work").mkdir()
        options = [f"root={self.root}/work"] if agents == "claude" and not exact else []
        self.view = (Hosted if hosted else Mounted)(self.home, options)
        self.checks = 0
        self.changed = True  # since the last sync
        self.compared = None  # what the reference was last compared with
        self.parsed: dict[str, tuple] = {}  # by document: its bytes, and what they say
        self.summed: dict[tuple, tuple] = {}  # by sum: its parts and the whole, of documents in `parsed`

    def close(self) -> None:
        self.view.close()
        self.home.close()

    # -- steps

    def step(self, step: list) -> None:
        verb = step[0]
        action = getattr(self, f"_{verb}", None)
        if action:
            action(*step[1:])
            return
        strict = self.exact or verb in ("truncate", "rewrite")
        if strict and self.changed:
            self.sync()
        if verb in ("link", "move") and is_file_with_names(self.root / step[1], 1 if verb == "link" else 2):
            # A name that a file has for a moment in a folder that nobody has seen leaves no trace.
            folder = (self.root / step[2]).parent
            if not folder.exists():
                folder.mkdir(parents=True)
                self.sync()
        # What its session had of other files, or the path of another one, may be given up.
        comes = not (self.root / step[2 if verb == "link" else 1]).exists()
        done = perform(self.root, step)
        self.changed |= done
        self.unsaved |= done and (comes or verb in DESTRUCTIVE)
        if strict:
            self.sync()

    def sync(self) -> None:
        """The daemon sees everything, and so do we."""
        self.view.sync()
        changed, self.changed = self.changed, False
        if self.exact and changed:
            {"claude": self.past.observe, "codex": self.observe_rollouts, "gemini": self.observe_chats}[self.agents[0]]()

    def observe_rollouts(self) -> None:
        for folder in ("codex/sessions", "codex/archived_sessions"):
            for path in sorted((self.root / folder).rglob("rollout-*.jsonl")):
                self.hold_rollout(path.name, path.read_bytes())
            for path in (self.root / folder).rglob("rollout-*.zst"):
                self.packed |= {(name, data) for name, data in self.rollouts if name == path.name.removesuffix(".zst")}

    def observe_chats(self) -> None:
        chats = {str(path): path.read_bytes() for path in sorted((self.root / "gemini").rglob("session-*.jsonl"))}
        live = {self.session_of_chat(data) for data in chats.values()}
        for name, data in self.chats.items():
            if name in chats or any(other.startswith(complete(data)) for other in chats.values()):
                continue
            if self.session_of_chat(data) not in live:  # else only its requests stay
                chats[name] = complete(data)
        self.chats = chats

    @staticmethod
    def session_of_chat(data: bytes):
        head = reference_sources.objects(data)
        return head[0].get("sessionId") if head else None

    def hold_rollout(self, name: str, data: bytes) -> None:
        """What was there before counts as well, unless the file has only grown."""
        self.rollouts = {(n, said) for n, said in self.rollouts if n != name or not data.startswith(complete(said))}
        self.rollouts.add((name, data))

    def _read(self, which: float) -> None:
        paths = self.documents()
        self.view.read(paths[int(which * len(paths))])

    def _check(self) -> None:
        Check(self).everything()

    def saved(self) -> None:
        """Nothing waits for the saver, so that a SIGKILL loses nothing."""
        if self.unsaved:
            self.sync()
            self.view.saved()
        self.unsaved = False

    def _restart(self, options: str) -> None:
        self.sync()
        before = self.all()
        self.view.stop()
        self.start(options, before, "restart")

    def _save(self) -> None:
        self.view.save()

    def _kill(self) -> None:
        self.sync()
        before = self.all()
        self.saved()
        self.view.kill()
        self.start("", before, "kill")

    def start(self, options: str, before: dict, kind: str) -> None:
        self.unsaved = False
        self.lines.clear()
        self.view.start(options)
        after = self.all()
        self.compare(kind, after, before)

    def compare(self, kind: str, got: dict, want: dict) -> None:
        same(f"{kind} names", sorted(got), sorted(want), f"missing {sorted(set(want) - set(got))}, more {sorted(set(got) - set(want))}")
        for path, data in want.items():
            a, b = comparable(path, got[path]), comparable(path, data)
            if a != b:
                a, b = (x if isinstance(x, list) else x.splitlines() for x in (a, b))
                only = [x for x in a if x not in b][:4], [x for x in b if x not in a][:4]
                raise Wrong(f"{kind} {path.rpartition('/')[2]}", f"{path}: {len(a)} and {len(b)} lines"
                            f"\n     got: {only[0]}\nexpected: {only[1]}")

    def _forget(self, session: str) -> None:
        self.sync()
        self.saved()
        if self.view.forget(session):
            self.past.forget(session)
            if "codex" in self.agents or "gemini" in self.agents:
                self.chats = {name: data for name, data in self.chats.items() if Path(name).exists()}
                there = {path.name.removesuffix(".zst") for path in (self.root / "codex").rglob("rollout-*")}
                self.rollouts = {(name, data) for name, data in self.rollouts if name in there}

    def _caches(self) -> None:
        self.sync()
        shutil.rmtree(self.home.okstra / "cache", ignore_errors=True)

    def _damage(self, which: float, where: float, byte: int) -> None:
        files = self.home.cache_files()
        if files:
            path = files[int(which * len(files))]
            with contextlib.suppress(OSError):
                data = bytearray(path.read_bytes())
                if data:
                    data[int(where * len(data))] ^= byte
                    path.write_bytes(data)

    # -- reading

    def folders(self, name: str) -> list[str]:
        return [one for one, shape in self.view.names([name])[0] if shape == "d"]

    def documents(self) -> list[str]:
        """All files, and the members of what has links to sessions (self.members)."""
        kinds = ("sessions", "projects", "teams")
        *of_kinds, months = self.view.names([*kinds, "events"])
        out = ["events.jsonl", *(f"events/{name}" for name, shape in months), *(f"stats/{name}.json" for name in STATS),
               *(f"stats/window/{window}/{name}.json" for window in WINDOWS for name in STATS)]
        self.listed = {kind: [name for name, shape in names if shape == "d"] for kind, names in zip(kinds, of_kinds)}
        here = [f"{kind}/{name}" for kind in kinds for name in self.listed[kind]]
        parts = [f"teams/{name}/{part}" for name in self.listed["teams"] for part in ("members", "runs")]
        links = [f"{kind}/{name}/sessions" for kind in kinds[1:] for name in self.listed[kind]]
        names = dict(zip(here + parts + links, self.view.names(here + parts + links)))
        for folder in here:
            out += [f"{folder}/{one}" for one, shape in names[folder] if shape == "f" and one.endswith((".json", ".jsonl", "_tokens", "_usd"))]
            out += [f"{folder}/window/{window}.json" for window in WINDOWS]
        out += [f"{part}/{one}/usage.json" for part in parts for one, shape in names[part] if shape == "d"]
        self.members = {link.removesuffix("/sessions"): [one for one, shape in names[link]] for link in links}
        return out

    def all(self) -> dict[str, bytes]:
        self.numbers = {}
        out = {}
        for path, (data, number) in self.view.read_all(self.documents()).items():
            out[path] = data
            if is_stream(path):
                self.numbers[path] = number
        return out


class Check:
    def __init__(self, run: Run):
        self.run = run

    def everything(self) -> None:
        run = self.run
        run.sync()
        run.checks += 1
        self.text = run.all()
        self.documents = {path: self.parsed_again(path, data) for path, data in self.text.items() if path.endswith(".json")}
        self.sessions = run.listed["sessions"]
        self.sums_of_rows()
        self.sums_of_sessions()
        self.streams()
        self.readers()
        if schemas.available() and run.checks % SCHEMAS_EVERY == 0:
            self.schemas()
        if run.exact:
            {"claude": self.claude, "codex": self.codex, "gemini": self.gemini}[run.agents[0]]()
        if run.checks % 3 == 0:
            self.files_alone()
        if run.checks % 3 == 1 and not run.unsaved:
            run.compare("cat", run.view.fresh(list(self.text)), self.text)

    def parsed_again(self, path: str, data: bytes):
        """The same object for the same bytes, so that what was compared need not be compared again."""
        before = self.run.parsed.get(path)
        if not before or before[0] != data:
            self.run.parsed[path] = before = data, self.parsed(path, data)
        return before[1]

    @staticmethod
    def parsed(path: str, data: bytes):
        try:
            return json.loads(data, parse_float=Decimal)
        except ValueError as error:
            raise Wrong("JSON", f"{path}: {error}") from error

    # -- what documents say of each other

    def is_sum(self, kind: str, parts: list, whole: dict, note: str) -> None:
        """Counts, requests, tokens and money."""
        before = self.run.summed.get((kind, note))
        if before and before[1] is whole and len(before[0]) == len(parts) and all(map(operator.is_, before[0], parts)):
            return
        self.run.summed[kind, note] = parts, whole
        for key in COLUMNS:
            same(f"{kind} {key}", total(p[key] or 0 for p in parts), whole[key] or 0, f"{note} {key}")
        known = [p["billed"] for p in parts if p["billed"]]
        if not whole["billed"]:
            return
        for key in (*BILLED, "retainedRequests"):
            same(f"{kind} billed {key}", total(b[key] for b in known), whole["billed"][key], f"{note} billed {key}")
        cost = min(sum(b["costUSD"] or 0 for b in known), COST_MAX)
        if abs(cost - (whole["billed"]["costUSD"] or 0)) > Decimal("0.000001") * (1 + len(known)):
            same(f"{kind} costUSD", cost, whole["billed"]["costUSD"], note)

    def sums_of_rows(self) -> None:
        for path, document in self.documents.items():
            if path.startswith("stats/"):
                name = path.rpartition("/")[2][: -len(".json")]
                self.is_sum(f"rows {name}", document["rows"], document["total"], path)
        for window in ("", *(f"window/{window}/" for window in WINDOWS)):
            one, *others = (self.documents[f"stats/{window}{name}.json"]["total"] for name in STATS)
            for name, other in zip(STATS[1:], others):
                same("totals", other, one, f"{window}{name}")

    def sums_of_sessions(self) -> None:
        each = {sid: self.documents[f"sessions/{sid}/usage.json"] for sid in self.sessions}
        self.is_sum("sessions", list(each.values()), self.documents["stats/by-source.json"]["total"], "sessions")
        for window in WINDOWS:
            parts = [self.documents[f"sessions/{sid}/window/{window}.json"] for sid in self.sessions]
            self.is_sum("sessions window", parts, self.documents[f"stats/window/{window}/by-source.json"]["total"], window)
        for kind in ("projects", "teams"):
            for name in self.run.listed[kind]:
                ids = self.run.members[f"{kind}/{name}"]
                document = self.documents[f"{kind}/{name}/usage.json"]
                if missing := set(ids) - set(each):
                    raise Wrong("links", f"{kind}/{name}/sessions: no {missing}")
                if set(COLUMNS) <= set(document) and not any(document["window"].values()):  # else it is that of a run
                    self.is_sum(kind, [each[sid] for sid in ids], document, name)
                    for window in WINDOWS:
                        parts = [self.documents[f"sessions/{sid}/window/{window}.json"] for sid in ids]
                        self.is_sum(f"{kind} window", parts, self.documents[f"{kind}/{name}/window/{window}.json"], f"{name} {window}")

    def streams(self) -> None:
        every = []
        for sid in self.sessions:
            lines = [self.parsed("requests.jsonl", line) for line in self.text.get(f"sessions/{sid}/requests.jsonl", b"").splitlines()]
            billed = self.documents[f"sessions/{sid}/usage.json"]["billed"]
            every += [line["messageId"] or line["t"] for line in lines]
            if not billed:
                continue
            # Of each file the last response may not have ended, and the unfinished line behind it may be another one.
            open_ones = billed["requests"] - len(lines)
            if not 0 <= open_ones <= 2 * self.documents[f"sessions/{sid}/usage.json"]["transcripts"]:
                same("requests.jsonl lines", len(lines), billed["requests"], f"requests.jsonl of {sid}")
            if open_ones:
                continue
            same("requests.jsonl outputTokens", total(x["outputTokens"] for x in lines), billed["outputTokens"], sid)
            if billed["totalTokens"] < reference.TOKENS_MAX and billed["cacheReadTokens"] < reference.TOKENS_MAX // 2:
                got = total(x["inputTotalTokens"] for x in lines)
                same("requests.jsonl inputTotalTokens", got, total(billed[k] for k in ("inputTokens", "cacheCreationTokens", "cacheReadTokens")), sid)
        rows = [row for row in events.table(self.text["events.jsonl"]).values() if row["requests"] and not row["open"]]
        same("events.jsonl", sorted(map(str, (x["messageId"] or x["t"] for x in rows))), sorted(map(str, every)))
        self.months()

    def months(self) -> None:
        """Their sums are those of everything."""
        rows = events.table(*(data for path, data in self.text.items() if path.startswith("events/")))
        for key, value in events.of_billed(self.documents["stats/by-source.json"]["total"]["billed"]).items():
            if value < reference.TOKENS_MAX:
                same(f"events/ {key}", total(row[key] for row in rows.values()), value)

    def schemas(self) -> None:
        """One document of each kind: they cost as much as all else."""
        some = {(path.partition("/")[0], path.rpartition("/")[2]): path for path in self.text if path.endswith((".json", ".jsonl"))}
        for path in some.values():
            if error := schemas.wrong(path, self.text[path]):
                raise Wrong("schema", error)

    def readers(self) -> None:
        """A stream only grows, or has another inode."""
        for path in [p for p in self.text if is_stream(p)]:
            whole = self.text[path]
            inode = self.run.numbers[path]
            before = self.run.lines.get(path)
            if before and before[0] == inode and not whole.startswith(before[1]):
                raise Wrong("stream", f"{path} has changed what a reader has got")
            self.run.lines[path] = inode, whole

    # -- what the reference says

    def row(self, kind: str, got: dict, want: dict, note: str, keys=reference.KEYS) -> None:
        same(kind, {k: got[k] for k in keys}, {k: want[k] for k in keys}, note)
        same(f"{kind} billed", {k: got["billed"][k] for k in want["billed"]}, want["billed"], f"{note} billed")

    def claude(self) -> None:
        run = self.run
        state = run.past.state(), self.text, run.members
        if state == run.compared:
            return
        world = run.past.world(run.root / "world")
        same("sessions", self.sessions, sorted(world.sessions))
        for sid in self.sessions:
            document = self.documents[f"sessions/{sid}/usage.json"]
            self.row("usage.json", document, world.session(sid), sid)
            got = [(x["t"] or "", x["model"] or "unknown", x["inputTotalTokens"], x["cacheReadTokens"], x["cacheWriteTokens"], x["outputTokens"])
                   for x in map(json.loads, self.text[f"sessions/{sid}/requests.jsonl"].splitlines())
                   if x["messageId"] not in world.in_tails]
            self.lines_of_requests(got, world.log(sid), sid)
        teams = {name.lower(): sorted(self.run.members[f"teams/{name}"]) for name in self.run.listed["teams"]}
        same("teams", teams, world.teams())
        self.stats(world, "stats", "", "")
        for window in WINDOWS:
            since, until, _ = reference.reference_window.parse(f"{window}.json", 0)
            for sid in self.sessions:
                self.row("window", self.documents[f"sessions/{sid}/window/{window}.json"], world.session(sid, since, until), f"{sid} {window}")
            self.stats(world, f"stats/window/{window}", since, until)
        run.compared = state

    @staticmethod
    def is_full(row: dict) -> bool:
        return any(row[key] == reference.TOKENS_MAX for key in (*COLUMNS, "totalTokens"))

    @staticmethod
    def lines_of_requests(got: list[tuple], want: list[tuple], sid: str) -> None:
        """What only the reference has must be open: its response has not ended, and it is the last one of a file."""
        rest, missing = list(got), []
        for *one, settled in want:
            if tuple(one) in rest:
                rest.remove(tuple(one))
            elif settled:
                missing.append(one)
        if rest or missing:
            raise Wrong("requests.jsonl", f"{sid}\n more: {rest[:3]}\nmissing: {missing[:3]}")

    def stats(self, world, folder: str, since: str, until: str) -> None:
        tables = {"by-project": lambda: world.by_session(world.project, since, until), "by-day": lambda: world.by_time(world.day, since, until),
                  "by-week": lambda: world.by_time(world.week, since, until), "by-month": lambda: world.by_time(world.month, since, until),
                  "by-hour": lambda: world.by_time(world.hour, since, until), "by-model": lambda: world.by_model(since, until)}
        if not world.only_lost:
            tables["by-agent"] = lambda: world.by_session(world.agent, since, until)
        plain = [key for key in reference.KEYS if not (since or until) or key not in ("agentName", "model")]
        self.row("total", self.documents[f"{folder}/by-model.json"]["total"], world.total(since, until), folder, plain)
        for name, table in tables.items():
            got, want = {row["key"]: row for row in self.documents[f"{folder}/{name}.json"]["rows"]}, table()
            keys = plain if name in ("by-project", "by-agent") else COLUMNS
            for key in sorted({*got, *want}):
                if key == "unknown" and keys is COLUMNS and self.is_full(self.documents[f"{folder}/{name}.json"]["total"]):
                    continue  # the rest is what rows lack of the total, which is cut at 2^63-1
                if key in got and key in want:
                    self.row(name, got[key], want[key], f"{folder} {key}", keys)
                elif key in got or any(want[key][k] for k in COLUMNS) or want[key]["billed"]["requests"]:
                    raise Wrong(f"{name} rows", f"{folder}: {key} is in {'the document' if key in got else 'the reference'} only")

    def codex(self) -> None:
        run = self.run
        files = list((run.root / "codex").rglob("rollout-*"))
        whole = run.packed | {(path.name, path.read_bytes()) for path in files if path.suffix != ".zst"}
        contents = {f"{n}/{name}": data if (name, data) in whole else complete(data)
                    for n, (name, data) in enumerate(sorted(run.rollouts))}
        want = reference_codex.requests(contents)
        sums = [sum(r.numbers[i] for r in want) for i in range(4)]
        billed = self.documents["stats/by-source.json"]["total"]["billed"]
        keys = ("inputTokens", "outputTokens", "cacheCreationTokens", "cacheReadTokens")
        got = [billed["requests"], *(billed[key] for key in keys)]
        same("codex billed", got, [len(want), sums[0] - sums[1] - sums[2], sums[3], sums[2], sums[1]])

    def gemini(self) -> None:
        want: dict[str, list[bytes]] = {}
        for data in self.run.chats.values():
            want.setdefault(self.run.session_of_chat(data), []).append(data)
        for sid in self.sessions:
            if len(want.get(sid, [])) != 1:
                continue
            document = self.documents[f"sessions/{sid}/usage.json"]
            counts = reference_sources.gemini(reference_sources.gemini_messages(want[sid][0], False))
            keys = dict(input="inputTokens", output="outputTokens", read="cacheReadTokens", tools="toolUses")
            if counts:
                same("gemini", {key: document[name] for key, name in keys.items()}, {key: counts[key] for key in keys}, sid)

    def files_alone(self) -> None:
        """A process that has nothing but the files says the same of sessions that have files."""
        live = [sid for sid in self.sessions if not self.documents[f"sessions/{sid}/usage.json"]["retained"]]
        paths = [f"sessions/{sid}/usage.json" for sid in live if self.documents[f"sessions/{sid}/usage.json"]["transcripts"]]
        if json.loads(self.run.view.read("status.json"))["history"]["retainedTranscripts"]:  # a page may repeat one of these
            paths = [path for path in paths if self.documents[path]["source"] != "codex"]
        with tempfile.TemporaryDirectory(dir=self.run.root) as empty:
            got = self.run.view.fresh(paths, Path(empty)) if paths else {}
        for path in paths:
            fresh, ours = json.loads(got[path], parse_float=Decimal), self.documents[path]
            keys = (*reference.KEYS, "source", "retained")
            if fresh["totalTokens"] is None:
                keys = ("source", "retained")  # what the files have lost says that usage is known
            same("files alone", {k: ours[k] for k in keys}, {k: fresh[k] for k in keys}, path)


# --- runs -----------------------------------------------------------------------------------------------------------


def is_file_with_names(path: Path, least: int) -> bool:
    return path.is_file() and path.stat().st_nlink >= least


def run_script(steps: list[list], hosted: bool, also=None) -> None:
    """Raises Wrong. `also` gives further steps, until None, and they are added to the list."""
    run = Run(*steps[0][1:], hosted)
    try:
        for step in steps[1:]:
            run.step(step)
        while also and (step := also(run)):
            steps.append(step)
            run.step(step)
        run.step(["check"])
    except Wrong as wrong:
        if death := run.view.death():
            raise Wrong("died", f"{death}\n{wrong}") from wrong
        raise
    except (KeyError, ValueError, TypeError) as error:  # a document lacks something
        raise Wrong(type(error).__name__, traceback.format_exc()) from error
    finally:
        close(run)


def close(run: Run) -> None:
    """With what sanitizers found, and which daemons crashed."""
    try:
        run.close()
    except AssertionError as error:
        raise Wrong("complaints", str(error)) from error


def fails_by(steps: list[list], hosted: bool):
    try:
        run_script(list(steps), hosted)
    except Wrong as wrong:
        return wrong
    return None


def shrink(steps: list[list], wrong: Wrong, hosted: bool, seconds: float) -> tuple[list[list], Wrong]:
    """Leaves out steps, and lines of what is written, as long as the same comparison fails."""
    until = time.monotonic() + seconds
    size = max(len(steps) // 2, 1)
    while size:
        at = 1
        while at < len(steps) and time.monotonic() < until:
            fewer = steps[:at] + steps[at + size:]
            again = fails_by(fewer, hosted)
            if again and again.kind == wrong.kind:
                steps, wrong = fewer, again
            else:
                at += size
        size //= 2
    for at, step in enumerate(steps):
        if step[0] not in ("append", "rewrite", "replace"):
            continue
        lines = step[2].splitlines(True)
        n = 0
        while n < len(lines) and len(lines) > 1 and time.monotonic() < until:
            fewer = [*steps[:at], [*step[:2], "".join(lines[:n] + lines[n + 1:])], *steps[at + 1:]]
            again = fails_by(fewer, hosted)
            if again and again.kind == wrong.kind:
                steps, wrong = fewer, again
                del lines[n]
            else:
                n += 1
    return steps, wrong


def run_seed(seed: int, count: int, shrinking: float, hosted: bool) -> tuple[int, str]:
    """How many steps were done, and what went wrong, with a script, or ""."""
    agents, exact = MODES[seed % len(MODES)]
    if agents == "mixed":
        agents, exact = OTHERS[seed // len(MODES) % len(OTHERS)]
    steps: list[list] = [["mode", agents, exact]]
    chooser = []

    def following(run: Run):
        if not chooser:
            chooser.append(Chooser(seed, run.agents, exact, run.root))
        return chooser[0].step() if len(steps) <= count else None

    try:
        run_script(steps, hosted, following)
    except Wrong as wrong:
        first = len(steps)
        steps, wrong = shrink(steps, wrong, hosted, shrinking) if shrinking else (steps, wrong)
        return first, f"seed {seed} ({agents}, {'hosted' if hosted else 'mounted'}), {first} steps, {len(steps)} made small: {wrong}\n{dump(steps)}"
    return len(steps), ""


def is_hosted(seed: int, args) -> bool:
    return not args.mount and seed % MOUNTED != 0


def run_seeds(seeds, args, is_over) -> tuple[int, int, int]:
    """Seeds, steps and failures. A run mostly waits, for the daemon's saver and for mounts, so several go on at once."""
    total_seeds = steps = failed = 0
    with ProcessPoolExecutor(args.jobs, initializer=harness.Watchdog.start) as pool:
        running = set()
        while True:
            while len(running) < args.jobs and not is_over(failed) and (seed := next(seeds, None)) is not None:
                running.add(pool.submit(run_seed, seed, args.steps, args.shrink, is_hosted(seed, args)))
            if not running:
                return total_seeds, steps, failed
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for count, said in (one.result() for one in done):
                total_seeds, steps, failed = total_seeds + 1, steps + count, failed + bool(said)
                if said:
                    print(said, flush=True)
                if total_seeds % PROGRESS_EVERY == 0:
                    print(f"{total_seeds} seeds: {steps} steps, {failed} failed", file=sys.stderr, flush=True)


class Found(unittest.TestCase):
    """What the test has found before: each script failed once."""

    def test_scripts(self):
        scripts = sorted((Path(__file__).resolve().parent / "found").glob("*.jsonl"))
        self.assertTrue(scripts)
        for path in scripts:
            with self.subTest(path.stem):
                for hosted in (False, True):
                    wrong = fails_by(load(path.read_text()), hosted)
                    self.assertIsNone(wrong, f"{path.stem}, hosted={hosted}: {wrong}")


class Model(unittest.TestCase):
    def test_some_seeds(self):
        until = time.monotonic() + 500
        for seed in range(harness.by_effort(8, 48, 100_000)):
            if time.monotonic() > until:
                break
            mounted = seed < harness.by_effort(2, 6, 6) or seed % MOUNTED == 0
            _, said = run_seed(seed, 40, 30, not mounted)
            if said:
                self.fail(said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--hours", type=float, default=0)
    parser.add_argument("--script", type=Path)
    parser.add_argument("--shrink", type=float, default=120, metavar="SECONDS")
    parser.add_argument("--mount", action="store_true", help="a mount for all seeds, or the script")
    parser.add_argument("--keep-going", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    args = parser.parse_args()
    os.environ["OKSTRAFS_TEST_SECONDS"] = str(int(args.hours * 3600 + 3600))
    harness.Watchdog.start()
    try:
        if args.script:
            wrong = fails_by(load(args.script.read_text()), not args.mount)
            print(wrong or "as it should be")
            return bool(wrong)
        first = args.first if args.seed is None else args.seed
        until = time.monotonic() + args.hours * 3600
        seeds = itertools.count(first) if args.seed is None else iter([first])
        done, steps, failed = run_seeds(seeds, args, lambda failed: (failed and not args.keep_going) or
                                        (args.seed is None and time.monotonic() >= until))
        print(f"seeds {first} to {first + done - 1}: {steps} steps, {failed} failed", flush=True)
        return bool(failed)
    finally:
        harness.Watchdog.stop()


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("--"):
        sys.exit(main())
    harness.main(__name__)
