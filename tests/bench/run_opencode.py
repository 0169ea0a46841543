"""OpenCode's database: 10,000 sessions, 300,000 messages, 1.2 million parts. A first look, the first answer of a daemon with
warm caches, a look at what has not changed, and one after a commit.

OKSTRAFS_BENCH_SESSIONS: another number of sessions.
"""

import json
import os
import resource
import sqlite3
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("support", "mount")]

import bench  # noqa: E402
import harness  # noqa: E402
import made_opencode  # noqa: E402

SESSIONS, MESSAGES, PARTS = int(os.environ.get("OKSTRAFS_BENCH_SESSIONS", "10000")), 30, 4
LOOKS = 50


def fill(db: sqlite3.Connection) -> None:
    text = json.dumps({"type": "text", "text": "x" * 300})
    for s in range(SESSIONS):
        session, begin = f"ses_{s:08d}", made_opencode.BEGIN + s * 600000
        db.execute("INSERT INTO session VALUES (?, 'prj', NULL, ?, '', ?, ?, ?)",
                   (session, f"/srv/made/{s % 50}", "x" * 2000, begin, begin + MESSAGES * 10000))
        for m in range(MESSAGES):
            message, at = f"msg_{s:08d}_{m:04d}", begin + m * 10000
            used = made_opencode.tokens([1000 + m, 100, 5, 2000, 30])
            data = {"role": "assistant", "modelID": "claude-sonnet-4-6", "time": {"created": at, "completed": at + 5000},
                    "path": {"cwd": "/srv/made"}, "tokens": used} if m % 2 else {"role": "user", "time": {"created": at}}
            db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", (message, session, at, at + 5000, json.dumps(data)))
            last = json.dumps({"type": "step-finish", "tokens": used}) if m % 2 else text
            db.executemany("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)",
                           [(f"prt_{s:08d}_{m:04d}_{p}", message, session, at, at, last if p == PARTS - 1 else text)
                            for p in range(PARTS)])


def cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def look(mount) -> tuple:
    before, begin = cpu_ms(mount.process.pid), time.monotonic()
    total = int(mount.read("total_tokens"))
    return total, (time.monotonic() - begin) * 1000, cpu_ms(mount.process.pid) - before


def main() -> None:
    home = harness.Home()
    try:
        agent = made_opencode.Agent(home.root / ".local/share/opencode")
        agent.db.execute("PRAGMA synchronous=OFF")
        agent.db.execute("BEGIN")
        fill(agent.db)
        agent.db.execute("COMMIT")
        agent.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        home.run("scan")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        print(f"first scan, with caches: {time.monotonic() - begin:.1f} s, CPU {cpu:.1f} s", flush=True)
        with home.mount() as mount:
            total, wall, cpu = look(mount)
            print(f"CPU time of the first answer: {cpu:.0f} ms")
            bench.target("first answer with warm caches, s", wall / 1000, 1)
            looks = [look(mount) for _ in range(LOOKS)]
            print(f"unchanged: {bench.median([one[1] for one in looks]) * 1000:.0f} us")
            session = f"ses_{SESSIONS - 1:08d}"
            agent.sessions[session], agent.now = dict(messages=[]), made_opencode.BEGIN + SESSIONS * 600000
            looks = []
            for _ in range(LOOKS):
                agent.step(agent.answer(session))
                looks.append(look(mount))
                if looks[-1][0] <= total:
                    sys.exit("a stale answer")
                total = looks[-1][0]
            print(f"after a commit: {bench.median([one[1] for one in looks]):.1f} ms, "
                  f"CPU {sum(one[2] for one in looks) / LOOKS:.1f} ms")
        agent.db.close()
    finally:
        home.close()


if __name__ == "__main__":
    main()
