# SPDX-License-Identifier: LGPL-2.1-or-later
"""plan.py: what is to be run: policies, cells, and their order.

A cell is a guest and a link. A block is one cell with one seed, run once under each policy; inside a block all guests
have the same seed, so the runs of a block are pairs. The blocks of one repetition come in random order, so do the policies
of a block; both follow from the plan's seed alone, so a plan that is resumed has the order that it began with.
"""
import hashlib
import json
import math
import random
import re

GROUPS = ("gentle", "throttle", "suspend", "postcopy")
PATTERNS = ("uniform", "cyclic", "phased", "zipf")
CELL_KEYS = {
    # name: (type, low, high, default); a default of None must be given
    "workingSetMib": (int, 0, 2000, None),
    "ratio": (float, 0, 20, None),
    "linkMibPerSecond": (float, 1, 2000, None),
    "memoryMib": (int, 16, 3000, 192),
    "phaseMs": (int, 50, 60000, 1000),
    "deadlineSeconds": (float, 1, 3600, 30),
    "downtimeSoftMs": (int, 1, 60000, 300),
    "downtimeHardMs": (int, 1, 600000, 2000),
}
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,39}")


class PlanError(Exception):
    """A file of the plan says something impossible: which file, where, and what."""


def read_json(path):
    def no_twins(pairs):
        seen = dict(pairs)
        if len(seen) != len(pairs):
            raise PlanError(f"{path}: a key stands twice in one object")
        return seen
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file, object_pairs_hook=no_twins)
    except (OSError, ValueError) as error:
        raise PlanError(f"{path}: {error}") from error


def check_keys(where, found, allowed):
    for key in found:
        if key not in allowed:
            raise PlanError(f"{where}: there is no key '{key}'; it may have {', '.join(sorted(allowed))}")


def check_label(where, label):
    if not isinstance(label, str) or not LABEL.fullmatch(label):
        raise PlanError(f"{where}: {label!r} is no name (letters, digits, '_', '.', '+', '-', at most 40)")
    return label


class Policy:
    """One entry of the policies file."""

    KEYS = {"label", "group", "plugin", "policy", "migration", "timeScale", "comment"}

    def __init__(self, entry, where):
        check_keys(where, entry, self.KEYS)
        self.label = check_label(f"{where}, label", entry.get("label"))
        where = f"{where}, policy '{self.label}'"
        self.group = entry.get("group")
        if self.group not in GROUPS:
            raise PlanError(f"{where}: group is one of {', '.join(GROUPS)}: {self.group!r}")
        self.plugin = entry.get("plugin")
        if not isinstance(self.plugin, str) or "/" in self.plugin or not self.plugin:
            raise PlanError(f"{where}: plugin is a plugin's name: {self.plugin!r}")
        self.policy, self.migration = entry.get("policy", {}), entry.get("migration", {})
        if not isinstance(self.policy, dict) or not isinstance(self.migration, dict):
            raise PlanError(f"{where}: policy and migration are objects")
        self.time_scale = entry.get("timeScale", 1)

    def configuration(self, cell):
        """The whole configuration message for a cell."""
        content = {"policy": fill_in(self.policy, cell)}
        if self.migration:
            content["migration"] = self.migration
        return {"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": content}


def fill_in(value, cell):
    """A value with "@deadlineSeconds" and its like replaced by the cell's figures."""
    if isinstance(value, dict):
        return {key: fill_in(each, cell) for key, each in value.items()}
    if isinstance(value, list):
        return [fill_in(each, cell) for each in value]
    if isinstance(value, str) and value.startswith("@"):
        if value[1:] not in ("deadlineSeconds", "downtimeHardMs", "downtimeSoftMs"):
            raise PlanError(f"a cell has no figure '{value}'")
        return math.ceil(cell[value[1:]])
    return value


def read_policies(path):
    content = read_json(path)
    if not isinstance(content, dict) or content.get("vmmiPolicies") != 1:
        raise PlanError(f"{path}: this is no policies file: it must begin with \"vmmiPolicies\": 1")
    policies = [Policy(entry, f"{path}, entry {i + 1}") for i, entry in enumerate(content.get("policies", []))]
    labels = [policy.label for policy in policies]
    for label in labels:
        if labels.count(label) > 1:
            raise PlanError(f"{path}: the label '{label}' stands twice")
    return {policy.label: policy for policy in policies}


def number(where, key, value):
    kind, low, high, _ = CELL_KEYS[key]
    if isinstance(value, bool) or not isinstance(value, (int, kind)) or not low <= value <= high:
        raise PlanError(f"{where}: '{key}' is {low} to {high}: {value!r}")
    return value


def cell_name(cell):
    return (f"ws{cell['workingSetMib']}-r{cell['ratio']:g}-{cell['pattern']}"
            f"-{cell['linkMibPerSecond']:g}")


def make_cell(entry, base, where):
    """One cell with all its figures; those that it lacks are those of the base, or the defaults."""
    entry = {**base, **entry}
    check_keys(where, entry, {*CELL_KEYS, "pattern", "cell", "comment"})
    cell = {}
    for key, (_, _, _, default) in CELL_KEYS.items():
        if entry.get(key, default) is None:
            raise PlanError(f"{where}: it lacks '{key}'")
        cell[key] = number(where, key, entry.get(key, default))
    cell["pattern"] = entry.get("pattern", "uniform")
    if cell["pattern"] not in PATTERNS:
        raise PlanError(f"{where}: pattern is one of {', '.join(PATTERNS)}: {cell['pattern']!r}")
    if cell["memoryMib"] < cell["workingSetMib"] + 5:
        raise PlanError(f"{where}: a working set of {cell['workingSetMib']} MiB needs "
                        f"{cell['workingSetMib'] + 5} MiB of memory")
    cell["cell"] = check_label(f"{where}, cell", entry.get("cell", cell_name(cell)))
    return cell


class Plan:
    """What a results directory is about. Kept there as plan.json, so that it can be resumed."""

    def __init__(self, cells, policies, repetitions, seed, cap_seconds):
        self.cells, self.policies = cells, policies
        self.repetitions, self.seed, self.cap_seconds = repetitions, seed, cap_seconds

    def blocks(self):
        """(number, cell, seed, policies in order) of each block, in order."""
        count = 0
        for repetition in range(self.repetitions):
            dice = random.Random(f"{self.seed} {repetition}")
            for cell in dice.sample(self.cells, len(self.cells)):
                yield count, cell, self.guest_seed(cell, repetition), dice.sample(self.policies, len(self.policies))
                count += 1

    def guest_seed(self, cell, repetition):
        """Of the guests of a block: 1 to 999,999."""
        digest = hashlib.sha256(f"{self.seed} {cell['cell']} {repetition}".encode()).digest()
        return 1 + int.from_bytes(digest[:4], "big") % 999999

    def count(self):
        return self.repetitions * len(self.cells) * len(self.policies)


def read_plan(cells_path, policies_path, seed, repetitions=None, only=None):
    """@only: labels instead of those that the cells file names."""
    content = read_json(cells_path)
    if not isinstance(content, dict) or content.get("vmmiCells") != 1:
        raise PlanError(f"{cells_path}: this is no cells file: it must begin with \"vmmiCells\": 1")
    check_keys(cells_path, content, {"vmmiCells", "base", "cells", "policies", "repetitions", "capSeconds", "comment"})
    known = read_policies(policies_path)
    cells = [make_cell(entry, content.get("base", {}), f"{cells_path}, cell {i + 1}")
             for i, entry in enumerate(content.get("cells", []))]
    names = [cell["cell"] for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise PlanError(f"{cells_path}: the cell '{name}' stands twice")
    labels = only or content.get("policies", list(known))
    for label in labels:
        if label not in known:
            raise PlanError(f"{policies_path} has no policy '{label}'; it has {', '.join(known)}")
    repetitions = repetitions or content.get("repetitions", 1)
    if not cells or not labels:
        raise PlanError(f"{cells_path}: nothing to run: it needs cells and policies")
    return Plan(cells, [known[label] for label in labels], repetitions, seed, content.get("capSeconds", 60))
