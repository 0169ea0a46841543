"""What the daemon gives up after the mount, and that everything works without it.

tests/common/test_hardening.c tries what is forbidden; here it is the daemon itself, by what the kernel says of it, and by
what must go on: caches, roots and settings that come later, projects anywhere, the end of the mount.
"""

import json
import os
import signal
import shutil
import tempfile
import time
import unittest
from pathlib import Path

import guarded
import harness
import records

is_root = os.geteuid() == 0


def kernel_says(pid: int) -> dict:
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


class Hardening(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.home.transcript("-p", "session-1", [records.assistant()])

    def state(self, mount) -> dict:
        return mount.json("status.json")["daemon"]["hardening"]

    def hardened(self, *options: str) -> harness.Mount:
        """At the default folder, where `doctor` looks."""
        self.home.okstra.mkdir(exist_ok=True)
        mount = self.home.mount(*options, point="okstra/usage")
        mount.read("sessions/session-1/usage.json")
        if "-o" not in options:
            self.need_hardening(mount)
        return mount

    def need_hardening(self, mount) -> None:
        """Where a sanitizer or the kernel is in the way, the daemon says so."""
        if note := self.state(mount)["note"]:
            self.skipTest(note)

    def test_the_kernel_says_the_same(self):
        with self.hardened() as mount:
            says, state = kernel_says(mount.process.pid), self.state(mount)
            self.assertEqual(says["CapEff"], state["capabilities"])
            self.assertEqual((says["CapEff"], says["CapPrm"], says["CapInh"]), ("0" * 16,) * 3)
            self.assertEqual((says["NoNewPrivs"], state["noNewPrivileges"]), ("1", True))
            self.assertEqual((says["Seccomp"], state["seccomp"]), ("2", True))
            for thread in os.listdir(f"/proc/{mount.process.pid}/task"):
                says = kernel_says(int(thread))
                self.assertEqual((says["CapEff"], says["NoNewPrivs"], says["Seccomp"]), ("0" * 16, "1", "2"), says["Name"])
            self.assertTrue(state["noCoreDumps"])
            limits = Path(f"/proc/{mount.process.pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            self.assertEqual(os.stat(f"/proc/{mount.process.pid}/environ").st_uid, 0)  # of no user: not dumpable

    def test_the_helper_keeps_what_unmounting_needs(self):
        with self.hardened() as mount:
            says = kernel_says(mount.toucher())
            self.assertEqual((says["NoNewPrivs"], says["Seccomp"]), ("0", "0"))
            if is_root:
                self.assertEqual(int(says["CapEff"], 16), 1 << 21 | 1 << 2)  # SYS_ADMIN, DAC_READ_SEARCH

    def test_doctor_shows_it(self):
        with self.hardened():
            said = self.home.run("doctor", check=False).decode()
            self.assertIn("the daemon has given up: core dumps: yes; capabilities: all; new privileges: yes", said)

    def test_it_can_be_switched_off(self):
        with self.hardened("-o", "harden=off") as mount:
            says = kernel_says(mount.process.pid)
            self.assertEqual((says["NoNewPrivs"], says["Seccomp"]), ("0", "0"))
            self.assertEqual(self.state(mount)["note"], "switched off by -o harden=off")
            self.assertIn("note   the daemon has given up: core dumps: no", self.home.run("doctor", check=False).decode())

    def test_caches_and_history_are_written(self):
        with self.hardened() as mount:
            self.assertEqual(mount.stop(), 0)
        self.assertEqual(len(self.home.cache_files()), 1)
        self.assertTrue((self.home.okstra / "okstrafs/history/log").exists())

    def test_caches_come_back_after_they_were_deleted(self):
        with self.hardened() as mount:
            shutil.rmtree(self.home.okstra / "cache", ignore_errors=True)
            self.home.transcript("-p", "session-2", [records.assistant()])
            mount.read("sessions/session-2/usage.json")
            self.assertEqual(mount.stop(), 0)
        self.assertIn("session-2.json", [path.name for path in self.home.cache_files()])

    def test_roots_projects_and_settings_that_come_later(self):
        later = Path(tempfile.mkdtemp(prefix="okstrafs-later-", dir=self.home.root))
        root = later / "codex" / "deep"
        project = later / "project"
        with self.home.mount(environ={"CODEX_HOME": str(root)}) as mount:
            self.need_hardening(mount)
            sessions = root / "sessions/2026/06/10"
            sessions.mkdir(parents=True)
            (sessions / "rollout-2026-06-10T01-00-00-0a0a0a0a-0000-4000-8000-000000000001.jsonl").write_text(
                json.dumps({"timestamp": "2026-06-10T01:00:00.000Z", "type": "session_meta",
                            "payload": {"id": "0a0a0a0a-0000-4000-8000-000000000001", "cwd": "/x"}}) + "\n")
            self.assertIn("0a0a0a0a-0000-4000-8000-000000000001", mount.names("sessions"))
            (self.home.okstra / "okstrafs.json").write_text(
                json.dumps({"budgets": {"later": {"scope": "day", "limitTokens": 5}}}))
            status = mount.json("status.json")
            self.assertEqual([s["error"] for s in status["settings"]], [None, None])
            self.assertIn("later.json", mount.names("budgets"))
            project.mkdir()
            self.home.transcript("-q", "session-3", [dict(records.assistant(), cwd=str(project), teamName="late")])
            self.assertIn("late", mount.names("teams"))
            self.assertEqual(mount.json("status.json")["fileErrors"], 0)

    @unittest.skipUnless(is_root, "only root reads what belongs to others")
    def test_root_reads_the_transcripts_of_others(self):
        for path in (self.home.config, self.home.projects, self.home.projects / "-p"):
            os.chown(path, 65534, 65534)
            path.chmod(0o700)
        file = self.home.path("-p", "session-1")
        os.chown(file, 65534, 65534)
        file.chmod(0o600)
        with self.hardened() as mount:
            self.assertEqual(mount.json("status.json")["fileErrors"], 0)
            self.assertEqual(int(self.state(mount)["capabilities"], 16), 1 << 2)  # DAC_READ_SEARCH

    def test_the_end_takes_the_mount_away(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            mount = self.hardened()
            held = os.open(mount.point / "sessions/session-1/usage.json", os.O_RDONLY)
            mount.process.send_signal(how)
            mount.process.wait(harness.LIMIT)
            harness.until(lambda: not harness.is_mounted(mount.point), f"the mount is gone after {how}")
            self.assertEqual(mount.said(), "")
            os.close(held)
            mount.stop()

    def test_a_helper_that_was_started_again_unmounts(self):
        mount = self.hardened()
        for _ in range(2):
            first = mount.toucher()
            os.kill(first, signal.SIGKILL)
            harness.until(lambda: mount.toucher() != first, "there is another helper")
            time.sleep(1.1)  # both are there again
        self.assertTrue(mount.json("status.json")["daemon"]["helper"]["unmounts"])
        mount.process.kill()
        mount.process.wait(harness.LIMIT)
        harness.until(lambda: not harness.is_mounted(mount.point), "the mount is gone")
        mount.stop()

    def test_the_loss_of_both_helpers_is_said(self):
        with self.hardened() as mount:
            first = mount.toucher()
            both = [first, *(int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split())]
            self.assertEqual(len(both), 2)
            os.kill(first, signal.SIGSTOP)  # so that it does not start the spare again in between
            for pid in reversed(both):
                os.kill(pid, signal.SIGKILL)
            harness.until(lambda: mount.json("status.json")["daemon"]["helper"]["restarts"], "the loss of both is seen")
            helper = mount.json("status.json")["daemon"]["helper"]
            self.assertEqual((helper["running"], helper["unmounts"]), (True, False))
            self.assertIn("cannot unmount", mount.said())
            self.assertIn("without the right to unmount", self.home.run("doctor", check=False).decode())
            guarded.call(harness.detach, mount.point)
            self.assertEqual(mount.process.wait(harness.LIMIT), 0)


if __name__ == "__main__":
    harness.main(__name__)
