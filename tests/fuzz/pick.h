/* SPDX-License-Identifier: Apache-2.0 */
/* How an input names its message type: in its first line, so that seeds outlive changes of the list of types. A line
 * that is no name picks one anyway. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "all-types.h"
#include "base/macro.h"

static inline const ProtobufCMessageDescriptor *pick_type(const uint8_t **data, size_t *size) {
        const uint8_t *line = *data, *end = memchr(line, '\n', *size);
        size_t n = end ? (size_t) (end - line) : 0;
        unsigned hash = 0;

        if (!end)
                return NULL;
        *data = end + 1;
        *size -= n + 1;
        for (size_t i = 0; i < ELEMENTSOF(all_types); i++)
                if (strlen(all_types[i]->name) == n && memcmp(all_types[i]->name, line, n) == 0)
                        return all_types[i];
        for (size_t i = 0; i < n; i++)
                hash = hash * 31 + line[i];
        return all_types[hash % ELEMENTSOF(all_types)];
}

static inline void require(bool good, const ProtobufCMessageDescriptor *type, const char *what) {
        if (good)
                return;
        fprintf(stderr, "%s: %s\n", type->name, what);
        abort();
}
