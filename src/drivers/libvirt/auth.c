/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * auth.c: opening a connection with a user name and a password file. A password is never logged
 * or kept.
 */
#include "internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "util/error.h"

#define PASSWORD_MAX_BYTES 4096

/* What the callback needs while a connection is opened. */
typedef struct {
    const char *username;
    const char *password;
} Answers;

vmmiVirtTarget *
vmmiVirtTargetNew(const char *uri, const vmmiConnectOptions *options)
{
    vmmiVirtTarget *target = g_new0(vmmiVirtTarget, 1);

    target->uri = g_strdup(uri);
    target->username = g_strdup(options->username);
    target->password_file = g_strdup(options->password_file);
    target->options = *options;
    target->options.username = target->username;
    target->options.password_file = target->password_file;
    return target;
}

void
vmmiVirtTargetFree(vmmiVirtTarget *target)
{
    if (!target)
        return;
    g_free(target->uri);
    g_free(target->username);
    g_free(target->password_file);
    g_free(target);
}

void
vmmiVirtPasswordFree(char *password)
{
    if (!password)
        return;
    explicit_bzero(password, strlen(password));
    g_free(password);
}

/*
 * A relative name is looked for where systemd puts a service's credentials. There, an access list
 * for the service's user makes the file look readable by its group, which is root's.
 */
static char *
password_path(const char *path, bool *from_systemd, vmmiError **err)
{
    const char *dir = g_getenv("CREDENTIALS_DIRECTORY");

    *from_systemd = false;
    if (g_path_is_absolute(path))
        return g_strdup(path);
    if (strchr(path, '/') || g_str_equal(path, "..") || !dir || !g_path_is_absolute(dir)) {
        vmmiErrorSet(err, VMMI_ERR_AUTH,
                     "password file '%s': an absolute path is needed, or a name in "
                     "$CREDENTIALS_DIRECTORY", path);
        return NULL;
    }
    *from_systemd = true;
    return g_build_filename(dir, path, NULL);
}

static int
check_password_file(const char *path, const struct stat *st, bool from_systemd, vmmiError **err)
{
    mode_t others = S_IRWXG | S_IRWXO;

    if (!S_ISREG(st->st_mode))
        return vmmiErrorSet(err, VMMI_ERR_AUTH, "password file '%s' is not a regular file", path);
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return vmmiErrorSet(err, VMMI_ERR_AUTH,
                            "password file '%s' belongs to user %u, not to root or user %u", path,
                            (unsigned int)st->st_uid, (unsigned int)geteuid());
    if (from_systemd && st->st_uid == 0 && st->st_gid == 0)
        others &= ~(mode_t)S_IRGRP;
    if (st->st_mode & others)
        return vmmiErrorSet(err, VMMI_ERR_AUTH,
                            "password file '%s' has mode %04o: group and others must have no "
                            "access", path,
                            (unsigned int)st->st_mode & 07777);
    if (st->st_size > PASSWORD_MAX_BYTES)
        return vmmiErrorSet(err, VMMI_ERR_AUTH, "password file '%s' has more than %d bytes", path,
                            PASSWORD_MAX_BYTES);
    return 0;
}

/* Takes the password out of @buffer of @length bytes: all but one newline at the end. */
static int
cut_password(const char *path, const char *buffer, size_t length, char **password, vmmiError **err)
{
    if (memchr(buffer, '\0', length))
        return vmmiErrorSet(err, VMMI_ERR_AUTH, "password file '%s' holds a NUL byte", path);
    if (length > 0 && buffer[length - 1] == '\n')
        length--;
    if (length > 0 && buffer[length - 1] == '\r')
        length--;
    if (length == 0)
        return vmmiErrorSet(err, VMMI_ERR_AUTH, "password file '%s' is empty", path);
    *password = g_strndup(buffer, length);
    return 0;
}

static int
read_fd(int fd, const char *path, char **password, vmmiError **err)
{
    char buffer[PASSWORD_MAX_BYTES + 1];
    size_t used = 0;
    ssize_t got;
    int result;

    do {
        got = read(fd, buffer + used, sizeof(buffer) - used);
        if (got > 0)
            used += (size_t)got;
    } while ((got > 0 && used < sizeof(buffer)) || (got < 0 && errno == EINTR));
    if (got < 0)
        result = vmmiErrorSetErrno(err, VMMI_ERR_AUTH, errno, "cannot read password file '%s'",
                                   path);
    else if (used > PASSWORD_MAX_BYTES)
        result = vmmiErrorSet(err, VMMI_ERR_AUTH, "password file '%s' has more than %d bytes", path,
                              PASSWORD_MAX_BYTES);
    else
        result = cut_password(path, buffer, used, password, err);
    explicit_bzero(buffer, sizeof(buffer));
    return result;
}

int
vmmiVirtPasswordRead(const char *name, char **password, vmmiError **err)
{
    bool from_systemd;
    g_autofree char *path = password_path(name, &from_systemd, err);
    vmmi_autofd int fd = -1;
    struct stat st;

    if (!path)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_AUTH, errno, "cannot open password file '%s'", path);
    if (check_password_file(path, &st, from_systemd, err) < 0)
        return -1;
    return read_fd(fd, path, password, err);
}

/* libvirt frees what it is given with free(). */
static int
answer(virConnectCredentialPtr asked, unsigned int n_asked, void *opaque)
{
    const Answers *answers = opaque;

    for (unsigned int i = 0; i < n_asked; i++) {
        const char *text = NULL;

        if (asked[i].type == VIR_CRED_AUTHNAME || asked[i].type == VIR_CRED_USERNAME)
            text = answers->username;
        else if (asked[i].type == VIR_CRED_PASSPHRASE || asked[i].type == VIR_CRED_NOECHOPROMPT)
            text = answers->password;
        if (!text && !(text = asked[i].defresult))
            return -1;
        asked[i].result = strdup(text);
        if (!asked[i].result)
            return -1;
        asked[i].resultlen = (unsigned int)strlen(text);
    }
    return 0;
}

virConnectPtr
vmmiVirtTargetOpen(const vmmiVirtTarget *target, vmmiError **err)
{
    int types[] = { VIR_CRED_AUTHNAME, VIR_CRED_USERNAME, VIR_CRED_PASSPHRASE,
                    VIR_CRED_NOECHOPROMPT };
    Answers answers = { .username = target->username };
    virConnectAuth auth = { types, G_N_ELEMENTS(types), answer, &answers };
    char *password = NULL;
    virConnectPtr conn;

    if (target->password_file && vmmiVirtPasswordRead(target->password_file, &password, err) < 0)
        return NULL;
    if (target->options.events != VMMI_EVENTS_APPLICATION)
        vmmiVirtErrorSilenceProgram();
    answers.password = password;
    conn = virConnectOpenAuth(target->uri, &auth, 0);
    vmmiVirtPasswordFree(password);
    if (!conn) {
        vmmiVirtErrorTake(err, VMMI_ERR_CONNECT);
        vmmiErrorPrefix(err, "cannot connect to '%s'", target->uri);
        return NULL;
    }
    vmmiVirtErrorSilence(conn);
    if (target->options.events != VMMI_EVENTS_NONE) {
        /* Local drivers have no use for it and say so. */
        virConnectSetKeepAlive(conn, (int)MIN(target->options.keepalive_interval_s, 3600),
                               target->options.keepalive_count);
        virResetLastError();
    }
    return conn;
}
