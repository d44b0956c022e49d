/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-order.h: what `PLUGIN --vmmi-simulate` reads, and the line that it writes for each run
 * (vmmi-sim(7)).
 */
#ifndef VMMI_KIT_SIMULATE_ORDER_H
#define VMMI_KIT_SIMULATE_ORDER_H

#include "kit/mode.h"
#include "kit/simulate.h"

#define VMMI_SIMULATE_MAX_CELLS 4096
#define VMMI_SIMULATE_MAX_RUNS 100000
#define VMMI_SIMULATE_NAME_SIZE 128

/* One situation in which policies are tried. */
typedef struct {
    char name[VMMI_SIMULATE_NAME_SIZE];
    vmmiSimWorld *world;
    size_t guest, destination;
    double deadline_s; /* 0: none */
    uint64_t hard_ms;  /* of silence around the switchover, 0: any */
    uint64_t soft_ms;  /* 0: none */
    double limit_s;
    double spread;
} vmmiSimulateCell;

/* Reads a cell, an object at @place. Codes: VMMI_ERR_CONFIGURATION_FAILED. Returns 0 or -1. */
int vmmiSimulateCellRead(const json_t *from, const char *place, vmmiSimulateCell *cell,
                         vmmiError **err);
void vmmiSimulateCellClear(vmmiSimulateCell *cell);
/* What the cell is: memory, working set, pattern, bandwidth, ratio, limits. A new reference. */
json_t *vmmiSimulateCellFacts(const vmmiSimulateCell *cell);
/*
 * The options of a policy in a cell: "@deadlineSeconds", "@downtimeHardMs" and "@downtimeSoftMs"
 * become the cell's figures: numbers as values of options, digits in quotes deeper inside. @policy:
 * NULL or an object. Returns a new reference, or NULL.
 */
json_t *vmmiSimulateCellOptions(const vmmiSimulateCell *cell, const json_t *policy,
                                vmmiError **err);

/* Whether a run met its cell's goals: completed, in time, and not silent beyond the hard limit by
 * more than 20 % and 50 ms. */
bool vmmiSimulateIsMet(const vmmiSimulateCell *cell, const vmmiSimulateResult *result);
/* 20 a second of silence, 1 a second of time, 5 a second of work lost while the guest ran, 600 when
 * the goals were not met. */
double vmmiSimulateScore(const vmmiSimulateCell *cell, const vmmiSimulateResult *result);
/* The figures of a run as an object, without the names. A new reference. */
json_t *vmmiSimulateFigures(const vmmiSimulateCell *cell, const vmmiSimulateResult *result);

/* The mode: an order from standard input, a line a run. */
int vmmiSimulateMode(const vmmiKitModeCall *call, vmmiError **err);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiSimulateCell, vmmiSimulateCellClear)

#endif
