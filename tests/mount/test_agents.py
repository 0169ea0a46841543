"""Codex and Gemini through a real mount: all samples in one piece and while they grow, new files, forks, and copies."""

import json
import os
from pathlib import Path

import harness

os.environ.setdefault("OKSTRAFS_BIN", "")  # test_sources.py wants it at its import
import reference_sources as reference
import test_sources as made


class SourcesTest(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.codex = self.home.root / ".codex"
        self.chats = self.home.root / ".gemini/tmp/slug/chats"

    def rollout(self, session: str, archived: bool = False) -> Path:
        folder = self.codex / ("archived_sessions" if archived else "sessions/2026/02/23")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"rollout-2026-02-23T12-00-00-{session}.jsonl"

    def chat(self, name: str) -> Path:
        self.chats.mkdir(parents=True, exist_ok=True)
        return self.chats / f"session-2026-01-01T00-00-{name}"

    def counts(self, mount, session: str):
        return made.counts(mount.json(f"sessions/{session}/usage.json"))


class Samples(SourcesTest):
    def test_codex_samples_in_one_piece_and_growing(self):
        samples = made.sample_files("codex")
        if not samples:
            self.skipTest("no samples")
        with self.home.mount() as mount:
            for n, sample in enumerate(samples):
                data, at = sample.read_bytes(), 0
                session = next(x["payload"]["id"] for x in reference.objects(data) if x["type"] == "session_meta")
                path = self.rollout(session)
                path.write_bytes(data)
                self.assertEqual(self.counts(mount, session), reference.codex(data)[0], sample.name)
                path.unlink()
                self.assertTrue(mount.json(f"sessions/{session}/usage.json")["retained"])
                for cut in made.cuts(data, n):
                    harness.append(path, data[at:cut])
                    at = cut
                    if b"\n" in data[:cut]:
                        self.assertEqual(self.counts(mount, session), reference.codex(data[:cut])[0], f"{sample.name} at {cut}")
                path.unlink()

    def test_gemini_samples_in_one_piece_and_growing(self):
        samples = made.sample_files("gemini")
        if not samples:
            self.skipTest("no samples")
        with self.home.mount() as mount:
            for n, sample in enumerate(samples):
                data, at, whole = sample.read_bytes(), 0, sample.suffix == ".json"
                session = json.loads(data if whole else data.split(b"\n")[0])["sessionId"]
                path = self.chat(f"x{sample.suffix}")
                path.write_bytes(data)
                self.assertEqual(self.counts(mount, session), reference.gemini(reference.gemini_messages(data, whole)))
                path.unlink()
                for cut in [] if whole else made.cuts(data, n):
                    harness.append(path, data[at:cut])
                    at = cut
                    if b"\n" in data[:cut]:
                        expected = reference.gemini(reference.gemini_messages(data[:cut], False))
                        self.assertEqual(self.counts(mount, session), expected, f"{sample.name} at {cut}")
                path.unlink(missing_ok=True)


class Later(SourcesTest):
    def test_an_agent_that_is_installed_after_the_mount(self):
        """Its folder does not exist yet, nor the one above."""
        event = {"type": "assistant.message", "id": "e1", "timestamp": "2026-09-05T08:00:00.000Z",
                 "data": {"messageId": "m1", "model": "gpt-5-mini", "outputTokens": 5}}
        with self.home.mount() as mount:
            self.assertEqual(mount.json("usage.json")["totalTokens"], 0)
            for n, root in enumerate((".copilot/session-state", ".local/share/mimocode/none", ".config/Claude/local-agent-mode-sessions")):
                (self.home.root / root).mkdir(parents=True)
                self.assertEqual(mount.json("usage.json")["outputTokens"], 5 if n else 0)
                if n == 0:
                    path = self.home.root / root / "6f1e0000-0000-4000-8000-000000000001/events.jsonl"
                    path.parent.mkdir()
                    path.write_text(json.dumps(event) + "\n")
                    self.assertEqual(mount.json("usage.json")["outputTokens"], 5)
            sources = mount.json("status.json")["sources"]
            self.assertTrue(next(one["found"] for one in sources if one["source"] == "copilot"))
            self.assertFalse(next(one["found"] for one in sources if one["source"] == "qwen"))


class Made(SourcesTest):
    def fork(self) -> tuple:
        parent = [made.meta(made.PARENT), made.context("gpt-5.2")] + made.turns(5)
        child = [made.meta(made.CHILD, forked_from_id=made.PARENT)] + parent + made.turns(2, 10, made.last_total(parent))
        return made.bytes_of(parent), made.bytes_of(child)

    def test_a_fork_is_counted_once_in_whatever_order_files_come(self):
        parent, child = self.fork()
        own = reference.codex(child, frozenset(reference.codex_vectors(parent)))[0]
        with self.home.mount() as mount:
            self.rollout(made.CHILD).write_bytes(child)
            self.assertEqual(self.counts(mount, made.CHILD), reference.codex(child)[0])
            self.rollout(made.PARENT).write_bytes(parent)
            self.assertEqual(self.counts(mount, made.CHILD), own)
            self.assertEqual(self.counts(mount, made.PARENT), reference.codex(parent)[0])
            with open(self.rollout(made.PARENT), "r+b") as file:
                file.seek(256)  # what lies before says which file it is
                file.write(b"#" * (len(parent) // 2))  # nobody reads these again
            more = made.bytes_of(made.turns(1, 30, made.last_total([json.loads(x) for x in parent.splitlines()])))
            harness.append(self.rollout(made.PARENT), more)
            project = mount.json("projects/-work-space-p-q/usage.json")
            self.assertEqual(project["outputTokens"], own["output"] + reference.codex(parent + more)[0]["output"])
            self.assertEqual(mount.names("projects/-work-space-p-q/sessions"), [made.PARENT, made.CHILD])

    def test_an_archived_rollout_moves_without_a_trace(self):
        parent, _ = self.fork()
        with self.home.mount() as mount:
            self.rollout(made.PARENT).write_bytes(parent)
            before = mount.json(f"sessions/{made.PARENT}/usage.json")
            self.rollout(made.PARENT).rename(self.rollout(made.PARENT, archived=True))
            self.assertEqual(mount.json(f"sessions/{made.PARENT}/usage.json"), before)
            self.rollout(made.PARENT).write_bytes(parent)
            both = mount.json(f"sessions/{made.PARENT}/usage.json")
            self.assertEqual((both["totalTokens"], both["transcripts"]), (before["totalTokens"], 2))
            self.assertEqual(both["billed"], before["billed"])

    def test_one_folder_is_one_project_for_all_agents(self):
        self.home.transcript("-work-space-p-q", "c-1", [{"type": "user", "cwd": "/work space/p.q"}])
        self.rollout(made.PARENT).write_bytes(self.fork()[0])
        self.chat("x.jsonl").write_bytes(made.bytes_of([made.CHAT, made.message("a", (10, 1, 0, 0, 0, 11))]))
        (self.chats.parent / ".project_root").write_text("/work space/p.q")
        with self.home.mount() as mount:
            self.assertEqual(mount.names("projects"), ["-work-space-p-q"])
            self.assertEqual(mount.names("projects/-work-space-p-q/sessions"),
                             sorted(["c-1", made.PARENT, made.CHAT["sessionId"]]))
            self.assertEqual({s["source"] for s in mount.json("status.json")["sources"] if s["found"]}, {"claude", "codex", "gemini"})

    def test_what_else_lies_there_is_not_read(self):
        parent, _ = self.fork()
        for path in (self.codex / "sessions/2026/history.jsonl", self.chats / "notes.jsonl",
                     self.chats.parent / "logs.json", self.chats.parent / "tool-outputs/session-x.jsonl"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(parent)
        os.mkfifo(self.rollout("fifo"))
        with self.home.mount() as mount:
            self.assertEqual([name for name in mount.names("sessions") if "fifo" not in name], [])

    def test_a_rewrite_of_an_old_chat_is_seen_and_a_torn_one_waited_for(self):
        path = self.chat("x.json")
        good = dict(made.CHAT, messages=[made.message("a", (10, 1, 0, 0, 0, 11))])
        path.write_text(json.dumps(good))
        with self.home.mount() as mount:
            session = made.CHAT["sessionId"]
            self.assertEqual(self.counts(mount, session)["input"], 10)
            path.write_text(json.dumps(good)[:-20])
            self.assertEqual(self.counts(mount, session)["input"], 10)
            good["messages"][0]["tokens"]["input"] = 7
            path.write_text(json.dumps(good, indent=1))
            self.assertEqual(self.counts(mount, session)["input"], 7)


if __name__ == "__main__":
    harness.main(__name__)
