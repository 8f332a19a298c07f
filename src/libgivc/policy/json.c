/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/json.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/lexer.h"

typedef struct Reader {
        Arena *arena;
        const PolicySource *source;
        bool has_schema; /* {"type", "id"} is an entity */
        char **reterr;
} Reader;

#define refuse(r, node, ...) node_refuse((r)->source, (node), (r)->reterr, __VA_ARGS__)

static int read_value(Reader *r, const Node *node, unsigned depth, Value *ret);

static int read_values(Reader *r, const Node *array, unsigned depth, Value **ret) {
        Value *items = arena_new(r->arena, Value, array->n);
        int e = 0;

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < array->n && e >= 0; i++)
                e = read_value(r, array->items + i, depth, items + i);
        *ret = items;
        return e;
}

static int read_record(Reader *r, const Node *object, unsigned depth, const ValueRecord **ret) {
        ValueMember *members = arena_new(r->arena, ValueMember, object->n);
        int e = 0;

        if (!members)
                return -ENOMEM;
        for (size_t i = 0; i < object->n && e >= 0; i++) {
                members[i].name = object->items[i].name;
                e = read_value(r, object->items + i, depth, &members[i].value);
        }
        return e < 0 ? e : value_record_new(r->arena, members, object->n, ret, NULL);
}

/* Ns::Type, without blanks. */
static bool is_type(Text text) {
        Lexer lexer = { .text = text };
        TokenKind expected = TOKEN_IDENT;
        const char *why;
        size_t end = 0;
        Token token;

        do {
                if (!lexer_next(&lexer, &token, &why) || token.kind != expected || token.span.start != end ||
                                lexer_is_reserved(token.text))
                        return false;
                end = token.span.end;
                expected = expected == TOKEN_IDENT ? TOKEN_PATH : TOKEN_IDENT;
        } while (end < text.size);
        return token.kind == TOKEN_IDENT;
}

static int read_type_and_id(Reader *r, const Node *node, EntityUid *ret) {
        const Node *type = node_get(node, "type"), *id = node_get(node, "id");

        if (!type || !id || type->kind != NODE_STRING || id->kind != NODE_STRING || node->n != 2)
                return refuse(r, node, "expected an entity, {\"type\": \"…\", \"id\": \"…\"}");
        if (!is_type(type->string))
                return refuse(r, type, "'%.*s' is no entity type", TEXT_SHOWN(type->string));
        *ret = (EntityUid){ .type = type->string, .id = id->string };
        return 0;
}

static int read_arguments(Reader *r, const Node *call, unsigned depth, Value **ret, size_t *ret_n) {
        const Node *arg = node_get(call, "arg"), *args = node_get(call, "args");

        if (arg) {
                *ret_n = 1;
                *ret = arena_new(r->arena, Value, 1);
                return *ret ? read_value(r, arg, depth, *ret) : -ENOMEM;
        }
        if (!args || args->kind != NODE_ARRAY)
                return refuse(r, call, "expected a call, {\"fn\": \"…\", \"arg\": …}");
        *ret_n = args->n;
        return read_values(r, args, depth, ret);
}

static int read_extension(Reader *r, const Node *call, unsigned depth, Value *ret) {
        const Node *fn = node_get(call, "fn");
        const Extension *extension;
        const char *why = "";
        Value *arguments;
        size_t n = 0;
        int e;

        if (!fn || fn->kind != NODE_STRING || call->n != 2)
                return refuse(r, call, "expected a call, {\"fn\": \"…\", \"arg\": …}");
        e = read_arguments(r, call, depth, &arguments, &n);
        if (e < 0)
                return e;
        extension = extension_find(fn->string);
        if (!extension)
                return refuse(r, fn, "there is no function '%.*s'", TEXT_SHOWN(fn->string));
        if (n != extension->n_arguments)
                return refuse(r, call, "%s() takes %u arguments, not %zu", extension->name, extension->n_arguments, n);
        for (size_t i = 0; i < n; i++)
                if (arguments[i].kind != extension->arguments[i])
                        return refuse(r, call, "%s() takes a value of type %s here, not %s", extension->name,
                                        value_kind_to_string(extension->arguments[i]),
                                        value_kind_to_string(arguments[i].kind));
        e = extension->apply(r->arena, arguments, ret, &why);
        if (e == -EINVAL || e == -ERANGE)
                return refuse(r, call, "%s", why);
        return e;
}

static bool is_entity(const Node *node) {
        const Node *type = node_get(node, "type"), *id = node_get(node, "id");

        return node->n == 2 && type && id && type->kind == NODE_STRING && id->kind == NODE_STRING &&
                        is_type(type->string);
}

/* An object with such a name and others beside it could be read as either. */
static int read_object(Reader *r, const Node *node, unsigned depth, Value *ret) {
        const Node *entity = node_get(node, "__entity"), *extension = node_get(node, "__extn"),
                   *expr = node_get(node, "__expr");
        EntityUid *uid;
        int e;

        if (expr)
                return refuse(r, expr, "'__expr' is not in use any more");
        if ((entity || extension) && node->n != 1)
                return refuse(r, node, "'%s' stands alone in its object", entity ? "__entity" : "__extn");
        if (extension)
                return read_extension(r, extension, depth, ret);
        if (!entity && r->has_schema && is_entity(node))
                entity = node;
        if (!entity) {
                *ret = (Value){ .kind = VALUE_RECORD };
                return read_record(r, node, depth, &ret->record);
        }
        uid = arena_new(r->arena, EntityUid, 1);
        if (!uid)
                return -ENOMEM;
        e = read_type_and_id(r, entity, uid);
        *ret = (Value){ .kind = VALUE_ENTITY, .entity = uid };
        return e;
}

static int read_set(Reader *r, const Node *node, unsigned depth, Value *ret) {
        Value *items;
        int e;

        e = read_values(r, node, depth, &items);
        if (e < 0)
                return e;
        *ret = (Value){ .kind = VALUE_SET, .set = value_set_new(r->arena, items, node->n) };
        return ret->set ? 0 : -ENOMEM;
}

static int read_value(Reader *r, const Node *node, unsigned depth, Value *ret) {
        if (depth >= VALUE_DEPTH_MAX)
                return refuse(r, node, "nested too deep");
        switch (node->kind) {
        case NODE_BOOL:
                *ret = (Value){ .kind = VALUE_BOOL, .boolean = node->boolean };
                return 0;
        case NODE_NUMBER:
                *ret = (Value){ .kind = VALUE_LONG, .number = node->number };
                return 0;
        case NODE_STRING:
                *ret = (Value){ .kind = VALUE_STRING, .string = node->string };
                return 0;
        case NODE_ARRAY:
                return read_set(r, node, depth + 1, ret);
        case NODE_OBJECT:
                return read_object(r, node, depth + 1, ret);
        default:
                return refuse(r, node, "null is no value; leave it out");
        }
}

static int read_uid(Reader *r, const Node *node, EntityUid *ret) {
        const Node *escaped = node_get(node, "__entity");

        return read_type_and_id(r, escaped && node->n == 1 ? escaped : node, ret);
}

static int read_parents(Reader *r, const Node *node, Entity *ret) {
        EntityUid *parents = arena_new(r->arena, EntityUid, node->n);
        int e = 0;

        if (!parents)
                return -ENOMEM;
        for (size_t i = 0; i < node->n && e >= 0; i++)
                e = read_uid(r, node->items + i, parents + i);
        ret->parents = parents;
        ret->n_parents = node->n;
        return e;
}

static int read_entity(Reader *r, const Node *node, Entity *ret) {
        static const ValueRecord none = {};
        static const struct {
                const char *name;
                NodeKind kind;
                bool is_optional;
        } members[] = { { "uid", NODE_OBJECT }, { "attrs", NODE_OBJECT }, { "parents", NODE_ARRAY },
                { "tags", NODE_OBJECT, true } };
        const Node *found[ELEMENTSOF(members)];
        size_t n = 0;
        int e;

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                found[i] = node_get(node, members[i].name);
                if (found[i] ? found[i]->kind != members[i].kind : !members[i].is_optional)
                        return refuse(r, found[i] ? found[i] : node, "expected an entity, with \"%s\": %s",
                                        members[i].name, members[i].kind == NODE_ARRAY ? "[…]" : "{…}");
                n += found[i] != NULL;
        }
        if (n != node->n)
                return refuse(r, node, "an entity has uid, attrs, parents and tags, and no other members");
        ret->attributes = ret->tags = &none;
        e = read_uid(r, found[0], &ret->uid);
        if (e >= 0)
                e = read_record(r, found[1], 0, &ret->attributes);
        if (e >= 0)
                e = read_parents(r, found[2], ret);
        if (e >= 0 && found[3])
                e = read_record(r, found[3], 0, &ret->tags);
        return e;
}

static int refuse_size(Reader *r, int max, const char *what) {
        *r->reterr = strf("%s: more than %d %s", r->source->name, max, what);
        return *r->reterr ? -E2BIG : -ENOMEM;
}

static int read_entities(Reader *r, const Node *node, Entities *entities) {
        _cleanup_free_ char *name = NULL;
        const EntityUid *loop = NULL;
        int e;

        if (node->kind != NODE_ARRAY)
                return refuse(r, node, "expected a list of entities");
        for (size_t i = 0; i < node->n; i++) {
                Entity *entity = arena_new(r->arena, Entity, 1);

                e = entity ? read_entity(r, node->items + i, entity) : -ENOMEM;
                if (e >= 0)
                        e = entities_add(entities, entity);
                if (e == -EEXIST)
                        return refuse(r, node->items + i, "this entity is there already, and says something else");
                if (e == -E2BIG)
                        return refuse_size(r, ENTITIES_MAX, "entities");
                if (e < 0)
                        return e;
        }
        e = entities_finish(entities, &loop);
        if (e == -E2BIG)
                return refuse_size(r, ENTITIES_RELATIONS_MAX, "pairs of an entity and what it is in");
        if (e != -ELOOP)
                return e;
        name = entity_uid_to_string(loop);
        return name ? refuse(r, node, "entity %s is in itself", name) : -ENOMEM;
}

static int read_document(Reader *r, const Node **ret) {
        if (r->source->text.size > POLICY_JSON_MAX)
                return refuse_size(r, POLICY_JSON_MAX / 1024 / 1024, "MiB");
        return node_parse(r->arena, r->source, ret, r->reterr);
}

static int read_all(Reader *r, Entities **ret) {
        _cleanup_(entities_freep) Entities *entities = entities_new();
        const Node *node;
        int e;

        if (!entities)
                return -ENOMEM;
        e = read_document(r, &node);
        if (e >= 0)
                e = read_entities(r, node, entities);
        if (e >= 0)
                *ret = TAKE_PTR(entities);
        return e;
}

int policy_json_read_entities(Arena *arena, const PolicySource *source, Entities **ret, char **reterr) {
        return read_all(&(Reader){ .arena = arena, .source = source, .reterr = reterr }, ret);
}

int policy_json_read_entities_of_schema(Arena *arena, const PolicySource *source, Entities **ret, char **reterr) {
        return read_all(&(Reader){ .arena = arena, .source = source, .has_schema = true, .reterr = reterr }, ret);
}

int policy_json_to_context(
                Arena *arena, const PolicySource *source, const Node *node, const ValueRecord **ret, char **reterr) {
        Reader r = { .arena = arena, .source = source, .reterr = reterr };
        Value value;
        int e;

        e = read_value(&r, node, 0, &value);
        if (e >= 0 && value.kind != VALUE_RECORD)
                return refuse(&r, node, "expected a record, {\"name\": value, …}");
        if (e >= 0)
                *ret = value.record;
        return e;
}

int policy_json_read_context(Arena *arena, const PolicySource *source, const ValueRecord **ret, char **reterr) {
        Reader r = { .arena = arena, .source = source, .reterr = reterr };
        const Node *node;
        int e;

        e = read_document(&r, &node);
        return e < 0 ? e : policy_json_to_context(arena, source, node, ret, reterr);
}

int policy_json_to_uid(const PolicySource *source, const Node *node, EntityUid *ret, char **reterr) {
        Reader r = { .source = source, .reterr = reterr };

        return read_uid(&r, node, ret);
}
