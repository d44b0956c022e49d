/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.c: the guest's command line, "set=64 rate=20480 pattern=cyclic ...".
 *
 * The lab's script writes it, so unknown words are passed over without a message.
 */
#include "guest.h"

/* The text behind "key=" if the word at @text is that key, else NULL. */
static const char *
word_value(const char *text, const char *key)
{
    while (*key != '\0' && *text == *key) {
        text++;
        key++;
    }
    return *key == '\0' && *text == '=' ? text + 1 : 0;
}

static bool
value_is(const char *value, const char *name)
{
    while (*name != '\0' && *value == *name) {
        value++;
        name++;
    }
    return *name == '\0' && (*value == ' ' || *value == '\0');
}

static uint32_t
value_number(const char *value)
{
    uint32_t number = 0;

    for (; *value >= '0' && *value <= '9'; value++)
        number = number * 10u + (uint32_t)(*value - '0');
    return number;
}

static void
parse_number(const char *word, guest_options *options)
{
    const char *value;

    if ((value = word_value(word, "set")))
        options->set_mib = value_number(value);
    else if ((value = word_value(word, "rate")))
        options->rate_pages = value_number(value);
    else if ((value = word_value(word, "beat")))
        options->beat_ms = value_number(value);
    else if ((value = word_value(word, "phase")))
        options->phase_ms = value_number(value);
    else if ((value = word_value(word, "seed")))
        options->seed = value_number(value);
}

static void
parse_name(const char *word, guest_options *options)
{
    const char *value;

    if ((value = word_value(word, "pattern"))) {
        options->pattern = value_is(value, "cyclic")   ? PATTERN_CYCLIC
                           : value_is(value, "phased") ? PATTERN_PHASED
                           : value_is(value, "zipf")   ? PATTERN_ZIPF
                                                       : PATTERN_UNIFORM;
    } else if ((value = word_value(word, "content"))) {
        options->content = value_is(value, "page")   ? CONTENT_PAGE
                           : value_is(value, "flat") ? CONTENT_FLAT
                                                     : CONTENT_WORD;
    } else if ((value = word_value(word, "fill"))) {
        options->fill_all = value_is(value, "all");
    } else if ((value = word_value(word, "disk"))) {
        options->disk = value_number(value) != 0;
    }
}

void
options_parse(const char *text, guest_options *options)
{
    while (*text != '\0') {
        while (*text == ' ')
            text++;
        parse_number(text, options);
        parse_name(text, options);
        while (*text != ' ' && *text != '\0')
            text++;
    }
    if (options->beat_ms < 1 || options->beat_ms > 50)
        options->beat_ms = 5;
    if (options->phase_ms == 0)
        options->phase_ms = 2000;
}
