"""The names in a window/ folder, read a second time: what include/okstrafs/window.h promises, in Python.

parse(name, now_ms) gives (since, until, relative), each bound a stamp string or "" for open, or None where the name
is no window.
"""

import re
from datetime import datetime, timedelta, timezone
from typing import Optional

_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.A)
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?(Z|[+-]\d\d:\d\d)", re.A)
_EPOCH = re.compile(r"@(\d{1,12})", re.A)
_AGO = re.compile(r"-(\d{1,9})([mhd])", re.A)
_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PRESETS = {"last-5h": "-5h", "last-24h": "-24h", "last-7d": "-7d"}
_EPOCH_DAY = datetime(1970, 1, 1)


def instant_text(ms: int, millis: bool = True) -> Optional[str]:
    """UTC in the collector's form; None outside the years 1 to 9999."""
    try:
        when = _EPOCH_DAY + timedelta(milliseconds=ms)
    except OverflowError:
        return None
    # Not strftime: it does not pad a year below 1000 everywhere.
    text = when.isoformat(timespec="milliseconds" if millis else "seconds")
    return text + "Z"


def _unescape(name: str) -> Optional[str]:
    out = bytearray()
    raw = name.encode("utf-8", "surrogateescape")
    i = 0
    while i < len(raw):
        if raw[i] != ord("%"):
            out.append(raw[i])
            i += 1
            continue
        digits = raw[i + 1 : i + 3]
        if not re.fullmatch(rb"[0-9A-Fa-f]{2}", digits):
            return None
        out.append(int(digits, 16))
        i += 3
    return out.decode("utf-8", "surrogateescape")


def _day(text: str, end: bool) -> Optional[str]:
    match = _DAY.fullmatch(text)
    if not match:
        return None
    try:
        datetime(*map(int, match.groups()))
    except ValueError:
        return None
    return text + ("T23:59:59Z" if end else "T00:00:00.000Z")


def _time(text: str) -> Optional[str]:
    match = _TIME.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute = map(int, match.groups()[:5])
    second, fraction, zone = match.group(6), match.group(7), match.group(8)
    try:
        when = datetime(year, month, day, hour, minute, int(second or 0))
        if zone != "Z":
            hours, minutes = int(zone[1:3]), int(zone[4:6])
            if hours > 23 or minutes > 59:
                return None
            offset = timedelta(hours=hours, minutes=minutes)
            when += -offset if zone[0] == "+" else offset
    except (ValueError, OverflowError):
        return None
    return when.isoformat(timespec="seconds") + (f".{fraction}" if fraction else "") + "Z"


def _bound(text: str, now_ms: int, end: bool) -> Optional[tuple[str, bool]]:
    if text == "":
        return "", False
    if text == "now":
        ago = 0
    elif match := _AGO.fullmatch(text):
        ago = int(match.group(1)) * _UNITS[match.group(2)]
    elif match := _EPOCH.fullmatch(text):
        stamp = instant_text(int(match.group(1)) * 1000, millis=False)
        return (stamp, False) if stamp else None
    else:
        stamp = _day(text, end) or _time(text)
        return (stamp, False) if stamp else None
    stamp = instant_text(now_ms - ago)
    return (stamp, True) if stamp else None


def parse(name: str, now_ms: int) -> Optional[tuple[str, str, bool]]:
    plain = _unescape(name)
    if plain is None or not plain.endswith(".json"):
        return None
    plain = plain[: -len(".json")]
    if plain == "today":
        today = instant_text(now_ms)[:10]
        return _day(today, False), _day(today, True), True
    if plain in _PRESETS:
        return _bound(_PRESETS[plain], now_ms, False)[0], "", True
    if plain.count("_") == 0:
        since, until = _day(plain, False), _day(plain, True)
        return (since, until, False) if since else None
    if plain.count("_") != 1:
        return None
    left, right = plain.split("_")
    since, until = _bound(left, now_ms, False), _bound(right, now_ms, True)
    if since is None or until is None:
        return None
    return since[0], until[0], since[1] or until[1]


def now_ms() -> int:
    return int(datetime.now(timezone.utc).timestamp() * 1000)
