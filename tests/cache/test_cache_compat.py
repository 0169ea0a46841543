"""Cache files against okstra's own collector.

The collector's side (loading, saving and advancing a cache) is written here again from its contract. The C side
is driven through tests/cache/cache_tool.c. Shown: the collector resumes from our file, we resume from the collector's,
and what a file gains on the one side survives the other.

Run as: test_cache_compat.py CACHE_TOOL (prints TAP).
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote_to_bytes

TOOL = sys.argv[1]
COLUMNS = ("i", "o", "r", "c", "c5", "c1", "u")
KEEP_NEEDLES = 16


# ---- the collector's side -------------------------------------------------------------------------------


class Collector:
    """Reads and writes caches of the transcripts of one folder as okstra does."""

    def __init__(self, root: Path):
        self.root = root

    def path(self, transcript: Path) -> Path:
        return self.root / transcript.parent.name / (transcript.stem + ".json")

    @staticmethod
    def blank(identity):
        return {
            "schemaVersion": 1,
            "identity": identity,
            "usage": {"offset": 0, "agentName": None, "model": None, "events": []},
            "needles": {},
        }

    @staticmethod
    def head(transcript: Path, length: int) -> bytes:
        with transcript.open("rb") as file:
            return file.read(length)

    def identity(self, transcript: Path):
        head = self.head(transcript, 256)
        return {"prefixLen": len(head), "sha256": hashlib.sha256(head).hexdigest()}

    def load(self, transcript: Path):
        """The cache, and whether there was one that fits."""
        identity = self.identity(transcript)
        try:
            cache = json.loads(self.path(transcript).read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            return self.blank(identity), False
        known = cache.get("identity") if isinstance(cache, dict) else None
        if not isinstance(known, dict) or cache.get("schemaVersion") != 1:
            return self.blank(identity), False
        head = self.head(transcript, known.get("prefixLen") or 0)
        if len(head) != known.get("prefixLen") or hashlib.sha256(head).hexdigest() != known.get("sha256"):
            return self.blank(identity), False
        cache["identity"] = identity
        return cache, True

    def save(self, transcript: Path, cache) -> None:
        path = self.path(transcript)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".json.tmp")
        text = json.dumps(cache, ensure_ascii=False, separators=(",", ":"))
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)

    def advance(self, transcript: Path, cache) -> None:
        usage = cache["usage"]
        with transcript.open("rb") as file:
            file.seek(usage["offset"])
            for line in file:
                if not line.endswith(b"\n"):
                    break
                usage["offset"] += len(line)
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                self.take(record, usage)

    @staticmethod
    def take(record, usage) -> None:
        message = record.get("message") or {}
        event = {}
        counts = message.get("usage") or {}
        for source, key in (("input_tokens", "i"), ("output_tokens", "o"), ("cache_read_input_tokens", "r")):
            if counts.get(source):
                event[key] = counts[source]
        if counts.get("cache_creation_input_tokens"):
            event["c"] = event["c5"] = counts["cache_creation_input_tokens"]
        tools = sum(1 for block in message.get("content") or [] if block.get("type") == "tool_use")
        if tools:
            event["u"] = tools
        if record.get("timestamp"):
            event["t"] = record["timestamp"]
        if event:
            usage["events"].append(event)
        if usage["agentName"] is None and record.get("agentName"):
            usage["agentName"] = record["agentName"]
        if usage["model"] is None and message.get("model"):
            usage["model"] = message["model"]

    def team(self, transcript: Path, cache, name: str) -> bool:
        """Whether a line names the team, remembering how far it looked."""
        needle = f'"teamname":"{name.lower()}"'
        needles = cache.setdefault("needles", {})
        entry = needles.get(needle)
        if entry is None:
            while len(needles) >= KEEP_NEEDLES:
                needles.pop(next(iter(needles)))
            entry = needles[needle] = {"offset": 0, "found": False}
        if not entry["found"]:
            with transcript.open("rb") as file:
                file.seek(entry["offset"])
                for line in file:
                    if needle in line.decode("utf-8", errors="replace").lower():
                        entry["found"] = True
                        break
                    entry["offset"] += len(line)
        return entry["found"]


# ---- our side, through the tool -------------------------------------------------------------------------


def hexed(value) -> str:
    if value is None:
        return "-"
    return (value if isinstance(value, bytes) else value.encode()).hex()


def state_lines(cache, teams=(), cwds=(), session=None, dev=2049, ino=77):
    """What the engine would know where the collector knows `cache`."""
    usage, identity = cache["usage"], cache["identity"]
    yield f"offset {usage['offset']}"
    yield f"identity {identity['prefixLen']} {identity['sha256']}"
    yield f"agent {hexed(usage['agentName'])}"
    yield f"model {hexed(usage['model'])}"
    yield f"session {hexed(session)}"
    yield f"extra {usage['offset']} {dev} {ino} {len(usage['events'])} 0 0"
    yield f"tail 5 {hashlib.sha256(b'tail').hexdigest()}"
    yield from (f"team {hexed(team)}" for team in teams)
    yield from (f"cwd {hexed(cwd)}" for cwd in cwds)
    yield from event_lines(usage["events"])


def event_lines(events):
    """In the order in which a state gives them: without a stamp first, then by stamp."""
    ordered = sorted(events, key=lambda event: ("t" in event, event.get("t", "").encode()))
    for event in ordered:
        yield f"event {' '.join(str(event.get(key, 0)) for key in COLUMNS)} {hexed(event.get('t'))}"


class Ours:
    def __init__(self, root: Path):
        self.root = root

    def run(self, verb, transcript: Path, text=""):
        command = [TOOL, verb, str(self.root), transcript.parent.name, transcript.stem]
        return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout

    def save(self, transcript: Path, lines) -> None:
        self.run("save", transcript, "".join(line + "\n" for line in lines))

    def load(self, transcript: Path):
        return self.run("load", transcript).splitlines()


# ---- the tests ------------------------------------------------------------------------------------------


def record(number: int, **more) -> dict:
    usage = {"input_tokens": number, "output_tokens": 1, "cache_creation_input_tokens": number % 3,
             "cache_read_input_tokens": 2 ** 40 + number}
    message = {"model": "claude-opus-4-7", "usage": usage, "content": [{"type": "tool_use"}] * (number % 2)}
    return {"type": "assistant", "timestamp": f"2026-06-10T{number % 24:02}:00:00.{number % 1000:03}Z",
            "message": message, **more}


class Case:
    def __init__(self, folder: Path):
        self.transcript = folder / "-home-user-p" / "0123-4567.jsonl"
        self.transcript.parent.mkdir()
        root = folder / "home" / "cache" / "token-usage"
        self.collector, self.ours = Collector(root), Ours(root)
        self.path = self.collector.path(self.transcript)

    def append(self, records) -> None:
        with self.transcript.open("ab") as file:
            for each in records:
                file.write(json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def scanned(self):
        """What a scan from the start gives."""
        cache = self.collector.blank(self.collector.identity(self.transcript))
        self.collector.advance(self.transcript, cache)
        return cache

    def destroy(self, until: int) -> None:
        """Overwrites what a resuming reader must not read again: all consumed bytes behind the first 256."""
        with self.transcript.open("r+b") as file:
            file.seek(256)
            file.write(b"#" * (until - 256))


def same_usage(left, right) -> None:
    for key in ("offset", "agentName", "model"):
        assert left[key] == right[key], (key, left[key], right[key])
    assert list(event_lines(left["events"])) == list(event_lines(right["events"]))


def test_keys_and_their_order(case: Case) -> None:
    case.append([record(n, agentName="codex-worker") for n in range(9)] + [{"type": "user", "message": {}}])
    case.ours.save(case.transcript, state_lines(case.scanned(), teams=["Okstra-T1"], cwds=["/p"], session="s"))
    text = case.path.read_text(encoding="utf-8")
    cache = json.loads(text)
    assert list(cache) == ["schemaVersion", "identity", "usage", "needles", "okstrafs"]
    assert list(cache["identity"]) == ["prefixLen", "sha256"]
    assert list(cache["usage"]) == ["offset", "agentName", "model", "events"]
    assert cache["needles"] == {'"teamname":"okstra-t1"': {"offset": 0, "found": True}}
    assert list(cache["okstrafs"])[0] == "version" and list(cache["okstrafs"])[-1] == "sha256"
    order = [*COLUMNS, "t"]
    for event in cache["usage"]["events"]:
        assert list(event) == [key for key in order if key in event] and 0 not in event.values()
    assert json.dumps(cache, ensure_ascii=False, separators=(",", ":")) + "\n" == text
    body, digest = text.encode().rsplit(b'"sha256":"', 1)
    assert hashlib.sha256(body + b'"sha256":"').hexdigest() == digest[:64].decode()


def test_collector_resumes_from_ours(case: Case) -> None:
    case.append(record(n, agentName="codex-worker") for n in range(50))
    before = case.scanned()
    case.ours.save(case.transcript, state_lines(before))
    case.append(record(n) for n in range(50, 60))
    expected = case.scanned()
    case.destroy(before["usage"]["offset"])
    cache, fits = case.collector.load(case.transcript)
    assert fits
    same_usage(cache["usage"], before["usage"])
    case.collector.advance(case.transcript, cache)
    same_usage(cache["usage"], expected["usage"])


def test_we_resume_from_the_collectors(case: Case) -> None:
    case.append(record(n, agentName="gr\u00fc\u00df \u4e16\U0001f600\"\\\n") for n in range(50))
    cache = case.scanned()
    case.collector.team(case.transcript, cache, "nobody")
    case.collector.save(case.transcript, cache)
    expected = [line for line in state_lines(cache, dev=0, ino=0)]
    expected[5] = "extra 0 0 0 0 0 0"
    expected[6] = "tail 0 " + "0" * 64
    assert case.ours.load(case.transcript) == expected


def test_addition_survives_an_idle_collector(case: Case) -> None:
    case.append(record(n) for n in range(5))
    teams = ["T%", b"\xff\xfe\"", "A\u00e9"]
    lines = list(state_lines(case.scanned(), teams=teams, cwds=[b"/\xc3"], session="s%1"))
    case.ours.save(case.transcript, lines)
    cache, fits = case.collector.load(case.transcript)
    assert fits
    kept = [unquote_to_bytes(team) for team in cache["okstrafs"]["teams"]]
    assert kept == [team if isinstance(team, bytes) else team.encode() for team in teams]
    case.collector.team(case.transcript, cache, "another")
    case.collector.save(case.transcript, cache)
    assert not case.path.read_bytes().endswith(b"\n")
    assert case.ours.load(case.transcript) == lines


def test_addition_is_dropped_after_an_advance(case: Case) -> None:
    case.append(record(n) for n in range(5))
    case.ours.save(case.transcript, state_lines(case.scanned(), teams=["T"], cwds=["/p"], session="s"))
    case.append(record(n) for n in range(5, 8))
    cache, fits = case.collector.load(case.transcript)
    assert fits
    case.collector.advance(case.transcript, cache)
    case.collector.save(case.transcript, cache)
    assert "okstrafs" in json.loads(case.path.read_text(encoding="utf-8"))
    loaded = case.ours.load(case.transcript)
    assert loaded[5:7] == ["extra 0 0 0 0 0 0", "tail 0 " + "0" * 64]
    assert not [line for line in loaded if line.startswith(("team", "cwd"))]
    assert loaded[7:] == list(event_lines(case.scanned()["usage"]["events"]))


def test_needles_tell_the_collector_what_was_found(case: Case) -> None:
    case.append([{"team": {"teamName": "\u00dcber-Team"}}] + [record(n) for n in range(20)])
    before = case.scanned()
    assert case.collector.team(case.transcript, before, "\u00fcber-TEAM")
    case.ours.save(case.transcript, state_lines(before, teams=["\u00dcber-Team"]))
    cache, fits = case.collector.load(case.transcript)
    case.transcript.write_bytes(case.transcript.read_bytes()[:1])  # nothing left to find it in
    assert fits and case.collector.team(case.transcript, cache, "\u00dcBER-team")
    assert not case.collector.team(case.transcript, cache, "other")


def test_a_full_set_of_needles_goes_on(case: Case) -> None:
    case.append(record(n) for n in range(3))
    case.ours.save(case.transcript, state_lines(case.scanned(), teams=[f"team-{n}" for n in range(30)]))
    cache, _ = case.collector.load(case.transcript)
    assert list(cache["needles"]) == [f'"teamname":"team-{n}"' for n in range(14, 30)]
    case.collector.team(case.transcript, cache, "new")
    assert len(cache["needles"]) == KEEP_NEEDLES and '"teamname":"team-29"' in cache["needles"]


def test_identity_grows_with_a_short_transcript(case: Case) -> None:
    case.append([{"type": "user", "timestamp": "2026-06-10T01:00:00Z"}])
    short = case.scanned()
    assert short["identity"]["prefixLen"] < 256
    case.ours.save(case.transcript, state_lines(short))
    case.append(record(n) for n in range(5))
    cache, fits = case.collector.load(case.transcript)
    assert fits and cache["identity"]["prefixLen"] == 256
    case.collector.advance(case.transcript, cache)
    case.collector.save(case.transcript, cache)
    assert case.ours.load(case.transcript)[1] == f"identity 256 {case.scanned()['identity']['sha256']}"


def test_turns_taken_at_random(case: Case) -> None:
    turns = random.Random(5)
    case.append(record(n, agentName="lead") for n in range(2))
    for _ in range(40):
        case.append(record(turns.randrange(10 ** 6)) for _ in range(turns.randrange(3)))
        if turns.random() < 0.5:
            cache, _ = case.collector.load(case.transcript)
            case.collector.advance(case.transcript, cache)
            case.collector.save(case.transcript, cache)
        else:
            case.ours.save(case.transcript, state_lines(case.scanned(), teams=["T"]))
        loaded = case.ours.load(case.transcript)
        expected = case.scanned()
        assert loaded[0] == f"offset {expected['usage']['offset']}"
        events = [line for line in loaded if line.startswith("event")]
        assert events == list(event_lines(expected["usage"]["events"]))
        cache, fits = case.collector.load(case.transcript)
        assert fits
        same_usage(cache["usage"], expected["usage"])


def main() -> int:
    tests = [(name, fn) for name, fn in globals().items() if name.startswith("test_")]
    failed = 0
    print(f"TAP version 13\n1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Case(Path(folder)))
                verdict = "ok"
            except Exception as error:  # a test reports, whatever went wrong in it
                failed += 1
                verdict = "not ok"
                print(f"# {type(error).__name__}: {str(error)[:2000]}")
        print(f"{verdict} {number} - {name[5:]}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
