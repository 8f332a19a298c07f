/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include "agent/config-check.h"
#include "agent/config-environment.h"
#include "proto/fields.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define MEMBER(type, key, kind, member)                                                                                \
        { key, kind, offsetof(type, member), NULL, 0, 0 }
#define OBJECT(key, fields)                                                                                            \
        { key, FIELD_OBJECT, 0, fields, 0, 0 }
#define LIST_OF(key, fields, member, n)                                                                                \
        { key, FIELD_LIST, offsetof(Config, member), fields, sizeof(*((Config *) NULL)->member), offsetof(Config, n) }

static const Field transport_fields[] = {
        MEMBER(ConfigTransport, "name", FIELD_STRING, name),
        MEMBER(ConfigTransport, "addr", FIELD_STRING, addr),
        MEMBER(ConfigTransport, "port", FIELD_PORT, port),
        MEMBER(ConfigTransport, "protocol", FIELD_STRING, protocol),
        {},
};

static const Field identity_fields[] = {
        MEMBER(Config, "type", FIELD_UINT, identity.type),
        MEMBER(Config, "subType", FIELD_UINT, identity.subtype),
        MEMBER(Config, "parent", FIELD_STRING, identity.parent),
        MEMBER(Config, "name", FIELD_STRING, identity.name),
        {},
};

static const Field admin_fields[] = {
        { "transport", FIELD_OBJECT, offsetof(Config, network.admin), transport_fields, 0, 0 },
        {},
};

static const Field agent_fields[] = {
        { "transport", FIELD_OBJECT, offsetof(Config, network.agent), transport_fields, 0, 0 },
        {},
};

static const Field tls_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, network.tls),
        MEMBER(Config, "caCertPath", FIELD_STRING, network.ca),
        MEMBER(Config, "certPath", FIELD_STRING, network.cert),
        MEMBER(Config, "keyPath", FIELD_STRING, network.key),
        MEMBER(Config, "crlPath", FIELD_STRING, network.crl),
        {},
};

static const Field network_fields[] = {
        OBJECT("admin", admin_fields),
        OBJECT("agent", agent_fields),
        OBJECT("tls", tls_fields),
        {},
};

static const Field vm_services_fields[] = {
        MEMBER(Config, "adminVm", FIELD_STRING, admin_vm),
        MEMBER(Config, "systemVms", FIELD_STRV, system_vms),
        MEMBER(Config, "appVms", FIELD_STRV, app_vms),
        {},
};

static const Field application_fields[] = {
        MEMBER(ConfigApplication, "name", FIELD_STRING, name),
        MEMBER(ConfigApplication, "command", FIELD_STRING, command),
        MEMBER(ConfigApplication, "args", FIELD_STRV, args),
        MEMBER(ConfigApplication, "directories", FIELD_STRV, directories),
        {},
};

#define ENABLE(name, member) static const Field name[] = { MEMBER(Config, "enable", FIELD_BOOLEAN, member), {} }
ENABLE(ctap_fields, ctap);

static const Field wifi_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, wifi),
        MEMBER(Config, "certificates", FIELD_STRING, wifi_certificates),
        {},
};

static const Field exec_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, exec),
        MEMBER(Config, "commands", FIELD_STRV, exec_commands),
        MEMBER(Config, "environment", FIELD_STRV, exec_environment),
        MEMBER(Config, "tasksMax", FIELD_UINT, exec_tasks_max),
        MEMBER(Config, "memoryMaxMiB", FIELD_UINT, exec_memory_max_mib),
        {},
};

static const Field hwid_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, hwid),
        MEMBER(Config, "interface", FIELD_STRING, hwid_interface),
        {},
};

static const Field notifier_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, notifier),
        MEMBER(Config, "socket", FIELD_STRING, notifier_socket),
        {},
};

static const Field producer_fields[] = {
        MEMBER(ConfigEvent, "enable", FIELD_BOOLEAN, producer),
        MEMBER(ConfigEvent, "grab", FIELD_BOOLEAN, grab),
        {},
};

static const Field consumer_fields[] = {
        MEMBER(ConfigEvent, "enable", FIELD_BOOLEAN, consumer),
        MEMBER(ConfigEvent, "permittedSource", FIELD_STRING, permitted_source),
        {},
};

static const Field event_fields[] = {
        { "transport", FIELD_OBJECT, offsetof(ConfigEvent, transport), transport_fields, 0, 0 },
        OBJECT("producer", producer_fields),
        OBJECT("consumer", consumer_fields),
        MEMBER(ConfigEvent, "device", FIELD_STRING, device),
        {},
};

static const Field event_proxy_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, event_proxy),
        LIST_OF("events", event_fields, events, n_events),
        {},
};

static const Field socket_fields[] = {
        { "transport", FIELD_OBJECT, offsetof(ConfigSocket, transport), transport_fields, 0, 0 },
        MEMBER(ConfigSocket, "server", FIELD_BOOLEAN, server),
        MEMBER(ConfigSocket, "socket", FIELD_STRING, socket),
        {},
};

static const Field socket_proxy_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, socket_proxy),
        LIST_OF("sockets", socket_fields, sockets, n_sockets),
        {},
};

static const Field policy_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, policy),
        MEMBER(Config, "storePath", FIELD_STRING, policy_store),
        MEMBER(Config, "policies", FIELD_MAP, policies),
        {},
};

static const Field capabilities_fields[] = {
        MEMBER(Config, "services", FIELD_STRV, services),
        OBJECT("vmServices", vm_services_fields),
        LIST_OF("applications", application_fields, applications, n_applications),
        OBJECT("exec", exec_fields),
        OBJECT("wifi", wifi_fields),
        OBJECT("ctap", ctap_fields),
        OBJECT("hwid", hwid_fields),
        OBJECT("notifier", notifier_fields),
        OBJECT("eventProxy", event_proxy_fields),
        OBJECT("socketProxy", socket_proxy_fields),
        OBJECT("policy", policy_fields),
        {},
};

static const Field access_control_fields[] = {
        MEMBER(Config, "enable", FIELD_BOOLEAN, access_control),
        MEMBER(Config, "rulesFile", FIELD_STRING, rules_file),
        MEMBER(Config, "onError", FIELD_STRING, on_error),
        {},
};

static const Field config_fields[] = {
        OBJECT("identity", identity_fields),
        OBJECT("network", network_fields),
        OBJECT("capabilities", capabilities_fields),
        OBJECT("accessControl", access_control_fields),
        {},
};

/* As lenient as who wrote the file is used to, but not in silence. */
static int text_parse(Config *c, char *text, size_t size, json_t **ret, json_error_t *reterr) {
        int r = 0;

        if (!str_is_utf8(text, size)) {
                str_make_utf8(text, '?');
                r = config_warn(c, "not UTF-8: '?' is in the place of each byte that is not");
        }
        if (r < 0)
                return r;
        *ret = json_loadb(text, size, JSON_REJECT_DUPLICATES, reterr);
        if (*ret || json_error_code(reterr) != json_error_duplicate_key)
                return *ret ? 0 : -EINVAL;
        r = config_warn(c, "line %i: %s; only the last one counts", reterr->line, reterr->text);
        if (r < 0)
                return r;
        *ret = json_loadb(text, size, 0, reterr);
        return *ret ? 0 : -EINVAL;
}

static int file_parse(Config *c, char **reterr) {
        _cleanup_(json_decrefp) json_t *root = NULL;
        _cleanup_free_ char *text = NULL, *reason = NULL;
        json_error_t error;
        size_t size;
        int r;

        r = file_read(c->path, CONFIG_SIZE_MAX, &text, &size);
        if (r < 0)
                return str_refuse(reterr, "%s: %s", c->path, r == -EFBIG ? "longer than 4 MiB" : strerror(-r));
        r = text_parse(c, text, size, &root, &error);
        if (r < 0)
                return r == -ENOMEM ? r
                                    : str_refuse(reterr, "%s:%i:%i: %s", c->path, error.line, error.column, error.text);
        r = fields_read(config_fields, root, c, &c->warnings, &reason);
        if (r >= 0)
                r = config_check(c, &reason);
        return r == -EINVAL ? str_refuse(reterr, "%s: %s", c->path, reason) : r;
}

static int environment_parse(Config *c, char **reterr) {
        _cleanup_free_ char *reason = NULL, *translated = NULL;
        int r;

        c->from_environment = true;
        r = config_environment_read(c, &translated);
        if (r == 0) {
                r = config_check(c, &reason);
                if (r == -EINVAL) {
                        translated = config_environment_translate(reason);
                        if (!translated)
                                return -ENOMEM;
                }
        }
        return r == -EINVAL ? str_refuse(reterr, "%s: %s", c->path, translated) : r;
}

static int config_make(const char *path, int (*parse)(Config *c, char **reterr), Config **ret, char **reterr) {
        _cleanup_(config_freep) Config *c = NULL;
        int r;

        c = mem_new0(Config, 1);
        if (!c)
                return -ENOMEM;
        c->exec_tasks_max = CONFIG_EXEC_TASKS_MAX;
        c->path = strdup(path);
        if (!c->path)
                return -ENOMEM;
        r = parse(c, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int config_load(const char *path, Config **ret, char **reterr) {
        return config_make(path, file_parse, ret, reterr);
}

int config_load_environment(Config **ret, char **reterr) {
        return config_make("environment", environment_parse, ret, reterr);
}

Config *config_free(Config *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; i < c->n_sockets; i++) {
                rpc_address_done(&c->sockets[i].address);
                rpc_address_done(&c->sockets[i].peer);
        }
        for (size_t i = 0; i < c->n_events; i++)
                rpc_address_done(&c->events[i].address);
        fields_done(config_fields, c);
        rpc_address_done(&c->admin_address);
        rpc_address_done(&c->agent_address);
        strv_free(c->warnings);
        free(c->path);
        free(c);
        return NULL;
}

const ConfigApplication *config_find_application(const Config *c, const char *name, size_t size) {
        for (size_t i = 0; i < c->n_applications; i++) {
                const char *n = strempty(c->applications[i].name);

                if (strlen(n) == size && memcmp(n, name, size) == 0)
                        return &c->applications[i];
        }
        return NULL;
}

const char *config_event_source(const ConfigEvent *e) {
        return isempty(e->permitted_source) ? e->transport.name : e->permitted_source;
}
