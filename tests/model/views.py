"""How the model test looks at what is under test: through a mount, or through an engine without one.

Both answer the same questions. A mount has everything in it: the kernel's caches, generations of files, the saver's and the
notifier's threads. An engine (engine_host.c) costs a tenth: no exec, no mount, and no file is opened.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import harness

SAVED_SECONDS = 60  # on a loaded machine; the saver itself waits one
BATCH = 256  # commands at once: less than a pipe holds
STREAMS = ("requests.jsonl", "events.jsonl", "tools.jsonl")
VERSION_LIES = -5000


# The folder of each agent below the home's root.
FOLDERS = {"claude": "claude", "codex": "codex", "gemini": "gemini/.gemini", "qwen": "qwen", "pi": "pi"}


class Wrong(AssertionError):
    """`kind` says which comparison failed, so that a failure is not made small into another one."""

    def __init__(self, kind: str, text: str):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


def is_stream(path: str) -> bool:
    return path.rpartition("/")[2] in STREAMS or path.startswith("events/")


class Mounted:
    """A daemon. Streams are told apart by their inodes."""

    def __init__(self, home: harness.Home, options: list[str]):
        self.home, self.options = home, options
        self.start("")

    def arguments(self, *options: str) -> list[str]:
        options = [option for option in (*self.options, *options) if option]
        return ["-o", ",".join(options)] if options else []

    def start(self, options: str) -> None:
        self.mount = self.home.mount(*self.arguments(options))
        self.point = str(self.mount.point)

    def stop(self) -> None:
        how = self.mount.stop()
        if how:
            raise Wrong("exit", f"the daemon ended by {how}: {self.mount.said()}")

    def kill(self) -> None:
        self.mount.stop(signal.SIGKILL)
        self.home.mounts.remove(self.mount)

    def death(self) -> str:
        """What became of the daemon, or "" if it is there."""
        return "" if self.mount.process.poll() is None else f"{self.mount.process.returncode}: {self.mount.said()}"

    def close(self) -> None:
        """The home stops the daemon."""

    def sync(self) -> None:
        os.stat(f"{self.point}/stats/by-model.json")

    def saved(self) -> None:
        until = time.monotonic() + SAVED_SECONDS
        while not json.loads(self.read("status.json"))["cache"]["saved"]:
            if time.monotonic() > until:
                raise Wrong("saver", f"it has not written all after {SAVED_SECONDS} s")
            time.sleep(0.02)

    def save(self) -> None:
        """The saver does it when it likes."""

    def read(self, path: str) -> bytes:
        try:
            with open(f"{self.point}/{path}", "rb", buffering=0) as file:
                return file.read()
        except OSError as error:
            raise Wrong(f"cannot read {path.rpartition('/')[2]}", f"{path}: {error}") from error

    def read_all(self, paths: list[str]) -> dict[str, tuple]:
        """The content of each, and of a stream a number that changes when it starts over."""
        return {path: (self.read(path), os.stat(f"{self.point}/{path}").st_ino if is_stream(path) else 0) for path in paths}

    def names(self, folders: list[str]) -> list[list[tuple]]:
        return [self.names_in(folder) for folder in folders]

    def names_in(self, folder: str) -> list[tuple]:
        try:
            with os.scandir(f"{self.point}/{folder}") as entries:
                return sorted((entry.name, "l" if entry.is_symlink() else "d" if entry.is_dir(follow_symlinks=False) else "f")
                              for entry in entries)
        except OSError as error:
            raise Wrong("cannot list", f"{folder}: {error}") from error

    def forget(self, session: str) -> bool:
        done = subprocess.run([harness.binary(), "forget", session], env=self.home.environment(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=60)
        if done.returncode not in (0, 1):
            raise Wrong("forget", done.stderr.decode())
        return done.returncode == 0

    def fresh(self, paths: list[str], okstra: Path | None = None) -> dict[str, bytes]:
        """By a new process, `okstrafs cat`; with another home it has no caches. Documents are told apart by a text
        between them."""
        between = b"README of okstrafs"
        environment, no_cache = self.home.environment(), []
        if okstra:
            environment, no_cache = environment | {"OKSTRA_HOME": str(okstra)}, ["--no-cache"]
        mark = subprocess.run([harness.binary(), "cat", "README.txt"], env=self.home.environment(), stdout=subprocess.PIPE,
                              timeout=60).stdout
        words = [word for path in paths for word in (path, "README.txt")]
        done = subprocess.run([harness.binary(), *self.arguments(), *no_cache, "cat", *words], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        if done.returncode:
            raise Wrong("cat", f"exit {done.returncode}: {done.stderr.decode()}")
        return dict(zip(paths, done.stdout.split(mark or between)))


class Hosted:
    """An engine in a process of its own, behind two pipes."""

    program = Path(harness.binary()).resolve().parents[1] / "tests/model/engine_host"  # of the same build

    def __init__(self, home: harness.Home, options: list[str]):
        self.home = home
        root = home.root
        roots = [option.partition("=")[2] for option in options if option.startswith("root=")]
        with open(root / "said", "wb") as said:
            folders = [f"{name}={root / folder}" for name, folder in FOLDERS.items()]
            self.process = subprocess.Popen([self.program, home.okstra, *(roots or [""]), *folders],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=home.environment())
        self.ended = ""
        self.start("")

    def ask(self, *commands: str) -> list[tuple[int, int, bytes]]:
        """The answers: a code, a number and bytes."""
        out = []
        for first in range(0, len(commands), BATCH):
            some = commands[first:first + BATCH]
            self.process.stdin.write("".join(f"{command}\n" for command in some).encode())
            self.process.stdin.flush()
            out += [self.answer() for _ in some]
        return out

    def answer(self) -> tuple[int, int, bytes]:
        line = self.process.stdout.readline()
        if line.startswith(b"ended ") or not line:
            self.ended = line.decode().strip() or "gone"
            raise Wrong("died", f"{self.ended}: {(self.home.root / 'said').read_text(errors='replace')}")
        code, number, length = map(int, line.split())
        return code, number, self.process.stdout.read(length)

    def start(self, options: str) -> None:
        self.pid = self.ask("start")[0][1]

    def wait_for_end(self) -> str:
        return self.process.stdout.readline().decode().split()[1]

    def stop(self) -> None:
        self.process.stdin.write(b"stop\n")
        self.process.stdin.flush()
        if (how := self.wait_for_end()) != "0":
            raise Wrong("exit", f"the engine ended by {how}: {(self.home.root / 'said').read_text(errors='replace')}")

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.wait_for_end()

    def death(self) -> str:
        return self.ended

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)

    def one(self, command: str, kind: str) -> tuple[int, bytes]:
        return self.checked(self.ask(command)[0], command, kind)

    @staticmethod
    def checked(answer: tuple[int, int, bytes], command: str, kind: str) -> tuple[int, bytes]:
        code, number, data = answer
        if code == VERSION_LIES:
            raise Wrong("version", f"{command}: another content, and the same version")
        if code < 0:
            raise Wrong(kind, f"{command}: {os.strerror(-code)}")
        return number, data

    def sync(self) -> None:
        self.one("sync", "sync")

    def saved(self) -> None:
        self.one("save", "save")

    save = saved

    def read(self, path: str) -> bytes:
        return self.one(f"look\t{path}", f"cannot read {path.rpartition('/')[2]}")[1]

    def read_all(self, paths: list[str]) -> dict[str, tuple]:
        self.sync()
        out = {}
        for path, answer in zip(paths, self.ask(*(f"get\t{path}" for path in paths))):
            number, data = self.checked(answer, path, f"cannot read {path.rpartition('/')[2]}")
            out[path] = data, number
        return out

    def names(self, folders: list[str]) -> list[list[tuple]]:
        out = []
        for folder, answer in zip(folders, self.ask(*(f"list\t{folder}" for folder in folders))):
            names = self.checked(answer, folder, "cannot list")[1].decode().splitlines()
            out.append(sorted((name[1:], name[0]) for name in names))
        return out

    def forget(self, session: str) -> bool:
        return self.ask(f"forget\t{session}")[0][0] == 0

    def fresh(self, paths: list[str], okstra: Path | None = None) -> dict[str, bytes]:
        out = {}
        for first in range(0, len(paths), BATCH):
            some = paths[first:first + BATCH]
            head = f"fresh\t{okstra or self.home.okstra}\t{0 if okstra else 1}\t{len(some)}\n"
            self.process.stdin.write((head + "".join(f"{path}\n" for path in some)).encode())
            self.process.stdin.flush()
            for path in some:
                out[path] = self.checked(self.answer(), path, "fresh")[1]
        return out
