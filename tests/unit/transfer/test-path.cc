/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/path.h"

#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/support/temporary-directory.hh"

namespace {

const std::string accents = "\xc3\xa9t\xc3\xa9", cjk = "\xe6\x97\xa5\xe6\x9c\xac", emoji = "\xf0\x9f\x98\x80";

/*
 *      in/                 the narrowed root           in2/        the second one
 *      in/dir/  in/file    in/fifo  in/hard (= out/secret)
 *      in/link-dir -> dir, in/link-out -> ../out, in/link-abs -> WORLD/out, in/link-root -> /, in/link-proc -> /proc/self/root,
 *      in/link-file -> file, in/link-dangling -> nowhere, in/link-loop -> link-loop, in/dir/link-up -> ..
 *      out/secret          ours/  ours/incoming/       run/
 */
class Path : public testing::Test {
      protected:
        TemporaryDirectory world;
        PathPolicy *narrow = nullptr, *wide = nullptr;

        std::string at(const std::string &name) const {
                return world / name;
        }
        void directory(const std::string &name) const {
                ASSERT_EQ(mkdir(at(name).c_str(), 0755), 0) << name;
        }
        void link(const std::string &to, const std::string &name) const {
                ASSERT_EQ(symlink(to.c_str(), at(name).c_str()), 0) << name;
        }

        void SetUp() override {
                for (const char *name :
                     { "in", "in2", "in/dir", "out", "out/dir", "ours", "ours/incoming", "run" })
                        directory(name);
                world.write("in/file", "old");
                world.write("out/secret", "secret");
                ASSERT_EQ(::link(at("out/secret").c_str(), at("in/hard").c_str()), 0);
                ASSERT_EQ(mkfifo(at("in/fifo").c_str(), 0600), 0);
                link("dir", "in/link-dir");
                link("../out", "in/link-out");
                link(at("out"), "in/link-abs");
                link("/", "in/link-root");
                link("/proc/self/root", "in/link-proc");
                link("/proc/self/cwd", "link-cwd");
                link("file", "in/link-file");
                link("nowhere", "in/link-dangling");
                link("link-loop", "in/link-loop");
                link("..", "in/dir/link-up");
                link("../..", "in/dir/link-up2");
                link(at("in"), "link-in");
                link(at("ours"), "in/link-ours");
                link(at("ours"), "link-ours");
                link("/proc", "link-proc");
                link("/sys/kernel", "link-sys");
                link("/dev", "link-dev");
                make_policies();
        }
        void make_policies() {
                std::string in = at("in"), in2 = at("in2"), ours = at("ours"), run = at("run"),
                            incoming = at("ours/incoming");
                const char *roots[] = { in.c_str(), in2.c_str(), nullptr }, *everything[] = { "/", nullptr };
                const char *forbidden[] = { "/proc", "/sys", "/dev", ours.c_str(), run.c_str(), nullptr };
                const char *exceptions[] = { incoming.c_str(), nullptr };

                narrow = path_policy_new(roots, forbidden, exceptions);
                wide = path_policy_new(everything, forbidden, exceptions);
        }
        /* The roots are opened again: what was opened before stays in the old name space. */
        bool enter_name_space() {
                if (unshare(CLONE_NEWNS) < 0 ||
                    mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
                        return false;
                path_policy_free(narrow);
                path_policy_free(wide);
                make_policies();
                return true;
        }
        void TearDown() override {
                path_policy_free(narrow);
                path_policy_free(wide);
        }

        static TransferOutcome resolve(PathPolicy *policy, const std::string &path, const std::string &file,
                                       bool create, std::string *ret) {
                PathTarget target = PATH_TARGET_NONE;
                TransferOutcome outcome =
                        path_policy_resolve(policy, path.c_str(), file.c_str(), create, &target);

                if (outcome == TRANSFER_OK)
                        *ret = std::string(target.directory) + "/" + target.name;
                path_target_done(&target);
                return outcome;
        }
};

struct Case {
        bool narrowed;
        std::string path; /* "@" is the world */
        std::string file;
        bool create;
        TransferOutcome outcome;
        std::string arrives; /* below the world */
};

std::vector<Case> cases() {
        const bool N = true, W = false, make = true, plain = false;
        const std::string long_part(255, 'a'), too_long(256, 'a');

        return {
                /* existing directories, and what a separator at the end says */
                { N, "@/in", "f", plain, TRANSFER_OK, "in/f" },
                { N, "@/in/", "f", plain, TRANSFER_OK, "in/f" },
                { N, "@/in/dir", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "@/in/dir/", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "@/in/dir\\", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "@\\in\\dir", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "@/in/dir/.", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "@//in///dir//", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "@/in2", "f", plain, TRANSFER_OK, "in2/f" },
                /* full targets */
                { N, "@/in/new", "f", plain, TRANSFER_OK, "in/new" },
                { N, "@/in/dir/new.txt", "f", plain, TRANSFER_OK, "in/dir/new.txt" },
                { N, "@\\in\\new.txt", "f", plain, TRANSFER_OK, "in/new.txt" },
                { N, "@/in/file", "f", plain, TRANSFER_OK, "in/file" },
                { N, "@/in/hard", "f", plain, TRANSFER_OK, "in/hard" },
                { N, "@/in/" + accents, "f", plain, TRANSFER_OK, "in/" + accents },
                { N, "@/in", cjk + emoji, plain, TRANSFER_OK, "in/" + cjk + emoji },
                { N, "@/in/" + long_part, "f", plain, TRANSFER_OK, "in/" + long_part },
                /* relative ones, below the first root */
                { N, "dir", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "dir/new", "f", plain, TRANSFER_OK, "in/dir/new" },
                { N, "dir\\", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "new", "f", plain, TRANSFER_OK, "in/new" },
                { N, ".", "f", plain, TRANSFER_OK, "in/f" },
                { N, "./", "f", plain, TRANSFER_OK, "in/f" },
                /* directories that are missing */
                { N, "@/in/a/", "f", plain, TRANSFER_E_NO_DIRECTORY, "" },
                { N, "@/in/a/b", "f", plain, TRANSFER_E_NO_DIRECTORY, "" },
                { N, "@/in/c/", "f", make, TRANSFER_OK, "in/c/f" },
                { N, "@/in/d/e", "f", make, TRANSFER_OK, "in/d/e" },
                { N, "g\\h\\i\\", "f", make, TRANSFER_OK, "in/g/h/i/f" },
                { N, "@/in/file/", "f", plain, TRANSFER_E_NO_DIRECTORY, "" },
                { N, "@/in/file/x", "f", make, TRANSFER_E_NO_DIRECTORY, "" },
                { N, "@/in/link-dangling/x", "f", make, TRANSFER_E_NO_DIRECTORY, "" },
                /* not a name */
                { N, "", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in/..", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in/../out", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in/dir/../new", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@\\in\\..\\out\\", "f", plain, TRANSFER_E_NAME, "" },
                { N, "..", "f", plain, TRANSFER_E_NAME, "" },
                { N, "..\\out", "f", make, TRANSFER_E_NAME, "" },
                { N, "C:\\temp", "f", plain, TRANSFER_E_NAME, "" },
                { N, "c:/temp/new", "f", make, TRANSFER_E_NAME, "" },
                { N, "d:", "f", plain, TRANSFER_E_NAME, "" },
                { N, "\\\\server\\share\\x", "f", make, TRANSFER_E_NAME, "" },
                { N, "@/in/a\nb", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in/a\x1b[2J", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in/a\x7f", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in/a\xc2\x85", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in/a\xff", "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in/" + too_long, "f", plain, TRANSFER_E_NAME, "" },
                { N, "@/in", "", plain, TRANSFER_E_NAME, "" },
                { N, "@/in", ".", plain, TRANSFER_E_NAME, "" },
                { N, "@/in", "..", plain, TRANSFER_E_NAME, "" },
                { N, "@/in", "a/b", plain, TRANSFER_E_NAME, "" },
                { N, "@/in", "..\\b", plain, TRANSFER_E_NAME, "" },
                { N, "@/in", "a\tb", plain, TRANSFER_E_NAME, "" },
                { N, "@/in", too_long, plain, TRANSFER_E_NAME, "" },
                /* outside the roots */
                { N, "@/out", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "@/out/new", "f", make, TRANSFER_E_OUTSIDE, "" },
                { N, "@", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "/", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "/etc/passwd", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "@/inn/new", "f", make, TRANSFER_E_OUTSIDE, "" },
                { N, "@/link-in/new", "f", plain, TRANSFER_E_OUTSIDE, "" },
                /* links */
                { N, "@/in/link-dir", "f", plain, TRANSFER_OK, "in/dir/f" },
                { N, "@/in/link-dir/new", "f", plain, TRANSFER_OK, "in/dir/new" },
                { N, "@/in/dir/link-up/new", "f", plain, TRANSFER_OK, "in/new" },
                { N, "@/in/dir/link-up2/out/new", "f", make, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-out", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-out/new", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-out/a/b", "f", make, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-abs/", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "link-abs/new", "f", make, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-root/tmp/", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-proc/", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-loop/x", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-ours/incoming", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { N, "@/in/link-file", "f", plain, TRANSFER_OK,
                  "in/link-file" }, /* the sink refuses a link */
                /* everything allowed: still not the kernel's, nor ours */
                { W, "@/out/", "f", plain, TRANSFER_OK, "out/f" },
                { W, "@/in/link-abs", "f", plain, TRANSFER_OK, "out/f" },
                { W, "@/link-in/new", "f", plain, TRANSFER_OK, "in/new" },
                { W, "/proc", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "/proc/sys/kernel/core_pattern", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "/proc/self/root/tmp/", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { W, "@/link-cwd/", "f", plain, TRANSFER_E_OUTSIDE, "" },
                { W, "/sys/kernel/", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "/dev/new", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "/dev/shm/new", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "/dev/pts/new", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "dev/new", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/link-proc/new", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/link-sys/new", "f", make, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/link-dev/", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/ours", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/ours/new", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/ours/a/b", "f", make, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/link-ours/x", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/run/frozen", "f", plain, TRANSFER_E_FORBIDDEN, "" },
                { W, "@/ours/incoming", "f", plain, TRANSFER_OK, "ours/incoming/f" },
                { W, "@/ours/incoming/a/b", "f", make, TRANSFER_OK, "ours/incoming/a/b" },
        };
}

TEST_F(Path, DecidesEachOfManyDestinations) {
        ASSERT_GE(cases().size(), 60u);
        for (const Case &c : cases()) {
                std::string path = c.path, arrived;
                if (path.rfind('@', 0) == 0)
                        path = world.path() + path.substr(1);
                /* A backslash right behind the world stands for the first of ours. */
                TransferOutcome outcome =
                        resolve(c.narrowed ? narrow : wide, path, c.file, c.create, &arrived);

                EXPECT_STREQ(transfer_outcome_to_string(outcome), transfer_outcome_to_string(c.outcome))
                        << c.path << " | " << c.file;
                EXPECT_EQ(arrived, c.arrives.empty() ? "" : at(c.arrives)) << c.path << " | " << c.file;
        }
        EXPECT_EQ(access(at("ours/a").c_str(), F_OK), -1) << "made where nothing may be";
        EXPECT_EQ(access(at("out/a").c_str(), F_OK), -1) << "made outside the root";
}

TEST_F(Path, MakesDirectoriesThatOthersMayEnter) {
        std::string arrived;
        struct stat st;

        umask(0022);
        ASSERT_EQ(resolve(narrow, "p/q/", "f", true, &arrived), TRANSFER_OK);
        ASSERT_EQ(stat(at("in/p/q").c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777, 0755u);
}

/* devtmpfs says of itself that it is tmpfs, and may be mounted anywhere. */
TEST_F(Path, RefusesTheKernelsFileSystemsWhereverTheyAreMounted) {
        if (!enter_name_space())
                GTEST_SKIP() << "no mount name space of our own";
        unsigned mounted = 0;
        for (const char *type : { "proc", "sysfs", "devtmpfs", "cgroup2", "devpts", "mqueue" }) {
                std::string arrived;
                if (mount(type, at("in/dir").c_str(), type, 0, nullptr) < 0)
                        continue;
                mounted++;
                EXPECT_EQ(resolve(narrow, "dir/", "f", false, &arrived), TRANSFER_E_FORBIDDEN) << type;
                umount2(at("in/dir").c_str(), MNT_DETACH);
        }
        if (mounted == 0)
                GTEST_SKIP() << "nothing of the kernel's can be mounted here";
}

TEST_F(Path, RefusesWhatIsOursUnderAnotherMount) {
        std::string arrived;

        if (!enter_name_space() ||
            mount(at("ours").c_str(), at("in/dir").c_str(), nullptr, MS_BIND, nullptr) < 0)
                GTEST_SKIP() << "no mount name space of our own";
        EXPECT_EQ(resolve(narrow, "dir/new", "f", false, &arrived), TRANSFER_E_FORBIDDEN);
        EXPECT_EQ(resolve(narrow, "dir/incoming/", "f", false, &arrived), TRANSFER_OK);
        umount2(at("in/dir").c_str(), MNT_DETACH);
}

TEST_F(Path, NeverLeavesTheRootWhileLinksAreSwapped) {
        std::atomic<bool> stop{ false };
        std::string real = at("in/swap"), spare = at("in/spare");
        ASSERT_EQ(mkdir(real.c_str(), 0755), 0);
        ASSERT_EQ(symlink("../out", spare.c_str()), 0);

        std::thread swapper([&] {
                while (!stop)
                        renameat2(AT_FDCWD, real.c_str(), AT_FDCWD, spare.c_str(), RENAME_EXCHANGE);
        });
        unsigned inside = 0;
        for (unsigned i = 0; i < 3000; i++) {
                std::string arrived;
                if (resolve(narrow, "swap/n" + std::to_string(i % 7) + "/x", "f", true, &arrived) !=
                    TRANSFER_OK)
                        continue;
                inside++;
                EXPECT_EQ(arrived.rfind(at("in") + "/", 0), 0u) << arrived;
        }
        stop = true;
        swapper.join();
        EXPECT_GT(inside, 0u);
        for (unsigned i = 0; i < 7; i++)
                EXPECT_EQ(access(at("out/n" + std::to_string(i)).c_str(), F_OK), -1);
}

} // namespace
