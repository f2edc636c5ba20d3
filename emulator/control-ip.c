/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/control-verbs.h"

#include <string.h>

#include "common/utf16.h"
#include "wire/ip.h"

/* The host asks for an adapter's addresses by its MAC, and injects others by its GUID. */

static void say_texts(Session *session, const IpTexts *texts) {
        static const char *const families[] = { "none", "ipv4", "ipv6", "both" };

        session_item(session, "adapter", texts->adapter, NULL);
        session_item(session, "family", families[texts->family & 3], NULL);
        session_item(session, "dhcp", texts->dhcp ? "yes" : "no", NULL);
        session_item(session, "addresses", texts->addresses, NULL);
        session_item(session, "masks", texts->masks, NULL);
        session_item(session, "gateways", texts->gateways, NULL);
        session_item(session, "dns", texts->dns, NULL);
}

static void on_got(Session *session, WireStatus status, const uint8_t *reply, size_t n) {
        IpTexts texts;

        if (status == WIRE_STATUS_OK && reply && n >= KVP_MESSAGE_SIZE) {
                if (ip_wire_parse_texts(reply, &texts) < 0)
                        return session_done_status(session, WIRE_STATUS_FAIL);
                say_texts(session, &texts);
        }
        session_done_status(session, status);
}

static void on_set(Session *session, WireStatus status, const uint8_t *reply, size_t n) {
        session_done_status(session, status);
}

static void ip_get(Session *session, Service *service, char **words) {
        uint8_t message[KVP_MESSAGE_SIZE];

        ip_wire_request_get(message, words[1]);
        session_submit(session, service, message, sizeof(message), on_got);
}

/* set GUID FAMILY DHCP ADDRESSES MASKS GATEWAYS DNS */
static void ip_set(Session *session, Service *service, char **words) {
        uint8_t message[KVP_MESSAGE_SIZE];
        guint64 family;

        for (char **word = words; *word; word++)
                if (!utf8_is_clean(*word, strlen(*word)))
                        return session_done(session, HOST_EXIT_USAGE, "ip: text must be UTF-8.");
        if (!g_ascii_string_to_unsigned(words[2], 10, 0, UINT8_MAX, &family, NULL))
                return session_done(session, HOST_EXIT_USAGE, "ip: a family from 0 to 255.");

        ip_wire_request_set(message, words[1], (unsigned) family, g_strcmp0(words[3], "yes") == 0, words[4],
                            words[5], words[6], words[7]);
        session_submit(session, service, message, sizeof(message), on_set);
}

void control_ip(Session *session, char **words) {
        Service *service = session_service(session, "kvp");

        if (!service)
                return;
        if (strcmp(words[0], "get") == 0 && g_strv_length(words) == 2)
                ip_get(session, service, words);
        else if (strcmp(words[0], "set") == 0 && g_strv_length(words) == 8)
                ip_set(session, service, words);
        else
                session_done(session, HOST_EXIT_USAGE, "ip: get MAC, or set and seven words.");
}
