/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The object tree is one table, registered by one loop; the introspection test walks the same table, so that
 * an object that is served is an object that is checked. Every member of every vtable is
 * SD_BUS_VTABLE_UNPRIVILEGED: otherwise sd-bus itself would ask the bus who the sender is, and wait for the
 * answer. Who may do what is decided in authorize.c. */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "service/bus/bus.h"

G_BEGIN_DECLS

typedef struct BusObject {
        const char *path;
        const char *interface;
        const sd_bus_vtable *vtable;
        sd_bus_object_find_t find;          /* objects below path, NULL = the object at path itself */
        sd_bus_node_enumerator_t enumerate; /* with find */
        sd_bus_message_handler_t
                gate; /* sees every call before the vtable: properties that are written; may be NULL */
} BusObject;

/* Ends with a row whose path is NULL. */
extern const BusObject bus_objects[];

/* userdata of all handlers without find is the Bus. */
int tree_attach(sd_bus *connection, Bus *bus);

/* manager-object.c, pool-object.c, snapshots-object.c, snapshot-object.c, transfers-object.c,
 * transfer-object.c, adapter-object.c, log-control.c */
extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable pool_vtable[];
extern const sd_bus_vtable snapshots_vtable[];
extern const sd_bus_vtable snapshot_vtable[];
extern const sd_bus_vtable transfers_vtable[];
extern const sd_bus_vtable transfer_vtable[];
extern const sd_bus_vtable network_vtable[];
extern const sd_bus_vtable adapter_vtable[];
extern const sd_bus_vtable log_control_vtable[];
int pool_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                     void **ret_found, sd_bus_error *error);
int pool_object_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                          sd_bus_error *error);
int snapshots_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                          void **ret_found, sd_bus_error *error);
int snapshot_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                         void **ret_found, sd_bus_error *error);
int snapshot_object_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                              sd_bus_error *error);
int transfers_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                          void **ret_found, sd_bus_error *error);
int transfer_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                         void **ret_found, sd_bus_error *error);
int transfer_object_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                              sd_bus_error *error);
/* sd-bus takes no plain object where there are objects found below: it is found, too. */
int network_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                        void **ret_found, sd_bus_error *error);
int adapter_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                        void **ret_found, sd_bus_error *error);
int adapter_object_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                             sd_bus_error *error);
int log_control_gate(sd_bus_message *m, void *userdata, sd_bus_error *error);

G_END_DECLS
