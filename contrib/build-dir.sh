# shellcheck shell=bash
# Sourced by quickstart.sh and check.sh: chooses and configures the build folder.
# The checkout may be read-only, or belong to root, or contain a build by root. Then the build goes to the user's cache folder.
# Its name is made from the checkout's path, so that two checkouts have two builds.

# build_dir SOURCE NAME: prints SOURCE/NAME where this user can build there, else a folder in the user's cache.
build_dir() {
    local dir=$1/$2 sum
    if mkdir -p -- "$dir" 2>/dev/null && [[ -O $dir && -w $dir ]]; then
        echo "$dir"
        return
    fi
    sum=$(cksum <<<"$1")
    dir=${XDG_CACHE_HOME:-$HOME/.cache}/okstrafs/$2-${sum%% *}
    mkdir -p -- "$dir"
    echo "$dir"
}

# configure SOURCE DIR [MESON OPTION...]: configures DIR for SOURCE. A folder is configured again from scratch if it was
# configured for another checkout (moved or copied), with other options, or only half-way.
configure() {
    local source=$1 dir=$2 wish
    shift 2
    wish="$source $*"
    if [[ -f $dir/okstrafs-wish && $(<"$dir/okstrafs-wish") == "$wish" ]]; then
        return
    fi
    if [[ -d $dir/meson-private || -f $dir/okstrafs-wish || -z $(ls -A -- "$dir") ]]; then
        find "$dir" -mindepth 1 -delete
    else
        echo "${0##*/}: $dir is in the way and not a build folder; move it away" >&2
        return 1
    fi
    meson setup "$@" -- "$dir" "$source" && echo "$wish" >"$dir/okstrafs-wish"
}
