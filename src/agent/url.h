/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text is a URL that an application may be given. */
#pragma once

#include "base/macro.h"

/* An http or https URL, or one of the schemes that stand for a page in an application (element, io.element.desktop),
 * of RFC 3986's characters without those that a shell or a desktop file acts on, with a host and without a user. */
bool url_is_permitted(const char *text);
