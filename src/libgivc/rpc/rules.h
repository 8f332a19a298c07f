/* SPDX-License-Identifier: Apache-2.0 */
/* Access rules of a server: files in the Cedar language, kept while a new version of them cannot be read, and a
 * question a call. The principal is Source::"<first name of the certificate>", the action Command::"<method>", the
 * resource Module::"<package>", and the context is the request message as a record: field names as in the .proto,
 * enums by name, 64-bit numbers as Long, every scalar field present, those of messages and oneofs where they are set;
 * with `service` (the service's name behind its package) and `target` (what is really acted on, where the program
 * knows it). It is made from the message's descriptor, so a peer cannot put entities into it. */
#pragma once

#include "policy/policy.h"
#include "rpc/service.h"

typedef struct RpcRules RpcRules;

typedef enum RpcRulesOnError {
        RPC_RULES_SKIP, /* a policy whose evaluation fails does not count, as Cedar has it */
        RPC_RULES_DENY, /* a policy whose evaluation fails denies */
} RpcRulesOnError;

/* What a request is really about, strings borrowed, NULL where there is none of it. */
typedef struct RpcTarget {
        const char *vm, *unit, *app;
} RpcTarget;

typedef struct RpcRulesCounts {
        uint64_t n_allowed, n_denied, n_faults, n_policies;
} RpcRulesCounts;

/* Reads the files. 0; what open() or read() say, or -EINVAL, with *reterr (new string) as people read it; -ENOMEM. */
int rpc_rules_new(const char *const *files, RpcRulesOnError on_error, RpcRules **ret, char **reterr);
void rpc_rules_free(RpcRules *r);
DEFINE_CLEANUP(RpcRules *, rpc_rules_free)
/* Reads the files again; when that fails the old rules stay, *reterr says why. Calls in progress are not touched. */
int rpc_rules_reload(RpcRules *r, char **reterr);
RpcRulesCounts rpc_rules_get_counts(const RpcRules *r);

/* Judges a call as rpc_access_t does: request NULL asks whether anything about this method could be permitted, before a
 * body is read. target may be NULL. 0, or a negative errno with *reterr PERMISSION_DENIED and text, the message for the
 * caller. A denial is logged, once, with the rules that decided. */
int rpc_rules_judge(RpcRules *r, const Identity *identity, const ProtobufCServiceDescriptor *service,
                const char *method, const ProtobufCMessage *request, const RpcTarget *target, const char *text,
                RpcStatus *reterr);
