"""Codex and Gemini through the whole program, against an independent reference: real samples in one piece and growing,
and made forks, copies and rewrites. Each look is a process of its own, so what one remembers goes through the cache.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("support", "reference")]

import records  # noqa: E402
import reference_sources as reference  # noqa: E402
from tap import run_tap  # noqa: E402

BINARY = os.environ["OKSTRAFS_BIN"]
LONG, BRIEF = os.environ.get("OKSTRAFS_LONG"), os.environ.get("OKSTRAFS_BRIEF")
KEYS = dict(input="inputTokens", output="outputTokens", write="cacheCreationTokens", read="cacheReadTokens",
            tools="toolUses")


class Home:
    def __init__(self, root: str):
        self.root = Path(root)
        self.codex, self.gemini = self.root / "codex", self.root / "home/.gemini/tmp"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE_", "XDG_"))} | {
            "HOME": str(self.root / "home"), "OKSTRA_HOME": str(self.root / "okstra"),
            "CODEX_HOME": str(self.codex), "GEMINI_CLI_HOME": str(self.root / "home"),
            "CLAUDE_CONFIG_DIR": str(self.root / "claude")}

    def put(self, path: Path, data: bytes, mode: str = "wb") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, mode) as file:
            file.write(data)

    def rollout(self, name: str, archived: bool = False) -> Path:
        folder = self.codex / ("archived_sessions" if archived else "sessions/2026/02/23")
        return folder / f"rollout-2026-02-23T12-00-00-{name}.jsonl"

    def run(self, *arguments) -> str:
        done = subprocess.run([BINARY, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def cat(self, *path, cache: bool = True) -> str:
        return self.run(*([] if cache else ["--no-cache"]), "cat", *path)

    def usage(self, session: str, cache: bool = True) -> dict:
        return json.loads(self.cat(f"sessions/{session}/usage.json", cache=cache))

    def list(self, path: str) -> list:
        return self.run("ls", path).split()


def counts(usage: dict):
    if usage["totalTokens"] is None:
        assert usage["usage"] == "unknown" and (usage["billed"] is None or usage["billed"]["retainedRequests"]), usage
        return None
    return {key: usage[name] for key, name in KEYS.items()}


def cuts(data: bytes, seed: int) -> list:
    """Where a growing file is looked at: a few places anywhere, and around some line ends."""
    chance, n = random.Random(seed), 40 if LONG else 5 if BRIEF else 12
    ends = [i + d for i, byte in enumerate(data) if byte == 10 for d in (0, 1)]
    out = {chance.randrange(len(data)) for _ in range(n)} | set(chance.sample(ends, min(len(ends), n)))
    return sorted(out - {0}) + [len(data)]


class InHome(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="okstrafs-sources.")
        self.addCleanup(self.scratch.cleanup)
        self.home = Home(self.scratch.name)

    def same(self, session: str, expected, note: str = "", retained=0) -> dict:
        """`retained`: input tokens and requests that no file has any more, which are billed all the same."""
        usage = self.home.usage(session)
        self.assertEqual(counts(usage), expected, note)
        self.assertEqual(counts(self.home.usage(session, cache=False)), expected, f"{note} without a cache")
        if expected:
            for name in ("inputTokens", "outputTokens", "cacheReadTokens"):
                if not retained:
                    self.assertEqual(usage["billed"][name], usage[name], f"{note} billed")
            got = usage["billed"]["inputTokens"] - usage["inputTokens"], usage["billed"]["retainedRequests"]
            self.assertEqual(got, retained or (0, 0), f"{note} retained")
        return usage


def sample_files(kind: str) -> list:
    root = Path(records.samples()) / kind if records.samples() else None
    return sorted(root.iterdir()) if root and root.is_dir() else []


def totals() -> dict:
    return json.loads((Path(records.samples()) / "REFERENCE_TOTALS.json").read_text())["files"]


@unittest.skipUnless(sample_files("codex"), "no samples")
class CodexSamples(InHome):
    def session_of(self, data: bytes) -> str:
        return next(x["payload"]["id"] for x in reference.objects(data) if x["type"] == "session_meta")

    def test_reference_equals_the_published_totals(self):
        for path in sample_files("codex"):
            total = totals()[f"codex/{path.name}"]["sum_last_over_advancing"]
            sums, _ = reference.codex(path.read_bytes())
            sums = sums or dict(input=0, read=0, write=0, output=0)
            self.assertEqual(sums["input"] + sums["read"] + sums["write"], total["input_tokens"], path.name)
            self.assertEqual((sums["read"], sums["output"]), (total["cached_input_tokens"], total["output_tokens"]))

    def test_in_one_piece(self):
        for path in sample_files("codex"):
            with self.subTest(path.name):
                data = path.read_bytes()
                self.home.put(self.home.rollout(self.session_of(data)), data)
                usage = self.same(self.session_of(data), reference.codex(data)[0], path.name)
                self.assertEqual(usage["source"], "codex")
                self.home.rollout(self.session_of(data)).unlink()

    def test_growing_byte_range_by_byte_range(self):
        for n, path in enumerate(sample_files("codex")):
            data, at = path.read_bytes(), 0
            session = self.session_of(data)
            for cut in cuts(data, n)[1:]:
                self.home.put(self.home.rollout(session), data[at:cut], "ab")
                at = cut
                if b"\n" not in data[:cut]:
                    continue
                usage = self.home.usage(session)
                self.assertEqual(counts(usage), reference.codex(data[:cut])[0], f"{path.name} at {cut}")
            self.same(session, reference.codex(data)[0], path.name)
            self.home.rollout(session).unlink()


@unittest.skipUnless(sample_files("gemini"), "no samples")
class GeminiSamples(InHome):
    def path_of(self, sample: Path) -> Path:
        return self.home.gemini / "proj/chats" / f"session-2026-01-01T00-00-x{sample.suffix}"

    def session_of(self, sample: Path) -> str:
        return json.loads(sample.read_bytes().split(b"\n")[0] if sample.suffix == ".jsonl" else sample.read_bytes())["sessionId"]

    def expected(self, data: bytes, sample: Path):
        return reference.gemini(reference.gemini_messages(data, sample.suffix == ".json"))

    def test_reference_equals_the_published_totals(self):
        for sample in sample_files("gemini"):
            total = totals()[f"gemini/{sample.name}"]["totals_last_record_per_id"]
            sums = self.expected(sample.read_bytes(), sample)
            self.assertEqual(sums["input"] + sums["read"], total["input"] + total["tool"], sample.name)
            self.assertEqual((sums["read"], sums["output"]), (total["cached"], total["output"] + total["thoughts"]))

    def test_in_one_piece(self):
        for sample in sample_files("gemini"):
            with self.subTest(sample.name):
                self.home.put(self.path_of(sample), sample.read_bytes())
                usage = self.same(self.session_of(sample), self.expected(sample.read_bytes(), sample), sample.name)
                self.assertEqual(usage["source"], "gemini")
                self.path_of(sample).unlink()

    def test_growing_byte_range_by_byte_range(self):
        for n, sample in enumerate(sample_files("gemini")):
            data, at = sample.read_bytes(), 0
            if sample.suffix != ".jsonl":
                continue
            for cut in cuts(data, n):
                self.home.put(self.path_of(sample), data[at:cut], "ab")
                at = cut
                if b"\n" in data[:cut]:
                    self.assertEqual(counts(self.home.usage(self.session_of(sample))), self.expected(data[:cut], sample),
                                     f"{sample.name} at {cut}")
            self.same(self.session_of(sample), self.expected(data, sample), sample.name)
            self.path_of(sample).unlink()


# --- made rollouts ---

def meta(session: str, **more) -> dict:
    return {"timestamp": "2026-02-23T12:00:00.000Z", "type": "session_meta",
            "payload": {"id": session, "cwd": "/work space/p.q", "cli_version": "0.146.0"} | more}


def context(model: str) -> dict:
    return {"timestamp": "2026-02-23T12:00:01.000Z", "type": "turn_context", "payload": {"model": model}}


def call() -> dict:
    return {"timestamp": "2026-02-23T12:00:02.000Z", "type": "response_item", "payload": {"type": "function_call"}}


def token_count(total, last="same", stamp="2026-02-23T12:00:03.000Z") -> dict:
    keys = reference.COMPONENTS
    info = {"total_token_usage": dict(zip(keys, total))} if total else None
    if total and last:
        info["last_token_usage"] = dict(zip(keys, total if last == "same" else last))
    return {"timestamp": stamp, "type": "event_msg", "payload": {"type": "token_count", "info": info}}


def turns(n: int, start: int = 0, base=(0,) * 6) -> list:
    """n requests of different sizes, each logged twice, a call before each; returns the lines."""
    out, total = [], list(base)
    for i in range(start, start + n):
        last = [1000 + 17 * i, 300 + i, 20 + i % 3, 50 + i, 7, 1050 + 18 * i]
        total = [a + b for a, b in zip(total, last)]
        out += [call(), token_count(total, last, f"2026-02-23T12:{i:02d}:03.000Z"),
                token_count(total, last, f"2026-02-23T12:{i:02d}:04.000Z")]
    return out


def bytes_of(lines) -> bytes:
    return b"".join(records.line(line) + b"\n" for line in lines)


PARENT, CHILD, OTHER = (f"019c8a4c-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))


def last_total(lines) -> list:
    return list(reference.codex_vectors(bytes_of(lines))[-1])


class Codex(InHome):
    def put(self, session: str, lines, archived: bool = False, mode: str = "wb") -> None:
        self.home.put(self.home.rollout(session, archived), bytes_of(lines), mode)

    def test_by_hand(self):
        self.put(PARENT, [meta(PARENT), context("gpt-5.2"), token_count(None), token_count((0,) * 5 + (9,)),
                          token_count((100, 60, 10, 5, 2, 105)), token_count((100, 60, 10, 5, 2, 105)),
                          token_count((300, 60, 10, 6, 2, 306), None), token_count((0,) * 6),
                          token_count((50, 0, 0, 1, 0, 51), None)])
        usage = self.home.usage(PARENT)
        self.assertEqual(counts(usage), dict(input=30 + 200 + 50, output=5 + 1 + 1, write=10, read=60, tools=0))
        self.assertEqual(usage["cacheCreation5mTokens"], 10)
        self.assertEqual((usage["model"], usage["billed"]["requests"]), ("gpt-5.2", 3))
        self.assertEqual(self.home.list("projects"), ["-work-space-p-q"])

    def fork(self, own: int = 2):
        parent = [meta(PARENT), context("gpt-5.2")] + turns(5)
        replay = [meta(CHILD, forked_from_id=PARENT)] + [dict(x, timestamp="2026-02-24T00:00:00.000Z") for x in parent]
        child = replay + turns(own, 10, last_total(parent))
        return parent, child

    def check_fork(self, parent, child) -> None:
        known = frozenset(reference.codex_vectors(bytes_of(parent)))
        self.same(PARENT, reference.codex(bytes_of(parent))[0])
        usage = self.same(CHILD, reference.codex(bytes_of(child), known)[0])
        self.assertEqual(usage["billed"]["requests"], len(reference.codex_vectors(bytes_of(child))) - len(known))
        project = json.loads(self.home.cat("projects/-work-space-p-q/usage.json"))
        both = reference.codex(bytes_of(parent + child[len(parent) + 1:]))[0]
        self.assertEqual({k: project[v] for k, v in KEYS.items()}, both)

    def test_a_fork_counts_its_parents_part_once(self):
        parent, child = self.fork()
        self.put(CHILD, child)
        self.assertEqual(counts(self.home.usage(CHILD)), reference.codex(bytes_of(child))[0], "nobody else has it")
        self.put(PARENT, parent)
        self.check_fork(parent, child)

    def test_a_fork_grows_before_its_parent_does(self):
        parent, child = self.fork()
        child_data, parent_data = bytes_of(child), bytes_of(parent)
        for cut in cuts(child_data, 5)[1::3]:
            self.home.put(self.home.rollout(CHILD), child_data[:cut])
            self.home.usage(CHILD) if b"\n" in child_data[:cut] else None
        self.home.put(self.home.rollout(CHILD), child_data)
        for cut in cuts(parent_data, 6)[1::3]:
            self.home.put(self.home.rollout(PARENT), parent_data[:cut])
            self.home.run("ls", "projects")
        self.home.put(self.home.rollout(PARENT), parent_data)
        self.check_fork(parent, child)
        self.home.rollout(PARENT).unlink()
        self.assertTrue(self.home.usage(PARENT)["retained"])
        known = frozenset(reference.codex_vectors(parent_data))
        self.same(CHILD, reference.codex(child_data, known)[0], "the parent is gone, and counts")

    def test_both_in_one_look(self):
        parent, child = self.fork()
        self.put(PARENT, parent)
        self.put(CHILD, child)
        self.check_fork(parent, child)

    def test_a_spawned_agent_without_a_replay_is_all_its_own(self):
        parent, _ = self.fork()
        child = [meta(CHILD, source={"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "agent_role": "scout"}}}),
                 context("gpt-5.4-mini")] + turns(3, 20)
        self.put(CHILD, child)
        self.put(PARENT, parent)
        usage = self.same(CHILD, reference.codex(bytes_of(child))[0])
        self.assertEqual((usage["agentName"], usage["model"], usage["toolUses"]), ("scout", "gpt-5.4-mini", 3))
        self.assertEqual(self.home.list(f"sessions/{PARENT}/subagents"), [CHILD])

    def test_an_archived_copy_is_the_same_session(self):
        parent, _ = self.fork()
        self.put(PARENT, parent)
        self.put(PARENT, parent, archived=True)
        expected = reference.codex(bytes_of(parent))[0]
        usage = self.same(PARENT, expected)
        self.assertEqual((usage["transcripts"], self.home.list("sessions")), (2, [PARENT]))
        more = turns(2, 30, last_total(parent))
        self.put(PARENT, more, mode="ab")
        self.same(PARENT, reference.codex(bytes_of(parent + more))[0], "the live one goes on")
        self.home.rollout(PARENT).unlink()
        less = reference.codex(bytes_of(parent + more))[0]["input"] - expected["input"]
        self.same(PARENT, expected, "only the copy is left", retained=(less, 2))

    def test_what_is_not_said_is_unknown(self):
        self.put(PARENT, [meta(PARENT), token_count(None)])
        usage = self.home.usage(PARENT)
        self.assertIsNone(counts(usage))
        self.assertEqual(self.home.cat(f"sessions/{PARENT}/total_tokens"), "unknown\n")
        self.put(OTHER, [meta(OTHER), token_count((10, 0, 0, 1, 0, 11))])
        project = json.loads(self.home.cat("projects/-work-space-p-q/usage.json"))
        self.assertEqual((project["totalTokens"], project["sessions"], project["unknownSessions"]), (11, 2, 1))

    def test_windows_cut_at_the_measurements(self):
        lines = [meta(PARENT), context("gpt-5.2")] + turns(6)
        self.put(PARENT, lines)
        window = json.loads(self.home.cat(f"sessions/{PARENT}/window/2026-02-23T12:02:00Z_2026-02-23T12:03:59Z.json"))
        self.assertEqual(window["outputTokens"], 52 + 53)


# --- made chats ---

def message(ident: str, tokens=None, kind="gemini", stamp="2026-04-23T12:00:01.000Z", calls=0, model="gemini-2.5-pro") -> dict:
    out = {"id": ident, "timestamp": stamp, "type": kind, "content": "x", "model": model}
    if tokens:
        out["tokens"] = dict(zip(("input", "output", "cached", "thoughts", "tool", "total"), tokens))
    return out | ({"toolCalls": [{"id": n, "args": {"a": [{}]}} for n in range(calls)]} if calls else {})


CHAT = {"sessionId": "0ab84937-9fe7-4284-986a-33c832af0b6a", "projectHash": "x", "startTime": "2026-04-23T12:00:00.000Z"}


class Gemini(InHome):
    def setUp(self):
        super().setUp()
        self.folder = self.home.gemini / "slug/chats"
        self.path = self.folder / "session-2026-04-23T12-00-0ab84937.jsonl"
        self.session = CHAT["sessionId"]
        self.lines = []

    def add(self, *lines) -> None:
        self.lines += lines
        self.home.put(self.path, bytes_of(lines), "ab")

    def check(self, note: str = "", retained=0) -> dict:
        return self.same(self.session, reference.gemini(reference.gemini_messages(bytes_of(self.lines), False)), note,
                         retained)

    def test_the_last_form_of_a_message_counts(self):
        self.add(CHAT, message("u", kind="user"), message("a", (100, 10, 40, 5, 3, 118)))
        self.check("first form")
        self.add(message("a", (100, 10, 40, 5, 3, 118), calls=2))
        self.assertEqual(self.check("calls came")["toolUses"], 2)
        self.add(message("b"))
        self.check("no tokens yet")
        self.add(message("b", (200, 20, 0, 0, 0, 220)), {"$set": {"lastUpdated": "2026-04-23T12:01:00.000Z"}})
        self.check("they came")
        self.add(message("b", (150, 30, 0, 0, 0, 180)))
        self.check("less than before")
        self.add(message("b", (150, 30, 0, 0, 0, 180), model="gemini-2.5-flash"))
        self.assertEqual(self.check("another model")["billed"]["requests"], 2)

    def test_rewinding_does_not_give_tokens_back(self):
        self.add(CHAT, message("a", (100, 10, 0, 0, 0, 110)), message("b", (50, 5, 0, 0, 0, 55)), {"$rewindTo": "a"})
        self.assertEqual(self.check()["totalTokens"], 165)

    def test_set_may_rebuild_all_messages(self):
        self.add(CHAT, message("a", (100, 10, 0, 0, 0, 110)))
        self.check()
        self.add({"$set": {"messages": [message("a", (100, 10, 0, 0, 0, 110)), message("n", (7, 1, 0, 0, 0, 8), calls=1)]}})
        self.assertEqual(self.check()["toolUses"], 1)

    def test_old_and_new_file_of_one_session_count_once(self):
        old = dict(CHAT, messages=[message("a", (100, 10, 0, 0, 0, 110)), message("gone", (9, 1, 0, 0, 0, 10))])
        self.home.put(self.path.with_suffix(".json"), json.dumps(old, indent=2).encode())
        self.assertEqual(self.home.usage(self.session)["totalTokens"], 120)
        self.add(CHAT, message("a", (100, 10, 0, 0, 0, 110)), message("b", (50, 5, 0, 0, 0, 55)))
        usage = self.home.usage(self.session)
        self.assertEqual((usage["totalTokens"], usage["transcripts"], usage["billed"]["totalTokens"]), (175, 2, 175))
        self.assertEqual(self.home.list("sessions"), [self.session])
        self.path.with_suffix(".json").unlink()
        self.check("the old one is gone", retained=(9, 1))

    def test_an_old_file_is_read_anew_when_it_changes(self):
        path = self.path.with_suffix(".json")
        for n in (1, 2, 3):
            whole = dict(CHAT, messages=[message(f"m{i}", (100, i, 0, 0, 0, 100 + i)) for i in range(n)])
            self.home.put(path, json.dumps(whole).encode())
            self.assertEqual(self.home.usage(self.session)["inputTokens"], 100 * n)

    def test_the_marker_names_the_project(self):
        self.add(CHAT, message("a", (1, 1, 0, 0, 0, 2)))
        self.assertEqual(self.home.list("projects"), ["slug"])
        self.home.put(self.folder.parent / ".project_root", b"/home/u/a.b\n")
        self.add(message("b", (1, 1, 0, 0, 0, 2)))
        self.assertEqual(self.home.list("projects"), ["-home-u-a-b"])

    def test_sub_agents(self):
        self.add(CHAT, message("a", (1, 1, 0, 0, 0, 2)))
        child = dict(CHAT, sessionId="sub-1", kind="subagent")
        self.home.put(self.folder / self.session / "sub-1.jsonl", bytes_of([child, message("s", (5, 5, 0, 0, 0, 10))]))
        self.assertEqual(self.home.list(f"sessions/{self.session}/subagents"), ["sub-1"])
        self.assertEqual(self.home.usage("sub-1")["totalTokens"], 10)

    def test_no_text_reaches_a_cache(self):
        self.add(CHAT, dict(message("a", (1, 1, 0, 0, 0, 2)), content="SECRET-ANSWER"))
        self.check()
        for path in (self.home.root / "okstra").rglob("*"):
            if path.is_file():
                self.assertNotIn(b"SECRET", path.read_bytes())


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
