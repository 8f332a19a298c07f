/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/policy-file.h"

#include <stdlib.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define WIDTH 80 /* columns of a terminal */

void policy_file_done(PolicyFile *f) {
        free(f->name);
        free(f->text);
        *f = (PolicyFile){};
}

int policy_file_read(const char *path, size_t max, PolicyFile *ret, char **reterr) {
        PolicyFile f = { .name = strdup(path) };
        size_t size;
        int r;

        r = f.name ? file_read(path, max, &f.text, &size) : -ENOMEM;
        if (f.name)
                str_make_printable(f.name, '?');
        if (r < 0) {
                *reterr = strf("%s: %s", strempty(f.name), strerror(-r));
                policy_file_done(&f);
                return r;
        }
        f.source = (PolicySource){ .name = f.name, .text = { f.text, size } };
        *ret = f;
        return 0;
}

/* Where the first line of the text ends so that it fits, if it can. */
static size_t find_break(const char *text, size_t n, size_t width) {
        size_t columns = 0, at = n;

        for (size_t i = 0; i < n; i++) {
                if (text[i] == ' ' && i > 0 && (columns <= width || at == n))
                        at = i;
                columns += ((unsigned char) text[i] & 0xc0) != 0x80;
        }
        return columns <= width ? n : at;
}

void policy_message_print(FILE *f, const char *message) {
        size_t n = strcspn(message, "\n"), indent = 0;

        while (n > 0) {
                size_t used = find_break(message, n, WIDTH - indent);

                fprintf(f, "%*s%.*s\n", (int) indent, "", (int) used, message);
                while (used < n && message[used] == ' ')
                        used++;
                message += used;
                n -= used;
                indent = 4;
        }
        if (*message == '\n')
                message++;
        fprintf(f, "%s%s", message, isempty(message) || endswith(message, "\n") ? "" : "\n");
}

int policy_file_load_set(const char *path, PolicySet **ret, char **reterr) {
        _cleanup_(policy_set_freep) PolicySet *set = policy_set_new();
        _cleanup_(policy_file_done) PolicyFile file = {};
        int r;

        r = set ? policy_file_read(path, POLICY_TEXT_MAX, &file, reterr) : -ENOMEM;
        if (r >= 0)
                r = policy_set_add(set, file.name, file.text, file.source.text.size, reterr);
        if (r >= 0)
                *ret = TAKE_PTR(set);
        return r;
}
