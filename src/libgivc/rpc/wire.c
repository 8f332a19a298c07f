/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/wire.h"

#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/unpack.h"
#include "rpc/limits.h"

int wire_pack(const ProtobufCMessage *message, grpc_byte_buffer **ret) {
        size_t size = protobuf_c_message_get_packed_size(message);
        grpc_slice slice;

        if (size > RPC_MESSAGE_MAX)
                return -EMSGSIZE;
        slice = grpc_slice_malloc(size);
        (void) protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
        *ret = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
        return 0;
}

/* Most messages come in one piece and are read where they are. */
int wire_unpack(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *buffer, ProtobufCMessage **ret,
                char **reterr) {
        grpc_byte_buffer_reader reader;
        grpc_slice all, *only;
        int r;

        if (grpc_byte_buffer_length(buffer) > RPC_MESSAGE_MAX) {
                if (reterr)
                        *reterr = strf("it has more than %d bytes", RPC_MESSAGE_MAX);
                return -EMSGSIZE;
        }
        if (!grpc_byte_buffer_reader_init(&reader, buffer))
                return -EBADMSG;
        if (grpc_byte_buffer_length(buffer) > 0 && grpc_byte_buffer_reader_peek(&reader, &only) != 0 &&
                        GRPC_SLICE_LENGTH(*only) == grpc_byte_buffer_length(buffer))
                r = proto_unpack(type, GRPC_SLICE_START_PTR(*only), GRPC_SLICE_LENGTH(*only), ret, reterr);
        else {
                grpc_byte_buffer_reader_destroy(&reader);
                if (!grpc_byte_buffer_reader_init(&reader, buffer))
                        return -EBADMSG;
                all = grpc_byte_buffer_reader_readall(&reader);
                r = proto_unpack(type, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all), ret, reterr);
                grpc_slice_unref(all);
        }
        grpc_byte_buffer_reader_destroy(&reader);
        return r;
}

gpr_timespec wire_time_from_usec(usec_t monotonic) {
        if (monotonic == USEC_INFINITY)
                return gpr_inf_future(GPR_CLOCK_MONOTONIC);
        return (gpr_timespec){
                .tv_sec = (int64_t) (monotonic / USEC_PER_SEC),
                .tv_nsec = (int32_t) (monotonic % USEC_PER_SEC * 1000),
                .clock_type = GPR_CLOCK_MONOTONIC,
        };
}

usec_t wire_time_to_usec(gpr_timespec t) {
        if (gpr_time_cmp(t, gpr_inf_future(t.clock_type)) == 0)
                return USEC_INFINITY;
        t = gpr_convert_clock_type(t, GPR_CLOCK_MONOTONIC);
        return t.tv_sec < 0 ? 0 : (usec_t) t.tv_sec * USEC_PER_SEC + (usec_t) t.tv_nsec / 1000;
}

#define ARG_INT(k, v)                                                                                                  \
        {                                                                                                              \
                .type = GRPC_ARG_INTEGER, .key = (char *) (k), .value = {.integer = (v) }                              \
        }
#define MSEC(usec) ((int) ((usec) / USEC_PER_MSEC))

/* On both sides. There is no network between gRPC and us to be probed, proxied or optimised for. A peer's buffered
 * data is bounded by the window; compressed messages are refused, since their size is known only after they have been
 * expanded. */
#define COMMON_ARGS                                                                                                    \
        ARG_INT(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, GUARD_MESSAGE_MAX),                                               \
                        ARG_INT(GRPC_ARG_MAX_METADATA_SIZE, RPC_METADATA_MAX), ARG_INT(GRPC_ARG_HTTP2_BDP_PROBE, 0),   \
                        ARG_INT(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 256 * 1024),                                    \
                        ARG_INT(GRPC_ARG_TCP_READ_CHUNK_SIZE, 64 * 1024),                                              \
                        ARG_INT(GRPC_ARG_TCP_MIN_READ_CHUNK_SIZE, 4 * 1024),                                           \
                        ARG_INT(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),                                           \
                        ARG_INT(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),                                         \
                        ARG_INT(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1),                                \
                        ARG_INT(GRPC_ARG_ENABLE_HTTP_PROXY, 0), ARG_INT(GRPC_ARG_ENABLE_CHANNELZ, 0),                  \
                        ARG_INT(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),                                                \
                        ARG_INT(GRPC_ARG_KEEPALIVE_TIME_MS, MSEC(RPC_KEEPALIVE_USEC)),                                 \
                        ARG_INT(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, MSEC(RPC_KEEPALIVE_TIMEOUT_USEC)),                      \
                        ARG_INT(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),                                           \
                        ARG_INT(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0)

const grpc_channel_args *wire_server_args(void) {
        static grpc_arg array[] = {
                COMMON_ARGS, ARG_INT(GRPC_ARG_MAX_CONCURRENT_STREAMS, RPC_STREAMS_MAX),
                ARG_INT(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000),
                ARG_INT(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0), /* the guard counts pings */
        };
        static const grpc_channel_args args = { .num_args = ELEMENTSOF(array), .args = array };

        return &args;
}

grpc_channel_args *wire_client_args(const char *authority) {
        const grpc_arg array[] = { COMMON_ARGS };
        grpc_channel_args *args;

        args = mem_new0(grpc_channel_args, 1);
        if (!args)
                return NULL;
        args->args = mem_new0(grpc_arg, ELEMENTSOF(array) + 1);
        if (!args->args) {
                free(args);
                return NULL;
        }
        memcpy(args->args, array, sizeof(array));
        args->num_args = ELEMENTSOF(array);
        if (authority)
                args->args[args->num_args++] = (grpc_arg){
                        .type = GRPC_ARG_STRING,
                        .key = (char *) GRPC_ARG_DEFAULT_AUTHORITY,
                        .value = { .string = (char *) authority },
                };
        return args;
}

void wire_args_free(grpc_channel_args *args) {
        if (args)
                free(args->args);
        free(args);
}

grpc_server_credentials *wire_server_credentials(void) {
        static grpc_server_credentials *credentials;

        if (!credentials)
                credentials = grpc_insecure_server_credentials_create();
        return credentials;
}

grpc_channel_credentials *wire_channel_credentials(void) {
        static grpc_channel_credentials *credentials;

        if (!credentials)
                credentials = grpc_insecure_credentials_create();
        return credentials;
}
