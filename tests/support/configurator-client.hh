/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <chrono>
#include <future>
#include <map>
#include <string>
#include <vector>

#include "tests/support/private-bus.hh"

/* What an injection asks for. */
struct Wanted {
        std::vector<std::pair<std::string, unsigned>> addresses = {};
        std::vector<std::string> gateways = {}, dns = {};
        bool dhcp4 = false;
        unsigned families = 3;
};

/* Calls a configurator as hvutilsd does. */
class ConfiguratorClient {
      public:
        struct Answer {
                std::string error = {}, message = {}; /* "" on success */
                std::string result = {}, reason = {}; /* Probe */
                bool reverted = false;
                double msec = 0;
        };

        ConfiguratorClient(const PrivateBus &bus, std::string name) : bus_(bus), name_(std::move(name)) {}

        Answer probe(const char *interface = "eth0") const {
                return call("Probe", interface, {}, [](sd_bus_message *reply, Answer &answer) {
                        const char *result = "", *reason = "";
                        EXPECT_GE(sd_bus_message_read(reply, "ss", &result, &reason), 0);
                        answer.result = result;
                        answer.reason = reason;
                });
        }
        Answer apply(const Wanted &wanted, std::chrono::seconds limit = std::chrono::seconds(20),
                     const char *interface = "eth0") const {
                return call("Apply", interface, [&](sd_bus_message *message) {
                        append(message, wanted);
                        sd_bus_message_append(message, "t", (uint64_t) limit.count() * 1000000);
                });
        }
        std::future<Answer> apply_meanwhile(const Wanted &wanted) const {
                return std::async(std::launch::async, [this, wanted] { return apply(wanted); });
        }
        Answer revert(const char *interface = "eth0") const {
                return call("Revert", interface, {}, [](sd_bus_message *reply, Answer &answer) {
                        int reverted = 0;
                        EXPECT_GE(sd_bus_message_read(reply, "b", &reverted), 0);
                        answer.reverted = reverted;
                });
        }
        /* "dns" as words with blanks between. */
        std::map<std::string, std::string> describe(const char *interface = "eth0") const {
                std::map<std::string, std::string> words;
                auto answer = call("Describe", interface, {},
                                   [&](sd_bus_message *reply, Answer &) { words = read_words(reply); });
                EXPECT_EQ(answer.error, "") << answer.message;
                return words;
        }

      private:
        static void append(sd_bus_message *message, const Wanted &wanted) {
                sd_bus_message_open_container(message, 'a', "{sv}");
                sd_bus_message_append(message, "{sv}", "dhcp4", "b", (int) wanted.dhcp4);
                sd_bus_message_append(message, "{sv}", "families", "u", wanted.families);
                sd_bus_message_open_container(message, 'e', "sv");
                sd_bus_message_append(message, "s", "addresses");
                sd_bus_message_open_container(message, 'v', "a(su)");
                sd_bus_message_open_container(message, 'a', "(su)");
                for (const auto &[text, prefix] : wanted.addresses)
                        sd_bus_message_append(message, "(su)", text.c_str(), prefix);
                for (int i = 0; i < 3; i++)
                        sd_bus_message_close_container(message);
                append_list(message, "gateways", wanted.gateways);
                append_list(message, "dns", wanted.dns);
                sd_bus_message_close_container(message);
        }
        static void append_list(sd_bus_message *message, const char *key,
                                const std::vector<std::string> &list) {
                sd_bus_message_open_container(message, 'e', "sv");
                sd_bus_message_append(message, "s", key);
                sd_bus_message_open_container(message, 'v', "as");
                sd_bus_message_open_container(message, 'a', "s");
                for (const auto &word : list)
                        sd_bus_message_append(message, "s", word.c_str());
                for (int i = 0; i < 3; i++)
                        sd_bus_message_close_container(message);
        }

        static std::map<std::string, std::string> read_words(sd_bus_message *reply) {
                std::map<std::string, std::string> words;
                const char *key, *contents, *word;
                int flag = 0;

                sd_bus_message_enter_container(reply, 'a', "{sv}");
                while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                        sd_bus_message_read(reply, "s", &key);
                        sd_bus_message_peek_type(reply, nullptr, &contents);
                        sd_bus_message_enter_container(reply, 'v', contents);
                        if (contents[0] == 'b' && sd_bus_message_read(reply, "b", &flag) >= 0)
                                words[key] = flag ? "true" : "false";
                        else if (contents[0] == 's' && sd_bus_message_read(reply, "s", &word) >= 0)
                                words[key] = word;
                        else if (sd_bus_message_enter_container(reply, 'a', "s") >= 0) {
                                while (sd_bus_message_read(reply, "s", &word) > 0)
                                        words[key] += (words[key].empty() ? "" : " ") + std::string(word);
                                sd_bus_message_exit_container(reply);
                        }
                        sd_bus_message_exit_container(reply);
                        sd_bus_message_exit_container(reply);
                }
                return words;
        }

        Answer call(const char *method, const char *interface,
                    const std::function<void(sd_bus_message *)> &add = {},
                    const std::function<void(sd_bus_message *, Answer &)> &read = {}) const {
                g_autoptr(sd_bus) connection = bus_.connect();
                g_autoptr(sd_bus_message) message = nullptr, reply = nullptr;
                g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
                Answer answer;

                sd_bus_message_new_method_call(connection, &message, name_.c_str(),
                                               "/org/hyperv/Utils/Configurator",
                                               "org.hyperv.Utils.Configurator", method);
                sd_bus_message_append(message, "s", interface);
                if (add)
                        add(message);
                auto begun = std::chrono::steady_clock::now();
                if (sd_bus_call(connection, message, 100 * 1000000ull, &error, &reply) < 0) {
                        answer.error = error.name ?: "?";
                        answer.message = error.message ?: "";
                } else if (read) {
                        read(reply, answer);
                }
                answer.msec =
                        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
                                .count();
                sd_bus_close(connection);
                return answer;
        }

        const PrivateBus &bus_;
        std::string name_;
};
