"""Stamps, durations, windows, names and event sums against Python: diff_leaves.py --dump leaf_dump [--rounds N] [--seed S]

Asks leaf_dump the questions of every kind, some chosen for their edges and many at random, and compares each answer with
what Python's datetime, str.lower and a plain loop say.
"""

import argparse
import hashlib
import random
import re
import subprocess
import sys
from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import reference
import reference_window

EPOCH = datetime(1970, 1, 1)
NOW = 1_781_053_200_123
STAMPS = (
    "2026-06-10T01:00:00.123Z", "2026-06-10T01:00:00Z", "2026-06-10T01:00:00.12Z", "2026-06-10T01:00:00.1234567Z", "2026-06-10",
    "2026-06-10T", "2026-06-10T01", "2026-06-10T01:00", "2026-06-10 01:00:00", "20260610T010000Z", "20260610", "2026-W24-3", "2026W243",
    "2026-W24", "2026W24", "2026-W53-1", "2020-W53-7", "2026-W00-1", "2026-W24-0", "2026-W24-8", "2026-W24-3T10:00Z", "2026-161", "2026-06-10T24:00:00Z", "2026-06-10T23:59:60Z",
    "2026-06-10T01:00:00+09:00", "2026-06-10T01:00:00-09:30", "2026-06-10T01:00:00+0900", "2026-06-10T01:00:00+09", "2026-06-10T01:00:00+09:00:30",
    "2026-06-10T01:00:00+09:00:30.5", "2026-06-10T01:00:00+09:00:30.123456", "2026-06-10T01:00:00-00:00", "2026-06-10T01:00:00+23:59", "2026-06-10T01:00:00+24:00", "2026-06-10T01:00:00-24:00",
    "2026-06-10T01:00:00,5Z", "2026-06-10T01:00:00.Z", "2026-06-10T01:00:00.+00:00", "2026-06-10T01:00:00ZZ", "2026-06-10T01:00:00z", "2026-06-10t01:00:00Z", "Z", "ZZ", "", "2026-02-29T00:00:00Z",
    "2024-02-29T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2026-6-10T01:00:00Z",
    "2026-06-10T01:00:00.123456Z", "2026-06-10T01:00:00.999999999Z", "2026-06-10T01:00:00 Z", " 2026-06-10T01:00:00Z", "2026-06-10T01:00:00Z ", "２０２６-06-10T01:00:00Z",
    "2026-06-10é01:00:00Z", "2026-06-10🚀01:00:00Z", "2026-06-10T0100Z", "2026-06-10T01:0000Z", "20260610T01:00:00Z", "2026-06-10T010000.5Z", "2026-0610", "202606-10", "2026-06-10Z", "2026-06-10+09:00", "2026Z06-10",
    "2026-06-10T01:00:00+09:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-026-06-10T01:00:00Z", "2026-06-10T-1:00:00Z", "2026-06-10T01:00:00.12345678901234567890Z", "2026-W24-3Z", "2026-06-10T01Z",
    "2026-06-10T01:00:00+00:00:00.000001", "2026-06-10T01:00:00+00:00:00.0000001", "2026-06-10T01:00:00.5+09", "2026-06-10T01:00:00.1-0930", "1969-12-31T23:59:59.999Z", "1582-10-15T00:00:00Z")
PIECES = ("2026", "-", "06", "10", "T", ":", "01", "00", ".", ",", "123", "Z", "+", "09", "W24", "3", " ", "0", "é", "59", "23", "24", "60", "1234567", "W53", "99", "00:00")
NAMES = ("okstra-T1", "", "ΑΣ", "ΑΣ ", "ΣΑ", "Σ", "ΑΣΑ", "ΑΣ'", "ΑΣ'Α", "Α'Σ", "ÄÖÜẞ", "İstanbul", "I", "ǅ", "ÀÉ", "Ⱥ", "ꭰᎠ", "𐐀", "𞤀", "K", "Å", "Ω", "ᲐႠ", "Ⅷ", "Ⓐ", "Ａ", "\u0345Σ", "Α\u0345Σ",
         "Α\u0301Σ", "ΑΣ\u0301", "ΑΣ\u00adΑ", "A.ΣB", "A.Σ", "\ufffd", "\u200b", "🚀", ".", "..", ".hidden", "a/b", "a\0b", "100%", "\x7f", "\n", "a" * 255, "a" * 256, "é" * 128, "%" * 85, "%" * 86, "/" * 85 + "a", "日" * 85)


def hexed(raw) -> str:
    raw = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    return raw.hex() if raw else "-"


# --- what Python says -----------------------------------------------------------------------------------------------


def micros(stamp: str) -> str:
    try:
        when = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return "none"
    aware = when.utcoffset() is not None
    if aware:
        since = when.replace(tzinfo=None) - EPOCH - when.utcoffset()
    else:
        since = when - EPOCH
    return f"{(since.days * 86400 + since.seconds) * 10**6 + since.microseconds} {int(aware)}"


ZONES = {name: ZoneInfo(name) for name in (
    "Asia/Seoul", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "America/St_Johns",
    "Pacific/Kiritimati")} | {"UTC": timezone.utc}


def window(name: str, now: int, zone) -> str:
    parsed = reference_window.parse(name, now, zone)
    return f"{parsed[0]}|{parsed[1]}|{int(parsed[2])}" if parsed else "none"


HIDDEN = "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"


def escape(raw: bytes) -> bytes:
    text = raw.decode("utf-8", "surrogateescape")
    units = []
    for i, char in enumerate(text):
        if 0xDC80 <= ord(char) <= 0xDCFF:
            units.append(b"%%%02X" % (ord(char) - 0xDC00))
        elif char in "/%" or re.match(HIDDEN, char) or (char == "." and i == 0):
            units += [b"%%%02X" % byte for byte in char.encode()]
        else:
            units.append(char.encode())
    whole = b"".join(units) or b"%"
    if len(whole) <= 255:
        return whole
    kept = b""
    for unit in units:
        if len(kept) + len(unit) > 255 - 17:
            break
        kept += unit
    return kept + b"~" + hashlib.sha256(raw).hexdigest()[:16].encode()


class Events:
    def __init__(self):
        self.events = []

    def totals(self, since: str, until: str) -> str:
        kept = [e for e in self.events if reference.in_window(e[0], since, until)]
        stamps = [e[0].encode() for e in kept if e[0]]
        sums = [reference.saturating(e[1][i] for e in kept) for i in range(7)]
        ends = (min(stamps), max(stamps)) if stamps else (b"", b"")
        return " ".join(map(str, sums + [reference.saturating(sums[:3]), len(kept), len(stamps)])) \
            + f" {hexed(ends[0])} {hexed(ends[1])}"

    def days(self, zone, first: int, end: int) -> str:
        stamps = {e[0].encode() for e in self.events if e[0]}
        out = ""
        for day in range(first, end):
            since, until = map(str.encode, reference_window.span(day, day + 1, zone))
            out += f"{day} " if any(since <= stamp <= until for stamp in stamps) else ""
        return out


# --- questions ------------------------------------------------------------------------------------------------------


class Asker:
    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.asked: list[tuple[str, str, str]] = []  # question, answer wanted, in words

    def ask(self, question: str, answer, words="") -> None:
        self.asked.append((question, str(answer), words))

    def stamp(self) -> str:
        rand = self.random
        pick = rand.random()
        if pick < 0.5:
            when = datetime(2026, 6, 10) + (datetime(2026, 6, 13) - datetime(2026, 6, 10)) * rand.random()
            digits = rand.choice(("milliseconds", "milliseconds", "milliseconds", "seconds", "microseconds", "minutes"))
            return when.isoformat(timespec=digits) + rand.choice(("Z", "Z", "Z", "Z", "", "+00:00", "-05:30"))
        if pick < 0.6:
            return rand.choice(STAMPS)
        if pick < 0.75:
            return "".join(rand.choices(PIECES, k=rand.randrange(1, 16)))
        text = list(rand.choice(STAMPS[:60]))
        for _ in range(rand.randrange(1, 3)):
            at = rand.randrange(len(text) + 1)
            if rand.random() < 0.5:
                text[at:at] = rand.choice(PIECES)[: rand.randrange(1, 3)]
            else:
                del text[at : at + 1]
        return "".join(text)

    def stamps(self, rounds: int) -> None:
        for a in STAMPS:
            self.ask(f"m {hexed(a)}", micros(a), a)
        for _ in range(rounds):
            a, b = self.stamp(), self.stamp()
            self.ask(f"m {hexed(a)}", micros(a), a)
            self.ask(f"t {hexed(a)}", hexed(a), a)
            self.ask(f"d {hexed(a)} {hexed(b)}", reference.duration_ms(a, b), f"{a} {b}")
            if a and b:
                self.ask(f"c {hexed(a)} {hexed(b)}", (a.encode() > b.encode()) - (a.encode() < b.encode()), f"{a} {b}")

    def bound(self) -> str:
        rand = self.random
        pick = rand.random()
        if pick < 0.5:
            return self.stamp()
        if pick < 0.6:
            return f"-{rand.randrange(10**rand.randrange(1, 9))}{rand.choice('mhds')}"
        if pick < 0.7:
            return f"@{rand.randrange(10**rand.randrange(1, 12))}"
        return rand.choice(("", "", "now", "today", "2026-06-10", "2024-02-29", "2026-02-29", "0001-01-01", "9999-12-31", "0000-01-01",
                            "2026-06-10T01:00Z", "2026-06-10T01:00+09:00", "9999-12-31T23:59-00:01", "0001-01-01T00:00+00:01", "-0d", "--1d", "-d", "+1d", "@", "@-1", "@1.5"))

    def period(self) -> str:
        rand = self.random
        year = rand.choice((2026, 2026, 2011, 2011, 2024, 2020, 1999, 1, 9999, 0, rand.randrange(10000)))
        text = rand.choice((f"{year:04d}-{rand.randrange(14):02d}", f"{year:04d}-W{rand.choice((0, 1, 2, 52, 53, 54, rand.randrange(60))):02d}",
                            f"{year:04d}-{rand.randrange(1, 13):02d}-{rand.randrange(1, 32):02d}", "2011-12-30", "2011-12-31", "2026-03-08", "2026-11-01"))
        return text + rand.choice(("", "", "", "Z", "Z", "ZZ", "z", "-"))

    def name(self) -> str:
        rand = self.random
        name = rand.choice((*reference_window.PRESETS, "last-6h", "Today", "this-year", "tomorrow", self.bound(), self.period(), self.period(), self.period(), *(f"{self.bound()}_{self.bound()}" for _ in range(8))))
        name += ".json" if rand.random() < 0.95 else rand.choice(("", ".JSON", ".json.json", "json", ".jso"))
        if rand.random() < 0.2:
            name = "".join(f"%{ord(c):02x}" if ord(c) < 128 and rand.random() < 0.3 else c for c in name)
        if rand.random() < 0.03:
            name = name.replace("-", "%", 1)
        return name

    def windows(self, rounds: int) -> None:
        for _ in range(rounds):
            name = self.name()
            if "\0" in name or len(name.encode()) > 255:
                continue
            now = NOW + self.random.choice((0, 1, 999, self.random.randrange(3 * 10**10), 10**11, -10**12, -62 * 10**12, 25 * 10**13))
            if self.random.random() < 0.1:  # around the day that Samoa skipped
                now = 1_325_239_200_000 + self.random.randrange(-4, 4) * 12 * 3_600_000
            zone = self.random.choice(list(ZONES))
            self.ask(f"w {now} {hexed(zone)} {hexed(name)}", window(name, now, ZONES[zone]), f"{name} at {now} in {zone}")

    def names(self, rounds: int) -> None:
        for char in range(0x110000):
            if not 0xD800 <= char <= 0xDFFF and (char < 0x3000 or chr(char).lower() != chr(char) or char % 97 == 0):
                text = chr(char)
                self.ask(f"f {hexed(text)}", hexed(text.lower()), f"U+{char:04X}")
                self.ask(f"x {hexed(text)}", hexed(escape(text.encode())), f"U+{char:04X}")
        for _ in range(rounds):
            raw = "".join(self.random.choices(NAMES, k=self.random.randrange(1, 5))).encode()
            raw = bytearray(raw[: self.random.choice((10, 300, 1000))])
            if self.random.random() < 0.3 and raw:
                raw[self.random.randrange(len(raw))] = self.random.randrange(256)
            raw = bytes(raw)
            self.ask(f"f {hexed(raw)}", reference.fold(raw).encode().hex(), repr(raw))
            self.ask(f"x {hexed(raw)}", hexed(escape(raw)), repr(raw))

    def sums(self, rounds: int) -> None:
        rand = self.random
        for size in (0, 1, 2, 63, 64, 65, 300, 1000):
            self.ask("r", "")
            events = Events()
            pool = [self.stamp() for _ in range(max(size, 1))]
            if rand.random() < 0.5:
                pool.sort()
            for i in range(size):
                stamp = rand.choice(("", pool[i], pool[i], pool[i], rand.choice(pool)))
                counts = [rand.choice((0, 1, rand.randrange(10**6), 2**63 - 1 if rand.random() < 0.01 else 7)) for _ in range(7)]
                events.events.append((stamp, counts))
                self.ask(f"e {hexed(stamp)} {' '.join(map(str, counts))}", "")
                if rand.random() < 0.2:
                    self.query(events, pool)
            for _ in range(rounds // 20):
                self.query(events, pool)
            for name, zone in ZONES.items():
                first = reference_window.number(date(2026, 6, 1)) + rand.randrange(12)
                self.ask(f"y {hexed(name)} {first} {first + 12}", events.days(zone, first, first + 12), f"days in {name}")

    def query(self, events: Events, pool: list[str]) -> None:
        since, until = (self.random.choice(("", self.random.choice(pool), self.stamp())) for _ in range(2))
        self.ask(f"q {hexed(since)} {hexed(until)}", events.totals(since, until), f"window {since!r} {until!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dump", required=True, help="the leaf_dump executable")
    parser.add_argument("--rounds", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print("TAP version 13")
    wrong = 0
    parts = ("stamps", "windows", "names", "sums")
    for number, part in enumerate(parts, 1):
        asker = Asker(args.seed)
        getattr(asker, part)(args.rounds)
        questions = "".join(q + "\n" for q, _, _ in asker.asked)
        done = subprocess.run([args.dump], input=questions, stdout=subprocess.PIPE, text=True, timeout=300)
        answers = done.stdout.split("\n")[:-1]
        found = [(w, want, got) for (_, want, w), got in zip(asker.asked, answers) if want != got]
        if done.returncode or len(answers) != len(asker.asked):
            found.append(("exit", 0, done.returncode))
        for words, want, got in found[:20]:
            print(f"# {words}: python {want!r}, okstrafs {got!r}")
        print(f"{'not ok' if found else 'ok'} {number} - {part}: {len(asker.asked)} questions, {len(found)} differ", flush=True)
        wrong += len(found)
    print(f"1..{len(parts)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
