"""Two machines and one that counts both: each machine is a network namespace of the test's own, with a mount and a
node_exporter that reads its metrics.prom. One Prometheus scrapes them over the network between the namespaces. A third
okstrafs has the homes of both as "hosts": its stats/by-host.json is what Prometheus adds up by instance.

The test itself moves into a third namespace, so nothing of it is seen from outside.
"""

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("mount", "support")]

import harness  # noqa: E402
import monitored  # noqa: E402
import records  # noqa: E402
from tap import run_tap  # noqa: E402

CLONE_NEWNET = 0x40000000
NETWORK = "/proc/self/ns/net"
PORT = 9100
NAMES = ("attic", "bureau")
TOKENS = 'okstrafs_tokens_total{type!="cache_read"}'
libc = ctypes.CDLL(None, use_errno=True)


def checked(outcome: int) -> None:
    if outcome:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter(descriptor: int) -> None:
    checked(libc.setns(descriptor, CLONE_NEWNET))


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], stderr=subprocess.PIPE, text=True, timeout=20)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@contextlib.contextmanager
def namespace():
    """This process, and whom it starts, in a new network namespace; gives its descriptor. An OSError: not permitted."""
    before = os.open(NETWORK, os.O_RDONLY | os.O_CLOEXEC)
    try:
        checked(libc.unshare(CLONE_NEWNET))
        own = os.open(NETWORK, os.O_RDONLY | os.O_CLOEXEC)
        try:
            ip("link", "set", "lo", "up")
            yield own
        finally:
            os.close(own)
            enter(before)
    finally:
        os.close(before)


class Machine:
    """A home, its mount, and a node_exporter, in a namespace at 10.0.<number>.2; the test's is at 10.0.<number>.1."""

    def __init__(self, test: "Hosts", number: int, own: int):
        self.home = harness.Home()
        test.addCleanup(self.home.close)
        self.address = f"10.0.{number}.2"
        with namespace() as there:
            self.network = os.dup(there)
            test.addCleanup(os.close, self.network)
            ip("link", "add", "eth0", "type", "veth", "peer", "name", f"host{number}", "netns", f"/proc/{os.getpid()}/fd/{own}")
            ip("addr", "add", f"{self.address}/24", "dev", "eth0")
            ip("link", "set", "eth0", "up")
        ip("addr", "add", f"10.0.{number}.1/24", "dev", f"host{number}")
        ip("link", "set", f"host{number}", "up")

    def start(self, test: "Hosts") -> None:
        there = {"preexec_fn": lambda: enter(self.network), "pass_fds": (self.network,)}
        self.mount = self.home.mount(**there)
        collected = self.home.root / "collected"
        collected.mkdir()
        (collected / "okstrafs.prom").symlink_to(self.mount.point / "metrics.prom")
        test.start("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                   f"--collector.textfile.directory={collected}", f"--web.listen-address={self.address}:{PORT}", **there)


class Hosts(monitored.Monitored):
    def setUp(self):
        super().setUp()
        reason = harness.why_not() or ("" if shutil.which("ip") else "no ip: install iproute2")
        if reason:
            self.skipTest(reason)
        inside = contextlib.ExitStack()
        try:
            self.network = inside.enter_context(namespace())
        except OSError as error:
            self.skipTest(f"no network namespace: {error}")
        self.addCleanup(inside.close)  # after the machines, and before the processes in it end

    def line(self, n: int) -> dict:
        return records.assistant(f"2026-06-10T{n // 60:02d}:{n % 60:02d}:00.000Z", records.usage(n * 101, n * 7, 30 * n, 1000 + n, (10 * n, 20 * n)),
                                 model=records.MODELS[n % 3], id=f"msg_{n:024d}", uuid=f"u-{n}", cwd=f"/w{n % 3}", stop_reason="end_turn")

    def by_host(self) -> dict:
        return {row["key"]: row["billed"] for row in self.hub.json("stats/by-host.json")["rows"]}

    def by_instance(self, metric: str) -> dict:
        """By the name of the machine."""
        found = {row["metric"]["instance"]: float(row["value"][1]) for row in self.ask(f"sum by (instance) ({metric})")}
        return {name: found.get(f"{self.machines[name].address}:{PORT}") for name in NAMES}

    def compare(self, what: str) -> None:
        rows = self.by_host()
        for metric, key in ((TOKENS, "totalTokens"), ("okstrafs_requests_total", "requests")):
            wanted = {name: float(rows[name][key]) for name in NAMES}
            self.until(lambda: self.by_instance(metric) == wanted, f"{what}: {metric} is {wanted}")  # noqa: B023
        cost = {name: round(rows[name]["costUSD"] * 1e6) for name in NAMES}
        self.until(lambda: self.by_instance("round(okstrafs_cost_usd_total * 1e12)") and
                   {name: round(value / 1e6) for name, value in self.by_instance("okstrafs_cost_usd_total * 1e12").items()} == cost,
                   f"{what}: cost is {cost}")
        everything = self.hub.json("usage.json")["billed"]
        for key in ("totalTokens", "requests"):
            self.assertEqual(sum(row[key] for row in rows.values()), everything[key], what)

    def test_one_prometheus_and_one_that_counts_both(self):
        self.machines = {name: Machine(self, i, self.network) for i, name in enumerate(NAMES)}
        attic, bureau = self.machines.values()
        for i in range(6):
            attic.home.transcript(f"-w{i % 3}", f"attic-{i}", [self.line(10 * i + k) for k in range(1, 5)])
            bureau.home.transcript(f"-w{i % 3}", f"bureau-{i}", [self.line(100 + 10 * i + k) for k in range(1, 4)])
        for machine in self.machines.values():
            machine.start(self)
        self.home.okstra.mkdir()
        folders = {name: str(machine.home.projects) for name, machine in self.machines.items()}
        (self.home.okstra / "okstrafs.json").write_text(json.dumps({"host": "hub", "hosts": folders}))
        self.hub = self.home.mount()
        self.port = monitored.free_port()
        self.home.root.chmod(0o711)
        data = self.folder("data")
        config = data / "prometheus.yml"
        targets = [f"{machine.address}:{PORT}" for machine in self.machines.values()]
        config.write_text(f"global: {{scrape_interval: {monitored.SCRAPE}, scrape_timeout: {monitored.SCRAPE}, evaluation_interval: 1s}}\n"
                          f"scrape_configs:\n  - job_name: hosts\n    static_configs: [{{targets: {targets}}}]\n")
        self.start("prometheus", f"--config.file={config}", f"--storage.tsdb.path={data / 'tsdb'}", f"--web.listen-address=127.0.0.1:{self.port}",
                   by_user=True)
        self.assertEqual(sorted(self.by_host()), sorted(NAMES))
        self.assertEqual(self.hub.names("hosts"), ["attic", "bureau", "hub"])
        self.compare("at first")
        harness.append(attic.home.path("-w0", "attic-0"), records.line(self.line(61)) + b"\n")
        bureau.home.transcript("-w1", "bureau-new", [self.line(201), self.line(202)])
        self.compare("after an append on one, and a new session on the other")
        self.check_copy(attic, bureau)

    def check_copy(self, attic: Machine, bureau: Machine) -> None:
        """A session that is on both machines: each of them counts it, and together it counts once."""
        before = self.by_host()
        copy = bureau.home.path("-w1", "attic-1")
        shutil.copy(attic.home.path("-w1", "attic-1"), copy)
        requests = bureau.mount.json("usage.json")["billed"]["requests"]
        self.assertEqual(requests, before["bureau"]["requests"] + 4)
        self.until(lambda: self.by_instance("okstrafs_requests_total")["bureau"] == requests, f"bureau has {requests} requests")
        self.assertEqual(self.by_host(), before)


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
