/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/descriptors.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define NESTING_MAX 16

/* Field numbers of google/protobuf/descriptor.proto. */
enum {
        SET_FILE = 1,
        FILE_NAME = 1,
        FILE_PACKAGE = 2,
        FILE_DEPENDENCY = 3,
        FILE_MESSAGE = 4,
        FILE_ENUM = 5,
        FILE_SERVICE = 6,
        ANY_NAME = 1, /* of messages, enums, services, methods */
        SERVICE_METHOD = 2,
        MESSAGE_NESTED = 3,
        MESSAGE_ENUM = 4,
};

struct DescriptorIndex {
        Map *files;   /* name → DescriptorFile */
        Map *symbols; /* full name → DescriptorFile */
};

typedef struct Bytes {
        const uint8_t *data;
        size_t size;
} Bytes;

static int bytes_take_varint(Bytes *b, uint64_t *ret) {
        uint64_t v = 0;

        for (unsigned shift = 0; shift < 64 && b->size > 0; shift += 7) {
                uint8_t byte = *b->data++;

                b->size--;
                v |= (uint64_t) (byte & 0x7f) << shift;
                if (!(byte & 0x80)) {
                        *ret = v;
                        return 0;
                }
        }
        return -EBADMSG;
}

/* The next field: 1 with its number and its content; 0 at the end. What is not length-delimited has number 0, which is
 * nobody's: all that we look for is. */
static int bytes_next_field(Bytes *b, unsigned *ret_field, Bytes *ret_content) {
        uint64_t tag, v;
        size_t skip = 0;

        *ret_content = (Bytes){};
        if (b->size == 0)
                return 0;
        if (bytes_take_varint(b, &tag) < 0)
                return -EBADMSG;
        *ret_field = (tag & 7) == 2 ? tag >> 3 : 0;
        switch (tag & 7) {
        case 0:
                return bytes_take_varint(b, &v) < 0 ? -EBADMSG : 1;
        case 1:
                skip = 8;
                break;
        case 2:
                if (bytes_take_varint(b, &v) < 0 || v > b->size)
                        return -EBADMSG;
                *ret_content = (Bytes){ b->data, v };
                skip = v;
                break;
        case 5:
                skip = 4;
                break;
        default:
                return -EBADMSG;
        }
        if (skip > b->size)
                return -EBADMSG;
        b->data += skip;
        b->size -= skip;
        return 1;
}

/* The first field of that number as a new string; "" when there is none. */
static char *bytes_get_string(Bytes b, unsigned field) {
        unsigned number;
        Bytes content;

        while (bytes_next_field(&b, &number, &content) > 0)
                if (number == field)
                        return mem_dup(content.data, content.size);
        return strdup("");
}

static int index_add_symbol(DescriptorIndex *i, const char *symbol, DescriptorFile *f) {
        int r = map_put(i->symbols, symbol, f);

        return r == -EEXIST ? 0 : r;
}

/* A declaration and what is declared in it: nested messages and enums, methods. kinds lists the fields that hold
 * them. */
static int index_add_declaration(
                DescriptorIndex *i, DescriptorFile *f, Bytes b, const char *scope, unsigned field, unsigned depth) {
        _cleanup_free_ char *name = NULL, *full = NULL;
        unsigned number;
        Bytes content;
        int r;

        if (depth > NESTING_MAX)
                return -EBADMSG;
        name = bytes_get_string(b, ANY_NAME);
        full = name ? strf("%s%s%s", scope, isempty(scope) ? "" : ".", name) : NULL;
        if (!full)
                return -ENOMEM;
        r = index_add_symbol(i, full, f);
        while (r >= 0 && (r = bytes_next_field(&b, &number, &content)) > 0) {
                bool method = field == FILE_SERVICE && number == SERVICE_METHOD;
                bool nested = field == FILE_MESSAGE && number == MESSAGE_NESTED;
                bool enumeration = field == FILE_MESSAGE && number == MESSAGE_ENUM;

                if (method || nested || enumeration)
                        r = index_add_declaration(i, f, content, full, nested ? FILE_MESSAGE : 0, depth + 1);
        }
        return r;
}

static void file_free(DescriptorFile *f) {
        free(f->name);
        strv_free(f->dependencies);
        free(f);
}

static int index_add_file(DescriptorIndex *i, Bytes b) {
        _cleanup_free_ char *package = NULL;
        DescriptorFile *f;
        unsigned number;
        Bytes content, all = b;
        int r;

        f = mem_new0(DescriptorFile, 1);
        if (!f)
                return -ENOMEM;
        f->data = b.data;
        f->size = b.size;
        f->name = bytes_get_string(b, FILE_NAME);
        r = f->name ? map_put(i->files, f->name, f) : -ENOMEM;
        if (r < 0) {
                file_free(f);
                return r;
        }
        package = bytes_get_string(b, FILE_PACKAGE);
        if (!package)
                return -ENOMEM;
        while (r >= 0 && (r = bytes_next_field(&all, &number, &content)) > 0) {
                if (number == FILE_DEPENDENCY) {
                        _cleanup_free_ char *name = mem_dup(content.data, content.size);

                        r = name ? strv_extend(&f->dependencies, name) : -ENOMEM;
                } else if (number == FILE_MESSAGE || number == FILE_ENUM || number == FILE_SERVICE)
                        r = index_add_declaration(i, f, content, package, number, 0);
        }
        return r;
}

int descriptor_index_new(const void *data, size_t size, DescriptorIndex **ret) {
        _cleanup_(descriptor_index_freep) DescriptorIndex *i = NULL;
        Bytes set = { data, size }, content;
        unsigned number;
        int r = 0;

        i = mem_new0(DescriptorIndex, 1);
        if (!i)
                return -ENOMEM;
        i->files = map_new();
        i->symbols = map_new();
        if (!i->files || !i->symbols)
                return -ENOMEM;
        while (r >= 0 && (r = bytes_next_field(&set, &number, &content)) > 0)
                if (number == SET_FILE)
                        r = index_add_file(i, content);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(i);
        return 0;
}

void descriptor_index_free(DescriptorIndex *i) {
        if (!i)
                return;
        if (i->files)
                MAP_FOREACH(f, i->files, DescriptorFile)
                        file_free(f);
        map_free(i->files);
        map_free(i->symbols);
        free(i);
}

const DescriptorFile *descriptor_index_find_file(DescriptorIndex *i, const char *name) {
        return map_get(i->files, name);
}

const DescriptorFile *descriptor_index_find_symbol(DescriptorIndex *i, const char *symbol) {
        return map_get(i->symbols, symbol);
}

int descriptor_index_closure(DescriptorIndex *i, const DescriptorFile *file, const DescriptorFile ***ret) {
        const DescriptorFile **list;
        int n = 0;

        list = mem_new0(const DescriptorFile *, map_size(i->files));
        if (!list)
                return -ENOMEM;
        MAP_FOREACH(f, i->files, DescriptorFile)
                f->visited = f == file;
        list[n++] = file;
        for (int k = 0; k < n; k++)
                STRV_FOREACH(name, list[k]->dependencies) {
                        DescriptorFile *f = map_get(i->files, *name);

                        if (!f || f->visited)
                                continue;
                        f->visited = true;
                        list[n++] = f;
                }
        *ret = list;
        return n;
}
