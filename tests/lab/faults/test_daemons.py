#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_daemons.py: a libvirtd is killed while a guest is on its way, in pre-copy and in post-copy."""
from frame import Wrong, main, row, same, until
from hosts import LAB, guest, lab, mended

FAILED, BROKEN = 8, 17


def begun(made, run):
    """The migration is in pre-copy, and memory flows."""
    run.state("precopy")
    made.moving()
    return run


def truly(made, run):
    """However it ended, it is told, and 'where' is where the guest is: on one host, whole."""
    got = run.end().last()
    lab("start", "source", check=False)
    lab("start", "destination", check=False)
    LAB.read()
    until("the guest is on one host", lambda: made.where() in ("source", "destination"))
    if got["where"] not in ("unknown", made.where()):
        raise Wrong(f"the guest is on the {made.where()}: {run.tell()}")
    made.at(made.where())
    return got


@row("libvirtd of the source killed in pre-copy and started again: failed, the guest stays")
def source_restarted():
    with guest() as made, mended():
        with made.migrate() as run:
            begun(made, run)
            lab("restart", "source", "--kill")
            got = truly(made, run)
            run.expect(run.code, "libvirt|migration|faults", error_code=got["error"]["code"])
            same("where", (run.code, got["outcome"], got["where"]), (1, "failed", "source"))
        made.at("source")


@row("libvirtd of the destination killed in pre-copy: failed, the guest stays")
def destination_killed():
    with guest() as made, mended():
        with made.migrate() as run:
            begun(made, run)
            lab("kill", "destination")
            got = truly(made, run)
            run.expect(1, "client socket is closed", outcome="failed", where="source", error_code=got["error"]["code"])
        made.at("source")


@row("libvirtd of the destination killed at the start: failed, the guest stays")
def destination_dead():
    with guest(slow=False) as made, mended():
        lab("kill", "destination")
        made.run().expect(1, "faults|connect|destination", outcome="failed", where="source", error_code=FAILED)
        lab("start", "destination")
        made.at("source")


POSTCOPY = ("--set", 'migration.flags=["postcopy"]', "--set", "migration.params.bandwidth.postcopy=1")


def post_copy(made, run):
    """virsh turns the migration into post-copy; memory keeps flowing slowly."""
    begun(made, run)
    made.virsh("migrate-postcopy", made.name)
    run.state("postcopy")


@row("libvirtd of the source killed in post-copy and started again: the guest arrives")
def source_in_postcopy():
    with guest() as made, mended():
        with made.migrate(*POSTCOPY) as run:
            post_copy(made, run)
            lab("restart", "source", "--kill")
            made.virsh("migrate-setspeed", made.name, "--postcopy", "1000")
            got = run.expect(0, None, outcome="completed", where="destination")
        same("the end of the plugin", got["exit"]["kind"], "exited")
        made.at("destination")


@row("libvirtd of the destination killed in post-copy: broken, it says so")
def destination_in_postcopy():
    with guest() as made, mended():
        with made.migrate(*POSTCOPY) as run:
            post_copy(made, run)
            lab("kill", "destination")
            run.expect(1, "post-copy broke", outcome="failed", where="both", error_code=BROKEN)
        # What the destination had is lost with the libvirtd that waited for it: the guest may not run on here.
        same("the guest on the source", made.virsh("domstate", "--reason", made.name), "paused (post-copy failed)")


def mend(made):
    """Resumes post-copy. While one side does not know yet that it is broken it has to be paused first."""
    made.virsh("migrate", "--live", "--p2p", "--postcopy", "--postcopy-resume", made.name, LAB.DEST_URI,
               LAB.MIGRATE_URI, check=False)
    if made.where() == "destination" and not made.job():
        return True
    made.virsh("domjobabort", "--postcopy", made.name, check=False)
    return False


@row("connection severed in post-copy: broken, and can be mended")
def severed_in_postcopy():
    with guest() as made, mended():
        with made.migrate(*POSTCOPY) as run:
            post_copy(made, run)
            lab("sever", "migration")
            run.expect(1, "post-copy broke", outcome="failed", where="both", error_code=BROKEN)
        made.virsh("migrate-setspeed", made.name, "--postcopy", "1000")
        until("it is mended and arrives", lambda: mend(made))
        made.at("destination")


main()
