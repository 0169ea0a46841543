"""The documents of stats/ through a real mount, against a reference that looks at every line each time.

Made-up sessions that share requests, and real transcripts where there are samples; days and hours in zones whose
clocks change; windows that part time; after appends, restarts, and without a cache.
"""

import concurrent.futures
import json
import os
import random
import shutil
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import harness
import records
import reference
import reference_billed
import responses
import test_samples
import watching
from reference_billed import World, millis

SECRET = "a prompt that nobody may see"
ZONES = ("UTC", "Asia/Seoul", "America/New_York", "Asia/Kathmandu")
# Around both changes of New York's clocks in 2026, and around midnight in Seoul.
DAYS = ("2026-03-08", "2026-03-09", "2026-06-10", "2026-11-01", "2026-11-02")


def stamp(rnd: random.Random) -> str:
    minute = rnd.choice((0, 0, 14, 15, 30, 59, rnd.randrange(60)))
    second = rnd.choice((0, 59, rnd.randrange(60)))
    end = rnd.choice((".000Z", ".999Z", "Z" if second or minute else ".000Z", f".{rnd.randrange(1000):03d}Z"))
    return f"{rnd.choice(DAYS)}T{rnd.randrange(24):02d}:{minute:02d}:{second:02d}{end}"


def random_lines(rnd: random.Random, count: int, cwd, agent) -> bytes:
    out = []
    for _ in range(count):
        more = {"isSidechain": rnd.random() < 0.3}
        if cwd:
            more["cwd"] = cwd
        if agent and rnd.random() < 0.7:
            more["agentName"] = agent
        if rnd.randrange(5) == 0:
            out.append(records.line(records.user(stamp(rnd), SECRET, **more)) + b"\n")
            continue
        odd = rnd.randrange(40)
        when = "some time ago" if odd == 0 else "2026-06-10T12:00:00+09:00" if odd == 1 else stamp(rnd)
        ident = f"msg_{rnd.randrange(300) if odd > 1 else rnd.getrandbits(60)}"
        record = records.assistant(when, records.usage(rnd.randrange(99), rnd.randrange(50), rnd.randrange(99), rnd.randrange(999)),
                                   [{"type": "text", "text": SECRET}, {"type": "tool_use"}], rnd.choice(records.MODELS),
                                   id=ident, stop_reason=rnd.choice((None, "end_turn")), **more)
        if rnd.randrange(30) == 0:
            del record["timestamp"]
        if rnd.randrange(10) == 0:
            record["message"]["usage"]["iterations"] = [{"type": "advisor_message", "model": "adv"} | records.usage(3, 5, 7, 9)]
        out.append(records.line(record) + b"\n")
    return b"".join(out)


TOTALS = ("usage.json", "total_tokens", "cost_usd", "cache_hit_ratio")


def without_retained(document):
    """The document but for how many of its requests are in no file."""
    if isinstance(document, list):
        return [without_retained(x) for x in document]
    if not isinstance(document, dict):
        return document
    return {key: without_retained(value) for key, value in document.items() if key != "retainedRequests"}


class StatsTest(harness.MountTest):
    zone = "UTC"

    def world(self) -> World:
        return World([self.home.config], ZoneInfo(self.zone))

    def made_up(self, sessions: int = 14, lines: int = 40) -> None:
        self.rnd = random.Random(5)
        for i in range(sessions):
            parent = f"session-{i - 1:02d}" if i % 5 == 4 else ""
            path = self.home.path(f"-p-{i % 3}", f"agent-{i:02d}" if parent else f"session-{i:02d}", parent)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(random_lines(self.rnd, self.rnd.randrange(1, lines), (None, "/home/u/a", "/home/u/b")[i % 3],
                                          (None, "codex-worker")[i % 4 == 3]))

    # -- comparing

    def compare_row(self, got: dict, want: dict, note: str, counts=reference.KEYS) -> None:
        self.assertEqual({k: got[k] for k in counts}, {k: want[k] for k in counts}, note)
        self.assertEqual({k: got["billed"][k] for k in want["billed"]}, want["billed"], note)

    def compare_rows(self, document: dict, want: dict, note: str, counts=reference.KEYS) -> None:
        got = {row["key"]: row for row in document["rows"]}
        self.assertEqual([row["key"] for row in document["rows"]], [*sorted(k for k in want if k != "unknown"),
                         *(["unknown"] if "unknown" in want and counts is reference.KEYS and "unknown" in got else [])]
                         if counts is reference.KEYS else sorted(want), note)
        for key, row in got.items():
            is_rest = key == "unknown" and any(name in note for name in ("by-day", "by-week", "by-month", "by-hour"))
            self.compare_row(row, want[key], f"{note} {key}", reference.KEYS[:8] if is_rest else counts)

    def check_total(self, document: dict, world: World, since: str, until: str, note: str) -> None:
        self.compare_row(document["total"], world.total(since, until), note)
        costs = [Decimal(str(row["billed"].get("costUSD") or 0)) for row in document["rows"]]
        self.assertAlmostEqual(float(sum(costs)), float(document["total"]["billed"].get("costUSD") or 0), 6, note)

    def check(self, mount, world: World, folder: str = "stats", since: str = "", until: str = "") -> None:
        window = (since, until)
        for name, want in (("by-project", world.by_session(world.project, *window)),
                           ("by-agent", world.by_session(world.agent, *window)),
                           ("by-source", world.by_session(lambda sid: "claude", *window)),
                           ("by-day", world.by_time(world.day, *window)),
                           ("by-week", world.by_time(world.week, *window)),
                           ("by-month", world.by_time(world.month, *window)),
                           ("by-hour", world.by_time(world.hour, *window))):
            document = mount.json(f"{folder}/{name}.json")
            if since or until:
                want = {key: row for key, row in want.items() if key in {r["key"] for r in document["rows"]} or
                        row["billed"]["requests"] or row["startedAt"] or row["inputTokens"]}
            self.compare_rows(document, want, f"{folder} {name}")
            self.check_total(document, world, since, until, f"{folder} {name}")
        document = mount.json(f"{folder}/by-model.json")
        self.compare_rows(document, world.by_model(*window), f"{folder} by-model", reference_billed.COUNTS)
        self.check_total(document, world, since, until, f"{folder} by-model")
        self.check_blocks(mount.json(f"{folder}/blocks.json"), world, since, until)

    def check_blocks(self, document: dict, world: World, since: str, until: str) -> None:
        rows = [row for row in document["rows"] if row["key"] != "outside"]
        want = world.blocks(since, until)
        self.assertEqual([(millis(row["key"]), row["isGap"], millis(row["endTime"])) for row in rows],
                         [(block["start"], block["gap"], block["end"]) for block in want])
        for row, block in zip(rows, want):
            if block["gap"]:
                continue
            self.assertEqual((millis(row["firstRequest"]), millis(row["lastRequest"])), (block["first"], block["last"]))
            expected = reference_billed.billed(block["found"])
            self.assertEqual({k: row["billed"][k] for k in expected}, expected, row["key"])
        for key in reference_billed.COUNTS:
            self.assertEqual(sum(row[key] for row in document["rows"]), document["total"][key], key)
        self.assertEqual(sum(row["billed"]["requests"] for row in document["rows"]), document["total"]["billed"]["requests"])

    # -- tests

    def test_every_document_in_every_zone(self):
        self.made_up()
        for self.zone in ZONES:
            with self.home.mount("-o", f"tz={self.zone}") as mount:
                self.check(mount, self.world())

    def test_zone_of_the_environment(self):
        self.zone = "Asia/Seoul"
        self.made_up(4)
        with self.home.mount(environ={"TZ": "Asia/Seoul"}) as mount:
            self.compare_rows(mount.json("stats/by-day.json"), self.world().by_time(self.world().day), "by-day")

    def test_a_day_of_23_hours_and_one_of_25(self):
        self.zone = "America/New_York"
        lines = [records.assistant(f"{t}.000Z", records.usage(1), id=f"m{i}") for i, t in enumerate((
            "2026-03-08T04:59:59", "2026-03-08T05:00:00", "2026-03-08T06:30:00", "2026-03-08T07:30:00", "2026-03-09T03:59:59",
            "2026-03-09T04:00:00", "2026-11-01T04:00:00", "2026-11-01T05:30:00", "2026-11-01T06:30:00", "2026-11-02T04:59:59",
            "2026-11-02T05:00:00"))]
        self.home.transcript("-p", "s", lines)
        with self.home.mount("-o", "tz=America/New_York") as mount:
            days = {row["key"]: row["inputTokens"] for row in mount.json("stats/by-day.json")["rows"]}
            self.assertEqual(days, {"2026-03-07": 1, "2026-03-08": 4, "2026-03-09": 1, "2026-11-01": 4, "2026-11-02": 1})
            hours = [row["key"] for row in mount.json("stats/by-hour.json")["rows"]]
            self.assertEqual(hours[2:4], ["2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00"])
            self.assertEqual(hours[7:9], ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00"])
            self.check(mount, self.world())

    def test_weeks_and_months_are_those_of_their_windows(self):
        """At a year's end, at the ends of New York's clock changes, and where Samoa skipped a day: each row is what its window says."""
        times = ("2011-12-29T10:00:00", "2011-12-30T09:59:59", "2011-12-30T10:00:00", "2024-12-29T23:59:59", "2024-12-30T00:00:00",
                 "2024-12-31T12:00:00", "2025-01-01T04:59:59", "2025-01-01T05:00:00", "2026-03-08T04:59:59", "2026-03-09T03:59:59", "2026-03-09T04:00:00",
                 "2026-12-28T05:00:00", "2027-01-01T04:59:59", "2027-01-04T04:59:59", "2027-01-04T05:00:00")
        self.home.transcript("-p", "a", [records.assistant(f"{t}.000Z", records.usage(1 << i), id=f"m{i}") for i, t in enumerate(times)])
        self.home.transcript("-q", "b", [records.assistant(f"{t}.999Z", records.usage(1, 2), id=f"n{i}") for i, t in enumerate(times)])
        for self.zone in ("America/New_York", "Pacific/Apia", "Asia/Kathmandu"):
            with self.home.mount("-o", f"tz={self.zone}") as mount:
                for name in "by-day", "by-week", "by-month":
                    document = mount.json(f"stats/{name}.json")
                    self.compare_rows(document, {k: v for k, v in self.world().by_time(getattr(self.world(), name[3:])).items() if k[:4] != "2011"}
                                      | {row["key"]: row for row in document["rows"] if row["key"] == "outside"}, name)
                    rows = [row for row in document["rows"] if row["key"] != "outside"]
                    self.assertGreater(len(rows), 4)
                    for row in rows:
                        usage = mount.json(f"window/{row['key']}.json")
                        self.assertEqual({k: usage[k] for k in (*reference.KEYS, "billed")}, {k: row[k] for k in (*reference.KEYS, "billed")}, row["key"])
                        self.assertEqual(mount.json(f"stats/window/{row['key']}/{name}.json")["rows"], [row])

    def test_times_that_cannot_be_have_one_row(self):
        times = ["2026-06-10T01:00:00.000Z", None] + [f"{y:04d}-0{m}-01T00:00:00.000Z" for m in (1, 2) for y in range(1, 2020, 19)]
        times += [f"{y}-12-31T23:59:59.999Z" for y in range(2040, 10000, 31)] + ["2020-01-01T00:00:00.000Z", "2039-12-31T23:59:59.999Z"]
        lines = [records.assistant(at, records.usage(1, 2), id=f"msg_{i}") for i, at in enumerate(times)]
        for line in lines:
            if line["timestamp"] is None:
                del line["timestamp"]
        self.home.transcript("-p", "one", lines)
        with self.home.mount("-o", "tz=UTC") as mount:
            for name, at in ("by-day", "2026-06-10"), ("by-hour", "2026-06-10T01:00Z"), ("by-week", "2026-W24"), ("by-month", "2026-06"), ("blocks", None):
                document = mount.json(f"stats/{name}.json")
                rows = {row["key"]: row["inputTokens"] for row in document["rows"] if not row.get("isGap")}
                self.assertEqual(sum(rows.values()), len(times), name)
                self.assertEqual(sum(row["billed"]["requests"] for row in document["rows"]), len(times), name)
                if at is None:
                    self.assertEqual((len(rows), rows["outside"]), (4, len(times) - 3))
                    continue
                self.assertEqual((len(rows), rows["unknown"], rows["outside"]), (5, 1, len(times) - 4))
                self.assertEqual(rows[at], 1)
            window = mount.json("stats/window/0001-01-01_2020-01-01/by-day.json")["rows"]
            self.assertEqual([row["key"] for row in window], ["2020-01-01", "outside", "unknown"])

    def test_rows_of_many_requests_are_made_in_pieces(self):
        total = 0
        for i in range(12):
            lines = [records.assistant(f"2026-06-{1 + k % 28:02d}T{k % 24:02d}:00:01.000Z", records.usage(1, 2), id=f"msg_{i}_{k}") for k in range(2000)]
            self.home.transcript(f"-p{i % 3}", f"s{i}", lines)
            total += len(lines)
        with self.home.mount() as mount:
            mount.read("stats/by-source.json")  # now all is read, and no row of time is made
            names = ("by-day", "by-month", "by-hour", "blocks", "by-week")
            with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
                pending = [pool.submit(mount.json, f"stats/{name}.json") for name in names]
                for k in range(20):  # meanwhile
                    harness.append(self.home.path("-p0", "s0"), records.line(records.assistant(counts=records.usage(1, 2), id=f"msg_more_{k}")) + b"\n")
                    self.assertEqual(mount.json("sessions/s0/usage.json")["inputTokens"], 2001 + k)
                for document in [one.result() for one in pending] + [mount.json(f"stats/{name}.json") for name in names]:
                    rows = [row for row in document["rows"] if not row.get("isGap")]
                    self.assertEqual(sum(row["inputTokens"] for row in rows), document["total"]["inputTokens"])
                    self.assertEqual(sum(row["billed"]["requests"] for row in rows), document["total"]["billed"]["requests"])
                    self.assertNotIn("unknown", [row["key"] for row in rows])
                    self.assertNotIn("outside", [row["key"] for row in rows])
                self.assertEqual(document["total"]["inputTokens"], total + 20)

    def test_what_changes_is_followed(self):
        self.zone = "Asia/Kathmandu"
        self.made_up()
        paths = sorted(self.home.projects.rglob("*.jsonl"))
        # Without a cache what is deleted is gone.
        with self.home.mount("--no-cache", "-o", "tz=Asia/Kathmandu") as mount:
            self.check(mount, self.world())
            for step in range(8):
                path = self.rnd.choice(paths)
                harness.append(path, random_lines(self.rnd, self.rnd.randrange(1, 5), None, "late-worker"))
                if step == 2:
                    harness.append(path, random_lines(self.rnd, 1, None, None)[:-1])
                if step == 3:
                    harness.append(paths[0], b"\n" + random_lines(self.rnd, 2, "/home/u/c", None))
                if step == 4:
                    paths.pop(self.rnd.randrange(len(paths))).unlink()
                if step == 5:
                    paths[1].write_bytes(random_lines(self.rnd, 7, "/home/u/d", None))
                if step == 6:  # a copy elsewhere: two transcripts of one session
                    copy = self.home.path("-copy", paths[2].stem)
                    copy.parent.mkdir(parents=True)
                    copy.write_bytes(paths[2].read_bytes() + random_lines(self.rnd, 3, None, None))
                    paths.append(copy)
                self.check(mount, self.world())

    def test_what_is_kept_of_rows_is_what_they_are(self):
        """Rows keep their text and sums in groups: wherever one changes or comes between, all bytes are those of a first look."""
        self.made_up(6)
        names = ["stats/by-day.json", "stats/by-week.json", "stats/by-month.json", "stats/by-hour.json", "stats/blocks.json"]
        path = self.home.path("-p", "grows")
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.home.mount() as mount:
            for step in range(harness.by_effort(12, 40, 300)):
                new = f"2026-{self.rnd.choice((3, 6, 11)):02d}-{self.rnd.randrange(1, 29):02d}T{self.rnd.randrange(24):02d}:00:00.000Z"
                when = new if step % 3 == 0 else stamp(self.rnd)
                harness.append(path, records.line(records.assistant(when, records.usage(1), id=f"grown-{step}")) + b"\n")
                self.assertEqual([mount.read(name) for name in names], [mount.read(name) for name in names])
                self.assertEqual(b"".join(map(mount.read, names)), self.home.run("cat", "--no-cache", *names), step)

    def test_what_was_deleted_still_counts(self):
        self.made_up()
        names = [f"stats/by-{key}.json" for key in ("model", "day", "week", "month", "hour", "project", "agent", "source")] + ["stats/blocks.json"]
        with self.home.mount() as mount:
            self.check(mount, self.world())
            before = {name: without_retained(mount.json(name)) for name in names}
            for path in self.rnd.sample(sorted(self.home.projects.rglob("*.jsonl")), 3):
                path.unlink()
            self.assertEqual({name: without_retained(mount.json(name)) for name in names}, before)
        shutil.rmtree(self.home.okstra / "cache")
        with self.home.mount() as mount:
            self.assertEqual({name: without_retained(mount.json(name)) for name in names}, before)
            self.assertGreater(mount.json("stats/by-source.json")["total"]["billed"]["retainedRequests"], 0)

    def test_what_grows_between_looks(self):
        self.made_up(10, 120)
        with self.home.mount() as mount:
            self.check(mount, self.world())
            for path in sorted(self.home.projects.rglob("*.jsonl"))[:4]:
                harness.append(path, random_lines(self.rnd, 2, None, None))
                self.check(mount, self.world())

    def test_windows_part_the_totals(self):
        self.made_up()
        world = self.world()
        bounds = ["", "2026-03-08T06:59:59Z", "2026-03-09T04:00:00.000Z", "2026-06-10T11:30:00.500Z", ""]
        keys = ("requests", "inputTokens", "outputTokens", "cacheReadTokens")
        with self.home.mount() as mount:
            for since, until in (("2026-03-08T06:00:00.000Z", "2026-06-10T11:30:00Z"), ("2026-06-10T10:15:00Z", ""), ("", "2026-03-09T00:00:00Z"),
                                 ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z")):
                self.check(mount, world, f"stats/window/{since}_{until}", since, until)
            day = mount.json("stats/window/2026-06-10/by-hour.json")
            self.assertEqual(day["window"], {"since": "2026-06-10T00:00:00.000Z", "until": "2026-06-10T23:59:59Z"})
            # Stamps without a time are in every window: a tree without them parts exactly.
            for path in self.home.projects.rglob("*.jsonl"):
                timed = [line for line in path.read_bytes().splitlines(True) if b'"timestamp":"2026' in line and b"+09" not in line]
                path.write_bytes(b"".join(timed))
        shutil.rmtree(self.home.okstra)  # and without what was stored of those with them
        with self.home.mount() as mount:
            for name in ("by-model", "by-day", "by-week", "by-month", "by-hour", "by-project", "by-agent", "by-source", "blocks"):
                total = mount.json(f"stats/{name}.json")["total"]["billed"]
                sums = dict.fromkeys(keys, 0)
                for since, until in zip(bounds, bounds[1:]):
                    # `until` is included, so the next window begins behind it.
                    since = since.replace(".000Z", ".001Z").replace(".500Z", ".501Z").replace("59Z", "59Z") if since else since
                    if since == "2026-03-08T06:59:59Z":
                        since = "2026-03-08T07:00:00.000Z"
                    part = mount.json(f"stats/window/{since}_{until}/{name}.json")["total"]["billed"]
                    for key in keys:
                        sums[key] += part[key]
                self.assertEqual(sums, {key: total[key] for key in keys}, name)

    def test_window_folders(self):
        self.made_up(3)
        with self.home.mount() as mount:
            names = mount.names("stats/window")
            self.assertTrue({"today", "last-5h", "last-24h", "last-7d"} <= set(names), names)
            self.assertTrue(set(names) & set(DAYS), names)
            for name in names:
                self.assertEqual(len(mount.names(f"stats/window/{name}")), 13 + len(TOTALS))
            for name in ("2026-06-10.json", "nonsense", "2026-13-01", "a_b"):
                self.assertFalse(os.path.exists(mount.point / "stats/window" / name), name)
            self.assertEqual(mount.json("stats/window/2026-12-01_2026-01-01/by-model.json")["total"]["inputTokens"] >= 0, True)

    def check_everything(self, mount, world: World, folder: str, since: str, until: str) -> None:
        document = mount.json(f"{folder}usage.json")
        total = world.total(since, until)
        self.compare_row(document, total, folder)
        tokens = sum(total[key] for key in ("inputTokens", "outputTokens", "cacheCreationTokens"))
        self.assertEqual(mount.read(f"{folder}total_tokens"), b"%d\n" % tokens)
        cost = json.loads(mount.read(f"{folder}usage.json"), parse_float=str)["billed"]["costUSD"]
        self.assertEqual(mount.read(f"{folder}cost_usd").decode(), f"{'unknown' if cost is None else cost}\n")
        read, *rest = (total["billed"][key] for key in ("cacheReadTokens", "cacheCreationTokens", "inputTokens"))
        want = (Decimal(read) / (read + sum(rest))).quantize(Decimal("0.0001"), ROUND_HALF_UP) if read + sum(rest) else "unknown"
        self.assertEqual(mount.read(f"{folder}cache_hit_ratio").decode(), f"{want}\n")

    def test_everything_has_a_total(self):
        """Against the reference, at the top and in a window; the window's file at the top is the same document."""
        self.made_up(6)
        day = ("2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59.999Z")
        with self.home.mount() as mount:
            world = self.world()
            self.check_everything(mount, world, "", "", "")
            self.check_everything(mount, world, "stats/window/2026-06-10/", *day)
            self.assertEqual(mount.json("window/2026-06-10.json"), mount.json("stats/window/2026-06-10/usage.json"))
            for name in TOTALS:
                self.assertEqual(self.home.run("cat", name), mount.read(name))
            self.home.transcript("-new", "session-new", [records.assistant("2026-06-10T12:00:00.000Z", id="new")])
            self.check_everything(mount, self.world(), "", "", "")
            self.check_everything(mount, self.world(), "stats/window/2026-06-10/", *day)

    def test_the_part_that_the_cache_answered(self):
        """Of each request once, in every folder; unknown where there was no input. Watchers hear of it."""
        counts = ((100, 0, 0, None), (25, 900, 75, "0.8182"), (0, 0, 0, "0.8182"), (1, 4000, 0, "0.9606"))
        path = self.home.path("-p", "session")
        path.parent.mkdir(parents=True)
        path.write_bytes(records.line(records.assistant(counts=records.usage(0, 5), id="none", teamName="crew", agentName="lead")) + b"\n")
        places = ("", "sessions/session/", "projects/-p/", "teams/crew/", "teams/crew/members/lead/", "stats/window/2026-06-10/")
        with self.home.mount() as mount:
            self.assertEqual({mount.read(f"{place}cache_hit_ratio") for place in places}, {b"unknown\n"})
            watchers = [watching.Inotify(mount.point / f"{place}cache_hit_ratio") for place in places]
            with watching.started(watchers):
                for i, (fresh, read, write, want) in enumerate(counts):
                    before = [w.count for w in watchers]
                    line = records.line(records.assistant(counts=records.usage(fresh, 5, write, read), id=f"m{i}", teamName="crew", agentName="lead"))
                    harness.append(path, (line + b"\n") * 2)  # a response is logged twice and asked once
                    self.assertEqual({mount.read(f"{place}cache_hit_ratio").decode() for place in places}, {f"{want or '0.0000'}\n"})
                    if i != 2:
                        self.assertEqual(watching.unheard(watchers, before), [])
            self.assertEqual(mount.read("stats/window/2026-06-11/cache_hit_ratio"), b"unknown\n")
            for place in places:
                self.assertEqual(self.home.run("cat", f"{place}cache_hit_ratio"), mount.read(f"{place}cache_hit_ratio"))

    def test_watchers_of_everything(self):
        """Of a file, and of the folder of files that were looked up."""
        def one(number: int) -> dict:
            return records.assistant(id=f"m{number}", model="claude-opus-4-5", stop_reason="end_turn")
        path = self.home.transcript("-p", "s", [one(0)])
        with self.home.mount() as mount:
            files = [mount.point / name for name in TOTALS[:3]] + [mount.point / "stats/window/2026-06-10_/cost_usd"]
            for file in files:
                file.read_bytes()
            watchers = [watching.Inotify(file) for file in files] + [watching.Inotify(mount.point)]
            with watching.started(watchers):
                for number in (1, 2):
                    before = [w.count for w in watchers]
                    harness.append(path, records.line(one(number)) + b"\n")
                    self.assertEqual(watching.unheard(watchers, before), [])
                self.assertEqual(set(TOTALS[:3]) - {name for _, name in watchers[-1].events}, set())

    def test_an_active_block_says_where_it_leads(self):
        import datetime
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        first = now - datetime.timedelta(minutes=30)
        lines = [records.assistant(t.strftime("%Y-%m-%dT%H:%M:%S.000Z"), records.usage(300, 300), id=f"m{i}", stop_reason="end_turn")
                 for i, t in enumerate((first, first + datetime.timedelta(minutes=10), first + datetime.timedelta(minutes=20)))]
        self.home.transcript("-p", "s", lines)
        with self.home.mount() as mount:
            row = mount.json("stats/blocks.json")["rows"][-1]
            self.assertTrue(row["isActive"])
            self.assertEqual(row["burnRate"]["tokensPerMinute"], 90)
            left = row["projection"]["remainingMinutes"]
            self.assertTrue(4 * 60 - 31 <= left <= 5 * 60 - 29, left)
            self.assertEqual(row["projection"]["totalTokens"], 1800 + 90 * left)

    def test_the_same_after_a_restart_and_without_a_cache(self):
        self.made_up()
        names = [f"stats/{n}.json" for n in ("by-model", "by-day", "by-week", "by-month", "by-hour", "by-project", "by-agent", "by-source", "blocks")]
        names += [n.replace("stats/", "stats/window/2026-06-10_/") for n in names]
        with self.home.mount() as mount:
            first = [mount.read(name) for name in names]
        with self.home.mount() as mount:
            self.assertEqual([mount.read(name) for name in names], first)
        with self.home.mount("--no-cache") as mount:
            self.assertEqual([mount.read(name) for name in names], first)
        self.assertEqual(self.home.run("cat", *names), b"".join(first))
        self.assertEqual(self.home.run("cat", "--no-cache", *names), b"".join(first))
        self.assertNotIn(SECRET.encode(), b"".join(first))
        for cache in self.home.cache_files():
            self.assertNotIn(SECRET.encode(), cache.read_bytes())

    def grow(self, world: responses.World, rest: dict) -> None:
        """Some of the files, in any order, up to anywhere."""
        for name in self.rnd.sample(sorted(rest), min(len(rest), self.rnd.randrange(1, 4))):
            path = responses.path_of(Path(self.home.config), name)
            path.parent.mkdir(parents=True, exist_ok=True)
            end = self.rnd.choice((len(rest[name]), self.rnd.randrange(len(rest[name]) + 1)))
            harness.append(path, rest[name][:end])
            rest[name] = rest[name][end:]
            if not rest[name]:
                del rest[name]

    def test_responses_of_relays(self):
        for seed in range(1000, 1000 + (40 if os.environ.get("OKSTRAFS_LONG") else 4)):
            self.setUp()
            self.rnd = random.Random(seed)
            made = responses.World(seed)
            made.make()
            rest = {name: made.bytes_of(name) for name in made.files}
            with self.home.mount("--no-cache") as mount:
                while rest:
                    self.grow(made, rest)
                    self.check_sessions(mount, f"seed {seed}")
                paths = sorted(self.home.projects.rglob("*.jsonl"))
                paths.pop(self.rnd.randrange(len(paths))).unlink()
                self.check_sessions(mount, f"seed {seed} without one")
                lines = paths[0].read_bytes().splitlines(keepends=True)
                paths[0].write_bytes(b"".join(lines[len(lines) // 2:]))
                self.check_sessions(mount, f"seed {seed} without a head")
                self.check(mount, self.world())
                self.check_ledgers(mount)
            self.tearDown()
            self.doCleanups()

    def check_sessions(self, mount, note: str) -> None:
        for sid, row in self.world().by_session(lambda sid: sid).items():
            shown = mount.json(f"sessions/{sid}/usage.json")["billed"]
            self.assertEqual({key: shown[key] for key in row["billed"]}, row["billed"], f"{note} {sid}")

    # -- one session

    def ledger(self, mount, sid: str) -> list[dict]:
        return [json.loads(line) for line in mount.read(f"sessions/{sid}/ledger.jsonl").splitlines()]

    def check_ledgers(self, mount) -> None:
        """What the ledgers count is what is billed; offsets are those of the lines; every line is there."""
        world = self.world()
        keys = ("inputTokens", "outputTokens", "cacheCreation5mTokens", "cacheCreation1hTokens", "cacheReadTokens")
        billed, counted = {}, {}
        for sid, session in world.sessions.items():
            entries = self.ledger(mount, sid)
            heads = [e for e in entries if "path" in e]
            self.assertEqual(sorted(os.fsencode(h["path"]) for h in heads), sorted(os.fsencode(p) for p in session.paths))
            path = None
            for entry in entries:
                if "path" in entry:
                    path = entry["path"]
                    continue
                if entry["messageId"]:
                    with open(path, "rb") as file:
                        file.seek(entry["offset"])
                        self.assertIn(entry["messageId"].encode(), file.readline())
                if entry["verdict"] == "counted":
                    owner = world.of_path[entry.get("for", path)]
                    sums = counted.setdefault(owner, dict.fromkeys(keys, 0))
                    for key in keys:
                        sums[key] += entry[key]
            logged = sum(len(list(reference_billed.lines_of(p))) for p in session.paths)
            self.assertEqual(len([e for e in entries if e.get("kind", "other") != "other"]), logged, sid)
            shown = mount.json(f"sessions/{sid}/usage.json")["billed"]
            billed[sid] = {key: shown[key] for key in keys}
        zero = dict.fromkeys(keys, 0)
        self.assertEqual({sid: counted.get(sid, zero) for sid in billed}, billed)

    def test_ledgers_add_up(self):
        self.made_up()
        with self.home.mount() as mount:
            self.check_ledgers(mount)
            for path in sorted(self.home.projects.rglob("*.jsonl"))[:3]:
                harness.append(path, random_lines(self.rnd, 3, None, None)[:-1])
                self.check_ledgers(mount)
            for sid in self.world().sessions:
                self.assertNotIn(SECRET.encode(), mount.read(f"sessions/{sid}/ledger.jsonl"))

    def test_what_a_ledger_says_of_each_line(self):
        one = records.assistant("2026-06-10T01:00:00.000Z", records.usage(1, 2), id="m1")
        more = records.assistant("2026-06-10T01:00:01.000Z", records.usage(1, 9), id="m1")
        error = records.assistant("2026-06-10T01:00:02.000Z", model="<synthetic>", id="m2")
        path = self.home.transcript("-p", "a", [one, more, error, records.user("2026-06-10T01:00:03.000Z")])
        self.home.transcript("-p", "fork", [one, more, records.assistant("2026-06-10T02:00:00.000Z", id="m3")])
        with self.home.mount() as mount:
            got = [(e["verdict"], e["why"]) for e in self.ledger(mount, "a")[1:]]
            self.assertEqual(got, [("merged", "another line of this response counts"), ("counted", None), ("dropped", "synthetic")])
            *copies, own = self.ledger(mount, "fork")[1:]
            for copy in copies:
                self.assertEqual((copy["verdict"], copy["why"], copy["for"]), ("dropped", "duplicate", str(path)))
                self.assertEqual(copy["into"], {"transcript": str(path), "offset": len(records.line(one)) + 1})
            self.assertEqual(own["verdict"], "counted")

    def test_context(self):
        def compaction(stamp: str, tokens: int, kind: str, trigger: str) -> dict:
            key = "microcompactMetadata" if kind == "micro" else "compactMetadata"
            subtype = "microcompact_boundary" if kind == "micro" else "compact_boundary"
            return {"type": "system", "subtype": subtype, "timestamp": stamp, key: {"trigger": trigger, "preTokens": tokens}}

        lines = [records.assistant("2026-06-10T01:00:00.000Z", records.usage(5, 1, 50_000, 100_001), model="claude-sonnet-4-5", id="m1"),
                 records.assistant("2026-06-10T01:01:00.000Z", records.usage(9, 1), model="claude-haiku-4-5", id="m2", isSidechain=True)]
        path = self.home.transcript("-p", "s", lines)
        self.home.transcript("-p", "strange", [records.assistant("2026-06-10T01:00:00.000Z", records.usage(22_400), model="made-up")])
        self.home.transcript("-p", "empty", [records.user()])
        with self.home.mount() as mount:
            shown = mount.json("sessions/s/context.json")
            self.assertEqual([shown[k] for k in ("t", "model", "occupancyTokens", "contextLimit", "contextLimitKnown", "ratio",
                                                 "threshold", "shouldCompact", "compactedSince", "compactions")],
                             ["2026-06-10T01:00:00.000Z", "claude-sonnet-4-5", 150_006, 200_000, True, 0.75, 0.7, True, False, []])
            shown = mount.json("sessions/strange/context.json")
            self.assertEqual([shown[k] for k in ("contextLimit", "contextLimitKnown", "ratio", "shouldCompact")], [32_000, False, 0.7, False])
            self.assertIsNone(mount.json("sessions/empty/context.json")["occupancyTokens"])
            compactions = [compaction("2026-06-10T01:02:00.000Z", 150_006, "full", "auto"),
                           compaction("2026-06-10T01:03:00.000Z", 7, "micro", SECRET)]
            harness.append(path, b"".join(records.line(one) + b"\n" for one in compactions))
            shown = mount.json("sessions/s/context.json")
            want = [{"t": "2026-06-10T01:02:00.000Z", "kind": "full", "trigger": "auto", "tokensBefore": 150_006},
                    {"t": "2026-06-10T01:03:00.000Z", "kind": "micro", "trigger": "other", "tokensBefore": 7}]
            self.assertEqual((shown["compactions"], shown["compactedSince"], shown["shouldCompact"]), (want, True, False))
            harness.append(path, records.line(records.assistant("2026-06-10T01:04:00.000Z", records.usage(30), id="m4")) + b"\n")
            shown = mount.json("sessions/s/context.json")
            self.assertEqual((shown["occupancyTokens"], shown["compactedSince"], shown["compactions"]), (30, False, want))
            bytes_now = mount.read("sessions/s/context.json")
        with self.home.mount() as mount:
            self.assertEqual(mount.read("sessions/s/context.json"), bytes_now)
        self.assertEqual(self.home.run("cat", "--no-cache", "sessions/s/context.json"), bytes_now)

    def test_real_transcripts(self):
        samples = records.samples()
        if not samples:
            self.skipTest("no samples")
        test_samples.lay_out(samples, self.home.projects)
        self.zone = "Asia/Seoul"
        world = self.world()
        with self.home.mount("-o", "tz=Asia/Seoul") as mount:
            self.check(mount, world)
            self.check_ledgers(mount)
            self.check(mount, world, "stats/window/2025-07-01T10:00:00.000Z_2026-01-15T12:34:56Z", "2025-07-01T10:00:00.000Z",
                       "2026-01-15T12:34:56Z")


if __name__ == "__main__":
    harness.main(__name__)
