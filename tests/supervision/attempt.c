/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attempt.c: starting a plugin in a process of its own: see attempt.h.
 */
#include "attempt.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define CANNOT 77
#define PATIENCE_MS 20000

char *
at(const char *directory, const char *name)
{
    return g_build_filename(directory, name, NULL);
}

/* --- the place -------------------------------------------------------------------- */

static void
run_program(const char *const *arguments)
{
    g_spawn_sync(NULL, (char **)(gpointer)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                 NULL, NULL, NULL);
}

static void
own(const Place *place, const char *path, mode_t mode)
{
    if (geteuid() == 0)
        g_assert_cmpint(lchown(path, place->uid, place->gid), ==, 0);
    g_assert_cmpint(chmod(path, mode), ==, 0);
}

static char *
make_directory(const Place *place, const char *above, const char *name, mode_t mode)
{
    char *path = at(above, name);

    g_assert_cmpint(mkdir(path, 0700), ==, 0);
    own(place, path, mode);
    return path;
}

/* Where the tests were built may be closed to ordinary users. */
static void
copy_shim(const Place *place)
{
    g_autofree char *shim = at(place->base, "shim");
    g_autofree char *text = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(g_getenv("VMMI_SHIM_PATH"), &text, &length, NULL));
    g_assert_true(g_file_set_contents(shim, text, (gssize)length, NULL));
    g_assert_cmpint(chmod(shim, 0755), ==, 0);
}

void
place_init(Place *place, bool as_user)
{
    const struct passwd *user = getpwnam("daemon");
    g_autofree char *private_top = NULL;

    memset(place, 0, sizeof(*place));
    place->as_user = as_user;
    place->uid = as_user && user ? user->pw_uid : geteuid();
    place->gid = as_user && user ? user->pw_gid : getegid();
    place->base = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_assert_cmpint(chmod(place->base, 0755), ==, 0);
    place->up = make_directory(place, place->base, "up", 0755);
    place->plugins = make_directory(place, place->up, "plugins", 0755);
    place->elsewhere = make_directory(place, place->base, "elsewhere", 0755);
    place->ran = make_directory(place, place->base, "ran", 01777);
    private_top = make_directory(place, place->base, "private", 0700);
    copy_shim(place);
}

void
place_clear(Place *place)
{
    const char *const arguments[] = { "rm", "-rf", place->base, NULL };

    run_program(arguments);
    g_free(place->base);
    g_free(place->up);
    g_free(place->plugins);
    g_free(place->elsewhere);
    g_free(place->ran);
}

bool
place_ran(const Place *place, const char *name)
{
    g_autofree char *path = at(place->ran, name ? name : "");
    g_autoptr(GDir) dir = name ? NULL : g_dir_open(place->ran, 0, NULL);

    return name ? g_file_test(path, G_FILE_TEST_EXISTS) : dir && g_dir_read_name(dir);
}

void
make_script(const Place *place, const char *directory, const char *name, mode_t mode)
{
    g_autofree char *path = at(directory, name);
    g_autofree char *mark = g_strndup(name, 200);
    g_autofree char *text = g_strdup_printf(
        "#!/bin/sh\n: >'%s/%s'\n[ \"$1\" = --vmmi-describe ] && exit 1\n" SAY_SUCCESS "exit 0\n",
        place->ran, mark);
    FILE *file = fopen(path, "we");   /* g_file_set_contents() has no room for the longest name */

    g_assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
    own(place, path, mode);
}

void
make_program(const Place *place, const char *directory, const char *name, mode_t mode)
{
    g_autofree char *path = at(directory, name);
    g_autofree char *text = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents("/bin/true", &text, &length, NULL));
    g_assert_true(g_file_set_contents(path, text, (gssize)length, NULL));
    own(place, path, mode);
}

/* --- the attempt ------------------------------------------------------------------ */

static bool
become_caller(const Place *place)
{
    if (!place->as_user)
        return true;
    /* What this process made and runs is its own again, also in /proc. */
    return setgroups(0, NULL) == 0 && setresgid(place->gid, place->gid, place->gid) == 0 &&
           setresuid(place->uid, place->uid, place->uid) == 0 &&
           prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static void
set_environment(const Place *place, const Attempt *attempt)
{
    g_autofree char *shim = at(place->base, "shim");

    g_setenv("VMMI_PLUGIN_PATH", attempt->path, TRUE);
    g_setenv("VMMI_SHIM_PATH", shim, TRUE);
    g_setenv("VMMI_CONF_DIR", place->elsewhere, TRUE);
}

static void
start_once(vmmiManager *manager, vmmiConnect *connect, Attempt *attempt)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    g_autoptr(vmmiError) error = NULL;
    vmmiMigration *migration;

    options.plugin = attempt->name;
    options.guest = "g1";
    options.destination_uri = "test:///destination";
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    migration = vmmiMigrationStart(manager, connect, &options, &error);
    attempt->code = vmmiErrorGetCode(error);
    g_strlcpy(attempt->message, vmmiErrorGetMessage(error), sizeof(attempt->message));
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    if (migration && vmmiMigrationWait(migration, PATIENCE_MS, NULL) == 1)
        attempt->started++;
    vmmiMigrationUnref(migration);
}

static void
start_all(const Place *place, Attempt *attempt)
{
    g_autofree char *run = g_build_filename(place->base, "private", "run", NULL);
    g_autofree char *jobs = at(run, "jobs");
    vmmiManager *manager = vmmiManagerNew(run, 0, NULL);
    vmmiConnect *connect;

    world_register();
    connect = vmmiConnectOpen("test:///source", NULL, 0, NULL);
    attempt->code = -1;
    for (unsigned int i = 0; manager && connect && i < attempt->starts; i++)
        start_once(manager, connect, attempt);
    /* What was refused leaves no record. */
    if (attempt->code > 0 && attempt->started == 0 && rmdir(jobs) < 0)
        attempt->code = -2;
    vmmiConnectUnref(connect);
    vmmiManagerFree(manager);
}

static void be_caller(const Place *place, bool (*prepare)(const Place *, Attempt *),
                      Attempt *attempt, int out) __attribute__((noreturn));

static void
be_caller(const Place *place, bool (*prepare)(const Place *, Attempt *), Attempt *attempt, int out)
{
    attempt->name = g_strdup("candidate");
    attempt->path = g_strdup(place->plugins);
    attempt->starts = 1;
    umask(022);
    if (!prepare(place, attempt) || !become_caller(place))
        _exit(CANNOT);
    set_environment(place, attempt);
    start_all(place, attempt);
    _exit(write(out, attempt, sizeof(*attempt)) == sizeof(*attempt) ? 0 : 1);
}

bool
attempt(const Place *place, bool (*prepare)(const Place *place, Attempt *attempt),
        Attempt *result)
{
    int ends[2], status = -1;
    pid_t pid;

    memset(result, 0, sizeof(*result));
    g_assert_cmpint(pipe(ends), ==, 0);
    pid = fork();
    if (pid == 0)
        be_caller(place, prepare, result, ends[1]);
    close(ends[1]);
    if (read(ends[0], result, sizeof(*result)) != sizeof(*result))
        result->code = -3;
    close(ends[0]);
    result->name = result->path = NULL;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
        return false;
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpint(result->code, >=, 0);
    return true;
}
