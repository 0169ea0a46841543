"""Lines that a scanner gets wrong: valid records bent in every way that a JSON reader has to have an opinion on.

Three generators, all deterministic for a seed:
  borders()    puts each item (multi-byte characters whole and broken, escapes, runs of backslashes, control
               characters, quotes) so that it begins at every offset of a 64-byte block
  literals()   numbers, depths and literals at their limits, one by one, wherever a value can stand
  Mutator      random trees, written with random spelling (escaped keys, white space, repeated keys), then bent bytewise

A record is held as pairs instead of a dict, so that keys can be repeated; Raw is written as it stands.
"""

import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import records  # noqa: E402


class Raw(bytes):
    """Bytes that the writer copies."""


class Pairs(list):
    """An object: (key, value) pairs."""


def pairs_of(value):
    if isinstance(value, dict):
        return Pairs((key, pairs_of(v)) for key, v in value.items())
    if isinstance(value, list):
        return [pairs_of(v) for v in value]
    return value


NUMBERS = tuple(map(Raw, (
    b"0", b"-0", b"1", b"-1", b"00", b"01", b"-01", b"+1", b"1.", b".5", b"0.5", b"-0.0", b"1e5", b"1E+5", b"1e-5", b"1e",
    b"1e+", b"1.5e3", b"0e0", b"0x10", b"1e999", b"-1e999", b"9223372036854775807", b"9223372036854775808",
    b"18446744073709551615", b"18446744073709551616", b"-9223372036854775808", b"123456789012345678901234567890",
    b"00000000000000000001", b"NaN", b"-NaN", b"Infinity", b"-Infinity", b"+Infinity", b"nan", b"inf", b"Infinit",
    b"Infinityy", b"NaNN", b"-", b"--1", b"1-", b"1_0", b"\xd9\xa1", b"1 2", b"1,2", b"- 1", b"10000000000000000000e0")))
LONG_NUMBERS = tuple(Raw(sign + b"7" * digits + tail) for digits in (4299, 4300, 4301) for sign in (b"", b"-")
                     for tail in (b"", b".5", b"e1", b"."))
LITERALS = tuple(map(Raw, (
    b"true", b"false", b"null", b"tru", b"truee", b"True", b"nul", b"nulll", b"fals", b"falsey", b"t", b"n", b"'x'", b"x",
    b"", b"[]", b"{}", b"[", b"]", b"{", b"}", b"[,]", b"{,}", b"[1,]", b'{"a":1,}', b'{"a"}', b'{"a":}', b'{:1}', b"{1:2}",
    b'{"a" 1}', b'{"a":1 "b":2}', b"[1 2]", b'""', b'"', b"[}", b"{]", b'"\\"', b'"\\\\"', b"[[]]", b"[{}]", b'{"a":[]}',
    b"//", b"/**/1", b"\x00", b"undefined", b'{"a":1}}', b'["a":1]', b'{"type":"tool_use"}')))
STRINGS = tuple(map(Raw, (
    b'"plain"', b'"\\u00e9"', b'"\\u0041"', b'"\\ud83d\\ude80"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\ud800"', b'"\\udc00\\ud800"',
    b'"\\ud83dx"', b'"\\ud83d\\n"', b'"\\ud83d\\u0041"', b'"\\uD83D\\uDE80"', b'"\\u"', b'"\\u12"', b'"\\u123g"', b'"\\u 123"', b'"\\u+123"', b'"\\u0x1f"',
    b'"\\u00_1"', b'"\\x41"', b'"\\0"', b'"\\v"', b'"\\\'"', b'"\\/"', b'"\\b\\f\\n\\r\\t"', b'"\\U0041"', b'"\\u0000"', b'"\x00"', b'"\x1f"', b'"\x7f"',
    b'"\t"', b'"\r"', b'"a\\', b'"\\u0000\\u0000"', b'"\xc3\xa9"', b'"\xf0\x9f\x9a\x80"', b'"\xed\xa0\x80"', b'"\xed\x9f\xbf"', b'"\xee\x80\x80"',
    b'"\xc0\xaf"', b'"\xc1\xbf"', b'"\xc2\x80"', b'"\xe0\x80\x80"', b'"\xe0\x9f\xbf"', b'"\xe0\xa0\x80"', b'"\xf0\x80\x80\x80"', b'"\xf0\x8f\xbf\xbf"',
    b'"\xf0\x90\x80\x80"', b'"\xf4\x8f\xbf\xbf"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xff"', b'"\xfe"', b'"\x80"', b'"\xbf"', b'"\xc3"', b'"\xe2\x82"',
    b'"\xf0\x9f\x9a"', b'"\xe2\x28\xa1"', b'"\xed\xb0\x80"', b'"\xed\xa0\xbd\xed\xba\x80"', b'"\xef\xbb\xbf"', b'"\xef\xbf\xbf"', b'"\xef\xbf\xbd"',
    b'"\xe2\x80\xa8"', b'""', b'" "', b'"assistant"', b'"user"', b'"system"', b'"progress"', b'"tool_use"', b'"\\u0061ssistant"')))


def is_json(raw: bytes) -> bool:
    try:
        json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return True


# Most trees should still be valid after a change, or the fields of records are hardly ever compared.
SOUND = tuple(raw for raw in NUMBERS + LITERALS + STRINGS if is_json(raw))
BROKEN = (b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f", b"\xf0\x9f\x9a", b"\xef\xbb\xbf",
          b"\xed\xa0\xbd\xed\xba\x80", b"\xe0\x80\x80", b"\xf8\x88\x80\x80\x80")
NOISE = (b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\r", b"\v", b"\f", b"\x00", b"\x01", b"\x1f", b"\x7f", b"\n", b"0", b"-", b"e",
         b"\\u", b"\\ud800", b"null", b"true", b'":"', b'","', b"\xc2\x85", b"\xc2\xa0", b"\xe2\x80\xa8", b"\x1c", b"\x1e", b"//", b"'") + BROKEN
TEAMS = (b'"teamName":"okstra-T1"', b'"teamname":"x"', b'"TEAMNAME":"UP"', b'"TeamName":"\xc3\x84rger"', b'"teamName": "spaced"', b'"teamName":""',
         b'"teamName":"a\\"b"', b'"teamName":"\xff\xfe"', b'"teamName":"open', b'"teamName":null', b'"teamName":"teamName":"y"', b'"team\\u004eame":"z"',
         b'"xteamName":"no"', b'teamName":"no"', b'"teamName":"' + b"n" * 1024 + b'"', b'"teamName":"' + b"n" * 1025 + b'"', b'"teamName":"\x00"')
FIELDS = ("type", "timestamp", "agentName", "sessionId", "uuid", "requestId", "agentId", "cwd", "version", "subtype", "isSidechain",
          "isApiErrorMessage", "isCompactSummary", "message", "usage", "input_tokens", "output_tokens", "cache_creation_input_tokens",
          "cache_read_input_tokens", "cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "content", "id", "model",
          "stop_reason", "iterations", "server_tool_use", "web_search_requests", "speed", "inference_geo", "service_tier", "data",
          "compactMetadata", "microcompactMetadata", "trigger", "preTokens")


# --- items at every offset of a block -------------------------------------------------------------------------------

ITEMS = (
    ["é".encode(), "日".encode(), "🚀".encode(), "é日🚀é".encode()] + list(BROKEN)
    + [b"\\" * n for n in (1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 62, 63, 64, 65, 66, 127, 128, 129)]
    + [b"\\\\" * 3 + b"\\n", b"\\u00e9", b"\\ud83d\\ude80", b"\\ud800", b"\\u00g9", b"\\x", b'\\"', b'\\"\\"', b"\x01", b"\x00", b"\x1f", b"\t", b"\x7f",
       b"\\" * 63 + b"\x01", b"\\\x01", b"\\\xc3\xa9", b'"', b'","z":"', b'{"', b"\xe2\x80\xa8",
       b'","teamName":"T1', b'","TEAMNAME":"' + b"n" * 70, b'"teamName":"naked"'])
# Where an item can stand: in a string that is kept, in one that is skipped, in a key, outside strings.
FRAMES = (
    (b'{"agentName":"', b'","type":"assistant","message":{"usage":{"input_tokens":7}}}'),
    (b'{"toolUseResult":"', b'","uuid":"u-1"}'),
    (b'{"', b'":1,"cwd":"/x"}'),
    (b'{"message":{"content":[{"text":"', b'","type":"tool_use"}],"usage":{"output_tokens":3}},"type":"assistant"}'),
    (b'{"a":[1,2', b'],"version":"2"}'),
)


def borders(size: int = 64, offsets=range(64)):
    """(lines): each must start at a multiple of `size` for the item to stand where it is meant to.

    The scanner works on blocks of 64 bytes in batches of 4096.
    """
    for before, after in FRAMES:
        for item in ITEMS:
            for offset in offsets:
                pad = (offset - len(before)) % size
                fill = b" " * pad if before.endswith(b"2") else b"p" * pad
                line = before + fill + item + after
                # To the next multiple, newline included, with white space that is stripped.
                yield line + b" " * ((-len(line) - 1) % size)


def nested(total: int, kind: int) -> bytes:
    """A line with `total` containers open at once, in several spellings."""
    inner = total - 1
    if kind == 0:
        return b'{"a":' + b"[" * inner + b"]" * inner + b',"uuid":"d"}'
    if kind == 1:
        return b'{"b":' * inner + b"{}" + b"}" * inner
    if kind == 2:
        return b'{"message":{"content":' + b"[" * (inner - 1) + b"]" * (inner - 1) + b',"usage":{"input_tokens":5}}}'
    if kind == 3:
        return b'{"message":{"usage":{"iterations":' + b'[{"x":' * ((inner - 2) // 2) + b"[" * ((inner - 2) % 2) + b"1" \
            + b"]" * ((inner - 2) % 2) + b"}]" * ((inner - 2) // 2) + b',"output_tokens":5}}}'
    return b'{"timestamp":' + b"[" * inner + b"]" * inner + b',"timestamp":"late"}'


def literals():
    for value in NUMBERS + LONG_NUMBERS + LITERALS + STRINGS:
        yield b'{"message":{"usage":{"input_tokens":' + value + b',"output_tokens":2}},"type":"assistant"}'
        yield b'{"x":' + value + b"}"
        yield b'{"x":[' + value + b"]}"
        yield b'{"timestamp":' + value + b',"message":{"timestamp":"m","model":' + value + b'},"type":"assistant"}'
        yield b'{"type":' + value + b',"isSidechain":' + value + b',"message":{"content":[{"type":' + value + b"}]}}"
        yield b'{"message":{"usage":{"cache_creation":{"ephemeral_5m_input_tokens":' + value \
            + b'},"cache_creation_input_tokens":9}}}'
        yield b'{"message":' + value + b',"data":' + value + b"}"
        yield b'{"message":{"usage":' + value + b',"content":' + value + b"}}"
        yield b'{"x":1,' + value + b":2}"
        yield b" \t\v\f\r" + value + b" \r\f\v\t"
        yield value + b'{"uuid":"a"}'
        yield b'{"uuid":"a"}' + value
    for total in (2, 63, 64, 65, 1022, 1023, 1024, 1025, 1026, 3000, 100_000):
        for kind in range(5):
            yield nested(total, kind)
    for total in (1023, 1024, 1025, 50_000):
        yield b'{"a":' + b"[" * total
        yield b"[" * total + b"]" * total
    for field in FIELDS:
        yield b'{"' + field.encode() + b'":"s","message":{"' + field.encode() + b'":"s","usage":{"' + field.encode() + b'":"s"}}}'
        yield b'{"' + field.encode() + b'":1,"message":{"' + field.encode() + b'":1,"usage":{"' + field.encode() + b'":1}}}'
    for team in TEAMS:
        yield b"{" + team + b"}"
        yield b'{"a":{' + team + b'},"uuid":"t"}'
        yield team
        yield b'{"a":"' + team.replace(b'"', b'\\"') + b'"}'


# --- random trees and bytes -----------------------------------------------------------------------------------------


class Mutator:
    def __init__(self, seed: int, samples=()):
        self.random = random.Random(seed)
        self.maker = records.Maker(seed)
        self.samples = samples

    # -- trees

    def tree(self):
        if self.samples and self.random.random() < 0.25:
            return pairs_of(self.random.choice(self.samples))
        return pairs_of(self.maker.any())

    def objects(self, value, found=None) -> list:
        found = [] if found is None else found
        if isinstance(value, Pairs):
            found.append(value)
            for _, v in value:
                self.objects(v, found)
        elif isinstance(value, list):
            for v in value:
                self.objects(v, found)
        return found

    def odd_value(self):
        pick = self.random.random()
        if self.random.random() < 0.7:
            return self.random.choice(SOUND)
        if pick < 0.35:
            return self.random.choice(NUMBERS)
        if pick < 0.37:
            return self.random.choice(LONG_NUMBERS)
        if pick < 0.55:
            return self.random.choice(LITERALS)
        if pick < 0.75:
            return self.random.choice(STRINGS)
        if pick < 0.85:
            return self.random.choice(self.objects(self.tree()))
        return self.random.choice((None, True, False, 0, 5, -3, 1.5, "", "text", [], Pairs(), [None, Pairs()]))

    def bend(self, tree) -> None:
        """One change to the tree: duplicated, renamed, dropped, moved or odd."""
        target = self.random.choice(self.objects(tree))
        at = self.random.randrange(len(target) + 1)
        pick = self.random.random()
        if not target or pick < 0.2:
            target.insert(at, (self.random.choice(FIELDS), self.odd_value()))
        elif pick < 0.5:
            key, value = target[at - 1]
            target.insert(self.random.randrange(len(target) + 1), (key, self.odd_value() if pick < 0.4 else value))
        elif pick < 0.8:
            target[at - 1] = (target[at - 1][0], self.odd_value())
        elif pick < 0.9:
            target[at - 1] = (self.random.choice(FIELDS), target[at - 1][1])
        elif pick < 0.95:
            del target[at - 1]
        else:
            self.random.shuffle(target)

    # -- spelling

    def string(self, text: str) -> bytes:
        pick = self.random.random()
        if pick < 0.9:
            return json.dumps(text, ensure_ascii=pick < 0.2).encode("utf-8", "surrogatepass")
        out = []
        for char in text:
            if self.random.random() < 0.3 and ord(char) < 0x10000:
                digits = f"{ord(char):04x}"
                out.append("\\u" + (digits.upper() if self.random.random() < 0.5 else digits))
            else:
                out.append(json.dumps(char, ensure_ascii=False)[1:-1])
        return ('"' + "".join(out) + '"').encode()

    def gap(self) -> bytes:
        if not self.spaced or self.random.random() < 0.7:
            return b""
        return self.random.choice((b" ", b"  ", b"\t", b"\r", b" \t\r " * 5, b" " * self.random.randrange(70)))

    def write(self, value) -> bytes:
        if isinstance(value, Raw):
            return bytes(value)
        if isinstance(value, Pairs):
            inner = (self.gap() + self.string(k) + self.gap() + b":" + self.gap() + self.write(v) + self.gap()
                     for k, v in value)
            return b"{" + b",".join(inner) + b"}"
        if isinstance(value, list):
            return b"[" + b",".join(self.gap() + self.write(v) + self.gap() for v in value) + b"]"
        if isinstance(value, str):
            return self.string(value)
        return json.dumps(value).encode()

    # -- bytes

    def scratch(self, line: bytearray) -> None:
        """One change to the bytes."""
        at = self.random.randrange(len(line) + 1)
        pick = self.random.random()
        if pick < 0.25:
            line[at:at] = self.random.choice(NOISE)
        elif pick < 0.45:
            del line[at : at + self.random.choice((1, 1, 1, 2, 3, 8, 64))]
        elif pick < 0.65 and at < len(line):
            line[at] ^= 1 << self.random.randrange(8)
        elif pick < 0.72:
            del line[at:]
        elif pick < 0.8 and at < len(line):
            line[at] = self.random.randrange(256)
        elif pick < 0.86:
            end = at + self.random.randrange(1, 100)
            line[at:at] = line[at:end]
        elif pick < 0.93:
            line[at:at] = self.random.choice(TEAMS)
        else:
            self.random.choice((self._glue, self._wrap, self._feather))(line)

    def _glue(self, line: bytearray) -> None:
        line += self.random.choice((b"{}", b" {}", b",", b"null", bytes(line)))

    def _wrap(self, line: bytearray) -> None:
        line[:] = b"[" + line + b"]"

    def _feather(self, line: bytearray) -> None:
        white = (b"\v", b"\f", b"\r", b" \t", b"\x1c", b"\xc2\xa0", b"\xef\xbb\xbf", b"\x00", b"\x85")
        line[0:0] = self.random.choice(white)
        line += self.random.choice(white)

    def line(self) -> bytes:
        self.spaced = self.random.random() < 0.2
        tree = self.tree()
        for _ in range(self.random.choice((0, 1, 1, 2, 3, 6))):
            self.bend(tree)
        if self.random.random() < 0.5:
            # Shifts everything behind it against the 64-byte blocks.
            self.random.choice(self.objects(tree)).insert(0, ("pad", "é" * self.random.randrange(3) + "x" * self.random.randrange(64)))
        line = bytearray(self.write(tree))
        if self.random.random() < 0.35:
            for _ in range(self.random.choice((1, 1, 2, 5))):
                self.scratch(line)
        return bytes(line)
