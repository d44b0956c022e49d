#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_refusals.py: migrations that real hosts refuse, or that may not be started. The guest stays, whole."""
import re

from frame import BOX, main, refused, row, same
from hosts import LAB, call, guest, lab

GUEST_UNKNOWN, FAILED, BUSY, UNSUPPORTED = 10, 8, 14, 15


def stays(made, message, *arguments, code=1, error_code=FAILED, **options):
    """The migration was tried; the guest is where it was."""
    made.run(*arguments, **options).expect(code, message, error_code=error_code, outcome="failed", where="source",
                                           state="failed")
    made.at("source")
    same("the migration", made.job(), {})


def starts_nothing(made, code, message, *arguments, error_code, **options):
    before = BOX.jobs()
    made.run(*arguments, **options).expect(code, message, error_code=error_code, outcome=None, id=None)
    same("the records", BOX.jobs(), before)
    made.at("source")


@row("unknown guest")
def unknown_guest():
    refused(5, "nosuch", "migrate", "nosuch", LAB.DEST_URI, source=LAB.SRC, error_code=GUEST_UNKNOWN)


@row("destination unreachable: nobody has the address")
def no_host():
    with guest(slow=False) as made:
        stays(made, "No route to host|unable to connect", destination="qemu+tcp://192.0.2.77/system")


@row("destination refuses connections")
def refused_connection():
    with guest(slow=False) as made:
        stays(made, "Connection refused", destination="qemu+tcp://192.0.2.2:1/system")


@row("destination URI malformed or of an unknown scheme")
def bad_destination():
    with guest(slow=False) as made:
        for destination in ("not a uri", "foo://192.0.2.2/system"):
            run = made.run(destination=destination)
            run.expect(run.code if run.code in (1, 2, 125) else 1, re.escape(destination.split(":")[0]),
                       error_code=run.last()["error"]["code"])
        made.at("source")


@row("migration URI of an unknown scheme")
def bad_migrate_uri():
    with guest(slow=False) as made:
        stays(made, "unsupported scheme foo", data="foo://192.0.2.2", error_code=UNSUPPORTED)


@row("destination has a guest of the same UUID already")
def same_uuid():
    with guest(slow=False) as made:
        other = call("sed", "-e", "s|<name>faults|<name>twin|", "-e", "/<serial/,/<\\/serial>/d", "-e", "/<console/,/<\\/console>/d",
                     f"{LAB.GUESTS}/faults/guest.xml")
        other = re.sub("<uuid>.*</uuid>", "", other).replace("<name>twin</name>", f"<name>twin</name><uuid>{made.uuid}</uuid>")
        made.virsh("create", BOX.write(other, "xml"), "--paused", host=LAB.DST)
        try:
            run = made.run()
            run.expect(1, "already", error_code=FAILED, outcome="failed", where="source")
        finally:
            made.virsh("destroy", "twin", host=LAB.DST)
        made.at("source")


@row("destination has another guest of the same name already")
def same_name():
    with guest(slow=False) as made:
        other = call("sed", "-e", "/<uuid>/d", f"{LAB.GUESTS}/faults/guest.xml")
        made.virsh("define", BOX.write(other, "xml"), host=LAB.DST)
        try:
            made.run().expect(1, "already exists", error_code=FAILED, outcome="failed", where="source")
        finally:
            made.virsh("undefine", "faults", host=LAB.DST)
        made.at("source")


@row("destination lacks the guest's disk")
def no_disk():
    with guest("faults", "--disk", "4", slow=False) as made:
        path = made.virsh("domblklist", "faults", "--details").split()[-1]
        lab("exec", "destination", "mv", path, path + ".away")
        try:
            stays(made, "No such file|Cannot access storage|non-shared|unsafe|Unsafe")
        finally:
            lab("exec", "destination", "mv", path + ".away", path)


@row("mode direct is not for QEMU: code 15")
def direct():
    with guest(slow=False) as made:
        run = made.run("--set", "migration.mode=direct")
        run.expect(run.code if run.code in (1, 125) else 1, None if run.code == 0 else "direct", error_code=UNSUPPORTED)
        made.at("source")


@row("guest already migrating, started by virsh")
def migrating_by_virsh():
    with guest() as made:
        with made.migrating():
            starts_nothing(made, 8, "is being migrated already", error_code=BUSY)
            made.fast()
        made.at("destination")


@row("guest already migrating, started by vmmi")
def migrating_by_vmmi():
    with guest() as made:
        with made.migrate() as first:
            made.moving()
            starts_nothing(made, 8, "already", error_code=BUSY)
            made.fast()
            first.expect(0, None, outcome="completed", where="destination")
        made.at("destination")


@row("guest not running")
def not_running():
    with guest("faults", "--persistent", slow=False) as made:
        made.virsh("destroy", "faults")
        run = made.run().end()
        run.expect(1, "not running|shut off|inactive", error_code=run.last()["error"]["code"])


main()
