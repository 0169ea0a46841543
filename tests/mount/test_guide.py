"""The pages of docs/ and README.md, typed as a new user would.

docs/guide.md is typed in an empty home, block by block, and each answer is compared. The commands of the other pages are typed
in the home of contrib/demo-transcripts.sh, each of them must succeed. What stands in for the package's /usr/share/okstrafs is
contrib/.
"""

import json
import os
import re
import shutil
import subprocess
import unittest

import harness

CHECKOUT = harness.HERE.parents[1]
CONTRIB = CHECKOUT / "contrib"
DOCS = CHECKOUT / "docs"
PAGES = [CHECKOUT / "README.md", *(DOCS / f"{name}.md" for name in ("scripts", "status-bars", "teams", "budgets", "dashboards",
                                                                  "configuration", "faq", "reference", "security"))]
# Commands that install, do not end, or need a system that a test has not. What they name must exist all the same.
NOT_TYPED = re.compile(r"^(?:contrib/|meson |systemctl |okstrafs (?:u?mount|top)\b|mount |sudo |/usr/share/okstrafs/on-change |node |inotifywait -m )"
                       r"|\bentr |\btail .*-F |^xdg-open ")


def blocks(text: str, language: str = r"\w+") -> list:
    return re.findall(rf"^```({language})\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def here(command: str) -> str:
    return command.replace("/usr/share/okstrafs/", f"{CONTRIB}/")


def answered(text: str) -> list:
    """(command, answer) in order; answer None: whatever it says."""
    found = []
    for kind, body in blocks(text):
        if kind == "sh":
            found.append([here(body), None])
        elif kind == "output":
            found[-1][1] = body
    return found


class Guide(harness.MountTest):
    @unittest.skipUnless(shutil.which("inotifywait"), "no inotifywait here")
    def test_every_command_answers_as_it_says(self):
        environ = {name: value for name, value in self.home.environment().items()
                   if name not in ("OKSTRA_HOME", "CLAUDE_CONFIG_DIR")}
        environ["PATH"] = os.path.dirname(os.path.abspath(harness.binary())) + ":" + environ["PATH"]
        guide = answered((DOCS / "guide.md").read_text())
        script = "".join(f"printf '\036'; {{\n{command}}} || exit 97\n" for command, _ in guide)
        harness.Watchdog.tell("+", 2 ** 22, self.home.root / ".okstra" / "usage")
        try:
            done = subprocess.run(["bash", "-c", script], cwd=self.home.root, env=environ, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=120)
        finally:
            harness.detach(self.home.root / ".okstra" / "usage")
            harness.Watchdog.tell("-", 2 ** 22, self.home.root / ".okstra" / "usage")
        said = done.stdout.split("\x1e")[1:]
        for (command, answer), one in zip(guide, said):
            if answer is not None:
                self.assertEqual(one, answer, command)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(said), len(guide))
        self.assertGreaterEqual(sum(answer is not None for _, answer in guide), 7)


class Pages(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.user = self.home.root / "user"
        subprocess.run([CONTRIB / "demo-transcripts.sh", self.user], check=True, timeout=harness.LIMIT)
        (self.user / "claude").rename(self.user / ".claude")
        for path in sorted((self.user / ".claude" / "projects").glob("*-shop/*.jsonl"))[:1]:
            path.write_text(path.read_text().replace(path.stem, "3f0c1d2e-0de0-4000-8000-000000000001"))
            path.rename(path.with_stem("3f0c1d2e-0de0-4000-8000-000000000001"))
        self.okstra = self.user / ".okstra"
        self.okstra.mkdir()
        self.stubs = self.home.root / "stubs"
        self.stubs.mkdir()
        (self.stubs / "notify-send").write_text("#!/bin/sh\n")
        (self.stubs / "notify-send").chmod(0o755)
        self.env = {name: value for name, value in self.home.environment().items() if name not in ("OKSTRA_HOME", "CLAUDE_CONFIG_DIR")}
        self.env |= {"HOME": str(self.user), "LC_ALL": "C.UTF-8",
                     "PATH": f"{self.stubs}:{os.path.dirname(os.path.abspath(harness.binary()))}:{self.env['PATH']}"}

    def run_as_user(self, script: str, check: bool = True) -> subprocess.CompletedProcess:
        return subprocess.run(["bash", "-c", script], cwd=self.user, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=check)

    def test_every_command_succeeds(self):
        point = self.okstra / "usage"
        (self.okstra / "okstrafs.json").write_text('{"budgets": {"daily": {"scope": "day", "limitUSD": 20}}}')
        harness.Watchdog.tell("+", 2 ** 22, point)
        self.addCleanup(harness.Watchdog.tell, "-", 2 ** 22, point)
        self.addCleanup(harness.detach, point)
        self.run_as_user("okstrafs mount")
        typed = 0
        for page in PAGES:
            for _, block in blocks(page.read_text(), "sh"):
                lines = [line for line in here(block).splitlines() if line and not line.startswith("#")]
                skipped = [line for line in lines if NOT_TYPED.search(line.replace(f"{CONTRIB}/", "/usr/share/okstrafs/"))
                           or ("jq " in line and not shutil.which("jq"))]
                for path in re.findall(r"~/\.okstra/usage(/[\w./-]*)?", "\n".join(skipped)):
                    self.assertTrue(os.path.lexists(f"{point}{path}"), (page.name, path))
                for what in re.findall(r"on-change(?:\.mjs)? ([\w/-]+)", "\n".join(skipped)):
                    self.assertTrue((point / what).is_dir(), (page.name, what))
                rest = [line for line in lines if line not in skipped]
                with self.subTest(page=page.name, block=block[:60]):
                    # As typed at a prompt: the next line comes, whatever became of this one, so each status is kept.
                    done = self.run_as_user("failed=0\n" + "".join(f"{line}\nfailed=$((failed || $?))\n" for line in rest) + "exit $failed",
                                            check=False)
                    self.assertEqual((done.returncode, done.stderr), (0, ""), block)
                    typed += len(rest)
        self.assertGreaterEqual(typed, 35)

    def test_every_example_of_a_file_is_taken(self):
        taken = 0
        for page in PAGES:
            for _, text in blocks(page.read_text(), "json"):
                one = json.loads(text)
                with self.subTest(page=page.name, text=text[:60]):
                    if {"hooks", "statusLine"} & set(one):
                        for command in re.findall(r'"command": "(.*?)"', text):
                            self.assertTrue(command == "okstrafs statusline" or os.access(here(command), os.X_OK), command)
                    else:
                        path = self.okstra / ("okstrafs.json" if "budgets" in one else "okstrafs/prices.json")
                        path.parent.mkdir(exist_ok=True)
                        path.write_text(text)
                        done = self.run_as_user("okstrafs ls budgets", check=False)
                        self.assertEqual((done.returncode, done.stderr), (0, ""))
                        self.assertNotIn("ERROR", done.stdout)
                    taken += 1
        self.assertGreaterEqual(taken, 7)


if __name__ == "__main__":
    harness.main(__name__)
