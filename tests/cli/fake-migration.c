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

#include "fake.h"

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
    { .name = "completes-deaf",
      .precopy_steps = 2,
      .outcome = VMMI_OUTCOME_COMPLETED,
      .where = VMMI_WHERE_DESTINATION,
      .deaf = true },
    { .name = "fails-deaf",
      .precopy_steps = 2,
      .outcome = VMMI_OUTCOME_FAILED,
      .where = VMMI_WHERE_SOURCE,
      .error = VMMI_ERR_MIGRATION_FAILED,
      .deaf = true },
    { .name = "unknown-deaf",
      .precopy_steps = 2,
      .outcome = VMMI_OUTCOME_UNKNOWN,
      .error = VMMI_ERR_OUTCOME_UNKNOWN,
      .deaf = true },
    { .name = "guest-unknown", .start_error = VMMI_ERR_GUEST_UNKNOWN },
    { .name = "plugin-unknown", .start_error = VMMI_ERR_PLUGIN_UNKNOWN },
    { .name = "plugin-refused", .start_error = VMMI_ERR_PLUGIN_REFUSED },
    { .name = "guest-busy", .start_error = VMMI_ERR_GUEST_BUSY },
    { .name = "bad-option", .start_error = VMMI_ERR_OPTION },
    { .name = "control-characters", .start_error = VMMI_ERR_PLUGIN_LAUNCH },
};

struct vmmiManager {
    int fd;
    char *run_dir;
    bool read_only;
    vmmiMigration *migration;
};

struct vmmiMigration {
    vmmiManager *manager;
    const Play *play;
    char *id, *guest, *received;
    const char *replaces;
    unsigned int references, step, refusals, percent;
    vmmiState state;
    vmmiSample *sample;
    vmmiOutcome outcome;
    bool abort_asked, release_asked, status_asked;
    vmmiMigrationCallbacks callbacks;
};

/* --- the manager --------------------------------------------------------------------- */

vmmiManager *
vmmiManagerNew(const char *run_dir, unsigned int flags, vmmiError **err G_GNUC_UNUSED)
{
    vmmiManager *manager = g_new0(vmmiManager, 1);
    struct itimerspec every = { { 0, STEP_MS * 1000000 }, { 0, STEP_MS * 1000000 } };

    manager->run_dir = g_strdup(run_dir ? run_dir : "/nowhere");
    manager->read_only = flags & VMMI_MANAGER_READ_ONLY;
    manager->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    timerfd_settime(manager->fd, 0, &every, NULL);
    return manager;
}

void
vmmiManagerFree(vmmiManager *manager)
{
    if (!manager)
        return;
    close(manager->fd);
    g_free(manager->run_dir);
    g_free(manager);
}

const char *
vmmiManagerGetRunDir(const vmmiManager *manager)
{
    return manager->run_dir;
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
answer_status(vmmiMigration *migration)
{
    static const char text[] =
        "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": 1, \"status\": "
        "{\"state\": \"precopy\", \"percent\": 43, \"iteration\": 3, \"elapsedMs\": 12400, "
        "\"etaMs\": 4000, \"memory\": {\"total\": 2147483648, \"remaining\": 1288490188, "
        "\"bytesPerSecond\": 123731968}, \"dirtyBytesPerSecond\": 83886080, \"downtimeMs\": "
        "{\"limit\": 300, \"expected\": 240}, \"throttlePercent\": 20, \"policy\": {\"name\": "
        "\"touri\", \"reason\": \"it is\\u001b[31m early\"}}}";
    vmmiError *error = NULL;
    vmmiMessage *message = NULL;

    migration->status_asked = false;
    if (migration->play->deaf)
        vmmiErrorSet(&error, VMMI_ERR_TIMEOUT, "no answer came in time");
    else
        message = vmmiMessageParse(text, sizeof(text) - 1, &error);
    migration->callbacks.status(migration, message, error, migration->callbacks.opaque);
    vmmiMessageUnref(message);
    vmmiErrorFree(error);
}

static void
step(vmmiMigration *migration)
{
    const Play *play = migration->play;
    unsigned int n = ++migration->step;

    if (migration->status_asked)
        answer_status(migration);
    if (migration->abort_asked && !play->deaf)
        abort_comes_through(migration);
    else if (migration->release_asked && !play->deaf)
        end(migration, VMMI_OUTCOME_RELEASED, VMMI_WHERE_UNKNOWN, VMMI_ERR_RELEASED);
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

/* --- the migration ------------------------------------------------------------------- */

static char *
describe_request(const vmmiMigrationOptions *options)
{
    json_t *settings = json_array(), *object;
    char *text;

    for (size_t i = 0; options->settings && options->settings[i]; i++)
        json_array_append_new(settings, json_string(options->settings[i]));
    object = json_pack("{s:s?, s:s, s:s?, s:s?, s:o, s:b}", "plugin", options->plugin, "destination",
                       options->destination_uri, "migrateUri", options->migrate_uri,
                       "configuration", options->configuration, "settings", settings,
                       "survival", options->require_survival);
    text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

vmmiSurvival
vmmiManagerGetSurvival(const vmmiManager *manager G_GNUC_UNUSED, const char **ret_reason)
{
    const char *reason = g_getenv("VMMI_FAKE_SURVIVAL");

    *ret_reason = reason ? reason : "";
    return reason ? VMMI_SURVIVAL_SERVICE_KILLS : VMMI_SURVIVAL_DETACHED;
}

static const Play *
find_play(void)
{
    const char *name = g_getenv("VMMI_FAKE");
    const Play *play = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(plays); i++)
        play = g_strcmp0(plays[i].name, name) == 0 ? &plays[i] : play;
    return play;
}

static vmmiMigration *
new_migration(vmmiManager *manager, const Play *play, const char *id, const char *guest)
{
    vmmiMigration *migration = g_new0(vmmiMigration, 1);

    migration->references = 1;
    migration->manager = manager;
    migration->play = play;
    migration->id = g_strdup(id);
    migration->guest = g_strdup(guest);
    migration->sample = vmmiSampleNew();
    manager->migration = migration;
    return migration;
}

vmmiMigration *
vmmiMigrationStart(vmmiManager *manager, vmmiConnect *connect G_GNUC_UNUSED,
                   const vmmiMigrationOptions *options, vmmiError **err)
{
    const Play *play = find_play();
    vmmiMigration *migration;

    if (!play || play->start_error) {
        vmmiErrorSet(err, play ? play->start_error : VMMI_ERR_INTERNAL,
                     "the play '%s' cannot\n\033[31mstart", play ? play->name : "");
        vmmiErrorSetDetails(err, "more of it");
        return NULL;
    }
    migration = new_migration(manager, play, FAKE_ID, options->guest);
    migration->received = describe_request(options);
    return migration;
}

/* The record's migration plays on from its beginning; one that has ended has its end at once. */
vmmiMigration *
vmmiMigrationOpen(vmmiManager *manager, const char *id, vmmiConnect *connect G_GNUC_UNUSED,
                  vmmiError **err)
{
    vmmiRecord *record = vmmiManagerFindRecord(manager, id, err);
    vmmiMigration *migration;

    if (!record)
        return NULL;
    migration = new_migration(manager, find_play(), id, vmmiRecordGetGuestName(record));
    vmmiRecordFree(record);
    return migration;
}

/* Takes over the record that the guest has. */
vmmiMigration *
vmmiMigrationTakeOver(vmmiManager *manager, vmmiConnect *connect G_GNUC_UNUSED,
                      const vmmiTakeOverOptions *options, vmmiError **err)
{
    const vmmiMigrationOptions same = {
        .plugin = options->plugin,
        .guest = options->guest,
        .destination_uri = options->flags & VMMI_TAKE_OVER_KILL ? "kill" : "",
        .configuration = options->configuration,
        .settings = options->settings,
        .require_survival = options->require_survival,
    };
    vmmiMigration *migration = vmmiMigrationStart(manager, connect, &same, err);

    if (migration)
        migration->replaces = FAKE_UUID ".0";
    return migration;
}

vmmiMigration *
vmmiMigrationRef(vmmiMigration *migration)
{
    migration->references++;
    return migration;
}

void
vmmiMigrationUnref(vmmiMigration *migration)
{
    if (!migration || --migration->references)
        return;
    if (migration->manager->migration == migration)
        migration->manager->migration = NULL;
    vmmiErrorFree(migration->outcome.error);
    vmmiSampleFree(migration->outcome.statistics);
    vmmiSampleFree(migration->sample);
    g_free(migration->id);
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
vmmiMigrationGetId(const vmmiMigration *migration)
{
    return migration->id;
}

const char *
vmmiMigrationGetGuestName(const vmmiMigration *migration)
{
    return migration->guest;
}

const char *
vmmiMigrationGetGuestUuid(const vmmiMigration *migration G_GNUC_UNUSED)
{
    return FAKE_UUID;
}

const char *
vmmiMigrationGetPlugin(const vmmiMigration *migration G_GNUC_UNUSED)
{
    return "touri";
}

const char *
vmmiMigrationGetDirectory(const vmmiMigration *migration G_GNUC_UNUSED)
{
    return "/nowhere/jobs/" FAKE_ID;
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

int
vmmiMigrationRelease(vmmiMigration *migration, vmmiError **err G_GNUC_UNUSED)
{
    migration->release_asked = true;
    return 0;
}

int
vmmiMigrationRequestStatus(vmmiMigration *migration, unsigned int timeout_ms G_GNUC_UNUSED,
                           vmmiError **err)
{
    if (migration->play->not_ready)
        return vmmiErrorSet(err, VMMI_ERR_NOT_READY, "the plugin cannot be asked yet");
    migration->status_asked = true;
    return 0;
}

int
vmmiMigrationWait(vmmiMigration *migration, int timeout_ms G_GNUC_UNUSED, vmmiError **err)
{
    while (migration->play->precopy_steps && migration->outcome.kind == VMMI_OUTCOME_NONE)
        vmmiManagerDispatch(migration->manager, err);
    return migration->outcome.kind != VMMI_OUTCOME_NONE;
}

/* Leaves a trace that a test can see. */
int
vmmiMigrationAcknowledge(vmmiMigration *migration, vmmiError **err)
{
    const char *path = g_getenv("VMMI_FAKE_ACKNOWLEDGED");

    if (migration->outcome.kind == VMMI_OUTCOME_NONE)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "migration %s has not ended", migration->id);
    if (path)
        g_file_set_contents(path, migration->id, -1, NULL);
    return 0;
}

const char *
vmmiMigrationGetReplaces(const vmmiMigration *migration)
{
    return migration->replaces;
}

const char *
vmmiMigrationGetReplacedBy(const vmmiMigration *migration G_GNUC_UNUSED)
{
    return NULL;
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
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:s?}", "id", migration->id,
                  "guest", migration->guest, "uuid", FAKE_UUID, "plugin", "touri", "state",
                  vmmiStateToString(migration->state), "outcome",
                  vmmiOutcomeKindToString(outcome ? outcome->kind : VMMI_OUTCOME_NONE), "where",
                  vmmiWhereToString(outcome ? outcome->where : VMMI_WHERE_UNKNOWN), "percent",
                  (int)migration->percent, "error", what, "received", migration->received);
    char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    return text;
}
