/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attempt.h: starting a plugin in a process of its own, as root or as an ordinary user, from a
 * place that a test prepares.
 *
 * BASE/up/plugins is what VMMI_PLUGIN_PATH names, BASE/elsewhere lies beside it, and whatever is
 * executed leaves the file BASE/ran/NAME.
 */
#ifndef VMMI_TEST_SUPERVISION_ATTEMPT_H
#define VMMI_TEST_SUPERVISION_ATTEMPT_H

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

/* Neither root nor the user of the test. */
#define STRANGER 12345

typedef struct {
    char *base, *up, *plugins, *elsewhere, *ran;
    bool as_user;      /* the caller is an ordinary user */
    uid_t uid;         /* of the caller */
    gid_t gid;
} Place;

typedef struct {
    char *name;              /* of the plugin; may be changed by whoever prepares */
    char *path;              /* VMMI_PLUGIN_PATH; the same */
    unsigned int starts;     /* how often; 1 */
    int code;                /* out: of the last error, 0 when all were started */
    char message[2048];      /* out: its message, or "" */
    unsigned int started;    /* out */
} Attempt;

/* Everything is the caller's, 0755. Free with place_clear(), which removes the files. */
void place_init(Place *place, bool as_user);
void place_clear(Place *place);
/* Whether anything, or a script of this name, was executed. */
bool place_ran(const Place *place, const char *name);

/* In whatever prepares: a script that leaves its mark and says success; a copy of a program. */
void make_script(const Place *place, const char *directory, const char *name, mode_t mode);
void make_program(const Place *place, const char *directory, const char *name, mode_t mode);
/* The path, to be freed. */
char *at(const char *directory, const char *name);

/*
 * Prepares in a child process, as root if this is root, becomes the caller, and starts the plugin.
 * Fails the test when that process cannot do its part; false: @prepare said that this machine
 * cannot.
 */
bool attempt(const Place *place, bool (*prepare)(const Place *place, Attempt *attempt),
             Attempt *result);

#endif
