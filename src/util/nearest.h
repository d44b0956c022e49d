/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nearest.h: the known name that a misspelt one was probably meant to be.
 */
#ifndef VMMI_UTIL_NEAREST_H
#define VMMI_UTIL_NEAREST_H

/* The closest of @names (ends with NULL), case apart; NULL when none is close enough to be worth
 * a question. Borrowed. */
const char *vmmiNearestName(const char *name, const char *const *names);

#endif
