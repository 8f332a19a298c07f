/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "agent/access.h"
#include "agent/config-resolve.h"
#include "agent/event-proxy.h"
#include "agent/journal.h"
#include "agent/listener.h"
#include "agent/registration.h"
#include "agent/services/services.h"
#include "agent/socket-proxy.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/log-control.h"
#include "event/daemon.h"
#include "rpc/denial.h"

#define UNIX_SOCKET_MODE 0600
#define BUS_NAME         "org.givc.Agent" /* BusName= of its units */

extern const uint8_t givc_descriptors[], givc_descriptors_end[];

typedef struct Serve {
        const Config *config;
        Daemon *daemon;
        TlsCredentials *credentials;
        Access access;
        AccessPeer admin_peer; /* who the server is for */
        RpcQueue *queue;
        Bus *bus;
        LogControl *log_control;
        Agent *agent;
        RpcServer *server;
        SocketProxy *proxy;
        EventProxy *events;
        Listener *listener;
        RpcChannel *admin;
        Registration *registration;
} Serve;

static void on_registration_change(void *userdata) {
        Serve *s = userdata;
        _cleanup_free_ char *text = NULL;
        RpcRulesCounts n;

        /* The first change comes from within registration_new(). */
        if (!s->registration || daemon_is_stopping(s->daemon))
                return;
        text = registration_describe(s->registration);
        if (text && s->access.rules) {
                n = rpc_rules_get_counts(s->access.rules);
                daemon_set_status(s->daemon, "%s; calls: %" PRIu64 " allowed, %" PRIu64 " denied", text, n.n_allowed,
                                n.n_denied);
        } else if (text)
                daemon_set_status(s->daemon, "%s%s", s->config->network.tls ? "" : "TLS IS OFF; ", text);
}

static void on_credentials_changed(void *userdata) {
        Serve *s = userdata;

        log_write(LOG_NOTICE, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CERTIFICATES_RELOADED }),
                        "Certificates were read again");
        rpc_server_recheck(s->server);
        if (s->proxy)
                socket_proxy_recheck(s->proxy);
        event_proxy_recheck(s->events);
}

static void on_credentials_failed(const char *error, _unused_ void *userdata) {
        log_write(LOG_ERR, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CERTIFICATES_REFUSED }, { "GIVC_REASON", error }),
                        "Certificates cannot be used, the old ones stay in use: %s", error);
}

static void on_reload(void *userdata) {
        Serve *s = userdata;
        _cleanup_free_ char *reason = NULL;
        int r;

        if (s->access.rules)
                rpc_rules_reload(s->access.rules);
        if (!s->credentials)
                return;
        r = tls_credentials_reload(s->credentials, &reason);
        if (r < 0)
                on_credentials_failed(reason ? reason : strerror(-r), s);
        else if (r > 0)
                on_credentials_changed(s);
}

static void on_drained(void *userdata) {
        Serve *s = userdata;

        daemon_exit(s->daemon, 0);
}

static void on_stop(void *userdata) {
        Serve *s = userdata;

        daemon_set_status(s->daemon, "stopping");
        s->listener = listener_free(s->listener);
        s->registration = registration_free(s->registration);
        s->proxy = socket_proxy_free(s->proxy);
        s->events = event_proxy_free(s->events);
        /* Streams of states and of what is said never end by themselves; all other calls get their time. */
        feed_close(agent_get_feed(s->agent));
        journal_shutdown();
        rpc_server_drain(s->server, on_drained, s);
}

static int serve_load_credentials(Serve *s) {
        const TlsPaths paths = { s->config->network.ca, s->config->network.cert, s->config->network.key,
                isempty(s->config->network.crl) ? NULL : s->config->network.crl };
        _cleanup_free_ char *reason = NULL;
        int r;

        if (!s->config->network.tls)
                return 0;
        r = tls_credentials_new(&paths, &s->credentials, &reason);
        if (r < 0) {
                log_write(LOG_ERR,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIGURATION_REFUSED }, { "GIVC_REASON", reason }),
                                "TLS: %s", reason ? reason : strerror(-r));
                return r;
        }
        r = tls_credentials_watch(s->credentials, daemon_get_event(s->daemon), on_credentials_changed, s);
        if (r < 0)
                log_warning_errno(r, "Cannot watch the certificates, so reload this service when they change");
        tls_credentials_on_failure(s->credentials, on_credentials_failed, s);
        return 0;
}

static int serve_load_rules(Serve *s) {
        const RpcRulesOptions options = {
                .file = s->config->rules_file,
                .deny_on_error = s->config->deny_on_error,
                .local = s->config->identity.name,
                .text = RPC_DENIED_BY_RULES,
        };
        _cleanup_free_ char *why = NULL;
        int r;

        if (!s->config->access_control)
                return 0;
        r = rpc_rules_new(&options, &s->access.rules, &why);
        if (r < 0)
                rpc_rules_log_refused(why ? why : strerror(-r));
        return r;
}

static void serve_watch_rules(Serve *s) {
        int r;

        if (!s->access.rules)
                return;
        r = rpc_rules_watch(s->access.rules, daemon_get_event(s->daemon), on_registration_change, s);
        if (r < 0)
                log_warning_errno(r, "Cannot watch the access rules, so reload this service when they change");
}

/* The unit that this process runs in; NULL when it runs in none. */
static char *own_unit(BusScope scope) {
        char *unit = NULL;
        int r;

        r = scope == BUS_SYSTEM ? sd_pid_get_unit(0, &unit) : sd_pid_get_user_unit(0, &unit);
        return r < 0 || !endswith(unit, ".service") ? (free(unit), NULL) : unit;
}

/* A service of the system manager works on that, whoever it runs as; it has no session whose manager it could mean. */
static BusScope own_scope(void) {
        _cleanup_free_ char *session_unit = NULL, *unit = NULL;

        if (geteuid() == 0)
                return BUS_SYSTEM;
        if (getenv("XDG_RUNTIME_DIR") || getenv("DBUS_SESSION_BUS_ADDRESS") ||
                        sd_pid_get_user_unit(0, &session_unit) >= 0)
                return BUS_USER;
        unit = own_unit(BUS_SYSTEM);
        return unit ? BUS_SYSTEM : BUS_USER;
}

static int serve_make_agent(Serve *s) {
        BusScope scope = own_scope();
        _cleanup_free_ char *unit = own_unit(scope);
        int r;

        r = bus_new(daemon_get_event(s->daemon), scope, &s->bus);
        if (r < 0)
                return log_error_errno(r, "Cannot use the bus");
        r = log_control_new(s->bus, BUS_NAME, "givc-agent", &s->log_control);
        if (r < 0)
                return log_oom();
        r = agent_new(s->config, s->bus, unit, &s->agent);
        return r < 0 ? log_error_errno(r, "Cannot watch units") : 0;
}

static int serve_make_server(Serve *s) {
        int r;

        r = rpc_server_new(s->queue, &s->server);
        if (r < 0)
                return r;
        if (s->credentials)
                rpc_server_set_credentials(s->server, s->credentials);
        s->admin_peer = access_peer_of(s->config, &s->access);
        rpc_server_set_access(s->server, access_check_peer, &s->admin_peer);
        r = services_add(s->server, s->agent);
        if (r < 0)
                return r;
        r = rpc_server_add_health(s->server);
        if (r < 0)
                return r;
        return rpc_server_add_reflection(s->server, givc_descriptors, givc_descriptors_end - givc_descriptors);
}

static int serve_make_proxy(Serve *s) {
        const SocketProxyOptions options = {
                .queue = s->queue,
                .credentials = s->credentials,
                .config = s->config,
                .access = &s->access,
                .descriptors = givc_descriptors,
                .n_descriptors = givc_descriptors_end - givc_descriptors,
        };

        return socket_proxy_new(&options, &s->proxy);
}

static int serve_make_events(Serve *s) {
        const EventProxyOptions options = {
                .queue = s->queue,
                .credentials = s->credentials,
                .config = s->config,
                .access = &s->access,
                .descriptors = givc_descriptors,
                .n_descriptors = givc_descriptors_end - givc_descriptors,
        };

        return event_proxy_new(&options, &s->events);
}

static int serve_register(Serve *s) {
        const RpcChannelOptions options = {
                .address = &s->config->admin_address,
                .credentials = s->credentials,
                .server_name = s->config->network.admin.name,
        };
        int r;

        r = rpc_channel_new(s->queue, &options, &s->admin);
        if (r < 0)
                return log_error_errno(r, "Cannot make the channel to the admin");
        r = registration_new(s->agent, s->admin, on_registration_change, s, &s->registration);
        if (r < 0)
                return log_error_errno(r, "Cannot register");
        on_registration_change(s);
        return 0;
}

/* What cannot be called back is not worth registering, so that comes now. */
static void on_listening(int r, void *userdata) {
        Serve *s = userdata;

        if (r >= 0) {
                log_info("Listening");
                r = serve_register(s);
        } else
                log_error_errno(r, "Cannot listen, and trying on would not help");
        if (r < 0)
                daemon_exit(s->daemon, EXIT_FAILURE);
}

static int serve_listen_at_address(Serve *s) {
        _cleanup_free_ char *text = rpc_address_to_string(&s->config->agent_address), *problem = NULL;
        int r;

        r = listener_new(daemon_get_event(s->daemon), s->server, &s->config->agent_address, UNIX_SOCKET_MODE,
                        on_listening, s, &s->listener);
        if (r < 0)
                return log_error_errno(r, "Cannot listen at %s", strempty(text));
        if (listener_is_listening(s->listener))
                return serve_register(s);
        problem = listener_describe(s->listener);
        if (!problem)
                return log_oom();
        log_warning("The agent %s", problem);
        daemon_set_status(s->daemon, "%s%s", s->config->network.tls ? "" : "TLS IS OFF; ", problem);
        return 0;
}

/* Sockets that were passed, under whatever name, are in place of those that are configured: the proxy's by their
 * paths, all others in place of the agent's own. */
static int serve_listen(Serve *s) {
        _cleanup_free_ int *fds = NULL;
        int n, n_own = 0, r = 0;

        n = daemon_take_fds(s->daemon, "*", &fds);
        if (n < 0)
                return log_error_errno(n, "Cannot take the passed sockets");
        for (int i = 0; i < n; i++) {
                int q;

                if (socket_proxy_take_fd(s->proxy, fds[i]))
                        continue;
                n_own++;
                q = rpc_server_listen_fd(s->server, fds[i]);
                if (q < 0)
                        r = log_error_errno(q, "Cannot accept from passed socket %i", fds[i]);
        }
        socket_proxy_start(s->proxy);
        if (n_own == 0)
                return serve_listen_at_address(s);
        return r < 0 ? r : serve_register(s);
}

static int serve_start(Serve *s) {
        static const DaemonHooks hooks = { .reload = on_reload, .stop = on_stop };
        int r;

        r = daemon_new(&hooks, s, &s->daemon);
        if (r < 0)
                return log_error_errno(r, "Cannot become a daemon");
        STRV_FOREACH(warning, s->config->warnings)
                log_write(LOG_WARNING,
                                LOG_FIELDS({ "MESSAGE_ID",
                                                startswith(*warning, "network.tls.enable:") ? MESSAGE_TLS_OFF : NULL }),
                                "%s: %s", s->config->path, *warning);
        serve_watch_rules(s);
        r = serve_load_credentials(s);
        if (r < 0)
                return r;
        r = rpc_queue_new(daemon_get_event(s->daemon), &s->queue);
        if (r < 0)
                return log_error_errno(r, "Cannot start gRPC");
        r = serve_make_agent(s);
        if (r < 0)
                return r;
        r = serve_make_server(s);
        if (r < 0)
                return log_error_errno(r, "Cannot make the server");
        r = serve_make_proxy(s);
        if (r < 0)
                return log_oom();
        r = serve_make_events(s);
        if (r < 0)
                return log_error_errno(r, "Cannot proxy events");
        return serve_listen(s);
}

/* Handlers and the session use the agent, the agent uses the bus: the users go first. */
static void serve_done(Serve *s) {
        listener_free(s->listener);
        registration_free(s->registration);
        rpc_channel_unref(s->admin);
        socket_proxy_free(s->proxy);
        event_proxy_free(s->events);
        rpc_server_free(s->server);
        agent_free(s->agent);
        log_control_free(s->log_control);
        bus_unref(s->bus);
        rpc_queue_unref(s->queue);
        rpc_rules_free(s->access.rules);
        tls_credentials_unref(s->credentials);
        daemon_free(s->daemon);
}

int serve_run(Config *config, bool check) {
        _cleanup_(serve_done) Serve s = { .config = config, .access = { .vm = config->identity.name } };
        _cleanup_free_ char *reason = NULL;
        int r;

        if (serve_load_rules(&s) < 0)
                return EXIT_USAGE;
        if (check)
                return EXIT_SUCCESS;
        r = config_resolve(config, &reason);
        if (r < 0) {
                log_error("givc-agent: %s", reason ? reason : strerror(-r));
                return EXIT_FAILURE;
        }
        r = serve_start(&s);
        if (r < 0)
                return EXIT_FAILURE;
        daemon_ready(s.daemon);
        r = daemon_run(s.daemon);
        return r < 0 ? EXIT_FAILURE : r;
}
