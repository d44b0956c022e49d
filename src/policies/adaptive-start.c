/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive-start.c: the flags that a migration starts with. They cannot be changed later, so each
 * way out has to be open from the beginning.
 */
#include <string.h>

#include "policies/adaptive.h"

#define THROTTLE_INITIAL 30   /* percent; QEMU's own is 20 and 10 */
#define THROTTLE_INCREMENT 20

static bool
set_flag(vmmiPolicyStart *start, const char *flag, bool on)
{
    return vmmiPolicyStartSetFlag(start, flag, on) && on;
}

static void
note(vmmiAdaptiveStart *chosen, const char *text)
{
    g_strlcpy(chosen->note, text, sizeof(chosen->note));
}

/* Post-copy and parallel connections lose guests on QEMU before 10.1. */
static void
choose_postcopy(vmmiAdaptiveStart *chosen, vmmiPolicyStart *start)
{
    if (vmmiPolicyStartHasFlag(start, "parallel") &&
        !vmmiPolicyStartSetFlag(start, "parallel", false)) {
        note(chosen, "without post-copy, as parallel connections were asked for");
        return;
    }
    chosen->postcopy = set_flag(start, "postcopy", true);
    if (!chosen->postcopy)
        note(chosen, "without post-copy, as the configuration forbids it");
}

static void
choose_throttle(vmmiAdaptiveStart *chosen, vmmiPolicyStart *start)
{
    chosen->autoconverge = set_flag(start, "auto_converge", true);
    if (!chosen->autoconverge)
        return;
    vmmiPolicyStartSetUInt(start, "auto_converge.initial", THROTTLE_INITIAL);
    vmmiPolicyStartSetUInt(start, "auto_converge.increment", THROTTLE_INCREMENT);
}

static bool
mentions(const vmmiError *error, const char *first, const char *second)
{
    g_autofree char *text = g_ascii_strdown(vmmiErrorGetMessage(error), -1);

    return strstr(text, first) || strstr(text, second);
}

/* What the refusal names is dropped; when it names nothing of ours, all of it is. */
static void
drop_refused(vmmiAdaptiveStart *chosen, vmmiPolicyStart *start, const vmmiError *refusal)
{
    bool postcopy = chosen->postcopy && (mentions(refusal, "post-copy", "postcopy") ||
                                         mentions(refusal, "userfault", "huge"));
    bool throttle = chosen->autoconverge && mentions(refusal, "auto-converge", "auto_converge");
    bool compress = chosen->compress && mentions(refusal, "compress", "xbzrle");
    bool all = !postcopy && !throttle && !compress;

    if (postcopy || all)
        chosen->postcopy = set_flag(start, "postcopy", false);
    if (throttle || all)
        chosen->autoconverge = set_flag(start, "auto_converge", false);
    if (compress || all)
        chosen->compress = set_flag(start, "compressed", false);
    g_snprintf(chosen->note, sizeof(chosen->note), "without %s, as the start was refused: %.200s",
               all        ? "what was permitted"
               : postcopy ? "post-copy"
               : throttle ? "auto-converge"
                          : "compression",
               vmmiErrorGetMessage(refusal));
}

int
vmmiAdaptivePrepare(vmmiAdaptiveStart *chosen, const vmmiAdaptiveGoals *goals,
                    vmmiPolicyStart *start, const vmmiError *refusal)
{
    chosen->prepared = true;
    if (refusal) {
        bool had = chosen->postcopy;

        drop_refused(chosen, start, refusal);
        if (had && !chosen->postcopy && (goals->permit & VMMI_ADAPTIVE_AUTOCONVERGE) &&
            !mentions(refusal, "auto-converge", "auto_converge"))
            choose_throttle(chosen, start);
        return 0;
    }
    if (goals->permit & VMMI_ADAPTIVE_POSTCOPY)
        choose_postcopy(chosen, start);
    else
        chosen->postcopy = false;
    if ((goals->permit & VMMI_ADAPTIVE_AUTOCONVERGE) && !chosen->postcopy)
        choose_throttle(chosen, start);
    if (goals->permit & VMMI_ADAPTIVE_COMPRESS)
        chosen->compress = set_flag(start, "compressed", true);
    return 0;
}
