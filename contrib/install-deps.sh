#!/usr/bin/env bash
# Installs what okstrafs needs to be built, and with --test what its tests need: only what is missing, with apt-get,
# without questions; and /etc/mtab, if there is none. It tries the tools themselves and not dpkg. So a compiler or library from elsewhere counts, and a
# machine that has everything needs neither root nor apt.
#
#   contrib/install-deps.sh            to build and mount
#   contrib/install-deps.sh --quick    and to run the tests once
#   contrib/install-deps.sh --test     and to run them under every compiler and sanitizer
#   contrib/install-deps.sh --package  to build a Debian package
set -euo pipefail

want=build
case ${1-} in
    '') ;;
    --quick) want=quick ;;
    --test) want='test' ;;
    --package) want=package ;;
    *)
        echo "install-deps: unknown argument '$1' (--quick, --test or --package)" >&2
        exit 2
        ;;
esac

packages=()

need() { # need PACKAGE PROBE...: remember PACKAGE where the probe fails
    local package=$1
    shift
    "$@" >/dev/null 2>&1 </dev/null || packages+=("$package")
}

compiles() { # a compiler without the C library's headers is no compiler yet
    local out status=0
    out=$(mktemp)
    printf '#include <stdio.h>\nint main(void) { return puts("ok") < 0; }\n' | cc -xc - -o "$out" || status=$?
    rm -f "$out"
    return "$status"
}

missing_for_build() {
    need gcc command -v cc
    need libc6-dev compiles
    need binutils command -v objcopy
    need meson command -v meson
    need ninja-build command -v ninja
    need pkg-config command -v pkg-config
    need libfuse3-dev pkg-config --exists fuse3
    need libjson-c-dev pkg-config --exists json-c
    need libssl-dev pkg-config --exists libcrypto
    need libzstd-dev pkg-config --exists libzstd
    need libsqlite3-dev pkg-config --exists sqlite3
    need libncurses-dev pkg-config --exists ncursesw
    # libfuse calls it for everyone but root, and so do the tests.
    need fuse3 command -v fusermount3
}

missing_for_quick() {
    need check pkg-config --exists check
    need python3 command -v python3
    need python3-jsonschema python3 -c 'import jsonschema'
    need inotify-tools command -v inotifywait
    need procps command -v ps
    # Kinds of file watchers; tests of those that are missing are skipped.
    need nodejs command -v node
    need entr command -v entr
    need fswatch command -v fswatch
}

# dpkg-buildpackage looks for packages and not for tools, so here dpkg says what is missing.
missing_for_package() {
    local package
    for package in build-essential check debhelper fuse3 libfuse3-dev libjson-c-dev libncurses-dev libsqlite3-dev libssl-dev libzstd-dev lintian meson pkgconf python3; do
        need "$package" dpkg_has "$package"
    done
    if ! dpkg_has systemd && ! dpkg_has systemd-dev; then
        need "$(apt-cache show systemd-dev >/dev/null 2>&1 && echo systemd-dev || echo systemd)" false
    fi
}

dpkg_has() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1") == installed ]]
}

missing_for_test() {
    need clang command -v clang
    need clang-format command -v clang-format
    need valgrind command -v valgrind
    # Without the C library's symbols valgrind refuses to start on Debian.
    need libc6-dbg test -e /usr/share/doc/libc6-dbg
    need shellcheck command -v shellcheck
}

# Databases that load events, and what reads metrics. Tests of those that cannot be installed are skipped.
missing_for_engines() {
    need prometheus command -v promtool
    need prometheus-node-exporter command -v prometheus-node-exporter
    need iproute2 command -v ip
    local psql=(/usr/lib/postgresql/*/bin/initdb)
    need postgresql test -x "${psql[-1]}"
    need clickhouse-server test -x /usr/sbin/clickhouse-server -o -x /usr/bin/clickhouse-server
    need clickhouse-client command -v clickhouse-client
}

has_duckdb() {
    local folder
    node -e "require('@duckdb/node-api')" >/dev/null 2>&1 && return
    folder=$(npm root -g) && NODE_PATH=$folder node -e "require('@duckdb/node-api')" >/dev/null 2>&1
}

install_duckdb() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null || has_duckdb; then return; fi
    echo "install-deps: installing @duckdb/node-api" >&2
    as_root npm install --global --no-audit --no-fund --silent @duckdb/node-api >&2 </dev/null || return
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif ! command -v sudo >/dev/null; then
        return 1
    elif sudo -n true 2>/dev/null; then
        sudo -n "$@"
    elif [[ -t 0 && -z ${CI-} ]]; then
        sudo "$@"
    else
        return 1
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

install_packages() {
    ((${#packages[@]})) || return 0
    echo "install-deps: installing ${packages[*]}" >&2
    if ! command -v apt-get >/dev/null; then
        echo "install-deps: no apt-get here: please install the like of: ${packages[*]}" >&2
        return 1
    fi
    # A broken third-party list must not stop what the good ones can give.
    apt update >&2 || echo "install-deps: apt-get update had trouble, going on" >&2
    if ! apt install -y --no-install-recommends "${packages[@]}" >&2 </dev/null; then
        echo "install-deps: could not install; as root run: apt-get install ${packages[*]}" >&2
        return 1
    fi
    packages=()
}

# clang's sanitizer and fuzzer runtimes are a package of their own, named after the compiler's version.
missing_clang_runtime() {
    local version
    version=$(clang -dumpversion)
    need "libclang-rt-${version%%.*}-dev" clang_runtime
}

clang_runtime() {
    local out status=0
    out=$(mktemp)
    printf 'int main(void) { return 0; }\n' | clang -fsanitize=thread -xc - -o "$out" || status=$?
    rm -f "$out"
    return "$status"
}

# Whoever boots a machine or starts a container makes this link, and a bare root has none. Without it fusermount3 mounts for
# an ordinary user and never unmounts.
make_mtab() {
    local link=/etc/mtab target=../proc/self/mounts
    if [[ -e $link || -L $link ]]; then return; fi
    if as_root ln -s "$target" "$link"; then
        echo "install-deps: made $link, which fusermount3 needs to unmount" >&2
    else
        echo "install-deps: there is no $link, so an ordinary user cannot unmount; as root run: ln -s $target $link" >&2
    fi
}

case $want in
    package) missing_for_package ;;
    *) missing_for_build ;;
esac
case $want in
    quick | test) missing_for_quick ;;
esac
[[ $want != test ]] || missing_for_test
install_packages
if [[ $want == test ]]; then
    missing_clang_runtime
    install_packages
    missing_for_engines
    install_packages || echo "install-deps: going on without these databases" >&2
    install_duckdb || echo "install-deps: going on without DuckDB" >&2
fi
make_mtab
