#!/usr/bin/env bash
# From a checkout to a mounted okstrafs in one command: installs what is missing, builds, mounts under
# $OKSTRA_HOME/usage, shows what was spent, and prints how to look around and how to stop. If there are no transcripts
# yet, it writes made-up ones to a temporary folder and mounts those. It asks no questions and may be run repeatedly.
# Exits 0 if usage was shown. If the machine allows no mount, it prints why and shows usage without one.
set -euo pipefail

if (($#)); then
    sed -n '2,5s/^# //p' "$0"
    [[ $1 == -h || $1 == --help ]] && exit 0
    exit 2
fi
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
source_dir=${here%/*}
if [[ -z ${HOME-} ]]; then
    HOME=$(getent passwd "$EUID" | cut -d: -f6)
    export HOME
fi
# shellcheck source=contrib/build-dir.sh
. "$here/build-dir.sh"

say() {
    printf '%s\n' "$*"
}

trimmed() { # trimmed STRING: without the white space around it
    local text=${1#"${1%%[![:space:]]*}"}
    printf '%s' "${text%"${text##*[![:space:]]}"}"
}

build() {
    local dir log
    dir=$(build_dir "$source_dir" build-quickstart)
    program=$dir/fs/okstrafs
    log=$(mktemp)
    say "Building okstrafs in $dir"
    if ! { configure "$source_dir" "$dir" --buildtype=release && ninja -C "$dir" fs/okstrafs; } >"$log" 2>&1; then
        cat -- "$log" >&2
        rm -f -- "$log"
        say "quickstart: the build failed, see above" >&2
        exit 1
    fi
    rm -f -- "$log"
}

# Claude Code's folders, as the program finds them.
has_transcripts() {
    local root roots=("$HOME/.claude" "${XDG_CONFIG_HOME:-$HOME/.config}/claude")
    if [[ -n $(trimmed "${CLAUDE_CONFIG_DIR-}") ]]; then
        IFS=, read -r -d '' -a roots < <(printf '%s\0' "$CLAUDE_CONFIG_DIR") || true
    fi
    for root in "${roots[@]}"; do
        root=$(trimmed "$root")
        [[ $root == '~'* ]] && root=$HOME${root#'~'}
        [[ ${root##*/} == projects ]] || root=$root/projects
        [[ -d $root ]] || continue
        if [[ -n $(find "$root/" -name '*.jsonl' ! -name journal.jsonl -type f -size +0 -print -quit 2>/dev/null) ]]; then
            return 0
        fi
    done
    return 1
}

# The demo lives under a name that the next run finds again. In a folder open to everyone such a name may have been
# taken by someone else, so what is there must be ours, or a fresh name is made.
use_demo() {
    local base=${TMPDIR:-/tmp}/okstrafs-demo-$EUID
    if ! mkdir -m 700 -- "$base" 2>/dev/null && [[ -L $base || ! -d $base || ! -O $base ]]; then
        base=$(mktemp -d)
    fi
    demo=$base/home
    if [[ ! -e $demo/complete ]]; then
        rm -rf --one-file-system -- "${demo:?}"
        "$here/demo-transcripts.sh" "$demo"
        : >"$demo/complete"
    fi
    export CLAUDE_CONFIG_DIR=$demo/claude OKSTRA_HOME=$demo/okstra
    say "No Claude Code transcripts found (CLAUDE_CONFIG_DIR, ~/.claude, ~/.config/claude): showing made-up ones"
    say "from $demo instead. Run this again once an agent has worked here: that removes them."
}

# The demo of an earlier run, once there is something real to show.
remove_demo() {
    local base=${TMPDIR:-/tmp}/okstrafs-demo-$EUID
    if [[ -L $base || ! -d $base || ! -O $base ]]; then return; fi
    if mountpoint -q -- "$base/home/okstra/usage" 2>/dev/null && ! "$program" umount "$base/home/okstra/usage"; then
        return
    fi
    if mountpoint -q -- "$base/home/okstra/usage" 2>/dev/null; then return; fi
    rm -rf --one-file-system -- "${base:?}"
    say "Removed the made-up transcripts of an earlier run, $base."
}

is_mounted() { # a mount that answers; a stale one is the program's to clean up
    mountpoint -q -- "$mountpoint" 2>/dev/null && [[ -r $mountpoint/README.txt ]]
}

why_no_fuse() { # prints the reason in one line and succeeds where the machine allows no FUSE mount
    if [[ ! -e /dev/fuse ]]; then
        say "/dev/fuse is missing: run 'modprobe fuse' as root, or start the container with --device /dev/fuse --cap-add SYS_ADMIN"
    elif [[ ! -r /dev/fuse || ! -w /dev/fuse ]]; then
        say "you may not open /dev/fuse: run 'chmod 666 /dev/fuse' as root (that is its usual mode)"
    else
        return 1
    fi
}

mount_it() { # the daemon must not hold on to this script's output: whoever captures it would wait for ever
    local log status=0
    log=$(mktemp)
    "$program" mount "$mountpoint" >"$log" 2>&1 </dev/null || status=$?
    cat -- "$log" >&2
    rm -f -- "$log"
    return "$status"
}

# first KIND: sets $shown to the first entry of teams/ or sessions/ that has a usage.json, read by the way at hand.
first() {
    local name
    shown=''
    if ((mounted)); then
        for name in "$mountpoint/$1"/*; do
            [[ -r $name/usage.json ]] || continue
            shown=$1/${name##*/}/usage.json
            return 0
        done
    else
        while IFS= read -r name; do
            name=${name%/}
            "$program" cat "$1/$name/usage.json" >/dev/null 2>&1 || continue
            shown=$1/$name/usage.json
            return 0
        done < <("$program" ls "$1" 2>/dev/null)
    fi
    return 1
}

show_file() { # show_file PATH: prints a command, and what it answers
    if ((mounted)); then
        say "\$ cat $(printf %q "$mountpoint/$1")"
        cat -- "$mountpoint/$1"
    else
        say "\$ okstrafs cat $(printf %q "$1")"
        "$program" cat "$1"
    fi
}

# What was billed comes first: total_tokens, and the first keys of usage.json, count every line of the transcripts.
show() {
    local only_billed='/^  "billed"/,/^  }/p'
    say
    say "# what everything cost, in dollars"
    show_file cost_usd
    if first teams || first sessions; then
        show_file "${shown%/*}/cost_usd"
    else
        shown=''
    fi
    say
    say "# and the tokens of it"
    if ((mounted)); then
        say "\$ sed -n '$only_billed' $(printf %q "$mountpoint/usage.json")"
        sed -n "$only_billed" "$mountpoint/usage.json"
    else
        say "\$ okstrafs cat usage.json | sed -n '$only_billed'"
        "$program" cat usage.json | sed -n "$only_billed"
    fi
    say
}

say_next() {
    local at binary
    printf -v at %q "$mountpoint"
    printf -v binary %q "$program"
    if ((mounted)); then
        say "okstrafs is mounted at $mountpoint and always up to date."
        say "  look around:    cd $at && cat README.txt && ls teams sessions"
        say "  today's cost:   cat $at/stats/window/today/cost_usd"
        if [[ $shown ]]; then
            say "  the last week:  cat $at/$(printf %q "${shown%/*}")/window/last-7d.json"
            say "  in a script:    cost=\$(<$at/$(printf %q "${shown%/*}")/cost_usd)"
        fi
        say "  stop:           $binary umount $at"
        [[ ! $demo ]] || say "  and remove it:  rm -r $(printf %q "${demo%/home}")"
    else
        say "okstrafs is NOT mounted: $reason"
        say "The same tree can be read without a mount, each time anew:"
        say "  ${demo:+CLAUDE_CONFIG_DIR=$(printf %q "$CLAUDE_CONFIG_DIR") OKSTRA_HOME=$(printf %q "$OKSTRA_HOME") }$binary ls teams"
        say "Once the reason is gone, run this again."
    fi
}

demo='' program='' shown='' reason='' mounted=0
"$here/install-deps.sh"
build
if has_transcripts; then
    remove_demo
else
    use_demo
fi
home=$(trimmed "${OKSTRA_HOME-}")
home=${home:-$HOME/.okstra}
[[ $home == /* ]] || home=$PWD/$home
mountpoint=$home/usage

if is_mounted; then
    mounted=1
    say "Already mounted."
elif reason=$(why_no_fuse); then
    say "quickstart: $reason" >&2
elif mount_it; then
    mounted=1
else
    reason="'okstrafs mount' failed, see its message above; '$program doctor' may know more"
fi
show
say_next
