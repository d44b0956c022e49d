/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * child.h: a plugin made with the kit as a child process of a test: this test program itself,
 * started once more.
 */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

#include <glib.h>

#include <libvmmi/vmmi-message.h>

typedef struct {
    pid_t pid;       /* 0: not started, or ended */
    char *dir;       /* its run directory and files; removed at the end */
    const char *job; /* what VMMI_JOB says; NULL: it is not set */
    int stdin_fd;    /* the writing end, -1: none */
    int status;      /* of wait, after childEnd() */
    char *out, *err; /* what it wrote, after childEnd() */
} Child;

/* To be called first in main: plays the plugin when the program was started as one, and does not
 * return then. */
void childMain(int argc, char **argv);

/*
 * Starts a plugin with a policy. @arguments: NULL, or its arguments without the name, ending with
 * NULL. @input: what it finds on standard input, which stays open behind it; NULL: an empty one.
 */
void childStart(Child *child, const char *policy, const char *const *arguments, const char *input);
/* The same with a configuration that names the script, fit for a migration. @more: NULL, or further
 * keys (", \"x\": 1"). */
void childMigrate(Child *child, const char *policy, const char *script, const char *more);
/* Waits until the plugin serves signals, and sends one. */
void childSignal(Child *child, int signal_number);
/* Waits until its journal shows a text. Fails the test when it does not come. */
void childAwait(Child *child, const char *text);
/* Waits until so many bytes' worth of lines are on its standard output. */
void childAwaitLines(Child *child, size_t lines);
/* Waits for its end. */
void childEnd(Child *child);
void childClear(Child *child);
/* The completion: exactly one on standard error, and nothing else. NULL fails the test. */
vmmiMessage *childCompletion(const Child *child);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Child, childClear)

#endif
