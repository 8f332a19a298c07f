/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin.h"

#include <inttypes.h>
#include <stdio.h>

#include "admin/policy-source.h"
#include "admin/push.h"
#include "base/mem.h"
#include "base/str.h"

static int on_news(_unused_ sd_event_source *s, void *userdata) {
        Admin *a = userdata;

        /* One visit for all watchers: their connections are served in turn, and not each by a turn of the loop. */
        rpc_queue_enter(a->agents.queue);
        watch_hub_dispatch(registry_get_hub(a->registry));
        rpc_queue_leave(a->agents.queue);
        if (a->on_news)
                a->on_news(a, a->userdata);
        return 0;
}

void admin_changed(Admin *a) {
        (void) sd_event_source_set_enabled(a->news, SD_EVENT_ONESHOT);
}

static void on_registry_change(void *userdata) {
        admin_changed(userdata);
}

static void on_settings_change(void *userdata) {
        Admin *a = userdata;

        push_all(&a->agents, PUSH_LOCALE | PUSH_TIMEZONE);
}

static void on_policy_change(void *userdata) {
        Admin *a = userdata;

        push_all(&a->agents, PUSH_POLICIES);
        admin_changed(a);
}

int admin_init(Admin *a, RpcQueue *queue, TlsCredentials *credentials, const Config *config) {
        int r;

        *a = (Admin){
                .credentials = credentials,
                .gui_vm = config->gui_vm ? config->gui_vm : CONFIG_GUI_VM,
                .agents = { .queue = queue,
                                .credentials = credentials,
                                .settings = &a->settings,
                                .policies = &a->policies,
                                .monitoring = config->monitoring },
        };
        list_init(&a->forwards);
        launcher_init(&a->launcher, &a->agents,
                        config->vm_start_usec > 0 ? config->vm_start_usec : LAUNCHER_TIMEOUT_USEC);
        r = host_init(&a->host, config->host, config->state_directory);
        if (r < 0)
                return r;
        r = settings_init(&a->settings, config->settings_directory, on_settings_change, a);
        if (r < 0)
                return r;
        r = policies_init(&a->policies, &config->policies,
                        config->policy_store ? config->policy_store : CONFIG_POLICY_STORE, on_policy_change, a);
        if (r < 0)
                return r;
        r = registry_new(&a->registry);
        if (r < 0)
                return r;
        a->agents.registry = a->registry;
        r = agents_init(&a->agents);
        if (r < 0)
                return r;
        r = sd_event_add_defer(rpc_queue_get_event(queue), &a->news, on_news, a);
        if (r < 0)
                return r;
        registry_set_listener(a->registry, on_registry_change, a);
        access_init(&a->access);
        return 0;
}

void admin_done(Admin *a) {
        policy_sources_stop(&a->policies);
        launcher_done(&a->launcher);
        agents_done(&a->agents);
        a->news = sd_event_source_disable_unref(a->news);
        answers_done(&a->answers);
        a->registry = registry_free(a->registry);
        access_done(&a->access);
        policies_done(&a->policies);
        settings_done(&a->settings);
        host_done(&a->host);
}

/* ", 2 policies (1 not fetched)", or nothing when there are none; new string, NULL when out of memory. */
static char *policies_sentence(const Policies *p) {
        unsigned n_failing = policy_sources_failing(p);
        char failing[32] = "";

        if (p->n_items == 0)
                return strdup("");
        if (n_failing > 0)
                (void) snprintf(failing, sizeof(failing), " (%u not fetched)", n_failing);
        return strf(", %zu polic%s%s", p->n_items, p->n_items == 1 ? "y" : "ies", failing);
}

char *admin_get_sentence(const Admin *a) {
        _cleanup_free_ char *policies = policies_sentence(&a->policies);
        RegistryStats s;
        char unreachable[32] = "", judged[80] = "";

        if (!policies)
                return NULL;

        registry_get_stats(a->registry, &s);
        if (s.n_unreachable > 0)
                (void) snprintf(unreachable, sizeof(unreachable), " (%u unreachable)", s.n_unreachable);
        if (a->rules) {
                RpcRulesCounts n = rpc_rules_get_counts(a->rules);

                (void) snprintf(judged, sizeof(judged), "; calls: %" PRIu64 " allowed, %" PRIu64 " denied", n.n_allowed,
                                n.n_denied);
        }
        return strf("%u agent%s%s, %u unit%s, %u watcher%s%s%s", s.n_agents, s.n_agents == 1 ? "" : "s", unreachable,
                        s.n_units, s.n_units == 1 ? "" : "s", s.n_watches, s.n_watches == 1 ? "" : "s", policies,
                        judged);
}

RegistrationRules admin_get_rules(const Admin *a) {
        return (RegistrationRules){
                .registry = a->registry,
                .own_name = a->credentials ? tls_credentials_get_name(a->credentials) : NULL,
                .host = a->host.name,
        };
}
