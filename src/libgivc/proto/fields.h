/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON object into a struct, by a table of its keys. Lenient where a hand-written file is: keys without regard to
 * case, null means absent, unknown keys are told and skipped. It knows nothing of what the keys mean. */
#pragma once

#include <jansson.h>

#include "base/macro.h"

typedef enum FieldKind {
        FIELD_STRING,  /* char * */
        FIELD_PORT,    /* char *; a number becomes its decimal text */
        FIELD_BOOLEAN, /* bool */
        FIELD_UINT,    /* uint32_t */
        FIELD_STRV,    /* char **; list of strings, NULL only when absent */
        FIELD_MAP,     /* char **; object of strings, as key, value, key, value … */
        FIELD_OBJECT,  /* the members of another table, from this offset on */
        FIELD_LIST,    /* an array of structs, each with the members of another table */
        FIELD_NAMED,   /* the same from an object of objects; the key goes to the first member, a char * */
} FieldKind;

typedef struct Field {
        const char *key; /* NULL ends a table */
        FieldKind kind;
        size_t offset;
        const struct Field *fields; /* OBJECT, LIST, NAMED */
        size_t size;                /* LIST, NAMED: of one element */
        size_t count_offset;        /* LIST, NAMED: where the size_t number of elements is */
} Field;

#define FIELD_LIST_MAX 4096 /* elements of one list or map */

/* Fills target, which is zeroed. 0; -EINVAL with "a.b[2].c: expected …, got …" in *reterr; -ENOMEM. Whatever was
 * read stays in target, for fields_done(). Unknown keys are appended to *warnings as "a.b.c: unknown key, ignored". */
int fields_read(const Field *fields, const json_t *object, void *target, char ***warnings, char **reterr) _warn_unused_;
/* Frees all that fields_read() allocated in target. */
void fields_done(const Field *fields, void *target);
