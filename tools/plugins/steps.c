/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * steps.c: the plugin of the policy `steps`.
 */
#include "policies/policies.h"

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &vmmiPolicySteps);
}
