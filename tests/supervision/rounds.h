/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rounds.h: how often the rows of docs/reliability.md are repeated, and where their chance comes
 * from.
 *
 * A short run fits into every test run; with VMMI_SOAK=1 in the environment the counts are those of
 * the table. Random numbers come from GLib's test seed, which is printed at the start and taken
 * back with --seed.
 */
#ifndef VMMI_TEST_SUPERVISION_ROUNDS_H
#define VMMI_TEST_SUPERVISION_ROUNDS_H

#include <stdbool.h>

#ifdef __SANITIZE_ADDRESS__
#define UNDER_SANITIZERS true
#else
#define UNDER_SANITIZERS false
#endif

/* Whether VMMI_SOAK is set to anything but "" and "0". */
bool is_soak(void);
/* @soak in a soak run; else @usual, and a fourth of that where sanitizers make each round dear. */
unsigned int rounds(unsigned int usual, unsigned int soak);
/*
 * A delay up to @max_us; half of them are shorter than a fourth of it, since that is where things
 * happen.
 */
unsigned int early_us(unsigned int max_us);

#endif
