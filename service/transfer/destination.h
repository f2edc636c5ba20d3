/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A destination as text: what Copy-VMFile -DestinationPath says, taken apart. Nothing is opened here.
 *
 * Hosts are Windows: `\` separates as `/` does. Drive letters and shares (`C:\…`, `\\server\…`) mean nothing in
 * this guest and are refused rather than guessed. "." and empty components vanish; ".." is refused wherever it
 * stands, because behind a link it would not mean what was meant.
 */

#include <glib.h>
#include <stdbool.h>

#include "service/transfer/outcome.h"

G_BEGIN_DECLS

#define DESTINATION_COMPONENT_MAX 255 /* bytes, NAME_MAX of every file system here */

typedef struct Destination {
        bool absolute;
        bool directory;  /* a trailing separator: into it, whether it exists or not */
        char **parts;    /* components, never NULL */
        char *file_name; /* of the source; the name inside a directory */
} Destination;

void destination_done(Destination *destination);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Destination, destination_done)

/* TRANSFER_OK or TRANSFER_E_NAME. */
TransferOutcome destination_parse(const char *path_name, const char *file_name, Destination *ret);
/* True when the components begin with those of the absolute path root; *ret_skip of them. */
bool destination_is_below(const Destination *destination, const char *root, size_t *ret_skip);

G_END_DECLS
