/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-policies.h: policies for tests of the kit, each for one thing.
 */
#ifndef FAKE_POLICIES_H
#define FAKE_POLICIES_H

#include <libvmmi/vmmi-policy.h>

/* NULL: there is none of that name. */
const vmmiPolicy *fakePolicyFind(const char *name);

#endif
