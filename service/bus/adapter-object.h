/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* …/network and …/network/ADAPTER: what is known of the host's adapters, and their injections. */

#include <systemd/sd-bus.h>

#include "service/bus/bus.h"
#include "service/network/network.h"

G_BEGIN_DECLS

typedef struct AdapterObject {
        Bus *bus;
        char guid[37];
        char *path;
} AdapterObject;

void adapter_object_free(void *object);
/* Reapply, Forget or Check under way; nobody is answered. */
void adapter_job_free(void *job);

/* adapter-methods.c */
int method_adapter_reapply(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_adapter_forget(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_adapter_check(sd_bus_message *m, void *userdata, sd_bus_error *error);

G_END_DECLS
