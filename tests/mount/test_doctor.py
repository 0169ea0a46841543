"""`okstrafs doctor`: each check with its fix, as lines and as JSON, and all mounts of the user."""

import json
import os
import resource
import shutil
import struct
import subprocess
import time
import unittest

import harness
import records

NOBODY = 65534
CLOCK = os.environ.get("OKSTRAFS_FAKE_CLOCK_LIBRARY", "")
is_root = os.geteuid() == 0


class Doctor(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.home.transcript("-p", "session-1", [records.assistant(teamName="crew")])

    def run_it(self, *arguments, environ=None, **more):
        return subprocess.run([harness.binary(), "doctor", *arguments], env=self.home.environment() | (environ or {}),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=120, **more)

    def findings(self, environ=None, **more) -> list[dict]:
        """Of this home, and of the mounts in it: others may be there too."""
        done = self.run_it("--json", environ=environ, **more)
        report = json.loads(done.stdout.decode())
        self.assertEqual(list(report), ["version", "checks", "faults", "notes"])
        states = [one["state"] for one in report["checks"]]
        self.assertEqual((states.count("fault"), states.count("note")), (report["faults"], report["notes"]))
        self.assertEqual(done.returncode, 1 if report["faults"] else 0)
        for one in report["checks"]:
            self.assertEqual(list(one), ["check", "state", "mount", "text", "fix"])
            self.assertIn(one["state"], ("ok", "note", "fault"))
            if one["state"] == "fault":
                self.assertTrue(one["fix"], one)
            if one["state"] == "ok":
                self.assertIsNone(one["fix"])
        return [one for one in report["checks"] if not one["mount"] or one["mount"].startswith(str(self.home.root))]

    def found(self, check: str, **more) -> dict:
        found = [one for one in self.findings(**more) if one["check"] == check]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def assertFault(self, check: str, text: str, fix: str, **more) -> None:
        one = self.found(check, **more)
        self.assertEqual(one["state"], "fault", one)
        self.assertIn(text, one["text"])
        self.assertIn(fix, one["fix"])

    def test_a_good_machine(self):
        found = self.findings()
        self.assertEqual([one for one in found if one["state"] == "fault"], [])
        checks = {one["check"] for one in found}
        self.assertGreaterEqual(len(checks), 14)
        self.assertLessEqual({"fuse-device", "fusermount", "mount-helper", "home", "disk-space", "cache", "history", "sources",
                              "transcripts", "inotify", "descriptors", "clock", "time-zone", "mount", "scanner"}, checks)

    def test_lines_say_the_same(self):
        lines = self.run_it().stdout.decode().splitlines()
        said = [line[7:] for line in lines if line.startswith(("ok     ", "note   ", "FAULT  "))]
        for one in self.findings():
            if "space for caches" not in one["text"]:
                self.assertIn(one["text"], said)

    def test_names_of_any_bytes(self):
        """Neither breaks the document, nor reaches a terminal."""
        for name in (b'quote " and \\', b"line\nbreak", b"\xff\xfe", b"esc \x1b[2J", "\u202e\u2028".encode()):
            home = os.fsencode(self.home.root) + b"/" + name
            environ = {"OKSTRA_HOME": os.fsdecode(home)}
            one = self.found("home", environ=environ)
            self.assertIn("first mount makes it", one["text"])
            said = self.run_it(environ=environ).stdout.decode()
            self.assertFalse(set(said) & set("\x1b\u202e\u2028"))
            self.assertEqual(said.count(" does not exist yet: the first mount makes it\n"), 1)
            if b'"' in name:
                self.assertIn(os.fsdecode(home), one["text"])

    def test_every_mount_of_the_user(self):
        with self.home.mount(), self.home.mount(point="else where"):
            found = self.findings()
            points = [str(self.home.root / name) for name in ("usage", "else where")]
            for point in points:
                of_mount = {one["check"]: one for one in found if one["mount"] == point}
                self.assertEqual(of_mount["mount"]["text"], f"mounted on {point}, and responding")
                self.assertEqual(of_mount["daemon-version"]["state"], "ok")
                self.assertLessEqual({"mount", "daemon-version", "helper", "hardening", "watchers"}, set(of_mount))
            default = [one for one in found if one["check"] == "mount" and one["mount"] == str(self.home.okstra / "usage")]
            self.assertIn("nothing is mounted", default[0]["text"])

    def test_a_mount_without_a_daemon(self):
        mount = self.home.mount(point="elsewhere")
        mount.kill_with_helpers()
        try:
            one = [one for one in self.findings() if one["mount"] == str(mount.point)]
            self.assertEqual([(x["check"], x["state"]) for x in one], [("mount", "fault")])
            self.assertIn("without a daemon", one[0]["text"])
            self.assertIn(f"fusermount3 -uz '{mount.point}'", one[0]["fix"])
        finally:
            harness.detach(mount.point)

    @unittest.skipUnless(is_root, "needs root to be two users")
    def test_mounts_of_others_are_counted(self):
        with self.home.mount():
            os.chmod(self.home.root, 0o755)
            program = self.home.root / "okstrafs"
            shutil.copy(harness.binary(), program)
            empty = self.home.root / "empty"
            empty.mkdir()
            done = subprocess.run([program, "doctor", "--json"], env={"HOME": str(empty), "PATH": os.environ["PATH"]},
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, user=NOBODY, group=NOBODY,
                                  extra_groups=[])
            checks = json.loads(done.stdout)["checks"]
            self.assertNotIn(str(self.home.root / "usage"), [one["mount"] for one in checks])
            self.assertTrue([one for one in checks if one["check"] == "mount" and one["state"] == "note"
                             and "mounts of other users" in one["text"]])

    def test_few_descriptors(self):
        self.assertFault("descriptors", "only 100 open files", "ulimit -n",
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)))

    def test_a_wrong_time_zone(self):
        self.assertFault("time-zone", "TZ=Nowhere/Land", "Europe/Berlin", environ={"TZ": "Nowhere/Land"})
        self.assertEqual(self.found("time-zone", environ={"TZ": "KST-9"})["text"], "days are those of KST-9")

    @unittest.skipIf(harness.is_sanitized() or not CLOCK, "the other clock is loaded before the sanitizer")
    def test_a_wrong_clock(self):
        clock = self.home.root / "clock"
        clock.write_bytes(struct.pack("q", 1_000_000_000 - int(time.time())))
        self.assertFault("clock", "clock is wrong", "timedatectl", environ={"LD_PRELOAD": CLOCK, "OKSTRAFS_FAKE_CLOCK": str(clock)})

    def test_a_cache_that_is_no_folder(self):
        (self.home.okstra / "cache").mkdir(parents=True)
        (self.home.okstra / "cache" / "token-usage").write_text("")
        self.assertFault("cache", "is not a folder", "move it away")

    @unittest.skipUnless(is_root, "needs root to give files away")
    def test_a_cache_of_another_user(self):
        """As `sudo okstrafs scan` leaves it."""
        cache = self.home.okstra / "cache" / "token-usage"
        cache.mkdir(parents=True)
        self.assertEqual(self.found("cache")["state"], "ok")
        os.chown(cache, NOBODY, NOBODY)
        self.assertFault("cache", "belongs to another user", "chown -R")

    @unittest.skipUnless(is_root, "needs root to mount a small filesystem")
    def test_no_space(self):
        self.home.okstra.mkdir()
        for options, text in (("size=1m", "only 1024 KiB are free"), ("size=64m,nr_inodes=9", "more files can be made")):
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", self.home.okstra], check=True)
            try:
                self.assertFault("disk-space", text, "free some")
            finally:
                subprocess.run(["umount", "-l", self.home.okstra], check=True)

    def test_no_transcripts(self):
        empty = self.home.root / "empty"
        empty.mkdir()
        self.assertFault("sources", "no transcript folder exists", "run an agent once",
                         environ={"HOME": str(empty), "CLAUDE_CONFIG_DIR": str(empty / "a"), "CODEX_HOME": str(empty / "b"),
                                  "GEMINI_CLI_HOME": str(empty / "c"), "XDG_CONFIG_HOME": str(empty / "d")})

    def test_settings(self):
        self.home.okstra.mkdir()
        (self.home.okstra / "okstrafs.json").write_text('{"budgets": {"today": {"polcy": "block"}}}')
        self.assertFault("settings", "okstrafs.json", "docs/configuration.md")

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "w") as full:
            for words in ((), ("--json",)):
                done = subprocess.run([harness.binary(), "doctor", *words], env=self.home.environment(), stdout=full,
                                      stderr=subprocess.PIPE, timeout=60)
                self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    harness.main(__name__)
