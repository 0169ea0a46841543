"""report.txt through a real mount: what `okstrafs report` prints into a pipe, made of the mount's documents."""

import re
from decimal import ROUND_HALF_UP, Decimal

import harness
import records
import watching

NAMES = ("/home/me/shop", "/home/me/결제")


def usd(amount) -> str:
    """To the cent, halves up."""
    return str(Decimal(str(amount)).quantize(Decimal("0.01"), ROUND_HALF_UP))


class Report(harness.MountTest):
    def setUp(self):
        super().setUp()
        for number, cwd in enumerate(NAMES):
            lines = [records.assistant(f"2026-06-{10 + day}T0{number}:00:00.000Z", records.usage(1000 * (day + 1), 50 + number),
                                       id=f"msg_{number}_{day}", cwd=cwd, stop_reason="end_turn") for day in range(20)]
            self.path = self.home.transcript(f"-p{number}", f"session-{number}", lines)
        self.home.okstra.mkdir()
        (self.home.okstra / "okstrafs.json").write_text('{"budgets": {"ever": {"scope": "total", "limitUSD": 1}}}')

    def add(self, name: str, tokens: int) -> None:
        harness.append(self.path, records.line(records.assistant("2026-06-30T10:00:00.000Z", records.usage(tokens, 7), id=name,
                                                                 stop_reason="end_turn")) + b"\n")

    def test_it_is_what_the_command_prints(self):
        # A name that is cut, so that the width matters; the bar beside it is a full one.
        self.home.transcript("-long", "session-long", [records.assistant(id="msg_long", cwd=f"/home/me/{'long' * 30}",
                                                                                 counts=records.usage(90_000_000))])
        with self.home.mount() as mount:
            text = mount.read("report.txt")
            self.assertEqual(text, self.home.run("report"))
            self.assertEqual(max(map(len, text.decode().splitlines())), 80)
            self.add("msg_new", 5000)
            later = mount.read("report.txt")
            self.assertNotEqual(later, text)
            self.assertEqual(later, self.home.run("report"))
            self.assertLessEqual(max(map(len, later.decode().splitlines())), 80)
            # So that nothing can be hidden in a name, and nothing breaks elsewhere.
            self.assertNotRegex(later, rb"[\x00-\x09\x0b-\x1f\x7f]")

    def test_its_numbers_are_those_of_the_documents(self):
        with self.home.mount() as mount:
            lines = mount.read("report.txt").decode().splitlines()
            for name in ("day", "project", "model"):
                rows = mount.json(f"stats/by-{name}.json")["rows"]
                for row in rows[-14:]:
                    billed = row["billed"]
                    self.assertTrue(any(re.match(rf"{re.escape(row['key'])} +{billed['requests']} +{billed['totalTokens']:,} +{usd(billed['costUSD'])} ",
                                                 line) for line in lines), row)
            self.assertIn("14 of 20; okstrafs report days shows all", lines)
            everything = mount.json("usage.json")["billed"]
            self.assertTrue(any(re.match(rf"All of time +{everything['requests']} .* {everything['totalTokens']:,} +{usd(everything['costUSD'])}$",
                                         line) for line in lines), lines)
            budget = mount.json("budgets/ever.json")
            self.assertTrue(any(re.match(rf"ever +total +{budget['state']} +{usd(budget['spent'])} +1.00 ", line) for line in lines), lines)

    def test_watchers_hear_of_it(self):
        with self.home.mount() as mount:
            mount.read("report.txt")
            with watching.started([watching.Inotify(mount.point / "report.txt")]) as watchers:
                self.add("msg_watched", 9000)
                self.assertEqual(watching.unheard(watchers, [0]), [])
            self.assertEqual(mount.read("report.txt"), self.home.run("report"))


if __name__ == "__main__":
    harness.main(__name__)
