/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/snapshot/plan.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <sys/sysmacros.h>
#include <vector>

namespace {

struct Below {
        std::vector<dev_t> devices;
        std::string backing;
};

/* The block layer as a table: what stands for /sys/dev/block in a recorded machine. */
using Blocks = std::map<dev_t, Below>;

struct Row {
        std::string target, reason;
        PlanAction action;
};

struct Machine {
        std::string mountinfo, init, utab, fstab;
        std::vector<std::string> others;
        std::vector<const char *> only = {}, exclude = {}, selected = {};
        Blocks blocks = {};

        std::vector<Row> plan() {
                PlanInput input = {};
                std::vector<const char *> other_texts;
                GPtrArray *plan = nullptr;

                for (const auto &text : others)
                        other_texts.push_back(text.c_str());
                for (auto *list : { &only, &exclude, &selected, &other_texts })
                        list->push_back(nullptr);
                input.mountinfo = mountinfo.c_str();
                input.init_mountinfo = init.empty() ? nullptr : init.c_str();
                input.others = other_texts.data();
                input.utab = utab.empty() ? nullptr : utab.c_str();
                input.fstab = fstab.empty() ? nullptr : fstab.c_str();
                input.only = only.data();
                input.exclude = exclude.data();
                input.selected = selected.data();
                input.block_layer.userdata = &blocks;
                input.block_layer.lowers = [](dev_t device, const char *, GArray *devices, char **backing,
                                              void *userdata) {
                        auto &table = *static_cast<Blocks *>(userdata);
                        if (!table.count(device))
                                return;
                        for (dev_t lower : table[device].devices)
                                g_array_append_val(devices, lower);
                        if (!table[device].backing.empty())
                                *backing = g_strdup(table[device].backing.c_str());
                };

                EXPECT_EQ(plan_make(&input, &plan), 0);
                obstacle = plan_get_obstacle(plan) ? plan_get_obstacle(plan)->target : "";
                std::vector<Row> rows;
                for (guint i = 0; i < plan->len; i++) {
                        auto *entry = static_cast<PlanEntry *>(plan->pdata[i]);
                        rows.push_back({ entry->target, entry->reason, entry->action });
                }
                g_ptr_array_unref(plan);
                for (auto *list : { &only, &exclude, &selected })
                        list->pop_back();
                return rows;
        }

        std::vector<std::string> frozen() {
                std::vector<std::string> targets;
                for (const auto &row : plan())
                        if (row.action == PLAN_FREEZE)
                                targets.push_back(row.target);
                return targets;
        }

        Row row(const std::string &target) {
                for (const auto &row : plan())
                        if (row.target == target)
                                return row;
                return { "", "not in the plan", _PLAN_ACTION_INVALID };
        }

        std::string obstacle;
};

using Targets = std::vector<std::string>;

/* A Debian guest: ext4 on LVM on dm-crypt, /boot, an EFI partition, pseudo file systems, NFS, autofs, a FUSE
 * mount. */
const char *const debian = R"(25 30 0:23 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
26 30 0:24 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
27 30 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=4007744k,mode=755
29 30 0:26 / /run rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=806084k,mode=755
30 1 254:1 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw,errors=remount-ro
31 26 0:29 / /proc/sys/fs/binfmt_misc rw,relatime shared:12 - autofs systemd-1 rw,fd=29,pgrp=1,timeout=0
80 30 8:1 / /boot rw,relatime shared:30 - ext2 /dev/sda1 rw
82 80 8:15 / /boot/efi rw,relatime shared:32 - vfat /dev/sda15 rw,fmask=0077
84 30 254:2 / /home rw,relatime shared:34 - xfs /dev/mapper/vg-home rw,attr2,inode64
90 84 0:50 / /home/a/remote rw,nosuid,nodev,relatime shared:40 - fuse.sshfs a@b: rw,user_id=1000
91 30 0:51 / /srv/nfs rw,relatime shared:41 - nfs4 server:/export rw,vers=4.2
92 30 7:3 / /snap/core/1 ro,nodev,relatime shared:42 - squashfs /dev/loop3 ro
)";

} // namespace

TEST(Plan, FreezesTheDisksOfADebianGuestRootLast) {
        Machine m = { debian };
        EXPECT_EQ(m.frozen(), (Targets{ "/home", "/boot", "/" }));
        EXPECT_EQ(m.obstacle, "");
        EXPECT_EQ(m.row("/boot/efi").reason, "the kernel cannot freeze vfat");
        EXPECT_EQ(m.row("/home/a/remote").reason, "a FUSE file system cannot be frozen");
        EXPECT_EQ(m.row("/srv/nfs").reason, "a remote file system");
        EXPECT_EQ(m.row("/snap/core/1").reason, "squashfs is never written");
        EXPECT_EQ(m.row("/run").reason, "in memory only");
        EXPECT_EQ(m.row("/proc/sys/fs/binfmt_misc").reason, "no file system of a disk");
}

TEST(Plan, HasOneEntryForASuperBlockMountedTwice) {
        Machine m = { std::string(debian) + "95 30 254:2 /a /mnt/bind rw - xfs /dev/mapper/vg-home rw\n" };
        EXPECT_EQ(m.frozen(), (Targets{ "/home", "/boot", "/" }));
}

TEST(Plan, HasOneEntryForTheSubvolumesOfABtrfs) {
        Machine m = { "20 1 0:33 /@ / rw shared:1 - btrfs /dev/sda2 rw,subvol=/@\n"
                      "21 20 0:33 /@home /home rw shared:2 - btrfs /dev/sda2 rw,subvol=/@home\n" };
        EXPECT_EQ(m.frozen(), Targets{ "/" });
}

/* Inside a sandbox the bind is read-only, the super block is not. */
TEST(Plan, JudgesReadOnlyByTheSuperBlock) {
        Machine m = { "20 1 254:1 / / ro,relatime - ext4 /dev/sda1 rw\n"
                      "21 20 254:2 / /data rw,relatime - ext4 /dev/sdb1 ro\n" };
        EXPECT_EQ(m.frozen(), Targets{ "/" });
        EXPECT_EQ(m.row("/data").reason, "read-only");
}

TEST(Plan, FreezesALoopFileBeforeTheDiskItLiesOn) {
        Machine m = { "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n"
                      "21 20 7:0 / /images/inner rw - ext4 /dev/loop0 rw\n"
                      "22 20 254:2 / /outer rw - xfs /dev/sdb1 rw\n" };
        m.blocks[makedev(7, 0)].backing = "/outer/disk.img";
        /* Reverse mount order would take /outer first and hang. */
        EXPECT_EQ(m.frozen(), (Targets{ "/images/inner", "/outer", "/" }));
}

TEST(Plan, FollowsAStackOfLoopMapperAndLoop) {
        Machine m = { "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n"
                      "21 20 7:1 / /c rw - ext4 /dev/loop1 rw\n"
                      "22 20 253:0 / /b rw - xfs /dev/mapper/crypt rw\n"
                      "23 20 254:2 / /a rw - ext4 /dev/sdb1 rw\n" };
        m.blocks[makedev(7, 1)].backing = "/b/inner.img";
        m.blocks[makedev(253, 0)].devices = { makedev(7, 0) };
        m.blocks[makedev(7, 0)].backing = "/a/outer.img";
        EXPECT_EQ(m.frozen(), (Targets{ "/c", "/b", "/a", "/" }));
}

TEST(Plan, FreezesALoopRootBeforeTheDiskOfItsImage) {
        Machine m = { "20 1 7:0 / / rw - ext4 /dev/loop0 rw\n"
                      "21 20 8:2 / /host rw - ext4 /dev/sda2 rw\n" };
        m.blocks[makedev(7, 0)].backing = "/host/root.img";
        EXPECT_EQ(m.frozen(), (Targets{ "/", "/host" }));
}

TEST(Plan, EndsOnACycleInTheBlockLayer) {
        Machine m = { "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n21 20 254:2 / /a rw - ext4 /dev/sdb1 rw\n" };
        m.blocks[makedev(254, 1)].devices = { makedev(254, 2) };
        m.blocks[makedev(254, 2)].devices = { makedev(254, 1) };
        EXPECT_EQ(m.frozen().size(), 2u);
}

TEST(Plan, OpensTheMountThatIsOnTop) {
        Machine m = { "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n"
                      "21 20 254:2 / /a rw - ext4 /dev/sdb1 rw\n"
                      "22 20 254:2 / /elsewhere rw - ext4 /dev/sdb1 rw\n"
                      "23 21 254:3 / /a rw - ext4 /dev/sdc1 rw\n" };
        EXPECT_EQ(m.frozen(), (Targets{ "/a", "/elsewhere", "/" }));
}

TEST(Plan, SaysWhenAFileSystemIsHiddenUnderAnother) {
        Machine m = { "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n"
                      "21 20 254:2 / /a/b rw - ext4 /dev/sdb1 rw\n"
                      "22 20 254:3 / /a rw - ext4 /dev/sdc1 rw\n" };
        EXPECT_EQ(m.frozen(), (Targets{ "/a", "/" }));
        EXPECT_EQ(m.row("/a/b").action, PLAN_NOT_COVERED);
        EXPECT_EQ(m.row("/a/b").reason, "hidden under another mount");
}

TEST(Plan, FailsByNameForWhatOnlyPid1Sees) {
        Machine m = { "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n" };
        m.init = "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n"
                 "21 20 254:7 / /home rw - ext4 /dev/sdb1 rw\n"
                 "22 20 0:40 / /tmp rw - tmpfs tmpfs rw\n"
                 "23 20 254:8 / /cd rw - iso9660 /dev/sr0 ro\n";
        EXPECT_EQ(m.row("/home").action, PLAN_UNSEEN);
        EXPECT_EQ(m.obstacle, "/home");
        EXPECT_EQ(m.row("/tmp").action, _PLAN_ACTION_INVALID);
}

TEST(Plan, ReportsWhatOnlyAnotherNamespaceHas) {
        Machine m = { "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n" };
        m.others = { "30 1 254:9 / /data rw - xfs /dev/sdc1 rw\n",
                     "40 1 254:9 / /again rw - xfs /dev/sdc1 rw\n" };
        EXPECT_EQ(m.row("/data").action, PLAN_NOT_COVERED);
        EXPECT_EQ(m.row("/again").action, _PLAN_ACTION_INVALID);
        EXPECT_EQ(m.obstacle, "");
}

TEST(Plan, HonoursExcludeByAnyOfItsMountPoints) {
        Machine m = { debian };
        m.exclude = { "/ho*" };
        EXPECT_EQ(m.frozen(), (Targets{ "/boot", "/" }));
        EXPECT_EQ(m.row("/home").reason, "excluded by configuration (Exclude=)");
}

TEST(Plan, HonoursTheMountOptionFromFstabAndUtab) {
        Machine m = { debian };
        m.fstab = "/dev/mapper/vg-home /home xfs defaults,x-hvutils.nofreeze 0 2\n";
        EXPECT_EQ(m.row("/home").reason, "excluded by its mount option x-hvutils.nofreeze");
        m.fstab = "";
        m.utab = "SRC=/dev/mapper/vg-home TARGET=/home ROOT=/ OPTS=x-hvutils.nofreeze\n";
        EXPECT_EQ(m.row("/home").action, PLAN_SKIP);
}

TEST(Plan, FreezesOnlyWhatIsAllowedAndSelected) {
        Machine m = { debian };
        m.only = { "/home", "/boot" };
        EXPECT_EQ(m.frozen(), (Targets{ "/home", "/boot" }));
        m.selected = { "/boot", "/" };
        EXPECT_EQ(m.frozen(), Targets{ "/boot" });
        EXPECT_EQ(m.obstacle, "");
        m.selected = { "/nowhere" };
        EXPECT_EQ(m.frozen(), Targets{});
        EXPECT_EQ(m.obstacle, "/nowhere");
}

TEST(Plan, UnderstandsEscapedMountPoints) {
        Machine m = {
                "20 1 254:1 / / rw - ext4 /dev/sda1 rw\n21 20 254:2 / /a\\040b rw - ext4 /dev/sdb1 rw\n"
        };
        EXPECT_EQ(m.frozen(), (Targets{ "/a b", "/" }));
}

/* An overlay of a container: its upper file system is frozen, it is not. */
TEST(Plan, SkipsOverlaysOfContainers) {
        Machine m = { std::string(debian) + "99 30 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay "
                                            "overlay rw,lowerdir=/l,upperdir=/u\n" };
        EXPECT_EQ(m.frozen(), (Targets{ "/home", "/boot", "/" }));
}

TEST(Plan, SurvivesBrokenLines) {
        Machine m = { "20 1 254:1 / / rw - ext4 /dev/sda1 rw\nnonsense\n\xff\xfe\n" };
        EXPECT_EQ(m.frozen(), Targets{ "/" });
        m.mountinfo = "";
        EXPECT_EQ(m.frozen(), Targets{});
}

TEST(Plan, SpellsItsActionsThereAndBack) {
        for (int i = 0; i < _PLAN_ACTION_MAX; i++)
                EXPECT_EQ(plan_action_from_string(plan_action_to_string((PlanAction)i)), i);
}
