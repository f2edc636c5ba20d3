/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "common/log.h"
#include "configurators/networkd/file-store.h"

#define SUFFIX_BEFORE ".before"
#define ETHERNET_SIZE 6

/* --- which file --- */

typedef struct PermanentAddress {
        struct ethtool_perm_addr header;
        uint8_t bytes[32];
} PermanentAddress;

/* The address the device was made with. Virtual cables have none. */
static int read_permanent(const char *interface, uint8_t ret[ETHERNET_SIZE]) {
        static const uint8_t none[ETHERNET_SIZE];
        PermanentAddress address = { .header = { .cmd = ETHTOOL_GPERMADDR, .size = sizeof address.bytes } };
        struct ifreq request = { .ifr_data = (void *) &address };
        auto_fd fd =
                socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); /* the unit allows no AF_INET */

        g_strlcpy(request.ifr_name, interface, sizeof request.ifr_name);
        if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
                return -errno;
        if (address.header.size != ETHERNET_SIZE || memcmp(address.bytes, none, ETHERNET_SIZE) == 0)
                return -ENODATA;
        memcpy(ret, address.bytes, ETHERNET_SIZE);
        return 0;
}

static char *mac_text(const uint8_t mac[ETHERNET_SIZE]) {
        return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                               mac[5]);
}

static char *read_current(const char *interface) {
        g_autofree char *path = g_strdup_printf("/sys/class/net/%s/address", interface), *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) ? g_strdup(g_strstrip(text)) : NULL;
}

/* A virtual function of SR-IOV has the MAC of its synthetic device; the driver tells them apart. */
static char *driver_line(const char *interface) {
        g_autofree char *path = g_strdup_printf("/sys/class/net/%s/device/driver", interface);
        g_autofree char *target = g_file_read_link(path, NULL),
                        *driver = target ? g_path_get_basename(target) : NULL;

        return driver ? g_strdup_printf("Driver=%s\n", driver) : g_strdup("");
}

int file_store_identify(const char *interface, char **ret_match, char **ret_path) {
        uint8_t permanent[ETHERNET_SIZE] = { 0 };
        bool has_permanent = read_permanent(interface, permanent) >= 0;
        g_autofree char *mac = has_permanent ? mac_text(permanent) : read_current(interface), *plain = NULL,
                        *driver = driver_line(interface);

        if (!mac)
                return -ENODEV;
        plain = g_strdelimit(g_strdup(mac), ":", '-');
        *ret_match = g_strdup_printf("%s=%s\n%s", has_permanent ? "PermanentMACAddress" : "MACAddress", mac,
                                     driver);
        *ret_path = g_strdup_printf(NETWORKD_DIRECTORY "/05-hyperv-%s.network", plain);
        return 0;
}

/* --- there and back --- */

int file_store_begin(const char *path, const char *text) {
        g_autofree char *before = g_strconcat(path, SUFFIX_BEFORE, NULL), *old = NULL;
        size_t n = 0;
        int r;

        (void) g_file_get_contents(path, &old, &n, NULL);
        r = write_file_atomic(before, old ?: "", n, 0644, true);
        if (r < 0)
                return r;
        return write_file_atomic(path, text, strlen(text), 0644, true);
}

int file_store_commit(const char *path) {
        g_autofree char *before = g_strconcat(path, SUFFIX_BEFORE, NULL);

        return unlink(before) < 0 && errno != ENOENT ? -errno : 0;
}

int file_store_restore(const char *path) {
        g_autofree char *before = g_strconcat(path, SUFFIX_BEFORE, NULL), *old = NULL;
        size_t n = 0;

        if (!g_file_get_contents(before, &old, &n, NULL))
                return -ENOENT;
        if (n > 0)
                return rename(before, path) < 0 ? -errno : 0;
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        return file_store_commit(path);
}

int file_store_restore_all(void) {
        g_autoptr(GDir) directory = g_dir_open(NETWORKD_DIRECTORY, 0, NULL);
        const char *name;
        int n = 0, r;

        while (directory && (name = g_dir_read_name(directory))) {
                if (!g_str_has_prefix(name, "05-hyperv-") ||
                    !g_str_has_suffix(name, ".network" SUFFIX_BEFORE))
                        continue;
                g_autofree char *path = g_strdup_printf(NETWORKD_DIRECTORY "/%.*s",
                                                        (int) (strlen(name) - strlen(SUFFIX_BEFORE)), name);
                r = file_store_restore(path);
                if (r < 0)
                        return r;
                log_notice("Put back %s, which an injection that broke off had changed.", path);
                n++;
        }
        return n;
}
