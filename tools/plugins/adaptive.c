/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive.c: the plugin of the policy that reaches goals with the least harm.
 */
#include "policies/policies.h"

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &vmmiPolicyAdaptive);
}
