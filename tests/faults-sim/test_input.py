#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_input.py: what users and files get wrong: guests, URIs, configurations. Nothing is started."""
import json
import os

from frame import BOX, main, refused, row
from world import World

HEAD = '{"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": '
GUEST_UNKNOWN, BAD_PATH, MALFORMED, BAD_VERSION, OPTION, BAD_URI, CONNECT, DRIVER = 10, 3, 6, 18, 119, 105, 106, 104
MESSAGE = 108


@row("unknown guest")
def unknown_guest():
    world = World()
    for selector in ("nosuch", "name:guest", "id:77", "uuid:00000000-0000-4000-8000-000000000000"):
        world.refuses(5, "knows no guest", guest=selector, error_code=GUEST_UNKNOWN)


@row("unknown guest: two candidates are no reason to guess")
def empty_guest():
    World().refuses(125, "a guest's UUID, name or id is needed", guest="", error_code=101)


@row("source unreachable: nobody listens there")
def unreachable_source():
    refused(125, "qemu\\+tcp://127.0.0.1:1/system.*Connection refused", "migrate", "g", "qemu+tcp://h/system",
            source="qemu+tcp://127.0.0.1:1/system", error_code=CONNECT)


@row("source unreachable: no such socket")
def no_socket():
    path = BOX.at("no-socket")
    refused(125, f"{path}.*No such file or directory", "migrate", "g", "qemu+tcp://h/system",
            source=f"qemu+unix:///system?socket={path}", error_code=CONNECT)


@row("source URI with an unknown scheme")
def unknown_scheme():
    refused(125, "no driver takes the URI 'foo:///bar'", "migrate", "g", "foo:///x", source="foo:///bar",
            error_code=DRIVER)


@row("source URI malformed")
def malformed_uri():
    refused(2, "parameter 'frob' is not known", "migrate", "g", "sim:///x", source="sim:///?frob=1", error_code=BAD_URI)
    refused(2, "'speed'", "migrate", "g", "sim:///x", source=f"sim:///?speed=fast&file={BOX.at('w')}", error_code=BAD_URI)


@row("destination URI with a password in it")
def password():
    World().refuses(2, "password", destination="qemu+tcp://me:secret@h/system", error_code=5)


def config(name, code, message, text, error_code, mode=0o600):
    """A row with a configuration in a file, on standard input, and in the default place."""
    @row(f"configuration {name}")
    def check():
        path = BOX.write(text, "config", mode)
        World().refuses(code, message, "--config", path, error_code=error_code)
        if not text:
            return
        default = os.path.join(BOX.conf, "touri.json")
        os.rename(path, default)
        try:
            World().refuses(2, message, "--plugin", "touri", error_code=MALFORMED if error_code == MESSAGE else error_code)
        finally:
            os.unlink(default)
    return check


config("malformed: no JSON", 2, "line 1, column 1", "frob", MESSAGE)
config("malformed: trailing comma", 2, "line 2, column 1", HEAD + '{"verbose": 1,\n}}', MESSAGE)
config("malformed: a key twice", 2, "verbose", HEAD + '{"verbose": 1, "verbose": 2}}', MESSAGE)
config("malformed: a value of the wrong type", 2, "'verbose'|verbose", HEAD + '{"verbose": "loud"}}', MALFORMED)
config("partial: cut in the middle", 2, "line 1, column", HEAD + '{"verbose": ', MESSAGE)
config("partial: without its content", 2, "'configuration'|configuration",
       '{"vmmiVersion": "0.4.1", "contentType": "configuration"}', MESSAGE)
config("too large", 2, "1048576|1 MiB", HEAD + '{"x": "' + "x" * 1048576 + '"}}', BAD_PATH)
config("too deep", 2, "32", HEAD + '{"x": ' + "[" * 40 + "]" * 40 + "}}", MESSAGE)
config("with an unknown option", 2, "option 'frob' of plugin 'touri'", HEAD + '{"policy": {"frob": 1}}}', OPTION)
config("of another version", 2, "0\\.5\\.0.*0\\.4",
       '{"vmmiVersion": "0.5.0", "contentType": "configuration", "configuration": {}}', BAD_VERSION)
config("that is another message", 2, "completion",
       json.dumps({"vmmiVersion": "0.4.1", "contentType": "completion", "timestamp": 1,
                   "completion": {"result": "success", "success": {}}}), MALFORMED)


@row("configuration missing")
def config_missing():
    World().refuses(2, "no-config.*No such file or directory", "--config", BOX.at("no-config"), error_code=BAD_PATH)


@row("configuration is a directory")
def config_directory():
    World().refuses(2, "regular file|directory", "--config", BOX.path, error_code=BAD_PATH)


@row("configuration unreadable")
def config_unreadable():
    path = BOX.write(HEAD + "{}}", "config", 0o000)
    if os.access(path, os.R_OK):
        # Root reads everything: a dangling link is what it cannot read.
        path = BOX.new("link")
        os.symlink(BOX.at("nowhere"), path)
    World().refuses(2, "Permission denied|No such file|link", "--config", path, error_code=BAD_PATH)


@row("configuration on standard input ends too early")
def config_stdin():
    path = BOX.write(HEAD + '{"verbose": ', "config")
    with open(path, "rb") as stream:
        refused(2, "line 1, column|ends", "migrate", "guest1", "sim:///destination", "--config", "-",
                source=World().source, stdin=stream, error_code=MESSAGE)


@row("settings that cannot be right")
def settings():
    for setting, message, code, error_code in (
            ("frob=1", "option 'frob' of plugin 'touri'", 2, OPTION),
            ("migration.flags=[\"frob\"]", "flag 'frob'", 2, None),
            ("migration.params.frob=1", "'frob'", 2, None),
            ("migration.mode=sideways", "'migration.mode' must be one of", 2, MALFORMED),
            ("migration.flags=live", "'migration.flags' must be an array", 2, MALFORMED),
            ("verbose=loud", "verbose", 2, OPTION),
            ("no value", "no value|KEY=VALUE|'='", 2, None)):
        world = World()
        run = world.run("--set", setting)
        error = run.last()["error"]
        run.expect(code, message, error_code=error_code or (error and error["code"]), outcome=None, id=None)
        world.untouched("guest1")


main()
