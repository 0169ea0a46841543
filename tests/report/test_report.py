"""`okstrafs report`: every number of a table and of the CSV equals the document that it comes from.

A made-up home with names of every kind, and the samples where there are any. The whole program, without a mount.
"""

import csv
import fcntl
import io
import json
import os
import re
import struct
import subprocess
import sys
import termios
import unicodedata
import unittest
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("support", "mount")]

import harness  # noqa: E402
import records  # noqa: E402
import test_samples  # noqa: E402
from tap import run_tap  # noqa: E402

ROOT = HERE.parents[1]
STATS = {"days": "by-day", "weeks": "by-week", "months": "by-month", "projects": "by-project", "branches": "by-branch",
         "models": "by-model", "sources": "by-source", "hosts": "by-host", "agents": "by-agent", "blocks": "blocks"}
FOLDERS = ("sessions", "teams")
HIDDEN = ("Cc", "Cf", "Zl", "Zp")
# Project folders: formulas, quotes, separators, wide and combining characters, what a terminal would execute.
NAMES = ("/home/me/shop", '=HYPERLINK("x")', "+1+1", "-2", "@SUM(A1)", 'a,"b";c', "two\nlines", "tab\there", "결제/서비스",
         "cafe\u0301", "\u001b[31mred\u202e", "\u200b", "x" * 300)
DAYS = ("2026-06-09", "2026-06-10", "2026-06-11", "2026-07-01")


def shown(name: str) -> str:
    """As in messages: hidden characters are '?'."""
    return "".join("?" if unicodedata.category(c) in HIDDEN else c for c in name)


def width(text: str) -> int:
    return sum(0 if unicodedata.category(c) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def usd(row: dict) -> str:
    cost = row["costUSD"]
    if cost is None:
        return "?"
    cents = Decimal(cost).quantize(Decimal("0.01"), ROUND_HALF_UP)
    if cost and not cents and not row["lowerBound"]:
        return "<0.01"
    return f"{'>' if row['lowerBound'] else ''}{cents:,.2f}"


def leaves(value, path: str = ""):
    """(path with dots, value) of all that is one value, or a list of names."""
    for key, inner in value.items():
        here = f"{path}.{key}" if path else key
        if isinstance(inner, dict):
            yield from leaves(inner, here)
        elif not isinstance(inner, list) or all(isinstance(x, str) for x in inner):
            yield here, inner


def as_cell(value, raw: dict) -> str:
    """What the CSV has for a value of the document."""
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, Decimal)):
        return raw[value] if value in raw else str(value)
    text = shown("|".join(value) if isinstance(value, list) else value.partition("\0")[0])
    return f"'{text}" if text[:1] in tuple("=+-@") else text


NOTHING_FOUND = r"okstrafs: no transcripts were found; set CLAUDE_CONFIG_DIR, (.*\n)+"


class ReportTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.home = harness.Home()
        self.addCleanup(self.home.close)

    def make(self) -> None:
        serial = 0
        for number, cwd in enumerate(NAMES):
            lines = []
            for day in DAYS[number % 3:]:
                serial += 1
                model = records.MODELS[number % 3] if number != 2 else "of nobody"
                lines.append(records.assistant(f"{day}T{serial % 24:02d}:10:00.000Z", records.usage(serial * 1001, serial * 37, 12 * serial, 99),
                                               [{"type": "tool_use"}], model, id=f"msg_{serial}", cwd=cwd, stop_reason="end_turn",
                                               teamName="crew" if number % 2 else "=team", agentName=f"agent {number % 4}"))
            self.home.transcript(f"-p{number}", f"session-{number}", lines)

    def report(self, *arguments: str, columns: int = 500, check: bool = True, said: str = "") -> bytes:
        environment = self.home.environment() | {"COLUMNS": str(columns)}
        done = subprocess.run([harness.binary(), "report", *arguments], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        self.error = done.stderr.decode()
        if check:
            self.assertEqual(done.returncode, 0)
            self.assertRegex(self.error, rf"\A{said}\Z")
        return done.stdout

    def documents(self, kind: str, window: str = "") -> tuple[bytes, list, dict]:
        """The documents of a kind, its rows as (name, row) and their total."""
        if kind in FOLDERS:
            paths = [f"{kind}/{name}/{f'window/{window}' if window else 'usage'}.json"
                     for name in self.home.run("ls", kind).decode().splitlines()]
            total = f"window/{window}.json" if window else "usage.json"
            texts = {path: self.home.run("cat", path) for path in (*paths, total)}
            parsed = {path: self.parse(text) for path, text in texts.items()}
            kept = [path for path in paths if not window or parsed[path]["endedAt"] or parsed[path]["billed"]["requests"]]
            return b"".join(texts[path] for path in kept), [(path.split("/")[1], parsed[path]) for path in kept], parsed[total]
        text = self.home.run("cat", f"stats/{f'window/{window}/' if window else ''}{STATS[kind]}.json")
        document = self.parse(text)
        return text, [(row["key"].partition("\0")[0], row) for row in document["rows"]], document["total"]

    @staticmethod
    def parse(text: bytes) -> dict:
        return json.loads(text, parse_float=Decimal)

    @staticmethod
    def expected(titles: list[str], row: dict) -> list[str]:
        """The counts and the cost: the columns that each row has."""
        billed = row["billed"]
        keys = {"Requests": "requests", "Input": "inputTokens", "Output": "outputTokens", "Cache write": "cacheCreationTokens",
                "Cache read": "cacheReadTokens", "Tokens": "totalTokens"}
        assert [title for title in titles if title in keys] == list(keys), titles
        return [f"{billed[key]:,}" for key in keys.values()] + [usd(billed)]

    def check_numbers(self, kind: str, window: str = "", options: tuple = ()) -> None:
        text, rows, total = self.documents(kind, window)
        self.assertEqual(self.report(kind, *options, "--json"), text)
        self.check_csv(self.report(kind, *options, "--csv"), rows, text)
        lines = self.report(kind, *options).decode().split("\n")
        titles = re.split(" {2,}", lines[0])
        end = next(i for i, line in enumerate(lines) if line.startswith("---"))
        wanted = sorted(self.expected(titles, row) for _, row in rows if not row.get("isGap"))
        number = r"([\d,]+)"
        pattern = re.compile(r" {2,}" + r" {2,}".join([number] * 6 + [r"([<>]?[\d,]+\.\d\d|\?)"]) + r"(?: {2,}\d+% ?#*)?")
        got = sorted(list(list(pattern.finditer(line))[-1].groups()) for line in lines[1:end])
        self.assertEqual(got, wanted)
        self.assertEqual(list(pattern.search(lines[end + 1]).groups()), self.expected(titles, total))

    def check_csv(self, out: bytes, rows: list, text: bytes) -> None:
        got = {}
        header, *lines = csv.reader(io.StringIO(out.decode(), newline=""), strict=True)
        self.assertEqual(header[0], "key")
        self.assertEqual(len(header), len(set(header)))
        for line in lines:
            self.assertEqual(len(line), len(header))
            self.assertNotIn(line[0], got)
            got[line[0]] = dict(zip(header, line))
        raw = {}  # a decimal number as it is written
        json.loads(text if rows and text.count(b"\n}\n{") == 0 else b"{}", parse_float=lambda s: raw.setdefault(Decimal(s), s))
        self.assertEqual(len(got), len(rows))
        for name, row in rows:
            line = got[as_cell(name, raw)]
            members = {path: as_cell(value, raw) for path, value in leaves(row) if path != "key"}
            self.assertEqual({path: line[path] for path in members}, members)
            self.assertEqual({path: cell for path, cell in line.items() if cell and path != "key" and path not in members}, {})

    def test_every_number_is_one_of_the_document(self):
        self.make()
        for kind in (*STATS, *FOLDERS):
            with self.subTest(kind):
                self.check_numbers(kind)

    def test_tools(self):
        """Calls and sessions, no cost."""
        self.home.transcript("-p", "session-of-tools", [
            records.assistant(f"2026-06-10T01:00:{i:02}.000Z", id=f"msg_{i}", content=[
                {"type": "tool_use", "id": f"tool_{i}_{j}", "name": f"Tool{j}", "input": {}} for j in range(1 + i % 3)]) for i in range(30)])
        text = self.home.run("cat", "stats/by-tool.json")
        rows = json.loads(text)["rows"]
        self.assertEqual(self.report("tools", "--json"), text)
        self.check_csv(self.report("tools", "--csv"), [(row["key"], row) for row in rows], text)
        lines = self.report("tools").decode().splitlines()
        for row in rows:
            self.assertTrue(any(re.match(rf"{row['key']} +{row['calls']} +{row['sessions']} ", line) for line in lines), row)
        self.assertRegex(lines[-1], r"^Total +60\b")

    def test_in_a_window(self):
        self.make()
        for options, window in ((("--since", "2026-06-10"), "2026-06-10_"), (("--until", "2026-06-10T12:00Z"), "_2026-06-10T12:00Z"),
                                (("--since", "2026-06-09", "--until", "2026-06-09"), "2026-06-09_2026-06-09"),
                                (("--since", "2026-06-10_2026-06-11", "--until", "2026-06-11"), "2026-06-10T00:00:00.000Z_2026-06-11")):
            for kind in harness.by_effort(("days",), ("days", "blocks", "sessions"), (*STATS, *FOLDERS)):
                with self.subTest(kind, options=options):
                    self.check_numbers(kind, window, options)

    def test_samples(self):
        samples = records.samples()
        if not samples:
            self.skipTest("no samples: see OKSTRAFS_SAMPLES")
        test_samples.lay_out(samples, self.home.projects)
        self.home.run("scan")
        for kind in harness.by_effort(("days",), ("days", "blocks", "projects"), (*STATS, "sessions")):
            with self.subTest(kind):
                self.check_numbers(kind)

    def test_nothing_at_all(self):
        for kind in (*STATS, *FOLDERS):
            with self.subTest(kind):
                lines = self.report(kind, said=NOTHING_FOUND).decode().splitlines()
                self.assertRegex(lines[-1], r"^(Total|All sessions) +0 .* 0\.00$")
                self.assertTrue(self.report(kind, "--csv", said=NOTHING_FOUND).startswith(b"key,"))
        self.assertRegex(self.report(said=NOTHING_FOUND).decode(), r"All of time +0 ")

    def test_what_cannot_be_read_is_said(self):
        self.make()
        for n, said in ((1, r"a transcript cannot be read: .*: its data is damaged \(it is not counted\)"), (2, r"2 transcripts cannot be read .*'okstrafs doctor' ")):
            day = self.home.root / ".codex" / "sessions" / "2026" / "06" / f"{n:02d}"
            day.mkdir(parents=True)
            (day / f"rollout-2026-06-{n:02d}T00-00-00-0199f5cc-0000-7000-8000-00000000000{n}.jsonl.zst").write_bytes(b"damaged" * 9)
            self.report("days", said=f"okstrafs: {said}.*\n")

    def test_order_of_rows(self):
        self.make()
        self.assertEqual([line.split()[0] for line in self.report("days").decode().splitlines()[1:5]], list(DAYS))
        costs = [Decimal(row["billed.costUSD"] or 0) for row in csv.DictReader(io.StringIO(self.report("projects", "--csv").decode()))]
        self.assertEqual(costs, sorted(costs, reverse=True))
        ends = [row["endedAt"] for row in csv.DictReader(io.StringIO(self.report("sessions", "--csv").decode()))]
        self.assertEqual(ends, sorted(ends))

    def test_a_pipe_gets_plain_text_of_80_columns(self):
        self.make()
        environment = {k: v for k, v in self.home.environment().items() if k != "COLUMNS"} | {"LC_ALL": "C.UTF-8", "TERM": "xterm"}
        for arguments in ((), *((kind,) for kind in (*STATS, *FOLDERS))):
            with self.subTest(arguments):
                out = subprocess.run([harness.binary(), "report", *arguments], env=environment, stdout=subprocess.PIPE, timeout=60,
                                     check=True).stdout.decode()
                self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2580-\u259f\u202e\u200b]")
                self.assertLessEqual(max(map(width, out.splitlines())), 80)

    def test_narrow_and_wide(self):
        self.make()
        for kind in ("projects", "sessions"):
            before = None
            wide = set(re.split(" {2,}", self.report(kind).decode().splitlines()[0]))
            for columns in (30, 45, 60, 80, 120, 300):
                lines = self.report(kind, columns=columns).decode().splitlines()
                self.assertLessEqual(max(map(width, lines)), columns)
                titles = set(re.split(" {2,}", lines[0]))
                self.assertLessEqual(before or set(), titles, f"{kind} {columns}")
                self.assertIn("Cost USD", titles)
                said = [line for line in lines if line.startswith("Not shown here: ")]
                if titles == wide or columns >= 80:
                    self.assertEqual(set(", ".join(said)[16:].split(", ")) - {""}, wide - titles, f"{kind} {columns}")
                before = titles

    def on_terminal(self, *arguments: str, size=(30, 100), **environment) -> str:
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        child = subprocess.Popen([harness.binary(), "report", *arguments], stdout=theirs,
                                 env=self.home.environment() | {"TERM": "xterm", "LC_ALL": "C.UTF-8"} | environment)
        os.close(theirs)
        out = b""
        while True:
            try:
                out += (more := os.read(ours, 65536))
            except OSError:
                more = b""
            if not more:
                break
        os.close(ours)
        self.assertEqual(child.wait(60), 0)
        return out.decode().replace("\r\n", "\n")

    @unittest.skipUnless(os.path.exists("/dev/ptmx"), "no terminals here")
    def test_a_terminal_gets_its_width_colour_and_bars(self):
        self.make()
        out = self.on_terminal("days")
        self.assertIn("\x1b[1mDay", out)
        self.assertIn("█", out)
        plain = re.sub("\x1b\\[[0-9]*m", "", out)
        self.assertTrue(60 < max(map(width, plain.splitlines())) <= 100)
        self.assertEqual(self.on_terminal("days", NO_COLOR="1"), plain)
        self.assertEqual(self.on_terminal("days", TERM="dumb"), plain)
        self.assertIn("\x1b[", self.on_terminal("days", NO_COLOR=""))
        self.assertLessEqual(max(map(width, self.on_terminal("days", size=(20, 40), NO_COLOR="1").splitlines())), 40)
        self.assertLessEqual(max(map(width, self.on_terminal("days", NO_COLOR="1", COLUMNS="33").splitlines())), 33)
        self.assertNotRegex(self.on_terminal("days", LC_ALL="C"), "[^\x00-\x7f]")

    def test_what_is_wrong_is_said(self):
        self.make()
        for arguments, code, words in (
                (("days", "--since", "noon"), 64, "--since noon: no such time; say a date"),
                (("days", "--until", "../../usage"), 64, "--until ../../usage: no such time"),
                (("days", "--since", ""), 64, "--since : no such time"),
                (("days", "--since", "2026-06-11", "--until", "2026-06-10"), 64, "--since 2026-06-11 is after --until 2026-06-10"),
                (("days", "--since", "now", "--until", "yesterday"), 64, "is after"),
                (("day",), 64, "no such report; there are days, weeks, months,"),
                (("--csv",), 64, "need a table"),
                (("days", "--csv", "--json"), 64, "exclude each other"),
                (("days", "models"), 64, "one argument too many")):
            with self.subTest(arguments):
                done = subprocess.run([harness.binary(), "report", *arguments], env=self.home.environment(), stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, timeout=60)
                self.assertEqual((done.returncode, done.stdout), (code, b""))
                self.assertIn(words, done.stderr.decode())

    def test_a_full_disk_is_an_error(self):
        self.make()
        with open("/dev/full", "wb") as full:
            done = subprocess.run([harness.binary(), "report", "days"], env=self.home.environment(), stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write: No space left on device", done.stderr)

    def test_budgets_and_a_wrong_configuration(self):
        self.make()
        settings = self.home.okstra / "okstrafs.json"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text('{"budgets": {"ever": {"scope": "total", "limitUSD": 0.01}, "crew": {"scope": "total", "limitTokens": 9000000}}}')
        out = self.report(columns=120).decode()
        for name, unit in (("ever", "USD"), ("crew", "tokens")):
            budget = self.parse(self.home.run("cat", f"budgets/{name}.json"))
            spent = usd({"costUSD": budget["spent"], "lowerBound": budget["lowerBound"]}) if unit == "USD" else f"{budget['spent']:,}"
            limit = f"{budget['limit']:,.2f}" if unit == "USD" else f"{budget['limit']:,}"
            self.assertRegex(out, rf"(?m)^{name} +total +{budget['state']} +{re.escape(spent)} +{limit} +{unit} +{int(budget['ratio'] * 100)}%")
        settings.write_text("{")
        self.assertIn("okstrafs.json", self.report().decode())

    def test_the_table_of_widths_is_that_of_unicode(self):
        written = (ROOT / "fs/report/width_table.h").read_text()
        version = re.search(r"Unicode (\S+)\.", written)[1]
        if version != unicodedata.unidata_version:
            self.skipTest(f"written from Unicode {version}, this Python has {unicodedata.unidata_version}")
        made = subprocess.run([sys.executable, ROOT / "fs/report/width_table.py"], stdout=subprocess.PIPE, check=True, text=True, timeout=60)
        self.assertEqual(made.stdout, written)


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
