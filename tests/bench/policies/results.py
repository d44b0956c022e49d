# SPDX-License-Identifier: LGPL-2.1-or-later
"""results.py: the results of a bench: one JSON object a line, on disk before the next run begins."""
import json
import os


class Results:
    """The file results.jsonl of a directory. A last line that was cut (the harness was killed) is taken off."""

    def __init__(self, directory):
        self.directory = directory
        self.path = os.path.join(directory, "results.jsonl")
        os.makedirs(os.path.join(directory, "traces"), exist_ok=True)
        self.lines = []
        if os.path.exists(self.path):
            self._read()
        self.file = open(self.path, "ab")

    def _read(self):
        with open(self.path, "rb") as file:
            content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self.path, whole)
        self.lines = [json.loads(line) for line in content[:whole].splitlines()]

    def append(self, line):
        self.file.write((json.dumps(line) + "\n").encode())
        self.file.flush()
        os.fsync(self.file.fileno())
        self.lines.append(line)

    def has(self, block, label):
        """Whether this run of a block is done. What failed by the harness does not count."""
        return any(line["block"] == block and line["label"] == label and not line.get("harnessError")
                   for line in self.lines)

    def tries(self, block, label):
        return sum(line["block"] == block and line["label"] == label for line in self.lines)

    def close(self):
        self.file.close()


def read_lines(path):
    """The lines of a results file or of `vmmi simulate --json`; others and cut ones are left out, and counted."""
    lines, wrong = [], 0
    with open(path, "rb") as file:
        for raw in file:
            try:
                line = json.loads(raw)
            except ValueError:
                wrong += 1
                continue
            if isinstance(line, dict) and line.get("summary"):
                continue
            if isinstance(line, dict) and "cell" in line and "label" in line and "outcome" in line:
                lines.append(line)
            else:
                wrong += 1
    return lines, wrong
