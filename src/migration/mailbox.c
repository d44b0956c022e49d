/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mailbox.c: how answers of other threads reach the thread that dispatches.
 */
#include "migration/mailbox.h"

#include <sys/eventfd.h>

#include "util/cleanup.h"
#include "util/error.h"

/* A broken driver may report without end: events that nobody takes in time are dropped. Answers to
 * questions are not: there are no more of them than questions. */
#define MAX_ANSWERS 10000

struct vmmiMailbox {
    int refs; /* atomic */
    int fd;
    GMutex lock;
    GQueue answers;
    bool closed;
};

void
vmmiAnswerFree(vmmiAnswer *answer)
{
    if (!answer)
        return;
    vmmiSampleFree(answer->sample);
    vmmiSampleFree(answer->completed);
    vmmiErrorFree(answer->error);
    g_free(answer);
}

vmmiMailbox *
vmmiMailboxNew(vmmiError **err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    vmmiMailbox *mailbox;

    if (fd < 0) {
        vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot make a descriptor to poll");
        return NULL;
    }
    mailbox = g_new0(vmmiMailbox, 1);
    mailbox->refs = 1;
    mailbox->fd = fd;
    g_mutex_init(&mailbox->lock);
    g_queue_init(&mailbox->answers);
    return mailbox;
}

vmmiMailbox *
vmmiMailboxRef(vmmiMailbox *mailbox)
{
    g_atomic_int_inc(&mailbox->refs);
    return mailbox;
}

void
vmmiMailboxUnref(vmmiMailbox *mailbox)
{
    if (!mailbox || !g_atomic_int_dec_and_test(&mailbox->refs))
        return;
    g_queue_clear_full(&mailbox->answers, (GDestroyNotify)vmmiAnswerFree);
    g_mutex_clear(&mailbox->lock);
    close(mailbox->fd);
    g_free(mailbox);
}

int
vmmiMailboxGetFd(const vmmiMailbox *mailbox)
{
    return mailbox->fd;
}

void
vmmiMailboxKick(vmmiMailbox *mailbox)
{
    const uint64_t one = 1;

    /* It can fail only when the counter is full, and then the descriptor is readable anyway. */
    while (write(mailbox->fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

void
vmmiMailboxPut(vmmiMailbox *mailbox, vmmiAnswer *answer)
{
    g_mutex_lock(&mailbox->lock);
    if (mailbox->closed || (answer->kind == VMMI_ANSWER_EVENT &&
                            g_queue_get_length(&mailbox->answers) >= MAX_ANSWERS)) {
        g_mutex_unlock(&mailbox->lock);
        vmmiAnswerFree(answer);
        return;
    }
    g_queue_push_tail(&mailbox->answers, answer);
    g_mutex_unlock(&mailbox->lock);
    vmmiMailboxKick(mailbox);
}

GList *
vmmiMailboxTake(vmmiMailbox *mailbox)
{
    uint64_t count;
    GList *taken;

    while (read(mailbox->fd, &count, sizeof(count)) < 0 && errno == EINTR)
        continue;
    g_mutex_lock(&mailbox->lock);
    taken = mailbox->answers.head;
    g_queue_init(&mailbox->answers);
    g_mutex_unlock(&mailbox->lock);
    return taken;
}

void
vmmiMailboxClose(vmmiMailbox *mailbox)
{
    g_mutex_lock(&mailbox->lock);
    mailbox->closed = true;
    g_queue_clear_full(&mailbox->answers, (GDestroyNotify)vmmiAnswerFree);
    g_mutex_unlock(&mailbox->lock);
}
