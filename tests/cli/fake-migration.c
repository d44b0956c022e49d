/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-migration.c: the command with a scripted migration in place of the real one: each test sees
 * exactly the states, figures and ends that it asked for. It defines the calls of vmmi-migration.h
 * itself; the rest comes from the library.
 *
 * VMMI_FAKE names a row of plays[]. The URI "fake:" is a host that answers nothing else.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>
#include <jansson.h>

#include <libvmmi/libvmmi.h>

#define ID "01234567-89ab-cdef-0123-456789abcdef.1"
#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define STEP_MS 20

typedef struct {
    const char *name;
    int start_error;            /* 0: it starts */
    unsigned int precopy_steps; /* 0: for ever */
    vmmiOutcomeKind outcome;    /* by itself */
    vmmiWhere where;
    int error;
    bool deaf;                  /* abort is taken and nothing comes of it */
    unsigned int not_ready;     /* so many times abort answers that it is too early */
    vmmiOutcomeKind after_abort;
} Play;

static const Play plays[] = {
    { .name = "completes",
      .precopy_steps = 5,
      .outcome = VMMI_OUTCOME_COMPLETED,
      .where = VMMI_WHERE_DESTINATION },
    { .name = "fails",
      .precopy_steps = 2,
      .outcome = VMMI_OUTCOME_FAILED,
      .where = VMMI_WHERE_SOURCE,
      .error = VMMI_ERR_MIGRATION_FAILED },
    { .name = "released",
      .precopy_steps = 2,
      .outcome = VMMI_OUTCOME_RELEASED,
      .where = VMMI_WHERE_UNKNOWN,
      .error = VMMI_ERR_RELEASED },
    { .name = "unknown",
      .precopy_steps = 2,
      .outcome = VMMI_OUTCOME_UNKNOWN,
      .where = VMMI_WHERE_UNKNOWN,
      .error = VMMI_ERR_OUTCOME_UNKNOWN },
    { .name = "policy-deadline",
      .precopy_steps = 2,
      .outcome = VMMI_OUTCOME_ABORTED,
      .where = VMMI_WHERE_SOURCE,
      .error = VMMI_ERR_DEADLINE },
    { .name = "plugin-says-busy",
      .precopy_steps = 1,
      .outcome = VMMI_OUTCOME_FAILED,
      .where = VMMI_WHERE_SOURCE,
      .error = VMMI_ERR_GUEST_BUSY },
    { .name = "endless", .after_abort = VMMI_OUTCOME_ABORTED },
    { .name = "not-ready", .not_ready = 2, .after_abort = VMMI_OUTCOME_ABORTED },
    { .name = "abort-too-late", .after_abort = VMMI_OUTCOME_COMPLETED },
    { .name = "deaf", .deaf = true },
    { .name = "guest-unknown", .start_error = VMMI_ERR_GUEST_UNKNOWN },
    { .name = "plugin-unknown", .start_error = VMMI_ERR_PLUGIN_UNKNOWN },
    { .name = "plugin-refused", .start_error = VMMI_ERR_PLUGIN_REFUSED },
    { .name = "guest-busy", .start_error = VMMI_ERR_GUEST_BUSY },
    { .name = "bad-option", .start_error = VMMI_ERR_OPTION },
    { .name = "control-characters", .start_error = VMMI_ERR_PLUGIN_LAUNCH },
};

struct vmmiOutcome {
    vmmiOutcomeKind kind;
    vmmiWhere where;
    vmmiError *error;
    vmmiSample *statistics;
};

struct vmmiManager {
    int fd;
    vmmiMigration *migration;
};

struct vmmiMigration {
    vmmiManager *manager;
    const Play *play;
    char *guest, *received;
    unsigned int step, refusals, percent;
    vmmiState state;
    vmmiSample *sample;
    vmmiOutcome outcome;
    bool abort_asked;
    vmmiMigrationCallbacks callbacks;
};

/* --- a host
 * -----------------------------------------------------------------------------------------------
 */

static void
host_close(void *priv G_GNUC_UNUSED)
{
}

static int
host_lookup(void *priv G_GNUC_UNUSED, const char *selector G_GNUC_UNUSED,
            vmmiGuestInfo *info G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "nobody");
}

static int
host_info(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED,
          vmmiGuestInfo *info G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "nobody");
}

static int
host_perform(void *priv G_GNUC_UNUSED, const vmmiMigrateRequest *request G_GNUC_UNUSED,
             vmmiDoneFunc done G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED,
             vmmiFreeFunc free_opaque G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_STATE, "no");
}

static int
host_sample(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED,
            vmmiSample *sample G_GNUC_UNUSED, vmmiJobKind *job G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_STATE, "no");
}

static int
host_abort(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, bool postcopy G_GNUC_UNUSED,
           vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_STATE, "the host refuses as well");
}

static int
host_probe(const char *uri, vmmiError **err)
{
    return g_str_has_prefix(uri, "fake:") ? 0 : vmmiErrorSet(err, VMMI_ERR_DECLINED, "not mine");
}

static int
host_open(const char *uri G_GNUC_UNUSED, const vmmiConnectOptions *options G_GNUC_UNUSED,
          unsigned int flags G_GNUC_UNUSED, vmmiDriverOpened *opened, vmmiError **err G_GNUC_UNUSED)
{
    static const vmmiDriverOps ops = {
        .close = host_close,
        .guest_lookup = host_lookup,
        .guest_get_info = host_info,
        .migration_perform = host_perform,
        .migration_sample = host_sample,
        .migration_abort = host_abort,
    };
    static const vmmiDriverLayer layer = { "fake", NULL, &ops, sizeof(ops), NULL };

    opened->layers = &layer;
    opened->n_layers = 1;
    return 0;
}

static void __attribute__((constructor))
register_host(void)
{
    static const vmmiDriver driver = {
        VMMI_DRIVER_INIT,    .name = "fake",    .summary = "a host for tests",
        .probe = host_probe, .open = host_open,
    };

    vmmiDriverRegister(&driver, NULL);
}

/* --- the manager
 * ------------------------------------------------------------------------------------------ */

vmmiManager *
vmmiManagerNew(const char *run_dir G_GNUC_UNUSED, unsigned int flags G_GNUC_UNUSED,
               vmmiError **err G_GNUC_UNUSED)
{
    vmmiManager *manager = g_new0(vmmiManager, 1);
    struct itimerspec every = { { 0, STEP_MS * 1000000 }, { 0, STEP_MS * 1000000 } };

    manager->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    timerfd_settime(manager->fd, 0, &every, NULL);
    return manager;
}

void
vmmiManagerFree(vmmiManager *manager)
{
    if (manager)
        close(manager->fd);
    g_free(manager);
}

int
vmmiManagerGetFd(const vmmiManager *manager)
{
    return manager->fd;
}

static void
change_state(vmmiMigration *migration, vmmiState to)
{
    vmmiState from = migration->state;

    migration->state = to;
    if (migration->callbacks.state)
        migration->callbacks.state(migration, from, to, migration->callbacks.opaque);
}

static void
end(vmmiMigration *migration, vmmiOutcomeKind kind, vmmiWhere where, int error)
{
    static const vmmiState states[] = {
        VMMI_STATE_UNKNOWN, VMMI_STATE_COMPLETED, VMMI_STATE_FAILED,
        VMMI_STATE_ABORTED, VMMI_STATE_RELEASED,  VMMI_STATE_UNKNOWN
    };

    migration->outcome.kind = kind;
    migration->outcome.where = where;
    if (error)
        vmmiErrorSet(&migration->outcome.error, error, "the play ends with %s",
                     vmmiErrorCodeToString(error));
    if (kind == VMMI_OUTCOME_COMPLETED) {
        migration->percent = 100;
        migration->outcome.statistics = vmmiSampleNew();
        vmmiSampleSet(migration->outcome.statistics, VMMI_SAMPLE_ELAPSED_MS, 6400);
        vmmiSampleSet(migration->outcome.statistics, VMMI_SAMPLE_DOWNTIME_FINAL_MS, 212);
        vmmiSampleSet(migration->outcome.statistics, VMMI_SAMPLE_DATA_PROCESSED_BYTES,
                      UINT64_C(1288490189));
        vmmiSampleSet(migration->outcome.statistics, VMMI_SAMPLE_ITERATION, 5);
    }
    change_state(migration, states[kind]);
    if (migration->callbacks.end)
        migration->callbacks.end(migration, &migration->outcome, migration->callbacks.opaque);
}

static void
take_sample(vmmiMigration *migration)
{
    unsigned int n = migration->step;

    migration->percent = MIN(n * 9, 98);
    vmmiSampleSet(migration->sample, VMMI_SAMPLE_DATA_REMAINING_BYTES,
                  (uint64_t)(1000 - MIN(n, 900)) << 20);
    vmmiSampleSet(migration->sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, 118 << 20);
    vmmiSampleSet(migration->sample, VMMI_SAMPLE_ITERATION, n);
    vmmiSampleSet(migration->sample, VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, 240);
    vmmiSampleSet(migration->sample, VMMI_SAMPLE_ETA_MS, 4000);
    if (migration->callbacks.sample)
        migration->callbacks.sample(migration, migration->sample, migration->callbacks.opaque);
}

static void
abort_comes_through(vmmiMigration *migration)
{
    bool completed = migration->play->after_abort == VMMI_OUTCOME_COMPLETED;

    end(migration, migration->play->after_abort,
        completed ? VMMI_WHERE_DESTINATION : VMMI_WHERE_SOURCE,
        completed ? 0 : VMMI_ERR_MIGRATION_ABORTED);
}

static void
step(vmmiMigration *migration)
{
    const Play *play = migration->play;
    unsigned int n = ++migration->step;

    if (migration->abort_asked && !play->deaf)
        abort_comes_through(migration);
    else if (n == 1)
        change_state(migration, VMMI_STATE_BEGIN);
    else if (n == 2)
        change_state(migration, VMMI_STATE_PRECOPY);
    else if (!play->precopy_steps || n < play->precopy_steps + 3)
        take_sample(migration);
    else if (play->outcome == VMMI_OUTCOME_COMPLETED && migration->state == VMMI_STATE_PRECOPY)
        change_state(migration, VMMI_STATE_SWITCHOVER);
    else
        end(migration, play->outcome, play->where, play->error);
}

int
vmmiManagerDispatch(vmmiManager *manager, vmmiError **err G_GNUC_UNUSED)
{
    uint64_t ticks;

    if (read(manager->fd, &ticks, sizeof(ticks)) < 0 || !manager->migration)
        return 0;
    if (manager->migration->outcome.kind == VMMI_OUTCOME_NONE)
        step(manager->migration);
    return 1;
}

/* --- the migration
 * ---------------------------------------------------------------------------------------- */

static char *
describe_request(const vmmiMigrationOptions *options)
{
    json_t *settings = json_array(), *object;
    char *text;

    for (size_t i = 0; options->settings && options->settings[i]; i++)
        json_array_append_new(settings, json_string(options->settings[i]));
    object = json_pack("{s:s?, s:s, s:s?, s:s?, s:o}", "plugin", options->plugin, "destination",
                       options->destination_uri, "migrateUri", options->migrate_uri,
                       "configuration", options->configuration, "settings", settings);
    text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

vmmiMigration *
vmmiMigrationStart(vmmiManager *manager, vmmiConnect *connect G_GNUC_UNUSED,
                   const vmmiMigrationOptions *options, vmmiError **err)
{
    const char *name = g_getenv("VMMI_FAKE");
    vmmiMigration *migration;
    const Play *play = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(plays); i++)
        play = g_strcmp0(plays[i].name, name) == 0 ? &plays[i] : play;
    if (!play || play->start_error) {
        vmmiErrorSet(err, play ? play->start_error : VMMI_ERR_INTERNAL,
                     "the play '%s' cannot\n\033[31mstart", name ? name : "");
        vmmiErrorSetDetails(err, "more of it");
        return NULL;
    }
    migration = g_new0(vmmiMigration, 1);
    migration->manager = manager;
    migration->play = play;
    migration->guest = g_strdup(options->guest);
    migration->received = describe_request(options);
    migration->sample = vmmiSampleNew();
    manager->migration = migration;
    return migration;
}

void
vmmiMigrationUnref(vmmiMigration *migration)
{
    if (!migration)
        return;
    migration->manager->migration = NULL;
    vmmiErrorFree(migration->outcome.error);
    vmmiSampleFree(migration->outcome.statistics);
    vmmiSampleFree(migration->sample);
    g_free(migration->guest);
    free(migration->received);
    g_free(migration);
}

int
vmmiMigrationWatch(vmmiMigration *migration, const vmmiMigrationCallbacks *callbacks,
                   vmmiError **err G_GNUC_UNUSED)
{
    migration->callbacks = *callbacks;
    return 0;
}

const char *
vmmiMigrationGetId(const vmmiMigration *migration G_GNUC_UNUSED)
{
    return ID;
}

const char *
vmmiMigrationGetGuestName(const vmmiMigration *migration)
{
    return migration->guest;
}

const char *
vmmiMigrationGetGuestUuid(const vmmiMigration *migration G_GNUC_UNUSED)
{
    return UUID;
}

const char *
vmmiMigrationGetPlugin(const vmmiMigration *migration G_GNUC_UNUSED)
{
    return "touri";
}

const char *
vmmiMigrationGetDirectory(const vmmiMigration *migration G_GNUC_UNUSED)
{
    return "/nowhere/jobs/" ID;
}

vmmiState
vmmiMigrationGetState(const vmmiMigration *migration)
{
    return migration->state;
}

const vmmiSample *
vmmiMigrationGetSample(const vmmiMigration *migration)
{
    return migration->sample;
}

unsigned int
vmmiMigrationGetPercent(const vmmiMigration *migration)
{
    return migration->percent;
}

const vmmiOutcome *
vmmiMigrationGetOutcome(const vmmiMigration *migration)
{
    return migration->outcome.kind == VMMI_OUTCOME_NONE ? NULL : &migration->outcome;
}

int
vmmiMigrationAbort(vmmiMigration *migration, vmmiError **err)
{
    if (migration->refusals++ < migration->play->not_ready)
        return vmmiErrorSet(err, VMMI_ERR_NOT_READY, "too early");
    migration->abort_asked = true;
    return 0;
}

vmmiOutcomeKind
vmmiOutcomeGetKind(const vmmiOutcome *outcome)
{
    return outcome->kind;
}

vmmiWhere
vmmiOutcomeGetWhere(const vmmiOutcome *outcome)
{
    return outcome->where;
}

const vmmiError *
vmmiOutcomeGetError(const vmmiOutcome *outcome)
{
    return outcome->error;
}

const vmmiSample *
vmmiOutcomeGetStatistics(const vmmiOutcome *outcome)
{
    return outcome->statistics;
}

char *
vmmiMigrationToJson(const vmmiMigration *migration, vmmiError **err G_GNUC_UNUSED)
{
    const vmmiOutcome *outcome = vmmiMigrationGetOutcome(migration);
    const vmmiError *error = outcome ? outcome->error : NULL;
    json_t *what =
        error ? json_pack("{s:i, s:s, s:s}", "code", vmmiErrorGetCode(error), "message",
                          vmmiErrorGetMessage(error), "details", vmmiErrorGetDetails(error))
              : json_null();
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:s}", "id", ID, "guest", migration->guest,
        "uuid", UUID, "plugin", "touri", "state", vmmiStateToString(migration->state), "outcome",
        vmmiOutcomeKindToString(outcome ? outcome->kind : VMMI_OUTCOME_NONE), "where",
        vmmiWhereToString(outcome ? outcome->where : VMMI_WHERE_UNKNOWN), "percent",
        (int)migration->percent, "error", what, "received", migration->received);
    char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    return text;
}
