/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spawn.h: starting other programs cleanly: their environment, and a bounded run whose output is
 * wanted.
 *
 * Long-lived plugins are started by plugin/ through the shim; what they share with a short run is
 * the environment.
 */
#ifndef VMMI_UTIL_SPAWN_H
#define VMMI_UTIL_SPAWN_H

#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include <libvmmi/vmmi-error.h>
#include <libvmmi/vmmi-state.h>

/*
 * The environment of a plugin: an allow-list, never the caller's own. PATH is fixed; HOME, USER,
 * LOGNAME, LANG, LC_*, TZ and XDG_RUNTIME_DIR are taken over; with a URI that reaches another host
 * also SSH_AUTH_SOCK, KRB5CCNAME and XDG_CONFIG_HOME. A process that gained privileges takes
 * nothing over. @extra, "NAME=VALUE" ending with NULL, is set last and wins.
 * @uri and @extra may be NULL. Sorted by name. Free with g_strfreev().
 */
char **vmmiSpawnEnvironment(const char *uri, const char *const *extra);

/* Whether this process gained privileges when it was started: then nothing in its environment
 * may be trusted. */
bool vmmiSpawnIsPrivileged(void);

/* What one sentence says about a failed exec of @path with errno @number: a script's missing
 * interpreter is named. */
char *vmmiSpawnExplainExec(const char *path, int number);

/* A session of its own, every signal at its default (also the C library's own two), none
 * blocked. Returns 0 or an errno. */
int vmmiSpawnSetAttributes(posix_spawnattr_t *attributes);

typedef struct {
    const char *path;                /* absolute */
    const char *const *arguments;    /* argv[0] included, ends with NULL */
    const char *const *environment;  /* ends with NULL: all that the child gets */
    unsigned int timeout_ms;
    size_t max_output;               /* bytes of standard output; more is a failure */
} vmmiSpawnRequest;

typedef struct {
    char *output;          /* ends with a NUL that is not counted */
    size_t output_length;
    char *diagnostics;     /* the first bytes of standard error as printable UTF-8, for messages */
    vmmiExitKind kind;     /* VMMI_EXIT_UNKNOWN when somebody else reaped the child */
    int value;             /* exit status or signal */
} vmmiSpawnResult;

/*
 * Runs a program to its end: standard input is /dev/null, output is kept, standard error is kept in
 * part; session and process group of its own, default signals, empty mask, no other descriptors,
 * working directory "/". Whatever happens, the child and its process group are gone afterwards and
 * the child is reaped; nobody else's child is waited for. Fails with VMMI_ERR_PLUGIN_LAUNCH (it did
 * not start), VMMI_ERR_TIMEOUT, VMMI_ERR_PLUGIN_PROTOCOL (it wrote too much), VMMI_ERR_SYSTEM.
 * Returns 0 or -1; @result is untouched on failure, else freed with vmmiSpawnResultClear().
 */
int vmmiSpawnRun(const vmmiSpawnRequest *request, vmmiSpawnResult *result, vmmiError **err);
void vmmiSpawnResultClear(vmmiSpawnResult *result);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiSpawnResult, vmmiSpawnResultClear)

#endif
