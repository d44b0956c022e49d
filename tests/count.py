# SPDX-License-Identifier: LGPL-2.1-or-later
"""count.py: counts the rows of meson's JUnit files and prints the closing line of tests/run.

Usage: count.py [--builds-failed N] [--skipped "NAME: REASON"]... FILE...

Names each failed row and each skipped one with its reason. A file that is missing counts as a failure: a test run that
left no result has not passed. A program whose rows all passed and that failed nevertheless, since it crashed on its way
out or leaked, counts as a failure. Exit status 0 when something passed and nothing failed.
"""
import argparse
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as tree


def reasons(path):
    """Why rows were skipped: meson's JUnit file leaves that out, its text log beside it does not."""
    log = pathlib.Path(path).with_name("testlog.txt")
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return dict(re.findall(r"^ok (\d+ .*?) # SKIP (.+)$", text, flags=re.M))


def broken(path, rows):
    """Programs that meson calls failed, but none of whose rows are."""
    log = pathlib.Path(path).with_name("testlog.json")
    if not log.exists():
        return []
    results = [json.loads(line) for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    bad = [(result["name"].split(" / ")[-1], result) for result in results
           if result["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")]
    return [f"{name}: the program itself: {result['result'].lower()}, exit status {result.get('returncode')}"
            for name, result in bad if not any(f" / {name}: " in row or row.endswith(f" / {name}") for row in rows)]


def read(path):
    """(passed, failed, skipped): names of rows, those skipped with their reason."""
    passed, failed, skipped = [], [], []
    why = reasons(path)
    for suite in tree.parse(path).getroot().iter("testsuite"):
        for case in suite.findall("testcase"):
            name = f"{suite.get('name')}: {case.get('name')}"
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(name)
            elif skip is not None:
                reason = skip.get("message") or (skip.text or "").strip() or why.get(case.get("name"))
                skipped.append(f"{name}: {reason or 'no reason was given'}")
            else:
                passed.append(name)
    failed += broken(path, failed)
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--builds-failed", type=int, default=0)
    parser.add_argument("--skipped", action="append", default=[])
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    passed, failed, skipped = 0, arguments.builds_failed, len(arguments.skipped)
    for path in arguments.files:
        try:
            rows = read(path)
        except (OSError, tree.ParseError) as error:
            print(f"  no results: {path}: {error}")
            failed += 1
            continue
        passed += len(rows[0])
        failed += len(rows[1])
        skipped += len(rows[2])
        for name in rows[1]:
            print(f"  failed: {name}")
        for name in rows[2]:
            print(f"  skipped: {name}")
    for name in arguments.skipped:
        print(f"  skipped: {name}")
    if not passed and not failed:
        print("  no test ran")
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
