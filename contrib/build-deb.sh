#!/usr/bin/env bash
# Builds Debian packages of the checkout, or of an unpacked tarball (okstrafs, libokstrafs0, libokstrafs-dev): installs what is missing, builds,
# runs the unit tests and lintian, and prints their paths. The same files give the same packages.
#
#   contrib/build-deb.sh [FOLDER]       by default in build-deb
#
# DEB_BUILD_OPTIONS=nocheck leaves the tests out. Afterwards: sudo apt install ./build-deb/okstrafs_*.deb
set -euo pipefail

if (($# > 1)) || [[ ${1-} == -* ]]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
source_dir=${here%/*}
out_dir=${1:-$source_dir/build-deb}
mkdir -p -- "$out_dir"
out_dir=$(cd -- "$out_dir" && pwd -P)
export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:+$DEB_BUILD_OPTIONS }noautodbgsym"

"$here/install-deps.sh" --package
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
tarball=$("$here/make-tarball.sh" "$work")
tar -C "$work" -xf "$tarball"
top=${tarball%.tar.gz}
version=${top##*/okstrafs-}
cp -R -- "$here/debian" "$top/debian"
maintainer=$(sed -n 's/^Maintainer: //p' "$top/debian/control")
cat >"$top/debian/changelog" <<END
okstrafs ($version) unstable; urgency=medium

  * Built from the source tree, which has the history of changes.

 -- $maintainer  $(LC_ALL=C date -uR -d "@$(stat -c %Y "$top/meson.build")")
END

if ! (cd -- "$top" && dpkg-buildpackage --build=binary --no-sign) >"$work/log" 2>&1; then
    tail -n 100 "$work/log" >&2
    cp -- "$work/log" "$out_dir/log"
    echo "build-deb: the build failed, see $out_dir/log" >&2
    exit 1
fi
if ! lintian --allow-root --fail-on error,warning --display-info "$work"/okstrafs_*.changes >&2; then
    echo 'build-deb: lintian found faults in the packages, see above' >&2
    exit 1
fi
for package in "$work"/*.deb; do
    mv -- "$package" "$out_dir/"
    printf '%s\n' "$out_dir/${package##*/}"
done
