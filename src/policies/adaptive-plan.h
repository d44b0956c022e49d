/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive-plan.h: what pre-copy would come to from here, and which limit it would take.
 */
#ifndef VMMI_POLICIES_ADAPTIVE_PLAN_H
#define VMMI_POLICIES_ADAPTIVE_PLAN_H

#include "policies/adaptive.h"

/* What a switch costs beyond sending what is left: the state of the devices, and starting again
 * over there. */
#define VMMI_ADAPTIVE_FIXED_S 0.060

typedef struct {
    double set, left;    /* bytes */
    double drain, wire;  /* bytes per second */
    double unit;         /* seconds that sending the whole set takes */
    double cap_s, cap;   /* the longest limit that may be given, and the share that it allows */
    double dirty;        /* share, when the last pass had ended */
    double ratio;        /* of the last passes; NAN: not known */
    double wanted;       /* share to be granted; may be above .cap */
    double needed_s;     /* seconds of pause that would do, as far as is known */
    double cost;         /* of going on with pre-copy; INFINITY: does not end */
    double slack_s;      /* until the deadline; INFINITY: there is none */
    double later;        /* bytes that will be left when the pass that runs has ended */
    bool converges;      /* by itself */
    bool lulls;          /* the guest has been seen to write much less for a while */
    bool watching;       /* a longer pause is not granted yet */
    bool last_throttle;  /* the next step of auto-converge would be too much */
    char words[VMMI_ADAPTIVE_TEXT];
} vmmiAdaptivePlan;

void vmmiAdaptivePlanMake(vmmiAdaptivePlan *plan, const vmmiAdaptiveGoals *goals,
                          const vmmiAdaptiveEstimate *estimate, vmmiAdaptiveControl *control,
                          bool boundary);

#endif
