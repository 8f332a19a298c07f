/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services/wifi-settings.h"

#include "base/mem.h"
#include "base/str.h"

#define WIRELESS "802-11-wireless"
#define SECURITY "802-11-wireless-security"
#define EAP      "802-1x"

char *wifi_describe_security(const AccessPoint *p) {
        const uint32_t any = p->wpa_flags | p->rsn_flags;
        const struct {
                bool holds;
                const char *word;
        } words[] = {
                { p->flags & WIRELESS_PRIVACY && any == 0, "WEP" },
                { p->wpa_flags != 0, "WPA" },
                { p->rsn_flags & (WIRELESS_PSK | WIRELESS_8021X), "WPA2" },
                { p->rsn_flags & (WIRELESS_SAE | WIRELESS_SUITE_B_192), "WPA3" },
                { p->rsn_flags & (WIRELESS_OWE | WIRELESS_OWE_TRANSITION), "OWE" },
                { any & (WIRELESS_8021X | WIRELESS_SUITE_B_192), "802.1X" },
        };
        char text[64] = "";

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (words[i].holds) {
                        if (text[0])
                                strcat(text, " ");
                        strcat(text, words[i].word);
                }
        return strdup(text[0] ? text : "None");
}

/* How keys are agreed on; the strongest that the network has, and NULL for an open one. */
static const char *find_key_management(const AccessPoint *p) {
        const uint32_t any = p->wpa_flags | p->rsn_flags;

        if (any & WIRELESS_8021X)
                return "wpa-eap";
        if (any & WIRELESS_SUITE_B_192)
                return "wpa-eap-suite-b-192";
        if (any & (WIRELESS_OWE | WIRELESS_OWE_TRANSITION))
                return "owe";
        if (any & WIRELESS_SAE)
                return "sae";
        if (any & WIRELESS_PSK)
                return "wpa-psk";
        return p->flags & WIRELESS_PRIVACY ? "none" : NULL; /* WEP */
}

static bool setting_is_certificate(const char *section, const char *key) {
        static const char *const keys[] = { "ca-cert", "client-cert", "private-key", "phase2-ca-cert",
                "phase2-client-cert", "phase2-private-key" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(section, EAP) && streq(key, keys[i]))
                        return true;
        return false;
}

/* NetworkManager is root, and would open, and load, whatever the caller names: a file, a directory, a module. */
static bool setting_opens(const char *section, const char *key, const char *value) {
        const bool is_path = streq(key, "ca-path") || streq(key, "phase2-ca-path") || streq(key, "pac-file");

        return (is_path && streq(section, EAP)) || strncasecmp(value, "file:", strlen("file:")) == 0 ||
                        strncasecmp(value, "pkcs11:", strlen("pkcs11:")) == 0;
}

static bool file_is_permitted(const WifiSettings *s, const char *value) {
        const char *path = startswith(value, "file://"), *name = path ? strrchr(path, '/') : NULL;
        size_t n = strlen(strempty(s->certificates));

        while (n > 0 && s->certificates[n - 1] == '/')
                n--;
        return name && n > 0 && (size_t) (name - path) == n && strncmp(path, s->certificates, n) == 0 && name[1] &&
                        name[1] != '.';
}

static int check_text(
                const WifiSettings *s, const char *section, const char *key, const char *value, RpcStatus *reterr) {
        if (!setting_opens(section, key, value) ||
                        (setting_is_certificate(section, key) && file_is_permitted(s, value)))
                return 0;
        return rpc_error(reterr, RPC_PERMISSION_DENIED,
                        "Setting '%s.%s' names something to be opened: callers may name certificates and keys, as "
                        "file://DIRECTORY/NAME, in the directory of capabilities.wifi.certificates.",
                        section, key);
}

static int add(WifiSettings *s, const NetworkSetting *setting, RpcStatus *reterr) {
        if (s->n == WIFI_SETTINGS_MAX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "There are more than %i settings.", WIFI_SETTINGS_MAX);
        s->list[s->n++] = *setting;
        return 0;
}

static int add_text(WifiSettings *s, const char *section, const char *key, const char *value, RpcStatus *reterr) {
        const bool bytes = setting_is_certificate(section, key); /* files are named by bytes with a NUL behind them */

        return add(s,
                        &(NetworkSetting){ section, key, bytes ? SETTING_BYTES : SETTING_STRING, value,
                                        strlen(value) + 1, 0 },
                        reterr);
}

static int add_list(WifiSettings *s, const char *section, const char *key, const json_t *list, RpcStatus *reterr) {
        const char **words;
        const json_t *word;
        size_t i;
        int r;

        if (s->n == WIFI_SETTINGS_MAX || json_array_size(list) > WIFI_WORDS_MAX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Setting '%s.%s' is too long.", section, key);
        words = s->words[s->n_words++];
        json_array_foreach(list, i, word) {
                words[i] = json_string_value(word);
                if (!words[i])
                        return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Setting '%s.%s' is no list of strings.",
                                        section, key);
                r = check_text(s, section, key, words[i], reterr);
                if (r < 0)
                        return r;
        }
        return add(s, &(NetworkSetting){ section, key, SETTING_STRINGS, words, 0, 0 }, reterr);
}

static int add_json(WifiSettings *s, const char *section, const char *key, const json_t *value, RpcStatus *reterr) {
        json_int_t number = json_integer_value(value);
        int r;

        switch (json_typeof(value)) {
        case JSON_STRING:
                r = check_text(s, section, key, json_string_value(value), reterr);
                return r < 0 ? r : add_text(s, section, key, json_string_value(value), reterr);
        case JSON_ARRAY:
                return add_list(s, section, key, value, reterr);
        case JSON_TRUE:
        case JSON_FALSE:
                return add(s, &(NetworkSetting){ section, key, SETTING_BOOLEAN, NULL, 0, json_is_true(value) }, reterr);
        case JSON_INTEGER:
                if (number >= INT32_MIN && number <= UINT32_MAX)
                        return add(s,
                                        &(NetworkSetting){ section, key, number < 0 ? SETTING_SIGNED : SETTING_UNSIGNED,
                                                        NULL, 0, number },
                                        reterr);
                break;
        default:
                break;
        }
        return rpc_error(reterr, RPC_INVALID_ARGUMENT,
                        "Setting '%s.%s' is no string, list of strings, boolean or 32-bit integer.", section, key);
}

static int add_more(WifiSettings *s, const char *text, RpcStatus *reterr) {
        const char *section, *key;
        json_t *keys, *value;
        json_error_t error;
        int r;

        if (isempty(text))
                return 0;
        s->json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(s->json))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "The settings are no JSON object%s.",
                                s->json ? "" : ": they cannot be parsed");
        json_object_foreach(s->json, section, keys) {
                if (!json_is_object(keys))
                        return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Section '%s' of the settings is no object.",
                                        section);
                json_object_foreach(keys, key, value) {
                        r = add_json(s, section, key, value, reterr);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static bool has(const WifiSettings *s, const char *section, const char *key) {
        for (size_t i = 0; i < s->n; i++)
                if (streq(s->list[i].section, section) && streq(s->list[i].key, key))
                        return true;
        return false;
}

static int add_password(WifiSettings *s, const AccessPoint *p, const char *management, const char *password,
                RpcStatus *reterr) {
        if (startswith(management, "wpa-eap"))
                return isempty(password) || has(s, EAP, "password") ? 0
                                                                    : add_text(s, EAP, "password", password, reterr);
        if (streq(management, "owe"))
                return 0;
        if (isempty(password))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "Network '%s' needs a password.", p->name);
        return add_text(s, SECURITY, streq(management, "none") ? "wep-key0" : "psk", password, reterr);
}

/* What is ours comes last and counts: which network it is was looked up, and is not up to the settings. */
static int add_own(WifiSettings *s, const AccessPoint *p, const char *management, RpcStatus *reterr) {
        const NetworkSetting own[] = {
                { "connection", "id", SETTING_STRING, p->name, 0, 0 },
                { "connection", "type", SETTING_STRING, WIRELESS, 0, 0 },
                { "connection", "autoconnect", SETTING_BOOLEAN, NULL, 0, true },
                { WIRELESS, "ssid", SETTING_BYTES, p->ssid, p->n_ssid, 0 },
                { WIRELESS, "mode", SETTING_STRING, "infrastructure", 0, 0 },
                { WIRELESS, "security", SETTING_STRING, SECURITY, 0, 0 },
                { SECURITY, "key-mgmt", SETTING_STRING, management, 0, 0 },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(own) - (management ? 0 : 2); i++)
                r = add(s, &own[i], reterr);
        return r;
}

int wifi_settings_fill(WifiSettings *s, const AccessPoint *p, const char *password, const char *more,
                const char *certificates, RpcStatus *reterr) {
        const char *management = find_key_management(p);
        int r = 0;

        s->certificates = certificates;
        if (management && startswith(management, "wpa-eap"))
                r = add_more(s, more, reterr);
        if (r >= 0 && management)
                r = add_password(s, p, management, password, reterr);
        return r < 0 ? r : add_own(s, p, management, reterr);
}

void wifi_settings_done(WifiSettings *s) {
        json_decref(s->json);
        s->json = NULL;
}

bool wifi_settings_leak(const WifiSettings *s, const char *text) {
        static const char *const secrets[] = { "password", "psk", "wep-key", "pin" };

        for (size_t i = 0; i < s->n; i++)
                for (size_t k = 0; k < ELEMENTSOF(secrets); k++)
                        if (s->list[i].kind == SETTING_STRING && strstr(s->list[i].key, secrets[k]) &&
                                        strstr(text, s->list[i].data))
                                return true;
        return false;
}
