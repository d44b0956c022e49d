# SPDX-License-Identifier: LGPL-2.1-or-later
"""tracefile.py: reading a trace as docs/trace.md describes it, for tests of the whole way."""
import json
import time

from tool import PATIENCE

KINDS = {"start", "state", "sample", "action", "end"}


def parse(text):
    """All entries of a text of whole lines; each must be one."""
    entries = [json.loads(line) for line in text.splitlines()]
    for entry in entries:
        assert entry["kind"] in KINDS and {"seq", "timestampMs", "boottimeMs"} <= set(entry), entry
    assert [entry["seq"] for entry in entries] == sorted({entry["seq"] for entry in entries})
    return entries


def read(path):
    with open(path, encoding="utf-8") as file:
        return parse(file.read())


def of_kind(entries, kind):
    return [entry for entry in entries if entry["kind"] == kind]


def states(entries):
    return [entry["state"] for entry in of_kind(entries, "state")]


def until(path, condition):
    """Waits until the whole lines of a file are as wanted; returns them."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            text = ""
        entries = parse(text[:text.rfind("\n") + 1])
        if condition(entries):
            return entries
        assert time.monotonic() < deadline, entries[-1:]
        time.sleep(0.02)
