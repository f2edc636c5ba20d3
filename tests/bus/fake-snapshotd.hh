/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <vector>

#include "common/cleanup.h"
#include "service/link/fields.h"
#include "service/link/link.h"
#include "tests/support/child.hh"
#include "tests/support/temporary-directory.hh"

/*
 * The snapshot daemon as the link sees it, with nothing frozen behind it. A freeze goes through prepare signal
 * and prepare gate as the real one does; /busy and /missing are refused, /silent is never answered. SIGUSR1 is
 * the host's freeze, SIGUSR2 its thaw. What it hears stands in a diary.
 */
class FakeSnapshotd {
      public:
        FakeSnapshotd(std::string path, std::string diary, unsigned history = 0)
            : path_(std::move(path)), diary_(std::move(diary)), history_(history) {}

        int serve() {
                static const LinkServerOwner owner = { on_arrived, on_gone, on_message };
                sigset_t set;
                sigemptyset(&set);
                sigaddset(&set, SIGUSR1);
                sigaddset(&set, SIGUSR2);
                sigprocmask(SIG_BLOCK, &set, nullptr);
                if (begin(&owner) < 0 || sd_event_add_signal(event_, nullptr, SIGUSR1, on_freeze, this) < 0 ||
                    sd_event_add_signal(event_, nullptr, SIGUSR2, on_thaw, this) < 0)
                        return 1;
                return sd_event_loop(event_);
        }

      private:
        using Fields = std::vector<std::pair<const char *, std::string>>;

        int begin(const LinkServerOwner *owner) {
                int r = sd_event_new(&event_);
                return r < 0 ? r
                             : link_server_new(event_, path_.c_str(), "snapshotd", 1.0, owner, this,
                                               &server_);
        }
        static LinkMessage message_of(LinkKind kind, const Fields &fields) {
                LinkMessage message;
                link_message_init(&message, kind);
                for (const auto &[name, value] : fields)
                        (void) link_message_add(&message, name, value.c_str());
                return message;
        }
        void say(LinkKind kind, const Fields &fields) {
                LinkMessage message = message_of(kind, fields);
                link_server_broadcast(server_, &message);
        }
        void note(const std::string &line) {
                FILE *file = fopen(diary_.c_str(), "a");
                fprintf(file, "%s\n", line.c_str());
                fclose(file);
        }
        void say_state(const char *state, const char *since = "0") {
                say(LINK_STATE, { { LINK_FIELD_STATE, state },
                                  { LINK_FIELD_FROZEN_SINCE, since },
                                  { LINK_FIELD_CHANNEL_NAME, "vss" },
                                  { LINK_FIELD_CHANNEL_TRANSPORT, "socket" },
                                  { LINK_FIELD_CHANNEL_STATE, "registered" },
                                  { LINK_FIELD_CHANNEL_VERSION, "129" },
                                  { LINK_FIELD_COUNTER, "snapshots 3" } });
        }
        void say_report(const char *state, const char *result, const char *serial = nullptr) {
                Fields fields = { { LINK_FIELD_ID, std::to_string(id_) },
                                  { LINK_FIELD_INITIATOR, owner_.empty() ? "host" : "local" },
                                  { LINK_FIELD_OWNER, owner_ },
                                  { LINK_FIELD_STATE, state },
                                  { LINK_FIELD_STARTED, "1000000" },
                                  { LINK_FIELD_FROZEN_USEC, "1234" },
                                  { LINK_FIELD_RESULT_TEXT, result },
                                  { LINK_FIELD_FILE_SYSTEM, "/\t/dev/sda1\text4\t77" },
                                  { LINK_FIELD_SKIPPED, "/boot/efi\tcannot freeze" },
                                  { LINK_FIELD_HOOK, "10-db\tfreeze\tok\t5000" },
                                  { LINK_FIELD_NOTE, "All well." } };
                if (serial) {
                        fields.push_back({ LINK_FIELD_SERIAL, serial });
                        fields.push_back({ LINK_FIELD_RESULT, "0" });
                }
                say(LINK_REPORT, fields);
        }
        void prepare(const char *phase) {
                say(LINK_PREPARE, { { LINK_FIELD_SERIAL, std::to_string(++serial_) },
                                    { LINK_FIELD_PHASE, phase },
                                    { LINK_FIELD_BUDGET_USEC, "700000" } });
        }
        void freeze(const std::string &owner, const char *serial) {
                id_++;
                owner_ = owner;
                running_ = true;
                say_report("preparing", "", serial);
                say_state("preparing");
                prepare("signal");
        }
        void thaw(const char *result) {
                if (!running_)
                        return;
                running_ = false;
                say_report("idle", result);
                prepare("done");
                say_state("idle");
        }
        void ready(const std::string &phase) {
                if (!running_)
                        return;
                note("ready " + phase);
                if (phase == "signal")
                        prepare("gate");
                else if (phase == "gate") {
                        say_state("frozen", "5000000");
                        say_report("frozen", "");
                }
        }
        void refuse(LinkPeer *peer, const char *serial, int result, const char *sentence) {
                LinkMessage message = message_of(LINK_REPORT, { { LINK_FIELD_SERIAL, serial },
                                                                { LINK_FIELD_RESULT, std::to_string(result) },
                                                                { LINK_FIELD_ERROR, sentence } });
                (void) link_peer_send(peer, &message);
        }
        void plan(LinkPeer *peer, const char *serial) {
                LinkMessage one = message_of(LINK_REPORT, { { LINK_FIELD_SERIAL, serial },
                                                            { LINK_FIELD_ENTRY, "/home\tfreeze\t" } });
                LinkMessage two = message_of(LINK_REPORT, { { LINK_FIELD_SERIAL, serial },
                                                            { LINK_FIELD_RESULT, "0" },
                                                            { LINK_FIELD_ENTRY, "/proc\tskip\tpseudo" },
                                                            { LINK_FIELD_LAST, "1" } });
                (void) link_peer_send(peer, &one);
                (void) link_peer_send(peer, &two);
        }
        void command(LinkPeer *peer, const LinkMessage *message) {
                std::string name = link_message_get(message, LINK_FIELD_COMMAND);
                const char *serial = link_message_get(message, LINK_FIELD_SERIAL);
                const char *owner = link_message_get(message, LINK_FIELD_OWNER);
                const char *mount = link_message_get(message, LINK_FIELD_MOUNT);
                std::string target = mount ? mount : "all";
                note(name + (name == "freeze"
                                     ? " " + target + " " + link_message_get(message, LINK_FIELD_WATCHDOG)
                                     : ""));
                if (name == "plan")
                        plan(peer, serial);
                else if (name == "freeze" && (running_ || target == "/busy"))
                        refuse(peer, serial, -EBUSY, "A snapshot is being taken.");
                else if (name == "freeze" && target == "/missing")
                        refuse(peer, serial, -ENOENT, "There is no mount point /missing.");
                else if (name == "freeze" && target == "/proc")
                        refuse(peer, serial, -EPERM, "/proc: pseudo");
                else if (name == "freeze" && target != "/silent")
                        freeze(owner, serial);
                else if (name == "release" && owner == owner_)
                        thaw("released");
                else if (name == "thaw") {
                        say_report("thawing", "", serial);
                        thaw("ok");
                }
        }

        static FakeSnapshotd *self(void *userdata) {
                return static_cast<FakeSnapshotd *>(userdata);
        }
        static void on_arrived(LinkServer *, LinkPeer *, void *userdata) {
                auto *fake = self(userdata);
                fake->say_state("idle");
                for (unsigned i = 0; i < fake->history_; i++) {
                        fake->id_++;
                        fake->say_report("idle", "ok");
                }
                fake->history_ = 0;
        }
        static void on_gone(LinkServer *, LinkPeer *, void *) {}
        static void on_message(LinkServer *, LinkPeer *peer, const LinkMessage *message, void *userdata) {
                if (message->kind == LINK_READY)
                        self(userdata)->ready(link_message_get(message, LINK_FIELD_PHASE));
                if (message->kind == LINK_COMMAND)
                        self(userdata)->command(peer, message);
        }
        static int on_freeze(sd_event_source *, const struct signalfd_siginfo *, void *userdata) {
                self(userdata)->freeze("", nullptr);
                return 0;
        }
        static int on_thaw(sd_event_source *, const struct signalfd_siginfo *, void *userdata) {
                self(userdata)->thaw("ok");
                return 0;
        }

        std::string path_, diary_, owner_;
        unsigned history_;
        uint64_t id_ = 100, serial_ = 0;
        bool running_ = false;
        sd_event *event_ = nullptr;
        LinkServer *server_ = nullptr;
};
