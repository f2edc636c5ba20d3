/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <map>
#include <string>
#include <systemd/sd-event.h>
#include <utility>
#include <vector>

#include "service/kvp/kvp.h"

/*
 * The engine's door with nothing behind it but five lists: what the bus room does with its answers is tested
 * here, what the real engine answers is tested in its own room. Keys with a meaning: "busy" (written after
 * 300 ms, as if another program held the lock), "locked" (never written), "full", "frozen" and "storage"
 * (refused with that outcome).
 */
struct FakePool {
        std::vector<std::pair<std::string, std::string>> records;
        uint64_t generation = 1;
        bool world_readable = true;
        std::string problem;
};

struct Kvp {
        sd_event *event = nullptr;
        FakePool pools[_KVP_POOL_ID_MAX];
        KvpObserver observer = {};
        void *observer_userdata = nullptr;
        bool changing =
                false; /* every slice of a listing finds another generation, as long as there are some left */
        int visits = 0;
        Channel *channel = nullptr;
};
