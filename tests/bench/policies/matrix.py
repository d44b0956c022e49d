# SPDX-License-Identifier: LGPL-2.1-or-later
"""matrix.py: the figures of the cells of a matrix (vmmi-sim(7)), which the lines of `vmmi simulate --json` only name."""
import itertools
import math

from plan import PlanError, read_json


def deadline_seconds(rule, bulk_seconds):
    if rule is None or isinstance(rule, (int, float)):
        return rule or 0
    return math.ceil(max(rule.get("timesBulk", 0) * bulk_seconds + rule.get("plusSeconds", 0), rule.get("leastSeconds", 0)))


def read_matrix(path):
    """{cell: figures}, named as `vmmi simulate` names them. Cells that are written out are not in it."""
    content = read_json(path)
    if not isinstance(content, dict) or content.get("vmmiSim") != "matrix":
        raise PlanError(f"{path}: this is no matrix")
    axes, guest, memory = (content.get(key, {}) for key in ("axes", "guest", "memory"))
    cells = {}
    for pattern, size, ratio, link in itertools.product(*(axes.get(key, []) for key in (
            "pattern", "workingSetMib", "ratio", "linkMibPerSecond"))):
        mib = guest.get("memoryMib", max(memory.get("timesWorkingSet", 1) * size, memory.get("leastMib", 256)))
        cells[f"{pattern}-ws{size:g}-r{ratio:g}-b{link:g}"] = {
            "workingSetMib": size, "ratio": ratio, "pattern": pattern, "bandwidthMibPerSecond": link, "memoryMib": mib,
            "phaseMs": guest.get("phaseOffMs", guest.get("phaseOnMs", 1000)),
            "deadlineSeconds": deadline_seconds(content.get("deadline"), mib / link),
            "downtimeHardMs": content.get("downtimeHardMs"), "downtimeSoftMs": content.get("downtimeSoftMs")}
    return cells
