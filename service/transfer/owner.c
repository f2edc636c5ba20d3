/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* (uid_t) -1 means "leave it" to chown(). */
static bool parse_number(const char *word, uint32_t *ret) {
        guint64 number;

        if (!g_ascii_string_to_unsigned(word, 10, 0, UINT32_MAX - 1, &number, NULL))
                return false;
        *ret = (uint32_t) number;
        return true;
}

static int parse_user(const char *word, uid_t *ret_uid, gid_t *ret_gid) {
        const struct passwd *entry = getpwnam(word);

        if (entry) {
                *ret_uid = entry->pw_uid;
                *ret_gid = entry->pw_gid;
                return 0;
        }
        if (!parse_number(word, ret_uid))
                return -ENOENT;
        entry = getpwuid(*ret_uid);
        *ret_gid = entry ? entry->pw_gid : 0;
        return 0;
}

static int parse_group(const char *word, gid_t *ret) {
        const struct group *entry = getgrnam(word);

        if (entry) {
                *ret = entry->gr_gid;
                return 0;
        }
        return parse_number(word, ret) ? 0 : -ENOENT;
}

int transfer_owner_parse(const char *owner, uid_t *ret_uid, gid_t *ret_gid) {
        g_auto(GStrv) words = NULL;
        uid_t uid = 0;
        gid_t gid = 0;
        int r;

        if (owner && *owner) {
                words = g_strsplit(owner, ":", 2);
                r = parse_user(words[0], &uid, &gid);
                if (r < 0)
                        return r;
                r = words[1] ? parse_group(words[1], &gid) : 0;
                if (r < 0)
                        return r;
        }

        *ret_uid = uid;
        *ret_gid = gid;
        return 0;
}
