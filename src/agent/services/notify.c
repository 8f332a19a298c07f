/* SPDX-License-Identifier: Apache-2.0 */
/* notify.UserNotificationService: shows a notification on this machine's desktops, see proto/notify.proto. An agent of
 * the system writes it to the sockets of the sessions; one in a session asks the desktop itself. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/services/machine-error.h"
#include "agent/services/services.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "bus/notifications.h"
#include "event/io.h"
#include "event/task.h"
#include "notify.pb-c.h"
#include "proto/json.h"

#define SHOW_USEC   (5 * USEC_PER_SEC)   /* for one desktop, or for one socket */
#define AGAIN_USEC  (50 * USEC_PER_MSEC) /* until a socket with a full queue is tried again */
#define SOCKETS_MAX 64                   /* that one notification goes to */
#define TEXT_MAX    (64 * 1024)          /* of what a desktop is asked to show */

/* One socket and what it is told, by whom. */
typedef struct Delivery {
        const char *path, *text, *peer;
        usec_t deadline;
} Delivery;

static int socket_connect_wait(const Delivery *d, Io **ret) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (strlen(d->path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, d->path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        while (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (time_now(CLOCK_MONOTONIC) >= d->deadline)
                        return -ETIMEDOUT;
                r = fiber_sleep_wait(AGAIN_USEC);
                if (r < 0)
                        return r;
        }
        r = io_new(fd, ret);
        if (r >= 0)
                fd = -EBADF;
        return r;
}

/* The end of what is said is the end of the connection. */
static int deliver_main(void *userdata) {
        const Delivery *d = userdata;
        _cleanup_(io_freep) Io *io = NULL;
        int r;

        r = socket_connect_wait(d, &io);
        if (r >= 0)
                r = io_write_wait(io, d->text, strlen(d->text), d->deadline);
        if (r == -ECANCELED)
                return r;
        if (r < 0)
                log_write(LOG_WARNING, LOG_FIELDS({ "GIVC_PEER", d->peer }), "A notification did not reach '%s': %s",
                                d->path, strerror(-r));
        return 0;
}

static int deliver_wait(char **paths, const char *text, const char *peer) {
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        Delivery deliveries[SOCKETS_MAX];
        const usec_t deadline = usec_add(time_now(CLOCK_MONOTONIC), SHOW_USEC);
        int r = group ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && paths && paths[i]; i++) {
                deliveries[i] = (Delivery){ paths[i], text, peer, deadline };
                r = task_group_start(group, deliver_main, &deliveries[i]);
        }
        return r < 0 ? r : task_group_wait(group);
}

/* skip: of this user, who has seen it. */
static int add_socket(char ***paths, DIR *d, const char *directory, const char *name, uid_t skip, const char *peer) {
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid == skip)
                return 0;
        if (strv_length(*paths) >= SOCKETS_MAX) {
                log_write(LOG_WARNING, LOG_FIELDS({ "GIVC_PEER", peer }),
                                "'%s' has more than %d sockets; '%s' gets no notification", directory, SOCKETS_MAX,
                                name);
                return 0;
        }
        path = strf("%s/%s", directory, name);
        return path ? strv_extend(paths, path) : -ENOMEM;
}

static int find_sockets(const char *directory, uid_t skip, const char *peer, char ***ret, RpcStatus *reterr) {
        _cleanup_strv_free_ char **paths = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *entry;
        int r = 0;

        if (isempty(directory))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION,
                                "The configuration of this agent names no directory of sockets for notifications.");
        d = opendir(directory);
        if (!d)
                return rpc_error(reterr, RPC_UNKNOWN,
                                "Cannot read the directory of sockets for notifications, '%s': %s.", directory,
                                strerror(errno));
        while (r >= 0 && (entry = readdir(d)))
                r = add_socket(&paths, d, directory, entry->d_name, skip, peer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

/* The urgency is a number and always there: the receiver on the other side of the socket takes any word for 1. */
static char *notification_to_json(const Notify__UserNotification *n) {
        _cleanup_(json_decrefp) json_t *json = proto_to_json(&n->base, 0);

        if (!json || json_object_set_new(json, "Urgency", json_integer(n->urgency)) < 0)
                return NULL;
        return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
}

/* 1: it is on the desktop of this session; 0: the agent is in none; or a negative errno, why it is not there. */
static int show_wait(Bus *bus, const Notify__UserNotification *n, const char *peer, BusError *reterr) {
        const Notification notification = { n->event, n->icon, n->title, n->message, (uint8_t) n->urgency };
        int r;

        if (bus_get_scope(bus) != BUS_USER)
                return 0;
        r = notification_show_wait(bus, &notification, usec_add(time_now(CLOCK_MONOTONIC), SHOW_USEC), reterr);
        if (r == -ECANCELED)
                return r;
        if (r < 0)
                log_write(LOG_WARNING, LOG_FIELDS({ "GIVC_PEER", peer }),
                                "The desktop does not show a notification: %s",
                                reterr->message ? reterr->message : strerror(-r));
        return r < 0 ? r : 1;
}

static int method_notify_user(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Notify__UserNotification *req = request;
        const char *directory = agent_get_config(userdata)->notifier_socket,
                   *peer = identity_get_key(rpc_call_get_identity(call));
        Notify__Status reply = NOTIFY__STATUS__INIT;
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_strv_free_ char **paths = NULL;
        _cleanup_free_ char *text = NULL;
        Bus *bus = agent_get_bus(userdata);
        int r, shown;

        if (!protobuf_c_enum_descriptor_get_value(&notify__urgency_level__descriptor, (int) req->urgency))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "There is no urgency %d.", (int) req->urgency);
        if (protobuf_c_message_get_packed_size(&req->base) > TEXT_MAX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "A notification has %d bytes at most.", TEXT_MAX);
        shown = show_wait(bus, req, peer, &error);
        if (shown == -ECANCELED)
                return shown;
        text = notification_to_json(req);
        if (!text)
                return -ENOMEM;
        if (shown == 0 || !isempty(directory)) {
                r = find_sockets(directory, shown > 0 ? geteuid() : (uid_t) -1, peer, &paths, reterr);
                if (r < 0)
                        return r;
        }
        if (shown < 0 && strv_length(paths) == 0)
                return machine_error(reterr, shown, "show the notification", &error);
        r = deliver_wait(paths, text, peer);
        reply.status = (char *) "Notification sent";
        return r < 0 ? r : rpc_call_reply(call, &reply);
}

static const RpcMethod methods[] = {
        { "NotifyUser", RPC_UNARY, method_notify_user },
        {},
};

const RpcService notify_service = { &notify__user_notification_service__descriptor, methods };
