#!/usr/bin/env bash
# Measures which lines and branches of core/ and fs/ the tests run: builds with clang's coverage, runs all tests, and prints the
# share of each folder and the files that lack most.
#
#   contrib/coverage.sh                                  all tests
#   contrib/coverage.sh --suite unit --suite faults      those; the arguments are meson test's
#   contrib/coverage.sh --show core/files/walk.c         the lines of a file, with counts, after a run
#
# Counters are in a file that each process maps when it starts. So daemons that are killed, children that end by _exit(2)
# and processes that may write no files are counted like any other. A branch is one outcome of one condition: `a && b` has four.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
source_dir=${here%/*}
# shellcheck source=contrib/build-dir.sh
. "$here/build-dir.sh"

case ${1-} in
    -h | --help)
        sed -n '2,11s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
esac
"$here/install-deps.sh" --test
version=$(clang -dumpversion)
llvm_tool() { # llvm_tool NAME: the one that fits clang
    command -v "$1-${version%%.*}" || command -v "$1" || {
        echo "coverage: no $1: install llvm-${version%%.*}" >&2
        return 1
    }
}
cov=$(llvm_tool llvm-cov) profdata=$(llvm_tool llvm-profdata)
dir=$(build_dir "$source_dir" build-coverage)
profiles=$dir/profiles program=$dir/fs/okstrafs

if [[ ${1-} == --show ]]; then
    # llvm-cov has the names that meson gave to the compiler, relative to the build.
    exec "$cov" show "$program" -instr-profile="$dir/all.profdata" -show-branches=count \
        -path-equivalence="$dir/$(realpath --relative-to="$dir" -- "$source_dir"),$source_dir" \
        "$source_dir/${2?--show needs a file}"
fi

# The name stays in the program, because tests clear the environment. %m: one file for each program; %c: mapped.
counting="-fprofile-instr-generate=$profiles/%m%c.profraw"
CC=clang configure "$source_dir" "$dir" -Db_lundef=false \
    "-Dc_args=$counting -fcoverage-mapping -mllvm -runtime-counter-relocation" "-Dc_link_args=$counting" >"$dir.log" ||
    { cat "$dir.log" && exit 1; }
rm -f "$dir.log"
ninja -C "$dir" >"$dir/ninja.log" || { cat "$dir/ninja.log" && exit 1; }
rm -rf -- "$profiles"
mkdir -- "$profiles"
chmod 777 -- "$profiles"
# Some tests run the program as another user.
"$program" --version >/dev/null
chmod a+rw -- "$profiles"/*

status=0
MESON_TESTTHREADS=${MESON_TESTTHREADS:-$(($(nproc) + 2))} CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-4} \
    meson test -C "$dir" --no-rebuild --timeout-multiplier 4 "$@" || status=$?

"$profdata" merge -o "$dir/all.profdata" "$profiles"/*.profraw
"$cov" export -format=text -summary-only "$program" -instr-profile="$dir/all.profdata" >"$dir/coverage.json"
python3 - "$dir/coverage.json" "$source_dir" <<'EOF'
import json, os, sys

files, folders = [], {}
for one in json.load(open(sys.argv[1]))["data"][0]["files"]:
    name = os.path.relpath(os.path.realpath(one["filename"]), sys.argv[2])
    if name.split("/")[0] not in ("core", "fs"):
        continue
    counts = [one["summary"][kind][what] for kind in ("lines", "branches") for what in ("covered", "count")]
    files.append((name, counts))
    total = folders.setdefault(name.split("/")[0], [0] * 4)
    total[:] = [a + b for a, b in zip(total, counts)]


def share(covered, count):
    return f"{100 * covered / max(count, 1):6.2f} % ({count - covered:4} of {count} not)"


print("\nwhere most branches are missed")
for name, counts in sorted(files, key=lambda file: file[1][2] - file[1][3])[:25]:
    print(f"{name:<36} lines {share(*counts[:2]):<28} branches {share(*counts[2:])}")
print()
for name, counts in sorted(folders.items()):
    print(f"{name + '/':<36} lines {share(*counts[:2]):<28} branches {share(*counts[2:])}")
EOF
exit "$status"
