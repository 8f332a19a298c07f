/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's configuration from variables, a line each: a configuration that keeps what it promises, or a sentence
 * about one of them. A line without '=' is the value of the variable whose turn it is. */
#include "config-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "NAME", "ADDR", "PORT", "PROTO", "TYPE", "SUBTYPE", "PARENT", "ADMIN_SERVER_NAME",
        "ADMIN_SERVER_ADDR", "ADMIN_SERVER_PORT", "ADMIN_SERVER_PROTO", "SERVICES", "APPLICATIONS", "WIFI", "HWID",
        "HWID_IFACE", "TLS", "CA_CERT", "HOST_CERT", "HOST_KEY" };

static bool names_one(const char *sentence) {
        sentence = startswith(sentence, "environment: ");
        for (size_t i = 0; sentence && i < ELEMENTSOF(names); i++)
                if (startswith(sentence, names[i]))
                        return true;
        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(words_done) Words w = words_split(data, size);
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;
        int r;

        check(clearenv() == 0);
        for (size_t i = 0; i < w.n; i++) {
                const char *equals = strchr(w.words[i], '=');
                char name[32];

                if (!equals)
                        check(setenv(names[i % ELEMENTSOF(names)], w.words[i], 1) == 0);
                else if (equals > w.words[i] && (size_t) (equals - w.words[i]) < sizeof(name)) {
                        memcpy(name, w.words[i], equals - w.words[i]);
                        name[equals - w.words[i]] = 0;
                        check(setenv(name, equals + 1, 1) == 0);
                }
        }
        r = config_load_environment(&c, &error);
        if (r < 0)
                check(r == -EINVAL && !c && names_one(strempty(error)));
        else {
                check(!error);
                check_config(c);
        }
        return 0;
}
