#!/usr/bin/env python3
"""Where okstrafs and ccusage agree on what was spent, and why they differ where they do.

    compare_ccusage.py OKSTRAFS CCUSAGE [SAMPLES]

lays the samples' real Claude Code transcripts out as a configuration folder, asks both programs for every session, and
prints the tables of docs/ccusage.md. What is said about a session that differs is checked against ledger.jsonl, line by line:
a difference that no line explains is printed as such, and makes the exit code 1.

It compares the samples' sets of Codex rollouts file by file: each set is a Codex home of its own, and the tokens in which a
file differs must be those of lines of its ledger.

It does the same with the samples of the other agents (tests/support/agents.py), session by session.

Then it does the same with one made request for each rule of prices in which the programs may differ.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from decimal import Decimal
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import agents  # noqa: E402
import records  # noqa: E402

NEWEST = "2026-10-10T10:00:00.000Z"
# Made requests: model, tokens of input, time, and what else the usage says.
MADE = (
    *[(model, 300_000, NEWEST, {}) for model in ("claude-sonnet-4", "claude-sonnet-4-5", "claude-opus-5", "gemini-2.5-pro", "gemini-3.1-pro-preview",
                                                 "gpt-5.4", "gpt-5.5", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-6-astra")],
    ("gpt-5.6-sol", 100_000, "2026-08-20T10:00:00.000Z", {}),
    ("gpt-5.6-sol", 100_000, "2026-08-21T10:00:00.000Z", {}),
    ("gpt-5.6-terra", 100_000, "2026-07-29T10:00:00.000Z", {}),
    ("us.anthropic.claude-sonnet-5", 100_000, NEWEST, {}),
    ("claude-sonnet-5", 100_000, NEWEST, {"inference_geo": "us"}),
    ("claude-opus-5-5", 100_000, NEWEST, {}),
    ("claude-opus-5-high", 100_000, NEWEST, {}),
    ("claude-opus-5-fast", 100_000, NEWEST, {}),
    ("claude-opus-5-neo", 100_000, NEWEST, {}),
    ("claude-quartz-9", 100_000, NEWEST, {}),
)
COLUMNS = ("inputTokens", "outputTokens", "cacheCreationTokens", "cacheReadTokens")
HEADS = ("in", "out", "cache write", "cache read", "USD")


def lay_out(samples: Path, projects: Path) -> None:
    """Whole projects as they are; single transcripts as sessions of one project; nothing that was trimmed by hand."""
    projects.mkdir(parents=True)
    for project in sorted((samples / "claude" / "claude-code-log__test_data" / "real_projects").iterdir()):
        shutil.copytree(project, projects / project.name)
    single = projects / "-single"
    single.mkdir()
    for path in sorted((samples / "claude").glob("*__*.jsonl")):
        shutil.copy(path, single / path.name)


class Ours:
    def __init__(self, program: str, environ: dict):
        self.program, self.environ = program, environ

    def run(self, *arguments: str) -> str:
        return subprocess.run([self.program, "--no-cache", *arguments], env=self.environ, check=True, stdout=subprocess.PIPE,
                              text=True).stdout

    def sessions(self) -> dict:
        names = self.run("ls", "sessions").split("\n")[:-1]
        text = self.run("cat", *[f"sessions/{name}/usage.json" for name in names])
        decoder, found, at = json.JSONDecoder(parse_float=Decimal), [], 0
        while at < len(text):
            document, end = decoder.raw_decode(text, at)
            found.append(document)
            at = end + 1
        return dict(zip(names, found))

    def prices(self) -> dict:
        return json.loads(self.run("cat", "pricing.json"), parse_float=Decimal)["models"]

    def ledger(self, name: str) -> list[dict]:
        return [json.loads(line) for line in self.run("cat", f"sessions/{name}/ledger.jsonl").splitlines()]

    def subagents(self, name: str) -> list[str]:
        return [one.rstrip("@") for one in self.run("ls", f"sessions/{name}/subagents").split("\n")[:-1]]


def theirs(program: str, environ: dict) -> dict:
    report = subprocess.run([program, "session", "--json", "--offline"], env=environ, check=True, stdout=subprocess.PIPE).stdout
    return {row["period"]: row for row in json.loads(report, parse_float=Decimal)["session"]}


def figures(row: dict, cost: str) -> tuple:
    return (*[row[column] for column in COLUMNS], Decimal(row[cost] or 0))


def added(rows) -> tuple:
    return tuple(map(sum, zip(*rows))) or (0,) * len(HEADS)


def row_text(name: str, row: tuple) -> str:
    return f"| {name} | " + " | ".join(f"{value:,}" if isinstance(value, int) else f"{value:.6f}" for value in row) + " |"


def same(a: tuple, b: tuple) -> bool:
    """ccusage adds dollars up as floating point numbers."""
    return a[:-1] == b[:-1] and abs(a[-1] - b[-1]) < Decimal("1e-9")


def head(first: str) -> None:
    print(f"\n| {first} | " + " | ".join(HEADS) + " |\n|---|" + "---:|" * len(HEADS))


def verdicts(ours: Ours, name: str) -> str:
    """What became of the session's lines, as the ledger says."""
    tally = Counter((line["verdict"], line.get("why")) for line in ours.ledger(name) if "verdict" in line)
    return ", ".join(f"{count} {verdict}" + (f" ({why})" if why else "") for (verdict, why), count in sorted(tally.items(), key=str))


def in_the_us(ours: Ours, name: str) -> bool:
    """Whether each line that the ledger counts was answered in the US: looked up in the transcript, by path and offset."""
    path = ""
    for line in ours.ledger(name):
        path = line.get("path", path)
        if line.get("verdict") == "counted" and any(value for key, value in line.items() if key.endswith("Tokens")):
            with open(path, "rb") as file:
                file.seek(line["offset"])
                if json.loads(file.readline())["message"]["usage"].get("inference_geo") != "us":
                    return False
    return bool(path)


def compare(ours: Ours, other: dict) -> int:
    documents = ours.sessions()
    mine = {name: figures(document["billed"], "costUSD") for name, document in documents.items()}
    their = {name: figures(row, "totalCost") for name, row in other.items()}
    none = (0, 0, 0, 0, Decimal(0))
    differ = sorted(name for name in {*mine, *their} if not same(mine.get(name, none), their.get(name, none)))
    head("all sessions")
    print(row_text("okstrafs, `billed`", added(mine.values())))
    print(row_text("ccusage session", added(their.values())))
    print(f"\n{len(mine)} sessions; the same to the token and the cent in {len({*mine, *their}) - len(differ)}, others in {len(differ)}:")
    head("session")
    explained: set[str] = set()
    notes = []
    for name in differ:
        family = [name, *[one for one in ours.subagents(name) if one not in their]] if name in mine else []
        if len(family) > 1 and same(added(mine[one] for one in family), their.get(name, none)):
            explained.update(family)
            notes.append(f"- `{name}`: ccusage counts its {len(family) - 1} sub-agents with it; together they are the same. Lines of the ledgers: "
                         + "; ".join(f"`{one}` {verdicts(ours, one)}" for one in family) + ".")
        elif name in mine and in_the_us(ours, name) and same((*mine[name][:-1], mine[name][-1] / Decimal("1.1")), their.get(name, none)):
            explained.add(name)
            notes.append(f"- `{name}`: every counted line with tokens says `inference_geo` us, which costs 1.1 times as much; ccusage ignores it. "
                         f"Lines of the ledger: {verdicts(ours, name)}.")
    for name in differ:
        print(row_text(f"`{name}`, okstrafs", mine.get(name, none)))
        print(row_text(f"`{name}`, ccusage", their.get(name, none)))
    print("\nWhy, by `ledger.jsonl`:\n")
    print("\n".join(notes))
    rest = [name for name in differ if name not in explained]
    for name in rest:
        print(f"- `{name}`: not explained; its ledger: {verdicts(ours, name) if name in mine else 'no such session'}")
    return 1 if rest else 0


# --- Codex ---

def tokens_of(line: dict) -> tuple:
    written = line["cacheCreation5mTokens"] + line["cacheCreation1hTokens"]
    return (line["inputTokens"], line["outputTokens"], written, line["cacheReadTokens"])


def rollouts(ours: Ours) -> dict:
    """Path of each rollout -> the lines of its ledger that have tokens."""
    found: dict[str, list] = {}
    for name in ours.run("ls", "sessions").split("\n")[:-1]:
        path = ""
        for line in ours.ledger(name):
            path = line.get("path", path)
            if "verdict" in line and any(tokens_of(line)):
                found.setdefault(path, []).append(line)
    return found


def their_rollouts(program: str, environ: dict) -> dict:
    report = subprocess.run([program, "codex", "session", "--json", "--offline"], env=environ, check=True, stdout=subprocess.PIPE).stdout
    found = {}
    for row in json.loads(report)["sessions"]:
        folder = f"sessions/{row['directory']}" if row["directory"] else "archived_sessions"
        found[f"{folder}/{row['sessionFile']}.jsonl"] = tuple(row[column] for column in COLUMNS)
    return found


def lines_between(lines: list, theirs_: tuple):
    """Lines that ccusage counts and okstrafs does not, and the other way round, whose tokens are the whole difference."""
    mine = added([tokens_of(line) for line in lines if line["verdict"] == "counted"] or [(0,) * 4])
    missing = tuple(b - a for a, b in zip(mine, theirs_))
    groups = {}
    for line in lines:
        groups.setdefault((line["verdict"], line["kind"], line["why"]), []).append(line)
    for parts, most in (([[line] for line in lines], 3 if len(lines) < 60 else 2), (list(groups.values()), 4)):
        signed = [added([tuple((-1 if line["verdict"] == "counted" else 1) * value for value in tokens_of(line)) for line in part])
                  for part in parts]
        for n in range(most + 1):
            for chosen in combinations(range(len(parts)), n):
                if tuple(sum(signed[i][k] for i in chosen) for k in range(4)) == missing:
                    return [line for i in chosen for line in parts[i]]
    return None


def line_text(line: dict) -> str:
    verb = "leaves out" if line["verdict"] == "counted" else "counts"
    why_ = f", {line['why']}" if line["why"] else ""
    return f"{verb} the {line['kind']} at byte {line['offset']:,} ({line['verdict']}{why_})"


def compare_codex(program: str, ccusage: str, samples: Path, environ: dict) -> int:
    status, notes, n = 0, [], 0
    print("\n| rollouts of Codex | files | the same | okstrafs, tokens | ccusage, tokens |\n|---|---:|---:|---:|---:|")
    homes = sorted({path.parent for path in (samples / "codex-pages").rglob("sessions")})
    for home in homes:
        n += 1
        env = environ | {"CLAUDE_CONFIG_DIR": f"{environ['OKSTRA_HOME']}-none", "CODEX_HOME": str(home), "OKSTRA_HOME": f"{environ['OKSTRA_HOME']}-codex-{n}"}
        mine = {os.path.relpath(path, home): lines for path, lines in rollouts(Ours(program, env)).items()}
        their, label = their_rollouts(ccusage, env), str(home.relative_to(samples / "codex-pages"))
        same_, sums = 0, [0, 0]
        for path in sorted({*mine, *their}):
            lines, row = mine.get(path, []), their.get(path, (0,) * 4)
            counted = added([tokens_of(line) for line in lines if line["verdict"] == "counted"] or [(0,) * 4])
            sums = [sums[0] + sum(counted), sums[1] + sum(row)]
            if counted == row:
                same_ += 1
                continue
            between = lines_between(lines, row)
            status |= between is None
            if path.endswith(".zst"):
                told = "ccusage does not read compressed rollouts" if not any(row) else "not explained"
            else:
                told = "not explained" if between is None else "ccusage " + "; ".join(map(line_text, between))
            notes.append(f"- {label}, `{path.rsplit('/', 1)[-1]}`: {told}.")
        print(f"| {label} | {len({*mine, *their})} | {same_} | {sums[0]:,} | {sums[1]:,} |")
    print("\nWhy, by `ledger.jsonl`:\n")
    print("\n".join(notes))
    return status


# --- other agents ---

# The command of ccusage, and the variable with the agent's folder: where they are not the agent's name, and HOME.
COMMANDS = {
    "omp": ("pi", "PI_AGENT_DIR"),
    "openclaude": ("claude", "CLAUDE_CONFIG_DIR"),
}


# What ccusage does where no line of a ledger has the tokens of a difference. Read out of its numbers, and not checked here.
RULES = {
    "copilot": "takes the totals of a session's shutdowns as running ones: of each number the greatest",
    "grok": "counts both lines of a prompt that was logged again",
    "opencode": "takes the tokens of a message, which are those of its last step, and leaves out reasoning beside the output",
}


def their_sessions(program: str, agent: str, place: Path, environ: dict) -> dict:
    """Tokens by session; {} where ccusage does not know the agent."""
    command, variable = COMMANDS.get(agent, (agent, None))
    done = subprocess.run([program, command, "session", "--json", "--offline"], env=environ | ({variable: str(place)} if variable else {}),
                          stdout=subprocess.PIPE)
    rows = json.loads(done.stdout)["sessions"] if done.returncode == 0 else []
    return {row["sessionId"]: tuple(row[column] for column in COLUMNS) for row in rows}


def compare_agents(program: str, ccusage: str, samples: Path, environ: dict, top: Path) -> int:
    status, notes = 0, []
    print("\n| agent, set of samples | sessions | the same | okstrafs, tokens | ccusage, tokens |\n|---|---:|---:|---:|---:|")
    for agent, place in agents.PLACES.items():
        for sample in sorted(path for path in (samples / agent).glob("*") if path.is_dir()):
            label = f"{agent}/{sample.name}"
            home = top / "agents" / label
            shutil.copytree(sample, home / place)
            kept = {key: value for key, value in environ.items() if not key.startswith(("CLAUDE_", "CODEX_", "GEMINI_", "XDG_"))}
            env = kept | {"HOME": str(home), "OKSTRA_HOME": str(home / "okstra")}
            ours, their = Ours(program, env), their_sessions(ccusage, agent, home / place, env)
            lines = {name: [line for line in ours.ledger(name) if "verdict" in line and any(tokens_of(line))]
                     for name in ours.run("ls", "sessions").split("\n")[:-1]}
            heads = {one: name for name in lines for one in ours.subagents(name)}  # a sub-agent counts with its session
            lines = {name: [line for one in lines if heads.get(one, one) == name for line in lines[one]] for name in lines if name not in heads}
            ends = {one.rpartition("%2F")[2]: name for one, name in heads.items()}
            rows: dict[str, list] = {}
            for name, row in their.items():
                rows.setdefault(heads.get(name, ends.get(name, name)), []).append(row)
            their = {name: added(some) for name, some in rows.items()}
            mine = {name: added([tokens_of(line) for line in lines[name] if line["verdict"] == "counted"] or [(0,) * 4]) for name in lines}
            names = [name for name in sorted({*mine, *their}) if any(mine.get(name, ())) or any(their.get(name, ()))]
            differ = [name for name in names if mine.get(name, (0,) * 4) != their.get(name, (0,) * 4)]
            for name in differ:
                between = lines_between(lines.get(name, []), their.get(name, (0,) * 4))
                told = RULES.get(agent) if between is None else "; ".join(map(line_text, between))
                status |= told is None
                notes.append(f"- {label}, `{name}`: " + (f"ccusage {told}" if told else "not explained") + ".")
            sums = [sum(map(sum, rows.values())) for rows in (mine, their)]
            print(f"| {label} | {len(names)} | {len(names) - len(differ)} | {sums[0]:,} | {sums[1]:,} |")
    print("\nWhy, by `ledger.jsonl`:\n")
    print("\n".join(notes))
    return status


def lay_out_made(projects: Path) -> None:
    projects.mkdir(parents=True)
    for i, (model, tokens, when, more) in enumerate(MADE):
        name = f"{i:08d}-0000-4000-8000-000000000000"
        record = records.assistant(when, records.usage(i=tokens, o=0, **more), model=model, id=f"msg_{i:024d}", stop_reason="end_turn",
                                   sessionId=name, requestId=f"req_{i}", uuid=f"u{i}", version="2.1.280", cwd="/made", isSidechain=False)
        (projects / f"{name}.jsonl").write_bytes(records.line(record) + b"\n")


def split_cost(prices: dict, model: str, tokens: int):
    """What the request costs if only the part over the threshold is dearer."""
    entry, base = prices.get(model, {}), "input_cost_per_token"
    for key, price in entry.items():
        if key.startswith(base + "_above_"):
            threshold = int(key.removeprefix(base + "_above_").removesuffix("k_tokens")) * 1000
            return threshold * entry[base] + (tokens - threshold) * price
    return None


def why(prices: dict, request: tuple, mine, their) -> str:
    model, tokens, _, more = request
    if mine is None or their == 0:
        return {(True, True): "neither has a price", (True, False): "okstrafs: the last word is not known, so there is no price",
                (False, True): "ccusage has no price"}[mine is None, their == 0]
    close = {"the same": mine, "ccusage splits the count at the threshold": split_cost(prices, model, tokens),
             "ccusage ignores `inference_geo`": mine / Decimal("1.1") if more else None,
             "ccusage bills at the newest price": tokens * prices.get(model, {}).get("input_cost_per_token", 0)}
    for text, cost in close.items():
        if cost is not None and abs(cost - their) < Decimal("1e-9"):
            return text
    return "not explained"


def compare_made(ours: Ours, other: dict) -> int:
    prices, documents = ours.prices(), ours.sessions()
    texts = []
    print("\n| model | input | day | okstrafs | ccusage | |\n|---|---:|---|---:|---:|---|")
    for i, request in enumerate(MADE):
        name = f"{i:08d}-0000-4000-8000-000000000000"
        mine, their = documents[name]["billed"]["costUSD"], Decimal(other[name]["totalCost"]) if name in other else Decimal(0)
        mine = mine if mine is None else Decimal(mine)
        texts.append(why(prices, request, mine, their))
        model = f"`{request[0]}`" + "".join(f", `{key}` {value}" for key, value in request[3].items())
        print(f"| {model} | {request[1]:,} | {request[2][:10]} | {'null' if mine is None else f'{mine:.4f}'} | {their:.4f} | {texts[-1]} |")
    return 1 if "not explained" in texts else 0


def main() -> int:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    samples = Path(sys.argv[3] if len(sys.argv) > 3 else records.samples() or "")
    with tempfile.TemporaryDirectory(prefix="okstrafs-ccusage-") as folder:
        top = Path(folder)
        lay_out(samples, top / "claude" / "projects")
        environ = os.environ | {"HOME": folder, "CLAUDE_CONFIG_DIR": str(top / "claude"), "OKSTRA_HOME": str(top / "okstra"),
                                "CODEX_HOME": str(top / "codex"), "GEMINI_CLI_HOME": str(top / "gemini"), "TZ": "UTC"}
        status = compare(Ours(os.path.abspath(sys.argv[1]), environ), theirs(sys.argv[2], environ))
        status = max(status, compare_codex(os.path.abspath(sys.argv[1]), sys.argv[2], samples, environ))
        status = max(status, compare_agents(os.path.abspath(sys.argv[1]), sys.argv[2], samples, environ, top))
        lay_out_made(top / "made" / "projects" / "-made")
        environ["CLAUDE_CONFIG_DIR"] = str(top / "made")
        return max(status, compare_made(Ours(os.path.abspath(sys.argv[1]), environ), theirs(sys.argv[2], environ)))


if __name__ == "__main__":
    sys.exit(main())
