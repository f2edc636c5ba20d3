/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Furniture of common/config: one configuration file as a list of assignments with their lines, and the order
 * in which files are read. Both know nothing of the keys.
 */

#include <glib.h>

#include "common/config.h"

G_BEGIN_DECLS

typedef struct ConfigAssignment {
        char *section, *key, *value;
        unsigned line;
} ConfigAssignment;

/* Reads a file into assignments (elements are owned by the array); lines that GKeyFile would not take are
 * complained about and left out, one by one. Negative errno if the file cannot be read. */
int config_file_read(const char *path, ConfigurationComplaint complain, void *userdata, GPtrArray **ret);

/* The main file, if there is one, then the drop-ins (char *, owned by the array). See common/config.h. */
GPtrArray *config_file_search(const char *root);

G_END_DECLS
