/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's C core delivers completions to functors. A functor runs inline only while one of gRPC's calls is on the
 * stack that collects them; otherwise it is handed to a thread of gRPC's. So the loop drives a lane from inside a
 * functor of its own (an empty batch on a dead call completes at once), and everything that completes meanwhile
 * completes on this thread. Whatever completes on a foreign thread all the same (gRPC's timers, its executor, a
 * poller) comes by the eventfd. */
#include "rpc/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <grpc/grpc_security.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/thread.h"
#include "rpc/mutex.h"

#define VISIT_ROUNDS_MAX 128

struct RpcQueue {
        unsigned n_ref;
        sd_event *event;
        RpcQueueMode mode;
        pthread_t thread;         /* the loop's */
        RpcOp *_Atomic completed; /* newest first */
        List touched;             /* lanes to be pumped before the visit ends */
        unsigned depth;           /* > 0 within rpc_queue_enter() … rpc_queue_leave() */
        int wakeup_fd;
        sd_event_source *wakeup;
        unsigned n_lanes;
        /* What a drive needs to be inside a functor: a call on a channel that is dead from birth. */
        grpc_channel *dead_channel;
        grpc_call *dead_call;
        grpc_completion_queue *dead_queue;
        grpc_completion_queue_functor drive_functor;
        RpcLane *driving;
        /* RPC_QUEUE_THREADED: one queue and one thread poll for all lanes. */
        grpc_completion_queue *poll_queue;
        pthread_t poller;
};

struct RpcLane {
        RpcQueue *queue;
        grpc_completion_queue *operations;
        grpc_completion_queue *driver; /* NULL in threaded mode */
        List touched;                  /* in queue->touched while its pump is due */
        void (*pump)(void *userdata);
        void *userdata;
};

static bool rpc_queue_is_ours(const RpcQueue *q) {
        return pthread_equal(pthread_self(), q->thread);
}

/* Any thread. The op may be dispatched, and freed, as soon as it is on the list. */
static void rpc_op_complete(grpc_completion_queue_functor *functor, int ok) {
        RpcOp *op = CONTAINER_OF(functor, RpcOp, functor), *head;
        RpcQueue *q = op->queue;

        op->ok = ok;
        head = atomic_load_explicit(&q->completed, memory_order_relaxed);
        do
                op->next = head;
        while (!atomic_compare_exchange_weak_explicit(
                        &q->completed, &head, op, memory_order_release, memory_order_relaxed));
        /* Within a visit the loop looks at the list before it leaves. Only the first one on the list has to wake it. */
        if (!head && !(rpc_queue_is_ours(q) && q->depth > 0))
                (void) eventfd_write(q->wakeup_fd, 1);
}

void rpc_op_init(RpcOp *op, RpcQueue *q, void (*done)(RpcOp *op, bool ok)) {
        *op = (RpcOp){
                .functor = { .functor_run = rpc_op_complete, .inlineable = true },
                .done = done,
                .queue = q,
        };
}

unsigned rpc_queue_dispatch(RpcQueue *q) {
        RpcOp *newest, *oldest = NULL;
        unsigned n = 0;

        newest = atomic_exchange_explicit(&q->completed, NULL, memory_order_acquire);
        while (newest) {
                RpcOp *next = newest->next;

                newest->next = oldest;
                oldest = newest;
                newest = next;
        }
        while (oldest) {
                RpcOp *op = oldest;

                oldest = op->next;
                op->done(op, op->ok);
                n++;
        }
        return n;
}

void rpc_queue_enter(RpcQueue *q) {
        (void) rpc_queue_ref(q); /* what ends within a visit may hold the last one */
        q->depth++;
}

/* The outermost visit goes on until nothing is left to do, so that an answer is on its way before the loop waits
 * again; but a reader that is as fast as its writer would keep it for ever: then others get their turn. */
void rpc_queue_leave(RpcQueue *q) {
        bool busy = q->depth == 1;

        for (unsigned i = 0; busy && i < VISIT_ROUNDS_MAX; i++) {
                busy = rpc_queue_dispatch(q) > 0;
                while (!list_is_empty(&q->touched)) {
                        RpcLane *l = LIST_ITEM(q->touched.next, RpcLane, touched);

                        list_remove(&l->touched);
                        l->pump(l->userdata);
                        busy = true;
                }
        }
        q->depth--;
        if (busy)
                (void) eventfd_write(q->wakeup_fd, 1);
        (void) rpc_queue_unref(q);
}

bool rpc_queue_is_entered(const RpcQueue *q) {
        return q->depth > 0;
}

static int on_wakeup(_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata) {
        RpcQueue *q = userdata;
        eventfd_t value;

        (void) eventfd_read(fd, &value);
        rpc_queue_enter(q);
        rpc_queue_leave(q);
        return 0;
}

static void *poller_main(void *userdata) {
        RpcQueue *q = userdata;
        grpc_event event;

        do
                event = grpc_completion_queue_next(q->poll_queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        while (event.type != GRPC_QUEUE_SHUTDOWN);
        return NULL;
}

static void on_drive(grpc_completion_queue_functor *functor, _unused_ int ok) {
        RpcQueue *q = CONTAINER_OF(functor, RpcQueue, drive_functor);

        (void) grpc_completion_queue_next(q->driving->driver, gpr_inf_past(GPR_CLOCK_REALTIME), NULL);
}

static void on_nothing(_unused_ grpc_completion_queue_functor *functor, _unused_ int ok) {
}

/* Of no object: gRPC calls it from its executor, after the queue's owner may have gone. */
static grpc_completion_queue_functor on_shutdown = { .functor_run = on_nothing, .inlineable = true };

static int rpc_queue_prepare_drive(RpcQueue *q) {
        q->drive_functor = (grpc_completion_queue_functor){ .functor_run = on_drive, .inlineable = true };
        q->dead_queue = grpc_completion_queue_create_for_callback(&on_shutdown, NULL);
        q->dead_channel = grpc_lame_client_channel_create("dead", GRPC_STATUS_UNAVAILABLE, "dead");
        if (!q->dead_queue || !q->dead_channel)
                return -ENOMEM;
        q->dead_call = grpc_channel_create_call(q->dead_channel, NULL, 0, q->dead_queue,
                        grpc_slice_from_static_string("/"), NULL, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        return q->dead_call ? 0 : -ENOMEM;
}

static int rpc_queue_prepare_poller(RpcQueue *q) {
        q->poll_queue = grpc_completion_queue_create_for_next(NULL);
        if (!q->poll_queue)
                return -ENOMEM;
        return thread_start(poller_main, q, &q->poller);
}

int rpc_queue_new(sd_event *e, RpcQueue **ret) {
        _cleanup_(rpc_queue_unrefp) RpcQueue *q = NULL;
        const char *mode = getenv("GIVC_QUEUE");
        int r;

        q = mem_new0(RpcQueue, 1);
        if (!q)
                return -ENOMEM;
        q->n_ref = 1;
        q->thread = pthread_self();
        q->wakeup_fd = -EBADF;
        list_init(&q->touched);
        q->mode = mode && streq(mode, "threaded") ? RPC_QUEUE_THREADED : RPC_QUEUE_DRIVEN;
        q->event = sd_event_ref(e);

        /* With poll(2) a queue sees the sockets of its own lane and no others, and sees them as they are; the default
         * engine has one epoll set for the process, whose events any queue may have to handle for any other. */
        if (setenv("GRPC_POLL_STRATEGY", "poll", true) < 0)
                return -errno;
        /* What it has to say on standard error is about peers; the calls' statuses tell the same. */
        if (setenv("GRPC_VERBOSITY", "none", false) < 0)
                return -errno;
        rpc_mutex_tune();
        grpc_init();

        q->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (q->wakeup_fd < 0)
                return -errno;
        r = sd_event_add_io(e, &q->wakeup, q->wakeup_fd, EPOLLIN, on_wakeup, q);
        if (r < 0)
                return r;
        r = q->mode == RPC_QUEUE_DRIVEN ? rpc_queue_prepare_drive(q) : rpc_queue_prepare_poller(q);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

RpcQueue *rpc_queue_ref(RpcQueue *q) {
        q->n_ref++;
        return q;
}

RpcQueue *rpc_queue_unref(RpcQueue *q) {
        if (!q || --q->n_ref > 0)
                return NULL;
        assert(q->n_lanes == 0);
        if (q->poll_queue) {
                grpc_completion_queue_shutdown(q->poll_queue);
                if (q->poller)
                        (void) pthread_join(q->poller, NULL);
                grpc_completion_queue_destroy(q->poll_queue);
        }
        if (q->dead_call)
                grpc_call_unref(q->dead_call);
        if (q->dead_channel)
                grpc_channel_destroy(q->dead_channel);
        if (q->dead_queue) {
                grpc_completion_queue_shutdown(q->dead_queue);
                grpc_completion_queue_destroy(q->dead_queue);
        }
        if (q->event)
                grpc_shutdown_blocking();
        sd_event_source_disable_unref(q->wakeup);
        (void) fd_close(q->wakeup_fd);
        sd_event_unref(q->event);
        free(q);
        return NULL;
}

sd_event *rpc_queue_get_event(RpcQueue *q) {
        return q->event;
}

RpcQueueMode rpc_queue_get_mode(const RpcQueue *q) {
        return q->mode;
}

unsigned rpc_queue_count_lanes(const RpcQueue *q) {
        return q->n_lanes;
}

int rpc_lane_new(RpcQueue *q, void (*pump)(void *userdata), void *userdata, RpcLane **ret) {
        RpcLane *l;

        l = mem_new0(RpcLane, 1);
        if (!l)
                return -ENOMEM;
        l->queue = rpc_queue_ref(q);
        l->pump = pump;
        l->userdata = userdata;
        l->operations = grpc_completion_queue_create_for_callback(&on_shutdown, NULL);
        if (q->mode == RPC_QUEUE_DRIVEN)
                l->driver = grpc_completion_queue_create_for_next(NULL);
        q->n_lanes++;
        *ret = l;
        return 0;
}

RpcLane *rpc_lane_free(RpcLane *l) {
        grpc_event event;

        if (!l)
                return NULL;
        if (l->driver) {
                grpc_completion_queue_shutdown(l->driver);
                do
                        event = grpc_completion_queue_next(l->driver, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
                while (event.type != GRPC_QUEUE_SHUTDOWN);
                grpc_completion_queue_destroy(l->driver);
        }
        grpc_completion_queue_shutdown(l->operations);
        grpc_completion_queue_destroy(l->operations);
        list_remove(&l->touched);
        l->queue->n_lanes--;
        (void) rpc_queue_unref(l->queue);
        free(l);
        return NULL;
}

grpc_completion_queue *rpc_lane_get_queue(RpcLane *l) {
        return l->operations;
}

grpc_completion_queue *rpc_lane_get_driver(RpcLane *l) {
        return l->driver ? l->driver : l->queue->poll_queue;
}

grpc_call_error rpc_lane_start(RpcLane *l, grpc_call *call, const grpc_op *ops, size_t n_ops, RpcOp *op) {
        grpc_call_error error;

        error = grpc_call_start_batch(call, ops, n_ops, op, NULL);
        rpc_lane_touch(l);
        return error;
}

void rpc_lane_touch(RpcLane *l) {
        RpcQueue *q = l->queue;

        /* Outside a visit the loop sees by itself that gRPC has written. */
        if (q->depth > 0 && (!l->touched.next || list_is_empty(&l->touched)))
                list_append(&q->touched, &l->touched);
}

void rpc_lane_clear(RpcLane *l) {
        list_remove(&l->touched);
}

void rpc_lane_drive(RpcLane *l) {
        RpcQueue *q = l->queue;

        if (!l->driver)
                return;
        q->driving = l;
        (void) grpc_call_start_batch(q->dead_call, NULL, 0, &q->drive_functor, NULL);
}
