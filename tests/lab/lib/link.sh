# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# link.sh: the cable between the two hosts: a veth pair, its bandwidth, its cut.
#
# Both ends are made inside the hosts' namespaces, so nothing appears on this machine.

link_make() {
    local source destination

    source=$(host_namespace source)
    destination=$(host_namespace destination)
    host_exec source ip link show lab0 >/dev/null 2>&1 && return
    ip link add lab0 netns "$source" type veth peer name lab0 netns "$destination"
    link_address source
    link_address destination
}

link_address() {
    host_exec "$1" sh -c "ip addr add $(host_ip "$1")/24 dev lab0 && ip link set lab0 up"
}

# shape_rate TEXT: a rate in bits a second: MiB/s when bare, or with a unit of tc's or 'MiB'.
shape_rate() {
    local rate

    case $1 in
        *[0-9]kbit | *[0-9]mbit | *[0-9]gbit) echo "$1" && return ;;
        *MiB/s) rate=${1%MiB/s} ;;
        *MiB) rate=${1%MiB} ;;
        *) rate=$1 ;;
    esac
    case $rate in
        '' | *[!0-9.]* | . | *.*.*) die "a rate is a number of MiB/s, or like 300mbit: '$1'" ;;
    esac
    awk -v rate="$rate" 'BEGIN { printf "%.0fkbit\n", rate * 8388.608 }'
}

# The bucket holds what passes in 6 ms, and at least 64 KiB; the queue 30 ms.
link_shape() {
    local rate

    if [ "$1" = none ]; then
        host_exec source tc qdisc del dev lab0 root 2>/dev/null || :
        host_exec source ip link set dev lab0 gso_max_size 65536
        rm -f "$LAB/shape"
        return
    fi
    rate=$(shape_rate "$1") || exit
    host_exec source sh -c "ip link set dev lab0 gso_max_size 16384 &&
        tc qdisc replace dev lab0 root tbf rate $rate burst 256k latency 30ms" ||
        die "cannot shape the link to $rate"
    echo "$1" >"$LAB/shape"
}

# The far end goes down: the source sees that the carrier is lost, and keeps its routes.
link_cut() {
    host_exec destination ip link set lab0 down
}

link_mend() {
    host_exec destination ip link set lab0 up
}

# The connections of a kind, as ss selects them: seen from the source, or from the destination.
sever_filter() {
    local end=$1

    case $2 in
        migration) echo "$end >= :49152" ;;
        control) echo "( $end = :16509 or $end = :16514 )" ;;
        all) echo "( $end >= :49152 or $end = :16509 or $end = :16514 )" ;;
        *) die "'sever' takes migration, control or all: '$2'" ;;
    esac
}

# Ends connections at once, as a reset would, while the link stays. Both ends are told.
link_sever() {
    local there here rest

    there=$(sever_filter dport "$1") || exit
    here=$(sever_filter sport "$1") || exit
    host_exec source ss -H -K -tn "dst $DESTINATION_IP and $there" >/dev/null
    host_exec destination ss -H -K -tn "src $DESTINATION_IP and $here" >/dev/null
    rest=$(host_exec source ss -H -tn state established "dst $DESTINATION_IP and $there")
    [ -z "$rest" ] || die "this kernel cannot end connections (INET_DIAG_DESTROY)"
}
