/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/wait-until.hh"

#include <algorithm>
#include <thread>

bool wait_until(const std::function<bool()> &condition, std::chrono::milliseconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        auto pause = std::chrono::milliseconds(1);

        while (!condition()) {
                if (std::chrono::steady_clock::now() >= end)
                        return condition();
                std::this_thread::sleep_for(pause);
                pause = std::min(pause * 2, std::chrono::milliseconds(20));
        }

        return true;
}
