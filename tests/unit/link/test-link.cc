/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <atomic>
#include <chrono>
#include <grp.h>
#include <memory>
#include <sys/stat.h>
#include <thread>

#include "common/names.h"
#include "tests/unit/link/link-world.hh"

class Link : public testing::Test {
      protected:
        TemporaryDirectory directory;
        std::string path = directory / "snapshot";
        Loop loop;

        /* The next connection to a bare server. */
        BareSocket visitor_of(BareSocket &server) {
                BareSocket visitor(-1);
                EXPECT_TRUE(loop.runs_until([&] { return (visitor.fd = server.accepts().release()) >= 0; }));
                return visitor;
        }

        bool both_are_up(Client &client, Server &server) {
                return loop.runs_until([&] { return client.connected == 1 && server.peers.size() == 1; });
        }
};

/* --- the two ends against each other --- */

TEST_F(Link, ExchangesHello) {
        Server server(loop, path);
        Client client(loop, path);

        ASSERT_TRUE(both_are_up(client, server));
        EXPECT_TRUE(link_client_is_connected(client.link));
        EXPECT_STREQ(link_peer_get_role(server.peers[0]), "hvutilsd");
        EXPECT_EQ(link_peer_get_uid(server.peers[0]), geteuid());
}

TEST_F(Link, CarriesMessagesBothWaysInOrder) {
        Server server(loop, path);
        Client client(loop, path);
        ASSERT_TRUE(both_are_up(client, server));

        for (int i = 0; i < 100; i++) {
                auto prepare = message_of(LINK_PREPARE, { { "SERIAL", std::to_string(i) } });
                ASSERT_EQ(link_peer_send(server.peers[0], &prepare), 0);
                ASSERT_EQ(client.send(message_of(LINK_READY, { { "SERIAL", std::to_string(i) } })), 0);
        }

        ASSERT_TRUE(loop.runs_until(
                [&] { return client.messages.size() == 100 && server.messages.size() == 100; }));
        for (size_t i = 0; i < 100; i++) {
                EXPECT_EQ(client.messages[i].kind, LINK_PREPARE);
                EXPECT_STREQ(link_message_get(&client.messages[i], "SERIAL"), std::to_string(i).c_str());
                EXPECT_EQ(server.messages[i].kind, LINK_READY);
                EXPECT_STREQ(link_message_get(&server.messages[i], "SERIAL"), std::to_string(i).c_str());
        }
}

TEST_F(Link, SendsNothingBeforeHello) {
        Client client(loop, path);
        EXPECT_EQ(client.send(message_of(LINK_READY)), -ENOTCONN);
        EXPECT_FALSE(link_client_is_connected(client.link));
}

TEST_F(Link, ComesUpAtOnceWhenTheSocketAppears) {
        Client client(loop, path, 1000); /* the timer alone would take 100 s */
        loop.runs_for(20 * USEC_PER_MSEC);
        ASSERT_EQ(client.connected, 0);

        Server server(loop, path);
        EXPECT_TRUE(both_are_up(client, server));
}

TEST_F(Link, SleepsWhileNobodyListens) {
        Client client(loop, path, 0.001); /* with a timer: an attempt each 5 ms at least */
        loop.runs_for(20 * USEC_PER_MSEC);

        int awake = 0;
        for (int i = 0; i < 5; i++)
                awake += sd_event_run(loop.event, 10 * USEC_PER_MSEC) > 0;
        EXPECT_EQ(awake, 0);
}

TEST_F(Link, ComesUpInADirectoryThatWasMadeAnew) {
        std::string made = directory / "made";
        ASSERT_EQ(mkdir(made.c_str(), 0755), 0);
        Client client(loop, made + "/snapshot", 0.1);
        loop.runs_for(20 * USEC_PER_MSEC);

        ASSERT_EQ(rmdir(made.c_str()), 0);
        loop.runs_for(20 * USEC_PER_MSEC);
        ASSERT_EQ(mkdir(made.c_str(), 0755), 0);
        Server server(loop, made + "/snapshot");
        EXPECT_TRUE(both_are_up(client, server));
}

TEST_F(Link, ComesUpWhenTheDirectoryItselfIsLate) {
        std::string late = directory / "late";
        Client client(loop, late + "/snapshot", 0.1);
        loop.runs_for(20 * USEC_PER_MSEC);

        ASSERT_EQ(mkdir(late.c_str(), 0755), 0);
        Server server(loop, late + "/snapshot");
        EXPECT_TRUE(both_are_up(client, server));
}

TEST_F(Link, OutlivesManyRestartsOfTheServer) {
        Client client(loop, path, 0.05);

        for (int i = 1; i <= 20; i++) {
                Server server(loop, path);
                ASSERT_TRUE(loop.runs_until([&] {
                        return client.connected == i && server.peers.size() == 1;
                })) << i;
                ASSERT_EQ(client.disconnected, i - 1);
        }
        EXPECT_TRUE(loop.runs_until([&] { return client.disconnected == 20; }));
        EXPECT_EQ(client.send(message_of(LINK_READY)), -ENOTCONN);
}

TEST_F(Link, TellsTheServerThatTheClientWent) {
        Server server(loop, path);
        {
                Client client(loop, path);
                ASSERT_TRUE(both_are_up(client, server));
        }
        EXPECT_TRUE(loop.runs_until([&] { return server.gone == 1; }));
        EXPECT_TRUE(server.peers.empty());
}

TEST_F(Link, BroadcastsToThosePresent) {
        Server server(loop, path);
        Client first(loop, path), second(loop, path);
        BareSocket silent;
        ASSERT_TRUE(silent.connects(path));
        ASSERT_TRUE(loop.runs_until([&] { return server.peers.size() == 2; }));

        auto state = message_of(LINK_STATE, { { "STATE", "idle" } });
        EXPECT_EQ(link_server_broadcast(server.link, &state), 2u);
        EXPECT_TRUE(
                loop.runs_until([&] { return first.messages.size() == 1 && second.messages.size() == 1; }));
}

TEST_F(Link, MayBeFreedFromItsOwnCallbacks) {
        auto server = std::make_unique<Server>(loop, path);
        Client client(loop, path);
        ASSERT_TRUE(both_are_up(client, *server));

        client.on_message = [&] { client.link = link_client_free(client.link); };
        auto state = message_of(LINK_STATE);
        ASSERT_EQ(link_peer_send(server->peers[0], &state), 0);
        ASSERT_TRUE(loop.runs_until([&] { return client.link == nullptr && server->gone == 1; }));

        Client other(loop, path);
        ASSERT_TRUE(loop.runs_until([&] { return other.connected == 1; }));
        server->on_message = [&] { server->link = link_server_free(server->link); };
        ASSERT_EQ(other.send(message_of(LINK_COMMAND)), 0);
        EXPECT_TRUE(loop.runs_until([&] { return server->link == nullptr && other.disconnected == 1; }));
}

/* --- the socket file --- */

TEST_F(Link, OpensItsSocketToTheGroupOnly) {
        Server server(loop, path);
        struct stat st = {};
        ASSERT_EQ(lstat(path.c_str(), &st), 0);

        const group *hvutils = getgrnam(HVUTILS_USER);
        EXPECT_EQ(st.st_mode, S_IFSOCK | (hvutils ? 0660 : 0600));
        EXPECT_EQ(st.st_gid, hvutils ? hvutils->gr_gid : getegid());
}

TEST_F(Link, ReplacesAnOldSocketAndRemovesItsOwn) {
        {
                BareSocket old;
                ASSERT_TRUE(old.listens(path));
        }
        {
                Server server(loop, path);
                Client client(loop, path);
                EXPECT_TRUE(both_are_up(client, server));
        }
        EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST_F(Link, LeavesTheSocketOfItsSuccessor) {
        auto server = std::make_unique<Server>(loop, path);
        Server successor(loop, path);
        server.reset();

        Client client(loop, path);
        EXPECT_TRUE(both_are_up(client, successor));
}

TEST_F(Link, RefusesAPathThatFitsNoSocket) {
        LinkServer *server = nullptr;
        std::string far = directory / std::string(120, 'x');
        static const LinkServerOwner nobody = {};

        EXPECT_EQ(link_server_new(loop.event, far.c_str(), "snapshotd", 1.0, &nobody, nullptr, &server),
                  -ENAMETOOLONG);
        Client client(loop, far);
        loop.runs_for(20 * USEC_PER_MSEC);
        EXPECT_EQ(client.connected, 0);
}

/* --- peers that are none --- */

TEST_F(Link, LeavesASilentServerAndTriesAgain) {
        BareSocket server;
        ASSERT_TRUE(server.listens(path));
        Client client(loop, path, 0.01);

        for (int i = 0; i < 3; i++) {
                BareSocket visitor = visitor_of(server);
                EXPECT_TRUE(loop.runs_until([&] { return visitor.is_closed(); })) << i;
        }
        EXPECT_EQ(client.connected, 0);
        EXPECT_EQ(client.disconnected, 0);
}

TEST_F(Link, TurnsASilentClientOut) {
        Server server(loop, path, 0.01);
        BareSocket client;
        ASSERT_TRUE(client.connects(path));

        EXPECT_TRUE(loop.runs_until([&] { return client.is_closed(); }));
        EXPECT_EQ(server.gone, 0);
}

TEST_F(Link, LosesAClientThatDoesNotRead) {
        Server server(loop, path);
        BareSocket slow;
        ASSERT_TRUE(slow.connects(path));
        ASSERT_TRUE(slow.says(hello_of("hvutilsd")));
        ASSERT_TRUE(loop.runs_until([&] { return server.peers.size() == 1; }));

        auto state = message_of(LINK_STATE);
        int sent = 0;
        while (sent < 100000 && link_peer_send(server.peers[0], &state) == 0)
                sent++;
        EXPECT_GE(sent, LINK_QUEUE_MAX);
        EXPECT_LT(sent, 100000);
        EXPECT_EQ(server.gone, 0) << "the owner was told in the middle of its own call";
        EXPECT_TRUE(loop.runs_until([&] { return server.gone == 1; }));
}

TEST_F(Link, LosesAServerThatDoesNotRead) {
        BareSocket server;
        ASSERT_TRUE(server.listens(path));
        Client client(loop, path);
        BareSocket slow = visitor_of(server);
        ASSERT_TRUE(slow.says(hello_of("snapshotd")));
        ASSERT_TRUE(loop.runs_until([&] { return client.connected == 1; }));

        int sent = 0;
        while (sent < 100000 && client.send(message_of(LINK_READY)) == 0)
                sent++;
        EXPECT_LT(sent, 100000);
        EXPECT_TRUE(loop.runs_until([&] { return client.disconnected == 1; }));
}

TEST_F(Link, KeepsWhatASlowReaderHasNotReadYet) {
        Server server(loop, path);
        BareSocket slow;
        ASSERT_TRUE(slow.connects(path));
        ASSERT_TRUE(slow.says(hello_of("hvutilsd")));
        ASSERT_TRUE(loop.runs_until([&] { return server.peers.size() == 1; }));

        for (int i = 0; i < LINK_QUEUE_MAX; i++) {
                auto state = message_of(LINK_STATE,
                                        { { "N", std::to_string(i) }, { "FILL", std::string(3000, 'x') } });
                ASSERT_EQ(link_peer_send(server.peers[0], &state), 0);
        }

        std::string packet;
        ASSERT_TRUE(slow.hears(&packet)); /* the hello */
        for (int i = 0; i < LINK_QUEUE_MAX; i++) {
                LinkMessage message;
                ASSERT_TRUE(loop.runs_until([&] { return slow.hears(&packet); })) << i;
                ASSERT_EQ(link_message_parse(packet.data(), packet.size(), &message), 0);
                EXPECT_STREQ(link_message_get(&message, "N"), std::to_string(i).c_str());
        }
}

TEST_F(Link, LimitsTheNumberOfPeers) {
        Server server(loop, path);
        std::vector<std::unique_ptr<BareSocket>> crowd;

        for (int i = 0; i < LINK_PEERS_MAX; i++) {
                crowd.push_back(std::make_unique<BareSocket>());
                ASSERT_TRUE(crowd.back()->connects(path));
                ASSERT_TRUE(crowd.back()->says(hello_of("hvctl")));
        }
        ASSERT_TRUE(loop.runs_until([&] { return server.peers.size() == LINK_PEERS_MAX; }));

        BareSocket last;
        ASSERT_TRUE(last.connects(path));
        EXPECT_TRUE(loop.runs_until([&] { return last.is_closed(); }));

        crowd.pop_back();
        ASSERT_TRUE(loop.runs_until([&] { return server.gone == 1; }));
        Client client(loop, path);
        EXPECT_TRUE(loop.runs_until([&] { return client.connected == 1; }));
}

TEST_F(Link, TurnsAStrangerOut) {
        if (geteuid() != 0)
                GTEST_SKIP() << "only root can act as somebody else";
        Server server(loop, path);
        ASSERT_EQ(chmod(path.c_str(), 0666), 0);

        BareSocket stranger;
        ASSERT_TRUE(
                as_nobody([&] { return stranger.connects(path) && stranger.says(hello_of("hvutilsd")); }));
        EXPECT_TRUE(loop.runs_until([&] { return stranger.is_closed(); }));
        EXPECT_TRUE(server.peers.empty());
}

TEST_F(Link, DoesNotTalkToAStrangersServer) {
        if (geteuid() != 0)
                GTEST_SKIP() << "only root can act as somebody else";
        ASSERT_EQ(chmod(directory.path().c_str(), 0777), 0);

        BareSocket server;
        ASSERT_TRUE(as_nobody([&] { return server.listens(path); }));
        Client client(loop, path);
        BareSocket visitor = visitor_of(server);

        std::string packet;
        EXPECT_FALSE(visitor.hears(&packet)) << "it said hello to a stranger";
        EXPECT_TRUE(visitor.is_closed());
        EXPECT_EQ(client.connected, 0);
        EXPECT_EQ(link_dial(path.c_str(), "hvctl", USEC_PER_SEC), -EPERM);
}

struct NoPeer {
        const char *name;
        std::vector<std::string> packets;
        bool greets; /* the packets begin with a proper hello, so that the owner hears of peer and end */
};

class LinkNoPeer : public Link, public testing::WithParamInterface<NoPeer> {};

TEST_P(LinkNoPeer, IsClosedByTheServerWhichGoesOn) {
        Server server(loop, path);
        BareSocket bad;
        ASSERT_TRUE(bad.connects(path));
        for (const auto &packet : GetParam().packets)
                ASSERT_TRUE(bad.says(packet));

        EXPECT_TRUE(loop.runs_until([&] { return bad.is_closed(); }));
        EXPECT_EQ(server.gone, GetParam().greets);
        EXPECT_TRUE(server.messages.empty());

        Client client(loop, path);
        EXPECT_TRUE(both_are_up(client, server));
}

TEST_P(LinkNoPeer, IsLeftByTheClientWhichComesBack) {
        BareSocket server;
        ASSERT_TRUE(server.listens(path));
        Client client(loop, path, 0.1);
        {
                BareSocket bad = visitor_of(server);
                for (const auto &packet : GetParam().packets)
                        ASSERT_TRUE(bad.says(packet));
                EXPECT_TRUE(loop.runs_until([&] { return bad.is_closed(); }));
        }
        EXPECT_EQ(client.connected, GetParam().greets);
        EXPECT_EQ(client.disconnected, GetParam().greets);
        EXPECT_TRUE(client.messages.empty());

        BareSocket good = visitor_of(server);
        ASSERT_TRUE(good.says(hello_of("snapshotd")));
        EXPECT_TRUE(loop.runs_until([&] { return link_client_is_connected(client.link); }));
}

static std::string of_version(int version, std::string packet) {
        packet[4] = static_cast<char>(version);
        return packet;
}

INSTANTIATE_TEST_SUITE_P(
        All, LinkNoPeer,
        testing::Values(NoPeer{ "OtherVersion", { of_version(2, hello_of("snapshotd")) }, false },
                        NoPeer{ "OtherVersionLater",
                                { hello_of("snapshotd"), of_version(2, bytes_of(message_of(LINK_STATE))) },
                                true },
                        NoPeer{ "Garbage", { "GET / HTTP/1.1\r\n\r\n" }, false },
                        NoPeer{ "GarbageLater", { hello_of("snapshotd"), std::string(64, '\xff') }, true },
                        NoPeer{ "TooLarge",
                                { hello_of("snapshotd"), bytes_of(message_of(LINK_STATE)) + "A=" +
                                                                 std::string(2 * LINK_MESSAGE_MAX, '\0') },
                                true },
                        NoPeer{ "OneByteTooLarge",
                                { hello_of("snapshotd") + "A=" + std::string(LINK_MESSAGE_MAX, 'x') },
                                false },
                        NoPeer{ "NoHello", { bytes_of(message_of(LINK_STATE)) }, false },
                        NoPeer{ "HelloWithoutRole", { bytes_of(message_of(LINK_HELLO)) }, false },
                        NoPeer{ "HelloTwice", { hello_of("snapshotd"), hello_of("snapshotd") }, true }),
        [](const auto &info) { return info.param.name; });

/* --- the blocking way of hvctl --- */

class LinkDial : public Link {
      protected:
        /* The server's loop runs in a thread of its own while act blocks. */
        void while_serving(const std::function<void(Server &)> &act) {
                Server server(loop, path);
                std::atomic<bool> finished = false;
                std::thread hvctl([&] {
                        act(server);
                        finished = true;
                });
                loop.runs_until([&] { return finished.load(); });
                hvctl.join();
        }
};

TEST_F(LinkDial, AsksAndIsAnswered) {
        while_serving([&](Server &server) {
                server.on_message = [&] {
                        auto report = message_of(LINK_REPORT, { { "SERIAL", "1" }, { "RESULT", "0" } });
                        link_peer_send(server.peers[0], &report);
                };

                auto_fd fd = link_dial(path.c_str(), "hvctl", 2 * USEC_PER_SEC);
                ASSERT_GE(fd, 0);

                LinkMessage answer;
                auto command = message_of(LINK_COMMAND, { { "COMMAND", "thaw" }, { "SERIAL", "1" } });
                ASSERT_EQ(link_send(fd, &command, USEC_PER_SEC), 0);
                ASSERT_EQ(link_receive(fd, &answer, USEC_PER_SEC), 0);
                EXPECT_EQ(answer.kind, LINK_REPORT);
                EXPECT_STREQ(link_message_get(&answer, "RESULT"), "0");

                EXPECT_EQ(link_receive(fd, &answer, 20 * USEC_PER_MSEC), -ETIMEDOUT);
        });
}

TEST_F(LinkDial, HearsThatTheServerWent) {
        BareSocket server;
        ASSERT_TRUE(server.listens(path));
        std::thread stub([&] {
                BareSocket visitor(-1);
                std::string hello;
                while (visitor.fd < 0 && (visitor.fd = server.accepts().release()) < 0)
                        std::this_thread::sleep_for(std::chrono::milliseconds(1));
                while (!visitor.hears(&hello))
                        std::this_thread::sleep_for(std::chrono::milliseconds(1));
                visitor.says(hello_of("snapshotd"));
        });

        auto_fd fd = link_dial(path.c_str(), "hvctl", 2 * USEC_PER_SEC);
        stub.join();
        ASSERT_GE(fd, 0);

        LinkMessage message;
        EXPECT_EQ(link_receive(fd, &message, USEC_PER_SEC), -ECONNRESET);
        auto command = message_of(LINK_COMMAND);
        EXPECT_EQ(link_send(fd, &command, USEC_PER_SEC), -EPIPE);
}

TEST_F(LinkDial, NamesWhatStandsInTheWay) {
        EXPECT_EQ(link_dial(path.c_str(), "hvctl", USEC_PER_SEC), -ENOENT);

        BareSocket server;
        ASSERT_TRUE(server.listens(path));
        uint64_t start = now_usec(CLOCK_MONOTONIC);
        EXPECT_EQ(link_dial(path.c_str(), "hvctl", 50 * USEC_PER_MSEC), -ETIMEDOUT);
        EXPECT_GE(now_usec(CLOCK_MONOTONIC) - start, 50 * USEC_PER_MSEC);
        EXPECT_LT(now_usec(CLOCK_MONOTONIC) - start, 2 * USEC_PER_SEC);
}

TEST_F(LinkDial, EndsInTimeWhenTheServerDoesNotEvenAccept) {
        BareSocket server;
        ASSERT_TRUE(server.listens(path));
        std::vector<std::unique_ptr<BareSocket>> crowd;
        do
                crowd.push_back(std::make_unique<BareSocket>());
        while (crowd.back()->connects(path));

        EXPECT_EQ(link_dial(path.c_str(), "hvctl", 50 * USEC_PER_MSEC), -ETIMEDOUT);
}
