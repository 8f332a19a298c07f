/* SPDX-License-Identifier: Apache-2.0 */
/* Input devices as the kernel has them, sources that are read and sinks that are made, behind tables of functions: not
 * every machine has devices, or lets a program make them. */
#pragma once

#include "agent/input-shape.h"

#define INPUT_DIRECTORY "/dev/input"

typedef struct InputSource InputSource;
typedef struct InputSourceOps {
        /* -ENODEV: no device whose events could be carried. Other negative errnos: not now. */
        int (*open)(const char *path, InputSource **ret);
        InputSource *(*close)(InputSource *s);
        /* Borrowed; readable when there may be events. */
        int (*get_fd)(const InputSource *s);
        int (*get_shape)(const InputSource *s, InputShape *ret);
        /* What the device's keys, switches and axes were when it last spoke. */
        int32_t (*get_value)(const InputSource *s, uint32_t type, uint32_t code);
        /* Of touches; those in progress have an ABS_MT_TRACKING_ID, the others -1 there. */
        unsigned (*get_n_slots)(const InputSource *s);
        int32_t (*get_slot_value)(const InputSource *s, unsigned slot, uint32_t code);
        /* Nobody else hears of its events from now on, until it is closed. */
        int (*grab)(InputSource *s);
        /* 1: *ret is the next event; 0: none now; -ENODEV: unplugged. Where the kernel had to drop events, what brings
         * keys and axes up to date comes in their place. */
        int (*next)(InputSource *s, InputEvent *ret);
        /* Drops what has not been read, and comes up to date likewise. */
        void (*skip)(InputSource *s);
        /* How often events were dropped. */
        unsigned (*get_n_gaps)(const InputSource *s);
} InputSourceOps;
extern const InputSourceOps input_source_ops;

typedef struct InputSink InputSink;
typedef struct InputSinkOps {
        /* Makes a device of that shape. -ENOENT, -EACCES: this machine has no uinput, or not for us; -EINVAL: it cannot
         * be of that shape. */
        int (*open)(const InputShape *shape, InputSink **ret);
        int (*emit)(InputSink *s, const InputEvent *e);
        /* The device is unplugged, its keys are released. */
        InputSink *(*close)(InputSink *s);
} InputSinkOps;
extern const InputSinkOps input_sink_ops;

/* What the kernel says that our sinks are plugged into: no source is one. */
#define INPUT_SINK_PHYS "givc/uinput"
