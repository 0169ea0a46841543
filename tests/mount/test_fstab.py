"""mount(8) and fstab: by root, for an ordinary user, and by one. Each test has a mount namespace of its own, in which /etc is
another one and the helper mount.fuse.okstrafs is installed."""

import os
import shutil
import subprocess
import unittest

import harness
import records

USER = 4711
ETC = "passwd,group,nsswitch.conf,ld.so.cache,ld.so.conf,ld.so.conf.d,localtime"


@unittest.skipUnless(os.geteuid() == 0, "needs root to change the machine, in a mount namespace of its own")
class Fstab(harness.MountTest):
    def setUp(self):
        super().setUp()
        if harness.why_not_by_helper():
            self.skipTest(harness.why_not_by_helper())
        self.home.transcript("-p", "session-1", [records.assistant(teamName="crew")])
        self.user_home = self.home.root / "tester"
        shutil.copytree(self.home.root / "claude", self.user_home / ".claude")
        self.point = self.user_home / "usage"
        self.point.mkdir()
        self.program = self.home.root / "okstrafs"
        shutil.copy(harness.binary(), self.program)
        os.chmod(self.home.root, 0o755)
        subprocess.run(["chown", "-R", f"{USER}:{USER}", self.user_home], check=True)

    def said(self, options: str, script: str) -> str:
        """What the script says, with one line of fstab. $P is the mountpoint, $U runs a command as the ordinary user."""
        head = f"""
            set -u
            own=$(mktemp -d); mount -t tmpfs none "$own" || exit 77
            mkdir "$own/sbin" "$own/etc"
            ln -s {self.program} "$own/sbin/mount.fuse.okstrafs"
            mount -t overlay -o lowerdir="$own/sbin:/usr/sbin" overlay /usr/sbin || exit 77
            mknod -m 666 "$own/fuse" c 10 229 && mount --bind "$own/fuse" /dev/fuse && : <>/dev/fuse || exit 77
            cp -a /etc/{{{ETC}}} "$own/etc/" 2>/dev/null
            echo 'tester:x:{USER}:{USER}::{self.user_home}:/bin/sh' >>"$own/etc/passwd"
            echo 'tester:x:{USER}:' >>"$own/etc/group"
            echo 'okstrafs {self.point} fuse.okstrafs {options} 0 0' >"$own/etc/fstab"
            echo user_allow_other >"$own/etc/fuse.conf"
            ln -s ../proc/self/mounts "$own/etc/mtab"
            mount --bind "$own/etc" /etc
            P={self.point}; U="setpriv --reuid {USER} --regid {USER} --clear-groups"
            """
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", head + script],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.home.environment(), text=True,
                              timeout=120)
        if done.returncode == 77 or "unshare failed" in done.stdout:
            self.skipTest("no mount namespace of our own, or no overlay or device in it: " + done.stdout.strip())
        return done.stdout

    def test_by_root(self):
        """Root's environment says which transcripts, as with any program that root starts."""
        for options in ("noauto", "defaults,ro,noexec,nosuid,nodev,noatime,lazytime,_netdev,nofail,group,x-systemd.automount,X-mount.mkdir"):
            said = self.said(options, 'mount $P; echo "exit $?"; cat $P/total_tokens; stat -c %u $P/usage.json; umount $P; echo "exit $?"; '
                             'grep -c "$P" /proc/self/mounts')
            self.assertEqual(said, "exit 0\n11\n0\nexit 0\n0\n")

    def test_by_root_with_the_type_alone(self):
        said = self.said("noauto", 'mount -t fuse.okstrafs okstrafs $P; echo "exit $?"; cat $P/total_tokens; '
                         'grep -o " $P fuse.okstrafs" /proc/self/mounts; umount $P')
        self.assertEqual(said, f"exit 0\n11\n {self.point} fuse.okstrafs\n")

    def test_an_owner_is_shown(self):
        """As of every FUSE filesystem: uid= and gid=, here by number and by name."""
        said = self.said(f"uid={USER},gid=tester,allow_other",
                         'mount $P; stat -c "%u %g" $P $P/usage.json; $U cat $P/total_tokens; umount $P')
        self.assertEqual(said, f"{USER} {USER}\n{USER} {USER}\n11\n")

    def test_for_a_user(self):
        """With setuid= the daemon is the user's own: his transcripts, his cache, and nothing of root's environment."""
        for user in ("tester", str(USER)):
            said = self.said(f"noauto,setuid={user}", f"""
                mount $P; echo "exit $?"
                $U cat $P/total_tokens; $U stat -c "%u %g" $P/usage.json
                cat $P/total_tokens >/dev/null 2>&1 || echo 'root may not read it'
                ps -eo uid=,comm= | grep okstrafs | sort -u
                umount $P; echo "exit $?"
                for i in $(seq 200); do pgrep okstrafs >/dev/null || break; sleep 0.1; done
                find {self.user_home}/.okstra -type f -printf '%U\\n' | sort -u
                """)
            self.assertEqual([" ".join(line.split()) for line in said.splitlines()],
                             ["exit 0", "11", f"{USER} {USER}", "root may not read it", f"{USER} okstrafs",
                              f"{USER} okstrafs-touch", "exit 0", str(USER)])
            shutil.rmtree(self.user_home / ".okstra")

    def test_by_a_user(self):
        """A line with `user`: he mounts and unmounts it himself."""
        said = self.said("noauto,user", '$U mount $P; echo "exit $?"; $U cat $P/total_tokens; $U stat -c %u $P/usage.json; '
                         '$U umount $P; echo "exit $?"; grep -c "$P" /proc/self/mounts')
        self.assertEqual(said, f"exit 0\n11\n{USER}\nexit 0\n0\n")

    def test_by_a_user_as_another(self):
        said = self.said("noauto,user,setuid=nobody", '$U mount $P; echo "exit $?"; grep -c "$P" /proc/self/mounts')
        self.assertIn("only root may run okstrafs as another user", said)
        self.assertTrue(said.endswith("exit 64\n0\n"), said)

    def test_what_mount_8_asks_of_a_helper(self):
        """-f checks and mounts nothing; -s ignores options of others; -n and -v change nothing here."""
        said = self.said("noauto", 'T="-t fuse.okstrafs okstrafs $P"; mount -f $T; echo "exit $?"; grep -c "$P" /proc/self/mounts; '
                         'mount -f $T -o nonsense; echo "exit $?"; '
                         'mount -n -v -s $T -o nonsense; echo "exit $?"; grep -c "$P" /proc/self/mounts; umount $P; '
                         'mount.fuse.okstrafs; echo "exit $?"')
        self.assertRegex(said, r"^exit 0\n0\nokstrafs: -o nonsense: no such option; .*\nexit [1-9]\d*\n(?:.*\n)*?exit 0\n1\n"
                               r"okstrafs: mount\(8\) runs this program, .*\nexit 64\n$")

    def test_a_mount_namespace_is_named(self):
        """-N enters a mount namespace, and with it the root of that namespace: out of a chroot, where no helper is installed."""
        root = subprocess.run(["nsenter", "--mount=/proc/self/ns/mnt", "stat", "-c", "%d:%i", "/"], capture_output=True, text=True)
        here = os.stat("/")
        if root.returncode == 0 and root.stdout != f"{here.st_dev}:{here.st_ino}\n":
            self.skipTest("runs in a chroot, which -N leaves")
        said = self.said("noauto", 'mount -N /proc/self/ns/mnt -t fuse.okstrafs okstrafs $P; echo "exit $?"; '
                                   'cat $P/total_tokens; umount $P')
        self.assertEqual(said, "exit 0\n11\n")


if __name__ == "__main__":
    harness.main(__name__)
