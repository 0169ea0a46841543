"""metrics.prom: its counters add up to usage.json and to the rows of stats/, its labels say everything, and no counter falls.

The whole program, without a mount. What Prometheus itself makes of it is tests/prometheus/.
"""

import json
import random
import re
import shutil
import subprocess
import sys
import unittest
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("support", "mount")]

import harness  # noqa: E402
import records  # noqa: E402
from tap import run_tap  # noqa: E402

TYPES = {"input": "inputTokens", "output": "outputTokens", "cache_creation_5m": "cacheCreation5mTokens",
         "cache_creation_1h": "cacheCreation1hTokens", "cache_read": "cacheReadTokens"}
COUNTERS = ("okstrafs_tokens_total", "okstrafs_cost_usd_total", "okstrafs_requests_total")
OTHER = "(other)"
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.]+)")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
AWKWARD = ('a "quoted" name', "back\\slash", "two\nlines", "결제/서비스", "trailing\\", "{}=,")


def parsed(text: bytes) -> dict:
    """{name: {frozenset of labels: value}}, and that the format is kept: one block for each metric, with a head."""
    out: dict[str, dict] = {}
    kinds: dict[str, str] = {}
    name = ""
    for line in text.decode().rstrip("\n").split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in out, f"{name} has two blocks"
            out[name] = {}
            continue
        if line.startswith("# TYPE "):
            assert line.split(" ")[2] == name
            kinds[name] = line.split(" ")[3]
            continue
        match = SAMPLE.fullmatch(line)
        assert match and match[1] == name, line
        labels = [(key, re.sub(r"\\.", lambda m: ESCAPES[m[0]], value)) for key, value in LABEL.findall(match[2] or "")]
        rebuilt = ",".join(f'{m[0]}' for m in LABEL.finditer(match[2] or ""))
        assert rebuilt == (match[2] or ""), line
        assert frozenset(labels) not in out[name], f"{line} is there twice"
        out[name][frozenset(labels)] = Decimal(match[3])
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total"), name
    return out


def total(samples: dict, **labels: str) -> Decimal:
    return sum((value for key, value in samples.items() if labels.items() <= dict(key).items()), Decimal(0))


class MetricsTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.home = harness.Home()
        self.addCleanup(self.home.close)
        self.serial = 0

    def configure(self, **values) -> None:
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs.json").write_text(json.dumps(values))

    def line(self, cwd: str = "/w", model: int = 0, **more) -> dict:
        self.serial += 1
        n = self.serial
        return records.assistant(f"2026-06-{10 + n // 1000:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00.000Z",
                                 records.usage(n * 101, n * 7, 30 * n, 1000 + n, (10 * n, 20 * n)),
                                 model=records.MODELS[model], id=f"msg_{n}", cwd=cwd, stop_reason="end_turn", **more)

    def make(self) -> None:
        for i, cwd in enumerate(("/w", "/w", *AWKWARD)):
            lines = [self.line(cwd, k % 3, agentName=f"agent {i % 2}", **({"teamName": "crew"} if i % 3 else {})) for k in range(4)]
            self.home.transcript(f"-p{i}", f"s{i}", lines)
        self.home.transcript("-p0", "agent-x", [self.line(isSidechain=True)], parent="s0")

    def metrics(self) -> dict:
        text = self.home.run("cat", "metrics.prom")
        self.assertTrue(text.endswith(b"\n"))
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        return parsed(text)

    def document(self, path: str) -> dict:
        return json.loads(self.home.run("cat", path), parse_float=Decimal)

    def check(self, found: dict, billed: dict, **labels: str) -> None:
        for kind, key in TYPES.items():
            self.assertEqual(total(found["okstrafs_tokens_total"], type=kind, **labels), billed[key], (kind, labels))
        self.assertEqual(total(found["okstrafs_requests_total"], **labels), billed["requests"], labels)
        self.assertEqual(total(found["okstrafs_cost_usd_total"], **labels), billed["costUSD"], labels)

    def check_all(self) -> dict:
        found = self.metrics()
        self.check(found, self.document("usage.json")["billed"])
        for label, document in (("model", "by-model"), ("project", "by-project"), ("agent", "by-agent"), ("source", "by-source")):
            for row in self.document(f"stats/{document}.json")["rows"]:
                self.check(found, row["billed"], **{label: row["key"]})
        return found

    def test_they_are_the_numbers_of_the_documents(self):
        self.make()
        found = self.check_all()
        self.check(found, self.document("teams/crew/usage.json")["billed"] | self.billed_of_team(), team="crew")
        self.assertEqual(total(found["okstrafs_label_sets_folded"]), 0)
        self.assertEqual(total(found["okstrafs_label_sets"]), len(found["okstrafs_requests_total"]))
        self.assertEqual(total(found["okstrafs_sessions"]), 9)
        self.assertEqual(len(found["okstrafs_context_tokens"]), 9)
        self.assertNotIn("claude_code_token_usage_tokens_total", found)

    def billed_of_team(self) -> dict:
        """What the team's sessions were billed: its document adds up its run, which has no file here."""
        names = self.home.run("ls", "teams/crew/sessions").decode().split()
        rows = [self.document(f"sessions/{name}/usage.json")["billed"] for name in names]
        return {key: sum(row[key] for row in rows) for key in (*TYPES.values(), "requests", "costUSD")}

    def test_an_empty_home_has_no_counters(self):
        found = self.metrics()
        self.assertEqual(found["okstrafs_tokens_total"], {})
        self.assertEqual(total(found["okstrafs_transcripts"]), 0)

    def test_what_is_beyond_the_bound_is_one_set(self):
        self.make()
        whole = self.metrics()
        sets = len(whole["okstrafs_requests_total"])
        self.configure(metrics={"labelSets": 5})
        found = self.metrics()
        self.check(found, self.document("usage.json")["billed"])
        shown = [dict(key) for key in found["okstrafs_requests_total"]]
        others = [labels for labels in shown if OTHER in labels.values()]
        self.assertEqual(others, [dict.fromkeys(("model", "project", "agent", "team", "source"), OTHER)])
        self.assertLessEqual(len(shown) - 1, 5)
        self.assertEqual(total(found["okstrafs_label_sets"]), len(shown) - 1)
        self.assertEqual(total(found["okstrafs_label_sets_limit"]), 5)
        self.assertEqual(total(found["okstrafs_label_sets_folded"]), sets - len(shown) + 1)
        # The earliest ones stay, so that one which comes later takes the place of none.
        before = {key: value for key, value in found["okstrafs_requests_total"].items() if OTHER not in dict(key).values()}
        self.home.transcript("-late", "late", [self.line("/a/late/one")])
        after = self.metrics()["okstrafs_requests_total"]
        self.assertEqual(before, {key: value for key, value in after.items() if OTHER not in dict(key).values()})

    def test_no_counter_falls(self):
        """Appended to, torn, deleted, rewritten, in several processes, with a bound in the way."""
        pick = random.Random(5)
        self.configure(metrics={"labelSets": 12})
        before: dict = {name: {} for name in COUNTERS}
        files: dict[str, Path] = {}
        for step in range(8):
            for _ in range(3):
                number = pick.randrange(9)
                name, cwd, data = f"s{number}", f"/w{number % 4}", b""
                for _ in range(pick.randrange(1, 4)):
                    data += records.line(self.line(cwd, pick.randrange(3))) + b"\n"
                path = self.home.path("-p", name)
                if name in files and path.exists() and pick.random() < 0.3:
                    path.unlink()
                elif name in files and path.exists() and pick.random() < 0.2:
                    path.write_bytes(data)
                elif name not in files or path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    harness.append(path, data[:pick.choice((None, None, -9))])
                    files[name] = path
            found = self.metrics()
            self.check(found, self.document("usage.json")["billed"])
            for counter in COUNTERS:
                for key, value in before[counter].items():
                    self.assertGreaterEqual(found[counter].get(key, 0), value, (step, counter, dict(key)))
                before[counter] = found[counter]

    def test_names_of_claude_code(self):
        self.make()
        self.configure(metrics={"claudeCodeNames": True})
        found = self.metrics()
        billed = next(row["billed"] for row in self.document("stats/by-source.json")["rows"] if row["key"] == "claude")
        tokens = found["claude_code_token_usage_tokens_total"]
        for kind, key in (("input", "inputTokens"), ("output", "outputTokens"), ("cacheRead", "cacheReadTokens"),
                          ("cacheCreation", "cacheCreationTokens")):
            self.assertEqual(total(tokens, type=kind), billed[key], kind)
        self.assertEqual(total(found["claude_code_cost_usage_USD_total"]), billed["costUSD"])
        self.assertEqual({dict(key)["model"] for key in tokens}, set(records.MODELS))

    def test_budgets(self):
        self.make()
        self.configure(budgets={"all": {"scope": "total", "limitUSD": 0.000001, "policy": "block"},
                                "many": {"scope": "session", "limitTokens": 10 ** 12}})
        found = self.metrics()
        budget = self.document("budgets/all.json")
        self.assertEqual(total(found["okstrafs_budget_spent"], budget="all", unit="USD", scope="total"), budget["spent"])
        self.assertEqual(total(found["okstrafs_budget_limit"], budget="all"), budget["limit"])
        self.assertEqual(total(found["okstrafs_budget_spent"], budget="many", unit="tokens"), self.document("budgets/many.json")["spent"])
        states = {dict(key)["state"]: value for key, value in found["okstrafs_budget_state"].items() if dict(key)["budget"] == "all"}
        self.assertEqual(states, {"ok": 0, "warn": 0, "unknown": 0, "exceeded": 1})

    def test_limits_and_contexts(self):
        self.make()
        status = {"rate_limits": {"five_hour": {"used_percentage": 37.5, "resets_at": 1781100000}}}
        subprocess.run([harness.binary(), "statusline"], input=json.dumps(status).encode(), env=self.home.environment(),
                       stdout=subprocess.DEVNULL, check=True)
        found = self.metrics()
        self.assertEqual(total(found["okstrafs_limit_used_ratio"], source="claude", limit="plan", window_minutes="300"), Decimal("0.375"))
        self.assertEqual(total(found["okstrafs_limit_reset_timestamp_seconds"], window_minutes="300"), 1781100000)
        context = self.document("sessions/s1/context.json")
        self.assertEqual(total(found["okstrafs_context_tokens"], session="s1"), context["occupancyTokens"])
        self.assertEqual(total(found["okstrafs_context_limit_tokens"], session="s1"), context["contextLimit"])

    def test_the_state_of_the_program(self):
        self.make()
        harness.append(self.home.path("-p0", "s0"), b"no json\n")
        self.home.path("-p1", "s1").unlink()
        found = self.metrics()
        self.assertEqual(total(found["okstrafs_bad_lines"]), 1)
        self.assertEqual(total(found["okstrafs_settings_errors"]), 0)
        self.assertEqual(total(found["okstrafs_build_info"]), 1)
        (self.home.okstra / "okstrafs.json").write_text('{"metrics": {"labelSets": 0}}')
        self.assertEqual(total(self.metrics()["okstrafs_settings_errors"]), 1)


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
