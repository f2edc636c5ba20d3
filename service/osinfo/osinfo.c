/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/osinfo/osinfo.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/utsname.h>

#include "common/cleanup.h"
#include "common/file-util.h"
#include "common/utf16.h"

#define RELEASE_FILE_MAX (64 * 1024)
#define HOSTNAME_MAX     253
#define DIRECTORY_MASK   (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_ONLYDIR)

struct OsInfo {
        char *root;
        void (*changed)(OsFact fact, void *userdata);
        void *userdata;

        char *facts[_OS_FACT_MAX];
        bool told_fqdn; /* the domain name is somebody's word, not the hostname */

        int hostname_fd;
        sd_event_source *hostname_watch;
        sd_event_source *etc_watch, *usr_watch;
};

/* --- facts --- */

/* What a file says may be anything; what leaves here is UTF-8. */
static char *clean_text(const char *text) {
        g_autofree char *buffer = NULL;

        return g_strdup(utf8_mend(text, strlen(text), &buffer));
}

static void set_fact(OsInfo *osinfo, OsFact fact, const char *value) {
        g_autofree char *clean = clean_text(value);

        if (g_strcmp0(osinfo->facts[fact], clean) == 0)
                return;
        g_free(osinfo->facts[fact]);
        osinfo->facts[fact] = g_steal_pointer(&clean);
        if (osinfo->changed)
                osinfo->changed(fact, osinfo->userdata);
}

typedef struct Release {
        char *name, *major, *minor;
} Release;

static void release_done(Release *release) {
        g_free(release->name);
        g_free(release->major);
        g_free(release->minor);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Release, release_done)

static char *read_release_file(const OsInfo *osinfo, const char *path) {
        g_autofree char *whole = g_strconcat(osinfo->root, path, NULL);
        char *text = NULL;
        size_t size;

        return read_file_at(AT_FDCWD, whole, RELEASE_FILE_MAX, &text, &size) < 0 ? NULL : text;
}

/* os-release(5): shell assignments. A value that is no proper shell word is unknown. */
static void take_assignment(Release *release, char *line) {
        char *equals = strchr(line, '='), **field;

        if (!equals)
                return;
        *equals = '\0';
        if (strcmp(line, "NAME") == 0)
                field = &release->name;
        else if (strcmp(line, "VERSION_ID") == 0)
                field = &release->major;
        else
                return;
        g_free(*field);
        *field = g_shell_unquote(equals + 1, NULL);
}

static bool parse_os_release(const OsInfo *osinfo, const char *path, Release *ret) {
        g_autofree char *text = read_release_file(osinfo, path);
        g_auto(GStrv) lines = NULL;

        if (!text)
                return false;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++)
                if (**line != '#')
                        take_assignment(ret, g_strstrip(*line));
        return true;
}

/* The older files: name, major and minor version, a line each. */
static bool parse_old_release(const OsInfo *osinfo, const char *path, Release *ret) {
        g_autofree char *text = read_release_file(osinfo, path);
        g_auto(GStrv) lines = NULL;
        char **fields[] = { &ret->name, &ret->major, &ret->minor };

        if (!text)
                return false;
        lines = g_strsplit(text, "\n", -1);
        for (size_t i = 0; i < G_N_ELEMENTS(fields) && lines[i]; i++)
                *fields[i] = g_strdup(g_strstrip(lines[i]));
        return true;
}

static void read_release(OsInfo *osinfo) {
        g_auto(Release) release = { 0 };
        struct utsname kernel;

        if (!parse_os_release(osinfo, "/etc/os-release", &release) &&
            !parse_os_release(osinfo, "/usr/lib/os-release", &release) &&
            !parse_old_release(osinfo, "/etc/SuSE-release", &release))
                (void)parse_old_release(osinfo, "/etc/redhat-release", &release);

        (void)uname(&kernel);
        set_fact(osinfo, OS_FACT_NAME, release.name && release.name[0] ? release.name : kernel.sysname);
        set_fact(osinfo, OS_FACT_MAJOR_VERSION, release.major ? release.major : "");
        set_fact(osinfo, OS_FACT_MINOR_VERSION, release.minor ? release.minor : "");
}

static void read_kernel(OsInfo *osinfo) {
        struct utsname kernel;

        (void)uname(&kernel);
        set_fact(osinfo, OS_FACT_BUILD_NUMBER, kernel.release);
        set_fact(osinfo, OS_FACT_ARCHITECTURE, kernel.machine);
        /* The host expects x.y.z. */
        *strchrnul(kernel.release, '-') = '\0';
        set_fact(osinfo, OS_FACT_VERSION, kernel.release);
}

/* A kernel whose name was never set calls itself "(none)". */
static void read_hostname(OsInfo *osinfo) {
        struct utsname kernel;

        if (osinfo->told_fqdn)
                return;
        (void)uname(&kernel);
        set_fact(osinfo, OS_FACT_FQDN, kernel.nodename[0] == '(' ? "" : kernel.nodename);
}

/* --- following --- */

static int on_hostname(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        read_hostname(userdata);
        return 0;
}

/* The kernel says EPOLLERR|EPOLLPRI when the name was set; polling is what acknowledges. */
static int watch_hostname(OsInfo *osinfo, sd_event *event) {
        osinfo->hostname_fd = open("/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (osinfo->hostname_fd < 0)
                return -errno;
        return sd_event_add_io(event, &osinfo->hostname_watch, osinfo->hostname_fd, 0, on_hostname, osinfo);
}

static int on_directory(sd_event_source *source, const struct inotify_event *happened, void *userdata) {
        if ((happened->mask & IN_Q_OVERFLOW) ||
            (happened->len > 0 && g_str_has_suffix(happened->name, "-release")))
                read_release(userdata);
        return 0;
}

static void watch_directory(OsInfo *osinfo, sd_event *event, const char *path, sd_event_source **ret_watch) {
        g_autofree char *whole = g_strconcat(osinfo->root, path, NULL);

        (void)sd_event_add_inotify(event, ret_watch, whole, DIRECTORY_MASK, on_directory, osinfo);
}

/* Watching is a convenience: a fact is right at birth in any case. */
int osinfo_new(sd_event *event, const char *root, void (*changed)(OsFact fact, void *userdata),
               void *userdata, OsInfo **ret) {
        OsInfo *osinfo = g_new0(OsInfo, 1);

        osinfo->root = g_strdup(root ? root : "");
        osinfo->hostname_fd = -1;
        (void)watch_hostname(osinfo, event);
        watch_directory(osinfo, event, "/etc", &osinfo->etc_watch);
        watch_directory(osinfo, event, "/usr/lib", &osinfo->usr_watch);
        read_kernel(osinfo);
        read_release(osinfo);
        read_hostname(osinfo);

        osinfo->changed = changed;
        osinfo->userdata = userdata;
        *ret = osinfo;
        return 0;
}

OsInfo *osinfo_free(OsInfo *osinfo) {
        if (!osinfo)
                return NULL;

        sd_event_source_disable_unref(osinfo->hostname_watch);
        sd_event_source_disable_unref(osinfo->etc_watch);
        sd_event_source_disable_unref(osinfo->usr_watch);
        if (osinfo->hostname_fd >= 0)
                (void)close(osinfo->hostname_fd);
        for (int fact = 0; fact < _OS_FACT_MAX; fact++)
                g_free(osinfo->facts[fact]);
        g_free(osinfo->root);
        g_free(osinfo);
        return NULL;
}

const char *osinfo_get(const OsInfo *osinfo, OsFact fact) {
        return osinfo->facts[fact] ? osinfo->facts[fact] : "";
}

/* --- the domain name --- */

static bool is_label(const char *label) {
        size_t n = strlen(label);

        if (n == 0 || n > 63 || label[0] == '-' || label[n - 1] == '-')
                return false;
        for (const char *c = label; *c; c++)
                if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
                        return false;
        return true;
}

static bool is_host_name(const char *name) {
        g_auto(GStrv) labels = NULL;

        if (strlen(name) > HOSTNAME_MAX)
                return false;
        labels = g_strsplit(name, ".", -1);
        for (char **label = labels; *label; label++)
                if (!is_label(*label))
                        return false;
        return true;
}

int osinfo_set_fqdn(OsInfo *osinfo, const char *fqdn) {
        osinfo->told_fqdn = false;
        if (!fqdn || fqdn[0] == '\0') {
                read_hostname(osinfo);
                return 0;
        }
        if (!is_host_name(fqdn)) {
                read_hostname(osinfo);
                return -EINVAL;
        }
        osinfo->told_fqdn = true;
        set_fact(osinfo, OS_FACT_FQDN, fqdn);
        return 0;
}
