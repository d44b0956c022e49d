# SPDX-License-Identifier: LGPL-2.1-or-later
"""model.py: what a simple model says of a cell: can it be completed with what a group permits?

Guest memory M MiB, all of it random; a writer of d MiB/s over W MiB; a link that carries B MiB/s of memory; ratio r = d/B.
What it cannot tell, it says so (None).
"""
import math

SHARE_OF_LINK = 0.96     # of the link's rate is memory
FIXED_MS = 60            # of every pause: devices, the last queue, the resume
MARGIN = 1.15            # a limit must be so much above the least one to converge soon
HOPELESS = 1.25          # and so much above the hard limit to be called impossible
PASSES = 5               # after the bulk pass, to find a moment when the limit is met


def plateau(ratio):
    """The share of the working set that is dirty after a pass, when uniform writes outrun the link: x = 1 - exp(-r x)."""
    share = 1.0
    for _ in range(200):
        share = 1 - math.exp(-ratio * share)
    return share


def least_limit_ms(cell, link):
    """The downtime limit that lets QEMU 7.2 converge; 0: any; None: the model does not know this writer."""
    whole = 1000 * cell["workingSetMib"] / link
    if cell["ratio"] < 1:
        return 0
    if cell["pattern"] == "uniform":
        return whole * (1 - 1 / cell["ratio"])
    if cell["pattern"] == "cyclic":
        return whole
    if cell["pattern"] == "phased":
        return max(0, whole - cell["phaseMs"])
    return None


def within(least, limit):
    if least is None:
        return None
    if MARGIN * least <= limit - FIXED_MS:
        return True
    return False if least > HOPELESS * limit else None


def time_ms(cell, link):
    """From the bulk pass to the end, roughly."""
    bulk, whole = cell["memoryMib"] / link, cell["workingSetMib"] / link
    if 0 < cell["ratio"] < 1:
        rest = min(whole, cell["ratio"] * bulk) / (1 - cell["ratio"])
    else:
        rest = 0 if cell["ratio"] == 0 else PASSES * whole
    return 1000 * (bulk + rest)


def can_complete(cell, group):
    """True, False, or None when the model cannot tell. @cell: figures of a cell, bandwidthMibPerSecond among them."""
    link = SHARE_OF_LINK * cell["bandwidthMibPerSecond"]
    deadline = 1000 * cell["deadlineSeconds"]
    bulk_ms = 1000 * cell["memoryMib"] / link
    gentle = within(least_limit_ms(cell, link), cell["downtimeHardMs"])
    if gentle and time_ms(cell, link) > deadline:
        gentle = None
    if bulk_ms > deadline:
        return False
    if group == "postcopy":
        return True if bulk_ms + 1000 * cell["workingSetMib"] / link < deadline else None
    if group == "throttle":
        return gentle or None
    if group == "suspend" and not gentle:
        share = plateau(cell["ratio"]) if cell["pattern"] == "uniform" and cell["ratio"] > 1 else 1
        return within(share * 1000 * cell["workingSetMib"] / link, cell["downtimeHardMs"])
    return gentle
