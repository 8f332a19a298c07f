/* SPDX-License-Identifier: Apache-2.0 */
/* Wireless networks, by NetworkManager: what its radios see, and connections that it makes for us. It is never started
 * by being asked: where it does not run, all of this is -ENOTCONN at once. */
#pragma once

#include "bus/bus.h"

#define WIRELESS_DEVICES_MAX 16
#define WIRELESS_POINTS_MAX  512 /* of one device; what it sees beyond them is left out */
#define WIRELESS_SSID_MAX    32

/* Bits of AccessPoint.flags, and of its wpa_flags and rsn_flags, as NetworkManager's interface has them. */
enum {
        WIRELESS_PRIVACY = 0x1,
};
enum {
        WIRELESS_PSK = 0x100,
        WIRELESS_8021X = 0x200,
        WIRELESS_SAE = 0x400,
        WIRELESS_OWE = 0x800,
        WIRELESS_OWE_TRANSITION = 0x1000, /* an open network whose hidden twin is encrypted */
        WIRELESS_SUITE_B_192 = 0x2000,
};

typedef struct AccessPoint {
        char *path;
        uint8_t ssid[WIRELESS_SSID_MAX];
        size_t n_ssid;
        char *name; /* the SSID as text, with a '?' for each byte that is none */
        uint32_t flags, wpa_flags, rsn_flags;
        uint8_t strength; /* in percent */
        bool active;      /* its device is connected to it, or on the way there */
} AccessPoint;

typedef struct WirelessDevice {
        char *path, *interface;
        AccessPoint *points;
        size_t n_points;
} WirelessDevice;

typedef struct Wireless {
        WirelessDevice *devices;
        size_t n_devices;
} Wireless;

void wireless_done(Wireless *w);
/* The wireless devices that NetworkManager manages, and what they see. What vanishes meanwhile is left out. As
 * bus_call_wait(). */
int wireless_read_wait(Bus *b, usec_t deadline, Wireless *ret, BusError *reterr) _warn_unused_;
/* Turns all radios on or off. */
int wireless_enable_wait(Bus *b, bool enable, usec_t deadline, BusError *reterr) _warn_unused_;
/* -EHOSTDOWN when the device is not connected. */
int wireless_disconnect_wait(Bus *b, const WirelessDevice *d, usec_t deadline, BusError *reterr) _warn_unused_;

typedef enum SettingKind {
        SETTING_STRING,
        SETTING_STRINGS,
        SETTING_BYTES,
        SETTING_BOOLEAN,
        SETTING_UNSIGNED,
        SETTING_SIGNED,
} SettingKind;

/* A property of a connection: nm-settings-dbus(5). */
typedef struct NetworkSetting {
        const char *section, *key;
        SettingKind kind;
        const void *data; /* const char *, char ** with an end, or size bytes */
        size_t size;
        int64_t number; /* also a boolean */
} NetworkSetting;

/* Has NetworkManager make a connection with these settings, of which the later ones of a name count, activate it on the
 * device with the access point, and suspends until it is up. 0; -EIO when it failed, and *reterr has the reason as a
 * part of a sentence ("the password is missing or wrong"); -ETIMEDOUT; -ECONNRESET when NetworkManager went away; or as
 * bus_call_wait(). A connection that is not up when this returns is taken back, also when the fiber was cancelled. */
int wireless_connect_wait(Bus *b, const WirelessDevice *d, const AccessPoint *p, const NetworkSetting *settings,
                size_t n_settings, usec_t deadline, BusError *reterr) _warn_unused_;
