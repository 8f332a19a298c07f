/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, loaded by who fetches something. It brings more libraries than all the rest of a program, which most runs of
 * givcctl and most daemons never use. */
#pragma once

#include <curl/curl.h>

#include "base/macro.h"

#define CURL_FUNCTIONS(X)                                                                                              \
        X(easy_cleanup)                                                                                                \
        X(easy_getinfo)                                                                                                \
        X(easy_header)                                                                                                 \
        X(easy_init)                                                                                                   \
        X(easy_setopt)                                                                                                 \
        X(easy_strerror)                                                                                               \
        X(multi_add_handle)                                                                                            \
        X(multi_assign)                                                                                                \
        X(multi_cleanup)                                                                                               \
        X(multi_info_read)                                                                                             \
        X(multi_init)                                                                                                  \
        X(multi_remove_handle)                                                                                         \
        X(multi_setopt)                                                                                                \
        X(multi_socket_action)                                                                                         \
        X(slist_append)                                                                                                \
        X(slist_free_all)                                                                                              \
        X(url)                                                                                                         \
        X(url_cleanup)                                                                                                 \
        X(url_set)

typedef struct Curl {
#define X(name) typeof(curl_##name) *name;
        CURL_FUNCTIONS(X)
#undef X
} Curl;

/* Its functions, after curl_load(). A URL that http_url_is_valid() likes has loaded them. */
extern Curl curl;

/* At once when it is loaded already, from the disk the first time. False: it is not installed, or too old, and the log
 * has said so. */
bool curl_load(void) _warn_unused_;
