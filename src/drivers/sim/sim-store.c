/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-store.c: the file of a simulated world, its lock and its clock.
 *
 * The lock is a file of its own, since the world's file is replaced. A process that dies holding it loses it; the world is
 * then as it was before.
 */
#include "drivers/sim/sim-store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "drivers/sim/sim-dir.h"
#include "drivers/sim/sim-scenario.h"
#include "drivers/sim/sim-state.h"
#include "drivers/sim/sim-step.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

/* A busy world that nobody looked at goes on for so long, and waits then. */
#define LONGEST_CATCH_UP_US (INT64_C(6) * 3600 * 1000000)

struct vmmiSimStore {
    int refs;
    int dir_fd;
    char *directory;
    char *name; /* "NAME.json" */
    char *lock_name;
    char *new_name; /* the file that becomes the next one; only who holds the lock writes it */
    unsigned int timeout_ms;
};

/* --- where ------------------------------------------------------------------------------------------------ */

vmmiSimStore *
vmmiSimStoreOpen(const vmmiSimUri *uri, unsigned int timeout_ms, vmmiError **err)
{
    g_autoptr(vmmiSimStore) store = g_new0(vmmiSimStore, 1);

    store->refs = 1;
    store->timeout_ms = timeout_ms;
    if (uri->file) {
        store->directory = g_path_get_dirname(uri->file);
        store->name = g_path_get_basename(uri->file);
        store->dir_fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->dir_fd < 0)
            vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot open the directory of '%s'",
                              uri->file);
    } else {
        store->name = g_strdup_printf("%s.json", uri->world);
        store->dir_fd = vmmiSimDirOpen(&store->directory, err);
    }
    if (store->dir_fd < 0)
        return NULL;
    store->lock_name = g_strdup_printf("%s.lock", store->name);
    store->new_name = g_strdup_printf("%s.new", store->name);
    return g_steal_pointer(&store);
}

vmmiSimStore *
vmmiSimStoreRef(vmmiSimStore *store)
{
    g_atomic_int_inc(&store->refs);
    return store;
}

void
vmmiSimStoreUnref(vmmiSimStore *store)
{
    if (!store || !g_atomic_int_dec_and_test(&store->refs))
        return;
    if (store->dir_fd >= 0)
        close(store->dir_fd);
    g_free(store->directory);
    g_free(store->name);
    g_free(store->lock_name);
    g_free(store->new_name);
    g_free(store);
}

const char *
vmmiSimStoreDirectory(const vmmiSimStore *store)
{
    return store->directory;
}

const char *
vmmiSimStoreName(const vmmiSimStore *store)
{
    return store->name;
}

/* --- the lock --------------------------------------------------------------------------------------------- */

int64_t
vmmiSimBootNow(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Waits by looking again: flock has no time limit of its own. */
static int
lock(const vmmiSimStore *store, vmmiError **err)
{
    vmmi_autofd int fd = openat(store->dir_fd, store->lock_name,
                                O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    int64_t deadline = vmmiSimBootNow() + (int64_t)store->timeout_ms * 1000;
    unsigned int pause_us = 500;

    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot open '%s/%s'",
                                 store->directory, store->lock_name);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot lock '%s/%s'",
                                     store->directory, store->lock_name);
        if (vmmiSimBootNow() > deadline)
            return vmmiErrorSet(err, VMMI_ERR_TIMEOUT,
                                "the simulated world '%s/%s' was held by another process for %u ms",
                                store->directory, store->name, store->timeout_ms);
        g_usleep(pause_us);
        pause_us = MIN(pause_us * 2, 20000);
    }
    return vmmiFdSteal(&fd);
}

/* --- the clock -------------------------------------------------------------------------------------------- */

static void
read_boot_id(char id[40])
{
    g_autofree char *text = NULL;

    if (vmmiFileReadAt(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, false, &text, NULL, NULL) <
        0)
        text = g_strdup("unknown");
    g_strlcpy(id, g_strchomp(text), 40);
}

static void
anchor(vmmiSimSession *session)
{
    read_boot_id(session->clock.boot_id);
    session->clock.boot_us = vmmiSimBootNow();
    session->clock.world_us = session->world->now;
    session->must_write = true;
}

static void
load_clock(vmmiSimSession *session, const json_t *state)
{
    const json_t *clock = json_object_get(state, "clock");
    const char *boot_id = json_string_value(json_object_get(clock, "bootId"));
    const json_t *boot = json_object_get(clock, "bootUs");
    const json_t *world = json_object_get(clock, "worldUs");
    char present[40];

    read_boot_id(present);
    /* After a boot, or with a clock that cannot be, the world goes on where it was. */
    if (!boot_id || !g_str_equal(boot_id, present) || !json_is_integer(boot) ||
        !json_is_integer(world) || json_integer_value(boot) < 0 ||
        json_integer_value(boot) > vmmiSimBootNow() || json_integer_value(world) < 0 ||
        json_integer_value(world) > session->world->now) {
        anchor(session);
        return;
    }
    g_strlcpy(session->clock.boot_id, boot_id, sizeof(session->clock.boot_id));
    session->clock.boot_us = json_integer_value(boot);
    session->clock.world_us = json_integer_value(world);
}

static void
step_to_present(vmmiSimSession *session)
{
    vmmiSimWorld *world = session->world;
    double passed = (double)(vmmiSimBootNow() - session->clock.boot_us) * world->speed;
    int64_t now = session->clock.world_us + (int64_t)passed;

    if (now - world->now > LONGEST_CATCH_UP_US && vmmiSimNext(world) != VMMI_SIM_NEVER) {
        vmmiSimStep(world, world->now + LONGEST_CATCH_UP_US);
        anchor(session);
        return;
    }
    vmmiSimStep(world, now);
}

int64_t
vmmiSimSessionBootTime(const vmmiSimSession *session, int64_t world_us)
{
    if (world_us == VMMI_SIM_NEVER)
        return VMMI_SIM_NEVER;
    return session->clock.boot_us +
           (int64_t)((double)(world_us - session->clock.world_us) / session->world->speed);
}

/* --- the file --------------------------------------------------------------------------------------------- */

static json_t *
read_state(const vmmiSimStore *store, vmmiError **err)
{
    g_autofree char *text = NULL;
    size_t length = 0;

    if (vmmiFileReadAt(store->dir_fd, store->name, VMMI_SIM_STATE_MAX_BYTES, true, &text, &length,
                       err) < 0)
        return NULL;
    return vmmiJsonParse(text, length, NULL, err);
}

static bool
exists(const vmmiSimStore *store)
{
    struct stat st;

    return fstatat(store->dir_fd, store->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static vmmiSimWorld *
make_world(const vmmiSimUri *uri, vmmiError **err)
{
    g_autoptr(json_t) scenario = vmmiSimUriScenario(uri, err);
    vmmiSimWorld *world = scenario ? vmmiSimScenarioBuild(uri->world, scenario, err) : NULL;

    if (!world) {
        if (scenario)
            vmmiErrorPrefix(err, uri->scenario ? "scenario '%s'" : "URI '%s'",
                            uri->scenario ? uri->scenario : uri->uri);
        return NULL;
    }
    json_decref(world->options);
    world->options = json_deep_copy(uri->options);
    if (uri->scenario)
        json_object_set_new(world->options, "scenario", json_string(uri->scenario));
    return world;
}

/* What the URI says of the world must be what the world was made from. */
static int
check_match(const vmmiSimUri *uri, const vmmiSimWorld *world, vmmiError **err)
{
    g_autoptr(json_t) scenario = NULL;

    if (!uri->scenario)
        return vmmiSimUriMatch(uri, world->options, err);
    scenario = vmmiSimUriScenario(uri, err);
    if (!scenario)
        return -1;
    if (!json_equal(scenario, world->definition))
        return vmmiErrorSet(err, VMMI_ERR_URI,
                            "the simulated world '%s' exists and was not made from scenario '%s' "
                            "as it is now; 'sim reset' with this URI makes it anew",
                            world->name, uri->scenario);
    return 0;
}

static int
load(vmmiSimSession *session, const vmmiSimUri *uri, vmmiError **err)
{
    const vmmiSimStore *store = session->store;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) state = NULL;

    if (!exists(store)) {
        if (!uri)
            return vmmiErrorSet(err, VMMI_ERR_CONNECT, "the simulated world '%s/%s' is gone",
                                store->directory, store->name);
        session->world = make_world(uri, err);
        if (!session->world)
            return -1;
        anchor(session);
        return 0;
    }
    state = read_state(store, &error);
    session->world = state ? vmmiSimStateLoad(state, &error) : NULL;
    if (!session->world) {
        /* For who uses the world it is a host that cannot be reached. */
        vmmiErrorSet(err, VMMI_ERR_CONNECT, "simulated world '%s/%s': %s", store->directory,
                     store->name, vmmiErrorGetMessage(error));
        vmmiErrorSetDetails(err, "'sim reset' makes the world anew.");
        return -1;
    }
    session->version = session->world->version;
    load_clock(session, state);
    return uri ? check_match(uri, session->world, err) : 0;
}

static int
write_new(const vmmiSimStore *store, const char *text, size_t length)
{
    vmmi_autofd int fd = openat(store->dir_fd, store->new_name,
                                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -1;
    if (vmmiFileWriteFull(fd, text, length) == 0 &&
        renameat(store->dir_fd, store->new_name, store->dir_fd, store->name) == 0)
        return 0;
    return -1;
}

static int
save(const vmmiSimSession *session, vmmiError **err)
{
    const vmmiSimStore *store = session->store;
    g_autoptr(json_t) state = vmmiSimStateSave(session->world);
    g_autofree char *text = NULL;

    json_object_set_new(state, "clock",
                        json_pack("{s:s, s:I, s:I}", "bootId", session->clock.boot_id, "bootUs",
                                  (json_int_t)session->clock.boot_us, "worldUs",
                                  (json_int_t)session->clock.world_us));
    text = vmmiJsonWrite(state, false);
    if (strlen(text) > VMMI_SIM_STATE_MAX_BYTES)
        return vmmiErrorSet(err, VMMI_ERR_OPERATION_FAILED,
                            "the simulated world '%s' would have %zu bytes, the limit is %d",
                            session->world->name, strlen(text), VMMI_SIM_STATE_MAX_BYTES);
    if (write_new(store, text, strlen(text)) < 0) {
        int number = errno;

        unlinkat(store->dir_fd, store->new_name, 0);
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, number,
                                 "cannot write the simulated world '%s/%s'", store->directory,
                                 store->name);
    }
    return 0;
}

/* --- sessions --------------------------------------------------------------------------------------------- */

int
vmmiSimSessionBegin(vmmiSimStore *store, const vmmiSimUri *uri, vmmiSimSession *session,
                    vmmiError **err)
{
    memset(session, 0, sizeof(*session));
    session->store = store;
    session->lock_fd = lock(store, err);
    if (session->lock_fd < 0)
        return -1;
    if (load(session, uri, err) < 0) {
        vmmiSimSessionDrop(session);
        return -1;
    }
    step_to_present(session);
    return 0;
}

int
vmmiSimSessionEnd(vmmiSimSession *session, bool acted, vmmiError **err)
{
    int result = 0;

    if (acted || session->must_write || session->world->version != session->version)
        result = save(session, acted ? err : NULL);
    vmmiSimSessionDrop(session);
    return acted ? result : 0;
}

void
vmmiSimSessionDrop(vmmiSimSession *session)
{
    vmmiSimWorldFree(session->world);
    session->world = NULL;
    if (session->lock_fd >= 0)
        close(session->lock_fd);
    session->lock_fd = -1;
}

void
vmmiSimSessionReplace(vmmiSimSession *session, vmmiSimWorld *world)
{
    vmmiSimWorldFree(session->world);
    session->world = world;
    anchor(session);
}

/* --- reset ------------------------------------------------------------------------------------------------ */

static vmmiSimWorld *
remake(const vmmiSimUri *uri, const vmmiSimWorld *old, vmmiError **err)
{
    vmmiSimWorld *world;

    if (json_object_size(uri->options) > 0 || uri->scenario)
        return make_world(uri, err);
    world = vmmiSimScenarioBuild(uri->world, old->definition, err);
    if (!world)
        return NULL;
    json_decref(world->options);
    world->options = json_incref(old->options);
    return world;
}

/* Numbers go on, so that those who watch the old world see that it ended. */
static void
succeed(vmmiSimWorld *world, const vmmiSimWorld *old)
{
    world->next_job = old->next_job;
    world->next_sequence = old->next_sequence;
    world->version = old->version + 1;
    g_array_append_vals(world->results, old->results->data, old->results->len);
    for (size_t i = 0; i < old->guests->len; i++) {
        vmmiSimResult result = { .id = vmmiSimWorldGuest(old, i)->job.id,
                                 .code = VMMI_ERR_OPERATION_FAILED };

        g_strlcpy(result.message, "the simulated world was reset", sizeof(result.message));
        if (result.id && world->results->len < VMMI_SIM_MAX_RESULTS)
            g_array_append_val(world->results, result);
    }
    for (size_t i = 0; i < world->n_hosts; i++)
        vmmiSimWorldLog(world, VMMI_EVENT_RECONNECTED, -1, i, 0, 0, 0);
}

/* A file that cannot be read is replaced as well: that is what a reset is for. */
static vmmiSimWorld *
next_world(const vmmiSimSession *session, const vmmiSimUri *uri, vmmiError **err)
{
    g_autoptr(json_t) state = read_state(session->store, NULL);
    g_autoptr(vmmiSimWorld) old = state ? vmmiSimStateLoad(state, NULL) : NULL;
    vmmiSimWorld *world = old ? remake(uri, old, err) : make_world(uri, err);

    if (world && old)
        succeed(world, old);
    return world;
}

int
vmmiSimStoreReset(vmmiSimStore *store, const vmmiSimUri *uri, vmmiError **err)
{
    vmmiSimSession session = { .store = store };
    vmmiSimWorld *world;

    session.lock_fd = lock(store, err);
    if (session.lock_fd < 0)
        return -1;
    world = next_world(&session, uri, err);
    if (!world) {
        vmmiSimSessionDrop(&session);
        return -1;
    }
    vmmiSimSessionReplace(&session, world);
    return vmmiSimSessionEnd(&session, true, err);
}
