# SPDX-License-Identifier: LGPL-2.1-or-later
"""journal.py: what a journal (or a trace, which has the same lines) tells of a run. Times are milliseconds of CLOCK_BOOTTIME."""
import json


class Journal:
    def __init__(self, path):
        self.entries = []
        with open(path, "rb") as file:
            for raw in file:
                try:
                    entry = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(entry, dict) and "kind" in entry and "boottimeMs" in entry:
                    self.entries.append(entry)

    def first(self, kind, *states):
        """When the first entry of a kind came, or the first of one of these states; None: never."""
        for entry in self.entries:
            if entry["kind"] == kind and (not states or entry.get("state") in states):
                return entry["boottimeMs"]
        return None

    def start(self):
        return self.entries[0]["boottimeMs"] if self.entries else None

    def end(self):
        ends = [entry["boottimeMs"] for entry in self.entries if entry["kind"] == "end"]
        return ends[-1] if ends else None

    def last_sample(self, key):
        values = [entry["sample"][key] for entry in self.entries if key in entry.get("sample", {})]
        return values[-1] if values else None

    def statistics(self):
        for entry in reversed(self.entries):
            if entry["kind"] == "end":
                return (entry.get("data") or {}).get("statistics") or {}
        return {}

    def actions(self):
        """What the policy did: (milliseconds after the start, what, value, result)."""
        found = []
        for entry in self.entries:
            if entry["kind"] != "action":
                continue
            data = entry.get("data") or {}
            found.append({"atMs": data.get("decidedBoottimeMs", entry["boottimeMs"]) - self.start(),
                          "action": data.get("action", "?"), "value": data.get("value"),
                          "result": data.get("result"), "reason": data.get("reason")})
        return found

    def switchover(self):
        """(from, to) in milliseconds: the end of the pre-copy phase, and that of the migration. None: it never came."""
        begin = self.first("state", "switchover", "postcopy", "finish")
        return (begin, self.end()) if begin is not None and self.end() is not None else None

    def postcopy_ms(self):
        begin = self.first("state", "postcopy")
        return self.end() - begin if begin is not None and self.end() is not None else 0

    def setup_ms(self):
        """From the start of the policy to the first byte of memory."""
        begin = self.first("state", "precopy")
        return begin - self.start() if begin is not None else None
