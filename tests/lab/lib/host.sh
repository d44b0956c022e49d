# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# host.sh: one host of the lab: its directories and configuration, its namespaces, its libvirtd.

host_ip() {
    if [ "$1" = source ]; then echo "$SOURCE_IP"; else echo "$DESTINATION_IP"; fi
}

host_uri() {
    local uri="qemu+unix:///system?socket=$LAB/$1/run/libvirt/libvirt-sock"

    if [ "$1" = source ] && [ -e "$LAB/sasl" ]; then
        uri+="&authfile=$LAB/source/auth.conf"
    fi
    echo "$uri"
}

host_directories() {
    local home=$LAB/$1

    mkdir -p "$home"/{mark,run,log,cache,etc/libvirt,etc/sasl2,lib/images}
    chmod 0700 "$home/etc/sasl2"
    [ -e "$home/uuid" ] || cat /proc/sys/kernel/random/uuid >"$home/uuid"
    printf '%s\n' '127.0.0.1 localhost' "$SOURCE_IP source" "$DESTINATION_IP destination" \
        >"$LAB/hosts"
}

host_libvirtd_conf() {
    local unix_auth=none

    [ "$1" = source ] && [ -e "$LAB/sasl" ] && unix_auth=sasl
    cat <<EOF
listen_tcp = 1
listen_tls = 1
listen_addr = "0.0.0.0"
auth_tcp = "none"
auth_tls = "none"
auth_unix_ro = "$unix_auth"
auth_unix_rw = "$unix_auth"
unix_sock_ro_perms = "0700"
unix_sock_rw_perms = "0700"
host_uuid = "$(cat "$LAB/$1/uuid")"
ca_file = "$LAB/pki/$1/cacert.pem"
cert_file = "$LAB/pki/$1/servercert.pem"
key_file = "$LAB/pki/$1/serverkey.pem"
log_level = ${VMMI_LAB_LOG_LEVEL:-3}
log_outputs = "${VMMI_LAB_LOG_LEVEL:-3}:file:/var/log/libvirt/libvirtd.log"
EOF
}

host_qemu_conf() {
    cat <<EOF
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
default_tls_x509_cert_dir = "$LAB/pki/$1"
migrate_tls_x509_verify = 1
EOF
}

host_configure() {
    host_libvirtd_conf "$1" >"$LAB/$1/etc/libvirt/libvirtd.conf"
    host_qemu_conf "$1" >"$LAB/$1/etc/libvirt/qemu.conf"
}

# host_hold SIDE: makes the namespaces of a host, with a process that holds them.
host_hold() {
    rm -f "$LAB/$1/ready"
    setsid unshare --mount --propagation unchanged --net --uts --ipc \
        "$LAB_HERE/lib/inside.sh" "$LAB" "$1" </dev/null >"$LAB/$1/start.log" 2>&1 9>&- &
    echo $! >"$LAB/$1/holder.pid"
}

# A bit of every failure is in the log.
host_failed() {
    die "the $1 host did not start: $(tail -n 3 "$LAB/$1/start.log" "$LAB/$1/log/libvirtd.log" \
        2>/dev/null)"
}

host_held() {
    if [ ! -e "$LAB/$1/ready" ]; then
        kill -0 "$(cat "$LAB/$1/holder.pid")" 2>/dev/null || host_failed "$1"
        return 1
    fi
}

# host_namespace SIDE: a process that is in the namespaces of the host, or nothing.
host_namespace() {
    local pid

    pid=$(cat "$LAB/$1/holder.pid" 2>/dev/null)
    if ! grep -qsF " vmmi-lab:$LAB:$1 " "/proc/${pid:-none}/mountinfo"; then
        pid=$(side_pids "$1" | head -n 1)
    fi
    echo "$pid"
}

# host_exec SIDE COMMAND...: runs a command inside a host.
host_exec() {
    local pid side=$1

    shift
    pid=$(host_namespace "$side")
    [ -n "$pid" ] || die "nothing is left of the $side host; try: $LAB_SELF --name $LAB_NAME up"
    nsenter --target "$pid" --mount --net --uts --ipc --root --wd -- "$@"
}

# host_pid SIDE: the libvirtd of a host, or nothing.
host_pid() {
    local pid

    pid=$(cat "$LAB/$1/run/libvirtd.pid" 2>/dev/null)
    if [ "$(cat "/proc/${pid:-none}/comm" 2>/dev/null)" = libvirtd ] &&
        grep -qsF " vmmi-lab:$LAB:$1 " "/proc/$pid/mountinfo"; then
        echo "$pid"
    fi
}

# host_start SIDE: starts libvirtd; returns when it listens.
host_start() {
    host_configure "$1"
    host_exec "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        "$LAB/bin/vmmi-lab-tool" reap libvirtd --listen --daemon </dev/null \
        >>"$LAB/$1/start.log" 2>&1 9>&- || host_failed "$1"
}

host_answers() {
    LC_ALL=C virsh -q -c "$(host_uri "$1")" uri >/dev/null 2>&1
}

# host_stop SIDE SIGNAL: ends libvirtd, but not its guests.
host_stop() {
    local pid

    pid=$(host_pid "$1")
    [ -n "$pid" ] || return 0
    kill "-$2" "$pid"
    wait_until 20 is_gone "$pid" || kill -KILL "$pid"
}

# host_kill_all SIDE...: ends every process of the hosts.
host_kill_all() {
    local side round pids

    for round in 1 2 3 4 5 6 7 8 9 10; do
        pids=$(for side; do side_pids "$side"; done)
        [ -n "$pids" ] || return 0
        # shellcheck disable=SC2086 # several numbers
        kill -KILL $pids 2>/dev/null || :
        [ "$round" = 1 ] || sleep 0.1
    done
    die "processes that cannot be killed: $pids"
}
