/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/tree.h"

#include "common/names.h"

const BusObject bus_objects[] = {
        { HVUTILS_OBJECT_ROOT, HVUTILS_INTERFACE_MANAGER, manager_vtable },
        { HVUTILS_OBJECT_KVP, HVUTILS_INTERFACE_POOL, pool_vtable, pool_object_find, pool_object_enumerate },
        /* sd-bus wants all of a path to be fallbacks, or none. */
        { HVUTILS_OBJECT_SNAPSHOTS, HVUTILS_INTERFACE_SNAPSHOTS, snapshots_vtable, snapshots_object_find },
        { HVUTILS_OBJECT_SNAPSHOTS, HVUTILS_INTERFACE_SNAPSHOT, snapshot_vtable, snapshot_object_find,
          snapshot_object_enumerate },
        { HVUTILS_OBJECT_TRANSFERS, HVUTILS_INTERFACE_TRANSFERS, transfers_vtable, transfers_object_find },
        { HVUTILS_OBJECT_TRANSFERS, HVUTILS_INTERFACE_TRANSFER, transfer_vtable, transfer_object_find,
          transfer_object_enumerate },
        { HVUTILS_OBJECT_NETWORK, HVUTILS_INTERFACE_NETWORK, network_vtable, network_object_find },
        { HVUTILS_OBJECT_NETWORK, HVUTILS_INTERFACE_ADAPTER, adapter_vtable, adapter_object_find,
          adapter_object_enumerate },
        { LOG_CONTROL_OBJECT, LOG_CONTROL_INTERFACE, log_control_vtable, .gate = log_control_gate },
        {},
};

static int object_attach(sd_bus *connection, const BusObject *object, Bus *bus) {
        int r;

        if (object->gate) {
                r = sd_bus_add_object(connection, NULL, object->path, object->gate, bus);
                if (r < 0)
                        return r;
        }
        if (!object->find)
                return sd_bus_add_object_vtable(connection, NULL, object->path, object->interface,
                                                object->vtable, bus);

        r = sd_bus_add_fallback_vtable(connection, NULL, object->path, object->interface, object->vtable,
                                       object->find, bus);
        if (r < 0 || !object->enumerate)
                return r;
        return sd_bus_add_node_enumerator(connection, NULL, object->path, object->enumerate, bus);
}

int tree_attach(sd_bus *connection, Bus *bus) {
        int r;

        for (const BusObject *object = bus_objects; object->path; object++) {
                r = object_attach(connection, object, bus);
                if (r < 0)
                        return r;
        }
        return sd_bus_add_object_manager(connection, NULL, HVUTILS_OBJECT_ROOT);
}
