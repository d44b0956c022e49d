#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# inside.sh LAB SIDE: makes a host of the lab out of new namespaces, and then holds them.
#
# Runs as the first process in new mount, network, UTS and IPC namespaces. All mounts are
# seen by the processes of this host only, and vanish with the last of them.
set -eu

lab=$1
side=$2
home=$lab/$side

# In a chroot, / may be no mount; then it is made one.
if ! mount -n --make-rprivate / 2>/dev/null; then
    if [ "${3-}" = again ]; then
        echo "cannot make the mounts of '$side' private" >&2
        exit 1
    fi
    mkdir -p "$home/root"
    mount -n --rbind / "$home/root"
    exec chroot "$home/root" "$0" "$lab" "$side" again
fi

# farm DIR: a directory of symbolic links to all that the host has in DIR, put over DIR.
# Entries can then be replaced without touching the host.
farm() {
    local farm=$home/farm$1 host=$home/host$1

    mkdir -p "$farm" "$host"
    mount -n --bind "$1" "$host"
    find "$host" -mindepth 1 -maxdepth 1 -exec ln -s -t "$farm" {} +
    mount -n --bind "$farm" "$1"
}

# private DIR NAME: puts the lab's own directory NAME over DIR, which the host may lack.
private() {
    if [ ! -d "$1" ]; then
        farm "${1%/*}"
        mkdir "$1"
    fi
    mount -n --bind "$home/$2" "$1"
}

# The user of Debian's package libvirt-daemon-system, which libvirtd looks up at its start.
with_user() {
    local file

    for file in passwd group; do
        rm "/etc/$file"
        cat "$home/host/etc/$file" >"/etc/$file"
    done
    grep -q '^libvirt-qemu:' /etc/passwd ||
        echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>/etc/passwd
    grep -q '^libvirt-qemu:' /etc/group || echo 'libvirt-qemu:x:64055:' >>/etc/group
    grep -q '^kvm:' /etc/group || echo 'kvm:x:64056:' >>/etc/group
}

make_etc() {
    farm /etc
    rm -rf /etc/libvirt /etc/hosts /etc/hostname /etc/sasl2 /etc/resolv.conf
    ln -s "$home/etc/libvirt" /etc/libvirt
    ln -s "$home/etc/sasl2" /etc/sasl2
    cp "$lab/hosts" /etc/hosts
    echo "$side" >/etc/hostname
    : >/etc/resolv.conf
    with_user
}

mount -n -t tmpfs -o size=4k "vmmi-lab:$lab:$side" "$home/mark"
hostname "$side"
ip link set lo up
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || :
# Little may wait in a socket: bytes there count as sent, and come back as downtime.
echo '4096 16384 524288' >/proc/sys/net/ipv4/tcp_wmem

make_etc
private /var/lib/libvirt lib
private /var/log/libvirt log
private /var/cache/libvirt cache
[ ! -d /sys/fs/cgroup ] || mount -n -t tmpfs -o size=4k none /sys/fs/cgroup
# The host's /run is out of sight: its libvirt, D-Bus and udev with it. The lab stays.
case $lab in
    /run/*)
        mkdir -p "$home$lab"
        mount -n --rbind "$lab" "$home$lab"
        ;;
esac
mount -n --rbind "$home/run" /run

: >"$home/ready"
exec -a "vmmi-lab-$side" sleep infinity
