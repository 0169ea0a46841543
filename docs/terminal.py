#!/usr/bin/env python3
"""Draws docs/terminal.svg, the picture of README.md: a terminal with commands and their real answers.

    docs/terminal.py build/fs/okstrafs > docs/terminal.svg

The commands are run by bash, in a home folder with the transcripts of contrib/demo-transcripts.sh at a fixed time and a
mount of the given program. The same program gives the same bytes. It needs /dev/fuse.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

NOW = 1790000000
COLUMNS = 104
BUDGET = '{"budgets": {"trial": {"scope": "total", "limitUSD": 2.5, "policy": "block"}}}\n'
COMMANDS = (
    "cat ~/.okstra/usage/cost_usd",
    "cat ~/.okstra/usage/teams/okstra-checkout/cost_usd",
    "okstrafs report days",
    "okstrafs report models",
    "cd ~/.okstra/usage && grep -E 'spent|limit|state' budgets/trial.json",
    "ls budgets/exceeded",
)
TEXT = 13  # pixels
ADVANCE, LINE, MARGIN, BAR = 7.83, 18, 16, 30  # of a column, of a line, around the text, of the window's bar
STYLE = """text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#24292f;white-space:pre}
.window{fill:#f6f8fa;stroke:#d0d7de}.bar{fill:#d0d7de}.prompt{fill:#1a7f37}.command{font-weight:bold}.share{fill:#0969da}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.window{fill:#0d1117;stroke:#30363d}.bar{fill:#30363d}
.prompt{fill:#3fb950}.share{fill:#58a6ff}}"""


def answers(program: Path, home: Path) -> list:
    """(command, lines of its answer), as a new shell in a home of its own gives them."""
    demo = home / "demo"
    environment = {"HOME": str(home), "PATH": f"{program.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                   "COLUMNS": str(COLUMNS), "CLAUDE_CONFIG_DIR": str(demo / "claude")}

    def run(*words, text=None):
        return subprocess.run(words, input=text, env=environment, cwd=home, check=True, stdout=subprocess.PIPE, text=True).stdout

    run(str(Path(__file__).resolve().parent.parent / "contrib" / "demo-transcripts.sh"), str(demo), str(NOW))
    (home / ".okstra").mkdir()
    (home / ".okstra" / "okstrafs.json").write_text(BUDGET)
    run(str(program), "mount")
    try:
        said = run("bash", "-e", text="".join(f"{command}\nprintf '\\036'\n" for command in COMMANDS))
    finally:
        run(str(program), "umount")
    return [(command, answer.splitlines()) for command, answer in zip(COMMANDS, said.split("\x1e"))]


def line(y: int, parts: list) -> str:
    spans = "".join(f'<tspan class="{kind}">{escape(words)}</tspan>' if kind else escape(words) for kind, words in parts)
    columns = sum(len(words) for _, words in parts)
    return f'<text x="{MARGIN}" y="{y}" textLength="{columns * ADVANCE:.0f}" xml:space="preserve">{spans}</text>'


def with_bar(words: str) -> list:
    """The bar of a share in a colour of its own."""
    rest = words.rstrip("#")
    return [("", rest), ("share", words[len(rest):])] if rest != words else [("", words)]


def draw(said: list) -> str:
    lines = []
    for command, answer in said:
        lines.append([("prompt", "$ "), ("command", command)])
        lines += [with_bar(words) for words in answer]
    width, height = round(2 * MARGIN + COLUMNS * ADVANCE), BAR + LINE * len(lines) + MARGIN
    dots = "".join(f'<circle class="bar" cx="{MARGIN + 4 + 18 * i}" cy="{BAR // 2}" r="5"/>' for i in range(3))
    rows = "\n".join(line(BAR + TEXT + LINE * i, parts) for i, parts in enumerate(lines) if any(words for _, words in parts))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">\n'
            "<title>A terminal: usage and cost of coding agents, read from files</title>\n"
            f"<style>{STYLE}</style>\n"
            f'<rect class="window" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>{dots}\n{rows}\n</svg>')


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as home:
        print(draw(answers(Path(sys.argv[1]).resolve(), Path(home))))


if __name__ == "__main__":
    main()
