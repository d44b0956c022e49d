/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-store.c: a world's file and its lock: made, refused, made anew, held by others, spoiled, and a disk that is full.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <glib/gstdio.h>

#include "drivers/sim/sim-store.h"
#include "util/cleanup.h"
#include "../rows.h"
#include "../tree.h"

typedef struct {
    char *run;   /* VMMI_RUN_DIR */
    char *sim;   /* run/sim */
    char *world; /* run/sim/default.json */
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->run = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    fixture->sim = g_build_filename(fixture->run, "sim", NULL);
    fixture->world = g_build_filename(fixture->sim, "default.json", NULL);
    g_setenv("VMMI_RUN_DIR", fixture->run, TRUE);
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    remove_tree(fixture->run);
    g_free(fixture->run);
    g_free(fixture->sim);
    g_free(fixture->world);
}

/* Opens and closes: the code of what went wrong; the message goes to @ret_message if wanted. */
static int
try(const char *text, unsigned int timeout_ms, char **ret_message)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiSimUri) uri = vmmiSimUriParse(text, &error);
    g_autoptr(vmmiSimStore) store = uri ? vmmiSimStoreOpen(uri, timeout_ms, &error) : NULL;
    vmmiSimSession session;

    if (store && vmmiSimSessionBegin(store, uri, &session, &error) == 0)
        vmmiSimSessionEnd(&session, true, &error);
    if (ret_message)
        *ret_message = g_strdup(vmmiErrorGetMessage(error));
    return vmmiErrorGetCode(error);
}

static void
test_made(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *uri = g_strdup_printf("sim:///?file=%s/own.json", fixture->run);
    g_autofree char *own = g_build_filename(fixture->run, "own.json", NULL);
    struct stat st;

    g_remove(fixture->run);
    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_cmpint(stat(fixture->run, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0700);
    g_assert_cmpint(stat(fixture->sim, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0700);
    g_assert_cmpint(stat(fixture->world, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);
    g_assert_cmpint(try(uri, 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_cmpint(stat(own, &st), ==, 0);
}

/* What is in the place of the world's file, or what its directory is like. */
static const struct {
    const char *name;
    const char *content; /* NULL: see below */
    const char *needle;
} bad[] = {
    { "empty", "", "default.json'" },
    { "truncated", "{\"vmmiSim\":\"world\",\"format\":1,\"now\":", "default.json'" },
    { "garbage", "\x01\x02\x03", "default.json'" },
    { "array", "[]", "default.json'" },
    { "foreign", "{\"name\":\"package\"}", "this is not the file of a simulated world" },
    { "scenario", "{\"vmmiSim\":\"scenario\"}", "this is a scenario and not a world" },
    { "newer", "{\"vmmiSim\":\"world\",\"format\":2}", "format 2 of a simulated world" },
    { "huge", NULL, "the limit is" },
    { "directory", NULL, "a directory, not a regular file" },
    { "link", NULL, "default.json" },
    { "fifo", NULL, "default.json" },
};

static void
make_bad(const Fixture *fixture, const char *name)
{
    if (g_str_equal(name, "directory")) {
        g_assert_cmpint(mkdir(fixture->world, 0700), ==, 0);
    } else if (g_str_equal(name, "link")) {
        g_assert_cmpint(symlink("/etc/passwd", fixture->world), ==, 0);
    } else if (g_str_equal(name, "fifo")) {
        g_assert_cmpint(mkfifo(fixture->world, 0600), ==, 0);
    } else {
        g_assert_true(g_file_set_contents(fixture->world, "{", 1, NULL));
        g_assert_cmpint(truncate(fixture->world, 8 << 20), ==, 0);
    }
}

static void
test_bad(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *message = NULL;
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(mkdir(fixture->sim, 0700), ==, 0);
    if (bad[row].content)
        g_assert_true(g_file_set_contents(fixture->world, bad[row].content, -1, NULL));
    else
        make_bad(fixture, bad[row].name);
    g_assert_cmpint(try("sim:///", 1000, &message), ==, VMMI_ERR_CONNECT);
    if (!strstr(message, bad[row].needle))
        g_test_message("%s", message);
    g_assert_nonnull(strstr(message, bad[row].needle));
    g_assert_nonnull(strstr(message, "simulated world '"));
    /* A reset makes it anew, unless a directory is in the way. */
    g_assert_cmpint(vmmiSimReset("sim:///", &error), ==,
                    g_str_equal(bad[row].name, "directory") ? -1 : 0);
    if (!error)
        g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
}

static void
test_open_to_others(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *message = NULL;

    g_assert_cmpint(chmod(fixture->run, 0777), ==, 0);
    g_assert_cmpint(try("sim:///", 1000, &message), ==, VMMI_ERR_RUN_DIR);
    g_assert_nonnull(strstr(message, "has mode 0777"));
    g_assert_nonnull(strstr(message, "VMMI_RUN_DIR"));
}

static void
test_relative(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *message = NULL;

    g_setenv("VMMI_RUN_DIR", "relative", TRUE);
    g_assert_cmpint(try("sim:///", 1000, &message), ==, VMMI_ERR_RUN_DIR);
    g_assert_nonnull(strstr(message, "is not an absolute path"));
    g_setenv("VMMI_RUN_DIR", fixture->run, TRUE);
}

static void
test_linked_directory(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(symlink("/tmp", fixture->sim), ==, 0);
    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_RUN_DIR);
}

/* What a URI says must be what the world was made with. */
static void
test_mismatch(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *other = NULL;
    g_autofree char *more = NULL;

    g_assert_cmpint(try("sim:///?speed=10", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_cmpint(try("sim:///destination?speed=10.0", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_cmpint(try("sim:///?speed=11", 1000, &other), ==, VMMI_ERR_URI);
    g_assert_nonnull(strstr(other, "was made with 'speed=10', not '11'"));
    g_assert_cmpint(try("sim:///?seed=1", 1000, &more), ==, VMMI_ERR_URI);
    g_assert_nonnull(strstr(more, "was made without 'seed=1'"));
    g_assert_cmpint(vmmiSimReset("sim:///?speed=11", NULL), ==, 0);
    g_assert_cmpint(try("sim:///?speed=11", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_cmpint(vmmiSimReset("sim:///", NULL), ==, 0); /* as it was made before */
    g_assert_cmpint(try("sim:///?speed=11", 1000, NULL), ==, VMMI_ERR_OK);
}

/* A scenario with a mistake in it makes no world, and leaves the one that is there. */
static void
test_scenario(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *path = g_build_filename(fixture->run, "scenario.json", NULL);
    g_autofree char *uri = g_strdup_printf("sim:///?scenario=%s", path);
    g_autofree char *message = NULL;
    g_autofree char *changed = NULL;
    g_autoptr(vmmiError) error = NULL;

    g_assert_true(
        g_file_set_contents(path, "{\"vmmiSim\": \"scenario\", \"speed\": -1}", -1, NULL));
    g_assert_cmpint(try(uri, 1000, &message), ==, VMMI_ERR_CONFIGURATION_FAILED);
    g_assert_nonnull(strstr(message, path));
    g_assert_false(g_file_test(fixture->world, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_set_contents(path, "{\"vmmiSim\": \"scenario\", \"speed\": 5}", -1, NULL));
    g_assert_cmpint(try(uri, 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_cmpint(try(uri, 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_true(g_file_set_contents(path, "{\"vmmiSim\": \"scenario\", \"speed\": 6}", -1, NULL));
    g_assert_cmpint(try(uri, 1000, &changed), ==, VMMI_ERR_URI);
    g_assert_nonnull(strstr(changed, "was not made from scenario"));
    g_assert_true(g_file_set_contents(path, "{\"vmmiSim\": \"scenario\",, }", -1, NULL));
    g_assert_cmpint(vmmiSimReset(uri, &error), ==, -1);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "line 1"));
    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
}

/* Somebody holds the world: the wait is bounded. */
static void
test_held(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *lock = g_strdup_printf("%s.lock", fixture->world);
    g_autofree char *message = NULL;
    vmmi_autofd int fd = -1;

    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
    fd = open(lock, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
    g_assert_cmpint(try("sim:///", 30, &message), ==, VMMI_ERR_TIMEOUT);
    g_assert_nonnull(strstr(message, "held by another process for 30 ms"));
}

/* A process is killed with the world in its hands, in the middle of writing: nothing is lost. */
static void
test_killed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *unfinished = g_strdup_printf("%s.new", fixture->world);
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    int status;
    pid_t child;

    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_true(g_file_get_contents(fixture->world, &before, NULL, NULL));
    child = fork();
    if (child == 0) {
        vmmiSimUri *uri = vmmiSimUriParse("sim:///", NULL);
        vmmiSimStore *store = vmmiSimStoreOpen(uri, 1000, NULL);
        vmmiSimSession session;

        if (vmmiSimSessionBegin(store, uri, &session, NULL) < 0 ||
            !g_file_set_contents(unfinished, "{\"half\":", -1, NULL))
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFSIGNALED(status));
    g_assert_true(g_file_get_contents(fixture->world, &after, NULL, NULL));
    g_assert_cmpstr(before, ==, after);
    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_false(g_file_test(unfinished, G_FILE_TEST_EXISTS));
}

static bool
mount_small(const char *path, const char *options)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

/* A full disk: who acts is told, who looks is not disturbed, and the world stays whole. */
static void
test_full(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *filler = g_build_filename(fixture->run, "filler", NULL);
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    g_autofree char *message = NULL;
    g_autofree char *text = NULL;

    if (!mount_small(fixture->run, "size=128k,mode=0700")) {
        g_test_skip("needs root, to mount a small file system");
        return;
    }
    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_true(g_file_get_contents(fixture->world, &before, NULL, NULL));
    for (size_t size = 128 * 1024; size > 0; size /= 2) {
        g_autofree char *bytes = g_malloc0(size);
        vmmi_autofd int fd = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        while (write(fd, bytes, size) > 0)
            continue;
    }
    g_assert_cmpint(try("sim:///", 1000, &message), ==, VMMI_ERR_SYSTEM);
    g_assert_nonnull(strstr(message, "No space left"));
    text = vmmiSimDescribe("sim:///", NULL);
    g_assert_nonnull(text);
    g_assert_true(g_file_get_contents(fixture->world, &after, NULL, NULL));
    g_assert_cmpstr(before, ==, after);
    g_remove(filler);
    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_cmpint(umount2(fixture->run, MNT_DETACH), ==, 0);
}

/* After a boot the world goes on where it was: time in between does not count. */
static void
test_boot(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiSimUri) uri = vmmiSimUriParse("sim:///", NULL);
    g_autoptr(vmmiSimStore) store = vmmiSimStoreOpen(uri, 1000, NULL);
    g_autofree char *text = NULL;
    g_autoptr(json_t) state = NULL;
    json_t *clock;
    vmmiSimSession session;

    g_assert_cmpint(try("sim:///", 1000, NULL), ==, VMMI_ERR_OK);
    g_assert_true(g_file_get_contents(fixture->world, &text, NULL, NULL));
    state = json_loads(text, 0, NULL);
    clock = json_object_get(state, "clock");
    json_object_set_new(clock, "bootId", json_string("another boot"));
    json_object_set_new(clock, "bootUs", json_integer(0));
    g_assert_cmpint(json_dump_file(state, fixture->world, 0), ==, 0);
    g_assert_cmpint(vmmiSimSessionBegin(store, NULL, &session, NULL), ==, 0);
    g_assert_cmpint(session.world->now, <, 5000000);
    vmmiSimSessionEnd(&session, true, NULL);
}

/* A world that nobody looked at for long goes on for a bounded time, and waits then. */
static void
test_forgotten(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiSimUri) uri =
        vmmiSimUriParse("sim:///?speed=10000&guest=g&link-after=86400000:10", NULL);
    g_autoptr(vmmiSimStore) store = vmmiSimStoreOpen(uri, 1000, NULL);
    vmmiSimSession session;

    g_assert_cmpint(vmmiSimSessionBegin(store, uri, &session, NULL), ==, 0);
    g_array_append_vals(session.world->timeline,
                        &(vmmiSimEvent){ .at = INT64_C(86400000000), .guest = -1, .value = 10 }, 1);
    session.clock.boot_us -= 60000000; /* a minute ago: a week of the world */
    g_assert_cmpint(vmmiSimSessionEnd(&session, true, NULL), ==, 0);
    g_assert_cmpint(vmmiSimSessionBegin(store, NULL, &session, NULL), ==, 0);
    g_assert_cmpint(session.world->now, <, (INT64_C(6) * 3600 + 600) * 1000000);
    vmmiSimSessionDrop(&session);
}

static void
test_describe(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *text = vmmiSimDescribe("sim:///?world=shown", NULL);
    g_autoptr(json_t) object = text ? json_loads(text, 0, NULL) : NULL;
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpstr(json_string_value(json_object_get(object, "world")), ==, "shown");
    g_assert_cmpuint(json_array_size(json_object_get(object, "guests")), ==, 3);
    g_assert_null(vmmiSimDescribe("qemu:///system", &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_URI);
    g_assert_cmpint(vmmiSimReset(NULL, NULL), ==, -1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
#define ADD_FIXTURE_ROWS(prefix, table, function) \
    ADD_ROWS_WITH(Fixture, set_up, tear_down, prefix, table, function)
    ADD("/sim/store/made", test_made);
    ADD("/sim/store/open-to-others", test_open_to_others);
    ADD("/sim/store/relative", test_relative);
    ADD("/sim/store/linked-directory", test_linked_directory);
    ADD("/sim/store/mismatch", test_mismatch);
    ADD("/sim/store/scenario", test_scenario);
    ADD("/sim/store/held", test_held);
    ADD("/sim/store/killed", test_killed);
    ADD("/sim/store/boot", test_boot);
    ADD("/sim/store/forgotten", test_forgotten);
    ADD("/sim/store/full", test_full);
    ADD("/sim/store/describe", test_describe);
    ADD_FIXTURE_ROWS("/sim/store/bad/", bad, test_bad);
    return g_test_run();
}
