/* SPDX-License-Identifier: Apache-2.0 */
/* givc-admin: reads what it was told and runs. */
#include <stdio.h>
#include <stdlib.h>

#include "admin/config.h"
#include "admin/serve.h"
#include "base/mem.h"
#include "base/str.h"

int main(int argc, char *argv[]) {
        _cleanup_(config_done) Config config = {};
        _cleanup_free_ char *why = NULL;
        int r;

        r = config_parse(argc, argv, &config, &why);
        if (r < 0) {
                fprintf(stderr, "givc-admin: %s\n", why ? why : strerror(-r));
                return EXIT_USAGE;
        }
        if (r == CONFIG_RUN)
                return serve_run(&config);
        if (r == CONFIG_HELP)
                fputs(config_help, stdout);
        else
                puts("givc-admin " GIVC_VERSION);
        return EXIT_SUCCESS;
}
