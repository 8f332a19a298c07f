/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a FileDescriptorSet: an index whose files lie within them, or a refusal. The first line of the input is
 * the name to look for. */
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "rpc/descriptors.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(DescriptorIndex *i, const DescriptorFile *f, const uint8_t *data, size_t size) {
        _cleanup_free_ const DescriptorFile **closure = NULL;
        int n;

        check(f->data >= data && f->size <= size && f->data - data <= (ptrdiff_t) (size - f->size));
        check(descriptor_index_find_file(i, f->name) == f);
        n = descriptor_index_closure(i, f, &closure);
        check(n > 0 && closure[0] == f);
        for (int k = 0; k < n; k++) {
                for (int j = 0; j < k; j++)
                        check(closure[j] != closure[k]);
                STRV_FOREACH(name, closure[k]->dependencies) {
                        const DescriptorFile *d = descriptor_index_find_file(i, *name);
                        bool there = !d;

                        for (int j = 0; j < n && !there; j++)
                                there = closure[j] == d;
                        check(there);
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
        _cleanup_(descriptor_index_freep) DescriptorIndex *i = NULL;
        _cleanup_free_ char *name = NULL;
        const DescriptorFile *f;
        int r;

        if (!end)
                return 0;
        name = mem_dup(data, end - data);
        check(name);
        size -= end + 1 - data;
        data = end + 1;
        r = descriptor_index_new(data, size, &i);
        check(r == 0 ? !!i : !i && (r == -EBADMSG || r == -EEXIST));
        if (r < 0)
                return 0;
        f = descriptor_index_find_file(i, name);
        if (f)
                check_file(i, f, data, size);
        f = descriptor_index_find_symbol(i, name);
        if (f)
                check_file(i, f, data, size);
        return 0;
}
