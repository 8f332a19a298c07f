/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of a Bus in sd-bus' own words: for the files of this room, and for tests that bring their own. */
#pragma once

#include <systemd/sd-bus.h>

#include "bus/bus.h"

/* As bus_new(), over a connection that is already there (a test's socketpair); it is not replaced when it ends. The bus
 * takes a reference of its own and attaches the connection to e. */
int bus_new_from_connection(sd_event *e, sd_bus *connection, Bus **ret) _warn_unused_;

/* The current connection, borrowed, or NULL while not connected: for matches and for making messages. A match dies with
 * its connection; drop its slot and add it again on_connection. */
sd_bus *bus_get_connection(Bus *b);

/* A method call to a program on this bus; the message is new and the caller's. -ENOTCONN while there is no bus. */
int bus_new_call(Bus *b, const char *name, const char *path, const char *interface, const char *member,
                sd_bus_message **ret) _warn_unused_;
/* Sends the method call m and suspends for the answer, until deadline (CLOCK_MONOTONIC, USEC_INFINITY: the default
 * above). D-Bus errors come back as an errno by the table in bus-error.c; reterr (may be NULL) has the name and the
 * text. -ENOTCONN while there is no bus; -ECONNRESET when the bus or the called program went away with the call in
 * hand; -ETIMEDOUT; -ECANCELED when the fiber was cancelled (the answer is then ignored). ret may be NULL. */
int bus_call_wait(Bus *b, sd_bus_message *m, usec_t deadline, BusError *reterr, sd_bus_message **ret) _warn_unused_;
/* Both, with arguments of signature types; the answer is dropped. */
int bus_method_wait(Bus *b, const char *name, const char *path, const char *interface, const char *member,
                usec_t deadline, BusError *reterr, const char *types, ...) _warn_unused_;
