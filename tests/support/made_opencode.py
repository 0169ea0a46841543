"""A made-up OpenCode: a database in WAL mode that stays open, as the agent keeps it, and the older folder of files.

    agent = Agent(folder)
    session = agent.session()
    message = agent.answer(session)
    agent.step(message); agent.complete(message)
    agent.look()        # whoever looks now sees all this, and never forgets it
    agent.paid()        # what was paid of all that was ever seen
    agent.counted()     # what the sessions have of their own
"""

import json
import random
import sqlite3
from pathlib import Path

SECRET = "SECRET of the conversation"
BEGIN = 1788700000000  # milliseconds
KEYS = ("requests", "input", "output", "cacheWrite", "cacheRead")

SCHEMA = """
CREATE TABLE project (id TEXT PRIMARY KEY, worktree TEXT NOT NULL, time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL);
CREATE TABLE session (id TEXT PRIMARY KEY, project_id TEXT NOT NULL, parent_id TEXT, directory TEXT NOT NULL, title TEXT NOT NULL,
  summary_diffs TEXT, time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL);
CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL,
  data TEXT NOT NULL);
CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT NOT NULL, session_id TEXT NOT NULL, time_created INTEGER NOT NULL,
  time_updated INTEGER NOT NULL, data TEXT NOT NULL);
CREATE TABLE credential (id TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE INDEX message_by_session ON message (session_id, time_created, id);
CREATE INDEX part_by_message ON part (message_id, id);
CREATE INDEX part_by_session ON part (session_id);
"""


class Agent:
    def __init__(self, folder, seed: int = 0, name: str = "opencode.db"):
        self.folder, self.chance, self.now, self.n = Path(folder), random.Random(seed), BEGIN, 0
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / name
        self.open()
        self.db.executescript(SCHEMA)
        self.db.execute("INSERT INTO project VALUES ('prj', '/srv/made', 1, 1)")
        self.db.execute("INSERT INTO credential VALUES ('key', ?)", (SECRET,))
        self.sessions, self.messages, self.seen, self.gone = {}, {}, {}, {}

    def open(self) -> None:
        self.db = sqlite3.connect(self.path, isolation_level=None, timeout=0, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")

    def id(self, kind: str) -> str:
        self.n += 1
        self.now += self.chance.randrange(5)
        return f"{kind}_{self.n:012x}{self.chance.getrandbits(56):014x}"

    # --- what the agent does ---

    def session(self, parent=None, directory: str = "/srv/made/shop") -> str:
        name = self.id("ses")
        self.db.execute("INSERT INTO session VALUES (?, 'prj', ?, ?, ?, NULL, ?, ?)",
                        (name, parent, directory, SECRET, self.now, self.now))
        self.sessions[name] = dict(created=self.now, messages=[], parent=parent)
        return name

    def touch(self, session: str) -> None:
        self.db.execute("UPDATE session SET time_updated = ? WHERE id = ?", (self.now, session))

    def add(self, session: str, data: dict, **more) -> str:
        name = self.id("msg")
        data = {"time": {"created": self.now}} | data
        self.db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)",
                        (name, session, data["time"]["created"], self.now, json.dumps(data)))
        self.messages[name] = dict(session=session, data=data, steps=[], copy=False) | more
        self.sessions[session]["messages"].append(name)
        return name

    def prompt(self, session: str) -> str:
        self.touch(session)
        return self.add(session, {"role": "user", "agent": "build", "text": SECRET})

    def answer(self, session: str, model: str = "claude-sonnet-4-6") -> str:
        return self.add(session, {"role": "assistant", "mode": "build", "agent": "build", "modelID": model, "providerID": "made",
                                  "path": {"cwd": "/srv/made/shop", "root": "/"}, "cost": 0, "tokens": tokens([0] * 5)})

    def write(self, message: str) -> None:
        self.db.execute("UPDATE message SET data = ?, time_updated = ? WHERE id = ?",
                        (json.dumps(self.messages[message]["data"]), self.now, message))

    def part(self, message: str, data: dict) -> None:
        self.db.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)",
                        (self.id("prt"), message, self.messages[message]["session"], self.now, self.now, json.dumps(data)))

    def step(self, message: str) -> None:
        """One request of the message."""
        numbers = [self.chance.randrange(1, 3000) for _ in range(5)]
        inside = self.chance.random() < 0.3
        used = tokens(numbers, inside)
        for _ in range(self.chance.randrange(3)):
            state = {"status": "completed", "input": {"command": SECRET}, "output": SECRET,
                     "time": {"start": self.now, "end": self.now + 7}}
            self.part(message, {"type": "tool", "tool": "bash", "callID": self.id("call"), "state": state})
        self.part(message, {"type": "text", "text": SECRET})
        self.part(message, {"reason": "stop", "type": "step-finish", "tokens": used, "cost": 0})
        m = self.messages[message]
        m["steps"].append(((message, len(m["steps"])), (1, numbers[0], numbers[1] + (0 if inside else numbers[2]), numbers[4], numbers[3])))
        m["data"]["tokens"] = used  # those of the last step
        self.write(message)

    def complete(self, message: str) -> None:
        self.messages[message]["data"]["time"]["completed"] = self.now
        self.messages[message]["data"]["finish"] = "stop"
        self.write(message)

    def fork(self, session: str) -> str:
        """Copies have new ids and the old times."""
        self.now += 1
        fork = self.session()
        for name in list(self.sessions[session]["messages"]):
            m = self.messages[name]
            copy = self.add(fork, json.loads(json.dumps(m["data"])), copy=True)
            self.messages[copy]["steps"] = list(m["steps"])
            for (data,) in self.db.execute("SELECT data FROM part WHERE message_id = ? ORDER BY id", (name,)).fetchall():
                self.part(copy, json.loads(data))
        return fork

    def revert(self, session: str) -> None:
        """Takes the last messages out of the conversation."""
        self.touch(session)
        for _ in range(min(3, len(self.sessions[session]["messages"]))):
            name = self.sessions[session]["messages"].pop()
            self.db.execute("DELETE FROM part WHERE message_id = ?", (name,))
            self.db.execute("DELETE FROM message WHERE id = ?", (name,))

    def delete(self, session: str) -> None:
        for table in ("part", "message"):
            self.db.execute(f"DELETE FROM {table} WHERE session_id = ?", (session,))
        self.db.execute("DELETE FROM session WHERE id = ?", (session,))
        del self.sessions[session]

    def anything(self) -> None:
        """One of these, at random."""
        names = list(self.sessions)
        open_ones = [n for s in names for n in self.sessions[s]["messages"]
                     if "tokens" in self.messages[n]["data"] and "completed" not in self.messages[n]["data"]["time"]]
        what = self.chance.random()
        if not names or what < 0.08:
            self.session(self.chance.choice(names) if names and what < 0.03 else None)
        elif open_ones and what < 0.5:
            self.step(self.chance.choice(open_ones))
        elif open_ones and what < 0.65:
            self.complete(self.chance.choice(open_ones))
        elif what < 0.9:
            session = self.chance.choice(names)
            self.prompt(session)
            self.answer(session, self.chance.choice(("claude-sonnet-4-6", "gpt-5.5")))
        elif what < 0.94:
            self.fork_complete(self.chance.choice(names))
        elif what < 0.97:
            self.revert(self.chance.choice(names))
        elif len(names) > 3:
            self.delete(self.chance.choice(names))

    def fork_complete(self, session: str) -> None:
        """A session is forked when its answers have ended."""
        for name in self.sessions[session]["messages"]:
            data = self.messages[name]["data"]
            if "tokens" in data and "completed" not in data["time"]:
                self.complete(name)
        self.fork(session)

    # --- what is to be seen ---

    def look(self) -> None:
        for session, s in self.sessions.items():
            own = {}
            for name in s["messages"]:
                m = self.messages[name]
                self.seen.update(dict(m["steps"]))
                if not m["copy"]:
                    own.update(dict(m["steps"]))
            self.gone[session] = own  # what stays if it is deleted

    def paid(self) -> dict:
        return dict(zip(KEYS, map(sum, zip(*self.seen.values())))) if self.seen else dict.fromkeys(KEYS, 0)

    def counted(self) -> dict:
        rows = [numbers for own in self.gone.values() for numbers in own.values()]
        return dict(zip(KEYS, map(sum, zip(*rows)))) if rows else dict.fromkeys(KEYS, 0)


def tokens(numbers: list, inside: bool = False) -> dict:
    """`inside`: the total says that reasoning is in the output."""
    i, o, reasoning, read, write = numbers
    return {"input": i, "output": o, "reasoning": reasoning, "cache": {"read": read, "write": write},
            "total": i + o + read + write + (0 if inside else reasoning)}


def put_files(folder, session: str, messages: dict, parts: dict = {}, directory: str = "/srv/made/old", parent=None) -> None:
    """A session in the older folder: data by id of the message; parts by the same."""
    storage = Path(folder) / "storage"
    for top, name, data in [("session/prj", session, {"id": session, "parentID": parent, "directory": directory, "title": SECRET,
                                                      "time": {"created": BEGIN, "updated": BEGIN}}),
                            ("project", "prj", {"id": "prj", "worktree": "/"}),
                            *((f"message/{session}", name, {"id": name, "sessionID": session} | data)
                              for name, data in messages.items()),
                            *((f"part/{name}", f"prt_{i}", data) for name, some in parts.items() for i, data in enumerate(some))]:
        path = storage / top / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=2))
