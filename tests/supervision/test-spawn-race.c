/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-spawn-race.c: row R20 of docs/reliability.md: a plugin that is replaced between the check and
 * its execution, by a stranger who tries without rest, and by its owner, who upgrades it.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libvmmi/vmmi-error.h>

#include "attempt.h"
#include "rounds.h"

#define EVIL "evil"

/* What the other process tells. */
typedef struct {
    atomic_uint tries, successes;
} Board;

static Board *board;
static pid_t caller;     /* who starts plugins, beside another process */

static bool
note(int result)
{
    atomic_fetch_add(&board->tries, 1);
    if (result >= 0)
        atomic_fetch_add(&board->successes, 1);
    return result >= 0;
}

/* A file of the stranger's own, good for execution, in the directory of plugins. */
static void
make_evil(const Place *place, const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return;
    fprintf(file, "#!/bin/sh\n: >'%s/" EVIL "'\nexit 1\n", place->ran);
    fclose(file);
    chmod(path, 0755);
}

/* Whatever he could do to get his own file executed. */
static void
try_once(const Place *place, const char *candidate, const char *evil)
{
    g_autofree char *hidden = g_strconcat(candidate, ".old", NULL);
    g_autofree char *away = at(place->elsewhere, "away");
    int fd = open(candidate, O_WRONLY | O_CLOEXEC);

    make_evil(place, evil);
    if (note(fd))
        close(fd);
    note(rename(candidate, hidden));
    note(rename(evil, candidate));
    if (note(unlink(candidate)))
        note(symlink(evil, candidate));
    note(chmod(candidate, 0757));
    note(rename(place->plugins, away));
    note(rename(hidden, candidate));
}

static void be_stranger(const Place *place) __attribute__((noreturn));

static void
be_stranger(const Place *place)
{
    g_autofree char *candidate = at(place->plugins, "candidate");
    g_autofree char *evil = at(place->plugins, EVIL);

    if (setresgid(STRANGER, STRANGER, STRANGER) < 0 || setresuid(STRANGER, STRANGER, STRANGER) < 0)
        _exit(1);
    while (getppid() == caller)
        try_once(place, candidate, evil);
    _exit(0);
}

/* Runs until the process that starts the plugin ends. */
static bool
beside(void (*func)(const Place *place), const Place *place)
{
    unsigned int tries = atomic_load(&board->tries);
    pid_t pid;

    caller = getpid();
    pid = fork();
    if (pid == 0)
        func(place);
    while (pid > 0 && atomic_load(&board->tries) < tries + 20)
        g_usleep(1000);
    return pid > 0;
}

/* --- rows ------------------------------------------------------------------------- */

/* Everybody may make files here, nobody may touch those of others. */
static bool
in_sticky_directory(const Place *place, Attempt *attempt)
{
    make_script(place, place->plugins, "candidate", 0755);
    attempt->starts = rounds(8, 100);
    return chown(place->plugins, 0, 0) == 0 && chmod(place->plugins, 01777) == 0 &&
           beside(be_stranger, place);
}

/* Here he may do all that he tries: so nothing is executed from here at all. */
static bool
in_open_directory(const Place *place, Attempt *attempt)
{
    make_script(place, place->plugins, "candidate", 0755);
    attempt->starts = rounds(40, 1000);
    return chmod(place->plugins, 0777) == 0 && beside(be_stranger, place);
}

static void be_upgrade(const Place *place) __attribute__((noreturn));

/* As package managers do: another file, renamed to the name. */
static void
be_upgrade(const Place *place)
{
    g_autofree char *candidate = at(place->plugins, "candidate");
    g_autofree char *new = at(place->plugins, "second");

    while (getppid() == caller) {
        make_script(place, place->plugins, "second", 0755);
        note(rename(new, candidate));
    }
    _exit(0);
}

static bool
while_upgraded(const Place *place, Attempt *attempt)
{
    make_script(place, place->plugins, "candidate", 0755);
    attempt->starts = rounds(20, 200);
    return beside(be_upgrade, place);
}

static const struct {
    const char *name;
    bool (*prepare)(const Place *place, Attempt *attempt);
    int code;             /* 0: each start succeeds; else each fails with it, see is_expected() */
    const char *ran;      /* NULL: nothing */
    bool stranger_can;    /* some of what he tries succeeds */
} rows[] = {
    { "stranger-in-sticky-directory", in_sticky_directory, 0, "candidate", false },
    { "stranger-in-open-directory", in_open_directory, VMMI_ERR_PLUGIN_REFUSED, NULL, true },
    { "upgrade", while_upgraded, 0, "second", true },
};

/* Between two renames of the stranger there may be no such file at all. */
static bool
is_expected(size_t row, int code)
{
    return code == rows[row].code ||
           (rows[row].code == VMMI_ERR_PLUGIN_REFUSED && code == VMMI_ERR_PLUGIN_UNKNOWN);
}

static void
run_row(size_t row, bool as_user)
{
    Place place;
    Attempt result;

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return;
    }
    atomic_store(&board->tries, 0);
    atomic_store(&board->successes, 0);
    place_init(&place, as_user);
    g_assert_true(attempt(&place, rows[row].prepare, &result));
    if (!is_expected(row, result.code))
        g_assert_cmpint(result.code, ==, rows[row].code);
    g_assert_cmpuint(result.started, ==, rows[row].code ? 0 : result.starts);
    g_assert_false(place_ran(&place, EVIL));
    if (rows[row].ran)
        g_assert_true(place_ran(&place, rows[row].ran));
    else
        g_assert_false(place_ran(&place, NULL));
    g_assert_cmpint(atomic_load(&board->successes) > 0, ==, rows[row].stranger_can);
    g_test_message("%u starts beside %u tries, %u of which succeeded", result.starts,
                   atomic_load(&board->tries), atomic_load(&board->successes));
    place_clear(&place);
}

static void
test_as_root(gconstpointer data)
{
    run_row(GPOINTER_TO_SIZE(data), false);
}

static void
test_as_user(gconstpointer data)
{
    run_row(GPOINTER_TO_SIZE(data), true);
}

int
main(int argc, char **argv)
{
    umask(022);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *root = g_strdup_printf("/R20/root/race/%s", rows[i].name);
        g_autofree char *user = g_strdup_printf("/R20/user/race/%s", rows[i].name);

        g_test_add_data_func(root, GSIZE_TO_POINTER(i), test_as_root);
        g_test_add_data_func(user, GSIZE_TO_POINTER(i), test_as_user);
    }
    return g_test_run();
}
