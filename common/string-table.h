/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An enum and its words. The words are the ones that travel: on the bus, in JSON, in the configuration. The enum ends in
 * `PREFIX_MAX, PREFIX_INVALID = -EINVAL`, so that an unknown word *is* a negative errno.
 *
 *      static const char *const kvp_pool_table[KVP_POOL_MAX] = { [KVP_POOL_GUEST] = "guest", … };
 *      DEFINE_STRING_TABLE_LOOKUP(kvp_pool, KvpPool);
 */

#include <errno.h>
#include <glib.h>

G_BEGIN_DECLS

/* Index of word in the table of n entries (holes are NULL), or -EINVAL; word may be NULL. */
int string_table_find(const char *const *table, size_t n, const char *word);

G_END_DECLS

#define DECLARE_STRING_TABLE_LOOKUP(name, Type)                                                              \
        const char *name##_to_string(Type value);                                                            \
        Type name##_from_string(const char *word)

#define DEFINE_STRING_TABLE_LOOKUP_SCOPE(scope, name, Type)                                                  \
        scope const char *name##_to_string(Type value) {                                                     \
                if (value < 0 || (size_t) value >= G_N_ELEMENTS(name##_table))                               \
                        return NULL;                                                                         \
                return name##_table[value];                                                                  \
        }                                                                                                    \
        scope Type name##_from_string(const char *word) {                                                    \
                return (Type) string_table_find(name##_table, G_N_ELEMENTS(name##_table), word);             \
        }

#define DEFINE_STRING_TABLE_LOOKUP(name, Type)         DEFINE_STRING_TABLE_LOOKUP_SCOPE(, name, Type)
#define DEFINE_PRIVATE_STRING_TABLE_LOOKUP(name, Type) DEFINE_STRING_TABLE_LOOKUP_SCOPE(static, name, Type)
