/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of the registry. Each has what it does not know yet, one slot an entry: a slow reader gets the latest state
 * of each, never a gap, and what waits for it is bounded by the number of entries that it knows or could know. */
#pragma once

#include "admin/entry.h"
#include "base/list.h"

#define WATCHES_MAX 2048 /* readers at once */

typedef struct Watch Watch;

/* Where changes come in and readers are woken from. */
typedef struct WatchHub {
        List watches; /* all */
        List ready;   /* those that have news and have not been told so */
        unsigned n_watches;
        bool closed;
} WatchHub;

typedef enum WatchEventType {
        WATCH_INITIAL, /* take the whole list now: what comes later follows from it. First, and after a loss */
        WATCH_ADDED,
        WATCH_UPDATED,
        WATCH_REMOVED,
} WatchEventType;

typedef struct WatchEvent {
        WatchEventType type;
        EntryImage *image; /* NULL for WATCH_INITIAL */
} WatchEvent;

static inline void watch_event_done(WatchEvent *e) {
        e->image = entry_image_unref(e->image);
}

void watch_hub_init(WatchHub *h);
/* Something happened to the entry with this key: it was old (NULL: not there) and is new (NULL: not there any more).
 * replaced: it is another one of the same name now, so readers see it go and come. */
void watch_hub_publish(WatchHub *h, const char *key, EntryImage *old_image, EntryImage *new_image, bool replaced);
/* Calls on_ready of each reader that has news since it was last called. Not from within watch_hub_publish(). */
void watch_hub_dispatch(WatchHub *h);
/* No more news: watch_next() says -ESHUTDOWN from now on. */
void watch_hub_close(WatchHub *h);

/* A reader; on_ready(userdata) says that watch_next() has something. 0, -EUSERS when there are WATCHES_MAX, -ENOMEM. */
int watch_new(WatchHub *h, void (*on_ready)(void *userdata), void *userdata, Watch **ret) _warn_unused_;
Watch *watch_free(Watch *w);
DEFINE_CLEANUP(Watch *, watch_free)
/* The next thing that this reader has to know. 1: *ret, watch_event_done() it; 0: nothing now; -ESHUTDOWN. */
int watch_next(Watch *w, WatchEvent *ret) _warn_unused_;
