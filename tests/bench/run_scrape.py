"""One Prometheus that scrapes the metrics.prom of many machines: the figures of docs/scale.md.

Each target is a path of one server on loopback, with the metrics.prom of one made machine (run_hosts.py), whose counters are
others for each machine, and some of which rise between two scrapes. OKSTRAFS_BENCH_TARGETS: machines (1000).
OKSTRAFS_BENCH_INTERVAL: seconds between two scrapes (15). OKSTRAFS_BENCH_SCRAPES: how many are measured (4).
"""

import http.server
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import bench
import harness
import run_hosts

TARGETS, INTERVAL, SCRAPES = (int(bench.number(*one)) for one in (("TARGETS", 1000), ("INTERVAL", 15), ("SCRAPES", 4)))
SAMPLE = re.compile(rb"^(okstrafs_(?:tokens|cost_usd|requests)_total\{.*\}) ([0-9.]+)$")


def one_machine() -> bytes:
    folder = run_hosts.homes(1)
    home = harness.Home()
    try:
        home.config = folder / "host-000/.claude"
        return home.run("cat", "metrics.prom")
    finally:
        home.close()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, text: bytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lines = [SAMPLE.match(line) or line for line in text.splitlines()]
        self.begun = time.monotonic()

    def handle_error(self, request, client_address):
        """Prometheus ends, and its connections with it."""

    def text(self, machine: int) -> bytes:
        scrape = int((time.monotonic() - self.begun) / INTERVAL)
        return b"".join((one + b"\n") if isinstance(one, bytes) else
                        b"%s %d\n" % (one[1], int(float(one[2])) + machine * 1009 + (scrape * 37 if i % 10 == machine % 10 else 0))
                        for i, one in enumerate(self.lines))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.server.text(int(self.path.rpartition("/")[2]))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


def ask(port: int, query: str) -> float:
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url, timeout=30) as answer:
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def measure() -> None:
    text = one_machine()
    server = Server(text)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    print(f"each machine: metrics.prom has {len(text) / 1e3:.1f} KB, {samples} samples\n")
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        address = f"127.0.0.1:{server.server_address[1]}"
        (folder / "targets.json").write_text(json.dumps([{"targets": [address], "labels": {"__metrics_path__": f"/{i}", "machine": f"m{i:04d}"}}
                                                         for i in range(TARGETS)]))
        (folder / "prometheus.yml").write_text(f"global: {{scrape_interval: {INTERVAL}s}}\nscrape_configs:\n  - job_name: many\n"
                                               f"    file_sd_configs: [{{files: ['{folder}/targets.json']}}]\n")
        process = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                    f"--web.listen-address=127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            time.sleep(2 * INTERVAL + 2)
            before = run_hosts.cpu_of(process.pid)
            time.sleep(SCRAPES * INTERVAL)
            scrapes = (run_hosts.cpu_of(process.pid) - before) / SCRAPES
            memory = bench.memory_of(process.pid)["VmRSS"]
            up, series = ask(port, "sum(up)"), ask(port, 'count({job="many"})')
            before = run_hosts.cpu_of(process.pid)
            total = ask(port, "sum(okstrafs_requests_total)")
            query = run_hosts.cpu_of(process.pid) - before
            wal = sum(path.stat().st_size for path in (folder / "data/wal").rglob("*") if path.is_file())
        finally:
            process.terminate()
            process.wait(60)
    assert up == TARGETS and total > 0, f"only {up:.0f} answer"
    bench.table(("machines", "series", "CPU s a scrape of all", "MiB", "CPU s of a sum", "WAL MB"), [[str(TARGETS), str(int(series)), scrapes, memory, query, wal / 1e6]])


if __name__ == "__main__":
    if not shutil.which("prometheus"):
        print("skipped: no prometheus here")
        sys.exit(bench.SKIPPED)
    bench.main(measure)
