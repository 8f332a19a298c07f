/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/socket-proxy.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "agent/listener.h"
#include "agent/services/socket-stream.h"
#include "agent/socket-listener.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* Either a server or a listener of a peer's. */
typedef struct Proxy {
        const ConfigSocket *config;
        AccessPeer peer;
        ServedSocket served;
        RpcServer *server;
        Listener *server_listener;
        int passed; /* socket that the service manager has opened */
        SocketListener *listener;
} Proxy;

struct SocketProxy {
        SocketProxyOptions options;
        Proxy *proxies;
        size_t n_proxies;
};

int socket_proxy_new(const SocketProxyOptions *options, SocketProxy **ret) {
        const Config *config = options->config;
        _cleanup_(socket_proxy_freep) SocketProxy *p = NULL;

        p = mem_new0(SocketProxy, 1);
        if (!p)
                return -ENOMEM;
        p->options = *options;
        p->proxies = mem_new0(Proxy, MAX(config->n_sockets, 1U));
        if (!p->proxies)
                return -ENOMEM;
        for (size_t i = 0; config->socket_proxy && i < config->n_sockets; i++)
                if (config->sockets[i].usable)
                        p->proxies[p->n_proxies++] = (Proxy){ .config = &config->sockets[i], .passed = -EBADF };
        *ret = TAKE_PTR(p);
        return 0;
}

bool socket_proxy_take_fd(SocketProxy *p, int fd) {
        struct sockaddr_un address = {};
        socklen_t size = sizeof(address) - 1; /* the path need not end with a NUL byte */

        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0 || address.sun_family != AF_UNIX)
                return false;
        for (size_t i = 0; i < p->n_proxies; i++) {
                Proxy *proxy = &p->proxies[i];

                if (proxy->config->server || proxy->passed >= 0 || !streq(address.sun_path, proxy->config->socket))
                        continue;
                proxy->passed = fd;
                return true;
        }
        return false;
}

static void on_serving(int r, void *userdata) {
        const Proxy *proxy = userdata;

        if (r >= 0)
                log_info("Serving '%s' at port %u", proxy->config->socket, proxy->config->address.port);
        else
                log_error_errno(r, "Cannot serve '%s' at port %u, and trying on would not help", proxy->config->socket,
                                proxy->config->address.port);
}

static int proxy_make_server(Proxy *proxy, const SocketProxyOptions *options) {
        const ConfigSocket *config = proxy->config;
        int r;

        proxy->peer = (AccessPeer){
                .what = "socket proxy",
                .role = "peer",
                .name = config->transport.name,
                .address = config->has_peer ? config->peer : (RpcAddress){ .kind = RPC_ADDRESS_UNIX },
                .is_bound = config->has_peer,
                .access = options->access,
        };
        proxy->served = (ServedSocket){ config->socket,
                options->patience_usec ? options->patience_usec : SOCKET_SERVED_PATIENCE_USEC };
        r = rpc_server_new(options->queue, &proxy->server);
        if (r < 0)
                return r;
        if (options->credentials)
                rpc_server_set_credentials(proxy->server, options->credentials);
        rpc_server_set_access(proxy->server, access_check_peer, &proxy->peer);
        r = rpc_server_add_service(proxy->server, &socket_stream_service, &proxy->served);
        if (r >= 0)
                r = rpc_server_add_health(proxy->server);
        if (r >= 0)
                r = rpc_server_add_reflection(proxy->server, options->descriptors, options->n_descriptors);
        return r;
}

static void proxy_serve(Proxy *proxy, const SocketProxyOptions *options) {
        _cleanup_free_ char *problem = NULL;
        int r;

        r = proxy_make_server(proxy, options);
        if (r >= 0)
                r = listener_new(rpc_queue_get_event(options->queue), proxy->server, &proxy->config->address, 0,
                                on_serving, proxy, &proxy->server_listener);
        if (r < 0 || listener_is_listening(proxy->server_listener)) {
                on_serving(r, proxy);
                return;
        }
        problem = listener_describe(proxy->server_listener);
        log_warning("The proxy of '%s' %s", proxy->config->socket, strempty(problem));
}

static void proxy_listen(Proxy *proxy, const SocketProxyOptions *options) {
        const SocketListenerOptions listening = {
                .queue = options->queue,
                .credentials = options->credentials,
                .config = proxy->config,
                .patience_usec = options->patience_usec ? options->patience_usec : SOCKET_PEER_PATIENCE_USEC,
        };
        int r;

        r = socket_listener_new(&listening, proxy->passed, &proxy->listener);
        if (r < 0)
                log_error_errno(r, "Cannot listen at '%s'", proxy->config->socket);
        else
                proxy->passed = -EBADF;
}

void socket_proxy_start(SocketProxy *p) {
        for (size_t i = 0; i < p->n_proxies; i++)
                if (p->proxies[i].config->server)
                        proxy_serve(&p->proxies[i], &p->options);
                else
                        proxy_listen(&p->proxies[i], &p->options);
}

void socket_proxy_recheck(SocketProxy *p) {
        for (size_t i = 0; i < p->n_proxies; i++)
                if (p->proxies[i].server)
                        rpc_server_recheck(p->proxies[i].server);
}

SocketProxy *socket_proxy_free(SocketProxy *p) {
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n_proxies; i++) {
                Proxy *proxy = &p->proxies[i];

                listener_free(proxy->server_listener);
                rpc_server_free(proxy->server);
                socket_listener_free(proxy->listener);
                (void) fd_close(proxy->passed);
        }
        free(p->proxies);
        free(p);
        return NULL;
}
