/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/credentials.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "tls/file-watch.h"
#include "tls/material.h"

struct TlsCredentials {
        unsigned n_ref;
        char *ca, *cert, *key, *crl; /* absolute */
        TlsMaterial *material;

        FileWatch *watch;
        void (*changed)(void *userdata);
        void (*failed)(const char *error, void *userdata);
        void *userdata, *failed_userdata;
};

TlsCredentials *tls_credentials_ref(TlsCredentials *c) {
        if (c)
                c->n_ref++;
        return c;
}

TlsCredentials *tls_credentials_unref(TlsCredentials *c) {
        if (!c || --c->n_ref > 0)
                return NULL;
        file_watch_free(c->watch);
        tls_material_unref(c->material);
        free(c->ca);
        free(c->cert);
        free(c->key);
        free(c->crl);
        free(c);
        return NULL;
}

static int resolve(const char *path, const char *what, char **ret, char **reterr) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");

        if (isempty(path)) {
                *reterr = strf("No %s file is given", what);
                return -EINVAL;
        }
        if (path[0] == '/')
                *ret = strdup(path);
        else if (directory && directory[0] == '/')
                *ret = strf("%s/%s", directory, path);
        else {
                *reterr = strf("%s: is relative, and $CREDENTIALS_DIRECTORY is not set", path);
                return -EINVAL;
        }
        return *ret ? 0 : -ENOMEM;
}

static int credentials_load(const TlsCredentials *c, TlsMaterial **ret, char **reterr) {
        return tls_material_new(&(TlsPaths){ .ca = c->ca, .cert = c->cert, .key = c->key, .crl = c->crl }, ret, reterr);
}

/* Whoever fails without a word of its own is short of memory or asked GnuTLS for what it does not have. */
static int explain(int r, char *reason, char **reterr) {
        if (!reterr || r >= 0)
                free(reason);
        else
                *reterr = reason ?: strdup(strerror(-r));
        return r;
}

static int credentials_open(TlsCredentials *c, const TlsPaths *paths, char **reterr) {
        int r;

        r = resolve(paths->ca, "CA certificate", &c->ca, reterr);
        if (r < 0)
                return r;
        r = resolve(paths->cert, "certificate", &c->cert, reterr);
        if (r < 0)
                return r;
        r = resolve(paths->key, "key", &c->key, reterr);
        if (r < 0)
                return r;
        r = paths->crl ? resolve(paths->crl, "revocation list", &c->crl, reterr) : 0;
        if (r < 0)
                return r;
        return credentials_load(c, &c->material, reterr);
}

int tls_credentials_new(const TlsPaths *paths, TlsCredentials **ret, char **reterr) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = NULL;
        char *reason = NULL;
        int r = -ENOMEM;

        c = mem_new(TlsCredentials, 1);
        if (c) {
                *c = (TlsCredentials){ .n_ref = 1 };
                r = credentials_open(c, paths, &reason);
        }
        if (r >= 0)
                *ret = TAKE_PTR(c);
        return explain(r, reason, reterr);
}

int tls_credentials_reload(TlsCredentials *c, char **reterr) {
        TlsMaterial *m = NULL;
        char *reason = NULL;
        int r;

        r = credentials_load(c, &m, &reason);
        if (r < 0)
                return explain(r, reason, reterr);
        if (tls_material_equal(m, c->material)) {
                tls_material_unref(m);
                return 0;
        }
        tls_material_unref(c->material);
        c->material = m;
        return 1;
}

static void on_files_changed(void *userdata) {
        _cleanup_(tls_credentials_unrefp) TlsCredentials *c = tls_credentials_ref(userdata);
        _cleanup_free_ char *error = NULL;
        int r;

        r = tls_credentials_reload(c, &error);
        if (r > 0 && c->changed)
                c->changed(c->userdata);
        if (r >= 0)
                return;
        if (c->failed)
                c->failed(error ?: strerror(-r), c->failed_userdata);
        else
                log_debug("Keeping the credentials: %s", error ?: strerror(-r));
}

int tls_credentials_watch(TlsCredentials *c, sd_event *e, void (*changed)(void *userdata), void *userdata) {
        const char *paths[] = { c->ca, c->cert, c->key, c->crl };
        FileWatch *w;
        int r;

        r = file_watch_new(e, paths, ELEMENTSOF(paths), on_files_changed, c, &w);
        if (r < 0)
                return r;
        file_watch_free(c->watch);
        c->watch = w;
        c->changed = changed;
        c->userdata = userdata;
        return 0;
}

void tls_credentials_on_failure(TlsCredentials *c, void (*failed)(const char *error, void *userdata), void *userdata) {
        c->failed = failed;
        c->failed_userdata = userdata;
}

const char *tls_credentials_get_name(const TlsCredentials *c) {
        return tls_material_get_name(c->material);
}

bool tls_credentials_is_revoked(const TlsCredentials *c, const char *serial) {
        return revoked_set_contains_serial(tls_material_get_revoked(c->material), serial);
}

TlsMaterial *tls_credentials_get_material(const TlsCredentials *c) {
        return c->material;
}
