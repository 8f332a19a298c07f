/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the agent's configuration file: a configuration that keeps what it promises, or a sentence. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/config.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "words.h"

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

static void check_address(const RpcAddress *a) {
        _cleanup_free_ char *text = rpc_address_to_string(a);

        check(!isempty(text) && a->kind != RPC_ADDRESS_PASSED);
}

static void check_config(const Config *c) {
        check(!isempty(c->identity.name) && strlen(c->identity.name) <= CONFIG_NAME_MAX);
        check(c->identity.type <= CONFIG_TYPE_MAX && c->identity.subtype <= CONFIG_TYPE_MAX);
        check(!c->network.tls || (c->network.ca && c->network.cert && c->network.key && c->network.admin.name));
        check(!c->access_control);
        check_address(&c->admin_address);
        check_address(&c->agent_address);
        for (size_t i = 0; i < c->n_applications; i++) {
                const char *name = strempty(c->applications[i].name);
                const ConfigApplication *a = config_find_application(c, name, strlen(name));

                check(a && a <= &c->applications[i] && streq(strempty(a->name), name));
        }
        STRV_FOREACH(warning, c->warnings)
                check(!isempty(*warning));
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
