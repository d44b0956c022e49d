# SPDX-License-Identifier: LGPL-2.1-or-later
"""tap.py: rows of checks, printed as TAP. For the scripts of this folder."""


class Tap:
    """Counts rows; a row passes when its list of complaints is empty."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def row(self, name, complaints):
        """Prints one row, and each complaint as a comment."""
        self.count += 1
        if complaints:
            self.failed += 1
        print(f"{'not ok' if complaints else 'ok'} {self.count} - {name}")
        for line in complaints:
            print(f"# {line}")

    def skip(self, name, reason):
        """Prints a row that this machine cannot run."""
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")

    def end(self):
        """Prints the plan. Returns the exit status."""
        print(f"1..{self.count}")
        return 1 if self.failed else 0
