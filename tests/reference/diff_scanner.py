"""The scanner against Python's json: verdict and every field, line by line, for one instruction set or for all.

The ordinary run (meson test) takes every line of mutate.borders() and mutate.literals() and a few thousand random ones.
The long one, wanted after every change of the scanner:

    for isa in $(build/tests/scan_dump --list); do
        python3 tests/reference/diff_scanner.py --dump build/tests/scan_dump --isa $isa --lines 250000 --seed 1
    done

Same seed, same lines. A mismatch prints the shortest line that still shows it, and where its batch was kept.
Real transcripts are a source of lines too, where there are any (records.samples()).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import mutate  # noqa: E402
import records  # noqa: E402
import reference  # noqa: E402
from reference import SEARCHES_MAX, STEPS_MAX, shown, text_of, token_count  # noqa: E402

BATCH_LINES = 4000
SAMPLE_LINE_MAX = 16 << 10
TOOLS_MAX = 8
TYPES = ("assistant", "user", "system", "progress", "attachment", "summary")


# --- what a record should say ---------------------------------------------------------------------------------------


def object_at(value, key) -> dict:
    """value[key] where both are objects, else an empty one."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def string_at(value: dict, key: str):
    """Strings of a message may be empty; only other types are absent."""
    inner = value.get(key)
    return shown(inner) if isinstance(inner, str) else None


def without_defaults(fields: dict) -> dict:
    return {k: v for k, v in fields.items() if v is not None and v is not False and v != 0 or k in KEPT}


KEPT = {"at", "length"}


def expected_usage(usage, odd: list) -> dict:
    if not isinstance(usage, dict):
        return {}
    counts = reference.usage_counts(usage)
    odd.append(counts.odd)
    return without_defaults({
        "present": True, "input": counts.input, "output": counts.output, "creation": counts.creation,
        "creation_5m": counts.creation_5m, "creation_1h": counts.creation_1h, "read": counts.read,
        "searches": counts.searches, "speed": string_at(usage, "speed"), "geo": string_at(usage, "inference_geo"),
        "tier": string_at(usage, "service_tier")})


def expected_message(message: dict, odd: list) -> dict:
    return without_defaults({
        "id": string_at(message, "id"), "foreign_id": is_foreign(message), "model": string_at(message, "model"),
        "stop_reason": string_at(message, "stop_reason"), "usage": expected_usage(message.get("usage"), odd)})


def is_foreign(message: dict) -> bool:
    ident = string_at(message, "id")
    return bool(ident) and isinstance(message.get("usage"), dict) and not reference.VENDOR_ID.match(ident)


def expected_steps(message: dict, odd: list) -> dict:
    steps = reference.steps_of(message)
    if not steps:
        return {}
    out = []
    for step in steps[:STEPS_MAX]:
        counted = odd if step["type"] in reference.STEPS_APART else []
        out.append(without_defaults({"type": step["type"], "model": string_at(step, "model"),
                                     "usage": expected_usage(step, counted)}))
    return {"steps": out} | without_defaults({"steps_dropped": len(steps) - len(out)})


def expected_searches(record: dict, message: dict) -> dict:
    blocks = message.get("content")
    blocks = [b for b in blocks if isinstance(b, dict)] if isinstance(blocks, list) else []
    asked = [text_of(b.get("id")) for b in blocks if b.get("type") == "tool_use" and b.get("name") == "WebSearch"]
    asked = [ident for ident in asked if ident][:SEARCHES_MAX]
    results = [b for b in blocks if b.get("type") == "tool_result"]
    result = object_at(record, "toolUseResult")
    return ({"searches": asked} if asked else {}) | without_defaults({
        "is_tool_result": bool(results), "result_of": text_of(results[0].get("tool_use_id")) if results else None,
        "search_count": token_count(result.get("searchCount"))[0]})


def expected_tools(message: dict) -> dict:
    blocks = message.get("content")
    blocks = [b for b in blocks if isinstance(b, dict)] if isinstance(blocks, list) else []
    names = [string_at(b, "name") or "" for b in blocks if b.get("type") == "tool_use"]
    return {"tools": names[:TOOLS_MAX]} if names else {}


def expected_compaction(record: dict) -> dict:
    if record.get("type") != "system":
        return {}
    meta = record.get("compactMetadata")
    if not isinstance(meta, dict):
        meta = object_at(record, "microcompactMetadata")
    return without_defaults({"compact_trigger": string_at(meta, "trigger"),
                             "compact_pre_tokens": token_count(meta.get("preTokens"))[0]})


def expected_nested(record: dict) -> dict:
    data = object_at(record, "data")
    inner = data.get("message")
    if record.get("type") != "progress" or data.get("type") != "agent_progress" or not isinstance(inner, dict):
        return {"nested": {"usage": {}}}
    return without_defaults({
        "nested_present": True, "nested": expected_message(object_at(inner, "message"), []),
        "nested_uuid": string_at(inner, "uuid"), "nested_request_id": string_at(inner, "requestId"),
        "nested_timestamp": string_at(inner, "timestamp")})


ENVELOPE = (("agent_name", "agentName"), ("session_id", "sessionId"), ("uuid", "uuid"), ("request_id", "requestId"),
            ("agent_id", "agentId"), ("cwd", "cwd"), ("version", "version"), ("subtype", "subtype"),
            ("branch", "gitBranch"), ("effort", "effort"))
FLAGS = (("is_sidechain", "isSidechain"), ("is_api_error", "isApiErrorMessage"),
         ("is_compact_summary", "isCompactSummary"))


def expected_record(record: dict, at: int, length: int, complete: bool) -> dict:
    message = object_at(record, "message")
    odd: list[int] = []
    kind = record.get("type")
    fields = {"at": at, "length": length, "unfinished": not complete,
              "type": kind if isinstance(kind, str) and kind in TYPES else "other",
              "timestamp": text_of(record.get("timestamp")) or text_of(message.get("timestamp"))}
    fields |= {name: text_of(record.get(key)) for name, key in ENVELOPE}
    fields |= {name: record.get(key) is True for name, key in FLAGS}
    fields |= {"message": expected_message(message, odd), "tool_uses": reference.tool_uses(message)}
    fields |= expected_steps(message, odd) | expected_searches(record, message) | expected_tools(message) | expected_compaction(record) | expected_nested(record)
    return without_defaults(fields | {"odd": sum(odd)})


class Expected:
    """All that a scan of some bytes should deliver."""

    def __init__(self, content: bytes, line_max: int = reference.LINE_MAX):
        self.records: list[dict] = []
        self.teams: list[tuple] = []
        self.lines = self.bad = self.odd = 0
        pieces = content.split(b"\n")
        at = 0
        for i, raw in enumerate(pieces):
            self._line(raw, at, i < len(pieces) - 1, line_max)
            at += len(raw) + 1
        self.cursor = len(content) - len(pieces[-1])

    def _line(self, raw: bytes, at: int, complete: bool, line_max: int) -> None:
        self.teams += [(at, name.decode("latin-1")) for name in reference.team_names_in(raw)]
        if not raw.strip():
            return
        self.lines += complete
        record = reference.parse_line(raw) if len(raw) <= line_max else None
        if record is None:
            self.bad += complete
            return
        fields = expected_record(record, at, len(raw), complete)
        self.odd += fields.get("odd", 0) if complete else 0
        self.records.append(fields)


# --- what the scanner says ------------------------------------------------------------------------------------------


class Scanned:
    def __init__(self, text: str):
        self.records, self.teams, self.result = [], [], {}
        for line in text.split("\n")[:-1]:
            said = json.loads(line)
            if "isa" in said:
                self.result = said
            elif "team" in said:
                self.teams.append((said["at"], said["team"]))
            else:
                self.records.append(said)


class Dump:
    def __init__(self, command: str, isa: str, extra=()):
        self.command = [command, "--isa", isa, *extra]

    def __call__(self, path: str) -> Scanned:
        # Strings of a record are UTF-8 by contract; where they are not, it shows as a difference, not as a crash here.
        done = subprocess.run([*self.command, path], stdout=subprocess.PIPE, timeout=300)
        if done.returncode:
            raise SystemExit(f"{' '.join(self.command)} {path}: exit {done.returncode}")
        return Scanned(done.stdout.decode("utf-8", "surrogateescape"))

    def bytes(self, content: bytes) -> Scanned:
        with tempfile.NamedTemporaryFile(prefix="okstrafs-diff-") as file:
            file.write(content)
            file.flush()
            return self(file.name)


# --- the comparison -------------------------------------------------------------------------------------------------


def by_line(items) -> dict:
    out: dict[int, list] = {}
    for item in items:
        out.setdefault(item["at"] if isinstance(item, dict) else item[0], []).append(item)
    return out


def differences(expected: Expected, scanned: Scanned) -> list[tuple]:
    """(offset of the line or None, expected, scanned), the first few."""
    out = []
    for want, got in ((by_line(expected.records), by_line(scanned.records)),
                      (by_line(expected.teams), by_line(scanned.teams))):
        for at in sorted(want.keys() | got.keys()):
            if want.get(at) != got.get(at):
                out.append((at, want.get(at), got.get(at)))
    for key in ("lines", "bad", "odd", "cursor"):
        if getattr(expected, key) != scanned.result.get(key):
            out.append((None, {key: getattr(expected, key)}, {key: scanned.result.get(key)}))
    return out


def differ(content: bytes, dump: Dump, line_max: int) -> bool:
    return bool(differences(Expected(content, line_max), dump.bytes(content)))


def minimise(content: bytes, dump: Dump, line_max: int) -> bytes:
    """Drops ever smaller runs of bytes for as long as the two still differ."""
    size = max(len(content) // 2, 1)
    while size:
        at = 0
        while at < len(content):
            shorter = content[:at] + content[at + size :]
            if differ(shorter, dump, line_max):
                content = shorter
            else:
                at += size
        size //= 2
    return content


def only(said, other):
    """What is in the one and not in the other, where both speak of one record."""
    if not said or not other or len(said) != 1 or len(other) != 1 or not isinstance(said[0], dict):
        return said
    return {k: v for k, v in said[0].items() if k not in other[0] or other[0][k] != v}


def report(content: bytes, found: list[tuple], dump: Dump, line_max: int) -> None:
    with tempfile.NamedTemporaryFile(prefix="okstrafs-mismatch-", suffix=".jsonl", delete=False) as file:
        file.write(content)
    print(f"# {' '.join(dump.command)}: {len(found)} differences in {file.name}")
    for at, want, got in found[:3]:
        print(f"# line at {at}\n#   json says    {only(want, got)}\n#   scanner says {only(got, want)}")
    at = next((f[0] for f in found if f[0] is not None), None)
    if at is None:
        return
    line = content[at:].split(b"\n", 1)[0]
    for candidate in (line + b"\n", line, b" " * (at % 64) + line + b"\n", content):
        if differ(candidate, dump, line_max):
            print(f"#   shortest that differs: {minimise(candidate, dump, line_max)[:2000]!r}")
            return


def check(content: bytes, dumps, line_max: int = reference.LINE_MAX) -> int:
    """How many of the dumps differ from what json says."""
    expected = Expected(content, line_max)
    failures = 0
    with tempfile.NamedTemporaryFile(prefix="okstrafs-diff-") as file:
        file.write(content)
        file.flush()
        for dump in dumps:
            found = differences(expected, dump(file.name))
            if found:
                report(content, found, dump, line_max)
                failures += 1
    return failures


# --- the run --------------------------------------------------------------------------------------------------------


def sample_records() -> list[dict]:
    root = records.samples()
    out = []
    for path in sorted(Path(root).rglob("*.jsonl")) if root else ():
        for raw in path.read_bytes().split(b"\n"):
            record = reference.parse_line(raw) if raw.strip() and len(raw) <= SAMPLE_LINE_MAX else None
            if record is not None:
                out.append(record)
    return out


def random_batch(mutator: mutate.Mutator, count: int) -> bytes:
    rand = mutator.random
    lines = [mutator.line() for _ in range(count)]
    for _ in range(count // 50):
        lines.insert(rand.randrange(len(lines)), rand.choice((b"", b" ", b"\r", b" \t\v\f\r ", b"\x00", b"\x1c")))
    if rand.random() < 0.5:
        # Longer than the scanner's buffer, so that it has to grow and move.
        long = json.dumps({"text": "é\\\"" * rand.randrange(30_000, 200_000), "uuid": "long"}, ensure_ascii=False)
        lines.insert(rand.randrange(len(lines)), long.encode())
    return b"\n".join(lines) + rand.choice((b"\n", b""))


def run(args, isas: list[str]) -> int:
    dumps = [Dump(args.dump, isa) for isa in isas] + [Dump(args.dump, isa, ["--bytes"]) for isa in isas[-1:]]
    failures = total = 0

    def batch(content: bytes, *extra, line_max=reference.LINE_MAX) -> None:
        nonlocal failures, total
        chosen = [Dump(args.dump, isa, extra) for isa in isas] if extra else dumps
        failures += check(content, chosen, line_max)
        total += content.count(b"\n") + 1

    if not args.random_only:
        batch(b"\n".join(mutate.borders()))
        batch(b"\n".join(mutate.borders(4096, range(-5, 3))))
        batch(b"\n".join(mutate.literals()) + b"\n")
        short = b"\n".join(line for line in mutate.literals() if len(line) < 9000)
        batch(short, "--line-max", "100", line_max=100)
        batch(b"")
    mutator = mutate.Mutator(args.seed, sample_records())
    for done in range(0, args.lines, BATCH_LINES):
        content = random_batch(mutator, min(BATCH_LINES, args.lines - done))
        batch(content)
        if failures > 3:
            break
    print(f"# {total} lines on each of {' '.join(isas)}, seed {args.seed}: {failures} batches differ")
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dump", required=True, help="the scan_dump executable")
    parser.add_argument("--isa", action="append", help="default: every one that this CPU has")
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random-only", action="store_true")
    args = parser.parse_args()
    isas = args.isa or subprocess.run([args.dump, "--list"], stdout=subprocess.PIPE, text=True).stdout.split()
    failures = run(args, isas)
    print("1..1")
    print(f"{'not ok' if failures else 'ok'} 1 - scanner equals json.loads")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
