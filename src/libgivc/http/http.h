/* SPDX-License-Identifier: Apache-2.0 */
/* Files from web servers: GET over HTTP and HTTPS, in fibers, by libcurl. It keeps no connection and no state. */
#pragma once

#include "base/mem.h"
#include "base/time.h"

#define HTTP_REDIRECTS_MAX   5
#define HTTP_HEADER_SIZE_MAX ((size_t) 64 * 1024) /* bytes of headers, those of redirections included */

typedef struct HttpRequest {
        const char *url;           /* http_url_is_valid() */
        const char *etag;          /* of the copy that one has; NULL: none */
        const char *last_modified; /* the same, as the server has said it */
        size_t size_max;           /* of the body */
        usec_t deadline;           /* CLOCK_MONOTONIC, USEC_INFINITY: none */
} HttpRequest;

/* Zero-initialised is empty and owns nothing. */
typedef struct HttpResponse {
        bool unchanged; /* the copy that one has is good, and there is no body */
        Buffer body;
        char *etag, *last_modified; /* NULL when the server does not say */
} HttpResponse;

void http_response_done(HttpResponse *r);

/* Suspends until the file is here: 0, and http_response_done() it. Redirections are followed within the scheme and from
 * http to https, never back. Otherwise, with a sentence in *reterr (new string; NULL when out of memory): -EINVAL (not
 * such a URL), -ENOENT and -EACCES (the server says so), -EFBIG, -ELOOP, -ETIMEDOUT, -EHOSTUNREACH, -ECONNREFUSED,
 * -ECONNRESET, -EKEYREJECTED (its certificate), -EPROTO (anything else that it answered); or -ECANCELED. */
int http_get_wait(const HttpRequest *request, HttpResponse *ret, char **reterr) _warn_unused_;
