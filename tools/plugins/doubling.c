/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doubling.c: the plugin of the policy `doubling`.
 */
#include "policies/policies.h"

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &vmmiPolicyDoubling);
}
