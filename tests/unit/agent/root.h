/* SPDX-License-Identifier: Apache-2.0 */
/* A directory that has a made-up /proc and /sys. */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

typedef struct Root {
        char path[40];
} Root;

static inline void root_init(Root *root) {
        strcpy(root->path, "/tmp/givc-root-XXXXXX");
        if (!mkdtemp(root->path))
                abort();
}

static inline void root_done(Root *root) {
        _cleanup_free_ char *command = strf("rm -rf %s", root->path);

        if (system(command) != 0)
                abort();
}
#define ROOT _cleanup_(root_done) Root

/* With the directories above it; size bytes, or a text. */
static inline void root_write_bytes(const Root *root, const char *name, const void *data, size_t size) {
        _cleanup_free_ char *path = strf("%s%s", root->path, name);
        FILE *f;

        for (char *p = path + strlen(root->path) + 1; (p = strchr(p, '/')); *p++ = '/') {
                *p = 0;
                (void) mkdir(path, 0755);
        }
        f = fopen(path, "we");
        if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
                abort();
}

_printf_(3, 4) static inline void root_write(const Root *root, const char *name, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        text = strvf(fmt, ap);
        va_end(ap);
        root_write_bytes(root, name, text, strlen(text));
}

static inline void root_remove(const Root *root, const char *name) {
        _cleanup_free_ char *path = strf("%s%s", root->path, name);

        if (unlink(path) != 0)
                abort();
}
