/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start-flags.c: flags that a policy wants at the start, and what it does without when the start
 * was refused because of one.
 */
#include "policies/start-flags.h"

#include <string.h>

static char
lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool
is_hyphen(char letter)
{
    return letter == '-' || letter == '_';
}

/* Whether @text goes on with @word, hyphens and capitals apart. */
static bool
begins_with(const char *text, const char *word)
{
    while (*word) {
        if (is_hyphen(*word)) {
            word++;
        } else if (is_hyphen(*text)) {
            text++;
        } else if (lower(*text++) != *word++) {
            return false;
        }
    }
    return true;
}

static bool
mentions(const char *text, const char *word)
{
    for (; text && *text; text++) {
        if (begins_with(text, word))
            return true;
    }
    return false;
}

bool
vmmiStartFlagsRefused(const vmmiError *refusal, const char *flag)
{
    static const struct {
        const char *flag, *words[3];
    } others[] = {
        { "postcopy", { "userfault" } },
        { "compressed", { "compression", "xbzrle" } },
    };

    if (!refusal)
        return false;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(others[i].flag, flag) != 0)
            continue;
        for (const char *const *word = others[i].words; *word; word++) {
            if (mentions(vmmiErrorGetMessage(refusal), *word) ||
                mentions(vmmiErrorGetDetails(refusal), *word))
                return true;
        }
    }
    return mentions(vmmiErrorGetMessage(refusal), flag) ||
           mentions(vmmiErrorGetDetails(refusal), flag);
}

bool
vmmiStartFlagsWant(vmmiPolicyStart *start, const char *flag, const vmmiError *refusal)
{
    vmmiPolicyStartSetFlag(start, flag, !vmmiStartFlagsRefused(refusal, flag));
    return vmmiPolicyStartHasFlag(start, flag);
}
