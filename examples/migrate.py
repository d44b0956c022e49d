#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""migrate.py: migrates a guest and prints each change of state.

Usage: migrate.py URI GUEST DESTINATION-URI
"""
import json
import subprocess
import sys


def migrate(uri, guest, destination):
    """Follows `vmmi --json migrate`. Returns the last object: the outcome."""
    last = {}
    with subprocess.Popen(["vmmi", "-c", uri, "--json", "migrate", guest, destination],
                          stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            last = json.loads(line)
            print(last["state"], f"{last['percent']} %")
    return last


if __name__ == "__main__":
    end = migrate(*sys.argv[1:4])
    print(f"{end['guest']} runs on: {end['where']}")
    sys.exit(0 if end["outcome"] == "completed" else 1)
