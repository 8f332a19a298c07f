/* SPDX-License-Identifier: Apache-2.0 */
/* Files on disks that may be slow, written by a thread while the loop goes on. */
#pragma once

#include <sys/types.h>

#include "base/macro.h"

typedef enum FileFlags {
        FILE_IN_DIRECTORY = 1 << 0, /* its directory is made, as directory_make(), when it is not there */
        FILE_ALONE = 1 << 1,        /* other files of the directory, whose names do not begin with a dot, are removed */
} FileFlags;

#define FILE_DIRECTORY_MODE 0755

/* Suspends until the file has this content, durably: 1 when it was replaced, 0 when it had it already and was not
 * touched, or a negative errno. Whatever happens, others see the old file or the new one, whole: it is written beside
 * it, to ".NAME.NUMBER", and renamed. With -ECANCELED it may still be replaced. */
int file_replace_wait(const char *path, const void *data, size_t size, mode_t mode, FileFlags flags) _warn_unused_;
