/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interpose.h: the two halves of the interposer: what happens (interpose.c), and to which calls
 * (interpose-calls.c).
 */
#ifndef VMMI_TEST_INTERPOSE_H
#define VMMI_TEST_INTERPOSE_H

#include <stdbool.h>

/*
 * A call is about to be made. Returns 0, or the errno that it is to fail with. @short_one is set
 * when one byte is enough.
 */
int interpose(const char *function, bool *short_one);
bool interpose_is_stream(int fd);

#endif
