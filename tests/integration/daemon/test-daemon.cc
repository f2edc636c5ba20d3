/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the host may expect of hvutilsd, and what the older daemons did instead. */

#include <sched.h>
#include <sys/mount.h>

#include "common/cleanup.h"
#include "service/link/link.h"
#include "tests/integration/daemon/daemon-world.hh"
#include "wire/ip.h"

namespace {

class Daemon : public DaemonTest {};

using Pairs = std::vector<std::pair<std::string, std::string>>;

/* --- answers --- */

TEST_F(Daemon, AnswersSetGetEnumerateAndRemove) {
        start();
        EXPECT_EQ(driver.set(external, "Owner", "me"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.set(external, "Place", "here"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.get(external, "Owner").value, "me");
        EXPECT_EQ(driver.enumerate(external), (Pairs{ { "Owner", "me" }, { "Place", "here" } }));
        EXPECT_EQ(driver.remove(external, "Owner"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.enumerate(external), (Pairs{ { "Place", "here" } }));
}

TEST_F(Daemon, SaysNoMoreForAKeyThatIsNotThere) {
        start();
        EXPECT_EQ(driver.get(external, "None").status, WIRE_STATUS_NO_MORE);
        EXPECT_EQ(driver.remove(external, "None"), WIRE_STATUS_NO_MORE);
        EXPECT_EQ(driver.record(external, 0).status, WIRE_STATUS_NO_MORE);
}

TEST_F(Daemon, AnswersTheTenFacts) {
        start();
        Pairs all = driver.enumerate(automatic);
        ASSERT_EQ(all.size(), 10u);
        EXPECT_EQ(all[0].first, "FullyQualifiedDomainName");
        EXPECT_EQ(all[1], (std::pair<std::string, std::string>("IntegrationServicesVersion", "3.1")));
        EXPECT_EQ(all[9].first, "ProcessorArchitecture");
        EXPECT_NE(all[9].second, "");
        EXPECT_EQ(driver.record(automatic, 10).status, WIRE_STATUS_NO_MORE);
        EXPECT_EQ(driver.get(automatic, "IntegrationServicesVersion").value, "3.1");
}

TEST_F(Daemon, NeverReadsTheFileOfTheAutoPool) {
        append(automatic, record("Planted", "x"));
        start();
        EXPECT_EQ(driver.enumerate(automatic).size(), 10u);
        EXPECT_EQ(driver.get(automatic, "Planted").status, WIRE_STATUS_NO_MORE);
}

TEST_F(Daemon, RefusesTheHostsWritesToPoolsThatAreNotItsOwn) {
        start();
        for (unsigned pool : { guest, automatic, internal }) {
                EXPECT_EQ(driver.set(pool, "k", "v"), WIRE_STATUS_FAIL) << pool;
                EXPECT_EQ(driver.remove(pool, "k"), WIRE_STATUS_FAIL) << pool;
        }
        EXPECT_EQ(driver.set(facts, "HostName", "h"), WIRE_STATUS_OK);
}

TEST_F(Daemon, KeepsPoolFourToTheGuest) {
        append(internal, record("Secret", "x"));
        start();
        EXPECT_EQ(driver.record(internal, 0).status, WIRE_STATUS_NO_MORE);
        EXPECT_EQ(driver.get(internal, "Secret").status, WIRE_STATUS_NO_MORE);
}

TEST_F(Daemon, FailsForTheAddressesOfAnAdapterThatIsNotThere) {
        uint8_t message[KVP_MESSAGE_SIZE];
        start();
        for (const char *mac : { "", "no adapter", "02:00:00:ff:ff:fe" }) {
                ip_wire_request_get(message, mac);
                driver.say(message, sizeof message);
                EXPECT_EQ(driver.hear().status, WIRE_STATUS_FAIL) << mac;
        }
        EXPECT_EQ(driver.get(automatic, "IntegrationServicesVersion").value, "3.1");
}

TEST_F(Daemon, MakesWhatIsMissing) {
        std::filesystem::remove_all(runtime());
        std::filesystem::remove_all(state());
        start();
        struct stat st;
        ASSERT_EQ(stat(runtime().c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 0777, 0755u);
        ASSERT_EQ(stat((runtime() + "/kvp").c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 0777, 0700u);
        for (unsigned pool = 0; pool < 5; pool++) {
                ASSERT_EQ(stat(pool_file(pool).c_str(), &st), 0);
                EXPECT_EQ(st.st_mode & 0777, 0644u);
        }
}

TEST_F(Daemon, ChangesNothingAtStart) {
        append(guest, record("CLOUD_INIT|1", "x"));
        ASSERT_EQ(chmod(pool_file(guest).c_str(), 0600), 0);
        struct stat before, after;
        ASSERT_EQ(stat(pool_file(guest).c_str(), &before), 0);
        start();
        EXPECT_EQ(driver.enumerate(guest).size(), 1u);
        ASSERT_EQ(stat(pool_file(guest).c_str(), &after), 0);
        EXPECT_EQ(after.st_ino, before.st_ino);
        EXPECT_EQ(after.st_mode, before.st_mode);
        EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec) << "cloud-init truncates by the file's age";
}

TEST_F(Daemon, StopsCleanlyAndSoon) {
        start();
        EXPECT_EQ(daemon->stop(), 0);
}

TEST_F(Daemon, RegistersAgainAfterTheDeviceCameBack) {
        start();
        ASSERT_TRUE(driver.register_daemon()) << "withdrawn and offered again";
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
}

/* --- the older daemons' faults, as they stand in the list of interop --- */

TEST_F(Daemon, LeavesNoOldBytesBehindAShorterValue) {
        start();
        ASSERT_EQ(driver.set(external, "k", "password=hunter2"), WIRE_STATUS_OK);
        ASSERT_EQ(driver.set(external, "k", "x"), WIRE_STATUS_OK);
        EXPECT_TRUE(read_file(pool_file(external)) == record("k", "x"));
}

TEST_F(Daemon, SurvivesAPoolThatDoesNotExist) {
        start();
        for (unsigned pool : { 5u, 200u, 255u })
                for (KvpOperation operation : { KVP_OPERATION_GET, KVP_OPERATION_SET, KVP_OPERATION_REMOVE,
                                                KVP_OPERATION_ENUMERATE }) {
                        driver.ask(operation, pool, 0, "k", "v");
                        EXPECT_EQ(driver.hear().status, WIRE_STATUS_FAIL) << pool;
                }
        EXPECT_TRUE(is_alive());
}

TEST_F(Daemon, AnswersGetWhereTheDriverLooks) {
        start();
        ASSERT_EQ(driver.set(external, "k", "ABCDEFGH"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.get(external, "k").value, "ABCDEFGH");
}

TEST_F(Daemon, SurvivesItsDirectoryBeingRemoved) {
        start();
        ASSERT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        std::filesystem::remove_all(state());
        EXPECT_TRUE(wait_until([this] { return driver.set(external, "again", "v") == WIRE_STATUS_OK; }));
        EXPECT_TRUE(std::filesystem::exists(pool_file(external)));
        EXPECT_TRUE(is_alive());
}

TEST_F(Daemon, KeepsAForeignAppendThroughItsOwnChange) {
        start();
        for (int i = 0; i < 50; i++) {
                std::string n = std::to_string(i);
                append(external, record("theirs" + n, n));
                ASSERT_EQ(driver.set(external, "ours" + n, n), WIRE_STATUS_OK);
        }
        EXPECT_EQ(driver.enumerate(external).size(), 100u);
        EXPECT_EQ(read_file(pool_file(external)).size(), 100u * RECORD_SIZE);
}

TEST_F(Daemon, EnumeratesWithoutReadingTheFileAgain) {
        std::string bytes;
        for (int i = 0; i < 5000; i++)
                bytes += record("k" + std::to_string(i), "v");
        append(guest, bytes);
        start();
        auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(driver.enumerate(guest).size(), 5000u);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4))
                << "the older daemon needs 14 s";
}

TEST_F(Daemon, SurvivesAKeyThatFillsItsField) {
        append(external, record("first", "1") + record(std::string(512, 'k'), "2") + record("last", "3"));
        start();
        EXPECT_EQ(driver.remove(external, "first"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.get(external, "last").value, "3");
        EXPECT_EQ(driver.enumerate(external).size(), 2u);
        EXPECT_TRUE(is_alive());
}

TEST_F(Daemon, ShowsTheRecordsBehindOneThatIsNotUtf8) {
        append(guest, record("bad", "\xff\xfe") + record("good", "g"));
        start();
        Pairs all = driver.enumerate(guest);
        ASSERT_EQ(all.size(), 2u);
        EXPECT_EQ(all[0].second, "\xef\xbf\xbd\xef\xbf\xbd");
        EXPECT_EQ(all[1].second, "g");
}

TEST_F(Daemon, ComparesTheIndexUnsigned) {
        append(guest, record("k", "v"));
        start();
        for (uint32_t index : { UINT32_C(0x80000000), UINT32_C(0x80000001), UINT32_MAX })
                EXPECT_EQ(driver.record(guest, index).status, WIRE_STATUS_NO_MORE);
        EXPECT_TRUE(is_alive());
}

TEST_F(Daemon, RefusesSizesThatAreLies) {
        uint8_t message[KVP_MESSAGE_SIZE];
        start();
        for (uint32_t size : { 0u, 513u, 0x7fffffffu, 0xffffffffu }) {
                kvp_wire_request(message, KVP_OPERATION_SET, external, 0, "k", "v");
                memcpy(message + 8, &size, sizeof size);
                driver.say(message, sizeof message);
                EXPECT_EQ(driver.hear().status, WIRE_STATUS_FAIL) << size;
        }
        EXPECT_EQ(read_file(pool_file(external)), "");
        EXPECT_TRUE(is_alive());
}

TEST_F(Daemon, SaysNotSupportedForAnOperationItDoesNotKnow) {
        uint8_t message[KVP_MESSAGE_SIZE];
        start();
        kvp_wire_request(message, KVP_OPERATION_ENUMERATE, automatic, 0, "", "");
        for (uint8_t operation : { 6, 50, 255 }) {
                message[0] = operation;
                driver.say(message, sizeof message);
                EXPECT_EQ(driver.hear().status, WIRE_STATUS_NOT_SUPPORTED) << int(operation);
        }
}

TEST_F(Daemon, StartsOverAfterAMessageOfAnotherLength) {
        start();
        driver.say("short", 5);
        EXPECT_TRUE(driver.hears_the_end());
        ASSERT_TRUE(driver.register_daemon());
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
}

TEST_F(Daemon, LogsHostileMessagesOnceAMinute) {
        start();
        for (int i = 0; i < 100; i++)
                EXPECT_EQ(driver.set(200, "k", "v"), WIRE_STATUS_FAIL);
        std::string said = daemon->errors();
        size_t lines = 0;
        for (size_t at = said.find("Refused a message"); at != std::string::npos;
             at = said.find("Refused a message", at + 1))
                lines++;
        EXPECT_EQ(lines, 1u) << said;
}

TEST_F(Daemon, NeverLogsAValue) {
        start();
        ASSERT_EQ(driver.set(external, "k", "hunter2"), WIRE_STATUS_OK);
        ASSERT_EQ(driver.set(guest, "k", "hunter2"), WIRE_STATUS_FAIL);
        EXPECT_EQ(daemon->errors().find("hunter2"), std::string::npos);
}

/* --- files that others write --- */

TEST_F(Daemon, ShowsAForeignAppendInTheVeryNextAnswer) {
        start();
        for (int i = 0; i < 200; i++) {
                append(guest, record("k" + std::to_string(i), std::to_string(i)));
                ASSERT_EQ(driver.record(guest, i).value, std::to_string(i));
        }
}

TEST_F(Daemon, ShowsAForeignOverwriteOfTheSameSizeAtOnce) {
        append(guest, record("k", "0"));
        start();
        for (int i = 0; i < 200; i++) {
                std::string bytes = record("k", std::to_string(i % 10));
                int fd = open(pool_file(guest).c_str(), O_WRONLY | O_CLOEXEC);
                ASSERT_EQ(pwrite(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
                close(fd);
                ASSERT_EQ(driver.get(guest, "k").value, std::to_string(i % 10));
        }
}

TEST_F(Daemon, ShowsAnEmptyPoolAfterATruncation) {
        append(guest, record("k", "v"));
        start();
        ASSERT_EQ(driver.enumerate(guest).size(), 1u);
        ASSERT_EQ(truncate(pool_file(guest).c_str(), 0), 0);
        EXPECT_EQ(driver.enumerate(guest).size(), 0u);
}

TEST_F(Daemon, IgnoresATornTailAndRepairsItWithTheNextWrite) {
        append(external, record("k", "v") + "torn");
        start();
        EXPECT_EQ(driver.enumerate(external), (Pairs{ { "k", "v" } }));
        ASSERT_EQ(driver.set(external, "l", "w"), WIRE_STATUS_OK);
        EXPECT_TRUE(read_file(pool_file(external)) == record("k", "v") + record("l", "w"));
}

TEST_F(Daemon, LetsTheLastOfTwoRecordsWin) {
        append(external, record("k", "old") + record("other", "x") + record("k", "new"));
        start();
        EXPECT_EQ(driver.get(external, "k").value, "new");
        EXPECT_EQ(driver.enumerate(external).size(), 3u);
        ASSERT_EQ(driver.remove(external, "k"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.enumerate(external), (Pairs{ { "other", "x" } }));
}

TEST_F(Daemon, WaitsForALockAndWritesWhenItIsFree) {
        start();
        int fd = open(pool_file(external).c_str(), O_RDWR | O_CLOEXEC);
        ASSERT_EQ(flock(fd, LOCK_EX), 0);
        driver.ask(KVP_OPERATION_SET, external, 0, "k", "v");
        EXPECT_FALSE(driver.hear(150).arrived);
        close(fd);
        EXPECT_EQ(driver.hear().status, WIRE_STATUS_OK);
        EXPECT_EQ(driver.get(external, "k").value, "v");
}

TEST_F(Daemon, FailsTheHostWhenALockIsHeldForEver) {
        write_configuration("[KVP]\nLockTimeout=200ms\n");
        start();
        int fd = open(pool_file(external).c_str(), O_RDWR | O_CLOEXEC);
        ASSERT_EQ(flock(fd, LOCK_EX), 0);
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_FAIL);
        EXPECT_EQ(driver.get(external, "k").status, WIRE_STATUS_NO_MORE) << "reading needs no lock";
        EXPECT_EQ(driver.set(facts, "k", "v"), WIRE_STATUS_OK) << "another pool is not held";
        close(fd);
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
}

TEST_F(Daemon, HonoursPosixLocksToo) {
        write_configuration("[KVP]\nLockTimeout=100ms\n");
        start();
        int fd = open(pool_file(external).c_str(), O_RDWR | O_CLOEXEC);
        struct flock lock = {};
        lock.l_type = F_WRLCK;
        ASSERT_EQ(fcntl(fd, F_SETLK, &lock), 0);
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_FAIL);
        close(fd);
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
}

/* --- the disk --- */

/* The state directory on a file system of eight pages, which only this process and its children see. */
class FullDisk : public DaemonTest {
      protected:
        void SetUp() override {
                DaemonTest::SetUp();
                if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
                        GTEST_SKIP() << "needs root, for a file system of its own";
                ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
                ASSERT_EQ(mount("tmpfs", state().c_str(), "tmpfs", 0, "size=32k"), 0);
                mounted = true;
        }
        void TearDown() override {
                DaemonTest::TearDown();
                if (mounted)
                        umount2(state().c_str(), MNT_DETACH);
        }
        bool mounted = false;
};

TEST_F(FullDisk, FailsTheHostAndKeepsEveryRecordWhole) {
        unsigned written = 0;
        start();
        while (written < 100 && driver.set(external, "k" + std::to_string(written), "v") == WIRE_STATUS_OK)
                written++;
        ASSERT_GT(written, 5u);
        ASSERT_LT(written, 100u) << "the disk is not full";
        EXPECT_EQ(read_file(pool_file(external)).size(), written * RECORD_SIZE) << "nothing half-written";
        EXPECT_EQ(driver.enumerate(external).size(), written);
        EXPECT_EQ(driver.set(external, "k0", "w"), WIRE_STATUS_OK) << "in place there is room";
        EXPECT_EQ(driver.remove(external, "k1"), WIRE_STATUS_OK);
        EXPECT_TRUE(is_alive());
}

TEST_F(FullDisk, RegistersAllTheSame) {
        std::string block(1000000, 'x');
        for (unsigned pool = 0; pool < 5; pool++)
                append(pool, "");
        std::ofstream(state() + "/ballast") << block;
        start();
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_FAIL);
        std::filesystem::remove(state() + "/ballast");
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
}

TEST_F(Daemon, RegistersAfterAWhileAlthoughThePoolsCannotBeMade) {
        std::filesystem::remove_all(state());
        std::ofstream(state()) << "no directory";
        daemon = std::make_unique<Process>(command({ "--time-scale=0.01" }));
        ASSERT_TRUE(driver.register_daemon());
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_FAIL);
        EXPECT_EQ(driver.enumerate(automatic).size(), 10u);
}

TEST_F(Daemon, ServesWithoutARedoFile) {
        std::ofstream(runtime() + "/kvp") << "no directory";
        start();
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        EXPECT_NE(daemon->errors().find("without the redo file"), std::string::npos);
}

/* As it is installed: the user hvutils may write the pool files and RUNTIME/kvp, and make nothing in the
 * directories. */
TEST_F(Daemon, NeedsNoPrivilege) {
        const uid_t nobody = 65534;
        if (geteuid() != 0)
                GTEST_SKIP() << "needs root, to become somebody else";
        for (unsigned pool = 0; pool < 5; pool++) {
                append(pool, "");
                ASSERT_EQ(chown(pool_file(pool).c_str(), nobody, static_cast<gid_t>(-1)), 0);
        }
        ASSERT_EQ(mkdir((runtime() + "/kvp").c_str(), 0700), 0);
        ASSERT_EQ(chown((runtime() + "/kvp").c_str(), nobody, static_cast<gid_t>(-1)), 0);
        ASSERT_EQ(chmod((world / "kvp").c_str(), 0666), 0);

        Process::Options options;
        options.user = nobody;
        /* The build directory may lie where only root looks. */
        auto arguments = command();
        std::filesystem::copy_file(arguments[0], world / "hvutilsd");
        arguments[0] = world / "hvutilsd";
        daemon = std::make_unique<Process>(arguments, options);
        ASSERT_TRUE(driver.register_daemon());
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.remove(external, "k"), WIRE_STATUS_OK);
        EXPECT_EQ(daemon->errors().find("redo"), std::string::npos) << daemon->errors();
}

/* --- the bus --- */

TEST_F(Daemon, ServesWithoutABus) {
        daemon = std::make_unique<Process>(command({ "--bus=unix:path=" + (world / "no-bus") }));
        ASSERT_TRUE(driver.register_daemon());
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        EXPECT_EQ(daemon->stop(), 0);
}

/* --- configuration --- */

TEST_F(Daemon, RefusesTheHostsWritesWhenToldSo) {
        write_configuration("[KVP]\nHostWrites=no\n");
        append(external, record("k", "v"));
        start();
        EXPECT_EQ(driver.set(external, "k", "w"), WIRE_STATUS_FAIL);
        EXPECT_EQ(driver.remove(external, "k"), WIRE_STATUS_FAIL);
        EXPECT_EQ(driver.get(external, "k").value, "v");
}

TEST_F(Daemon, ReadsItsConfigurationAgainOnSighup) {
        start();
        ASSERT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        write_configuration("[KVP]\nHostWrites=no\n");
        daemon->signal(SIGHUP);
        EXPECT_TRUE(wait_until([this] { return driver.set(external, "k", "w") == WIRE_STATUS_FAIL; }));
}

TEST_F(Daemon, KeepsItsConfigurationWhenTheFileIsGone) {
        write_configuration("[KVP]\nHostWrites=no\n");
        start();
        std::filesystem::remove(world / "hvutils.conf");
        daemon->signal(SIGHUP);
        ASSERT_TRUE(wait_until([this] { return daemon->errors().find("keeping") != std::string::npos; }));
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_FAIL);
}

TEST_F(Daemon, StartsWithTheDefaultsWhenThereIsNoFile) {
        std::filesystem::remove(world / "hvutils.conf");
        start();
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
}

TEST_F(Daemon, StartsInSpiteOfAMistakeInItsConfiguration) {
        write_configuration("[KVP]\nSync=sometimes\n[Nonsense\n");
        start();
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
}

TEST_F(Daemon, AnswersAfterTheSyncWithSyncAlways) {
        write_configuration("[KVP]\nSync=always\n");
        start();
        for (int i = 0; i < 20; i++)
                ASSERT_EQ(driver.set(external, "k", std::to_string(i)), WIRE_STATUS_OK);
        EXPECT_EQ(driver.get(external, "k").value, "19");
}

TEST_F(Daemon, BoundsTheNumberOfRecords) {
        write_configuration("[KVP]\nMaximumRecords=3\n");
        start();
        for (const char *key : { "a", "b", "c" })
                ASSERT_EQ(driver.set(external, key, "v"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.set(external, "d", "v"), WIRE_STATUS_FAIL);
        EXPECT_EQ(driver.set(external, "c", "w"), WIRE_STATUS_OK) << "an old key may change";
}

/* --- the gate --- */

class FrozenDaemon : public DaemonTest {
      protected:
        void freeze() {
                std::ofstream(runtime() + "/frozen") << "x";
        }
        void thaw() {
                std::filesystem::remove(runtime() + "/frozen");
        }
};

TEST_F(FrozenDaemon, TouchesNoPoolFileAndShowsWhatWasWritten) {
        append(external, record("old", "v"));
        for (unsigned pool : { 1, 2, 3, 4 })
                append(pool, "");
        freeze();
        start();
        ASSERT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        ASSERT_EQ(driver.remove(external, "old"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.enumerate(external), (Pairs{ { "k", "v" } }));
        EXPECT_TRUE(read_file(pool_file(external)) == record("old", "v"));
        thaw();
        EXPECT_TRUE(wait_until([this] { return read_file(pool_file(external)) == record("k", "v"); }));
}

TEST_F(FrozenDaemon, LosesNothingAcknowledgedWhenItIsKilledBehindTheGate) {
        start();
        freeze();
        daemon->kill();
        start();
        for (int i = 0; i < 20; i++)
                ASSERT_EQ(driver.set(external, "k" + std::to_string(i), "v"), WIRE_STATUS_OK);
        EXPECT_EQ(read_file(pool_file(external)), "");
        daemon->kill();
        thaw();
        start();
        EXPECT_TRUE(wait_until([this] { return driver.enumerate(external).size() == 20; }));
        EXPECT_TRUE(
                wait_until([this] { return read_file(pool_file(external)).size() == 20u * RECORD_SIZE; }));
}

/* --- the link to hvutils-snapshotd, played by the test --- */

class LinkedDaemon : public FrozenDaemon {
      protected:
        void SetUp() override {
                static const LinkServerOwner owner = { arrived, gone, message };
                FrozenDaemon::SetUp();
                ASSERT_GE(sd_event_new(&event), 0);
                ASSERT_GE(link_server_new(event, (runtime() + "/snapshot").c_str(), "snapshotd", 1.0, &owner,
                                          this, &server),
                          0);
        }
        void TearDown() override {
                link_server_free(server);
                sd_event_unref(event);
                FrozenDaemon::TearDown();
        }

        static void arrived(LinkServer *, LinkPeer *, void *userdata) {
                static_cast<LinkedDaemon *>(userdata)->peers++;
        }
        static void gone(LinkServer *, LinkPeer *, void *userdata) {
                static_cast<LinkedDaemon *>(userdata)->peers--;
        }
        static void message(LinkServer *, LinkPeer *, const LinkMessage *message, void *userdata) {
                if (message->kind == LINK_READY)
                        static_cast<LinkedDaemon *>(userdata)->ready =
                                std::string(link_message_get(message, "SERIAL")) + " " +
                                link_message_get(message, "PHASE");
        }

        bool run_until(const std::function<bool()> &condition) {
                return wait_until([&] {
                        sd_event_run(event, 0);
                        return condition();
                });
        }

        void say(LinkKind kind, const char *name, const char *value, const char *serial = "7") {
                LinkMessage message;
                link_message_init(&message, kind);
                link_message_add(&message, "SERIAL", serial);
                link_message_add(&message, name, value);
                EXPECT_EQ(link_server_broadcast(server, &message), 1u);
        }

        sd_event *event = nullptr;
        LinkServer *server = nullptr;
        int peers = 0;
        std::string ready;
};

TEST_F(LinkedDaemon, ClosesTheGateWhenItIsToldAndSaysSo) {
        start();
        ASSERT_TRUE(run_until([this] { return peers == 1; }));
        say(LINK_PREPARE, "PHASE", "gate");
        ASSERT_TRUE(run_until([this] { return ready == "7 gate"; })) << ready;
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.get(external, "k").value, "v");
        EXPECT_TRUE(read_file(pool_file(external)).empty());
        say(LINK_PREPARE, "PHASE", "done", "8");
        EXPECT_TRUE(run_until([this] { return read_file(pool_file(external)) == record("k", "v"); }));
        EXPECT_EQ(ready, "7 gate") << "the end of a snapshot is not answered";
}

TEST_F(LinkedDaemon, OpensTheGateWhenTheOtherEndDies) {
        start();
        ASSERT_TRUE(run_until([this] { return peers == 1; }));
        say(LINK_PREPARE, "PHASE", "gate");
        ASSERT_TRUE(run_until([this] { return ready == "7 gate"; }));
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        server = link_server_free(server);
        EXPECT_TRUE(wait_until([this] { return read_file(pool_file(external)) == record("k", "v"); }));
}

TEST_F(LinkedDaemon, OpensTheGateForWhoMissedTheEnd) {
        for (unsigned pool = 0; pool < 5; pool++)
                append(pool, "");
        freeze();
        start();
        ASSERT_TRUE(run_until([this] { return peers == 1; }));
        EXPECT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        thaw();
        say(LINK_STATE, "STATE", "idle");
        EXPECT_TRUE(wait_until([this] { return read_file(pool_file(external)) == record("k", "v"); }));
}

/* --- two daemons --- */

TEST_F(Daemon, WaitsWhileAnotherServesTheSameRuntimeDirectory) {
        start();
        ASSERT_EQ(driver.set(external, "k", "v"), WIRE_STATUS_OK);
        Process second(command());
        EXPECT_FALSE(driver.is_wanted(500)) << "the second must not register";
        EXPECT_TRUE(second.running());
        daemon->kill();
        EXPECT_TRUE(driver.register_daemon()) << "now it may";
        EXPECT_EQ(driver.get(external, "k").value, "v");
}

/* One that began without a redo file, because there was no place for it. */
TEST_F(Daemon, RefusesToWriteWhileAnotherHoldsTheRedoFile) {
        const std::string place = runtime() + "/kvp";
        std::ofstream(place) << "";
        start();
        ASSERT_EQ(driver.set(external, "k", "old"), WIRE_STATUS_OK);

        std::filesystem::remove(place);
        FakeKvpDriver other(world / "other");
        Process second(command({ "--channel=" + (world / "other") }));
        ASSERT_TRUE(other.register_daemon());
        EXPECT_EQ(driver.set(external, "k", "new"), WIRE_STATUS_FAIL);
        EXPECT_EQ(driver.remove(external, "k"), WIRE_STATUS_FAIL);
        EXPECT_EQ(driver.get(external, "k").value, "old");
        EXPECT_EQ(other.set(external, "k", "its"), WIRE_STATUS_OK);
        EXPECT_EQ(driver.get(external, "k").value, "its");

        second.kill();
        EXPECT_TRUE(wait_until([&] { return driver.set(external, "k", "new") == WIRE_STATUS_OK; }));
        EXPECT_EQ(read_file(pool_file(external)), record("k", "new"));
}

} // namespace
