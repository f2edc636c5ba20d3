/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/kvp/auto.h"

#include <errno.h>
#include <string.h>

#include "common/utf16.h"

#define VERSION_SIZE 64

static const char *const fact_names[_KVP_FACT_MAX] = {
        [KVP_FACT_FQDN] = "FullyQualifiedDomainName",
        [KVP_FACT_INTEGRATION_VERSION] = "IntegrationServicesVersion",
        [KVP_FACT_IPV4] = "NetworkAddressIPv4",
        [KVP_FACT_IPV6] = "NetworkAddressIPv6",
        [KVP_FACT_BUILD_NUMBER] = "OSBuildNumber",
        [KVP_FACT_NAME] = "OSName",
        [KVP_FACT_MAJOR_VERSION] = "OSMajorVersion",
        [KVP_FACT_MINOR_VERSION] = "OSMinorVersion",
        [KVP_FACT_VERSION] = "OSVersion",
        [KVP_FACT_ARCHITECTURE] = "ProcessorArchitecture",
};

struct KvpAuto {
        KvpFacts facts;
        uint64_t generation;
        char version[VERSION_SIZE];
        char answer[RECORD_VALUE_SIZE];
        char told[_KVP_FACT_MAX][RECORD_VALUE_SIZE]; /* what watchers know */
};

static const char *fact_raw(KvpAuto *autos, KvpFact fact) {
        const char *value;

        if (fact == KVP_FACT_INTEGRATION_VERSION)
                return autos->version;
        if (!autos->facts.get)
                return "";
        value = autos->facts.get(fact, autos->facts.userdata);
        return value ? value : "";
}

/* Length of the text without the address that was cut in two. */
static size_t whole_addresses(const char *text, size_t length) {
        if (text[length] == '\0' || text[length] == ';')
                return length;
        while (length > 0 && text[length] != ';')
                length--;
        return length;
}

static const char *fact_value(KvpAuto *autos, KvpFact fact) {
        const char *raw = fact_raw(autos, fact);
        size_t length = utf8_prefix(raw, strlen(raw), RECORD_VALUE_UNITS_MAX, RECORD_VALUE_MAX);

        if (fact == KVP_FACT_IPV4 || fact == KVP_FACT_IPV6)
                length = whole_addresses(raw, length);
        memcpy(autos->answer, raw, length);
        autos->answer[length] = '\0';
        return autos->answer;
}

KvpAuto *kvp_auto_new(const KvpFacts *facts) {
        KvpAuto *autos = g_new0(KvpAuto, 1);
        const char *ignored[_KVP_FACT_MAX + 1];

        autos->facts = *facts;
        (void)kvp_auto_refresh(autos, ignored);
        autos->generation = 1;
        return autos;
}

KvpAuto *kvp_auto_free(KvpAuto *autos) {
        g_free(autos);
        return NULL;
}

void kvp_auto_set_version(KvpAuto *autos, const char *version) {
        g_strlcpy(autos->version, version, sizeof autos->version);
}

int kvp_auto_get_record(KvpAuto *autos, uint32_t index, const char **ret_key, const char **ret_value) {
        if (index >= _KVP_FACT_MAX)
                return -ENOENT;

        *ret_key = fact_names[index];
        *ret_value = fact_value(autos, (KvpFact)index);
        return 0;
}

int kvp_auto_get(KvpAuto *autos, const char *key, const char **ret_value) {
        int fact = string_table_find(fact_names, G_N_ELEMENTS(fact_names), key);

        if (fact < 0)
                return -ENOENT;
        *ret_value = fact_value(autos, (KvpFact)fact);
        return 0;
}

unsigned kvp_auto_refresh(KvpAuto *autos, const char *ret_keys[_KVP_FACT_MAX + 1]) {
        unsigned n = 0;

        for (int fact = 0; fact < _KVP_FACT_MAX; fact++) {
                const char *value = fact_value(autos, (KvpFact)fact);

                if (strcmp(autos->told[fact], value) == 0)
                        continue;
                strcpy(autos->told[fact], value);
                ret_keys[n++] = fact_names[fact];
        }
        ret_keys[n] = NULL;
        autos->generation += n > 0;
        return n;
}

uint64_t kvp_auto_get_generation(const KvpAuto *autos) {
        return autos->generation;
}
