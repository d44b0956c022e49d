/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree.h: removes what a test made.
 */
#ifndef VMMI_TEST_TREE_H
#define VMMI_TEST_TREE_H

#include <glib.h>
#include <stdio.h>

/* A file, a link, or a directory with all that is in it; links are not followed. */
static inline void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir =
        g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        remove_tree(child);
    }
    remove(path);
}

#endif
