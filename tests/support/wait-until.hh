/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <chrono>
#include <functional>

/*
 * Asks until the answer is yes, for at most so many milliseconds; returns the last answer. Between two
 * questions it sleeps 1 ms at first and 20 ms at most, so that a quick event is seen quickly and a slow
 * machine is not kept busy.
 */
bool wait_until(const std::function<bool()> &condition,
                std::chrono::milliseconds limit = std::chrono::seconds(5));
