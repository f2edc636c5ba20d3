/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A host and a guest in two threads that sleep until the other one calls, over a ring so small that it wraps, fills and
 * empties all the time. Whoever sleeps on while there is work for him has lost a call. $HVUTILS_PACKETS says how many
 * packets; also built with ThreadSanitizer, which looks at the memory order.
 */

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>

#include "wire/ring.h"

namespace {

using namespace std::chrono_literals;

constexpr size_t header_size = 4096, data_size = 1024;

/* An interrupt: it is remembered until somebody looks. */
class Bell {
      public:
        void strike() {
                std::lock_guard<std::mutex> lock(mutex);
                struck = true;
                condition.notify_one();
        }
        bool wait() {
                std::unique_lock<std::mutex> lock(mutex);
                bool heard = condition.wait_for(lock, 20s, [&] { return struck; });
                struck = false;
                return heard;
        }

      private:
        std::mutex mutex;
        std::condition_variable condition;
        bool struck = false;
};

struct Packet {
        explicit Packet(std::mt19937 &random) : size(8 + random() % 600), filling((uint8_t) random()) {}
        size_t size;
        uint8_t filling;
};

struct World {
        World() : memory(new (std::align_val_t(4096)) uint8_t[header_size + data_size]()) {
                ring_init(&ring, memory, header_size + data_size, header_size);
                ring_offer_features(&ring);
        }
        ~World() {
                operator delete[](memory, std::align_val_t(4096));
        }
        World(const World &) = delete;
        World &operator=(const World &) = delete;

        uint8_t *memory;
        Ring ring = {};
        Bell host, guest;
        int lost = 0; /* calls, by the host */
};

void send_all(World &world, int packets) {
        std::mt19937 random(1);
        uint8_t payload[1024];

        for (int i = 0; i < packets; i++) {
                Packet packet(random);
                bool signal = false;
                memset(payload, packet.filling, packet.size);
                while (ring_send(&world.ring, payload, packet.size, (uint64_t) i, &signal) == -EAGAIN)
                        if (!world.host.wait()) {
                                world.lost++;
                                return;
                        }
                if (signal)
                        world.guest.strike();
        }
}

bool is_whole(const uint8_t *bytes, size_t n, const Packet &packet) {
        if (n != (packet.size + 7) / 8 * 8)
                return false;
        for (size_t i = 0; i < packet.size; i++)
                if (bytes[i] != packet.filling)
                        return false;
        return true;
}

/* One packet, slept for if need be. */
ssize_t receive_one(World &world, uint8_t *buffer, uint64_t *id) {
        for (;;) {
                bool signal = false;
                ssize_t n = ring_receive(&world.ring, buffer, data_size, id, &signal);
                if (signal)
                        world.host.strike();
                if (n != -EAGAIN)
                        return n;

                ring_set_masked(&world.ring, false);
                if (!ring_is_empty(&world.ring))
                        continue;
                if (!world.guest.wait())
                        return -ETIMEDOUT;
                ring_set_masked(&world.ring, true);
        }
}

int wanted_packets() {
        const char *text = getenv("HVUTILS_PACKETS");
        return text ? atoi(text) : 50000;
}

} // namespace

TEST(RingThreads, LoseNeitherAPacketNorACall) {
        World world;
        int packets = wanted_packets(), wrong = 0;
        std::mt19937 random(1);
        uint8_t buffer[data_size];

        std::thread host([&] { send_all(world, packets); });
        for (int i = 0; i < packets && wrong == 0; i++) {
                Packet packet(random);
                uint64_t id = 0;
                ssize_t n = receive_one(world, buffer, &id);
                wrong += n < 0 || id != (uint64_t) i || !is_whole(buffer, (size_t) n, packet);
                if (wrong > 0)
                        ADD_FAILURE() << "packet " << i << ": " << n << ", id " << id;
        }
        host.join();
        EXPECT_EQ(world.lost, 0) << "the host slept beside a ring with room";
}
