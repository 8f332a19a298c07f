/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/input-shape.h"

#include <linux/input.h>

#include "base/mem.h"
#include "base/str.h"

void input_shape_done(InputShape *s) {
        free(s->name);
        free(s->codes);
        free(s->axes);
        *s = (InputShape){};
}

bool input_event_is_carried(uint32_t type, uint32_t code) {
        switch (type) {
        case EV_SYN:
                return code == SYN_REPORT || code == SYN_MT_REPORT;
        case EV_KEY:
                return code < KEY_CNT;
        case EV_REL:
                return code < REL_CNT;
        case EV_ABS:
                return code < ABS_CNT;
        case EV_MSC:
                return code < MSC_CNT;
        case EV_SW:
                return code < SW_CNT;
        default:
                return false;
        }
}

bool input_axis_is_of_slot(uint32_t code) {
        return code > ABS_MT_SLOT && code <= ABS_MT_TOOL_Y;
}

bool input_event_ends_frame(const InputEvent *e) {
        return e->type == EV_SYN && e->code == SYN_REPORT;
}

int input_shape_add(InputShape *s, uint32_t type, uint32_t code) {
        int r;

        if (type == EV_SYN || type == EV_ABS || !input_event_is_carried(type, code))
                return -EINVAL;
        if (s->n_codes >= INPUT_CODES_MAX)
                return -E2BIG;
        r = mem_grow((void **) &s->codes, &s->codes_allocated, s->n_codes + 1, sizeof(InputCode));
        if (r < 0)
                return r;
        s->codes[s->n_codes++] = (InputCode){ type, code };
        return 0;
}

int input_shape_add_axis(InputShape *s, const InputAxis *axis) {
        int r;

        if (axis->code >= ABS_CNT || axis->minimum > axis->maximum)
                return -EINVAL;
        if (axis->code == ABS_MT_SLOT && (axis->minimum < 0 || axis->maximum > INPUT_SLOTS_MAX))
                return -EINVAL;
        if (s->n_axes >= ABS_CNT)
                return -E2BIG;
        r = mem_grow((void **) &s->axes, &s->axes_allocated, s->n_axes + 1, sizeof(InputAxis));
        if (r < 0)
                return r;
        s->axes[s->n_axes++] = *axis;
        return 0;
}

bool input_shape_is_empty(const InputShape *s) {
        return s->n_codes == 0 && s->n_axes == 0;
}

static int add_range(InputShape *s, uint32_t type, uint32_t first, uint32_t last) {
        int r = 0;

        for (uint32_t code = first; r >= 0 && code <= last; code++)
                r = input_shape_add(s, type, code);
        return r;
}

static int add_gamepad(InputShape *s) {
        static const InputAxis axes[] = {
                { .code = ABS_X, .minimum = -32768, .maximum = 32767, .fuzz = 16, .flat = 128 },
                { .code = ABS_Y, .minimum = -32768, .maximum = 32767, .fuzz = 16, .flat = 128 },
                { .code = ABS_RX, .minimum = -32768, .maximum = 32767, .fuzz = 16, .flat = 128 },
                { .code = ABS_RY, .minimum = -32768, .maximum = 32767, .fuzz = 16, .flat = 128 },
                { .code = ABS_Z, .maximum = 1023 },
                { .code = ABS_RZ, .maximum = 1023 },
                { .code = ABS_HAT0X, .minimum = -1, .maximum = 1 },
                { .code = ABS_HAT0Y, .minimum = -1, .maximum = 1 },
        };
        int r;

        r = add_range(s, EV_KEY, BTN_SOUTH, BTN_THUMBR);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(axes); i++)
                r = input_shape_add_axis(s, &axes[i]);
        return r;
}

static int add_mouse(InputShape *s) {
        static const uint32_t moves[] = { REL_X, REL_Y, REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES };
        int r;

        r = add_range(s, EV_KEY, BTN_LEFT, BTN_TASK);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(moves); i++)
                r = input_shape_add(s, EV_REL, moves[i]);
        return r;
}

int input_shape_add_usual(InputShape *s) {
        if (strcasestr(s->name, "wireless controller"))
                return add_gamepad(s);
        return strcasestr(s->name, "mouse") ? add_mouse(s) : -ENODEV;
}

/* VMware's virtual mouse is the VM's own, not one that somebody has plugged in. */
bool input_name_matches(const char *name, const char *device) {
        return strcasestr(name, device) && !strcasestr(name, "vmmouse");
}
