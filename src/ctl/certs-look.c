/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl certs show, certs check: what certificates say, and what is wrong with them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "ctl/authority.h"
#include "ctl/certs.h"
#include "ctl/pager.h"
#include "ctl/table.h"
#include "ctl/verbs.h"
#include "tls/credentials.h"

#define WITHIN_DEFAULT ((time_t) 30 * 24 * 3600)

enum { COLUMN_NAME, COLUMN_ADDRESSES, COLUMN_EXPIRES, COLUMN_STATE, COLUMN_SERIAL, N_COLUMNS };

typedef struct Show {
        const Options *options;
        Look look;
        struct libscols_table *table;
        json_t *json;
} Show;

static const char *state_of(const TlsCertificate *c) {
        time_t now = time(NULL);

        return c->begin > now                            ? "not yet"
                        : c->end <= now                  ? "expired"
                        : c->end - now <= WITHIN_DEFAULT ? "soon"
                                                         : "valid";
}

static const char *state_to_colour_here(const char *state) {
        return streq(state, "valid") ? NULL : state_to_colour(streq(state, "expired") ? "failed" : "activating");
}

/* Names and addresses are what somebody wrote into a file. */
static char *join_printable(char *const *l) {
        _cleanup_free_ char *all = NULL;

        STRV_FOREACH(s, l)
                if (str_extend(&all, " ", "%s", *s) < 0)
                        return NULL;
        if (all)
                str_make_printable(all, '?');
        return all ? TAKE_PTR(all) : strdup("");
}

static int show_add(Show *s, const TlsCertificate *c) {
        _cleanup_free_ char *names = join_printable(c->names), *addresses = join_printable(c->addresses);
        const char *state = state_of(c);
        struct libscols_line *line;
        char end[32] = "";
        struct tm tm;

        if (!names || !addresses)
                return -ENOMEM;
        if (gmtime_r(&c->end, &tm))
                (void) strftime(end, sizeof(end), "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (s->options->output != OUTPUT_TEXT) {
                json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", names, "addresses", addresses, "expires",
                                end, "state", state, "serial", c->serial);

                return json_array_append_new(s->json, o) < 0 ? -ENOMEM : 0;
        }
        end[10] = 0; /* the day is enough for people */
        line = table_add(s->table, NULL, (const char *[]){ names, addresses, end, state, c->serial });
        if (!line)
                return -ENOMEM;
        if (state_to_colour_here(state))
                (void) scols_cell_set_color(scols_line_get_cell(line, COLUMN_STATE), state_to_colour_here(state));
        return 0;
}

static int show_init(Show *s, const Options *o) {
        static const TableColumn columns[N_COLUMNS] = {
                [COLUMN_NAME] = { "NAME" },
                [COLUMN_ADDRESSES] = { "ADDRESSES", 0, SCOLS_FL_TRUNC },
                [COLUMN_EXPIRES] = { "EXPIRES" },
                [COLUMN_STATE] = { "STATE" },
                [COLUMN_SERIAL] = { "SERIAL", 0, SCOLS_FL_TRUNC },
        };

        *s = (Show){ .options = o, .json = json_array() };
        look_init(&s->look, o);
        s->table = table_new(stdout, &s->look, columns, N_COLUMNS);
        return s->table && s->json ? 0 : -ENOMEM;
}

/* Where a word points to: a file as it is, a folder's cert.pem, a machine's of the authority. */
static char *path_of(const char *directory, const char *word) {
        struct stat st;

        if (!strchr(word, '/'))
                return authority_path(directory, word, "cert.pem");
        return stat(word, &st) >= 0 && S_ISDIR(st.st_mode) ? authority_path(word, NULL, "cert.pem") : strdup(word);
}

static int show(Show *s, const char *directory, char *const *words, char **reterr) {
        int r = 0;

        STRV_FOREACH(word, words) {
                _cleanup_(tls_certificate_done) TlsCertificate c = {};
                _cleanup_free_ char *path = path_of(directory, *word);

                r = path ? tls_certificate_read(path, NULL, &c, reterr) : -ENOMEM;
                if (r >= 0)
                        r = show_add(s, &c);
                if (r < 0)
                        return r;
        }
        pager_open(s->options);
        if (s->options->output != OUTPUT_TEXT)
                return output_json_value(stdout, s->json, s->options->output, false);
        return table_print(s->table);
}

CtlExit verb_certs_show(Ctl *ctl, char **words, size_t n_words) {
        _cleanup_strv_free_ char **all = NULL;
        char *why = NULL;
        Show s = {};
        int r;

        r = show_init(&s, &ctl->options);
        if (r >= 0 && n_words == 0)
                r = authority_list(certs_get_directory(ctl), &all, &why);
        if (r >= 0)
                r = show(&s, certs_get_directory(ctl), n_words > 0 ? words : all, &why);
        scols_unref_table(s.table);
        json_decref(s.json);
        return r < 0 ? certs_fail(ctl, r, why, "show certificates") : CTL_OK;
}

/* Checking a folder, as the daemons see it and some more. */

typedef struct Check {
        time_t within;
        unsigned n_folders, n_faults;
} Check;

_printf_(3, 4) static void complain(Check *c, const char *path, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        text = strvf(fmt, ap);
        va_end(ap);
        if (text)
                str_make_printable(text, '?');
        printf("%s: %s\n", path, strempty(text));
        c->n_faults++;
}

static void check_mode(Check *c, const char *path) {
        struct stat st;

        if (stat(path, &st) >= 0 && st.st_mode & S_IRWXO)
                complain(c, path, "everybody may use this key, its mode is %04o", st.st_mode & 07777);
}

static void check_time(Check *c, const char *path, time_t end) {
        time_t left = end - time(NULL);

        if (left > 0 && left <= c->within)
                complain(c, path, "expires in %" PRId64 " %s", (int64_t) (left >= 86400 ? left / 86400 : left / 3600),
                                left >= 86400 ? "days" : "hours");
}

/* name is what the folder is called, where that has to be the certificate's name. */
static void check_certificate(Check *c, const char *path, const char *ca, const char *name, char **ret_serial) {
        _cleanup_(tls_certificate_done) TlsCertificate own = {};
        _cleanup_free_ char *why = NULL;

        if (tls_certificate_read(path, ca, &own, &why) < 0)
                return; /* loading it all says why */
        if (strv_length(own.names) != 1)
                complain(c, path, "has %zu DNS names, and one is what it takes", strv_length(own.names));
        else if (name && !streq(own.names[0], name))
                complain(c, path, "is for '%s', and its folder for '%s'", own.names[0], name);
        if (!own.is_signed)
                complain(c, path, "was not signed by %s", ca);
        check_time(c, path, own.end);
        *ret_serial = TAKE_PTR(own.serial);
}

static bool check_is_there(Check *c, const char *path) {
        if (access(path, R_OK) >= 0)
                return true;
        complain(c, path, "%s", strerror(errno));
        return false;
}

/* Whoever next changes something in the authority goes on with it. */
static int check_interrupted(Check *c, const char *folder) {
        static const char *const files[] = { "key.pem" AUTHORITY_NEXT, "cert.pem" AUTHORITY_NEXT };

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *path = authority_path(folder, NULL, files[i]);

                if (!path)
                        return -ENOMEM;
                if (access(path, F_OK) < 0)
                        continue;
                complain(c, path,
                                "is of a renewal that was interrupted, and that 'givcctl certs renew' brings to an "
                                "end");
                return 0;
        }
        return 0;
}

static int check_folder(Check *c, const char *folder, const char *name) {
        _cleanup_free_ char *ca = authority_path(folder, NULL, "ca-cert.pem"),
                            *cert = authority_path(folder, NULL, "cert.pem"),
                            *key = authority_path(folder, NULL, "key.pem"),
                            *crl = authority_path(folder, NULL, "crl.pem"), *serial = NULL, *why = NULL;
        _cleanup_(tls_credentials_unrefp) TlsCredentials *credentials = NULL;
        bool complete;
        int r;

        if (!ca || !cert || !key || !crl)
                return -ENOMEM;
        c->n_folders++;
        r = check_interrupted(c, folder);
        if (r < 0)
                return r;
        complete = check_is_there(c, ca) & check_is_there(c, cert) & check_is_there(c, key);
        check_mode(c, key);
        if (!complete)
                return 0;
        check_certificate(c, cert, ca, name, &serial);
        r = tls_credentials_new(&(TlsPaths){ ca, cert, key, access(crl, F_OK) >= 0 ? crl : NULL }, &credentials, &why);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                complain(c, folder, "%s", strempty(why));
        else if (serial && tls_credentials_is_revoked(credentials, serial))
                complain(c, cert, "is revoked");
        return 0;
}

static int check_authority(Check *c, const char *directory) {
        _cleanup_free_ char *cert = authority_path(directory, NULL, "ca-cert.pem"),
                            *key = authority_path(directory, NULL, "ca-key.pem"), *why = NULL;
        _cleanup_(tls_certificate_done) TlsCertificate ca = {};
        int r;

        if (!cert || !key)
                return -ENOMEM;
        check_mode(c, key);
        r = tls_certificate_read(cert, NULL, &ca, &why);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                complain(c, directory, "%s", strempty(why));
        else if (ca.end <= time(NULL))
                complain(c, cert, "has expired");
        else
                check_time(c, cert, ca.end);
        return 0;
}

static int check(Check *c, const char *directory, char *const *words, bool all) {
        int r = all ? check_authority(c, directory) : 0;

        STRV_FOREACH(word, words) {
                const char *name = strchr(*word, '/') ? NULL : *word;
                _cleanup_free_ char *folder = name ? strf("%s/%s", directory, name) : strdup(*word);

                if (r >= 0)
                        r = folder ? check_folder(c, folder, name) : -ENOMEM;
        }
        return r;
}

CtlExit verb_certs_check(Ctl *ctl, char **words, size_t n_words) {
        const char *directory = certs_get_directory(ctl);
        _cleanup_strv_free_ char **all = NULL;
        char *why = NULL;
        Check c = {};
        int r;

        r = certs_parse_span("within", ctl->options.within, &c.within);
        if (r != CTL_OK)
                return r;
        c.within = c.within > 0 ? c.within : WITHIN_DEFAULT;
        r = n_words == 0 ? authority_list(directory, &all, &why) : 0;
        if (r >= 0)
                r = check(&c, directory, n_words > 0 ? words : all, n_words == 0);
        if (r < 0)
                return certs_fail(ctl, r, why, "check certificates");
        if (c.n_faults == 0)
                printf("Nothing is wrong with %u %s.\n", c.n_folders,
                                c.n_folders == 1 ? "certificate" : "certificates");
        return c.n_faults > 0 ? CTL_FAILED : CTL_OK;
}
