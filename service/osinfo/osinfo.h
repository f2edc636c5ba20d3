/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Facts about this guest, kept current: what the automatic keys of pool 2 are made of.
 *
 * The kernel and os-release are read from /etc/os-release, else /usr/lib/os-release (the older daemon's fallbacks
 * /etc/SuSE-release and /etc/redhat-release are read when neither exists) and uname(2), again when the file changes. The domain
 * name comes from whoever is told about it (osinfo_set_fqdn(), fed by the bus: hostnamed and resolved); until then it is the
 * hostname. No DNS look-up of our own: the answer to the host must not wait for a network. An unknown fact is "", never an
 * error text.
 */

#include <glib.h>
#include <systemd/sd-event.h>

G_BEGIN_DECLS

typedef struct OsInfo OsInfo;

typedef enum OsFact {
        OS_FACT_FQDN,          /* FullyQualifiedDomainName */
        OS_FACT_BUILD_NUMBER,  /* OSBuildNumber: uname -r */
        OS_FACT_NAME,          /* OSName: NAME of os-release, else uname -s */
        OS_FACT_MAJOR_VERSION, /* OSMajorVersion: VERSION_ID */
        OS_FACT_MINOR_VERSION, /* OSMinorVersion: "" with os-release */
        OS_FACT_VERSION,       /* OSVersion: uname -r up to the first '-' */
        OS_FACT_ARCHITECTURE,  /* ProcessorArchitecture: uname -m */
        _OS_FACT_MAX,
} OsFact;

/* root: prefix of /etc/os-release …, "" outside tests. changed may be NULL. */
int osinfo_new(sd_event *event, const char *root, void (*changed)(OsFact fact, void *userdata), void *userdata, OsInfo **ret);
OsInfo *osinfo_free(OsInfo *osinfo);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OsInfo, osinfo_free)
/* Never NULL, valid UTF-8, valid until the next call. */
const char *osinfo_get(const OsInfo *osinfo, OsFact fact);
/* NULL or "": forget, use the hostname. Refuses (-EINVAL) what is no host name. */
int osinfo_set_fqdn(OsInfo *osinfo, const char *fqdn);

G_END_DECLS
