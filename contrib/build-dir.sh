# shellcheck shell=bash
# Sourced by quickstart.sh and check.sh: where to build, and how to get a build folder that works there.
# The checkout may be read-only, or root's, or have been built in by root before: then the build goes to the cache
# folder of whoever runs the script, under a name made from the checkout's path, since two checkouts are two builds.

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

# configure SOURCE DIR [MESON OPTION...]: leaves DIR configured for SOURCE. A folder that was configured for
# another place (the checkout was moved or copied), with other options or half-way, is made anew.
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
