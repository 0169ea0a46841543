#!/usr/bin/env bash
# Writes okstrafs-VERSION.tar.gz: the files of the checkout as they are now, or of an unpacked tarball. The same files give the
# same bytes: order, owners and modes are fixed, and all times are that of the last commit, or SOURCE_DATE_EPOCH.
#
#   contrib/make-tarball.sh [FOLDER]    by default in build-dist; prints the path
set -euo pipefail

if (($# > 1)) || [[ ${1-} == -* ]]; then
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
source_dir=${here%/*}
out_dir=${1:-$source_dir/build-dist}
version=$(sed -n "s/^ *version: '\(.*\)',\$/\1/p" "$source_dir/meson.build" | head -n 1)

is_checkout() { # and not a folder in somebody else's checkout
    [[ $(git -C "$source_dir" rev-parse --show-toplevel 2>/dev/null) == "$source_dir" ]]
}

files() {
    if is_checkout; then
        git -C "$source_dir" ls-files -z | while IFS= read -r -d '' path; do
            if [[ -e $source_dir/$path || -L $source_dir/$path ]]; then printf '%s\0' "$path"; fi
        done
    else
        (cd -- "$source_dir" && find . \( -path './build*' -o -path ./.git -o -name __pycache__ \) -prune -o ! -type d -printf '%P\0')
    fi
}

if [[ -z ${SOURCE_DATE_EPOCH-} ]]; then
    if is_checkout; then
        SOURCE_DATE_EPOCH=$(git -C "$source_dir" log -1 --format=%ct)
    else
        SOURCE_DATE_EPOCH=$(stat -c %Y "$source_dir/meson.build")
    fi
fi
name=okstrafs-$version
mkdir -p -- "$out_dir"
files | LC_ALL=C sort -z | tar -C "$source_dir" --create --format=gnu --null --no-recursion --verbatim-files-from --files-from=- \
    --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r-w,a-s,a+X --mtime="@$SOURCE_DATE_EPOCH" --transform="s,^,$name/,S" |
    gzip -n -9 >"$out_dir/$name.tar.gz.new"
mv -- "$out_dir/$name.tar.gz.new" "$out_dir/$name.tar.gz"
printf '%s\n' "$out_dir/$name.tar.gz"
