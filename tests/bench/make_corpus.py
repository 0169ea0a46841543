"""A made-up transcript of any size that costs a scanner what real ones cost.

Measured on real transcripts and met here: median line 1.0 to 1.1 KB, mean about 3 KB, 1 % of the lines above 40 KB, the
longest 1.4 MB (in the first 10 MB, so that a short prefix needs the same buffers); 3 % backslashes, 4 % quotes, every
seventh 64-byte block with a character outside ASCII; most bytes in long strings. 48 MB of distinct lines are made and
written in new orders until the size is reached: far more than any cache or branch predictor remembers.

Each line is a write of its own, as transcripts grow. That matters: it leaves the page cache in 4 KiB pages, where large
writes (or reading the file back from disk) leave large ones, which mmap + memchr runs through three times as fast.

    make_corpus.py FILE MEGABYTES [SEED]
"""

import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import records  # noqa: E402

DISTINCT_BYTES = 48 << 20
LONGEST = 1_400_000
PROSE = ("the scanner reads what was appended and nothing else so a total is exact and cheap whatever the size of the "
         "transcript is while a window may shrink between two reads").split()
CODE = ('    if (r < 0)\n', '        return r;\n', 'printf("%s\\n", name);\n', 'const char *path = "C:\\\\dir";\n', '\t"key": "value",\n',
        'for i in range(10):\n', '}\n', "# ---\n", 'echo "$HOME" | sed \'s/a/b/\'\n', "static const int table[] = {1, 2, 3};\n")
FOREIGN = ("naïve", "façade", "日本語の文", "данные", "✓", "→", "한국어", "🚀", "“quoted”", "—")


def text_pool(rand: random.Random, size: int) -> str:
    parts = []
    length = 0
    while length < size:
        pick = rand.random()
        if pick < 0.42:
            part = rand.choice(CODE)
        elif pick < 0.48:
            part = rand.choice(FOREIGN) + " "
        else:
            part = " ".join(rand.choices(PROSE, k=6)) + " "
        parts.append(part)
        length += len(part)
    return "".join(parts)


class Lines(records.Maker):
    """Records whose text is cut out of a pool, to a size drawn before."""

    def __init__(self, seed: int):
        super().__init__(seed)
        self.pool = text_pool(self.random, 4 << 20)
        self.want = 0

    def words(self, low=0, high=0) -> str:
        at = self.random.randrange(len(self.pool) - self.want)
        return self.pool[at : at + self.want]

    def next(self, size: int) -> bytes:
        # What the envelope takes, roughly; text makes up the rest.
        self.want = max(size - 700, 20)
        makers = (self.assistant, self.user, self.tool_result, self.progress, self.snapshot, self.compaction)
        return records.line(self.random.choices(makers, weights=(45, 8, 30, 12, 2, 1))[0]()) + b"\n"

    def block(self) -> dict:
        kind = self.random.random()
        if kind < 0.4:
            return {"type": "text", "text": self.words()}
        if kind < 0.6:
            return {"type": "thinking", "thinking": self.words(), "signature": "Eq" + "Ab9/" * 60}
        return {"type": "tool_use", "id": self.ident("toolu_"), "name": "Edit",
                "input": {"file_path": "/home/u/project/src/main.c", "old_string": self.words(), "replace_all": False}}

    def response(self) -> dict:
        return super().response() | {"content": [self.block()]}


def distinct_lines(seed: int) -> list[bytes]:
    lines = Lines(seed)
    out = []
    size = 0
    while size < DISTINCT_BYTES:
        out.append(lines.next(min(int(lines.random.lognormvariate(6.85, 1.45)), LONGEST)))
        size += len(out[-1])
    return out


def write(path: str, size: int, seed: int = 1) -> None:
    lines = distinct_lines(seed)
    rand = random.Random(seed)
    longest = Lines(seed + 1)
    longest.want = LONGEST
    head = records.line(longest.user()) + b"\n"
    partial = path + ".partial"
    with open(partial, "wb", buffering=0) as file:
        written = file.write(head)
        while written < size:
            rand.shuffle(lines)
            for line in lines:
                written += file.write(line)
                if written >= size:
                    break
    os.replace(partial, path)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]) << 20, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
