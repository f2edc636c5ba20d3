/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/network/network.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"
#include "service/network/resolv-conf.h"

struct Network {
        Adapters *adapters;
        Stack *stack;
        Injector *injector;
        ResolvConf *resolv_conf;
        NetworkSetup setup;
        LogLimit bad_get;
};

static void on_adapters_changed(void *userdata) {
        Network *network = userdata;

        network->setup.changed(network->setup.userdata);
        injector_wake(network->injector);
}

static void on_injection_changed(const char *guid, void *userdata) {
        Network *network = userdata;

        network->setup.changed(network->setup.userdata);
}

static int start_injector(Network *network, sd_event *event) {
        const InjectorSetup setup = {
                .runtime_directory = network->setup.runtime_directory,
                .time_scale = network->setup.time_scale,
                .configuration = network->setup.configuration,
                .adapters = network->adapters,
                .changed = on_injection_changed,
                .userdata = network,
        };

        return injector_new(event, &setup, &network->injector);
}

int network_new(sd_event *event, const NetworkSetup *setup, Network **ret) {
        g_autofree char *sysfs = g_strconcat(setup->root ?: "", "/sys/class/net", NULL);
        g_autoptr(Network) network = g_new0(Network, 1);
        const AdaptersSetup adapters = {
                .sysfs = sysfs,
                .exclude = setup->configuration->network.exclude_interfaces,
                .primary = setup->configuration->network.primary_interfaces,
                .changed = on_adapters_changed,
                .userdata = network,
        };
        int r;

        network->setup = *setup;
        network->stack = stack_new();
        network->resolv_conf = resolv_conf_new(setup->root ?: "");
        r = adapters_new(event, &adapters, &network->adapters);
        if (r >= 0)
                r = start_injector(network, event);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&network);
        return 0;
}

Network *network_free(Network *network) {
        if (!network)
                return NULL;
        injector_free(network->injector);
        adapters_free(network->adapters);
        stack_free(network->stack);
        resolv_conf_free(network->resolv_conf);
        g_free(network);
        return NULL;
}

void network_reload(Network *network, const Configuration *configuration) {
        network->setup.configuration = configuration;
        injector_reload(network->injector, configuration);
        adapters_set_filters(network->adapters, configuration->network.exclude_interfaces,
                             configuration->network.primary_interfaces);
}

Adapters *network_get_adapters(Network *network) {
        return network->adapters;
}

Injector *network_get_injector(Network *network) {
        return network->injector;
}

const Configuration *network_get_configuration(const Network *network) {
        return network->setup.configuration;
}

void network_set_stack(Network *network, StackSource source, const StackEntry *entries, size_t n) {
        if (stack_replace(network->stack, source, entries, n))
                network->setup.changed(network->setup.userdata);
}

void network_describe(Network *network, const NetLink *link, IpSettings *ret) {
        memset(ret, 0, sizeof *ret);
        g_strlcpy(ret->adapter, link->guid, sizeof ret->adapter);
        adapters_describe(network->adapters, link, ret);
        stack_describe(network->stack, link, ret);
        if (ret->n_dns == 0)
                resolv_conf_describe(network->resolv_conf, ret);
}

/* --- what the host asks --- */

static const NetLink *find_wanted(Network *network, const uint8_t *request) {
        const NetLink *link;
        uint8_t mac[6];
        uint64_t more;

        if (ip_wire_parse_get(request, mac) < 0) {
                if (log_limit_pass(&network->bad_get, now_usec(CLOCK_MONOTONIC), &more))
                        log_event(LOG_WARNING, HVUTILS_MESSAGE_HOSTILE,
                                  LOG_FIELDS(HVUTILS_FIELD_CHANNEL, "kvp"),
                                  "The host asks for the addresses of something that is no MAC address.");
                return NULL;
        }
        link = net_tables_find_mac(adapters_get_tables(network->adapters), mac);
        return link && adapters_is_reported(network->adapters, link) ? link : NULL;
}

void network_answer_get(Network *network, const uint8_t *request, uint8_t *reply) {
        const NetLink *link = find_wanted(network, request);
        IpSettings settings;
        IpTexts texts;

        if (!link || ip_wire_parse_texts(request, &texts) < 0)
                return kvp_wire_reply_status(reply, WIRE_STATUS_FAIL);

        network_describe(network, link, &settings);
        ip_wire_reply_get(reply, texts.adapter, &settings);
}
