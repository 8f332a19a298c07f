/* SPDX-License-Identifier: Apache-2.0 */
/* wifimanager.WifiService: the wireless networks of this machine, by NetworkManager, see proto/wifimanager.proto. */
#include "agent/services/services.h"
#include "agent/services/wifi-settings.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "wifimanager.pb-c.h"

#define ASK_USEC     (10 * USEC_PER_SEC)
#define CONNECT_USEC (90 * USEC_PER_SEC) /* NetworkManager itself gives up on the radio after 25 s, on DHCP after 45 */

static const struct {
        int error;
        RpcCode code;
        const char *text;
} errors[] = {
        { ENOTCONN, RPC_UNAVAILABLE, "NetworkManager cannot be reached" },
        { ECONNRESET, RPC_UNAVAILABLE, "NetworkManager went away meanwhile" },
        { ETIMEDOUT, RPC_DEADLINE_EXCEEDED, "NetworkManager has not done it in time" },
        { EACCES, RPC_PERMISSION_DENIED, "NetworkManager does not permit its agent to do so" },
        { EINVAL, RPC_INVALID_ARGUMENT, "NetworkManager does not take it" },
        { EHOSTDOWN, RPC_FAILED_PRECONDITION, "it is not connected" },
};

/* settings, when there are any, have secrets that are not to be told. */
static int wifi_error(RpcStatus *reterr, int r, const char *what, const BusError *error, const WifiSettings *settings) {
        const bool told = !isempty(error->message) && !(settings && wifi_settings_leak(settings, error->message));
        const char *text = "NetworkManager failed";
        RpcCode code = RPC_FAILED_PRECONDITION;

        if (r == -ECANCELED || r == -ENOMEM)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].error == -r) {
                        code = errors[i].code;
                        text = errors[i].text;
                }
        if (r == -EIO && told)
                return rpc_error(reterr, code, "Cannot %s: %s.", what, error->message);
        r = rpc_error(reterr, code, "Cannot %s: %s.", what, text);
        return told ? rpc_error_detail(reterr, r, "%s: %s", strempty(error->name), error->message) : r;
}

/* The bus, and what NetworkManager's radios see on it. */
typedef struct Wifi {
        Bus *bus;
        Wireless wireless;
} Wifi;

static void wifi_done(Wifi *w) {
        wireless_done(&w->wireless);
        bus_unref(w->bus);
}

static usec_t deadline_in(usec_t usec) {
        return usec_add(time_now(CLOCK_MONOTONIC), usec);
}

static int wifi_read_wait(Agent *agent, const char *what, Wifi *ret, RpcStatus *reterr) {
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_(wifi_done) Wifi w = {};
        int r;

        r = agent_system_bus_wait(agent, &w.bus);
        if (r >= 0)
                r = wireless_read_wait(w.bus, deadline_in(ASK_USEC), &w.wireless, &error);
        if (r < 0)
                return wifi_error(reterr, r, what, &error, NULL);
        if (w.wireless.n_devices == 0)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION,
                                "Cannot %s: this machine has no wireless device that NetworkManager manages.", what);
        *ret = w;
        w = (Wifi){};
        return 0;
}

static int point_fill(Wifimanager__AccessPoint *message, const AccessPoint *p) {
        wifimanager__access_point__init(message);
        message->connection = p->active;
        message->ssid = p->name;
        message->signal = p->strength;
        message->security = wifi_describe_security(p);
        return message->security ? 0 : -ENOMEM;
}

static size_t count_points(const Wireless *w) {
        size_t n = 0;

        for (size_t i = 0; i < w->n_devices; i++)
                n += w->devices[i].n_points;
        return n;
}

typedef struct Points {
        Wifimanager__AccessPoint *items, **list;
        size_t n;
} Points;

static void points_done(Points *p) {
        for (size_t i = 0; i < p->n; i++)
                free(p->items[i].security);
        free(p->items);
        free(p->list);
}

static int points_fill(Points *p, const Wireless *w) {
        const size_t n = count_points(w);
        int r;

        p->items = mem_new(Wifimanager__AccessPoint, n + 1);
        p->list = mem_new(Wifimanager__AccessPoint *, n + 1);
        if (!p->items || !p->list)
                return -ENOMEM;
        for (size_t i = 0; i < w->n_devices; i++)
                for (size_t k = 0; k < w->devices[i].n_points; k++) {
                        p->list[p->n] = &p->items[p->n];
                        r = point_fill(p->list[p->n], &w->devices[i].points[k]);
                        if (r < 0)
                                return r;
                        p->n++;
                }
        return 0;
}

static int method_list_network(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Wifimanager__WifiNetworkResponse reply = WIFIMANAGER__WIFI_NETWORK_RESPONSE__INIT;
        _cleanup_(points_done) Points points = {};
        _cleanup_(wifi_done) Wifi w = {};
        int r;

        r = wifi_read_wait(userdata, "list networks", &w, reterr);
        if (r >= 0)
                r = points_fill(&points, &w.wireless);
        if (r < 0)
                return r;
        reply.networks = points.list;
        reply.n_networks = points.n;
        return rpc_call_reply(call, &reply);
}

static const AccessPoint *find_active(const Wireless *w, const WirelessDevice **ret_device) {
        for (size_t i = 0; i < w->n_devices; i++)
                for (size_t k = 0; k < w->devices[i].n_points; k++)
                        if (w->devices[i].points[k].active) {
                                *ret_device = &w->devices[i];
                                return &w->devices[i].points[k];
                        }
        return NULL;
}

static int method_get_active_connection(
                RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Wifimanager__AccessPoint reply = WIFIMANAGER__ACCESS_POINT__INIT;
        _cleanup_free_ char *security = NULL;
        _cleanup_(wifi_done) Wifi w = {};
        const WirelessDevice *device;
        const AccessPoint *p;
        int r;

        r = wifi_read_wait(userdata, "say what is connected", &w, reterr);
        if (r < 0)
                return r;
        p = find_active(&w.wireless, &device);
        if (p) {
                r = point_fill(&reply, p);
                if (r < 0)
                        return r;
                security = reply.security;
        }
        return rpc_call_reply(call, &reply);
}

static int reply_text(RpcCall *call, const char *text) {
        Wifimanager__WifiConnectionResponse reply = WIFIMANAGER__WIFI_CONNECTION_RESPONSE__INIT;

        if (!text)
                return -ENOMEM;
        log_write(LOG_INFO,
                        LOG_FIELDS({ "GIVC_PEER", identity_get_key(rpc_call_get_identity(call)) },
                                        { "GIVC_METHOD", rpc_call_get_path(call) }),
                        "%s", text);
        reply.response = (char *) text;
        return rpc_call_reply(call, &reply);
}

/* A network may have many access points: the strongest is taken. */
static const AccessPoint *find_network(const Wireless *w, const char *name, const WirelessDevice **ret_device) {
        const AccessPoint *best = NULL;

        for (size_t i = 0; i < w->n_devices; i++)
                for (size_t k = 0; k < w->devices[i].n_points; k++) {
                        const AccessPoint *p = &w->devices[i].points[k];

                        if (!streq(p->name, name) || (best && best->strength >= p->strength))
                                continue;
                        best = p;
                        *ret_device = &w->devices[i];
                }
        return best;
}

static int connect_wait(const Wifi *w, const Config *config, const Wifimanager__WifiConnectionRequest *req,
                const char *what, RpcStatus *reterr) {
        _cleanup_(wifi_settings_done) WifiSettings settings = {};
        _cleanup_(bus_error_done) BusError error = {};
        const WirelessDevice *device;
        const AccessPoint *p;
        int r;

        p = find_network(&w->wireless, req->ssid, &device);
        if (!p)
                return rpc_error(reterr, RPC_NOT_FOUND, "No network '%s' is seen.", req->ssid);
        r = wifi_settings_fill(&settings, p, req->password, req->settings, config->wifi_certificates, reterr);
        if (r < 0)
                return r;
        r = wireless_connect_wait(w->bus, device, p, settings.list, settings.n, deadline_in(CONNECT_USEC), &error);
        return r < 0 ? wifi_error(reterr, r, what, &error, &settings) : 0;
}

static int method_connect_network(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        const Wifimanager__WifiConnectionRequest *req = request;
        _cleanup_free_ char *what = NULL, *text = NULL;
        _cleanup_(wifi_done) Wifi w = {};
        int r;

        if (isempty(req->ssid))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "No network is named.");
        what = strf("connect to '%s'", req->ssid);
        if (!what)
                return -ENOMEM;
        r = wifi_read_wait(userdata, what, &w, reterr);
        if (r >= 0)
                r = connect_wait(&w, agent_get_config(userdata), req, what, reterr);
        if (r < 0)
                return r;
        text = strf("Connected to %s successfully", req->ssid);
        return reply_text(call, text);
}

static int method_disconnect_network(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_free_ char *text = NULL;
        _cleanup_(wifi_done) Wifi w = {};
        const WirelessDevice *device;
        int r;

        r = wifi_read_wait(userdata, "disconnect", &w, reterr);
        if (r < 0)
                return r;
        if (!find_active(&w.wireless, &device))
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "No network is connected.");
        r = wireless_disconnect_wait(w.bus, device, deadline_in(ASK_USEC), &error);
        if (r < 0)
                return wifi_error(reterr, r, "disconnect", &error, NULL);
        text = strf("%s disconnected successfully", device->interface);
        return reply_text(call, text);
}

static int enable_wait(RpcCall *call, Agent *agent, bool enable, RpcStatus *reterr) {
        _cleanup_(bus_error_done) BusError error = {};
        _cleanup_(bus_unrefp) Bus *bus = NULL;
        int r;

        r = agent_system_bus_wait(agent, &bus);
        if (r >= 0)
                r = wireless_enable_wait(bus, enable, deadline_in(ASK_USEC), &error);
        if (r < 0)
                return wifi_error(reterr, r, enable ? "turn the radio on" : "turn the radio off", &error, NULL);
        return reply_text(call, enable ? "Wireless enabled successfully" : "Wireless disabled successfully");
}

static int method_turn_on(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        return enable_wait(call, userdata, true, reterr);
}

static int method_turn_off(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        return enable_wait(call, userdata, false, reterr);
}

static const RpcMethod methods[] = {
        { "ListNetwork", RPC_UNARY, method_list_network },
        { "GetActiveConnection", RPC_UNARY, method_get_active_connection },
        { "ConnectNetwork", RPC_UNARY, method_connect_network },
        { "DisconnectNetwork", RPC_UNARY, method_disconnect_network },
        { "TurnOn", RPC_UNARY, method_turn_on },
        { "TurnOff", RPC_UNARY, method_turn_off },
        {},
};

const RpcService wifi_service = { &wifimanager__wifi_service__descriptor, methods };
