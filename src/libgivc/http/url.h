/* SPDX-License-Identifier: Apache-2.0 */
/* What a URL of the web is. */
#pragma once

#include "base/macro.h"

/* http or https, with a host and without a user, as libcurl's parser has it; without libcurl, nothing. */
bool http_url_is_valid(const char *url);
/* Does at once what the first of these does: libcurl is read from the disk, or the log says that it is not there. For
 * who knows that URLs will come, and has no time for that then. */
void http_url_prepare(void);
/* Whether a valid one is of https: the scheme's case does not count. */
bool http_url_is_secure(const char *url);
