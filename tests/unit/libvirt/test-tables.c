/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-tables.c: no flag and no parameter of libvirt 9.0 is missing (B11). libvirt's own header
 * is read; what is newer than 9.0 in it is a warning.
 */
#include "drivers/libvirt/internal.h"

static char *header;

static void
read_header(void)
{
    g_assert_true(g_file_get_contents(VMMI_LIBVIRT_INCLUDE "/libvirt/libvirt-domain.h", &header,
                                      NULL, NULL));
}

/* Whether "9.0.0" or older. */
static bool
is_of_9_0(const char *since)
{
    return since && (g_ascii_strtoull(since, NULL, 10) < 9 || g_str_has_prefix(since, "9.0."));
}

static const vmmiVirtFlag *
find_flag(const char *name)
{
    for (size_t i = 0; i < vmmiVirtFlagCount; i++) {
        if (g_str_equal(vmmiVirtFlags[i].name, name))
            return &vmmiVirtFlags[i];
    }
    return NULL;
}

static const vmmiVirtParam *
find_param(const char *name)
{
    for (size_t i = 0; i < vmmiVirtParamCount; i++) {
        if (g_str_equal(vmmiVirtParamTable[i].name, name))
            return &vmmiVirtParamTable[i];
    }
    return NULL;
}

/* The version behind the last "Since: " of a text. */
static char *
last_since(const char *text)
{
    const char *since = g_strrstr(text, "Since: ");

    return since ? g_strndup(since + 7, strspn(since + 7, "0123456789.")) : NULL;
}

static void
check_flag(const char *upper, unsigned int bit, const char *since)
{
    g_autofree char *name = g_ascii_strdown(upper, -1);
    const vmmiVirtFlag *flag = find_flag(name);

    if (!flag && !is_of_9_0(since)) {
        g_test_message("warning: migration flag '%s' of libvirt %s is not known here", name, since);
        return;
    }
    if (!flag) {
        g_test_fail_printf("migration flag '%s' of libvirt %s is missing", name, since);
        return;
    }
    g_assert_cmpuint(flag->bit, ==, 1U << bit);
}

static void
test_flags(void)
{
    g_autoptr(GRegex) regex = g_regex_new("VIR_MIGRATE_([A-Z0-9_]+) += \\(1 << ([0-9]+)\\)", 0, 0,
                                          NULL);
    g_autoptr(GMatchInfo) match = NULL;
    size_t seen = 0;

    for (g_regex_match(regex, header, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL)) {
        g_autofree char *name = g_match_info_fetch(match, 1);
        g_autofree char *bit = g_match_info_fetch(match, 2);
        g_autofree char *before = NULL;
        g_autofree char *since = NULL;
        int start;

        g_match_info_fetch_pos(match, 0, &start, NULL);
        before = g_strndup(header, (gsize)start);
        since = last_since(before);
        check_flag(name, (unsigned int)atoi(bit), since);
        seen++;
    }
    g_assert_cmpuint(seen, >=, 21);
    g_assert_cmpuint(vmmiVirtFlagCount, >=, 21);
}

/* The comment above a definition tells type and multiplicity. */
static void
check_param(const char *name, const char *comment, const char *since)
{
    const vmmiVirtParam *param = find_param(name);
    bool multiple = strstr(comment, "multiple field") != NULL;
    int type = VIR_TYPED_PARAM_STRING;

    if (strstr(comment, "VIR_TYPED_PARAM_ULLONG"))
        type = VIR_TYPED_PARAM_ULLONG;
    else if (strstr(comment, "VIR_TYPED_PARAM_INT"))
        type = VIR_TYPED_PARAM_INT;

    if (!param && !is_of_9_0(since)) {
        g_test_message("warning: migration parameter '%s' of libvirt %s is not known here", name,
                       since);
        return;
    }
    if (!param) {
        g_test_fail_printf("migration parameter '%s' of libvirt %s is missing", name, since);
        return;
    }
    g_assert_cmpint(param->type, ==, type);
    g_assert_cmpint(param->multiple, ==, multiple);
}

static void
test_params(void)
{
    g_autoptr(GRegex) regex = g_regex_new("# *define VIR_MIGRATE_PARAM_[A-Z0-9_]+ +\"([^\"]+)\"", 0,
                                          0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    size_t seen = 0;

    for (g_regex_match(regex, header, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL)) {
        g_autofree char *name = g_match_info_fetch(match, 1);
        g_autofree char *before = NULL;
        g_autofree char *since = NULL;
        const char *comment;
        int start;

        g_match_info_fetch_pos(match, 0, &start, NULL);
        before = g_strndup(header, (gsize)start);
        comment = g_strrstr(before, "/**");
        g_assert_nonnull(comment);
        since = last_since(before);
        check_param(name, comment ? comment : "", since);
        seen++;
    }
    g_assert_cmpuint(seen, >=, 20);
}

/* Names and bits are there once. */
static void
test_unique(void)
{
    for (size_t i = 0; i < vmmiVirtFlagCount; i++) {
        g_assert_true(find_flag(vmmiVirtFlags[i].name) == &vmmiVirtFlags[i]);
        g_assert_cmpstr(vmmiVirtFlagName(vmmiVirtFlags[i].bit), ==, vmmiVirtFlags[i].name);
    }
    for (size_t i = 0; i < vmmiVirtParamCount; i++)
        g_assert_true(find_param(vmmiVirtParamTable[i].name) == &vmmiVirtParamTable[i]);
    g_assert_null(vmmiVirtFlagName(1U << 31));
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    read_header();
    g_test_add_func("/libvirt/tables/flags", test_flags);
    g_test_add_func("/libvirt/tables/params", test_params);
    g_test_add_func("/libvirt/tables/unique", test_unique);
    result = g_test_run();
    g_free(header);
    return result;
}
