/* SPDX-License-Identifier: Apache-2.0 */
/* How far the machine is sealed, as the kernel shows it in /sys. */
#pragma once

#include "base/macro.h"

/* Whether the firmware has checked what it booted: 1, 0, or negative when it cannot be told. */
int sysinfo_get_secure_boot(const char *root);
/* Whether there is an encrypted disk: 1, 0, or negative when it cannot be told. */
int sysinfo_get_disk_encrypted(const char *root);
