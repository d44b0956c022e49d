/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start-flags.h: flags that a policy wants at the start, and what it does without when the start
 * was refused because of one.
 */
#ifndef VMMI_POLICIES_START_FLAGS_H
#define VMMI_POLICIES_START_FLAGS_H

#include <libvmmi/vmmi-policy.h>

/*
 * Asks for a flag ("postcopy"), unless @refusal (nullable) speaks of it: then it is taken back.
 * What the user fixed stays. Returns: whether the flag is on.
 */
bool vmmiStartFlagsWant(vmmiPolicyStart *start, const char *flag, const vmmiError *refusal);
/* Whether a refusal speaks of a flag, however it is spelt: "post-copy", "Postcopy", "post_copy". */
bool vmmiStartFlagsRefused(const vmmiError *refusal, const char *flag);

#endif
