/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * File systems on loop devices in a mount namespace of the test's own, and a process apart that thaws them
 * all when the test takes too long: a frozen file system must not outlive a broken test. Nothing else on the
 * machine is ever named to a daemon: every configuration has Only=.
 */

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "tests/support/child.hh"
#include "tests/support/process.hh"
#include "tests/support/temporary-directory.hh"

/* Once, before any other thread: false if we may not. */
inline bool enter_own_mounts() {
        return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
               mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

inline int thaw_descriptor(int fd) {
        return ioctl(fd, FITHAW, 0);
}

class LoopMounts {
      public:
        explicit LoopMounts(const std::vector<std::string> &types, unsigned watchdog_seconds = 45) {
                for (const auto &type : types)
                        add(type);
                watchdog_ = Child([this, watchdog_seconds] {
                        sleep(watchdog_seconds);
                        thaw_all();
                        return 1;
                });
        }
        ~LoopMounts() {
                watchdog_.end();
                thaw_all();
                for (auto i = mounts_.rbegin(); i != mounts_.rend(); ++i) {
                        close(i->fd);
                        if (umount2(i->point.c_str(), 0) < 0)
                                umount2(i->point.c_str(), MNT_DETACH);
                }
        }
        LoopMounts(const LoopMounts &) = delete;
        LoopMounts &operator=(const LoopMounts &) = delete;

        const std::string &point(size_t i) const {
                return mounts_[i].point;
        }
        size_t size() const {
                return mounts_.size();
        }
        std::string all_points() const {
                std::string words;
                for (const auto &mount : mounts_)
                        words += mount.point + " ";
                return words;
        }

        /* Asks the kernel without a freeze: a writer in the background is held up or not. */
        bool writable(size_t i, int limit_ms = 300) const {
                Child writer([this, i] {
                        int fd = open((mounts_[i].point + "/written").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC,
                                      0644);
                        return fd >= 0 && write(fd, "x", 1) == 1 ? 0 : 1;
                });
                bool done =
                        wait_until([&] { return !writer.running(); }, std::chrono::milliseconds(limit_ms));
                if (!done)
                        late_.push_back(std::move(writer));
                return done;
        }
        /* Thaws by hand, as a stranger would: true if it was frozen. */
        bool thaw(size_t i) const {
                return thaw_descriptor(mounts_[i].fd) == 0;
        }
        bool freeze(size_t i) const {
                return ioctl(mounts_[i].fd, FIFREEZE, 0) == 0;
        }

        /* A file system whose image lies on another one. */
        void add(const std::string &type, const std::string &image_directory = "") {
                Mount made;
                std::string name = type + std::to_string(mounts_.size());
                std::string image =
                        (image_directory.empty() ? directory_.path() : image_directory) + "/" + name + ".img";
                made.point = directory_ / name;
                std::string size = image_directory.empty() ? "320M" : "64M";
                ASSERT_EQ(run({ "truncate", "-s", size, image }).status, 0);
                ProcessResult formatted =
                        type == "ext4" ? run({ "mkfs.ext4", "-q", "-E", "lazy_itable_init=0", image })
                                       : run({ "mkfs." + type, "-q", image });
                ASSERT_EQ(formatted.status, 0) << formatted.errors;
                mkdir(made.point.c_str(), 0755);
                ProcessResult mounted = run({ "mount", "-o", "loop", image, made.point });
                ASSERT_EQ(mounted.status, 0) << mounted.errors;
                made.fd = open(made.point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                mounts_.push_back(made);
        }

      private:
        struct Mount {
                std::string point;
                int fd = -1;
        };

        void thaw_all() {
                for (int tries = 0; tries < 3; tries++)
                        for (const auto &mount : mounts_)
                                (void) thaw_descriptor(mount.fd);
        }

        TemporaryDirectory directory_;
        std::vector<Mount> mounts_;
        Child watchdog_;
        mutable std::vector<Child> late_;
};
