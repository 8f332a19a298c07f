/* SPDX-License-Identifier: Apache-2.0 */
/* Access rules of a server: a file in the Cedar language, whose rules are kept while a new version of it cannot be
 * read, and a question a call. The principal is Source::"<first name of the certificate>", the action
 * Command::"<method>", the resource Module::"<package>", and the context is the request message as a record: field
 * names as in the .proto, enums by name, whole numbers as Long, bytes in base64, lists as sets, maps as records;
 * scalars are always there, messages and what is optional where they are set, numbers with fractions never. Beside
 * these are `service`, the service's name behind its package, and `target`, what is really acted on, where the
 * program knows it. The context is made by the message's descriptor, so a peer cannot put entities into it. */
#pragma once

#include <systemd/sd-event.h>

#include "policy/value.h"
#include "rpc/service.h"

#define RPC_RULES_COUNT_USEC (1 * USEC_PER_SEC) /* how late counts are told */

typedef struct RpcRules RpcRules;

typedef struct RpcRulesOptions {
        const char *file;
        bool deny_on_error; /* a rule that cannot be evaluated denies, where Cedar has it that it does not count */
        /* The principal of callers at sockets of this machine. They are who it belongs to, and may do what no rule
         * forbids. */
        const char *local;
        const char *text; /* of the PERMISSION_DENIED that others get */
} RpcRulesOptions;

/* What a request is really about, borrowed; without size where there is none of it. */
typedef struct RpcTarget {
        Text vm, unit, app;
} RpcTarget;

typedef struct RpcRulesCounts {
        uint64_t n_allowed, n_denied, n_faults; /* calls, and rules that could not be evaluated */
} RpcRulesCounts;

/* Reads the file, which waits for the disk. 0; what open() or read() say, -E2BIG, or -EINVAL, with *reterr (new string,
 * lines) as people read it; -ENOMEM. */
int rpc_rules_new(const RpcRulesOptions *options, RpcRules **ret, char **reterr) _warn_unused_;
RpcRules *rpc_rules_free(RpcRules *r);
DEFINE_CLEANUP(RpcRules *, rpc_rules_free)
/* Logs, line by line, why the file cannot be used. */
void rpc_rules_log_refused(const char *why);

/* Reads the file again, which waits for the disk, and logs it; when it cannot be used the old rules stay, which
 * is logged once. Calls that were allowed go on. */
void rpc_rules_reload(RpcRules *r);
/* Does so when the file has changed, and calls counted(userdata) when the counts have, in time. */
int rpc_rules_watch(RpcRules *r, sd_event *e, void (*counted)(void *userdata), void *userdata) _warn_unused_;
RpcRulesCounts rpc_rules_get_counts(const RpcRules *r);

/* Answers as rpc_access_t does. target may be NULL. A denial is logged, with the rules that decided, and so is each
 * rule that could not be evaluated. */
int rpc_rules_judge(RpcRules *r, const Identity *identity, const ProtobufCServiceDescriptor *service,
                const RpcMethod *method, const ProtobufCMessage *request, const RpcTarget *target, RpcStatus *reterr);
