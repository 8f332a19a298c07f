/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config-environment.h"

#include <stdlib.h>

#include "proto/fields.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

typedef struct Variable {
        const char *name, *key; /* of the same thing in the file */
        int (*read)(const char *value, void *target, char **reterr);
        size_t offset;
        bool required;
} Variable;

static int read_string(const char *value, void *target, _unused_ char **reterr) {
        return str_replace(target, value) < 0 ? -ENOMEM : 0;
}

static int read_type(const char *value, void *target, char **reterr) {
        uint64_t n;

        if (parse_uint(value, CONFIG_TYPE_MAX, &n) < 0) {
                *reterr = strf("'%s' is not a registration type (0 to %i)", value, CONFIG_TYPE_MAX);
                return *reterr ? -EINVAL : -ENOMEM;
        }
        *(uint32_t *) target = n;
        return 0;
}

static int read_switch(const char *value, void *target, _unused_ char **reterr) {
        *(bool *) target = !streq(value, "false");
        return 0;
}

static int read_words(const char *value, void *target, _unused_ char **reterr) {
        _cleanup_free_ char *copy = strdup(value);
        char *state = NULL;

        if (!copy)
                return -ENOMEM;
        for (char *word = strtok_r(copy, " \t\n", &state); word; word = strtok_r(NULL, " \t\n", &state)) {
                int r = strv_extend(target, word);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* {"NAME": "COMMAND", …} */
static int read_applications(const char *value, void *target, char **reterr) {
        static const Field map[] = { { "", FIELD_MAP, 0, NULL, 0, 0 }, {} };
        _cleanup_(json_decrefp) json_t *root = NULL;
        _cleanup_strv_free_ char **pairs = NULL;
        Config *c = target;
        json_error_t error;
        size_t n;
        int r;

        root = json_pack("{s:o*}", "", json_loads(value, JSON_REJECT_DUPLICATES, &error));
        if (!root)
                return -ENOMEM;
        if (json_object_size(root) == 0) {
                *reterr = strf("%s", error.text);
                return *reterr ? -EINVAL : -ENOMEM;
        }
        r = fields_read(map, root, &pairs, NULL, reterr);
        n = strv_length(pairs) / 2;
        if (r < 0 || n == 0)
                return r;
        c->applications = mem_new0(ConfigApplication, n);
        if (!c->applications)
                return -ENOMEM;
        c->n_applications = n;
        for (size_t i = 0; i < n; i++) {
                c->applications[i].name = TAKE_PTR(pairs[2 * i]);
                c->applications[i].command = TAKE_PTR(pairs[2 * i + 1]);
        }
        /* They were moved out of a list that ends at its first NULL: nothing is left in it but itself. */
        return 0;
}

#define ROW(name, key, read, member, required)                                                                         \
        { name, key, read, offsetof(Config, member), required }

static const Variable variables[] = {
        ROW("NAME", "identity.name", read_string, identity.name, true),
        ROW("ADDR", "network.agent.transport.addr", read_string, network.agent.addr, true),
        ROW("PORT", "network.agent.transport.port", read_string, network.agent.port, true),
        ROW("PROTO", "network.agent.transport.protocol", read_string, network.agent.protocol, true),
        ROW("TYPE", "identity.type", read_type, identity.type, true),
        ROW("SUBTYPE", "identity.subType", read_type, identity.subtype, true),
        ROW("PARENT", "identity.parent", read_string, identity.parent, false),
        ROW("ADMIN_SERVER_NAME", "network.admin.transport.name", read_string, network.admin.name, true),
        ROW("ADMIN_SERVER_ADDR", "network.admin.transport.addr", read_string, network.admin.addr, true),
        ROW("ADMIN_SERVER_PORT", "network.admin.transport.port", read_string, network.admin.port, true),
        ROW("ADMIN_SERVER_PROTO", "network.admin.transport.protocol", read_string, network.admin.protocol, true),
        ROW("SERVICES", "capabilities.services", read_words, services, false),
        { "APPLICATIONS", "capabilities.applications", read_applications, 0, false },
        ROW("WIFI", "capabilities.wifi.enable", read_switch, wifi, false),
        ROW("HWID", "capabilities.hwid.enable", read_switch, hwid, false),
        ROW("HWID_IFACE", "capabilities.hwid.interface", read_string, hwid_interface, false),
        ROW("TLS", "network.tls.enable", read_switch, network.tls, false),
        ROW("CA_CERT", "network.tls.caCertPath", read_string, network.ca, false),
        ROW("HOST_CERT", "network.tls.certPath", read_string, network.cert, false),
        ROW("HOST_KEY", "network.tls.keyPath", read_string, network.key, false),
        ROW("CRL", "network.tls.crlPath", read_string, network.crl, false),
};

/* What config-check.c says of a transport as a whole. */
static const struct {
        const char *name, *key;
} groups[] = {
        { "ADDR, PORT, PROTO", "network.agent.transport" },
        { "ADMIN_SERVER_ADDR, ADMIN_SERVER_PORT, ADMIN_SERVER_PROTO", "network.admin.transport" },
};

static int variable_read(const Variable *v, Config *c, char **reterr) {
        _cleanup_free_ char *reason = NULL;
        const char *value = getenv(v->name);
        int r;

        if (isempty(value) && !v->required)
                return 0;
        if (isempty(value)) {
                *reterr = strf("%s: missing", v->name);
                return *reterr ? -EINVAL : -ENOMEM;
        }
        r = v->read(value, (uint8_t *) c + v->offset, &reason);
        if (r == -EINVAL)
                *reterr = strf("%s: %s", v->name, reason);
        return r == -EINVAL && !*reterr ? -ENOMEM : r;
}

int config_environment_read(Config *c, char **reterr) {
        int r;

        c->network.tls = true; /* unless the variable says false */
        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                r = variable_read(&variables[i], c, reterr);
                if (r < 0)
                        return r;
        }
        return str_replace(&c->network.agent.name, c->identity.name) < 0 ? -ENOMEM : 0;
}

/* The rest of the reason from its ':' on, when it is about that key; what is inside of it stays. */
static const char *reason_about(const char *reason, const char *key) {
        const char *rest = startswith(reason, key);

        return rest && (*rest == ':' || *rest == '[') ? rest : NULL;
}

char *config_environment_translate(const char *reason) {
        const char *rest;

        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                rest = reason_about(reason, variables[i].key);
                if (rest)
                        return strf("%s%s", variables[i].name, rest);
        }
        for (size_t i = 0; i < ELEMENTSOF(groups); i++) {
                rest = reason_about(reason, groups[i].key);
                if (rest)
                        return strf("%s%s", groups[i].name, rest);
        }
        return strdup(reason);
}

bool config_environment_has(const char *assignment) {
        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                const char *rest = startswith(assignment, variables[i].name);

                if (rest && *rest == '=')
                        return true;
        }
        return streq(assignment, "DEBUG=true") || streq(assignment, "DEBUG=false");
}

bool config_is_in_environment(void) {
        for (size_t i = 0; i < ELEMENTSOF(variables); i++)
                if (variables[i].required && !isempty(getenv(variables[i].name)))
                        return true;
        return false;
}
