/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/network/resolv-conf.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/file-util.h"

#define FILE_MAX (64 * 1024)

static const char *const paths[] = {
        "/etc/resolv.conf",
        "/run/systemd/resolve/resolv.conf",
        "/run/NetworkManager/resolv.conf",
};

typedef struct ConfFile {
        char *path;
        struct stat status;
        GArray *servers; /* IpAddress */
} ConfFile;

struct ResolvConf {
        ConfFile files[G_N_ELEMENTS(paths)];
};

ResolvConf *resolv_conf_new(const char *root) {
        ResolvConf *conf = g_new0(ResolvConf, 1);

        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
                conf->files[i].path = g_strconcat(root, paths[i], NULL);
                conf->files[i].servers = g_array_new(FALSE, FALSE, sizeof(IpAddress));
        }
        return conf;
}

ResolvConf *resolv_conf_free(ResolvConf *conf) {
        if (!conf)
                return NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
                g_free(conf->files[i].path);
                g_array_unref(conf->files[i].servers);
        }
        g_free(conf);
        return NULL;
}

/* "nameserver fe80::1%eth0": the scope is not for the host. */
static void take_line(GArray *servers, const char *line) {
        g_auto(GStrv) words = g_strsplit_set(line, " \t\r%", 4);
        IpAddress address = { .family = AF_INET };
        const char *word = NULL;

        if (!words[0] || strcmp(words[0], "nameserver") != 0)
                return;
        for (char **w = words + 1; *w && !word; w++)
                word = **w ? *w : NULL;
        if (!word || servers->len >= IP_DNS_MAX)
                return;
        if (inet_pton(AF_INET, word, &address.in) != 1) {
                address = (IpAddress){ .family = AF_INET6 };
                if (inet_pton(AF_INET6, word, &address.in6) != 1)
                        return;
        }
        g_array_append_val(servers, address);
}

static void read_servers(ConfFile *file) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        size_t n;

        g_array_set_size(file->servers, 0);
        if (read_file_at(AT_FDCWD, file->path, FILE_MAX, &text, &n) < 0)
                return;
        lines = g_strsplit(text, "\n", 0);
        for (char **line = lines; *line; line++)
                take_line(file->servers, *line);
}

static bool same_status(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
               a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static const GArray *current_servers(ConfFile *file) {
        struct stat status;

        if (stat(file->path, &status) < 0 || !S_ISREG(status.st_mode))
                memset(&status, 0, sizeof status);
        if (!same_status(&status, &file->status)) {
                file->status = status;
                read_servers(file);
        }
        return file->servers;
}

static bool is_loopback(const IpAddress *address) {
        return address->family == AF_INET ? ntohl(address->in.s_addr) >> 24 == IN_LOOPBACKNET
                                          : IN6_IS_ADDR_LOOPBACK(&address->in6);
}

static void take_servers(const GArray *servers, bool loopback, IpSettings *settings) {
        for (guint i = 0; i < servers->len && settings->n_dns < IP_DNS_MAX; i++) {
                const IpAddress *server = &g_array_index(servers, IpAddress, i);

                if (is_loopback(server) == loopback)
                        settings->dns[settings->n_dns++] = *server;
        }
}

void resolv_conf_describe(ResolvConf *conf, IpSettings *settings) {
        for (size_t i = 0; i < G_N_ELEMENTS(paths) && settings->n_dns == 0; i++)
                take_servers(current_servers(&conf->files[i]), false, settings);
        if (settings->n_dns == 0)
                take_servers(conf->files[0].servers, true, settings);
}
