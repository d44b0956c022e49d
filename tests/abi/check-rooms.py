# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-rooms.py: lower rooms include no upper ones, and each foreign library stays in its room.

Usage: check-rooms.py SOURCE-ROOT
"""
import pathlib
import re
import sys

from tap import Tap

# From the bottom up. A room may include itself and those before it.
ROOMS = ["util", "message", "driver", "drivers/libvirt", "drivers/sim", "plugin", "migration",
         "domain", "kit", "policies"]
# Rooms beside each other: neither may include the other.
SIBLINGS = [("drivers/libvirt", "drivers/sim")]
# Drivers reach neither plugins nor migrations; they come first anyway. builtin.h is read by the driver room and by builtin.c.
BUILTIN_READERS = {"driver", ""}
FOREIGN = {"libvirt/": "drivers/libvirt", "libxml/": "domain"}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def room_of(path, source):
    """The room that a file lives in, "" for the files above all rooms."""
    relative = path.relative_to(source).as_posix()
    for room in sorted(ROOMS, key=len, reverse=True):
        if relative.startswith(room + "/"):
            return room
    return ""


def room_of_include(name):
    for room in sorted(ROOMS, key=len, reverse=True):
        if name.startswith(room + "/"):
            return room
    return None


def check_include(room, name, quote):
    """What is wrong with an include, or None."""
    for prefix, home in FOREIGN.items():
        if quote == "<" and name.startswith(prefix) and room != home:
            return f"<{name}> may be included in {home} only"
    if quote == "<":
        return None
    if name == "builtin.h":
        return None if room in BUILTIN_READERS else "builtin.h belongs to the driver room"
    target = room_of_include(name)
    if target is None:
        return None if "/" not in name else f'"{name}" is in no room'
    if room == "":
        return None
    if ROOMS.index(target) > ROOMS.index(room):
        return f'"{name}": {room} is below {target}'
    for left, right in SIBLINGS:
        if {room, target} == {left, right}:
            return f'"{name}": {left} and {right} do not know each other'
    return None


# A policy decides and does nothing else: no input or output, no clock, no chance, no threads.
PURE_HEADERS = {"float.h", "glib.h", "inttypes.h", "jansson.h", "limits.h", "math.h", "stdarg.h", "stdbool.h",
                "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}
IMPURE = re.compile(
    r"\b((?:FILE|stdin|stdout|stderr|environ)\b"
    r"|(?:v?f?printf|f?puts|f?putc|putchar|perror|fopen|fdopen|open|openat|read|write|close|socket|ioctl"
    r"|time|clock|clock_gettime|gettimeofday|localtime|gmtime|sleep|usleep|nanosleep|getenv|setenv|getpid"
    r"|system|fork|exec[lv]\w*|popen|rand|srand|random|drand48|exit|abort|signal|kill|json_load_file|json_dump_file"
    r"|pthread_\w+|thrd_\w+|g_(?:print\w*|log|message|warning|debug|critical|error|info|file_\w+|getenv|setenv"
    r"|get_(?:monotonic|real|current)_time|date_time_new_now\w*|timer_\w+|timeout_\w+|idle_\w+|main_\w+"
    r"|usleep|random_\w+|rand_\w+|spawn_\w+|thread_\w+|mutex_\w+|io_\w+|open|mkdir\w*|unlink|rename))\s*\()")
OURS = re.compile(r"\b(vmmi[A-Z]\w*)\s*\(")
PURE_CALLS = re.compile(r"vmmi(Policy|Sample|Error|State)[A-Z]\w*")
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"', re.S)


def check_pure(text, own):
    """What a file of the policies does beside deciding. @own: the calls that the room itself offers."""
    wrong = [f"<{name}> is not for policies" for quote, name in INCLUDE.findall(text)
             if quote == "<" and name not in PURE_HEADERS and not name.startswith("libvmmi/")]
    wrong += [f'"{name}" is not for policies' for quote, name in INCLUDE.findall(text)
              if quote == '"' and not name.startswith("policies/") and name != "config.h"]
    code = COMMENT_OR_STRING.sub(" ", text)
    wrong += [f"{match.group(1).strip()} is no decision" for match in IMPURE.finditer(code)]
    wrong += [f"{name}() is not for policies" for name in OURS.findall(code)
              if name not in own and not PURE_CALLS.fullmatch(name)]
    return wrong


def check_policies(root):
    room = root / "src" / "policies"
    own = {name for path in room.glob("*.h")
           for name in OURS.findall(COMMENT_OR_STRING.sub(" ", path.read_text(encoding="utf-8")))}
    return [f"{path.relative_to(root)}: {wrong}" for path in sorted(room.glob("*.[ch]"))
            for wrong in check_pure(path.read_text(encoding="utf-8"), own)]


# One flaw each.
IMPURE_LINES = ["#include <unistd.h>", "#include <time.h>", '#include "util/clock.h"', 'printf("x");',
                "x = g_get_monotonic_time();", "now = clock_gettime(CLOCK_MONOTONIC, &t);", "vmmiGuestSuspend(c, u, e);",
                "fputs(text, stderr);", "x = rand();", "g_usleep(5);"]
PURE_LINES = ["#include <math.h>", '#include "policies/poll.h"', "snprintf(text, 5, \"printf()\"); /* time() */",
              "vmmiPolicyActionAbort(actions, \"x\");", "vmmiOwn(1);", "g_strdup_printf(x); runtime(5);"]


def main():
    root = pathlib.Path(sys.argv[1])
    source = root / "src"
    tap = Tap()
    complaints = {room: [] for room in ROOMS + [""]}
    for path in sorted(source.rglob("*.[ch]")):
        room = room_of(path, source)
        for quote, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            wrong = check_include(room, name, quote)
            if wrong:
                complaints[room].append(f"{path.relative_to(root)}: {wrong}")
    for room, lines in complaints.items():
        tap.row(room or "above all rooms", lines)
    foreign = []
    for path in sorted((root / "include").rglob("*.h")):
        for _, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if not name.startswith("libvmmi/") and name not in ("stdbool.h", "stddef.h", "stdint.h"):
                foreign.append(f"{path.relative_to(root)}: <{name}>")
    tap.row("public headers are plain C", foreign)
    tap.row("policies only decide", check_policies(root))
    tap.row("the check of policies refuses", [f"it accepts: {line}" for line in IMPURE_LINES
                                              if not check_pure(line, {"vmmiOwn"})])
    tap.row("the check of policies accepts", [f"{line}: {wrong}" for line in PURE_LINES
                                              for wrong in check_pure(line, {"vmmiOwn"})])
    tap.row("the check itself refuses", [] if check_include("util", "kit/x.h", '"') and
            check_include("kit", "libvirt/libvirt.h", "<") and
            check_include("drivers/sim", "drivers/libvirt/x.h", '"') else ["it accepts anything"])
    return tap.end()


sys.exit(main())
