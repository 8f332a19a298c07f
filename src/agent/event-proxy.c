/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/event-proxy.h"

#include "agent/event-consumer.h"
#include "agent/event-producer.h"
#include "agent/listener.h"
#include "agent/services/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

typedef struct Proxy {
        const ConfigEvent *config;
        AccessPeer source;
        EventConsumer *consumer;
        RpcServer *server;
        Listener *listener;
        RpcChannel *channel;
        EventProducer *producer;
} Proxy;

struct EventProxy {
        Proxy *proxies;
        size_t n_proxies;
};

static void on_serving(int r, void *userdata) {
        const Proxy *proxy = userdata;

        if (r >= 0)
                log_info("Devices of '%s' are expected at port %u", proxy->source.name, proxy->config->address.port);
        else
                log_error_errno(r, "Devices of '%s' cannot be expected at port %u, and trying on would not help",
                                proxy->source.name, proxy->config->address.port);
}

static int proxy_make_server(Proxy *proxy, const EventProxyOptions *options) {
        int r;

        r = event_consumer_new(
                        rpc_queue_get_event(options->queue), &input_sink_ops, EVENT_UNUSED_USEC, &proxy->consumer);
        if (r >= 0)
                r = rpc_server_new(options->queue, &proxy->server);
        if (r < 0)
                return r;
        proxy->source = (AccessPeer){
                .what = "event consumer",
                .role = "source",
                .name = config_event_source(proxy->config),
                .address = { .kind = RPC_ADDRESS_UNIX },
                .access = options->access,
        };
        rpc_server_set_credentials(proxy->server, options->credentials);
        rpc_server_set_access(proxy->server, access_check_peer, &proxy->source);
        r = rpc_server_add_service(proxy->server, &event_service, proxy->consumer);
        if (r >= 0)
                r = rpc_server_add_health(proxy->server);
        if (r >= 0)
                r = rpc_server_add_reflection(proxy->server, options->descriptors, options->n_descriptors);
        return r;
}

static int proxy_consume(Proxy *proxy, const EventProxyOptions *options) {
        _cleanup_free_ char *problem = NULL;
        int r;

        r = proxy_make_server(proxy, options);
        if (r < 0)
                return r;
        r = listener_new(rpc_queue_get_event(options->queue), proxy->server, &proxy->config->address, 0, on_serving,
                        proxy, &proxy->listener);
        if (r < 0 || listener_is_listening(proxy->listener)) {
                on_serving(r, proxy);
                return 0;
        }
        problem = listener_describe(proxy->listener);
        log_warning("The event consumer %s", strempty(problem));
        return 0;
}

static int proxy_produce(Proxy *proxy, const EventProxyOptions *options) {
        const RpcChannelOptions channel = {
                .address = &proxy->config->address,
                .credentials = options->credentials,
                .server_name = proxy->config->transport.name,
        };
        EventProducerOptions producer = {
                .event = rpc_queue_get_event(options->queue),
                .ops = &input_source_ops,
                .directory = INPUT_DIRECTORY,
                .device = proxy->config->device,
                .peer = strempty(proxy->config->transport.name),
                .grab = proxy->config->grab,
        };
        int r;

        r = rpc_channel_new(options->queue, &channel, &proxy->channel);
        if (r < 0)
                return r;
        producer.channel = proxy->channel;
        r = event_producer_new(&producer, &proxy->producer);
        return r < 0 && r != -ENOMEM ? (log_error_errno(r, "Cannot look for '%s'", proxy->config->device), 0) : r;
}

int event_proxy_new(const EventProxyOptions *options, EventProxy **ret) {
        const Config *config = options->config;
        _cleanup_(event_proxy_freep) EventProxy *p = NULL;

        p = mem_new0(EventProxy, 1);
        if (!p)
                return -ENOMEM;
        p->proxies = mem_new0(Proxy, MAX(config->n_events, 1U));
        if (!p->proxies)
                return -ENOMEM;
        for (size_t i = 0; config->event_proxy && i < config->n_events; i++) {
                Proxy *proxy = &p->proxies[p->n_proxies];
                int r;

                if (!config->events[i].usable)
                        continue;
                p->n_proxies++;
                proxy->config = &config->events[i];
                r = proxy->config->consumer ? proxy_consume(proxy, options) : proxy_produce(proxy, options);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(p);
        return 0;
}

void event_proxy_recheck(EventProxy *p) {
        for (size_t i = 0; p && i < p->n_proxies; i++)
                if (p->proxies[i].server)
                        rpc_server_recheck(p->proxies[i].server);
}

EventProxy *event_proxy_free(EventProxy *p) {
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n_proxies; i++) {
                Proxy *proxy = &p->proxies[i];

                listener_free(proxy->listener);
                event_producer_free(proxy->producer);
                rpc_channel_unref(proxy->channel);
                rpc_server_free(proxy->server);
                event_consumer_free(proxy->consumer);
        }
        free(p->proxies);
        free(p);
        return NULL;
}
