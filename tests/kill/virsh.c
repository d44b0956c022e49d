/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virsh.c: the four commands of virsh that tests/fakes/good/minimal uses, for simulated hosts.
 *
 *     virsh -q --connect=URI domstate|domjobinfo|domjobabort UUID
 *     virsh -q --connect=URI migrate --live --p2p UUID DESTINATION [MIGRATION-URI]
 */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "driver/connect.h"
#include "migration/request.h"
#include "util/cleanup.h"

typedef struct {
    sem_t done;
    bool failed;
} Wait;

static void
finished(const vmmiError *error, void *opaque)
{
    Wait *wait = opaque;

    wait->failed = error != NULL;
    if (error)
        fprintf(stderr, "error: %s\n", vmmiErrorGetMessage(error));
    sem_post(&wait->done);
}

static int
migrate(vmmiConnect *connect, const char *uuid, const char *destination, vmmiError **err)
{
    static Wait wait;
    g_autoptr(vmmiRequest) request = vmmiRequestNew(NULL, uuid, destination, NULL, err);

    sem_init(&wait.done, 0, 0);
    if (!request ||
        vmmiCallMigrationPerform(connect, vmmiRequestGet(request), finished, &wait, NULL, err) < 0)
        return -1;
    while (sem_wait(&wait.done) < 0)
        ;
    return wait.failed ? -1 : 0;
}

static int
run(vmmiConnect *connect, char **words, int count, vmmiError **err)
{
    vmmiGuestInfo info;

    if (strcmp(words[0], "migrate") == 0 && count >= 5)
        return migrate(connect, words[3], words[4], err);
    if (count < 2 || vmmiGuestLookup(connect, words[1], &info, err) < 0)
        return -1;
    if (strcmp(words[0], "domstate") == 0)
        return info.state == VMMI_GUEST_ABSENT ? -1 : 0;
    if (strcmp(words[0], "domjobinfo") == 0)
        return info.job == VMMI_JOB_MIGRATION_OUT ? 0 : -1;
    if (strcmp(words[0], "domjobabort") == 0)
        return vmmiGuestAbortMigration(connect, words[1], err);
    return -1;
}

int
main(int argc, char **argv)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiConnect *connect;
    int status;

    if (argc < 5 || strncmp(argv[2], "--connect=", 10) != 0)
        return 2;
    connect = vmmiConnectOpen(argv[2] + 10, NULL, 0, &error);
    status = connect && run(connect, argv + 3, argc - 3, &error) == 0 ? 0 : 1;
    if (error)
        fprintf(stderr, "error: %s\n", vmmiErrorGetMessage(error));
    vmmiConnectUnref(connect);
    return status;
}
