/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager.c: a manager for tests that kill: starts migrations, opens those of others, prints what
 * becomes of them. It uses the public interface alone.
 *
 * Commands come as arguments (one command, then it waits for the ends), or as lines on standard
 * input with tabs between the words; then it ends when the input does and all has ended.
 *
 *     start URI GUEST DESTINATION PLUGIN WITNESS [KEY=VALUE]...
 *                   DESTINATION may have a migration URI behind a blank; WITNESS is a URI of the destination, asked where the guest is, or "-"
 *     open          every record of the run directory
 *     open ID URI   one record, with a connection
 *     world URI     the world, as it is now
 *     leave         follows nothing any more
 *     quit
 *
 * Each answer is one JSON object on a line, with "event": started, refused, opened, unopened, end,
 * world, left. Options before the command: --sigchld=ignore, --sigchld=steal (a thread reaps whatever
 * child there is), --acknowledge (ended records are).
 */
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <libvmmi/libvmmi.h>

#define MAX_WORDS 32
#define MAX_LINE 8192

/* A migration that is followed. */
typedef struct Followed {
    struct Followed *next;
    vmmiMigration *migration;
    json_t *states;
    unsigned int samples;
    bool ended;
} Followed;

typedef struct {
    vmmiManager *manager;
    vmmiConnect *connect; /* the last one that was used */
    Followed *all;
    size_t running;
    bool acknowledge;
    bool quit;
} Self;

static Self self;

/* Takes the object. */
static void
answer(const char *event, json_t *object)
{
    char *text;

    json_object_set_new(object, "event", json_string(event));
    text = json_dumps(object, JSON_COMPACT);
    puts(text ? text : "{\"event\": \"garbled\"}");
    fflush(stdout);
    free(text);
    json_decref(object);
}

/* Takes the error. */
static json_t *
describe(vmmiError *error)
{
    json_t *object =
        json_pack("{s:i, s:s*, s:s*}", "code", error ? vmmiErrorGetCode(error) : 0, "message",
                  error ? vmmiErrorGetMessage(error) : "", "details",
                  error ? vmmiErrorGetDetails(error) : "");

    vmmiErrorFree(error);
    return object;
}

/* --- what is told of a migration -------------------------------------------------- */

static void
on_state(vmmiMigration *migration, vmmiState from, vmmiState to, void *opaque)
{
    Followed *followed = opaque;

    (void)migration;
    (void)from;
    json_array_append_new(followed->states, json_string(vmmiStateToString(to)));
    if (followed->ended)
        answer("late", json_pack("{s:s}", "id", vmmiMigrationGetId(migration)));
}

static void
on_sample(vmmiMigration *migration, const vmmiSample *sample, void *opaque)
{
    Followed *followed = opaque;

    (void)sample;
    followed->samples++;
    if (followed->ended)
        answer("late", json_pack("{s:s}", "id", vmmiMigrationGetId(migration)));
}

static void
on_end(vmmiMigration *migration, const vmmiOutcome *outcome, void *opaque)
{
    Followed *followed = opaque;
    char *text = vmmiMigrationToJson(migration, NULL);

    (void)outcome;
    if (followed->ended)
        answer("late", json_pack("{s:s}", "id", vmmiMigrationGetId(migration)));
    else
        self.running--;
    followed->ended = true;
    answer("end", json_pack("{s:s, s:O, s:i, s:o}", "id", vmmiMigrationGetId(migration), "states",
                            followed->states, "samples", (int)followed->samples, "migration",
                            json_loads(text ? text : "{}", 0, NULL)));
    vmmiFree(text);
}

/* Takes the migration. */
static void
follow(vmmiMigration *migration, const char *event)
{
    Followed *followed = calloc(1, sizeof(*followed));
    const vmmiMigrationCallbacks callbacks = { sizeof(callbacks), on_state, on_sample, NULL,
                                               on_end, followed, NULL };
    vmmiError *error = NULL;

    followed->migration = migration;
    followed->states = json_array();
    followed->next = self.all;
    self.all = followed;
    if (vmmiMigrationWatch(migration, &callbacks, &error) < 0) {
        followed->ended = true;
        answer("unwatched", describe(error));
        return;
    }
    self.running++;
    answer(event, json_pack("{s:s, s:s}", "id", vmmiMigrationGetId(migration), "state",
                            vmmiStateToString(vmmiMigrationGetState(migration))));
}

static void
leave(void)
{
    while (self.all) {
        Followed *followed = self.all;

        self.all = followed->next;
        vmmiMigrationUnref(followed->migration);
        json_decref(followed->states);
        free(followed);
    }
    self.running = 0;
}

/* --- commands --------------------------------------------------------------------- */

/* A connection is kept as long as the same host is wanted. */
static vmmiConnect *
reach(const char *uri, vmmiError **err)
{
    if (self.connect && strcmp(vmmiConnectGetUri(self.connect), uri) == 0)
        return self.connect;
    vmmiConnectUnref(self.connect);
    self.connect = vmmiConnectOpen(uri, NULL, 0, err);
    return self.connect;
}

static void
do_start(char **words)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    vmmiError *error = NULL;
    vmmiMigration *migration = NULL;
    char *blank = strchr(words[3], ' ');
    bool alone = strcmp(words[5], "-") == 0;
    vmmiConnect *witness = alone ? NULL : vmmiConnectOpen(words[5], NULL, 0, &error);

    if (blank)
        *blank = '\0';
    options.migrate_uri = blank ? blank + 1 : NULL;
    options.guest = words[2];
    options.destination_uri = words[3];
    options.plugin = words[4];
    options.settings = (const char *const *)words + 6;
    options.start_timeout_ms = 60000;
    options.describe_timeout_ms = 60000;
    options.destination = witness;
    if ((alone || witness) && reach(words[1], &error))
        migration = vmmiMigrationStart(self.manager, self.connect, &options, &error);
    if (migration)
        follow(migration, "started");
    else
        answer("refused", describe(error));
    vmmiConnectUnref(witness);
}

static void
open_one(const char *id, const char *uri)
{
    vmmiError *error = NULL;
    vmmiConnect *connect = uri ? reach(uri, &error) : NULL;
    vmmiMigration *migration =
        uri && !connect ? NULL : vmmiMigrationOpen(self.manager, id, connect, &error);
    json_t *object;

    if (migration) {
        follow(migration, "opened");
        return;
    }
    object = describe(error);
    json_object_set_new(object, "id", json_string(id));
    answer("unopened", object);
}

/* Whatever the directory holds, whether the library would list it or not. */
static void
open_all(void)
{
    char path[4096];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/jobs", vmmiManagerGetRunDir(self.manager));
    dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            open_one(entry->d_name, NULL);
    }
    if (dir)
        closedir(dir);
}

static void
show_world(const char *uri)
{
    vmmiError *error = NULL;
    char *text = vmmiSimDescribe(uri, &error);
    json_t *object = text ? json_pack("{s:s, s:o}", "uri", uri, "world", json_loads(text, 0, NULL))
                          : describe(error);

    answer(text ? "world" : "worldless", object);
    vmmiFree(text);
}

static void
obey(char **words, int count)
{
    if (strcmp(words[0], "start") == 0 && count >= 6)
        do_start(words);
    else if (strcmp(words[0], "open") == 0 && count == 1)
        open_all();
    else if (strcmp(words[0], "open") == 0 && count == 3)
        open_one(words[1], words[2]);
    else if (strcmp(words[0], "world") == 0 && count == 2)
        show_world(words[1]);
    else if (strcmp(words[0], "quit") == 0)
        self.quit = true;
    else if (strcmp(words[0], "leave") == 0) {
        leave();
        answer("left", json_object());
    } else {
        fprintf(stderr, "manager: '%s' with %d words is no command\n", words[0], count);
        exit(2);
    }
}

/* --- the loop --------------------------------------------------------------------- */

static void
obey_line(char *line)
{
    char *words[MAX_WORDS + 1] = { NULL };
    int count = 0;

    for (char *word = strtok(line, "\t\n"); word && count < MAX_WORDS; word = strtok(NULL, "\t\n"))
        words[count++] = word;
    if (count)
        obey(words, count);
}

/* Returns false at the end of the input. Lines are short, and each is written at once. */
static bool
read_commands(void)
{
    static char buffer[MAX_LINE];
    static size_t length;
    ssize_t got = read(0, buffer + length, sizeof(buffer) - 1 - length);
    char *end;

    if (got <= 0)
        return false;
    length += (size_t)got;
    buffer[length] = '\0';
    while ((end = strchr(buffer, '\n'))) {
        size_t taken = (size_t)(end - buffer) + 1;
        char line[MAX_LINE];

        memcpy(line, buffer, taken);
        line[taken] = '\0';
        memmove(buffer, buffer + taken, length - taken + 1);
        length -= taken;
        obey_line(line);
    }
    return true;
}

/* Ended records are told apart by their mark, for who looks into the directory. */
static void
acknowledge_ended(void)
{
    for (Followed *followed = self.all; self.acknowledge && followed; followed = followed->next) {
        vmmiError *error = NULL;

        if (followed->ended && vmmiMigrationAcknowledge(followed->migration, &error) < 0)
            answer("unacknowledged", describe(error));
    }
}

static int
loop(bool input)
{
    struct pollfd polled[2] = { { .fd = vmmiManagerGetFd(self.manager), .events = POLLIN },
                                { .fd = 0, .events = POLLIN } };

    while (!self.quit && (input || self.running)) {
        vmmiError *error = NULL;

        polled[1].fd = input ? 0 : -1;
        if (poll(polled, 2, -1) < 0)
            continue;
        if (polled[0].revents && vmmiManagerDispatch(self.manager, &error) < 0) {
            fprintf(stderr, "manager: %s\n", vmmiErrorGetMessage(error));
            return 1;
        }
        if (input && polled[1].revents)
            input = read_commands();
    }
    acknowledge_ended();
    return 0;
}

/* Another part of the program that waits for whatever child there is. */
static void *
steal(void *opaque)
{
    for (;;) {
        if (waitpid(-1, NULL, 0) < 0)
            usleep(500);
    }
    return opaque;
}

static void
choose(const char *option)
{
    pthread_t thread;

    if (strcmp(option, "--sigchld=ignore") == 0) {
        signal(SIGCHLD, SIG_IGN);
    } else if (strcmp(option, "--sigchld=steal") == 0) {
        if (pthread_create(&thread, NULL, steal, NULL) == 0)
            pthread_detach(thread);
    } else if (strcmp(option, "--acknowledge") == 0) {
        self.acknowledge = true;
    } else {
        fprintf(stderr, "manager: unknown option '%s'\n", option);
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    vmmiError *error = NULL;
    int first = 1, status;

    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first++)
        choose(argv[first]);
    self.manager = vmmiManagerNew(NULL, 0, &error);
    if (!self.manager) {
        fprintf(stderr, "manager: %s\n", vmmiErrorGetMessage(error));
        vmmiErrorFree(error);
        return 1;
    }
    if (first < argc)
        obey(argv + first, argc - first);
    status = loop(first >= argc);
    leave();
    vmmiConnectUnref(self.connect);
    vmmiManagerFree(self.manager);
    return status;
}
