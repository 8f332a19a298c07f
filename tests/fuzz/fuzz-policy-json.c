/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as entities and as a context: a refusal says where, and what is taken nests as deep as it may and no
 * deeper. */

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/json.h"

#define ARENA_MAX ((size_t) 64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                abort();
}

static unsigned depth_of(const Value *v) {
        unsigned depth = 0;

        if (v->kind == VALUE_SET)
                for (size_t i = 0; i < v->set->n; i++)
                        depth = MAX(depth, depth_of(v->set->items + i));
        else if (v->kind == VALUE_RECORD)
                for (size_t i = 0; i < v->record->n; i++)
                        depth = MAX(depth, depth_of(&v->record->members[i].value));
        return depth + 1;
}

static void check_refusal(int r, const char *error) {
        require(r == -ENOMEM || (r == -EINVAL && error && startswith(error, "fuzz:")));
        if (error)
                for (const char *p = error; *p; p++)
                        require((unsigned char) *p >= ' ' || *p == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        PolicySource source = { .name = "fuzz", .text = { (const char *) data, size } };
        _cleanup_(entities_freep) Entities *entities = NULL;
        _cleanup_free_ char *error = NULL, *other = NULL;
        _cleanup_arena_ Arena arena = {};
        Value context = { .kind = VALUE_RECORD };
        int r;

        arena_init(&arena, NULL, 0, ARENA_MAX);
        r = policy_json_read_entities(&arena, &source, &entities, &error);
        if (r < 0)
                check_refusal(r, error);
        r = policy_json_read_context(&arena, &source, &context.record, &other);
        if (r < 0)
                check_refusal(r, other);
        else {
                _cleanup_free_ char *text = value_to_string(&context);

                require(text && depth_of(&context) <= VALUE_DEPTH_MAX + 1);
        }
        return 0;
}
