# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# common.sh: the lab's names and paths, its messages, its lock, its programs, its processes.
#
# LAB is the directory of the lab in use. Everything a lab has on disk is below it, and every
# process of a host of the lab sees a mount named "vmmi-lab:LAB:SIDE": that is how
# they are found, also when all files are gone.

# shellcheck disable=SC2034 # used in the other files
SOURCE_IP=192.0.2.1
# shellcheck disable=SC2034
DESTINATION_IP=192.0.2.2

die() {
    printf 'lab: %s\n' "$*" >&2
    exit 125
}

say() {
    [ -n "${QUIET-}" ] || printf 'lab: %s\n' "$*" >&2
}

lab_choose() {
    case $1 in
        '' | *[!A-Za-z0-9_-]*) die "a lab's name has letters, digits, '-' and '_' only: '$1'" ;;
    esac
    LAB_ROOT=${VMMI_LAB_ROOT:-/run/vmmi-lab}
    case $LAB_ROOT in
        *[!A-Za-z0-9_/.-]* | [!/]*)
            die "VMMI_LAB_ROOT must be an absolute path of plain characters: '$LAB_ROOT'"
            ;;
    esac
    LAB_NAME=$1
    LAB=$LAB_ROOT/$1
    [ ${#LAB} -le 50 ] || die "the path '$LAB' is longer than 50 characters"
}

need_root() {
    [ "$(id -u)" = 0 ] || die "the lab needs root; sim:/// works without"
}

need_up() {
    [ -e "$LAB/up" ] || die "the lab '$LAB_NAME' is not up; try: $LAB_SELF --name $LAB_NAME up"
}

# need_programs: names the Debian package of each program that is missing.
need_programs() {
    local program package missing=''

    while read -r program package; do
        command -v "$program" >/dev/null || missing+=" $package"
    done <<'EOF'
libvirtd libvirt-daemon
virsh libvirt-clients
qemu-system-x86_64 qemu-system-x86
ip iproute2
tc iproute2
ss iproute2
unshare util-linux
nsenter util-linux
mount mount
openssl openssl
EOF
    [ -e /usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so ] ||
        [ -e /usr/lib/libvirt/connection-driver/libvirt_driver_qemu.so ] ||
        missing+=' libvirt-daemon-driver-qemu'
    if [ -z "${VMMI_LAB_GUEST-}${VMMI_LAB_BIN-}" ]; then
        command -v "${CC:-cc}" >/dev/null || missing+=' gcc libc6-dev'
    fi
    if [ "${1-}" = sasl ]; then
        command -v saslpasswd2 >/dev/null ||
            missing+=' sasl2-bin libsasl2-modules libsasl2-modules-db'
    fi
    [ -z "$missing" ] ||
        die "programs are missing; install them with:" \
            "apt-get install --no-install-recommends$missing"
}

# lab_lock: one 'up' or 'down' of a lab at a time; file descriptor 9 holds the lock.
lab_lock() {
    local path=$LAB_ROOT/.$LAB_NAME.lock

    mkdir -p "$LAB_ROOT"
    while :; do
        exec 9>"$path"
        flock -w 120 9 || die "another process keeps the lab '$LAB_NAME' locked"
        [ "$(stat -c %i "$path" 2>/dev/null)" = "$(stat -L -c %i /proc/self/fd/9)" ] && return
    done
}

lab_unlock_and_forget() {
    rm -f "$LAB_ROOT/.$LAB_NAME.lock"
    exec 9>&-
    rmdir "$LAB_ROOT" 2>/dev/null || :
}

# side_pids SIDE: the processes that live in the mount namespace of a host of this lab.
side_pids() {
    grep -lsF " vmmi-lab:$LAB:$1 " /proc/[0-9]*/mountinfo | sed 's,^/proc/,,; s,/.*,,'
}

# collector_pids [GUEST]: of one guest, or of all. (The brackets keep grep from finding itself.)
collector_pids() {
    grep -lszx -e "--lab=[/]${LAB#/}" /proc/[0-9]*/cmdline | sed 's,^/proc/,,; s,/.*,,' |
        while read -r pid; do
            [ $# = 0 ] || grep -qszx -e "[/]${LAB#/}/guests/$1" "/proc/$pid/cmdline" || continue
            echo "$pid"
        done
}

# wait_until SECONDS COMMAND...: true as soon as the command is.
wait_until() {
    local end=$((SECONDS + $1))

    shift
    until "$@"; do
        [ "$SECONDS" -le "$end" ] || return 1
        sleep 0.02
    done
}

# is_gone PID: it has ended; perhaps nobody has looked at its end yet.
is_gone() {
    ! grep -qs . "/proc/$1/cmdline"
}

need_side() {
    case $1 in
        source | destination) ;;
        *) die "'$1' is neither 'source' nor 'destination'" ;;
    esac
}
