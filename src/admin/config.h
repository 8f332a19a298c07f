/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin was told on its command line and in its environment, checked. Nothing is opened here. */
#pragma once

#include "admin/config-policies.h"
#include "rpc/address.h"

#define CONFIG_LOCAL_SOCKET       "/run/givc/admin.sock"
#define CONFIG_SETTINGS_DIRECTORY "/etc"
#define CONFIG_POLICY_STORE       "/etc/policies"
#define CONFIG_GUI_VM             "gui-vm"
#define CONFIG_LISTEN_MAX         16
#define CONFIG_VM_START_MAX       3600 /* seconds */

typedef struct Config {
        RpcAddress listen[CONFIG_LISTEN_MAX];
        size_t n_listen;
        char *local_socket; /* front door for people on this machine; NULL: none */
        bool local_socket_asked_for;
        bool use_tls, monitoring, check, access_control;
        bool deny_on_error; /* of access rules that cannot be evaluated */
        char *ca_cert, *host_cert, *host_key, *crl;
        char *cedar_file;         /* access rules */
        char *host;               /* the only name that may register as the host; NULL: see admin/host.h */
        char *gui_vm;             /* the VM that has the security keys; NULL: CONFIG_GUI_VM */
        char *state_directory;    /* of the service manager; NULL: none */
        char *settings_directory; /* see admin/settings.h; NULL: none */
        bool policy_admin;
        ConfigPolicies policies; /* none unless policy_admin */
        char *policy_store;      /* see admin/policies.h; NULL: CONFIG_POLICY_STORE */
        usec_t vm_start_usec;    /* how long the start of a VM may take, until its agent has registered; 0: 60 s */
        int log_level;
} Config;

typedef enum ConfigVerdict {
        CONFIG_RUN,
        CONFIG_HELP,
        CONFIG_VERSION,
} ConfigVerdict;

/* Reads argv and the environment. CONFIG_RUN with *ret filled, or what to print instead. -EINVAL with a sentence in
 * *reterr (new string) that says where, what and why; -ENOMEM. Uses getopt(3), so not twice at once. */
int config_parse(int argc, char *argv[], Config *ret, char **reterr) _warn_unused_;
void config_done(Config *c);
/* The text of --help. */
extern const char config_help[];
