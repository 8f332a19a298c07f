/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/entry.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

const char config_help[] = "givc-admin [OPTION…]\n"
                           "\n"
                           "Keeps the registry of VMs, agents, services and applications, and controls\n"
                           "them through their agents.\n"
                           "\n"
                           "     --listen=ADDRESS      Serve at ADDRESS: IP:PORT, tcp:HOST:PORT,\n"
                           "                           [IPv6]:PORT, /path, unix:PATH, @abstract,\n"
                           "                           vsock:CID:PORT, sd-listen, sd-listen:NAME,\n"
                           "                           sd-listen:*; repeat for more. Default: all sockets\n"
                           "                           that the service manager passes\n"
                           "     --local-socket=PATH   Front door for root and group givc, without\n"
                           "                           certificates; \"none\" for none\n"
                           "                           [" CONFIG_LOCAL_SOCKET ", $GIVC_LOCAL_SOCKET]\n"
                           "     --use-tls[=BOOL]      Mutual TLS on network listeners [$TLS]\n"
                           "     --ca-cert=FILE        Certificate of the authority [$CA_CERT]\n"
                           "     --host-cert=FILE      Certificate of this admin [$HOST_CERT]\n"
                           "     --host-key=FILE       Its key [$HOST_KEY]\n"
                           "     --crl=FILE            Revocation list [$CRL]\n"
                           "     --host=NAME           The only certificate name that may register as the\n"
                           "                           host [$GIVC_HOST]. Default: the first one that ever\n"
                           "                           did, see givc-admin(8)\n"
                           "     --gui-vm=NAME         The VM whose security keys are lent to others\n"
                           "                           [" CONFIG_GUI_VM ", $GIVC_GUI_VM]\n"
                           "     --settings-directory=DIRECTORY\n"
                           "                           Where language and time zone are kept\n"
                           "                           [$GIVC_SETTINGS_DIRECTORY]. Default: the service's\n"
                           "                           StateDirectory=, or /etc\n"
                           "     --monitoring[=BOOL]   Follow the state of units [$GIVC_MONITORING, true]\n"
                           "     --vm-start-timeout=S  How many seconds a VM may take until its agent has\n"
                           "                           registered [60, $GIVC_VM_START_TIMEOUT]\n"
                           "     --access-control[=BOOL]\n"
                           "                           Let rules decide who may do what [$ACCESS_CONTROL]\n"
                           "     --cedar-file=FILE     The rules, see givc.policy(5) [$CEDAR_FILE]\n"
                           "     --on-rule-error=deny|skip\n"
                           "                           What a rule that cannot be evaluated does\n"
                           "                           [skip, $GIVC_ON_RULE_ERROR]\n"
                           "     --policy-admin[=BOOL] Hand out policies [$POLICY_ADMIN]\n"
                           "     --policy-config=JSON  Which, to whom, and where they come from; see\n"
                           "                           givc-admin(8) [$POLICY_CONFIG]\n"
                           "     --policy-store=DIRECTORY\n"
                           "                           Where policies are kept [$POLICY_STORE]. Default:\n"
                           "                           policies in the service's StateDirectory=, or\n"
                           "                           " CONFIG_POLICY_STORE "\n"
                           "     --services=LIST       Accepted and ignored [$SERVICES]\n"
                           "     --check               Only check the configuration\n"
                           "  -h --help                Show this\n"
                           "     --version             Show the version\n"
                           "\n"
                           "$GIVC_LOG: error, warning, info, debug.\n"
                           "Limits: 256 agents, 512 entries of one agent, 2048 watchers,\n"
                           "64 policies of 16 MiB.\n";

enum {
        OPT_LISTEN = 0x100,
        OPT_LOCAL_SOCKET,
        OPT_USE_TLS,
        OPT_CA_CERT,
        OPT_HOST_CERT,
        OPT_HOST_KEY,
        OPT_CRL,
        OPT_HOST,
        OPT_GUI_VM,
        OPT_SETTINGS_DIRECTORY,
        OPT_MONITORING,
        OPT_VM_START_TIMEOUT,
        OPT_POLICY_ADMIN,
        OPT_POLICY_CONFIG,
        OPT_POLICY_STORE,
        OPT_ACCESS_CONTROL,
        OPT_CEDAR_FILE,
        OPT_ON_RULE_ERROR,
        OPT_SERVICES,
        OPT_CHECK,
        OPT_VERSION,
};

static const struct option long_options[] = {
        { "listen", required_argument, NULL, OPT_LISTEN },
        { "local-socket", required_argument, NULL, OPT_LOCAL_SOCKET },
        { "use-tls", optional_argument, NULL, OPT_USE_TLS },
        { "ca-cert", required_argument, NULL, OPT_CA_CERT },
        { "host-cert", required_argument, NULL, OPT_HOST_CERT },
        { "host-key", required_argument, NULL, OPT_HOST_KEY },
        { "crl", required_argument, NULL, OPT_CRL },
        { "host", required_argument, NULL, OPT_HOST },
        { "gui-vm", required_argument, NULL, OPT_GUI_VM },
        { "settings-directory", required_argument, NULL, OPT_SETTINGS_DIRECTORY },
        { "monitoring", optional_argument, NULL, OPT_MONITORING },
        { "vm-start-timeout", required_argument, NULL, OPT_VM_START_TIMEOUT },
        { "policy-admin", optional_argument, NULL, OPT_POLICY_ADMIN },
        { "policy-config", required_argument, NULL, OPT_POLICY_CONFIG },
        { "policy-store", required_argument, NULL, OPT_POLICY_STORE },
        { "access-control", optional_argument, NULL, OPT_ACCESS_CONTROL },
        { "cedar-file", required_argument, NULL, OPT_CEDAR_FILE },
        { "on-rule-error", required_argument, NULL, OPT_ON_RULE_ERROR },
        { "services", required_argument, NULL, OPT_SERVICES },
        { "check", no_argument, NULL, OPT_CHECK },
        { "version", no_argument, NULL, OPT_VERSION },
        { "help", no_argument, NULL, 'h' },
        {},
};

/* The words that were given, before they are judged together. */
typedef struct Words {
        Config config;
        char *policy_config;
        char *vm_start, *on_rule_error;
        char *ignored; /* services: nothing uses it */
} Words;

static void words_done(Words *w) {
        config_done(&w->config);
        free(w->policy_config);
        free(w->vm_start);
        free(w->on_rule_error);
        free(w->ignored);
}

/* One setting, by its option and by its variable. */
typedef struct Setting {
        int option;
        const char *variable;
        size_t offset;
        bool boolean;
} Setting;

static const Setting settings[] = {
        { OPT_USE_TLS, "TLS", offsetof(Words, config.use_tls), true },
        { OPT_CA_CERT, "CA_CERT", offsetof(Words, config.ca_cert), false },
        { OPT_HOST_CERT, "HOST_CERT", offsetof(Words, config.host_cert), false },
        { OPT_HOST_KEY, "HOST_KEY", offsetof(Words, config.host_key), false },
        { OPT_CRL, "CRL", offsetof(Words, config.crl), false },
        { OPT_HOST, "GIVC_HOST", offsetof(Words, config.host), false },
        { OPT_GUI_VM, "GIVC_GUI_VM", offsetof(Words, config.gui_vm), false },
        { OPT_LOCAL_SOCKET, "GIVC_LOCAL_SOCKET", offsetof(Words, config.local_socket), false },
        { OPT_SETTINGS_DIRECTORY, "GIVC_SETTINGS_DIRECTORY", offsetof(Words, config.settings_directory), false },
        { OPT_MONITORING, "GIVC_MONITORING", offsetof(Words, config.monitoring), true },
        { OPT_VM_START_TIMEOUT, "GIVC_VM_START_TIMEOUT", offsetof(Words, vm_start), false },
        { OPT_POLICY_ADMIN, "POLICY_ADMIN", offsetof(Words, config.policy_admin), true },
        { OPT_POLICY_CONFIG, "POLICY_CONFIG", offsetof(Words, policy_config), false },
        { OPT_POLICY_STORE, "POLICY_STORE", offsetof(Words, config.policy_store), false },
        { OPT_ACCESS_CONTROL, "ACCESS_CONTROL", offsetof(Words, config.access_control), true },
        { OPT_CEDAR_FILE, "CEDAR_FILE", offsetof(Words, config.cedar_file), false },
        { OPT_ON_RULE_ERROR, "GIVC_ON_RULE_ERROR", offsetof(Words, on_rule_error), false },
        { OPT_SERVICES, "SERVICES", offsetof(Words, ignored), false },
};

static const char *option_name(int option) {
        for (const struct option *o = long_options; o->name; o++)
                if (o->val == option)
                        return o->name;
        return "?";
}

/* where: "--use-tls" or "$TLS", for the error. A switch without a value is on. */
static int setting_apply(const Setting *s, Words *w, const char *where, const char *value, char **reterr) {
        void *p = (char *) w + s->offset;
        int r;

        if (!s->boolean) {
                r = str_replace(p, value);
                return r < 0 ? r : 0;
        }
        r = value ? parse_boolean(value) : 1;
        if (r < 0)
                return str_refuse(reterr, "%s: '%s' is neither true nor false.", where, value);
        *(bool *) p = r;
        return 0;
}

static int parse_environment(Words *w, char **reterr) {
        int r;

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                const char *value = getenv(settings[i].variable);
                char where[32];

                if (isempty(value))
                        continue;
                (void) snprintf(where, sizeof(where), "$%s", settings[i].variable);
                r = setting_apply(&settings[i], w, where, value, reterr);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_listen(Config *c, const char *value, char **reterr) {
        _cleanup_free_ char *why = NULL;
        int r;

        if (c->n_listen >= CONFIG_LISTEN_MAX)
                return str_refuse(reterr, "--listen: more than %u addresses.", CONFIG_LISTEN_MAX);
        r = rpc_address_parse(value, &c->listen[c->n_listen], &why);
        if (r == -EINVAL)
                return str_refuse(reterr, "--listen: %s.", strempty(why));
        if (r < 0)
                return r;
        c->n_listen++;
        return 0;
}

static int parse_setting(int option, Words *w, const char *value, char **reterr) {
        char where[40];

        (void) snprintf(where, sizeof(where), "--%s", option_name(option));
        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (settings[i].option == option)
                        return setting_apply(&settings[i], w, where, value, reterr);
        return -EINVAL;
}

static int parse_options(int argc, char *argv[], Words *w, char **reterr) {
        int c, r;

        optind = 0; /* glibc: start afresh */
        opterr = 0;
        while ((c = getopt_long(argc, argv, ":h", long_options, NULL)) >= 0) {
                r = 0;
                switch (c) {
                case 'h':
                        return CONFIG_HELP;
                case OPT_VERSION:
                        return CONFIG_VERSION;
                case OPT_CHECK:
                        w->config.check = true;
                        break;
                case OPT_LISTEN:
                        r = parse_listen(&w->config, optarg, reterr);
                        break;
                case ':':
                        return str_refuse(reterr, "%s: a value is missing.", argv[optind - 1]);
                case '?':
                        return str_refuse(reterr, "%s: there is no such option, or it takes no value; see --help.",
                                        argv[optind - 1]);
                default:
                        r = parse_setting(c, w, optarg, reterr);
                }
                if (r < 0)
                        return r;
        }
        if (optind < argc)
                return str_refuse(reterr, "'%s': no argument is expected; see --help.", argv[optind]);
        return CONFIG_RUN;
}

static int check_tls(const Config *c, char **reterr) {
        const struct {
                const char *option, *variable, *value;
        } files[] = {
                { "--ca-cert", "$CA_CERT", c->ca_cert },
                { "--host-cert", "$HOST_CERT", c->host_cert },
                { "--host-key", "$HOST_KEY", c->host_key },
        };

        for (size_t i = 0; c->use_tls && i < ELEMENTSOF(files); i++)
                if (isempty(files[i].value))
                        return str_refuse(reterr, "%s (%s): TLS is on, so the file must be named.", files[i].option,
                                        files[i].variable);
        return 0;
}

static int parse_vm_start(Words *w, char **reterr) {
        uint64_t seconds = 0;

        if (w->vm_start && (parse_uint(w->vm_start, CONFIG_VM_START_MAX, &seconds) < 0 || seconds == 0))
                return str_refuse(reterr,
                                "--vm-start-timeout ($GIVC_VM_START_TIMEOUT): '%s' is no number of seconds from 1 to "
                                "%d.",
                                w->vm_start, CONFIG_VM_START_MAX);
        w->config.vm_start_usec = seconds * USEC_PER_SEC;
        return 0;
}

static int parse_policies(Words *w, char **reterr) {
        _cleanup_strv_free_ char **warnings = NULL;
        _cleanup_free_ char *why = NULL;
        Config *c = &w->config;
        int r;

        if (!c->policy_admin)
                return 0;
        if (!w->policy_config)
                return str_refuse(reterr, "--policy-admin: --policy-config ($POLICY_CONFIG) is missing.");
        if (c->policy_store && c->policy_store[0] != '/')
                return str_refuse(reterr, "--policy-store ($POLICY_STORE): '%s' is no absolute path.", c->policy_store);
        r = config_policies_parse(w->policy_config, &c->policies, &warnings, &why);
        if (r == -EINVAL)
                return str_refuse(reterr, "--policy-config ($POLICY_CONFIG): %s.", strempty(why));
        STRV_FOREACH(warning, warnings)
                log_warning("--policy-config ($POLICY_CONFIG): %s", *warning);
        return r;
}

/* Rules that nobody asks must never read as rules that allow. */
static int check_rules(Words *w, char **reterr) {
        Config *c = &w->config;

        if (w->on_rule_error && !streq(w->on_rule_error, "deny") && !streq(w->on_rule_error, "skip"))
                return str_refuse(reterr, "--on-rule-error ($GIVC_ON_RULE_ERROR): '%s' is neither deny nor skip.",
                                w->on_rule_error);
        c->deny_on_error = streq_ptr(w->on_rule_error, "deny");
        if (!c->access_control)
                return 0;
        if (!c->use_tls)
                return str_refuse(reterr,
                                "--access-control: rules need to know who calls, and without --use-tls nobody does.");
        if (isempty(c->cedar_file))
                return str_refuse(
                                reterr, "--cedar-file ($CEDAR_FILE): access control is on, so the file must be named.");
        return 0;
}

static int check_words(Words *w, char **reterr) {
        Config *c = &w->config;
        int r;

        r = check_rules(w, reterr);
        if (r < 0)
                return r;
        if (c->host && !entry_word_is_valid(c->host))
                return str_refuse(reterr, "--host: '%s' is no certificate name.", c->host);
        if (c->gui_vm && !entry_word_is_valid(c->gui_vm))
                return str_refuse(reterr, "--gui-vm: '%s' is no name of a VM.", c->gui_vm);
        return check_tls(c, reterr);
}

static int finish(Config *c, char **reterr) {
        const char *level = getenv("GIVC_LOG"), *state = getenv("STATE_DIRECTORY");

        if (!isempty(state)) {
                c->state_directory = strndup(state, strcspn(state, ":"));
                if (!c->state_directory)
                        return -ENOMEM;
        }
        if (!c->policy_store && c->state_directory) {
                c->policy_store = strf("%s/policies", c->state_directory);
                if (!c->policy_store)
                        return -ENOMEM;
        }
        if (!c->settings_directory) {
                c->settings_directory = strdup(c->state_directory ? c->state_directory : CONFIG_SETTINGS_DIRECTORY);
                if (!c->settings_directory)
                        return -ENOMEM;
        } else if (c->settings_directory[0] != '/')
                return str_refuse(reterr, "--settings-directory: '%s' is no absolute path.", c->settings_directory);
        c->local_socket_asked_for = c->local_socket;
        if (!c->local_socket) {
                c->local_socket = strdup(CONFIG_LOCAL_SOCKET);
                if (!c->local_socket)
                        return -ENOMEM;
        } else if (streq(c->local_socket, "none") || isempty(c->local_socket)) {
                free(TAKE_PTR(c->local_socket));
        } else if (c->local_socket[0] != '/')
                return str_refuse(reterr, "--local-socket: '%s' is no absolute path.", c->local_socket);
        c->log_level = isempty(level) ? LOG_INFO : log_level_from_string(level);
        if (c->log_level < 0) {
                log_warning("$GIVC_LOG: '%s' is no log level; it is info now", level);
                c->log_level = LOG_INFO;
        }
        return CONFIG_RUN;
}

int config_parse(int argc, char *argv[], Config *ret, char **reterr) {
        _cleanup_(words_done) Words w = { .config.monitoring = true };
        int r;

        r = parse_environment(&w, reterr);
        if (r < 0)
                return r;
        r = parse_options(argc, argv, &w, reterr);
        if (r != CONFIG_RUN)
                return r;
        r = check_words(&w, reterr);
        if (r < 0)
                return r;
        r = parse_vm_start(&w, reterr);
        if (r >= 0)
                r = parse_policies(&w, reterr);
        if (r < 0)
                return r;
        r = finish(&w.config, reterr);
        if (r < 0)
                return r;
        *ret = w.config;
        w.config = (Config){};
        return CONFIG_RUN;
}

void config_done(Config *c) {
        for (size_t i = 0; i < c->n_listen; i++)
                rpc_address_done(&c->listen[i]);
        free(c->local_socket);
        free(c->ca_cert);
        free(c->host_cert);
        free(c->host_key);
        free(c->crl);
        free(c->cedar_file);
        free(c->host);
        free(c->gui_vm);
        free(c->state_directory);
        free(c->settings_directory);
        free(c->policy_store);
        config_policies_done(&c->policies);
        *c = (Config){};
}
