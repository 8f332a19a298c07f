/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl certs: an authority of one's own, and certificates for machines. */
#include "ctl/certs.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "ctl/authority.h"
#include "ctl/since.h"
#include "ctl/verbs.h"

const char *certs_get_directory(const Ctl *ctl) {
        return ctl->options.dir ? ctl->options.dir : AUTHORITY_DIRECTORY_DEFAULT;
}

CtlExit certs_parse_span(const char *option, const char *text, time_t *ret) {
        usec_t span = 0;

        if (text && (span_parse(text, &span) < 0 || span < USEC_PER_SEC))
                return ctl_usage("--%s=%s is not a time like 90d, 12h or 1y.", option, text);
        *ret = (time_t) (span / USEC_PER_SEC);
        return CTL_OK;
}

CtlExit certs_fail(const Ctl *ctl, int error, char *why, const char *what) {
        RpcStatus status = {};

        if (why)
                (void) rpc_error(&status, RPC_FAILED_PRECONDITION, "%s", why);
        free(why);
        return ctl_fail(ctl, error, &status, what);
}

CtlExit verb_certs_init(Ctl *ctl, char **words, size_t n_words) {
        const char *name = n_words > 0 ? words[0] : "givc";
        char *why = NULL;
        time_t lifetime;
        int r;

        r = certs_parse_span("lifetime", ctl->options.lifetime, &lifetime);
        if (r != CTL_OK)
                return r;
        r = authority_create(
                        certs_get_directory(ctl), name, lifetime > 0 ? lifetime : AUTHORITY_LIFETIME_DEFAULT, &why);
        if (r < 0)
                return certs_fail(ctl, r, why, "make an authority");
        printf("An authority is in %s. Who has its ca-key.pem can be any machine.\n", certs_get_directory(ctl));
        return CTL_OK;
}

/* The machine's certificate, as it stands in its folder. */
static void print_done(const char *directory, const char *name, const char *what) {
        _cleanup_free_ char *path = authority_path(directory, name, "cert.pem");
        _cleanup_(tls_certificate_done) TlsCertificate c = {};
        _cleanup_free_ char *why = NULL;
        char end[32] = "?";
        struct tm tm;

        if (!path || tls_certificate_read(path, NULL, &c, &why) < 0)
                return;
        if (gmtime_r(&c.end, &tm))
                (void) strftime(end, sizeof(end), "%Y-%m-%d %H:%M UTC", &tm);
        printf("%s %s/%s: valid until %s, serial %s\n", what, directory, name, end, c.serial);
}

CtlExit verb_certs_issue(Ctl *ctl, char **words, _unused_ size_t n_words) {
        const char *directory = certs_get_directory(ctl);
        _cleanup_(authority_done) Authority a = AUTHORITY_NONE;
        char *why = NULL;
        time_t lifetime;
        int r;

        r = certs_parse_span("lifetime", ctl->options.lifetime, &lifetime);
        if (r != CTL_OK)
                return r;
        r = tls_authority_check_name(words[0], &why); /* it becomes one of a file */
        if (r >= 0)
                r = authority_open(directory, &a, &why);
        if (r >= 0)
                r = authority_issue(&a, words[0], words + 1, lifetime, &why);
        if (r < 0)
                return certs_fail(ctl, r, why, "issue a certificate");
        print_done(directory, words[0], "Issued");
        return CTL_OK;
}

/* Whether the certificate ends so soon that it is renewed; without --within all are. */
static int ends_within(const char *directory, const char *name, time_t within, char **reterr) {
        _cleanup_free_ char *path = authority_path(directory, name, "cert.pem");
        _cleanup_(tls_certificate_done) TlsCertificate c = {};
        int r;

        if (within == 0)
                return 1;
        r = path ? tls_certificate_read(path, NULL, &c, reterr) : -ENOMEM;
        return r < 0 ? r : c.end - time(NULL) <= within;
}

static int renew(Ctl *ctl, char *const *names, time_t lifetime, time_t within, char **reterr) {
        const char *directory = certs_get_directory(ctl);
        _cleanup_(authority_done) Authority a = AUTHORITY_NONE;
        int r;

        r = authority_open(directory, &a, reterr);
        STRV_FOREACH(name, names) {
                if (r >= 0)
                        r = ends_within(directory, *name, within, reterr);
                if (r <= 0)
                        continue;
                r = authority_renew(&a, *name, lifetime, ctl->options.new_key, reterr);
                if (r >= 0)
                        print_done(directory, *name, "Renewed");
        }
        return r;
}

/* Names are folders of the authority's, and nothing else. */
static CtlExit check_names(char *const *names) {
        STRV_FOREACH(name, names)
                if (strchr(*name, '/') || (*name)[0] == '.')
                        return ctl_usage("'%s' is not the name of a machine.", *name);
        return CTL_OK;
}

CtlExit verb_certs_renew(Ctl *ctl, char **words, size_t n_words) {
        _cleanup_strv_free_ char **all = NULL;
        time_t lifetime, within;
        char *why = NULL;
        int r;

        r = certs_parse_span("lifetime", ctl->options.lifetime, &lifetime);
        if (r == CTL_OK)
                r = certs_parse_span("within", ctl->options.within, &within);
        if (r == CTL_OK)
                r = check_names(words);
        if (r != CTL_OK)
                return r;
        r = n_words == 0 ? authority_list(certs_get_directory(ctl), &all, &why) : 0;
        if (r >= 0)
                r = renew(ctl, n_words > 0 ? words : all, lifetime, within, &why);
        return r < 0 ? certs_fail(ctl, r, why, "renew certificates") : CTL_OK;
}

CtlExit verb_certs_revoke(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_(authority_done) Authority a = AUTHORITY_NONE;
        char *why = NULL;
        int r;

        r = check_names(words);
        if (r != CTL_OK)
                return r;
        r = authority_open(certs_get_directory(ctl), &a, &why);
        if (r >= 0)
                r = authority_revoke(&a, words, &why);
        if (r < 0)
                return certs_fail(ctl, r, why, "revoke certificates");
        STRV_FOREACH(name, words)
                printf("Revoked %s: %s/crl.pem says so, which all machines need.\n", *name, certs_get_directory(ctl));
        return CTL_OK;
}
