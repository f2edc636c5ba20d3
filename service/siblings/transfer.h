/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/siblings/transfers.h"

G_BEGIN_DECLS

/* A report with an ID; -EBADMSG for one without, or with a state that we do not know. */
int transfer_new(const LinkMessage *report, Transfer **ret);
Transfer *transfer_free(Transfer *transfer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transfer, transfer_free)

G_END_DECLS
