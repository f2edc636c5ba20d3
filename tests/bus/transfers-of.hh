/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/bus/bus.h"

/* hvutilsd's transfers, told to the bus as hvutilsd.c does. userdata is a TransfersOf. */
struct TransfersOf {
        Bus *bus = nullptr;
        Transfers *transfers = nullptr;

        int connect(sd_event *event, const char *path, double time_scale) {
                static const TransfersOwner owner = {
                        [](void *u) { bus_transfers_changed(self(u)->bus); },
                        [](void *u) { bus_channel_changed(self(u)->bus); },
                        [](const Transfer *transfer, bool is_new, void *u) {
                                bus_transfer_changed(self(u)->bus, transfer, is_new);
                        },
                        [](uint64_t id, void *u) { bus_transfer_removed(self(u)->bus, id); },
                };
                return transfers_new(event, path, time_scale, &owner, this, &transfers);
        }
        static TransfersOf *self(void *userdata) {
                return static_cast<TransfersOf *>(userdata);
        }
};
