/* SPDX-License-Identifier: Apache-2.0 */
/* givc-agent: what a machine of the fleet lets its admin do with its units. This file reads the options and the
 * configuration. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/exposure.h"
#include "agent/serve.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "event/log-target.h"

typedef struct Options {
        const char *config, *exposes;
        bool debug, check;
} Options;

static void help(FILE *f) {
        fputs("givc-agent [-config FILE] [OPTION…]\n"
              "\n"
              "Lets the admin of a givc fleet manage the units of this machine, and registers\n"
              "with it.\n"
              "\n"
              "  -config FILE, --config=FILE  configuration, see givc-agent.json(5); without\n"
              "                               it, it is in the environment\n"
              "  -debug, --debug              log what is done, not only what matters\n"
              "  --exposes=UNIT               exit: 0 if the configuration lets the admin\n"
              "                               control the unit, else 1\n"
              "  --check                      check the configuration and exit: 0, or 2 with\n"
              "                               the reason\n"
              "  --version                    print the version\n"
              "  --help                       print this\n",
                        f);
}

/* 0: go on; else exit with *ret_code. One dash is as good as two, as Go's programs have it. */
static int options_parse(int argc, char **argv, Options *ret, int *ret_code) {
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "debug", no_argument, NULL, 'd' },
                { "exposes", required_argument, NULL, 'e' },
                { "check", no_argument, NULL, 'C' },
                { "version", no_argument, NULL, 'V' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int c;

        *ret_code = EXIT_USAGE;
        while ((c = getopt_long_only(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        ret->config = optarg;
                        break;
                case 'd':
                        ret->debug = true;
                        break;
                case 'e':
                        ret->exposes = optarg;
                        break;
                case 'C':
                        ret->check = true;
                        break;
                case 'V':
                        puts("givc-agent " GIVC_VERSION);
                        *ret_code = 0;
                        return -ECANCELED;
                case 'h':
                        help(stdout);
                        *ret_code = 0;
                        return -ECANCELED;
                default:
                        return -EINVAL;
                }
        if (optind == argc && (ret->config || config_is_in_environment()))
                return 0;
        if (optind < argc)
                fprintf(stderr, "givc-agent: unexpected argument '%s'\n", argv[optind]);
        else
                fputs("givc-agent: no configuration: -config FILE is missing, and it is not in the environment\n",
                                stderr);
        help(stderr);
        return -EINVAL;
}

/* For the rule of polkit, which lets an agent without privileges control what the configuration names, and no more. */
static int tell_exposed(const Config *config, const char *unit) {
        _cleanup_(exposure_freep) Exposure *exposure = NULL;

        if (exposure_new(config, &exposure) < 0)
                return EXIT_FAILURE;
        return exposure_is_configured(exposure, unit) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int check(Config *config) {
        int code = serve_run(config, true);

        if (code == EXIT_SUCCESS)
                STRV_FOREACH(warning, config->warnings)
                        printf("%s: %s\n", config->path, *warning);
        return code;
}

static int run(const Options *options) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = options->config ? config_load(options->config, &config, &reason)
                            : config_load_environment(&config, &reason);
        if (r < 0) {
                log_write(LOG_ERR,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIGURATION_REFUSED }, { "GIVC_REASON", reason }),
                                "givc-agent: %s", reason ? reason : strerror(-r));
                return EXIT_USAGE;
        }
        if (options->exposes)
                return tell_exposed(config, options->exposes);
        if (options->check)
                return check(config);
        return serve_run(config, false);
}

int main(int argc, char **argv) {
        Options options = {};
        int code;

        log_target_open();
        if (options_parse(argc, argv, &options, &code) < 0)
                return code;
        if (options.debug || (!options.config && streq_ptr(getenv("DEBUG"), "true")))
                log_set_level(LOG_DEBUG);
        return run(&options);
}
