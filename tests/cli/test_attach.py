# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_attach.py: another policy is put in charge of a migration that runs: with a scripted migration, then on simulated hosts."""
import json
import os
import shutil
import signal

from simworld import World
from test_list import RUNNING, STABLE, UUID, Records
from tool import ID, faked, main


def attach(play, *words, records=(RUNNING,), stdin="", **changes):
    with Records(*records) as file:
        return faked(play, "attach", *words, VMMI_FAKE_RECORDS=file.path, stdin=stdin, **changes)


OLD = dict(RUNNING, id=f"{UUID}.0")
NEW = dict(RUNNING, id=ID)


def test_usage():
    assert attach("endless").code == 2
    assert attach("endless", "web1", "--detach", "--timeout", "5").code == 2


def test_only_follows():
    """Nothing is named and a policy is in charge: it stays."""
    done = attach("completes", "web1")
    assert done.code == 0 and done.out.startswith("web1 to qemu+ssh://host2/system under touri, migration"), done
    assert "in charge" not in done.out and attach("endless", "web1", "--timeout=0.1").code == 7
    item = attach("endless", "web1", "--detach", "--json").object()
    assert STABLE <= set(item) and item["received"] is None, item


def test_takes_over():
    done = attach("completes", "web1", "--plugin", "patient", records=(OLD, NEW))
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert lines[0] == f"touri is in charge, in place of adaptive, migration {UUID}.0", lines
    assert lines[1].endswith(f"migration {ID}") and lines[-2].startswith("completed: web1"), lines


def test_what_is_asked_for():
    done = attach("endless", "web1", "--plugin", "p", "-s", "a=1", "--set", "migration.params.bandwidth=5", "--kill", "--config",
                  "-", "--detach", "--require-survival", "--json", records=(OLD, NEW),
                  stdin='{"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": {"verbose": 2}}')
    assert done.code == 0, done
    seen = json.loads(done.object()["received"])
    assert seen["plugin"] == "p" and seen["settings"] == ["a=1", "migration.params.bandwidth=5"], seen
    assert seen["destination"] == "kill" and seen["survival"] and json.loads(seen["configuration"]) == {"verbose": 2}, seen


def test_refused():
    for play, code in (("guest-unknown", 5), ("plugin-unknown", 5), ("guest-busy", 8), ("bad-option", 2), ("plugin-refused", 125)):
        done = attach(play, "web1", "--plugin", "p")
        assert done.code == code and done.out == "" and done.err.count("\n") == 1, (play, done)
        item = attach(play, "web1", "--plugin", "p", "--json").object()
        assert STABLE <= set(item) and item["guest"] == "web1" and item["plugin"] == "p" and item["error"]["message"], item


# --- the real thing


def running(world, guest="guest3", *words):
    name = world.detach(guest, "--plugin", "touri", *words)
    world.until(name, lambda item: item["state"] == "precopy")
    return name


def test_swap():
    """Whoever follows the old one follows the new one: to its end, with its exit status."""
    with World("speed=1") as world:
        old = running(world)
        wait = world.open("wait", "guest3", "--json")
        done = world.run("attach", "guest3", "--plugin", "patient", "--detach")
        assert done.code == 0 and done.err.startswith("To follow it: vmmi wait "), done
        new = done.out.strip()
        assert new != old and world.record(old)["replacedBy"] == new and world.record(new)["replaces"] == old
        assert "policy        patient" in world.run("show", "guest3").out
        world.until(new, lambda item: item["state"] == "precopy")
        assert world.run("abort", "guest3").code == 0
        out, err = wait.communicate(timeout=60)
        items = [json.loads(line) for line in out.splitlines()]
        assert wait.returncode == 3 and items[-1]["id"] == new and items[-1]["outcome"] == "aborted", (items[-1], err)
        released = [item for item in items if item["id"] == old][-1]
        assert released["outcome"] == "released" and released["replacedBy"] == new, released
        assert all(STABLE <= set(item) for item in items)
        assert all(world.record(name)["acknowledged"] for name in (old, new))
        assert f"replaced by {new[:8]}.2" in world.run("list").out


def test_migrate_follows():
    with World("speed=1") as world:
        process = world.start("--plugin", "touri", guest="guest3")
        for line in process.stdout:
            if "precopy" in line:
                break
        done = world.run("attach", "guest3", "--plugin", "patient", "--detach")
        assert done.code == 0, done
        for line in process.stdout:
            if line.startswith("replaced: touri gave way to patient"):
                break
        # It is still its own: Ctrl-C aborts.
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 3 and "aborted: guest3 is on the source" in out, (out, err)


def test_settings():
    """The same policy with more bandwidth; the source is that of the record."""
    with World("speed=1") as world:
        old = running(world)
        done = world.run("attach", old, "--set", "migration.params.bandwidth=100", "--timeout", "0.1", source="sim:///destination")
        assert done.code == 8 and "to this host" in done.err, done
        env, world.env = world.env, dict(world.env, VMMI_DEFAULT_URI="sim:///destination")
        import subprocess
        from tool import TOOL
        done = subprocess.run([TOOL, "attach", old, "--set", "migration.params.bandwidth=100", "--timeout", "0.1"], text=True,
                              capture_output=True, env=world.env, check=False, timeout=60)
        world.env = env
        assert done.returncode == 7 and f"touri was started anew, in place of migration {old}" in done.stdout, done
        item = world.run("show", "guest3", "--json").object()
        assert item["configuration"]["migration"]["params"]["bandwidth"] == 100, item["configuration"]
        assert item["origins"]["migration.params.bandwidth"] == "--set" and item["replaces"] == old, item


def test_nobody_in_charge():
    """Its plugin was killed: the same one takes over again."""
    with World("speed=1") as world:
        old = running(world)
        os.kill(world.pid(old), signal.SIGKILL)
        world.until(old, lambda item: item["phase"] == "finished")
        done = world.run("attach", "guest3", "--detach", "--json")
        assert done.code == 0 and done.object()["replaces"] == old and done.object()["plugin"] == "touri", done


def test_started_by_others():
    """A migration without any record, as virsh leaves one."""
    with World("speed=1") as world:
        running(world)
        world.kill_plugins()
        for folder in ("jobs", "by-guest"):
            shutil.rmtree(os.path.join(world.env["VMMI_RUN_DIR"], folder))
        done = world.run("attach", "guest3", "--plugin", "patient", "--timeout", "0.1")
        assert done.code == 7 and done.out.startswith("patient is in charge of a migration that had no policy\n"), done
        assert "guest3 to a host that is not known under patient" in done.out, done
        assert world.run("list", "--json").object()["replaces"] is None
        assert world.run("abort", "guest3").code == 0


def test_nothing_runs():
    with World("speed=20") as world:
        done = world.run("attach", "guest1", "--plugin", "patient")
        assert done.code == 5 and "is not being migrated" in done.err and done.err.count("\n") == 1, done
        assert world.migrate()[0] == 0
        done = world.run("attach", "guest1", "--plugin", "patient")
        assert done.code == 5, done
        assert world.run("attach", "nobody", "--plugin", "patient").code == 5
        assert world.run("attach", "guest2", "--plugin", "patinet").code == 5


main(globals())
