/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The auto pool (2): ten facts about this guest, computed. The host knows them by index and by these exact
 * names; the order is that of the older daemon (tools/hv/hv_kvp_daemon.c, kvp_pool_enumerate). There is no
 * file behind it.
 *
 * A fact that is unknown is an empty value, never an error text: the older daemon told the host "getaddrinfo
 * failed: …" as the guest's name.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/kvp/kvp.h"

G_BEGIN_DECLS

typedef struct KvpAuto KvpAuto;

KvpAuto *kvp_auto_new(const KvpFacts *facts);
KvpAuto *kvp_auto_free(KvpAuto *autos);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpAuto, kvp_auto_free)

/* What the driver said at registration: IntegrationServicesVersion. Copied. */
void kvp_auto_set_version(KvpAuto *autos, const char *version);

/* The fact with that number, cut at what reaches the host, lists of addresses between two addresses. -ENOENT
 * past the end. Valid until the next call. */
int kvp_auto_get_record(KvpAuto *autos, uint32_t index, const char **ret_key, const char **ret_value);
/* The fact with that name. -ENOENT. */
int kvp_auto_get(KvpAuto *autos, const char *key, const char **ret_value);

/* Compares with what the last call saw; returns the number of facts that changed, their names in ret_keys
 * (borrowed from a constant table, NULL-terminated). */
unsigned kvp_auto_refresh(KvpAuto *autos, const char *ret_keys[_KVP_FACT_MAX + 1]);

/* 1, and one more for each refresh that found a change. */
uint64_t kvp_auto_get_generation(const KvpAuto *autos);

G_END_DECLS
