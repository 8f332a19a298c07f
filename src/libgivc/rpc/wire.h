/* SPDX-License-Identifier: Apache-2.0 */
/* Between our words and gRPC's: messages and byte buffers, times, statuses, channel arguments. For server and
 * client. */
#pragma once

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>

#include "base/time.h"
#include "rpc/packed.h"
#include "rpc/status.h"

/* A packed message, ready to be sent; grpc_byte_buffer_destroy() it. -EMSGSIZE above RPC_MESSAGE_MAX, -ENOMEM. */
int wire_pack(const ProtobufCMessage *message, grpc_byte_buffer **ret) _warn_unused_;
/* The same bytes for one more call. */
grpc_byte_buffer *wire_copy_packed(const RpcPacked *p);
/* The message in the buffer; see proto_unpack(). -EMSGSIZE above RPC_MESSAGE_MAX: we refuse it ourselves, since where
 * gRPC does, the messages of a stream seem to have ended in order. */
int wire_unpack(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *buffer, ProtobufCMessage **ret,
                char **reterr) _warn_unused_;

gpr_timespec wire_time_from_usec(usec_t monotonic);
usec_t wire_time_to_usec(gpr_timespec t);

/* The arguments that make gRPC behave on a socketpair; with what server and client add. Valid for the life of the
 * process. */
const grpc_channel_args *wire_server_args(void);
/* authority may be NULL. Free with wire_args_free(). */
grpc_channel_args *wire_client_args(const char *authority) _warn_unused_;
void wire_args_free(grpc_channel_args *args);
/* Insecure credentials: what secures a connection is on our side of the socketpair. They live as long as the
 * process. */
grpc_server_credentials *wire_server_credentials(void);
grpc_channel_credentials *wire_channel_credentials(void);

/* google.rpc.Status for grpc-status-details-bin: ErrorInfo, and DebugInfo when there is a detail. */
int status_pack_details(const RpcStatus *s, void **ret, size_t *ret_size) _warn_unused_;
/* Adds reason and detail from such bytes; what is foreign or broken is ignored. */
void status_unpack_details(RpcStatus *s, const void *data, size_t size);
