/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * touri.c: the plugin of the policy that decides nothing.
 */
#include "policies/policies.h"

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &vmmiPolicyTouri);
}
