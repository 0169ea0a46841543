#!/usr/bin/env bash
# Tries contrib's units in a real systemd: an instance of an ordinary user, started here for this purpose, with the
# program as it was built.
#
#   tests/packaging/try-under-systemd.sh PROGRAM
#
# Needs root, systemd and a cgroup tree that can be written. Everything lives in a user, a home and two cgroups of
# its own, which are gone afterwards.
set -euo pipefail

if (($# != 1)) || [[ ! -x $1 ]]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
if ((EUID)); then
    echo 'try-under-systemd: needs root' >&2
    exit 1
fi
program=$(realpath -- "$1")
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
contrib=${here%/*/*}/contrib
user=okstrafs-try-$$
passed=0 failed=0 booted=''
groups=()

finish() {
    local status=$?
    set +e
    pkill -TERM -u "$user"
    sleep 1
    pkill -KILL -u "$user"
    umount -l "/home/$user/.okstra/usage" 2>/dev/null
    for group in "${groups[@]}"; do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    done
    if [[ $booted ]]; then rmdir "$booted"; fi
    rm -rf "/run/user/$uid"
    userdel -r "$user" 2>/dev/null
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    exit $((status ? status : failed > 0))
}

expect() { # expect WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        printf 'ok     %s\n' "$what"
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n' "$what"
    fi
}

useradd --create-home --shell /bin/bash "$user"
uid=$(id -u "$user")
trap finish EXIT
home=/home/$user

as_user() {
    setpriv --reuid "$user" --regid "$user" --init-groups env -i HOME="$home" USER="$user" LOGNAME="$user" \
        PATH="$home/bin:/usr/local/bin:/usr/bin:/bin" XDG_RUNTIME_DIR="/run/user/$uid" "$@"
}

ctl() {
    as_user systemctl --user "$@"
}

soon() { # soon COMMAND...: within ten seconds
    local i
    for ((i = 0; i < 100; i++)); do
        if "$@" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    return 1
}

mounted() {
    grep -q " $home/.okstra/usage fuse.okstrafs " /proc/self/mounts
}

not() {
    ! "$@"
}

says() { # says FILE TEXT
    [[ $(as_user cat "$1" 2>/dev/null) == "$2" ]]
}

# --- a home, and a service manager for it

mkdir -p "/run/user/$uid" "$home/bin" "$home/.config/systemd/user" "$home/.claude/projects/-p"
cp "$program" "$home/bin/okstrafs"
cp "$contrib"/okstrafs.service "$contrib"/okstrafs-react@.* "$home/.config/systemd/user/"
# No journal is kept here: what the service says goes to a file. The reaction is one that leaves a trace.
mkdir "$home/.config/systemd/user/okstrafs.service.d" "$home/.config/systemd/user/okstrafs-react@.service.d"
# systemd looks for a bare name where programs are installed, and not in PATH.
printf '[Service]\nExecSearchPath=%s/bin\nEnvironment=PATH=%s/bin:/usr/bin:/bin\nStandardError=append:%s/said\n' \
    "$home" "$home" "$home" \
    >"$home/.config/systemd/user/okstrafs.service.d/here.conf"
printf '[Service]\nStandardOutput=append:%s/reactions\n' "$home" \
    >"$home/.config/systemd/user/okstrafs-react@.service.d/here.conf"
record() { # record ID TOKENS
    printf '{"type":"assistant","timestamp":"2026-06-10T01:00:00Z","teamName":"crew","message":{"id":"%s",' "$1"
    printf '"model":"claude-opus-4-7","usage":{"input_tokens":%d,"output_tokens":0}}}\n' "$2"
}
record m1 11 >"$home/.claude/projects/-p/s-1.jsonl"
chown -R "$user:" "$home" "/run/user/$uid"
chmod 700 "/run/user/$uid"
if [[ ! -d /run/systemd/system ]]; then # by this a program knows that it is not without one
    mkdir -p /run/systemd/system
    booted=/run/systemd/system
fi
for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    if [[ -e $tree/cgroup.procs ]]; then
        mkdir "$tree/$user"
        chown -R "$user:" "$tree/$user"
        groups+=("$tree/$user")
    fi
done
(
    for group in "${groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
    as_user /lib/systemd/systemd --user
) >"$home/manager" 2>&1 &
expect 'a service manager for the user' soon ctl is-system-running --quiet

# --- the service

total=$home/.okstra/usage/teams/crew/total_tokens
expect 'enabled and started' ctl enable --now --quiet okstrafs
expect 'it is ready when the start returns' says "$total" 11
expect 'it says what it does' grep -q 'Mounted on' <<<"$(ctl show --property StatusText okstrafs)"
pid=$(ctl show --property MainPID --value okstrafs)
if ((pid == 0)); then # to kill 0 is to kill this script
    cat "$home/said" "$home/manager" >&2 || true
    exit 1
fi
kill -KILL "$pid"
expect 'killed: it is started again' soon says "$total" 11
expect 'by another process' test "$(ctl show --property MainPID --value okstrafs)" != "$pid"
expect 'a path unit waits for a change' ctl enable --now --quiet okstrafs-react@crew.path
record m2 100 >>"$home/.claude/projects/-p/s-1.jsonl"
expect 'and reacts with nobody reading' soon grep -qx 111 "$home/reactions"
expect 'stopped' ctl stop okstrafs okstrafs-react@crew.path
expect 'and the mount is gone' not mounted
expect 'started anew' ctl start okstrafs
expect 'the daemon and its child are killed at once' pkill -KILL -u "$user" -x 'okstrafs.*'
expect 'started again over what they left' soon says "$total" 111
expect 'a second daemon is refused' not as_user okstrafs mount 2>/dev/null
expect 'the manager ends, and with it the mount' ctl exit
expect 'nothing is left' soon not mounted
if ((failed)); then cat "$home/said" "$home/manager" >&2 || true; fi
