/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config-check.h"

#include <stdarg.h>

#include "agent/application.h"
#include "agent/environment.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "http/url.h"
#include "tls/identity.h"

int config_warn(Config *c, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        text = strvf(fmt, ap);
        va_end(ap);
        return text ? strv_extend(&c->warnings, text) : -ENOMEM;
}

static int check_identity(const Config *c, char **reterr) {
        const char *name = c->identity.name;

        if (isempty(name))
                return str_refuse(reterr, "identity.name: missing");
        if (strlen(name) > CONFIG_NAME_MAX ||
                        name[strspn(name,
                                        "abcdefghijklmnopqrstuvwxyz"
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")] != 0)
                return str_refuse(reterr, "identity.name: '%s' cannot be part of a unit's name", name);
        if (c->identity.type > CONFIG_TYPE_MAX)
                return str_refuse(reterr, "identity.type: %u is not a registration type (0 to 14)", c->identity.type);
        if (c->identity.subtype > CONFIG_TYPE_MAX)
                return str_refuse(reterr, "identity.subType: %u is not a registration type (0 to 14)",
                                c->identity.subtype);
        return 0;
}

/* What has no letter was meant to be an address. */
static bool is_host_name(const char *s) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                          others[] = "0123456789-_.";

        for (const char *p = s; *p; p++)
                if (!strchr(letters, *p) && !strchr(others, *p))
                        return false;
        return strpbrk(s, letters);
}

static int check_transport(Config *c, const ConfigTransport *t, const char *key, RpcAddress *ret, char **reterr) {
        _cleanup_free_ char *reason = NULL;
        IdentityAddress address;
        int r;

        if (!t->name && !t->addr && !t->port && !t->protocol)
                return str_refuse(reterr, "network.%s.transport: missing", key);
        if (isempty(t->protocol))
                return str_refuse(reterr, "network.%s.transport.protocol: missing (tcp, vsock or unix)", key);
        if (isempty(t->addr))
                return str_refuse(reterr, "network.%s.transport.addr: missing", key);
        r = rpc_address_from_transport(t->protocol, t->addr, strempty(t->port), ret, &reason);
        if (r < 0)
                return r == -ENOMEM
                                ? r
                                : str_refuse(reterr, "network.%s.transport: %s", key, reason ? reason : strerror(-r));
        if (ret->kind != RPC_ADDRESS_TCP || identity_address_from_string(ret->host, &address) >= 0)
                return 0;
        if (!is_host_name(ret->host))
                return str_refuse(reterr, "network.%s.transport.addr: '%s' is neither an IP address nor a name", key,
                                ret->host);
        return config_warn(c, "network.%s.transport.addr: the name '%s' is looked up once, when the agent starts", key,
                        ret->host);
}

static int check_tls(Config *c, char **reterr) {
        const struct {
                const char *key, *value;
        } paths[] = {
                { "caCertPath", c->network.ca },
                { "certPath", c->network.cert },
                { "keyPath", c->network.key },
        };

        if (!c->network.tls)
                return config_warn(c,
                                "network.tls.enable: TLS is off: nothing that comes over the network is authenticated "
                                "or encrypted, and whoever has the admin's address controls this machine");
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                if (isempty(paths[i].value))
                        return str_refuse(reterr, "network.tls.%s: missing, and TLS is enabled", paths[i].key);
        if (isempty(c->network.admin.name))
                return str_refuse(reterr,
                                "network.admin.transport.name: missing, and TLS has nothing to know the admin by");
        return 0;
}

/* Rules that nobody asks must never read as rules that allow. */
static int check_access_control(Config *c, char **reterr) {
        if (c->on_error && !streq(c->on_error, "deny") && !streq(c->on_error, "skip"))
                return str_refuse(reterr, "accessControl.onError: '%s' is neither deny nor skip", c->on_error);
        c->deny_on_error = streq_ptr(c->on_error, "deny");
        if (!c->access_control)
                return 0;
        if (!c->network.tls)
                return str_refuse(reterr,
                                "accessControl.enable: access rules need TLS, which network.tls.enable turns off");
        if (isempty(c->rules_file))
                return str_refuse(reterr, "accessControl.rulesFile: missing, and access control is enabled");
        return 0;
}

static int check_application(Config *c, size_t i) {
        const ConfigApplication *a = &c->applications[i];
        _cleanup_strv_free_ char **argv = NULL;
        int r;

        if (isempty(a->name))
                return config_warn(c, "capabilities.applications[%zu].name: missing; nothing can start it", i);
        if (config_find_application(c, a->name, strlen(a->name)) != a)
                return config_warn(c,
                                "capabilities.applications[%zu].name: '%s' is there already; the first one counts", i,
                                a->name);
        r = application_split_command(strempty(a->command), &argv);
        if (r > 0)
                r = config_warn(c, "capabilities.applications[%zu].command: a quote is not closed, so none is one", i);
        if (r < 0)
                return r;
        if (strv_length(argv) == 0)
                return config_warn(c, "capabilities.applications[%zu].command: missing; '%s' cannot be started", i,
                                a->name);
        STRV_FOREACH(kind, a->args) {
                if (!application_kind_is_known(*kind)) {
                        r = config_warn(c,
                                        "capabilities.applications[%zu].args: '%s' is not flag, url or file, ignored",
                                        i, *kind);
                        if (r < 0)
                                return r;
                } else if (streq(*kind, "url"))
                        http_url_prepare();
        }
        return 0;
}

/* Without a directory there is still the desktop of the agent's own session. */
static int check_notifier(Config *c) {
        if (!c->notifier || !c->notifier_socket || c->notifier_socket[0] == '/')
                return 0;
        c->notifier = false;
        return config_warn(c,
                        "capabilities.notifier.socket: '%s' is not the absolute path of a directory; it is not served",
                        c->notifier_socket);
}

/* "" is none. */
static int check_wifi(Config *c) {
        _cleanup_free_ char *directory = c->wifi_certificates;

        if (!c->wifi || isempty(directory) || directory[0] == '/') {
                c->wifi_certificates = isempty(directory) ? NULL : TAKE_PTR(directory);
                return 0;
        }
        c->wifi_certificates = NULL;
        return config_warn(c,
                        "capabilities.wifi.certificates: '%s' is not an absolute path; callers may name no certificate",
                        directory);
}

static int check_policy(Config *c) {
        return c->policy && isempty(c->policy_store) ? str_replace(&c->policy_store, "/etc/policies") : 0;
}

/* Without a list there are the two that admins use, the reference's and ours; an empty list permits nothing. */
static int check_exec(Config *c, char **reterr) {
        static const char *const usual[] = { "ota-update", "uptime" };
        const bool given = c->exec_commands;

        if (!c->exec)
                return 0;
        STRV_FOREACH(name, c->exec_environment)
                if (!environment_pattern_is_valid(*name))
                        return str_refuse(reterr,
                                        "capabilities.exec.environment: '%s' is no name of a variable, nor how names "
                                        "begin with a '*' behind it",
                                        *name);
        for (size_t i = 0; !given && i < ELEMENTSOF(usual); i++) {
                int r = strv_extend(&c->exec_commands, usual[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Two cannot listen in one place. */
static bool socket_is_taken(const Config *c, size_t i) {
        const ConfigSocket *s = &c->sockets[i];

        for (size_t k = 0; k < i; k++) {
                const ConfigSocket *other = &c->sockets[k];

                if (!other->usable || other->server != s->server)
                        continue;
                if (s->server ? other->address.port == s->address.port : streq(other->socket, s->socket))
                        return true;
        }
        return false;
}

static int check_socket(Config *c, size_t i, char **reterr) {
        ConfigSocket *s = &c->sockets[i];
        const ConfigTransport *t = &s->transport;
        const char *addr = s->server ? c->network.agent.addr : strempty(t->addr);
        _cleanup_free_ char *reason = NULL, *unusable = NULL;
        int r;

        r = rpc_address_from_transport(strempty(t->protocol), addr, strempty(t->port), &s->address, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : str_refuse(reterr, "transport: %s", strempty(reason));
        if (isempty(s->socket) || s->socket[0] != '/' || strlen(s->socket) >= CONFIG_SOCKET_MAX)
                return str_refuse(reterr, "socket: not the absolute path of a socket");
        if (s->server && s->address.kind == RPC_ADDRESS_UNIX)
                return str_refuse(reterr, "transport.protocol: a server is reached over tcp or vsock");
        if (c->network.tls && isempty(t->name))
                return str_refuse(reterr, "transport.name: missing, and TLS has nothing to know the peer by");
        if (socket_is_taken(c, i))
                return str_refuse(reterr,
                                s->server ? "transport.port: another one is served there"
                                          : "socket: another one listens there");
        s->has_peer = s->server && !isempty(t->addr);
        if (s->has_peer) {
                r = rpc_address_from_transport(t->protocol, t->addr, t->port, &s->peer, &unusable);
                if (r < 0)
                        return r == -ENOMEM ? r : str_refuse(reterr, "transport: %s", strempty(unusable));
        }
        s->usable = true;
        return 0;
}

/* One that cannot be served is no reason not to control this machine. */
static int check_sockets(Config *c) {
        for (size_t i = 0; c->socket_proxy && i < c->n_sockets; i++) {
                _cleanup_free_ char *reason = NULL;
                int r = check_socket(c, i, &reason);

                if (r == -EINVAL)
                        r = config_warn(c, "capabilities.socketProxy.sockets[%zu].%s; it is not served", i, reason);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_proxy_port(const Config *c, size_t i, char **reterr) {
        for (size_t k = 0; c->socket_proxy && k < c->n_sockets; k++)
                if (c->sockets[k].usable && c->sockets[k].server &&
                                c->sockets[k].address.kind == c->events[i].address.kind &&
                                c->sockets[k].address.port == c->events[i].address.port)
                        return str_refuse(reterr,
                                        "transport.port: capabilities.socketProxy.sockets[%zu] is served there", k);
        return 0;
}

static bool event_port_is_taken(const Config *c, size_t i) {
        for (size_t k = 0; k < i; k++)
                if (c->events[k].usable && c->events[k].consumer &&
                                c->events[k].address.port == c->events[i].address.port)
                        return true;
        return false;
}

static int check_consumer(const Config *c, size_t i, char **reterr) {
        if (!c->network.tls)
                return str_refuse(reterr, "consumer.enable: without TLS nobody would know whose keys these are");
        if (isempty(config_event_source(&c->events[i])))
                return str_refuse(reterr, "consumer.permittedSource: missing");
        if (c->events[i].address.kind == RPC_ADDRESS_UNIX)
                return str_refuse(reterr, "transport.protocol: a consumer is reached over tcp or vsock");
        if (event_port_is_taken(c, i))
                return str_refuse(reterr, "transport.port: another consumer is there");
        return check_proxy_port(c, i, reterr);
}

static int check_event(Config *c, size_t i, char **reterr) {
        ConfigEvent *e = &c->events[i];
        const ConfigTransport *t = &e->transport;
        _cleanup_free_ char *reason = NULL;
        int r;

        if (!e->producer && !e->consumer)
                return 0;
        if (e->producer && e->consumer)
                return str_refuse(reterr, "producer.enable: a consumer cannot be its own producer");
        r = rpc_address_from_transport(
                        strempty(t->protocol), strempty(t->addr), strempty(t->port), &e->address, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : str_refuse(reterr, "transport: %s", strempty(reason));
        if (e->consumer)
                r = check_consumer(c, i, reterr);
        else if (isempty(e->device))
                r = str_refuse(reterr, "device: missing");
        else if (c->network.tls && isempty(t->name))
                r = str_refuse(reterr, "transport.name: missing, and TLS has nothing to know the consumer by");
        e->usable = r >= 0;
        return r;
}

static int check_events(Config *c) {
        for (size_t i = 0; c->event_proxy && i < c->n_events; i++) {
                _cleanup_free_ char *reason = NULL;
                int r = check_event(c, i, &reason);

                if (r == -EINVAL)
                        r = config_warn(c, "capabilities.eventProxy.events[%zu].%s; it is not served", i, reason);
                if (r < 0)
                        return r;
        }
        return 0;
}

int config_check(Config *c, char **reterr) {
        int r;

        r = check_identity(c, reterr);
        if (r < 0)
                return r;
        r = check_transport(c, &c->network.admin, "admin", &c->admin_address, reterr);
        if (r < 0)
                return r;
        r = check_transport(c, &c->network.agent, "agent", &c->agent_address, reterr);
        if (r < 0)
                return r;
        r = check_tls(c, reterr);
        if (r < 0)
                return r;
        r = check_access_control(c, reterr);
        if (r < 0)
                return r;
        for (size_t i = 0; i < c->n_applications; i++) {
                r = check_application(c, i);
                if (r < 0)
                        return r;
        }
        r = check_exec(c, reterr);
        if (r < 0)
                return r;
        r = check_sockets(c);
        if (r < 0)
                return r;
        r = check_events(c);
        if (r >= 0)
                r = check_notifier(c);
        if (r >= 0)
                r = check_wifi(c);
        return r < 0 ? r : check_policy(c);
}
