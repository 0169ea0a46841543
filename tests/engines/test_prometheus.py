"""metrics.prom in Prometheus: what a query returns is what usage.json shows, before and after an append, the deletion of a
transcript and a restart, and no counter is reset. `export --watch` writes, node_exporter reads the file as a user of its
own, Prometheus scrapes it; all of them on loopback.
"""

import json
import os
import re
import signal
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("mount", "support")]

import harness  # noqa: E402
import monitored  # noqa: E402
import records  # noqa: E402
from tap import run_tap  # noqa: E402

DASHBOARD = TESTS.parent / "contrib" / "engines" / "grafana-prometheus.json"
COUNTERS = ("okstrafs_tokens_total", "okstrafs_cost_usd_total", "okstrafs_requests_total")
# What Grafana puts in, and why a panel may have nothing to show here.
VARIABLES = {"$__range": "1h", "$__rate_interval": "1m", "$project": ".*"}
EMPTY = ("Limits of plans",)


class Prometheus(monitored.Monitored):
    def line(self, number: int, **more) -> dict:
        self.serial += 1
        n = self.serial
        return records.assistant(f"2026-06-10T{n // 60 % 24:02d}:{n % 60:02d}:00.000Z", records.usage(n * 101, n * 7, 30 * n, 1000 + n, (10 * n, 20 * n)),
                                 model=records.MODELS[n % 3], id=f"msg_{n}", cwd=f"/w{number % 3}", stop_reason="end_turn",
                                 agentName=f"agent {number % 2}", **({"teamName": "crew"} if number % 2 else {}), **more)

    def export(self):
        return self.start(harness.binary(), "export", "--watch", "--mode=644", str(self.home.root / "out"), "metrics.prom")

    def usage(self) -> dict:
        return json.loads(self.home.run("cat", "usage.json"))["billed"]

    def check(self, what: str) -> None:
        """Prometheus shows what usage.json shows now."""
        billed = self.usage()
        queries = {'sum(okstrafs_tokens_total{type!="cache_read"})': billed["totalTokens"],
                   'sum(okstrafs_tokens_total{type="cache_read"})': billed["cacheReadTokens"],
                   'sum(okstrafs_requests_total)': billed["requests"], "round(sum(okstrafs_cost_usd_total) * 1e6)": round(billed["costUSD"] * 1e6)}
        self.until(lambda: all(self.value(query) == wanted for query, wanted in queries.items()), f"{what}: {queries}")
        for counter in COUNTERS:
            self.assertEqual(self.value(f"max(resets({counter}[1h]))"), 0, (what, counter))

    def test_it_shows_what_usage_json_shows(self):
        self.home.root.chmod(0o711) # for the user, who may not look into it
        for i in range(6):
            self.home.transcript(f"-w{i % 3}", f"s{i}", [self.line(i) for _ in range(4)])
        self.home.okstra.mkdir(exist_ok=True)
        (self.home.okstra / "okstrafs.json").write_text(json.dumps({"budgets": {"all": {"scope": "total", "limitUSD": 0.01}}}))
        exporter = self.export()
        self.until((self.home.root / "out" / "metrics.prom").exists, "metrics.prom")
        # node_exporter has one folder, with files of others in it: a link leads to the export.
        collected = self.folder("collected")
        (collected / "others.prom").write_text("others_metric 1\n")
        (collected / "okstrafs.prom").symlink_to(self.home.root / "out" / "metrics.prom")
        node_port, self.port = monitored.free_port(), monitored.free_port()
        data = self.folder("data")
        config = data / "prometheus.yml"
        config.write_text(f"global: {{scrape_interval: {monitored.SCRAPE}, scrape_timeout: {monitored.SCRAPE}, evaluation_interval: 1s}}\nscrape_configs:\n"
                          f"  - job_name: node\n    static_configs: [{{targets: ['127.0.0.1:{node_port}']}}]\n")
        self.start("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                   f"--collector.textfile.directory={collected}", f"--web.listen-address=127.0.0.1:{node_port}", by_user=True)
        self.start("prometheus", f"--config.file={config}", f"--storage.tsdb.path={data / 'tsdb'}", f"--web.listen-address=127.0.0.1:{self.port}",
                   by_user=True)
        self.check("at first")
        self.assertEqual(self.value("node_textfile_scrape_error"), 0)

        for i in range(4):
            harness.append(self.home.path(f"-w{i % 3}", f"s{i}"), records.line(self.line(i)) + b"\n")
        self.home.transcript("-w1", "s7", [self.line(7), self.line(7)])
        self.check("after appends, and a new session")
        self.home.path("-w1", "s1").unlink()
        self.check("after a transcript was deleted")
        exporter.send_signal(signal.SIGKILL)
        exporter.wait(monitored.SECONDS)
        harness.append(self.home.path("-w2", "s2"), records.line(self.line(2)) + b"\n")
        exporter = self.export()
        self.check("after a kill and a restart")
        harness.append(self.home.path("-w0", "s0"), records.line(self.line(0)) + b"\n")
        self.check("after a change since then")
        self.assertEqual(self.value('okstrafs_budget_state{budget="all",state="exceeded"}'), 1)
        self.check_rows()
        self.check_dashboard()

    def check_rows(self) -> None:
        for label, document in (("model", "by-model"), ("project", "by-project"), ("agent", "by-agent"), ("source", "by-source")):
            rows = json.loads(self.home.run("cat", f"stats/{document}.json"))["rows"]
            found = {row["metric"][label]: float(row["value"][1]) for row in self.ask(f"sum by ({label}) (okstrafs_requests_total)")}
            self.assertEqual(found, {row["key"]: row["billed"]["requests"] for row in rows}, label)

    def check_dashboard(self) -> None:
        """Each query of the dashboard for Grafana is taken, and has an answer."""
        dashboard = json.loads(DASHBOARD.read_text())
        self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]))
        names = set()
        for panel in dashboard["panels"]:
            self.assertTrue(panel["targets"], panel["title"])
            for target in panel["targets"]:
                query = target["expr"]
                names |= set(re.findall(r"okstrafs_\w+", query))
                for variable, value in VARIABLES.items():
                    query = query.replace(variable, value)
                self.assertNotIn("$", query)
                self.until(lambda: self.ask(query) or panel["title"] in EMPTY, f"{panel['title']}: {query}")  # noqa: B023
        exported = (self.home.root / "out" / "metrics.prom").read_text()
        self.assertEqual({name for name in names if f"# TYPE {name} " not in exported}, set())


if __name__ == "__main__":
    sys.exit(run_tap(sys.modules[__name__]))
