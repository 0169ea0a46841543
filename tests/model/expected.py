"""What all documents must say after everything that happened to the files, by the reference.

The reference judges files. `Past` adds what files no longer say and what counts all the same: the transcripts that were
deleted, and the requests that a file has lost. It is told of every change, before and after, so it never guesses.
"""

import os
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import reference
import reference_billed

LOST = "lost:"

# Files differ little from one check to the next, and most stamps come again.
reference.parse_line = lru_cache(1 << 14)(reference.parse_line)


def session_of(path: str) -> str:
    return os.path.basename(path)[: -len(".jsonl")]


def complete(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def best_lines(path: str, content: bytes) -> dict[tuple, reference_billed.Line]:
    """The line of each request that counts."""
    out: dict[tuple, reference_billed.Line] = {}
    for line in reference_billed.lines_of(path, content):
        name = line.key, line.part
        if name not in out or reference_billed.rank(line) >= reference_billed.rank(out[name]):
            out[name] = line
    return out


def is_less(now: reference_billed.Line, before: reference_billed.Line) -> bool:
    a, b = reference_billed.rank(now), reference_billed.rank(before)
    return a < b or (a == b and (now.stamp, now.counts) != (before.stamp, before.counts))


def first_offsets(path: str, content: bytes) -> dict[tuple, int]:
    """Where the lines of each response begin, those of progress lines too."""
    out: dict[tuple, int] = {}
    for line in reference_billed.lines_of(path, content):
        out.setdefault(line.key, line.offset)
    return out


def still_has(now: reference_billed.Line, begins: int, before: reference_billed.Line) -> bool:
    """The first line of a response begins where the line did that counted, and a later one counts now that ranks the same."""
    return reference_billed.rank(now) == reference_billed.rank(before) and begins == before.offset < now.offset


class Past:
    """Of the files of Claude Code: paths are relative to the folder of projects."""

    def __init__(self, projects: Path):
        self.projects = projects
        self.files: dict[str, tuple] = {}  # content, inode
        self.retained: dict[str, tuple] = {}
        self.lost: dict[str, list] = {}
        self.lost_teams: dict[str, dict[str, bytes]] = {}  # what lines named that are gone
        self.written: dict[str, bytes] = {}  # by world()

    def now(self) -> dict[str, tuple]:
        out = {}
        for path, _ in reference.find_transcripts(str(self.projects.parent)):
            with open(path, "rb") as file:
                out[os.path.relpath(path, self.projects)] = file.read(), os.stat(path).st_ino
        return out

    def observe(self) -> None:
        now = self.now()
        live = {session_of(path) for path in now}
        was, self.files = self.files, now
        for path, (content, inode) in [*was.items(), *self.retained.items()]:
            kept = complete(content)
            if path in now:
                self.retained.pop(path, None)
                self.lose(path, kept, now[path][0])
            elif any(inode == i and other.startswith(kept) for other, i in now.values()):
                self.retained.pop(path, None)  # it has another name
            elif not reference.Transcript(kept).events:
                continue
            elif session_of(path) in live:
                self.retained.pop(path, None)
                self.lose(path, kept, b"")
            else:
                self.retained[path] = kept, inode

    def lose(self, path: str, before: bytes, after: bytes) -> None:
        """A row of requests stays for each that the file has no more, or only with less output. An unfinished line may go
        without a trace, so it is no substitute. A line that begins where another one did is taken for that one."""
        if after.startswith(before):
            return
        there, begins = best_lines(path, complete(after)), first_offsets(path, complete(after))
        gone = [line._replace(path=LOST + path) for name, line in best_lines(path, before).items()
                if name not in there or (is_less(there[name], line) and not still_has(there[name], begins[line.key], line))]
        if gone:
            self.lost[path] = self.lost.get(path, []) + gone
            self.lost_teams[path] = reference.Transcript(before).teams | self.lost_teams.get(path, {})

    def forget(self, session: str) -> None:
        for kept in (self.retained, self.lost, self.lost_teams):
            for path in [path for path in kept if session in ("--all", session_of(path))]:
                del kept[path]

    def state(self) -> tuple:
        """Equal states give equal worlds."""
        return dict(self.files), dict(self.retained), {path: list(lines) for path, lines in self.lost.items()}

    def world(self, folder: Path) -> "World":
        """Written into a folder of its own, the same each time: files, and those that were deleted."""
        wanted = {path: content for path, (content, _) in [*self.retained.items(), *self.files.items()]}
        for path in self.written.keys() - wanted.keys():
            (folder / "projects" / path).unlink()
        for path, content in wanted.items():
            if self.written.get(path) != content:
                to = folder / "projects" / path
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(content)
        self.written = wanted
        (folder / "projects").mkdir(parents=True, exist_ok=True)
        return World(folder, self)


class World(reference_billed.World):
    def __init__(self, folder: Path, past: Past):
        at = os.path.realpath(folder / "projects")
        more = [line._replace(path=f"{LOST}{at}/{line.path[len(LOST):]}") for lines in past.lost.values() for line in lines]
        super().__init__([str(folder)], more=more)
        for name in ("day", "week", "month", "hour"):
            setattr(self, name, lru_cache(None)(getattr(self, name)))
        self.kept = {f"{at}/{path}" for path in past.retained} | {line.path for line in more}
        inodes: dict[str, object] = {f"{at}/{path}": inode for path, (_, inode) in past.files.items()}
        inodes |= {f"{at}/{path}": one for path, one in past.retained.items()}  # with the content: inodes are used again
        for session in self.sessions.values():
            session.paths = self.once(session.paths, inodes)
        self.in_tails = {line.key[1] for path, (content, _) in past.files.items()
                         for line in reference_billed.lines_of(path, content) if line.offset >= len(complete(content))}
        self.only_lost = set()
        self.lost_teams = past.lost_teams
        for path in past.lost:
            sid = session_of(path)
            self.of_path[f"{LOST}{at}/{path}"] = sid
            if sid not in self.sessions:
                self.only_lost.add(sid)
                self.sessions[sid] = reference.Session()
                self.cwds[sid] = None
            if sid in self.only_lost and os.sep in path:
                self.sessions[sid].projects.add(path.split(os.sep)[0])

    def part(self, sid: str, keep) -> dict:
        """Sessions without events are sessions: not all of a project name an agent then."""
        some = [SimpleNamespace(events=[e for e in t.events if keep(e)], agent_name=t.agent_name, model=t.model)
                for t in self.sessions[sid].transcripts]
        return reference.totals_of(some)

    @staticmethod
    def once(paths: list[str], inodes: dict[str, int]) -> list[str]:
        """A file with several names counts once in a session."""
        seen: dict[object, str] = {}
        for path in sorted(paths, key=os.fsencode):
            seen.setdefault(inodes.get(path, path), path)
        return list(seen.values())

    def files(self) -> list[str]:
        return [path for session in self.sessions.values() for path in session.paths]

    def billed_of(self, requests: list) -> dict:
        retained = sum(r.owner in self.kept for r in requests if not r.line.second_hand and r.line.part != ("search",))
        return reference_billed.billed(requests) | {"retainedRequests": retained}

    def session(self, sid: str, since: str = "", until: str = "") -> dict:
        found = [r for r in self.requests if self.of_path[r.owner] == sid and self.in_window(r.line.stamp, since, until)]
        return self.sessions[sid].totals(since, until) | {"billed": self.billed_of(found)}

    def log(self, sid: str) -> list[tuple]:
        """Of each line of requests.jsonl what the reference can say."""
        out = []
        for r in self.requests:
            if r.line.key[1] not in self.in_tails and self.of_path[r.owner] == sid and not r.line.second_hand and r.line.part != ("search",):
                i, o, five, hour, read = r.line.counts
                out.append((r.line.stamp or "", r.line.model, min(i + five + hour + read, reference.TOKENS_MAX), read, five + hour, o,
                            r.settled or r.owner in self.kept))
        return out

    def teams(self) -> dict[str, list[str]]:
        out: dict[str, set[str]] = {}
        for sid, session in self.sessions.items():
            for key in session.teams():
                out.setdefault(key, set()).add(sid)
        for path, names in self.lost_teams.items():
            for key in names:
                out.setdefault(key, set()).add(session_of(path))
        return {key: sorted(sids) for key, sids in out.items()}
