#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-lab.sh CASE: the tests of the lab itself, one behaviour each.
#
# They share one lab, named by VMMI_LAB; 'teardown' is the last of them. Times are only
# compared with lower bounds, which no busy machine can break. Exit code 77: skipped.
set -u

HERE=$(dirname "$(readlink -f "$0")")
export VMMI_LAB=${VMMI_LAB:-selftest}
GUESTS=''
EXTRA=''

lab() {
    "$HERE/lab" "$@"
}

fail() {
    printf 'not as it should be: %s\n' "$*" >&2
    exit 1
}

skip() {
    printf 'skipped: %s\n' "$*" >&2
    exit 77
}

expect() {
    [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

expect_code() {
    local want=$1 got=0

    shift
    lab "$@" >/dev/null 2>&1 || got=$?
    expect "exit code of 'lab $*'" "$got" "$want"
}

# wait_for SECONDS COMMAND...
wait_for() {
    local end=$((SECONDS + $1))

    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

tidy() {
    local name

    for name in $GUESTS; do
        lab destroy "$name" >/dev/null 2>&1
    done
    for name in $EXTRA; do
        lab --name "$name" down
    done
    [ -z "${SHAPED-}" ] || lab shape none
    [ -z "${CUT-}" ] || lab mend
}

begin() {
    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    trap tidy EXIT
    lab up || fail "the lab does not come up"
    eval "$(lab env)"
}

# guest NAME OPTION...: a small guest, unless the options say more.
guest() {
    GUESTS+=" $1"
    lab destroy "$1" >/dev/null 2>&1
    lab guest "$1" --memory 64 --working-set 16 "${@:2}" || fail "the guest '$1' does not start"
}

migrate() {
    virsh -q -c "$VMMI_LAB_SRC" migrate --live --p2p "$@" || fail "'virsh migrate $*' failed"
}

figure() {
    lab beats "$1" | sed -n "s/^$2=//p"
}

# Where it should be, all in one piece, and nowhere else.
arrived() {
    expect "where" "$(lab where "$1")" destination
    lab verify "$1" || fail "the memory is damaged"
    # A busy machine may drop or cut some on their way out of QEMU; that is no harm to the guest.
    [ "$(figure "$1" lost)" -le 10 ] || fail "$(figure "$1" lost) beats are lost"
    [ "$(figure "$1" damaged)" -le 10 ] || fail "$(figure "$1" damaged) beats are damaged"
    expect "repeated beats" "$(figure "$1" repeated)" 0
    expect "moves" "$(figure "$1" moves)" 1
}

to_destination() {
    migrate "$@" "$VMMI_LAB_DEST_URI" "$VMMI_LAB_MIGRATE_URI"
}

case_usage() {
    expect_code 0 --help
    expect_code 2
    expect_code 2 frobnicate
    expect_code 2 --name
    [ "$(id -u)" = 0 ] || skip "the rest needs root"
    expect_code 125 --name 'a/b' env
    expect_code 125 --name "$VMMI_LAB-none" env
    expect_code 125 --name "$VMMI_LAB-none" guest x
    expect_code 0 --name "$VMMI_LAB-none" down
}

case_bad_options() {
    begin
    expect_code 125 guest opt --memory 0
    expect_code 125 guest opt --memory many
    expect_code 125 guest opt --memory 32 --working-set 32
    expect_code 125 guest opt --pattern plaid
    expect_code 125 guest opt --content lead
    expect_code 125 guest opt --dirty-rate fast
    expect_code 125 guest opt --frob 1
    expect_code 125 guest opt --beat
    expect_code 125 guest ../opt
    expect_code 125 where opt
    expect_code 125 shape fast
    expect_code 125 sever everything
    [ ! -d "$VMMI_LAB_GUESTS/opt" ] || fail "a refused guest left a directory"
}

case_up_again() {
    begin
    local source=$VMMI_LAB_SOURCE_PID destination=$VMMI_LAB_DESTINATION_PID

    lab up || fail "the second 'up' failed"
    eval "$(lab env)"
    expect "source libvirtd" "$VMMI_LAB_SOURCE_PID" "$source"
    expect "destination libvirtd" "$VMMI_LAB_DESTINATION_PID" "$destination"
    virsh -q -c "$VMMI_LAB_SRC" uri >/dev/null || fail "VMMI_LAB_SRC"
    virsh -q -c "$VMMI_LAB_DST" uri >/dev/null || fail "VMMI_LAB_DST"
    expect "source's name" "$(virsh -q -c "$VMMI_LAB_SRC" hostname)" source
    expect "destination's name" "$(virsh -q -c "$VMMI_LAB_DST" hostname)" destination
}

case_host_untouched() {
    local before after

    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    trap tidy EXIT
    EXTRA=$VMMI_LAB-h
    host_state() {
        ip -o link | awk '{ print $2 }'
        cut -d' ' -f5 /proc/self/mountinfo
        find /run -mindepth 1 -maxdepth 1 ! -name vmmi-lab
        find /etc/libvirt /run/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt \
            -printf '%p %T@\n' 2>/dev/null
    }
    before=$(host_state)
    lab --name "$EXTRA" up || fail "the lab does not come up"
    after=$(host_state)
    expect "the host while the lab is up" "$after" "$before"
    lab --name "$EXTRA" down || fail "'down' failed"
    expect "the host after 'down'" "$(host_state)" "$before"
    [ ! -e "$VMMI_LAB_ROOT_DIR/$EXTRA" ] || fail "the lab's directory is left"
}

case_guest_beats() {
    begin
    guest beats
    expect "where" "$(lab where beats)" source
    wait_for 20 enough_beats || fail "few beats"
    lab verify beats || fail "the memory is damaged"
    expect_code 125 guest beats
    lab destroy beats
    expect_code 125 where beats
    expect "guests on the source" "$(virsh -q -c "$VMMI_LAB_SRC" list --name --all |
        grep -x beats)" ''
}

enough_beats() {
    [ "$(figure beats beats)" -ge 20 ]
}

worked() {
    [ "$(figure "$1" work)" -gt "$2" ]
}

case_patterns() {
    local pattern content

    begin
    for pattern in uniform cyclic phased zipf; do
        guest pattern --pattern "$pattern" --dirty-rate 8 --phase 50
        wait_for 20 worked pattern 50 || fail "no work with pattern $pattern"
        lab verify pattern || fail "damaged with pattern $pattern"
    done
    for content in word page flat; do
        guest pattern --content "$content" --dirty-rate 8 --fill
        wait_for 20 worked pattern 50 || fail "no work with content $content"
        lab verify pattern || fail "damaged with content $content"
    done
}

case_rate_changes() {
    begin
    guest rate --dirty-rate 0
    expect "work of a calm guest" "$(figure rate work)" 0
    lab rate rate 10 || fail "'rate' failed"
    wait_for 20 worked rate 10 || fail "the writer did not start"
}

case_verify_finds_damage() {
    begin
    guest damage --disk 1 --dirty-rate 0
    lab verify damage || fail "damaged before anything happened"
    "$VMMI_LAB_DIR/bin/vmmi-lab-tool" ask "$VMMI_LAB_GUESTS/damage" C77 5000 >/dev/null ||
        fail "the guest does not damage itself"
    lab verify damage | grep -q 'firstbad=77 ' || fail "the damaged page 77 was not named"
    expect_code 1 verify damage
}

case_verify_finds_a_foreign_disk() {
    begin
    guest foreign --disk 1 --dirty-rate 0
    lab verify foreign || fail "damaged before anything happened"
    virsh -q -c "$VMMI_LAB_SRC" suspend foreign
    printf 'XXXX' | dd of="$VMMI_LAB_DIR/source/lib/images/foreign.img" bs=512 seek=160 \
        conv=notrunc status=none
    virsh -q -c "$VMMI_LAB_SRC" resume foreign
    expect_code 1 verify foreign
}

case_gap_sees_a_pause() {
    local mark

    begin
    guest pause
    mark=$(lab mark)
    virsh -q -c "$VMMI_LAB_SRC" suspend pause
    sleep 0.5
    virsh -q -c "$VMMI_LAB_SRC" resume pause
    wait_for 20 beats_since "$mark" || fail "no beats after the pause"
    [ "$(lab gap pause --since "$mark")" -ge 480 ] || fail "a pause of 500 ms was not seen"
}

beats_since() {
    [ "$(lab beats pause --since "$1" | sed -n 's/^beats=//p')" -gt 20 ]
}

# telling NAME: the last figures of a guest name a rate.
telling() {
    lab figures "$1" --since "$(lab mark)" | grep -q '"rateBefore": [0-9]'
}

case_figures() {
    local mark got

    begin
    guest felt --dirty-rate 20
    wait_for 30 telling felt || fail "no rate: $(lab figures felt)"
    mark=$(lab mark)
    to_destination felt
    wait_for 20 spoke_there felt || fail "no beat from the destination"
    got=$(lab figures felt --since "$mark")
    for part in '"switchoverSilence": {"ms": [0-9]' '"switchover": {"fromMs": [0-9]' '"moves": 1' \
        '"side": "destination"' '"workLostMs": -\?[0-9]'; do
        grep -q "$part" <<<"$got" || fail "no $part in $got"
    done
    expect_code 2 figures felt --since yesterday
    expect_code 2 figures felt --switchover 5
    expect_code 2 figures felt --until
}

spoke_there() {
    [ "$(figure "$1" beats_destination)" -ge 20 ]
}

# delta CONTENT: migrates with xbzrle a guest that writes its pages again several times in each pass. Leaves in TRIED how
# many pages xbzrle looked at, in WHOLE how many it had to send as they were, in CONSTANT how many had one value only.
delta() {
    local stats

    guest "delta-$1" --dirty-rate 100 --pattern cyclic --content "$1"
    to_destination "delta-$1" --compressed --comp-methods xbzrle --comp-xbzrle-cache 67108864 \
        --timeout 3 --timeout-suspend
    stats=$(LC_ALL=C virsh -q -c "$VMMI_LAB_DST" domjobinfo "delta-$1" --completed)
    TRIED=$(awk '/^Compressed pages:/ { print $3 }' <<<"$stats")
    WHOLE=$(awk '/^Compression overflows:/ { print $3 }' <<<"$stats")
    CONSTANT=$(awk '/^Constant pages:/ { print $3 }' <<<"$stats")
    echo "$1: xbzrle looked at $TRIED pages and sent $WHOLE of them whole; $CONSTANT were constant"
    lab destroy "delta-$1"
}

# What a yardstick needs: nothing shrinks a page. xbzrle also leaves out pages that are as they were when last sent;
# those do not count as whole, so a writer that is starved brings the share down.
case_contents_shrink() {
    begin
    SHAPED=1
    lab shape 20
    delta page
    [ "$TRIED" -gt 1000 ] || fail "xbzrle looked at $TRIED pages only"
    [ $((WHOLE * 2)) -gt "$TRIED" ] || fail "of $TRIED pages of content 'page' $WHOLE were sent whole"
    [ "$CONSTANT" -lt $((50 * 256)) ] || fail "$CONSTANT pages were constant, more than the guest has outside its set"
    delta word
    [ $((WHOLE * 10)) -lt "$TRIED" ] || fail "of $TRIED pages of content 'word' $WHOLE were sent whole"
}

case_migrate() {
    begin
    guest move --dirty-rate 20
    to_destination move
    arrived move
    migrate_back move
    expect "where" "$(lab where move)" source
    lab verify move || fail "the memory is damaged"
}

migrate_back() {
    virsh -q -c "$VMMI_LAB_DST" migrate --live --p2p "$1" "$VMMI_LAB_BACK_DEST_URI" \
        "$VMMI_LAB_BACK_MIGRATE_URI" || fail "the way back failed"
}

case_migrate_managed() {
    begin
    guest managed
    migrate managed "$VMMI_LAB_DST" "$VMMI_LAB_MIGRATE_URI"
    arrived managed
}

case_persistent() {
    begin
    guest stay --persistent
    to_destination stay --persistent --undefinesource
    arrived stay
    expect "persistent" "$(virsh -q -c "$VMMI_LAB_DST" dominfo stay |
        awk '/^Persistent/ { print $2 }')" yes
}

# A hot page and many passes: QEMU before 9.0 lost pages here, see README.md.
case_many_passes() {
    begin
    SHAPED=1
    lab shape 40
    guest busy --working-set 32 --dirty-rate 60 --pattern uniform
    to_destination busy --timeout 4 --timeout-suspend
    arrived busy
}

case_shape() {
    local start end

    begin
    SHAPED=1
    lab shape 10
    guest slow --dirty-rate 0
    start=$(date +%s%3N)
    to_destination slow
    end=$(date +%s%3N)
    arrived slow
    [ $((end - start)) -ge 1500 ] || fail "16 MiB at 10 MiB/s took only $((end - start)) ms"
}

case_cut_and_mend() {
    local job

    begin
    SHAPED=1 CUT=1
    lab shape 10
    guest cut --dirty-rate 0
    virsh -q -c "$VMMI_LAB_SRC" migrate --live --p2p cut "$VMMI_LAB_DEST_URI" \
        "$VMMI_LAB_MIGRATE_URI" &
    job=$!
    wait_for 20 moving cut || fail "the migration does not start"
    lab cut
    sleep 2
    kill -0 "$job" || fail "the migration ended without a link"
    expect "where" "$(lab where cut)" source
    lab mend
    wait "$job" || fail "the migration did not survive the cut"
    arrived cut
}

moving() {
    virsh -q -c "$VMMI_LAB_SRC" domjobinfo "$1" 2>/dev/null | grep -q 'Data processed: *[1-9]'
}

case_postcopy() {
    local job

    begin
    SHAPED=1
    lab shape 20
    guest post --memory 128 --working-set 48 --dirty-rate 60 --content page
    virsh -q -c "$VMMI_LAB_SRC" migrate --live --p2p --postcopy post "$VMMI_LAB_DEST_URI" \
        "$VMMI_LAB_MIGRATE_URI" &
    job=$!
    wait_for 20 moving post || fail "the migration does not start"
    virsh -q -c "$VMMI_LAB_SRC" migrate-postcopy post || fail "no post-copy"
    wait "$job" || fail "the migration failed"
    arrived post
}

state_has() {
    lab states "$1" | grep -qx "$2"
}

case_postcopy_broken_and_resumed() {
    local job

    begin
    SHAPED=1
    lab shape 20
    guest broken --memory 128 --working-set 48 --dirty-rate 60 --content page
    virsh -q -c "$VMMI_LAB_SRC" migrate --live --p2p --postcopy broken "$VMMI_LAB_DEST_URI" \
        "$VMMI_LAB_MIGRATE_URI" &
    job=$!
    wait_for 20 moving broken || fail "the migration does not start"
    virsh -q -c "$VMMI_LAB_SRC" migrate-postcopy broken || fail "no post-copy"
    wait_for 20 state_has broken 'destination: running (post-copy)' || fail "no post-copy"
    lab sever migration || fail "'sever' failed"
    ! wait "$job" || fail "the migration did not notice"
    state_has broken 'source: paused (post-copy failed)' || fail "$(lab states broken)"
    to_destination broken --postcopy --postcopy-resume
    arrived broken
}

case_storage() {
    begin
    guest disk --disk 16
    to_destination disk --copy-storage-all
    arrived disk
    lab verify disk | grep -q 'sectors=64 badsectors=0' || fail "the disk was not checked"
}

case_tls() {
    begin
    guest tls
    migrate tls --tls "$VMMI_LAB_TLS_DEST_URI" "$VMMI_LAB_MIGRATE_URI"
    arrived tls
}

case_sasl() {
    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    command -v saslpasswd2 >/dev/null || skip "saslpasswd2 is missing (Debian package sasl2-bin)"
    trap tidy EXIT
    EXTRA=$VMMI_LAB-a
    export VMMI_LAB=$EXTRA
    lab up --sasl || fail "the lab does not come up"
    eval "$(lab env)"
    virsh -q -c "$VMMI_LAB_SRC" list >/dev/null || fail "with the right password"
    ! virsh -q -c "$VMMI_LAB_SASL_URI" list >/dev/null 2>&1 </dev/null || fail "without a password"
    sed 's/^password=.*/password=wrong/' "$VMMI_LAB_DIR/source/auth.conf" \
        >"$VMMI_LAB_DIR/wrong.conf"
    ! virsh -q -c "$VMMI_LAB_SASL_URI&authfile=$VMMI_LAB_DIR/wrong.conf" list >/dev/null 2>&1 \
        </dev/null || fail "with a wrong password"
}

case_daemon_killed() {
    begin
    local old=$VMMI_LAB_SOURCE_PID

    guest orphan
    lab kill source
    eval "$(lab env)"
    expect "pid of a dead libvirtd" "$VMMI_LAB_SOURCE_PID" ''
    lab verify orphan || fail "the guest did not survive its libvirtd"
    lab start source || fail "libvirtd does not start again"
    eval "$(lab env)"
    [ -n "$VMMI_LAB_SOURCE_PID" ] || fail "no libvirtd"
    [ "$VMMI_LAB_SOURCE_PID" != "$old" ] || fail "the old libvirtd"
    expect "where" "$(lab where orphan)" source
    lab restart destination || fail "'restart' failed"
    to_destination orphan
    arrived orphan
}

case_collector_killed() {
    begin
    guest deaf
    kill -KILL "$(collector_of deaf)"
    lab verify deaf || fail "the collector did not come back"
}

collector_of() {
    grep -lszx -e "[/]${VMMI_LAB_GUESTS#/}/$1" /proc/[0-9]*/cmdline | cut -d/ -f3
}

lab_processes() {
    grep -ls "vmmi-lab:$1:" /proc/[0-9]*/mountinfo
    grep -lszx -e "--lab=[/]${1#/}" /proc/[0-9]*/cmdline
}

case_down_after_kill() {
    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    trap tidy EXIT
    EXTRA=$VMMI_LAB-k
    export VMMI_LAB=$EXTRA
    lab up || fail "the lab does not come up"
    eval "$(lab env)"
    lab guest left --memory 64 --working-set 8 || fail "the guest does not start"
    kill -KILL "$VMMI_LAB_SOURCE_NAMESPACE_PID" "$VMMI_LAB_SOURCE_PID" "$VMMI_LAB_DESTINATION_PID"
    lab down || fail "'down' failed"
    expect "processes" "$(lab_processes "$VMMI_LAB_DIR")" ''
    [ ! -e "$VMMI_LAB_DIR" ] || fail "the lab's directory is left"
}

case_up_after_kill() {
    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    trap tidy EXIT
    EXTRA=$VMMI_LAB-m
    export VMMI_LAB=$EXTRA
    lab up || fail "the lab does not come up"
    eval "$(lab env)"
    # shellcheck disable=SC2046 # several numbers
    kill -KILL $(grep -lsF "vmmi-lab:$VMMI_LAB_DIR:source " /proc/[0-9]*/mountinfo | cut -d/ -f3)
    lab up || fail "'up' does not mend the lab"
    eval "$(lab env)"
    guest again
    to_destination again
    arrived again
    GUESTS=''
}

case_failed_up_leaves_nothing() {
    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    trap tidy EXIT
    EXTRA=$VMMI_LAB-f
    VMMI_LAB_LOG_LEVEL=nonsense expect_code 125 --name "$EXTRA" up
    [ ! -e "$VMMI_LAB_ROOT_DIR/$EXTRA" ] || fail "the lab's directory is left"
    expect "processes" "$(lab_processes "$VMMI_LAB_ROOT_DIR/$EXTRA")" ''
}

case_side_by_side() {
    begin
    EXTRA=$VMMI_LAB-b
    lab --name "$EXTRA" up || fail "the second lab does not come up"
    guest twin
    VMMI_LAB=$EXTRA guest twin
    to_destination twin
    arrived twin
    expect "the other lab's guest" "$(lab --name "$EXTRA" where twin)" source
    lab list | grep -qx "$EXTRA" || fail "'list' does not name the second lab"
    lab --name "$EXTRA" down
    expect "the first lab's guest" "$(lab where twin)" destination
}

case_teardown() {
    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    lab down || fail "'down' failed"
    expect "processes" "$(lab_processes "$VMMI_LAB_ROOT_DIR/$VMMI_LAB")" ''
    [ ! -e "$VMMI_LAB_ROOT_DIR/$VMMI_LAB" ] || fail "the lab's directory is left"
}

VMMI_LAB_ROOT_DIR=${VMMI_LAB_ROOT:-/run/vmmi-lab}
[ "$(type -t "case_${1-}")" = function ] || fail "there is no case '${1-}'"
"case_$1"
