/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/engine.h"

#include <errno.h>
#include <string.h>

#include "common/utf16.h"

#define READ_WRITE (KVP_RIGHT_READ | KVP_RIGHT_WRITE)

static const unsigned rights_table[][_KVP_POOL_ID_MAX] = {
        [KVP_SPEAKER_HOST] = {
                [KVP_POOL_ID_EXTERNAL] = READ_WRITE,
                [KVP_POOL_ID_GUEST] = KVP_RIGHT_READ,
                [KVP_POOL_ID_AUTO] = KVP_RIGHT_READ,
                [KVP_POOL_ID_AUTO_EXTERNAL] = READ_WRITE,
                [KVP_POOL_ID_AUTO_INTERNAL] = KVP_RIGHT_NONE,
        },
        [KVP_SPEAKER_GUEST] = {
                [KVP_POOL_ID_EXTERNAL] = READ_WRITE,
                [KVP_POOL_ID_GUEST] = READ_WRITE,
                [KVP_POOL_ID_AUTO] = KVP_RIGHT_READ,
                [KVP_POOL_ID_AUTO_EXTERNAL] = READ_WRITE,
                [KVP_POOL_ID_AUTO_INTERNAL] = KVP_RIGHT_READ,
        },
};

unsigned kvp_engine_rights(KvpSpeaker speaker, KvpPool pool, bool host_writes) {
        unsigned rights = rights_table[speaker][pool];

        if (speaker == KVP_SPEAKER_HOST && !host_writes)
                rights &= ~(unsigned)KVP_RIGHT_WRITE;
        return rights;
}

static bool operation_changes(KvpOperation operation) {
        return operation == KVP_OPERATION_SET || operation == KVP_OPERATION_REMOVE;
}

KvpOutcome kvp_engine_permit(KvpSpeaker speaker, KvpOperation operation, KvpPool pool, bool host_writes) {
        unsigned rights = kvp_engine_rights(speaker, pool, host_writes);

        if (operation_changes(operation))
                return rights & KVP_RIGHT_WRITE ? KVP_OK : KVP_E_READ_ONLY;
        return rights & KVP_RIGHT_READ ? KVP_OK : KVP_E_NOT_FOUND;
}

static bool value_is(const KvpView *view, const char *value, size_t size) {
        return view->current && view->current_size == size && memcmp(view->current, value, size) == 0;
}

static KvpDecision decide_set(const KvpQuestion *question, const KvpView *view) {
        if ((question->flags & KVP_WRITE_CREATE_ONLY) && view->current)
                return (KvpDecision){ KVP_E_EXISTS, KVP_EFFECT_NONE };
        if (value_is(view, question->value, question->value_size))
                return (KvpDecision){ KVP_OK, KVP_EFFECT_NONE };
        return (KvpDecision){ KVP_OK, KVP_EFFECT_PUT };
}

static KvpDecision decide_change(const KvpQuestion *question, const KvpView *view) {
        if (question->operation == KVP_OPERATION_SET)
                return decide_set(question, view);
        return (KvpDecision){ KVP_OK, KVP_EFFECT_REMOVE };
}

KvpDecision kvp_engine_decide(const KvpQuestion *question, const KvpView *view) {
        KvpOutcome permit =
                kvp_engine_permit(question->speaker, question->operation, question->pool, view->host_writes);
        bool expects = question->flags & KVP_WRITE_EXPECT;

        if (permit != KVP_OK)
                return (KvpDecision){ permit, KVP_EFFECT_NONE };
        if (!view->current && (question->operation != KVP_OPERATION_SET || expects))
                return (KvpDecision){ KVP_E_NOT_FOUND, KVP_EFFECT_NONE };
        if (!operation_changes(question->operation))
                return (KvpDecision){ KVP_OK, KVP_EFFECT_SHOW };
        if (expects && !value_is(view, question->expected, strlen(question->expected)))
                return (KvpDecision){ KVP_E_CHANGED, KVP_EFFECT_NONE };
        return decide_change(question, view);
}

static bool too_long(const char *text, size_t bytes_max, size_t units_max, unsigned flags,
                     size_t *ret_count) {
        size_t n = strlen(text);
        size_t found = flags & KVP_WRITE_LONG ? n : utf16_units(text, n);
        size_t limit = flags & KVP_WRITE_LONG ? bytes_max : units_max;

        if (found > limit || n > bytes_max) {
                if (ret_count)
                        *ret_count = found > limit ? found : n;
                return true;
        }
        return false;
}

KvpOutcome kvp_engine_check_text(const char *key, const char *value, unsigned flags, size_t *ret_count) {
        if (!key || key[0] == '\0' || !utf8_is_clean(key, strlen(key)))
                return KVP_E_INVALID;
        if (value && !utf8_is_clean(value, strlen(value)))
                return KVP_E_INVALID;
        /* A key that somebody else wrote over-long must still be removable. */
        if (too_long(key, RECORD_KEY_MAX, RECORD_KEY_UNITS_MAX, value ? flags : KVP_WRITE_LONG, ret_count))
                return KVP_E_KEY_TOO_LONG;
        if (value && too_long(value, RECORD_VALUE_MAX, RECORD_VALUE_UNITS_MAX, flags, ret_count))
                return KVP_E_VALUE_TOO_LONG;
        return KVP_OK;
}

WireStatus kvp_engine_status(int result) {
        if (result == KVP_OK)
                return WIRE_STATUS_OK;
        return result == KVP_E_NOT_FOUND ? WIRE_STATUS_NO_MORE : WIRE_STATUS_FAIL;
}

KvpOutcome kvp_engine_outcome_of_errno(int error) {
        switch (error) {
        case -ENOENT:
                return KVP_E_NOT_FOUND;
        case -EDQUOT:
                return KVP_E_FULL;
        case -EROFS:
                return KVP_E_FROZEN;
        case -EAGAIN:
                return KVP_E_BUSY;
        default:
                return KVP_E_STORAGE;
        }
}
