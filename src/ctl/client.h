/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the admin: address, certificates, one channel, calls of admin.AdminService with the verb's deadline. */
#pragma once

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "base/time.h"
#include "ctl/options.h"
#include "rpc/channel.h"
#include "tls/credentials.h"

typedef struct Client Client;

/* Replaces a host name by its address. This may take a while: call it before the loop runs, while Ctrl-C still kills.
 * 0, or a negative errno (-EHOSTUNREACH: no such host) with a sentence in *reterr (new string). */
int client_resolve(RpcAddress *a, char **reterr) _warn_unused_;

/* The files that the options name. 0, or a negative errno with a sentence in *reterr (new string). */
int client_load_credentials(const Options *o, TlsCredentials **ret, char **reterr) _warn_unused_;

/* Loads certificates. 0, or a negative errno with a sentence in *reterr (new string). Calls end after timeout (0: no).
 * Nothing is connected yet. */
int client_new(sd_event *e, const Options *options, usec_t timeout, Client **ret, char **reterr) _warn_unused_;
Client *client_free(Client *c);
DEFINE_CLEANUP(Client *, client_free)

/* Calls end this long after now (0, USEC_INFINITY: no limit). */
void client_set_timeout(Client *c, usec_t timeout);

/* True once the admin was reached, and whether the connection stands now. */
bool client_was_reached(const Client *c);
bool client_is_connected(const Client *c);
/* What a person can do about an admin that was not reached; borrowed, NULL when nothing comes to mind. */
const char *client_get_hint(const Client *c);

/* Connects, or waits for that; 0 or an error as below. From one fiber at a time. */
int client_connect_wait(Client *c, RpcStatus *reterr) _warn_unused_;
/* Calls a unary method; connects first. As rpc_channel_call_wait(); an admin that cannot be reached is -EACCES when the
 * socket does not let us in, -ETIMEDOUT when the deadline passed, else -ENOTCONN, with a sentence in *reterr. */
int client_call_wait(Client *c, const char *method, const void *request, void *ret, RpcStatus *reterr) _warn_unused_;
/* The same of any service. */
int client_ask_wait(Client *c, const ProtobufCServiceDescriptor *service, const char *method, const void *request,
                void *ret, RpcStatus *reterr) _warn_unused_;
/* Opens a server-streaming method and sends its request; the same errors. */
int client_stream_wait(
                Client *c, const char *method, const void *request, RpcStream **ret, RpcStatus *reterr) _warn_unused_;
/* Opens a method of any service and kind, and sends nothing yet; the same errors. */
int client_open_wait(Client *c, const ProtobufCServiceDescriptor *service, const char *method, RpcStream **ret,
                RpcStatus *reterr) _warn_unused_;
