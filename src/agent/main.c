/* SPDX-License-Identifier: Apache-2.0 */
/* givc-agent: what a machine of the fleet lets its admin do with its units. This file reads the options, puts the parts
 * together, and takes them apart again in order. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
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
#include "event/log-target.h"

#define EXIT_USAGE       2 /* also a configuration that cannot be used */

#define UNIX_SOCKET_MODE 0600
#define BUS_NAME         "org.givc.Agent" /* BusName= of its units */

extern const uint8_t givc_descriptors[], givc_descriptors_end[];

typedef struct Options {
        const char *config, *exposes;
        bool debug, check;
} Options;

typedef struct Program {
        Config *config;
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
} Program;

static void help(FILE *f) {
        fputs("givc-agent [-config FILE] [OPTION…]\n"
              "\n"
              "Lets the admin of a givc fleet manage the units of this machine, and registers\n"
              "with it.\n"
              "\n"
              "  -config FILE, --config=FILE  configuration, see givc-agent.json(5); without\n"
              "                               it, it is in the environment\n"
              "  -debug, --debug              log what is done, not only what matters\n"
              "  --exposes=UNIT               exit: 0 if the configuration lets the admin\n"
              "                               control the unit, else 1\n"
              "  --check                      check the configuration and exit: 0, or 2 with\n"
              "                               the reason\n"
              "  --version                    print the version\n"
              "  --help                       print this\n",
                        f);
}

/* 0: go on; else exit with *ret_code. One dash is as good as two, as Go's programs have it. */
static int options_parse(int argc, char **argv, Options *ret, int *ret_code) {
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "debug", no_argument, NULL, 'd' },
                { "exposes", required_argument, NULL, 'e' },
                { "check", no_argument, NULL, 'C' },
                { "version", no_argument, NULL, 'V' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int c;

        *ret_code = EXIT_USAGE;
        while ((c = getopt_long_only(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        ret->config = optarg;
                        break;
                case 'd':
                        ret->debug = true;
                        break;
                case 'e':
                        ret->exposes = optarg;
                        break;
                case 'C':
                        ret->check = true;
                        break;
                case 'V':
                        puts("givc-agent " GIVC_VERSION);
                        *ret_code = 0;
                        return -ECANCELED;
                case 'h':
                        help(stdout);
                        *ret_code = 0;
                        return -ECANCELED;
                default:
                        return -EINVAL;
                }
        if (optind == argc && (ret->config || config_is_in_environment()))
                return 0;
        if (optind < argc)
                fprintf(stderr, "givc-agent: unexpected argument '%s'\n", argv[optind]);
        else
                fputs("givc-agent: no configuration: -config FILE is missing, and it is not in the environment\n",
                                stderr);
        help(stderr);
        return -EINVAL;
}

static void on_registration_change(void *userdata) {
        Program *p = userdata;
        _cleanup_free_ char *text = NULL;
        RpcRulesCounts n;

        /* The first change comes from within registration_new(). */
        if (!p->registration || daemon_is_stopping(p->daemon))
                return;
        text = registration_describe(p->registration);
        if (text && p->access.rules) {
                n = rpc_rules_get_counts(p->access.rules);
                daemon_set_status(p->daemon, "%s; calls: %" PRIu64 " allowed, %" PRIu64 " denied", text, n.n_allowed,
                                n.n_denied);
        } else if (text)
                daemon_set_status(p->daemon, "%s%s", p->config->network.tls ? "" : "TLS IS OFF; ", text);
}

static void on_credentials_changed(void *userdata) {
        Program *p = userdata;

        log_write(LOG_NOTICE, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CERTIFICATES_RELOADED }),
                        "Certificates were read again");
        rpc_server_recheck(p->server);
        if (p->proxy)
                socket_proxy_recheck(p->proxy);
        event_proxy_recheck(p->events);
}

static void on_credentials_failed(const char *error, _unused_ void *userdata) {
        log_write(LOG_ERR, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CERTIFICATES_REFUSED }, { "GIVC_REASON", error }),
                        "Certificates cannot be used, the old ones stay in use: %s", error);
}

static void on_reload(void *userdata) {
        Program *p = userdata;
        _cleanup_free_ char *reason = NULL;
        int r;

        if (p->access.rules)
                rpc_rules_reload(p->access.rules);
        if (!p->credentials)
                return;
        r = tls_credentials_reload(p->credentials, &reason);
        if (r < 0)
                on_credentials_failed(reason ? reason : strerror(-r), p);
        else if (r > 0)
                on_credentials_changed(p);
}

static void on_drained(void *userdata) {
        Program *p = userdata;

        daemon_exit(p->daemon, 0);
}

static void on_stop(void *userdata) {
        Program *p = userdata;

        daemon_set_status(p->daemon, "stopping");
        p->listener = listener_free(p->listener);
        p->registration = registration_free(p->registration);
        p->proxy = socket_proxy_free(p->proxy);
        p->events = event_proxy_free(p->events);
        /* Streams of states and of what is said never end by themselves; all other calls get their time. */
        feed_close(agent_get_feed(p->agent));
        journal_shutdown();
        rpc_server_drain(p->server, on_drained, p);
}

static int program_load_credentials(Program *p) {
        const TlsPaths paths = { p->config->network.ca, p->config->network.cert, p->config->network.key,
                isempty(p->config->network.crl) ? NULL : p->config->network.crl };
        _cleanup_free_ char *reason = NULL;
        int r;

        if (!p->config->network.tls)
                return 0;
        r = tls_credentials_new(&paths, &p->credentials, &reason);
        if (r < 0) {
                log_write(LOG_ERR,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIGURATION_REFUSED }, { "GIVC_REASON", reason }),
                                "TLS: %s", reason ? reason : strerror(-r));
                return r;
        }
        r = tls_credentials_watch(p->credentials, daemon_get_event(p->daemon), on_credentials_changed, p);
        if (r < 0)
                log_warning_errno(r, "Cannot watch the certificates, so reload this service when they change");
        tls_credentials_on_failure(p->credentials, on_credentials_failed, p);
        return 0;
}

static int config_read_rules(const Config *config, RpcRules **ret) {
        const RpcRulesOptions options = {
                .file = config->rules_file,
                .deny_on_error = config->deny_on_error,
                .local = config->identity.name,
                .text = "permission denied by access control policy",
        };
        _cleanup_free_ char *why = NULL;
        int r;

        if (!config->access_control)
                return 0;
        r = rpc_rules_new(&options, ret, &why);
        if (r < 0)
                rpc_rules_log_refused(why ? why : strerror(-r));
        return r;
}

static void program_watch_rules(Program *p) {
        int r;

        if (!p->access.rules)
                return;
        r = rpc_rules_watch(p->access.rules, daemon_get_event(p->daemon), on_registration_change, p);
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

static int program_make_agent(Program *p) {
        BusScope scope = own_scope();
        _cleanup_free_ char *unit = own_unit(scope);
        int r;

        r = bus_new(daemon_get_event(p->daemon), scope, &p->bus);
        if (r < 0)
                return log_error_errno(r, "Cannot use the bus");
        r = log_control_new(p->bus, BUS_NAME, "givc-agent", &p->log_control);
        if (r < 0)
                return log_oom();
        r = agent_new(p->config, p->bus, unit, &p->agent);
        return r < 0 ? log_error_errno(r, "Cannot watch units") : 0;
}

static int program_make_server(Program *p) {
        int r;

        r = rpc_server_new(p->queue, &p->server);
        if (r < 0)
                return r;
        if (p->credentials)
                rpc_server_set_credentials(p->server, p->credentials);
        p->admin_peer = access_peer_of(p->config, &p->access);
        rpc_server_set_access(p->server, access_check_peer, &p->admin_peer);
        r = services_add(p->server, p->agent);
        if (r < 0)
                return r;
        r = rpc_server_add_health(p->server);
        if (r < 0)
                return r;
        return rpc_server_add_reflection(p->server, givc_descriptors, givc_descriptors_end - givc_descriptors);
}

static int program_make_proxy(Program *p) {
        const SocketProxyOptions options = {
                .queue = p->queue,
                .credentials = p->credentials,
                .config = p->config,
                .access = &p->access,
                .descriptors = givc_descriptors,
                .n_descriptors = givc_descriptors_end - givc_descriptors,
        };

        return socket_proxy_new(&options, &p->proxy);
}

static int program_make_events(Program *p) {
        const EventProxyOptions options = {
                .queue = p->queue,
                .credentials = p->credentials,
                .config = p->config,
                .access = &p->access,
                .descriptors = givc_descriptors,
                .n_descriptors = givc_descriptors_end - givc_descriptors,
        };

        return event_proxy_new(&options, &p->events);
}

static int program_register(Program *p) {
        const RpcChannelOptions options = {
                .address = &p->config->admin_address,
                .credentials = p->credentials,
                .server_name = p->config->network.admin.name,
        };
        int r;

        r = rpc_channel_new(p->queue, &options, &p->admin);
        if (r < 0)
                return log_error_errno(r, "Cannot make the channel to the admin");
        r = registration_new(p->agent, p->admin, on_registration_change, p, &p->registration);
        if (r < 0)
                return log_error_errno(r, "Cannot register");
        on_registration_change(p);
        return 0;
}

/* What cannot be called back is not worth registering, so that comes now. */
static void on_listening(int r, void *userdata) {
        Program *p = userdata;

        if (r >= 0) {
                log_info("Listening");
                r = program_register(p);
        } else
                log_error_errno(r, "Cannot listen, and trying on would not help");
        if (r < 0)
                daemon_exit(p->daemon, EXIT_FAILURE);
}

static int program_listen_at_address(Program *p) {
        _cleanup_free_ char *text = rpc_address_to_string(&p->config->agent_address), *problem = NULL;
        int r;

        r = listener_new(daemon_get_event(p->daemon), p->server, &p->config->agent_address, UNIX_SOCKET_MODE,
                        on_listening, p, &p->listener);
        if (r < 0)
                return log_error_errno(r, "Cannot listen at %s", strempty(text));
        if (listener_is_listening(p->listener))
                return program_register(p);
        problem = listener_describe(p->listener);
        if (!problem)
                return log_oom();
        log_warning("The agent %s", problem);
        daemon_set_status(p->daemon, "%s%s", p->config->network.tls ? "" : "TLS IS OFF; ", problem);
        return 0;
}

/* Sockets that were passed, under whatever name, are in place of those that are configured: the proxy's by their
 * paths, all others in place of the agent's own. */
static int program_listen(Program *p) {
        _cleanup_free_ int *fds = NULL;
        int n, n_own = 0, r = 0;

        n = daemon_take_fds(p->daemon, "*", &fds);
        if (n < 0)
                return log_error_errno(n, "Cannot take the passed sockets");
        for (int i = 0; i < n; i++) {
                int q;

                if (socket_proxy_take_fd(p->proxy, fds[i]))
                        continue;
                n_own++;
                q = rpc_server_listen_fd(p->server, fds[i]);
                if (q < 0)
                        r = log_error_errno(q, "Cannot accept from passed socket %i", fds[i]);
        }
        socket_proxy_start(p->proxy);
        if (n_own == 0)
                return program_listen_at_address(p);
        return r < 0 ? r : program_register(p);
}

static int program_start(Program *p) {
        static const DaemonHooks hooks = { .reload = on_reload, .stop = on_stop };
        int r;

        r = daemon_new(&hooks, p, &p->daemon);
        if (r < 0)
                return log_error_errno(r, "Cannot become a daemon");
        STRV_FOREACH(warning, p->config->warnings)
                log_write(LOG_WARNING,
                                LOG_FIELDS({ "MESSAGE_ID",
                                                startswith(*warning, "network.tls.enable:") ? MESSAGE_TLS_OFF : NULL }),
                                "%s: %s", p->config->path, *warning);
        program_watch_rules(p);
        r = program_load_credentials(p);
        if (r < 0)
                return r;
        r = rpc_queue_new(daemon_get_event(p->daemon), &p->queue);
        if (r < 0)
                return log_error_errno(r, "Cannot start gRPC");
        r = program_make_agent(p);
        if (r < 0)
                return r;
        r = program_make_server(p);
        if (r < 0)
                return log_error_errno(r, "Cannot make the server");
        r = program_make_proxy(p);
        if (r < 0)
                return log_oom();
        r = program_make_events(p);
        if (r < 0)
                return log_error_errno(r, "Cannot proxy events");
        return program_listen(p);
}

/* Handlers and the session use the agent, the agent uses the bus: the users go first. */
static void program_done(Program *p) {
        listener_free(p->listener);
        registration_free(p->registration);
        rpc_channel_unref(p->admin);
        socket_proxy_free(p->proxy);
        event_proxy_free(p->events);
        rpc_server_free(p->server);
        agent_free(p->agent);
        log_control_free(p->log_control);
        bus_unref(p->bus);
        rpc_queue_unref(p->queue);
        rpc_rules_free(p->access.rules);
        tls_credentials_unref(p->credentials);
        daemon_free(p->daemon);
        config_free(p->config);
}

/* For the rule of polkit, which lets an agent without privileges control what the configuration names, and no more. */
static int program_tell_exposed(const Config *config, const char *unit) {
        _cleanup_(exposure_freep) Exposure *exposure = NULL;

        if (exposure_new(config, &exposure) < 0)
                return EXIT_FAILURE;
        return exposure_is_configured(exposure, unit) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int program_run(const Options *options) {
        _cleanup_(program_done) Program p = {};
        _cleanup_free_ char *reason = NULL;
        int r;

        r = options->config ? config_load(options->config, &p.config, &reason)
                            : config_load_environment(&p.config, &reason);
        if (r < 0) {
                log_write(LOG_ERR,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIGURATION_REFUSED }, { "GIVC_REASON", reason }),
                                "givc-agent: %s", reason ? reason : strerror(-r));
                return EXIT_USAGE;
        }
        if (options->exposes)
                return program_tell_exposed(p.config, options->exposes);
        p.access.vm = p.config->identity.name;
        if (config_read_rules(p.config, &p.access.rules) < 0)
                return EXIT_USAGE;
        if (options->check) {
                STRV_FOREACH(warning, p.config->warnings)
                        printf("%s: %s\n", p.config->path, *warning);
                return EXIT_SUCCESS;
        }
        r = config_resolve(p.config, &reason);
        if (r < 0) {
                log_error("givc-agent: %s", reason ? reason : strerror(-r));
                return EXIT_FAILURE;
        }
        r = program_start(&p);
        if (r < 0)
                return EXIT_FAILURE;
        daemon_ready(p.daemon);
        r = daemon_run(p.daemon);
        return r < 0 ? EXIT_FAILURE : r;
}

int main(int argc, char **argv) {
        Options options = {};
        int code;

        log_target_open();
        if (options_parse(argc, argv, &options, &code) < 0)
                return code;
        if (options.debug || (!options.config && streq_ptr(getenv("DEBUG"), "true")))
                log_set_level(LOG_DEBUG);
        return program_run(&options);
}
