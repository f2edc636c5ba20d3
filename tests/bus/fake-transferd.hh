/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "common/cleanup.h"
#include "service/link/fields.h"
#include "service/link/link.h"
#include "tests/support/child.hh"

/* The daemon of transfers as the link sees it, without any file. Number 7 is complete from the start; SIGUSR1
 * begins number 8, SIGUSR2 says forty times within a moment that more of it came. What it hears stands in a
 * diary. */
class FakeTransferd {
      public:
        FakeTransferd(std::string path, std::string diary)
            : path_(std::move(path)), diary_(std::move(diary)) {}

        int serve() {
                static const LinkServerOwner owner = { on_arrived, on_gone, on_message };
                sigset_t set;
                sigemptyset(&set);
                sigaddset(&set, SIGUSR1);
                sigaddset(&set, SIGUSR2);
                sigprocmask(SIG_BLOCK, &set, nullptr);
                if (sd_event_new(&event_) < 0 ||
                    link_server_new(event_, path_.c_str(), "transferd", 1.0, &owner, this, &server_) < 0 ||
                    sd_event_add_signal(event_, nullptr, SIGUSR1, on_begin, this) < 0 ||
                    sd_event_add_signal(event_, nullptr, SIGUSR2, on_more, this) < 0)
                        return 1;
                return sd_event_loop(event_);
        }

      private:
        using Fields = std::vector<std::pair<const char *, std::string>>;

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
        void report(int id, const char *state, int received, const char *reason) {
                say(LINK_REPORT, { { LINK_FIELD_ID, std::to_string(id) },
                                   { LINK_FIELD_FILE_NAME, "image.iso" },
                                   { LINK_FIELD_DIRECTORY, "/srv/in" },
                                   { LINK_FIELD_SIZE, "1000" },
                                   { LINK_FIELD_RECEIVED, std::to_string(received) },
                                   { LINK_FIELD_STATE, state },
                                   { LINK_FIELD_REASON, reason } });
        }
        void cancel(LinkPeer *peer, const LinkMessage *command) {
                bool known = running_ && std::string(link_message_get(command, LINK_FIELD_ID)) == "8";
                if (known) {
                        running_ = false;
                        report(8, "cancelled", received_, "Somebody in this guest cancelled it.");
                }
                LinkMessage answer = message_of(
                        LINK_REPORT, { { LINK_FIELD_SERIAL, link_message_get(command, LINK_FIELD_SERIAL) },
                                       { LINK_FIELD_ID, link_message_get(command, LINK_FIELD_ID) },
                                       { LINK_FIELD_RESULT, std::to_string(known ? 0 : -ENOENT) },
                                       { LINK_FIELD_ERROR, "No such transfer is under way." } });
                (void) link_peer_send(peer, &answer);
        }

        static FakeTransferd *self(void *userdata) {
                return static_cast<FakeTransferd *>(userdata);
        }
        static void on_arrived(LinkServer *, LinkPeer *, void *userdata) {
                self(userdata)->say(LINK_STATE, { { LINK_FIELD_CHANNEL_NAME, "fcopy" },
                                                  { LINK_FIELD_CHANNEL_TRANSPORT, "ring" },
                                                  { LINK_FIELD_CHANNEL_STATE, "registered" },
                                                  { LINK_FIELD_CHANNEL_VERSION, "1.1" },
                                                  { LINK_FIELD_COUNTER, "transfers.complete 5" },
                                                  { LINK_FIELD_ROOT, "/srv" },
                                                  { LINK_FIELD_ROOT, "/home" } });
                self(userdata)->report(7, "complete", 1000, "The file is in place.");
        }
        static void on_gone(LinkServer *, LinkPeer *, void *) {}
        static void on_message(LinkServer *, LinkPeer *peer, const LinkMessage *message, void *userdata) {
                if (message->kind != LINK_COMMAND)
                        return;
                self(userdata)->note(link_message_get(message, LINK_FIELD_COMMAND));
                if (std::string(link_message_get(message, LINK_FIELD_COMMAND)) == "cancel")
                        self(userdata)->cancel(peer, message);
        }
        static int on_begin(sd_event_source *, const struct signalfd_siginfo *, void *userdata) {
                self(userdata)->running_ = true;
                self(userdata)->report(8, "receiving", 0, "");
                return 0;
        }
        static int on_more(sd_event_source *, const struct signalfd_siginfo *, void *userdata) {
                for (int i = 0; i < 40; i++)
                        self(userdata)->report(8, "receiving", self(userdata)->received_ += 10, "");
                return 0;
        }

        std::string path_, diary_;
        bool running_ = false;
        int received_ = 0;
        sd_event *event_ = nullptr;
        LinkServer *server_ = nullptr;
};
