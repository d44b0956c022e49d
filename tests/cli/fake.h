/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake.h: what the scripted migrations and the scripted records share.
 */
#ifndef VMMI_TEST_CLI_FAKE_H
#define VMMI_TEST_CLI_FAKE_H

#include <libvmmi/libvmmi.h>

#define FAKE_UUID "01234567-89ab-cdef-0123-456789abcdef"
#define FAKE_ID FAKE_UUID ".1"

struct vmmiOutcome {
    vmmiOutcomeKind kind;
    vmmiWhere where;
    vmmiError *error;
    vmmiSample *statistics;
    vmmiExitKind exit_kind;
    int exit_value;
    char *evidence, *diagnostics, *actions;     /* NULL: nothing */
};

#endif
