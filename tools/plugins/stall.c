/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stall.c: the plugin of the policy `stall`.
 */
#include "policies/policies.h"

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &vmmiPolicyStall);
}
