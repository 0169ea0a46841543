#!/usr/bin/env bash
# Tries README's two commands where nothing of ours is installed: in a bare Debian, as root and as an ordinary user with
# sudo, with a good, a forbidden and a missing /dev/fuse.
#
#   tests/packaging/try-in-clean-root.sh ROOT [--full | --package]
#   OKSTRAFS_RELEASE=trixie tests/packaging/try-in-clean-root.sh ROOT
#
# Needs root and, where ROOT is not there yet, debootstrap: of bookworm, Debian 12, unless OKSTRAFS_RELEASE names
# another release (OKSTRAFS_MIRROR names another mirror than debootstrap's own). Tries
# contrib/check.sh --quick; with --full all of contrib/check.sh. With --package it tries the Debian package
# instead: contrib/build-deb.sh builds it in one bare machine, and in another one it is installed, used and
# purged. ROOT itself stays bare: every case works on an overlay in memory over it, and keeps nothing but the
# downloaded packages.
#
# All of it happens in a mount and process namespace of its own, so that however it ends, kill -9 included, every
# mount and every daemon ends with it.
set -euo pipefail

usage() {
    sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
source_dir=${here%/*/*}

if [[ ${1-} != --inside ]]; then
    if (($# < 1 || $# > 2)) || [[ $1 == -* || ! ${2---full} =~ ^--(full|package)$ ]]; then usage; fi
    if ((EUID)); then
        echo 'try-in-clean-root: needs root' >&2
        exit 1
    fi
    if [[ ! -x $1/usr/bin/apt-get ]]; then
        debootstrap --variant=minbase "${OKSTRAFS_RELEASE-bookworm}" "$1" ${OKSTRAFS_MIRROR:+"$OKSTRAFS_MIRROR"}
    fi
    root=$(cd -- "$1" && pwd -P)
    if [[ $root == / ]]; then usage; fi
    exec unshare --mount --propagation private --pid --fork --kill-child -- "$0" --inside "$root" "${2-}"
fi

lower=$2 mode=${3-}
passed=0 failed=0
# This namespace began with a copy of every mount outside. To hold on to a FUSE mount would keep its daemon alive.
while read -r _ _ _ _ at _; do
    umount -l "$(printf %b "$at")" 2>/dev/null || true
done < <(grep ' - fuse\(\.[^ ]*\)\? ' /proc/self/mountinfo)
work=$(mktemp -d)
mount -t tmpfs tmpfs "$work"
root=$work/root
log=$work/log

finish() {
    local status=$?
    # The namespace takes the mounts away; the empty folder beneath is all that would stay.
    cd /
    umount -l "$work" && rmdir "$work"
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    exit $((status ? status : failed > 0))
}
trap finish EXIT

expect() { # expect WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        echo "ok - $what"
        passed=$((passed + 1))
    else
        echo "not ok - $what"
        { { grep -E -A 15 '^(not ok|check: FAILED|.*Sanitizer: )' "$log" || true; } | head -n 200; tail -n 25 "$log"; } | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}

bare_machine() { # a fresh copy of the bare root at $root, with the devices that a container has
    local node
    if mountpoint -q "$root"; then umount -R -l "$root"; fi
    rm -rf --one-file-system "$work/upper" "$work/scratch"
    mkdir -p "$root" "$work/upper" "$work/scratch"
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/scratch" "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/dev"
    for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0' 'fuse 10 229'; do
        # shellcheck disable=SC2086
        mknod -m 666 "$root/dev/"${node/ / c }
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mkdir -m 1777 "$root/dev/shm"
    # A bare root has no such link, and fusermount3 -u will not do without: install-deps.sh makes it.
    rm -f "$root/etc/mtab"
    mount --bind "$lower/var/cache/apt/archives" "$root/var/cache/apt/archives"
    cp --remove-destination /etc/resolv.conf "$root/etc/resolv.conf"
    echo "127.0.0.1 localhost $(uname -n)" >"$root/etc/hosts"
    copy_source "$root/srv/okstrafs"
}

copy_source() {
    mkdir -p "$1"
    tar -C "$source_dir" --exclude='./build*' --exclude=./.git --owner=0 --group=0 -cf - . | tar -C "$1" -xf -
}

ordinary_user() { # tester, who may become root without a password
    chroot "$root" env DEBIAN_FRONTEND=noninteractive bash -ec 'apt-get -qq update; apt-get -qq install -y sudo' \
        >"$log" 2>&1 </dev/null
    chroot "$root" useradd -m -s /bin/bash tester
    echo 'tester ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/tester"
    copy_source "$root/home/tester/okstrafs"
    chroot "$root" chown -R tester: /home/tester/okstrafs
}

as() { # as USER COMMAND: in $root, with the plainest environment; what it says goes to $log
    local home=/root
    [[ $1 == root ]] || home=/home/$1
    chroot --userspec="$1:$1" "$root" env -i HOME="$home" USER="$1" LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        bash -c "cd && $2" >"$log" 2>&1 </dev/null
}

says() {
    grep -q -- "$1" "$log"
}

is_up() { # is_up USER: one okstrafs mount, and it answers USER
    local at
    at=$(sed -n 's/^okstrafs is mounted at \(.*\) and always.*/\1/p' "$log")
    [[ -n $at ]] && chroot --userspec="$1:$1" "$root" cat "$at/README.txt" >/dev/null
}

stop_as_told() { # stop_as_told USER: runs the very command that quickstart gave
    local command
    command=$(sed -n 's/^  stop: *//p' "$log")
    [[ -n $command ]] && as "$1" "$command" && ! grep -q " $root/.* - fuse.okstrafs " /proc/self/mountinfo
}

try_quickstart() { # try_quickstart USER CHECKOUT
    expect "$1: quickstart on a bare machine" as "$1" "CI=true $2/contrib/quickstart.sh"
    expect "$1: it shows what was used" says '"totalTokens"'
    expect "$1: it leaves the mount up" is_up "$1"
    expect "$1: quickstart again" as "$1" "$2/contrib/quickstart.sh"
    expect "$1: it finds itself mounted" says 'Already mounted'
    expect "$1: the stop command stops it" stop_as_told "$1"
    expect "$1: and once more" as "$1" "$2/contrib/quickstart.sh"
    expect "$1: mounts anew" is_up "$1"
    expect "$1: stops again" stop_as_told "$1"
}

try_without_fuse() { # try_without_fuse USER CHECKOUT WHAT
    expect "$1: quickstart, $3" as "$1" "$2/contrib/quickstart.sh"
    expect "$1: it shows what was used, $3" says '"totalTokens"'
    expect "$1: it says that nothing is mounted, $3" says 'NOT mounted: .*dev/fuse'
}

try_check() { # try_check USER CHECKOUT
    local how=--quick
    if [[ $mode == --full ]]; then how=''; fi
    expect "$1: check.sh $how" as "$1" "CI=true $2/contrib/check.sh $how"
    expect "$1: it ends with a count" says '^[1-9][0-9]* passed, 0 failed, [0-9]* skipped$'
    sed -n '/ passed, .* failed, /p' "$log"
}

# --- the package

is_installed() { # is_installed PATH...
    local path
    for path; do
        if [[ ! -e $root$path && ! -L $root$path ]]; then
            echo "$path is missing" >>"$log"
            return 1
        fi
    done
}

# What there is besides what dpkg and apt note down for themselves, and besides the users' homes.
all_files() {
    (cd -- "$root" && find . -xdev \( -path ./home -o -path ./root -o -path ./tmp -o -path ./srv -o -path './var/lib/dpkg' -o -path \
        ./var/lib/apt -o -path ./var/log -o -path ./var/cache -o -path ./run \) -prune -o -print | sort)
}

same_files() { # same_files BEFORE: says what differs
    all_files | diff "$1" - >"$log"
}

# docs/guide.md, as it is installed: its commands are typed, and each answer that it gives must be in what they say.
try_guide() {
    local guide=/usr/share/doc/okstrafs/docs/guide.md line
    awk '/^```sh$/ {on = 1; next} /^```/ {on = 0} on' "$root$guide" >"$root/home/tester/guide.sh"
    as tester 'bash -e guide.sh' || return 1
    awk '/^```output$/ {on = 1; next} /^```/ {on = 0} on' "$root$guide" >"$work/answers"
    while IFS= read -r line; do
        if ! grep -qxF -- "$line" "$log"; then
            echo "the guide promises: $line" >>"$log"
            return 1
        fi
    done <"$work/answers"
    [[ -s $work/answers ]]
}

mounts_by_fstab() {
    echo 'okstrafs /home/tester/.okstra/usage fuse.okstrafs noauto,user 0 0' >"$root/etc/fstab"
    as tester 'okstrafs umount' || true # the guide's, if it got no further
    as tester 'mount ~/.okstra/usage && cat ~/.okstra/usage/README.txt && umount ~/.okstra/usage' || return 1
    echo 'okstrafs /home/tester/.okstra/usage fuse.okstrafs setuid=tester,nofail 0 0' >"$root/etc/fstab"
    as root 'mount -a && grep fuse.okstrafs /proc/self/mounts' || return 1
    as tester 'cat ~/.okstra/usage/README.txt; okstrafs doctor' || return 1
    as root 'umount /home/tester/.okstra/usage'
}

try_package() {
    local package before=$work/before
    expect 'root: build-deb.sh on a bare machine' as root \
        "CI=true DEB_BUILD_OPTIONS='${DEB_BUILD_OPTIONS-}' /srv/okstrafs/contrib/build-deb.sh /srv/built"
    expect 'it prints the path of the package' says '^/srv/built/okstrafs_.*\.deb$'
    cp "$root"/srv/built/*.deb "$work/" || return
    sha256sum "$work"/*.deb

    bare_machine
    ordinary_user
    rm -rf "$root/srv/okstrafs" "$root/home/tester/okstrafs"
    cp "$work"/okstrafs_*.deb "$root/srv/"
    package=$(cd "$root/srv" && echo okstrafs_*.deb)
    ln -s ../proc/self/mounts "$root/etc/mtab"
    # What it depends on and is there already stays, as with any package.
    as root 'export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; apt-get -qq install -y fuse3 inotify-tools'
    all_files >"$before"
    expect 'the package is installed' as root "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y /srv/$package"
    expect 'everything is in its place' is_installed /usr/bin/okstrafs /usr/sbin/mount.fuse.okstrafs \
        /usr/lib/systemd/user/okstrafs.service /usr/share/bash-completion/completions/okstrafs \
        /usr/share/zsh/vendor-completions/_okstrafs /usr/share/fish/vendor_completions.d/okstrafs.fish \
        /usr/share/okstrafs/budget-hook /usr/share/doc/okstrafs/copyright
    expect 'no file of it names a build folder' as root '! dpkg -L okstrafs | xargs grep -lsE "/srv/|/tmp/tmp\."'
    expect 'tester: doctor finds one fault' as tester 'okstrafs doctor | tee found; grep -c ^FAULT found | grep -qx 1'
    expect 'there are no transcripts yet' says '^FAULT  no transcript folder exists'
    expect 'tester: the guide, as it stands' try_guide
    expect 'tester: fstab mounts, by the user and for the user' mounts_by_fstab
    : >"$root/etc/fstab"
    expect 'installed again over itself' as root "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --reinstall /srv/$package"
    expect 'purged' as root 'DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y --autoremove okstrafs'
    expect 'purging leaves nothing behind' same_files "$before"
    expect "but the user's data" is_installed /home/tester/.okstra

    # Without the package okstrafs: what its headers and the library need is all that is there.
    cp "$work"/libokstrafs*.deb "$root/srv/"
    expect 'the library is installed' as root "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends gcc libc6-dev pkgconf \
        /srv/libokstrafs*.deb"
    expect 'tester: a program is built with it' as tester "cp /usr/share/doc/libokstrafs-dev/examples/team-total.c . &&
        cc -Wall -Werror team-total.c -o team-total \$(pkg-config --cflags --libs okstrafs)"
    mkdir -p "$root/home/tester/.claude/projects/-p"
    echo '{"type":"assistant","timestamp":"2026-06-10T01:00:00Z","teamName":"clean","message":{"id":"clean-1",
        "model":"claude-opus-4-7","usage":{"input_tokens":11,"output_tokens":0}}}' | tr -d '\n' >"$root/home/tester/.claude/projects/-p/clean.jsonl"
    echo >>"$root/home/tester/.claude/projects/-p/clean.jsonl"
    chroot "$root" chown -R tester: /home/tester/.claude
    expect 'tester: it runs' as tester './team-total clean'
    expect "it prints the team's total" says '^11$'
}

bare_machine
if [[ $mode == --package ]]; then
    try_package
    exit
fi
try_quickstart root /srv/okstrafs
try_check root /srv/okstrafs
rm "$root/dev/fuse"
try_without_fuse root /srv/okstrafs 'with /dev/fuse missing'

bare_machine
ordinary_user
try_quickstart tester /home/tester/okstrafs
expect "tester: from a checkout that is root's" as tester '/srv/okstrafs/contrib/quickstart.sh'
expect 'tester: it builds in the cache folder' says 'Building okstrafs in /home/tester/.cache/'
expect 'tester: stops that one' stop_as_told tester
try_check tester /home/tester/okstrafs
chmod 600 "$root/dev/fuse"
try_without_fuse tester /home/tester/okstrafs 'with /dev/fuse forbidden'
