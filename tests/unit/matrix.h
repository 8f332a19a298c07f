/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call what, as a table that people review: each method of a server a row, each kind of rules a column, and
 * in it each kind of peer a letter. tests/unit/matrix.txt has the table; a row that is missing there, or is not
 * asked for any more, fails the test as one that is different does. GIVC_MATRIX=FILE writes the rows there instead. */
#pragma once

#include <stdio.h>

#include "base/log.h"
#include "base/strv.h"
#include "health.pb-c.h"
#include "proto/field.h"
#include "proto/unpack.h"
#include "reflection.pb-c.h"
#include "reflection_v1alpha.pb-c.h"
#include "rpc/rules.h"
#include "rpc/service.h"
#include "unit/peers.h"

#define MATRIX_FILE "tests/unit/matrix.txt"

typedef enum MatrixState {
        MATRIX_OFF,        /* no rules */
        MATRIX_ON,         /* those that the reference's modules write */
        MATRIX_UNPARSABLE, /* the file became garbage while these were in force */
        MATRIX_EMPTY,      /* a file without rules */
        MATRIX_ERROR,      /* with one more that cannot be evaluated */
        MATRIX_ERROR_DENY, /* the same, and onError says deny */
        MATRIX_STATES,
} MatrixState;

static const char *const matrix_states[] = { "off", "on", "unparsable", "empty", "error", "error+deny" };

typedef struct Matrix {
        const char *server, *rules, *local;
        /* The hook's answer for these rules; NULL: none. */
        rpc_access_t hook;
        void *(*prepare)(RpcRules *rules, const RpcService *service);
        char **rows;
} Matrix;

static const char *const matrix_peers[] = { "admin-vm", "ghaf-host", "gui-vm", "app-vm" };
static const char *const matrix_addresses[] = { "192.168.101.10", "192.168.101.2", "192.168.101.3", "192.168.101.5" };

static inline void matrix_quiet(_unused_ int level, _unused_ const LogField *fields, _unused_ const char *text) {
}

static inline RpcRules *matrix_rules(const Matrix *m, MatrixState state) {
        static const char more[] = "forbid(principal, action, resource) when { context.nothing == 1 };\n";
        _cleanup_free_ char *path = strf("%s/rules.cedar", peers_directory), *text = NULL, *why = NULL;
        const RpcRulesOptions options = { path, state == MATRIX_ERROR_DENY, m->local, "denied" };
        RpcRules *rules = NULL;

        if (state == MATRIX_OFF)
                return NULL;
        text = strf("%s%s", state == MATRIX_EMPTY ? "" : m->rules, state >= MATRIX_ERROR ? more : "");
        assert_int_equal(file_write(path, text, strlen(text), 0600), 0);
        if (rpc_rules_new(&options, &rules, &why) < 0)
                fail_msg("%s", why);
        if (state == MATRIX_UNPARSABLE) {
                assert_int_equal(file_write(path, "permit (", 8, 0600), 0);
                rpc_rules_reload(rules);
        }
        return rules;
}

/* A request that says no more than that it is about app-vm. */
static inline ProtobufCMessage *matrix_request(const ProtobufCMessageDescriptor *type) {
        const ProtobufCFieldDescriptor *vm = protobuf_c_message_descriptor_get_field_by_name(type, "VmName");
        ProtobufCMessage *m = message_new(type);

        assert_non_null(m);
        if (!vm)
                return m;
        *(char **) field_member(m, vm->offset) = strdup("app-vm");
        if (field_in_oneof(vm))
                *(uint32_t *) field_member(m, vm->quantifier_offset) = vm->id;
        return m;
}

/* y: allowed; n: refused before the message is read; m: refused when it was. */
static inline char matrix_ask(const Matrix *m, void *userdata, const Identity *who, const RpcService *service,
                const RpcMethod *method, const ProtobufCMessage *request) {
        RpcStatus status = {};
        char answer = 'y';

        if (m->hook(who, service->descriptor, method, NULL, &status, userdata) < 0)
                answer = 'n';
        else if (m->hook(who, service->descriptor, method, request, &status, userdata) < 0)
                answer = 'm';
        assert_true(answer == 'y' || status.code == RPC_PERMISSION_DENIED);
        rpc_status_done(&status);
        return answer;
}

static inline void matrix_add_cell(char *cell, const Matrix *m, void *userdata, const RpcService *service,
                const RpcMethod *method, const ProtobufCMessage *request) {
        _cleanup_(identity_freep) Identity *plain = peer_plain("192.168.101.5"), *local = peer_local(0, 0),
                                           *nobody = NULL;

        for (size_t i = 0; i < ELEMENTSOF(matrix_peers); i++) {
                _cleanup_(identity_freep) Identity *who = peer_certified(matrix_peers[i], matrix_addresses[i]);

                *cell++ = matrix_ask(m, userdata, who, service, method, request);
        }
        *cell++ = peer_identify("nameless", "192.168.101.5", &nobody) < 0 ? 'x' : '?';
        *cell++ = matrix_ask(m, userdata, plain, service, method, request);
        *cell++ = matrix_ask(m, userdata, local, service, method, request);
        *cell = 0;
}

static inline void matrix_add_row(Matrix *m, const RpcService *service, const RpcMethod *method) {
        const ProtobufCMethodDescriptor *descriptor =
                        protobuf_c_service_descriptor_get_method_by_name(service->descriptor, method->name);
        _cleanup_proto_ ProtobufCMessage *request = matrix_request(descriptor->input);
        char row[512];
        int n;

        n = snprintf(row, sizeof(row), "%s %s/%s", m->server, service->descriptor->name, method->name);
        for (MatrixState s = 0; s < MATRIX_STATES; s++) {
                _cleanup_(rpc_rules_freep) RpcRules *rules = matrix_rules(m, s);
                char cell[ELEMENTSOF(matrix_peers) + 4];

                matrix_add_cell(cell, m, m->prepare(rules, service), service, method, request);
                n += snprintf(row + n, sizeof(row) - n, " %s:%s", matrix_states[s], cell);
        }
        assert_int_equal(strv_extend(&m->rows, row), 0);
}

static inline void matrix_add_service(Matrix *m, const RpcService *service) {
        for (const RpcMethod *method = service->methods; method->name; method++)
                matrix_add_row(m, service, method);
}

/* What every server has. */
static inline void matrix_add_common(Matrix *m) {
        static const RpcMethod health[] = { { "Check", RPC_UNARY, NULL }, { "Watch", RPC_SERVER_STREAM, NULL }, {} };
        static const RpcMethod reflection[] = { { "ServerReflectionInfo", RPC_BIDI_STREAM, NULL }, {} };
        static const RpcService common[] = {
                { &grpc__health__v1__health__descriptor, health },
                { &grpc__reflection__v1__server_reflection__descriptor, reflection },
                { &grpc__reflection__v1alpha__server_reflection__descriptor, reflection },
        };

        for (size_t i = 0; i < ELEMENTSOF(common); i++)
                matrix_add_service(m, &common[i]);
}

static inline bool matrix_is_of(const Matrix *m, const char *line) {
        const char *rest = startswith(line, m->server);

        return rest && *rest == ' ';
}

static inline void matrix_compare(Matrix *m) {
        _cleanup_free_ char *text = NULL;
        size_t size, n = 0;

        assert_int_equal(file_read(MATRIX_FILE, 1024 * 1024, &text, &size), 0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                if (!matrix_is_of(m, line))
                        continue;
                if (n >= strv_length(m->rows) || !streq(line, m->rows[n]))
                        fail_msg("%s has\n  %s\nand it is\n  %s", MATRIX_FILE, line,
                                        n < strv_length(m->rows) ? m->rows[n] : "gone");
                n++;
        }
        if (n < strv_length(m->rows))
                fail_msg("%s lacks\n  %s", MATRIX_FILE, m->rows[n]);
}

static inline void matrix_finish(Matrix *m) {
        const char *path = getenv("GIVC_MATRIX");
        FILE *f = path ? fopen(path, "a") : NULL;

        if (!f)
                matrix_compare(m);
        STRV_FOREACH(row, m->rows)
                if (f)
                        fprintf(f, "%s\n", *row);
        if (f)
                assert_int_equal(fclose(f), 0);
        strv_free(m->rows);
}
