/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/pool-object.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "common/utf16.h"
#include "service/bus/errors.h"
#include "service/bus/tree.h"

void pool_object_init(PoolObject *object, Bus *bus, KvpPool pool) {
        object->bus = bus;
        object->pool = pool;
        object->name = kvp_pool_to_string(pool);
        object->path = g_strconcat(HVUTILS_OBJECT_KVP "/", object->name, NULL);
}

void pool_object_done(PoolObject *object) {
        g_clear_pointer(&object->path, g_free);
}

int pool_object_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                     void **ret_found, sd_bus_error *error) {
        Bus *bus = userdata;

        for (int i = 0; i < _KVP_POOL_ID_MAX; i++)
                if (strcmp(bus->pools[i].path, path) == 0) {
                        *ret_found = &bus->pools[i];
                        return 1;
                }
        return 0;
}

int pool_object_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                          sd_bus_error *error) {
        const Bus *bus = userdata;
        char **nodes = calloc(_KVP_POOL_ID_MAX + 1, sizeof *nodes); /* sd-bus frees it */

        if (!nodes)
                return -ENOMEM;
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                nodes[i] = strdup(bus->pools[i].path);
                if (!nodes[i]) {
                        while (i-- > 0)
                                free(nodes[i]);
                        free(nodes);
                        return -ENOMEM;
                }
        }
        *ret_nodes = nodes;
        return 0;
}

/* --- properties --- */

static void object_info(const PoolObject *object, KvpPoolInfo *ret) {
        kvp_get_pool_info(object->bus->setup.kvp, object->pool, ret);
}

static int property_get_name(sd_bus *connection, const char *path, const char *interface,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error) {
        const PoolObject *object = userdata;

        return sd_bus_message_append(reply, "s", object->name);
}

static int property_get_index(sd_bus *connection, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error) {
        const PoolObject *object = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t)object->pool);
}

static int property_get_count(sd_bus *connection, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error) {
        KvpPoolInfo info;

        object_info(userdata, &info);
        return sd_bus_message_append(reply, "u", info.count);
}

static int property_get_generation(sd_bus *connection, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error) {
        KvpPoolInfo info;

        object_info(userdata, &info);
        return sd_bus_message_append(reply, "t", info.generation);
}

static int property_get_writable(sd_bus *connection, const char *path, const char *interface,
                                 const char *property, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error) {
        KvpPoolInfo info;

        object_info(userdata, &info);
        return sd_bus_message_append(reply, "b", (int)info.writable);
}

static int property_get_file(sd_bus *connection, const char *path, const char *interface,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error) {
        KvpPoolInfo info;

        object_info(userdata, &info);
        return sd_bus_message_append(reply, "s", info.file);
}

static int property_get_problem(sd_bus *connection, const char *path, const char *interface,
                                const char *property, sd_bus_message *reply, void *userdata,
                                sd_bus_error *error) {
        KvpPoolInfo info;

        object_info(userdata, &info);
        return sd_bus_message_append(reply, "s", info.problem);
}

/* --- reading --- */

int pool_authorize_read(const PoolObject *object, sd_bus_message *call, const char *member, const char *key,
                        sd_bus_error *error) {
        KvpPoolInfo info;

        object_info(object, &info);
        return bus_authorize(object->bus, call, HVUTILS_INTERFACE_POOL, member,
                             &(AuthorizeTarget){ .pool = object->name,
                                                 .private_file = !info.world_readable,
                                                 .keys = &key,
                                                 .n_keys = key ? 1 : 0 },
                             error);
}

/* Reads the key, checks, authorizes, looks up. As bus_authorize(). */
static int pool_read(const PoolObject *object, sd_bus_message *m, const char *member, const char **ret_value,
                     size_t *ret_size, sd_bus_error *error) {
        const char *key;
        int r;

        r = sd_bus_message_read(m, "s", &key);
        if (r < 0)
                return r;
        if (key[0] == '\0')
                return bus_error_kvp(error, KVP_E_INVALID, &(KvpWish){ .pool = object->name, .key = key });
        r = pool_authorize_read(object, m, member, key, error);
        if (r <= 0)
                return r;
        r = kvp_get(object->bus->setup.kvp, object->pool, key, ret_value, ret_size);
        if (r != KVP_OK)
                return bus_error_kvp(error, r, &(KvpWish){ .pool = object->name, .key = key });
        return 1;
}

static int method_get(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        g_autofree char *mended = NULL;
        const char *value = NULL;
        size_t size = 0;
        int r;

        r = pool_read(userdata, m, "Get", &value, &size, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return sd_bus_reply_method_return(m, "s", utf8_mend(value, size, &mended));
}

static int method_get_raw(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        g_autoptr(sd_bus_message) reply = NULL;
        const char *value = NULL;
        size_t size = 0;
        int r;

        r = pool_read(userdata, m, "GetRaw", &value, &size, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append_array(reply, 'y', value, size);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define OPEN  SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable pool_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", property_get_name, 0, CONST),
        SD_BUS_PROPERTY("Index", "u", property_get_index, 0, CONST),
        SD_BUS_PROPERTY("Count", "u", property_get_count, 0, EMITS),
        SD_BUS_PROPERTY("Generation", "t", property_get_generation, 0, EMITS),
        SD_BUS_PROPERTY("Writable", "b", property_get_writable, 0, EMITS),
        SD_BUS_PROPERTY("File", "s", property_get_file, 0, CONST),
        SD_BUS_PROPERTY("Problem", "s", property_get_problem, 0, EMITS),
        SD_BUS_METHOD_WITH_ARGS("Get", SD_BUS_ARGS("s", key), SD_BUS_RESULT("s", value), method_get, OPEN),
        SD_BUS_METHOD_WITH_ARGS("GetRaw", SD_BUS_ARGS("s", key), SD_BUS_RESULT("ay", value), method_get_raw,
                                OPEN),
        SD_BUS_METHOD_WITH_ARGS("GetAll", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{ss}", values), method_pool_get_all,
                                OPEN),
        SD_BUS_METHOD_WITH_ARGS("Set", SD_BUS_ARGS("s", key, "s", value), SD_BUS_NO_RESULT, method_pool_set,
                                OPEN),
        SD_BUS_METHOD_WITH_ARGS("SetIf", SD_BUS_ARGS("s", key, "s", value, "s", expected, "u", flags),
                                SD_BUS_NO_RESULT, method_pool_set_if, OPEN),
        SD_BUS_METHOD_WITH_ARGS("SetMany", SD_BUS_ARGS("a{ss}", values), SD_BUS_NO_RESULT,
                                method_pool_set_many, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Remove", SD_BUS_ARGS("s", key), SD_BUS_NO_RESULT, method_pool_remove, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Clear", SD_BUS_NO_ARGS, SD_BUS_RESULT("u", removed), method_pool_clear,
                                OPEN),
        SD_BUS_SIGNAL_WITH_ARGS("Changed", SD_BUS_ARGS("as", keys, "as", removed, "b", all, "s", origin), 0),
        SD_BUS_VTABLE_END,
};
