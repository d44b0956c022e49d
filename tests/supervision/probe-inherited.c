/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe-inherited.c: a plugin that prints what it inherited, in one line: its descriptors and the
 * signals that are blocked and ignored. Uses the C library alone, so that nothing is opened before
 * it looks.
 *
 * With an argument "others" it prints the descriptors above 2 that are not /dev/null: what a
 * process that another thread of the manager starts must not get from the library.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
print_others(const char *number)
{
    char path[64], target[256];
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/self/fd/%s", number);
    length = readlink(path, target, sizeof(target) - 1);
    target[length < 0 ? 0 : length] = '\0';
    if (strcmp(target, "/dev/null") != 0)
        printf("%s=%s ", number, target);
}

static void
print_descriptors(int others)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        int number = atoi(entry->d_name);

        if (entry->d_name[0] == '.' || number == dirfd(dir))
            continue;
        if (!others)
            printf("%d ", number);
        else if (number > 2)
            print_others(entry->d_name);
    }
    if (dir)
        closedir(dir);
}

static void
print_signals(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];

    while (status && fgets(line, sizeof(line), status)) {
        if (strncmp(line, "SigBlk:", 7) != 0 && strncmp(line, "SigIgn:", 7) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        printf("%.6s %s ", line, line + 8);
    }
    if (status)
        fclose(status);
}

int
main(int argc, char **argv)
{
    int others = argc > 1 && strcmp(argv[1], "others") == 0;

    print_descriptors(others);
    if (!others)
        print_signals();
    printf("\n");
    return 0;
}
