/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/authority.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "tls/credentials.h"

#define CERT           "cert.pem"
#define KEY            "key.pem"
#define LIST_LIFETIME  AUTHORITY_LIFETIME_DEFAULT /* it is read again when it changes, not when it is old */
#define INDEX_SIZE_MAX ((size_t) 64 * 1024 * 1024)

char *authority_path(const char *directory, const char *name, const char *file) {
        return name ? strf("%s/%s/%s", directory, name, file) : strf("%s/%s", directory, file);
}

static int fail(int error, const char *path, char **reterr) {
        *reterr = strf("%s: %s", path, strerror(-error));
        return *reterr ? error : -ENOMEM;
}

static int read_text(const char *directory, const char *name, const char *file, char **ret, char **reterr) {
        _cleanup_free_ char *path = authority_path(directory, name, file);
        int r;

        if (!path)
                return -ENOMEM;
        r = file_read(path, TLS_FILE_SIZE_MAX, ret, NULL);
        return r < 0 ? fail(r, path, reterr) : 0;
}

static int write_text(const char *directory, const char *name, const char *file, const char *text, mode_t mode,
                char **reterr) {
        _cleanup_free_ char *path = authority_path(directory, name, file);
        int r;

        if (!path)
                return -ENOMEM;
        r = file_replace(path, text, strlen(text), mode);
        return r < 0 ? fail(r, path, reterr) : 0;
}

static bool is_there(const char *directory, const char *name, const char *file) {
        _cleanup_free_ char *path = authority_path(directory, name, file);

        return path && access(path, F_OK) >= 0;
}

static int make_directory(const char *path, char **reterr) {
        int r = directory_make(path, 0700);

        return r < 0 ? fail(r, path, reterr) : 0;
}

/* Who comes while another changes the list would put back the old one, and with it what was revoked. */
static int lock_directory(const char *directory, int *ret, char **reterr) {
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = 0;

        if (fd < 0)
                return fail(-errno, directory, reterr);
        do
                r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
        while (r == -EINTR);
        if (r < 0)
                return fail(r, directory, reterr);
        *ret = TAKE_FD(fd);
        return 0;
}

void authority_done(Authority *a) {
        free(a->ca);
        free(a->list);
        tls_authority_free(a->tls);
        (void) fd_close(a->lock);
        *a = AUTHORITY_NONE;
}

/* The texts of an authority that can sign; its list is what the caller has. */
static int open_texts(const char *directory, Authority *a, char **reterr) {
        _cleanup_free_ char *key = NULL, *why = NULL;
        int r;

        a->directory = directory;
        r = read_text(directory, NULL, "ca-cert.pem", &a->ca, reterr);
        if (r >= 0)
                r = read_text(directory, NULL, "ca-key.pem", &key, reterr);
        if (r < 0)
                return r;
        r = tls_authority_open(a->ca, key, &a->tls, &why);
        explicit_bzero(key, strlen(key));
        if (r < 0 && why) {
                *reterr = strf("%s: %s", directory, why);
                return *reterr ? r : -ENOMEM;
        }
        return r;
}

static int name_compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The folders with that file in them. */
static int list_with(const char *directory, const char *file, char ***ret, char **reterr) {
        _cleanup_strv_free_ char **names = NULL;
        const struct dirent *entry;
        _cleanup_closedir_ DIR *d = opendir(directory);
        int r = 0;

        if (!d)
                return fail(-errno, directory, reterr);
        while (r >= 0 && (entry = readdir(d)))
                if (entry->d_name[0] != '.' && is_there(directory, entry->d_name, file))
                        r = strv_extend(&names, entry->d_name);
        if (r < 0)
                return r;
        if (names)
                qsort(names, strv_length(names), sizeof(char *), name_compare);
        *ret = TAKE_PTR(names);
        return 0;
}

int authority_list(const char *directory, char ***ret, char **reterr) {
        return list_with(directory, CERT, ret, reterr);
}

/* Of a pair that is whole beside the old one, which it is once its certificate is there. Between these two the files
 * do not belong together, and daemons keep what they have. */
static int finish_pair(const char *directory, const char *name, char **reterr) {
        _cleanup_free_ char *key = authority_path(directory, name, KEY), *cert = authority_path(directory, name, CERT),
                            *next_key = authority_path(directory, name, KEY AUTHORITY_NEXT),
                            *next_cert = authority_path(directory, name, CERT AUTHORITY_NEXT);
        int r;

        if (!key || !cert || !next_key || !next_cert)
                return -ENOMEM;
        if (rename(next_key, key) < 0 && errno != ENOENT)
                return fail(-errno, key, reterr);
        r = file_rename(next_cert, cert);
        return r < 0 ? fail(r, cert, reterr) : 0;
}

static int remove_file(const char *directory, const char *name, const char *file, char **reterr) {
        _cleanup_free_ char *path = authority_path(directory, name, file);

        if (!path)
                return -ENOMEM;
        return unlink(path) < 0 && errno != ENOENT ? fail(-errno, path, reterr) : 0;
}

/* What who held the lock before could not finish. Whoever has no certificate yet is issued one again, and a key without
 * its certificate is nobody's. */
static int finish_pairs(const char *directory, char **reterr) {
        _cleanup_strv_free_ char **whole = NULL, **half = NULL;
        int r;

        r = list_with(directory, CERT AUTHORITY_NEXT, &whole, reterr);
        STRV_FOREACH(name, whole)
                if (r >= 0)
                        r = is_there(directory, *name, CERT)
                                        ? finish_pair(directory, *name, reterr)
                                        : remove_file(directory, *name, CERT AUTHORITY_NEXT, reterr);
        if (r >= 0)
                r = list_with(directory, KEY AUTHORITY_NEXT, &half, reterr);
        STRV_FOREACH(name, half)
                if (r >= 0)
                        r = remove_file(directory, *name, KEY AUTHORITY_NEXT, reterr);
        return r;
}

int authority_open(const char *directory, Authority *ret, char **reterr) {
        Authority a = AUTHORITY_NONE;
        int r;

        r = lock_directory(directory, &a.lock, reterr);
        if (r >= 0)
                r = finish_pairs(directory, reterr);
        if (r >= 0)
                r = open_texts(directory, &a, reterr);
        if (r >= 0)
                r = read_text(directory, NULL, "crl.pem", &a.list, reterr);
        if (r < 0) {
                authority_done(&a);
                return r;
        }
        *ret = a;
        return 0;
}

int authority_create(const char *directory, const char *name, time_t lifetime, char **reterr) {
        _cleanup_(tls_pair_done) TlsPair pair = {};
        _cleanup_(authority_done) Authority a = AUTHORITY_NONE;
        int r;

        r = tls_authority_create(name, lifetime, &pair, reterr);
        if (r >= 0)
                r = make_directory(directory, reterr);
        if (r >= 0)
                r = lock_directory(directory, &a.lock, reterr);
        if (r >= 0 && (is_there(directory, NULL, "ca-key.pem") || is_there(directory, NULL, "ca-cert.pem")))
                return fail(-EEXIST, directory, reterr);
        if (r >= 0)
                r = write_text(directory, NULL, "ca-key.pem", pair.key, 0600, reterr);
        if (r >= 0)
                r = write_text(directory, NULL, "ca-cert.pem", pair.cert, 0644, reterr);
        if (r >= 0)
                r = open_texts(directory, &a, reterr);
        if (r >= 0)
                r = tls_authority_revoke(a.tls, NULL, NULL, LIST_LIFETIME, &a.list, reterr);
        return r < 0 ? r : write_text(directory, NULL, "crl.pem", a.list, 0644, reterr);
}

/* What the certificate of a machine says now. */
static int read_certificate(const Authority *a, const char *name, TlsCertificate *ret, char **reterr) {
        _cleanup_free_ char *path = authority_path(a->directory, name, CERT);

        return path ? tls_certificate_read(path, NULL, ret, reterr) : -ENOMEM;
}

/* Before anybody has the certificate: one that is not in the index could not be revoked by its name. */
static int index_add(const Authority *a, const char *name, const char *cert, char **reterr) {
        _cleanup_free_ char *path = authority_path(a->directory, NULL, "issued"), *line = NULL;
        _cleanup_(tls_certificate_done) TlsCertificate c = {};
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = path ? tls_certificate_parse(cert, name, &c, reterr) : -ENOMEM;
        if (r < 0)
                return r;
        line = strf("%s %" PRId64 " %s\n", c.serial, (int64_t) c.end, name);
        if (!line)
                return -ENOMEM;
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        r = fd < 0 ? -errno : fd_write_all(fd, line, strlen(line));
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        return r < 0 ? fail(r, path, reterr) : 0;
}

static int write_next(
                const Authority *a, const char *name, const char *file, const char *text, mode_t mode, char **reterr) {
        _cleanup_free_ char *path = authority_path(a->directory, name, file),
                            *next = path ? strf("%s" AUTHORITY_NEXT, path) : NULL;
        int r;

        if (!next)
                return -ENOMEM;
        r = file_write_like(next, path, text, strlen(text), mode);
        return r < 0 ? fail(r, next, reterr) : 0;
}

/* The certificate comes last: what is there with one is whole. */
static int put_pair(const Authority *a, const char *name, const TlsPair *pair, char **reterr) {
        int r;

        r = index_add(a, name, pair->cert, reterr);
        if (r >= 0)
                r = write_text(a->directory, name, "ca-cert.pem", a->ca, 0644, reterr);
        if (r >= 0)
                r = write_text(a->directory, name, "crl.pem", a->list, 0644, reterr);
        if (r >= 0)
                r = write_next(a, name, KEY, pair->key, 0600, reterr);
        if (r >= 0)
                r = write_next(a, name, CERT, pair->cert, 0644, reterr);
        return r < 0 ? r : finish_pair(a->directory, name, reterr);
}

static time_t lifetime_default(const Authority *a) {
        return MIN(AUTHORITY_LIFETIME_DEFAULT, tls_authority_get_end(a->tls) - time(NULL));
}

int authority_issue(Authority *a, const char *name, char *const *addresses, time_t lifetime, char **reterr) {
        _cleanup_free_ char *directory = strf("%s/%s", a->directory, name);
        _cleanup_(tls_pair_done) TlsPair pair = {};
        TlsOrder order = { name, addresses, lifetime > 0 ? lifetime : lifetime_default(a), NULL };
        int r;

        if (!directory)
                return -ENOMEM;
        r = tls_authority_issue(a->tls, &order, &pair, reterr);
        if (r < 0)
                return r;
        if (is_there(a->directory, name, CERT))
                return fail(-EEXIST, directory, reterr);
        r = make_directory(directory, reterr);
        return r < 0 ? r : put_pair(a, name, &pair, reterr);
}

int authority_renew(Authority *a, const char *name, time_t lifetime, bool new_key, char **reterr) {
        _cleanup_(tls_certificate_done) TlsCertificate old = {};
        _cleanup_(tls_pair_done) TlsPair pair = {};
        _cleanup_free_ char *key = NULL;
        TlsOrder order = { .lifetime = lifetime };
        int r;

        r = read_certificate(a, name, &old, reterr);
        if (r < 0)
                return r;
        order.name = name;
        order.addresses = old.addresses;
        if (lifetime == 0)
                order.lifetime = MIN(
                                old.end - old.begin - TLS_BACKDATE_SECONDS, tls_authority_get_end(a->tls) - time(NULL));
        if (!new_key) {
                r = read_text(a->directory, name, KEY, &key, reterr);
                if (r < 0)
                        return r;
                order.key = key;
        }
        r = tls_authority_issue(a->tls, &order, &pair, reterr);
        if (key)
                explicit_bzero(key, strlen(key));
        return r < 0 ? r : put_pair(a, name, &pair, reterr);
}

/* "SERIAL END NAME" of one of these machines, if it has not ended: then the serial goes to the list. */
static int index_match(char *line, char *const *names, time_t now, char ***serials) {
        char *serial = strsep(&line, " "), *end = strsep(&line, " ");
        uint64_t seconds;

        if (!line || parse_uint(end, INT64_MAX, &seconds) < 0 || (time_t) seconds <= now || !strv_contains(names, line))
                return 0;
        return strv_extend(serials, serial);
}

static int index_find(const Authority *a, char *const *names, char ***serials, char **reterr) {
        _cleanup_free_ char *path = authority_path(a->directory, NULL, "issued"), *text = NULL;
        char *next;
        int r;

        if (!path)
                return -ENOMEM;
        r = file_read(path, INDEX_SIZE_MAX, &text, NULL);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return fail(r, path, reterr);
        next = text;
        for (char *line; r >= 0 && (line = strsep(&next, "\n"));)
                r = index_match(line, names, time(NULL), serials);
        return r;
}

static int put_list(const Authority *a, char **reterr) {
        _cleanup_strv_free_ char **names = NULL;
        int r;

        r = write_text(a->directory, NULL, "crl.pem", a->list, 0644, reterr);
        if (r >= 0)
                r = authority_list(a->directory, &names, reterr);
        STRV_FOREACH(name, names)
                if (r >= 0)
                        r = write_text(a->directory, *name, "crl.pem", a->list, 0644, reterr);
        return r;
}

int authority_revoke(Authority *a, char *const *names, char **reterr) {
        _cleanup_strv_free_ char **serials = NULL;
        char *list = NULL;
        int r = 0;

        STRV_FOREACH(name, names) {
                _cleanup_(tls_certificate_done) TlsCertificate c = {};

                if (r >= 0)
                        r = read_certificate(a, *name, &c, reterr);
                if (r >= 0)
                        r = strv_extend(&serials, c.serial);
        }
        if (r >= 0)
                r = index_find(a, names, &serials, reterr);
        if (r >= 0)
                r = tls_authority_revoke(a->tls, a->list, serials, LIST_LIFETIME, &list, reterr);
        if (r < 0)
                return r;
        free(a->list);
        a->list = list;
        r = put_list(a, reterr);
        STRV_FOREACH(name, names) {
                if (r >= 0)
                        r = remove_file(a->directory, *name, CERT, reterr);
                if (r >= 0)
                        r = remove_file(a->directory, *name, KEY, reterr);
        }
        return r;
}
