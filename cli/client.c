/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/client.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/hyperv.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"

/* A question is answered from memory. A change may wait for another program's lock (LockTimeout=) and for a
 * person who types a password (25 s in the service), and must not be given up before the service gives up. */
#define QUESTION_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define CHANGE_TIMEOUT_USEC   (60 * USEC_PER_SEC)

/* Errors by name: the service's own, and those of the bus that tell something about it. */
static const struct {
        const char *name;
        ExitStatus status;
        const char *sentence; /* NULL = the error's own */
} error_rows[] = {
        { HVUTILS_ERROR_NOT_FOUND, EXIT_STATUS_NOT_FOUND },
        { HVUTILS_ERROR_EXISTS, EXIT_STATUS_REFUSED, "the key exists already" },
        { HVUTILS_ERROR_CHANGED, EXIT_STATUS_REFUSED, "the value is another than expected" },
        { HVUTILS_ERROR_KEY_TOO_LONG, EXIT_STATUS_INVALID },
        { HVUTILS_ERROR_VALUE_TOO_LONG, EXIT_STATUS_INVALID },
        { HVUTILS_ERROR_INVALID, EXIT_STATUS_INVALID },
        { HVUTILS_ERROR_TOO_LARGE, EXIT_STATUS_INVALID },
        { HVUTILS_ERROR_READ_ONLY, EXIT_STATUS_DENIED },
        { HVUTILS_ERROR_NOT_AUTHORIZED, EXIT_STATUS_DENIED },
        { HVUTILS_ERROR_NOT_OWNER, EXIT_STATUS_DENIED },
        { HVUTILS_ERROR_FROZEN, EXIT_STATUS_REFUSED },
        { HVUTILS_ERROR_BUSY, EXIT_STATUS_TIMEOUT },
        { HVUTILS_ERROR_UNAVAILABLE, EXIT_STATUS_UNAVAILABLE },
        { HVUTILS_ERROR_POOL_FULL, EXIT_STATUS_ERROR },
        { HVUTILS_ERROR_LIMITS_EXCEEDED, EXIT_STATUS_ERROR },
        { HVUTILS_ERROR_STORAGE, EXIT_STATUS_ERROR },
        { HVUTILS_ERROR_FAILED, EXIT_STATUS_ERROR },
        { SD_BUS_ERROR_ACCESS_DENIED, EXIT_STATUS_DENIED, "access denied" },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, EXIT_STATUS_DENIED, "access denied" },
        { SD_BUS_ERROR_NO_REPLY, EXIT_STATUS_TIMEOUT, "hvutilsd did not answer in time" },
        { SD_BUS_ERROR_TIMEOUT, EXIT_STATUS_TIMEOUT, "hvutilsd did not answer in time" },
        { SD_BUS_ERROR_DISCONNECTED, EXIT_STATUS_UNAVAILABLE, "the system bus went away" },
        { SD_BUS_ERROR_UNKNOWN_OBJECT, EXIT_STATUS_UNAVAILABLE },
        { SD_BUS_ERROR_UNKNOWN_INTERFACE, EXIT_STATUS_UNAVAILABLE },
        { SD_BUS_ERROR_UNKNOWN_METHOD, EXIT_STATUS_UNAVAILABLE },
};

static ExitStatus fail_not_running(Failure *failure) {
        if (!hyperv_is_guest("/sys"))
                return failure_set(failure, EXIT_STATUS_UNAVAILABLE,
                                   "not a Hyper-V guest, and hvutilsd is not running");
        failure_set(failure, EXIT_STATUS_UNAVAILABLE, "hvutilsd is not running");
        failure_set_hint(failure, "systemctl start hvutilsd");
        return EXIT_STATUS_UNAVAILABLE;
}

/* The service's own errors bring a sentence for people; the bus's are made for programmers and get ours. */
ExitStatus client_failure(Failure *failure, const sd_bus_error *error) {
        const char *sentence = error->message ?: error->name;
        ExitStatus status = EXIT_STATUS_ERROR;

        if (sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return fail_not_running(failure);
        for (size_t i = 0; i < G_N_ELEMENTS(error_rows); i++)
                if (sd_bus_error_has_name(error, error_rows[i].name)) {
                        status = error_rows[i].status;
                        sentence = error_rows[i].sentence ?: sentence;
                }
        failure_set(failure, status, "%s", sentence);
        if (sd_bus_error_has_name(error, HVUTILS_ERROR_STORAGE))
                failure_set_hint(failure, "hvctl status shows the pool's problem");
        return status;
}

/* sd-bus itself failed: mostly the connection, which is made while the first call waits. */
ExitStatus client_failure_errno(Failure *failure, int r) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        switch (-r) {
        case ETIMEDOUT:
                sd_bus_error_set_const(&error, SD_BUS_ERROR_TIMEOUT, "");
                break;
        case ECONNRESET:
        case ENOTCONN:
        case EPIPE:
        case ESHUTDOWN:
                sd_bus_error_set_const(&error, SD_BUS_ERROR_DISCONNECTED, "");
                break;
        default:
                sd_bus_error_set_errno(&error, r);
        }
        return client_failure(failure, &error);
}

static ExitStatus fail_to_connect(Failure *failure, const char *address, int error) {
        if (!address && !g_getenv("DBUS_SYSTEM_BUS_ADDRESS") && !hyperv_is_guest("/sys"))
                return failure_set(failure, EXIT_STATUS_UNAVAILABLE,
                                   "not a Hyper-V guest, and without a system bus");
        failure_set(failure, EXIT_STATUS_UNAVAILABLE, "cannot reach the %s: %s",
                    address ? "bus" : "system bus", g_strerror(-error));
        failure_set_hint(failure, "hvctl --root=/ kvp … works on the pool files without a bus");
        return EXIT_STATUS_UNAVAILABLE;
}

/* Like sd_bus_open_system(), but to an address of the caller's choice. Nothing has been said on the bus when
 * it returns. */
static int connect_bus(const char *address, sd_bus **ret) {
        g_autoptr(sd_bus) bus = NULL;
        int r;

        if (!address)
                return sd_bus_open_system(ret);
        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&bus);
        return 0;
}

ExitStatus client_new(const Options *options, Client **ret, Failure *failure) {
        g_autoptr(sd_bus) bus = NULL;
        int r = connect_bus(options->bus, &bus);
        if (r < 0)
                return fail_to_connect(failure, options->bus, r);

        Client *client = g_new0(Client, 1);
        client->bus = g_steal_pointer(&bus);
        client->interactive = !options_given(options, OPTION_NO_ASK_PASSWORD);
        client->timeout_usec = options->timeout_usec;
        *ret = client;
        return EXIT_STATUS_OK;
}

Client *client_free(Client *client) {
        if (!client)
                return NULL;
        agent_stop(client->agent);
        sd_bus_close_unref(client->bus);
        g_free(client);
        return NULL;
}

sd_bus_message *client_message_new(Client *client, const char *path, const char *interface,
                                   const char *member) {
        sd_bus_message *message = NULL;
        int r = sd_bus_message_new_method_call(client->bus, &message, HVUTILS_BUS_NAME, path, interface,
                                               member);
        g_assert(r >= 0);
        (void) sd_bus_message_set_auto_start(message, false);
        return message;
}

/* Root is never asked, and without a terminal there is nobody to ask. */
static void offer_agent(Client *client) {
        if (client->has_agent || geteuid() == 0)
                return;
        client->has_agent = true;
        if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
                client->agent = agent_start();
}

static uint64_t call_timeout(const Client *client, bool interactive) {
        if (client->timeout_usec != USEC_INFINITY)
                return client->timeout_usec;
        return interactive ? CHANGE_TIMEOUT_USEC : QUESTION_TIMEOUT_USEC;
}

ExitStatus client_call(Client *client, sd_bus_message *message, unsigned flags, sd_bus_message **ret_reply,
                       Failure *failure) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        bool may_ask = flags & CLIENT_CALL_INTERACTIVE;

        if (may_ask && client->interactive) {
                offer_agent(client);
                (void) sd_bus_message_set_allow_interactive_authorization(message, true);
        }
        int r = sd_bus_call(client->bus, message, call_timeout(client, may_ask), &error, ret_reply);
        if (r >= 0)
                return EXIT_STATUS_OK;
        return sd_bus_error_is_set(&error) ? client_failure(failure, &error)
                                           : client_failure_errno(failure, r);
}

void client_call_async(Client *client, sd_bus_message *message, sd_bus_slot **ret_slot,
                       sd_bus_message_handler_t callback, void *userdata) {
        int r = sd_bus_call_async(client->bus, ret_slot, message, callback, userdata,
                                  call_timeout(client, false));
        if (r < 0)
                g_error("cannot queue a call: %s", g_strerror(-r));
}

ExitStatus client_service_is_running(Client *client, bool *ret, Failure *failure) {
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        g_autoptr(sd_bus_message) message = NULL, reply = NULL;
        int owned = 0;
        int r = sd_bus_message_new_method_call(client->bus, &message, "org.freedesktop.DBus",
                                               "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                               "NameHasOwner");
        if (r >= 0)
                r = sd_bus_message_append(message, "s", HVUTILS_BUS_NAME);
        if (r >= 0)
                r = sd_bus_call(client->bus, message, call_timeout(client, false), &error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "b", &owned);
        if (r < 0)
                return fail_to_connect(failure, NULL, r);
        *ret = owned;
        return EXIT_STATUS_OK;
}

ExitStatus client_get_properties(Client *client, const char *path, const char *interface,
                                 sd_bus_message **ret, Failure *failure) {
        g_autoptr(sd_bus_message) message =
                client_message_new(client, path, "org.freedesktop.DBus.Properties", "GetAll");
        int r = sd_bus_message_append(message, "s", interface);
        g_assert(r >= 0);
        return client_call(client, message, CLIENT_CALL_QUIET, ret, failure);
}

char *client_pool_path(KvpPool pool) {
        return g_strconcat(HVUTILS_OBJECT_KVP "/", kvp_pool_to_string(pool), NULL);
}

KvpPool client_pool_of_path(const char *path) {
        const char *prefix = HVUTILS_OBJECT_KVP "/";
        if (!path || !g_str_has_prefix(path, prefix))
                return _KVP_POOL_ID_INVALID;
        return kvp_pool_from_string(path + strlen(prefix));
}
