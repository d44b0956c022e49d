/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place.c: where a guest is, by evidence.
 *
 * First the source's own word; where that does not decide, the source's last event, the journal,
 * the completion, the destination (architecture.md, section 9). Nothing is guessed: what stays open
 * is "unknown".
 */
#include "migration/place.h"

static const char *const state_words[] = {
    "in an unknown state", "running", "paused", "shut off", "crashed", "not known there",
};
static const char *const reason_words[] = {
    "",          "migration under way",
    "migrated",  "migration canceled",
    "post-copy", "post-copy failed",
    "by a user", "shut down",
    "destroyed", "crashed",
};
G_STATIC_ASSERT(G_N_ELEMENTS(state_words) == VMMI_GUEST_LAST);
G_STATIC_ASSERT(G_N_ELEMENTS(reason_words) == VMMI_REASON_LAST);

char *
vmmiLookToText(const vmmiLook *look)
{
    const char *state =
        (unsigned int)look->state < VMMI_GUEST_LAST ? state_words[look->state] : "?";
    const char *reason =
        (unsigned int)look->reason < VMMI_REASON_LAST ? reason_words[look->reason] : "";

    /* Only events say why a guest is absent. */
    if (!*reason)
        return g_strdup(state);
    if (look->state == VMMI_GUEST_ABSENT)
        return g_strdup(reason);
    return g_strdup_printf("%s: %s", state, reason);
}

static vmmiPlace
place_of_paused(vmmiGuestReason reason)
{
    switch (reason) {
    case VMMI_REASON_POSTCOPY_FAILED:
        return VMMI_PLACE_BOTH;
    case VMMI_REASON_MIGRATION:
    case VMMI_REASON_POSTCOPY:
        return VMMI_PLACE_MOVING;
    default:
        return VMMI_PLACE_SOURCE;
    }
}

static vmmiPlace
place_of_shutoff(vmmiGuestReason reason)
{
    switch (reason) {
    case VMMI_REASON_MIGRATED:
        return VMMI_PLACE_DESTINATION;
    case VMMI_REASON_SHUTDOWN:
    case VMMI_REASON_DESTROYED:
    case VMMI_REASON_CRASHED:
        return VMMI_PLACE_NOWHERE;
    default:
        return VMMI_PLACE_LEFT;
    }
}

static vmmiPlace
place_of_source(const vmmiLook *look)
{
    if (look->kind != VMMI_LOOK_SEEN)
        return VMMI_PLACE_UNKNOWN;
    if (look->reason == VMMI_REASON_POSTCOPY_FAILED)
        return VMMI_PLACE_BOTH;
    if (look->job == VMMI_JOB_MIGRATION_OUT)
        return VMMI_PLACE_MOVING;
    switch (look->state) {
    case VMMI_GUEST_RUNNING:
        return VMMI_PLACE_SOURCE;
    case VMMI_GUEST_PAUSED:
        return place_of_paused(look->reason);
    case VMMI_GUEST_SHUTOFF:
        return place_of_shutoff(look->reason);
    case VMMI_GUEST_CRASHED:
        return VMMI_PLACE_NOWHERE;
    case VMMI_GUEST_ABSENT:
        return VMMI_PLACE_LEFT;
    default:
        return VMMI_PLACE_UNKNOWN;
    }
}

bool
vmmiLookIsMoving(const vmmiLook *look)
{
    return place_of_source(look) == VMMI_PLACE_MOVING;
}

bool
vmmiLookIsStalled(const vmmiLook *look)
{
    return look->kind == VMMI_LOOK_SEEN && look->state == VMMI_GUEST_PAUSED &&
           look->job != VMMI_JOB_MIGRATION_OUT && look->reason == VMMI_REASON_MIGRATION;
}

bool
vmmiLookHasLeft(const vmmiLook *look)
{
    vmmiPlace place = place_of_source(look);

    return place == VMMI_PLACE_DESTINATION || place == VMMI_PLACE_NOWHERE ||
           place == VMMI_PLACE_LEFT;
}

bool
vmmiLookDecides(const vmmiLook *look)
{
    vmmiPlace place = place_of_source(look);

    return place != VMMI_PLACE_UNKNOWN && place != VMMI_PLACE_LEFT;
}

/* An event is old news: it counts where it told of an end. */
static vmmiPlace
place_of_event(const vmmiLook *event)
{
    if (event->kind != VMMI_LOOK_SEEN)
        return VMMI_PLACE_UNKNOWN;
    /* A transient guest is not shut off but gone; the event tells why all the same. */
    if (event->state == VMMI_GUEST_SHUTOFF || event->state == VMMI_GUEST_ABSENT)
        return place_of_shutoff(event->reason);
    if (event->state == VMMI_GUEST_CRASHED)
        return VMMI_PLACE_NOWHERE;
    if (event->reason == VMMI_REASON_POSTCOPY_FAILED)
        return VMMI_PLACE_BOTH;
    if (event->state == VMMI_GUEST_RUNNING && event->reason == VMMI_REASON_MIGRATION_CANCELED)
        return VMMI_PLACE_SOURCE;
    return VMMI_PLACE_UNKNOWN;
}

static vmmiPlace
place_of_where(vmmiWhere where)
{
    switch (where) {
    case VMMI_WHERE_SOURCE:
        return VMMI_PLACE_SOURCE;
    case VMMI_WHERE_DESTINATION:
        return VMMI_PLACE_DESTINATION;
    case VMMI_WHERE_NOWHERE:
        return VMMI_PLACE_NOWHERE;
    case VMMI_WHERE_BOTH:
        return VMMI_PLACE_BOTH;
    default:
        return VMMI_PLACE_UNKNOWN;
    }
}

/* A success counts when the plugin also ended like one, or when its end was not seen and the source
 * let the guest go (B9). */
static bool
success_counts(const vmmiEvidence *evidence, vmmiPlace source)
{
    if (evidence->said != VMMI_SAID_SUCCESS)
        return false;
    if (evidence->exit_kind == VMMI_EXIT_EXITED)
        return evidence->exit_value == 0;
    return evidence->exit_kind == VMMI_EXIT_UNKNOWN && source == VMMI_PLACE_LEFT;
}

static vmmiPlace
place_of_destination(const vmmiLook *look, vmmiPlace source)
{
    if (look->kind != VMMI_LOOK_SEEN)
        return VMMI_PLACE_UNKNOWN;
    if (look->reason == VMMI_REASON_POSTCOPY_FAILED)
        return VMMI_PLACE_BOTH;
    if (look->state == VMMI_GUEST_RUNNING)
        return VMMI_PLACE_DESTINATION;
    if (source != VMMI_PLACE_LEFT)
        return VMMI_PLACE_UNKNOWN;
    if (look->state == VMMI_GUEST_PAUSED)
        return look->reason == VMMI_REASON_MIGRATION ? VMMI_PLACE_UNKNOWN : VMMI_PLACE_DESTINATION;
    /* Gone here and not there. */
    return look->state == VMMI_GUEST_UNKNOWN ? VMMI_PLACE_UNKNOWN : VMMI_PLACE_NOWHERE;
}

/* Whether a place can be true although the source does not have the guest any more. */
static bool
fits(vmmiPlace place, vmmiPlace source)
{
    return place != VMMI_PLACE_UNKNOWN && place != VMMI_PLACE_LEFT &&
           (source != VMMI_PLACE_LEFT || place != VMMI_PLACE_SOURCE);
}

/* What the plugin said, in its journal and its completion. */
static vmmiPlace
place_of_statements(const vmmiEvidence *evidence, vmmiPlace source, const char **by)
{
    vmmiPlace place =
        evidence->journal_ended ? place_of_where(evidence->journal_where) : VMMI_PLACE_UNKNOWN;

    *by = "the plugin's journal";
    if (fits(place, source))
        return place;
    *by = "the plugin's completion";
    place = place_of_where(evidence->said_where);
    if (evidence->said != VMMI_SAID_SUCCESS && fits(place, source))
        return place;
    return success_counts(evidence, source) ? VMMI_PLACE_DESTINATION : VMMI_PLACE_UNKNOWN;
}

/* It may have been started on the destination; its migration would have told, but runs no more. */
bool
vmmiPlaceIsStalled(const vmmiEvidence *evidence)
{
    return evidence->stalled && vmmiLookIsStalled(&evidence->source);
}

static char *
describe_source(const vmmiEvidence *evidence, const char *then)
{
    g_autofree char *look = NULL;

    if (evidence->source.kind != VMMI_LOOK_SEEN)
        return g_strdup_printf("the source did not answer%s%s; %s",
                               evidence->source_failure ? ": " : "",
                               evidence->source_failure ? evidence->source_failure : "", then);
    look = vmmiLookToText(&evidence->source);
    return g_strdup_printf("source domain is %s%s; %s", look,
                           vmmiPlaceIsStalled(evidence) ? ", but no migration runs any more" : "", then);
}

/* The source does not decide: ask the rest, in order. */
static vmmiPlace
place_of_rest(const vmmiEvidence *evidence, vmmiPlace source, char **text)
{
    vmmiPlace there = place_of_destination(&evidence->destination, source);
    vmmiPlace place = place_of_event(&evidence->event);
    g_autofree char *look = NULL;
    g_autofree char *then = NULL;
    const char *by;

    if (fits(place, source)) {
        look = vmmiLookToText(&evidence->event);
        then = g_strdup_printf("it had reported: %s", look);
    } else if (fits(place = place_of_statements(evidence, source, &by), source) &&
               (evidence->destination.kind != VMMI_LOOK_SEEN || place == there ||
                place != VMMI_PLACE_DESTINATION)) {
        then = g_strdup_printf("%s says: %s", by, vmmiWhereToString(vmmiPlaceToWhere(place, NULL)));
    } else if (fits(there, source)) {
        place = there;
        look = vmmiLookToText(&evidence->destination);
        then = g_strdup_printf("on the destination the guest is %s", look);
    } else {
        place = source;
        then = g_strdup("nothing else tells where it is");
    }
    *text = describe_source(evidence, then);
    return place;
}

/* A guest that was shut off before: only its definition moves. */
static vmmiPlace
place_of_inactive(const vmmiEvidence *evidence, char **text)
{
    if (evidence->said == VMMI_SAID_SUCCESS && evidence->exit_kind == VMMI_EXIT_EXITED &&
        evidence->exit_value == 0) {
        *text = g_strdup(
            "the guest is shut off; the plugin's completion says that its definition moved");
        return VMMI_PLACE_DESTINATION;
    }
    *text = g_strdup("source domain is shut off, as before");
    return evidence->source.reason == VMMI_REASON_MIGRATED ? VMMI_PLACE_UNKNOWN
                                                           : VMMI_PLACE_NOWHERE;
}

/* The hosts show the end of another migration by now. That it could be started shows where the
 * guest was. */
static vmmiPlace
place_before_next(const vmmiEvidence *evidence, char **text)
{
    const char *by;
    vmmiPlace place = place_of_statements(evidence, VMMI_PLACE_UNKNOWN, &by);

    if (place == VMMI_PLACE_UNKNOWN) {
        *text = g_strdup_printf("migration %s was started from the source afterwards",
                                evidence->next);
        return VMMI_PLACE_SOURCE;
    }
    *text = g_strdup_printf("%s says: %s; the hosts tell of migration %s, which was started "
                            "afterwards",
                            by, vmmiWhereToString(vmmiPlaceToWhere(place, NULL)), evidence->next);
    return place;
}

vmmiPlace
vmmiPlaceFind(const vmmiEvidence *evidence, char **text)
{
    vmmiPlace source =
        vmmiPlaceIsStalled(evidence) ? VMMI_PLACE_UNKNOWN : place_of_source(&evidence->source);
    g_autofree char *look = NULL;

    if (evidence->next)
        return place_before_next(evidence, text);
    if (evidence->inactive && evidence->source.kind == VMMI_LOOK_SEEN &&
        evidence->source.state == VMMI_GUEST_SHUTOFF && source != VMMI_PLACE_MOVING)
        return place_of_inactive(evidence, text);
    if (source == VMMI_PLACE_UNKNOWN || source == VMMI_PLACE_LEFT)
        return place_of_rest(evidence, source, text);
    look = vmmiLookToText(&evidence->source);
    *text = g_strdup_printf("source domain is %s%s", look,
                            evidence->source.job == VMMI_JOB_MIGRATION_OUT ? ", its migration runs"
                                                                           : "");
    return source;
}

vmmiWhere
vmmiPlaceToWhere(vmmiPlace place, const vmmiLook *source)
{
    switch (place) {
    case VMMI_PLACE_SOURCE:
        return VMMI_WHERE_SOURCE;
    case VMMI_PLACE_DESTINATION:
        return VMMI_WHERE_DESTINATION;
    case VMMI_PLACE_NOWHERE:
        return VMMI_WHERE_NOWHERE;
    case VMMI_PLACE_BOTH:
        return VMMI_WHERE_BOTH;
    case VMMI_PLACE_MOVING:
        return source && source->reason == VMMI_REASON_POSTCOPY ? VMMI_WHERE_DESTINATION
                                                                : VMMI_WHERE_SOURCE;
    default:
        return VMMI_WHERE_UNKNOWN;
    }
}
