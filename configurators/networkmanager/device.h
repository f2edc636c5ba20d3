/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What NetworkManager says about one interface. */

#include <NetworkManager.h>

G_BEGIN_DECLS

typedef enum ProbeResult {
        PROBE_YES,
        PROBE_NO,
        PROBE_REFUSED,
        PROBE_ABSENT,
        _PROBE_MAX,
} ProbeResult;

const char *probe_result_to_string(ProbeResult result);

/* *ret_reason: a phrase (g_free), "" with PROBE_YES. */
ProbeResult device_probe(NMClient *client, const char *interface, char **ret_reason);

/* a{sv}, floating, as the interface's Describe says. */
GVariant *device_describe(NMClient *client, NMDevice *device);

G_END_DECLS
