/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin.c: a plugin without the library that needs next to nothing: it waits for as many milliseconds as
 * policy.durationMs says, and claims success. It migrates nothing, so whoever believes it is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COMPLETION                                                                                 \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": %lld, "            \
    "\"completion\": {\"result\": \"success\", \"success\": {}}}\n"

int
main(int argc, char **argv)
{
    char text[65536];
    size_t got;
    const char *key;
    long ms = 50;

    if (argc == 2 && strcmp(argv[1], "--vmmi-describe") == 0) {
        puts("{\"name\": \"quick\", \"version\": \"1\", \"protocolVersions\": [\"0.4.1\"], \"summary\": \"Waits\", "
             "\"options\": [{\"name\": \"durationMs\", \"type\": \"uint\", \"default\": 50, "
             "\"unit\": \"ms\", \"meaning\": \"How long it waits.\"}]}");
        return 0;
    }
    got = fread(text, 1, sizeof(text) - 1, stdin);
    text[got] = '\0';
    key = strstr(text, "\"durationMs\"");
    if (key && (key = strchr(key, ':')))
        ms = strtol(key + 1, NULL, 10);
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
    fprintf(stderr, COMPLETION, (long long)time(NULL));
    return 0;
}
