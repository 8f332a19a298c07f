/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: evdev nodes, read with libevdev. */
#include <fcntl.h>
#include <libevdev/libevdev.h>

#include "agent/input-device.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_USEC 1000

struct InputSource {
        int fd;
        struct libevdev *device;
        bool syncing;
        unsigned n_gaps;
};

static InputSource *source_close(InputSource *s) {
        if (!s)
                return NULL;
        libevdev_free(s->device);
        (void) fd_close(s->fd);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(InputSource *, source_close)

static int source_open(const char *path, InputSource **ret) {
        _cleanup_(source_closep) InputSource *s = NULL;
        int r;

        s = mem_new(InputSource, 1);
        if (!s)
                return -ENOMEM;
        *s = (InputSource){ .fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) };
        if (s->fd < 0)
                return -errno;
        r = libevdev_new_from_fd(s->fd, &s->device);
        if (r < 0)
                return r;
        if (streq(strempty(libevdev_get_phys(s->device)), INPUT_SINK_PHYS))
                return -ENODEV;
        *ret = TAKE_PTR(s);
        return 0;
}

static int source_get_fd(const InputSource *s) {
        return s->fd;
}

static int add_type(const InputSource *s, unsigned type, InputShape *shape) {
        int r = 0;

        for (int code = 0; r >= 0 && code <= libevdev_event_type_get_max(type); code++)
                if (libevdev_has_event_code(s->device, type, (unsigned) code))
                        r = input_shape_add(shape, type, (uint32_t) code);
        return r;
}

static int add_axes(const InputSource *s, InputShape *shape) {
        int r = 0;

        for (unsigned code = 0; r >= 0 && code < ABS_CNT; code++) {
                const struct input_absinfo *a = libevdev_get_abs_info(s->device, code);

                if (a)
                        r = input_shape_add_axis(shape,
                                        &(InputAxis){ (uint16_t) code, a->value, a->minimum, a->maximum, a->fuzz,
                                                        a->flat, a->resolution });
        }
        return r;
}

static int source_get_shape(const InputSource *s, InputShape *ret) {
        static const unsigned types[] = { EV_KEY, EV_REL, EV_MSC, EV_SW };
        InputShape shape = {
                .bus = (uint16_t) libevdev_get_id_bustype(s->device),
                .vendor = (uint16_t) libevdev_get_id_vendor(s->device),
                .product = (uint16_t) libevdev_get_id_product(s->device),
                .version = (uint16_t) libevdev_get_id_version(s->device),
        };
        int r = 0;

        shape.name = strdup(libevdev_get_name(s->device));
        if (!shape.name)
                return -ENOMEM;
        str_make_printable(shape.name, '?');
        for (unsigned i = 0; i < INPUT_PROP_CNT; i++)
                if (libevdev_has_property(s->device, i))
                        shape.properties |= UINT32_C(1) << i;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(types); i++)
                r = add_type(s, types[i], &shape);
        if (r >= 0)
                r = add_axes(s, &shape);
        if (r < 0) {
                input_shape_done(&shape);
                return r;
        }
        *ret = shape;
        return 0;
}

static int32_t source_get_value(const InputSource *s, uint32_t type, uint32_t code) {
        return libevdev_get_event_value(s->device, type, code);
}

static unsigned source_get_n_slots(const InputSource *s) {
        return (unsigned) MAX(libevdev_get_num_slots(s->device), 0);
}

static int32_t source_get_slot_value(const InputSource *s, unsigned slot, uint32_t code) {
        return libevdev_get_slot_value(s->device, slot, code);
}

static int source_grab(InputSource *s) {
        return libevdev_grab(s->device, LIBEVDEV_GRAB);
}

static int source_next(InputSource *s, InputEvent *ret) {
        struct input_event e;
        int r;

        for (;;) {
                r = libevdev_next_event(
                                s->device, s->syncing ? LIBEVDEV_READ_FLAG_SYNC : LIBEVDEV_READ_FLAG_NORMAL, &e);
                if (s->syncing && r == -EAGAIN) {
                        s->syncing = false;
                        continue;
                }
                if (r < 0)
                        return r == -EAGAIN || r == -EINTR ? 0 : r;
                if (s->syncing || r == LIBEVDEV_READ_STATUS_SUCCESS)
                        break;
                s->syncing = true;
                s->n_gaps++;
        }
        *ret = (InputEvent){ e.input_event_sec * NSEC_PER_SEC + e.input_event_usec * NSEC_PER_USEC, e.type, e.code,
                e.value };
        return 1;
}

static void source_skip(InputSource *s) {
        struct input_event e;

        if (s->syncing)
                return;
        (void) libevdev_next_event(s->device, LIBEVDEV_READ_FLAG_FORCE_SYNC, &e);
        s->syncing = true;
        s->n_gaps++;
}

static unsigned source_get_n_gaps(const InputSource *s) {
        return s->n_gaps;
}

const InputSourceOps input_source_ops = {
        .open = source_open,
        .close = source_close,
        .get_fd = source_get_fd,
        .get_shape = source_get_shape,
        .get_value = source_get_value,
        .get_n_slots = source_get_n_slots,
        .get_slot_value = source_get_slot_value,
        .grab = source_grab,
        .next = source_next,
        .skip = source_skip,
        .get_n_gaps = source_get_n_gaps,
};
