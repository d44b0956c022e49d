/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uri.c: which URIs are libvirt's, and what they say about their host. Looks at text only.
 */
#include "internal.h"

#include <string.h>

static const struct {
    const char *name;
    bool in_process;   /* served inside this process, without a daemon */
} drivers[] = {
    { "qemu", false },
    { "xen", false },
    { "lxc", false },
    { "ch", false },
    { "bhyve", false },
    { "vbox", false },
    { "vz", false },
    { "parallels", false },
    { "openvz", true },
    { "esx", true },
    { "gsx", true },
    { "vpx", true },
    { "hyperv", true },
    { "vmwareplayer", true },
    { "vmwarews", true },
    { "vmwarefusion", true },
    { "test", true },
    { "remote", false },
};
static const char *const transports[] = { "unix", "ssh", "libssh", "libssh2", "tcp", "tls", "ext" };

static bool
is_transport(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(transports); i++) {
        if (g_str_equal(transports[i], name))
            return true;
    }
    return false;
}

/* The part between "//" and the path, "" when there is none. */
static char *
authority(const char *uri)
{
    const char *start = strstr(uri, "://");

    if (!start)
        return g_strdup("");
    start += 3;
    return g_strndup(start, strcspn(start, "/?#"));
}

int
vmmiVirtUriCheck(const char *what, const char *uri, vmmiError **err)
{
    g_autofree char *host = NULL;
    const char *at;

    for (size_t i = 0; uri[i]; i++) {
        if (g_ascii_iscntrl(uri[i]))
            return vmmiErrorSet(err, VMMI_ERR_URI, "%s: byte %zu is a control character (0x%02x)",
                                what, i, (unsigned char)uri[i]);
    }
    host = authority(uri);
    at = strrchr(host, '@');
    if (at && memchr(host, ':', (size_t)(at - host)))
        return vmmiErrorSet(err, VMMI_ERR_URI,
                            "%s holds a password: name a password file instead", what);
    return 0;
}

static int
read_scheme(const char *scheme, const char *uri, vmmiVirtUri *parsed, const char **transport,
            vmmiError **err)
{
    const char *plus = strchr(scheme, '+');
    size_t length = plus ? (size_t)(plus - scheme) : strlen(scheme);

    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++) {
        if (strlen(drivers[i].name) != length || strncmp(drivers[i].name, scheme, length) != 0)
            continue;
        if (plus && !is_transport(plus + 1))
            return vmmiErrorSet(err, VMMI_ERR_URI,
                                "'%s': libvirt has no transport '%s', it has unix, ssh, libssh, "
                                "libssh2, tcp, tls and ext", uri, plus + 1);
        parsed->qemu = i == 0;
        parsed->in_process = drivers[i].in_process && !plus;
        *transport = plus ? plus + 1 : NULL;
        return 0;
    }
    return vmmiErrorSet(err, VMMI_ERR_DECLINED, "'%s' is not a libvirt URI", uri);
}

int
vmmiVirtUriParse(const char *uri, vmmiVirtUri *parsed, vmmiError **err)
{
    const char *colon = strchr(uri, ':');
    g_autofree char *scheme = colon ? g_strndup(uri, (size_t)(colon - uri)) : g_strdup("");
    g_autofree char *host = NULL;
    const char *transport = NULL;
    vmmiVirtUri result = { 0 };

    if (read_scheme(scheme, uri, &result, &transport, err) < 0)
        return -1;
    if (vmmiVirtUriCheck("the connection's URI", uri, err) < 0)
        return -1;
    if (colon[1] != '/')
        return vmmiErrorSet(err, VMMI_ERR_URI, "'%s': '/' is needed behind '%s:'", uri, scheme);
    /* QEMU without a daemon. */
    if (result.qemu && !transport && g_str_has_prefix(uri, "qemu:///embed"))
        result.in_process = true;
    host = authority(uri);
    if ((!transport && !*host) || (transport && g_str_equal(transport, "unix")))
        result.locality = VMMI_LOCALITY_LOCAL;
    else
        result.locality = VMMI_LOCALITY_REMOTE;
    *parsed = result;
    return 0;
}
