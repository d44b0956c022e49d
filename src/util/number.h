/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * number.h: reading a whole number from a text that somebody else wrote.
 */
#ifndef VMMI_UTIL_NUMBER_H
#define VMMI_UTIL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads decimal digits and nothing else: no sign, no space. Returns whether @text is a number from
 * @minimum to @maximum; @value is written only then. @maximum must be below UINT64_MAX.
 */
bool vmmiNumberParse(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *value);

#endif
