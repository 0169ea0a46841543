"""report.html, by-day.svg and a session's report.svg: each number is one of the documents, nothing of a transcript is
more than text, and a page asks for nothing.

By hand, in a browser and by axe-core: OKSTRAFS_AXE=path/to/axe.min.js python3 test_pages.py Browser (needs chromium)."""

import base64
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import time
import unittest
import xml.etree.ElementTree
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser

import harness
import records

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


def shown(name: str) -> str:
    return name.replace("\u202e", "?")


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


class Pages(Filled):
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

    def check_rows(self, page: Page, section: str, document: dict, most: int, shown_key=shown) -> None:
        rows = {row[0]: row for row in page.tables[section]}
        named = sorted(document["rows"], key=lambda row: -(row["billed"]["costUSD"] or 0)) if section != "days" else document["rows"]
        for row in [(shown_key(row["key"]), row["billed"]) for row in (named[:most] if section != "days" else named[-most:])] + \
                [("Total", document["total"]["billed"])]:
            billed = row[1]
            self.assertEqual([rows[row[0]][1], *rows[row[0]][3:]],
                             [usd(billed), *(f"{billed[key]:,}" for key in ("requests", "inputTokens", "outputTokens", "cacheCreationTokens",
                                                                          "cacheReadTokens"))], row)

    def test_numbers_are_those_of_the_documents(self):
        self.fill()
        with self.mount() as mount:
            text = mount.read("report.html").decode()
            page = self.check_page(text)
            for section, name in (("models", "model"), ("projects", "project"), ("agents", "agent"), ("days", "day")):
                self.check_rows(page, section, mount.json(f"stats/by-{name}.json"), 15 if section != "days" else 20)
            everything = mount.json("usage.json")["billed"]
            self.assertRegex(text, rf"All of time <strong>{re.escape(usd(everything).replace('>', '&gt;'))} USD</strong>")
            for title, kind, key in (("This week", "week", "2026-W27"), ("This month", "month", "2026-06")):
                billed = next(row["billed"] for row in mount.json(f"stats/by-{kind}.json")["rows"] if row["key"] == key)
                self.assertRegex(text, rf"<li>{title} <strong>{re.escape(usd(billed).replace('>', '&gt;'))} USD</strong>"
                                       rf" <span class=\"note\">{billed['totalTokens']:,} tokens")
            today = mount.json("stats/by-day.json")["rows"]
            self.assertNotIn("2026-06-30", [row["key"] for row in today])
            self.assertIn("<li>Today <strong>0.00 USD</strong>", text)
            for name in ("ever", "a & <b>"):
                budget = mount.json(f"budgets/{name}.json")
                row = next(row for row in page.tables["budgets"] if row[0] == name)
                self.assertEqual(row[2], budget["state"])
            newest = [row[0] for row in page.tables["sessions"]][1:]
            self.assertEqual(newest, ["session-2", "session-1", "session-0"])
            context = mount.json("sessions/session-0/context.json")
            row = next(row for row in page.tables["sessions"] if row[0] == "session-0")
            self.assertEqual(row[4:6], [f"{context['occupancyTokens']:,}", f"{context['contextLimit']:,}"])

    def test_it_is_fresh(self):
        self.fill()
        with self.mount() as mount:
            before = mount.read("report.html")
            self.assertEqual(mount.read("report.html"), before)
            path = self.home.path("-p0", "session-0")
            harness.append(path, records.line(records.assistant("2026-06-30T10:00:00.000Z", records.usage(70000, 7), id="msg_new")) + b"\n")
            page = mount.read("report.html").decode()
            self.assertIn("<li>Today <strong>", page)
            self.assertNotIn("<li>Today <strong>0.00 USD", page)
            self.check_rows(self.check_page(page), "days", mount.json("stats/by-day.json"), 20)

    def test_nothing_at_all(self):
        with self.mount() as mount:
            page = self.check_page(mount.read("report.html").decode())
            self.assertNotIn("models", page.tables)
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
