/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"
#include "service/bus/adapter-object.h"
#include "service/bus/authorize.h"
#include "service/bus/bus-private.h"
#include "service/bus/errors.h"

#define REVERT_USEC (20 * USEC_PER_SEC)

/* A call that waits for a configurator. */
typedef struct AdapterJob {
        Bus *bus;
        char guid[37];
        sd_bus_message *call;
        BusCharge *charge;
        Survey *survey;
        ConfiguratorCall *revert;
        guint candidate;
} AdapterJob;

void adapter_job_free(void *p) {
        AdapterJob *job = p;

        injector_disown(network_get_injector(job->bus->setup.network), job);
        survey_cancel(job->survey);
        if (job->revert) {
                const Configurators *table = configurator_calls_table(job->bus->configurators);

                table->cancel(job->revert, table->userdata);
        }
        bus_charge_free(job->charge);
        sd_bus_message_unref(job->call);
        g_free(job);
}

static void job_sent(AdapterJob *job, int r) {
        Bus *bus = job->bus;

        g_hash_table_remove(bus->adapter_jobs, job);
        if (r < 0)
                bus_sending_failed(bus, r);
}

static void job_fail(AdapterJob *job, const char *name, const char *sentence) {
        job_sent(job, sd_bus_reply_method_errorf(job->call, name, "%s", sentence));
}

/* Authorizes and makes the job. As bus_authorize(); *ret stays NULL unless the answer is 1. */
static int job_begin(const AdapterObject *object, sd_bus_message *m, const char *member, AdapterJob **ret,
                     sd_bus_error *error) {
        Bus *bus = object->bus;
        BusCharge *charge;
        AdapterJob *job = NULL;
        int r;

        r = bus_authorize(bus, m, HVUTILS_INTERFACE_ADAPTER, member,
                          &(AuthorizeTarget){ .adapter = object->guid }, error);
        if (r <= 0)
                return r;
        charge = bus_charge_new(bus->limits, BUS_LIMIT_CALLS, sd_bus_message_get_sender(m) ?: "");
        if (!charge)
                return bus_error_limit(error, BUS_LIMIT_CALLS);
        job = g_new0(AdapterJob, 1);
        job->bus = bus;
        job->call = sd_bus_message_ref(m);
        job->charge = charge;
        g_strlcpy(job->guid, object->guid, sizeof job->guid);
        g_hash_table_add(bus->adapter_jobs, job);
        *ret = job;
        return 1;
}

/* --- Reapply --- */

static void on_reapplied(WireStatus status, void *userdata) {
        AdapterJob *job = userdata;
        Injector *injector = network_get_injector(job->bus->setup.network);
        InjectionRecord record;

        if (status == WIRE_STATUS_OK)
                return job_sent(job, sd_bus_reply_method_return(job->call, NULL));
        if (!injector_get_record(injector, job->guid, &record))
                return job_fail(job, HVUTILS_ERROR_FAILED, "It was taken back.");
        if (!record.over)
                return job_fail(job, HVUTILS_ERROR_UNAVAILABLE,
                                "Nobody there applies it now; it will be applied late.");
        job_fail(job, HVUTILS_ERROR_FAILED, *record.reason ? record.reason : "It could not be applied.");
}

int method_adapter_reapply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const AdapterObject *object = userdata;
        AdapterJob *job = NULL;
        int r;

        r = job_begin(object, m, "Reapply", &job, error);
        if (!job)
                return r < 0 ? r : 1;
        r = injector_reapply(network_get_injector(object->bus->setup.network), object->guid, on_reapplied,
                             job);
        if (r == -ENOENT)
                job_fail(job, HVUTILS_ERROR_NOT_FOUND, "The host has injected nothing into this adapter.");
        else if (r == -EBUSY)
                job_fail(job, HVUTILS_ERROR_BUSY, "An injection into this adapter is under way.");
        else if (r < 0)
                job_fail(job, HVUTILS_ERROR_NOT_FOUND, "The adapter is gone.");
        return 1;
}

/* --- Forget: every configurator is asked to revert; who has nothing says so --- */

static void revert_next(AdapterJob *job);

static void on_reverted(ConfiguratorResult result, const char *reason, void *userdata) {
        AdapterJob *job = userdata;

        job->revert = NULL;
        if (result == CONFIGURATOR_BUSY || result == CONFIGURATOR_FAILED)
                return job_fail(job, result == CONFIGURATOR_BUSY ? HVUTILS_ERROR_BUSY : HVUTILS_ERROR_FAILED,
                                reason);
        job->candidate++;
        revert_next(job);
}

static void revert_next(AdapterJob *job) {
        Network *network = job->bus->setup.network;
        const Configurators *table = configurator_calls_table(job->bus->configurators);
        const NetLink *link =
                net_tables_find_guid(adapters_get_tables(network_get_adapters(network)), job->guid);
        const char *buffer[2];
        const ConfiguratorWish wish = {
                .name = configurator_candidates(network_get_configuration(network)->network.configurator,
                                                buffer)[job->candidate],
                .interface = link ? link->name : "",
                .timeout_usec = (uint64_t) (REVERT_USEC * job->bus->setup.time_scale),
                .answered = on_reverted,
                .userdata = job,
        };

        if (wish.name && link)
                job->revert = table->revert(&wish, table->userdata);
        if (job->revert)
                return;
        injector_forget(network_get_injector(network), job->guid);
        job_sent(job, sd_bus_reply_method_return(job->call, NULL));
}

int method_adapter_forget(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        AdapterJob *job = NULL;
        int r;

        r = job_begin(userdata, m, "Forget", &job, error);
        if (job)
                revert_next(job);
        return r < 0 ? r : 1;
}

/* --- Check --- */

static void on_surveyed(ConfiguratorResult result, const char *name, const char *reason, void *userdata) {
        AdapterJob *job = userdata;

        job_sent(job, sd_bus_reply_method_return(job->call, "sss", name,
                                                 configurator_result_to_string(result), reason));
}

int method_adapter_check(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const AdapterObject *object = userdata;
        Network *network = object->bus->setup.network;
        const NetLink *link =
                net_tables_find_guid(adapters_get_tables(network_get_adapters(network)), object->guid);
        AdapterJob *job = NULL;
        int r;

        r = job_begin(object, m, "Check", &job, error);
        if (!job)
                return r < 0 ? r : 1;
        injector_survey(network_get_injector(network), link ? link->name : "", on_surveyed, job,
                        &job->survey);
        return 1;
}
