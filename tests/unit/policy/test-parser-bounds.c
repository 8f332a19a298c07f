/* SPDX-License-Identifier: Apache-2.0 */
/* How deep expressions nest, what that costs of a stack, and that long texts take no longer than they are. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "expr.h"
#include "policy/syntax.h"

#define MEMORY_MAX ((size_t) 1024 * 1024 * 1024)
#define STACK_SIZE ((size_t) 256 * 1024)
#define STACK_MAX  ((size_t) 128 * 1024)
#define STACK_FILL 0x5a

/* n times what opens, something, n times what closes. */
static char *nest(const char *open, const char *middle, const char *close, size_t n) {
        char *text = mem_new(char, n *(strlen(open) + strlen(close)) + strlen(middle) + 1), *p = text;

        assert_non_null(text);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, open);
        p = stpcpy(p, middle);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, close);
        return text;
}

static int parse(const char *text, Span *ret_span, uint32_t *ret_depth, char **reterr) {
        const PolicySource source = { "t", text_of(text) };
        _cleanup_arena_ Arena arena = {};
        Expr *e;
        int r;

        arena_init(&arena, NULL, 0, MEMORY_MAX);
        r = expr_parse(&arena, &source, &e, reterr);
        if (r == 0) {
                *ret_span = e->span;
                *ret_depth = e->depth;
        }
        return r;
}

/* Whatever nests. The deepest that is read has depth EXPR_DEPTH_MAX, be it of the tree or of what encloses it. */
static const struct {
        const char *open, *middle, *close;
        size_t n;
} shapes[] = {
        { "(", "true", ")", EXPR_DEPTH_MAX - 1 },
        { "[", "1", "]", EXPR_DEPTH_MAX - 1 },
        { "{a: ", "1", "}", EXPR_DEPTH_MAX - 1 },
        { "if ", "true", " then 1 else 2", EXPR_DEPTH_MAX - 1 },
        { "if true then 1 else ", "2", "", EXPR_DEPTH_MAX - 1 },
        { "!(", "true", ")", EXPR_DEPTH_MAX - 1 },
        { "!!!!(", "true", ")", (EXPR_DEPTH_MAX - 1) / 4 },
        { "-(", "1", ")", EXPR_DEPTH_MAX - 1 },
        { "1 + (", "1", ")", EXPR_DEPTH_MAX - 1 },
        { "1 == (", "1", ")", EXPR_DEPTH_MAX - 1 },
        { "context is A in (", "1", ")", EXPR_DEPTH_MAX - 1 },
        { "true && true || 1 == 1 + 1 * -(", "1", ")", (EXPR_DEPTH_MAX - 1) / 5 },
        { "[].contains(", "1", ")", EXPR_DEPTH_MAX - 1 },
        { "ip(", "\"\"", ")", EXPR_DEPTH_MAX - 1 },
        { "ip(\"\").isInRange(", "1", ")", EXPR_DEPTH_MAX - 2 },
        { "", "context", ".getTag(\"a\")", EXPR_DEPTH_MAX - 1 },
        { "", "context", ".a.hasTag(\"a\")", (EXPR_DEPTH_MAX - 1) / 2 },
        { "(", "context", " has a)", EXPR_DEPTH_MAX - 1 },
};

static void test_depth(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(shapes); i++) {
                _cleanup_free_ char *deep = nest(shapes[i].open, shapes[i].middle, shapes[i].close, shapes[i].n);
                _cleanup_free_ char *deeper = nest(shapes[i].open, shapes[i].middle, shapes[i].close, shapes[i].n + 1);
                _cleanup_free_ char *message = NULL;
                uint32_t depth;
                Span span;

                print_message("%s%s%s\n", shapes[i].open, shapes[i].middle, shapes[i].close);
                assert_int_equal(parse(deep, &span, &depth, &message), 0);
                assert_true(depth <= EXPR_DEPTH_MAX);
                assert_int_equal(parse(deeper, &span, &depth, &message), -EINVAL);
                assert_non_null(startswith(message, "t:1:"));
                assert_non_null(strstr(message, ": this expression nests deeper than 100\n"));
        }
}

typedef struct Job {
        const char *text;
        int r;
} Job;

static void *parse_on_stack(void *userdata) {
        Job *job = userdata;
        char *message = NULL;
        uint32_t depth;
        Span span;

        job->r = parse(job->text, &span, &depth, &message);
        free(message);
        return NULL;
}

/* Bytes of a stack of our own that are no longer as they were. */
static size_t measure(const char *text, int *ret) {
        Job job = { .text = text };
        _cleanup_free_ uint8_t *stack = NULL;
        pthread_attr_t attributes;
        size_t unused = 0;
        pthread_t thread;

        assert_int_equal(posix_memalign((void **) &stack, 4096, STACK_SIZE), 0);
        memset(stack, STACK_FILL, STACK_SIZE);
        assert_int_equal(pthread_attr_init(&attributes), 0);
        assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_SIZE), 0);
        assert_int_equal(pthread_create(&thread, &attributes, parse_on_stack, &job), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&attributes);
        while (unused < STACK_SIZE && stack[unused] == STACK_FILL)
                unused++;
        *ret = job.r;
        return STACK_SIZE - unused;
}

static void test_stack(_unused_ void **state) {
        int r;
        size_t ground = measure("1", &r);

        for (size_t i = 0; i < ELEMENTSOF(shapes); i++) {
                _cleanup_free_ char *deep = nest(shapes[i].open, shapes[i].middle, shapes[i].close, shapes[i].n);
                _cleanup_free_ char *deeper = nest(shapes[i].open, shapes[i].middle, shapes[i].close, 100000);
                size_t used = measure(deep, &r);

                assert_int_equal(r, 0);
                print_message("%zu above %zu bytes: %s\n", used - ground, ground, shapes[i].open);
                assert_true(used < STACK_MAX);
                assert_true(measure(deeper, &r) < STACK_MAX);
                assert_int_equal(r, -EINVAL);
        }
}

/* Chains are one level, however long. */
static const struct {
        const char *first, *next, *last;
        uint32_t depth;
} chains[] = {
        { "true", " && true", "", 2 },
        { "true", " || true", "", 2 },
        { "1", " + 1 - 1", "", 2 },
        { "1", " * 1", "", 2 },
        { "context", ".a[\"b\"]", "", 2 },
        { "[", "1, ", "]", 2 },
        { "ip(", "1, ", ")", 2 },
        { "context has a", ".a", "", 2 },
        { "context is A", "::A", "", 2 },
        { "A", "::A", "::\"id\"", 1 },
        { "true", " // comment\n\t", "", 1 },
        { "\"", "\\u{e9}", "\"", 1 },
        { "context like \"", "*\\*", "\"", 2 },
};

static void test_chains(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(chains); i++) {
                _cleanup_free_ char *middle = nest(chains[i].next, "", "", 200000), *message = NULL;
                _cleanup_free_ char *text = strf("%s%s%s", chains[i].first, middle, chains[i].last);
                uint32_t depth = 0;
                Span span;

                print_message("%s%s\n", chains[i].first, chains[i].next);
                assert_non_null(text);
                if (parse(text, &span, &depth, &message) < 0)
                        fail_msg("%s", message);
                assert_int_equal(depth, chains[i].depth);
        }
}

/* Each member of its own name, and one that is there twice. */
static void test_members(_unused_ void **state) {
        _cleanup_free_ char *message = NULL, *text = NULL;
        uint32_t depth;
        size_t size;
        Span span;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        fputs("{", f);
        for (unsigned i = 0; i < 100000; i++)
                fprintf(f, "k%u: %u, ", i * 7919 % 100003, i);
        assert_int_equal(fflush(f), 0);
        fputs("}", f);
        assert_int_equal(fflush(f), 0);
        assert_int_equal(parse(text, &span, &depth, &message), 0);
        assert_int_equal(fseek(f, (long) size - 1, SEEK_SET), 0);
        fputs("k7919: 1}", f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(parse(text, &span, &depth, &message), -EINVAL);
        assert_non_null(strstr(message, ": this key is there twice\n  ..."));
        assert_non_null(strstr(message, "k7919: 1}\n"));
}

static int count(_unused_ Policy *policy, void *userdata) {
        (*(size_t *) userdata)++;
        return 0;
}

/* With each bound of memory there is, from nothing to enough. */
static void test_memory(_unused_ void **state) {
        static const char text[] =
                        "@a(\"\\n\") permit(principal is A::B in C::D::\"\\n\", action in [E::\"e\"], resource == "
                        "?resource)"
                        "when { if !true then {a: [1 + 2 * 3, -principal.a.b], b: \"\\n\"} else context has a.b.c }"
                        "unless { A::B::\"b\" is A in C::\"c\" && 1 < 2 || [].contains(context) || ip(\"\").isIpv4() &&"
                        "context like \"a*b\" };";
        const PolicySource source = { "t", TEXT(text) };
        int r = -ENOMEM;

        for (size_t max = 0; r < 0; max++) {
                _cleanup_free_ char *message = NULL;
                _cleanup_arena_ Arena arena = {};
                size_t n = 0;

                arena_init(&arena, NULL, 0, max);
                r = syntax_parse_policies(&arena, &source, count, &n, &message);
                assert_true(r == 0 || r == -ENOMEM);
                assert_null(message);
                assert_int_equal(n, r == 0);
                assert_true(max < 10000);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_stack),
                cmocka_unit_test(test_chains),
                cmocka_unit_test(test_members),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
