# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_terminal.py: the line that moves, on a pseudo terminal."""
import signal

from tool import ID, Terminal, frames, main

WORDS = ("migrate", "web1", "fake:other")


def test_line():
    terminal = Terminal("completes", *WORDS, columns=120)
    assert terminal.end() == 0
    lines = frames(terminal.text)
    full = [line for line in lines if "precopy" in line and "left" in line]
    assert full, lines
    for part in ("precopy", "%", "MiB left", "118 MiB/s", "pass ", "downtime ~240 ms", "4.0 s to go", "━"):
        assert part in full[-1], full[-1]
    assert "completed" in terminal.text and "total 6.4 s" in terminal.text
    assert terminal.text.count("\n") == 3, terminal.text


def test_every_width():
    for columns in (1, 5, 12, 20, 40, 60, 80, 100, 200):
        terminal = Terminal("completes", *WORDS, columns=columns)
        assert terminal.end() == 0
        for line in frames(terminal.text):
            assert len(line) < max(columns, 2), (columns, line)


def test_resize():
    terminal = Terminal("endless", *WORDS, columns=120)
    at = terminal.until("to go")
    terminal.resize(30)
    at = terminal.until("\r", terminal.until("\033[K", at))
    terminal.until("\033[K", terminal.until("\033[K", at))
    terminal.signal(signal.SIGINT)
    assert terminal.end() == 3
    # What was on its way when the window changed may still be wide; what came later is not.
    late = frames(terminal.text[at:])
    assert late and all(len(line) < 30 for line in late[2:]), late


def test_interrupt():
    terminal = Terminal("endless", *WORDS)
    terminal.until("to go")
    terminal.signal(signal.SIGINT)
    assert terminal.end() == 3
    assert "\r\033[Kvmmi: interrupted" in terminal.text, terminal.text
    assert "is on the source" in terminal.text


def test_keys():
    """Ctrl-C as it comes from a keyboard, once and twice."""
    terminal = Terminal("endless", *WORDS)
    terminal.until("to go")
    terminal.press(b"\x03")
    assert terminal.end() == 3
    terminal = Terminal("deaf", *WORDS)
    terminal.until("to go")
    terminal.press(b"\x03")
    terminal.until("interrupted")
    terminal.press(b"\x03")
    assert terminal.end() == 6
    assert ID in terminal.text


def test_leave():
    terminal = Terminal("endless", *WORDS)
    terminal.until("to go")
    terminal.signal(signal.SIGTERM)
    assert terminal.end() == 4
    assert ID in terminal.text


def test_dumb():
    terminal = Terminal("completes", *WORDS, TERM="dumb")
    assert terminal.end() == 0
    assert "\033" not in terminal.text and "precopy\r\n" in terminal.text, terminal.text


def test_no_colour():
    terminal = Terminal("completes", *WORDS, NO_COLOR="1")
    assert terminal.end() == 0
    assert "\033[K" in terminal.text
    assert terminal.text.count("\033") == terminal.text.count("\033[K"), terminal.text


def test_ascii():
    terminal = Terminal("completes", *WORDS, columns=120, LC_ALL="C")
    assert terminal.end() == 0
    assert terminal.text.isascii() and "##" in terminal.text, terminal.text


def test_json_on_terminal():
    terminal = Terminal("completes", "--json", *WORDS)
    assert terminal.end() == 0
    assert "\033" not in terminal.text and terminal.text.count("{\"id\"") == 5, terminal.text


main(globals())
