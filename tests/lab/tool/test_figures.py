# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_figures.py TOOL: what `vmmi-lab-tool figures` finds in logs whose truth is known.

Each row writes a log of its own: a guest that beats every 5 ms and dirties 10 pages a beat (2000 a second), until
something happens to it.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "abi"))
from tap import Tap  # noqa: E402

TOOL = sys.argv[1]
BEAT = 5000
START = 1_000_000_000
MIB = 256
RATE = 2000 / MIB


class Guest:
    """A guest's log as it grows."""

    def __init__(self):
        self.lines = [f"s {START} "]
        self.at, self.clock, self.seq, self.work, self.side = START, 7_000_000, 0, 0, "source"

    def beat(self, work=10):
        self.seq += 1
        self.work += work
        self.lines.append(f"b {self.at} {self.side} {self.seq} {self.clock % 2 ** 32} {self.work}")

    def live(self, seconds, work=10, period=BEAT):
        """Beats for a while; work is that of one beat, or a function of the guest's clock."""
        end = self.at + round(seconds * 1e6)
        while self.at + period <= end:
            self.at += period
            self.clock += period
            self.beat(work(self.clock) if callable(work) else work)
        return self

    def stop(self, ms):
        """The guest stands still, and its clock with it."""
        self.at += round(ms * 1000)
        return self

    def slow(self, ms):
        """No beat, while the guest's clock goes on."""
        self.at += round(ms * 1000)
        self.clock += round(ms * 1000)
        return self

    def move(self, side="destination"):
        self.side = side
        return self

    def write(self, path):
        path.write_text("\n".join(self.lines + [f"e {self.at} "]) + "\n")


class Rows:
    def __init__(self, directory):
        self.tap, self.path = Tap(), pathlib.Path(directory) / "serial.log"

    def figures(self, guest, *words):
        guest.write(self.path)
        done = subprocess.run([TOOL, "figures", self.path, *words], stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)

    def row(self, name, got, **wanted):
        """Each wanted figure is a value, or a range (low, high); a name may lead into an object, a__b."""
        wrong = []
        for key, want in wanted.items():
            value = got
            for part in key.split("__"):
                value = value[part] if value is not None else None
            if isinstance(want, tuple):
                good = value is not None and want[0] <= value <= want[1]
            else:
                good = value == want and isinstance(value, bool) == isinstance(want, bool)
            if not good:
                wrong.append(f"{key} is {value!r}, not {want!r}")
        self.tap.row(f"figures/{name}", wrong + ([f"all: {got}"] if wrong else []))


def at(guest):
    return f"since={guest.at}"


def rows_silence(rows):
    guest = Guest().live(4)
    since = at(guest)
    guest.live(1).stop(300).move().live(1)
    rows.row("switchover", rows.figures(guest, since), silence__ms=(304, 306), switchoverSilence__ms=(304, 306),
             switchoverSilence__atMs=(999, 1001), switchoverSilence__standstillMs=300, otherSilence__ms=5,
             switchover__fromMs=1000, switchover__toMs=1305, standstillMs=300, guestSilenceMs=5,
             beats__moves=1, beats__side="destination", beats__sane=True)

    guest = Guest().live(4)
    since = at(guest)
    guest.live(1).slow(995).live(1).stop(100).move().live(2).slow(700).live(1)
    rows.row("throttling-is-apart", rows.figures(guest, since), silence__ms=1000, otherSilence__ms=1000,
             otherSilence__atMs=1000, otherSilence__standstillMs=0, switchoverSilence__ms=105, otherOver100Ms=2,
             guestSilenceMs=1000, standstillMs=100)

    guest = Guest().live(4)
    since = at(guest)
    guest.live(1).slow(495).stop(300).move().live(1)
    rows.row("throttled-into-the-switchover", rows.figures(guest, since), switchoverSilence__ms=800,
             switchoverSilence__standstillMs=300, otherSilence__ms=5)

    guest = Guest().live(4)
    since = at(guest)
    guest.live(1).stop(1500).live(1)
    rows.row("suspended-and-resumed", rows.figures(guest, since), switchoverSilence__ms=1505, switchover=None,
             otherSilence__ms=5, beats__moves=0)

    guest = Guest().live(4)
    since, turn = at(guest), guest.at + 1_000_000
    guest.live(1).stop(50).move().live(1.5).slow(395).live(1)
    rows.row("late-stall-is-not-the-switchover", rows.figures(guest, since), switchoverSilence__ms=55, otherSilence__ms=400)
    rows.row("late-stall-of-post-copy", rows.figures(guest, since, f"switchover={turn}..{turn + 3_000_000}"),
             switchoverSilence__ms=400, otherSilence__ms=5)

    guest = Guest().live(4)
    since = at(guest)
    guest.live(1).slow(900)
    rows.row("never-heard-of-again", rows.figures(guest, since), silence__ms=900, otherSilence__ms=900)
    rows.row("cut-to-the-stretch", rows.figures(guest, since, f"until={guest.at - 700_000}"), silence__ms=200)

    guest = Guest().live(4)
    since = at(guest)
    guest.live(1)
    guest.at += 80_000
    guest.clock += 5000
    guest.beat()
    for _ in range(16):
        guest.at += 300
        guest.clock += 5000
        guest.beat()
    guest.live(1).stop(60).move().live(1)
    rows.row("delivered-late-is-no-stop", rows.figures(guest, since), otherSilence__ms=80, otherSilence__standstillMs=(0, 20),
             switchoverSilence__ms=65, switchoverSilence__standstillMs=60, switchover__movedMs=(2149, 2151))

    guest = Guest()
    guest.clock = 2 ** 32 - 4_500_000
    guest.live(4)
    since = at(guest)
    guest.live(1).stop(200).move().live(1)
    rows.row("guest-clock-wraps", rows.figures(guest, since), standstillMs=200, guestSilenceMs=5,
             guestClockMs=(2004, 2006))


def rows_work(rows):
    guest = Guest().live(4)
    since = at(guest)
    guest.live(2)
    rows.row("no-work-lost", rows.figures(guest, since), rateBefore=(RATE * 0.99, RATE * 1.01), steady=True,
             workLostMs=(-20, 20), workPages=(3990, 4010))

    guest = Guest().live(4)
    since = at(guest)
    guest.live(1).live(2, work=5).stop(500).move().live(1)
    rows.row("half-speed-and-a-stop", rows.figures(guest, since), workLostMs=(1480, 1520), standstillMs=500,
             rateDuring=(RATE * 0.65, RATE * 0.68))

    guest = Guest().live(4, work=0)
    since = at(guest)
    guest.live(1, work=0).stop(300).move().live(1, work=0)
    rows.row("idle", rows.figures(guest, since), rateBefore=0, steady=True, workLostMs=None, workPages=0)

    guest = Guest().live(2, work=5).live(1.2)
    rows.row("not-steady-yet", rows.figures(guest, at(guest)), steady=False)
    guest = Guest().live(2)
    rows.row("too-young", rows.figures(guest, at(guest)), steady=False, rateBefore=(RATE * 0.99, RATE * 1.01))
    guest = Guest().live(1, work=5).live(3.1)
    rows.row("steady-now", rows.figures(guest, at(guest)), steady=True, rateBefore=(RATE * 0.99, RATE * 1.01))


def rows_phased(rows):
    def phased(clock):
        return 10 if clock // 500_000 % 2 == 0 else 0

    guest = Guest().live(4, work=phased)
    since = at(guest)
    guest.live(2.5, work=phased)
    plain, aware = rows.figures(guest, since), rows.figures(guest, since, "phase=500")
    rows.row("phased-not-known", plain, steady=True)
    rows.row("phased", aware, steady=True, rateBefore=(RATE * 0.49, RATE * 0.51), workLostMs=(-30, 30))
    guest = Guest().live(4, work=phased)
    since = at(guest)
    guest.live(1, work=phased).stop(1000).move().live(1, work=phased)
    rows.row("phased-stop", rows.figures(guest, since, "phase=500"), workLostMs=(970, 1030))


def rows_beats(rows):
    guest = Guest().live(4)
    since = at(guest)
    guest.live(1)
    guest.seq += 3
    guest.live(1)
    guest.lines.append(f"g {guest.at} source B 12")
    rows.row("lost-and-damaged", rows.figures(guest, since), beats__lost=3, beats__damaged=1, beats__sane=True,
             beats__seen=401)
    guest.seq -= 5
    guest.live(0.1)
    rows.row("repeated", rows.figures(guest, since), beats__repeated=1, beats__sane=False)


def rows_refused(rows):
    Guest().live(1).write(rows.path)
    for name, words in {"unknown-word": ["frob=1"], "not-a-number": ["since=x"], "backwards": ["since=9", "until=5"],
                        "switchover-backwards": ["switchover=9..5"], "trailing": ["since=9x"]}.items():
        done = subprocess.run([TOOL, "figures", rows.path, *words], capture_output=True, check=False)
        rows.tap.row(f"figures/refused/{name}", [] if done.returncode == 2 else [f"exit {done.returncode}"])
    rows.path.write_text("s 1 \n")
    done = subprocess.run([TOOL, "figures", rows.path], capture_output=True, check=False)
    rows.tap.row("figures/no-beat", [] if done.returncode == 1 else [f"exit {done.returncode}"])


def main():
    with tempfile.TemporaryDirectory() as directory:
        rows = Rows(directory)
        for part in (rows_silence, rows_work, rows_phased, rows_beats, rows_refused):
            part(rows)
        return rows.tap.end()


if __name__ == "__main__":
    sys.exit(main())
