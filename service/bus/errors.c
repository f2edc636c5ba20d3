/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/errors.h"

#include <errno.h>
#include <string.h>

#include "common/names.h"
#include "common/utf16.h"
#include "service/siblings/inhibitors.h"

static int error_key_too_long(sd_bus_error *error, const KvpWish *wish) {
        size_t bytes = strlen(wish->key), units = utf16_units(wish->key, bytes);

        if (!(wish->flags & KVP_WRITE_LONG) && units > RECORD_KEY_UNITS_MAX)
                return sd_bus_error_setf(error, HVUTILS_ERROR_KEY_TOO_LONG,
                                         "The key has %zu UTF-16 units; the host reads at most %d.", units,
                                         RECORD_KEY_UNITS_MAX);
        return sd_bus_error_setf(error, HVUTILS_ERROR_KEY_TOO_LONG,
                                 "The key has %zu bytes; a record holds at most %d.", bytes, RECORD_KEY_MAX);
}

static int error_value_too_long(sd_bus_error *error, const KvpWish *wish) {
        size_t bytes = strlen(wish->value), units = utf16_units(wish->value, bytes);

        if (!(wish->flags & KVP_WRITE_LONG) && units > RECORD_VALUE_UNITS_MAX)
                return sd_bus_error_setf(
                        error, HVUTILS_ERROR_VALUE_TOO_LONG,
                        "The value of key '%s' has %zu UTF-16 units; the host reads at most %d.", wish->key,
                        units, RECORD_VALUE_UNITS_MAX);
        return sd_bus_error_setf(error, HVUTILS_ERROR_VALUE_TOO_LONG,
                                 "The value of key '%s' has %zu bytes; a record holds at most %d.", wish->key,
                                 bytes, RECORD_VALUE_MAX);
}

static int error_invalid_pair(sd_bus_error *error, const KvpWish *wish) {
        if (!wish->key || wish->key[0] == '\0')
                return bus_error_invalid(error, "A key must not be empty.");
        return sd_bus_error_setf(error, HVUTILS_ERROR_INVALID,
                                 "Key and value must be UTF-8 text without NUL.");
}

static int error_storage(sd_bus_error *error, const KvpWish *wish, const char *why) {
        const char *problem = wish->problem && wish->problem[0] ? wish->problem : why;

        return sd_bus_error_setf(error, HVUTILS_ERROR_STORAGE, "The file of pool '%s' cannot be written: %s",
                                 wish->pool, problem);
}

static int error_outcome(sd_bus_error *error, KvpOutcome outcome, const KvpWish *wish) {
        switch (outcome) {
        case KVP_E_NOT_FOUND:
                return sd_bus_error_setf(error, HVUTILS_ERROR_NOT_FOUND, "There is no key '%s' in pool '%s'.",
                                         wish->key ?: "", wish->pool);
        case KVP_E_EXISTS:
                return sd_bus_error_setf(error, HVUTILS_ERROR_EXISTS, "Key '%s' exists in pool '%s' already.",
                                         wish->key ?: "", wish->pool);
        case KVP_E_CHANGED:
                return sd_bus_error_setf(error, HVUTILS_ERROR_CHANGED,
                                         "The value of key '%s' in pool '%s' is not the expected one.",
                                         wish->key ?: "", wish->pool);
        case KVP_E_INVALID:
                return error_invalid_pair(error, wish);
        case KVP_E_KEY_TOO_LONG:
                return error_key_too_long(error, wish);
        case KVP_E_VALUE_TOO_LONG:
                return error_value_too_long(error, wish);
        case KVP_E_READ_ONLY:
                return sd_bus_error_setf(error, HVUTILS_ERROR_READ_ONLY,
                                         "Pool '%s' cannot be changed from here.", wish->pool);
        case KVP_E_FULL:
                return sd_bus_error_setf(error, HVUTILS_ERROR_POOL_FULL,
                                         "Pool '%s' has as many records as MaximumRecords= allows.",
                                         wish->pool);
        case KVP_E_BUSY:
                return sd_bus_error_setf(error, HVUTILS_ERROR_BUSY,
                                         "Another program holds the lock of pool '%s'; try again.",
                                         wish->pool);
        case KVP_E_FROZEN:
                return sd_bus_error_setf(
                        error, HVUTILS_ERROR_FROZEN,
                        "File systems are frozen and there is no room to note a change of pool '%s'.",
                        wish->pool);
        case KVP_E_STORAGE:
                return error_storage(error, wish, "the disk is full or the file is gone.");
        case KVP_OK:
        case _KVP_OUTCOME_MAX:
                break;
        }
        return sd_bus_error_setf(error, HVUTILS_ERROR_FAILED, "The change of pool '%s' failed.", wish->pool);
}

int bus_error_kvp(sd_bus_error *error, int result, const KvpWish *wish) {
        if (result == -ENOMEM || result == -EINVAL)
                return bus_error_errno(error, result, "The pool was not changed");
        if (result < 0)
                return error_storage(error, wish, g_strerror(-result));
        return error_outcome(error, (KvpOutcome) result, wish);
}

int bus_error_limit(sd_bus_error *error, BusLimit limit) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_LIMITS_EXCEEDED, "Too many %s.",
                                 bus_limit_description(limit));
}

int bus_error_many(sd_bus_error *error, size_t n) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_LIMITS_EXCEEDED,
                                 "Too many pairs in one call: %zu, at most %d.", n, KVP_PAIRS_MAX);
}

int bus_error_too_large(sd_bus_error *error, const char *pool) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_TOO_LARGE,
                                 "Pool '%s' holds more than %zu MiB; ask for single keys.", pool,
                                 BUS_ANSWER_MAX / (1024 * 1024));
}

int bus_error_invalid(sd_bus_error *error, const char *sentence) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_INVALID, "%s", sentence);
}

int bus_error_errno(sd_bus_error *error, int r, const char *what) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_FAILED, "%s: %s.", what, g_strerror(-r));
}

int bus_error_snapshot_unavailable(sd_bus_error *error) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_UNAVAILABLE,
                                 "hvutils-snapshotd is not there: no snapshot can be taken.");
}

int bus_error_not_owner(sd_bus_error *error) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_NOT_OWNER,
                                 "Only who called Freeze() may thaw, on the same connection.");
}

int bus_error_preparing(sd_bus_error *error) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_BUSY,
                                 "A snapshot is under way: it can no longer be delayed.");
}

int bus_error_inhibitors(sd_bus_error *error) {
        return sd_bus_error_setf(error, HVUTILS_ERROR_LIMITS_EXCEEDED,
                                 "Too many inhibitors (%d in all, %d for each user).", INHIBITORS_MAX,
                                 INHIBITORS_PER_UID_MAX);
}

static const char *sibling_error_name(int result) {
        switch (-result) {
        case EBUSY:
        case EAGAIN:
        case EALREADY:
                return HVUTILS_ERROR_BUSY;
        case ENOENT:
        case ENODEV:
        case ENXIO:
        case ESRCH:
                return HVUTILS_ERROR_NOT_FOUND;
        case EINVAL:
        case EPERM: /* a mount that may not be frozen */
                return HVUTILS_ERROR_INVALID;
        case EACCES:
                return HVUTILS_ERROR_NOT_OWNER;
        case ENOTCONN:
        case ETIMEDOUT:
        case EOPNOTSUPP:
                return HVUTILS_ERROR_UNAVAILABLE;
        }
        return HVUTILS_ERROR_FAILED;
}

int bus_error_snapshot(sd_bus_error *error, int result, const char *sentence) {
        if (result == -ENOTCONN)
                return bus_error_snapshot_unavailable(error);
        if (sentence && sentence[0])
                return sd_bus_error_setf(error, sibling_error_name(result), "%s", sentence);
        return sd_bus_error_setf(error, sibling_error_name(result), "hvutils-snapshotd refused: %s.",
                                 g_strerror(-result));
}

int bus_error_transfer(sd_bus_error *error, int result, const char *sentence) {
        if (result == -ENOTCONN)
                return sd_bus_error_setf(error, HVUTILS_ERROR_UNAVAILABLE,
                                         "hvutils-transferd is not there: no file is received.");
        if (sentence && sentence[0])
                return sd_bus_error_setf(error, sibling_error_name(result), "%s", sentence);
        return sd_bus_error_setf(error, sibling_error_name(result), "hvutils-transferd refused: %s.",
                                 g_strerror(-result));
}

static const char *const denial_table[_BUS_DENIAL_MAX] = {
        [BUS_DENIAL_NO] = "polkit refused",
        [BUS_DENIAL_PASSWORD] = "authentication is needed, and the caller did not allow to ask for it",
        [BUS_DENIAL_DISMISSED] = "nobody authenticated",
        [BUS_DENIAL_NOBODY] = "polkit is not there or does not know the action",
        [BUS_DENIAL_TIME] = "polkit did not answer in time",
        [BUS_DENIAL_FROZEN] = "polkit did not answer while file systems are frozen; try again after the thaw",
};

const char *bus_denial_reason(BusDenial denial) {
        return denial_table[denial];
}

int bus_error_denied(sd_bus_error *error, BusDenial denial, const char *action, const char *pool,
                     const char *key) {
        const char *reason = bus_denial_reason(denial);

        if (denial == BUS_DENIAL_FROZEN)
                return sd_bus_error_setf(error, HVUTILS_ERROR_FROZEN, "Not authorized (%s): %s.", action,
                                         reason);
        if (pool && key && key[0])
                return sd_bus_error_setf(error, HVUTILS_ERROR_NOT_AUTHORIZED,
                                         "Not authorized for key '%s' in pool '%s' (%s): %s.", key, pool,
                                         action, reason);
        if (pool)
                return sd_bus_error_setf(error, HVUTILS_ERROR_NOT_AUTHORIZED,
                                         "Not authorized for pool '%s' (%s): %s.", pool, action, reason);
        return sd_bus_error_setf(error, HVUTILS_ERROR_NOT_AUTHORIZED, "Not authorized (%s): %s.", action,
                                 reason);
}
