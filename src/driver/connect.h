/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connect.h: the inside of a connection, and the calls that other rooms make through it.
 *
 * A connection holds the merged table and, per slot, the layer that brought it.
 */
#ifndef VMMI_DRIVER_CONNECT_H
#define VMMI_DRIVER_CONNECT_H

#include <sys/types.h>

#include <glib.h>

#include <libvmmi/vmmi-driver.h>

#define VMMI_DRIVER_MAX_SLOTS 32

struct vmmiConnect {
    int refs;                                         /* atomic */
    pid_t pid;                                        /* handles are refused after fork */
    char *uri;
    char *world;
    const vmmiDriver *driver;
    vmmiLocality locality;
    vmmiConnectOptions options;                       /* as in force; its strings are owned */
    vmmiDriverOps ops;                                /* merged */
    const char *layer_names[VMMI_DRIVER_MAX_SLOTS];   /* NULL: nothing serves the slot */
    void *privs[VMMI_DRIVER_MAX_SLOTS];
    GMutex note_lock;
    char *launch_note;                                /* see vmmiConnectNoteLaunch() */
};

/* The slots of vmmiDriverOps in order: names, places, which are mandatory. */
typedef struct {
    const char *name;
    size_t offset;
    bool mandatory;
} vmmiDriverSlot;
extern const vmmiDriverSlot vmmiDriverSlots[];
extern const size_t vmmiDriverSlotCount;

/* The index of a slot by its offset in vmmiDriverOps. */
size_t vmmiDriverSlotAt(size_t offset);
/* Whether a table holds something in a slot. */
bool vmmiDriverSlotIsSet(const vmmiDriverOps *ops, size_t index);

/*
 * Opens like vmmiConnectOpen(), with more layers on top of those of the driver (for tests, and for launching on the host of a
 * remote source). @extra must live as long as the connection.
 */
vmmiConnect *vmmiConnectOpenLayered(const char *uri, const vmmiConnectOptions *options,
                                    const vmmiDriverLayer *extra, size_t n_extra, vmmiError **err);
/* Checks that the handle can be used here, and that a slot is served. Returns 0 or -1. */
int vmmiConnectCheck(const vmmiConnect *connect, size_t slot, vmmiError **err);
/*
 * What the last launch has shown of systemd scopes, see vmmiSurvivalJudge(); NULL: nothing. Takes @note. The getter returns a copy to be freed. Any thread.
 */
void vmmiConnectNoteLaunch(vmmiConnect *connect, char *note);
char *vmmiConnectGetLaunchNote(vmmiConnect *connect);
/* The driver that takes a URI, or NULL. */
const vmmiDriver *vmmiDriverChoose(const char *uri, vmmiError **err);
/* Checks a driver's own table. Returns 0 or -1, naming what is missing. */
int vmmiDriverValidate(const vmmiDriver *driver, vmmiError **err);
/* Whether a driver is one of the library's own, so that another process can open it too. */
bool vmmiDriverIsBuiltin(const vmmiDriver *driver);

/* Calls through the table: like the members of vmmiDriverOps of the same name, VMMI_ERR_NOT_SUPPORTED when empty. */
int vmmiCallPing(vmmiConnect *connect, vmmiError **err);
int vmmiCallPluginList(vmmiConnect *connect,
                       void (*found)(const char *name, const char *path, bool shadowed,
                                     const vmmiError *refusal, void *opaque),
                       void *opaque, vmmiError **err);
int vmmiCallPluginLaunch(vmmiConnect *connect, const vmmiLaunchRequest *request, vmmiError **err);
int vmmiCallPluginSignal(vmmiConnect *connect, const char *job_dir, int signal_number,
                         vmmiError **err);
int vmmiCallGuestMonitor(vmmiConnect *connect, const char *uuid, vmmiEventFunc func, void *opaque,
                         vmmiFreeFunc free_opaque, void **ret_watch, vmmiError **err);
void vmmiCallGuestUnmonitor(vmmiConnect *connect, void *watch);
int vmmiCallMigrationCheck(vmmiConnect *connect, const vmmiMigrateRequest *request,
                           vmmiError **err);
int vmmiCallMigrationPerform(vmmiConnect *connect, const vmmiMigrateRequest *request,
                             vmmiDoneFunc done, void *opaque, vmmiFreeFunc free_opaque,
                             vmmiError **err);
int vmmiCallMigrationSample(vmmiConnect *connect, const char *uuid, vmmiSample *sample,
                            vmmiJobKind *job, vmmiError **err);
int vmmiCallMigrationCompletedSample(vmmiConnect *connect, const char *uuid, vmmiSample *sample,
                                     vmmiError **err);
int vmmiCallMigrationTune(vmmiConnect *connect, const char *uuid, vmmiTunable what, uint64_t value,
                          vmmiError **err);
int vmmiCallMigrationAbort(vmmiConnect *connect, const char *uuid, bool postcopy, vmmiError **err);
int vmmiCallMigrationStartPostcopy(vmmiConnect *connect, const char *uuid, vmmiError **err);

#endif
