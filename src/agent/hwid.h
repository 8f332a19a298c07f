/* SPDX-License-Identifier: Apache-2.0 */
/* The address that a network interface was made with, which tells one machine from others. */
#pragma once

#include "base/macro.h"

#define HWID_ADDRESS_SIZE 6

typedef struct HwidLink {
        uint8_t permanent[HWID_ADDRESS_SIZE]; /* that it was made with; null: it does not know */
        uint8_t current[HWID_ADDRESS_SIZE];
        bool running; /* it is up, and so is what it is connected to */
} HwidLink;

/* Fills *ret for the interface: 0, -ENODEV, -EBADMSG when its addresses are of another kind, or what ioctl(2) says. */
typedef int (*hwid_link_t)(const char *interface, HwidLink *ret);
/* As the kernel has it. */
int hwid_get_link(const char *interface, HwidLink *ret);

/* "aa:bb:cc:dd:ee:ff", new string, of the interface of that name, or, where none is named, of the first wireless one
 * (wl*) in ROOT/proc/net/dev, else of the first wired one (en*), by name. Virtual ones were made without an address:
 * theirs is the one that they use now, if their link runs, since it may be random until then. 0; -ENODEV: there is
 * none; -ENETDOWN: its link does not run; -EBADMSG: its address is of another kind; -ENOMEM. */
int hwid_read(const char *root, const char *interface, hwid_link_t get_link, char **ret) _warn_unused_;
