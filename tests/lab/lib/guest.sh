# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# guest.sh: the lab's guests: their options, their XML, where they run, what they say.

# lab_program NAME DIRECTORY GIVEN: puts a program into the lab, compiled if need be. One that
# is there is replaced when it is out of date, but not under the eyes of a guest.
lab_program() {
    local given=${3-} program=$LAB/bin/$1

    [ -n "$given" ] || given=${VMMI_LAB_BIN:+$VMMI_LAB_BIN/$1}
    if [ -e "$program" ]; then
        [ -z "$(ls "$LAB/guests" 2>/dev/null)" ] || return 0
        [ -n "$(find "${given:-$LAB_HERE/$2}" -newer "$program" 2>/dev/null)" ] || return 0
    fi
    mkdir -p "$LAB/bin"
    if [ -n "$given" ]; then
        cp "$given" "$program.new" || die "cannot use '$given'"
    else
        "$LAB_HERE/$2/build" "$program.new" >&2 9>&- || die "cannot compile $2/"
    fi
    mv "$program.new" "$program"
}

lab_programs() {
    lab_program vmmi-lab-guest guest "${VMMI_LAB_GUEST-}"
    lab_program vmmi-lab-tool tool "${VMMI_LAB_TOOL-}"
}

guest_choose() {
    case $1 in
        '' | *[!A-Za-z0-9_.-]* | [.-]*)
            die "a guest's name has letters, digits, '-', '_' and '.' only: '$1'"
            ;;
    esac
    [ ${#1} -le 24 ] || die "a guest's name has at most 24 characters: '$1'"
    GUEST=$1
    GUEST_DIR=$LAB/guests/$1
}

guest_need() {
    guest_choose "$1"
    [ -d "$GUEST_DIR" ] || die "there is no guest '$1' in the lab '$LAB_NAME'"
}

collector_start() {
    [ -z "$(collector_pids "$GUEST")" ] || return 0
    rm -f "$GUEST_DIR"/*.sock
    setsid "$LAB/bin/vmmi-lab-tool" listen "$GUEST_DIR" "--lab=$LAB" \
        </dev/null >"$GUEST_DIR/collector.log" 2>&1 9>&- &
    wait_until 5 test -S "$GUEST_DIR/serial.sock" || die "the collector did not start: $(
        cat "$GUEST_DIR/collector.log")"
}

collector_stop() {
    local pid

    for pid in $(collector_pids "$@"); do
        kill "$pid" 2>/dev/null || :
        wait_until 5 is_gone "$pid" || kill -KILL "$pid"
    done
}

guest_defaults() {
    memory=128 set=32 rate=4 pattern=uniform content=word disk=0 beat=5 phase=2000 seed=1 fill=set
    persistent='' vcpus=1
}

is_number() {
    case $1 in '' | *[!0-9]*) return 1 ;; esac
    [ ${#1} -le 6 ]
}

guest_number() {
    is_number "$2" || die "$1 takes a whole number: '$2'"
    if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
        die "$1 is $3 to $4: '$2'"
    fi
}

guest_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            --persistent) persistent=1 && shift && continue ;;
            --fill) fill=all && shift && continue ;;
        esac
        [ $# -ge 2 ] || die "$1 lacks its value"
        case $1 in
            --memory) memory=$2 ;;
            --working-set) set=$2 ;;
            --dirty-rate) rate=$2 ;;
            --pattern) pattern=$2 ;;
            --content) content=$2 ;;
            --disk) disk=$2 ;;
            --beat) beat=$2 ;;
            --phase) phase=$2 ;;
            --seed) seed=$2 ;;
            --vcpus) vcpus=$2 ;;
            *) die "a guest has no option '$1'; see --help" ;;
        esac
        shift 2
    done
    guest_check
}

guest_check() {
    guest_number --memory "$memory" 6 3000
    guest_number --working-set "$set" 0 2000
    guest_number --disk "$disk" 0 65536
    guest_number --beat "$beat" 1 50
    guest_number --phase "$phase" 1 600000
    guest_number --seed "$seed" 0 999999
    guest_number --vcpus "$vcpus" 1 8
    [ "$memory" -ge $((set + 5)) ] ||
        die "--memory $memory is too small: a working set of $set MiB needs $((set + 5)) MiB"
    case $rate in
        '' | *[!0-9.]* | *.*.* | .) die "--dirty-rate takes a number of MiB/s: '$rate'" ;;
    esac
    case $pattern in
        uniform | cyclic | phased | zipf) ;;
        *) die "--pattern is uniform, cyclic, phased or zipf: '$pattern'" ;;
    esac
    case $content in
        word | page | flat) ;;
        *) die "--content is word, page or flat: '$content'" ;;
    esac
}

rate_pages() {
    awk -v rate="$1" 'BEGIN { rate *= 256; printf "%d\n", rate < 1048576 ? rate : 1048576 }'
}

guest_xml() {
    local cmdline

    cmdline="set=$set rate=$(rate_pages "$rate") pattern=$pattern content=$content beat=$beat"
    cmdline+=" phase=$phase seed=$seed fill=$fill disk=$((disk > 0))"
    cat <<EOF
<domain type='qemu'>
  <name>$GUEST</name>
  <uuid>$(cat /proc/sys/kernel/random/uuid)</uuid>
  <memory unit='MiB'>$memory</memory>
  <vcpu>$vcpus</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>$LAB/bin/vmmi-lab-guest</kernel>
    <cmdline>$cmdline</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>$(command -v qemu-system-x86_64)</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <video><model type='none'/></video>
    <serial type='unix'>
      <source mode='connect' path='$GUEST_DIR/serial.sock'>
        <reconnect enabled='yes' timeout='1'/>
      </source>
      <target port='0'/>
    </serial>
EOF
    [ "$disk" = 0 ] || cat <<EOF
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/var/lib/libvirt/images/$GUEST.img'/>
      <target dev='hda' bus='ide'/>
    </disk>
EOF
    echo '  </devices>'
    echo '</domain>'
}

# The same path leads to another file on each host.
guest_disk() {
    local side

    [ "$disk" -gt 0 ] || return 0
    for side in source destination; do
        rm -f "$LAB/$side/lib/images/$GUEST.img"
        truncate -s "${disk}M" "$LAB/$side/lib/images/$GUEST.img"
    done
}

# The guest is at work, or has said why it is not.
guest_speaks() {
    grep -qsE '^t [0-9]+ [a-z]+ (H ready|X)' "$GUEST_DIR/serial.log"
}

guest_works() {
    wait_until 60 guest_speaks && ! grep '^t [0-9]* [a-z]* X' "$GUEST_DIR/serial.log" \
        >"$GUEST_DIR.error"
}

guest_start() {
    local error

    guest_choose "$1"
    shift
    guest_defaults
    guest_options "$@"
    [ ! -d "$GUEST_DIR" ] || die "the guest '$GUEST' is there already; try: lab destroy $GUEST"
    lab_programs
    mkdir -p "$GUEST_DIR"
    collector_start
    guest_disk
    guest_xml >"$GUEST_DIR/guest.xml"
    if ! guest_boot || ! guest_works; then
        error=$(cat "$GUEST_DIR.error" 2>/dev/null)
        rm -f "$GUEST_DIR.error"
        guest_destroy "$GUEST"
        die "the guest '$GUEST' did not start: $error"
    fi
    rm -f "$GUEST_DIR.error"
}

guest_boot() {
    if [ -n "$persistent" ]; then
        virsh_on source define "$GUEST_DIR/guest.xml" >/dev/null 2>"$GUEST_DIR.error" &&
            virsh_on source start "$GUEST" >/dev/null 2>"$GUEST_DIR.error"
    else
        virsh_on source create "$GUEST_DIR/guest.xml" >/dev/null 2>"$GUEST_DIR.error"
    fi
}

virsh_on() {
    local side=$1

    shift
    LC_ALL=C virsh -q -c "$(host_uri "$side")" "$@" 9>&-
}

# Nothing of a guest is left, wherever it runs and whatever its libvirtd does.
guest_destroy() {
    local side pid

    guest_choose "$1"
    [ ! -d "$LAB/guests/$1" ] || collector_stop "$1"
    for side in source destination; do
        if [ -n "$(host_pid "$side")" ]; then
            virsh_on "$side" destroy "$1" >/dev/null 2>&1 || :
            virsh_on "$side" undefine "$1" >/dev/null 2>&1 || :
        fi
        for pid in $(side_pids "$side"); do
            grep -qsz "^guest=$1," "/proc/$pid/cmdline" && kill -KILL "$pid" 2>/dev/null
        done
        rm -f "$LAB/$side/lib/images/$1.img"
    done
    rm -rf "$LAB/guests/$1"
}

guest_runs_on() {
    [ "$(virsh_on "$1" domstate "$GUEST" 2>/dev/null)" = running ]
}

guest_where() {
    local source='' destination=''

    guest_runs_on source && source=1
    guest_runs_on destination && destination=1
    case $source:$destination in
        1:1) echo both ;;
        1:) echo source ;;
        :1) echo destination ;;
        *) echo nowhere ;;
    esac
}

guest_states() {
    local side

    for side in source destination; do
        printf '%s: %s\n' "$side" \
            "$(virsh_on "$side" domstate --reason "$GUEST" 2>/dev/null || echo absent)"
    done
}

# A collector that was killed has a successor; QEMU finds it within a second.
collector_hears() {
    awk '$1 == "s" { heard = 0 } $1 == "o" { heard = 1 } END { exit !heard }' \
        "$GUEST_DIR/serial.log"
}

guest_ask() {
    collector_start
    wait_until 5 collector_hears || :
    "$LAB/bin/vmmi-lab-tool" ask "$GUEST_DIR" "$1" "$2"
}

guest_verify() {
    local answer

    answer=$(guest_ask V 60000) || return 1
    echo "$answer"
    case $answer in 'V ok '*) return 0 ;; *) return 1 ;; esac
}
