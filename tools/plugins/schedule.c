/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule.c: the plugin of the convergence schedule.
 */
#include "policies/policies.h"

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &vmmiPolicySchedule);
}
