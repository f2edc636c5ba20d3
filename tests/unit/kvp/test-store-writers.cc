/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store-fixture.hh"

#include <map>
#include <sys/file.h>
#include <sys/wait.h>

/*
 * Everybody writes at once, each in a process of its own: two stores like ours, and foreigners that know one
 * kind of lock. cloud-init and azure-init append under flock(); the upstream daemon and Microsoft's samples
 * read, modify and write under fcntl(). The two kinds do not see each other, so between them only what is
 * ours can be promised.
 */
class StoreWriters : public StoreTest {
      protected:
        static constexpr int batch = 100, batches = 25; /* 2,500 records a writer */

        static std::string key(const std::string &who, int i) {
                return who + "-" + std::to_string(i);
        }

        void write_ours(const std::string &who) {
                start();
                for (int b = 0; b < batches; b++) {
                        std::vector<std::string> keys;
                        std::vector<StoreEdit> edits;
                        for (int i = 0; i < batch; i++)
                                keys.push_back(key(who, b * batch + i));
                        for (const std::string &k : keys)
                                edits.push_back(edit(k, "ours"));
                        while (store_lock(store, pool) < 0)
                                usleep(500);
                        int r = store_apply(store, pool, edits.data(), edits.size());
                        store_unlock(store, pool);
                        if (r != batch)
                                _exit(1);
                }
        }

        std::string some_records(const std::string &who, int b) {
                std::string bytes;
                for (int i = 0; i < batch; i++)
                        bytes += record(key(who, b * batch + i), "foreign");
                return bytes;
        }

        void append_under_flock(const std::string &who) {
                for (int b = 0; b < batches; b++) {
                        int fd = open(file().c_str(), O_WRONLY | O_APPEND);
                        std::string bytes = some_records(who, b);
                        if (flock(fd, LOCK_EX) < 0 ||
                            write(fd, bytes.data(), bytes.size()) != (ssize_t) bytes.size())
                                _exit(1);
                        close(fd);
                }
        }

        void modify_under_fcntl(const std::string &who) {
                for (int b = 0; b < batches; b++) {
                        int fd = open(file().c_str(), O_RDWR);
                        struct flock lock = {};
                        lock.l_type = F_WRLCK;
                        if (fcntl(fd, F_SETLKW, &lock) < 0)
                                _exit(1);
                        struct stat st;
                        fstat(fd, &st);
                        std::string content(st.st_size, 0);
                        if (pread(fd, content.data(), content.size(), 0) != st.st_size)
                                _exit(1);
                        content += some_records(who, b);
                        if (pwrite(fd, content.data(), content.size(), 0) != (ssize_t) content.size())
                                _exit(1);
                        close(fd);
                }
        }

        template <typename Write> pid_t run(Write write) {
                pid_t pid = fork();
                if (pid == 0) {
                        store = nullptr; /* the parent's */
                        write();
                        _exit(0);
                }
                return pid;
        }

        void wait_for(const std::vector<pid_t> &pids) {
                for (pid_t pid : pids) {
                        int status = -1;
                        EXPECT_EQ(waitpid(pid, &status, 0), pid);
                        EXPECT_EQ(status, 0);
                }
        }

        void expect_all_of(const std::vector<std::string> &writers) {
                std::map<std::string, int> seen;
                for (const Pair &pair : all())
                        seen[pair.first]++;
                for (const std::string &who : writers)
                        for (int i = 0; i < batch * batches; i++)
                                ASSERT_EQ(seen[key(who, i)], 1) << key(who, i);
        }
};

TEST_F(StoreWriters, LoseNothingBesideFlockAppenders) {
        wait_for({ run([&] { write_ours("host"); }), run([&] { write_ours("bus"); }),
                   run([&] { append_under_flock("cloud-init"); }),
                   run([&] { append_under_flock("azure-init"); }) });
        expect_all_of({ "host", "bus", "cloud-init", "azure-init" });
        EXPECT_EQ(info().count, 10000u);
}

TEST_F(StoreWriters, LoseNothingBesideFcntlModifiers) {
        wait_for({ run([&] { write_ours("host"); }), run([&] { write_ours("bus"); }),
                   run([&] { modify_under_fcntl("upstream"); }),
                   run([&] { modify_under_fcntl("sample"); }) });
        expect_all_of({ "host", "bus", "upstream", "sample" });
        EXPECT_EQ(info().count, 10000u);
}

/* The two foreign kinds overwrite each other; ours hold both locks and lose nothing. */
TEST_F(StoreWriters, LoseNothingOfOursBesideBothKindsAtOnce) {
        wait_for({ run([&] { write_ours("host"); }), run([&] { write_ours("bus"); }),
                   run([&] { append_under_flock("cloud-init"); }), run([&] { modify_under_fcntl("sample"); }) });
        expect_all_of({ "host", "bus" });
}
