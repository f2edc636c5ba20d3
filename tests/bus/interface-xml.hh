/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cstring>
#include <glib.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>

/* Introspection XML as interface -> lines such as "method Set", "method Set in s key", "property Count u read
 * true", that can be compared whatever the order and the prose. */
class InterfaceXml {
      public:
        explicit InterfaceXml(const std::string &xml) {
                static const GMarkupParser parser = { start, end, nullptr, nullptr, nullptr };
                g_autoptr(GError) error = nullptr;
                GMarkupParseContext *context =
                        g_markup_parse_context_new(&parser, G_MARKUP_DEFAULT_FLAGS, this, nullptr);
                EXPECT_TRUE(g_markup_parse_context_parse(context, xml.data(), (gssize)xml.size(), &error))
                        << error->message;
                g_markup_parse_context_free(context);
        }
        static InterfaceXml of_file(const std::string &name) {
                g_autofree char *text = nullptr;
                std::string path = std::string(g_getenv("HVUTILS_SOURCE_DIR")) + "/" + name;
                EXPECT_TRUE(g_file_get_contents(path.c_str(), &text, nullptr, nullptr)) << path;
                return InterfaceXml(text ?: "");
        }
        std::map<std::string, std::set<std::string>> interfaces;

      private:
        static std::string attribute(const char **names, const char **values, const char *wanted) {
                for (; *names; names++, values++)
                        if (strcmp(*names, wanted) == 0)
                                return *values;
                return "";
        }

        static void start(GMarkupParseContext *, const char *element, const char **names, const char **values,
                          gpointer userdata, GError **) {
                auto *self = static_cast<InterfaceXml *>(userdata);
                std::string name = attribute(names, values, "name"), what = element;

                if (what == "interface")
                        self->interface_ = name;
                else if (what == "method" || what == "signal") {
                        self->member_ = what + " " + name;
                        self->add(self->member_);
                        self->n_ = 0;
                } else if (what == "property") {
                        self->member_ = what + " " + name + " " + attribute(names, values, "type") + " " +
                                        attribute(names, values, "access");
                        self->emits_ = "true";
                } else if (what == "arg") {
                        std::string direction = attribute(names, values, "direction");
                        self->add(self->member_ + " " + std::to_string(self->n_++) + " " +
                                  (direction.empty() ? "out" : direction) + " " +
                                  attribute(names, values, "type") + " " + name);
                } else if (what == "annotation" && name == "org.freedesktop.DBus.Property.EmitsChangedSignal")
                        self->emits_ = attribute(names, values, "value");
        }
        static void end(GMarkupParseContext *, const char *element, gpointer userdata, GError **) {
                auto *self = static_cast<InterfaceXml *>(userdata);
                if (strcmp(element, "property") == 0)
                        self->add(self->member_ + " " + self->emits_);
        }
        void add(const std::string &line) {
                interfaces[interface_].insert(line);
        }
        std::string interface_, member_, emits_;
        int n_ = 0;
};
