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
    tap.row("the check itself refuses", [] if check_include("util", "kit/x.h", '"') and
            check_include("kit", "libvirt/libvirt.h", "<") and
            check_include("drivers/sim", "drivers/libvirt/x.h", '"') else ["it accepts anything"])
    return tap.end()


sys.exit(main())
