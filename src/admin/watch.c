/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/watch.h"

#include "base/map.h"
#include "base/mem.h"

/* What a reader has of an entry and what it is to have. Never both the same, never both NULL. */
typedef struct Change {
        List changes;
        EntryImage *old_image, *new_image;
        bool replaced;
        char key[];
} Change;

struct Watch {
        WatchHub *hub;
        List watches, ready;
        List changes;     /* in the order in which their entries changed first */
        Map *changes_map; /* key to Change */
        bool initial;     /* the reader has to take the whole list; changes until then need not be kept */
        void (*on_ready)(void *userdata);
        void *userdata;
};

void watch_hub_init(WatchHub *h) {
        *h = (WatchHub){};
        list_init(&h->watches);
        list_init(&h->ready);
}

static void change_free(Watch *w, Change *c) {
        list_remove(&c->changes);
        (void) map_remove(w->changes_map, c->key);
        entry_image_unref(c->old_image);
        entry_image_unref(c->new_image);
        free(c);
}

static void watch_clear(Watch *w) {
        LIST_FOREACH(c, &w->changes, Change, changes)
                change_free(w, c);
}

static int watch_add_change(Watch *w, const char *key, Change **ret) {
        size_t n = strlen(key) + 1;
        Change *c;
        int r;

        c = malloc(sizeof(Change) + n);
        if (!c)
                return -ENOMEM;
        *c = (Change){};
        memcpy(c->key, key, n);
        r = map_put(w->changes_map, key, c);
        if (r < 0) {
                free(c);
                return r;
        }
        list_append(&w->changes, &c->changes);
        *ret = c;
        return 0;
}

static int watch_record(Watch *w, const char *key, EntryImage *old_image, EntryImage *new_image, bool replaced) {
        Change *c = map_get(w->changes_map, key);
        int r;

        if (!c) {
                r = watch_add_change(w, key, &c);
                if (r < 0)
                        return r;
                c->old_image = entry_image_ref(old_image);
        }
        /* Gone and come again before the reader looked: it is not the one that the reader knows. */
        c->replaced = c->replaced || replaced || (c->old_image && !old_image);
        entry_image_unref(c->new_image);
        c->new_image = entry_image_ref(new_image);
        if ((!c->old_image && !c->new_image) ||
                        (c->old_image && c->new_image && entry_image_equal(c->old_image, c->new_image)))
                change_free(w, c);
        return 0;
}

static void watch_set_ready(Watch *w) {
        list_remove(&w->ready);
        list_append(&w->hub->ready, &w->ready);
}

void watch_hub_publish(WatchHub *h, const char *key, EntryImage *old_image, EntryImage *new_image, bool replaced) {
        LIST_FOREACH(w, &h->watches, Watch, watches) {
                if (!w->initial && watch_record(w, key, old_image, new_image, replaced) < 0) {
                        watch_clear(w);
                        w->initial = true; /* out of memory: start again rather than lose something */
                }
                watch_set_ready(w);
        }
}

void watch_hub_dispatch(WatchHub *h) {
        while (!list_is_empty(&h->ready)) {
                Watch *w = LIST_ITEM(h->ready.next, Watch, ready);

                list_remove(&w->ready);
                w->on_ready(w->userdata);
        }
}

void watch_hub_close(WatchHub *h) {
        h->closed = true;
        LIST_FOREACH(w, &h->watches, Watch, watches)
                watch_set_ready(w);
}

int watch_new(WatchHub *h, void (*on_ready)(void *userdata), void *userdata, Watch **ret) {
        _cleanup_free_ Watch *w = NULL;

        if (h->n_watches >= WATCHES_MAX)
                return -EUSERS;
        w = mem_new0(Watch, 1);
        if (!w)
                return -ENOMEM;
        *w = (Watch){ .hub = h, .initial = true, .on_ready = on_ready, .userdata = userdata };
        w->changes_map = map_new();
        if (!w->changes_map)
                return -ENOMEM;
        list_init(&w->changes);
        list_append(&h->watches, &w->watches);
        h->n_watches++;
        *ret = TAKE_PTR(w);
        return 0;
}

Watch *watch_free(Watch *w) {
        if (!w)
                return NULL;
        list_remove(&w->watches);
        list_remove(&w->ready);
        w->hub->n_watches--;
        watch_clear(w);
        map_free(w->changes_map);
        free(w);
        return NULL;
}

static WatchEvent change_event(Change *c) {
        if (c->old_image && (!c->new_image || c->replaced))
                return (WatchEvent){ WATCH_REMOVED, TAKE_PTR(c->old_image) };
        return (WatchEvent){ c->old_image ? WATCH_UPDATED : WATCH_ADDED, TAKE_PTR(c->new_image) };
}

int watch_next(Watch *w, WatchEvent *ret) {
        Change *c;

        if (w->hub->closed)
                return -ESHUTDOWN;
        if (w->initial) {
                w->initial = false;
                *ret = (WatchEvent){ .type = WATCH_INITIAL };
                return 1;
        }
        if (list_is_empty(&w->changes))
                return 0;
        c = LIST_ITEM(w->changes.next, Change, changes);
        *ret = change_event(c);
        /* Of a replacement the going was told now; its coming stays, as that of an entry which the reader does not
         * know. */
        if (ret->type == WATCH_REMOVED && c->new_image)
                c->replaced = false;
        else
                change_free(w, c);
        return 1;
}
