"""What the mount answers to every way of writing, reading and listing.

Writing: nobody changes anything, whoever he is, and the refusal is the documented one; the same operations succeed in
an ordinary folder, which shows that they were meant. Reading: every way to get at the bytes gives the same ones, and
as many as stat says. Listing: every name once, with the type and number that stat gives.
"""

import array
import errno
import fcntl
import mmap
import os
import shutil
import socket
import stat
import subprocess
import threading
import unittest
from pathlib import Path

import guarded
import harness
import records

NOBODY = 65534
STRANGER = 54321
LONG = bool(os.environ.get("OKSTRAFS_LONG"))
SESSIONS = 5000
HELPER = os.environ.get("OKSTRAFS_GETDENTS", "")

as_root = unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")


def needs(tool: str):
    return unittest.skipUnless(shutil.which(tool), f"no {tool} here")


def run(*command, **more) -> bytes:
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, check=True, timeout=60, **more).stdout


# The content of these follows the clock or the daemon's own work.
RESTLESS = ("status.json", "metrics.prom", "last-", "today")


def snapshot(top) -> dict:
    """Everything that a write could have changed, by path."""
    seen = {}
    for folder, dirs, files in os.walk(top):
        for name in [".", *dirs, *(f for f in files if not f.startswith(RESTLESS))]:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            held = os.readlink(path) if stat.S_ISLNK(st.st_mode) else Path(path).read_bytes() if name in files else None
            seen[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, st.st_size, held)
    return seen


def populate(home: harness.Home, sessions: int = 6) -> None:
    """Sessions of two projects, one of them of a team, one with a sub-agent."""
    for i in range(sessions):
        maker = records.Maker(i + 1, f"session-{i}")
        lines = [maker.assistant() | {"teamName": "okstra-T", "agentName": f"worker-{i}"} for _ in range(3 + i)]
        home.transcript(f"-project-{i % 2}", f"session-{i}", lines)
    home.transcript("-project-0", "sub-0", [records.assistant()], parent="session-0")


# --- writing --------------------------------------------------------------------------------------------------------


class Places:
    """A tree to be attacked (the mount, or an ordinary copy of it) and a folder of one's own beside it."""

    def __init__(self, top, own):
        self.top = str(top)
        self.file = f"{top}/sessions/session-1/usage.json"
        self.dir = f"{top}/sessions/session-1"
        self.empty = f"{top}/sessions/session-1/subagents"
        self.link = f"{top}/sessions/session-0/subagents/sub-0"
        self.new = f"{top}/sessions/new"
        self.own = str(own)
        self.serial = 0

    def mine(self) -> str:
        """A file of one's own, to be moved or linked into the tree."""
        self.serial += 1
        path = f"{self.own}/mine-{os.getpid()}-{self.serial}"
        Path(path).write_text("x")
        return path


def opens(path: str, flags: int) -> None:
    os.close(os.open(path, flags, 0o600))


def binds(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)


def with_fd(path: str, flags: int, fn) -> None:
    fd = os.open(path, flags)
    try:
        fn(fd)
    finally:
        os.close(fd)


def sets_flags(path: str) -> None:
    FS_IOC_SETFLAGS = 0x40086602
    with_fd(path, os.O_RDONLY, lambda fd: fcntl.ioctl(fd, FS_IOC_SETFLAGS, array.array("l", [0])))


READ_ONLY = {errno.EROFS}
# What the kernel says before it asks the filesystem.
EXISTS, OTHER_FS, PRIVILEGE = {errno.EROFS, errno.EEXIST}, {errno.EROFS, errno.EXDEV}, {errno.EROFS, errno.EPERM}
NOT_OPEN = {errno.EBADF, errno.EINVAL, errno.EACCES}

ATTACKS = {
    "open for writing": (lambda p: opens(p.file, os.O_WRONLY), READ_ONLY),
    "open for both": (lambda p: opens(p.file, os.O_RDWR), READ_ONLY),
    "open appending": (lambda p: opens(p.file, os.O_WRONLY | os.O_APPEND), READ_ONLY),
    "open truncating, reading": (lambda p: opens(p.file, os.O_RDONLY | os.O_TRUNC), READ_ONLY),
    "open truncating, writing": (lambda p: opens(p.file, os.O_WRONLY | os.O_TRUNC), READ_ONLY),
    "create": (lambda p: opens(p.new, os.O_WRONLY | os.O_CREAT), READ_ONLY),
    "create exclusively": (lambda p: opens(p.new + "x", os.O_WRONLY | os.O_CREAT | os.O_EXCL), READ_ONLY),
    "create for reading": (lambda p: opens(p.new + "r", os.O_RDONLY | os.O_CREAT), READ_ONLY),
    "create what exists": (lambda p: opens(p.file, os.O_WRONLY | os.O_CREAT), READ_ONLY),
    "create at the top": (lambda p: opens(f"{p.top}/new", os.O_WRONLY | os.O_CREAT), READ_ONLY),
    "create a window": (lambda p: opens(f"{p.dir}/window/new", os.O_WRONLY | os.O_CREAT), READ_ONLY),
    "unnamed file": (lambda p: opens(p.dir, os.O_RDWR | os.O_TMPFILE), READ_ONLY | {errno.EOPNOTSUPP}),
    "write without the right": (lambda p: with_fd(p.file, os.O_RDONLY, lambda fd: os.write(fd, b"x")), NOT_OPEN),
    "truncate without the right": (lambda p: with_fd(p.file, os.O_RDONLY, lambda fd: os.ftruncate(fd, 0)), NOT_OPEN),
    "map for writing": (lambda p: with_fd(p.file, os.O_RDONLY, lambda fd: mmap.mmap(
        fd, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE).close()), NOT_OPEN),
    "fallocate": (lambda p: with_fd(p.file, os.O_RDONLY, lambda fd: os.posix_fallocate(fd, 0, 9)), NOT_OPEN),
    "mkdir": (lambda p: os.mkdir(p.new + "d"), READ_ONLY),
    "mkdir at the top": (lambda p: os.mkdir(f"{p.top}/newd"), READ_ONLY),
    "mkdir what exists": (lambda p: os.mkdir(p.dir), EXISTS),
    "mkfifo": (lambda p: os.mkfifo(p.new + "f"), READ_ONLY),
    "mknod": (lambda p: os.mknod(p.new + "n", stat.S_IFREG | 0o600), READ_ONLY),
    "mknod of a device": (lambda p: os.mknod(p.new + "c", stat.S_IFCHR | 0o600, os.makedev(1, 3)), PRIVILEGE),
    "bind": (lambda p: binds(p.new + "s"), READ_ONLY),
    "symlink": (lambda p: os.symlink("x", p.new + "l"), READ_ONLY),
    "link": (lambda p: os.link(p.file, p.new + "h"), READ_ONLY),
    "link from outside": (lambda p: os.link(p.mine(), p.new + "o"), OTHER_FS),
    "link to outside": (lambda p: os.link(p.file, p.mine() + "h"), OTHER_FS),
    "rename": (lambda p: os.rename(p.file, p.dir + "/renamed"), READ_ONLY),
    "rename a folder": (lambda p: os.rename(p.dir, p.new + "m"), READ_ONLY),
    "rename a link": (lambda p: os.rename(p.link, p.dir + "/link"), READ_ONLY),
    "rename from outside": (lambda p: os.rename(p.mine(), p.new + "i"), OTHER_FS),
    "rename to outside": (lambda p: os.rename(p.file, p.mine()), OTHER_FS),
    "unlink": (lambda p: os.unlink(p.file), READ_ONLY),
    "unlink a link": (lambda p: os.unlink(p.link), READ_ONLY),
    "rmdir": (lambda p: os.rmdir(p.empty), READ_ONLY),
    "rmdir what is not empty": (lambda p: os.rmdir(p.dir), READ_ONLY | {errno.ENOTEMPTY}),
    "chmod": (lambda p: os.chmod(p.file, 0o666), READ_ONLY),
    "chmod a folder": (lambda p: os.chmod(p.dir, 0o777), READ_ONLY),
    "fchmod": (lambda p: with_fd(p.file, os.O_RDONLY, lambda fd: os.fchmod(fd, 0o666)), READ_ONLY),
    "chown": (lambda p: os.chown(p.file, os.getuid(), os.getgid()), READ_ONLY),
    "chown a link": (lambda p: os.lchown(p.link, os.getuid(), os.getgid()), READ_ONLY),
    "truncate": (lambda p: os.truncate(p.file, 0), READ_ONLY),
    "truncate to more": (lambda p: os.truncate(p.file, 1 << 20), READ_ONLY),
    "touch": (lambda p: os.utime(p.file), READ_ONLY),
    "touch a folder": (lambda p: os.utime(p.dir), READ_ONLY),
    "set times": (lambda p: os.utime(p.file, (1, 2)), READ_ONLY),
    "set a link's times": (lambda p: os.utime(p.link, (1, 2), follow_symlinks=False), READ_ONLY),
    "setxattr": (lambda p: os.setxattr(p.file, "user.x", b"y"), READ_ONLY),
    "removexattr": (lambda p: os.removexattr(p.file, "user.x"), READ_ONLY),
    "set flags": (lambda p: sets_flags(p.file), {errno.ENOTTY, errno.EROFS, errno.EPERM, errno.EOPNOTSUPP}),
}
# These fail in an ordinary folder too, each for a reason of its own.
NEVER = {"write without the right", "truncate without the right", "map for writing", "fallocate", "mkdir what exists",
         "rmdir what is not empty", "set flags", "rename to outside", "removexattr", "rename a folder", "create exclusively"}


def attack(name: str, places: Places) -> int:
    """The errno; 0 where it went through."""
    try:
        ATTACKS[name][0](places)
    except PermissionError as error:
        return error.errno
    except OSError as error:
        return error.errno
    return 0


def attack_all(top, own) -> dict:
    places = Places(top, own)
    outcome = {name: attack(name, places) for name in ATTACKS}
    outcome["access"] = [os.access(path, os.W_OK) for path in (places.file, places.dir, places.top)]
    return outcome


class Writing(harness.MountTest):
    def setUp(self):
        super().setUp()
        populate(self.home)
        self.own = self.home.root / "own"
        self.own.mkdir()
        for path in (self.home.root, self.own):
            path.chmod(0o777)

    def check(self, mount, user=None) -> None:
        before = guarded.call(snapshot, mount.point)
        outcome = guarded.call(attack_all, mount.point, self.own, user=user)
        self.assertEqual(outcome.pop("access"), [False] * 3)
        for name, got in outcome.items():
            wanted = ATTACKS[name][1]
            self.assertIn(got, wanted, f"{name}: {errno.errorcode.get(got, 'it went through')}")
        after = guarded.call(snapshot, mount.point)
        self.assertEqual(sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k)), [])
        self.assertGreater(len(before), 50)

    def test_the_owner_cannot_write(self):
        with self.home.mount() as mount:
            self.check(mount)

    @as_root
    def test_another_user_cannot_write(self):
        with self.home.mount("-o", "allow_other") as mount:
            self.check(mount, STRANGER)

    @as_root
    def test_another_user_is_not_let_in(self):
        with self.home.mount() as mount:
            for path in (".", "README.txt", "sessions/session-1/usage.json"):
                for fn in (os.stat, os.listdir, Path.read_bytes):
                    with self.assertRaises(PermissionError, msg=f"{fn.__name__} {path}"):
                        guarded.call(fn, mount.point / path, user=STRANGER)

    @as_root
    def test_another_user_is_let_in_where_allowed(self):
        with self.home.mount("-o", "allow_other") as mount:
            self.assertEqual(guarded.call(mount.read, "sessions/session-1/usage.json", user=STRANGER),
                             mount.read("sessions/session-1/usage.json"))

    def test_the_same_attacks_succeed_in_an_ordinary_folder(self):
        """The negative twin: each attack, on a fresh copy of the tree, changes something."""
        with self.home.mount() as mount:
            guarded.call(shutil.copytree, mount.point, self.home.root / "copy", True)
        run("chmod", "-R", "u+w", self.home.root / "copy")
        for name in ATTACKS.keys() - NEVER:
            if os.geteuid() != 0 and name == "mknod of a device":
                continue
            top = self.home.root / "target"
            shutil.copytree(self.home.root / "copy", top, symlinks=True)
            got = attack(name, Places(top, self.own))
            if not (name in ("setxattr", "unnamed file") and got == errno.EOPNOTSUPP):
                self.assertEqual(got, 0, f"{name}: {errno.errorcode.get(got)}")
            shutil.rmtree(top)


# --- reading --------------------------------------------------------------------------------------------------------

LEAVES = ("README.txt", "status.json", "sessions/session-1/usage.json", "sessions/session-1/total_tokens",
          "teams/okstra-T/usage.json", "projects/-project-0/usage.json", "sessions/session-1/window/_.json",
          "teams/okstra-T/window/today.json")


def slices(path, flags: int, step: int) -> int:
    """Every part of the file against the same part of the whole; how many were compared."""
    fd = os.open(path, os.O_RDONLY | flags)
    size = os.fstat(fd).st_size
    whole = os.pread(fd, size + 100, 0)
    assert len(whole) == size, (len(whole), size)
    count = 0
    for offset in range(0, size + 3 * step, step):
        for length in range(1, size - offset + 2 * step, step):
            got = os.pread(fd, length, offset)
            assert got == whole[offset : offset + length], (path, offset, length)
            count += 1
    assert os.pread(fd, 10, size) == os.pread(fd, 10, size + 1) == os.pread(fd, 10, 1 << 40) == b""
    os.close(fd)
    return count


def in_many_threads(path, threads: int, rounds: int) -> list:
    """One descriptor, read everywhere at once; what differed."""
    fd = os.open(path, os.O_RDONLY)
    size = os.fstat(fd).st_size
    whole = os.pread(fd, size, 0)
    wrong = []

    def one(seed: int) -> None:
        for i in range(rounds):
            offset = (seed * 7919 + i * 104729) % (size + 10)
            length = (seed * 31 + i) % size + 1
            if os.pread(fd, length, offset) != whole[offset : offset + length]:
                wrong.append((seed, offset, length))

    workers = [threading.Thread(target=one, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    os.close(fd)
    return wrong


def by_bytes(fd: int, size: int) -> bytes:
    return b"".join(iter(lambda: os.read(fd, 1), b""))


def by_mmap(kind: int):
    def read(fd: int, size: int) -> bytes:
        with mmap.mmap(fd, size, kind, mmap.PROT_READ) as area:
            return area[:]
    return read


def by_sendfile(fd: int, size: int) -> bytes:
    with open(f"/tmp/.okstrafs-{os.getpid()}", "w+b", buffering=0) as out:
        os.unlink(out.name)
        while os.sendfile(out.fileno(), fd, None, 1 << 20):
            pass
        out.seek(0)
        return out.read()


def by_splice(fd: int, size: int) -> bytes:
    pieces = []
    into, out = os.pipe()
    while n := os.splice(fd, out, 1 << 16):
        pieces.append(os.read(into, n))
    os.close(into)
    os.close(out)
    return b"".join(pieces)


def by_copy(fd: int, size: int) -> bytes:
    with open(f"/tmp/.okstrafs-{os.getpid()}", "w+b", buffering=0) as out:
        os.unlink(out.name)
        try:
            while os.copy_file_range(fd, out.fileno(), 1 << 20):
                pass
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EOPNOTSUPP):  # not between these two filesystems
                raise
            return os.pread(fd, size, 0)
        out.seek(0)
        return out.read()


def by_readv(fd: int, size: int) -> bytes:
    each = size // 900 + 7  # a call takes 1024 of them
    parts = [bytearray(each) for _ in range(size // each + 2)]
    got = os.preadv(fd, parts, 0)
    return b"".join(bytes(p) for p in parts)[:got]


WAYS = {"read": lambda fd, size: os.read(fd, 1 << 20), "bytes": by_bytes, "private map": by_mmap(mmap.MAP_PRIVATE),
        "shared map": by_mmap(mmap.MAP_SHARED), "sendfile": by_sendfile, "splice": by_splice, "copy": by_copy,
        "readv": by_readv}


def each_way(path, modes=(0, os.O_DIRECT)) -> dict:
    """Which ways give something else than the file."""
    wrong = {}
    for flags in modes:
        for name, way in WAYS.items():
            if flags and "map" in name:
                continue
            fd = os.open(path, os.O_RDONLY | flags)
            size = os.fstat(fd).st_size
            try:
                got = way(fd, size)
            except (ValueError, OSError) as error:
                got = repr(error).encode()
            if got != os.pread(fd, size + 1, 0) or len(got) != size:
                wrong[f"{name} {flags}"] = (len(got), size)
            os.close(fd)
    return wrong


def seeks(path) -> list:
    fd = os.open(path, os.O_RDONLY)
    size = os.fstat(fd).st_size
    out = [os.lseek(fd, 0, os.SEEK_END) - size, os.lseek(fd, 0, os.SEEK_DATA), os.lseek(fd, 0, os.SEEK_HOLE) - size]
    os.close(fd)
    return out


class Reading(harness.MountTest):
    def setUp(self):
        super().setUp()
        populate(self.home)
        self.mount = self.home.mount()

    def test_every_slice(self):
        for leaf in ("sessions/session-1/usage.json", "sessions/session-1/total_tokens"):
            self.assertGreater(guarded.call(slices, self.mount.point / leaf, 0, 1), 20)
        for leaf in LEAVES:
            guarded.call(slices, self.mount.point / leaf, 0, 29)
            guarded.call(slices, self.mount.point / leaf, os.O_DIRECT, 53, seconds=40)

    def test_every_way_gives_the_same(self):
        for leaf in LEAVES:
            self.assertEqual(guarded.call(each_way, self.mount.point / leaf), {}, leaf)

    def test_the_comparison_sees_a_difference(self):
        """The negative twin: a file whose size is not what can be read."""
        wrong = guarded.call(each_way, "/proc/self/status", (0,))
        self.assertIn("read 0", wrong)

    def test_many_threads_on_one_descriptor(self):
        for leaf in LEAVES[:5]:
            self.assertEqual(guarded.call(in_many_threads, self.mount.point / leaf, 64, 200), [])

    def test_seeking(self):
        for leaf in LEAVES:
            self.assertEqual(guarded.call(seeks, self.mount.point / leaf), [0, 0, 0], leaf)

    def test_kinds_are_respected(self):
        point = self.mount.point
        for flags, path, wanted in ((os.O_DIRECTORY, "README.txt", errno.ENOTDIR),
                                    (os.O_NOFOLLOW, "sessions/session-0/subagents/sub-0", errno.ELOOP),
                                    (os.O_WRONLY, "sessions", errno.EISDIR), (0, "sessions/none", errno.ENOENT),
                                    (0, "README.txt/x", errno.ENOTDIR), (0, "sessions/" + "x" * 255, errno.ENOENT),
                                    (0, "sessions/" + "x" * 256, errno.ENAMETOOLONG)):
            with self.assertRaises(OSError) as caught:
                guarded.call(opens, str(point / path), os.O_RDONLY | flags)
            self.assertEqual(caught.exception.errno, wanted, path)
        guarded.call(opens, str(point / "sessions"), os.O_RDONLY | os.O_DIRECTORY)
        for path in ("README.txt", "sessions/session-1/usage.json"):
            self.assertFalse(guarded.call(os.access, point / path, os.X_OK))

    def test_statfs(self):
        st = guarded.call(os.statvfs, self.mount.point)
        self.assertEqual(st.f_namemax, 255)
        self.assertGreaterEqual(st.f_bsize, 512)
        self.assertEqual((st.f_files, st.f_ffree, st.f_blocks, st.f_bfree), (0, 0, 0, 0))

    def test_df_shows_nothing_used(self):
        for column in ("ipcent", "pcent"):
            out = subprocess.run(["df", f"--output={column}", self.mount.point], stdout=subprocess.PIPE, text=True,
                                 check=True, timeout=harness.LIMIT).stdout
            self.assertEqual(out.split()[-1], "-", out)


# --- tools ----------------------------------------------------------------------------------------------------------


def regular_files(top) -> list[str]:
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names
                  if stat.S_ISREG(os.lstat(os.path.join(folder, name)).st_mode))


def listing_faults(top) -> list:
    """Entries whose name, type or number in the listing is not what stat says."""
    faults = []
    for folder, dirs, _ in os.walk(top):
        names = os.listdir(folder)
        if len(names) != len(set(names)):
            faults.append((folder, "a name twice"))
        for entry in os.scandir(folder):
            st = os.lstat(entry.path)
            kinds = (entry.is_dir(follow_symlinks=False), entry.is_symlink(), entry.is_file(follow_symlinks=False))
            if kinds != (stat.S_ISDIR(st.st_mode), stat.S_ISLNK(st.st_mode), stat.S_ISREG(st.st_mode)):
                faults.append((entry.path, "type"))
            if not stat.S_ISREG(st.st_mode) and entry.inode() != st.st_ino:
                faults.append((entry.path, "number"))
            if stat.S_ISLNK(st.st_mode) and not os.path.exists(entry.path):
                faults.append((entry.path, "leads nowhere"))
            if not stat.S_ISREG(st.st_mode) ^ stat.S_ISLNK(st.st_mode) ^ stat.S_ISDIR(st.st_mode):
                faults.append((entry.path, "shape"))
    return faults


def stable_numbers(top) -> dict:
    return {os.path.relpath(os.path.join(folder, name), top): os.lstat(os.path.join(folder, name)).st_ino
            for folder, dirs, names in os.walk(top) for name in dirs + names
            if not stat.S_ISREG(os.lstat(os.path.join(folder, name)).st_mode)}


class Tools(harness.MountTest):
    def setUp(self):
        super().setUp()
        populate(self.home)
        self.mount = self.home.mount()
        self.point = self.mount.point

    def check_copy(self, copy) -> None:
        files = guarded.call(regular_files, self.point)
        self.assertGreater(len(files), 60)
        for path in files:
            there = Path(copy) / os.path.relpath(path, self.point)
            if not any(part.startswith(RESTLESS) for part in there.relative_to(copy).parts):
                self.assertEqual(there.read_bytes(), guarded.call(Path(path).read_bytes), path)

    def test_wc(self):
        for path in guarded.call(regular_files, self.point):
            size = guarded.call(os.path.getsize, path)
            counted = int(run("wc", "-c", path).split()[0])
            if os.path.basename(path).startswith(RESTLESS) and counted != size:  # it changed meanwhile, as when caches are saved
                size = guarded.call(os.path.getsize, path)
                counted = int(run("wc", "-c", path).split()[0])
            self.assertEqual(counted, size, path)
            self.assertEqual(len(guarded.call(Path(path).read_bytes)), size)

    def test_tail_and_dd(self):
        for leaf in LEAVES:
            path = self.point / leaf
            whole = guarded.call(path.read_bytes)
            for count in (1, 10, len(whole), len(whole) + 10):
                self.assertEqual(run("tail", "-c", count, path), whole[-count:])
            for block in (1, 7, 512, 65536):
                self.assertEqual(run("dd", f"if={path}", f"bs={block}", "status=none"), whole)
            self.assertEqual(run("dd", f"if={path}", "bs=1", "skip=5", "count=10", "status=none"), whole[5:15])

    @needs("tar")
    def test_tar(self):
        copy = self.home.root / "untarred"
        copy.mkdir()
        # "file changed as we read it" is exit code 1.
        done = subprocess.run(["tar", "-C", self.point, "-cf", self.home.root / "all.tar", "."], timeout=60,
                              stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        run("tar", "-C", copy, "-xf", self.home.root / "all.tar")
        self.check_copy(copy)

    def test_cp_and_diff(self):
        copy = self.home.root / "copied"
        run("cp", "-a", self.point, copy)
        self.check_copy(copy)
        # Twice the same, and a difference is seen where there is one.
        self.assertEqual(run("diff", "-r", "--no-dereference", "--exclude=status.json", "--exclude=metrics.prom", "--exclude=last-*", self.point, copy), b"")
        (copy / "README.txt").chmod(0o600)
        (copy / "README.txt").write_text("other")
        self.assertEqual(subprocess.run(["diff", "-r", "--no-dereference", self.point, copy], stdout=subprocess.DEVNULL,
                                        timeout=60).returncode, 1)

    @needs("rsync")
    def test_rsync(self):
        copy = self.home.root / "synced"
        run("rsync", "-a", f"{self.point}/", copy)
        self.check_copy(copy)
        out = run("rsync", "-acni", "--exclude=status.json", "--exclude=metrics.prom", "--exclude=last-*", f"{self.point}/", copy)
        self.assertEqual(out, b"")

    def test_find_du_ls_grep(self):
        seen = guarded.call(lambda: sorted(p for p in map(str, Path(self.point).rglob("*"))))
        self.assertEqual(sorted(run("find", self.point, "-noleaf", "-mindepth", 1).decode().splitlines()), seen)
        self.assertEqual(sorted(run("find", self.point, "-mindepth", 1).decode().splitlines()), seen)
        self.assertGreater(int(run("du", "-sb", self.point).split()[0]), 1000)
        listed = run("ls", "-lR", self.point).decode()
        self.assertNotIn("?", listed)
        self.assertGreater(len(listed.splitlines()), len(seen))
        hits = run("grep", "-rl", "totalTokens", self.point).decode().splitlines()
        self.assertIn(str(self.point / "sessions/session-1/usage.json"), hits)

    def test_listings_say_what_stat_says(self):
        self.assertEqual(guarded.call(listing_faults, self.point), [])

    def test_numbers_survive_a_restart(self):
        before = guarded.call(stable_numbers, self.point)
        self.assertGreater(len(before), 30)
        self.assertEqual(len(set(before.values())), len(before), "a number twice")
        self.mount.stop()
        with self.home.mount() as mount:
            self.assertEqual(guarded.call(stable_numbers, mount.point), before)


# --- many names -----------------------------------------------------------------------------------------------------


@unittest.skipUnless(os.access(HELPER, os.X_OK), "OKSTRAFS_GETDENTS is not set")
class ManyNames(harness.MountTest):
    def setUp(self):
        super().setUp()
        line = records.line(records.assistant()) + b"\n"
        folder = self.home.projects / "-many"
        folder.mkdir()
        for i in range(SESSIONS):
            (folder / f"session-{i:05d}.jsonl").write_bytes(line)
        self.folder, self.line = folder, line
        self.stable = {f"session-{i:05d}" for i in range(SESSIONS)}
        self.mount = self.home.mount("--no-cache")

    def names(self, size: int, pause: int = 0, of: str = "sessions") -> list[str]:
        lines = run(HELPER, self.mount.point / of, size, pause).decode().splitlines()
        return [line.split(" ", 1)[1] for line in lines if not line.endswith((" .", " .."))]

    def test_each_name_once_whatever_the_buffer(self):
        for of in ("sessions", "projects/-many/sessions"):
            for size in (40, 64, 100, 512, 4096, 32768, 1 << 20):
                names = self.names(size, of=of)
                self.assertEqual(len(names), SESSIONS, f"{of} {size}")
                self.assertEqual(set(names), self.stable, f"{of} {size}")

    def test_too_small_a_buffer_is_refused(self):
        """The negative twin: the helper does see a listing that fails."""
        with self.assertRaises(subprocess.CalledProcessError) as caught:
            self.names(16)
        self.assertEqual(caught.exception.returncode, 2)

    def test_stable_names_are_never_missed(self):
        """Sessions come and go while the folder is being listed."""
        stop = threading.Event()

        def churn() -> None:
            i = 0
            while not stop.is_set():
                path = self.folder / f"extra-{i % 50:03d}.jsonl"
                path.unlink() if path.exists() else path.write_bytes(self.line)
                i += 1

        thread = threading.Thread(target=churn)
        thread.start()
        try:
            for size in (512, 4096, 32768) * (5 if LONG else 1):
                names = self.names(size, 1 if size > 512 else 0)
                self.assertEqual(len(names), len(set(names)))
                self.assertLessEqual(self.stable, set(names))
        finally:
            stop.set()
            thread.join()

    def test_position_can_be_taken_up_again(self):
        """telldir/seekdir, which libc maps to the offsets of getdents."""
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
        libc.telldir.restype = ctypes.c_long
        for fn, args in (("readdir", 1), ("telldir", 1), ("closedir", 1)):
            getattr(libc, fn).argtypes = [ctypes.c_void_p] * args
        libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]

        def again() -> bool:
            stream = libc.opendir(os.fsencode(self.mount.point / "sessions"))
            for _ in range(1234):
                libc.readdir(stream)
            where = libc.telldir(stream)
            # struct dirent: the name stands after number, offset, length and type.
            after = ctypes.string_at(libc.readdir(stream) + 19)
            for _ in range(2000):
                libc.readdir(stream)
            libc.seekdir(stream, where)
            same = ctypes.string_at(libc.readdir(stream) + 19) == after
            libc.closedir(stream)
            return same and after.startswith(b"session-")

        self.assertTrue(guarded.call(again))


if __name__ == "__main__":
    harness.main(__name__)
