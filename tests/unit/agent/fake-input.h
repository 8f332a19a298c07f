/* SPDX-License-Identifier: Apache-2.0 */
/* Input devices that are not there: nodes in a directory of the test's own, whose events the test writes, and sinks
 * that remember what they were told. */
#pragma once

#include <fcntl.h>
#include <linux/input.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/input-device.h"
#include "unit/agent/world.h"

#define NODES_MAX  8
#define SINKS_MAX  64
#define EVENTS_MAX 64
#define SLOTS_MAX  4

typedef struct FakeNode {
        const char *name; /* NULL: unplugged */
        char path[128];
        int fds[2]; /* read, written */
        int32_t keys[KEY_CNT], axes[ABS_CNT];
        unsigned n_slots;
        int32_t slots[SLOTS_MAX][ABS_CNT];
        bool grabbed, is_endless;
        unsigned n_skips, n_next;
} FakeNode;

struct InputSource {
        FakeNode *node;
        int fd;
        unsigned n_gaps;
};

struct InputSink {
        char name[80];
        uint16_t bus, vendor, product, version;
        InputCode codes[INPUT_CODES_MAX];
        InputAxis axis;
        size_t n_codes, n_axes;
        uint32_t properties;
        InputEvent events[EVENTS_MAX];
        size_t n_events;
        bool is_closed;
};

static FakeNode fake_nodes[NODES_MAX];
static InputSink fake_sinks[SINKS_MAX];
static size_t fake_n_sinks;
static int fake_sink_error;
static FakeNode *fake_sink_unplugs; /* when a sink is made */
static char fake_directory[64];

static inline void fake_reset(void) {
        memset(fake_nodes, 0, sizeof(fake_nodes));
        memset(fake_sinks, 0, sizeof(fake_sinks));
        fake_n_sinks = 0;
        fake_sink_error = 0;
        fake_sink_unplugs = NULL;
}

static inline FakeNode *fake_plug(unsigned n, const char *name) {
        FakeNode *node = &fake_nodes[n];
        int fd;

        *node = (FakeNode){ .name = name };
        (void) snprintf(node->path, sizeof(node->path), "%s/event%u", fake_directory, n);
        check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, node->fds) == 0);
        fd = open(node->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        check(fd >= 0);
        (void) close(fd);
        return node;
}

static inline void fake_unplug(FakeNode *node) {
        if (!node->name)
                return;
        node->name = NULL;
        (void) unlink(node->path);
        (void) close(node->fds[0]);
        (void) close(node->fds[1]);
}

static inline void fake_tell(FakeNode *node, uint32_t type, uint32_t code, int32_t value) {
        InputEvent e;

        memset(&e, 0, sizeof(e)); /* its padding is written, too */
        e.type = type;
        e.code = code;
        e.value = value;
        if (type == EV_KEY)
                node->keys[code] = value;
        check(write(node->fds[1], &e, sizeof(e)) == sizeof(e));
}

static inline void fake_tell_key(FakeNode *node, uint32_t code, int32_t value) {
        fake_tell(node, EV_KEY, code, value);
        fake_tell(node, EV_SYN, SYN_REPORT, 0);
}

static inline int fake_source_open(const char *path, InputSource **ret) {
        for (size_t i = 0; i < NODES_MAX; i++) {
                FakeNode *node = &fake_nodes[i];

                if (!node->name || !streq(node->path, path))
                        continue;
                *ret = mem_new0(InputSource, 1);
                check(*ret);
                (*ret)->node = node;
                (*ret)->fd = fcntl(node->fds[0], F_DUPFD_CLOEXEC, 0);
                return 0;
        }
        return -ENODEV;
}

static inline InputSource *fake_source_close(InputSource *s) {
        if (!s)
                return NULL;
        s->node->grabbed = false;
        (void) close(s->fd);
        free(s);
        return NULL;
}

static inline int fake_source_get_fd(const InputSource *s) {
        return s->fd;
}

static inline int fake_source_get_shape(const InputSource *s, InputShape *ret) {
        static const uint16_t touch[] = { ABS_MT_SLOT, ABS_MT_POSITION_X, ABS_MT_TRACKING_ID };
        const InputAxis axis = { ABS_X, 5, -10, 10, 1, 2, 3 };

        *ret = (InputShape){ .bus = BUS_USB, .vendor = 0x46d, .product = 0xc077, .version = 0x111, .properties = 1 };
        ret->name = strdup(s->node->name);
        check(ret->name && input_shape_add(ret, EV_KEY, BTN_LEFT) == 0 && input_shape_add(ret, EV_KEY, KEY_A) == 0);
        check(input_shape_add(ret, EV_REL, REL_X) == 0 && input_shape_add_axis(ret, &axis) == 0);
        for (size_t i = 0; s->node->n_slots > 0 && i < ELEMENTSOF(touch); i++)
                check(input_shape_add_axis(ret, &(InputAxis){ .code = touch[i], .maximum = 100 }) == 0);
        return 0;
}

static inline int32_t fake_source_get_value(const InputSource *s, uint32_t type, uint32_t code) {
        return type == EV_KEY ? s->node->keys[code] : type == EV_ABS ? s->node->axes[code] : 0;
}

static inline unsigned fake_source_get_n_slots(const InputSource *s) {
        return s->node->n_slots;
}

static inline int32_t fake_source_get_slot_value(const InputSource *s, unsigned slot, uint32_t code) {
        check(slot < s->node->n_slots);
        return s->node->slots[slot][code];
}

static inline int fake_source_grab(InputSource *s) {
        s->node->grabbed = true;
        return 0;
}

/* Endless ones are never at rest: two movements a frame. */
static inline int fake_source_next(InputSource *s, InputEvent *ret) {
        ssize_t n;

        if (!s->node->name)
                return -ENODEV;
        if (s->node->is_endless) {
                unsigned step = s->node->n_next++ % 3;

                *ret = (InputEvent){ 1, step < 2 ? EV_REL : EV_SYN, step < 2 ? REL_X : SYN_REPORT, 1 };
                return 1;
        }
        n = read(s->fd, ret, sizeof(*ret));
        return n == sizeof(*ret) ? 1 : n == 0 ? -ENODEV : 0;
}

static inline void fake_source_skip(InputSource *s) {
        check(s->node->n_next % 3 == 0); /* whole frames */
        s->node->n_skips++;
        s->n_gaps++;
}

static inline unsigned fake_source_get_n_gaps(const InputSource *s) {
        return s->n_gaps;
}

static const InputSourceOps fake_source_ops = {
        .open = fake_source_open,
        .close = fake_source_close,
        .get_fd = fake_source_get_fd,
        .get_shape = fake_source_get_shape,
        .get_value = fake_source_get_value,
        .get_n_slots = fake_source_get_n_slots,
        .get_slot_value = fake_source_get_slot_value,
        .grab = fake_source_grab,
        .next = fake_source_next,
        .skip = fake_source_skip,
        .get_n_gaps = fake_source_get_n_gaps,
};

static inline int fake_sink_open(const InputShape *shape, InputSink **ret) {
        InputSink *s = &fake_sinks[fake_n_sinks];

        if (fake_sink_error < 0)
                return fake_sink_error;
        check(fake_n_sinks < SINKS_MAX);
        fake_n_sinks++;
        (void) snprintf(s->name, sizeof(s->name), "%s", shape->name);
        s->bus = shape->bus;
        s->vendor = shape->vendor;
        s->product = shape->product;
        s->version = shape->version;
        s->n_codes = shape->n_codes;
        if (shape->n_codes > 0)
                memcpy(s->codes, shape->codes, shape->n_codes * sizeof(InputCode));
        s->n_axes = shape->n_axes;
        if (shape->n_axes > 0)
                s->axis = shape->axes[0];
        s->properties = shape->properties;
        *ret = s;
        if (fake_sink_unplugs)
                fake_unplug(fake_sink_unplugs);
        return 0;
}

static inline int fake_sink_emit(InputSink *s, const InputEvent *e) {
        check(!s->is_closed);
        if (s->n_events < EVENTS_MAX)
                s->events[s->n_events++] = *e;
        return 0;
}

static inline InputSink *fake_sink_close(InputSink *s) {
        s->is_closed = true;
        return NULL;
}

static const InputSinkOps fake_sink_ops = { fake_sink_open, fake_sink_emit, fake_sink_close };

static inline bool fake_sink_has(const InputSink *s, uint32_t type, uint32_t code, int32_t value) {
        for (size_t i = 0; i < s->n_events; i++)
                if (s->events[i].type == type && s->events[i].code == code && s->events[i].value == value)
                        return true;
        return false;
}
