/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"

#include "base/mem.h"
#include "base/str.h"

#define VM_PREFIX    "microvm@"
#define AGENT_PREFIX "givc-"
#define UNIT_SUFFIX  ".service"

static const char *find_between(const char *s, const char *prefix, const char *suffix, size_t *ret_size) {
        const char *begin = startswith(s, prefix), *end = begin ? endswith(begin, suffix) : NULL;

        *ret_size = end ? (size_t) (end - begin) : 0;
        return *ret_size > 0 ? begin : NULL;
}

static char *word_between(const char *s, const char *prefix, const char *suffix) {
        size_t size;
        const char *word = find_between(s, prefix, suffix, &size);

        return word ? mem_dup(word, size) : NULL;
}

bool unit_is_vm(const char *unit) {
        size_t size;

        return find_between(unit, VM_PREFIX, UNIT_SUFFIX, &size);
}

bool unit_is_agent(const char *unit) {
        size_t size;

        return find_between(unit, AGENT_PREFIX, UNIT_SUFFIX, &size);
}

char *vm_from_unit(const char *unit) {
        return word_between(unit, VM_PREFIX, UNIT_SUFFIX);
}

char *vm_from_agent(const char *agent) {
        return word_between(agent, AGENT_PREFIX, UNIT_SUFFIX);
}

char *vm_from_app(const char *app) {
        return strf("%s-vm", app);
}

char *unit_from_vm(const char *vm) {
        return strf(VM_PREFIX "%s" UNIT_SUFFIX, vm);
}

char *agent_from_vm(const char *vm) {
        return strf(AGENT_PREFIX "%s" UNIT_SUFFIX, vm);
}

char *unit_from_app(const char *app, unsigned number) {
        return strf("%s@%u" UNIT_SUFFIX, app, number);
}

size_t instance_prefix_length(const char *unit) {
        const char *at = strrchr(unit, '@');
        size_t n_digits = at ? strspn(at + 1, "0123456789") : 0;

        return n_digits > 0 && streq(at + 1 + n_digits, UNIT_SUFFIX) ? (size_t) (at - unit) : 0;
}

size_t instance_app_length(const char *unit) {
        size_t n = instance_prefix_length(unit);

        return memchr(unit, '@', n) ? 0 : n;
}
