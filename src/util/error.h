/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.h: raising errors inside the library: errno and the bridge from GLib. (The bridge from libvirt lives in
 * drivers/libvirt, the only room that knows libvirt.)
 */
#ifndef VMMI_UTIL_ERROR_H
#define VMMI_UTIL_ERROR_H

#include <glib.h>

#include <libvmmi/vmmi-error.h>

/* "FORMAT: strerror(number)", with "errno NAME" in the details. Returns -1. */
int vmmiErrorSetErrno(vmmiError **err, int code, int number, const char *format, ...)
    VMMI_PRINTF(4, 5);
/* Takes a GError (frees it): its message, with domain and code in the details. Returns -1. */
int vmmiErrorSetGError(vmmiError **err, int code, GError *error);

#endif
