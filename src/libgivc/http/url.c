/* SPDX-License-Identifier: Apache-2.0 */
#include "http/url.h"

#include <strings.h>

#include "base/mem.h"
#include "http/curl.h"

/* The parser is lenient with slashes that are missing or too many. */
static bool url_has_authority(const char *text) {
        static const char *const prefixes[] = { "http://", "https://" };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (strncasecmp(text, prefixes[i], strlen(prefixes[i])) == 0)
                        return !strchr("/?#", text[strlen(prefixes[i])]);
        return false;
}

bool http_url_is_secure(const char *url) {
        return strncasecmp(url, "https:", strlen("https:")) == 0;
}

void http_url_prepare(void) {
        (void) !curl_load();
}

bool http_url_is_valid(const char *text) {
        CURLU *url;
        bool good;

        if (!url_has_authority(text) || !curl_load())
                return false;
        url = curl.url();
        good = url && curl.url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK;
        curl.url_cleanup(url);
        return good;
}
