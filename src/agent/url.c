/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/url.h"

#include <ctype.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "http/url.h"

/* RFC 3986, but for the quote and the semicolon. Braces are not in it, so nothing here is a variable to systemd, which
 * expands ${NAME} anywhere in a word of a command. */
#define URL_CHARACTERS                                                                                                 \
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"                                               \
        "-._~:/?#[]@!$&()*+,=%"

/* How each may begin. What follows the scheme of an application's page is judged as if it were on the web. */
static const struct {
        const char *prefix;
        bool page;
} schemes[] = {
        { "http://", false },
        { "https://", false },
        { "element:", true },
        { "io.element.desktop:", true },
};

/* What is behind the slashes, or NULL. */
static const char *url_authority(const char *text) {
        for (size_t i = 0; i < ELEMENTSOF(schemes); i++) {
                const char *rest = text + strlen(schemes[i].prefix);

                if (strncasecmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
                        return schemes[i].page ? rest + strspn(rest, "/") : rest;
        }
        return NULL;
}

static bool url_is_well_encoded(const char *text) {
        for (const char *p = strchr(text, '%'); p; p = strchr(p + 1, '%'))
                if (!isxdigit((unsigned char) p[1]) || !isxdigit((unsigned char) p[2]))
                        return false;
        return true;
}

/* The parser is lenient where it has nothing to lose: it takes more slashes, and http://http://x for a page of the host
 * http at no particular port. */
static bool authority_is_complete(const char *authority) {
        size_t n = strcspn(authority, "/?#");

        return n > 0 && authority[n - 1] != ':';
}

bool url_is_permitted(const char *text) {
        const char *authority = url_authority(text);
        _cleanup_free_ char *web = NULL;

        if (!authority || text[strspn(text, URL_CHARACTERS)] != 0 || strstr(text, "$(") || !url_is_well_encoded(text) ||
                        !authority_is_complete(authority))
                return false;
        web = strf("http://%s", authority);
        return web && http_url_is_valid(web);
}
