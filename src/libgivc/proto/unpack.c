/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the wire format by descriptor, allocating nothing, and hands only what it has found good to protobuf-c. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/unpack.h"

#define VARINT_BYTES_MAX 10
#define LENGTH_BYTES_MAX 5 /* of a tag or length, padding included: protobuf-c reads no further */
#define WIRE_GROUP_START 3
#define WIRE_GROUP_END   4

typedef struct Walk {
        const uint8_t *begin;
        const ProtobufCFieldDescriptor
                        *path[PROTO_DEPTH_MAX + 1]; /* field that each level is at, NULL for an unknown one */
        size_t depth;
        size_t n_elements;
        size_t fault_offset;
        char fault[128];
} Walk;

typedef struct Span {
        const uint8_t *p, *end;
} Span;

static int walk_message(Walk *w, const ProtobufCMessageDescriptor *type, Span in);

_printf_(3, 4) static int walk_fault(Walk *w, const uint8_t *at, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(w->fault, sizeof(w->fault), fmt, ap);
        va_end(ap);
        w->fault_offset = (size_t) (at - w->begin);
        return -EBADMSG;
}

static int walk_count(Walk *w, const uint8_t *at) {
        if (++w->n_elements > PROTO_ELEMENTS_MAX)
                return walk_fault(w, at, "more than %u elements", PROTO_ELEMENTS_MAX);
        return 0;
}

static int walk_varint(Walk *w, Span *in, uint64_t *ret) {
        const uint8_t *start = in->p;
        uint64_t v = 0;

        for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
                uint8_t b;

                if (in->p == in->end)
                        return walk_fault(w, start, "ends within a varint");
                b = *in->p++;
                if (i == VARINT_BYTES_MAX - 1 && b > 1)
                        break;
                v |= (uint64_t) (b & 0x7f) << (7 * i);
                if (!(b & 0x80)) {
                        *ret = v;
                        return 0;
                }
        }
        return walk_fault(w, start, "varint of more than 64 bits");
}

static int walk_skip(Walk *w, Span *in, uint64_t n) {
        if (n > (uint64_t) (in->end - in->p))
                return walk_fault(w, in->p, "%" PRIu64 " bytes needed, %zu left", n, (size_t) (in->end - in->p));
        in->p += n;
        return 0;
}

/* The bytes of a length-prefixed value. */
static int walk_span(Walk *w, Span *in, Span *ret) {
        const uint8_t *start;
        uint64_t n;
        int r;

        start = in->p;
        r = walk_varint(w, in, &n);
        if (r < 0)
                return r;
        if (in->p - start > LENGTH_BYTES_MAX)
                return walk_fault(w, start, "length of more than %u bytes", LENGTH_BYTES_MAX);
        start = in->p;
        r = walk_skip(w, in, n);
        if (r < 0)
                return r;
        *ret = (Span){ start, in->p };
        return 0;
}

static unsigned wire_type(ProtobufCType type) {
        switch (type) {
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_BYTES:
        case PROTOBUF_C_TYPE_MESSAGE:
                return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
        case PROTOBUF_C_TYPE_SFIXED32:
        case PROTOBUF_C_TYPE_FIXED32:
        case PROTOBUF_C_TYPE_FLOAT:
                return PROTOBUF_C_WIRE_TYPE_32BIT;
        case PROTOBUF_C_TYPE_SFIXED64:
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_DOUBLE:
                return PROTOBUF_C_WIRE_TYPE_64BIT;
        default:
                return PROTOBUF_C_WIRE_TYPE_VARINT;
        }
}

static int walk_string(Walk *w, Span text) {
        const uint8_t *nul = memchr(text.p, 0, (size_t) (text.end - text.p));

        if (nul)
                return walk_fault(w, nul, "string with a NUL byte");
        if (!str_is_utf8((const char *) text.p, (size_t) (text.end - text.p)))
                return walk_fault(w, text.p, "string that is not UTF-8");
        return 0;
}

static int walk_submessage(Walk *w, const ProtobufCMessageDescriptor *type, Span in) {
        int r;

        if (w->depth == PROTO_DEPTH_MAX)
                return walk_fault(w, in.p, "nested deeper than %u messages", PROTO_DEPTH_MAX);
        w->depth++;
        r = walk_message(w, type, in);
        if (r < 0)
                return r; /* depth stays: the fault's path is read from it */
        w->depth--;
        return 0;
}

/* One value behind its tag; field is NULL for one that the type does not have. */
static int walk_value(Walk *w, const ProtobufCFieldDescriptor *field, unsigned wire, Span *in) {
        uint64_t v;
        Span span;
        int r;

        switch (wire) {
        case PROTOBUF_C_WIRE_TYPE_VARINT:
                return walk_varint(w, in, &v);
        case PROTOBUF_C_WIRE_TYPE_64BIT:
                return walk_skip(w, in, 8);
        case PROTOBUF_C_WIRE_TYPE_32BIT:
                return walk_skip(w, in, 4);
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
                r = walk_span(w, in, &span);
                if (r < 0 || !field)
                        return r;
                if (field->type == PROTOBUF_C_TYPE_STRING)
                        return walk_string(w, span);
                if (field->type == PROTOBUF_C_TYPE_MESSAGE)
                        return walk_submessage(w, field->descriptor, span);
                return 0;
        case WIRE_GROUP_START:
        case WIRE_GROUP_END:
                return walk_fault(w, in->p, "groups are not supported");
        default:
                return walk_fault(w, in->p, "wire type %u does not exist", wire);
        }
}

static int walk_packed(Walk *w, const ProtobufCFieldDescriptor *field, Span *in) {
        Span span;
        int r;

        r = walk_span(w, in, &span);
        if (r < 0)
                return r;
        while (span.p < span.end) {
                r = walk_count(w, span.p);
                if (r < 0)
                        return r;
                r = walk_value(w, field, wire_type(field->type), &span);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A field's tag: its number, at most 29 bits, and the wire type. */
static int walk_tag(Walk *w, Span *in, uint32_t *ret_number, unsigned *ret_wire) {
        const uint8_t *start = in->p;
        uint64_t tag;
        int r;

        w->path[w->depth] = NULL;
        r = walk_varint(w, in, &tag);
        if (r < 0)
                return r;
        if (tag > UINT32_MAX || in->p - start > LENGTH_BYTES_MAX)
                return walk_fault(w, start, "field number of more than 29 bits");
        if (tag >> 3 == 0)
                return walk_fault(w, start, "field number 0");
        *ret_number = (uint32_t) (tag >> 3);
        *ret_wire = tag & 7;
        return 0;
}

static int walk_field(Walk *w, const ProtobufCMessageDescriptor *type, Span *in, uint64_t *seen) {
        const ProtobufCFieldDescriptor *field;
        const uint8_t *start = in->p;
        unsigned wire = 0, expected, index;
        uint32_t number = 0;
        int r;

        r = walk_tag(w, in, &number, &wire);
        if (r < 0)
                return r;
        r = walk_count(w, start);
        if (r < 0)
                return r;

        field = protobuf_c_message_descriptor_get_field(type, number);
        if (!field)
                return walk_value(w, NULL, wire, in);
        w->path[w->depth] = field;

        expected = wire_type(field->type);
        if (wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED && wire != expected &&
                        field->label == PROTOBUF_C_LABEL_REPEATED)
                return walk_packed(w, field, in);
        if (wire == WIRE_GROUP_START || wire == WIRE_GROUP_END || wire > PROTOBUF_C_WIRE_TYPE_32BIT)
                return walk_value(w, NULL, wire, in);
        if (wire != expected)
                return walk_fault(w, start, "wire type %u where %u is expected", wire, expected);

        index = (unsigned) (field - type->fields);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED &&
                        seen[index / 64] >> (index % 64) & 1)
                return walk_fault(w, start, "message that is given twice");
        seen[index / 64] |= UINT64_C(1) << (index % 64);

        return walk_value(w, field, wire, in);
}

static int walk_message(Walk *w, const ProtobufCMessageDescriptor *type, Span in) {
        uint64_t seen[PROTO_FIELDS_MAX / 64] = {};
        int r;

        w->path[w->depth] = NULL;
        if (type->n_fields > PROTO_FIELDS_MAX)
                return walk_fault(w, in.p, "type with more than %u fields", PROTO_FIELDS_MAX);

        while (in.p < in.end) {
                r = walk_field(w, type, &in, seen);
                if (r < 0)
                        return r;
        }

        for (unsigned i = 0; i < type->n_fields; i++)
                if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED && !(seen[i / 64] >> (i % 64) & 1)) {
                        w->path[w->depth] = &type->fields[i];
                        return walk_fault(w, in.end, "required field that is missing");
                }
        return 0;
}

/* "admin.QueryListResponse: List.Name: string that is not UTF-8 (at byte 17)" */
static char *walk_describe(const Walk *w, const ProtobufCMessageDescriptor *type) {
        char path[512];
        size_t n = 0;

        path[0] = 0;
        for (size_t i = 0; i <= w->depth && n < sizeof(path); i++)
                if (w->path[i])
                        n += (size_t) snprintf(path + n, sizeof(path) - n, "%s%s", i > 0 ? "." : "", w->path[i]->name);

        return strf("%s: %s%s%s (at byte %zu)", type->name, path, path[0] ? ": " : "", w->fault, w->fault_offset);
}

int proto_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t size, ProtobufCMessage **ret,
                char **reterr) {
        static const uint8_t empty[1];
        const uint8_t *p = data ?: empty;
        Walk w = { .begin = p };
        ProtobufCMessage *m;
        int r;

        if (size > INT32_MAX)
                r = walk_fault(&w, p, "message of more than 2 GiB");
        else
                r = walk_message(&w, type, (Span){ p, p + size });
        if (r < 0) {
                if (reterr)
                        *reterr = walk_describe(&w, type);
                return r;
        }

        /* The walk was at least as strict as protobuf-c is, so memory is all that it can lack. */
        m = protobuf_c_message_unpack(type, NULL, size, p);
        if (!m)
                return -ENOMEM;
        *ret = m;
        return 0;
}

int proto_pack(const ProtobufCMessage *message, void **ret, size_t *ret_size) {
        size_t size = protobuf_c_message_get_packed_size(message);
        uint8_t *data;

        data = mem_new(uint8_t, size + 1);
        if (!data)
                return -ENOMEM;
        *ret_size = protobuf_c_message_pack(message, data);
        *ret = data;
        return 0;
}

void proto_free(ProtobufCMessage *m) {
        if (m)
                protobuf_c_message_free_unpacked(m, NULL);
}
