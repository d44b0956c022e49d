/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-policy.h: how a policy is written. vmmiPolicyMain() makes a complete plugin out of a
 * vmmiPolicy table.
 *
 * A policy is a table of decisions. It does no input or output, starts no thread and reads no
 * clock: it gets events with the time in them, and asks for actions. So the same table runs in a
 * plugin, in the simulator, over a recorded trace, and in shadow mode where nothing it asks for is
 * done. All callbacks of one policy run on one thread, one at a time.
 */
#ifndef VMMI_POLICY_H
#define VMMI_POLICY_H

#include <libvmmi/vmmi-connect.h>
#include <libvmmi/vmmi-driver.h>

VMMI_BEGIN_DECLS

#define VMMI_POLICY_API_VERSION 1

typedef enum {
    VMMI_OPTION_BOOL = 0,
    VMMI_OPTION_UINT,
    VMMI_OPTION_STRING,
    VMMI_OPTION_JSON,   /* any JSON; the policy reads its text */
    VMMI_OPTION_STRINGS /* an array of strings, or one string with commas. Since: 0.1 */
} vmmiPolicyOptionType;

/* An option of a policy: stands in the configuration at `policy.NAME`. A misspelt or impossible one
 * is refused by name before anything starts (B1). The array ends with a NULL name. */
typedef struct {
    const char *name; /* camelCase, unit included: "downtimeSoftMs" */
    vmmiPolicyOptionType type;
    const char *default_value;  /* JSON text; NULL: none */
    uint64_t minimum, maximum;  /* of VMMI_OPTION_UINT; both 0: any */
    const char *const *choices; /* of VMMI_OPTION_STRING(S); ends with NULL; NULL: any */
    const char *unit;           /* "ms", "MiB/s"; NULL: none */
    const char *meaning;        /* one sentence */
} vmmiPolicyOption;

typedef struct vmmiPolicyConfig vmmiPolicyConfig;
typedef struct vmmiPolicyStart vmmiPolicyStart;
typedef struct vmmiPolicyActions vmmiPolicyActions;
typedef struct vmmiPolicyStatus vmmiPolicyStatus;

typedef enum {
    VMMI_POLICY_SAMPLE = 0, /* .sample: at least once a second while the migration runs */
    VMMI_POLICY_ITERATION,  /* .sample, .iteration: a pre-copy pass begins */
    VMMI_POLICY_STATE,      /* .state changed */
    VMMI_POLICY_ACTION,     /* .action_id: the result of an action of its own; .error NULL: done */
    VMMI_POLICY_TIMER       /* the time that the policy asked for has come */
} vmmiPolicyEventType;

typedef struct {
    size_t size;
    vmmiPolicyEventType type;
    uint64_t now_ms;          /* since the policy took charge; never goes back */
    vmmiState state;          /* at present */
    const vmmiSample *sample; /* the latest, borrowed; NULL before the first */
    uint64_t iteration;
    unsigned int action_id;
    const vmmiError *error;
} vmmiPolicyEvent;

typedef struct {
    /* Set by VMMI_POLICY_INIT, never by hand. */
    size_t struct_size;
    unsigned int api_version;

    /* Mandatory. The plugin's name, version and one line of text (B17). Static storage. */
    const char *name;
    const char *version;
    const char *summary;
    /* Optional. What it needs, "postcopy", "suspend"; ends with NULL. */
    const char *const *needs;
    /* Optional. Ends with an entry whose name is NULL. */
    const vmmiPolicyOption *options;
    /* Bytes of state that every callback gets, zeroed; 0: the callbacks get NULL. */
    size_t state_size;

    /** Optional. Reads the options, which are checked against their table already. Returns: 0, or
     * -1 with @err. */
    int (*configure)(void *state, const vmmiPolicyConfig *config, vmmiError **err);
    /**
     * Optional. Chooses start flags and parameters; those that the user named or forbade are fixed.
     * @refusal is NULL the first time; when the start was refused it says why, and the policy is
     * asked once more. Returns: 0, or -1 to give up.
     */
    int (*prepare)(void *state, vmmiPolicyStart *start, const vmmiError *refusal, vmmiError **err);
    /** Optional. An event in, actions out. Returns: 0, or -1 with @err: the policy is broken, the
     * migration goes on without it. */
    int (*on_event)(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
                    vmmiError **err);
    /** Optional. Says in words and figures what it is waiting for (B4). */
    void (*status)(void *state, vmmiPolicyStatus *status);
    /** Optional. Frees what the state holds; runs exactly once, also when configure failed. */
    void (*clear)(void *state);

    /* Optional. Names of options that may also stand at the top level of the configuration, beside
     * `policy` (B1); ends with NULL. For the keys of configurations that are older than the library.
     * An option in both places is an error. Since: 0.1 */
    const char *const *top_level;

    /* New members go here, last, with a Since line and a row in tests/abi. */
} vmmiPolicy;

#define VMMI_POLICY_INIT .struct_size = sizeof(vmmiPolicy), .api_version = VMMI_POLICY_API_VERSION

/* Options by name; the default when the user gave none. False: no value, or an option of another
 * type. Strings are borrowed. */
VMMI_PUBLIC bool vmmiPolicyConfigGetBool(const vmmiPolicyConfig *config, const char *name,
                                         bool *value);
VMMI_PUBLIC bool vmmiPolicyConfigGetUInt(const vmmiPolicyConfig *config, const char *name,
                                         uint64_t *value);
VMMI_PUBLIC bool vmmiPolicyConfigGetString(const vmmiPolicyConfig *config, const char *name,
                                           const char **value);
VMMI_PUBLIC bool vmmiPolicyConfigGetJson(const vmmiPolicyConfig *config, const char *name,
                                         const char **value);
/** @values: (out): borrowed, ends with NULL, without what was there twice. Since: 0.1 */
VMMI_PUBLIC bool vmmiPolicyConfigGetStrings(const vmmiPolicyConfig *config, const char *name,
                                            const char *const **values);

/* Start flags by libvirt's name in lower case ("postcopy"). A fixed one stays as it is. */
VMMI_PUBLIC bool vmmiPolicyStartHasFlag(const vmmiPolicyStart *start, const char *flag);
/** Returns: whether the flag now is as asked; false when the user fixed it otherwise. Since: 0.1 */
VMMI_PUBLIC bool vmmiPolicyStartSetFlag(vmmiPolicyStart *start, const char *flag, bool on);
/** Sets a typed parameter unless the user named it. Returns: whether it was set. Since: 0.1 */
VMMI_PUBLIC bool vmmiPolicyStartSetUInt(vmmiPolicyStart *start, const char *param, uint64_t value);
/** The same for a parameter that is a string, or a list of strings ("compression"), of which this
 * is the only one. @value NULL takes back what the policy has set. Since: 0.1 */
VMMI_PUBLIC bool vmmiPolicyStartSetString(vmmiPolicyStart *start, const char *param,
                                          const char *value);

/* Actions. @reason is one sentence with figures; it goes to status, completion and journal. Each
 * returns the id under which the result comes back as VMMI_POLICY_ACTION; actions are carried out
 * in order. */
VMMI_PUBLIC unsigned int vmmiPolicyActionTune(vmmiPolicyActions *actions, vmmiTunable what,
                                              uint64_t value, const char *reason, ...)
    VMMI_PRINTF(4, 5);
VMMI_PUBLIC unsigned int vmmiPolicyActionStartPostcopy(vmmiPolicyActions *actions,
                                                       const char *reason, ...) VMMI_PRINTF(2, 3);
VMMI_PUBLIC unsigned int vmmiPolicyActionSuspend(vmmiPolicyActions *actions, const char *reason,
                                                 ...) VMMI_PRINTF(2, 3);
/* libvirt serves it only when the migration is over; what was asked for after it waits as long. */
VMMI_PUBLIC unsigned int vmmiPolicyActionResume(vmmiPolicyActions *actions, const char *reason, ...)
    VMMI_PRINTF(2, 3);
VMMI_PUBLIC unsigned int vmmiPolicyActionAbort(vmmiPolicyActions *actions, const char *reason, ...)
    VMMI_PRINTF(2, 3);
/** Asks for a VMMI_POLICY_TIMER event at @now_ms or soon after; a later call replaces an earlier
 * one. Since: 0.1 */
VMMI_PUBLIC void vmmiPolicyActionWakeAt(vmmiPolicyActions *actions, uint64_t now_ms);

/** The reason for waiting, one sentence with figures. Since: 0.1 */
VMMI_PUBLIC void vmmiPolicyStatusSetReason(vmmiPolicyStatus *status, const char *format, ...)
    VMMI_PRINTF(2, 3);

/**
 * vmmiPolicyMain:
 * @argc: as main got it
 * @argv: as main got it
 * @policy: the table
 *
 * A plugin's whole main: arguments (I1 to I6), --vmmi-describe (B17), connection, attaching (L7,
 * B12), one policy per guest (B13), the migration, signals (G1 to G3, B6 to B8), completion on
 * every path (S1, B0, B5). Called once, from main.
 *
 * Returns: the exit status (B9).
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiPolicyMain(int argc, char **argv, const vmmiPolicy *policy);

VMMI_END_DECLS

#endif
