"""Sub-agents whose records do not name them, through a real mount: the file beside a transcript does, and may change."""

import json
import os

import harness
import records

LEAD, AGENT = "11111111-0000-4000-8000-000000000001", "agent-a1"


class Labels(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.home.transcript("-p", LEAD, [records.assistant(sessionId=LEAD, id="msg_lead", requestId="req_lead")])
        self.agent = self.home.transcript("-p", AGENT, [self.line(1)], parent=LEAD)
        self.meta = self.agent.with_name(f"{AGENT}.meta.json")

    def line(self, number: int, **more) -> dict:
        stamp = f"2026-06-10T01:00:0{number}.000Z"
        return records.assistant(stamp, sessionId=LEAD, isSidechain=True, agentId="a1", id=f"msg_{number}",
                                 requestId=f"req_{number}", **more)

    def label(self, **content) -> None:
        self.meta.write_text(json.dumps(content))

    def agents(self, mount) -> set:
        return {row["key"] for row in mount.json("stats/by-agent.json")["rows"]}

    def cat(self, *options: str) -> set:
        return {row["key"] for row in json.loads(self.home.run(*options, "cat", "stats/by-agent.json"))["rows"]}

    def test_comes_changes_breaks_and_goes(self):
        for option in ("inotify", "stat"):
            self.meta.unlink(missing_ok=True)
            with self.subTest(option), self.home.mount("-o", f"revalidate={option}") as mount:
                self.assertEqual(self.agents(mount), {"(main)", "(sub-agent)"})
                self.label(agentType="Explore", description="what it was told to do")
                self.assertEqual(self.agents(mount), {"(main)", "Explore"})
                self.label(agentType="Explore", name="scout")
                self.assertEqual(self.agents(mount), {"(main)", "scout"})
                self.meta.write_text('{"name":')
                self.assertEqual(self.agents(mount), {"(main)", "(sub-agent)"})
                self.label(name="again")
                self.assertEqual(self.agents(mount), {"(main)", "again"})
                self.meta.unlink()
                self.assertEqual(self.agents(mount), {"(main)", "(sub-agent)"})
                os.mkfifo(self.meta)
                self.assertEqual(self.agents(mount), {"(main)", "(sub-agent)"})

    def test_before_the_transcript_and_after_a_restart(self):
        self.label(name="scout")
        want = {"(main)", "scout"}
        with self.home.mount() as mount:
            self.assertEqual(self.agents(mount), want)
            other = self.agent.with_name("agent-b2.jsonl")
            other.with_name("agent-b2.meta.json").write_text('{"name":"second"}')
            other.write_bytes(records.line(self.line(2)) + b"\n")
            self.assertEqual(self.agents(mount), want | {"second"})
        self.label(name="renamed while nobody looked")
        want = {"(main)", "renamed while nobody looked", "second"}
        with self.home.mount() as mount:
            self.assertEqual(self.agents(mount), want)
            self.assertEqual(mount.json("status.json")["bytesScanned"], 0)
        with self.home.mount("--no-cache") as mount:
            self.assertEqual(self.agents(mount), want)
        self.assertEqual((self.cat(), self.cat("--no-cache")), (want, want))

    def test_what_the_records_say_counts_more(self):
        self.label(name="scout")
        with self.home.mount() as mount:
            self.assertEqual(self.agents(mount), {"(main)", "scout"})
            harness.append(self.agent, records.line(self.line(2, agentName="codex-worker")) + b"\n")
            self.assertEqual(self.agents(mount), {"(main)", "codex-worker"})
            self.label(name="other")
            self.assertEqual(self.agents(mount), {"(main)", "codex-worker"})

    def test_a_member_of_a_team(self):
        lead = self.home.path("-p", LEAD)
        for path in lead, self.agent:
            path.write_bytes(path.read_bytes().replace(b'{"type"', b'{"teamName":"t1","type"', 1))
        self.label(name="scout", agentType="Explore")
        with self.home.mount() as mount:
            self.assertEqual(mount.names("teams/t1/members"), ["lead", "scout"])
            usage = mount.json("teams/t1/members/scout/usage.json")
            self.assertEqual((usage["totalTokens"], usage["agentName"]), (11, None))
            (worker,) = mount.json("teams/t1/usage.json")["workers"]
            self.assertEqual((worker["workerId"], worker["usage"]["sessionId"]), ("scout", AGENT))
            self.label(name="runner")
            self.assertEqual(mount.names("teams/t1/members"), ["lead", "runner"])

    def test_retained_with_the_transcript(self):
        self.label(name="scout")
        with self.home.mount() as mount:
            self.assertEqual(self.agents(mount), {"(main)", "scout"})
            self.agent.unlink()
            self.meta.unlink()
            self.assertEqual(self.agents(mount), {"(main)", "scout"})
        with self.home.mount() as mount:
            self.assertEqual(self.agents(mount), {"(main)", "scout"})

    def test_no_prompt_leaves_it(self):
        self.label(agentType="Explore", description="a secret that nobody should read", prompt="a secret")
        with self.home.mount() as mount:
            documents = [mount.read(f"sessions/{AGENT}/{name}") for name in ("usage.json", "context.json")]
            documents += [mount.read("stats/by-agent.json"), mount.read("status.json")]
        for text in documents + [path.read_bytes() for path in self.home.cache_files()]:
            self.assertNotIn(b"secret", text)


if __name__ == "__main__":
    harness.main(__name__)
