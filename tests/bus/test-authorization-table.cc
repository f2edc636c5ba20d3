/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>

#include "common/names.h"
#include "service/bus/authorize.h"
#include "service/bus/tree.h"

using Members = std::set<std::string>;

static const sd_bus_vtable *following(const sd_bus_vtable *start, const sd_bus_vtable *entry) {
        return (const sd_bus_vtable *) ((const char *) entry + start->x.start.element_size);
}

/* Everything that can be called or written. */
static Members guarded_members() {
        Members members;
        for (const BusObject *object = bus_objects; object->path; object++)
                for (auto *entry = object->vtable; entry->type != _SD_BUS_VTABLE_END;
                     entry = following(object->vtable, entry)) {
                        if (entry->type == _SD_BUS_VTABLE_METHOD)
                                members.insert(std::string(object->interface) + "." + entry->x.method.member);
                        if (entry->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY)
                                members.insert(std::string(object->interface) + "." +
                                               entry->x.property.member);
                }
        return members;
}

static Members rows() {
        Members members;
        for (const AuthorizeRow *row = authorize_table; row->interface; row++)
                members.insert(std::string(row->interface) + "." + row->member);
        return members;
}

static std::set<std::string> used_actions() {
        std::set<std::string> actions;
        for (const AuthorizeRow *row = authorize_table; row->interface; row++)
                for (const char *action : { row->action, row->host_action })
                        if (action)
                                actions.insert(action);
        return actions;
}

/* action -> "any inactive active owner" */
class Policy {
      public:
        Policy() {
                static const GMarkupParser parser = { start, nullptr, text, nullptr, nullptr };
                g_autofree char *xml = nullptr;
                gsize n = 0;
                std::string path =
                        std::string(g_getenv("HVUTILS_SOURCE_DIR")) + "/polkit/org.hyperv.utils.policy";
                GMarkupParseContext *context =
                        g_markup_parse_context_new(&parser, G_MARKUP_DEFAULT_FLAGS, this, nullptr);

                EXPECT_TRUE(g_file_get_contents(path.c_str(), &xml, &n, nullptr));
                EXPECT_TRUE(g_markup_parse_context_parse(context, xml, (gssize) n, nullptr));
                g_markup_parse_context_free(context);
        }
        std::map<std::string, std::map<std::string, std::string>> actions;

      private:
        static void start(GMarkupParseContext *, const char *element, const char **, const char **values,
                          gpointer userdata, GError **) {
                auto *self = static_cast<Policy *>(userdata);
                self->element_ = element;
                if (strcmp(element, "action") == 0)
                        self->actions[self->action_ = values[0]];
                if (strcmp(element, "annotate") == 0)
                        self->element_ = values[0];
        }
        static void text(GMarkupParseContext *, const char *text, gsize n, gpointer userdata, GError **) {
                auto *self = static_cast<Policy *>(userdata);
                std::string words(text, n);
                if (!self->action_.empty() && words.find_first_not_of(" \n") != std::string::npos)
                        self->actions[self->action_][self->element_] = words;
        }
        std::string action_, element_;
};

TEST(AuthorizationTable, EveryMemberHasARowAndEveryRowAMember) {
        EXPECT_EQ(guarded_members(), rows());
}

TEST(AuthorizationTable, EveryMemberIsUnprivilegedForSdBus) {
        for (const BusObject *object = bus_objects; object->path; object++)
                for (auto *entry = object->vtable; entry->type != _SD_BUS_VTABLE_END;
                     entry = following(object->vtable, entry))
                        if (entry->type == _SD_BUS_VTABLE_METHOD ||
                            entry->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY) {
                                EXPECT_TRUE(entry->flags & SD_BUS_VTABLE_UNPRIVILEGED)
                                        << object->interface << " " << entry->x.method.member;
                        }
}

TEST(AuthorizationTable, PolicyHasTheActionsThatAreUsedAndNoOthers) {
        std::set<std::string> stated;
        Policy policy;
        for (const auto &[action, fields] : policy.actions)
                stated.insert(action);
        EXPECT_EQ(stated, used_actions());
}

TEST(AuthorizationTable, EveryActionIsOwnedByTheDaemonsUser) {
        Policy policy;
        ASSERT_FALSE(policy.actions.empty());
        for (auto &[action, fields] : policy.actions)
                EXPECT_EQ(fields["org.freedesktop.policykit.owner"], "unix-user:" HVUTILS_USER) << action;
}

TEST(AuthorizationTable, DefaultsAreTheDesigned) {
        Policy policy;
        const std::map<std::string, std::string> active = {
                { HVUTILS_ACTION_KVP_READ_PRIVATE, "auth_admin_keep" },
                { HVUTILS_ACTION_KVP_WRITE, "auth_admin_keep" },
                { HVUTILS_ACTION_KVP_WRITE_HOST_POOL, "auth_admin" },
                { HVUTILS_ACTION_MANAGE, "auth_admin" },
                { HVUTILS_ACTION_SNAPSHOT_FREEZE, "auth_admin" },
                { HVUTILS_ACTION_SNAPSHOT_INHIBIT, "yes" },
                { HVUTILS_ACTION_TRANSFER_MANAGE, "auth_admin_keep" },
                { HVUTILS_ACTION_NETWORK_CONFIGURE, "auth_admin_keep" },
        };
        for (const auto &[action, wanted] : active) {
                EXPECT_EQ(policy.actions[action]["allow_any"], "auth_admin") << action;
                EXPECT_EQ(policy.actions[action]["allow_inactive"], "auth_admin") << action;
                EXPECT_EQ(policy.actions[action]["allow_active"], wanted) << action;
        }
}

TEST(AuthorizationTable, PoolDecidesBetweenTheTwoWriteActions) {
        const AuthorizeRow *set = authorize_find(HVUTILS_INTERFACE_POOL, "Set");
        AuthorizeTarget guest = {}, host = {};
        host.host_pool = true;

        EXPECT_STREQ(authorize_action(set, &guest), HVUTILS_ACTION_KVP_WRITE);
        EXPECT_STREQ(authorize_action(set, &host), HVUTILS_ACTION_KVP_WRITE_HOST_POOL);
}

TEST(AuthorizationTable, ReadingNeedsAnActionOnlyForAPrivateFile) {
        const AuthorizeRow *get = authorize_find(HVUTILS_INTERFACE_POOL, "Get");
        AuthorizeTarget open = {}, hidden = {};
        hidden.private_file = true;

        EXPECT_EQ(authorize_action(get, &open), nullptr);
        EXPECT_STREQ(authorize_action(get, &hidden), HVUTILS_ACTION_KVP_READ_PRIVATE);
}

TEST(AuthorizationTable, MemberWithoutARowIsNotFound) {
        EXPECT_EQ(authorize_find(HVUTILS_INTERFACE_POOL, "Format"), nullptr);
}
