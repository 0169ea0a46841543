"""Real transcripts through a real mount: the thirteen keys of every session and project equal the reference's.

Cold, in hundreds of windows, after appends cut at every byte of a record, after a restart with warm caches, and with
--no-cache. Skipped where there are no samples ($OKSTRAFS_SAMPLES). Made-up team sessions are laid beside them, because
no public transcript of a team member was found.
"""

import os
import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import harness
import records
import reference
import reference_window

WINDOWS = 300
APPEND_BYTES_MAX = 64 << 10  # sessions up to this size take part in the appends


# --- laying the samples out -----------------------------------------------------------------------------------------


def _folder_name(name: str) -> str:
    return "-" + "".join(c if c.isalnum() else "-" for c in name)


def lay_out(samples: str, projects: Path) -> None:
    """Every sample file or folder gets a project folder; real_projects already holds such."""
    for entry in sorted(Path(samples, "claude").iterdir()):
        if entry.is_file():
            target = projects / _folder_name(entry.stem)
            target.mkdir()
            shutil.copy(entry, target)
        elif (entry / "real_projects").is_dir():
            lay_out_suite(entry, projects)
        else:
            shutil.copytree(entry, projects / _folder_name(entry.name))


def lay_out_suite(suite: Path, projects: Path) -> None:
    loose = projects / _folder_name(suite.name)
    loose.mkdir()
    for entry in sorted(suite.iterdir()):
        if entry.is_file():
            shutil.copy(entry, loose)
        elif entry.name != "real_projects":
            shutil.copytree(entry, projects / _folder_name(f"{suite.name} {entry.name}"))
    for project in sorted((suite / "real_projects").iterdir()):
        shutil.copytree(project, projects / project.name)


def add_team(home: harness.Home) -> None:
    """A lead, two workers (one of them dispatched twice) and a stranger, with every spelling of the team's name."""
    for serial, (agent, team) in enumerate((("lead", "okstra-T1"), ("codex-worker", "OKSTRA-t1"), ("codex-worker-002", "okstra-T1"),
                                            ("claude-worker", "okstra-T1"), ("other", "another team"))):
        maker = records.Maker(serial + 7, f"team-session-{serial}")
        lines = [maker.assistant() | {"agentName": agent, "teamName": team} for _ in range(5)]
        home.transcript("-made-up-team", f"team-session-{serial}", lines)


# --- windows --------------------------------------------------------------------------------------------------------


def stamps_of(sessions) -> list[str]:
    """Those that can be a bound; some samples hold words in their place."""
    found = {e.stamp for s in sessions.values() for t in s.transcripts for e in t.events if e.stamp}
    return sorted(s for s in found if reference_window.parse(f"{s}_.json", 0))


def bound_near(rand: random.Random, stamp: str, spelling: int) -> str:
    """A bound at or beside a real stamp, in one of the grammar's spellings."""
    when = datetime.fromisoformat(stamp.replace("Z", "+00:00")).replace(tzinfo=None)
    when += timedelta(milliseconds=rand.choice((0, 0, 0, 1, -1, 500)))
    if spelling == 0:
        return when.isoformat(timespec="milliseconds") + "Z"
    if spelling == 1:
        return when.isoformat(timespec="seconds") + "Z"
    if spelling == 2:
        return when.isoformat(timespec="minutes") + "Z"
    if spelling == 3:
        return when.date().isoformat()
    if spelling == 4:
        return f"@{int((when - datetime(1970, 1, 1)).total_seconds())}"
    minutes = rand.choice((540, -330, 60, -720, 1))
    sign = "+" if minutes >= 0 else "-"
    return (when + timedelta(minutes=minutes)).isoformat(timespec="milliseconds") \
        + f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def window_names(stamps: list[str], count: int, seed: int = 1) -> list[str]:
    rand = random.Random(seed)
    names = ["_", "today", "last-7d", f"{stamps[0]}_{stamps[-1]}", f"{stamps[-1]}_{stamps[0]}", f"_{stamps[len(stamps) // 2]}",
             f"{stamps[len(stamps) // 2]}_"]
    names += sorted({s[:10] for s in stamps})[:20]
    while len(names) < count:
        ends = sorted(rand.sample(stamps, 2))
        if rand.random() < 0.05:
            ends.reverse()
        since, until = (bound_near(rand, s, rand.randrange(6)) if rand.random() < 0.9 else "" for s in ends)
        name = f"{since}_{until}"
        names.append(quote(name, safe="@_") if rand.random() < 0.1 else name)
    return names


class Samples(harness.MountTest):
    def setUp(self):
        super().setUp()
        if not records.samples():
            self.skipTest("no samples here: set OKSTRAFS_SAMPLES")
        lay_out(records.samples(), self.home.projects)
        add_team(self.home)
        self.sessions = reference.sessions_of([self.home.config])
        self.projects = reference.projects_of(self.sessions)

    # -- comparing a whole mount

    def check(self, mount, name: str = "") -> None:
        """Every session and project, whole or in the window of that name."""
        since, until, _ = reference_window.parse(f"{name or '_'}.json", reference_window.now_ms())
        leaf = f"window/{name}.json" if name else "usage.json"
        each = {sid: session.totals(since, until) for sid, session in self.sessions.items()}
        for sid, want in each.items():
            self.assertTotals(mount.totals(f"sessions/{sid}/{leaf}"), want, f"{sid} {leaf}")
        for project, ids in self.projects.items():
            want = reference.aggregate([each[sid] for sid in ids])
            self.assertTotals(mount.totals(f"projects/{project}/{leaf}"), want, f"{project} {leaf}")

    def check_windows(self, mount, count: int, seed: int) -> None:
        for name in window_names(stamps_of(self.sessions), count, seed):
            self.check(mount, name)

    # -- the tests

    def test_every_session_and_project_is_listed(self):
        with self.home.mount() as mount:
            self.assertEqual(mount.names("sessions"), sorted(self.sessions))
            self.assertEqual(mount.names("projects"), sorted(self.projects))
            for project, ids in self.projects.items():
                self.assertEqual(mount.names(f"projects/{project}/sessions"), ids)

    def test_cold_whole(self):
        with self.home.mount() as mount:
            self.check(mount)

    def test_cold_windows(self):
        with self.home.mount() as mount:
            self.check_windows(mount, WINDOWS, 1)

    def test_total_tokens_is_the_first_key(self):
        with self.home.mount() as mount:
            for sid, session in self.sessions.items():
                self.assertEqual(mount.read(f"sessions/{sid}/total_tokens"), b"%d\n" % session.totals()["totalTokens"])

    def test_restarted_is_the_same(self):
        with self.home.mount() as mount:
            self.check(mount)
        self.assertTrue(self.home.cache_files(), "nothing was saved")
        with self.home.mount() as mount:
            self.check(mount)
            self.check_windows(mount, 40, 2)

    def test_without_cache_is_the_same(self):
        with self.home.mount("--no-cache") as mount:
            self.check(mount)
            self.check_windows(mount, 40, 3)
        self.assertEqual(self.home.cache_files(), [])

    def test_damaged_caches_are_the_same(self):
        with self.home.mount() as mount:
            self.check(mount)
        rand = random.Random(4)
        for path in self.home.cache_files():
            content = bytearray(path.read_bytes())
            for _ in range(rand.choice((1, 3))):
                content[rand.randrange(len(content))] ^= 1 << rand.randrange(8)
            path.write_bytes(content[: rand.choice((len(content), len(content) // 2))])
        with self.home.mount() as mount:
            self.check(mount)

    def test_cat_is_the_same_without_fuse(self):
        with self.home.mount() as mount:
            for sid in list(self.sessions)[::10]:
                path = f"sessions/{sid}/usage.json"
                self.assertEqual(self.home.run("cat", path), mount.read(path))

    def test_teams(self):
        want = reference.tree([self.home.config])["teams"]
        with self.home.mount() as mount:
            self.assertEqual(mount.names("teams"), sorted(team["name"] for team in want.values()))
            for team in want.values():
                folder = f"teams/{team['name']}"
                self.assertEqual(mount.names(f"{folder}/sessions"), team["sessions"])
                summary = mount.json(f"{folder}/usage.json")["usageSummary"]
                self.assertEqual(summary["totalTokens"], team["totals"]["totalTokens"])
                self.assertEqual(summary["leadTotalTokens"] + summary["workerTotalTokens"], summary["totalTokens"])

    # -- appends, cut at every byte

    def append_cut_everywhere(self, mount, sid: str, record: bytes, name: str) -> None:
        """The record arrives byte by byte; each state of the file is read whole and in a window."""
        path = self.sessions[sid].paths[-1]
        others = self.sessions[sid].transcripts[:-1]
        since, until, _ = reference_window.parse(f"{name}.json", 0)
        content = Path(path).read_bytes()
        for i in range(len(record)):
            harness.append(path, record[i : i + 1])
            now = others + [reference.Transcript(content + record[: i + 1])]
            note = f"{sid} after {i + 1} of {len(record)} bytes"
            self.assertTotals(mount.totals(f"sessions/{sid}/usage.json"), reference.totals_of(now), note)
            self.assertTotals(mount.totals(f"sessions/{sid}/window/{name}.json"), reference.totals_of(now, since, until), note)
        self.sessions = reference.sessions_of([self.home.config])

    def smaller_sessions(self) -> list[str]:
        return [sid for sid, s in self.sessions.items() if 0 < os.path.getsize(s.paths[-1]) <= APPEND_BYTES_MAX]

    def appended_record(self, seed: int) -> bytes:
        usage = records.usage(11, 13, 17, 19, (7, 10), service_tier="standard")
        content = [{"type": "text", "text": "naïve 日本 🚀 \\ \"q\""}, {"type": "tool_use", "name": "Bash"}]
        record = records.assistant(f"2026-07-{seed + 1:02d}T10:00:00.500Z", usage, content, agentName="late-worker")
        return records.line(record) + b"\n"

    def test_appends_cut_at_every_byte(self):
        name = "2026-07-01_2026-07-02T10:00:00.500Z"
        chosen = self.smaller_sessions()[::40]
        with self.home.mount() as mount:
            for sid in chosen:
                # Some samples end without a newline: what is appended first completes their last line.
                harness.append(self.sessions[sid].paths[-1], b"\n")
                self.append_cut_everywhere(mount, sid, self.appended_record(0), name)
            # A second one behind it, bad lines and a blank one between: nothing is counted twice.
            self.append_cut_everywhere(mount, chosen[0], b'\n{"bad"\n\xff\n' + self.appended_record(1), name)
            self.check(mount)
        with self.home.mount() as mount:
            self.check(mount)
            self.append_cut_everywhere(mount, chosen[0], self.appended_record(2), name)


if __name__ == "__main__":
    harness.main(__name__)
