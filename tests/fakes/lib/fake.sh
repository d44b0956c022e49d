# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# fake.sh: what every fake does right. A fake sources this, changes one thing, and calls fake_main "$@".
#
# A fake migrates nothing: it waits for policy.durationMs (200), and says that all went well. So it needs no hypervisor, and a
# manager that believes it without looking at the guest has failed.
set -u
FAKE_NAME=${0##*/}
FAKE_SLEEP=
FAKE_CONFIG=
FAKE_READY=    # the configuration is complete: statuses may be sent (I6)
FAKE_ASKED=

# fake_message TYPE CONTENT: one message on one line (M1 to M3).
fake_message() {
    printf '{"vmmiVersion": "0.4.1", "contentType": "%s", "timestamp": %s, "%s": %s}\n' \
        "$1" "$(date +%s)" "$1" "$2"
}

fake_success() {
    fake_message completion '{"result": "success", "success": {}}' >&2
}

# fake_error CODE MESSAGE
fake_error() {
    fake_message completion "{\"result\": \"error\", \"error\": {\"code\": $1, \"message\": \"$2\", \
\"details\": \"fake $FAKE_NAME\"}}" >&2
}

fake_describe() {
    printf '{"name": "%s", "version": "1", "protocolVersions": ["0.4.1"], "summary": "A fake for tests",
  "options": [{"name": "durationMs", "type": "uint", "default": 200, "unit": "ms",
               "meaning": "How long it pretends to migrate."}]}\n' "$FAKE_NAME"
}

# fake_read_config PATH|-: keeps the text. A file on standard input ends; a pipe is read to the line with the last brace.
fake_read_config() {
    if [ "$1" != - ]; then
        [ -r "$1" ] || { fake_error 3 "cannot read the configuration"; exit 1; }
        exec <"$1"
    fi
    while IFS= read -r fake_line || [ -n "$fake_line" ]; do
        FAKE_CONFIG="$FAKE_CONFIG $fake_line"
        [ "$(printf %s "$FAKE_CONFIG" | tr -cd '{' | wc -c)" -gt \
            "$(printf %s "$FAKE_CONFIG" | tr -cd '}' | wc -c)" ] || break
    done
    case $FAKE_CONFIG in
    *'"configuration"'*) ;;
    *) fake_error 6 "the configuration is malformed"; exit 1 ;;
    esac
}

# fake_option NAME DEFAULT: a number of the configuration.
fake_option() {
    fake_value=$(printf %s "$FAKE_CONFIG" | sed -n "s/.*\"$1\" *: *\\([0-9][0-9]*\\).*/\\1/p")
    printf %s "${fake_value:-$2}"
}

fake_status() {
    fake_message status '{"state": "precopy"}'
}

# With verbose 0 nothing is written but the completion (M4).
fake_on_request() {
    FAKE_ASKED=yes
    [ -n "$FAKE_READY" ] || return 0
    FAKE_ASKED=
    [ "$(fake_option verbose 1)" = 0 ] || fake_status
}

fake_stop_waiting() {
    [ -z "$FAKE_SLEEP" ] || kill "$FAKE_SLEEP" 2>/dev/null
}

fake_abort() {
    fake_stop_waiting
    fake_error 9 "aborted"
    exit 1
}

fake_release() {
    fake_stop_waiting
    fake_error 13 "released, the migration goes on"
    exit 1
}

# SIGUSR1 last: a manager that sees it caught may send any signal.
fake_traps() {
    trap '' HUP PIPE
    trap fake_abort INT QUIT
    trap fake_release TERM
    trap fake_on_request USR1
}

# fake_wait MS: signals are answered meanwhile.
fake_wait() {
    sleep "$(($1 / 1000)).$(printf %03d "$(($1 % 1000))")" >/dev/null 2>&1 &
    FAKE_SLEEP=$!
    while kill -0 "$FAKE_SLEEP" 2>/dev/null; do
        wait "$FAKE_SLEEP" 2>/dev/null
    done
    FAKE_SLEEP=
}

fake_migrate() {
    fake_wait "$(fake_option durationMs 200)"
}

fake_end() {
    fake_success
    exit 0
}

fake_main() {
    if [ "${1-}" = --vmmi-describe ]; then
        fake_describe
        exit 0
    fi
    fake_traps
    if [ $# -lt 3 ]; then
        fake_error 7 "guest, destination URI and migration URI are needed"
        exit 1
    fi
    [ $# -lt 4 ] || fake_read_config "$4"
    FAKE_READY=yes
    [ -z "$FAKE_ASKED" ] || fake_on_request
    fake_migrate
    fake_end
}
