/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The five pools on the bus. Reading is answered at once from memory; changing is authorized, may wait for a
 * lock that another program holds, and is answered when it stands. */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "service/bus/authorize.h"
#include "service/bus/bus-private.h"

G_BEGIN_DECLS

void pool_object_init(PoolObject *object, Bus *bus, KvpPool pool);
void pool_object_done(PoolObject *object);

/* Who may read; as bus_authorize(). */
int pool_authorize_read(const PoolObject *object, sd_bus_message *call, const char *member, const char *key,
                        sd_bus_error *error);

/* pool-write.c */
int method_pool_set(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_pool_set_if(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_pool_set_many(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_pool_remove(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_pool_clear(sd_bus_message *m, void *userdata, sd_bus_error *error);
void pool_write_free(void *write);

/* pool-listing.c */
int method_pool_get_all(sd_bus_message *m, void *userdata, sd_bus_error *error);
void pool_listing_free(void *listing);

G_END_DECLS
