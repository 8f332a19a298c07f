/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as policies and as an expression: what is read and printed is read again as the same, and what is refused is
 * refused with its place. */
#include "base/mem.h"
#include "base/str.h"
#include "unit/policy/expr.h"
#include "unit/policy/print.h"
#include "words.h"

#define MEMORY_MAX ((size_t) 64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_policy(Policy *policy, void *userdata) {
        char *printed = print_to_string(NULL, policy);

        fprintf(userdata, "%s\n", printed);
        free(printed);
        return 0;
}

/* New string: what is read, printed; NULL when it is refused. */
static char *read_and_print(Text text, bool is_expr) {
        const PolicySource source = { "f", text };
        _cleanup_free_ char *message = NULL;
        _cleanup_arena_ Arena arena = {};
        char *printed = NULL;
        size_t size;
        FILE *f = open_memstream(&printed, &size);
        Expr *e;
        int r;

        check(f);
        arena_init(&arena, NULL, 0, MEMORY_MAX);
        r = is_expr ? expr_parse(&arena, &source, &e, &message)
                    : syntax_parse_policies(&arena, &source, on_policy, f, &message);
        if (r == 0 && is_expr)
                print_expr(f, e);
        check(fclose(f) == 0);
        if (r == 0) {
                check(!message);
                return printed;
        }
        check(r == -EINVAL && startswith(message, "f:") && str_is_utf8(message, strlen(message)));
        free(printed);
        return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = malloc(MAX(size, (size_t) 1));

        check(text);
        if (size > 0)
                memcpy(text, data, size);
        for (int is_expr = 0; is_expr < 2; is_expr++) {
                _cleanup_free_ char *printed = read_and_print((Text){ text, size }, is_expr), *again = NULL;

                if (!printed)
                        continue;
                again = read_and_print(text_of(printed), is_expr);
                check(again && streq(again, printed));
        }
        return 0;
}
