/* SPDX-License-Identifier: Apache-2.0 */
/* The fake's connections: socketpairs, and a message bus that knows one name. */
#include "fake/fake-internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define DRIVER "org.freedesktop.DBus"

void fake_abort(const char *expression, const char *file, int line) {
        fprintf(stderr, "%s:%i: '%s' does not hold\n", file, line, expression);
        abort();
}

const char *fake_owner(const FakeSystemd *f, char buffer[static 32]) {
        (void) snprintf(buffer, 32, ":1.%u", f->generation);
        return buffer;
}

static void connection_signal(FakeConnection *c, const char *sender, const char *path, const char *interface,
                const char *member, const char *types, va_list ap) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list copy;

        fake_check(sd_bus_message_new_signal(c->bus, &m, path, interface, member) >= 0);
        va_copy(copy, ap);
        fake_check(sd_bus_message_appendv(m, types, copy) >= 0);
        va_end(copy);
        if (sender)
                fake_check(sd_bus_message_set_sender(m, sender) >= 0);
        (void) sd_bus_send(c->bus, m, NULL);
}

void fake_broadcast(FakeSystemd *f, const char *sender, const char *path, const char *interface, const char *member,
                const char *types, ...) {
        char owner[32];
        va_list ap;

        if (!sender && f->away)
                return;
        LIST_FOREACH(c, &f->connections, FakeConnection, connections) {
                if (!c->subscribed)
                        continue;
                va_start(ap, types);
                connection_signal(c, sender ? sender : fake_owner(f, owner), path, interface, member, types, ap);
                va_end(ap);
        }
}

static void owner_changed(FakeSystemd *f, const char *old, const char *new_owner) {
        LIST_FOREACH(c, &f->connections, FakeConnection, connections) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

                fake_check(sd_bus_message_new_signal(c->bus, &m, "/org/freedesktop/DBus", DRIVER, "NameOwnerChanged") >=
                                0);
                fake_check(sd_bus_message_append(m, "sss", MANAGER_NAME, old, new_owner) >= 0);
                fake_check(sd_bus_message_set_sender(m, DRIVER) >= 0);
                (void) sd_bus_send(c->bus, m, NULL);
        }
}

static int driver_handle(FakeConnection *c, sd_bus_message *m) {
        const char *member = sd_bus_message_get_member(m);
        char buffer[32];

        if (streq(member, "Hello"))
                return sd_bus_reply_method_return(m, "s", ":1.100");
        if (streq(member, "GetNameOwner")) {
                if (c->fake->away)
                        return sd_bus_reply_method_errorf(m, DRIVER ".Error.NameHasNoOwner", "No owner.");
                return sd_bus_reply_method_return(m, "s", fake_owner(c->fake, buffer));
        }
        return sd_bus_reply_method_return(m, NULL); /* AddMatch, RemoveMatch: everybody gets everything */
}

static int on_message(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        FakeConnection *c = userdata;
        int r;

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        if (streq_ptr(sd_bus_message_get_destination(m), DRIVER))
                return driver_handle(c, m) < 0 ? 0 : 1;
        if (c->fake->away)
                return sd_bus_reply_method_errorf(m, DRIVER ".Error.ServiceUnknown", "The name is not activatable.") >=
                                0;
        r = fake_handle(c, m);
        fake_check(r >= 0 || r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE);
        return 1;
}

static int on_disconnected(_unused_ sd_bus_message *m, void *userdata, _unused_ sd_bus_error *reterr) {
        fake_connection_free(userdata);
        return 0;
}

void fake_connection_free(FakeConnection *c) {
        LIST_FOREACH(h, &c->fake->held, FakeHeld, held)
                if (h->connection == c) {
                        list_remove(&h->held);
                        sd_bus_message_unref(h->call);
                        free(h);
                }
        list_remove(&c->connections);
        fake_units_unref(c->fake, c);
        sd_bus_close_unref(c->bus);
        free(c);
}

static void connection_new(FakeSystemd *f, int fd) {
        FakeConnection *c = mem_new0(FakeConnection, 1);
        sd_id128_t id;

        fake_check(c);
        c->fake = f;
        list_append(&f->connections, &c->connections);
        fake_check(sd_id128_randomize(&id) >= 0);
        fake_check(sd_bus_new(&c->bus) >= 0);
        fake_check(sd_bus_set_fd(c->bus, fd, fd) >= 0);
        fake_check(sd_bus_set_server(c->bus, true, id) >= 0);
        fake_check(sd_bus_set_anonymous(c->bus, true) >= 0);
        fake_check(sd_bus_add_filter(c->bus, NULL, on_message, c) >= 0);
        fake_check(sd_bus_match_signal(c->bus, NULL, DRIVER ".Local", "/org/freedesktop/DBus/Local", DRIVER ".Local",
                                   "Disconnected", on_disconnected, c) >= 0);
        fake_check(sd_bus_start(c->bus) >= 0);
        fake_check(sd_bus_attach_event(c->bus, f->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
}

void fake_systemd_connect(FakeSystemd *f, sd_bus **ret) {
        sd_bus *client;
        int fds[2];

        fake_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) >= 0);
        connection_new(f, fds[0]);
        fake_check(sd_bus_new(&client) >= 0);
        fake_check(sd_bus_set_fd(client, fds[1], fds[1]) >= 0);
        fake_check(sd_bus_start(client) >= 0);
        *ret = client;
}

static int on_accept(_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata) {
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (client >= 0)
                connection_new(userdata, client);
        return 0;
}

void fake_systemd_listen(FakeSystemd *f, const char *path) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        fake_check(f->listen_fd < 0 && strlen(path) < sizeof(sa.sun_path));
        strcpy(sa.sun_path, path);
        f->listen_path = strdup(path);
        f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        fake_check(f->listen_fd >= 0);
        fake_check(bind(f->listen_fd, (struct sockaddr *) &sa, sizeof(sa)) >= 0);
        fake_check(listen(f->listen_fd, 16) >= 0);
        fake_check(sd_event_add_io(f->event, &f->listen_source, f->listen_fd, EPOLLIN, on_accept, f) >= 0);
}

void fake_systemd_unlisten(FakeSystemd *f) {
        if (f->listen_fd < 0)
                return;
        f->listen_source = sd_event_source_disable_unref(f->listen_source);
        f->listen_fd = fd_close(f->listen_fd);
        (void) unlink(f->listen_path);
        free(TAKE_PTR(f->listen_path));
}

void fake_systemd_disconnect(FakeSystemd *f) {
        LIST_FOREACH(c, &f->connections, FakeConnection, connections)
                fake_connection_free(c);
}

void fake_systemd_leave(FakeSystemd *f) {
        char old[32];

        fake_check(!f->away);
        owner_changed(f, fake_owner(f, old), "");
        f->away = true;
        LIST_FOREACH(c, &f->connections, FakeConnection, connections)
                c->subscribed = false;
        while (!list_is_empty(&f->held)) {
                FakeHeld *h = LIST_ITEM(f->held.next, FakeHeld, held);

                list_remove(&h->held);
                (void) sd_bus_reply_method_errorf(h->call, DRIVER ".Error.NoReply", "Message recipient disconnected.");
                sd_bus_message_unref(h->call);
                free(h);
        }
        free(TAKE_PTR(f->hold_member));
}

void fake_systemd_return(FakeSystemd *f) {
        char owner[32];

        fake_check(f->away);
        f->away = false;
        f->generation++;
        owner_changed(f, "", fake_owner(f, owner));
}

unsigned fake_systemd_count_connections(const FakeSystemd *f) {
        unsigned n = 0;

        LIST_FOREACH(c, (List *) &f->connections, FakeConnection, connections)
                n++;
        return n;
}
