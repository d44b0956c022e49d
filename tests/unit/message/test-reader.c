/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-reader.c: one message out of a descriptor that stays open: nothing behind it is touched, and
 * nobody waits for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "message/reader.h"
#include "util/cleanup.h"
#include "../rows.h"

#define GOOD \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", \"configuration\": " \
    "{\"connection\": \"a}\\\"]{\"}}"

static void
make_pipe(int fds[2])
{
    g_assert_cmpint(pipe(fds), ==, 0);
}

static void
make_nonblocking_pipe(int fds[2])
{
    g_assert_cmpint(pipe2(fds, O_NONBLOCK), ==, 0);
}

static void
make_socket(int fds[2])
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
}

static void
make_file(int fds[2])
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "vmmi-reader-XXXXXX", NULL);

    fds[1] = g_mkstemp(path);
    fds[0] = open(path, O_RDONLY);
    g_assert_cmpint(fds[0], >=, 0);
    unlink(path);
}

static const struct {
    const char *name;
    void (*make)(int fds[2]);
} kinds[] = {
    { "pipe", make_pipe },
    { "nonblocking-pipe", make_nonblocking_pipe },
    { "socket", make_socket },
    { "file", make_file },
};

/* The writer stays open; what stands behind the message is still there afterwards. */
static void
test_rest_is_left(gconstpointer data)
{
    static const char rest[] = " next";
    vmmi_autofd int in = -1, out = -1;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMessage) message = NULL;
    char left[32] = "";
    int fds[2];

    kinds[GPOINTER_TO_SIZE(data)].make(fds);
    in = fds[0];
    out = fds[1];
    g_assert_cmpint(write(out, GOOD " next", strlen(GOOD " next")), ==, (int)strlen(GOOD " next"));
    message = vmmiMessageReadFd(in, 10000, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_nonnull(message);
    g_assert_cmpint(read(in, left, sizeof(left)), ==, (int)strlen(rest));
    g_assert_cmpstr(left, ==, rest);
}

/* Byte for byte, with a step after each: 0 until the last one has come. */
static void
test_bytewise(void)
{
    vmmi_autofd int in = -1, out = -1;
    vmmiMessageReader *reader;
    vmmiMessage *message = NULL;
    int fds[2];

    make_pipe(fds);
    in = fds[0];
    out = fds[1];
    reader = vmmiMessageReaderNew(in);
    for (size_t i = 0; i < strlen(GOOD); i++) {
        g_assert_cmpint(write(out, &GOOD[i], 1), ==, 1);
        g_assert_cmpint(vmmiMessageReaderStep(reader, &message, NULL), ==, i + 1 == strlen(GOOD));
    }
    g_assert_nonnull(message);
    vmmiMessageUnref(message);
    vmmiMessageReaderFree(reader);
}

static gpointer
write_slowly(gpointer data)
{
    int fd = GPOINTER_TO_INT(data);

    for (size_t i = 0; i < strlen(GOOD); i++) {
        if (write(fd, &GOOD[i], 1) != 1)
            g_test_fail_printf("write: %s", g_strerror(errno));
        g_usleep(100);
    }
    return NULL;
}

static void
test_slow_writer(void)
{
    vmmi_autofd int in = -1, out = -1;
    g_autoptr(vmmiMessage) message = NULL;
    GThread *thread;
    int fds[2];

    make_socket(fds);
    in = fds[0];
    out = fds[1];
    thread = g_thread_new("writer", write_slowly, GINT_TO_POINTER(out));
    message = vmmiMessageReadFd(in, 60000, NULL);
    g_thread_join(thread);
    g_assert_nonnull(message);
}

static const struct {
    const char *name, *text;
    bool stays_open;
    int code;
    const char *needle;
} flawed[] = {
    { "silent", "", true, VMMI_ERR_TIMEOUT, "only 0 bytes" },
    { "half", "{\"vmmiVersion\":", true, VMMI_ERR_TIMEOUT, "only 15 bytes" },
    { "closed", "", false, VMMI_ERR_MESSAGE, "the input ended without a message" },
    { "cut", "{\n\"vmmiVersion\":", false, VMMI_ERR_MESSAGE, "line 2, column 15: the text ends" },
    { "noise", "hello {}", true, VMMI_ERR_MESSAGE, "line 1, column 1: an object was expected" },
    { "mistake-is-told-at-once", "{\"a\": ,", true, VMMI_ERR_MESSAGE, "a value is missing" },
    { "content",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", \"configuration\": 5}",
      true, VMMI_ERR_MALFORMED_CONFIGURATION, "must be an object" },
};

static void
test_flawed(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmi_autofd int in = -1, out = -1;
    g_autoptr(vmmiError) error = NULL;
    int timeout = flawed[row].code == VMMI_ERR_TIMEOUT ? 50 : 60000;
    int fds[2];

    make_pipe(fds);
    in = fds[0];
    out = fds[1];
    g_assert_cmpint(write(out, flawed[row].text, strlen(flawed[row].text)), ==,
                    (int)strlen(flawed[row].text));
    if (!flawed[row].stays_open)
        vmmiFdCleanup(&out);
    g_assert_null(vmmiMessageReadFd(in, timeout, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, flawed[row].code);
    if (!strstr(vmmiErrorGetMessage(error), flawed[row].needle))
        g_test_fail_printf("'%s' is not in '%s'", flawed[row].needle, vmmiErrorGetMessage(error));
}

static void
test_bad_descriptor(void)
{
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(vmmiMessageReadFd(-1, -1, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    vmmiErrorClear(&error);
    g_assert_null(vmmiMessageReadFd(999, -1, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_SYSTEM);
}

static gpointer
write_large(gpointer data)
{
    g_autofree char *blank = g_strnfill(VMMI_MESSAGE_MAX_BYTES + 1, ' ');
    int fd = GPOINTER_TO_INT(data);
    size_t put = 0;
    ssize_t got;

    blank[0] = '{';
    while (put < VMMI_MESSAGE_MAX_BYTES + 1 &&
           (got = write(fd, blank + put, VMMI_MESSAGE_MAX_BYTES + 1 - put)) > 0)
        put += (size_t)got;
    return NULL;
}

/* An endless message is given up at the limit, though the sender has not closed. */
static void
test_too_large(void)
{
    vmmi_autofd int in = -1, out = -1;
    g_autoptr(vmmiError) error = NULL;
    GThread *thread;
    int fds[2];

    make_pipe(fds);
    in = fds[0];
    out = fds[1];
    thread = g_thread_new("writer", write_large, GINT_TO_POINTER(out));
    g_assert_null(vmmiMessageReadFd(in, -1, &error));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "more than"));
    g_thread_join(thread);
}

static void
test_write_fd(void)
{
    vmmi_autofd int in = -1, out = -1;
    g_autoptr(vmmiMessage) message = vmmiCompletionNewSuccess(), again = NULL;
    char newline = 0;
    int fds[2];

    make_pipe(fds);
    in = fds[0];
    out = fds[1];
    vmmiMessageStamp(message, 1);
    g_assert_cmpint(vmmiMessageWriteFd(message, out, NULL), ==, 0);
    again = vmmiMessageReadFd(in, 10000, NULL);
    g_assert_true(vmmiCompletionIsSuccess(again));
    g_assert_cmpint(read(in, &newline, 1), ==, 1);
    g_assert_cmpint(newline, ==, '\n');
    g_assert_cmpint(vmmiMessageWriteFd(message, -1, NULL), ==, -1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/message/reader/rest-is-left/", kinds, test_rest_is_left);
    ADD_ROWS("/message/reader/flawed/", flawed, test_flawed);
    g_test_add_func("/message/reader/bytewise", test_bytewise);
    g_test_add_func("/message/reader/slow-writer", test_slow_writer);
    g_test_add_func("/message/reader/bad-descriptor", test_bad_descriptor);
    g_test_add_func("/message/reader/too-large", test_too_large);
    g_test_add_func("/message/reader/write-fd", test_write_fd);
    return g_test_run();
}
