/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-presets.c: oVirt's policies as data: the schedules that its engine sends, and the start
 * flags that go with each.
 */
#include "policies/schedule.h"

#define DOWNTIME(ms) "{\"action\":\"setDowntime\",\"params\":[\"" #ms "\"]}"
#define AT(limit, action) "{\"stallingLimit\":" #limit ",\"convergenceItem\":" action "}"
#define ABORT "{\"action\":\"abort\",\"params\":[]}"
#define POSTCOPY "{\"action\":\"postcopy\",\"params\":[]}"
#define ITEMS(initial, convergence, last)                                                          \
    "{\"initialItems\":[" initial "],\"convergenceItems\":[" convergence "],\"lastItems\":[" last  \
    "]}"

/* What the first policies have in common. */
#define TO_200 AT(1, DOWNTIME(150)) "," AT(2, DOWNTIME(200))
#define TO_500 TO_200 "," AT(3, DOWNTIME(300)) "," AT(4, DOWNTIME(400)) "," AT(6, DOWNTIME(500))
/* For the largest guests. */
#define TO_1500                                                                                    \
    AT(1, DOWNTIME(400))                                                                           \
    "," AT(2, DOWNTIME(500)) "," AT(3, DOWNTIME(700)) "," AT(4, DOWNTIME(1000)) "," AT(            \
        6, DOWNTIME(1500))
/* What VDSM makes up when it is sent none: four steps that grow exponentially up to 500 ms, and the
 * last one again before it gives up. */
#define MADE_UP                                                                                    \
    AT(1, DOWNTIME(104))                                                                           \
    "," AT(2, DOWNTIME(120)) "," AT(3, DOWNTIME(189)) "," AT(4, DOWNTIME(500)) "," AT(             \
        42, DOWNTIME(500))

static const vmmiSchedulePreset presets[] = {
    { .name = "ovirt-minimal-downtime",
      .schedule = ITEMS(DOWNTIME(100), TO_500, ABORT),
      .auto_converge = true },
    { .name = "ovirt-suspend",
      .schedule = ITEMS(DOWNTIME(100), TO_500, DOWNTIME(5000) "," ABORT),
      .auto_converge = true,
      .compressed = true },
    { .name = "ovirt-post-copy",
      .schedule = ITEMS(DOWNTIME(100), TO_200, POSTCOPY "," ABORT),
      .auto_converge = true },
    { .name = "ovirt-very-large",
      .schedule = ITEMS(DOWNTIME(300), TO_1500, DOWNTIME(5000) "," ABORT),
      .auto_converge = true,
      .zerocopy = true },
    /* Auto-converge and compression were the guest's own settings. */
    { .name = "ovirt-legacy", .schedule = ITEMS(DOWNTIME(101), MADE_UP, ABORT) },
};

const char *const vmmiSchedulePresetNames[] = {
    "ovirt-minimal-downtime", "ovirt-suspend", "ovirt-post-copy",
    "ovirt-very-large",       "ovirt-legacy",  NULL,
};
G_STATIC_ASSERT(G_N_ELEMENTS(vmmiSchedulePresetNames) == G_N_ELEMENTS(presets) + 1);

const vmmiSchedulePreset *
vmmiSchedulePresetFind(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        if (g_strcmp0(presets[i].name, name) == 0)
            return &presets[i];
    }
    return NULL;
}
