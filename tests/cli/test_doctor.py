# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_doctor.py: what vmmi doctor finds, and that it changes nothing."""
import os
import shutil
import tempfile

from tool import main, run

CHECKS = ["run-directory", "space", "inotify", "plugins", "shim", "service", "linger", "host", "post-copy", "signals"]
PLUGIN = "#!/bin/sh\nexit 1\n"


class Place:
    """A machine where all is well, as far as a test can say: a run directory, a plugin, a shim."""

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix="vmmi-doctor-test-")
        self.run_dir = os.path.join(self.top, "run")
        self.plugins = os.path.join(self.top, "plugins")
        self.shim = self.program("shim")
        os.mkdir(self.run_dir, 0o700)
        os.mkdir(self.plugins, 0o755)
        self.program("plugins/good")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top)

    def program(self, name, mode=0o755):
        """A script that may be executed."""
        path = os.path.join(self.top, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(PLUGIN)
        os.chmod(path, mode)
        return path

    def ask(self, *words, plugins=None, uri="sim:///", **changes):
        """Runs doctor, on the simulator unless told otherwise."""
        changes = {"VMMI_RUN_DIR": self.run_dir, "VMMI_SHIM_PATH": self.shim,
                   "VMMI_PLUGIN_PATH": plugins or self.plugins, **changes}
        return run("-c", uri, "doctor", *words, **changes)

    def findings(self, check, **changes):
        """The findings of one check: (status, text, mend)."""
        done = self.ask("--json", **changes)
        answer = done.object()
        problems = [f for f in answer["findings"] if f["status"] == "problem"]
        assert answer["problems"] == len(problems) and done.code == (1 if problems else 0), answer
        assert done.err == ""
        return [(f["status"], f["text"], f["mend"]) for f in answer["findings"] if f["check"] == check]


def only(findings, status, text, mend):
    assert len(findings) == 1, findings
    assert findings[0][0] == status and text in findings[0][1] and findings[0][2] == mend, findings


def some(findings, status, text, mend):
    assert any(f[0] == status and text in f[1] and f[2] == mend for f in findings), findings


def test_all_is_well():
    with Place() as place:
        answer = place.ask("--json").object()
        assert list(dict.fromkeys(f["check"] for f in answer["findings"])) == CHECKS
        # What the test machine's service manager and sysctls are like is not for a test to say.
        bad = [f for f in answer["findings"] if f["status"] == "problem" and f["check"] not in ("service", "inotify")]
        assert not bad, bad
        only(place.findings("host"), "ok", "'sim:///' answers: driver sim, this host", None)
        only(place.findings("shim"), "ok", place.shim, None)
        some(place.findings("plugins"), "ok", "good", None)


def test_nothing_is_changed():
    with Place() as place:
        os.rmdir(place.run_dir)
        before = sorted(os.listdir(place.top))
        # The simulator would keep its world there.
        uri = f"qemu+unix:///system?socket={place.top}/none"
        done = place.ask("--json", uri=uri)
        found = [(f["status"], f["text"], f["mend"]) for f in done.object()["findings"] if f["check"] == "run-directory"]
        only(found, "ok", "is made by the first migration", None)
        assert sorted(os.listdir(place.top)) == before


def test_run_directory_open_to_others():
    with Place() as place:
        os.chmod(place.run_dir, 0o755)
        some(place.findings("run-directory"), "problem", "mode 0755", f"chmod 0700 {place.run_dir}")


def test_run_directory_is_a_link():
    with Place() as place:
        path = os.path.join(place.top, "a link")
        os.symlink(place.run_dir, path)
        only(place.findings("run-directory", VMMI_RUN_DIR=path), "problem", "is a link or no directory", f"rm '{path}'")


def test_run_directory_cannot_be_made():
    with Place() as place:
        path = os.path.join(place.top, "no", "run")
        found = place.findings("run-directory", VMMI_RUN_DIR=path)
        assert found[0][0] == "problem" and found[0][2].endswith(path) and "install -d -m 0700" in found[0][2], found


def test_run_directory_relative():
    with Place() as place:
        only(place.findings("run-directory", VMMI_RUN_DIR="run"), "problem", "not an absolute path", None)


def test_run_directory_option():
    with Place() as place:
        done = place.ask("--json", "--run-dir", place.plugins)
        assert any(place.plugins in f["text"] and f["status"] == "problem" for f in done.object()["findings"])


def test_plugins_refused():
    with Place() as place:
        bad = place.program("plugins/bad", 0o775)
        some(place.findings("plugins"), "problem", "plugin 'bad' is refused", f"chmod go-w {bad}")


def test_plugins_not_executable():
    with Place() as place:
        bad = place.program("plugins/bad", 0o644)
        some(place.findings("plugins"), "problem", "plugin 'bad' is refused", f"chmod +x {bad}")


def test_plugins_in_an_open_folder():
    with Place() as place:
        os.chmod(place.plugins, 0o777)
        some(place.findings("plugins"), "problem", "can be written by everybody (mode 0777)", f"chmod go-w {place.plugins}")


def test_plugins_below_an_open_folder():
    with Place() as place:
        os.chmod(place.top, 0o777)
        some(place.findings("plugins"), "problem", "can be written by everybody", f"chmod go-w {place.top}")
        only(place.findings("shim"), "problem", "can be written by everybody", f"chmod go-w {place.top}")


def test_plugins_shadowed():
    with Place() as place:
        os.mkdir(os.path.join(place.top, "second"))
        hidden = place.program("second/good")
        path = f"{place.plugins}:{os.path.dirname(hidden)}"
        some(place.findings("plugins", plugins=path), "note", f"'{hidden}' is not used", None)


def test_plugins_none():
    with Place() as place:
        os.unlink(os.path.join(place.plugins, "good"))
        if not os.path.exists("/usr/libexec/vmmi"):
            some(place.findings("plugins"), "problem", "there is no plugin", "vmmi plugin path")


def test_shim_missing():
    with Place() as place:
        only(place.findings("shim", VMMI_SHIM_PATH="/nonexistent/shim"), "problem", "cannot be reached", None)


def test_shim_no_program():
    with Place() as place:
        only(place.findings("shim", VMMI_SHIM_PATH=place.plugins), "problem", "is no program", None)


def test_host_away():
    with Place() as place:
        uri = f"qemu+unix:///system?socket={place.top}/none"
        done = place.ask("--json", uri=uri)
        found = [f for f in done.object()["findings"] if f["check"] == "host"]
        assert done.code == 1 and found[0]["status"] == "problem" and uri in found[0]["text"], found


def test_for_people():
    with Place() as place:
        os.chmod(place.run_dir, 0o755)
        done = place.ask()
        lines = done.out.splitlines()
        assert done.code == 1 and done.err == ""
        assert f"{' ' * 24}-> chmod 0700 {place.run_dir}" in lines, done.out
        for line in lines[:-2]:
            assert line[:9].strip() in ("ok", "note", "problem", "") and line[23] == " " and line[24] != " ", line
            assert len(line) <= 100 or "-> " in line or " " not in line[24:], line
        assert lines[-2] == "" and "problem" in lines[-1]


def test_usage():
    done = run("doctor", "me")
    assert done.code == 2 and "'me' is one argument too many" in done.err


main(globals())
