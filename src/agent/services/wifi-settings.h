/* SPDX-License-Identifier: Apache-2.0 */
/* What an access point says of its security, in words, and the settings that a connection to it needs. Nothing here
 * waits or asks anybody. */
#pragma once

#include "bus/network-manager.h"
#include "proto/json.h"
#include "rpc/status.h"

#define WIFI_SETTINGS_MAX 64 /* of one connection, our own among them */
#define WIFI_WORDS_MAX    16 /* of a list in them */

/* "WPA2 802.1X" and so on, "None" for an open network; new string, NULL when out of memory. */
char *wifi_describe_security(const AccessPoint *p);

typedef struct WifiSettings {
        NetworkSetting list[WIFI_SETTINGS_MAX];
        size_t n;
        json_t *json;             /* that some borrow from */
        const char *certificates; /* borrowed */
        const char *words[WIFI_SETTINGS_MAX][WIFI_WORDS_MAX + 1];
        size_t n_words;
} WifiSettings;

/* Fills the zero-initialised *s, which borrows from p and the strings, for a connection to p. more is a JSON object of
 * NetworkManager's settings, {"section": {"key": value}}, that counts for enterprise networks; "" for none. Files that
 * they name have to be in the directory of certificates, NULL: none. 0, -ENOMEM, or INVALID_ARGUMENT or
 * PERMISSION_DENIED with a sentence. */
int wifi_settings_fill(WifiSettings *s, const AccessPoint *p, const char *password, const char *more,
                const char *certificates, RpcStatus *reterr) _warn_unused_;
void wifi_settings_done(WifiSettings *s);
/* The text repeats a secret that is among the settings. */
bool wifi_settings_leak(const WifiSettings *s, const char *text);
