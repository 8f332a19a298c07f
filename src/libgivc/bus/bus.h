/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the bus of a systemd manager that survives: it reconnects and subscribes again when the bus
 * restarts or systemd re-executes itself. Root talks to the system manager, others to their user manager. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macro.h"
#include "base/time.h"

typedef struct Bus Bus;

typedef enum BusScope {
        BUS_SYSTEM, /* the system bus: PID 1 */
        BUS_USER,   /* the user's bus: the user manager */
} BusScope;

#define BUS_CALL_TIMEOUT_USEC (25 * USEC_PER_SEC) /* a method call that nobody bounds otherwise */

/* Connects, and keeps connected in the background; it does not wait for the first connection. 0 or a negative errno.
 * The address is that of $DBUS_SYSTEM_BUS_ADDRESS or the system bus, of $DBUS_SESSION_BUS_ADDRESS or
 * $XDG_RUNTIME_DIR/bus. */
int bus_new(sd_event *e, BusScope scope, Bus **ret) _warn_unused_;
/* The same over a connection that is already there (a test's socketpair); it is not replaced when it ends. The bus
 * takes a reference of its own and attaches the connection to e. */
int bus_new_from_connection(sd_event *e, sd_bus *connection, Bus **ret) _warn_unused_;
Bus *bus_ref(Bus *b);
Bus *bus_unref(Bus *b);
DEFINE_CLEANUP(Bus *, bus_unref)

/* True while the manager is there and has taken our subscription. */
bool bus_is_connected(const Bus *b);
/* Suspends until it is, or until deadline (CLOCK_MONOTONIC, USEC_INFINITY: none). 0, -ETIMEDOUT, -ECANCELED, or
 * -ENOTCONN when the connection has ended and nobody replaces it. */
int bus_connected_wait(Bus *b, usec_t deadline) _warn_unused_;
BusScope bus_get_scope(const Bus *b);

/* Somebody who wants to know when the connection comes (connected = true: add matches again, take a new snapshot) and
 * goes. That the manager re-executes itself counts as going and coming. Listeners are told from the loop; they may
 * remove themselves and others. Remove a listener before its memory goes. */
typedef struct BusListener {
        void (*on_connection)(bool connected, void *userdata);
        void *userdata;
        struct BusListener *next; /* the bus's */
} BusListener;
void bus_add_listener(Bus *b, BusListener *l);
void bus_remove_listener(Bus *b, BusListener *l);

/* The current connection, borrowed, or NULL while not connected: for matches and for making messages. A match dies with
 * its connection; drop its slot and add it again on_connection. */
sd_bus *bus_get_connection(Bus *b);

/* Sends the method call m and suspends for the answer, until deadline (CLOCK_MONOTONIC, USEC_INFINITY: the default
 * above). D-Bus errors come back as an errno by the table in bus-error.c; reterr (may be NULL) has the name and the
 * text. -ENOTCONN while there is no bus; -ECONNRESET when the bus or the called program went away with the call in
 * hand; -ETIMEDOUT; -ECANCELED when the fiber was cancelled (the answer is then ignored). ret may be NULL. */
int bus_call_wait(Bus *b, sd_bus_message *m, usec_t deadline, sd_bus_error *reterr, sd_bus_message **ret) _warn_unused_;
/* D-Bus error name to negative errno: one table, see bus-error.c. Unknown names: -EIO; never -ECANCELED. */
int bus_error_to_errno(const char *name);
