/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-error.h: how libvmmi says what went wrong.
 *
 * A call that can fail takes `vmmiError **err` last. NULL means: not interested. Otherwise *err must be NULL on
 * entry. Failure sets it exactly once; success leaves it alone. The caller frees it with vmmiErrorFree().
 *
 * Codes are one space of numbers with the `code` of a completion (protocol.md, section A and rule B16):
 * 0 to 99 are the protocol's, 100 to 999 the library's, 1000 and above belong to a plugin. A code never
 * changes its meaning.
 */
#ifndef VMMI_ERROR_H
#define VMMI_ERROR_H

#include <libvmmi/vmmi-base.h>

VMMI_BEGIN_DECLS

typedef struct vmmiError vmmiError;

typedef enum {
    VMMI_ERR_OK = 0,
    VMMI_ERR_UNKNOWN = 1,
    VMMI_ERR_OPERATION_FAILED = 2,
    VMMI_ERR_BAD_PATH = 3,                /* a file that cannot be used, with its path */
    VMMI_ERR_CONFIGURATION_FAILED = 4,    /* a configuration that could not be had or applied */
    VMMI_ERR_MALFORMED_PARAMETERS = 5,    /* wrong arguments of a plugin */
    VMMI_ERR_MALFORMED_CONFIGURATION = 6, /* a configuration with a mistake in it */
    VMMI_ERR_MISSING_PARAMETERS = 7,      /* too few arguments of a plugin */
    VMMI_ERR_MIGRATION_FAILED = 8,
    VMMI_ERR_MIGRATION_ABORTED = 9,
    VMMI_ERR_GUEST_UNKNOWN = 10,
    VMMI_ERR_GUEST_DISAPPEARED = 11,
    VMMI_ERR_DISCONNECTED = 12,           /* libvirt was lost (L4, B14) */
    VMMI_ERR_RELEASED = 13,               /* the migration goes on without its policy (B8) */
    VMMI_ERR_GUEST_BUSY = 14,             /* the guest has a policy or a migration already (B13) */
    VMMI_ERR_NOT_SUPPORTED = 15,
    VMMI_ERR_DEADLINE = 16,               /* the migration's own deadline passed */
    VMMI_ERR_POSTCOPY_BROKEN = 17,        /* the guest is paused and can be recovered */
    VMMI_ERR_PROTOCOL_VERSION = 18,

    VMMI_ERR_INTERNAL = 100,              /* a mistake of libvmmi: please report it */
    VMMI_ERR_INVALID_ARGUMENT = 101,      /* a call was used wrongly */
    VMMI_ERR_SYSTEM = 102,                /* a system call failed */
    VMMI_ERR_DECLINED = 103,              /* a driver says that a URI is not its own */
    VMMI_ERR_DRIVER = 104,                /* a driver's table is broken, or no driver takes the URI */
    VMMI_ERR_URI = 105,                   /* a URI that cannot be understood */
    VMMI_ERR_CONNECT = 106,               /* a host that cannot be reached */
    VMMI_ERR_AUTH = 107,                  /* credentials missing, refused or not kept safely */
    VMMI_ERR_MESSAGE = 108,               /* a message that is not VMMI, or not JSON */
    VMMI_ERR_PLUGIN_UNKNOWN = 109,        /* no plugin of that name */
    VMMI_ERR_PLUGIN_REFUSED = 110,        /* a file that may not be run as a plugin (B18) */
    VMMI_ERR_PLUGIN_LAUNCH = 111,         /* a plugin that could not be started */
    VMMI_ERR_PLUGIN_PROTOCOL = 112,       /* a plugin that broke the protocol: no completion, a contradiction (B9) */
    VMMI_ERR_PLUGIN_CRASHED = 113,        /* a plugin that was killed by a signal, or vanished unseen */
    VMMI_ERR_TIMEOUT = 114,               /* a call was not answered in time */
    VMMI_ERR_MIGRATION_UNKNOWN = 115,     /* no migration of that id */
    VMMI_ERR_RUN_DIR = 116,               /* the run directory cannot be used */
    VMMI_ERR_STATE = 117,                 /* not possible in the state that the object is in */
    VMMI_ERR_FORKED = 118,                /* a handle was used after fork */
    VMMI_ERR_OPTION = 119,                /* an option of a policy that is unknown or out of range */
    VMMI_ERR_NOT_READY = 120,             /* a plugin that cannot answer yet (B7) */
    VMMI_ERR_OUTCOME_UNKNOWN = 121        /* nobody can say how the migration ended (B15) */
} vmmiErrorCode;

/**
 * vmmiErrorSet:
 * @err: (out) (optional): where to put the error; must hold NULL
 * @code: a vmmiErrorCode, or 1000 and above
 * @format: printf format of the message: object, place, value, limit
 *
 * Raises an error. Meant for drivers and policies that an application brings. Any thread.
 *
 * Returns: always -1, so that raising is one line.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiErrorSet(vmmiError **err, int code, const char *format, ...) VMMI_PRINTF(3, 4);

/**
 * vmmiErrorPrefix:
 * @err: (inout) (optional): an error that was raised, or NULL
 * @format: printf format of what is put in front, ": " is added
 *
 * Says in which place an error happened, on its way up. Any thread.
 *
 * Returns: always -1.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiErrorPrefix(vmmiError **err, const char *format, ...) VMMI_PRINTF(2, 3);

/**
 * vmmiErrorSetDetails:
 * @err: (inout) (optional): an error that was raised, or NULL
 * @format: printf format of the details: longer, for a person
 *
 * Replaces the details of an error. Any thread.
 * Since: 0.1
 */
VMMI_PUBLIC void vmmiErrorSetDetails(vmmiError **err, const char *format, ...) VMMI_PRINTF(2, 3);

/**
 * vmmiErrorSetOrigin:
 * @err: (inout) (optional): an error that was raised, or NULL
 * @origin: who raised it: "vmmi" (the default), "libvirt", "glib", "plugin", or a driver's name
 *
 * Any thread.
 * Since: 0.1
 */
VMMI_PUBLIC void vmmiErrorSetOrigin(vmmiError **err, const char *origin);

/** Moves @src (owned) to @dst if the caller wants it, else frees it. Returns: always -1. Since: 0.1 */
VMMI_PUBLIC int vmmiErrorPropagate(vmmiError **dst, vmmiError *src);
/** A deep copy, to be freed; NULL gives NULL. Since: 0.1 */
VMMI_PUBLIC vmmiError *vmmiErrorCopy(const vmmiError *error);
/** Frees; NULL is fine. Since: 0.1 */
VMMI_PUBLIC void vmmiErrorFree(vmmiError *error);
/** Frees *err and sets it to NULL; NULL is fine. Since: 0.1 */
VMMI_PUBLIC void vmmiErrorClear(vmmiError **err);

/** The code; VMMI_ERR_OK for NULL. Since: 0.1 */
VMMI_PUBLIC int vmmiErrorGetCode(const vmmiError *error);
/** The message, one sentence, borrowed; "" for NULL. Since: 0.1 */
VMMI_PUBLIC const char *vmmiErrorGetMessage(const vmmiError *error);
/** The details, borrowed, "" when there are none. Since: 0.1 */
VMMI_PUBLIC const char *vmmiErrorGetDetails(const vmmiError *error);
/** Who raised it, borrowed. Since: 0.1 */
VMMI_PUBLIC const char *vmmiErrorGetOrigin(const vmmiError *error);
/** A code's name in lower case with hyphens ("guest-unknown"), static; "plugin" from 1000 on. Since: 0.1 */
VMMI_PUBLIC const char *vmmiErrorCodeToString(int code);

VMMI_END_DECLS

#endif
