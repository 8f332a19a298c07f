/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/event-producer.h"

#include <dirent.h>
#include <libgen.h>
#include <linux/input.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/calls/event.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/backoff.h"
#include "event/task.h"

#define NODE_CHANGES (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM)

struct EventProducer {
        EventProducerOptions options;
        char *parent; /* of the directory */
        sd_event_source *parent_watch, *watch, *scan;
        ino_t watched; /* the directory, 0: none */
        List sources;
};

/* A device, from its node's coming to its going; it belongs to its fiber. */
typedef struct Source {
        List sources;
        EventProducer *producer;
        char *path, *error;
        uint64_t handle;
        bool is_registered; /* the peer has a device of ours, and is to be told that it is gone */
        Fiber *fiber;
        Backoff backoff;
} Source;

typedef struct Session {
        Source *source;
        InputSource *input;
        RpcStream *stream;
        RpcStatus status;
        bool unplugged, late;
} Session;

static void session_done(Session *s) {
        rpc_stream_free(s->stream);
        s->source->producer->options.ops->close(s->input);
        rpc_status_done(&s->status);
}

static int on_readable(_unused_ sd_event_source *s, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        promise_resolve(userdata, 0);
        return 0;
}

static int readable_wait(sd_event *event, int fd) {
        _cleanup_(sd_event_source_disable_unrefp) sd_event_source *io = NULL;
        Promise readable = {};
        int r;

        r = sd_event_add_io(event, &io, fd, EPOLLIN, on_readable, &readable);
        if (r >= 0)
                r = sd_event_source_set_enabled(io, SD_EVENT_ONESHOT);
        return r < 0 ? r : promise_wait(&readable);
}

/* Between two frames, what has become old meanwhile goes, rather than arrive late. */
static int send_wait(Session *s, const InputEvent *e) {
        const InputSourceOps *ops = s->source->producer->options.ops;
        usec_t before = time_now(CLOCK_MONOTONIC);
        int r;

        r = event_stream_send_wait(s->stream, s->source->handle, e);
        if (r < 0)
                return r;
        s->late |= time_now(CLOCK_MONOTONIC) - before > EVENT_LATE_USEC;
        if (s->late && input_event_ends_frame(e)) {
                ops->skip(s->input);
                s->late = false;
        }
        return 0;
}

/* What was sent last arrives before the end does, and so does whose end it is: of a stream that is cancelled at once
 * the peer may never hear, and its device would wait for one. */
static int session_close_wait(const Session *s) {
        int r;

        r = rpc_stream_close_send_wait(s->stream);
        return r < 0 ? r : fiber_sleep_wait(EVENT_CLOSE_USEC);
}

static int pump_main(void *userdata) {
        Session *s = userdata;
        const EventProducerOptions *o = &s->source->producer->options;
        InputEvent e;
        int r;

        for (;;) {
                r = o->ops->next(s->input, &e);
                if (r < 0)
                        break;
                if (r == 0)
                        r = readable_wait(o->event, o->ops->get_fd(s->input));
                else if (input_event_is_carried(e.type, e.code))
                        r = send_wait(s, &e);
                if (r < 0)
                        return r;
        }
        s->unplugged = true;
        return session_close_wait(s);
}

static int end_main(void *userdata) {
        Session *s = userdata;

        return event_stream_ended_wait(s->stream, &s->status);
}

static int tell_wait(Session *s, uint32_t type, uint32_t code, int32_t value) {
        return event_stream_send_wait(s->stream, s->source->handle, &(InputEvent){ 0, type, code, value });
}

/* A new device's slots have no touch, and 0 for whatever else; what a touch leaves behind counts for the next one. */
static int tell_slot_wait(Session *s, const InputShape *shape, unsigned slot) {
        bool is_selected = false;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < shape->n_axes; i++) {
                uint32_t code = shape->axes[i].code;
                int32_t value;

                if (!input_axis_is_of_slot(code))
                        continue;
                value = s->source->producer->options.ops->get_slot_value(s->input, slot, code);
                if (value == (code == ABS_MT_TRACKING_ID ? -1 : 0))
                        continue;
                if (!is_selected)
                        r = tell_wait(s, EV_ABS, ABS_MT_SLOT, (int32_t) slot);
                is_selected = true;
                if (r >= 0)
                        r = tell_wait(s, EV_ABS, code, value);
        }
        return r;
}

/* The slot that events are about goes last, and is selected even if there is nothing to say of it. */
static int tell_slots_wait(Session *s, const InputShape *shape) {
        const InputSourceOps *ops = s->source->producer->options.ops;
        unsigned n_slots = ops->get_n_slots(s->input), current;
        int r = 0;

        if (n_slots == 0)
                return 0;
        current = (unsigned) ops->get_value(s->input, EV_ABS, ABS_MT_SLOT);
        for (unsigned i = 1; r >= 0 && i <= n_slots; i++)
                r = tell_slot_wait(s, shape, (current + i) % n_slots);
        return r < 0 ? r : tell_wait(s, EV_ABS, ABS_MT_SLOT, (int32_t) current);
}

static int tell_axes_wait(Session *s, const InputShape *shape) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < shape->n_axes; i++) {
                uint32_t code = shape->axes[i].code;

                if (code != ABS_MT_SLOT && !input_axis_is_of_slot(code))
                        r = tell_wait(s, EV_ABS, code,
                                        s->source->producer->options.ops->get_value(s->input, EV_ABS, code));
        }
        return r < 0 ? r : tell_slots_wait(s, shape);
}

/* Keys that are held, switches that are set, and where the axes and touches are: the other device was made before. The
 * end of a frame goes first, since it says whose stream this is. */
static int send_state_wait(Session *s, const InputShape *shape) {
        static const InputEvent end = { 0, EV_SYN, SYN_REPORT, 0 };
        const InputSourceOps *ops = s->source->producer->options.ops;
        int r;

        r = send_wait(s, &end);
        for (size_t i = 0; r >= 0 && i < shape->n_codes; i++) {
                uint32_t type = shape->codes[i].type, code = shape->codes[i].code;
                int32_t value = type == EV_KEY || type == EV_SW ? ops->get_value(s->input, type, code) : 0;

                if (value != 0)
                        r = tell_wait(s, type, code, value);
        }
        if (r >= 0)
                r = tell_axes_wait(s, shape);
        return r < 0 ? r : send_wait(s, &end);
}

static int session_carry_wait(Session *s) {
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        int r;

        if (!group)
                return -ENOMEM;
        r = task_group_start(group, end_main, s);
        if (r >= 0)
                r = task_group_start(group, pump_main, s);
        return r < 0 ? r : task_group_wait(group);
}

/* Opened anew each time: so its state is fresh, and nobody is grabbed from while there is no consumer. */
static int session_open_wait(Session *s, InputShape *shape) {
        const EventProducerOptions *o = &s->source->producer->options;
        int r;

        r = o->ops->open(s->source->path, &s->input);
        if (r >= 0)
                r = o->ops->get_shape(s->input, shape);
        if (r >= 0 && !input_name_matches(shape->name, o->device))
                r = -ENODEV;
        if (r < 0) {
                s->unplugged = r == -ENODEV || r == -ENOENT || r == -ENXIO;
                return r;
        }
        s->source->is_registered = true;
        r = event_register_wait(o->channel, s->source->handle, shape, &s->status);
        if (r < 0)
                return r;
        if (o->grab) {
                r = o->ops->grab(s->input);
                if (r < 0 && r != -ENODEV)
                        return rpc_error(&s->status, RPC_FAILED_PRECONDITION, "cannot grab it: %s", strerror(-r));
        }
        return event_stream_open_wait(o->channel, &s->stream, &s->status);
}

static void source_log(Source *s, const char *name, const Session *session, int r) {
        _cleanup_free_ char *error = strdup(strempty(session->status.message ? session->status.message : strerror(-r)));
        unsigned n_gaps = session->input ? s->producer->options.ops->get_n_gaps(session->input) : 0;

        if (n_gaps > 0)
                log_notice("Events of '%s' were dropped %u times: '%s' was too slow for them", name, n_gaps,
                                s->producer->options.peer);
        if (session->unplugged || !error || streq_ptr(error, s->error))
                return;
        log_warning("Events of '%s' do not reach '%s', trying on: %s", name, s->producer->options.peer, error);
        free(s->error);
        s->error = TAKE_PTR(error);
}

/* One time that the device is carried. 0 when it may be carried again. */
static int session_wait(Source *source) {
        _cleanup_(input_shape_done) InputShape shape = {};
        _cleanup_(session_done) Session s = { .source = source };
        int r;

        r = session_open_wait(&s, &shape);
        if (r >= 0)
                r = send_state_wait(&s, &shape);
        if (r >= 0) {
                log_info("Events of '%s' go to '%s'", shape.name, source->producer->options.peer);
                backoff_reset(&source->backoff);
                free(TAKE_PTR(source->error));
                r = session_carry_wait(&s);
        }
        source->is_registered = false;
        if (fiber_is_canceled(fiber_current()))
                return -ECANCELED;
        source_log(source, shape.name ? shape.name : source->path, &s, r);
        return s.unplugged || access(source->path, F_OK) < 0 ? -ENODEV : 0;
}

static void producer_look_soon(EventProducer *p) {
        int r;

        r = sd_event_source_set_time_relative(p->scan, EVENT_SETTLE_USEC);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->scan, SD_EVENT_ONESHOT);
        if (r < 0)
                log_warning_errno(r, "Cannot look for devices");
}

static Source *source_free(Source *s) {
        if (!s)
                return NULL;
        list_remove(&s->sources);
        free(s->path);
        free(s->error);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(Source *, source_free)

static int source_main(void *userdata) {
        _cleanup_(source_freep) Source *s = userdata;
        int r;

        s->fiber = fiber_current();
        do {
                r = rpc_channel_ready_wait(s->producer->options.channel, USEC_INFINITY);
                if (r >= 0)
                        r = session_wait(s);
                if (r >= 0)
                        r = fiber_sleep_wait(backoff_next_usec(&s->backoff));
        } while (r >= 0);
        if (!fiber_is_canceled(fiber_current()))
                producer_look_soon(s->producer); /* another device may be there by its name */
        return r;
}

static int producer_start(EventProducer *p, const char *path) {
        _cleanup_(source_freep) Source *s = NULL;
        int r;

        s = mem_new0(Source, 1);
        if (!s)
                return -ENOMEM;
        list_init(&s->sources);
        s->producer = p;
        s->backoff = (Backoff){ EVENT_RETRY_MIN_USEC, EVENT_RETRY_MAX_USEC, 0 };
        s->path = strdup(path);
        if (!s->path || getrandom(&s->handle, sizeof(s->handle), 0) < (ssize_t) sizeof(s->handle))
                return -ENOMEM;
        s->handle |= 1; /* 0 is none */
        list_append(&p->sources, &s->sources);
        r = fiber_start(NULL, source_main, s);
        if (r >= 0)
                (void) TAKE_PTR(s);
        return r;
}

static bool producer_has(const EventProducer *p, const char *path, size_t *n) {
        LIST_FOREACH(source, &p->sources, Source, sources) {
                (*n)++;
                if (streq(source->path, path))
                        return true;
        }
        return false;
}

static bool is_wanted(const EventProducer *p, const char *path) {
        _cleanup_(input_shape_done) InputShape shape = {};
        InputSource *input = NULL;
        int r;

        r = p->options.ops->open(path, &input);
        if (r >= 0)
                r = p->options.ops->get_shape(input, &shape);
        p->options.ops->close(input);
        if (r < 0 && r != -ENODEV && r != -ENOENT)
                log_debug("Cannot look at %s: %s", path, strerror(-r));
        return r >= 0 && input_name_matches(shape.name, p->options.device);
}

static void producer_look_at(EventProducer *p, const char *name) {
        _cleanup_free_ char *path = strf("%s/%s", p->options.directory, name);
        size_t n = 0;
        int r;

        if (!path || producer_has(p, path, &n) || n >= EVENT_SOURCES_MAX || !is_wanted(p, path))
                return;
        r = producer_start(p, path);
        if (r < 0)
                log_warning_errno(r, "Cannot carry the events of %s", path);
}

static int on_node(_unused_ sd_event_source *s, _unused_ const struct inotify_event *e, void *userdata) {
        producer_look_soon(userdata);
        return 0;
}

/* A directory that was removed and made again is another one. */
static void producer_watch(EventProducer *p, DIR *directory) {
        struct stat st;
        int r;

        if (!directory || fstat(dirfd(directory), &st) < 0) {
                p->watch = sd_event_source_disable_unref(p->watch);
                return;
        }
        if (p->watch && p->watched == st.st_ino)
                return;
        p->watch = sd_event_source_disable_unref(p->watch);
        p->watched = st.st_ino;
        r = sd_event_add_inotify(
                        p->options.event, &p->watch, p->options.directory, NODE_CHANGES | IN_ONLYDIR, on_node, p);
        if (r < 0)
                log_warning_errno(r, "Cannot watch %s", p->options.directory);
        else
                producer_look_soon(p); /* what came meanwhile */
}

static int on_scan(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        EventProducer *p = userdata;
        _cleanup_closedir_ DIR *directory = opendir(p->options.directory);

        LIST_FOREACH(source, &p->sources, Source, sources)
                if (!source->is_registered && access(source->path, F_OK) < 0)
                        fiber_cancel(source->fiber);
        producer_watch(p, directory);
        for (const struct dirent *d = directory ? readdir(directory) : NULL; d; d = readdir(directory))
                if (startswith(d->d_name, "event"))
                        producer_look_at(p, d->d_name);
        return 0;
}

int event_producer_new(const EventProducerOptions *options, EventProducer **ret) {
        _cleanup_(event_producer_freep) EventProducer *p = NULL;
        int r;

        p = mem_new0(EventProducer, 1);
        if (!p)
                return -ENOMEM;
        p->options = *options;
        list_init(&p->sources);
        p->parent = strdup(options->directory);
        if (!p->parent)
                return -ENOMEM;
        r = sd_event_add_time_relative(options->event, &p->scan, CLOCK_MONOTONIC, 0, 0, on_scan, p);
        if (r >= 0)
                r = sd_event_add_inotify(options->event, &p->parent_watch, dirname(p->parent),
                                IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR, on_node, p);
        if (r < 0)
                return r;
        rpc_channel_connect(options->channel);
        *ret = TAKE_PTR(p);
        return 0;
}

EventProducer *event_producer_free(EventProducer *p) {
        if (!p)
                return NULL;
        /* Cancelled from the loop, a source's fiber returns, and with it leaves the list, before this does. */
        LIST_FOREACH(source, &p->sources, Source, sources)
                fiber_cancel(source->fiber);
        sd_event_source_disable_unref(p->parent_watch);
        sd_event_source_disable_unref(p->watch);
        sd_event_source_disable_unref(p->scan);
        free(p->parent);
        free(p);
        return NULL;
}
