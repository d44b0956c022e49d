#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_ways.py: the kinds of migration between real hosts, each through vmmi migrate: what is asked for is what happens."""
import os
import shutil

from frame import BOX, FAKES, PLUGINS, Skip, Wrong, main, row, same
from hosts import LAB, another_lab, guest, lab

AUTH, CONNECT = 107, 106


def arrived(made, run):
    """The command says so, and the guest is there."""
    got = run.expect(0, None, outcome="completed", where="destination", state="completed", percent=100)
    same("the end of the plugin", got["exit"], {"kind": "exited", "value": 0})
    made.at("destination")
    return got


@row("peer-to-peer: the figures are libvirt's own")
def plain():
    with guest(slow=False) as made:
        got = arrived(made, made.run())
        if not 0 < got["statistics"]["elapsedMs"] < 600000 or got["statistics"]["memoryTotalBytes"] < 64 << 20:
            raise Wrong(f"the figures cannot be right: {got['statistics']}")


@row("without a terminal and without --json: a line for each state, and where the guest is")
def lines():
    with guest(slow=False) as made:
        run = made.run(plain=True)
        run.expect(0, None)
        if "completed: faults is on the destination" not in run.out():
            raise Wrong(f"the end is not told: {run.tell()}")


@row("a persistent guest moves wholly")
def persistent():
    with guest("faults", "--persistent", slow=False) as made:
        arrived(made, made.run())
        same("guests defined on the source", made.virsh("list", "--all", "--name").split().count("faults"), 0)
        same("guests defined on the destination",
             made.virsh("list", "--all", "--persistent", "--name", host=LAB.DST).split().count("faults"), 1)


@row("a persistent guest stays defined with --keep-source")
def keep_source():
    with guest("faults", "--persistent", slow=False) as made:
        arrived(made, made.run("--keep-source"))
        same("guests defined on the source", made.virsh("list", "--all", "--name").split().count("faults"), 1)


@row("with its storage")
def storage():
    with guest("faults", "--disk", "16", slow=False) as made:
        target = made.virsh("domblklist", made.name).split()[0]
        got = arrived(made, made.run("--set", 'migration.flags=["non_shared_disk"]', "--set",
                                     f'migration.params.migrate_disks=["{target}"]'))
        if "sectors=64 badsectors=0" not in lab("verify", made.name):
            raise Wrong("the disk was not checked")
        if got["statistics"]["diskTotalBytes"] < 16 << 20:
            raise Wrong(f"the figures know no disk: {got['statistics']}")


@row("over TLS, data and control")
def tls():
    with guest(slow=False) as made:
        arrived(made, made.run("--set", 'migration.flags=["tls"]', destination=LAB.TLS_DEST_URI))


@row("tunnelled")
def tunnelled():
    with guest(slow=False) as made:
        arrived(made, made.run("--set", 'migration.flags=["tunnelled"]', data="-"))


@row("managed: the plugin itself talks to both hosts")
def managed():
    with guest(slow=False) as made:
        arrived(made, made.run("--set", "migration.mode=managed", destination=LAB.DST))


@row("post-copy, started by somebody else")
def postcopy():
    with guest() as made:
        with made.migrate("--set", 'migration.flags=["postcopy"]') as run:
            run.state("precopy")
            made.moving()
            made.virsh("migrate-postcopy", made.name)
            got = arrived(made, run)
        if "postcopy" not in [told["state"] for told in run.objects()]:
            raise Wrong(f"post-copy was not told: {[told['state'] for told in run.objects()]}")
        same("the end", got["state"], "completed")


@row("with a parameter: the bandwidth is kept")
def bandwidth():
    with guest(slow=False) as made:
        with made.migrate("--set", "migration.params.bandwidth=2") as run:
            run.state("precopy")
            made.moving()
            same("the speed", made.virsh("migrate-getspeed", made.name), "2")
            made.fast()
            arrived(made, run)


@row("authenticated: user name and password file")
def sasl():
    if not shutil.which("saslpasswd2"):
        raise Skip("saslpasswd2 is missing (Debian package sasl2-bin)")
    with another_lab("-sasl", "--sasl"), guest(slow=False) as made:
        right, wrong = BOX.write(LAB.SASL_PASSWORD + "\n", "password"), BOX.write("wrong\n", "password")
        user, source = ("--username", LAB.SASL_USER), {"source": LAB.SASL_URI}
        made.run(*user, "--password-file", wrong, **source).expect(125, "authentication", error_code=AUTH, id=None)
        made.run(**source).expect(125, "authentication|user", error_code=AUTH, id=None)
        os.chmod(wrong, 0o644)
        made.run(*user, "--password-file", wrong, **source).expect(125, f"{wrong}", error_code=AUTH, id=None)
        made.at("source")
        run = made.run(*user, "--password-file", right, **source)
        arrived(made, run)
        for name in os.listdir(run.directory()):
            path = os.path.join(run.directory(), name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as stream:
                if LAB.SASL_PASSWORD.encode() in stream.read():
                    raise Wrong(f"the password is in {name}")


def outsider(name):
    """A plugin made without the library: it arrives, and the command judges by the hosts."""
    @row(f"a plugin made without the library: {name}")
    def check():
        env = BOX.environment(VMMI_PLUGIN_PATH=f"{FAKES}/good:{PLUGINS}")
        with guest() as made:
            with made.migrate("--plugin", name, env=env) as run:
                made.moving()
                made.fast()
                got = run.expect(0, None, outcome="completed", where="destination", plugin=name)
            same("the end of the plugin", got["exit"], {"kind": "exited", "value": 0})
            made.at("destination")

    @row(f"a plugin made without the library: {name}, Ctrl-C")
    def interrupted():
        env = BOX.environment(VMMI_PLUGIN_PATH=f"{FAKES}/good:{PLUGINS}")
        with guest() as made:
            with made.migrate("--plugin", name, env=env) as run:
                made.moving()
                run.signal(2)
                run.expect(3, "abort", outcome="aborted", where="source", error_code=9)
            made.at("source")
    return check, interrupted


outsider("minimal")
outsider("virsh-shell")
outsider("virsh-python")

main()
