/* SPDX-License-Identifier: Apache-2.0 */
/* What the proto tests share: cmocka, every message type by name, and the lines that Python's protobuf wrote for them.
 * */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "all-types.h"
#include "base/mem.h"
#include "base/str.h"

_unused_ static const ProtobufCMessageDescriptor *type_by_name(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(all_types); i++)
                if (streq(all_types[i]->name, name))
                        return all_types[i];
        return NULL;
}

/* The bytes that the hexadecimal text stands for; free(). */
_unused_ static uint8_t *from_hex(const char *hex, size_t *ret_size) {
        uint8_t *data = malloc(strlen(hex) / 2 + 1);

        assert_non_null(data);
        *ret_size = 0;
        for (const char *p = hex; *p; p += 2) {
                unsigned byte;

                assert_int_equal(sscanf(p, "%2x", &byte), 1);
                data[(*ret_size)++] = (uint8_t) byte;
        }
        return data;
}

/* Calls with each line of a file of JSON objects; returns how many there were. */
_unused_ static size_t each_line(const char *path, void (*call)(const json_t *line)) {
        _cleanup_free_ char *line = NULL;
        size_t allocated = 0, n = 0;
        FILE *f = fopen(path, "re");

        assert_non_null(f);
        while (getline(&line, &allocated, f) >= 0) {
                json_error_t error;
                json_t *json = json_loads(line, 0, &error);

                if (!json)
                        fail_msg("%s: %s", path, error.text);
                call(json);
                json_decref(json);
                n++;
        }
        fclose(f);
        return n;
}
