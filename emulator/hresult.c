/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/hresult.h"

#include <errno.h>
#include <string.h>

static const struct {
        WireStatus status;
        const char *name;
} names[] = {
        { WIRE_STATUS_OK, "HV_S_OK" },
        { WIRE_STATUS_NO_MORE, "HV_S_CONT" },
        { WIRE_STATUS_FAIL, "HV_E_FAIL" },
        { WIRE_STATUS_NOT_SUPPORTED, "HV_ERROR_NOT_SUPPORTED" },
        { WIRE_STATUS_INVALID, "HV_INVALIDARG" },
        { WIRE_STATUS_NO_ADAPTER, "HV_GUID_NOTFOUND" },
        { WIRE_STATUS_EXISTS, "HV_ERROR_ALREADY_EXISTS" },
        { WIRE_STATUS_DISK_FULL, "HV_ERROR_DISK_FULL" },
};

char *hresult_to_string(WireStatus status) {
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                if (names[i].status == status)
                        return g_strdup(names[i].name);

        return g_strdup_printf("0x%08X", status);
}

int hresult_from_string(const char *word, WireStatus *ret) {
        guint64 number;
        char *end;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                if (strcmp(names[i].name, word) == 0) {
                        *ret = names[i].status;
                        return 0;
                }

        number = g_ascii_strtoull(word, &end, 0);
        if (end == word || *end != '\0' || number > UINT32_MAX)
                return -EINVAL;

        *ret = (WireStatus) number;
        return 0;
}
