/* SPDX-License-Identifier: Apache-2.0 */
/* A request message as the context of access rules. Values are made from what the message's descriptor says, so a peer
 * chooses what is in them and never what they are. */
#pragma once

#include "policy/syntax.h"
#include "rpc/rules.h"

/* Types of the principal, the action and the resource of every call. */
#define RULES_PRINCIPAL "Source"
#define RULES_ACTION    "Command"
#define RULES_RESOURCE  "Module"

/* The message's fields by their names in the .proto, `service`, and `target` with what is known of it, if anything is;
 * a field of either name is not seen. message NULL: it has not come yet. Strings are the message's, the rest is the
 * arena's. 0; -EINVAL with a sentence in *reterr (new string) for what no value holds: a number above 2^63 - 1, a map
 * that has a key twice; -ENOMEM, also when the arena is full. */
int rules_context_new(Arena *arena, const ProtobufCServiceDescriptor *service, const ProtobufCMessage *message,
                const RpcTarget *target, const ValueRecord **ret, char **reterr) _warn_unused_;
/* The type of one of the three. */
Text rules_type(Variable variable);
/* The package, and the name behind it. */
Text rules_package(const ProtobufCServiceDescriptor *service);
Text rules_service(const ProtobufCServiceDescriptor *service);
