/* SPDX-License-Identifier: Apache-2.0 */
/* Every uid is a node with a number, known or only named as a parent. What a node is in is a sorted array of such
 * numbers, made once for all of them: a question is two look-ups and a bisection. */
#include "policy/entities.h"

#include "base/mem.h"

typedef enum State {
        STATE_NEW,
        STATE_ENTERED, /* on the path that is walked now */
        STATE_DONE,
} State;

typedef struct Node {
        Entity entity;
        bool is_known;
        State state;
        uint32_t hash;
        size_t n_parents, n_ancestors, cursor;
        uint32_t *parents, *ancestors; /* sorted, each once */
} Node;

struct Entities {
        Node *nodes;
        size_t n, n_allocated;
        uint32_t *slots; /* a node's number plus one, at the first free place from its hash on */
        size_t n_slots;  /* a power of two, twice as many as nodes at least */
};

Entities *entities_new(void) {
        return mem_new0(Entities, 1);
}

void entities_free(Entities *e) {
        if (!e)
                return;
        for (size_t i = 0; i < e->n; i++) {
                free(e->nodes[i].parents);
                free(e->nodes[i].ancestors);
        }
        free(e->nodes);
        free(e->slots);
        free(e);
}

static uint32_t *find_slot(const Entities *e, const EntityUid *uid, uint32_t hash) {
        size_t i = hash & (e->n_slots - 1);

        for (;; i = (i + 1) & (e->n_slots - 1)) {
                const Node *node = e->slots[i] ? &e->nodes[e->slots[i] - 1] : NULL;

                if (!node || (node->hash == hash && entity_uid_equal(&node->entity.uid, uid)))
                        return &e->slots[i];
        }
}

static Node *find(const Entities *e, const EntityUid *uid) {
        uint32_t slot = e && e->n > 0 ? *find_slot(e, uid, entity_uid_hash(uid)) : 0;

        return slot ? &e->nodes[slot - 1] : NULL;
}

static int grow_slots(Entities *e) {
        size_t n = e->n_slots > 0 ? e->n_slots * 2 : 64;
        uint32_t *slots = mem_new0(uint32_t, n);

        if (!slots)
                return -ENOMEM;
        free(e->slots);
        e->slots = slots;
        e->n_slots = n;
        for (size_t i = 0; i < e->n; i++)
                *find_slot(e, &e->nodes[i].entity.uid, e->nodes[i].hash) = (uint32_t) i + 1;
        return 0;
}

/* The number of the node of that uid, which is new when need be. */
static int intern(Entities *e, const EntityUid *uid, uint32_t *ret) {
        uint32_t hash = entity_uid_hash(uid), *slot;
        int r;

        r = mem_grow((void **) &e->nodes, &e->n_allocated, e->n + 1, sizeof(Node));
        if (r >= 0 && e->n * 2 >= e->n_slots)
                r = grow_slots(e);
        if (r < 0)
                return r;
        slot = find_slot(e, uid, hash);
        if (*slot == 0) {
                if (e->n == ENTITIES_MAX)
                        return -E2BIG;
                e->nodes[e->n] = (Node){ .entity = { .uid = *uid }, .hash = hash };
                *slot = (uint32_t) ++e->n;
        }
        *ret = *slot - 1;
        return 0;
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
        Node *node;
        int r;

        r = intern(e, &entity->uid, &number);
        if (r >= 0)
                r = intern_parents(e, entity, &parents, &n);
        if (r < 0)
                return r;
        node = &e->nodes[number];
        if (node->is_known)
                return node->n_parents == n && memcmp(node->parents, parents, n * sizeof(uint32_t)) == 0 &&
                                                record_equal(node->entity.attributes, entity->attributes) &&
                                                record_equal(node->entity.tags, entity->tags)
                                ? 0
                                : -EEXIST;
        node->is_known = true;
        node->entity = *entity;
        node->parents = TAKE_PTR(parents);
        node->n_parents = n;
        return 0;
}

/* What entities_finish() works with: the path from a node to what it is in, the union that is made now, and for each
 * node of which union it was last. */
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
        Node *node = &e->nodes[number];

        c->n_found = 0;
        for (size_t i = 0; i < node->n_parents; i++) {
                const Node *parent = &e->nodes[node->parents[i]];

                c->n_steps += parent->n_ancestors + 1;
                if (c->n_steps > ENTITIES_RELATIONS_MAX)
                        return -E2BIG;
                closure_put(c, node->parents[i], number);
                for (size_t j = 0; j < parent->n_ancestors; j++)
                        closure_put(c, parent->ancestors[j], number);
        }
        node->state = STATE_DONE;
        if (c->n_found == 0)
                return 0;
        node->ancestors = mem_new(uint32_t, c->n_found);
        if (!node->ancestors)
                return -ENOMEM;
        memcpy(node->ancestors, c->found, c->n_found * sizeof(uint32_t));
        qsort(node->ancestors, c->n_found, sizeof(uint32_t), compare_numbers);
        node->n_ancestors = c->n_found;
        return 0;
}

static void enter(Entities *e, Closure *c, uint32_t number) {
        e->nodes[number].state = STATE_ENTERED;
        e->nodes[number].cursor = 0;
        c->path[c->n_path++] = number;
}

/* One step up from the end of the path, or the end of it. */
static int walk(Entities *e, Closure *c, const EntityUid **ret) {
        uint32_t number = c->path[c->n_path - 1], parent;
        Node *node = &e->nodes[number];

        if (node->cursor == node->n_parents) {
                c->n_path--;
                return collect_ancestors(e, c, number);
        }
        parent = node->parents[node->cursor++];
        if (e->nodes[parent].state == STATE_ENTERED) {
                *ret = &e->nodes[parent].entity.uid;
                return -ELOOP;
        }
        if (e->nodes[parent].state == STATE_NEW)
                enter(e, c, parent);
        return 0;
}

int entities_finish(Entities *e, const EntityUid **ret) {
        _cleanup_(closure_done) Closure c = { .path = mem_new(uint32_t, e->n + 1),
                .found = mem_new(uint32_t, e->n + 1),
                .last = mem_new0(uint32_t, e->n + 1) };
        int r = 0;

        if (!c.path || !c.found || !c.last)
                return -ENOMEM;
        for (size_t i = 0; i < e->n; i++) {
                if (e->nodes[i].state == STATE_DONE)
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
        const Node *node = find(e, uid);

        return node && node->is_known ? &node->entity : NULL;
}

bool entities_is_in(const Entities *e, const EntityUid *a, const EntityUid *b) {
        const Node *node, *ancestor;
        uint32_t number;

        if (entity_uid_equal(a, b))
                return true;
        node = find(e, a);
        if (!node || node->n_ancestors == 0)
                return false;
        ancestor = find(e, b);
        if (!ancestor)
                return false;
        number = (uint32_t) (ancestor - e->nodes);
        return bsearch(&number, node->ancestors, node->n_ancestors, sizeof(uint32_t), compare_numbers);
}

const EntityUid *entities_get_ancestor(const Entities *e, const EntityUid *uid, size_t i) {
        const Node *node = find(e, uid);

        return node && i < node->n_ancestors ? &e->nodes[node->ancestors[i]].entity.uid : NULL;
}
