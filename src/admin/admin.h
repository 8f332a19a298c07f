/* SPDX-License-Identifier: Apache-2.0 */
/* What the services work on: registry, agents, starts of VMs, rules. Who listens where is serve.c's. */
#pragma once

#include "admin/access.h"
#include "admin/agents.h"
#include "admin/answers.h"
#include "admin/config.h"
#include "admin/host.h"
#include "admin/launcher.h"
#include "admin/registration.h"
#include "rpc/rules.h"

typedef struct Admin {
        Registry *registry;
        Answers answers;
        Agents agents;
        Launcher launcher;
        Access access;
        RpcRules *rules; /* borrowed; NULL: everybody who may call may call anything */
        Host host;
        const char *gui_vm; /* whose security keys are lent; borrowed */
        Settings settings;
        Policies policies;
        TlsCredentials *credentials;
        sd_event_source *news; /* one round of telling readers, after what is half done */
        List forwards;         /* streams of agents that are passed on */
        void (*on_news)(struct Admin *admin, void *userdata);
        void *userdata;
} Admin;

/* queue and credentials (NULL: plain) are borrowed and outlive it; so does config. 0 or a negative errno. */
int admin_init(Admin *a, RpcQueue *queue, TlsCredentials *credentials, const Config *config) _warn_unused_;
/* After the server, whose handlers use it. */
void admin_done(Admin *a);
/* Something that readers or the status sentence show has changed. */
void admin_changed(Admin *a);
/* The sentence for systemctl status: "3 agents, 12 units, 1 watcher"; new string, NULL when out of memory. */
char *admin_get_sentence(const Admin *a) _warn_unused_;
RegistrationRules admin_get_rules(const Admin *a);
