# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_help.py: --help, the manual and the parser name the same verbs and options."""
import os
import re

from tool import SOURCE, main, run

MANUAL = open(os.path.join(SOURCE, "docs/man/vmmi.1.rst"), encoding="utf-8").read()
COMMON = {"--connect", "--json", "--run-dir", "--help"}


def verbs():
    text = run("--help").out.split("Verbs:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in text.splitlines()]


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def manual_section(verb):
    """The part of the manual under the heading `vmmi VERB`."""
    match = re.search(rf"^vmmi {verb}\b[^\n]*\n-+\n(.*?)(?=^vmmi \w+[^\n]*\n-+\n|^[A-Z][A-Z ]+\n=+\n|\Z)", MANUAL,
                      re.M | re.S)
    assert match, f"the manual has no section 'vmmi {verb}'"
    return match.group(1)


def option_rows(help_text):
    """The options that a help text lists in its table, with whether they take a value."""
    rows = re.findall(r"^\s+(?:-\w, )?(--[a-z-]+)(=\S+)?\s", help_text, re.M)
    return {name: bool(value) for name, value in rows}


def test_verbs_in_manual():
    assert verbs() and "migrate" in verbs()
    for verb in verbs():
        manual_section(verb)


def test_options_in_manual():
    for verb in verbs():
        shown = set(option_rows(run(verb, "--help").out)) - COMMON
        rows = set(re.findall(r"^(?:-\w.*, )?(--[a-z-]+)", manual_section(verb), re.M))
        assert shown == rows, f"{verb}: help says {shown}, the manual {rows}"


def test_common_options_in_manual():
    for option in COMMON:
        assert option in MANUAL, option


def test_options_are_parsed():
    for verb in verbs():
        for option, value in option_rows(run(verb, "--help").out).items():
            if option == "--help":
                continue
            done = run(verb, f"{option}=5" if value else option, "--help")
            assert done.code == 0 and "Usage:" in done.out, f"{verb} {option}: {done.err}"


def test_unknown_option():
    for verb in verbs():
        done = run(verb, "--nonsense")
        assert done.code == 2 and "--nonsense" in done.err and done.out == "", (verb, done.err)
        assert f"vmmi {verb} --help" in done.err
        assert done.err.count("\n") == 1


def test_exit_codes_in_manual():
    for code in ("0", "1", "2", "3", "4", "5", "6", "7", "8", "125"):
        assert re.search(rf"^{code}\s*$", MANUAL.split("EXIT STATUS")[1], re.M), code


def test_help_fits():
    for words in [["--help"]] + [[verb, "--help"] for verb in verbs()]:
        for line in run(*words).out.splitlines():
            assert len(line) <= 120, line


main(globals())
