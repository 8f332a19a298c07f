/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about NetworkManager share. */
#pragma once

#include "bus/bus-connection.h"
#include "bus/network-manager.h"

#define NM_NAME              "org.freedesktop.NetworkManager"
#define NM_PATH              "/org/freedesktop/NetworkManager"
#define NM_DEVICE            NM_NAME ".Device"
#define NM_WIRELESS          NM_DEVICE ".Wireless"
#define NM_ACCESS_POINT      NM_NAME ".AccessPoint"
#define NM_ACTIVE            NM_NAME ".Connection.Active"
#define NM_CONNECTION        NM_NAME ".Settings.Connection"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

/* A call that does not start who is called. */
int nm_new_call(sd_bus *connection, const char *path, const char *interface, const char *member,
                sd_bus_message **ret) _warn_unused_;

/* One property of an object, the answer open at its value; -ENOENT when the object is gone. */
int nm_get_wait(Bus *b, const char *path, const char *interface, const char *property, const char *type,
                usec_t deadline, BusError *reterr, sd_bus_message **ret) _warn_unused_;
