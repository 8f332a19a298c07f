/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a local socket, joined to frames that come and go elsewhere: bytes both ways, no faster than each
 * side takes them, and the ends of both directions. It does not know what carries the frames. */
#pragma once

#include "event/io.h"

/* Bytes of a frame that we send; those that come may have any size. 64 KiB less what lies around them: a sender has
 * to stop after the 65535 bytes of a connection's first window, and then none of them stay behind. */
#define SPLICE_CHUNK_MAX ((size_t) 64 * 1024 - 16)

typedef struct SpliceFrame {
        const uint8_t *data;
        size_t size;
        bool end;  /* behind the data: of both directions, unless */
        bool half; /* only the one that the frame goes in has ended */
} SpliceFrame;

typedef struct SpliceWire {
        /* 0; -EPIPE when the other side takes no more (receiving tells why), or another negative errno. */
        int (*send_wait)(void *userdata, const SpliceFrame *frame);
        /* 1: *ret is valid until the next one; 0: there are no more; or a negative errno. */
        int (*receive_wait)(void *userdata, SpliceFrame *ret);
} SpliceWire;

/* Suspends until both directions have ended: 0, or the wire's error, or -ECANCELED. Then close the socket. */
int splice_wait(Io *io, const SpliceWire *wire, void *userdata) _warn_unused_;
