/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/service-facts.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"

static void channel_clear(void *p) {
        ChannelFacts *channel = p;
        g_free(channel->name);
        g_free(channel->transport);
        g_free(channel->state);
        g_free(channel->version);
}

static void statistic_clear(void *p) {
        g_free(((StatisticFacts *) p)->name);
}

GArray *channel_facts_new(void) {
        GArray *channels = g_array_new(false, false, sizeof(ChannelFacts));
        g_array_set_clear_func(channels, channel_clear);
        return channels;
}

ServiceFacts *service_facts_free(ServiceFacts *facts) {
        if (!facts)
                return NULL;
        g_free(facts->version);
        g_array_unref(facts->channels);
        g_array_unref(facts->statistics);
        for (int i = 0; i < _KVP_POOL_ID_MAX; i++) {
                g_free(facts->pools[i].file);
                g_free(facts->pools[i].problem);
        }
        g_free(facts);
        return NULL;
}

int channel_facts_read(sd_bus_message *message, GArray *channels) {
        const char *name, *transport, *state, *version;
        int r = sd_bus_message_enter_container(message, 'a', "(ssss)");
        while (r >= 0 &&
               (r = sd_bus_message_read(message, "(ssss)", &name, &transport, &state, &version)) > 0) {
                ChannelFacts channel = { g_strdup(name), g_strdup(transport), g_strdup(state),
                                         g_strdup(version) };
                g_array_append_val(channels, channel);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_statistics(sd_bus_message *message, GArray *statistics) {
        const char *name;
        uint64_t value;
        int r = sd_bus_message_enter_container(message, 'a', "{st}");
        while (r >= 0 && (r = sd_bus_message_read(message, "{st}", &name, &value)) > 0) {
                StatisticFacts statistic = { g_strdup(name), value };
                g_array_append_val(statistics, statistic);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int facts_read_text(sd_bus_message *message, char **ret) {
        const char *text;
        int r = sd_bus_message_read(message, "s", &text);
        if (r < 0)
                return r;
        g_free(*ret);
        *ret = g_strdup(text);
        return 0;
}

static int read_manager_property(sd_bus_message *message, const char *name, void *userdata) {
        ServiceFacts *facts = userdata;
        if (strcmp(name, "Version") == 0)
                return facts_read_text(message, &facts->version) ?: 1;
        if (strcmp(name, "Channels") == 0)
                return channel_facts_read(message, facts->channels);
        if (strcmp(name, "Statistics") == 0)
                return read_statistics(message, facts->statistics);
        return 0;
}

static int read_pool_property(sd_bus_message *message, const char *name, void *userdata) {
        PoolFacts *pool = userdata;
        if (strcmp(name, "File") == 0)
                return facts_read_text(message, &pool->file) ?: 1;
        if (strcmp(name, "Problem") == 0)
                return facts_read_text(message, &pool->problem) ?: 1;
        if (strcmp(name, "Count") == 0)
                return sd_bus_message_read(message, "u", &pool->count);
        if (strcmp(name, "Generation") == 0)
                return sd_bus_message_read(message, "t", &pool->generation);
        if (strcmp(name, "Writable") == 0)
                return sd_bus_message_read(message, "b", &pool->writable);
        return 0;
}

static int read_property(sd_bus_message *message, PropertyReader reader, void *userdata) {
        const char *name, *contents;
        int r = sd_bus_message_read(message, "s", &name);
        if (r >= 0)
                r = sd_bus_message_peek_type(message, NULL, &contents);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'v', contents);
        if (r < 0)
                return r;
        r = reader(message, name, userdata);
        if (r == 0)
                r = sd_bus_message_skip(message, contents);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r;
}

int facts_read_properties(sd_bus_message *message, PropertyReader reader, void *userdata) {
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_property(message, reader, userdata);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r;
}

ExitStatus facts_read_interface(Client *client, const char *path, const char *interface,
                                 PropertyReader reader, void *userdata, Failure *failure) {
        g_autoptr(sd_bus_message) reply = NULL;
        ExitStatus status = client_get_properties(client, path, interface, &reply, failure);
        if (status)
                return status;
        int r = facts_read_properties(reply, reader, userdata);
        if (r < 0)
                return failure_set(failure, EXIT_STATUS_ERROR, "the properties of %s make no sense: %s",
                                   interface, g_strerror(-r));
        return EXIT_STATUS_OK;
}

ExitStatus service_facts_read(Client *client, ServiceFacts **ret, Failure *failure) {
        g_autoptr(ServiceFacts) facts = g_new0(ServiceFacts, 1);
        facts->channels = channel_facts_new();
        facts->statistics = g_array_new(false, false, sizeof(StatisticFacts));
        g_array_set_clear_func(facts->statistics, statistic_clear);

        ExitStatus status = facts_read_interface(client, HVUTILS_OBJECT_ROOT, HVUTILS_INTERFACE_MANAGER,
                                           read_manager_property, facts, failure);
        for (int i = 0; status == EXIT_STATUS_OK && i < _KVP_POOL_ID_MAX; i++) {
                g_autofree char *path = client_pool_path((KvpPool) i);
                status = facts_read_interface(client, path, HVUTILS_INTERFACE_POOL, read_pool_property,
                                        &facts->pools[i], failure);
        }
        if (status)
                return status;
        *ret = g_steal_pointer(&facts);
        return EXIT_STATUS_OK;
}
