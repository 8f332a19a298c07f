/* SPDX-License-Identifier: Apache-2.0 */
/* How fast libgivc/policy decides: decisions RULES REQUESTS SECONDS asks each request in turn until the time is up, and
 * prints a line of JSON. REQUESTS is a JSON array of {"principal", "action", "resource", "context"}. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "policy/json.h"
#include "policy/policy.h"

#define SAMPLES_MAX 1000000
#define BLOCK_SIZE  (64 * 1024)

static uint64_t now_nsec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static int parse_requests(Arena *arena, const PolicySource *source, PolicyRequest **ret, size_t *ret_n, char **reterr) {
        static const char *const names[] = { "principal", "action", "resource" };
        PolicyRequest *requests;
        const Node *root;
        int r;

        r = node_parse(arena, source, &root, reterr);
        if (r < 0)
                return r;
        requests = arena_new(arena, PolicyRequest, root->n);
        if (!requests)
                return -ENOMEM;

        for (size_t i = 0; i < root->n; i++) {
                EntityUid *uids = arena_new(arena, EntityUid, 3);

                if (!uids)
                        return -ENOMEM;
                for (size_t j = 0; j < 3; j++) {
                        r = policy_json_to_uid(source, node_get(&root->items[i], names[j]), &uids[j], reterr);
                        if (r < 0)
                                return r;
                }
                requests[i] = (PolicyRequest){ &uids[0], &uids[1], &uids[2] };
                r = policy_json_to_context(
                                arena, source, node_get(&root->items[i], "context"), &requests[i].context, reterr);
                if (r < 0)
                        return r;
        }
        *ret = requests;
        *ret_n = root->n;
        return 0;
}

static int compare_samples(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return (x > y) - (x < y);
}

static int measure(const PolicySet *set, const PolicyRequest *requests, size_t n_requests, uint64_t duration_nsec) {
        static _Alignas(max_align_t) char block[BLOCK_SIZE];
        static uint32_t samples[SAMPLES_MAX];
        _cleanup_arena_ Arena arena;
        uint64_t begin = now_nsec(), before = begin, n = 0, n_allowed = 0;
        int r;

        arena_init(&arena, block, sizeof(block), POLICY_DECISION_MAX);
        while (before - begin < duration_nsec) {
                PolicyDecision d;
                uint64_t after;

                r = policy_set_decide(set, &requests[n % n_requests], &arena, &d);
                if (r < 0)
                        return r;
                n_allowed += n < n_requests && d.allow;
                arena_reset(&arena);
                after = now_nsec();
                samples[n++ % SAMPLES_MAX] = (uint32_t) (after - before);
                before = after;
        }

        qsort(samples, MIN(n, SAMPLES_MAX), sizeof(samples[0]), compare_samples);
        printf("{\"allowed\": %" PRIu64 ", \"per_second\": %.0f, \"median_usec\": %.3f}\n", n_allowed,
                        (double) n * 1e9 / (double) (before - begin), samples[MIN(n, SAMPLES_MAX) / 2] / 1e3);
        return 0;
}

static int run(char **argv, char **reterr) {
        PolicySource rules = { .name = argv[1] }, source = { .name = argv[2] };
        _cleanup_free_ char *rules_text = NULL, *requests_text = NULL;
        _cleanup_arena_ Arena arena;
        _cleanup_(policy_set_freep) PolicySet *set = policy_set_new();
        PolicyRequest *requests;
        size_t n;
        int r;

        arena_init(&arena, NULL, 0, POLICY_JSON_MAX);
        if (!set)
                return -ENOMEM;
        r = file_read(rules.name, POLICY_TEXT_MAX, &rules_text, &rules.text.size);
        if (r < 0)
                return r;
        r = file_read(source.name, POLICY_JSON_MAX, &requests_text, &source.text.size);
        if (r < 0)
                return r;
        source.text.data = requests_text;

        r = policy_set_add(set, rules.name, rules_text, rules.text.size, reterr);
        if (r < 0)
                return r;
        r = parse_requests(&arena, &source, &requests, &n, reterr);
        if (r < 0)
                return r;
        return measure(set, requests, n, (uint64_t) (strtod(argv[3], NULL) * 1e9));
}

int main(int argc, char **argv) {
        _cleanup_free_ char *err = NULL;
        int r;

        r = argc == 4 ? run(argv, &err) : -EINVAL;
        if (r < 0)
                fprintf(stderr, "%s\n", err ?: strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
