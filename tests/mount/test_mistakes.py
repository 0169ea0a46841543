"""What goes wrong for somebody new, on the command line and with the machine, and whether the message says what to do."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import unittest

import harness
import records

NOBODY = 65534

as_root = unittest.skipUnless(os.geteuid() == 0, "needs root to change the machine, in a mount namespace of its own")


class Mistakes(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.home.transcript("-p", "session-1", [records.assistant(teamName="crew")])

    def run_it(self, *arguments, stdout=subprocess.PIPE, environ=None, **more):
        """Exit code, output and complaints."""
        done = subprocess.run([harness.binary(), *arguments], env=self.home.environment() | (environ or {}), stdout=stdout,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60, **more)
        return done.returncode, done.stdout or "", done.stderr

    def assertSaid(self, outcome, code: int, *words: str) -> None:
        self.assertEqual(outcome[0], code, outcome)
        for word in words:
            self.assertIn(word, outcome[2])


class Commands(Mistakes):
    def test_a_misspelt_command_makes_nothing(self):
        for words in (("tail", "events.jsonl"), ("tail", "-f", "events.jsonl"), ("scann", "now"), ("mount", ""), ("umount", "")):
            outcome = self.run_it(*words, cwd=self.home.root)
            self.assertSaid(outcome, 64, "okstrafs: ")
            self.assertEqual(len(outcome[2].splitlines()), 1)
        self.assertEqual(sorted(os.listdir(self.home.root)), ["claude"])

    def test_paths_that_are_not_there(self):
        for path, hint in (("teams/*/usage.json", "'okstrafs ls teams' lists"), ("*", "'okstrafs ls' lists"),
                           ("/elsewhere/usage/cost_usd", f"or with {self.home.okstra}/usage"),
                           ("sessions/nobody", "'okstrafs ls' shows")):
            for command in ("cat", "ls"):
                self.assertSaid(self.run_it(command, path), 1, path, hint)
        self.assertEqual(self.run_it("cat", f"{self.home.okstra}/usage/total_tokens"), self.run_it("cat", "/total_tokens"))

    def test_a_full_disk_is_told(self):
        """Also of a long output, of which an early part could not be written."""
        self.home.transcript("-p", "session-2", [records.assistant(id=f"m{i}") for i in range(300)])
        with open("/dev/full", "w") as full:
            for words in (("cat", "events.jsonl"), ("cat", "usage.json"), ("cat", *["README.txt"] * 9), ("ls", "-l"),
                          ("ls", *["stats"] * 500)):
                outcome = self.run_it(*words, stdout=full)
                self.assertEqual(outcome, (1, "", "okstrafs: cannot write: No space left on device\n"), words)


class Scan(Mistakes):
    def test_nothing_found(self):
        nowhere = str(self.home.root / "nowhere")
        self.home.root.joinpath(".gemini").mkdir()
        outcome = self.run_it("scan", environ={"CLAUDE_CONFIG_DIR": nowhere})
        self.assertSaid(outcome, 0, "no transcripts were found", f"    {self.home.root}/.gemini (gemini)\n",
                        f"which do not exist: {nowhere} (claude), ", f"{self.home.root}/.codex (codex), ")
        self.assertEqual(outcome[1], "0 of 0 files, nothing new in them\n")

    def test_nothing_new(self):
        self.assertRegex(self.run_it("scan")[1], r"^1 of 1 files, 0\.0 of 0\.0 MB, \d+ MB/s\n$")
        self.assertEqual(self.run_it("scan"), (0, "1 of 1 files, nothing new in them\n", ""))

    def lines_on_terminal(self, columns: int) -> list:
        """What a terminal of that width shows."""
        try:
            here, there = pty.openpty()
        except OSError as error:
            self.skipTest(f"no terminal to be had: {error}")
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([harness.binary(), "scan", "--no-cache"], env=self.home.environment(), stdin=there,
                                   stdout=there, stderr=there)
        os.close(there)
        said = b""
        with contextlib.suppress(OSError):
            while chunk := os.read(here, 4096):
                said += chunk
        os.close(here)
        self.assertEqual(process.wait(30), 0)
        return [line for line in re.split(r"[\r\n]+", said.decode().replace("\x1b[K", "")) if line]

    def test_the_bar_fits(self):
        wide, narrow, tiny = self.lines_on_terminal(100), self.lines_on_terminal(50), self.lines_on_terminal(20)
        self.assertRegex(wide[-1], r"^\[#{24}\] 1 of 1 files, ")
        self.assertRegex(narrow[-1], "^1 of 1 files, ")
        for lines, columns in ((wide, 100), (narrow, 50), (tiny, 20)):
            self.assertLess(max(map(len, lines)), columns)


class Doctor(Mistakes):
    def doctor(self, name: str, text: str) -> str:
        path = self.home.okstra / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self.run_it("doctor")[1]

    def test_budgets_of_what_is_not_there(self):
        self.home.transcript("-p", "session-2", [records.assistant(agentName="lead")])
        found = {"session": "session-2", "project": "-p", "team": "CREW", "run": "crew", "agent-day": "lead"}
        lost = {scope: of[:-1] for scope, of in found.items()} | {"run": "crow", "agent-day": "led"}
        for names, faults in ((found, 0), (lost, len(lost))):
            said = self.doctor("okstrafs.json", json.dumps({"budgets": {
                scope: {"scope": scope, "of": of, "limitUSD": 1} for scope, of in names.items()} | {
                "each": {"scope": "team", "limitUSD": 1}, "day": {"scope": "day", "limitUSD": 1}}}))
            self.assertEqual(said.count("applies to nothing"), faults, said)
        self.assertIn('FAULT  budget "team" applies to nothing: there is no team "CRE"\n       fix: correct "of" in okstrafs.json: '
                      "'okstrafs ls teams' has the names", said)
        self.assertIn('budget "agent-day" applies to nothing: there is no agent "led"', said)

    def test_prices_with_a_wrong_key(self):
        """And the model keeps the price that it has."""
        def cost() -> bytes:
            return self.home.run("cat", "cost_usd")
        self.home.transcript("-q", "s", [records.assistant(counts=records.usage(i=1000, o=0), model="claude-opus-4-5", id="x",
                                                          stop_reason="end_turn")])
        before = cost()
        said = self.doctor("okstrafs/prices.json", '{"claude-opus-4-5": {"input_cost": 3e-6}}')
        self.assertRegex(said, r'FAULT  .*prices.json: "input_cost" of "claude-opus-4-5" is no price .*\n +fix: ')
        self.assertEqual(cost(), before)
        self.assertIn("prices.json is valid", self.doctor("okstrafs/prices.json", '{"mine": {"input_cost_per_token": 3e-6}}'))


class Diagnosis(Mistakes):
    """What `doctor` finds; it exits with 1 then, and says what to do."""

    def doctor(self, **environ) -> str:
        code, said, _ = self.run_it("doctor", environ=environ)
        self.assertEqual(code, 1 if "\nFAULT" in said else 0, said)
        return said

    def test_a_home_that_cannot_be_used(self):
        self.assertIn("does not exist yet", self.doctor())
        file = self.home.root / "file"
        file.touch()
        self.assertIn(f"OKSTRA_HOME, {file}, is not a folder", self.doctor(OKSTRA_HOME=str(file)))
        if os.geteuid() == 0:
            self.home.okstra.mkdir()
            os.chown(self.home.okstra, NOBODY, NOBODY)
            self.assertIn("belongs to another user", self.doctor())

    def test_a_history_that_is_not_read(self):
        (self.home.okstra / "okstrafs/history/log").mkdir(parents=True)
        self.assertRegex(self.doctor(), "history/log is not read\n.*regular file of yours")

    def test_settings_with_an_error(self):
        self.home.okstra.mkdir()
        (self.home.okstra / "okstrafs.json").write_text('{"budgets": {"all": {"scope": "everything", "limitUSD": 1}}}')
        self.assertRegex(self.doctor(), r"okstrafs\.json: .*scope.*\n.*configuration\.md")

    def test_no_transcripts(self):
        self.assertIn("no transcript folder exists", self.doctor(CLAUDE_CONFIG_DIR=str(self.home.root / "nowhere")))

    def test_mounts_that_do_not_work(self):
        self.home.okstra.mkdir()
        mount = self.home.mount(point="okstra/usage")
        self.home.mounts.remove(mount)  # its end is meant
        try:
            mount.process.send_signal(signal.SIGSTOP)
            self.assertIn(f"{mount.point} does not answer", self.doctor())
            mount.process.send_signal(signal.SIGCONT)
            if os.geteuid() == 0:
                mount.kill_with_helpers()
                self.assertIn("is a mount without a daemon", self.doctor())
        finally:
            mount.process.send_signal(signal.SIGCONT)
            mount.stop()

    @as_root
    def test_another_filesystem_at_its_place(self):
        point = self.home.okstra / "usage"
        point.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", point], check=True, timeout=harness.LIMIT)
        try:
            self.assertIn("is a mount point of another filesystem", self.doctor())
        finally:
            subprocess.run(["umount", point], check=True, timeout=harness.LIMIT)

    def test_what_cannot_be_forgotten(self):
        self.assertSaid(self.run_it("forget"), 64, "ids of sessions, or --all")
        self.assertSaid(self.run_it("forget", "session-1"), 1, "session-1")
        self.assertSaid(self.run_it("forget", "nobody"), 1, "nobody")


@as_root
class Machine(Mistakes):
    """Each in a mount namespace of its own, in which the machine is broken."""

    def broken(self, script: str, user: bool = False) -> str:
        """What the script says. $B is the program; `user`: as somebody without privileges, in a home of his own."""
        program = self.home.root / "okstrafs"
        shutil.copy(harness.binary(), program)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", self.home.root], check=True)
        become = f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups " if user else ""
        device = 'mknod -m 666 "$own/fuse" c 10 229 && mount --bind "$own/fuse" /dev/fuse || exit 77\n' if user else ""
        script = f'set -u; B="{become}{program}"; own=$(mktemp -d); mount -t tmpfs none "$own" || exit 77\n{device}{script}\n'
        script += 'cd /; umount -l "$own"; rmdir "$own"'
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=self.home.environment(), text=True, timeout=120)
        if done.returncode == 77 or "unshare failed" in done.stdout:
            self.skipTest("no mount namespace of our own: " + done.stdout.strip())
        return done.stdout

    def test_a_read_only_home(self):
        for home in ("here", "missing/deep"):
            said = self.broken(f'mkdir "$own/here"; mount -o remount,ro "$own"; export OKSTRA_HOME="$own/{home}"\n'
                               '$B mount; echo "exit $?"; $B scan; echo "exit $?"; $B doctor; $B cat total_tokens')
            self.assertRegex(said, rf"okstrafs: cannot use .*/{home}/usage: Read-only file system; .*doctor'\nexit 73\n")
            self.assertRegex(said, r"okstrafs: cannot save .*Read-only file system; .*\nexit 1\n")
            self.assertRegex(said, r"FAULT  OKSTRA_HOME, .*\n +fix: set OKSTRA_HOME to a folder")
            self.assertTrue(said.endswith("\n11\n"), said)

    ETC = ('cp -a /etc/{passwd,group,nsswitch.conf,ld.so.cache,ld.so.conf,ld.so.conf.d,fuse.conf,localtime} "$own/" 2>/dev/null; '
           'mount --bind "$own" /etc\n')

    @unittest.skipIf(harness.why_not_by_helper(), harness.why_not_by_helper())
    def test_no_mtab(self):
        """One line says so, when it is mounted and when it is not unmounted; fusermount3 would say it 30 times."""
        said = self.broken(self.ETC + 'chmod 755 "$own"; $B mount; echo "exit $?"; $B umount; echo "exit $?"; $B doctor\n'
                           f'umount -l {self.home.okstra}/usage', user=True)
        self.assertRegex(said, r"\Aokstrafs: /etc/mtab is missing.*ln -s \.\./proc/self/mounts /etc/mtab\nexit 0\n"
                               r"okstrafs: cannot unmount .*: /etc/mtab is missing.*ln -s \.\./proc/self/mounts /etc/mtab\nexit 71\n")
        self.assertIn("FAULT  /etc/mtab is missing", said)

    @unittest.skipIf(harness.why_not_by_helper(), harness.why_not_by_helper())
    def test_a_helper_that_is_not_setuid(self):
        said = self.broken('chmod 755 "$own"; cp "$(command -v fusermount3)" "$own/"; mount --bind "$own/fusermount3" "$(command -v '
                           'fusermount3)"\n$B mount; echo "exit $?"; $B doctor', user=True)
        self.assertRegex(said, r"okstrafs: cannot mount on .*: fusermount3 is not setuid root; as root: .*chmod u\+s .*doctor.*\nexit 69\n")
        self.assertRegex(said, r"FAULT  fusermount3 is not setuid root\n +fix: as root: ")

    @unittest.skipIf(harness.why_not_by_helper(), harness.why_not_by_helper())
    def test_setuid_programs_that_are_forbidden(self):
        said = self.broken('B="setpriv --no-new-privs $B"; $B mount; echo "exit $?"; $B doctor', user=True)
        self.assertRegex(said, r"okstrafs: cannot mount on .*no_new_privs.*\nexit 69\n")
        self.assertRegex(said, r"FAULT  .*no_new_privs")

    def test_root_without_the_right(self):
        said = self.broken('B="setpriv --bounding-set -sys_admin $B"; $B mount; echo "exit $?"; $B doctor')
        self.assertRegex(said, r"okstrafs: cannot mount on .*no CAP_SYS_ADMIN.*\nexit 69\n")
        self.assertRegex(said, r"FAULT  root may not mount here \(no CAP_SYS_ADMIN\)\n +fix: .*--cap-add SYS_ADMIN")


if __name__ == "__main__":
    harness.main(__name__)
