#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-driver.sh CASE: the libvirt driver against the two hosts of the lab, one behaviour each.
#
# VMMI_DRIVER_TRY makes the driver's calls; what a step must print is looked for in its output.
# Exit code 77: skipped.
set -u

LAB=$(dirname "$(readlink -f "$0")")/../lab
export VMMI_LAB=${VMMI_LAB:-selftest}
GUESTS=''
EXTRA=''
SEEN=''

lab() {
    "$LAB" "$@"
}

fail() {
    printf 'not as it should be: %s\n' "$*" >&2
    printf 'what was seen:\n%s\n' "$SEEN" >&2
    exit 1
}

skip() {
    printf 'skipped: %s\n' "$*" >&2
    exit 77
}

expect() {
    [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

tidy() {
    local name

    [ -z "${STOPPED-}" ] || kill -CONT "$STOPPED" 2>/dev/null
    [ -z "${KILLED-}" ] || lab start "$KILLED"
    [ -z "${SHAPED-}" ] || lab shape none
    for name in $GUESTS; do
        lab destroy "$name" >/dev/null 2>&1
    done
    [ -z "$EXTRA" ] || lab --name "$EXTRA" down
}

begin() {
    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    trap tidy EXIT
    lab up || fail "the lab does not come up"
    eval "$(lab env)"
    TO=$VMMI_LAB_DEST_URI,$VMMI_LAB_MIGRATE_URI
    BACK=$VMMI_LAB_BACK_DEST_URI,$VMMI_LAB_BACK_MIGRATE_URI
}

# guest NAME OPTION...: a small guest, unless the options say more.
guest() {
    GUESTS+=" $1"
    lab destroy "$1" >/dev/null 2>&1
    lab guest "$1" --memory 64 --working-set 16 "${@:2}" || fail "the guest '$1' does not start"
}

# shape RATE: until the end of the test.
shape() {
    SHAPED=1
    lab shape "$1" || fail "'shape' failed"
}

# on URI STEP...: all steps must go well.
on() {
    SEEN=$("$VMMI_DRIVER_TRY" "$@" 2>&1) || fail "a step failed"
}

# has TEXT: what the last steps printed.
has() {
    grep -qF -- "$1" <<<"$SEEN" || fail "'$1' was not seen"
}

# in_order WORD...: words that must have been printed one after the other.
in_order() {
    local rest=$SEEN word

    for word in "$@"; do
        case $rest in
        *"$word"*) rest=${rest#*"$word"} ;;
        *) fail "'$word' is missing, or out of order" ;;
        esac
    done
}

# Where it should be, all in one piece, and nowhere else.
arrived() {
    expect "where" "$(lab where "$1")" destination
    lab verify "$1" >/dev/null || fail "the memory is damaged"
}

stayed() {
    expect "where" "$(lab where "$1")" source
    lab verify "$1" >/dev/null || fail "the memory is damaged"
}

persistent() {
    virsh -q -c "$1" dominfo "$2" 2>/dev/null | awk '/^Persistent/ { print $2 }'
}

case_p2p() {
    begin
    guest dp2p --persistent --dirty-rate 8
    on "$VMMI_LAB_SRC" lookup,dp2p monitor "perform,p2p,$TO" wait seen,completed info completed
    in_order 'event state:precopy' 'event iteration:1' 'event state:switchover' \
        'event guest:paused/migration' 'event state:confirm' 'event completed:' 'info absent/' \
        'completed timestampMs=' ' percent=100 ' ' downtimeFinalMs='
    ! grep -q downtimeExpectedMs <<<"$SEEN" || fail "an expected downtime after the end"
    arrived dp2p
    expect "persistent there" "$(persistent "$VMMI_LAB_DST" dp2p)" yes
    expect "persistent here" "$(persistent "$VMMI_LAB_SRC" dp2p)" ''
    # The way back, kept on both sides; and the counter of passes begins anew.
    on "$VMMI_LAB_DST" lookup,dp2p monitor \
        "perform,p2p,$BACK,keep-source,persist_dest" wait \
        seen,completed info
    in_order 'event iteration:1' 'info shutoff/migrated job=none persistent=1'
    stayed dp2p
    virsh -q -c "$VMMI_LAB_DST" undefine dp2p
}

case_managed() {
    begin
    guest dman
    shape 20
    on -e none "$VMMI_LAB_SRC" lookup,dman \
        "perform,managed,$VMMI_LAB_DST,$VMMI_LAB_MIGRATE_URI" sample,memoryTotalBytes wait info
    in_order 'migration-out ' 'info absent/'
    arrived dman
    on "$VMMI_LAB_DST" lookup,dman monitor \
        "perform,managed,$VMMI_LAB_SRC,$VMMI_LAB_BACK_MIGRATE_URI" wait seen,completed
    stayed dman
}

case_tunnelled() {
    begin
    guest dtun
    on "$VMMI_LAB_SRC" lookup,dtun "perform,p2p,$VMMI_LAB_DEST_URI,,tunnelled" wait
    arrived dtun
}

case_direct_refused() {
    begin
    guest ddir
    on "$VMMI_LAB_SRC" lookup,ddir "perform,direct,$VMMI_LAB_MIGRATE_URI," fail,15,wait
    has 'direct migration is not supported'
    stayed ddir
}

case_offline() {
    begin
    guest doff --persistent
    virsh -q -c "$VMMI_LAB_SRC" destroy doff
    on "$VMMI_LAB_SRC" lookup,doff info "perform,p2p,$VMMI_LAB_DEST_URI,,offline" wait info
    in_order 'info shutoff/destroyed' 'info absent/'
    expect "persistent there" "$(persistent "$VMMI_LAB_DST" doff)" yes
    virsh -q -c "$VMMI_LAB_DST" undefine doff
}

case_storage() {
    begin
    guest ddisk --disk 16
    shape 20
    on "$VMMI_LAB_SRC" lookup,ddisk monitor "perform,p2p,$TO,non_shared_disk,migrate_disks=hda" \
        sample,diskTotalBytes wait seen,completed completed
    in_order ' diskTotalBytes=' 'event completed:' 'completed ' ' diskProcessedBytes='
    arrived ddisk
    lab verify ddisk | grep -q 'sectors=64 badsectors=0' || fail "the disk was not checked"
}

case_tls() {
    begin
    guest dtls
    on "$VMMI_LAB_SRC" lookup,dtls monitor \
        "perform,p2p,$VMMI_LAB_TLS_DEST_URI,$VMMI_LAB_MIGRATE_URI,tls" wait seen,completed
    arrived dtls
}

# Post-copy that lasts for some seconds.
postcopy_guest() {
    guest "$1" --memory 128 --working-set 48 --dirty-rate 60 --content page
    shape 20
}

POSTCOPY="sample,memoryTotalBytes tune,2,5 seen,iteration:2 postcopy seen,state:postcopy"

# resumed NAME: a broken post-copy goes on. It may break again at once, when one of the hosts has not
# noticed yet that it was broken; then it is tried once more, as a policy would.
resumed() {
    for _ in 1 2 3 4 5; do
        if SEEN=$("$VMMI_DRIVER_TRY" "$VMMI_LAB_SRC" "lookup,$1" monitor \
            "perform,p2p,$TO,postcopy,postcopy_resume" wait seen,completed 2>&1); then
            return
        fi
        has 'error 17 wait'
        sleep 0.5
    done
    fail "post-copy does not go on"
}

case_postcopy() {
    begin
    postcopy_guest dpost
    # shellcheck disable=SC2086
    on "$VMMI_LAB_SRC" lookup,dpost monitor "perform,p2p,$TO,postcopy" $POSTCOPY fail,117,abort \
        wait seen,completed completed info
    in_order 'event iteration:2' 'event state:switchover' 'event state:postcopy' \
        'cannot abort migration in post-copy mode' 'event state:confirm' ' postcopyRequests='
    arrived dpost
}

# QEMU loses a guest whose post-copy is paused before it runs on the destination: the driver waits.
case_postcopy_paused_at_once() {
    begin
    postcopy_guest dpause
    # shellcheck disable=SC2086
    on "$VMMI_LAB_SRC" lookup,dpause monitor "perform,p2p,$TO,postcopy" $POSTCOPY pause \
        fail,17,wait seen,state:postcopy-broken info
    in_order 'event state:postcopy' 'fail 17 ' 'info paused/postcopy-failed job=migration-out'
    resumed dpause
    in_order 'event state:postcopy' 'event state:confirm' 'event completed:'
    arrived dpause
}

case_postcopy_severed() {
    begin
    postcopy_guest dsever
    # shellcheck disable=SC2086
    on "$VMMI_LAB_SRC" lookup,dsever monitor "perform,p2p,$TO,postcopy" $POSTCOPY \
        sample,postcopyRequests "run,sleep 0.3" "run,$LAB sever migration" fail,17,wait \
        seen,state:postcopy-broken
    resumed dsever
    arrived dsever
}

case_abort_at_once() {
    begin
    guest dearly --memory 128 --dirty-rate 20
    shape 20
    for _ in 1 2 3 4 5; do
        on "$VMMI_LAB_SRC" lookup,dearly monitor "perform,p2p,$TO" abort fail,9,wait info
        in_order 'fail 9 ' 'info running/' 'job=none'
    done
    stayed dearly
}

case_abort_in_flight() {
    begin
    guest dabort --memory 128 --dirty-rate 20
    shape 20
    on "$VMMI_LAB_SRC" lookup,dabort monitor "perform,p2p,$TO" sample,memoryTotalBytes abort \
        fail,9,wait info
    in_order 'event iteration:1' 'fail 9 ' 'info running/' 'job=none'
    stayed dabort
}

case_tune() {
    begin
    guest dtune --memory 128 --dirty-rate 20
    shape 10
    on "$VMMI_LAB_SRC" lookup,dtune monitor "perform,p2p,$TO,compressed,compression=xbzrle" \
        sample,downtimeLimitMs tune,0,77 tune,3,16777216 sample,downtimeLimitMs tune,1,7 \
        tune,0,20000 fail,101,tune,0,0 wait
    in_order ' downtimeLimitMs=300' ' downtimeLimitMs=77'
    has 'the downtime limit (ms) must be 1..2000000, got 0'
    arrived dtune
}

case_busy() {
    begin
    guest dbusy --memory 128 --dirty-rate 20
    shape 10
    on "$VMMI_LAB_SRC" lookup,dbusy "perform,p2p,$TO" sample,memoryTotalBytes \
        "run,$VMMI_DRIVER_TRY '$VMMI_LAB_SRC' lookup,dbusy perform,p2p,$TO fail,14,wait" \
        "fail,14,perform,p2p,$TO" abort fail,9,wait
    stayed dbusy
}

case_suspended_in_flight() {
    begin
    guest dsus --memory 128 --dirty-rate 20
    shape 20
    on "$VMMI_LAB_SRC" lookup,dsus monitor "perform,p2p,$TO" sample,memoryTotalBytes suspend \
        seen,guest:paused/user wait seen,completed
    expect "where" "$(lab where dsus)" destination
    virsh -q -c "$VMMI_LAB_DST" resume dsus 2>/dev/null
    lab verify dsus >/dev/null || fail "the memory is damaged"
}

case_destroyed_in_flight() {
    begin
    guest ddead --memory 128 --dirty-rate 20
    shape 10
    SEEN=$("$VMMI_DRIVER_TRY" "$VMMI_LAB_SRC" lookup,ddead monitor "perform,p2p,$TO" \
        sample,memoryTotalBytes "run,virsh -q -c '$VMMI_LAB_SRC' destroy ddead" \
        seen,guest:shutoff/destroyed wait 2>&1)
    has 'error '
    expect "where" "$(lab where ddead)" nowhere
}

case_refusals() {
    begin
    guest dref
    on "$VMMI_LAB_SRC" lookup,dref "fail,6,check,p2p,$TO,postcpy" \
        "fail,6,check,p2p,$TO,bandwith=3" "fail,15,check,p2p,$TO,postcopy,parallel" \
        "check,p2p,$TO,postcopy,auto_converge,bandwidth=100" \
        fail,105,check,p2p,sim:///destination, fail,10,lookup,nobody fail,117,sample \
        fail,117,completed fail,117,abort fail,117,postcopy
    stayed dref
}

case_destination_refuses() {
    begin
    guest dref2
    # A stranger has the name already.
    virsh -q -c "$VMMI_LAB_SRC" dumpxml dref2 |
        sed 's|<uuid>.*</uuid>|<uuid>0a6f9f0e-0000-4000-8000-000000000001</uuid>|' \
            >"$VMMI_LAB_DIR/stranger.xml"
    virsh -q -c "$VMMI_LAB_DST" define "$VMMI_LAB_DIR/stranger.xml" ||
        fail "the stranger is not defined"
    on "$VMMI_LAB_SRC" lookup,dref2 "perform,p2p,qemu+tcp://192.0.2.2:1/system," fail,8,wait \
        "perform,p2p,qemu+tcp://192.0.2.99/system," fail,8,wait "perform,p2p,$TO" fail,8,wait info
    virsh -q -c "$VMMI_LAB_DST" undefine dref2
    in_order 'Connection refused' 'No route to host' 'already' 'info running/' 'job=none'
    stayed dref2
}

case_destination_killed() {
    begin
    guest dkill --memory 128 --dirty-rate 20
    shape 10
    KILLED=destination
    on "$VMMI_LAB_SRC" lookup,dkill monitor "perform,p2p,$TO" sample,memoryTotalBytes \
        "run,$LAB kill destination" fail,8,wait info
    has 'info running/'
    stayed dkill
}

case_reconnect() {
    begin
    guest dback --memory 128 --dirty-rate 20
    shape 10
    on "$VMMI_LAB_SRC" lookup,dback monitor monitor "perform,p2p,$TO" sample,memoryTotalBytes \
        "run,$LAB restart source --kill" fail,12,wait seen,disconnected seen,reconnected info \
        suspend seen,guest:paused resume ping
    in_order 'event disconnected' 'event reconnected' 'info running/' 'event guest:paused/'
    stayed dback
}

# A host that is stopped answers nothing: each call ends in time; all goes on when the host does.
case_hung() {
    begin
    guest dhung
    STOPPED=$VMMI_LAB_SOURCE_PID
    on -t 500 "$VMMI_LAB_SRC" lookup,dhung "run,kill -STOP $STOPPED" fail,114,sample fail,114,info \
        fail,114,tune,0,100 fail,114,abort fail,114,ping fail,114,sample fail,114,info \
        "run,kill -CONT $STOPPED" "run,sleep 0.2" ping info
    has 'info running/'
    kill -STOP "$STOPPED"
    SEEN=$("$VMMI_DRIVER_TRY" -t 500 "$VMMI_LAB_SRC" 2>&1)
    has 'error 114 open:'
    kill -CONT "$STOPPED"
    on "$VMMI_LAB_SRC" lookup,dhung
}

# Where somebody watches, a host that hangs is found out, and so is its return; libvirt prints
# nothing.
case_keepalive() {
    begin
    guest dkeep
    STOPPED=$VMMI_LAB_SOURCE_PID
    on -k 1 "$VMMI_LAB_SRC" lookup,dkeep monitor "run,kill -STOP $STOPPED" seen,disconnected \
        "run,kill -CONT $STOPPED" seen,reconnected info suspend seen,guest:paused/user resume
    in_order 'event disconnected' 'event reconnected' 'info running/' 'event guest:paused/user'
    ! grep -q warning <<<"$SEEN" || fail "libvirt printed"
}

case_sasl() {
    local file

    [ "$(id -u)" = 0 ] || skip "the lab needs root"
    command -v saslpasswd2 >/dev/null || skip "saslpasswd2 is missing (Debian package sasl2-bin)"
    EXTRA=$VMMI_LAB-d
    export VMMI_LAB=$EXTRA
    begin
    lab up --sasl || fail "the lab does not come up with passwords"
    eval "$(lab env)"
    guest dsasl
    file=$VMMI_LAB_DIR/password
    (umask 077; printf '%s\n' "$VMMI_LAB_SASL_PASSWORD" >"$file"; printf 'wrong\n' >"$file.wrong")
    on -u "$VMMI_LAB_SASL_USER" -p "$file" "$VMMI_LAB_SASL_URI" lookup,dsasl "perform,p2p,$TO" wait
    arrived dsasl
    # The other way round, where the destination asks.
    on "$VMMI_LAB_DST" lookup,dsasl \
        "perform,managed,$VMMI_LAB_SASL_URI,${BACK#*,},user=$VMMI_LAB_SASL_USER,file=$file" wait
    stayed dsasl
    refused_auth -u "$VMMI_LAB_SASL_USER" -p "$file.wrong"
    refused_auth -u nobody -p "$file"
    refused_auth
    chmod 0644 "$file"
    refused_auth -u "$VMMI_LAB_SASL_USER" -p "$file"
    has 'has mode 0644'
}

refused_auth() {
    SEEN=$("$VMMI_DRIVER_TRY" "$@" "$VMMI_LAB_SASL_URI" 2>&1) && fail "opened with: $*"
    has 'error 107 open:'
    ! grep -qF -- "$VMMI_LAB_SASL_PASSWORD" <<<"$SEEN" || fail "the password was shown"
}

if [ $# -ne 1 ] || ! declare -F "case_$1" >/dev/null; then
    echo "usage: test-driver.sh CASE" >&2
    exit 2
fi
"case_$1"
exit 0
