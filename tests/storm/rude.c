/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS on blocking sockets, away from the loop, so that nothing of the runtime takes part; see the header. */

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "storm/rude.h"

typedef enum RudeKind {
        RUDE_RESET,          /* a call and its answer, then RST */
        RUDE_HALF_FRAME,     /* a call, then half a frame, then FIN without close_notify */
        RUDE_HALF_HANDSHAKE, /* half a client hello, then RST */
        RUDE_SHY,            /* half a client hello, then FIN */
        RUDE_MUTE,           /* TLS and nothing more, then FIN */
        RUDE_KIND_MAX_,
} RudeKind;

typedef struct RudePeer {
        RudeKind kind;
        int fd;
        gnutls_session_t tls;
        uint8_t hello[4096]; /* what GnuTLS would have sent */
        size_t n_hello;
} RudePeer;

struct Rude {
        const RudeOptions *options;
        gnutls_certificate_credentials_t credentials;
        pthread_t thread;
        int event_fd;
        unsigned n_failed;
        unsigned n_peers;
        RudePeer peers[];
};

typedef struct Frames {
        uint8_t bytes[1024];
        size_t n;
} Frames;

static void frames_append(Frames *f, const void *p, size_t n) {
        memcpy(f->bytes + f->n, p, n);
        f->n += n;
}

/* HPACK literals shorter than 127 bytes, without Huffman or index. */
static void frames_append_header(Frames *f, const char *name, const char *value) {
        uint8_t n_name = strlen(name), n_value = strlen(value);

        frames_append(f, "\0", 1);
        frames_append(f, &n_name, 1);
        frames_append(f, name, n_name);
        frames_append(f, &n_value, 1);
        frames_append(f, value, n_value);
}

/* The client's preface, empty SETTINGS, and a unary call on stream 1 with an empty message. */
static void frames_call(Frames *f) {
        size_t at;

        frames_append(f, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
        frames_append(f, "\0\0\0\4\0\0\0\0\0", 9);

        at = f->n;
        frames_append(f, "\0\0\0\1\4\0\0\0\1", 9);
        frames_append_header(f, ":method", "POST");
        frames_append_header(f, ":scheme", "https");
        frames_append_header(f, ":path", "/test.Echo/Unary");
        frames_append_header(f, ":authority", "server.test");
        frames_append_header(f, "content-type", "application/grpc");
        frames_append_header(f, "te", "trailers");
        f->bytes[at + 1] = (f->n - at - 9) >> 8;
        f->bytes[at + 2] = (f->n - at - 9) & 0xff;

        frames_append(f, "\0\0\5\0\1\0\0\0\1\0\0\0\0\0", 14);
}

/* Each from an address of its own in 127.0.0.0/8: what is tested is not the limit of one source. */
static int rude_connect(const Rude *r, unsigned i) {
        struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000102 + i) };
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(r->options->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
        };
        struct timeval timeout = { .tv_sec = 5 };
        int fd;

        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *) &from, sizeof(from)) < 0 ||
                        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
                        connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0) {
                close(fd);
                return -errno;
        }

        return fd;
}

static int rude_tls(Rude *r, RudePeer *p) {
        static const gnutls_datum_t h2 = { (unsigned char *) "h2", 2 };

        if (gnutls_init(&p->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0)
                return -ENOMEM;
        if (gnutls_set_default_priority(p->tls) < 0 ||
                        gnutls_credentials_set(p->tls, GNUTLS_CRD_CERTIFICATE, r->credentials) < 0 ||
                        gnutls_alpn_set_protocols(p->tls, &h2, 1, 0) < 0)
                return -ENOMEM;
        gnutls_server_name_set(p->tls, GNUTLS_NAME_DNS, r->options->server_name, strlen(r->options->server_name));
        return 0;
}

static ssize_t on_push(gnutls_transport_ptr_t userdata, const void *data, size_t size) {
        RudePeer *p = userdata;
        size_t n = MIN(size, sizeof(p->hello) - p->n_hello);

        memcpy(p->hello + p->n_hello, data, n);
        p->n_hello += n;
        return size;
}

static ssize_t on_pull(gnutls_transport_ptr_t userdata, void *data, size_t size) {
        RudePeer *p = userdata;

        (void) data;
        (void) size;
        gnutls_transport_set_errno(p->tls, EAGAIN);
        return -1;
}

static int rude_half_hello(RudePeer *p) {
        gnutls_transport_set_ptr(p->tls, p);
        gnutls_transport_set_push_function(p->tls, on_push);
        gnutls_transport_set_pull_function(p->tls, on_pull);
        if (gnutls_handshake(p->tls) != GNUTLS_E_AGAIN || p->n_hello < 2)
                return -EPROTO;

        return send(p->fd, p->hello, p->n_hello / 2, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Until the server has sent anything on stream 1: the call's answer. */
static int rude_receive_answer(RudePeer *p) {
        uint8_t buffer[4096], *b = buffer;
        size_t n = 0;

        while (n < sizeof(buffer)) {
                ssize_t k = gnutls_record_recv(p->tls, buffer + n, sizeof(buffer) - n);

                if (k <= 0)
                        return -ECONNRESET;
                n += k;
                while (buffer + n - b >= 9) {
                        size_t size = (size_t) b[0] << 16 | (size_t) b[1] << 8 | b[2];

                        if (b[8] == 1)
                                return 0;
                        if ((size_t) (buffer + n - b) < 9 + size)
                                break;
                        b += 9 + size;
                }
        }

        return -EMSGSIZE;
}

static int rude_work(RudePeer *p) {
        Frames f = {};
        int r;

        gnutls_transport_set_int(p->tls, p->fd);
        do
                r = gnutls_handshake(p->tls);
        while (r == GNUTLS_E_INTERRUPTED);
        if (r < 0)
                return -ECONNREFUSED;
        if (p->kind == RUDE_MUTE)
                return 0;

        frames_call(&f);
        if (gnutls_record_send(p->tls, f.bytes, f.n) != (ssize_t) f.n)
                return -ECONNRESET;
        r = rude_receive_answer(p);
        if (r < 0)
                return r;
        if (p->kind == RUDE_HALF_FRAME && gnutls_record_send(p->tls, "\0\0\x64\1\4\0\0\0\3half", 13) < 0)
                return -ECONNRESET;

        return 0;
}

static void *rude_main(void *userdata) {
        Rude *r = userdata;

        for (unsigned i = 0; i < r->n_peers; i++) {
                RudePeer *p = r->peers + i;
                int k;

                p->kind = i % RUDE_KIND_MAX_;
                p->fd = k = rude_connect(r, i);
                if (k >= 0)
                        k = rude_tls(r, p);
                if (k >= 0)
                        k = p->kind == RUDE_HALF_HANDSHAKE || p->kind == RUDE_SHY ? rude_half_hello(p) : rude_work(p);
                r->n_failed += k < 0;
        }

        (void) eventfd_write(r->event_fd, 1);
        return NULL;
}

int rude_new(const RudeOptions *options, unsigned n, Rude **ret) {
        Rude *r;

        r = calloc(1, sizeof(*r) + n * sizeof(RudePeer));
        if (!r)
                return -ENOMEM;
        r->options = options;
        r->n_peers = n;
        for (unsigned i = 0; i < n; i++)
                r->peers[i].fd = -EBADF;
        r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        if (r->event_fd < 0 || gnutls_certificate_allocate_credentials(&r->credentials) < 0 ||
                        gnutls_certificate_set_x509_trust_file(r->credentials, options->ca, GNUTLS_X509_FMT_PEM) < 0 ||
                        gnutls_certificate_set_x509_key_file(
                                        r->credentials, options->cert, options->key, GNUTLS_X509_FMT_PEM) < 0 ||
                        pthread_create(&r->thread, NULL, rude_main, r) != 0) {
                r->n_peers = 0;
                rude_free(r);
                return -EINVAL;
        }

        *ret = r;
        return 0;
}

int rude_get_fd(const Rude *r) {
        return r->event_fd;
}

unsigned rude_count_failed(const Rude *r) {
        return r->n_failed;
}

static void rude_vanish(RudePeer *p) {
        static const struct linger now = { .l_onoff = 1 };

        if (p->tls)
                gnutls_deinit(p->tls);
        if (p->fd < 0)
                return;
        if (p->kind == RUDE_RESET || p->kind == RUDE_HALF_HANDSHAKE)
                (void) setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close(p->fd);
}

Rude *rude_free(Rude *r) {
        if (!r)
                return NULL;

        if (r->n_peers > 0)
                pthread_join(r->thread, NULL);
        for (unsigned i = 0; i < r->n_peers; i++)
                rude_vanish(r->peers + i);
        if (r->credentials)
                gnutls_certificate_free_credentials(r->credentials);
        fd_close(r->event_fd);
        free(r);
        return NULL;
}
