/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "ctl/since.h"
#include "tls/identity.h"

#define FIELD(member) offsetof(Options, member)

static const OptionRow rows[] = {
        { "vm", 0, "VM", NULL, FIELD(vm), VERB_PLACED, "Options", "the VM of the name", true },
        { "wait", 0, "[SEC]", NULL, FIELD(wait), VERB_WAITS, NULL, "start: until it ends, is-online: till yes" },
        { "no-block", 0, NULL, NULL, FIELD(no_block), VERB_DETACHES, NULL, "ask, and do not wait for the answer" },
        { "signal", 's', "SIGNAL", NULL, FIELD(signal), VERB_KILLS, NULL, "kill: TERM, 15 and so on (TERM)" },
        { "kill-whom", 0, "WHOM", NULL, FIELD(kill_whom), VERB_KILLS, NULL, "kill: main, control or all (all)" },
        { "tty", 't', NULL, NULL, FIELD(terminal), VERB_EXECUTES, NULL, "exec: with this terminal, as 'ssh -t'" },
        { "user", 'u', "USER", NULL, FIELD(user), VERB_EXECUTES, NULL, "exec: as this user" },
        { "working-directory", 0, "DIR", NULL, FIELD(directory), VERB_EXECUTES, NULL, "exec: in this directory" },
        { "follow", 'f', NULL, NULL, FIELD(follow), VERB_FOLLOWS, NULL, "logs: on, as they are written" },
        { "lines", 'n', "N", NULL, FIELD(lines), VERB_LINES, NULL, "logs, status: the last N lines, or all" },
        { "since", 0, "TIME", NULL, FIELD(since), VERB_FOLLOWS, NULL, "logs: from then on, as '10min ago', 'today'" },
        { "source", 0, "URL", NULL, FIELD(source), VERB_UPDATES, NULL, "update query: of the server of updates" },
        { "pin-name", 0, "NAME", NULL, FIELD(pin_name), VERB_UPDATES, NULL, "update query: of what (ghaf-updates)" },
        { "current", 0, NULL, NULL, FIELD(current), VERB_UPDATES, NULL, "update query: not current ones, too" },
        { "raw", 0, NULL, NULL, FIELD(raw), VERB_UPDATES, NULL, "update query: store paths only" },
        { "cache", 0, "NAME", NULL, FIELD(cache), VERB_UPDATES, NULL, "update cachix: which cache (ghaf-dev)" },
        { "cachix-host", 0, "HOST", NULL, FIELD(cachix_host), VERB_UPDATES, NULL, "update cachix: where it is" },
        { "token", 0, "TOKEN", "CACHIX_TOKEN", FIELD(token), VERB_UPDATES, NULL, "update cachix: if it is private" },
        { "watch", 0, NULL, NULL, FIELD(watch), VERB_REPEATS, NULL, "status: again after each change" },
        { "limit", 0, "N", NULL, FIELD(limit), VERB_ENDLESS, NULL, "watch: end after N events; top: after N looks" },
        { "urgency", 0, "URGENCY", NULL, FIELD(urgency), VERB_NOTIFIES, NULL,
                        "notify: low, normal, critical (normal)" },
        { "icon", 0, "ICON", NULL, FIELD(icon), VERB_NOTIFIES, NULL, "notify: a name or a path (dialog-information)" },
        { "event", 0, "EVENT", NULL, FIELD(event), VERB_NOTIFIES, NULL, "notify: what happened, for programs" },
        { "policies", 0, "FILE", NULL, FIELD(policies), VERB_JUDGES, NULL, "policy: by these rules" },
        { "principal", 0, "NAME", NULL, FIELD(principal), VERB_JUDGES, NULL, "policy: who calls" },
        { "action", 0, "NAME", NULL, FIELD(action), VERB_JUDGES, NULL, "policy: which method" },
        { "resource", 0, "NAME", NULL, FIELD(resource), VERB_JUDGES, NULL, "policy: of which module" },
        { "context", 0, "FILE", NULL, FIELD(context), VERB_JUDGES, NULL, "policy: with what, JSON or a file of it" },
        { "entities", 0, "FILE", NULL, FIELD(entities), VERB_JUDGES, NULL, "policy: with these entities" },
        { "root", 0, "DIR", NULL, FIELD(root), VERB_TESTS, NULL, "policy test: where its files are (.)" },
        { "dir", 0, "DIR", NULL, FIELD(dir), VERB_CERTIFIES, NULL, "certs: the authority's (/etc/givc/authority)" },
        { "lifetime", 0, "TIME", NULL, FIELD(lifetime), VERB_CERTIFIES, NULL, "certs: how long they are valid" },
        { "within", 0, "TIME", NULL, FIELD(within), VERB_CERTIFIES, NULL, "certs: which end so soon (check: 30d)" },
        { "new-key", 0, NULL, NULL, FIELD(new_key), VERB_CERTIFIES, NULL, "certs renew: with another key" },
        { "no-legend", 0, NULL, NULL, FIELD(no_legend), VERB_TABLE, NULL, "no header, no summary" },
        { "full", 'l', NULL, NULL, FIELD(full), VERB_TABLE, NULL, "do not shorten to the terminal's width" },
        { "no-pager", 0, NULL, NULL, FIELD(no_pager), 0, NULL, "do not page what is long" },
        { "timeout", 0, "SEC", NULL, FIELD(timeout), 0, NULL, "how long to wait for the answer" },
        { "json", 0, "MODE", NULL, FIELD(json), 0, NULL, "JSON: short, pretty or off" },
        { NULL, 'j', NULL, NULL, FIELD(json_auto), 0, NULL, "JSON: pretty on a terminal, else short" },
        { "as-json", 0, NULL, NULL, FIELD(as_json), 0, NULL, NULL },
        { "initial", 0, NULL, NULL, FIELD(initial), 0, NULL, NULL },
        { "title", 0, "TITLE", NULL, FIELD(title), 0, NULL, NULL },
        { "message", 0, "TEXT", NULL, FIELD(message), 0, NULL, NULL },
        { "retry", 0, "N", NULL, FIELD(retry), 0, NULL, NULL },
        { "type", 0, "N", NULL, FIELD(type), 0, NULL, NULL },
        { "by-type", 0, "N", NULL, FIELD(by_type), 0, NULL, NULL },
        { "by-name", 0, "NAME", NULL, FIELD(by_name), 0, NULL, NULL },
        { "completion", 0, "SHELL", NULL, FIELD(completion), 0, NULL, "print a script for bash, zsh or fish" },
        { "help", 'h', NULL, NULL, FIELD(help), 0, NULL, "show the verbs; behind a verb, explain it" },
        { "help-all", 0, NULL, NULL, FIELD(help_all), 0, NULL, "show all verbs and options" },
        { "version", 0, NULL, NULL, FIELD(version), 0, NULL, "show the version" },
        { "admin", 0, "ADDRESS", "GIVC_ADMIN", FIELD(admin), 0, "Where the admin is",
                        "tcp:HOST:PORT, vsock:CID:PORT, unix:PATH", true },
        { "addr", 0, "HOST", "GIVC_ADDR", FIELD(addr), 0, NULL, "its host name or IP address" },
        { "port", 0, "PORT", "GIVC_PORT", FIELD(port), 0, NULL, "its port, with --addr (" CTL_PORT_DEFAULT ")" },
        { "vsock", 0, "CID:PORT", NULL, FIELD(vsock), 0, NULL, "its vsock address" },
        { "name", 0, "NAME", "GIVC_NAME", FIELD(name), 0, NULL, "its name in its certificate" },
        { "cacert", 0, "FILE", "GIVC_CA_CERT", FIELD(cacert), 0, NULL, "CA (" CTL_CACERT_DEFAULT ")" },
        { "cert", 0, "FILE", "GIVC_HOST_CERT", FIELD(cert), 0, NULL, "own certificate (" CTL_CERT_DEFAULT ")" },
        { "key", 0, "FILE", "GIVC_HOST_KEY", FIELD(key), 0, NULL, "own key (" CTL_KEY_DEFAULT ")" },
        { "notls", 0, NULL, "GIVC_NO_TLS", FIELD(notls), 0, NULL, "no TLS, no certificates" },
};

#define LONG_BASE 256 /* above every character, so that getopt's value tells the row */

static_assert(ELEMENTSOF(rows) <= OPTIONS_MAX, "Options has room for the source of each row");

static void option_set(Options *o, const OptionRow *row, const char *value, OptionSource source) {
        void *p = (char *) o + row->offset;

        o->sources[row - rows] = source;
        if (row->argument)
                *(const char **) p = strempty(value);
        else
                *(bool *) p = true;
}

static const OptionRow *option_from_value(int value) {
        if (value >= LONG_BASE)
                return rows + (value - LONG_BASE);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].letter == value)
                        return rows + i;
        return NULL;
}

static int option_get_kind(const OptionRow *row) {
        return !row->argument ? no_argument : row->argument[0] == '[' ? optional_argument : required_argument;
}

/* Others can read a command line. */
static int options_hide_token(Options *o) {
        char *copy = strdup(o->token);

        if (!copy)
                return -ENOMEM;
        explicit_bzero((char *) o->token, strlen(o->token));
        free(o->token_copy);
        o->token = o->token_copy = copy;
        return 0;
}

/* What getopt could not make sense of, in one sentence. word is the one that it has read last. */
static char *option_explain(int c, const char *word) {
        const OptionRow *row = optopt != 0 ? option_from_value(optopt) : NULL;
        const size_t size = strcspn(word, "=");
        Nearest n;

        if (row)
                return c == ':' ? strf("Option '%.*s' needs a value: %s.", (int) size, word, row->argument)
                                : strf("Option '%.*s' takes no value.", (int) size, word);
        if (optopt != 0)
                return strf("Unknown option '-%c'.", optopt);
        n = nearest_begin(word + 2, size - 2);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].help && rows[i].name)
                        nearest_consider(&n, rows[i].name, strlen(rows[i].name));
        return strf("Unknown option '%.*s'%s%s%s", (int) size, word, n.word ? ", did you mean '--" : "",
                        strempty(n.word), n.word ? "'?" : ".");
}

static int options_parse_words(int argc, char **argv, Options *o, char **reterr) {
        struct option longs[ELEMENTSOF(rows) + 1] = {};
        char letters[2 * ELEMENTSOF(rows) + 2] = ":";
        size_t n_longs = 0, n_letters = 1;
        int c;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (rows[i].name)
                        longs[n_longs++] = (struct option){ rows[i].name, option_get_kind(rows + i), NULL,
                                LONG_BASE + (int) i };
                if (rows[i].letter)
                        letters[n_letters++] = rows[i].letter;
                if (rows[i].letter && rows[i].argument)
                        letters[n_letters++] = ':';
        }
        opterr = 0;
        optind = 0; /* starts getopt afresh, also when it ran before */
        while ((c = getopt_long(argc, argv, letters, longs, NULL)) >= 0) {
                const OptionRow *row = option_from_value(c);

                if (!row) {
                        *reterr = option_explain(c, argv[optind - 1]);
                        return -EINVAL;
                }
                option_set(o, row, optarg, OPTION_SAID);
                if (row->offset == FIELD(token) && options_hide_token(o) < 0)
                        return -ENOMEM;
        }
        o->words = argv + optind;
        o->n_words = (size_t) (argc - optind);
        return 0;
}

static int options_read_environment(Options *o, char **reterr) {
        bool placed = o->addr || o->vsock; /* the command line says where, the environment is not asked */

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *value = rows[i].variable ? getenv(rows[i].variable) : NULL;
                int r;

                if (isempty(value) || (placed && rows[i].offset == FIELD(admin)))
                        continue;
                if (rows[i].argument) {
                        if (!*(const char **) ((char *) o + rows[i].offset))
                                option_set(o, rows + i, value, OPTION_FROM_ENVIRONMENT);
                        continue;
                }
                r = parse_boolean(value);
                if (r < 0) {
                        *reterr = strf("Variable %s is '%s', which is neither true nor false.", rows[i].variable,
                                        value);
                        return -EINVAL;
                }
                if (r > 0)
                        option_set(o, rows + i, NULL, OPTION_FROM_ENVIRONMENT);
        }
        return 0;
}

static int options_find_address(Options *o, char **reterr) {
        _cleanup_free_ char *vsock = NULL;

        if (o->admin)
                return rpc_address_parse(o->admin, &o->address, reterr);
        if (o->vsock) {
                vsock = strf("vsock:%s", o->vsock);
                return vsock ? rpc_address_parse(vsock, &o->address, reterr) : -ENOMEM;
        }
        if (!o->addr)
                return rpc_address_parse(CTL_ADMIN_DEFAULT, &o->address, reterr);
        if (strchr("/.@", o->addr[0]))
                return rpc_address_parse(o->addr, &o->address, reterr);
        return rpc_address_from_transport("tcp", o->addr, o->port ? o->port : CTL_PORT_DEFAULT, &o->address, reterr);
}

static int options_find_tls(Options *o, char **reterr) {
        IdentityAddress ip;

        o->tls = !o->notls && o->address.kind != RPC_ADDRESS_UNIX;
        if (!o->tls)
                return 0;
        o->server_name = isempty(o->name) ? NULL : o->name;
        if (!o->server_name && o->address.kind == RPC_ADDRESS_TCP && !strchr(o->address.host, ':') &&
                        identity_address_from_string(o->address.host, &ip) < 0)
                o->server_name = o->address.host;
        o->cacert = o->cacert ? o->cacert : CTL_CACERT_DEFAULT;
        o->cert = o->cert ? o->cert : CTL_CERT_DEFAULT;
        o->key = o->key ? o->key : CTL_KEY_DEFAULT;
        if (!o->server_name) {
                *reterr = strf("TLS needs the admin's name: use --name=NAME or GIVC_NAME, or --notls.");
                return -EINVAL;
        }
        return 0;
}

static int options_find_output(Options *o, char **reterr) {
        static const struct {
                const char *word;
                OutputMode mode;
        } modes[] = {
                { "off", OUTPUT_TEXT },
                { "short", OUTPUT_JSON_SHORT },
                { "pretty", OUTPUT_JSON_PRETTY },
        };

        if (o->json_auto)
                o->output = isatty(STDOUT_FILENO) ? OUTPUT_JSON_PRETTY : OUTPUT_JSON_SHORT;
        if (!o->json)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (streq(o->json, modes[i].word)) {
                        o->output = modes[i].mode;
                        return 0;
                }
        *reterr = strf("--json=%s is none of short, pretty and off.", o->json);
        return -EINVAL;
}

static int options_find_wait(Options *o, char **reterr) {
        uint64_t seconds;

        if (!o->wait)
                return 0;
        if (o->no_block) {
                *reterr = strf("--wait and --no-block do not go together.");
                return -EINVAL;
        }
        o->wait_usec = USEC_INFINITY;
        if (isempty(o->wait))
                return 0;
        if (parse_uint(o->wait, INT32_MAX, &seconds) < 0 || seconds == 0) {
                *reterr = strf("--wait=%s is not a number of seconds, 1 or more.", o->wait);
                return -EINVAL;
        }
        o->wait_usec = seconds * USEC_PER_SEC;
        return 0;
}

static int options_find_numbers(Options *o, char **reterr) {
        uint64_t seconds;

        if (o->timeout) {
                if (parse_uint(o->timeout, INT32_MAX, &seconds) < 0 || seconds == 0) {
                        *reterr = strf("--timeout=%s is not a number of seconds, 1 or more.", o->timeout);
                        return -EINVAL;
                }
                o->timeout_usec = seconds * USEC_PER_SEC;
        }
        if (o->limit && parse_uint(o->limit, UINT32_MAX, &o->n_limit) < 0) {
                *reterr = strf("--limit=%s is not a number of events.", o->limit);
                return -EINVAL;
        }
        return 0;
}

static int options_find_lines(Options *o, char **reterr) {
        if (o->lines && streq(o->lines, "all"))
                o->n_lines = UINT64_MAX;
        else if (o->lines && parse_uint(o->lines, UINT32_MAX, &o->n_lines) < 0) {
                *reterr = strf("--lines=%s is neither a number of lines nor 'all'.", o->lines);
                return -EINVAL;
        }
        if (o->since && since_parse(o->since, time_now(CLOCK_REALTIME), &o->since_usec) < 0) {
                *reterr = strf("--since=%s is no time; '10min ago', 'today', '10:00' and '2026-11-22 10:00' are.",
                                o->since);
                return -EINVAL;
        }
        return 0;
}

int options_parse(int argc, char **argv, Options *ret, char **reterr) {
        static int (*const steps[])(Options * o, char **reterr) = {
                options_read_environment,
                options_find_output,
                options_find_numbers,
                options_find_wait,
                options_find_lines,
        };
        Options o = { .reference = argc > 0 && streq(basename(argv[0]), "givc-cli") };
        int r;

        /* What stands behind "--" is the application's: getopt must not see it, or it could not be told from names. */
        for (int i = 1; i < argc; i++)
                if (streq(argv[i], "--")) {
                        o.arguments = argv + i + 1;
                        argv[i] = NULL;
                        argc = i;
                        break;
                }
        r = options_parse_words(argc, argv, &o, reterr);
        if (r < 0) {
                options_done(&o);
                return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(steps) && !o.help && !o.help_all && !o.version && !o.completion; i++) {
                r = steps[i](&o, reterr);
                if (r < 0) {
                        options_done(&o);
                        return r;
                }
        }
        *ret = o;
        return 0;
}

const OptionRow *option_get(size_t i) {
        return i < ELEMENTSOF(rows) ? rows + i : NULL;
}

bool option_is_said(const Options *o, const OptionRow *row) {
        const void *p = (const char *) o + row->offset;

        return row->argument ? *(const char *const *) p != NULL : *(const bool *) p;
}

OptionSource option_get_source(const Options *o, const OptionRow *row) {
        return o->sources[row - rows];
}

int options_find_admin(Options *o, char **reterr) {
        _cleanup_free_ char *error = NULL;
        int r;

        r = options_find_address(o, &error);
        if (r < 0 && error)
                *reterr = strf("The admin's address is wrong: %s.", error);
        return r < 0 ? r : options_find_tls(o, reterr);
}

void options_done(Options *o) {
        rpc_address_done(&o->address);
        if (o->token_copy)
                explicit_bzero(o->token_copy, strlen(o->token_copy));
        free(o->token_copy);
}
