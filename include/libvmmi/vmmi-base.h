/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-base.h: what every public header needs: visibility, C++ and versions.
 *
 * Public headers are plain C99 and C++: no GLib, libvirt or jansson type stands in them.
 */
#ifndef VMMI_BASE_H
#define VMMI_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
# define VMMI_BEGIN_DECLS extern "C" {
# define VMMI_END_DECLS }
#else
# define VMMI_BEGIN_DECLS
# define VMMI_END_DECLS
#endif

#if defined(__GNUC__)
# define VMMI_PUBLIC __attribute__((visibility("default")))
# define VMMI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
# define VMMI_MUST_USE __attribute__((warn_unused_result))
#else
# define VMMI_PUBLIC
# define VMMI_PRINTF(fmt, args)
# define VMMI_MUST_USE
#endif

/* The version of these headers. vmmiVersionGet() tells the version of the library that runs. */
#define VMMI_VERSION_MAJOR 0
#define VMMI_VERSION_MINOR 1
#define VMMI_VERSION_MICRO 0

/* The version of the VMMI protocol that the library speaks (rule M1). */
#define VMMI_PROTOCOL_VERSION "0.4.1"

/* A UUID in text, with its final NUL. */
#define VMMI_UUID_STRING_SIZE 37

VMMI_BEGIN_DECLS

/**
 * vmmiVersionGet:
 * @major: (out) (optional): major number
 * @minor: (out) (optional): minor number
 * @micro: (out) (optional): micro number
 *
 * The version of the library that runs, as opposed to that of the headers. Any thread.
 *
 * Returns: the version as text, static.
 * Since: 0.1
 */
VMMI_PUBLIC const char *vmmiVersionGet(unsigned int *major, unsigned int *minor,
                                       unsigned int *micro);

/**
 * vmmiFree:
 * @memory: (nullable): a string or buffer that a call of this library gave to the caller
 *
 * Frees what the library allocated. Any thread.
 * Since: 0.1
 */
VMMI_PUBLIC void vmmiFree(void *memory);

VMMI_END_DECLS

#endif
