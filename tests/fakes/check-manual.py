# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-manual.py: the example of vmmi-plugin(7) is the program that the tests run, and its pieces of JSON are such.

Usage: check-manual.py MANUAL FOLDER-OF-GOOD-PLUGINS
"""
import json
import pathlib
import re
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "abi"))

from run_plugin import Plugin, UUID   # pylint: disable=wrong-import-position
from tap import Tap                   # pylint: disable=wrong-import-position

MANUAL = pathlib.Path(sys.argv[1])
FOLDER = pathlib.Path(sys.argv[2]).resolve()
ARGUMENTS = [UUID, "qemu+tcp://192.0.2.2/system", ""]


def blocks():
    """The literal blocks of the manual."""
    found = re.findall(r"::\n\n((?:(?:    .*)?\n)+)", MANUAL.read_text(encoding="utf-8"))
    return [textwrap.dedent(block).strip("\n") + "\n" for block in found]


def check_example():
    """Word by word."""
    program = (FOLDER / "minimal").read_text(encoding="utf-8")
    return [] if program in blocks() else ["tests/fakes/good/minimal and the manual differ"]


def check_json():
    """Every block that begins like JSON."""
    complaints, count = [], 0
    for block in blocks():
        if not re.match(r'[{"]', block):
            continue
        count += 1
        text = block.replace("{...}", "{}")
        try:
            json.loads(text if text.startswith("{") else "{" + text + "}")
        except ValueError as error:
            complaints.append(f"{error}: {block}")
    return complaints + ([] if count >= 5 else [f"only {count} blocks of JSON"])


def check_refusal(name, code, arguments, **options):
    """One completion with a code, status 1, and nothing else, before libvirt is asked."""
    with Plugin(str(FOLDER / name), arguments=arguments, **options) as plugin:
        got = plugin.wait()
        codes = [completion.get("error", {}).get("code") for completion in plugin.completions()]
        if got != 1 or codes != [code] or plugin.read("stdout"):
            return [f"status {got}, codes {codes}: {plugin.read('stderr')!r}"]
    return []


def main():
    """One row for each."""
    tap = Tap()
    tap.row("the example is what is tested", check_example())
    tap.row("pieces of JSON", check_json())
    for name in ("minimal", "virsh-python", "virsh-shell"):
        for title, code, arguments in (
                ("no arguments", 7, []), ("two arguments", 7, ARGUMENTS[:2]),
                ("a configuration that is not there", 3, [*ARGUMENTS, "/no/such/file"])):
            tap.row(f"{name}: {title}", check_refusal(name, code, arguments, bare=True))
        for title, text in (("empty", ""), ("half", '{"vmmiVersion": "0.4.1", "contentType": "configuration", '),
                            ("no JSON", "verbose: 1\n"), ("another message", '{"contentType": "status"}')):
            tap.row(f"{name}: configuration: {title}", check_refusal(name, 6, ARGUMENTS, text=text))
    return tap.end()


sys.exit(main())
