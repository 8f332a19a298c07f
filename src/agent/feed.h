/* SPDX-License-Identifier: Apache-2.0 */
/* The states of the exposed units, and any number of readers who follow them at their own pace. A reader keeps which
 * names it was told of and which are to be told again, never states: a slow one gets the latest of each unit. */
#pragma once

#include "bus/unit.h"

typedef struct Feed Feed;
typedef struct FeedReader FeedReader;

#define FEED_UNITS_MAX 4096 /* units whose state is kept; more are told about in the log, once, and left out */

/* A unit that stays in the feed although systemd does not know it is "pinned". */
int feed_new(Feed **ret) _warn_unused_;
/* With the feed go its readers' waits: -ESHUTDOWN. The readers themselves must be gone before. */
Feed *feed_free(Feed *f);
DEFINE_CLEANUP(Feed *, feed_free)

/* Takes a state over. A unit that is not pinned leaves the feed when its LoadState is not-found. */
int feed_update(Feed *f, const UnitStatus *status, bool pinned) _warn_unused_;
/* All states have been taken over at least once: readers may begin. */
void feed_set_synced(Feed *f);
/* Every wait of every reader ends with -ESHUTDOWN, now and from now on. */
void feed_close(Feed *f);
const UnitStatus *feed_get(const Feed *f, const char *name);
/* The first that matches, in the order in which they came, or NULL. */
const UnitStatus *feed_find(const Feed *f, bool (*matches)(const UnitStatus *status, void *userdata), void *userdata);
size_t feed_count(const Feed *f);

typedef enum FeedChangeKind {
        FEED_ADDED,
        FEED_CHANGED,
        FEED_REMOVED, /* only the name of the status is set */
} FeedChangeKind;

typedef struct FeedChange {
        FeedChangeKind kind;
        UnitStatus status;
} FeedChange;

/* A reader that has been told of nothing yet; free it before the feed. 0 or -ENOMEM. */
int feed_reader_new(Feed *f, FeedReader **ret) _warn_unused_;
FeedReader *feed_reader_free(FeedReader *r);
DEFINE_CLEANUP(FeedReader *, feed_reader_free)

/* Suspends until the feed is synced. 0, -ECANCELED, -ESHUTDOWN. */
int feed_reader_ready_wait(FeedReader *r);
/* The first look: copies of at most max states, which the caller frees, and whether that was the last part. Call it
 * until it was, without a change between. The number, or -ENOMEM. */
int feed_reader_take(FeedReader *r, UnitStatus *statuses, size_t max, bool *ret_complete) _warn_unused_;
/* Suspends for the next change; free its status. 0, -ECANCELED, -ESHUTDOWN, -ENOMEM. */
int feed_reader_next_wait(FeedReader *r, FeedChange *ret);
/* Suspends until the deadline (CLOCK_MONOTONIC), whatever changes meanwhile. 0, -ECANCELED, -ESHUTDOWN. */
int feed_reader_sleep_wait(FeedReader *r, usec_t deadline);
