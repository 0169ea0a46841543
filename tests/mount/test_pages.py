"""report.html, by-day.svg and a session's report.svg: each number is one of the documents, nothing of a transcript is
more than text, and a page asks for nothing. The same numbers in report.txt.

By hand, in a browser and by axe-core: OKSTRAFS_AXE=path/to/axe.min.js python3 test_pages.py Browser (needs chromium)."""

import base64
import hashlib
import html
import json
import os
import random
import re
import shutil
import struct
import subprocess
import time
import unicodedata
import xml.etree.ElementTree
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from pathlib import Path

import harness
import records
import test_samples

CLOCK = os.environ.get("OKSTRAFS_FAKE_CLOCK_LIBRARY", "")
NOW = datetime(2026, 6, 30, 12, tzinfo=timezone.utc).timestamp()
HOSTILE = "<script>alert(1)</script>"
NAMES = ("/home/me/shop", "/home/me/결제", f"/home/{HOSTILE}&\"'\u202e")
SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "rect", "line"}
ASKING = {"src", "href", "style", "srcset", "action", "background", "data"}


class Page(HTMLParser):
    """Elements, their text, and tables as lists of cells by the id of their section."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.ids, self.bad = [], [], [], []
        self.tables, self.titles, self.style, self.policy = {}, [], "", ""
        self.section = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.bad += [(tag, name) for name in attributes if name in ASKING or name.startswith("on")]
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        if tag == "section":
            self.section = attributes["aria-labelledby"]
        if tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.tables[self.section][-1].append("")
        if tag == "title" and "svg" in self.open:
            self.titles.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if not self.open:
            return
        if self.open[-1] == "style":
            self.style += data
        elif self.open[-1] == "title" and "svg" in self.open:
            self.titles[-1] += data
        elif self.open[-1] in ("td", "th"):
            self.tables[self.section][-1][-1] += data


def usd(billed: dict) -> str:
    """As a person reads it: to the cent, halves up."""
    if billed["costUSD"] is None:
        return "?"
    amount = Decimal(str(billed["costUSD"]))
    cents = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    at_least = billed["lowerBound"]
    return "<0.01" if amount and not cents and not at_least else f"{'>' if at_least else ''}{cents:,}"


class Filled(harness.MountTest):
    def setUp(self):
        super().setUp()
        if not CLOCK:
            self.skipTest("no library for the clock")
        clock = self.home.root / "clock"
        clock.write_bytes(struct.pack("q", int(NOW - time.time())))
        self.clock = {"LD_PRELOAD": CLOCK, "OKSTRAFS_FAKE_CLOCK": str(clock)}

    def fill(self) -> None:
        for number, cwd in enumerate(NAMES):
            lines = [records.assistant(f"2026-06-{10 + day}T0{number}:00:00.000Z", records.usage(1000 * (day + 1), 50 + number),
                                       id=f"msg_{number}_{day}", cwd=cwd, stop_reason="end_turn", gitBranch="main",
                                       content=[{"type": "tool_use", "id": f"tool_{number}_{day}", "name": "Bash", "input": {}}],
                                       model=HOSTILE if number == 2 else records.MODELS[0]) for day in range(20)]
            self.home.transcript(f"-p{number}", f"session-{number}", lines)
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs.json").write_text(json.dumps({"budgets": {
            "ever": {"scope": "total", "limitUSD": 0.01}, "a & <b>": {"scope": "total", "limitTokens": 10**9}}}))

    def mount(self):
        return self.home.mount(environ=self.clock)

    def check_page(self, text: str) -> Page:
        page = Page(text)
        self.assertEqual(page.open, [])
        self.assertEqual(page.bad, [])
        self.assertFalse({"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags))
        self.assertNotIn("://", text)
        digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        self.assertEqual(page.policy, f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
        self.assertEqual(len(page.ids), len(set(page.ids)))
        self.assertEqual(page.tags.count("h1"), 1)
        self.assertEqual(page.tags.count("table"), page.tags.count("caption"))
        return page


class Pages(Filled):
    def test_nothing_at_all(self):
        with self.mount() as mount:
            page = self.check_page(mount.read("report.html").decode())
            self.assertEqual(page.tables, {})
            self.assertEqual(len(xml.etree.ElementTree.fromstring(mount.read("stats/by-day.svg")).findall(f".//{SVG}rect[@class='bar']")), 0)

    def test_the_chart_of_days(self):
        self.fill()
        with self.mount() as mount:
            root = xml.etree.ElementTree.fromstring(mount.read("stats/by-day.svg"))
            titles = [title.text for title in root.findall(f".//{SVG}g/{SVG}title")]
            self.assertEqual(len(titles), 30)
            self.assertEqual(titles[-1], "2026-06-30: 0.00 USD")
            for row in mount.json("stats/by-day.json")["rows"]:
                self.assertIn(f"{row['key']}: {usd(row['billed'])} USD", titles)
            bars = root.findall(f".//{SVG}g/{SVG}rect[@class='bar']")
            heights = [float(bar.get("height")) for bar in bars]
            self.assertEqual(len(bars), 20)
            self.assertEqual(heights, sorted(heights))

    def test_the_card_of_a_session(self):
        self.fill()
        with self.mount() as mount:
            for name in ("session-0", "session-2"):
                text = mount.read(f"sessions/{name}/report.svg").decode()
                root = xml.etree.ElementTree.fromstring(text)
                self.assertEqual(root.find(f"{SVG}title").text, f"Session {name}")
                billed = mount.json(f"sessions/{name}/usage.json")["billed"]
                self.assertIn(f"input: {billed['inputTokens']:,}", [title.text for title in root.findall(f".//{SVG}title")])
                self.assertLess(len(text), 8192)

    def test_cat_shows_the_same(self):
        self.fill()
        with self.mount() as mount:
            for path in ("sessions/session-1/report.svg",):
                self.assertEqual(mount.read(path), self.home.run("cat", path))

    def test_many_sessions(self):
        for number in range(harness.by_effort(300, 1000, 10000)):
            self.home.transcript(f"-p{number % 400}", f"session-{number}", [
                records.assistant(f"2026-06-{1 + number % 29:02}T01:00:00.000Z", id=f"msg_{number}", cwd=f"/home/me/{'deep/' * 30}{number}")])
        with self.mount() as mount:
            text = mount.read("report.html").decode()
            self.check_page(text)
            self.assertLess(len(text.encode()), 300_000)


def cut(name: str) -> str:
    """A name as a table shows it."""
    text = "".join("?" if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in name.partition("\0")[0])
    return text if len(text) <= 60 else text[:60] + "…"


def when(stamp: str) -> str:
    """A stamp as a table shows it; what is none is shown as it is."""
    try:
        return datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return cut(stamp)


def percent(part, whole) -> str:
    thousandths = int(float(part) / float(whole) * 1000 + 0.5) if part and whole else 0
    return f"{(min(thousandths, 1000) + 5) // 10}% "


def full(ratio) -> str:
    """Cut: it is below 100 until the limit is reached."""
    return " " if ratio is None else f"{int(float(ratio) * 100 + 1e-9)}% "


class Numbers(Filled):
    """All numbers of report.html and report.txt, in a made-up home that changes, and over all samples."""

    KEYS = ("requests", "inputTokens", "outputTokens", "cacheCreationTokens", "cacheReadTokens")
    STATS = {"models": "by-model", "sources": "by-source", "projects": "by-project", "branches": "by-branch", "agents": "by-agent", "hosts": "by-host"}

    @staticmethod
    def document(mount, path: str) -> dict:
        return json.loads(mount.read(path), parse_float=Decimal)

    @staticmethod
    def dearest(rows: list) -> list:
        """(key, row) in the order of what they cost."""
        return sorted(rows, key=lambda row: (-(row[1]["billed"]["costUSD"] or 0), -row[1]["billed"]["totalTokens"],
                                             -(row[1]["totalTokens"] or 0), row[0].encode()))

    def cells(self, row: dict, total: dict) -> list:
        billed, all_ = row["billed"], total["billed"]
        share = "" if row is total else percent(billed["costUSD"], all_["costUSD"])
        return [usd(billed), share, *(f"{billed[key]:,}" for key in self.KEYS)]

    def check_costs(self, page: Page, section: str, rows: list, total: dict, last: str = "Total") -> None:
        """`rows`: those that are shown, as (name, row)."""
        want = [[name, *self.cells(row, total)] for name, row in rows] + [[last, *self.cells(total, total)]]
        self.assertEqual(page.tables.get(section, [[]])[1:], want if rows else [], section)

    def check_more(self, text: str, kind: str, n: int, shown_: int) -> None:
        found = re.search(rf"and (\d+) more: <code>okstrafs report {kind}<", text)
        self.assertEqual(int(found[1]) if found else 0, n - shown_, kind)

    def check_kinds(self, mount, page: Page, text: str) -> None:
        for section, name in self.STATS.items():
            document = self.document(mount, f"stats/{name}.json")
            rows = self.dearest([(row["key"], row) for row in document["rows"]])
            if section == "hosts" and len(rows) < 2:
                self.assertNotIn(section, page.tables)
                continue
            self.check_costs(page, section, [(cut(key), row) for key, row in rows[:15]], document["total"])
            self.check_more(text, section, len(rows), min(len(rows), 15))
        teams = self.dearest([(name, self.document(mount, f"teams/{name}/usage.json")) for name in mount.names("teams")])
        self.check_costs(page, "teams", [(cut(key), row) for key, row in teams[:15]], self.document(mount, "usage.json"), "All sessions")
        days = self.document(mount, "stats/by-day.json")
        self.check_costs(page, "days", [(row["key"], row) for row in days["rows"][-30:]], days["total"])
        blocks = self.document(mount, "stats/blocks.json")
        rows = [row for row in blocks["rows"] if not row.get("isGap") and row["key"] != "outside"]
        self.check_costs(page, "blocks", [(when(row["key"]), row) for row in rows[-6:]], blocks["total"])
        tools = self.document(mount, "stats/by-tool.json")
        rows = sorted(tools["rows"], key=lambda row: (-row["calls"], row["key"].encode()))
        want = [[cut(row["key"]), f"{row['calls']:,}", percent(row["calls"], tools["total"]["calls"]), f"{row['sessions']:,}"]
                for row in rows[:15]] + [["Total", f"{tools['total']['calls']:,}", "", ""]]
        self.assertEqual(page.tables.get("tools", [[]])[1:], want if rows else [])

    def check_sessions(self, mount, page: Page) -> None:
        usages = {name: self.document(mount, f"sessions/{name}/usage.json") for name in mount.names("sessions")}
        latest = sorted((name for name in usages if usages[name]["endedAt"]), key=lambda name: name.encode())
        latest.sort(key=lambda name: usages[name]["endedAt"], reverse=True)
        want = []
        for name in latest[:12]:
            context, billed = self.document(mount, f"sessions/{name}/context.json"), usages[name]["billed"]
            tokens, limit, ratio = (context[key] for key in ("occupancyTokens", "contextLimit", "ratio"))
            want.append([cut(name), usd(billed) if billed else "", "" if ratio is None else full(ratio), "" if tokens is None else f"{tokens:,}",
                         "" if limit is None else f"{limit:,}", when(usages[name]["endedAt"]), cut(context["model"] or "")])
        self.assertEqual(page.tables.get("sessions", [[]])[1:], want)

    def check_budgets(self, mount, page: Page) -> None:
        want = []
        for name in mount.names("budgets"):
            if not name.endswith(".json"):
                continue
            budget = self.document(mount, f"budgets/{name}")
            amounts = [usd({"costUSD": budget[key], "lowerBound": budget["lowerBound"] and key == "spent"}) if budget["unit"] == "USD"
                       else f"{budget[key]:,}" for key in ("spent", "limit")]
            want.append([budget["name"], budget["state"], full(budget["ratio"]), *amounts, budget["unit"], budget["scope"], budget["of"] or ""])
        self.assertEqual(page.tables.get("budgets", [[]])[1:], want)

    def present(self, mount) -> dict:
        """Title: row, of the moment NOW; None: nothing was used."""
        days, weeks, months = ({row["key"]: row for row in self.document(mount, f"stats/by-{kind}.json")["rows"]}
                               for kind in ("day", "week", "month"))
        return {"Today": days.get("2026-06-30"), "Yesterday": days.get("2026-06-29"), "This week": weeks.get("2026-W27"),
                "This month": months.get("2026-06"), "All of time": self.document(mount, "usage.json")}

    def check_cards(self, mount, text: str) -> None:
        for title, row in self.present(mount).items():
            cost, tokens = (usd(row["billed"]), f"{row['billed']['totalTokens']:,}") if row else ("0.00", "0")
            card = f"<li>{title} <strong>{html.escape(cost)} USD</strong> <span class=\"note\">{tokens} tokens</span></li>"
            self.assertEqual(card in text, title != "Yesterday", card)

    def check_text(self, mount) -> None:
        lines = mount.read("report.txt").decode().split("\n")
        for title, row in self.present(mount).items():
            line = next(line for line in lines if line.startswith(title + " "))
            billed = row and row["billed"]
            keys = ("requests", "inputTokens", "outputTokens", "cacheCreationTokens", "totalTokens")
            self.assertEqual(line[len(title):].split(), [f"{billed[key]:,}" for key in keys] + [usd(billed)] if row else ["0"] * 5 + ["0.00"])
        for kind, name, most in (("Day", "by-day", 14), ("Project", "by-project", 8), ("Model", "by-model", 8)):
            document = self.document(mount, f"stats/{name}.json")
            rows = [(row["key"], row) for row in document["rows"]]
            rows = rows[-most:] if kind == "Day" else self.dearest(rows)[:most]
            at = next((i for i, line in enumerate(lines) if re.match(rf"{kind} +Requests", line)), None)
            self.assertEqual(at is None, not rows)
            for line, (key, row) in zip(lines[at + 1:] if rows else (), rows):
                billed = row["billed"]
                counts = [f"{billed[key]:,}" for key in ("requests", "totalTokens")] + [usd(billed)]
                self.assertIn(" ".join([*counts, percent(billed["costUSD"], document["total"]["billed"]["costUSD"]).strip()]),
                              " ".join(line.split()), kind)

    def check(self, mount) -> None:
        text = mount.read("report.html").decode()
        page = Page(text)
        self.check_kinds(mount, page, text)
        self.check_sessions(mount, page)
        self.check_budgets(mount, page)
        self.check_cards(mount, text)
        self.check_text(mount)
        self.assertEqual(mount.read("report.html").decode(), text)

    # --- a home that changes ---

    def add(self, rand: random.Random, serial: int) -> None:
        """Lines for one of some sessions: several models, branches, tools, teams and days, tomorrow among them."""
        session = rand.randrange(40)
        day, hour = rand.choice((1, 3, 12, 13, 28, 29, 30, 31)), rand.randrange(24)
        tools = rand.sample(("Bash", "Edit", "<b>", "x" * 50), rand.randrange(3))
        line = records.assistant(f"2026-{6 + day // 31:02}-{day % 31 + day // 31:02}T{hour:02}:{serial % 60:02}:00.000Z",
                                 records.usage(rand.randrange(9000), rand.randrange(900), rand.randrange(500), rand.randrange(70000)),
                                 id=f"msg_{serial}", stop_reason="end_turn", model=rand.choice((*records.MODELS, "of nobody", HOSTILE)),
                                 cwd=f"/home/me/{'deep/' * (session % 20)}{session % 20}", gitBranch=rand.choice(("main", "topic", "")),
                                 content=[{"type": "tool_use", "id": f"tool_{serial}_{i}", "name": name, "input": {}}
                                          for i, name in enumerate(tools)],
                                 agentName=f"agent {session % 3}", **({"teamName": f"team {session % 18}"} if session % 2 else {}))
        path = self.home.path(f"-p{session % 20}", f"session-{session}")
        path.parent.mkdir(exist_ok=True)
        harness.append(path, records.line(line) + b"\n")

    def change(self, rand: random.Random, serial: int) -> None:
        files = sorted(self.home.projects.rglob("*.jsonl"))
        what = rand.randrange(8)
        if what == 0:
            rand.choice(files).unlink()
        elif what == 1:
            path = rand.choice(files)
            path.rename(path.with_name(f"moved-{serial}.jsonl"))
        elif what == 2:
            path = rand.choice(files)
            path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
        elif what == 3:
            (self.home.okstra / "okstrafs.json").write_text(json.dumps({"budgets": {
                f"b{serial}": {"scope": "total", "limitUSD": 1}, "tokens": {"scope": "total", "limitTokens": 10**6}}}))
        elif what == 4:
            # An earlier copy in another session: that one is billed from now on.
            source, target = rand.sample(files, 2)
            line = json.loads(source.read_bytes().splitlines()[0])
            harness.append(target, records.line(line | {"timestamp": "2026-05-31" + line["timestamp"][10:]}) + b"\n")
        else:
            for i in range(rand.randrange(1, 4)):
                self.add(rand, serial * 10 + i)

    def test_a_home_that_changes(self):
        rand = random.Random(16)
        for serial in range(200):
            self.add(rand, serial)
        self.home.okstra.mkdir(exist_ok=True)
        with self.mount() as mount:
            self.check(mount)
            for serial in range(100, harness.by_effort(110, 130, 400)):
                self.change(rand, serial)
                with self.subTest(serial):
                    self.check(mount)
                    # Running sums equal those of a program that has just begun: but it reads what is deleted from the store.
                    if serial % 5 == 0:
                        for name in ("branch", "effort", "tool", "agent", "day"):
                            path = f"stats/by-{name}.json"
                            self.assertEqual(mount.json(path), json.loads(self.home.run("cat", path)), name)

    def test_a_hostile_home(self):
        self.fill()
        with self.mount() as mount:
            self.check_page(mount.read("report.html").decode())
            self.check(mount)
            path = self.home.path("-p0", "session-0")
            harness.append(path, records.line(records.assistant("2026-06-30T10:00:00.000Z", records.usage(70000, 7), id="msg_new")) + b"\n")
            self.check(mount)

    def test_hosts(self):
        self.fill()
        folder = self.home.root / "there" / ".claude" / "projects" / "-p"
        folder.mkdir(parents=True)
        (folder / "of-there.jsonl").write_bytes(records.line(
            records.assistant("2026-06-29T10:00:00.000Z", records.usage(7000, 70), id="msg_there", stop_reason="end_turn")) + b"\n")
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs.json").write_text(json.dumps({"host": "here", "hosts": {"there": str(self.home.root / "there")}}))
        with self.mount() as mount:
            page = Page(mount.read("report.html").decode())
            self.assertEqual([row[0] for row in page.tables["hosts"][1:]], ["here", "there", "Total"])
            self.check(mount)

    def test_samples(self):
        samples = records.samples()
        if not samples:
            self.skipTest("no samples: see OKSTRAFS_SAMPLES")
        test_samples.lay_out(samples, self.home.projects)
        for source, folder, name in (("codex", ".codex/sessions/2026/06/30", "rollout-{}"), ("gemini", ".gemini/tmp/slug/chats", "session-{}")):
            target = self.home.root / folder
            target.mkdir(parents=True)
            for path in sorted(Path(samples, source).iterdir()):
                shutil.copy(path, target / name.format(path.name))
        self.home.run("scan")
        with self.mount() as mount:
            self.check(mount)


class Browser(Filled):
    """axe-core finds nothing; by hand, because it needs a browser."""

    def setUp(self):
        super().setUp()
        if not os.environ.get("OKSTRAFS_AXE") or not shutil.which("chromium"):
            self.skipTest("needs OKSTRAFS_AXE and chromium")

    def test_axe(self):
        self.fill()
        with self.mount() as mount:
            text = mount.read("report.html").decode()
        with open(os.environ["OKSTRAFS_AXE"]) as file:
            axe = file.read().replace("</script", "<\\/script")
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("<details>", "<details open>")
        text = text.replace("</body>", f"<script>{axe}</script><script>axe.run().then(r => {{ document.title = "
                            "JSON.stringify(r.violations.map(v => [v.id, v.nodes.map(n => n.html)])) + '.' })</script></body>")
        path = self.home.root / "page.html"
        path.write_text(text)
        done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom",
                               path.as_uri()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120)
        self.assertEqual(re.search(rb"<title>(.*?)</title>", done.stdout)[1], b"[].")


if __name__ == "__main__":
    harness.main(__name__)
