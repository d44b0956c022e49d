/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-jobs.c: the children of vmmi simulate: plugins that work off blocks of cells and seeds,
 * several at a time. Which of them ends first makes no difference to what comes out.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin-child.h"
#include "report.h"
#include "signals.h"
#include "simulate.h"

#define MOST_ORDER_BYTES (900 * 1024) /* a plugin takes 1 MiB */
#define MOST_LINE_BYTES 4096
#define MOST_WORDS 4096
#define BLOCKS_A_JOB 3
#define REAP_MS 20

/* A part of the work: one policy, some cells, some seeds. */
typedef struct {
    guint policy, first, cells;
    uint64_t seed, runs;
    GPid pid; /* 0: it does not run */
    int out_fd, err_fd;
    GString *out, *words;
    size_t lines;
} Block;

typedef struct {
    SimPlan *plan;
    GArray *blocks;
    guint next, running;
    size_t lines, all;
} Work;

/* --- dividing --------------------------------------------------------------------- */

static void
block_clear(gpointer data)
{
    Block *block = data;

    if (block->out)
        g_string_free(block->out, TRUE);
    if (block->words)
        g_string_free(block->words, TRUE);
}

static json_t *
order_of(const SimPlan *plan, const Block *block)
{
    const SimPolicy *policy = plan->policies->pdata[block->policy];
    json_t *cells = json_array();
    json_t *order =
        json_pack("{s:s, s:s, s:I, s:I, s:O, s:O, s:o}", "vmmiSim", "order", "label", policy->label,
                  "runs", (json_int_t)block->runs, "seed", (json_int_t)block->seed, "policy",
                  policy->policy, "migration", policy->migration, "cells", cells);

    if (*policy->group)
        json_object_set_new(order, "group", json_string(policy->group));
    if (policy->time_scale > 0)
        json_object_set_new(order, "timeScale", json_real(policy->time_scale));
    if (plan->trace)
        json_object_set_new(order, "traceDirectory", json_string(plan->trace));
    for (guint i = 0; i < block->cells; i++)
        json_array_append(cells, json_array_get(plan->cells, block->first + i));
    return order;
}

static void
add_block(Work *work, guint policy, guint first, guint cells, uint64_t seed, uint64_t runs)
{
    Block block = { policy, first, cells, seed, runs, 0, -1, -1, NULL, NULL, 0 };

    g_array_append_val(work->blocks, block);
}

/* So many blocks that no job is left alone with the last, and none is too large. */
static void
divide(Work *work)
{
    SimPlan *plan = work->plan;
    guint cells = (guint)json_array_size(plan->cells);
    guint wanted = plan->jobs > 1 ? plan->jobs * BLOCKS_A_JOB : 1;
    g_autofree char *text = report_json_text(plan->cells);
    guint parts = (guint)(strlen(text) / MOST_ORDER_BYTES + 1);
    guint step = MAX(cells / MAX(wanted, parts * 2), 1);
    uint64_t runs = plan->runs;

    if (wanted == 1 && parts == 1)
        step = cells;
    if (cells < wanted)
        runs = MAX(plan->runs / (wanted / cells), 1);
    for (guint policy = 0; policy < plan->policies->len; policy++)
        for (guint first = 0; first < cells; first += step)
            for (uint64_t run = 0; run < plan->runs; run += runs)
                add_block(work, policy, first, MIN(step, cells - first), plan->seed + run,
                          MIN(runs, plan->runs - run));
    work->all = (size_t)plan->policies->len * cells * plan->runs;
}

/* --- starting --------------------------------------------------------------------- */

static int
order_file(const SimPlan *plan, const Block *block, vmmiError **err)
{
    json_auto_t *order = order_of(plan, block);

    return plugin_child_order(order, err);
}

/* @fds: standard input, and a pipe each for what is read and written of output and errors. */
static int
spawn(const SimPolicy *policy, Block *block, const int fds[5], vmmiError **err)
{
    char *argv[] = { (char *)vmmiPluginGetFile(policy->plugin), (char *)"--vmmi-simulate", NULL };
    g_auto(GStrv) envp = plugin_child_environment();
    g_autoptr(GError) trouble = NULL;

    if (g_spawn_async_with_fds("/", argv, envp, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &block->pid,
                               fds[0], fds[2], fds[4], &trouble))
        return 0;
    block->pid = 0;
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH, "plugin '%s' cannot be started: %s",
                        vmmiPluginGetName(policy->plugin), trouble->message);
}

static int
start(Work *work, Block *block, vmmiError **err)
{
    const SimPolicy *policy = work->plan->policies->pdata[block->policy];
    int fds[5] = { -1, -1, -1, -1, -1 }, result = -1;

    fds[0] = order_file(work->plan, block, err);
    if (fds[0] < 0)
        return -1;
    if (pipe2(&fds[1], O_CLOEXEC) < 0 || pipe2(&fds[3], O_CLOEXEC) < 0)
        vmmiErrorSet(err, VMMI_ERR_SYSTEM, "no pipe: %s", g_strerror(errno));
    else
        result = spawn(policy, block, fds, err);
    close(fds[0]);
    close(fds[2]);
    close(fds[4]);
    block->out_fd = fds[1];
    block->err_fd = fds[3];
    block->out = g_string_new(NULL);
    block->words = g_string_new(NULL);
    work->running += result == 0;
    return result;
}

/* --- taking in -------------------------------------------------------------------- */

static int
wrong_line(const SimPolicy *policy, const char *line, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL,
                        "plugin '%s' wrote what is no result: %.200s",
                        vmmiPluginGetName(policy->plugin), line);
}

static double
number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* Lines come in the order of cells and seeds. */
static int
take_line(Work *work, const Block *block, size_t index, const char *line, vmmiError **err)
{
    SimPlan *plan = work->plan;
    json_auto_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *outcome = json_string_value(json_object_get(object, "outcome"));
    SimRow row = {
        .policy = block->policy,
        .cell = block->first + (guint)(index / block->runs),
        .seed = block->seed + index % block->runs,
        .met = json_is_true(json_object_get(object, "met")),
        .completed = g_strcmp0(outcome, "completed") == 0,
        .total_s = number(object, "totalMs") / 1000,
        .silence_ms = number(object, "silenceMs"),
        .throttle_ms = number(object, "throttleSilenceMs"),
        .lost_s = number(object, "workLostMs") / 1000,
        .mib = number(object, "bytesSent") / (1024 * 1024),
        .score = number(object, "score"),
    };

    if (!outcome || row.cell >= block->first + block->cells || !(row.score > 0) ||
        g_strcmp0(json_string_value(json_object_get(object, "cell")),
                  sim_cell_name(plan, row.cell)) != 0 ||
        number(object, "seed") != (double)row.seed)
        return wrong_line(plan->policies->pdata[block->policy], line, err);
    row.text = g_strdup(line);
    g_array_append_val(plan->rows, row);
    return 0;
}

static int
take_block(Work *work, Block *block, int status, vmmiError **err)
{
    const SimPolicy *policy = work->plan->policies->pdata[block->policy];
    g_auto(GStrv) lines = g_strsplit(block->out->str, "\n", -1);
    size_t count = g_strv_length(lines), expected = block->cells * block->runs;

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        g_autofree char *words = report_printable(block->words->str);
        g_autofree char *name = g_strconcat(vmmiPluginGetName(policy->plugin), ": ", NULL);
        const char *said = g_str_has_prefix(words, name) ? words + strlen(name) : words;

        if (WIFSIGNALED(status))
            return vmmiErrorSet(err, VMMI_ERR_PLUGIN_CRASHED,
                                "%s: plugin '%s' was killed by signal %d", work->plan->source,
                                vmmiPluginGetName(policy->plugin), WTERMSIG(status));
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "%s: policy '%s': %s",
                            work->plan->source, policy->label,
                            *said ? said : "the plugin gave no reason");
    }
    if (count != expected + 1)
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL,
                            "plugin '%s' wrote %zu results, %zu were asked for",
                            vmmiPluginGetName(policy->plugin), count ? count - 1 : 0, expected);
    for (size_t i = 0; i < expected; i++) {
        if (take_line(work, block, i, lines[i], err) < 0)
            return -1;
    }
    g_string_truncate(block->out, 0);
    return 0;
}

static void
read_some(Work *work, Block *block, int *fd, GString *into, size_t limit)
{
    char buffer[65536];
    ssize_t got = read(*fd, buffer, sizeof(buffer));

    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        close(*fd);
        *fd = -1;
        return;
    }
    for (ssize_t i = 0; into == block->out && i < got; i++)
        block->lines += buffer[i] == '\n', work->lines += buffer[i] == '\n';
    if (into->len < limit)
        g_string_append_len(into, buffer, got);
}

/* --- the loop --------------------------------------------------------------------- */

static void
show_progress(const Work *work)
{
    if (work->plan->progress) {
        printf("\r%zu of %zu runs", work->lines, work->all);
        fflush(stdout);
    }
}

/* Waits until a child says something or ends, or a signal comes. */
static int
wait_and_read(Work *work, vmmiError **err)
{
    g_autofree struct pollfd *fds = g_new0(struct pollfd, 2 * work->blocks->len + 1);
    nfds_t count = 1;
    bool silent = false;

    fds[0] = (struct pollfd){ signals_fd(), POLLIN, 0 };
    for (guint i = 0; i < work->next; i++) {
        Block *block = &g_array_index(work->blocks, Block, i);

        if (block->pid && block->out_fd < 0 && block->err_fd < 0)
            silent = true;
        if (block->pid && block->out_fd >= 0)
            fds[count++] = (struct pollfd){ block->out_fd, POLLIN, 0 };
        if (block->pid && block->err_fd >= 0)
            fds[count++] = (struct pollfd){ block->err_fd, POLLIN, 0 };
    }
    poll(fds, count, silent ? REAP_MS : -1);
    for (int number; (number = signals_next());) {
        if (number != SIGWINCH)
            return vmmiErrorSet(err, VMMI_ERR_MIGRATION_ABORTED, "interrupted: %zu of %zu runs",
                                work->lines, work->all);
    }
    for (guint i = 0; i < work->next; i++) {
        Block *block = &g_array_index(work->blocks, Block, i);

        for (nfds_t f = 1; f < count; f++) {
            if (fds[f].revents && fds[f].fd == block->out_fd)
                read_some(work, block, &block->out_fd, block->out,
                          block->cells * block->runs * MOST_LINE_BYTES);
            else if (fds[f].revents && fds[f].fd == block->err_fd)
                read_some(work, block, &block->err_fd, block->words, MOST_WORDS);
        }
    }
    show_progress(work);
    return 0;
}

static int
reap(Work *work, vmmiError **err)
{
    for (guint i = 0; i < work->next; i++) {
        Block *block = &g_array_index(work->blocks, Block, i);
        int status;

        if (!block->pid || block->out_fd >= 0 || block->err_fd >= 0 ||
            waitpid(block->pid, &status, WNOHANG) == 0)
            continue;
        block->pid = 0;
        work->running--;
        if (take_block(work, block, status, err) < 0)
            return -1;
    }
    return 0;
}

static void
end_all(Work *work)
{
    for (guint i = 0; i < work->next; i++) {
        Block *block = &g_array_index(work->blocks, Block, i);

        if (block->pid) {
            kill(block->pid, SIGKILL);
            waitpid(block->pid, NULL, 0);
        }
        if (block->out_fd >= 0)
            close(block->out_fd);
        if (block->err_fd >= 0)
            close(block->err_fd);
    }
}

static int
carry_out(Work *work, vmmiError **err)
{
    while (work->running > 0 || work->next < work->blocks->len) {
        while (work->running < work->plan->jobs && work->next < work->blocks->len) {
            if (start(work, &g_array_index(work->blocks, Block, work->next++), err) < 0)
                return -1;
        }
        if (wait_and_read(work, err) < 0 || reap(work, err) < 0)
            return -1;
    }
    return 0;
}

static gint
compare_rows(gconstpointer a, gconstpointer b)
{
    const SimRow *x = a, *y = b;

    if (x->policy != y->policy)
        return x->policy < y->policy ? -1 : 1;
    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    return x->seed < y->seed ? -1 : x->seed > y->seed;
}

int
sim_run(SimPlan *plan, vmmiError **err)
{
    Work work = { .plan = plan, .blocks = g_array_new(FALSE, TRUE, sizeof(Block)) };
    int result;

    g_array_set_clear_func(work.blocks, block_clear);
    signals_catch();
    divide(&work);
    result = carry_out(&work, err);
    end_all(&work);
    if (plan->progress)
        printf("\r\033[K");
    g_array_sort(plan->rows, compare_rows);
    g_array_unref(work.blocks);
    return result;
}
