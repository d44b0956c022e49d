/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadline.c: the plugin of the policy `deadline`.
 */
#include "policies/policies.h"

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &vmmiPolicyDeadline);
}
