/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus/limit.h"

static const struct {
        unsigned total, per_sender;
        const char *description;
} limit_table[_BUS_LIMIT_MAX] = {
        [BUS_LIMIT_QUESTIONS] = { 32, 4, "pending authorizations (32 in all, 4 for each caller)" },
        [BUS_LIMIT_CALLS] = { 128, 128, "waiting calls (128 in all)" },
        [BUS_LIMIT_LISTINGS] = { 128, 1, "long answers being put together (one for each caller)" },
};

/* What one sender holds; forgotten when it holds nothing, so that callers come and go without a trace. */
typedef struct Account {
        unsigned held[_BUS_LIMIT_MAX];
        unsigned sum;
} Account;

struct BusLimits {
        GHashTable *accounts; /* sender -> Account */
        unsigned held[_BUS_LIMIT_MAX];
};

struct BusCharge {
        BusLimits *limits;
        BusLimit limit;
        char *sender;
};

BusLimits *bus_limits_new(void) {
        BusLimits *limits = g_new0(BusLimits, 1);

        limits->accounts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return limits;
}

BusLimits *bus_limits_free(BusLimits *limits) {
        if (!limits)
                return NULL;
        g_assert(g_hash_table_size(limits->accounts) == 0);
        g_hash_table_unref(limits->accounts);
        g_free(limits);
        return NULL;
}

static Account *limits_account(BusLimits *limits, const char *sender) {
        Account *account = g_hash_table_lookup(limits->accounts, sender);

        if (!account) {
                account = g_new0(Account, 1);
                g_hash_table_insert(limits->accounts, g_strdup(sender), account);
        }
        return account;
}

BusCharge *bus_charge_new(BusLimits *limits, BusLimit limit, const char *sender) {
        const Account *known = g_hash_table_lookup(limits->accounts, sender);
        Account *account;
        BusCharge *charge;

        if (limits->held[limit] >= limit_table[limit].total)
                return NULL;
        if (known && known->held[limit] >= limit_table[limit].per_sender)
                return NULL;

        account = limits_account(limits, sender);
        account->held[limit]++;
        account->sum++;
        limits->held[limit]++;

        charge = g_new0(BusCharge, 1);
        *charge = (BusCharge){ limits, limit, g_strdup(sender) };
        return charge;
}

BusCharge *bus_charge_free(BusCharge *charge) {
        Account *account;

        if (!charge)
                return NULL;
        account = g_hash_table_lookup(charge->limits->accounts, charge->sender);
        account->held[charge->limit]--;
        charge->limits->held[charge->limit]--;
        if (--account->sum == 0)
                g_hash_table_remove(charge->limits->accounts, charge->sender);
        g_free(charge->sender);
        g_free(charge);
        return NULL;
}

const char *bus_limit_description(BusLimit limit) {
        return limit_table[limit].description;
}
