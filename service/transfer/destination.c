/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/transfer/destination.h"

#include <string.h>

#include "common/utf16.h"

void destination_done(Destination *destination) {
        g_clear_pointer(&destination->parts, g_strfreev);
        g_clear_pointer(&destination->file_name, g_free);
}

/* No control character of either range: they could rewrite what a terminal shows of the name. */
static bool is_printable(const char *text) {
        if (!utf8_is_clean(text, strlen(text)))
                return false;

        for (const char *p = text; *p; p = g_utf8_next_char(p))
                if (g_unichar_iscntrl(g_utf8_get_char(p)))
                        return false;
        return true;
}

static bool is_separator(char c) {
        return c == '/' || c == '\\';
}

static bool has_drive(const char *path) {
        return g_ascii_isalpha(path[0]) && path[1] == ':';
}

static bool is_share(const char *path) {
        return path[0] == '\\' && path[1] == '\\';
}

static bool is_component(const char *name) {
        return *name != '\0' && strlen(name) <= DESTINATION_COMPONENT_MAX && strcmp(name, ".") != 0 &&
               strcmp(name, "..") != 0;
}

/* Components without the empty ones and "."; NULL when one of them may not be. */
static char **split(const char *path) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) words = g_strsplit_set(path, "/\\", -1);

        for (char **word = words; *word; word++) {
                if (**word == '\0' || strcmp(*word, ".") == 0)
                        continue;
                if (!is_component(*word))
                        return NULL;
                g_strv_builder_add(builder, *word);
        }
        return g_strv_builder_end(builder);
}

/* "dir/." and "." name a directory as "dir/" does. */
static bool names_directory(const char *path) {
        size_t n = strlen(path);

        if (n > 0 && path[n - 1] == '.' && (n == 1 || is_separator(path[n - 2])))
                return true;
        return n > 0 && is_separator(path[n - 1]);
}

TransferOutcome destination_parse(const char *path_name, const char *file_name, Destination *ret) {
        g_auto(Destination) destination = { 0 };

        if (!is_printable(path_name) || !is_printable(file_name))
                return TRANSFER_E_NAME;
        if (*path_name == '\0' || has_drive(path_name) || is_share(path_name))
                return TRANSFER_E_NAME;
        if (!is_component(file_name) || strpbrk(file_name, "/\\"))
                return TRANSFER_E_NAME;

        destination.absolute = is_separator(*path_name);
        destination.directory = names_directory(path_name);
        destination.file_name = g_strdup(file_name);
        destination.parts = split(path_name);
        if (!destination.parts)
                return TRANSFER_E_NAME;

        *ret = destination;
        destination = (Destination){ 0 };
        return TRANSFER_OK;
}

bool destination_is_below(const Destination *destination, const char *root, size_t *ret_skip) {
        g_auto(GStrv) parts = split(root);
        size_t i = 0;

        if (!destination->absolute || !parts)
                return false;
        for (; parts[i]; i++)
                if (!destination->parts[i] || strcmp(parts[i], destination->parts[i]) != 0)
                        return false;

        *ret_skip = i;
        return true;
}
