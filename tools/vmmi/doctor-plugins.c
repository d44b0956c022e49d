/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor-plugins.c: vmmi doctor on what is executed: the plugins, where they are looked for, the
 * shim.
 */
#include "doctor.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

/* Whether a folder of the search path exists; says what is wrong with it. */
static bool
check_folder(Doctor *doctor, const char *folder)
{
    g_autofree char *mend = NULL;
    g_autofree char *wrong = NULL;

    if (access(folder, F_OK) < 0 && errno == ENOENT)
        return false;
    wrong = doctor_distrust(folder, &mend);
    if (wrong)
        doctor_find(doctor, FINDING_PROBLEM, mend, "%s: the plugins in '%s' are refused", wrong,
                    folder);
    return true;
}

static unsigned int
check_folders(Doctor *doctor)
{
    char **folders = vmmiPluginGetPath();
    unsigned int there = 0;

    for (size_t i = 0; folders && folders[i]; i++) {
        there += check_folder(doctor, folders[i]);
        vmmiFree(folders[i]);
    }
    vmmiFree(folders);
    return there;
}

/* The message of a refusal begins with the path that it is about. */
static char *
mend_refusal(const vmmiError *refusal)
{
    const char *message = vmmiErrorGetMessage(refusal);
    const char *end = *message == '\'' ? strchr(message + 1, '\'') : NULL;
    g_autofree char *path = end ? g_strndup(message + 1, (gsize)(end - message - 1)) : NULL;
    g_autofree char *quoted = path ? doctor_quote(path) : NULL;

    if (!path)
        return NULL;
    if (strstr(end, "can be written"))
        return g_strdup_printf("chmod go-w %s", quoted);
    if (strstr(end, "is owned by"))
        return g_strdup_printf("chown root %s", quoted);
    if (strstr(end, "set-"))
        return g_strdup_printf("chmod ug-s %s", quoted);
    return strstr(end, "execut") ? g_strdup_printf("chmod +x %s", quoted) : NULL;
}

static void
check_plugin(Doctor *doctor, vmmiPlugin *plugin, GString *usable)
{
    const vmmiError *refusal = vmmiPluginGetRefusal(plugin);
    g_autofree char *mend = refusal ? mend_refusal(refusal) : NULL;

    switch (vmmiPluginGetVerdict(plugin)) {
    case VMMI_PLUGIN_USABLE:
        g_string_append_printf(usable, "%s%s", usable->len ? ", " : "", vmmiPluginGetName(plugin));
        break;
    case VMMI_PLUGIN_SHADOWED:
        doctor_find(doctor, FINDING_NOTE, NULL,
                    "'%s' is not used: another plugin of its name comes first",
                    vmmiPluginGetFile(plugin));
        break;
    case VMMI_PLUGIN_REFUSED:
        doctor_find(doctor, FINDING_PROBLEM, mend, "plugin '%s' is refused: %s",
                    vmmiPluginGetName(plugin), vmmiErrorGetMessage(refusal));
        break;
    }
}

void
doctor_check_plugins(Doctor *doctor)
{
    vmmiError *error = NULL;
    unsigned int folders = check_folders(doctor);
    vmmiPluginList *list = vmmiPluginSearch(&error);
    g_autoptr(GString) usable = g_string_new(NULL);

    for (size_t i = 0; list && i < vmmiPluginListGetCount(list); i++)
        check_plugin(doctor, vmmiPluginListGet(list, i), usable);
    if (!list)
        doctor_find(doctor, FINDING_PROBLEM, NULL, "%s", vmmiErrorGetMessage(error));
    else if (usable->len)
        doctor_find(doctor, FINDING_OK, NULL, "%s", usable->str);
    else
        doctor_find(doctor, FINDING_PROBLEM, "vmmi plugin path",
                    folders ? "there is no plugin that can be used"
                            : "there is no plugin: none of the directories for them exists");
    vmmiPluginListFree(list);
    vmmiErrorFree(error);
}

void
doctor_check_shim(Doctor *doctor)
{
    const char *chosen = getauxval(AT_SECURE) ? NULL : g_getenv("VMMI_SHIM_PATH");
    const char *path = chosen && *chosen ? chosen : VMMI_SHIM;
    g_autofree char *mend = NULL;
    g_autofree char *wrong = doctor_distrust(path, &mend);
    struct stat st;

    if (wrong)
        doctor_find(doctor, FINDING_PROBLEM, mend, "no plugin can be started through the shim: %s",
                    wrong);
    else if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || access(path, X_OK) < 0)
        doctor_find(doctor, FINDING_PROBLEM, NULL, "the shim '%s' is no program", path);
    else
        doctor_find(doctor, FINDING_OK, NULL, "'%s' can be used", path);
}
