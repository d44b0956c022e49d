/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager.c: the root object: a run directory, one descriptor to poll, dispatch.
 *
 * The descriptor is an epoll over: inotify on the directories of the migrations, pidfds of shims
 * and plugins, one timer, and the mailbox of the workers. Dispatch reads what is there, runs what
 * is due, and delivers notices last; it waits for nothing.
 */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#include "migration/private.h"
#include "util/cleanup.h"
#include "util/error.h"

#define MAX_EVENTS 64

int
vmmiManagerCheck(const vmmiManager *manager, vmmiError **err)
{
    if (!manager)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no manager was given");
    if (manager->pid != getpid())
        return vmmiErrorSet(
            err, VMMI_ERR_FORKED,
            "the manager of '%s' was made by process %d and cannot be used after fork",
            vmmiRunDirGetPath(manager->run), (int)manager->pid);
    if (manager->freed)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "the manager was freed");
    return 0;
}

int
vmmiManagerCheckWritable(const vmmiManager *manager, vmmiError **err)
{
    if (!manager->read_only)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "run directory '%s' was opened to look only",
                        vmmiRunDirGetPath(manager->run));
}

static int
watch_fd(vmmiManager *manager, int fd, vmmiError **err)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (epoll_ctl(manager->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot follow a descriptor");
    return 0;
}

static int
open_descriptors(vmmiManager *manager, vmmiError **err)
{
    manager->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    manager->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (manager->inotify_fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno,
                                 "cannot watch files (see fs.inotify.max_user_instances)");
    manager->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (manager->epoll_fd < 0 || manager->timer_fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot make a descriptor to poll");
    manager->mailbox = vmmiMailboxNew(err);
    if (!manager->mailbox || watch_fd(manager, manager->inotify_fd, err) < 0 ||
        watch_fd(manager, manager->timer_fd, err) < 0)
        return -1;
    return watch_fd(manager, vmmiMailboxGetFd(manager->mailbox), err);
}

vmmiManager *
vmmiManagerNew(const char *run_dir, unsigned int flags, vmmiError **err)
{
    g_autoptr(vmmiManager) manager = NULL;

    if (flags & ~VMMI_MANAGER_READ_ONLY) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "flags 0x%x are unknown to this library",
                     flags & ~VMMI_MANAGER_READ_ONLY);
        return NULL;
    }
    manager = g_new0(vmmiManager, 1);
    manager->limits = (vmmiLimits)VMMI_LIMITS_INIT;
    manager->refs = 1;
    manager->pid = getpid();
    manager->epoll_fd = manager->inotify_fd = manager->timer_fd = -1;
    manager->migrations = g_hash_table_new(NULL, NULL);
    manager->watches = g_hash_table_new(NULL, NULL);
    manager->pidfds = g_hash_table_new(NULL, NULL);
    manager->askers = g_ptr_array_new();
    manager->retired = g_ptr_array_new_with_free_func((GDestroyNotify)vmmiSampleFree);
    g_queue_init(&manager->notices);
    manager->survival = vmmiManagerSurvivalNew();
    manager->read_only = flags & VMMI_MANAGER_READ_ONLY;
    manager->run =
        manager->read_only ? vmmiRunDirOpenReadOnly(run_dir, err) : vmmiRunDirOpen(run_dir, err);
    if (!manager->run || open_descriptors(manager, err) < 0)
        return NULL;
    vmmiRunDirClean(manager->run);
    return g_steal_pointer(&manager);
}

/* --- end -------------------------------------------------------------------------- */

static void
tear_down(vmmiManager *manager)
{
    g_autoptr(GList) all = g_hash_table_get_values(manager->migrations);

    for (GList *item = all; item; item = item->next)
        vmmiMigrationHold(item->data);
    for (GList *item = all; item; item = item->next) {
        vmmiMigrationDetach(item->data);
        vmmiMigrationDrop(item->data);
    }
    vmmiNoticesDrop(manager);
    if (manager->mailbox)
        vmmiMailboxClose(manager->mailbox);
}

void
vmmiManagerHold(vmmiManager *manager)
{
    manager->refs++;
}

void
vmmiManagerRelease(vmmiManager *manager)
{
    if (--manager->refs)
        return;
    vmmiMailboxUnref(manager->mailbox);
    vmmiFdCleanup(&manager->epoll_fd);
    vmmiFdCleanup(&manager->inotify_fd);
    vmmiFdCleanup(&manager->timer_fd);
    g_hash_table_unref(manager->migrations);
    g_hash_table_unref(manager->watches);
    g_hash_table_unref(manager->pidfds);
    g_ptr_array_unref(manager->askers);
    g_ptr_array_unref(manager->retired);
    vmmiRunDirUnref(manager->run);
    vmmiManagerSurvivalFree(manager->survival);
    g_free(manager);
}

void
vmmiManagerFree(vmmiManager *manager)
{
    /* After fork everything belongs to the parent: its inotify and epoll are shared, its threads
     * are not here. */
    if (!manager || manager->pid != getpid() || manager->freed)
        return;
    manager->freed = true;
    if (!manager->dispatching)
        tear_down(manager);
    vmmiManagerRelease(manager);
}

/* --- migrations and their descriptors --------------------------------------------- */

void
vmmiManagerAdd(vmmiManager *manager, vmmiMigration *migration)
{
    migration->token = ++manager->next_token;
    migration->manager = manager;
    g_hash_table_insert(manager->migrations, GSIZE_TO_POINTER(migration->token), migration);
}

void
vmmiManagerRemove(vmmiManager *manager, vmmiMigration *migration)
{
    g_hash_table_remove(manager->migrations, GSIZE_TO_POINTER(migration->token));
    migration->manager = NULL;
    if (!manager->dispatching)
        vmmiTimersArm(manager);
}

vmmiMigration *
vmmiManagerFind(const vmmiManager *manager, const char *id)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, manager->migrations);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (g_str_equal(vmmiMigrationGetId(value), id))
            return value;
    }
    return NULL;
}

void
vmmiManagerKick(vmmiManager *manager)
{
    vmmiMailboxKick(manager->mailbox);
}

int
vmmiManagerAddPidfd(vmmiManager *manager, int pidfd, vmmiMigration *migration, vmmiError **err)
{
    if (watch_fd(manager, pidfd, err) < 0)
        return -1;
    g_hash_table_insert(manager->pidfds, GINT_TO_POINTER(pidfd), migration);
    return 0;
}

void
vmmiManagerDropPidfd(vmmiManager *manager, int *pidfd)
{
    if (*pidfd < 0)
        return;
    epoll_ctl(manager->epoll_fd, EPOLL_CTL_DEL, *pidfd, NULL);
    g_hash_table_remove(manager->pidfds, GINT_TO_POINTER(*pidfd));
    close(*pidfd);
    *pidfd = -1;
}

int
vmmiManagerGetFd(const vmmiManager *manager)
{
    return manager ? manager->epoll_fd : -1;
}

const char *
vmmiManagerGetRunDir(const vmmiManager *manager)
{
    return manager ? vmmiRunDirGetPath(manager->run) : NULL;
}

/* --- dispatch --------------------------------------------------------------------- */

static void
look_at_all(vmmiManager *manager)
{
    g_autoptr(GList) all = g_hash_table_get_values(manager->migrations);

    for (GList *item = all; item; item = item->next)
        vmmiFollowLook(item->data, NULL);
}

static void
read_inotify(vmmiManager *manager)
{
    _Alignas(struct inotify_event) char buffer[16 * 1024];
    ssize_t got = read(manager->inotify_fd, buffer, sizeof(buffer));

    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *event = (const struct inotify_event *)(void *)(buffer + at);
        vmmiMigration *migration =
            g_hash_table_lookup(manager->watches, GINT_TO_POINTER(event->wd));

        at += (ssize_t)(sizeof(*event) + event->len);
        if (event->mask & IN_Q_OVERFLOW)
            look_at_all(manager);
        else if (migration && !(event->mask & IN_IGNORED))
            vmmiFollowLook(migration, event->len ? event->name : NULL);
    }
}

static void
read_mailbox(vmmiManager *manager)
{
    GList *answers = vmmiMailboxTake(manager->mailbox);

    for (GList *item = answers; item; item = item->next) {
        vmmiAnswer *answer = item->data;
        vmmiMigration *migration =
            g_hash_table_lookup(manager->migrations, GSIZE_TO_POINTER(answer->token));

        if (migration)
            vmmiAskAnswered(migration, answer);
        vmmiAnswerFree(answer);
    }
    g_list_free(answers);
}

/* A shim or a plugin ended. */
static void
read_pidfd(vmmiManager *manager, int fd)
{
    vmmiMigration *migration = g_hash_table_lookup(manager->pidfds, GINT_TO_POINTER(fd));

    if (!migration)
        return;
    vmmiManagerDropPidfd(manager, fd == migration->shim_pidfd ? &migration->shim_pidfd
                                                              : &migration->plugin_pidfd);
    vmmiFollowLook(migration, NULL);
}

static void
read_event(vmmiManager *manager, int fd)
{
    uint64_t count;

    if (fd == manager->inotify_fd) {
        read_inotify(manager);
    } else if (fd == manager->timer_fd) {
        if (read(fd, &count, sizeof(count)) > 0)
            manager->armed_ms = 0;
    } else if (fd == vmmiMailboxGetFd(manager->mailbox)) {
        read_mailbox(manager);
    } else {
        read_pidfd(manager, fd);
    }
}

int
vmmiManagerDispatch(vmmiManager *manager, vmmiError **err)
{
    struct epoll_event events[MAX_EVENTS];
    int count, callbacks;

    if (vmmiManagerCheck(manager, err) < 0)
        return -1;
    if (manager->dispatching)
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "dispatch and wait cannot be called inside a callback");
    count = epoll_wait(manager->epoll_fd, events, MAX_EVENTS, 0);
    if (count < 0 && errno != EINTR)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot poll");
    vmmiManagerHold(manager);
    manager->dispatching = true;
    manager->callbacks = 0;
    g_ptr_array_set_size(manager->retired, 0);
    for (int i = 0; i < count; i++)
        read_event(manager, events[i].data.fd);
    vmmiTimersRun(manager);
    vmmiNoticesDeliver(manager);
    manager->dispatching = false;
    callbacks = manager->callbacks;
    if (manager->freed)
        tear_down(manager);
    else
        vmmiTimersArm(manager);
    vmmiManagerRelease(manager);
    return callbacks;
}
