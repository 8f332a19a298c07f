/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl wifi: the wireless networks of the VM that has the radio. */
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/password.h"
#include "ctl/table.h"
#include "ctl/verbs.h"
#include "proto/unpack.h"
#include "wifimanager.pb-c.h"

#define CONNECT_USEC (120 * USEC_PER_SEC) /* above what the agent waits for */

enum { COLUMN_NETWORK, COLUMN_IN_USE, COLUMN_SIGNAL, COLUMN_SECURITY, N_COLUMNS };

static const TableColumn columns[N_COLUMNS] = {
        [COLUMN_NETWORK] = { "NETWORK", 0, SCOLS_FL_TRUNC },
        [COLUMN_IN_USE] = { "IN USE" },
        [COLUMN_SIGNAL] = { "SIGNAL", 0, SCOLS_FL_RIGHT },
        [COLUMN_SECURITY] = { "SECURITY" },
};

static char *get_vm(const Ctl *ctl) {
        return (char *) strempty(ctl->options.vm);
}

static int ask_wait(Ctl *ctl, const char *method, const void *request, void *ret, RpcStatus *reterr) {
        return client_ask_wait(ctl->client, &wifimanager__wifi_service__descriptor, method, request, ret, reterr);
}

static int list_wait(Ctl *ctl, Wifimanager__WifiNetworkResponse **ret, RpcStatus *reterr) {
        Wifimanager__WifiNetworkRequest request = WIFIMANAGER__WIFI_NETWORK_REQUEST__INIT;

        request.vmname = get_vm(ctl);
        return ask_wait(ctl, "ListNetwork", &request, ret, reterr);
}

static int point_compare(const void *a, const void *b) {
        const Wifimanager__AccessPoint *x = *(Wifimanager__AccessPoint *const *) a,
                                       *y = *(Wifimanager__AccessPoint *const *) b;

        if (x->connection != y->connection)
                return x->connection ? -1 : 1;
        if (x->signal != y->signal)
                return x->signal > y->signal ? -1 : 1;
        return strcmp(x->ssid, y->ssid);
}

/* A network has many access points: the best of them stands for it. */
static bool network_is_told(Wifimanager__AccessPoint *const *points, size_t i) {
        for (size_t k = 0; k < i; k++)
                if (streq(points[k]->ssid, points[i]->ssid) && streq(points[k]->security, points[i]->security))
                        return true;
        return false;
}

static int network_add(struct libscols_table *t, const Wifimanager__AccessPoint *p) {
        _cleanup_free_ char *signal = strf("%u %%", p->signal);
        const char *cells[N_COLUMNS] = {
                [COLUMN_NETWORK] = isempty(p->ssid) ? "(hidden)" : p->ssid,
                [COLUMN_IN_USE] = p->connection ? "yes" : "",
                [COLUMN_SIGNAL] = signal,
                [COLUMN_SECURITY] = p->security,
        };

        return table_add(t, NULL, cells) ? 0 : -ENOMEM;
}

static int networks_print(const Options *o, Wifimanager__WifiNetworkResponse *reply) {
        _cleanup_(scols_unref_tablep) struct libscols_table *t = NULL;
        Look look;
        int r = 0;

        message_make_printable(&reply->base);
        if (reply->n_networks > 0)
                qsort(reply->networks, reply->n_networks, sizeof(*reply->networks), point_compare);
        look_init(&look, o);
        t = table_new(stdout, &look, columns, N_COLUMNS);
        if (!t)
                return -ENOMEM;
        for (size_t i = 0; i < reply->n_networks && r >= 0; i++)
                if (!network_is_told(reply->networks, i))
                        r = network_add(t, reply->networks[i]);
        if (r < 0)
                return r;
        pager_open(o);
        return table_print(t);
}

CtlExit verb_wifi_list(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        _cleanup_proto_ Wifimanager__WifiNetworkResponse *reply = NULL;
        const Options *o = &ctl->options;
        RpcStatus status = {};
        int r;

        r = list_wait(ctl, &reply, &status);
        if (r >= 0)
                r = o->output != OUTPUT_TEXT ? output_json(stdout, reply, o->output, false) : networks_print(o, reply);
        return r < 0 ? ctl_fail(ctl, r, &status, "list wireless networks") : CTL_OK;
}

CtlExit verb_wifi_status(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        Wifimanager__EmptyRequest request = WIFIMANAGER__EMPTY_REQUEST__INIT;
        _cleanup_proto_ Wifimanager__AccessPoint *reply = NULL;
        const Options *o = &ctl->options;
        RpcStatus status = {};
        int r;

        request.vmname = get_vm(ctl);
        r = ask_wait(ctl, "GetActiveConnection", &request, &reply, &status);
        if (r >= 0 && o->output != OUTPUT_TEXT)
                r = output_json(stdout, reply, o->output, false);
        else if (r >= 0 && reply->connection) {
                message_make_printable(&reply->base);
                printf("Network: %s\nSignal: %u %%\nSecurity: %s\n", reply->ssid, reply->signal, reply->security);
        } else if (r >= 0)
                puts("No network is connected.");
        if (r < 0)
                return ctl_fail(ctl, r, &status, "ask what network is connected");
        return reply->connection ? CTL_OK : CTL_NOT_RUNNING;
}

static int change_wait(Ctl *ctl, const char *method, const void *request, RpcStatus *reterr) {
        _cleanup_proto_ Wifimanager__WifiConnectionResponse *reply = NULL;
        const Options *o = &ctl->options;
        int r;

        r = ask_wait(ctl, method, request, &reply, reterr);
        if (r < 0)
                return r;
        if (o->output != OUTPUT_TEXT)
                return output_json(stdout, reply, o->output, false);
        message_make_printable(&reply->base);
        puts(reply->response);
        return 0;
}

static CtlExit change(Ctl *ctl, const char *method, const char *what) {
        Wifimanager__EmptyRequest request = WIFIMANAGER__EMPTY_REQUEST__INIT;
        RpcStatus status = {};
        int r;

        request.vmname = get_vm(ctl);
        r = change_wait(ctl, method, &request, &status);
        return r < 0 ? ctl_fail(ctl, r, &status, what) : CTL_OK;
}

CtlExit verb_wifi_disconnect(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        return change(ctl, "DisconnectNetwork", "disconnect");
}

CtlExit verb_wifi_on(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        return change(ctl, "TurnOn", "turn the radio on");
}

CtlExit verb_wifi_off(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        return change(ctl, "TurnOff", "turn the radio off");
}

/* Nobody is asked for what an open network does not need. */
static bool needs_password(const Wifimanager__WifiNetworkResponse *list, const char *ssid) {
        for (size_t i = 0; i < list->n_networks; i++)
                if (streq(list->networks[i]->ssid, ssid) && !streq(list->networks[i]->security, "None") &&
                                !streq(list->networks[i]->security, "OWE"))
                        return true;
        return false;
}

static int connect_wait(Ctl *ctl, const char *ssid, RpcStatus *reterr) {
        Wifimanager__WifiConnectionRequest request = WIFIMANAGER__WIFI_CONNECTION_REQUEST__INIT;
        _cleanup_proto_ Wifimanager__WifiNetworkResponse *list = NULL;
        _cleanup_free_ char *prompt = strf("Password for '%s': ", ssid), *password = NULL;
        int r;

        if (!prompt)
                return -ENOMEM;
        r = list_wait(ctl, &list, reterr);
        if (r >= 0 && needs_password(list, ssid))
                r = password_read_wait(prompt, &password);
        if (r < 0)
                return r;
        client_set_timeout(ctl->client, ctl->options.timeout_usec > 0 ? ctl->options.timeout_usec : CONNECT_USEC);
        request.vmname = get_vm(ctl);
        request.ssid = (char *) ssid;
        request.password = (char *) strempty(password);
        r = change_wait(ctl, "ConnectNetwork", &request, reterr);
        if (password)
                explicit_bzero(password, strlen(password));
        return r;
}

CtlExit verb_wifi_connect(Ctl *ctl, char **words, _unused_ size_t n_words) {
        _cleanup_free_ char *what = strf("connect to '%s'", words[0]);
        RpcStatus status = {};
        int r;

        r = connect_wait(ctl, words[0], &status);
        return r < 0 ? ctl_fail(ctl, r, &status, strempty(what)) : CTL_OK;
}
