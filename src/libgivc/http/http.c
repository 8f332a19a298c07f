/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <systemd/sd-event.h>

#include "base/str.h"
#include "event/fiber.h"
#include "http/curl.h"
#include "http/url.h"

typedef struct Transfer {
        const HttpRequest *request;
        CURLM *multi;
        CURL *easy;
        struct curl_slist *headers;
        sd_event *event;
        sd_event_source *timer;
        Promise done;
        CURLcode code; /* once done */
        HttpResponse response;
        size_t header_size;
        bool too_big;
        char error[CURL_ERROR_SIZE];
} Transfer;

void http_response_done(HttpResponse *r) {
        buffer_done(&r->body);
        free(r->etag);
        free(r->last_modified);
        *r = (HttpResponse){};
}

static void transfer_done(Transfer *t) {
        if (t->multi && t->easy)
                (void) curl.multi_remove_handle(t->multi, t->easy);
        curl.easy_cleanup(t->easy);
        (void) curl.multi_cleanup(t->multi);
        curl.slist_free_all(t->headers);
        sd_event_source_disable_unref(t->timer);
        sd_event_unref(t->event);
        http_response_done(&t->response);
}

/* The last thing that a callback of the loop does: whoever waits frees the transfer. */
static void transfer_act(Transfer *t, curl_socket_t fd, int events) {
        int n_running, n_left;
        CURLMsg *m;

        (void) curl.multi_socket_action(t->multi, fd, events, &n_running);
        m = curl.multi_info_read(t->multi, &n_left);
        if (!m || m->msg != CURLMSG_DONE)
                return;
        t->code = m->data.result;
        promise_resolve(&t->done, 0);
}

static int on_socket(_unused_ sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        int events = (revents & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                        (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) | (revents & EPOLLERR ? CURL_CSELECT_ERR : 0);

        transfer_act(userdata, fd, events);
        return 0;
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        transfer_act(userdata, CURL_SOCKET_TIMEOUT, 0);
        return 0;
}

static int on_curl_socket(_unused_ CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_userdata) {
        uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
        sd_event_source *s = socket_userdata;
        Transfer *t = userdata;

        if (what == CURL_POLL_REMOVE) {
                sd_event_source_disable_unref(s);
                return 0;
        }
        if (s)
                return sd_event_source_set_io_events(s, events) < 0 ? -1 : 0;
        if (sd_event_add_io(t->event, &s, fd, events, on_socket, t) < 0)
                return -1;
        return curl.multi_assign(t->multi, fd, s) == CURLM_OK ? 0 : -1;
}

static int on_curl_timer(_unused_ CURLM *multi, long msec, void *userdata) {
        Transfer *t = userdata;

        if (msec < 0)
                return sd_event_source_set_enabled(t->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time_relative(t->timer, (usec_t) msec * USEC_PER_MSEC) < 0)
                return -1;
        return sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

static long transfer_get_status(const Transfer *t) {
        long status = 0;

        (void) curl.easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        return status;
}

static size_t on_curl_body(char *p, size_t size, size_t n, void *userdata) {
        Transfer *t = userdata;

        n *= size;
        if (transfer_get_status(t) != 200)
                return n; /* a page for people about what went wrong */
        t->too_big = n > t->request->size_max - t->response.body.size;
        if (t->too_big || buffer_append(&t->response.body, p, n) < 0)
                return 0;
        return n;
}

static size_t on_curl_header(_unused_ char *p, size_t size, size_t n, void *userdata) {
        Transfer *t = userdata;

        n *= size;
        t->header_size += n;
        t->too_big = t->header_size > HTTP_HEADER_SIZE_MAX;
        return t->too_big ? 0 : n;
}

static int transfer_add_header(Transfer *t, const char *name, const char *value) {
        _cleanup_free_ char *line = NULL;
        struct curl_slist *l;

        if (isempty(value) || !str_is_printable(value))
                return 0;
        line = strf("%s: %s", name, value);
        l = line ? curl.slist_append(t->headers, line) : NULL;
        if (!l)
                return -ENOMEM;
        t->headers = l;
        return 0;
}

static bool transfer_set_options(Transfer *t) {
        bool secure = http_url_is_secure(t->request->url);
        CURLcode codes[] = {
                curl.easy_setopt(t->easy, CURLOPT_URL, t->request->url),
                curl.easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https"),
                curl.easy_setopt(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https"),
                curl.easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 1L),
                curl.easy_setopt(t->easy, CURLOPT_MAXREDIRS, (long) HTTP_REDIRECTS_MAX),
                curl.easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L),
                /* Else the end of a transfer would wait, and the loop with it, for a name that is being resolved. */
                curl.easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L),
                curl.easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L),
                curl.easy_setopt(t->easy, CURLOPT_USERAGENT, "givc/" GIVC_VERSION),
                curl.easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers),
                curl.easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error),
                curl.easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_curl_body),
                curl.easy_setopt(t->easy, CURLOPT_WRITEDATA, t),
                curl.easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_curl_header),
                curl.easy_setopt(t->easy, CURLOPT_HEADERDATA, t),
        };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (codes[i] != CURLE_OK)
                        return false;
        return curl.multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) == CURLM_OK &&
                        curl.multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t) == CURLM_OK &&
                        curl.multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) == CURLM_OK &&
                        curl.multi_setopt(t->multi, CURLMOPT_TIMERDATA, t) == CURLM_OK;
}

static int transfer_start(Transfer *t) {
        int r;

        t->multi = curl.multi_init();
        t->easy = curl.easy_init();
        if (!t->multi || !t->easy)
                return -ENOMEM;
        r = transfer_add_header(t, "If-None-Match", t->request->etag);
        if (r >= 0)
                r = transfer_add_header(t, "If-Modified-Since", t->request->last_modified);
        if (r >= 0)
                r = sd_event_default(&t->event);
        if (r >= 0)
                r = sd_event_add_time_relative(t->event, &t->timer, CLOCK_MONOTONIC, 0, 0, on_timer, t);
        if (r < 0)
                return r;
        return transfer_set_options(t) && curl.multi_add_handle(t->multi, t->easy) == CURLM_OK ? 0 : -ENOMEM;
}

static int error_from_curl(CURLcode code) {
        static const struct {
                CURLcode code;
                int error;
        } rows[] = {
                { CURLE_OUT_OF_MEMORY, -ENOMEM },
                { CURLE_URL_MALFORMAT, -EINVAL },
                { CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
                { CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH },
                { CURLE_COULDNT_CONNECT, -ECONNREFUSED },
                { CURLE_TOO_MANY_REDIRECTS, -ELOOP },
                { CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED },
                { CURLE_GOT_NOTHING, -ECONNRESET },
                { CURLE_RECV_ERROR, -ECONNRESET },
                { CURLE_SEND_ERROR, -ECONNRESET },
                { CURLE_PARTIAL_FILE, -ECONNRESET },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].code == code)
                        return rows[i].error;
        return -EPROTO;
}

/* Peers have a say in the sentence. */
static int refuse(const Transfer *t, int error, char **reterr, const char *why) {
        *reterr = strf("'%s': %s.", t->request->url, why);
        if (*reterr)
                str_make_printable(*reterr, '?');
        return error;
}

static int transfer_judge_status(const Transfer *t, char **reterr) {
        long status = transfer_get_status(t);
        char why[64];

        if (status == 200 || (status == 304 && t->headers))
                return 0;
        (void) snprintf(why, sizeof(why), "the server answers %li", status);
        return refuse(t,
                        status == 404 || status == 410                   ? -ENOENT
                                        : status == 401 || status == 403 ? -EACCES
                                                                         : -EPROTO,
                        reterr, why);
}

/* libcurl's own sentence says how many milliseconds it took, and is another one each time. */
static const char *transfer_get_error(const Transfer *t) {
        long error = 0;

        if (t->code == CURLE_COULDNT_CONNECT)
                (void) curl.easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
        if (error > 0)
                return strerror((int) error);
        return t->code == CURLE_COULDNT_CONNECT || isempty(t->error) ? curl.easy_strerror(t->code) : t->error;
}

static int transfer_judge(const Transfer *t, char **reterr) {
        if (t->too_big)
                return refuse(t, -EFBIG, reterr, "the answer is larger than it may be");
        if (t->code == CURLE_OK)
                return transfer_judge_status(t, reterr);
        return refuse(t, error_from_curl(t->code), reterr, transfer_get_error(t));
}

static int transfer_get_header(const Transfer *t, const char *name, char **ret) {
        struct curl_header *h;

        if (curl.easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
                return 0;
        *ret = strdup(h->value);
        return *ret ? 0 : -ENOMEM;
}

static int transfer_wait(Transfer *t, char **reterr) {
        int r;

        r = transfer_start(t);
        if (r < 0)
                return r;
        r = promise_wait_until(&t->done, t->request->deadline);
        if (r == -ETIMEDOUT)
                return refuse(t, r, reterr, "the server has not answered in time");
        if (r < 0)
                return r;
        r = transfer_judge(t, reterr);
        if (r < 0)
                return r;
        t->response.unchanged = transfer_get_status(t) == 304;
        r = transfer_get_header(t, "ETag", &t->response.etag);
        return r < 0 ? r : transfer_get_header(t, "Last-Modified", &t->response.last_modified);
}

int http_get_wait(const HttpRequest *request, HttpResponse *ret, char **reterr) {
        _cleanup_(transfer_done) Transfer t = { .request = request };
        int r;

        *reterr = NULL;
        if (!http_url_is_valid(request->url)) {
                *reterr = strf("'%s' is no URL of http or https with a host and without a user.", request->url);
                return -EINVAL;
        }
        r = transfer_wait(&t, reterr);
        if (r < 0)
                return r;
        *ret = t.response;
        t.response = (HttpResponse){};
        return 0;
}
