/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the agent's configuration file: a configuration that keeps what it promises, or a sentence. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config-check.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];
static int fd;

int LLVMFuzzerInitialize(_unused_ int *argc, _unused_ char ***argv) {
        fd = memfd_create("config", MFD_CLOEXEC);
        check(fd >= 0);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%i", fd);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;
        int r;

        check(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t) size);
        r = config_load(path, &c, &error);
        if (r < 0)
                check(r == -EINVAL && !c && startswith(error, path));
        else {
                check(!error);
                check_config(c);
        }
        return 0;
}
