/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a step of a transfer can end. Positive, so that it is never mistaken for an errno of ours; each has a
 * word, a sentence for people and the status that the host is told. */

#include <glib.h>

#include "common/string-table.h"
#include "wire/status.h"

G_BEGIN_DECLS

typedef enum TransferOutcome {
        TRANSFER_OK,
        TRANSFER_E_NOT_ACCEPTED, /* Accept=never */
        TRANSFER_E_NAME,         /* empty, "..", control characters, too long */
        TRANSFER_E_OUTSIDE,      /* below no allowed root, or leads out of it */
        TRANSFER_E_FORBIDDEN,    /* the kernel's file systems, or what is ours */
        TRANSFER_E_NO_DIRECTORY, /* missing, and the host did not ask for it to be made */
        TRANSFER_E_NOT_A_FILE,   /* the target is a link, a device, a FIFO, a directory */
        TRANSFER_E_EXISTS,
        TRANSFER_E_TOO_LARGE, /* MaximumSize= */
        TRANSFER_E_DISK_FULL,
        TRANSFER_E_READ_ONLY,
        TRANSFER_E_STORAGE,     /* the disk failed in another way */
        TRANSFER_E_FRAGMENT,    /* outside the announced size, or too scattered */
        TRANSFER_E_INCOMPLETE,  /* the end came before all of the file */
        TRANSFER_E_NOT_STARTED, /* a fragment or an end without a beginning */
        TRANSFER_E_REPLACED,    /* the host began another file before this one was whole */
        TRANSFER_E_CANCELLED,   /* by the host */
        TRANSFER_E_STOPPED,     /* by Cancel() */
        TRANSFER_E_HELD,        /* a snapshot lasted too long */
        TRANSFER_E_LOST,        /* the host, or this daemon, went away */
        _TRANSFER_OUTCOME_MAX,
        _TRANSFER_OUTCOME_INVALID = -EINVAL,
} TransferOutcome;
DECLARE_STRING_TABLE_LOOKUP(transfer_outcome, TransferOutcome);

const char *transfer_outcome_sentence(TransferOutcome outcome);
WireStatus transfer_outcome_status(TransferOutcome outcome);
/* What a failed system call means for the file that is being written. */
TransferOutcome transfer_outcome_from_errno(int error);

G_END_DECLS
