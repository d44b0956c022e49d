# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# common.sh: what quickstart and tests/run share: steps with a spinner, and installing packages.
# Sourced, never run. Expects ROOT (the source tree) and LOG_DIR (an existing directory).

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
    BOLD='' GREEN='' RED='' DIM='' PLAIN=''
fi

# seconds_since START: START is a value of EPOCHREALTIME.
seconds_since() {
    local now=${EPOCHREALTIME/[.,]/} start=${1/[.,]/}
    local tenths=$(( (now - start) / 100000 ))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# step NAME TEXT COMMAND...: runs a command quietly, says how long it took; on failure shows the end of what it said.
step() {
    local name=$1 text=$2 start=$EPOCHREALTIME log=$LOG_DIR/$1.log pid
    shift 2
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
        while kill -0 "$pid" 2>/dev/null; do
            printf '\r  %-10s %s %s%ss%s ' "$name" "$text" "$DIM" "$(seconds_since "$start")" "$PLAIN"
            read -r -t 0.2 <> <(:) || true
        done
        printf '\r\e[K'
    fi
    if wait "$pid"; then
        printf '  %s%-10s%s %s %s%s s%s\n' "$GREEN" "$name" "$PLAIN" "$text" "$DIM" "$(seconds_since "$start")" "$PLAIN"
        return 0
    fi
    printf '  %s%-10s%s %s\n' "$RED" "$name" "$PLAIN" "$text: failed after $(seconds_since "$start") s. The end of $log:" >&2
    tail -n 25 "$log" | sed 's/^/    /' >&2
    return 1
}

# package_is_installed NAME
package_is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# missing_packages GROUP...: one "PACKAGE WHY" a line.
missing_packages() {
    local group package why
    while read -r group package why; do
        case " $* " in *" $group "*) ;; *) continue ;; esac
        package_is_installed "$package" || printf '%s %s\n' "$package" "$why"
    done < <(grep -v '^#' "$ROOT/tools/setup/packages")
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q && apt-get install -q -y --no-install-recommends "$@"
}

# install_packages GROUP...: installs what is missing, and says what and why. Fails with the command to run when it cannot.
install_packages() {
    local missing names
    missing=$(missing_packages "$@")
    if [ -z "$missing" ]; then
        return 0
    fi
    names=$(printf '%s\n' "$missing" | cut -d' ' -f1 | tr '\n' ' ')
    if ! command -v apt-get >/dev/null; then
        printf 'These Debian packages, or what your system calls them, are missing: %s\n' "$names" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        printf '%sMissing packages.%s Ask root to run:\n\n    apt-get update && apt-get install --no-install-recommends %s\n\n' \
            "$BOLD" "$PLAIN" "$names" >&2
        return 1
    fi
    printf '%s\n' "$missing" | while read -r name why; do
        printf '             %s%-26s %s%s\n' "$DIM" "$name" "$why" "$PLAIN"
    done
    # shellcheck disable=SC2086
    step packages "installing $(printf '%s\n' "$missing" | wc -l) packages" apt_install $names
}
