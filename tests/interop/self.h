/* SPDX-License-Identifier: Apache-2.0 */
/* What a test program sees of itself: open descriptors and resident memory. */
#pragma once

#include <stdint.h>

unsigned self_count_fds(void);
uint64_t self_rss_kb(void);
