#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_flight.py: what happens to guest, plugin, shim and command while a real guest is on its way."""
import os
import signal
import subprocess
import sys

from frame import BOX, PATIENCE, Wrong, alive, main, record, row, same, until
from hosts import guest, lab, mended

FAILED, ABORTED, DISAPPEARED, RELEASED, DEADLINE, CRASHED, PROTOCOL = 8, 9, 11, 13, 16, 113, 112


def begun(made, run):
    """The migration is in pre-copy, and memory flows."""
    run.state("precopy")
    made.moving()
    return run


def recorded(directory, outcome):
    """The plugin's end is in the run directory, although nobody was there to see it."""
    result = until("the end of the plugin is recorded", lambda: record(directory, "result.json"))
    same("the kind of its end", result["kind"], "exited")
    with open(os.path.join(directory, "stderr"), encoding="utf-8") as stream:
        text = stream.read()
    if f'"outcome":"{outcome}"' not in text.replace(" ", ""):
        raise Wrong(f"the completion does not say {outcome}: {text!r}")


@row("guest destroyed during the migration")
def destroyed():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            made.virsh("destroy", made.name)
            run.expect(1, "faults|guest|domain", outcome="failed", where="nowhere", error_code=DISAPPEARED)
        same("where the guest runs", made.where(), "nowhere")


@row("migration aborted by somebody else, through libvirt")
def aborted_elsewhere():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            made.virsh("domjobabort", made.name)
            run.expect(3, "abort", outcome="aborted", where="source", error_code=ABORTED)
        made.at("source")


@row("plugin killed in mid-flight: the migration goes on, its end is told")
def plugin_killed():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            os.kill(run.helper()["pid"], signal.SIGKILL)
            run.state("unattended")
            made.fast()
            got = run.expect(0, "killed by signal 9", outcome="completed", where="destination", error_code=CRASHED)
        same("the end of the plugin", got["exit"], {"kind": "killed", "value": 9})
        made.at("destination")


@row("plugin killed, then Ctrl-C: the host is asked to abort")
def plugin_killed_abort():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            os.kill(run.helper()["pid"], signal.SIGKILL)
            run.state("unattended")
            run.signal(signal.SIGINT)
            run.expect(3, "was aborted on request", outcome="aborted", where="source", error_code=ABORTED)
        made.at("source")


@row("shim killed in mid-flight: only the exit status is lost")
def shim_killed():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            os.kill(run.helper()["shimPid"], signal.SIGKILL)
            made.fast()
            got = run.expect(0, None, outcome="completed", where="destination")
        same("the end of the plugin", got["exit"]["kind"], "unknown")
        made.at("destination")


@row("plugin asked to end (SIGTERM): the migration goes on")
def plugin_released():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            os.kill(run.helper()["pid"], signal.SIGTERM)
            run.expect(4, "goes on", outcome="released", error_code=RELEASED)
        made.fast().arrives()


@row("plugin hangs (stopped): Ctrl-C aborts through the host")
def plugin_stopped():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            pid = run.helper()["pid"]
            os.kill(pid, signal.SIGSTOP)
            run.signal(signal.SIGINT)
            made.still()
            os.kill(pid, signal.SIGKILL)
            run.expect(3, "was aborted on request", outcome="aborted", where="source",
                       error_code=ABORTED)
        made.at("source")


@row("Ctrl-C: aborted, the guest stays")
def interrupted():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run).signal(signal.SIGINT)
            run.expect(3, "interrupted: aborting the migration", outcome="aborted", where="source", error_code=ABORTED)
        made.at("source")
        same("the migration", made.job(), {})


@row("Ctrl-C twice: left at once, the abort is under way")
def interrupted_twice():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            pid = run.helper()["pid"]
            os.kill(pid, signal.SIGSTOP)
            run.signal(signal.SIGINT)
            until("the first is heard", lambda: "interrupted" in run.err())
            run.signal(signal.SIGINT)
            got = run.expect(6, "left; the abort was asked for", outcome=None, where=None)
            os.kill(pid, signal.SIGCONT)
            recorded(got["directory"], "aborted")
        made.at("source")


def leaves(name, number):
    @row(f"{name}: detached, the guest arrives")
    def check():
        with guest() as made:
            with made.migrate() as run:
                begun(made, run).signal(number)
                got = run.expect(4, "detached; the migration goes on", outcome=None, where=None)
                same("the plugin runs", alive(run.helper()["pid"]), True)
                made.fast().arrives()
                recorded(got["directory"], "completed")
    return check


leaves("SIGTERM", signal.SIGTERM)
leaves("SIGHUP", signal.SIGHUP)


@row("SIGTERM without --json prints the id")
def prints_id():
    with guest() as made:
        with made.migrate(plain=True) as run:
            made.moving()
            run.signal(signal.SIGTERM)
            run.expect(4, "detached; the migration goes on")
            same("the last line", run.out().splitlines()[-1], BOX.jobs()[-1] if len(BOX.jobs()) == 1 else
                 [name for name in BOX.jobs() if name.startswith(made.uuid)][-1])
            made.fast().arrives()


@row("--detach: the id is printed, the guest arrives")
def detached():
    with guest(slow=False) as made:
        with made.migrate("--detach") as run:
            got = run.expect(0, None, outcome=None, where=None, state="starting")
            made.arrives()
            recorded(got["directory"], "completed")


@row("vmmi killed (SIGKILL): the plugin goes on, its end is recorded")
def vmmi_killed():
    with guest() as made:
        with made.migrate() as run:
            begun(made, run)
            directory, pid = run.directory(), run.helper()["pid"]
            run.signal(signal.SIGKILL)
            same("the exit code", run.end().code, -signal.SIGKILL)
            same("the plugin runs", alive(pid), True)
            made.fast().arrives()
            recorded(directory, "completed")
            until("the plugin is gone", lambda: not alive(pid))


@row("--timeout: aborted, and the guest stays")
def too_late():
    with guest() as made:
        made.run("--timeout", "1.5").expect(7, "the deadline passed", outcome="aborted", where="source", error_code=DEADLINE)
        made.at("source")


@row("two vmmi at once: one wins, the other is told")
def two_at_once():
    with guest() as made:
        with made.migrate() as one, made.migrate() as two:
            until("one is refused", lambda: one.process.poll() is not None or two.process.poll() is not None)
            winner, loser = (two, one) if one.process.poll() is not None else (one, two)
            loser.expect(8, "already|has a policy", error_code=14)
            begun(made, winner)
            made.fast()
            winner.expect(0, None, outcome="completed", where="destination")
        made.at("destination")


@row("link cut in pre-copy and mended: the guest arrives")
def link_cut():
    with guest() as made, mended():
        with made.migrate() as run:
            begun(made, run)
            lab("cut")
            until("the figures stand still", lambda: stands_still(made))
            lab("mend")
            made.fast()
            run.expect(0, None, outcome="completed", where="destination")
        made.at("destination")


def stands_still(made):
    """Two looks with the same figure, more than one of libvirt's figures apart."""
    first = made.job().get("memory_processed")
    elapsed = int(made.job().get("time_elapsed", 0))
    until("time goes by", lambda: int(made.job().get("time_elapsed", 0)) > elapsed + 300)
    return first == made.job().get("memory_processed")


@row("connections severed in pre-copy: failed, the guest stays")
def severed():
    with guest() as made, mended():
        with made.migrate() as run:
            begun(made, run)
            lab("sever", "migration")
            run.expect(1, "faults|guest|domain|migration", outcome="failed", where="source", error_code=FAILED)
        made.at("source")


@row("libvirtd of the source killed in pre-copy for good: nobody knows (beside the rows above)")
def source_lost():
    output, _ = COMPANION.communicate(timeout=PATIENCE * 2)
    print("".join(f"# | {line}\n" for line in output.splitlines()), end="")
    if COMPANION.returncode != 0:
        raise Wrong(f"test_lost.py ended with {COMPANION.returncode}")


COMPANION = subprocess.Popen(  # pylint: disable=consider-using-with
    [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "test_lost.py")], text=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    env={**os.environ, "VMMI_LAB": os.environ.get("VMMI_LAB", "default") + "-lost"}) if not sys.argv[1:] else None
try:
    main()
finally:
    if COMPANION and COMPANION.poll() is None:
        COMPANION.terminate()
        COMPANION.wait()
