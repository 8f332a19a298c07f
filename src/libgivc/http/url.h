/* SPDX-License-Identifier: Apache-2.0 */
/* What a URL of the web is. */
#pragma once

#include "base/macro.h"

/* http or https, with a host and without a user, as libcurl's parser has it; without libcurl, nothing. */
bool http_url_is_valid(const char *url);
/* Whether a valid one is of https: the scheme's case does not count. */
bool http_url_is_secure(const char *url);
