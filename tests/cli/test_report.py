# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_report.py: traces as text, picture and page: whatever a trace holds, what comes out is well-formed, bounded, and the same
each time."""
import json
import os
import re
import tempfile
import xml.etree.ElementTree as tree

from simworld import World
from tool import main, run

MIB = 1 << 20
UUID = "01234567-89ab-cdef-0123-456789abcdef"
STABLE = {"id", "guest", "uuid", "plugin", "state", "outcome", "where", "percent", "error"}
HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & ]]> \x01\x1b[31m\u202e\ufffe \U0001f4a9 -->"


class Trace:
    """A trace made by hand."""

    def __init__(self, policy="schedule", guest="web1"):
        self.lines, self.sequence = [], 0
        self.add("start", 0, data={"format": "vmmi-trace", "formatVersion": 1, "policy": policy, "version": "0.1", "attached": False,
                                   "guest": {"uuid": UUID, "name": guest}, "options": {"preset": "ovirt-minimal-downtime"}})

    def add(self, kind, at_ms, **more):
        self.sequence += 1
        self.lines.append(json.dumps({"seq": self.sequence, "timestampMs": 1790000000000 + at_ms, "boottimeMs": 5000 + at_ms,
                                      "kind": kind, **more}))
        return self

    def state(self, at_ms, name, **data):
        return self.add("state", at_ms, state=name, **({"data": data} if data else {}))

    def sample(self, at_ms, remaining, reason=None, **more):
        figures = {"memoryRemainingBytes": remaining, "memoryBytesPerSecond": 38 * MIB, "dirtyPagesPerSecond": 5000,
                   "pageSizeBytes": 4096, "downtimeLimitMs": 300, "elapsedMs": at_ms, **more}
        return self.add("sample", at_ms, state="precopy", sample=figures, **({"reason": reason} if reason else {}))

    def action(self, at_ms, reason, result="done", **more):
        return self.add("action", at_ms, data={"id": 1, "action": "tune", "what": "downtimeMs", "value": 500, "atMs": at_ms,
                                               "decidedBoottimeMs": 5000 + at_ms, "reason": reason, "result": result, **more})

    def end(self, at_ms, outcome="completed", **statistics):
        return self.add("end", at_ms, data={"outcome": outcome, "where": "destination", "evidence": "the source says so", "statistics": {
            "elapsedMs": at_ms, "downtimeFinalMs": 212, "dataProcessedBytes": 300 * MIB, "iteration": 7, "memoryRemainingBytes": 0,
            **statistics}})

    def text(self):
        return "\n".join(self.lines) + "\n"


def usual(policy="schedule", guest="web1", reason="pass 3 left 60 MiB"):
    trace = Trace(policy, guest).state(1, "starting").state(5, "begin", flags=["live", "peer2peer"]).state(60, "precopy")
    for step in range(12):
        trace.sample(500 * (step + 1), max(256 - 20 * step, 40) * MIB, f"waits, {step}", downtimeExpectedMs=900, throttlePercent=20)
    return trace.action(3210, reason).state(6100, "switchover").state(6300, "completed").end(6310)


class Place:
    """A directory with traces."""

    def __init__(self, **traces):
        self.folder = tempfile.TemporaryDirectory()
        for name, content in traces.items():
            self.put(name, content.text() if isinstance(content, Trace) else content)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def put(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode(errors="surrogateescape"))

    def report(self, *names, output=None, options=()):
        """Runs it; of a file that is written the text is returned, checked to be well-formed and harmless."""
        words = [self.path(name) for name in names]
        if not output:
            return run("report", *words, *options, VMMI_RUN_DIR=self.path("run"))
        done = run("report", *words, "-o", self.path(output), VMMI_RUN_DIR=self.path("run"))
        assert done.code == 0 and done.out == "" and done.err == "", done
        with open(self.path(output), encoding="utf-8") as file:
            text = file.read()
        check_harmless(text)
        return text


def check_harmless(text):
    """It can be parsed, has no scripts, and asks nobody."""
    root = tree.fromstring(text.replace("<!DOCTYPE html>\n", ""))
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        assert name not in ("script", "image", "img", "use", "link", "iframe", "a", "foreignObject", "object"), name
        assert not any(key.lower().startswith("on") or key.endswith(("href", "src")) for key in element.attrib), element.attrib
    assert "url(" not in text and "@import" not in text
    assert re.findall(r"https?://[^\s\"<]*", text) in ([], ["http://www.w3.org/2000/svg"]), "it names an address"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", text)


def both(place, *names):
    for output in ("out.svg", "out.html"):
        yield place.report(*names, output=output)


def test_text():
    with Place(a=usual()) as place:
        done = place.report("a")
        assert done.code == 0 and done.err == "", done
        for needle in ("web1 under schedule 0.1", "precopy 0.1 s", "remaining", "downtime limit 500 ms", "pass 3 left 60 MiB",
                       "completed", "6.3 s", "212 ms", "300 MiB"):
            assert needle in done.out, (needle, done.out)
        assert max(map(len, done.out.splitlines())) <= 100


def test_text_without_unicode():
    with Place(a=usual()) as place:
        done = run("report", place.path("a"), LC_ALL="C")
        assert done.code == 0 and done.out.isascii(), done


def test_json():
    with Place(a=usual(), b=Trace().sample(10, MIB)) as place:
        first, second = place.report("a", "b", options=["--json"]).objects()
        assert STABLE <= set(first) and STABLE <= set(second)
        assert (first["guest"], first["plugin"], first["outcome"], first["complete"]) == ("web1", "schedule", "completed", True)
        assert (first["totalMs"], first["downtimeMs"], first["iterations"], first["samples"]) == (6310, 212, 7, 12)
        assert first["actions"] == [{"number": 1, "atMs": 3210, "action": "tune", "what": "downtimeMs", "value": 500,
                                     "reason": "pass 3 left 60 MiB", "result": "done", "error": None}]
        assert (second["outcome"], second["complete"], second["downtimeMs"]) == (None, False, None)


def test_pictures():
    with Place(a=usual()) as place:
        for text in both(place, "a"):
            for needle in ("Migration of web1", "Remaining memory", "Rates", "Downtime", "Throttle", "downtime limit 500 ms",
                           "pass 3 left 60 MiB", "212 ms", "completed"):
                assert needle in text, needle


def test_same_input_same_output():
    with Place(a=usual(), b=usual("adaptive")) as place:
        assert list(both(place, "a", "b")) == list(both(place, "a", "b"))
        assert place.report("a").out == place.report("a").out


def test_overlaid():
    names = list("abcdefgh")
    with Place(**{name: usual(f"policy-{name}", reason=f"reason {name}") for name in names}) as place:
        for text in both(place, *names):
            for name in names:
                assert f"policy-{name}" in text and f"reason {name}" in text
            assert "8 migrations of web1" in text
        done = place.report(*names, "a")
        assert done.code == 2 and "one argument too many" in done.err, done


def test_same_policy_twice():
    with Place(a=usual(), b=usual()) as place:
        for text in both(place, "a", "b"):
            assert "schedule #2" in text


def test_hostile_text():
    trace = usual(policy=HOSTILE, guest=HOSTILE, reason=HOSTILE * 40)
    trace.lines[-1] = trace.lines[-1].replace("the source says so", "</style><script>")
    with Place(a=trace) as place:
        for text in both(place, "a"):
            assert "&lt;script&gt;" in text
        done = place.report("a")
        assert done.code == 0 and not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", done.out), done
        assert place.report("a", options=["--json"]).object()["guest"] == HOSTILE


def test_invalid_utf8():
    with Place(a=usual().text().encode() + b'{"seq":99,"timestampMs":1,"boottimeMs":1,"kind":"\xff\xfe"}\n') as place:
        assert all(both(place, "a"))
        assert "1 line was skipped, the first is line 21: it is not JSON" in place.report("a").out


def test_hostile_numbers():
    trace = Trace().state(0, "precopy")
    for at_ms, value in enumerate((0, -1, 1e300, 2**62, "x", None, [], 1e-300, True)):
        trace.sample(at_ms, value, memoryBytesPerSecond=value, downtimeLimitMs=value, downtimeExpectedMs=value, throttlePercent=value)
    trace.sample(2**52, MIB).action(2**52 + 1, "late", value=-5).end(2**53, downtimeFinalMs=2**62)
    with Place(a=trace) as place:
        for text in both(place, "a"):
            assert "nan" not in text.lower().replace("finance", "") and "inf" not in re.sub("[a-z]*information", "", text.lower())
        assert place.report("a").code == 0


def test_clock_goes_back():
    trace = usual()
    trace.add("sample", -4000, sample={"memoryRemainingBytes": 5}).add("state", -5000, state="precopy")
    with Place(a=trace) as place:
        assert all(both(place, "a"))


def test_incomplete():
    trace = usual()
    trace.lines.pop()
    with Place(a=trace, b=trace.text()[:-40]) as place:
        for name in ("a", "b"):
            for text in both(place, name):
                assert "no end" in text and "The trace has no end" in text
            assert "incomplete" in place.report(name).out


def test_no_samples():
    with Place(a=Trace().state(3, "starting").end(10, "failed")) as place:
        for text in both(place, "a"):
            assert "not recorded" in text and "It has no samples" in text
        assert "It has no samples" in place.report("a").out


def test_start_alone():
    with Place(a=Trace()) as place:
        assert all(both(place, "a"))
        assert place.report("a").code == 0


def test_unknown_kinds_and_keys():
    trace = usual()
    with Place(a=trace.add("dance", 7000, tango=[1, {}])) as place:
        assert place.report("a", options=["--json"]).object()["skippedLines"] == 0


def refused(place, name, needle, code=2):
    for words in ([], ["-o", place.path("out.svg")], ["--json"]):
        done = place.report(name, options=words)
        assert done.code == code and needle in done.err and done.err.count("\n") == 1, done
        assert not os.path.exists(place.path("out.svg"))
        if words == ["--json"]:
            assert STABLE <= set(done.object()) and needle in done.object()["error"]["message"]


def test_empty():
    with Place(a="", b="\n\n") as place:
        refused(place, "a", "is empty")
        refused(place, "b", "is empty")


def test_garbage():
    with Place(a="\n\nhello\nworld\n", b=bytes(range(256)) * 50, c="[1]\n", d='{"seq":1}\n', e='{"a":1,"a":2}\n') as place:
        refused(place, "a", "line 3: it is not JSON")
        refused(place, "b", "line 1: it is not JSON")
        refused(place, "c", "line 1: it is not an object")
        refused(place, "d", "'seq', 'timestampMs' and 'boottimeMs'")
        refused(place, "e", "line 1: it is not JSON")


def test_newer_format():
    with Place(a=usual().text().replace('"formatVersion": 1', '"formatVersion": 2')) as place:
        refused(place, "a", "format 2, and format 1 is known here")


def test_no_file():
    with Place() as place:
        refused(place, "none", "cannot be opened")
        refused(place, "", "is not a regular file")
        os.mkfifo(place.path("pipe"))
        refused(place, "pipe", "is not a regular file")
        done = run("report", "nobody", VMMI_RUN_DIR=place.path("run"))
        assert done.code == 5 and "nobody" in done.err, done


def test_too_large():
    with Place(a="") as place:
        os.truncate(place.path("a"), (256 << 20) + 1)
        refused(place, "a", "the limit is 256")


def test_long_lines():
    text = usual().text()
    with Place(a=text + '{"x":"' + "y" * 70000 + '"}\n' + Trace().sample(9, 7).lines[-1].replace('"seq": 2', '"seq": 77') + "\n") as place:
        found = place.report("a", options=["--json"]).object()
        assert (found["skippedLines"], found["firstSkippedLine"], found["samples"]) == (1, 21, 13), found


def test_many_of_everything():
    trace = Trace().state(0, "precopy")
    for step in range(11000):
        trace.sample(step * 10, (step * 7919 % 256) * MIB, reason=f"step {step}")
        if step % 10 == 0:
            trace.action(step * 10 + 1, f"because of {step} " * 10).state(step * 10 + 2, "switchover" if step % 20 else "precopy")
    with Place(a=trace.end(110001)) as place:
        svg, html = both(place, "a")
        assert len(svg) < 800000 and len(html) < 2000000, (len(svg), len(html))
        assert "and 1040 more" in svg and "and 100 more" in html


def test_output_names():
    with Place(a=usual()) as place:
        for name in ("out", "out.png", "svg", "out.svg.gz"):
            done = place.report("a", options=["-o", place.path(name)])
            assert done.code == 2 and ".svg or .html" in done.err, done
        assert place.report("a", output="OUT.SVG").startswith("<?xml")


def test_shadow_has_its_place():
    shadow = Trace("adaptive").state(1, "precopy").sample(100, 40 * MIB).action(200, "I would", "shadow").end(1000)
    shadow.lines = [line.replace('"attached": false', '"attached": true, "shadow": true') for line in shadow.lines]
    text = shadow.text()
    for at_ms in (0, 1, 100, 200, 1000):
        for clock, base in (("timestampMs", 1790000000000), ("boottimeMs", 5000), ("decidedBoottimeMs", 5000)):
            text = re.sub(rf'"{clock}": {base + at_ms}\b', f'"{clock}": {base + at_ms + 4000}', text)
    with Place(a=usual(), b=text, c=shadow.text()) as place:
        svg = place.report("a", "b", output="out.svg")
        assert "adaptive (shadow)" in svg and "4.2 s, downtime limit 500 ms" in svg and "would have been set" in svg
        assert "Migration of web1" in svg and svg.count("<title>downtime 212 ms") == 1
        assert "would have been set" not in place.report("a", output="out.svg")
        assert place.report("b", options=["--json"]).object()["actions"][0]["atMs"] == 200


def test_until():
    with Place(a=usual(), b=usual("adaptive")) as place:
        whole = place.report("a", "b", output="out.svg")
        done = run("report", place.path("a"), place.path("b"), "-o", place.path("cut.svg"), "--until", "2.5")
        assert done.code == 0, done
        with open(place.path("cut.svg"), encoding="utf-8") as file:
            text = file.read()
        check_harmless(text)
        assert len(text) < len(whole) and ">2.5 s</text>" in text and ">3 s</text>" not in text
        assert text.count("\u2026 completed") == 2 and "pass 3 left 60 MiB" in text and "212 ms</text>" in text
        for words, needle in ((["-o", place.path("cut.svg"), "--until", "0"], "must be seconds"), (["--until", "5"], "needs -o")):
            done = place.report("a", options=words)
            assert done.code == 2 and needle in done.err, done


def test_output_cannot_be_written():
    with Place(a=usual()) as place:
        done = place.report("a", options=["-o", place.path("no/such/place.svg")])
        assert done.code == 2 and "cannot be written" in done.err and "place.svg" in done.err, done


def test_trace_is_not_written_over():
    with Place(**{"a.svg": usual()}) as place:
        done = place.report("a.svg", options=["-o", place.path("a.svg")])
        assert done.code != 0 and "not written over" in done.err, done
        assert place.report("a.svg").code == 0


def test_a_migration_of_the_run_directory():
    with World() as world:
        assert world.migrate("--plugin", "patient", guest="guest2")[0] == 0
        found = world.run("--json", "report", "guest2").object()
        assert (found["guest"], found["plugin"], found["outcome"], found["complete"]) == ("guest2", "patient", "completed", True)
        assert found["samples"] > 0 and found["downtimeMs"] is not None and found["skippedLines"] == 0
        for name in ("a.svg", "a.html"):
            path = os.path.join(world.folder.name, name)
            assert world.run("report", found["trace"], "-o", path).code == 0
            with open(path, encoding="utf-8") as file:
                text = file.read()
            check_harmless(text)
            assert "Migration of guest2" in text or "A migration" in text


main(globals())
