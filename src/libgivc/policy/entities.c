/* SPDX-License-Identifier: Apache-2.0 */
/* What an entity is in is a sorted array of numbers, made once for all of them: a question is two look-ups and a
 * bisection. */
#include "policy/entities.h"

#include "base/mem.h"
#include "policy/uid-map.h"

typedef enum State {
        STATE_NEW,
        STATE_ENTERED, /* on the path that is walked now */
        STATE_DONE,
} State;

/* The uid by its number, which is known or only named as a parent. */
typedef struct Vertex {
        Entity entity;
        bool is_known;
        State state;
        size_t n_parents, n_ancestors, cursor;
        uint32_t *parents, *ancestors; /* sorted, each once */
} Vertex;

struct Entities {
        UidMap uids;
        Vertex *vertices; /* by number */
        size_t n_allocated;
};

Entities *entities_new(void) {
        return mem_new0(Entities, 1);
}

void entities_free(Entities *e) {
        if (!e)
                return;
        for (size_t i = 0; i < e->uids.n; i++) {
                free(e->vertices[i].parents);
                free(e->vertices[i].ancestors);
        }
        free(e->vertices);
        uid_map_done(&e->uids);
        free(e);
}

static const Vertex *find(const Entities *e, const EntityUid *uid) {
        uint32_t number = e ? uid_map_find(&e->uids, uid) : UID_NONE;

        return number != UID_NONE ? &e->vertices[number] : NULL;
}

/* The number of the uid, which is new when need be. */
static int intern(Entities *e, const EntityUid *uid, uint32_t *ret) {
        size_t n_before = e->uids.n;
        int r;

        if (n_before == ENTITIES_MAX) {
                *ret = uid_map_find(&e->uids, uid);
                return *ret != UID_NONE ? 0 : -E2BIG;
        }
        r = mem_grow((void **) &e->vertices, &e->n_allocated, n_before + 1, sizeof(Vertex));
        if (r >= 0)
                r = uid_map_add(&e->uids, uid, ret);
        if (r >= 0 && *ret == n_before)
                e->vertices[*ret] = (Vertex){};
        return r;
}

static int compare_numbers(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return (x > y) - (x < y);
}

static int intern_parents(Entities *e, const Entity *entity, uint32_t **ret, size_t *ret_n) {
        _cleanup_free_ uint32_t *numbers = mem_new(uint32_t, entity->n_parents + 1);
        size_t n = 0;
        int r;

        if (!numbers)
                return -ENOMEM;
        for (size_t i = 0; i < entity->n_parents; i++) {
                r = intern(e, &entity->parents[i], &numbers[i]);
                if (r < 0)
                        return r;
        }
        qsort(numbers, entity->n_parents, sizeof(uint32_t), compare_numbers);
        for (size_t i = 0; i < entity->n_parents; i++)
                if (n == 0 || numbers[n - 1] != numbers[i])
                        numbers[n++] = numbers[i];
        *ret = TAKE_PTR(numbers);
        *ret_n = n;
        return 0;
}

static bool record_equal(const ValueRecord *a, const ValueRecord *b) {
        return value_equal(
                        &(Value){ .kind = VALUE_RECORD, .record = a }, &(Value){ .kind = VALUE_RECORD, .record = b });
}

int entities_add(Entities *e, const Entity *entity) {
        _cleanup_free_ uint32_t *parents = NULL;
        uint32_t number;
        size_t n;
        Vertex *v;
        int r;

        r = intern(e, &entity->uid, &number);
        if (r >= 0)
                r = intern_parents(e, entity, &parents, &n);
        if (r < 0)
                return r;
        v = &e->vertices[number];
        if (v->is_known)
                return v->n_parents == n && memcmp(v->parents, parents, n * sizeof(uint32_t)) == 0 &&
                                                record_equal(v->entity.attributes, entity->attributes) &&
                                                record_equal(v->entity.tags, entity->tags)
                                ? 0
                                : -EEXIST;
        v->is_known = true;
        v->entity = *entity;
        v->parents = TAKE_PTR(parents);
        v->n_parents = n;
        return 0;
}

/* What entities_finish() works with: the path from one to what it is in, the union that is made now, and of which
 * union each was last. */
typedef struct Closure {
        uint32_t *path, *found, *last;
        size_t n_path, n_found, n_steps;
} Closure;

static void closure_done(Closure *c) {
        free(c->path);
        free(c->found);
        free(c->last);
}

static void closure_put(Closure *c, uint32_t number, uint32_t of) {
        if (c->last[number] == of + 1)
                return;
        c->last[number] = of + 1;
        c->found[c->n_found++] = number;
}

/* Its parents, and what they are in, which is known by now. */
static int collect_ancestors(Entities *e, Closure *c, uint32_t number) {
        Vertex *v = &e->vertices[number];

        c->n_found = 0;
        for (size_t i = 0; i < v->n_parents; i++) {
                const Vertex *parent = &e->vertices[v->parents[i]];

                c->n_steps += parent->n_ancestors + 1;
                if (c->n_steps > ENTITIES_RELATIONS_MAX)
                        return -E2BIG;
                closure_put(c, v->parents[i], number);
                for (size_t j = 0; j < parent->n_ancestors; j++)
                        closure_put(c, parent->ancestors[j], number);
        }
        v->state = STATE_DONE;
        if (c->n_found == 0)
                return 0;
        v->ancestors = mem_new(uint32_t, c->n_found);
        if (!v->ancestors)
                return -ENOMEM;
        memcpy(v->ancestors, c->found, c->n_found * sizeof(uint32_t));
        qsort(v->ancestors, c->n_found, sizeof(uint32_t), compare_numbers);
        v->n_ancestors = c->n_found;
        return 0;
}

static void enter(Entities *e, Closure *c, uint32_t number) {
        e->vertices[number].state = STATE_ENTERED;
        e->vertices[number].cursor = 0;
        c->path[c->n_path++] = number;
}

/* One step up from the end of the path, or the end of it. */
static int walk(Entities *e, Closure *c, const EntityUid **ret) {
        uint32_t number = c->path[c->n_path - 1], parent;
        Vertex *v = &e->vertices[number];

        if (v->cursor == v->n_parents) {
                c->n_path--;
                return collect_ancestors(e, c, number);
        }
        parent = v->parents[v->cursor++];
        if (e->vertices[parent].state == STATE_ENTERED) {
                *ret = &e->uids.uids[parent];
                return -ELOOP;
        }
        if (e->vertices[parent].state == STATE_NEW)
                enter(e, c, parent);
        return 0;
}

int entities_finish(Entities *e, const EntityUid **ret) {
        _cleanup_(closure_done) Closure c = { .path = mem_new(uint32_t, e->uids.n + 1),
                .found = mem_new(uint32_t, e->uids.n + 1),
                .last = mem_new0(uint32_t, e->uids.n + 1) };
        int r = 0;

        if (!c.path || !c.found || !c.last)
                return -ENOMEM;
        for (size_t i = 0; i < e->uids.n; i++) {
                if (e->vertices[i].state == STATE_DONE)
                        continue;
                enter(e, &c, (uint32_t) i);
                while (c.n_path > 0 && r >= 0)
                        r = walk(e, &c, ret);
                if (r < 0)
                        return r;
        }
        return 0;
}

const Entity *entities_get(const Entities *e, const EntityUid *uid) {
        const Vertex *v = find(e, uid);

        return v && v->is_known ? &v->entity : NULL;
}

bool entities_is_in(const Entities *e, const EntityUid *a, const EntityUid *b) {
        const Vertex *v;
        uint32_t number;

        if (entity_uid_equal(a, b))
                return true;
        v = find(e, a);
        if (!v || v->n_ancestors == 0)
                return false;
        number = uid_map_find(&e->uids, b);
        return number != UID_NONE && bsearch(&number, v->ancestors, v->n_ancestors, sizeof(uint32_t), compare_numbers);
}

const EntityUid *entities_get_ancestor(const Entities *e, const EntityUid *uid, size_t i) {
        const Vertex *v = find(e, uid);

        return v && i < v->n_ancestors ? &e->uids.uids[v->ancestors[i]] : NULL;
}
