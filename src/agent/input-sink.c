/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks: devices that uinput makes for us. */
#include <fcntl.h>
#include <libevdev/libevdev-uinput.h>
#include <linux/uinput.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "agent/input-device.h"
#include "base/fd.h"
#include "base/mem.h"

struct InputSink {
        int fd;
        struct libevdev_uinput *device;
};

DEFINE_CLEANUP(struct libevdev *, libevdev_free)

static InputSink *sink_close(InputSink *s) {
        if (!s)
                return NULL;
        if (s->device)
                libevdev_uinput_destroy(s->device);
        (void) fd_close(s->fd);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(InputSink *, sink_close)

static int describe(const InputShape *shape, struct libevdev *device) {
        char name[INPUT_NAME_MAX + 1];
        int r = 0;

        (void) snprintf(name, sizeof(name), "%s", shape->name);
        libevdev_set_name(device, name);
        libevdev_set_id_bustype(device, shape->bus);
        libevdev_set_id_vendor(device, shape->vendor);
        libevdev_set_id_product(device, shape->product);
        libevdev_set_id_version(device, shape->version);
        for (unsigned i = 0; r >= 0 && i < INPUT_PROP_CNT; i++)
                if (shape->properties & (UINT32_C(1) << i))
                        r = libevdev_enable_property(device, i);
        for (size_t i = 0; r >= 0 && i < shape->n_codes; i++)
                r = libevdev_enable_event_code(device, shape->codes[i].type, shape->codes[i].code, NULL);
        for (size_t i = 0; r >= 0 && i < shape->n_axes; i++) {
                const InputAxis *a = &shape->axes[i];
                const struct input_absinfo info = { a->value, a->minimum, a->maximum, a->fuzz, a->flat, a->resolution };

                r = libevdev_enable_event_code(device, EV_ABS, a->code, &info);
        }
        return r < 0 ? -EINVAL : 0;
}

static int sink_open(const InputShape *shape, InputSink **ret) {
        _cleanup_(libevdev_freep) struct libevdev *device = NULL;
        _cleanup_(sink_closep) InputSink *s = NULL;
        int r;

        s = mem_new(InputSink, 1);
        device = libevdev_new();
        if (s)
                *s = (InputSink){ .fd = -EBADF };
        if (!s || !device)
                return -ENOMEM;
        s->fd = open("/dev/uinput", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (s->fd < 0)
                return -errno;
        if (ioctl(s->fd, UI_SET_PHYS, INPUT_SINK_PHYS) < 0)
                return -errno;
        r = describe(shape, device);
        if (r >= 0)
                r = libevdev_uinput_create_from_device(device, s->fd, &s->device);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int sink_emit(InputSink *s, const InputEvent *e) {
        return libevdev_uinput_write_event(s->device, e->type, e->code, e->value);
}

const InputSinkOps input_sink_ops = { sink_open, sink_emit, sink_close };
