/* SPDX-License-Identifier: Apache-2.0 */
/* What an input device looks like to its readers: name, ids, capabilities; see the kernel's input/event-codes. Only
 * data: devices are opened and made elsewhere. */
#pragma once

#include "base/macro.h"

#define INPUT_CODES_MAX 1024 /* all that the kernel knows are less */
#define INPUT_NAME_MAX  79   /* bytes, as uinput has it */
#define INPUT_SLOTS_MAX 255  /* touches at once */

typedef struct InputCode {
        uint16_t type, code; /* EV_KEY, EV_REL, EV_MSC, EV_SW */
} InputCode;

typedef struct InputAxis {
        uint16_t code;
        int32_t value, minimum, maximum, fuzz, flat, resolution;
} InputAxis;

typedef struct InputShape {
        char *name;
        uint16_t bus, vendor, product, version;
        InputCode *codes;
        size_t n_codes, codes_allocated;
        InputAxis *axes;
        size_t n_axes, axes_allocated;
        uint32_t properties; /* a bit each */
} InputShape;

typedef struct InputEvent {
        int64_t nsec; /* the source's clock */
        uint32_t type, code;
        int32_t value;
} InputEvent;

void input_shape_done(InputShape *s);
/* 0, -EINVAL for what is not carried, -E2BIG, -ENOMEM. */
int input_shape_add(InputShape *s, uint32_t type, uint32_t code) _warn_unused_;
/* The same; *axis is copied. */
int input_shape_add_axis(InputShape *s, const InputAxis *axis) _warn_unused_;
/* For a device of which only the name is known: a gamepad or a mouse. -ENODEV when the name is neither's. */
int input_shape_add_usual(InputShape *s) _warn_unused_;
bool input_shape_is_empty(const InputShape *s);

/* What goes from a source to a virtual device; what drives lights, sounds and motors goes the other way. */
bool input_event_is_carried(uint32_t type, uint32_t code);
/* Each slot has its own value of it. */
bool input_axis_is_of_slot(uint32_t code);
bool input_event_ends_frame(const InputEvent *e);
/* Whether a configuration that says "device" means the device of that name. */
bool input_name_matches(const char *name, const char *device);
