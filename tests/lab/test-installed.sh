#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-installed.sh BUILD-DIR SOURCE-ROOT SANITIZERS COMPILER...: what a user does after "ninja install".
#
# Installs into a directory of its own, finds the library with pkg-config, compiles the examples as README says, and migrates a
# guest of the lab with the program under the policy; then once with the installed command. Exit code 77: skipped.
set -u

BUILD=$1 ROOT=$2 SANITIZERS=$3
shift 3
HERE=$(dirname "$(readlink -f "$0")")
GUEST=installed

fail() {
    printf 'not as it should be: %s\n' "$*" >&2
    exit 1
}

expect() {
    [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

tidy() {
    "$HERE/lab" destroy "$GUEST" >/dev/null 2>&1
    rm -rf "$PLACE"
}

compile() {
    local source=$1 program=$2 flags
    flags=$(pkg-config --cflags --libs libvmmi) || fail "pkg-config does not find libvmmi"
    [ "$SANITIZERS" = none ] || flags="-fsanitize=$SANITIZERS $flags"
    # A plugin's environment is made anew, without LD_LIBRARY_PATH.
    flags="$flags -Wl,-rpath,$LD_LIBRARY_PATH"
    # shellcheck disable=SC2086
    "${COMPILER[@]}" "$ROOT/examples/$source" $flags -Wall -Wextra -Werror -o "$PLACE/$program" ||
        fail "$source does not compile"
}

start_guest() {
    "$HERE/lab" guest "$GUEST" --memory 64 --working-set 16 || fail "the guest does not start"
}

arrived() {
    expect "where the guest is" "$("$HERE/lab" where "$GUEST")" destination
    "$HERE/lab" verify "$GUEST" || fail "the guest's memory is damaged"
    "$HERE/lab" destroy "$GUEST"
}

[ "$(id -u)" = 0 ] || { printf 'skipped: the lab needs root\n' >&2; exit 77; }
COMPILER=("$@")
PLACE=$(mktemp -d) || exit 1
trap tidy EXIT
DESTDIR=$PLACE/root meson install -C "$BUILD" --no-rebuild --quiet >/dev/null || fail "the installation failed"
PC=$(find "$PLACE/root" -name libvmmi.pc) || exit 1
PREFIX=$(pkg-config --variable=prefix "$PC")
export PKG_CONFIG_PATH=${PC%/*} PKG_CONFIG_SYSROOT_DIR=$PLACE/root
LD_LIBRARY_PATH=$(dirname "$(find "$PLACE/root" -name libvmmi.so.0)")
export LD_LIBRARY_PATH
expect "installed headers" "$(find "$PLACE/root" -name libvmmi.h | wc -l)" 1

compile migrate.c migrate
mkdir -m 755 "$PLACE/plugins"
compile policy.c plugins/patient
# The library finds the shim where it was configured to be; in a staged installation it has to be told.
export VMMI_SHIM_PATH=$PLACE/root$PREFIX/libexec/vmmi-shim VMMI_RUN_DIR=$PLACE/run
export VMMI_PLUGIN_PATH=$PLACE/plugins:$BUILD/tools/plugins

"$HERE/lab" up || fail "the lab does not come up"
eval "$("$HERE/lab" env)"
start_guest
LINES_PRINTED=$("$PLACE/migrate" "$VMMI_LAB_SRC" "$GUEST" "$VMMI_LAB_DEST_URI" "$VMMI_LAB_MIGRATE_URI" patient) ||
    fail "the program failed: $LINES_PRINTED"
case $LINES_PRINTED in
*"-> precopy"*"-> completed"*"completed: the guest is on the destination"*) ;;
*) fail "the program printed: $LINES_PRINTED" ;;
esac
arrived

start_guest
export PATH="$PLACE/root$PREFIX/bin:$PATH"
/usr/bin/python3 "$ROOT/examples/migrate.py" "$VMMI_LAB_SRC" "$GUEST" "$VMMI_LAB_DEST_URI" ||
    fail "the Python program failed"
arrived
