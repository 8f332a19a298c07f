/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/syntax.h"

#include "base/mem.h"
#include "policy/parser.h"

const char *variable_to_string(Variable variable) {
        static const char *const names[] = {
                [VARIABLE_PRINCIPAL] = "principal",
                [VARIABLE_ACTION] = "action",
                [VARIABLE_RESOURCE] = "resource",
                [VARIABLE_CONTEXT] = "context",
        };

        return names[variable];
}

static int end_with(Parser *p, char **reterr) {
        *reterr = TAKE_PTR(p->message);
        return p->error;
}

int syntax_parse_policies(
                Arena *arena, const PolicySource *source, syntax_policy_t func, void *userdata, char **reterr) {
        _cleanup_parser_ Parser p = {};
        Policy *policy;
        int r;

        if (!parser_init(&p, arena, source))
                return end_with(&p, reterr);
        while (p.token.kind != TOKEN_END) {
                policy = parser_take_policy(&p);
                if (!policy)
                        return end_with(&p, reterr);
                r = func(policy, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int syntax_parse_entity(Arena *arena, const char *text, EntityUid *ret, char **reterr) {
        PolicySource source = { .name = "entity", .text = text_of(text) };
        _cleanup_parser_ Parser p = {};
        EntityUid uid;

        source.text.data = arena_dup(arena, text, source.text.size);
        if (!source.text.data)
                return -ENOMEM;
        if (!parser_init(&p, arena, &source) || !parser_take_entity(&p, &uid) ||
                        (p.token.kind != TOKEN_END && !parser_unexpected(&p, "nothing after the entity")))
                return end_with(&p, reterr);
        *ret = uid;
        return 0;
}

Text policy_get_annotation(const Policy *p, Text name) {
        for (size_t i = 0; i < p->n_annotations; i++)
                if (text_equal(p->annotations[i].name, name))
                        return p->annotations[i].value;
        return (Text){};
}
