"""contrib/engines: totals of SQL equal those of stats/, to the last token and picodollar, in each engine that is here.

After a load, a second load, an append, a request that changed, one that was forgotten, a restart of the daemon, and with hosts.
What left while nobody read is told to who reads after the restart.
Servers are started for the test, on a socket or a loopback port of their own; an engine that is not installed is skipped.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("mount", "support")]

import events  # noqa: E402
import harness  # noqa: E402
import records  # noqa: E402
import schemas  # noqa: E402

ENGINES = TESTS.parent / "contrib" / "engines"
LOADER = ENGINES / "okstrafs-load"
SUMS = ("requests", "inputTokens", "outputTokens", "cacheCreation5mTokens", "cacheCreation1hTokens", "cacheReadTokens", "costPicoUSD")
MODELS = ("claude-opus-4-7", "claude-sonnet-4-5", "claude-haiku-4-5", "no-price-for-this")
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:] if Path("/usr/lib/postgresql").is_dir() else []


def line(ident: str, day: int, output: int, stop: str | None = "end_turn", session: int = 0, **more) -> dict:
    counts = records.usage(10 + output, output, 40, 3000 + day, split=(30, 10))
    return records.assistant(f"2026-0{5 + day // 30}-{day % 30 + 1:02}T0{session % 10}:00:00.000Z", counts, model=MODELS[(day + session) % 4],
                             id=f"msg_{ident:0>24}", cwd=f"/srv/p{session % 3}", gitBranch="main", stop_reason=stop, **more)


class Case:
    """What all engines have to show."""

    def setUp(self):
        super().setUp()
        if harness.is_sanitized() and not isinstance(self, Sqlite):
            self.skipTest("the program is the same for each engine")
        self.paths = []
        for n in range(12):
            team = {"teamName": f"crew{n % 2}", "agentName": f"a{n}"} if n % 3 else {}
            lines = [line(f"{n}x{i}", n * 4 + i, 100 * i + n, session=n, **team) for i in range(8)]
            lines.append(line(f"{n}open", n * 4 + 9, n, None, session=n, **team))
            self.paths.append(self.home.transcript(f"-srv-p{n % 3}", f"session-{n}", lines))
        fork = [line(f"0x{i}", i, 100 * i, session=0) for i in range(8)]
        self.home.transcript("-srv-p0", "fork", [*fork, line("fork", 9, 5, session=3)])
        self.begin()

    def load(self, folder: Path | None = None) -> str:
        done = subprocess.run([sys.executable, str(LOADER), *self.target(), "--from", str(folder or self.mount.point / "events")],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, env=os.environ | self.environ())
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def environ(self) -> dict:
        return {}

    def stats(self, name: str) -> dict:
        rows = json.loads(self.mount.read(f"stats/{name}.json"), parse_float=Decimal)["rows"]
        numbers = {row["key"]: events.of_billed(row["billed"]) for row in rows}
        return {key: row for key, row in numbers.items() if any(row.values())}

    def teams(self) -> dict:
        out = {}
        for team in os.listdir(self.mount.point / "teams"):
            billed = json.loads(self.mount.read(f"teams/{team}/usage.json"), parse_float=Decimal)["billed"]
            out[team] = events.of_billed(billed)
        return out

    def view(self, name: str) -> dict:
        rows = self.query(f"SELECT key, {', '.join(f'sum_{key}' for key in SUMS)} FROM {self.prefix}by_{name}")
        numbers = {row[0]: dict(zip(SUMS, map(int, row[1:]))) for row in rows if row[0] not in (None, "", "\\N")}
        return {key: row for key, row in numbers.items() if any(row.values())}

    prefix = ""

    def check(self) -> None:
        for name, least in (("model", 4), ("day", 40), ("project", 3), ("agent", 6), ("source", 1)):
            self.assertEqual(self.view(name), self.stats(f"by-{name}"), name)
            self.assertGreaterEqual(len(self.view(name)), least)
        self.assertEqual(self.view("team"), self.teams())
        self.assertGreaterEqual(len(self.teams()), 2)
        self.check_total()

    def check_total(self) -> None:
        whole = json.loads(self.mount.read("usage.json"), parse_float=Decimal)["billed"]
        (row,) = self.query(f"SELECT {', '.join(f'sum({key})' for key in SUMS)} FROM {self.table}")
        self.assertEqual(dict(zip(SUMS, map(int, row))), events.of_billed(whole))

    table = "events"

    def test_totals_are_those_of_stats(self):
        with self.home.mount(environ={"TZ": "UTC"}) as self.mount:
            self.assertEqual(self.load(), "2 of 2 files had something new\n")
            self.check()
            self.assertEqual(self.load(), "0 of 2 files had something new\n")
            self.check()
            self.check_columns()
            self.check_more()
            harness.append(self.paths[3], records.line(line("more", 20, 77, session=3)) + b"\n")
            self.assertEqual(self.load(), "1 of 2 files had something new\n")
            self.check()
            # A response that was closed goes on.
            harness.append(self.paths[1], records.line(line("1x7", 11, 4000, session=1)) + b"\n")
            self.assertEqual(self.load(), "1 of 2 files had something new\n")
            self.check()
            revision = self.query(f"SELECT revision FROM {self.table} WHERE messageId = 'msg_{'1x7':0>24}'")
            self.assertEqual([int(row[0]) for row in revision], [1])
            self.paths[2].unlink()
            self.mount.read("usage.json")
            deadline = time.monotonic() + 60
            while not json.loads(self.mount.read("status.json"))["cache"]["saved"]:  # or else another process does not know the session
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            self.home.run("forget", "session-2")
            self.rename_team()
            self.load()
            self.check()
        harness.append(self.paths[4], records.line(line("late", 3, 9, session=4)) + b"\n")
        with self.home.mount(environ={"TZ": "UTC"}) as self.mount:
            self.load()
            self.check()
            self.assertEqual(self.load(), "0 of 2 files had something new\n")
            self.check_hosts()

    def check_hosts(self) -> None:
        """Rows by host are those of by-host.json, also after a host was taken out."""
        config = self.home.okstra / "okstrafs.json"
        for host, sessions in (("laptop", range(3)), ("build7", range(3, 5))):
            for n in sessions:
                file = self.home.root / host / ".claude/projects/-srv" / f"{host}-{n}.jsonl"
                file.parent.mkdir(parents=True, exist_ok=True)
                lines = [line(f"{host}{n}x{i}", n * 3 + i, 10 * n + i, session=n) for i in range(4)]
                file.write_bytes(b"".join(records.line(one) + b"\n" for one in lines))
        copy = self.home.root / "laptop/.claude/projects/-srv/session-1.jsonl"  # what is on two machines counts once
        shutil.copyfile(self.paths[1], copy)
        for hosts in (("laptop", "build7"), ("laptop",), ()):
            config.write_text(json.dumps({"host": "hub", "hosts": {host: str(self.home.root / host) for host in hosts}}))
            self.load()
            self.check_total()
            by_host = self.view("host")
            self.assertEqual(set(by_host), {"hub", *hosts})
            if hosts:
                self.assertEqual(by_host, self.stats("by-host"))

    def rename_team(self) -> None:
        """Lines that say nothing new of requests, but of their session."""
        harness.append(self.paths[0], records.line(records.user(teamName="crew9", agentName="late")) + b"\n")

    def check_columns(self) -> None:
        """They are the keys of a line."""
        keys = {key.lower() for key in schemas.schema("events")["properties"]} | {"month", "loaded"}
        self.assertEqual({column.lower() for column in self.columns()} - {"version"}, keys)

    def check_more(self) -> None:
        """What this engine alone has."""


class Sqlite(Case, harness.MountTest):
    def begin(self) -> None:
        self.path = self.home.root / "usage.db"

    def target(self) -> list[str]:
        return ["sqlite", str(self.path)]

    def query(self, sql: str) -> list[tuple]:
        db = sqlite3.connect(self.path)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def columns(self) -> list[str]:
        return [row[1] for row in self.query("PRAGMA table_info(events)")]

    def read_late(self) -> None:
        """Whoever reads now: the loader, and a program that upserts the lines of events.jsonl by id and revision."""
        self.load()
        self.check()
        with sqlite3.connect(self.home.root / "told.db") as told:
            told.execute(f"CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, revision INTEGER, {', '.join(SUMS)})")
            rows = map(json.loads, self.mount.read("events.jsonl").splitlines())
            told.executemany(f"INSERT INTO events VALUES ({', '.join('?' * (2 + len(SUMS)))}) ON CONFLICT (id) DO UPDATE SET revision = "
                             f"excluded.revision, {', '.join(f'{key} = excluded.{key}' for key in SUMS)} WHERE excluded.revision >= events.revision",
                             [[row[key] for key in ("id", "revision", *SUMS)] for row in rows])
            (sums,) = told.execute(f"SELECT {', '.join(f'sum({key})' for key in SUMS)} FROM events").fetchall()
        told.close()
        whole = json.loads(self.mount.read("usage.json"), parse_float=Decimal)["billed"]
        self.assertEqual(dict(zip(SUMS, sums)), events.of_billed(whole))

    def saved(self) -> None:
        deadline = time.monotonic() + 60
        self.mount.read("usage.json")
        while not json.loads(self.mount.read("status.json"))["cache"]["saved"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_a_file_that_is_no_longer_the_same(self):
        """Outside of a mount an inode says nothing: another file may get it. And who writes may be in the middle of a line."""
        with self.home.mount(environ={"TZ": "UTC"}) as self.mount:
            content = self.mount.read("events/2026-05.jsonl")
        lines, file = content.splitlines(True), self.home.root / "copy/2026-05.jsonl"
        file.parent.mkdir()

        def after(content: bytes) -> tuple:
            with open(file, "r+b" if file.exists() else "wb") as out:  # the same inode
                out.truncate(0)
                out.write(content)
            said = self.load(file.parent)
            return said[0], self.query("SELECT sum(outputTokens) FROM events")[0][0]

        def total(lines: list[bytes]) -> int:
            return sum(json.loads(one)["outputTokens"] for one in lines)

        self.assertEqual(after(b"".join(lines[:-2])), ("1", total(lines[:-2])))
        self.assertEqual(after(content[:-9]), ("1", total(lines[:-1])))
        self.assertEqual(after(content), ("1", total(lines)))
        self.assertEqual(after(content), ("0", total(lines)))
        changed = b"".join([lines[0], *(one.replace(b'"outputTokens":1', b'"outputTokens":2') for one in lines[1:])])
        self.assertEqual(len(changed), len(content))
        self.assertEqual(after(changed), ("1", total(changed.splitlines())))
        self.assertNotEqual(total(changed.splitlines()), total(lines))
        self.assertEqual(after(b"".join(lines[3:])), ("1", total(lines[3:])))

    def test_who_reads_after_a_restart(self):
        for n, path in enumerate(self.paths):  # the last response of each has ended
            harness.append(path, records.line(line(f"{n}open", n * 4 + 9, n, session=n)) + b"\n")
        copy = records.assistant("2026-05-20T09:00:00.000Z", records.usage(500, 7), model=MODELS[0], id="relay", uuid="u9", requestId="r9",
                                 sessionId="s1", agentId="acompact-1", isSidechain=True, stop_reason="end_turn")
        self.home.transcript("-srv-p0", "copy", [copy])
        with self.home.mount(environ={"TZ": "UTC"}) as self.mount:
            self.read_late()
            self.saved()
        # Nobody reads from here on: deleted, rewritten, forgotten, found to be a copy, and killed in between.
        for n in (2, 5):
            self.paths[n].unlink()
        self.paths[7].write_bytes(records.line(line("7y0", 30, 9, session=7)) + b"\n")
        mount = self.home.mount(environ={"TZ": "UTC"})
        mount.read("usage.json")
        mount.stop(signal.SIGKILL)
        self.home.run("forget", "session-2")
        original = dict(copy, timestamp="2026-05-20T08:00:00.000Z", uuid="u1", requestId="r1", isSidechain=False)
        del original["agentId"]
        self.home.transcript("-srv-p0", "original", [original])
        with self.home.mount(environ={"TZ": "UTC"}) as self.mount:
            self.mount.read("usage.json")
            self.saved()
            self.home.run("forget", "session-7")  # what it has lost
            self.mount.read("usage.json")
        with self.home.mount(environ={"TZ": "UTC"}) as self.mount:
            self.read_late()
            self.assertEqual(self.load(), "0 of 2 files had something new\n")
            self.assertGreaterEqual(self.query("SELECT count(*) FROM events WHERE requests = 0")[0][0], 9)


class Duckdb(Case, harness.MountTest):
    def begin(self) -> None:
        self.path = self.home.root / "usage.duckdb"
        done = subprocess.run(["node", "-e", "require('@duckdb/node-api')"], env=os.environ | self.environ(), stderr=subprocess.PIPE) \
            if shutil.which("node") else None
        if not done or done.returncode:
            self.skipTest("no node, or no @duckdb/node-api in $NODE_PATH")

    def environ(self) -> dict:
        """npm puts what it installs for everybody into a folder in which node does not look."""
        if "NODE_PATH" in os.environ or not shutil.which("npm"):
            return {}
        return {"NODE_PATH": subprocess.run(["npm", "root", "-g"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()}

    def target(self) -> list[str]:
        return ["duckdb", str(self.path)]

    def query(self, sql: str) -> list[tuple]:
        done = subprocess.run(["node", str(ENGINES / "duckdb.js"), str(self.path)], input=json.dumps(sql).encode(), stdout=subprocess.PIPE,
                              check=True, env=os.environ | self.environ())
        return [tuple(row.values()) for row in json.loads(done.stdout)]

    def columns(self) -> list[str]:
        return [row[0] for row in self.query("SELECT column_name FROM information_schema.columns WHERE table_name = 'events'")]


class Postgresql(Case, harness.MountTest):
    prefix = "okstrafs."
    table = "okstrafs.events"

    def begin(self) -> None:
        if not POSTGRESQL or not shutil.which("psql"):
            self.skipTest("no PostgreSQL")
        self.folder = self.home.root / "postgresql"
        self.folder.mkdir()
        self.become = []
        if os.geteuid() == 0:  # the server refuses root
            user = "postgres" if "postgres" in {one.pw_name for one in pwd.getpwall()} else "nobody"
            shutil.chown(self.folder, user)
            for parent in self.folder.parents:
                if parent != Path("/") and parent != Path("/tmp") and parent.stat().st_uid == 0:
                    parent.chmod(parent.stat().st_mode | 0o11)
            self.become = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]
        self.user = pwd.getpwnam(user).pw_name if self.become else pwd.getpwuid(os.geteuid()).pw_name
        self.server("initdb", "-A", "trust", "-N", "--no-instructions")
        self.server("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", f"-F -k {self.folder} -c listen_addresses=", "start")
        self.addCleanup(self.server, "pg_ctl", "-w", "-m", "immediate", "stop")

    def server(self, program: str, *arguments: str) -> None:
        subprocess.run([*self.become, str(POSTGRESQL[0] / program), "-D", str(self.folder / "data"), *arguments], check=True, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")

    def connection(self) -> str:
        return f"host={self.folder} dbname=postgres user={self.user}"

    def target(self) -> list[str]:
        return ["postgresql", self.connection()]

    def query(self, sql: str) -> list[tuple]:
        done = subprocess.run(["psql", "-X", "-A", "-t", "-F", "\t", "-d", self.connection(), "-c", sql], stdout=subprocess.PIPE, check=True)
        return [tuple(row.split("\t")) for row in done.stdout.decode().splitlines()]

    def columns(self) -> list[str]:
        return [row[0] for row in self.query("SELECT column_name FROM information_schema.columns WHERE table_name = 'events'")]

    def check_more(self) -> None:
        """Each query of the dashboard runs, and has rows."""
        board = json.loads((ENGINES / "grafana-postgresql.json").read_text())
        queries = [target["rawSql"] for panel in board["panels"] for target in panel.get("targets", [])]
        self.assertGreaterEqual(len(queries), 8)
        for query in queries:
            query = query.replace("$__timeFilter(ts)", "ts BETWEEN '2020-01-01' AND '2039-12-31'")
            self.assertTrue(self.query(query.replace("$__timeGroup(ts, '1d')", "date_trunc('day', ts)")), query)


class Clickhouse(Case, harness.MountTest):
    prefix = "okstrafs."
    table = "okstrafs.events FINAL"

    def begin(self) -> None:
        program = shutil.which("clickhouse-server") or shutil.which("clickhouse-server", path="/usr/sbin")
        if not program or not shutil.which("clickhouse-client"):
            self.skipTest("no ClickHouse")
        folder = self.home.root / "clickhouse"
        (folder / "tmp").mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        (folder / "users.xml").write_text(
            "<yandex><profiles><default/></profiles><users><default><password></password><networks><ip>127.0.0.1</ip></networks>"
            "<profile>default</profile><quota>default</quota></default></users><quotas><default/></quotas></yandex>")
        (folder / "config.xml").write_text(
            f"<yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>"
            f"<tcp_port>{self.port}</tcp_port><listen_host>127.0.0.1</listen_host><path>{folder}/</path><tmp_path>{folder}/tmp/</tmp_path>"
            f"<users_config>{folder}/users.xml</users_config><default_profile>default</default_profile>"
            "<default_database>default</default_database><mark_cache_size>67108864</mark_cache_size></yandex>")
        server = subprocess.Popen([program, f"--config-file={folder}/config.xml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        deadline = time.monotonic() + 60
        while subprocess.run([*self.client(), "SELECT 1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            self.assertLess(time.monotonic(), deadline, "the server does not answer")
            time.sleep(0.1)

    def client(self) -> list[str]:
        return ["clickhouse-client", "--host", "127.0.0.1", "--port", str(self.port), "--query"]

    def target(self) -> list[str]:
        return ["clickhouse", f"127.0.0.1:{self.port}"]

    def query(self, sql: str) -> list[tuple]:
        done = subprocess.run([*self.client(), sql], stdout=subprocess.PIPE, check=True)
        return [tuple(row.split("\t")) for row in done.stdout.decode().splitlines()]

    def columns(self) -> list[str]:
        return [row[0] for row in self.query("DESCRIBE TABLE okstrafs.events")]


del Case

if __name__ == "__main__":
    harness.main(__name__)
