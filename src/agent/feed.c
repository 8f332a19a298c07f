/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/feed.h"

#include "base/list.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/fiber.h"

struct Feed {
        Map *units; /* name → UnitStatus */
        List readers;
        bool synced, closed, told_full;
};

/* What a reader knows of one name. It is there while the unit is in the feed, or until the reader was told that it
 * left. */
typedef struct Item {
        List pending; /* in FeedReader.pending while there is something to tell */
        char *name;
        bool told;
} Item;

struct FeedReader {
        Feed *feed;
        List readers;
        List pending;
        Map *items; /* name → Item */
        Promise wake;
        bool wake_due;
};

static void item_free(Item *item) {
        if (!item)
                return;
        list_remove(&item->pending);
        free(item->name);
        free(item);
}
DEFINE_CLEANUP(Item *, item_free)

static void unit_free(UnitStatus *status) {
        if (!status)
                return;
        unit_status_done(status);
        free(status);
}
DEFINE_CLEANUP(UnitStatus *, unit_free)

int feed_new(Feed **ret) {
        _cleanup_(feed_freep) Feed *f = NULL;

        f = mem_new0(Feed, 1);
        if (!f)
                return -ENOMEM;
        list_init(&f->readers);
        f->units = map_new();
        if (!f->units)
                return -ENOMEM;
        *ret = TAKE_PTR(f);
        return 0;
}

Feed *feed_free(Feed *f) {
        if (!f)
                return NULL;
        feed_close(f);
        assert(list_is_empty(&f->readers));
        if (f->units)
                MAP_FOREACH(status, f->units, UnitStatus)
                        unit_free(status);
        map_free(f->units);
        free(f);
        return NULL;
}

/* A waking reader may end other readers, so the list is looked at anew after each. */
static FeedReader *feed_find_due(const Feed *f) {
        LIST_FOREACH(reader, &f->readers, FeedReader, readers)
                if (reader->wake_due)
                        return reader;
        return NULL;
}

static void feed_wake(Feed *f) {
        FeedReader *reader;

        while ((reader = feed_find_due(f))) {
                reader->wake_due = false;
                promise_resolve(&reader->wake, 0);
        }
}

static void feed_wake_all(Feed *f) {
        LIST_FOREACH(reader, &f->readers, FeedReader, readers)
                reader->wake_due = true;
        feed_wake(f);
}

static int reader_mark(FeedReader *reader, const char *name) {
        _cleanup_(item_freep) Item *fresh = NULL;
        Item *item = map_get(reader->items, name);
        int r;

        if (!item) {
                fresh = mem_new0(Item, 1);
                if (!fresh)
                        return -ENOMEM;
                list_init(&fresh->pending);
                fresh->name = strdup(name);
                if (!fresh->name)
                        return -ENOMEM;
                r = map_put(reader->items, name, fresh);
                if (r < 0)
                        return r;
                item = TAKE_PTR(fresh);
        }
        if (list_is_empty(&item->pending))
                list_append(&reader->pending, &item->pending);
        reader->wake_due = true;
        return 0;
}

static void reader_forget(FeedReader *reader, Item *item) {
        (void) map_remove(reader->items, item->name);
        item_free(item);
}

/* A name that came and went before the reader was told of it is nothing to tell. */
static int reader_unit_removed(FeedReader *reader, const char *name) {
        Item *item = map_get(reader->items, name);

        if (item && !item->told) {
                reader_forget(reader, item);
                return 0;
        }
        return reader_mark(reader, name);
}

static int feed_remove(Feed *f, const char *name) {
        _cleanup_(unit_freep) UnitStatus *status = map_remove(f->units, name);
        int r;

        if (!status)
                return 0;
        LIST_FOREACH(reader, &f->readers, FeedReader, readers) {
                r = reader_unit_removed(reader, name);
                if (r < 0)
                        return r;
        }
        feed_wake(f);
        return 0;
}

/* 1: the feed now has this state and had another; 0: nothing changed. */
static int feed_store(Feed *f, const UnitStatus *status) {
        _cleanup_(unit_freep) UnitStatus *fresh = NULL;
        UnitStatus *known = map_get(f->units, status->name);
        int r;

        if (known && unit_status_equal(known, status))
                return 0;
        if (!known && map_size(f->units) >= FEED_UNITS_MAX) {
                if (!f->told_full)
                        log_write(LOG_WARNING,
                                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LIMIT_REACHED }, { "UNIT", status->name }),
                                        "More than %i units are exposed; '%s' and others are not shown", FEED_UNITS_MAX,
                                        status->name);
                f->told_full = true;
                return 0;
        }
        fresh = mem_new0(UnitStatus, 1);
        if (!fresh)
                return -ENOMEM;
        r = unit_status_copy(status, fresh);
        if (r < 0)
                return r;
        if (known) {
                UnitStatus old = *known;

                *known = *fresh;
                *fresh = old;
                return 1;
        }
        r = map_put(f->units, status->name, fresh);
        if (r < 0)
                return r;
        (void) TAKE_PTR(fresh);
        return 1;
}

int feed_update(Feed *f, const UnitStatus *status, bool pinned) {
        int r;

        if (!pinned && streq(status->load_state, "not-found"))
                return feed_remove(f, status->name);
        r = feed_store(f, status);
        if (r <= 0)
                return r;
        LIST_FOREACH(reader, &f->readers, FeedReader, readers) {
                r = reader_mark(reader, status->name);
                if (r < 0)
                        return r;
        }
        feed_wake(f);
        return 0;
}

void feed_set_synced(Feed *f) {
        if (f->synced)
                return;
        f->synced = true;
        feed_wake_all(f);
}

void feed_close(Feed *f) {
        f->closed = true;
        feed_wake_all(f);
}

const UnitStatus *feed_get(const Feed *f, const char *name) {
        return map_get(f->units, name);
}

const UnitStatus *feed_find(const Feed *f, bool (*matches)(const UnitStatus *status, void *userdata), void *userdata) {
        MAP_FOREACH(status, f->units, UnitStatus)
                if (matches(status, userdata))
                        return status;
        return NULL;
}

size_t feed_count(const Feed *f) {
        return map_size(f->units);
}

int feed_reader_new(Feed *f, FeedReader **ret) {
        _cleanup_(feed_reader_freep) FeedReader *reader = NULL;
        int r;

        reader = mem_new0(FeedReader, 1);
        if (!reader)
                return -ENOMEM;
        reader->feed = f;
        list_init(&reader->pending);
        list_append(&f->readers, &reader->readers);
        reader->items = map_new();
        if (!reader->items)
                return -ENOMEM;
        MAP_FOREACH(status, f->units, UnitStatus) {
                r = reader_mark(reader, status->name);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(reader);
        return 0;
}

FeedReader *feed_reader_free(FeedReader *reader) {
        if (!reader)
                return NULL;
        list_remove(&reader->readers);
        if (reader->items)
                MAP_FOREACH(item, reader->items, Item)
                        item_free(item);
        map_free(reader->items);
        free(reader);
        return NULL;
}

static int reader_wait(FeedReader *reader) {
        reader->wake = (Promise){};
        reader->wake_due = false;
        return promise_wait(&reader->wake);
}

int feed_reader_ready_wait(FeedReader *reader) {
        int r = 0;

        while (r >= 0 && !reader->feed->synced && !reader->feed->closed)
                r = reader_wait(reader);
        return r < 0 ? r : reader->feed->closed ? -ESHUTDOWN : 0;
}

static Item *reader_first(const FeedReader *reader) {
        return list_is_empty(&reader->pending) ? NULL : LIST_ITEM(reader->pending.next, Item, pending);
}

/* Names that were told already are pending behind those that were not, since these are there from the beginning: the
 * first of them ends the first look. */
int feed_reader_take(FeedReader *reader, UnitStatus *statuses, size_t max, bool *ret_complete) {
        Item *item;
        size_t n = 0;
        int r;

        while (n < max && (item = reader_first(reader)) && !item->told) {
                r = unit_status_copy(map_get(reader->feed->units, item->name), &statuses[n]);
                if (r < 0) {
                        while (n > 0)
                                unit_status_done(&statuses[--n]);
                        return r;
                }
                list_remove(&item->pending);
                item->told = true;
                n++;
        }
        item = reader_first(reader);
        *ret_complete = !item || item->told;
        return n;
}

static int reader_next(FeedReader *reader, Item *item, FeedChange *ret) {
        const UnitStatus *status = map_get(reader->feed->units, item->name);
        UnitStatus copy = {};
        int r;

        if (!status) {
                copy.name = TAKE_PTR(item->name);
                (void) map_remove(reader->items, copy.name);
                item_free(item);
                *ret = (FeedChange){ FEED_REMOVED, copy };
                return 0;
        }
        r = unit_status_copy(status, &copy);
        if (r < 0)
                return r;
        *ret = (FeedChange){ item->told ? FEED_CHANGED : FEED_ADDED, copy };
        item->told = true;
        list_remove(&item->pending);
        return 0;
}

int feed_reader_next_wait(FeedReader *reader, FeedChange *ret) {
        Item *item;
        int r;

        for (;;) {
                if (reader->feed->closed)
                        return -ESHUTDOWN;
                item = reader_first(reader);
                if (item)
                        return reader_next(reader, item, ret);
                r = reader_wait(reader);
                if (r < 0)
                        return r;
        }
}

int feed_reader_sleep_wait(FeedReader *reader, usec_t deadline) {
        int r = 0;

        while (r >= 0 && !reader->feed->closed) {
                reader->wake = (Promise){};
                reader->wake_due = false;
                r = promise_wait_until(&reader->wake, deadline);
        }
        return reader->feed->closed ? -ESHUTDOWN : r == -ETIMEDOUT ? 0 : r;
}
