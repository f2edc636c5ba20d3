/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The last resort for name servers: /etc/resolv.conf. If it names nothing but a stub on this machine (127.0.0.53), the
 * files with the servers behind the stub, which resolved and NetworkManager keep, are looked at. A file is read again
 * only when its status changed.
 */

#include <glib.h>

#include "wire/ip.h"

G_BEGIN_DECLS

typedef struct ResolvConf ResolvConf;

/* root: prefix of all paths, "" outside tests. */
ResolvConf *resolv_conf_new(const char *root);
ResolvConf *resolv_conf_free(ResolvConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ResolvConf, resolv_conf_free)

void resolv_conf_describe(ResolvConf *conf, IpSettings *settings);

G_END_DECLS
