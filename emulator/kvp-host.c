/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/kvp-host.h"

#include <string.h>

#include "common/utf16.h"

#define HOST_KEY_UNITS   255
#define HOST_VALUE_UNITS 1023
#define REPLY_KEY        20
#define REPLY_VALUE      532

static int text_to_daemon(const char *text, size_t host_units, size_t max, char **ret) {
        size_t n;

        if (!text) {
                *ret = NULL;
                return 0;
        }

        n = strlen(text);
        if (!utf8_is_clean(text, n))
                return -EILSEQ;
        if (utf16_units(text, n) > host_units)
                return -E2BIG;

        *ret = g_strndup(text, utf8_prefix(text, n, host_units, max));
        return 0;
}

int kvp_host_request(uint8_t message[KVP_MESSAGE_SIZE], KvpOperation operation, unsigned pool, uint32_t index,
                     const char *key, const char *value) {
        g_autofree char *k = NULL, *v = NULL;
        int r;

        r = text_to_daemon(key, HOST_KEY_UNITS, RECORD_KEY_MAX, &k);
        if (r < 0)
                return r;
        r = text_to_daemon(value, HOST_VALUE_UNITS, RECORD_VALUE_MAX, &v);
        if (r < 0)
                return r;

        kvp_wire_request(message, operation, pool, index, k, v);
        return 0;
}

/* Character by character as utf8s_to_utf16s(): what lies behind the cut is never looked at, and text without
 * a NUL goes on into whatever follows its field. NULL if it is not UTF-8. */
static char *text_to_host(const char *text, size_t n, size_t units) {
        size_t length = 0;

        while (length < n && text[length] != '\0' && units > 0) {
                gunichar c = g_utf8_get_char_validated(text + length, (gssize) (n - length));
                size_t needed = c > 0xFFFF ? 2 : 1;

                if (c == (gunichar) -1 || c == (gunichar) -2)
                        return NULL;
                if (needed > units)
                        break;
                units -= needed;
                length += (size_t) g_unichar_to_utf8(c, NULL);
        }

        return g_strndup(text, length);
}

void kvp_view_init(KvpView *view, KvpOperation operation, WireStatus status, const uint8_t *reply, size_t n) {
        const char *text = (const char *) reply;

        *view = (KvpView){ .status = status };
        if (status != WIRE_STATUS_OK || !reply || n < KVP_MESSAGE_SIZE)
                return;
        if (operation != KVP_OPERATION_GET && operation != KVP_OPERATION_ENUMERATE)
                return;

        view->value = text_to_host(text + REPLY_VALUE, n - REPLY_VALUE, RECORD_VALUE_UNITS_MAX);
        if (operation == KVP_OPERATION_ENUMERATE)
                view->key = text_to_host(text + REPLY_KEY, n - REPLY_KEY, RECORD_KEY_UNITS_MAX);
        if (!view->value || (operation == KVP_OPERATION_ENUMERATE && !view->key)) {
                kvp_view_done(view);
                view->status = WIRE_STATUS_FAIL;
        }
}

void kvp_view_done(KvpView *view) {
        g_clear_pointer(&view->key, g_free);
        g_clear_pointer(&view->value, g_free);
}
