"""docs/guide.md, typed as a new user would: in an empty home, block by block, and each answer compared."""

import os
import re
import shutil
import subprocess
import unittest

import harness

CHECKOUT = harness.HERE.parents[1]
GUIDE = CHECKOUT / "docs" / "guide.md"


def blocks(text: str) -> list:
    """(command, answer) in order; answer None: whatever it says."""
    found = []
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        if kind == "sh":
            found.append([body, None])
        elif kind == "output":
            found[-1][1] = body
    return found


class Guide(harness.MountTest):
    @unittest.skipUnless(shutil.which("inotifywait"), "no inotifywait here")
    def test_every_command_answers_as_it_says(self):
        environ = {name: value for name, value in self.home.environment().items()
                   if name not in ("OKSTRA_HOME", "CLAUDE_CONFIG_DIR")}
        environ["PATH"] = os.path.dirname(os.path.abspath(harness.binary())) + ":" + environ["PATH"]
        guide = blocks(GUIDE.read_text())
        script = "".join(f"printf '\\036'; {{\n{command}}} || exit 97\n" for command, _ in guide)
        harness.Watchdog.tell("+", 2 ** 22, self.home.root / ".okstra" / "usage")
        try:
            done = subprocess.run(["bash", "-c", script], cwd=CHECKOUT, env=environ, stdin=subprocess.DEVNULL,
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


if __name__ == "__main__":
    harness.main(__name__)
