#!/usr/bin/env bash
# Runs every test in one command: installs what is missing, builds with gcc and with clang (warnings are errors),
# and runs the tests plainly, under AddressSanitizer and UBSan (clang), those with threads under ThreadSanitizer and
# the unit tests under valgrind; then checks the format of the C code and the shell scripts.
#
#   contrib/check.sh            all of that
#   contrib/check.sh --quick    one build with gcc, one run of the tests
#
# The last line counts the test cases of the plain run; each failure of a later stage counts as one failure more.
# Above it are the names of all failed cases and the full logs; each stage also lists what it left out, and why.
set -euo pipefail

case ${1-} in
    '') quick=0 ;;
    --quick) quick=1 ;;
    *)
        sed -n '2,10s/^# \{0,1\}//p' "$0"
        [[ $1 == -h || $1 == --help ]] && exit 0
        exit 2
        ;;
esac
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
source_dir=${here%/*}
if [[ -z ${HOME-} ]]; then
    HOME=$(getent passwd "$EUID" | cut -d: -f6)
    export HOME
fi
# shellcheck source=contrib/build-dir.sh
. "$here/build-dir.sh"

# Tests through a mount wait more than they work.
own_threads=${MESON_TESTTHREADS-}
export MESON_TESTTHREADS=${own_threads:-$((2 * $(nproc) + 3))}

passed=0 failed=0 skipped=0 untested=''
what_failed=() logs=()
declare -A builder=()
scratch=$(mktemp -d)

finish() { # whatever ends the script, the last line is the count
    local status=$? pid
    for pid in "${builder[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
    rm -rf -- "${scratch:?}"
    if ((status != 0 && failed == 0)); then failed=1; fi
    if ((${#what_failed[@]})); then
        printf '\n== what failed\n'
        printf '%s\n' "${what_failed[@]}"
    fi
    if ((${#logs[@]})); then printf 'full log: %s\n' "${logs[@]}"; fi
    if [[ $untested ]]; then
        printf '\nFUSE was NOT tested: %s\n' "$untested"
        echo "No file was read through a mount. 'okstrafs doctor' says what a mount needs."
    fi
    printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    exit $((status ? status : failed > 0))
}
trap finish EXIT

stage() {
    printf '\n== %s (%d s so far)\n' "$1" "$SECONDS"
}

broken() {
    printf 'check: FAILED: %s\n' "$*" >&2
    what_failed+=("$*")
    failed=$((failed + 1))
}

# targets_of DIR SUITE: what the tests of a suite need, one a line
targets_of() {
    meson introspect --tests --targets "$1" | python3 -c '
import json, os, sys
build, suite = sys.argv[1:]
known = json.load(sys.stdin)
needed = {target for test in known["tests"] if any(one.endswith(":" + suite) for one in test["suite"])
          for target in test["depends"]}
for target in known["targets"]:
    if target["id"] in needed:
        print(*(os.path.relpath(name, build) for name in target["filename"]), sep="\n")' "$1" "$2"
}

# build NAME SUITE MESON OPTION...: sets $dir. What the tests of the suite need is built, or everything for `all`.
build() {
    local name=$1 suite=$2 targets=(all)
    shift 2
    dir=$(build_dir "$source_dir" "build-check-$name")
    configure "$source_dir" "$dir" "$@" >"$scratch/log-$name" 2>&1 || {
        cat "$scratch/log-$name"
        return 1
    }
    if [[ $suite != all ]]; then mapfile -t targets < <(targets_of "$dir" "$suite"); fi
    ninja -C "$dir" "${targets[@]}" >"$scratch/log-$name" 2>&1 || {
        cat "$scratch/log-$name"
        return 1
    }
}

# begin_build NAME ...: as build, at low priority beside the tests, which wait more than they work.
begin_build() {
    set -m # a process group, which finish() ends
    (renice -n 10 -p "$BASHPID" >/dev/null && build "$@") >"$scratch/build-$1" 2>&1 &
    builder[$1]=$!
    set +m
}

await_build() { # await_build NAME: its end; sets $dir
    local pid=${builder[$1]}
    unset "builder[$1]"
    dir=$(build_dir "$source_dir" "build-check-$1")
    wait "$pid" || {
        cat "$scratch/build-$1"
        return 1
    }
}

# run_tests NAME MESON ARGUMENT...: runs the tests built in $dir and counts their cases into $good, $bad and $idle. A run
# of which meson complains without a failed case, or that ran nothing, is one failure. Meson does not show what a TAP
# program says on its standard output, so what failed is shown from its log.
run_tests() {
    local name=$1 status=0 log names
    shift
    good=0 bad=0 idle=0
    log=$dir/meson-logs/testlog$log_suffix
    rm -f -- "$log".*
    # Meson runs the tests; $prefix is what makes the sanitizers bear the kernel.
    "${prefix[@]}" meson test -C "$dir" --no-rebuild "$@" || status=$?
    if [[ -f $log.json ]]; then
        read -r good bad idle < <("$here/count-tests.py" "$log.json")
        "$here/count-tests.py" --left-out "$log.json"
    fi
    if ((bad == 0 && (status != 0 || good + idle == 0))); then
        bad=1
        what_failed+=("$name: meson's exit status is $status, and $((good + idle)) cases were good or left out")
        logs+=("$log.txt")
    elif ((bad)); then
        printf '\n'
        "$here/count-tests.py" --failures "$log.json"
        mapfile -t names < <("$here/count-tests.py" --names "$log.json")
        what_failed+=("${names[@]/#/$name: }")
        logs+=("$log.txt")
    fi
    failed=$((failed + bad))
}

again() { # again NAME MESON ARGUMENT...: a later stage's run of the tests
    run_tests "$@"
    printf '%s: %d good, %d bad, %d left out\n' "$1" "$good" "$bad" "$idle"
}

bears() { # bears SOURCE COMPILER ARGUMENT...: does what it builds run, every time, behind $prefix?
    local source=$1 n
    shift
    "$@" -g -xc "$source" -o "$scratch/probe" -lpthread 2>/dev/null || return 1
    for ((n = 0; n < 8; n++)); do
        "${prefix[@]}" "$scratch/probe" >/dev/null 2>&1 || return 1
    done
}

build_plain() {
    stage 'gcc, warnings are errors: build'
    build gcc all -Dwerror=true || exit 1
}

# The time limits are there for what hangs, and must hold on a machine that is busy with something else.
check_plain() {
    stage 'gcc: tests'
    CK_TIMEOUT_MULTIPLIER=4 run_tests gcc --timeout-multiplier 4
    passed=$good skipped=$idle
    [[ ! -f $dir/meson-logs/testlog.json ]] || untested=$("$here/count-tests.py" --untested "$dir/meson-logs/testlog.json")
}

# The fuzzers are built, and each takes its corpus, so that they are ready when somebody lets them run for hours.
check_fuzz_targets() {
    local targets target corpus n=0
    mapfile -t targets < <(ninja -C "$dir" -t targets all | sed -n 's,^\(tests/fuzz/fuzz_[a-z_]*\): c_LINKER.*,\1,p')
    if ! ninja -C "$dir" -k 0 "${targets[@]}" >"$scratch/ninja"; then
        cat "$scratch/ninja"
        broken 'the build of the fuzz targets'
    fi
    for target in "${targets[@]}"; do
        corpus=$source_dir/tests/fuzz/corpus/${target##*/fuzz_}
        if ! "$dir/$target" -runs=0 -artifact_prefix="$scratch/" "$corpus" >"$scratch/fuzz" 2>&1; then
            tail -n 30 "$scratch/fuzz"
            broken "$target over its corpus"
        else
            n=$((n + 1))
        fi
    done
    if ((n == 0)); then broken 'no fuzz target was built'; fi
    echo "$n fuzz targets take their corpus"
}

begin_asan() {
    CC=clang begin_build asan all -Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link
}

# With clang, whose UBSan sees more than gcc's (arithmetic on null pointers, for one). LeakSanitizer cannot work where it
# may not trace itself: under a tracer, in some containers.
check_asan() {
    local leaks=1
    stage 'clang, warnings are errors: AddressSanitizer and UBSan, fuzz targets'
    echo 'int main(void) { return 0; }' >"$scratch/nothing.c"
    if ! ASAN_OPTIONS=detect_leaks=1 bears "$scratch/nothing.c" clang -fsanitize=address; then
        leaks=0
        echo 'This machine does not let LeakSanitizer work; leaks are left to valgrind.'
    fi
    if await_build asan; then
        ASAN_OPTIONS=detect_leaks=$leaks:strict_string_checks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
            OKSTRAFS_BRIEF=1 CK_TIMEOUT_MULTIPLIER=10 again asan --timeout-multiplier 10
        check_fuzz_targets
    else
        broken 'the build with clang and AddressSanitizer'
    fi
}

# The suite `threads`: tests in which threads share data. On kernels that randomise addresses over a wider range than
# ThreadSanitizer's memory map allows, it aborts with "unexpected memory mapping", sometimes or always. It runs without
# randomisation (setarch -R). Where that is forbidden, the other compiler's runtime may support the kernel.
begin_tsan() {
    local compiler
    cat >"$scratch/thread.c" <<'EOF'
#include <pthread.h>
static void *nothing(void *arg) { return arg; }
int main(void)
{
    pthread_t thread;
    return pthread_create(&thread, 0, nothing, 0) || pthread_join(thread, 0);
}
EOF
    for compiler in gcc clang; do
        prefix=()
        if bears "$scratch/thread.c" "$compiler" -fsanitize=thread; then tsan_compiler=$compiler && break; fi
        prefix=(setarch -R)
        if bears "$scratch/thread.c" "$compiler" -fsanitize=thread; then tsan_compiler=$compiler && break; fi
    done
    tsan_prefix=("${prefix[@]}") prefix=()
    if [[ $tsan_compiler ]]; then
        CC=$tsan_compiler begin_build tsan threads -Db_sanitize=thread -Db_lundef=false
    fi
}

check_tsan() {
    stage 'ThreadSanitizer'
    if [[ -z $tsan_compiler ]]; then
        echo 'LEFT OUT: no ThreadSanitizer runs on this kernel, neither as it is nor under setarch -R.'
        return
    fi
    prefix=("${tsan_prefix[@]}")
    echo "with $tsan_compiler ${prefix[*]}"
    if await_build tsan; then
        # Check runs each case in a child of its own, which may start threads.
        TSAN_OPTIONS=die_after_fork=0:halt_on_error=1 OKSTRAFS_BRIEF=1 CK_TIMEOUT_MULTIPLIER=10 \
            again tsan --suite threads --timeout-multiplier 10
    else
        broken 'the build with ThreadSanitizer'
    fi
    prefix=()
}

# Only the unit tests that are our own programs, not those that an interpreter runs.
check_valgrind() {
    local names
    stage 'valgrind: unit tests'
    dir=$(build_dir "$source_dir" build-check-gcc)
    mapfile -t names < <(meson introspect --tests "$dir" | python3 -c '
import json, sys
for test in json.load(sys.stdin):
    if any(suite.endswith("unit") for suite in test["suite"]) and test["cmd"][0].startswith(sys.argv[1] + "/"):
        print(test["name"])' "$dir")
    if ((${#names[@]} == 0)); then
        broken 'no unit test to run under valgrind'
        return
    fi
    # Meson names this log after the wrapper. In one process, a program is translated once and not once for each case.
    log_suffix=-valgrind OKSTRAFS_BRIEF=1 CK_FORK=no MESON_TESTTHREADS=${own_threads:-$(nproc)} CK_TIMEOUT_MULTIPLIER=30 again valgrind "${names[@]}" --timeout-multiplier 30 \
        --wrap "valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite
            --suppressions='$source_dir/tests/support/valgrind.supp'"
}

# Other releases of clang-format format differently: only version 14 (Debian 12) is used.
check_format() {
    local files file
    stage 'format'
    mapfile -d '' -t files < <(cd "$source_dir" && find contrib/examples core fs include tests -name '*.[ch]' -print0)
    if [[ $(clang-format --version) != *' 14.'* ]]; then
        echo 'LEFT OUT: the format is judged by clang-format 14'
    else
        (cd "$source_dir" && printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P "$(nproc)" clang-format --dry-run -Werror) 2>/dev/null ||
            for file in "${files[@]}"; do
                clang-format --dry-run -Werror "$source_dir/$file" 2>/dev/null || broken "clang-format -i $file"
            done
    fi
    mapfile -d '' -t files < <(cd "$source_dir" && grep -rlZI --exclude-dir='build*' --exclude-dir=.git \
        '^#!/usr/bin/env bash' .)
    (cd "$source_dir" && shellcheck -x -- "${files[@]}") || broken 'shellcheck'
}

dir='' good=0 bad=0 idle=0 prefix=() log_suffix='' tsan_compiler='' tsan_prefix=()
if ((quick)); then
    "$here/install-deps.sh" --quick
    build_plain
    check_plain
else
    "$here/install-deps.sh" --test
    build_plain
    begin_asan
    begin_tsan
    check_plain
    check_asan
    check_tsan
    check_valgrind
    check_format
    stage 'done'
fi
