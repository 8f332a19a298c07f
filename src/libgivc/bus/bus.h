/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the bus of a systemd manager that survives: it reconnects and subscribes again when the bus
 * restarts or systemd re-executes itself. Root talks to the system manager, others to their user manager. */
#pragma once

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

/* What the manager said when it refused: the name of the D-Bus error, and its sentence, which may be NULL.
 * Zero-initialised is none. */
typedef struct BusError {
        char *name, *message;
} BusError;
void bus_error_done(BusError *e);
/* D-Bus error name to negative errno: one table, see bus-error.c. Unknown names: -EIO; never -ECANCELED. */
int bus_error_to_errno(const char *name);
