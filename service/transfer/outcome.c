/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/outcome.h"

#include <errno.h>

static const struct {
        const char *word, *sentence;
        WireStatus status;
} outcomes[_TRANSFER_OUTCOME_MAX] = {
        [TRANSFER_OK] = { "ok", "The file arrived.", WIRE_STATUS_OK },
        [TRANSFER_E_NOT_ACCEPTED] = { "not-accepted", "Files are not accepted from the host (Accept=).",
                                      WIRE_STATUS_FAIL },
        [TRANSFER_E_NAME] = { "name", "The destination is not a name that this guest takes.",
                              WIRE_STATUS_FAIL },
        [TRANSFER_E_OUTSIDE] = { "outside", "The destination is below none of AllowedRoots=.",
                                 WIRE_STATUS_FAIL },
        [TRANSFER_E_FORBIDDEN] = { "forbidden", "The destination belongs to the kernel or to hvutils itself.",
                                   WIRE_STATUS_FAIL },
        [TRANSFER_E_NO_DIRECTORY] = { "no-directory",
                                      "The directory does not exist, and the host did not ask to create it.",
                                      WIRE_STATUS_FAIL },
        [TRANSFER_E_NOT_A_FILE] = { "not-a-file", "The target exists and is no regular file.",
                                    WIRE_STATUS_FAIL },
        [TRANSFER_E_EXISTS] = { "exists", "The file exists, and the host did not ask to replace it.",
                                WIRE_STATUS_EXISTS },
        [TRANSFER_E_TOO_LARGE] = { "too-large", "The file is larger than MaximumSize=.", WIRE_STATUS_FAIL },
        [TRANSFER_E_DISK_FULL] = { "disk-full", "The file system has not enough room.",
                                   WIRE_STATUS_DISK_FULL },
        [TRANSFER_E_READ_ONLY] = { "read-only", "The directory cannot be written.", WIRE_STATUS_FAIL },
        [TRANSFER_E_STORAGE] = { "storage", "The file system reported an error.", WIRE_STATUS_FAIL },
        [TRANSFER_E_FRAGMENT] = { "fragment", "A part of the file did not fit its announced size.",
                                  WIRE_STATUS_INVALID },
        [TRANSFER_E_INCOMPLETE] = { "incomplete", "The host ended the file before all of it had come.",
                                    WIRE_STATUS_FAIL },
        [TRANSFER_E_NOT_STARTED] = { "not-started", "No file was announced.", WIRE_STATUS_FAIL },
        [TRANSFER_E_REPLACED] = { "replaced", "The host began another file before this one was whole.",
                                  WIRE_STATUS_FAIL },
        [TRANSFER_E_CANCELLED] = { "cancelled", "The host cancelled it.", WIRE_STATUS_OK },
        [TRANSFER_E_STOPPED] = { "stopped", "It was cancelled in this guest.", WIRE_STATUS_FAIL },
        [TRANSFER_E_HELD] = { "held", "The file systems were frozen for longer than the host waits.",
                              WIRE_STATUS_FAIL },
        [TRANSFER_E_LOST] = { "lost", "The connection to the host was lost.", WIRE_STATUS_FAIL },
};

const char *transfer_outcome_to_string(TransferOutcome outcome) {
        return outcome >= 0 && outcome < _TRANSFER_OUTCOME_MAX ? outcomes[outcome].word : NULL;
}

TransferOutcome transfer_outcome_from_string(const char *word) {
        for (int i = 0; word && i < _TRANSFER_OUTCOME_MAX; i++)
                if (g_str_equal(outcomes[i].word, word))
                        return (TransferOutcome) i;
        return _TRANSFER_OUTCOME_INVALID;
}

const char *transfer_outcome_sentence(TransferOutcome outcome) {
        g_assert(outcome >= 0 && outcome < _TRANSFER_OUTCOME_MAX);
        return outcomes[outcome].sentence;
}

WireStatus transfer_outcome_status(TransferOutcome outcome) {
        g_assert(outcome >= 0 && outcome < _TRANSFER_OUTCOME_MAX);
        return outcomes[outcome].status;
}

TransferOutcome transfer_outcome_from_errno(int error) {
        switch (error < 0 ? -error : error) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
                return TRANSFER_E_DISK_FULL;
        case EROFS:
        case EACCES:
        case EPERM:
                return TRANSFER_E_READ_ONLY;
        case EEXIST:
                return TRANSFER_E_EXISTS;
        case EISDIR:
                return TRANSFER_E_NOT_A_FILE;
        case ENAMETOOLONG:
        case EILSEQ:
                return TRANSFER_E_NAME;
        default:
                return TRANSFER_E_STORAGE;
        }
}
