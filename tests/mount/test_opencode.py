"""OpenCode's database under the hardened daemon: what the agent commits is in the next answer, watchers are notified, and
nothing is left beside the database.
"""

import shutil
import time

import harness
import watching
from made_opencode import Agent


class OpenCodeTest(harness.MountTest):
    def setUp(self):
        super().setUp()
        self.folder = self.home.root / ".local/share/opencode"
        self.agent = Agent(self.folder)
        self.addCleanup(lambda: self.agent.db.close())

    def same(self, mount, note: str = "") -> None:
        billed = mount.json("usage.json")["billed"] or {"requests": 0, "inputTokens": 0, "outputTokens": 0}
        self.agent.look()
        paid = self.agent.paid()
        self.assertEqual((billed["requests"], billed["inputTokens"], billed["outputTokens"]),
                         (paid["requests"], paid["input"], paid["output"]), note)

    def is_alone(self) -> bool:
        """If the daemon was reading when the last user closed it, the log stays, as with any reader, until the next one does."""
        if len(list(self.folder.iterdir())) > 1:
            self.agent.open()
            self.agent.db.close()
        return [path.name for path in self.folder.iterdir()] == ["opencode.db"]

    def each_commit(self, steps: int, *options: str) -> None:
        with self.home.mount(*options) as mount:
            for step in range(steps):
                self.agent.anything()
                self.same(mount, f"after {step}")
            self.assertEqual({path.name for path in self.folder.iterdir()}, {"opencode.db", "opencode.db-wal", "opencode.db-shm"})
            self.agent.db.close()
            self.same(mount, "closed")
            harness.until(self.is_alone, "nothing is left beside the database")
            self.agent.open()
            self.agent.anything()
            self.same(mount, "opened again")

    def test_each_commit_is_in_the_next_answer(self):
        self.each_commit(harness.by_effort(40, 150, 500))

    def test_without_watches(self):
        time.sleep(0.1)  # what made the folder is older than a tick of its times
        self.each_commit(harness.by_effort(15, 40, 150), "-o", "revalidate=stat")

    def test_a_look_at_what_has_not_changed(self):
        self.agent.step(self.agent.answer(self.agent.session()))
        with self.home.mount() as mount:
            self.same(mount)
            before = mount.json("status.json")["scan"]
            for _ in range(5):
                self.same(mount)
            self.assertEqual(mount.json("status.json")["scan"], before)

    def test_deleted_and_back(self):
        for _ in range(3):
            self.agent.step(self.agent.answer(self.agent.session()))
        with self.home.mount() as mount:
            self.same(mount)
            self.agent.db.close()
            shutil.move(self.folder, self.home.root / "away")
            self.same(mount, "deleted")
            shutil.move(self.home.root / "away", self.folder)
            self.agent.open()
            self.agent.step(self.agent.answer(self.agent.session()))
            self.same(mount, "back")

    def test_a_watcher_is_notified(self):
        message = self.agent.answer(self.agent.session())
        self.agent.step(message)
        with self.home.mount() as mount:
            self.same(mount)
            watcher = watching.Inotify(mount.point / "total_tokens")
            watcher.start()
            self.addCleanup(watcher.stop)
            before = [watcher.count]
            self.agent.step(message)
            self.assertEqual(watching.unheard([watcher], before), [])
            self.same(mount)


if __name__ == "__main__":
    harness.main(__name__)
