/* SPDX-License-Identifier: Apache-2.0 */
/* givc-admin: reads what it was told and runs. */
#include <stdio.h>
#include <stdlib.h>

#include "admin/config.h"
#include "admin/serve.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "event/log-target.h"

int main(int argc, char *argv[]) {
        _cleanup_(config_done) Config config = {};
        _cleanup_free_ char *why = NULL;
        int r;

        log_target_open();
        r = config_parse(argc, argv, &config, &why);
        if (r < 0) {
                log_write(LOG_ERR, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIGURATION_REFUSED }, { "GIVC_REASON", why }),
                                "givc-admin: %s", why ? why : strerror(-r));
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
