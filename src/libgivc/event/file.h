/* SPDX-License-Identifier: Apache-2.0 */
/* Files on disks that may be slow, written by a thread while the loop goes on. */
#pragma once

#include <sys/types.h>

#include "base/macro.h"

/* Suspends until the file has this content, durably: 1 when it was replaced, 0 when it had it already and nothing was
 * touched, or a negative errno. Whatever happens, others see the old file or the new one, whole: it is written beside
 * it, to ".NAME.NUMBER", and renamed. Its directory must be there. With -ECANCELED it may still be replaced. */
int file_replace_wait(const char *path, const void *data, size_t size, mode_t mode) _warn_unused_;
