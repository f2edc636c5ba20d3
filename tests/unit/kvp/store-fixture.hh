/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "service/kvp/store-io.h"
#include "service/kvp/store.h"
#include "tests/support/temporary-directory.hh"

/* A store over a state directory of its own, and the view that other programs have of its files. */
class StoreTest : public ::testing::Test {
      protected:
        using Pair = std::pair<std::string, std::string>;
        static constexpr KvpPool pool = KVP_POOL_ID_GUEST;

        TemporaryDirectory directory;
        Store *store = nullptr;

        void SetUp() override {
                start();
        }

        void TearDown() override {
                store_io = store_io_real;
                store_free(store);
        }

        virtual const char *redo_path() {
                return nullptr;
        }

        void start(bool create = true) {
                store = store_free(store);
                ASSERT_EQ(store_new(directory.path().c_str(), redo_path(), &store), 0);
                (void)store_open_pools(store, create);
        }

        std::string file(KvpPool id = pool) {
                return directory / kvp_pool_file_name(id);
        }

        std::string bytes() {
                std::ifstream in(file(), std::ios::binary);
                return std::string(std::istreambuf_iterator<char>(in), {});
        }

        static std::string record(const std::string &key, const std::string &value) {
                std::string r(RECORD_SIZE, '\0');
                r.replace(0, key.size(), key);
                r.replace(RECORD_KEY_SIZE, value.size(), value);
                return r;
        }

        /* As a foreign program would, without a lock. */
        void foreign_write(const std::string &content, int flags = O_TRUNC) {
                int fd = open(file().c_str(), O_WRONLY | O_CREAT | flags, 0644);
                ASSERT_GE(fd, 0);
                ASSERT_EQ(write(fd, content.data(), content.size()), (ssize_t)content.size());
                close(fd);
        }

        struct stat status() {
                struct stat st = {};
                EXPECT_EQ(stat(file().c_str(), &st), 0);
                return st;
        }

        static StoreEdit edit(const std::string &key, const char *value) {
                return { key.c_str(), key.size(), value, value ? strlen(value) : 0 };
        }

        int apply(const std::vector<StoreEdit> &edits) {
                int r = store_lock(store, pool);
                if (r < 0)
                        return r;
                r = store_apply(store, pool, edits.data(), edits.size());
                store_unlock(store, pool);
                return r;
        }

        int set(const std::string &key, const std::string &value) {
                return apply({ edit(key, value.c_str()) });
        }

        int remove(const std::string &key) {
                return apply({ edit(key, nullptr) });
        }

        int clear() {
                int r = store_lock(store, pool);
                if (r < 0)
                        return r;
                r = store_clear(store, pool);
                store_unlock(store, pool);
                return r;
        }

        std::string get(const std::string &key) {
                const char *value;
                size_t size;
                store_revalidate(store, pool);
                if (store_get(store, pool, key.data(), key.size(), &value, &size) < 0)
                        return "(none)";
                return std::string(value, size);
        }

        std::vector<Pair> all() {
                const char *key, *value;
                size_t key_size, value_size;
                std::vector<Pair> pairs;
                store_revalidate(store, pool);
                for (uint32_t i = 0;
                     store_get_record(store, pool, i, &key, &key_size, &value, &value_size) == 0; i++)
                        pairs.emplace_back(std::string(key, key_size), std::string(value, value_size));
                return pairs;
        }

        StorePoolInfo info() {
                StorePoolInfo i;
                store_get_pool_info(store, pool, &i);
                return i;
        }
};
