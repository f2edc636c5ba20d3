/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "common/config-file.h"
#include "common/log.h"
#include "common/names.h"
#include "common/units.h"

#define MSEC(n) ((n) *USEC_PER_MSEC)
#define SEC(n)  ((n) *USEC_PER_SEC)

#define VSS_FREEZE_TIMEOUT_USEC SEC(UINT64_C(15) * 60) /* the driver thaws by itself after that */

/* Interfaces of containers and virtual machines, which say nothing about this guest. */
#define EXCLUDED_INTERFACES "veth* docker* virbr* antrea-* cali* br-* podman* cni*"

static const char *const sync_policy_table[_SYNC_MAX] = {
        [SYNC_ALWAYS] = "always",
        [SYNC_INTERVAL] = "interval",
        [SYNC_NEVER] = "never",
};
static const char *const hook_failure_table[_HOOK_FAILURE_MAX] = {
        [HOOK_FAILURE_ABORT] = "abort",
        [HOOK_FAILURE_IGNORE] = "ignore",
};
static const char *const accept_policy_table[_ACCEPT_MAX] = {
        [ACCEPT_ALWAYS] = "always",
        [ACCEPT_NEVER] = "never",
};
static const char *const injection_policy_table[_INJECTION_MAX] = {
        [INJECTION_ALLOW] = "allow",
        [INJECTION_DENY] = "deny",
};
static const char *const late_policy_table[_LATE_MAX] = {
        [LATE_APPLY] = "apply",
        [LATE_DROP] = "drop",
};

DEFINE_STRING_TABLE_LOOKUP(sync_policy, SyncPolicy)
DEFINE_STRING_TABLE_LOOKUP(hook_failure, HookFailure)
DEFINE_STRING_TABLE_LOOKUP(accept_policy, AcceptPolicy)
DEFINE_STRING_TABLE_LOOKUP(injection_policy, InjectionPolicy)
DEFINE_STRING_TABLE_LOOKUP(late_policy, LatePolicy)

/* One row per key: where it stands, what it may say, where it goes. A parser returns NULL, or the sentence to
 * complain with, and leaves the target alone then. */
typedef struct Setting Setting;
typedef const char *(*SettingParser)(const Setting *setting, const char *value, void *target);

struct Setting {
        const char *section, *key;
        SettingParser parse;
        size_t offset;
        uint64_t minimum, maximum; /* of times and numbers */
        const char *const *words;  /* of enums */
        size_t n_words;
};

static const char *set_boolean(const Setting *setting, const char *value, void *target) {
        int r = parse_boolean(value);

        if (r < 0)
                return "not yes or no";
        *(bool *) target = r > 0;
        return NULL;
}

static const char *set_word(const Setting *setting, const char *value, void *target) {
        int index = string_table_find(setting->words, setting->n_words, value);

        if (index < 0)
                return "not one of the words that are allowed here";
        *(int *) target = index;
        return NULL;
}

static const char *check_range(const Setting *setting, uint64_t number) {
        if (number < setting->minimum)
                return "less than is allowed";
        return number > setting->maximum ? "more than is allowed" : NULL;
}

static const char *set_time(const Setting *setting, const char *value, void *target) {
        const char *sentence;
        uint64_t usec;

        if (parse_time(value, &usec) < 0)
                return "not a time";
        sentence = check_range(setting, usec);
        if (!sentence)
                *(uint64_t *) target = usec;
        return sentence;
}

static const char *set_count(const Setting *setting, const char *value, void *target) {
        const char *sentence;
        uint64_t count;

        if (!g_ascii_string_to_unsigned(value, 10, 0, UINT32_MAX, &count, NULL))
                return "not a number";
        sentence = check_range(setting, count);
        if (!sentence)
                *(uint32_t *) target = (uint32_t) count;
        return sentence;
}

static const char *set_mode(const Setting *setting, const char *value, void *target) {
        uint64_t mode;

        if (!g_ascii_string_to_unsigned(value, 8, 0, 0777, &mode, NULL))
                return "not an octal mode up to 0777";
        *(uint32_t *) target = (uint32_t) mode;
        return NULL;
}

static const char *set_size(const Setting *setting, const char *value, void *target) {
        uint64_t bytes = UINT64_MAX;

        if (*value && parse_size(value, &bytes) < 0)
                return "not a size";
        *(uint64_t *) target = bytes;
        return NULL;
}

static void replace_string(char **target, const char *value) {
        g_free(*target);
        *target = g_strdup(*value ? value : NULL);
}

/* Whether such a user exists is seen when it is used: a look-up may wait for a directory server. */
static const char *set_owner(const Setting *setting, const char *value, void *target) {
        const char *colon = strchr(value, ':');

        if (strpbrk(value, " \t/") || colon == value || (colon && (!colon[1] || strchr(colon + 1, ':'))))
                return "not a user or user:group";
        replace_string(target, value);
        return NULL;
}

static const char *set_configurator(const Setting *setting, const char *value, void *target) {
        if (!g_str_equal(value, "auto") && sd_bus_service_name_is_valid(value) <= 0)
                return "neither auto nor a bus name";
        replace_string(target, value);
        return NULL;
}

static void replace_list(char ***target, char **words) {
        g_strfreev(*target);
        *target = words;
}

static const char *set_list(const Setting *setting, const char *value, void *target) {
        g_autoptr(GError) error = NULL;
        char **words = NULL;

        if (!g_shell_parse_argv(value, NULL, &words, &error)) {
                if (!g_error_matches(error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
                        return "a quote is not closed";
                words = g_new0(char *, 1);
        }

        replace_list(target, words);
        return NULL;
}

static const char *set_paths(const Setting *setting, const char *value, void *target) {
        g_auto(GStrv) paths = NULL;
        const char *sentence = set_list(setting, value, &paths);

        if (sentence)
                return sentence;
        for (char **path = paths; *path; path++)
                if (!g_path_is_absolute(*path))
                        return "not a list of absolute paths";

        replace_list(target, g_steal_pointer(&paths));
        return NULL;
}

#define SETTING(section, key, parse, member, ...)                                                            \
        { section, key, parse, offsetof(Configuration, member), __VA_ARGS__ }
#define WORDS(table) 0, 0, table, G_N_ELEMENTS(table)

static const Setting settings[] = {
        SETTING("KVP", "HostWrites", set_boolean, kvp.host_writes),
        SETTING("KVP", "Sync", set_word, kvp.sync, WORDS(sync_policy_table)),
        SETTING("KVP", "MaximumRecords", set_count, kvp.maximum_records, 1, 1048576),
        SETTING("KVP", "LockTimeout", set_time, kvp.lock_timeout_usec, 0, SEC(15)),
        SETTING("Snapshot", "Enabled", set_boolean, snapshot.enabled),
        SETTING("Snapshot", "Watchdog", set_time, snapshot.watchdog_usec, MSEC(10), VSS_FREEZE_TIMEOUT_USEC),
        SETTING("Snapshot", "PrepareMax", set_time, snapshot.prepare_max_usec, 0, VSS_FREEZE_TIMEOUT_USEC),
        SETTING("Snapshot", "FreezeMax", set_time, snapshot.freeze_max_usec, MSEC(10),
                VSS_FREEZE_TIMEOUT_USEC),
        SETTING("Snapshot", "InhibitDelayMax", set_time, snapshot.inhibit_delay_usec, 0,
                VSS_FREEZE_TIMEOUT_USEC),
        SETTING("Snapshot", "HookTimeout", set_time, snapshot.hook_timeout_usec, MSEC(10),
                VSS_FREEZE_TIMEOUT_USEC),
        SETTING("Snapshot", "HookFailure", set_word, snapshot.hook_failure, WORDS(hook_failure_table)),
        SETTING("Snapshot", "Only", set_paths, snapshot.only),
        SETTING("Snapshot", "Exclude", set_list, snapshot.exclude),
        SETTING("Transfer", "Accept", set_word, transfer.accept, WORDS(accept_policy_table)),
        SETTING("Transfer", "AllowedRoots", set_paths, transfer.allowed_roots),
        SETTING("Transfer", "FileMode", set_mode, transfer.file_mode),
        SETTING("Transfer", "Owner", set_owner, transfer.owner),
        SETTING("Transfer", "MaximumSize", set_size, transfer.maximum_size),
        SETTING("Network", "Injection", set_word, network.injection, WORDS(injection_policy_table)),
        SETTING("Network", "Late", set_word, network.late, WORDS(late_policy_table)),
        SETTING("Network", "Configurator", set_configurator, network.configurator),
        SETTING("Network", "ExcludeInterfaces", set_list, network.exclude_interfaces),
        SETTING("Network", "PrimaryInterfaces", set_list, network.primary_interfaces),
};

/* life */

static char **list_of(const char *words) {
        return g_strsplit(words, " ", -1); /* "" gives an empty list */
}

Configuration *configuration_new(bool confidential) {
        Configuration *configuration = g_new(Configuration, 1);

        *configuration = (Configuration){
                .kvp = {
                        .host_writes = !confidential,
                        .sync = SYNC_INTERVAL,
                        .sync_interval_usec = SEC(1),
                        .maximum_records = 16384,
                        .lock_timeout_usec = SEC(2),
                },
                .snapshot = {
                        .enabled = true,
                        .watchdog_usec = SEC(60),
                        .prepare_max_usec = SEC(20),
                        .freeze_max_usec = SEC(10),
                        .inhibit_delay_usec = SEC(5),
                        .hook_timeout_usec = SEC(10),
                        .hook_failure = HOOK_FAILURE_ABORT,
                        .only = list_of(""),
                        .exclude = list_of(""),
                },
                .transfer = {
                        .accept = confidential ? ACCEPT_NEVER : ACCEPT_ALWAYS,
                        .allowed_roots = list_of("/"),
                        .file_mode = 0600,
                        .maximum_size = UINT64_MAX,
                },
                .network = {
                        .injection = confidential ? INJECTION_DENY : INJECTION_ALLOW,
                        .late = LATE_APPLY,
                        .configurator = g_strdup("auto"),
                        .exclude_interfaces = list_of(EXCLUDED_INTERFACES),
                        .primary_interfaces = list_of(""),
                },
        };

        return configuration;
}

Configuration *configuration_free(Configuration *configuration) {
        if (!configuration)
                return NULL;

        g_strfreev(configuration->snapshot.only);
        g_strfreev(configuration->snapshot.exclude);
        g_strfreev(configuration->transfer.allowed_roots);
        g_free(configuration->transfer.owner);
        g_free(configuration->network.configurator);
        g_strfreev(configuration->network.exclude_interfaces);
        g_strfreev(configuration->network.primary_interfaces);
        g_free(configuration);
        return NULL;
}

/* loading */

typedef struct Loading {
        Configuration *configuration;
        ConfigurationComplaint complain;
        void *userdata;
} Loading;

static const Setting *find_setting(const ConfigAssignment *assignment) {
        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
                if (g_str_equal(settings[i].section, assignment->section) &&
                    g_str_equal(settings[i].key, assignment->key))
                        return settings + i;
        return NULL;
}

static bool is_section(const char *name) {
        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
                if (g_str_equal(settings[i].section, name))
                        return true;
        return false;
}

static char *explain_unknown(const ConfigAssignment *assignment) {
        if (!is_section(assignment->section))
                return g_strdup_printf("unknown section [%s], ignoring %s=", assignment->section,
                                       assignment->key);
        return g_strdup_printf("unknown key %s= in [%s], ignoring", assignment->key, assignment->section);
}

static void apply_assignment(const Loading *loading, const char *path, const ConfigAssignment *assignment) {
        const Setting *setting = find_setting(assignment);
        g_autofree char *complaint = NULL;

        if (setting) {
                void *target = (char *) loading->configuration + setting->offset;
                const char *sentence = setting->parse(setting, assignment->value, target);

                if (sentence)
                        complaint = g_strdup_printf("%s=%s: %s, keeping the earlier value", assignment->key,
                                                    assignment->value, sentence);
        } else {
                complaint = explain_unknown(assignment);
        }

        if (complaint)
                loading->complain(path, assignment->line, complaint, loading->userdata);
}

static int apply_file(const Loading *loading, const char *path) {
        g_autoptr(GPtrArray) assignments = NULL;
        int r;

        r = config_file_read(path, loading->complain, loading->userdata, &assignments);
        if (r < 0) {
                g_autofree char *complaint = g_strdup_printf("cannot be read, ignoring: %s", g_strerror(-r));

                loading->complain(path, 0, complaint, loading->userdata);
                return r;
        }

        for (guint i = 0; i < assignments->len; i++)
                apply_assignment(loading, path, g_ptr_array_index(assignments, i));
        return 0;
}

int configuration_load(const char *file, const char *root, bool confidential, ConfigurationComplaint complain,
                       void *userdata, Configuration **ret) {
        Configuration *configuration = configuration_new(confidential);
        const Loading loading = { configuration, complain, userdata };
        g_autoptr(GPtrArray) files = NULL;
        int r = 0;

        if (file) {
                r = apply_file(&loading, file);
        } else {
                files = config_file_search(root);
                for (guint i = 0; i < files->len; i++)
                        (void) apply_file(&loading, g_ptr_array_index(files, i));
        }

        *ret = configuration;
        return r;
}

void configuration_log_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {
        const char *const *fields = LOG_FIELDS(HVUTILS_FIELD_PATH, file);

        if (line > 0)
                log_event(LOG_WARNING, HVUTILS_MESSAGE_CONFIGURATION, fields, "%s:%u: %s", file, line,
                          sentence);
        else
                log_event(LOG_WARNING, HVUTILS_MESSAGE_CONFIGURATION, fields, "%s: %s", file, sentence);
}
