"""The names in a window/ folder, read a second time: what include/okstrafs/window.h promises, in Python.

parse(name, now_ms, zone) gives (since, until, relative), each bound a stamp string or "" for open, or None where the
name is no window. A zone is a tzinfo. Days are counted from 1970-01-01.
"""

import functools
import re
from datetime import date, datetime, timedelta, timezone
from typing import Optional

_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.A)
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?(Z|[+-]\d\d:\d\d)", re.A)
_EPOCH = re.compile(r"@(\d{1,12})", re.A)
_AGO = re.compile(r"-(\d{1,9})([mhd])", re.A)
_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PRESETS = {"last-5h": "-5h", "last-24h": "-24h", "last-7d": "-7d", "last-30d": "-30d"}
PRESETS = ("today", "yesterday", "this-week", "this-month", *_PRESETS)
_EPOCH_DAY = datetime(1970, 1, 1)
_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST, _LAST = (day.toordinal() - _ORDINAL for day in (date.min, date.max))
_DAY_S = 86400


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


# --- days -----------------------------------------------------------------------------------------------------------


def _local_date(seconds: int, zone) -> int:
    """The date that clocks show."""
    inside = min(max(seconds, (_FIRST + 3) * _DAY_S), (_LAST - 3) * _DAY_S)  # where datetime can say the offset
    offset = (_EPOCH_DAY + timedelta(seconds=inside)).replace(tzinfo=timezone.utc).astimezone(zone).utcoffset()
    return (seconds + int(offset.total_seconds())) // _DAY_S


@functools.lru_cache(maxsize=1 << 16)
def day_start(day: int, zone) -> int:
    """The first second at which clocks show that date or a later one: found by looking at them every few minutes."""
    if zone is timezone.utc:
        return day * _DAY_S
    step = 900
    at = day * _DAY_S - 28 * 3600
    while _local_date(at, zone) < day:
        at += step
    low, high = at - step, at
    while high - low > 1:
        mid = (low + high) // 2
        low, high = (mid, high) if _local_date(mid, zone) < day else (low, mid)
    return high


def day_of(seconds: int, zone) -> int:
    """The last day that has begun: where clocks go back over midnight, the date they show is not it."""
    day = _local_date(seconds, zone)
    while day_start(day + 1, zone) <= seconds:
        day += 1
    return day


def _cut(seconds: int) -> int:
    """What the calendar has."""
    return min(max(seconds, _FIRST * _DAY_S), (_LAST + 1) * _DAY_S - 1)


def span(first: int, end: int, zone) -> tuple[str, str]:
    """From the first instant of a day to the last second before another one."""
    return instant_text(_cut(day_start(first, zone)) * 1000), instant_text(_cut(day_start(end, zone) - 1) * 1000, millis=False)


def number(day: date) -> int:
    return day.toordinal() - _ORDINAL


def text_of(day: int) -> str:
    return date.fromordinal(day + _ORDINAL).isoformat()


def week_of(day: int) -> int:
    """Its Monday."""
    return day - date.fromordinal(day + _ORDINAL).weekday()


def _month(year: int, month: int) -> tuple[int, int]:
    first = number(date(year, month, 1))
    return first, number(date(year, month, 28) + timedelta(days=4)) - (date(year, month, 28) + timedelta(days=4)).day + 1


def _period(text: str) -> Optional[tuple[int, int]]:
    """The first day, and the day behind, of a day, a week or a month."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.A):
            day = number(date.fromisoformat(text))
            return day, day + 1
        if re.fullmatch(r"\d{4}-W\d\d", text, re.A):
            monday = number(date.fromisocalendar(int(text[:4]), int(text[6:]), 1))
            return monday, monday + 7
        if re.fullmatch(r"\d{4}-\d\d", text, re.A):
            if text == "9999-12":
                return number(date(9999, 12, 1)), _LAST + 1
            return _month(int(text[:4]), int(text[5:]))
    except ValueError:
        pass
    return None


def _zoned(text: str, zone):
    return (text[:-1], timezone.utc) if text.endswith("Z") else (text, zone)


def _day(text: str, end: bool, zone) -> Optional[str]:
    plain, zone = _zoned(text, zone)
    days = _period(plain) if _DAY.fullmatch(plain) else None
    return span(*days, zone)[end] if days else None


def _current(name: str, now_ms: int, zone) -> Optional[tuple[str, str]]:
    now = now_ms // 1000
    if not _FIRST <= now // _DAY_S <= _LAST:
        return None
    today = day_of(now, zone)
    if not _FIRST <= today <= _LAST:
        return None
    if name == "today":
        return span(today, today + 1, zone)
    if name == "yesterday":
        before = day_of(day_start(today, zone) - 1, zone)
        return span(before, before + 1, zone)
    if name == "this-week":
        return span(week_of(today), week_of(today) + 7, zone)
    when = date.fromordinal(today + _ORDINAL)
    return span(*_period(f"{when.year:04d}-{when.month:02d}"), zone)


# --- names ----------------------------------------------------------------------------------------------------------


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


def _bound(text: str, now_ms: int, end: bool, zone) -> Optional[tuple[str, bool]]:
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
        stamp = _day(text, end, zone) or _time(text)
        return (stamp, False) if stamp else None
    stamp = instant_text(now_ms - ago)
    return (stamp, True) if stamp else None


def parse(name: str, now_ms: int, zone=timezone.utc) -> Optional[tuple[str, str, bool]]:
    plain = _unescape(name)
    if plain is None or not plain.endswith(".json"):
        return None
    plain = plain[: -len(".json")]
    if plain in _PRESETS:
        return _bound(_PRESETS[plain], now_ms, False, zone)[0], "", True
    if plain in PRESETS:
        bounds = _current(plain, now_ms, zone)
        return (*bounds, True) if bounds else None
    if plain.count("_") == 0:
        text, zone = _zoned(plain, zone)
        days = _period(text)
        return (*span(*days, zone), False) if days else None
    if plain.count("_") != 1:
        return None
    left, right = plain.split("_")
    since, until = _bound(left, now_ms, False, zone), _bound(right, now_ms, True, zone)
    if since is None or until is None:
        return None
    return since[0], until[0], since[1] or until[1]


def now_ms() -> int:
    return int(datetime.now(timezone.utc).timestamp() * 1000)
