/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-acknowledge.c: vmmi acknowledge: marks records of ended migrations as seen, so that they may
 * go some day.
 */
#include <stdio.h>

#include "open.h"
#include "report.h"

static gboolean all_ended;

static const GOptionEntry entries[] = {
    { "all-ended", 'a', 0, G_OPTION_ARG_NONE, &all_ended, "All migrations that have ended", NULL },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

/* The end must have been seen before it can be acknowledged. */
static int
acknowledge(const Opened *opened, const char *id, vmmiError **err)
{
    vmmiMigration *migration = vmmiMigrationOpen(opened->manager, id, NULL, err);
    int done = -1;

    if (migration && (vmmiRecordGetOutcome(opened->record) ||
                      (!opened->read_only && open_is_unsettled(opened->record))))
        open_settle(migration);
    if (migration)
        done = vmmiMigrationAcknowledge(migration, err);
    vmmiMigrationUnref(migration);
    return done;
}

static void
print_acknowledged(const Common *common, const char *id, const vmmiRecord *record)
{
    json_t *object;

    if (!common->json) {
        printf("%s\n", id);
        return;
    }
    object = open_record_object(record);
    json_object_set_new(object, "acknowledged", json_true());
    report_object(object);
}

static ExitCode
acknowledge_one(const Opened *in, const char *selector)
{
    const Common *common = in->common;
    Opened opened = { .common = common, .manager = in->manager, .read_only = in->read_only };
    vmmiError *error = NULL;
    ExitCode code = EXIT_DONE;

    if (open_record(&opened, common, selector, &error) < 0 ||
        acknowledge(&opened, vmmiRecordGetId(opened.record), &error) < 0)
        code = open_report(&opened, error);
    else
        print_acknowledged(common, vmmiRecordGetId(opened.record), opened.record);
    /* It has not ended. */
    if (vmmiErrorGetCode(error) == VMMI_ERR_STATE)
        code = EXIT_FAILED;
    vmmiErrorFree(error);
    opened.manager = NULL;
    open_clear(&opened);
    return code;
}

static ExitCode
worse(ExitCode one, ExitCode other)
{
    return MAX(one, other);
}

static ExitCode
acknowledge_ended(const Opened *in)
{
    vmmiError *error = NULL;
    vmmiRecordList *records = vmmiManagerListRecords(in->manager, VMMI_LIST_ENDED, &error);
    ExitCode code = records ? EXIT_DONE : open_report(in, error);

    for (size_t i = 0; i < vmmiRecordListGetCount(records); i++) {
        const vmmiRecord *record = vmmiRecordListGet(records, i);

        if (!vmmiRecordIsAcknowledged(record))
            code = worse(code, acknowledge_one(in, vmmiRecordGetId(record)));
    }
    vmmiRecordListFree(records);
    vmmiErrorFree(error);
    return code;
}

static ExitCode
run_acknowledge(const Common *common, char **arguments)
{
    Opened opened = { .common = common };
    vmmiError *error = NULL;
    ExitCode code = EXIT_DONE;

    if (!all_ended && !arguments[0])
        return report_usage(common, "acknowledge", "'acknowledge' needs ID... or --all-ended");
    if (all_ended && arguments[0])
        return report_usage(common, "acknowledge", "'%s' does not go with --all-ended",
                            arguments[0]);
    if (open_manager(&opened, common, &error) < 0)
        code = open_report(&opened, error);
    else if (all_ended)
        code = acknowledge_ended(&opened);
    for (size_t i = 0; !error && arguments[i]; i++)
        code = worse(code, acknowledge_one(&opened, arguments[i]));
    vmmiErrorFree(error);
    open_clear(&opened);
    return code;
}

const Verb verb_acknowledge = {
    .name = "acknowledge",
    .arguments = "ID...|--all-ended",
    .summary = "mark records of ended migrations as seen",
    .details =
        "A record stays until it is acknowledged, and then for a while. 'vmmi migrate', 'wait', "
        "'attach', 'abort' and 'release'\n"
        "acknowledge what they have told. Prints the ids.\n"
        "\n"
        "Exit status: 0 all were acknowledged, 1 one could not be (it has not ended), 5 no such "
        "migration.",
    .options = entries,
    .min_arguments = 0,
    .max_arguments = G_MAXINT,
    .acts = true,
    .run = run_acknowledge,
};
