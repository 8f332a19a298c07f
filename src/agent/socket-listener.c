/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/socket-listener.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/services/socket-stream.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/str.h"
#include "event/backoff.h"
#include "event/task.h"
#include "rpc/limits.h"
#include "tls/file-watch.h"

#define CONNECTION_REACHED (-4096) /* a task's word for "the call is there", never returned to callers */
#define ACCEPT_AT_ONCE     16
#define ACCEPT_PAUSE_USEC  (100 * USEC_PER_MSEC)
/* A peer takes so many calls over one of our connections to it; whoever comes then has another one. */
#define LINKS_MAX ((SOCKET_CONNECTIONS_MAX + RPC_STREAMS_MAX - 1) / RPC_STREAMS_MAX)

typedef struct Link {
        RpcChannel *channel;
        unsigned n_connections;
} Link;

struct SocketListener {
        RpcQueue *queue;
        TlsCredentials *credentials;
        const ConfigSocket *config;
        usec_t patience_usec;
        int fd;
        FileWatch *watch; /* of the socket's file; NULL when it is the service manager's, or cannot be watched */
        struct stat file; /* as it was made */
        sd_event_source *source, *timer; /* timer: accept again, or try to listen again */
        Backoff backoff;
        int error; /* of the last try to listen */
        Link links[LINKS_MAX];
        List connections;
        unsigned n_connections;
};

typedef struct Connection {
        List connections;
        SocketListener *listener;
        Link *link;
        Io *io;
        RpcStream *stream;
        RpcStatus status;
        Fiber *fiber;
} Connection;

static void connection_free(Connection *c) {
        if (!c)
                return;
        list_remove(&c->connections);
        c->listener->n_connections--;
        if (c->link)
                c->link->n_connections--;
        rpc_stream_free(c->stream);
        io_free(c->io);
        rpc_status_done(&c->status);
        free(c);
}
DEFINE_CLEANUP(Connection *, connection_free)

static int listener_get_link(SocketListener *l, Link **ret) {
        const RpcChannelOptions options = {
                .address = &l->config->address,
                .credentials = l->credentials,
                .server_name = l->config->transport.name,
        };

        for (size_t i = 0; i < LINKS_MAX; i++) {
                Link *link = &l->links[i];
                int r = 0;

                if (link->n_connections >= RPC_STREAMS_MAX)
                        continue;
                if (!link->channel)
                        r = rpc_channel_new(l->queue, &options, &link->channel);
                *ret = link;
                return r;
        }
        return -ENOBUFS;
}

static int open_main(void *userdata) {
        Connection *c = userdata;
        int r;

        r = socket_stream_open_wait(c->link->channel, &c->stream, &c->status);
        return r < 0 ? r : CONNECTION_REACHED;
}

static int hangup_main(void *userdata) {
        const Connection *c = userdata;
        int r = io_hangup_wait(c->io, USEC_INFINITY);

        return r < 0 ? r : -ECONNRESET;
}

static int patience_main(void *userdata) {
        const Connection *c = userdata;
        int r = fiber_sleep_wait(c->listener->patience_usec);

        return r < 0 ? r : -ETIMEDOUT;
}

/* Whoever does not want to wait for the peer any more takes no place. Where it can be had at once, nobody is asked. */
static int connection_open_wait(Connection *c) {
        static const fiber_func_t tasks[] = { open_main, hangup_main, patience_main };
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        int r = group ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(tasks); i++)
                r = task_group_start(group, tasks[i], c);
        if (r >= 0)
                r = task_group_wait(group);
        if (r == CONNECTION_REACHED)
                return 0;
        if (r != -ETIMEDOUT)
                return r;
        rpc_status_done(&c->status); /* that it was cancelled */
        return rpc_error(&c->status, RPC_UNAVAILABLE, "%s", rpc_channel_get_error(c->link->channel));
}

static void connection_report(const Connection *c, int r) {
        const ConfigSocket *config = c->listener->config;
        const char *reason = c->status.message ? c->status.message : strerror(-r);

        log_write(LOG_WARNING,
                        LOG_FIELDS({ "GIVC_PEER", config->transport.name }, { "GIVC_REASON", reason },
                                        { "GIVC_SOCKET", config->socket }),
                        "A connection of '%s' to '%s' has ended: %s", config->socket, strempty(config->transport.name),
                        reason);
}

static int connection_main(void *userdata) {
        _cleanup_(connection_freep) Connection *c = userdata;
        int r;

        c->fiber = fiber_current();
        r = connection_open_wait(c);
        if (r >= 0)
                r = socket_stream_carry_wait(c->stream, c->io, &c->status);
        if (r < 0 && !fiber_is_canceled(c->fiber) && r != -ECONNRESET)
                connection_report(c, r);
        return r;
}

/* Owns fd. */
static int listener_connect(SocketListener *l, int fd) {
        _cleanup_close_ int accepted = fd;
        _cleanup_(connection_freep) Connection *c = NULL;
        int r;

        c = mem_new0(Connection, 1);
        if (!c)
                return -ENOMEM;
        c->listener = l;
        l->n_connections++;
        list_append(&l->connections, &c->connections);
        r = io_new(accepted, &c->io);
        if (r < 0)
                return r;
        (void) TAKE_FD(accepted);
        r = listener_get_link(l, &c->link);
        if (r < 0)
                return r;
        c->link->n_connections++;
        r = fiber_start(NULL, connection_main, c);
        if (r >= 0)
                (void) TAKE_PTR(c);
        return r;
}

static void listener_refuse(const SocketListener *l, const char *reason) {
        log_write(LOG_WARNING,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LIMIT_REACHED }, { "GIVC_PEER", l->config->transport.name },
                                        { "GIVC_REASON", reason }, { "GIVC_SOCKET", l->config->socket }),
                        "Refused a connection of '%s': %s", l->config->socket, reason);
}

/* A socket that cannot be accepted from would make the loop spin. */
static void listener_pause(SocketListener *l) {
        if (sd_event_source_set_time_relative(l->timer, ACCEPT_PAUSE_USEC) >= 0 &&
                        sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT) >= 0)
                (void) sd_event_source_set_enabled(l->source, SD_EVENT_OFF);
}

static int on_accept(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        SocketListener *l = userdata;

        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), r;

                if (accepted < 0) {
                        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                                listener_refuse(l, strerror(errno));
                                listener_pause(l);
                        }
                        return 0;
                }
                if (l->n_connections >= SOCKET_CONNECTIONS_MAX) {
                        (void) fd_close(accepted);
                        listener_refuse(l, "too many connections");
                        continue;
                }
                r = listener_connect(l, accepted);
                if (r < 0)
                        listener_refuse(l, strerror(-r));
        }
        return 0;
}

static int listener_open(SocketListener *l) {
        const RpcAddress address = { .kind = RPC_ADDRESS_UNIX, .host = l->config->socket };
        int fd;

        fd = rpc_address_listen(&address, SOCKET_MODE, SOCKET_GROUP);
        if (fd == -EPERM) {
                log_warning("Only root and members may give '%s' to group %i, so it keeps the agent's",
                                l->config->socket, SOCKET_GROUP);
                fd = rpc_address_listen(&address, SOCKET_MODE, (gid_t) -1);
        }
        return fd;
}

/* What still waits at the socket before this one has been accepted. */
static int listener_accept_from(SocketListener *l, int fd) {
        sd_event_source *source;
        int r;

        r = fd_prepare(fd);
        if (r >= 0)
                r = sd_event_add_io(rpc_queue_get_event(l->queue), &source, fd, EPOLLIN, on_accept, l);
        if (r < 0)
                return r;
        sd_event_source_disable_unref(l->source);
        (void) fd_close(l->fd);
        l->source = source;
        l->fd = fd;
        return 0;
}

/* As long as the socket is open, no other file has the number of its own. */
static bool listener_is_reachable(const SocketListener *l) {
        struct stat st;

        if (l->fd < 0 || !l->watch)
                return l->fd >= 0;
        return lstat(l->config->socket, &st) >= 0 && st.st_dev == l->file.st_dev && st.st_ino == l->file.st_ino;
}

static int listener_listen(SocketListener *l) {
        _cleanup_close_ int fd = listener_open(l);
        struct stat st;
        int r = fd;

        if (r >= 0)
                r = lstat(l->config->socket, &st) < 0 ? -errno : 0;
        if (r >= 0)
                r = listener_accept_from(l, fd);
        if (r < 0)
                return r;
        (void) TAKE_FD(fd);
        l->file = st;
        return 0;
}

/* The directory may come later, or the file be another's for the time being. */
static void listener_try(SocketListener *l) {
        bool again = l->fd >= 0;
        int r;

        r = listener_listen(l);
        if (r >= 0) {
                if (again)
                        log_notice("The socket '%s' was removed, and is there again", l->config->socket);
                backoff_reset(&l->backoff);
                l->error = 0;
                return;
        }
        if (r != l->error)
                log_warning_errno(r, "Cannot listen at '%s'; trying on", l->config->socket);
        l->error = r;
        if (sd_event_source_set_time_relative(l->timer, backoff_next_usec(&l->backoff)) >= 0)
                (void) sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        SocketListener *l = userdata;

        if (l->source)
                (void) sd_event_source_set_enabled(l->source, SD_EVENT_ON);
        if (!listener_is_reachable(l))
                listener_try(l);
        return 0;
}

static void on_file_change(void *userdata) {
        SocketListener *l = userdata;

        if (!listener_is_reachable(l))
                listener_try(l);
}

int socket_listener_new(const SocketListenerOptions *options, int fd, SocketListener **ret) {
        _cleanup_(socket_listener_freep) SocketListener *l = NULL;
        int r;

        l = mem_new(SocketListener, 1);
        if (!l)
                return -ENOMEM;
        *l = (SocketListener){
                .queue = rpc_queue_ref(options->queue),
                .credentials = tls_credentials_ref(options->credentials),
                .config = options->config,
                .patience_usec = options->patience_usec,
                .fd = -EBADF,
                .backoff = { SOCKET_RETRY_MIN_USEC, SOCKET_RETRY_MAX_USEC, 0 },
        };
        list_init(&l->connections);
        r = sd_event_add_time(rpc_queue_get_event(l->queue), &l->timer, CLOCK_MONOTONIC, USEC_INFINITY, 0, on_timer, l);
        if (r < 0)
                return r;
        if (fd >= 0) {
                r = listener_accept_from(l, fd);
                if (r < 0)
                        return r;
        } else {
                const char *path = l->config->socket;

                r = file_watch_new(rpc_queue_get_event(l->queue), &path, 1, on_file_change, l, &l->watch);
                if (r < 0)
                        log_warning_errno(r, "Cannot watch '%s', which is not made again when it is removed", path);
                listener_try(l);
        }
        *ret = TAKE_PTR(l);
        return 0;
}

SocketListener *socket_listener_free(SocketListener *l) {
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->source);
        sd_event_source_disable_unref(l->timer);
        file_watch_free(l->watch);
        (void) fd_close(l->fd);
        /* Cancelled from the loop, a connection's fiber has returned, and left the list, when this does. */
        while (!list_is_empty(&l->connections))
                fiber_cancel(LIST_ITEM(l->connections.next, Connection, connections)->fiber);
        for (size_t i = 0; i < LINKS_MAX; i++)
                rpc_channel_unref(l->links[i].channel);
        tls_credentials_unref(l->credentials);
        rpc_queue_unref(l->queue);
        free(l);
        return NULL;
}
