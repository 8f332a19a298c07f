/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's configuration, from its file, givc-agent.json(5), or from the environment: read, checked, and kept as it
 * is until the agent ends. */
#pragma once

#include "base/macro.h"
#include "rpc/address.h"

#define CONFIG_SIZE_MAX   (4 * 1024 * 1024)
#define CONFIG_TYPE_MAX   14  /* the last registration type, see admin.proto */
#define CONFIG_SOCKET_MAX 108 /* bytes of a socket's path, with its end */
#define CONFIG_NAME_MAX   200 /* bytes of identity.name, so that givc-NAME.service is a unit name */

typedef struct ConfigTransport {
        char *name, *addr, *port, *protocol; /* NULL when not given */
} ConfigTransport;

typedef struct ConfigApplication {
        char *name, *command;
        char **args;        /* kinds of arguments that it takes: flag, url, file */
        char **directories; /* where file arguments may point */
} ConfigApplication;

typedef struct ConfigEvent {
        ConfigTransport transport;
        bool producer, consumer, grab;
        char *permitted_source, *device;
        RpcAddress address; /* where the consumer is */
        bool usable;        /* it can be served */
} ConfigEvent;

typedef struct ConfigSocket {
        ConfigTransport transport;
        bool server;
        char *socket;
        RpcAddress address; /* where the server listens, or the client connects to */
        RpcAddress peer;    /* of the server */
        bool has_peer, usable;
} ConfigSocket;

#define CONFIG_EXEC_TASKS_MAX 512 /* processes and threads of a command where the file says nothing of it */

typedef struct Config {
        char *path; /* or "environment" */
        bool from_environment;
        struct {
                uint32_t type, subtype;
                char *parent, *name;
        } identity;
        struct {
                ConfigTransport admin, agent;
                bool tls;
                char *ca, *cert, *key;
                char *crl; /* NULL: none is revoked */
        } network;
        char **services, *admin_vm, **system_vms, **app_vms; /* units that this agent exposes */
        ConfigApplication *applications;
        size_t n_applications;
        char *wifi_certificates; /* directory of those that callers may name; NULL: none */
        char **exec_commands;    /* what may be run */
        char **exec_environment; /* variables ("LC_*") that callers may set; NULL: all that do not steer programs */
        uint32_t exec_tasks_max, exec_memory_max_mib; /* each of it; 0: as the service manager has it */
        bool exec, wifi, ctap, hwid, notifier, event_proxy, socket_proxy, policy, access_control;
        char *hwid_interface, *notifier_socket, *policy_store, **policies;
        char *rules_file, *on_error; /* access rules; "deny" or "skip" */
        bool deny_on_error;          /* a rule that cannot be evaluated denies */
        ConfigEvent *events;
        size_t n_events;
        ConfigSocket *sockets;
        size_t n_sockets;

        RpcAddress admin_address, agent_address; /* what the transports say */
        char **warnings;                         /* sentences for the log, without the file's name */
} Config;

/* Reads and checks a file. 0, or -EINVAL or -ENOMEM, with "FILE: key: reason" or
 * "FILE:LINE:COLUMN: reason" in *reterr. It waits for the disk. */
int config_load(const char *path, Config **ret, char **reterr) _warn_unused_;
/* The same from environment variables, with "environment: VARIABLE: reason". */
int config_load_environment(Config **ret, char **reterr) _warn_unused_;
/* Whether there are any of them. */
bool config_is_in_environment(void);
Config *config_free(Config *c);
DEFINE_CLEANUP(Config *, config_free)

/* Who may register devices with a consumer, by its certificate. */
const char *config_event_source(const ConfigEvent *e);
/* The application of that name, or NULL. */
const ConfigApplication *config_find_application(const Config *c, const char *name, size_t size);
