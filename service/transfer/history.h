/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The transfers that are over, the last HISTORY_MAX of them: in memory, and in a small file so that they outlive the
 * daemon. Also who numbers them: the last number stands in RUNTIME, so that no number comes twice in a boot;
 * and no number is below one that the history still shows.
 */

#include <glib.h>
#include <stdint.h>

#include "service/transfer/record.h"

G_BEGIN_DECLS

#define TRANSFER_HISTORY_MAX  64
#define TRANSFER_HISTORY_FILE "transfers"
#define TRANSFER_NUMBER_FILE  "transfer.number"

typedef struct TransferHistory TransferHistory;

/* Reads what there is; a file that cannot be read counts as none. */
TransferHistory *transfer_history_new(const char *data_directory, const char *runtime_directory);
TransferHistory *transfer_history_free(TransferHistory *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TransferHistory, transfer_history_free)

/* Copies it. Not on the disk before transfer_history_save(). */
void transfer_history_add(TransferHistory *history, const TransferRecord *record);
/* Without effect if nothing is new. */
int transfer_history_save(TransferHistory *history);
/* The oldest first; NULL beyond the last. */
const TransferRecord *transfer_history_get(const TransferHistory *history, guint index);
uint64_t transfer_history_next_number(TransferHistory *history);

G_END_DECLS
