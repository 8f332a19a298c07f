/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/host.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/entry.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

static int host_read(Host *h) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = file_read(h->path, ENTRY_NAME_MAX, &text, &size);
        if (r == -ENOENT || r == -ENOMEM)
                return r == -ENOENT ? 0 : r;
        if (r >= 0) {
                text[strcspn(text, "\n")] = 0;
                r = entry_word_is_valid(text) ? 0 : -EBADMSG;
        }
        if (r < 0) {
                log_write_errno(LOG_WARNING, r, "Cannot read from %s who the host is", h->path);
                return 0;
        }
        h->name = TAKE_PTR(text);
        return 0;
}

int host_init(Host *h, const char *named, const char *directory) {
        int r = 0;

        *h = (Host){ .name = named ? strdup(named) : NULL };
        if (named)
                return h->name ? 0 : -ENOMEM;
        if (directory) {
                h->path = strf("%s/" HOST_FILE, directory);
                r = h->path ? host_read(h) : -ENOMEM;
        }
        if (r < 0)
                host_done(h);
        return r;
}

void host_done(Host *h) {
        free(h->name);
        free(h->path);
        *h = (Host){};
}

/* Whole or not at all. A crash of the machine may lose it: then it is decided once more. */
static int host_write(const Host *h) {
        _cleanup_free_ char *line = strf("%s\n", h->name), *new_path = strf("%s.new", h->path);
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        if (!line || !new_path)
                return -ENOMEM;
        fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        n = write(fd, line, strlen(line));
        if (n < 0)
                return -errno;
        if ((size_t) n != strlen(line))
                return -EIO;
        if (rename(new_path, h->path) < 0) {
                int r = -errno;

                (void) unlink(new_path);
                return r;
        }
        return 0;
}

void host_registered(Host *h, const char *name) {
        int r;

        if (h->name)
                return;
        h->name = strdup(name);
        if (!h->name)
                return;
        log_write(LOG_NOTICE, LOG_FIELDS({ "GIVC_PEER", name }),
                        "'%s' is the host from now on: it was the first to say so, and --host names no other", name);
        r = h->path ? host_write(h) : 0;
        if (r < 0)
                log_write_errno(LOG_WARNING, r, "Cannot keep in %s who the host is", h->path);
}
