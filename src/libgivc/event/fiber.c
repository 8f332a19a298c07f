/* SPDX-License-Identifier: Apache-2.0 */
/* Fibers on stacks of their own. This is the only file that touches stacks: a context is entered once with
 * makecontext(3) and from then on with sigsetjmp/siglongjmp, which, unlike swapcontext(3), make no system call. */
#undef _FORTIFY_SOURCE /* its longjmp check takes a jump to another stack for a crash */

#include "event/fiber.h"

#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/list.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id)       ((void) (id))
#endif

struct Fiber {
        List ready; /* in scheduler.ready while it is to run */
        Fiber **slot;
        fiber_func_t func;
        void *userdata;
        Promise *waiting; /* what it is suspended for */
        bool canceled, uncancelable, finished;
        sigjmp_buf context;
        void *mapping; /* guard page and stack */
        void *asan_fake_stack;
        unsigned valgrind_id;
        Fiber *next_idle;
};

static struct {
        sigjmp_buf context; /* the loop's own */
        Fiber *current;
        List ready;
        Fiber *idle;
        unsigned n_idle, n_fibers;
        bool running;
        void *asan_fake_stack;
        const void *stack_bottom;
        size_t stack_size;
} scheduler;

static uint8_t *fiber_stack(const Fiber *f) {
        return (uint8_t *) f->mapping + FIBER_GUARD_SIZE;
}

/* The sanitizer has to know which stack we leave and which we enter; the others need nothing. */
static void switch_begin(_unused_ void **save, _unused_ const void *bottom, _unused_ size_t size) {
#ifdef FIBER_ASAN
        __sanitizer_start_switch_fiber(save, bottom, size);
#endif
}

static void switch_end(_unused_ void *saved, _unused_ const void **ret_bottom, _unused_ size_t *ret_size) {
#ifdef FIBER_ASAN
        __sanitizer_finish_switch_fiber(saved, ret_bottom, ret_size);
#endif
}

/* Leaves the fiber for the stack whose context is given, and comes back when the loop switches to it. */
static void fiber_leave(Fiber *f, sigjmp_buf *to, const void *bottom, size_t size) {
        if (sigsetjmp(f->context, 0) == 0) {
                switch_begin(&f->asan_fake_stack, bottom, size);
                siglongjmp(*to, 1);
        }
        switch_end(f->asan_fake_stack, &scheduler.stack_bottom, &scheduler.stack_size);
}

static void switch_to_loop(Fiber *f) {
        fiber_leave(f, &scheduler.context, scheduler.stack_bottom, scheduler.stack_size);
}

static void switch_to_fiber(Fiber *f) {
        scheduler.current = f;
        if (sigsetjmp(scheduler.context, 0) == 0) {
                switch_begin(&scheduler.asan_fake_stack, fiber_stack(f), FIBER_STACK_SIZE);
                siglongjmp(f->context, 1);
        }
        switch_end(scheduler.asan_fake_stack, NULL, NULL);
        scheduler.current = NULL;
}

/* Who makes a fiber may be the loop or another fiber: the first visit returns to it, all later ones to the loop. */
static struct {
        sigjmp_buf context;
        void *asan_fake_stack;
        const void *stack_bottom;
        size_t stack_size;
} maker;

/* A stack runs one function after the other: it is entered by makecontext() only once. */
static void fiber_main(unsigned low, unsigned high) {
        Fiber *f = (Fiber *) (((uintptr_t) high << 32) | low);

        switch_end(NULL, &maker.stack_bottom, &maker.stack_size);
        fiber_leave(f, &maker.context, maker.stack_bottom, maker.stack_size);
        for (;;) {
                (void) f->func(f->userdata);
                f->finished = true;
                switch_to_loop(f);
        }
}

static void fiber_free(Fiber *f) {
        if (!f)
                return;
        VALGRIND_STACK_DEREGISTER(f->valgrind_id);
        if (f->mapping)
                (void) munmap(f->mapping, FIBER_GUARD_SIZE + FIBER_STACK_SIZE);
        free(f);
}
DEFINE_CLEANUP(Fiber *, fiber_free)

static int fiber_new(Fiber **ret) {
        _cleanup_(fiber_freep) Fiber *f = NULL;
        ucontext_t uc, back;
        void *p;

        f = mem_new0(Fiber, 1);
        if (!f)
                return -ENOMEM;
        p = mmap(NULL, FIBER_GUARD_SIZE + FIBER_STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (p == MAP_FAILED)
                return -ENOMEM;
        f->mapping = p;
        if (mprotect(p, FIBER_GUARD_SIZE, PROT_NONE) < 0 || getcontext(&uc) < 0)
                return -ENOMEM;
        f->valgrind_id = VALGRIND_STACK_REGISTER(fiber_stack(f), fiber_stack(f) + FIBER_STACK_SIZE);
        uc.uc_link = NULL;
        uc.uc_stack = (stack_t){ .ss_sp = fiber_stack(f), .ss_size = FIBER_STACK_SIZE };
        makecontext(&uc, (void (*)(void)) fiber_main, 2, (unsigned) (uintptr_t) f, (unsigned) ((uintptr_t) f >> 32));

        if (sigsetjmp(maker.context, 0) == 0) {
                switch_begin(&maker.asan_fake_stack, fiber_stack(f), FIBER_STACK_SIZE);
                (void) swapcontext(&back, &uc);
        }
        switch_end(maker.asan_fake_stack, NULL, NULL);
        *ret = TAKE_PTR(f);
        return 0;
}

void fiber_release_slot(void) {
        Fiber *f = scheduler.current;

        if (f->slot)
                *f->slot = NULL;
        f->slot = NULL;
}

/* Keeps the stack of a fiber that has returned, for the next one. */
static void fiber_retire(Fiber *f) {
        if (f->slot)
                *f->slot = NULL;
        scheduler.n_fibers--;
        if (scheduler.n_idle >= FIBER_POOL_MAX) {
                fiber_free(f);
                return;
        }
        f->next_idle = scheduler.idle;
        scheduler.idle = f;
        scheduler.n_idle++;
}

__attribute__((destructor)) static void fiber_pool_free(void) {
        while (scheduler.idle) {
                Fiber *f = scheduler.idle;

                scheduler.idle = f->next_idle;
                fiber_free(f);
        }
        scheduler.n_idle = 0;
}

/* On the loop's stack: runs what is ready until nothing is. From a fiber it does nothing: the loop comes back to it. */
static void scheduler_run(void) {
        if (scheduler.current || scheduler.running)
                return;
        scheduler.running = true;
        while (!list_is_empty(&scheduler.ready)) {
                Fiber *f = LIST_ITEM(scheduler.ready.next, Fiber, ready);

                list_remove(&f->ready);
                switch_to_fiber(f);
                if (f->finished)
                        fiber_retire(f);
        }
        scheduler.running = false;
}

static void fiber_make_ready(Fiber *f) {
        if (!scheduler.ready.next)
                list_init(&scheduler.ready);
        list_remove(&f->ready);
        list_append(&scheduler.ready, &f->ready);
}

int fiber_start(Fiber **slot, fiber_func_t func, void *userdata) {
        Fiber *f = scheduler.idle;
        int r;

        if (f) {
                scheduler.idle = f->next_idle;
                scheduler.n_idle--;
        } else {
                r = fiber_new(&f);
                if (r < 0)
                        return r;
        }
        f->slot = slot;
        f->func = func;
        f->userdata = userdata;
        f->canceled = f->uncancelable = f->finished = false;
        f->waiting = NULL;
        if (slot)
                *slot = f;
        scheduler.n_fibers++;
        fiber_make_ready(f);
        scheduler_run();
        return 0;
}

void fiber_cancel(Fiber *f) {
        if (!f || f->canceled)
                return;
        f->canceled = true;
        if (f->waiting && !f->uncancelable)
                fiber_make_ready(f);
        scheduler_run();
}

Fiber *fiber_current(void) {
        return scheduler.current;
}

bool fiber_is_canceled(const Fiber *f) {
        return f->canceled;
}

unsigned fiber_count(void) {
        return scheduler.n_fibers;
}

void promise_resolve(Promise *p, int result) {
        Fiber *f = p->waiter;

        if (p->done)
                return;
        p->done = true;
        p->result = result;
        if (f) {
                fiber_make_ready(f);
                scheduler_run();
        }
}

/* Whoever makes the fiber ready leaves the reason in the promise or in the fiber: a result, a cancellation, a
 * timeout. */
static int fiber_wait(Fiber *f, Promise *p) {
        assert(f);
        assert(!p->waiter);

        if (!p->done && (!f->canceled || f->uncancelable)) {
                p->waiter = f;
                f->waiting = p;
                switch_to_loop(f);
                f->waiting = NULL;
                p->waiter = NULL;
        }
        if (p->done)
                return p->result;
        return f->canceled && !f->uncancelable ? -ECANCELED : -ETIMEDOUT;
}

int promise_wait(Promise *p) {
        return fiber_wait(scheduler.current, p);
}

int promise_wait_uncanceled(Promise *p) {
        Fiber *f = scheduler.current;
        int r;

        f->uncancelable = true;
        r = fiber_wait(f, p);
        f->uncancelable = false;
        return r;
}

static int on_timeout(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        fiber_make_ready(userdata);
        scheduler_run();
        return 0;
}

static void timer_freep(sd_event_source **s) {
        sd_event_source_disable_unref(*s);
}

int promise_wait_until(Promise *p, usec_t deadline) {
        _cleanup_(timer_freep) sd_event_source *timer = NULL;
        _cleanup_(sd_event_unrefp) sd_event *e = NULL;
        Fiber *f = scheduler.current;
        int r;

        if (p->done || deadline == USEC_INFINITY || f->canceled)
                return fiber_wait(f, p);
        r = sd_event_default(&e);
        if (r < 0)
                return r;
        r = sd_event_add_time(e, &timer, CLOCK_MONOTONIC, deadline, USEC_PER_MSEC, on_timeout, f);
        if (r < 0)
                return r;
        return fiber_wait(f, p);
}

int fiber_sleep_wait(usec_t usec) {
        Promise never = {};
        int r;

        r = promise_wait_until(&never, usec_add(time_now(CLOCK_MONOTONIC), usec));
        return r == -ETIMEDOUT ? 0 : r;
}
