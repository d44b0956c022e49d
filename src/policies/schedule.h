/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule.h: a convergence schedule: initial actions, then actions that wait for a number of passes.
 */
#ifndef VMMI_POLICIES_SCHEDULE_H
#define VMMI_POLICIES_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include <libvmmi/vmmi-error.h>

typedef enum {
    VMMI_SCHEDULE_SET_DOWNTIME = 0, /* value: ms */
    VMMI_SCHEDULE_SET_BANDWIDTH,    /* value: MiB/s */
    VMMI_SCHEDULE_POSTCOPY,
    VMMI_SCHEDULE_SUSPEND,
    VMMI_SCHEDULE_ABORT
} vmmiScheduleKind;
#define VMMI_SCHEDULE_LAST (VMMI_SCHEDULE_ABORT + 1)

/* What of a schedule's action the configuration says: "setDowntime", and what its parameter is. */
typedef struct {
    const char *name;
    const char *unit; /* NULL: it takes no parameter */
    uint64_t minimum, maximum;
} vmmiScheduleWord;

extern const vmmiScheduleWord vmmiScheduleWords[VMMI_SCHEDULE_LAST];

typedef struct {
    vmmiScheduleKind kind;
    uint64_t value;
    int64_t limit; /* more passes than these must be over; -1: any new one will do */
} vmmiScheduleItem;

typedef struct {
    GArray *init;     /* of vmmiScheduleItem, all at once at the start */
    GArray *stalling; /* the same, one after the other */
} vmmiSchedule;

/* More of them make no sense. */
#define VMMI_SCHEDULE_MAX_INIT 32
#define VMMI_SCHEDULE_MAX_STALLING 1000
#define VMMI_SCHEDULE_MAX_LIMIT 1000000

void vmmiScheduleInit(vmmiSchedule *schedule);
void vmmiScheduleClear(vmmiSchedule *schedule);
/*
 * Reads either form, VDSM's (init, stalling) or that of oVirt's engine (initialItems,
 * convergenceItems, lastItems), out of a JSON text. @place: what its mistakes begin with, "schedule",
 * or "" when the lists stand by themselves. Returns 0, or -1 with VMMI_ERR_OPTION that names the
 * place.
 */
int vmmiScheduleRead(vmmiSchedule *schedule, const char *text, const char *place, vmmiError **err);

bool vmmiScheduleHas(const vmmiSchedule *schedule, vmmiScheduleKind kind);
/* Leaves out every action of a kind. */
void vmmiScheduleDrop(vmmiSchedule *schedule, vmmiScheduleKind kind);
bool vmmiScheduleIsEmpty(const vmmiSchedule *schedule);
/* "setDowntime 150 ms", "abort". Free with g_free(). */
char *vmmiScheduleItemToString(const vmmiScheduleItem *item);

/* --- presets --- */

/* One of oVirt's policies. */
typedef struct {
    const char *name;
    const char *schedule; /* as vmmiScheduleRead() takes it */
    bool auto_converge, compressed, zerocopy;
} vmmiSchedulePreset;

/* Names, ending with NULL. The first is taken when nothing is asked for. */
extern const char *const vmmiSchedulePresetNames[];
/* NULL: there is none of that name. */
const vmmiSchedulePreset *vmmiSchedulePresetFind(const char *name);

#endif
