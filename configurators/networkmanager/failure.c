/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "configurators/networkmanager/failure.h"
#include "common/names.h"

GQuark failure_quark(void) {
        static const GDBusErrorEntry entries[_FAILURE_MAX] = {
                { FAILURE_INVALID, HVUTILS_ERROR_INVALID },
                { FAILURE_BUSY, HVUTILS_ERROR_BUSY },
                { FAILURE_UNAVAILABLE, HVUTILS_ERROR_UNAVAILABLE },
                { FAILURE_FAILED, HVUTILS_ERROR_FAILED },
        };
        static size_t quark;

        g_dbus_error_register_error_domain("hvutils-configurator", &quark, entries, G_N_ELEMENTS(entries));
        return (GQuark) quark;
}
