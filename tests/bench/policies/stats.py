# SPDX-License-Identifier: LGPL-2.1-or-later
"""stats.py: medians, quartiles, the score, and pooled log-ratios with their confidence. Pure functions."""
import math
import random

# Weights of the score, in points a second; a failure costs as much as ten minutes.
W_SILENCE, W_TOTAL, W_LOST, W_FAILED = 20, 1, 5, 600
RESAMPLES, LEAST_RESAMPLES, DRAWS = 2000, 200, 300000
FLOOR_MS = {"totalMs": 1, "silenceMs": 10, "workLostMs": 100}


def quantile(values, share):
    """Of a list that need not be sorted; between two values it is interpolated."""
    ordered = sorted(values)
    if not ordered:
        return None
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def median(values):
    return quantile(values, 0.5)


def quartiles(values):
    return quantile(values, 0.25), quantile(values, 0.75)


def allowed_silence(hard_ms):
    return hard_ms + max(0.2 * hard_ms, 50)


def is_met(line):
    """Whether a run completed within its cell's deadline and hard limit. `vmmi simulate` says it itself."""
    if "met" in line:
        return bool(line["met"])
    if line["outcome"] != "completed" or not line.get("verified", True) or not line.get("oneHost", True):
        return False
    deadline, hard = line.get("deadlineSeconds"), line.get("downtimeHardMs")
    if deadline and line["totalMs"] > deadline * 1000:
        return False
    return not hard or line["silenceMs"] <= allowed_silence(hard)


def score(line):
    """J, in points: less is better."""
    slowed = max(0, (line.get("workLostMs") or 0) - (line.get("standstillMs") or 0))
    return (W_SILENCE * line["silenceMs"] + W_TOTAL * line["totalMs"] + W_LOST * slowed) / 1000 + \
        (0 if is_met(line) else W_FAILED)


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values)) if values else None


def pooled_score(lines):
    """Geometric mean of J in which every cell weighs the same, however often it was run."""
    cells = {}
    for line in lines:
        cells.setdefault(line["cell"], []).append(max(score(line), 1e-3))
    return geometric_mean([geometric_mean(each) for each in cells.values()])


def best_of_each(lines):
    """The pooled score of somebody who knew the best policy for each cell beforehand."""
    cells = {}
    for line in lines:
        cells.setdefault(line["cell"], {}).setdefault(line["label"], []).append(max(score(line), 1e-3))
    return geometric_mean([min(geometric_mean(each) for each in labels.values()) for labels in cells.values()])


def pairs(reference, other):
    """Runs of two policies that belong together: same cell, same seed."""
    known = {(line["cell"], line["seed"]): line for line in reference}
    return [(known[line["cell"], line["seed"]], line) for line in other if (line["cell"], line["seed"]) in known]


def log_ratios(paired, key):
    """{cell: [log(other / reference)]}; above 0 the reference is better. Times of runs that did not do it are left out."""
    found = {}
    for reference, other in paired:
        if key == "score":
            values = [max(score(line), 1e-3) for line in (reference, other)]
        elif is_met(reference) and is_met(other):
            values = [max(line.get(key) or 0, FLOOR_MS[key]) for line in (reference, other)]
        else:
            continue
        found.setdefault(reference["cell"], []).append(math.log(values[1] / values[0]))
    return found


def mean_of_means(cells):
    """The mean in which every cell weighs the same."""
    return sum(sum(values) / len(values) for values in cells) / len(cells)


def bootstrap(cells, seed=1):
    """Mean of log-ratios pooled over cells, and its 95 % interval. Drawn again are cells, and in each the pairs: so it
    also says how much hangs on which cells were chosen."""
    if not cells:
        return None
    values = [cells[name] for name in sorted(cells)]
    dice = random.Random(seed)
    resamples = min(RESAMPLES, max(LEAST_RESAMPLES, DRAWS // sum(map(len, cells.values()))))
    drawn = sorted(mean_of_means([dice.choices(each, k=len(each)) for each in dice.choices(values, k=len(values))])
                   for _ in range(resamples))
    return mean_of_means(values), quantile(drawn, 0.025), quantile(drawn, 0.975)


def as_percent(log_ratio):
    """0.0953 -> +10 %."""
    return 100 * (math.exp(log_ratio) - 1)
