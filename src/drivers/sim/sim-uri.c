/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-uri.c: from a URI to a world's name and to the scenario that it describes.
 *
 * Values are put into a scenario as they are; sim-scenario.c checks their ranges.
 */
#include "drivers/sim/sim-uri.h"

#include <fcntl.h>
#include <string.h>

#include "drivers/sim/sim-scenario.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/number.h"

#define LONGEST_NAME 48
#define SCENARIO_MAX_BYTES (256 * 1024)

typedef enum {
    WORLD_NUMBER = 0, /* a number in the scenario */
    GUEST_NUMBER,     /* a number in each guest */
    GUEST_TEXT,
    COUNT, /* how many guests there are */
    NAME,  /* of the guest */
    STEPS, /* a fault at each */
    FLAGS, /* a list of flags */
    EVENT, /* MS after each start, or MS:VALUE,... */
    HOST,  /* a host that cannot be reached */
    TIMES  /* how often faults strike */
} Kind;

typedef struct {
    const char *name;
    Kind kind;
    const char *key; /* in the scenario */
    bool
        one_guest; /* says what the guest is: then there is one, and not the three of the default */
} Option;

static const Option known[] = {
    { "speed", WORLD_NUMBER, "speed", false },
    { "link", WORLD_NUMBER, "linkMibPerSecond", false },
    { "jitter", WORLD_NUMBER, "jitterPercent", false },
    { "seed", WORLD_NUMBER, "seed", false },
    { "keepalive", WORLD_NUMBER, "keepaliveMs", false },
    { "memory", GUEST_NUMBER, "memoryMib", true },
    { "working-set", GUEST_NUMBER, "workingSetMib", true },
    { "dirty-rate", GUEST_NUMBER, "dirtyRateMibPerSecond", true },
    { "pattern", GUEST_TEXT, "pattern", true },
    { "zipf-exponent", GUEST_NUMBER, "zipfExponent", true },
    { "phase-on", GUEST_NUMBER, "phaseOnMs", true },
    { "phase-off", GUEST_NUMBER, "phaseOffMs", true },
    { "zero", GUEST_NUMBER, "zeroPercent", true },
    { "unthrottled", GUEST_NUMBER, "unthrottledPercent", true },
    { "xbzrle", GUEST_NUMBER, "xbzrlePercent", true },
    { "guests", COUNT, NULL, true },
    { "guest", NAME, "name", true },
    { "fail", STEPS, "fail", false },
    { "hang", STEPS, "hang", false },
    { "fail-times", TIMES, NULL, false },
    { "refuse", FLAGS, "refuse", false },
    { "link-after", EVENT, "link", false },
    { "dirty-rate-after", EVENT, "dirty-rate", false },
    { "destroy-after", EVENT, "destroy", false },
    { "shutdown-after", EVENT, "shutdown", false },
    { "break-postcopy-after", EVENT, "break-postcopy", false },
    { "unreachable", HOST, "unreachable", false },
};

static const Option *
find_option(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (g_str_equal(known[i].name, name))
            return &known[i];
    }
    return NULL;
}

const char *
vmmiSimUriParameter(size_t index)
{
    static const char *const places[] = { "world", "file", "scenario" };

    if (index < G_N_ELEMENTS(places))
        return places[index];
    index -= G_N_ELEMENTS(places);
    return index < G_N_ELEMENTS(known) ? known[index].name : NULL;
}

int
vmmiSimUriProbe(const char *uri, vmmiError **err)
{
    if (!g_str_has_prefix(uri, "sim:"))
        return vmmiErrorSet(err, VMMI_ERR_DECLINED, "'%s' is no URI of the simulator", uri);
    return 0;
}

/* --- reading ---------------------------------------------------------------------------------------------- */

static int
check_world_name(const char *name, vmmiError **err)
{
    bool fine = *name && g_ascii_isalnum(*name) && strlen(name) <= LONGEST_NAME;

    for (const char *c = name; fine && *c; c++)
        fine = g_ascii_isalnum(*c) || strchr("-_.", *c);
    if (!fine)
        return vmmiErrorSet(
            err, VMMI_ERR_URI,
            "parameter 'world' must be 1 to %d letters, digits and '-_.', the first no sign, got '%.80s'",
            LONGEST_NAME, name);
    return 0;
}

static int
take_path(const char *name, const char *value, char **path, vmmiError **err)
{
    if (!g_path_is_absolute(value))
        return vmmiErrorSet(
            err, VMMI_ERR_URI,
            "parameter '%s' must be an absolute path, since other processes use it too, got '%s'",
            name, value);
    g_free(*path);
    *path = g_canonicalize_filename(value, "/");
    return 0;
}

static int
take_param(vmmiSimUri *parsed, const char *name, const char *value, vmmiError **err)
{
    if (g_str_equal(name, "world")) {
        if (check_world_name(value, err) < 0)
            return -1;
        g_free(parsed->world);
        parsed->world = g_strdup(value);
        return 0;
    }
    if (g_str_equal(name, "file"))
        return take_path(name, value, &parsed->file, err);
    if (g_str_equal(name, "scenario"))
        return take_path(name, value, &parsed->scenario, err);
    if (!find_option(name))
        return vmmiErrorSet(err, VMMI_ERR_URI, "parameter '%s' is not known to the simulator",
                            name);
    json_object_set_new(parsed->options, name, json_string(value));
    return 0;
}

static int
take_query(vmmiSimUri *parsed, const char *query, vmmiError **err)
{
    GUriParamsIter iter;
    g_autoptr(GError) error = NULL;
    gchar *name, *value;

    g_uri_params_iter_init(&iter, query, -1, "&", G_URI_PARAMS_NONE);
    while (g_uri_params_iter_next(&iter, &name, &value, &error)) {
        g_autofree char *n = name, *v = value;

        if (!g_utf8_validate(n, -1, NULL) || !g_utf8_validate(v, -1, NULL))
            return vmmiErrorSet(err, VMMI_ERR_URI, "a parameter is not UTF-8");
        if (take_param(parsed, n, v, err) < 0)
            return -1;
    }
    if (error)
        return vmmiErrorSet(err, VMMI_ERR_URI, "the parameters cannot be read: %s", error->message);
    return 0;
}

static int
check_combination(vmmiSimUri *parsed, vmmiError **err)
{
    const char *name;
    json_t *value;

    if (parsed->world && parsed->file)
        return vmmiErrorSet(err, VMMI_ERR_URI, "parameters 'world' and 'file' exclude each other");
    if (parsed->file) {
        g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, parsed->file, -1);

        parsed->world = g_strdup_printf("file-%.16s", sum);
    }
    if (!parsed->world)
        parsed->world = g_strdup(VMMI_SIM_DEFAULT_WORLD);
    json_object_foreach(parsed->options, name, value)
    {
        if (parsed->scenario && find_option(name)->kind != WORLD_NUMBER)
            return vmmiErrorSet(err, VMMI_ERR_URI,
                                "parameter '%s' has no place beside a scenario: say it there",
                                name);
    }
    return 0;
}

static int
parse(vmmiSimUri *parsed, const char *uri, vmmiError **err)
{
    const char *path = uri + strlen("sim://");
    size_t length;

    if (!g_str_has_prefix(uri, "sim:///") || strchr(uri, '#'))
        return vmmiErrorSet(err, VMMI_ERR_URI, "it must look like sim:///HOST?world=NAME");
    path++;
    length = strcspn(path, "?");
    parsed->host = g_uri_unescape_segment(path, path + length, "/");
    if (!parsed->host || strchr(parsed->host, '/') || strlen(parsed->host) >= VMMI_SIM_NAME_SIZE)
        return vmmiErrorSet(err, VMMI_ERR_URI, "the host must be one name of at most %d bytes",
                            VMMI_SIM_NAME_SIZE - 1);
    if (path[length] == '?' && take_query(parsed, path + length + 1, err) < 0)
        return -1;
    return check_combination(parsed, err);
}

vmmiSimUri *
vmmiSimUriParse(const char *uri, vmmiError **err)
{
    g_autoptr(vmmiSimUri) parsed = g_new0(vmmiSimUri, 1);

    parsed->uri = g_strdup(uri);
    parsed->options = json_object();
    if (parse(parsed, uri, err) < 0) {
        vmmiErrorPrefix(err, "URI '%s'", uri);
        return NULL;
    }
    return g_steal_pointer(&parsed);
}

void
vmmiSimUriFree(vmmiSimUri *uri)
{
    if (!uri)
        return;
    g_free(uri->uri);
    g_free(uri->host);
    g_free(uri->world);
    g_free(uri->file);
    g_free(uri->scenario);
    json_decref(uri->options);
    g_free(uri);
}

/* --- making a scenario ------------------------------------------------------------------------------------ */

/* A number as JSON, or NULL. */
static json_t *
number_from(const char *text)
{
    char *end = NULL;
    gint64 integer = g_ascii_strtoll(text, &end, 10);
    double real;

    if (*text && end && !*end)
        return json_integer(integer);
    real = g_ascii_strtod(text, &end);
    return *text && !*end ? json_real(real) : NULL;
}

static int
set_number(json_t *object, const Option *option, const char *value, vmmiError **err)
{
    json_t *number = number_from(value);

    if (!number)
        return vmmiErrorSet(err, VMMI_ERR_URI, "parameter '%s' must be a number, got '%.80s'",
                            option->name, value);
    json_object_set_new(object, option->key, number);
    return 0;
}

static json_t *
get_array(json_t *object, const char *key)
{
    if (!json_object_get(object, key))
        json_object_set_new(object, key, json_array());
    return json_object_get(object, key);
}

static int
add_faults(json_t *guest, const Option *option, const char *value, const json_t *times,
           vmmiError **err)
{
    g_auto(GStrv) steps = g_strsplit(value, ",", -1);
    g_autoptr(json_t) count = times ? number_from(json_string_value(times)) : NULL;

    if (times && !count)
        return vmmiErrorSet(err, VMMI_ERR_URI,
                            "parameter 'fail-times' must be a number, got '%.80s'",
                            json_string_value(times));
    for (char **step = steps; *step; step++) {
        json_t *fault = json_pack("{s:s, s:s}", "step", *step, "kind", option->key);

        if (count)
            json_object_set(fault, "times", count);
        json_array_append_new(get_array(guest, "faults"), fault);
    }
    return 0;
}

/* "MS" or "MS:VALUE". */
static int
add_event(json_t *guest, const Option *option, const char *text, vmmiError **err)
{
    bool valued = g_str_equal(option->key, "link") || g_str_equal(option->key, "dirty-rate");
    g_auto(GStrv) parts = g_strsplit(text, ":", -1);
    g_autoptr(json_t) event = json_object();
    bool fine = g_strv_length(parts) == (valued ? 2u : 1u);

    for (size_t i = 0; fine && parts[i]; i++) {
        json_t *number = number_from(parts[i]);

        fine = number != NULL;
        if (fine)
            json_object_set_new(event, i == 0 ? "afterMs" : "mibPerSecond", number);
    }
    if (!fine)
        return vmmiErrorSet(err, VMMI_ERR_URI, "parameter '%s' must be %s, got '%.80s'",
                            option->name, valued ? "MS:MIB_PER_SECOND,..." : "MS,...", text);
    json_object_set_new(event, "do", json_string(option->key));
    json_array_append(get_array(guest, "events"), event);
    return 0;
}

static int
add_events(json_t *guest, const Option *option, const char *value, vmmiError **err)
{
    g_auto(GStrv) items = g_strsplit(value, ",", -1);

    for (char **item = items; *item; item++) {
        if (add_event(guest, option, *item, err) < 0)
            return -1;
    }
    return 0;
}

static int
apply_to_guest(json_t *guest, const Option *option, const char *value, const json_t *options,
               vmmiError **err)
{
    g_auto(GStrv) words = NULL;

    switch (option->kind) {
    case GUEST_NUMBER: return set_number(guest, option, value, err);
    case GUEST_TEXT:
    case NAME: json_object_set_new(guest, option->key, json_string(value)); return 0;
    case STEPS:
        return add_faults(guest, option, value, json_object_get(options, "fail-times"), err);
    case EVENT: return add_events(guest, option, value, err);
    case FLAGS:
        words = g_strsplit(value, ",", -1);
        for (char **word = words; *word; word++)
            json_array_append_new(get_array(guest, option->key), json_string(*word));
        return 0;
    default: return 0;
    }
}

static int
apply_to_world(json_t *scenario, const Option *option, const char *value, vmmiError **err)
{
    if (option->kind == WORLD_NUMBER)
        return set_number(scenario, option, value, err);
    if (option->kind == HOST)
        json_array_append_new(
            get_array(scenario, "events"),
            json_pack("{s:i, s:s, s:s}", "atMs", 0, "do", "unreachable", "host", value));
    return 0;
}

/* One guest of the caller's own, or as many as asked for. */
static int
make_guests(json_t *scenario, const json_t *options, vmmiError **err)
{
    const char *count_text = json_string_value(json_object_get(options, "guests"));
    json_t *guests = json_array();
    uint64_t count = 1;

    json_object_set_new(scenario, "guests", guests);
    if (count_text && !vmmiNumberParse(count_text, 1, VMMI_SIM_MAX_GUESTS, &count))
        return vmmiErrorSet(err, VMMI_ERR_URI,
                            "parameter 'guests' must be a number 1..%d, got '%.80s'",
                            VMMI_SIM_MAX_GUESTS, count_text);
    if (count > 1 && json_object_get(options, "guest"))
        return vmmiErrorSet(err, VMMI_ERR_URI,
                            "parameter 'guest' names one guest, 'guests' asks for %u",
                            (unsigned int)count);
    for (guint64 i = 1; i <= count; i++) {
        g_autofree char *name = g_strdup_printf("guest%u", (unsigned int)i);

        json_array_append_new(guests, json_pack("{s:s}", "name", name));
    }
    return 0;
}

static int
apply_options(json_t *scenario, const json_t *options, vmmiError **err)
{
    json_t *guests = json_object_get(scenario, "guests");
    const char *name;
    json_t *value, *guest;
    size_t index;

    json_object_foreach((json_t *)options, name, value)
    {
        const Option *option = find_option(name);
        const char *text = json_string_value(value);

        if (apply_to_world(scenario, option, text, err) < 0)
            return -1;
        json_array_foreach(guests, index, guest)
        {
            if (option->kind != WORLD_NUMBER &&
                apply_to_guest(guest, option, text, options, err) < 0)
                return -1;
        }
    }
    return 0;
}

static json_t *
read_scenario(const char *path, vmmiError **err)
{
    g_autofree char *text = NULL;
    g_autofree char *what = g_strdup_printf("scenario '%s'", path);
    size_t length = 0;

    if (vmmiFileReadAt(AT_FDCWD, path, SCENARIO_MAX_BYTES, false, &text, &length, err) < 0) {
        vmmiErrorPrefix(err, "scenario");
        return NULL;
    }
    return vmmiJsonParse(text, length, what, err);
}

json_t *
vmmiSimUriScenario(const vmmiSimUri *uri, vmmiError **err)
{
    g_autoptr(json_t) scenario =
        uri->scenario ? read_scenario(uri->scenario, err) : vmmiSimScenarioDefault();
    const char *name;
    json_t *value;
    bool own = false;

    if (!scenario)
        return NULL;
    json_object_foreach(uri->options, name, value) own = own || find_option(name)->one_guest;
    if ((own && make_guests(scenario, uri->options, err) < 0) ||
        apply_options(scenario, uri->options, err) < 0) {
        vmmiErrorPrefix(err, "URI '%s'", uri->uri);
        return NULL;
    }
    return g_steal_pointer(&scenario);
}

static bool
same_value(const char *a, const char *b)
{
    g_autoptr(json_t) first = number_from(a);
    g_autoptr(json_t) second = number_from(b);

    if (first && second)
        return json_number_value(first) == json_number_value(second);
    return g_str_equal(a, b);
}

int
vmmiSimUriMatch(const vmmiSimUri *uri, const json_t *options, vmmiError **err)
{
    const char *name;
    json_t *value;

    json_object_foreach(uri->options, name, value)
    {
        const char *there = json_string_value(json_object_get(options, name));

        if (!there)
            return vmmiErrorSet(
                err, VMMI_ERR_URI,
                "the simulated world '%s' exists and was made without '%s=%s'; 'sim reset' with this URI makes it anew",
                uri->world, name, json_string_value(value));
        if (!same_value(there, json_string_value(value)))
            return vmmiErrorSet(
                err, VMMI_ERR_URI,
                "the simulated world '%s' exists and was made with '%s=%s', not '%s'; 'sim reset' with this URI makes it anew",
                uri->world, name, there, json_string_value(value));
    }
    return 0;
}
