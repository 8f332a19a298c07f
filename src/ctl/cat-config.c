/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl cat-config: the settings in effect and where each is from, what the own certificate says, and what looks
 * wrong with them, as far as that shows without asking the admin. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/verbs.h"
#include "tls/certificate.h"

#define SOON (14 * 24 * 3600) /* seconds: time to get another certificate */

/* The answer, as programs get it. */
typedef struct Config {
        json_t *settings, *certificate, *problems;
} Config;

/* What stands in an environment or a certificate may be anything, a JSON text is UTF-8. */
static json_t *text_to_json(const char *text) {
        _cleanup_free_ char *printable = strdup(text);

        if (!printable)
                return NULL;
        str_make_printable(printable, '?');
        return json_string(printable);
}

static int config_set(Config *c, const char *name, const char *value, const char *source) {
        json_t *setting = json_pack("{s:o, s:o}", "value", text_to_json(value), "source", text_to_json(source));

        return json_object_set_new(c->settings, name, setting) < 0 ? -ENOMEM : 0;
}

/* Takes the sentence. */
static int config_complain(Config *c, char *problem) {
        int r = problem ? json_array_append_new(c->problems, text_to_json(problem)) : -1;

        free(problem);
        return r < 0 ? -ENOMEM : 0;
}

static const OptionRow *row_find(const char *name) {
        const OptionRow *row;

        for (size_t i = 0; (row = option_get(i)); i++)
                if (streq_ptr(row->name, name))
                        return row;
        return NULL;
}

/* "--addr", "$GIVC_ADDR" or "default". */
static char *source_of(const Options *o, const char *name) {
        const OptionRow *row = row_find(name);

        switch (option_get_source(o, row)) {
        case OPTION_SAID:
                return strf("--%s", name);
        case OPTION_FROM_ENVIRONMENT:
                return strf("$%s", row->variable);
        default:
                return strdup("default");
        }
}

static int config_set_from(Config *c, const Options *o, const char *name, const char *value) {
        _cleanup_free_ char *source = source_of(o, name);

        return source ? config_set(c, name, value, source) : -ENOMEM;
}

/* The address is made of what goes before the others. */
static int config_set_admin(Config *c, const Options *o, bool is_valid) {
        const char *name = o->admin ? "admin" : o->vsock ? "vsock" : "addr";
        const char *said = o->admin ? o->admin : o->vsock ? o->vsock : strempty(o->addr);
        _cleanup_free_ char *source = source_of(o, name), *port = source_of(o, "port"),
                            *address = is_valid ? rpc_address_to_string(&o->address) : strdup(said), *both = NULL;

        if (!source || !port || !address)
                return -ENOMEM;
        if (streq(name, "addr") && o->addr && o->port) {
                both = strf("%s, %s", source, port);
                if (!both)
                        return -ENOMEM;
        }
        return config_set(c, "admin", address, both ? both : source);
}

static int config_set_tls(Config *c, const Options *o) {
        const struct {
                const char *name, *value;
        } files[] = { { "cacert", o->cacert }, { "cert", o->cert }, { "key", o->key } };
        int r;

        if (o->address.kind == RPC_ADDRESS_UNIX)
                return config_set(c, "tls", "no", "a unix socket");
        r = config_set_from(c, o, "notls", o->tls ? "yes" : "no");
        if (r < 0)
                return r;
        json_object_set(c->settings, "tls", json_object_get(c->settings, "notls"));
        json_object_del(c->settings, "notls");
        if (!o->tls)
                return 0;
        r = !isempty(o->name) ? config_set_from(c, o, "name", o->name)
                              : config_set(c, "name", strempty(o->server_name),
                                                o->server_name ? "the admin's host name" : "default");
        for (size_t i = 0; i < ELEMENTSOF(files) && r >= 0; i++)
                r = config_set_from(c, o, files[i].name, files[i].value);
        return r;
}

static const char *colours_get_source(const Look *look) {
        if (look->colours)
                return "a terminal";
        if (!isatty(pager_get_terminal()))
                return "no terminal";
        return isempty(getenv("NO_COLOR")) ? "$TERM" : "$NO_COLOR";
}

static int config_set_others(Config *c, const Options *o) {
        const char *log = getenv("GIVC_LOG");
        _cleanup_free_ char *timeout = NULL;
        Look look;
        int r;

        if (o->timeout_usec > 0)
                timeout = strf("%" PRIu64 " s", o->timeout_usec / USEC_PER_SEC);
        else
                timeout = strf("%" PRIu64 " s to look, %" PRIu64 " s to act",
                                verb_find("list")->timeout_usec / USEC_PER_SEC,
                                verb_find("start")->timeout_usec / USEC_PER_SEC);
        r = timeout ? config_set_from(c, o, "timeout", timeout) : -ENOMEM;
        look_init(&look, o);
        if (r >= 0)
                r = config_set(c, "colours", look.colours ? "yes" : "no", colours_get_source(&look));
        if (r >= 0)
                r = config_set(c, "log", isempty(log) ? "warning" : log, isempty(log) ? "default" : "$GIVC_LOG");
        return r;
}

static void time_to_text(time_t t, char ret[32]) {
        struct tm tm;

        if (t == (time_t) -1 || !gmtime_r(&t, &tm) || strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                ret[0] = 0;
}

static json_t *strv_to_json(char *const *l) {
        json_t *array = json_array();

        for (; array && l && *l; l++)
                if (json_array_append_new(array, text_to_json(*l)) < 0) {
                        json_decref(array);
                        return NULL;
                }
        return array;
}

static int config_judge_certificate(Config *c, const Options *o, const TlsCertificate *own) {
        time_t left = own->end - time(NULL);
        int r = 0;

        if (!own->names)
                r = config_complain(c, strf("%s: has no DNS name, so that it names nobody", o->cert));
        if (r >= 0 && !own->is_signed)
                r = config_complain(c, strf("%s: was not signed by %s", o->cert, o->cacert));
        if (r >= 0 && left > 0 && left < SOON)
                r = config_complain(c, strf("%s: expires in %d days", o->cert, (int) (left / (24 * 3600))));
        return r;
}

static int config_set_certificate(Config *c, const Options *o) {
        _cleanup_(tls_certificate_done) TlsCertificate own = {};
        _cleanup_free_ char *error = NULL;
        char begin[32], end[32];

        if (tls_certificate_read(o->cert, access(o->cacert, R_OK) >= 0 ? o->cacert : NULL, &own, &error) < 0)
                return 0; /* loading it all says why */
        time_to_text(own.begin, begin);
        time_to_text(own.end, end);
        c->certificate = json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "principal",
                        text_to_json(own.names ? own.names[0] : ""), "names", strv_to_json(own.names), "addresses",
                        strv_to_json(own.addresses), "subject", text_to_json(own.subject), "issuer",
                        text_to_json(own.issuer), "begins", begin, "expires", end);
        return c->certificate ? config_judge_certificate(c, o, &own) : -ENOMEM;
}

/* Each file that is not there is told, all else by who loads them. */
static int config_check_files(Config *c, const Options *o) {
        const char *const files[] = { o->cacert, o->cert, o->key };
        _cleanup_(tls_credentials_unrefp) TlsCredentials *credentials = NULL;
        char *error = NULL;
        bool readable = true;
        struct stat st;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(files) && r >= 0; i++)
                if (access(files[i], R_OK) < 0) {
                        readable = false;
                        r = config_complain(c, strf("%s: %s", files[i], strerror(errno)));
                }
        if (r >= 0 && stat(o->key, &st) >= 0 && st.st_mode & S_IRWXO)
                r = config_complain(c, strf("%s: everybody may use it, its mode is %04o", o->key, st.st_mode & 07777));
        if (r < 0 || !readable)
                return r;
        if (client_load_credentials(o, &credentials, &error) < 0 && error)
                return config_complain(c, error);
        free(error);
        return 0;
}

static int config_check_socket(Config *c, const Options *o) {
        const char *path = o->address.host;

        if (path[0] == '@' || access(path, W_OK) >= 0)
                return 0;
        if (errno == EACCES)
                return config_complain(c, strf("%s: members of the group 'givc' may use it, you may not", path));
        return config_complain(c, strf("%s: %s; is there a givc-admin on this machine?", path, strerror(errno)));
}

static int config_gather(Config *c, Options *o) {
        char *error = NULL;
        bool valid;
        int r;

        valid = options_find_admin(o, &error) >= 0;
        r = config_set_admin(c, o, valid || o->tls);
        if (r >= 0 && !valid)
                r = config_complain(c, TAKE_PTR(error));
        if (r >= 0 && (valid || o->tls))
                r = config_set_tls(c, o);
        if (r >= 0)
                r = config_set_others(c, o);
        if (r >= 0 && o->tls)
                r = config_set_certificate(c, o);
        if (r >= 0 && o->tls)
                r = config_check_files(c, o);
        else if (r >= 0 && valid && o->address.kind == RPC_ADDRESS_UNIX)
                r = config_check_socket(c, o);
        return r;
}

static void print_certificate(json_t *certificate) {
        const char *key;
        json_t *value, *item;
        size_t i;

        json_object_foreach(certificate, key, value) {
                printf("  %-10s", key);
                if (!json_is_array(value))
                        printf(" %s", json_string_value(value));
                else
                        json_array_foreach(value, i, item) printf("%s %s", i > 0 ? "," : "", json_string_value(item));
                puts("");
        }
}

static void config_print(const Config *c) {
        const char *name, *value;
        json_t *setting, *problem;
        int width = 0;
        size_t i;

        json_object_foreach(c->settings, name, setting) {
                value = json_string_value(json_object_get(setting, "value"));
                width = MAX(width, (int) strlen(value));
        }
        json_object_foreach(c->settings, name, setting)
                        printf("%-9s %-*s  (%s)\n", name, width, json_string_value(json_object_get(setting, "value")),
                                        json_string_value(json_object_get(setting, "source")));
        if (c->certificate) {
                puts("\nThe own certificate:");
                print_certificate(c->certificate);
        }
        puts(json_array_size(c->problems) > 0 ? "\nWhat looks wrong:" : "\nNothing looks wrong.");
        json_array_foreach(c->problems, i, problem) printf("  %s\n", json_string_value(problem));
}

static int config_show(const Config *c, const Options *o) {
        json_t *all;
        int r;

        pager_open(o);
        if (o->output == OUTPUT_TEXT) {
                config_print(c);
                return 0;
        }
        all = json_pack("{s:O, s:O*, s:O}", "settings", c->settings, "certificate", c->certificate, "problems",
                        c->problems);
        r = all ? output_json_value(stdout, all, o->output, false) : -ENOMEM;
        json_decref(all);
        return r;
}

CtlExit verb_cat_config(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        Config c = { .settings = json_object(), .problems = json_array() };
        RpcStatus status = {};
        bool wrong;
        int r;

        r = c.settings && c.problems ? config_gather(&c, &ctl->options) : -ENOMEM;
        if (r >= 0)
                r = config_show(&c, &ctl->options);
        wrong = json_array_size(c.problems) > 0;
        json_decref(c.settings);
        json_decref(c.certificate);
        json_decref(c.problems);
        if (r < 0)
                return ctl_fail(ctl, r, &status, "show the settings");
        return wrong ? CTL_FAILED : CTL_OK;
}
