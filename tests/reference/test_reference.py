"""The reference is right about the collector's own examples; what is wrong here proves nothing elsewhere."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import records  # noqa: E402
import reference  # noqa: E402
import reference_window  # noqa: E402
from tap import run_tap  # noqa: E402

MAX = reference.TOKENS_MAX


def transcript(*lines, end=b"\n") -> reference.Transcript:
    raw = [line if isinstance(line, bytes) else records.line(line) for line in lines]
    return reference.Transcript(b"\n".join(raw) + end)


def totals(*lines, since="", until="", end=b"\n") -> dict:
    return reference.totals_of([transcript(*lines, end=end)], since, until)


def tokens(value: bytes) -> int:
    return totals(b'{"message":{"usage":{"input_tokens":' + value + b"}}}")["inputTokens"]


class Totals(unittest.TestCase):
    def test_collectors_cold_example(self):
        out = totals(
            {"agentName": "codex-worker", "type": "system", "timestamp": "2026-06-10T01:00:00Z"},
            records.assistant("2026-06-10T01:01:00Z", records.usage(100, 10, 50, 9000),
                              [{"type": "tool_use"}, {"type": "text"}]),
            {"type": "assistant", "message": {"usage": records.usage(7, 3, 40, 0, (30, 10))}},
            {"type": "user", "timestamp": "2026-06-10T02:00:00Z"},
            records.assistant("2026-06-10T03:00:00Z", records.usage(5, 5), [{"type": "tool_use"}]), end=b"")
        self.assertEqual(list(out), list(reference.KEYS))
        self.assertEqual(list(out.values()), [220, 112, 18, 90, 80, 10, 9000, 2, 7_200_000, "codex-worker",
                                              "claude-opus-4-7", "2026-06-10T01:00:00Z", "2026-06-10T03:00:00Z"])

    def test_window_is_inclusive_and_keeps_what_has_no_stamp(self):
        lines = [records.assistant(f"2026-06-10T0{n}:00:00Z", records.usage(10**n)) for n in range(4)]
        lines.append({"message": {"usage": records.usage(5)}})
        out = totals(*lines, since="2026-06-10T01:00:00Z", until="2026-06-10T02:00:00Z")
        self.assertEqual(out["inputTokens"], 115)
        self.assertEqual((out["startedAt"], out["endedAt"]), ("2026-06-10T01:00:00Z", "2026-06-10T02:00:00Z"))

    def test_empty_window_keeps_the_names(self):
        out = totals(records.assistant(agentName="a"), since="2027", until="2028")
        self.assertEqual((out["totalTokens"], out["startedAt"], out["agentName"]), (0, None, "a"))

    def test_counts_that_are_none(self):
        for value in (b"-1", b"1.0", b"1e3", b'"5"', b"true", b"[1]", b"9223372036854775808", b"NaN"):
            self.assertEqual(tokens(value), 0, value)
        for value, count in ((b"null", 0), (b"-0", 0), (b"9223372036854775807", MAX)):
            self.assertEqual(tokens(value), count, value)
        self.assertEqual(transcript(b'{"message":{"usage":{"input_tokens":true,"output_tokens":-1}}}').odd, 2)

    def test_sums_saturate(self):
        line = records.assistant(counts=records.usage(MAX, MAX, 1))
        self.assertEqual(totals(line, line)["totalTokens"], MAX)

    def test_split_of_cache_writes(self):
        def split(**value):
            out = totals(records.assistant(counts=records.usage(c=40, cache_creation=value)))
            return out["cacheCreation5mTokens"], out["cacheCreation1hTokens"]

        self.assertEqual(split(), (40, 0))
        self.assertEqual(split(ephemeral_5m_input_tokens=None), (40, 0))
        self.assertEqual(split(ephemeral_1h_input_tokens=3), (0, 3))
        self.assertEqual(split(ephemeral_5m_input_tokens="x"), (0, 0))

    def test_duration_is_that_of_python(self):
        self.assertEqual(reference.duration_ms("2026-01-01T00:00:00Z", "2026-01-01T00:00:01.001Z"), 1000)
        self.assertEqual(reference.duration_ms("2026-01-01T00:00:00", "2026-01-01T00:00:01Z"), 0)
        self.assertEqual(reference.duration_ms("yesterday", "2026-01-01T00:00:01Z"), 0)

    def test_several_transcripts_are_one_pool(self):
        a = transcript(records.assistant("2026-06-10T03:00:00Z", model="second"))
        b = transcript(records.assistant("2026-06-10T01:00:00Z", agentName="x", model="third"))
        out = reference.totals_of([a, b])
        self.assertEqual((out["durationMs"], out["agentName"], out["model"]), (7_200_000, "x", "second"))

    def test_aggregate_sums_durations_and_agrees(self):
        a = totals(records.assistant("2026-06-10T01:00:00Z", agentName="x"), records.user("2026-06-10T02:00:00Z"))
        b = totals(records.assistant("2026-06-10T05:00:00Z", agentName="y"), records.user("2026-06-10T06:00:00Z"))
        out = reference.aggregate([a, b])
        self.assertEqual((out["durationMs"], out["agentName"], out["model"]), (7_200_000, None, "claude-opus-4-7"))
        self.assertEqual((out["startedAt"], out["endedAt"]), ("2026-06-10T01:00:00Z", "2026-06-10T06:00:00Z"))


class Lines(unittest.TestCase):
    def test_verdicts(self):
        for raw in (b"{}", b" \t\v\f\r{} ", b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":1,"a":2}', b'{"a":' + b"9" * 4300 + b"}",
                    b'{"a":' + b"[" * 1023 + b"]" * 1023 + b"}"):
            self.assertIsNotNone(reference.parse_line(raw), raw[:40])
        for raw in (b"[]", b"1", b"{}{}", b"\xef\xbb\xbf{}", b'{"a":"\x01"}', b'{"a":"\xed\xa0\x80"}', b"{\v}", b"{}\x00",
                    b'{"a":' + b"9" * 4301 + b"}", b'{"a":' + b"[" * 1024 + b"]" * 1024 + b"}", b"[" * 100_000):
            self.assertIsNone(reference.parse_line(raw), raw[:40])

    def test_brackets_in_strings_are_no_nesting(self):
        self.assertIsNotNone(reference.parse_line(b'{"a":"' + b"[" * 5000 + b'\\"' + b"{" * 5000 + b'"}'))

    def test_last_duplicate_wins_even_when_it_says_less(self):
        self.assertEqual(totals(b'{"message":{"usage":{"input_tokens":5}},"message":null}')["inputTokens"], 0)

    def test_unfinished_line_counts_but_is_no_line_yet(self):
        t = transcript(records.assistant(), b'{"half', end=b"")
        self.assertEqual((t.lines, t.bad, len(t.events)), (1, 0, 1))

    def test_team_names(self):
        t = transcript(b'not json "teamName":"T" "TEAMNAME":"t" "teamname":"teamname":"u"', b'"teamName": "no"', b'"teamName":""',
                       b'"teamName":"last', end=b"")
        self.assertEqual(list(t.teams.values()), [b"T", b"teamname", b"u"])


class Windows(unittest.TestCase):
    NOW = 1_781_053_200_123  # 2026-06-10T01:00:00.123Z

    def test_names(self):
        for name, want in {
            "_": ("", "", False),
            "2026-06-10": ("2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z", False),
            "2026-06-10T01:00Z_": ("2026-06-10T01:00:00Z", "", False),
            "_2026-06-10T01:00:00.5Z": None,
            "2026-06-10T01:30:00.250+02:00_now": ("2026-06-09T23:30:00.250Z", "2026-06-10T01:00:00.123Z", True),
            "@1781053200_": ("2026-06-10T01:00:00Z", "", False),
            "-5h_-30m": ("2026-06-09T20:00:00.123Z", "2026-06-10T00:30:00.123Z", True),
            "today": ("2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z", True),
            "last-7d": ("2026-06-03T01:00:00.123Z", "", True),
            "2026%2D06-10": ("2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z", False),
            "2026-02-30": None, "2026-06-10T24:00Z_": None, "a": None, "": None, "__": None, "%_": None,
            "0001-01-01T00:00+00:01_": None, "9999-12-31T23:59-00:01_": None,
        }.items():
            self.assertEqual(reference_window.parse(name + ".json", self.NOW), want, name)


class Trees(unittest.TestCase):
    def test_a_folder_tree(self):
        with tempfile.TemporaryDirectory() as home:
            for name, agent in (("p/a", "x"), ("p/a/subagents/agent-1", "y"), ("q/a", "x"), ("q/journal", "z")):
                path = Path(home, "projects", name + ".jsonl")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(records.line(records.assistant(agentName=agent, teamName="T")) + b"\n")
            Path(home, "projects", "q", "link.jsonl").symlink_to("a.jsonl")
            out = json.loads(json.dumps(reference.tree([home])))
        self.assertEqual(list(out["sessions"]), ["a", "agent-1"])
        self.assertEqual(out["sessions"]["a"]["transcripts"], 2)
        self.assertEqual(out["projects"]["p"]["sessions"], ["a", "agent-1"])
        self.assertEqual(out["teams"]["t"]["totals"]["inputTokens"], 30)


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
