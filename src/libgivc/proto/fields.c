/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/fields.h"

#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

/* Where the reader is, one link a level, from the innermost outwards. */
typedef struct Place {
        const struct Place *parent;
        const char *key; /* NULL: an element of a list */
        size_t index;
} Place;

typedef struct Reader {
        char ***warnings;
        char **reterr;
} Reader;

static int read_object(Reader *reader, const Field *fields, const json_t *json, uint8_t *target, const Place *place);

static char *place_to_string(const Place *place) {
        _cleanup_free_ char *parent = NULL;

        if (!place)
                return strdup("");
        parent = place_to_string(place->parent);
        if (!parent)
                return NULL;
        if (!place->key)
                return strf("%s[%zu]", parent, place->index);
        return strf("%s%s%s", parent, isempty(parent) ? "" : ".", place->key);
}

static const char *json_kind(const json_t *json) {
        switch (json_typeof(json)) {
        case JSON_OBJECT:
                return "an object";
        case JSON_ARRAY:
                return "a list";
        case JSON_STRING:
                return "a string";
        case JSON_INTEGER:
                return "a number";
        case JSON_REAL:
                return "a fraction";
        case JSON_TRUE:
                return "true";
        case JSON_FALSE:
                return "false";
        default:
                return "null";
        }
}

static int complain(Reader *reader, const Place *place, const char *expected, const json_t *got) {
        _cleanup_free_ char *path = place_to_string(place);

        if (!path)
                return -ENOMEM;
        *reader->reterr = strf("%s%sexpected %s, got %s", path, isempty(path) ? "" : ": ", expected, json_kind(got));
        return *reader->reterr ? -EINVAL : -ENOMEM;
}

static int warn_unknown(Reader *reader, const Place *place) {
        _cleanup_free_ char *path = place_to_string(place), *text = NULL;

        text = path ? strf("%s: unknown key, ignored", path) : NULL;
        if (!text)
                return -ENOMEM;
        return strv_extend(reader->warnings, text);
}

static int read_string(Reader *reader, const json_t *json, char **target, const Place *place) {
        if (!json_is_string(json))
                return complain(reader, place, "a string", json);
        return str_replace(target, json_string_value(json)) < 0 ? -ENOMEM : 0;
}

static int read_port(Reader *reader, const json_t *json, char **target, const Place *place) {
        if (!json_is_integer(json))
                return read_string(reader, json, target, place);
        free(*target);
        *target = strf("%lld", (long long) json_integer_value(json));
        return *target ? 0 : -ENOMEM;
}

static int read_boolean(Reader *reader, const json_t *json, bool *target, const Place *place) {
        if (!json_is_boolean(json))
                return complain(reader, place, "true or false", json);
        *target = json_is_true(json);
        return 0;
}

static int read_uint(Reader *reader, const json_t *json, uint32_t *target, const Place *place) {
        if (!json_is_integer(json) || json_integer_value(json) < 0 || json_integer_value(json) > UINT32_MAX)
                return complain(reader, place, "a whole number from 0 to 4294967295", json);
        *target = json_integer_value(json);
        return 0;
}

static int read_strv(Reader *reader, const json_t *json, char ***target, const Place *place) {
        _cleanup_strv_free_ char **l = mem_new0(char *, 1); /* empty is not absent */
        const json_t *item;
        size_t i;
        int r;

        if (!l)
                return -ENOMEM;
        if (!json_is_array(json) || json_array_size(json) > FIELD_LIST_MAX)
                return complain(reader, place, "a list of at most 4096 strings", json);
        json_array_foreach(json, i, item) {
                if (json_is_null(item))
                        continue;
                if (!json_is_string(item))
                        return complain(reader, &(Place){ place, NULL, i }, "a string", item);
                r = strv_extend(&l, json_string_value(item));
                if (r < 0)
                        return r;
        }
        strv_free(*target);
        *target = TAKE_PTR(l);
        return 0;
}

static int read_map(Reader *reader, const json_t *json, char ***target, const Place *place) {
        _cleanup_strv_free_ char **l = NULL;
        const char *key;
        json_t *item;
        int r;

        if (!json_is_object(json) || json_object_size(json) > FIELD_LIST_MAX)
                return complain(reader, place, "an object of at most 4096 strings", json);
        json_object_foreach((json_t *) json, key, item) {
                if (!json_is_string(item) && !json_is_null(item))
                        return complain(reader, &(Place){ place, key, 0 }, "a string", item);
                r = strv_extend(&l, key);
                if (r < 0)
                        return r;
                r = strv_extend(&l, strempty(json_string_value(item)));
                if (r < 0)
                        return r;
        }
        strv_free(*target);
        *target = TAKE_PTR(l);
        return 0;
}

static void list_done(const Field *field, uint8_t *target) {
        uint8_t **items = (uint8_t **) (target + field->offset);
        size_t *n = (size_t *) (target + field->count_offset);

        for (size_t i = 0; i < *n; i++) {
                fields_done(field->fields, *items + i * field->size);
                if (field->kind == FIELD_NAMED)
                        free(*(char **) (*items + i * field->size));
        }
        free(*items);
        *items = NULL;
        *n = 0;
}

static int list_new(const Field *field, size_t n, uint8_t *target) {
        uint8_t **items = (uint8_t **) (target + field->offset);

        list_done(field, target);
        if (n == 0)
                return 0;
        *items = mem_alloc_multiply(field->size, n, true);
        if (!*items)
                return -ENOMEM;
        *(size_t *) (target + field->count_offset) = n;
        return 0;
}

static int read_list(Reader *reader, const Field *field, const json_t *json, uint8_t *target, const Place *place) {
        const json_t *item;
        size_t i;
        int r;

        if (!json_is_array(json) || json_array_size(json) > FIELD_LIST_MAX)
                return complain(reader, place, "a list of at most 4096 objects", json);
        r = list_new(field, json_array_size(json), target);
        if (r < 0)
                return r;
        json_array_foreach(json, i, item) {
                r = read_object(reader, field->fields, item, *(uint8_t **) (target + field->offset) + i * field->size,
                                &(Place){ place, NULL, i });
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_named(Reader *reader, const Field *field, const json_t *json, uint8_t *target, const Place *place) {
        const char *key;
        uint8_t *item;
        json_t *value;
        int r;

        if (!json_is_object(json) || json_object_size(json) > FIELD_LIST_MAX)
                return complain(reader, place, "an object of at most 4096 objects", json);
        r = list_new(field, json_object_size(json), target);
        if (r < 0)
                return r;
        item = *(uint8_t **) (target + field->offset);
        json_object_foreach((json_t *) json, key, value) {
                if (str_replace((char **) item, key) < 0)
                        return -ENOMEM;
                r = read_object(reader, field->fields, value, item, &(Place){ place, key, 0 });
                if (r < 0)
                        return r;
                item += field->size;
        }
        return 0;
}

static int read_field(Reader *reader, const Field *field, const json_t *json, uint8_t *target, const Place *place) {
        void *p = target + field->offset;

        if (json_is_null(json))
                return 0;
        switch (field->kind) {
        case FIELD_STRING:
                return read_string(reader, json, p, place);
        case FIELD_PORT:
                return read_port(reader, json, p, place);
        case FIELD_BOOLEAN:
                return read_boolean(reader, json, p, place);
        case FIELD_UINT:
                return read_uint(reader, json, p, place);
        case FIELD_STRV:
                return read_strv(reader, json, p, place);
        case FIELD_MAP:
                return read_map(reader, json, p, place);
        case FIELD_OBJECT:
                return read_object(reader, field->fields, json, p, place);
        case FIELD_LIST:
                return read_list(reader, field, json, target, place);
        case FIELD_NAMED:
                return read_named(reader, field, json, target, place);
        }
        return -EINVAL;
}

static const Field *field_find(const Field *fields, const char *key) {
        for (; fields->key; fields++)
                if (strcasecmp(fields->key, key) == 0)
                        return fields;
        return NULL;
}

/* Where a key is there twice in two spellings the later one counts, as the order in the file says. */
static int read_object(Reader *reader, const Field *fields, const json_t *json, uint8_t *target, const Place *place) {
        const char *key;
        json_t *value;
        int r;

        if (json_is_null(json))
                return 0;
        if (!json_is_object(json))
                return complain(reader, place, "an object", json);
        json_object_foreach((json_t *) json, key, value) {
                const Field *field = field_find(fields, key);
                const Place here = { place, field ? field->key : key, 0 };

                r = field ? read_field(reader, field, value, target, &here) : warn_unknown(reader, &here);
                if (r < 0)
                        return r;
        }
        return 0;
}

int fields_read(const Field *fields, const json_t *object, void *target, char ***warnings, char **reterr) {
        Reader reader = { warnings, reterr };

        return read_object(&reader, fields, object, target, NULL);
}

void fields_done(const Field *fields, void *target) {
        for (const Field *f = fields; f->key; f++) {
                void *p = (uint8_t *) target + f->offset;

                switch (f->kind) {
                case FIELD_STRING:
                case FIELD_PORT:
                        free(*(char **) p);
                        *(char **) p = NULL;
                        break;
                case FIELD_STRV:
                case FIELD_MAP:
                        strv_free(*(char ***) p);
                        *(char ***) p = NULL;
                        break;
                case FIELD_OBJECT:
                        fields_done(f->fields, p);
                        break;
                case FIELD_LIST:
                case FIELD_NAMED:
                        list_done(f, target);
                        break;
                case FIELD_BOOLEAN:
                case FIELD_UINT:
                        break;
                }
        }
}
