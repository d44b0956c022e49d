#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_lost.py: the source's libvirtd dies in pre-copy and stays dead. It takes more than a minute until everybody has given up: so
this has a lab of its own, and test_flight.py runs it beside its own rows.
"""
from frame import alive, main, row, until
from hosts import guest, lab

UNKNOWN = 121


@row("libvirtd of the source killed in pre-copy for good: nobody knows")
def source_lost():
    with guest() as made, made.migrate() as run:
        run.state("precopy")
        made.moving()
        lab("kill", "source")
        run.expect(6, "nobody can say how the migration of guest 'faults' ended", outcome="unknown", where="unknown",
                   error_code=UNKNOWN)
        until("the plugin is gone", lambda: not alive(run.helper()["pid"]))
        lab("start", "source")
        made.at("source")


try:
    main()
finally:
    lab("down", check=False)
