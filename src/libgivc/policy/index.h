/* SPDX-License-Identifier: Apache-2.0 */
/* Which policies of a set a request needs to be asked of: all that could hold or fail for it, by what they ask of
 * principal, action and resource before anything that can fail. It may name too many, never too few. */
#pragma once

#include "policy/policy.h"
#include "policy/uid-map.h"

#define POLICY_BITS_WORDS ((POLICY_SET_MAX + 63) / 64)

/* Policies of a set, by their place in it. */
typedef struct PolicyBits {
        uint64_t words[POLICY_BITS_WORDS];
} PolicyBits;

static inline void policy_bits_set(PolicyBits *bits, size_t i) {
        bits->words[i / 64] |= UINT64_C(1) << (i % 64);
}
/* Each that is set, in order; set is a PolicyBits, n how many policies there are. */
#define POLICY_BITS_FOREACH(i, bits, n)                                                                                \
        for (size_t i = policy_bits_next((bits), 0, (n)); i < (n); i = policy_bits_next((bits), i + 1, (n)))
static inline size_t policy_bits_next(const PolicyBits *bits, size_t i, size_t n) {
        while (i < n) {
                uint64_t rest = bits->words[i / 64] >> (i % 64);

                if (rest)
                        return i + (size_t) __builtin_ctzll(rest);
                i = (i / 64 + 1) * 64;
        }
        return n;
}

/* Zero-initialised is empty. */
typedef struct Posting Posting;
typedef struct PolicyIndex {
        struct PolicyIndexOf {
                PolicyBits any;    /* ask nothing of it, or nothing that the index knows */
                UidMap uids;       /* that the others ask for */
                Posting *postings; /* by number */
                size_t n_allocated;
        } of[3]; /* as VARIABLE_PRINCIPAL, _ACTION, _RESOURCE */
} PolicyIndex;

void policy_index_done(PolicyIndex *index);
/* Adds one; places are added in ascending order. Adding a place again, after it failed, is no harm. 0 or -ENOMEM. */
int policy_index_add(PolicyIndex *index, const Policy *policy, size_t place) _warn_unused_;
/* Writes the words that n policies take. */
void policy_index_find(const PolicyIndex *index, const PolicyRequest *request, size_t n, PolicyBits *ret);
