/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/file-watch.h"

#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define LINKS_MAX 40
#define MASK                                                                                                           \
        (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK)

/* One name in one directory. Only this name counts: the way to a file may lead through a directory that is busy. */
typedef struct WatchEntry {
        FileWatch *watch;
        char *directory, *name;
        sd_event_source *source;
} WatchEntry;

struct FileWatch {
        sd_event *event;
        char **paths;
        void (*changed)(void *userdata);
        void *userdata;

        WatchEntry **entries;
        size_t n_entries, n_allocated;
        sd_event_source *timer;
        usec_t first; /* change that was not reported yet; 0: none */
};

static void watch_clear(WatchEntry **entries, size_t n) {
        for (size_t i = 0; i < n; i++) {
                sd_event_source_disable_unref(entries[i]->source);
                free(entries[i]->directory);
                free(entries[i]->name);
                free(entries[i]);
        }
        free(entries);
}

FileWatch *file_watch_free(FileWatch *w) {
        if (!w)
                return NULL;
        watch_clear(w->entries, w->n_entries);
        sd_event_source_disable_unref(w->timer);
        sd_event_unref(w->event);
        strv_free(w->paths);
        free(w);
        return NULL;
}

static void watch_schedule(FileWatch *w, usec_t when) {
        (void) sd_event_source_set_time(w->timer, when);
        (void) sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static int on_inotify(sd_event_source _unused_ *source, const struct inotify_event *ev, void *userdata) {
        WatchEntry *entry = userdata;
        FileWatch *w = entry->watch;
        usec_t now;

        if (ev->len > 0 && !streq(ev->name, entry->name))
                return 0;
        now = time_now(CLOCK_MONOTONIC);
        if (w->first == 0)
                w->first = now;
        watch_schedule(w, MIN(now + FILE_WATCH_QUIET_USEC, w->first + FILE_WATCH_LATEST_USEC));
        return 0;
}

static int watch_add(FileWatch *w, const char *directory, const char *name) {
        WatchEntry *entry;
        void *entries = w->entries;
        int r;

        for (size_t i = 0; i < w->n_entries; i++)
                if (streq(w->entries[i]->directory, directory) && streq(w->entries[i]->name, name))
                        return 0;
        r = mem_grow(&entries, &w->n_allocated, w->n_entries + 1, sizeof(WatchEntry *));
        if (r < 0)
                return r;
        w->entries = entries;
        entry = mem_new0(WatchEntry, 1);
        if (!entry)
                return -ENOMEM;
        w->entries[w->n_entries++] = entry;
        entry->watch = w;
        entry->directory = strdup(directory);
        entry->name = strdup(name);
        if (!entry->directory || !entry->name)
                return -ENOMEM;
        r = sd_event_add_inotify(w->event, &entry->source, directory, MASK, on_inotify, entry);
        /* What is not there or not ours to see is watched by name from the directory above. */
        return r == -ENOENT || r == -ENOTDIR || r == -EACCES ? 0 : r;
}

/* The path of name in directory; NULL when out of memory. */
static char *join(const char *directory, const char *name) {
        return strf("%s/%s", streq(directory, "/") ? "" : directory, name);
}

/* A directory that is reached while a path is walked, and what is left of the path. */
typedef struct Walk {
        char *at, *rest;
        unsigned n_links;
} Walk;

static void walk_done(Walk *k) {
        free(k->at);
        free(k->rest);
}

/* Goes to full, which is in k->at, with rest behind it: where its link leads, or there when it is none. */
static int walk_enter(Walk *k, char *full, const char *rest) {
        char target[PATH_MAX], *new_rest;
        ssize_t n;

        n = readlink(full, target, sizeof target - 1);
        if (n >= 0)
                target[n] = 0;
        new_rest = n >= 0 ? strf("%s/%s", target, rest) : strdup(rest);
        if (!new_rest) {
                free(full);
                return -ENOMEM;
        }
        free(k->rest);
        k->rest = new_rest;
        if (n < 0) {
                free(k->at);
                k->at = full;
                return 0;
        }
        free(full);
        if (target[0] == '/')
                k->at[1] = 0;
        /* Whoever reads the file says ELOOP. */
        return ++k->n_links > LINKS_MAX ? -ELOOP : 0;
}

static int walk_step(FileWatch *w, Walk *k) {
        const char *begin = k->rest + strspn(k->rest, "/"), *end = begin + strcspn(begin, "/");
        _cleanup_free_ char *name = strndup(begin, end - begin), *rest = strdup(end);
        char *full, *slash;
        int r;

        if (!name || !rest)
                return -ENOMEM;
        if (streq(name, ".") || streq(name, "..")) {
                free(k->rest);
                k->rest = TAKE_PTR(rest);
                slash = strrchr(k->at, '/');
                if (name[1])
                        slash[slash == k->at] = 0;
                return 0;
        }
        r = watch_add(w, k->at, name);
        if (r < 0)
                return r;
        full = join(k->at, name);
        return full ? walk_enter(k, full, rest) : -ENOMEM;
}

/* Follows the path as the kernel does and watches each name on the way in the directory where it was found. */
static int watch_walk(FileWatch *w, const char *path) {
        _cleanup_(walk_done) Walk k = { .at = strdup("/"), .rest = strdup(path) };
        int r = 0;

        if (!k.at || !k.rest)
                return -ENOMEM;
        while (r >= 0 && k.rest[strspn(k.rest, "/")])
                r = walk_step(w, &k);
        return r == -ELOOP ? 0 : r;
}

/* The new entries come first and the old ones go then, so that no change falls between them. On an error the old
 * ones stay. */
static int watch_arm(FileWatch *w) {
        WatchEntry **entries = TAKE_PTR(w->entries);
        size_t n_entries = w->n_entries, n_allocated = w->n_allocated;
        int r = 0;

        w->n_entries = w->n_allocated = 0;
        STRV_FOREACH(path, w->paths) {
                r = watch_walk(w, *path);
                if (r < 0)
                        break;
        }
        if (r < 0) {
                watch_clear(w->entries, w->n_entries);
                w->entries = entries;
                w->n_entries = n_entries;
                w->n_allocated = n_allocated;
        } else
                watch_clear(entries, n_entries);
        return r;
}

static int on_timer(sd_event_source _unused_ *source, uint64_t _unused_ usec, void *userdata) {
        FileWatch *w = userdata;

        w->first = 0;
        /* Armed before the files are read: a change that comes while they are read is reported again. */
        if (watch_arm(w) < 0)
                watch_schedule(w, time_now(CLOCK_MONOTONIC) + FILE_WATCH_LATEST_USEC);
        w->changed(w->userdata);
        return 0;
}

int file_watch_new(sd_event *e, const char *const *paths, size_t n_paths, void (*changed)(void *userdata),
                void *userdata, FileWatch **ret) {
        _cleanup_(file_watch_freep) FileWatch *w = NULL;
        int r;

        w = mem_new0(FileWatch, 1);
        if (!w)
                return -ENOMEM;
        w->event = sd_event_ref(e);
        w->changed = changed;
        w->userdata = userdata;
        for (size_t i = 0; i < n_paths; i++) {
                r = paths[i] ? strv_extend(&w->paths, paths[i]) : 0;
                if (r < 0)
                        return r;
        }
        r = sd_event_add_time(e, &w->timer, CLOCK_MONOTONIC, 0, 10 * USEC_PER_MSEC, on_timer, w);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = watch_arm(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}
