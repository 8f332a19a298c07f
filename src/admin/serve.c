/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/serve.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/forward.h"
#include "admin/policy-source.h"
#include "admin/services/permission.h"
#include "admin/services/services.h"
#include "admin/store.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "bus/log-control.h"
#include "event/daemon.h"

#define BUS_NAME "org.givc.Admin" /* BusName= of its unit */

typedef struct Serve {
        const Config *config;
        TlsCredentials *credentials;
        RpcRules *rules;
        Daemon *daemon;
        RpcQueue *queue;
        RpcServer *server;
        Admin admin;
        Store *store;
        Bus *bus; /* to run git, and for the log's sake */
        LogControl *log_control;
} Serve;

/* Handlers use the admin, so the server goes first; what the agents hold needs the queue. */
static void serve_done(Serve *s) {
        rpc_server_free(s->server);
        store_free(s->store);
        if (s->admin.registry)
                admin_done(&s->admin);
        log_control_free(s->log_control);
        bus_unref(s->bus);
        rpc_queue_unref(s->queue);
        rpc_rules_free(s->rules);
        tls_credentials_unref(s->credentials);
        daemon_free(s->daemon);
}

static int load_credentials(Serve *s) {
        _cleanup_free_ char *why = NULL;
        const Config *c = s->config;
        int r;

        if (!c->use_tls)
                return 0;
        r = tls_credentials_new(
                        &(TlsPaths){ .ca = c->ca_cert, .cert = c->host_cert, .key = c->host_key, .crl = c->crl },
                        &s->credentials, &why);
        if (r < 0)
                log_write(LOG_ERR, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIGURATION_REFUSED }, { "GIVC_REASON", why }),
                                "TLS: %s", why ? why : strerror(-r));
        return r;
}

static int load_rules(Serve *s) {
        const RpcRulesOptions options = {
                .file = s->config->cedar_file,
                .deny_on_error = s->config->deny_on_error,
                .local = s->credentials ? tls_credentials_get_name(s->credentials) : NULL,
                .text = "cedar: permission denied by admin access control policy",
        };
        _cleanup_free_ char *why = NULL;
        int r;

        if (!s->config->access_control)
                return 0;
        r = rpc_rules_new(&options, &s->rules, &why);
        if (r < 0)
                rpc_rules_log_refused(why ? why : strerror(-r));
        return r;
}

static void on_drained(void *userdata) {
        Serve *s = userdata;

        daemon_exit(s->daemon, EXIT_SUCCESS);
}

static void on_stop(void *userdata) {
        Serve *s = userdata;

        if (!s->server) {
                daemon_exit(s->daemon, EXIT_SUCCESS);
                return;
        }
        watch_hub_close(registry_get_hub(s->admin.registry));
        forwards_stop(&s->admin);
        admin_changed(&s->admin);
        rpc_server_drain(s->server, on_drained, s);
}

static void on_credentials_changed(void *userdata) {
        Serve *s = userdata;

        log_write(LOG_NOTICE, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CERTIFICATES_RELOADED }),
                        "The certificates have changed; new connections use them");
        rpc_server_recheck(s->server);
}

static void on_credentials_failed(const char *error, _unused_ void *userdata) {
        log_write(LOG_ERR, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CERTIFICATES_REFUSED }, { "GIVC_REASON", error }),
                        "The certificates cannot be used, they stay as they were: %s", error);
}

static void on_reload(void *userdata) {
        Serve *s = userdata;
        _cleanup_free_ char *why = NULL;
        int r;

        access_refresh(&s->admin.access);
        policy_sources_poll(&s->admin.policies);
        if (s->rules)
                rpc_rules_reload(s->rules);
        if (!s->credentials)
                return;
        r = tls_credentials_reload(s->credentials, &why);
        if (r < 0)
                on_credentials_failed(why ? why : strerror(-r), s);
        rpc_server_recheck(s->server);
}

static void on_news(Admin *admin, void *userdata) {
        _cleanup_free_ char *sentence = admin_get_sentence(admin);
        Serve *s = userdata;

        if (sentence)
                daemon_set_status(s->daemon, "%s%s", s->config->use_tls ? "" : "TLS IS OFF; ", sentence);
}

static void on_judged(void *userdata) {
        Serve *s = userdata;

        on_news(&s->admin, s);
}

static int serve_init(Serve *s) {
        static const DaemonHooks hooks = { on_reload, on_stop };
        struct rlimit limit;
        int r;

        /* A connection takes three descriptors. */
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
        r = daemon_new(&hooks, s, &s->daemon);
        if (r < 0)
                return r;
        r = bus_new(daemon_get_event(s->daemon), BUS_SYSTEM, &s->bus);
        if (r >= 0)
                r = log_control_new(s->bus, BUS_NAME, "givc-admin", &s->log_control);
        if (r < 0)
                return r;
        r = rpc_queue_new(daemon_get_event(s->daemon), &s->queue);
        if (r < 0)
                return r;
        r = admin_init(&s->admin, s->queue, s->credentials, s->config);
        if (r < 0)
                return r;
        s->admin.on_news = on_news;
        s->admin.userdata = s;
        r = rpc_server_new(s->queue, &s->server);
        if (r < 0)
                return r;
        rpc_server_set_access(s->server, permission_check, &s->admin);
        if (s->rules) {
                s->admin.rules = s->rules;
                r = rpc_rules_watch(s->rules, daemon_get_event(s->daemon), on_judged, s);
                if (r < 0)
                        log_warning_errno(r, "Cannot watch the access rules, so reload this service when they change");
        }
        if (s->credentials) {
                rpc_server_set_credentials(s->server, s->credentials);
                r = tls_credentials_watch(s->credentials, daemon_get_event(s->daemon), on_credentials_changed, s);
                if (r < 0)
                        log_warning_errno(r, "Cannot watch the certificates, so reload this service when they change");
                tls_credentials_on_failure(s->credentials, on_credentials_failed, s);
        }
        return services_add(s->server, &s->admin);
}

/* What the last run left with the service manager, or something new for the next one. */
static int serve_restore(Serve *s) {
        _cleanup_free_ int *fds = NULL;
        int n, r;

        n = daemon_take_fds(s->daemon, STORE_NAME, &fds);
        if (n < 0)
                return n;
        for (int i = 1; i < n; i++)
                (void) fd_close(fds[i]);
        r = store_new(&s->admin, n > 0 ? fds[0] : -EBADF, &s->store);
        if (r < 0 || n > 0)
                return r;
        r = daemon_store_fd(s->daemon, STORE_NAME, store_get_fd(s->store));
        if (r < 0)
                (void) log_warning_errno(r, "Cannot keep the registry over a restart");
        return 0;
}

static bool fd_is_bound_to(int fd, const char *path) {
        struct sockaddr_un sa = {};
        socklen_t size = sizeof(sa);

        return path && getsockname(fd, (struct sockaddr *) &sa, &size) == 0 && sa.sun_family == AF_UNIX &&
                        streq(sa.sun_path, path);
}

/* The passed sockets of that name ("" is the first one); the number of them, or a negative errno. */
static int listen_passed(Serve *s, const char *name, bool *ret_local) {
        _cleanup_free_ int *fds = NULL;
        bool first = isempty(name);
        int n, r = 0;

        n = daemon_take_fds(s->daemon, first ? "*" : name, &fds);
        for (int i = 0; i < n; i++) {
                if (fd_is_bound_to(fds[i], s->config->local_socket))
                        *ret_local = true;
                if (r < 0 || (first && i > 0))
                        (void) fd_close(fds[i]);
                else
                        r = rpc_server_listen_fd(s->server, fds[i]);
        }
        if (r < 0)
                return log_error_errno(r, "Cannot listen on the passed socket '%s'", name);
        if (n == 0)
                log_write(LOG_ERR, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIGURATION_REFUSED }),
                                "--listen: no address is given, or no socket '%s' was passed by the service manager",
                                name);
        return n;
}

static int listen_at(Serve *s, const RpcAddress *a, bool *ret_local) {
        _cleanup_free_ char *text = rpc_address_to_string(a);
        int r;

        if (a->kind == RPC_ADDRESS_PASSED) {
                r = listen_passed(s, a->host, ret_local);
                return r == 0 ? -ENOTCONN : r;
        }
        r = rpc_server_listen(s->server, a, 0660, s->admin.access.group_exists ? s->admin.access.group : (gid_t) -1);
        if (r < 0)
                return log_error_errno(r, "Cannot listen on %s", strempty(text));
        log_info("Listening on %s", strempty(text));
        return 0;
}

/* Nobody else needs this door to get in, so it may be missing when nobody asked for it. */
static int listen_local(Serve *s) {
        const char *path = s->config->local_socket;
        RpcAddress a = { .kind = RPC_ADDRESS_UNIX, .host = (char *) path };
        _cleanup_free_ char *directory = strdup(path);
        char *slash;
        int r;

        if (!directory)
                return -ENOMEM;
        slash = strrchr(directory, '/');
        if (slash > directory) {
                *slash = 0;
                (void) mkdir(directory, 0755);
        }
        r = rpc_server_listen(s->server, &a, 0660, s->admin.access.group_exists ? s->admin.access.group : (gid_t) -1);
        if (r >= 0) {
                log_info("Listening on %s for root and group '%s'", path, ACCESS_GROUP);
                return 0;
        }
        if (s->config->local_socket_asked_for)
                return log_error_errno(r, "--local-socket: cannot listen on %s", path);
        (void) log_warning_errno(r, "There is no local front door at %s", path);
        return 0;
}

static int serve_listen(Serve *s) {
        static const RpcAddress all = { .kind = RPC_ADDRESS_PASSED, .host = (char *) "*" };
        const Config *c = s->config;
        bool local = !c->local_socket;
        int r;

        for (size_t i = 0; i < MAX(c->n_listen, (size_t) 1); i++) {
                r = listen_at(s, c->n_listen > 0 ? &c->listen[i] : &all, &local);
                if (r < 0)
                        return r;
        }
        return local ? 0 : listen_local(s);
}

int serve_run(const Config *config) {
        _cleanup_(serve_done) Serve s = { .config = config };
        int r;

        log_set_level(config->log_level);
        if (load_credentials(&s) < 0 || load_rules(&s) < 0)
                return EXIT_USAGE;
        if (!config->use_tls)
                log_write(LOG_WARNING, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_TLS_OFF }),
                                "TLS is off: whoever reaches a network listener controls every VM. Use --use-tls");
        else if (!config->access_control)
                log_notice("There are no access rules: each machine whose certificate is accepted may ask for all but "
                           "commands, see --access-control");
        if (config->check) {
                log_info("The configuration is fine");
                return EXIT_SUCCESS;
        }
        r = serve_init(&s);
        if (r >= 0)
                r = serve_restore(&s);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot start");
                return EXIT_FAILURE;
        }
        r = serve_listen(&s);
        if (r < 0)
                return r == -ENOTCONN ? EXIT_USAGE : EXIT_FAILURE;
        r = policy_sources_start(&s.admin.policies, s.bus);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot start");
                return EXIT_FAILURE;
        }
        admin_changed(&s.admin);
        daemon_ready(s.daemon);
        return daemon_run(s.daemon);
}
