/* SPDX-License-Identifier: Apache-2.0 */
#include "http/curl.h"

#include <dlfcn.h>

#include "base/log.h"

Curl curl;

static bool curl_find(void *library) {
        static const struct {
                const char *name;
                void **function;
        } rows[] = {
#define X(name) { "curl_" #name, (void **) &curl.name },
                CURL_FUNCTIONS(X)
#undef X
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                *rows[i].function = dlsym(library, rows[i].name);
                if (!*rows[i].function)
                        return false;
        }
        return true;
}

/* Once: what is not there when the first one asks would be looked for, and missed in the log, for each request of a
 * peer. */
bool curl_load(void) {
        static bool tried, loaded;
        void *library;

        if (tried)
                return loaded;
        tried = true;
        library = dlopen(CURL_SO, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        loaded = library && curl_find(library);
        if (!loaded)
                log_error("Cannot load libcurl: %s", dlerror());
        return loaded;
}
