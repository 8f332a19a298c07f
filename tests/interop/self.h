/* SPDX-License-Identifier: Apache-2.0 */
/* What a test program sees of itself: open descriptors, resident memory, and what of it is allocated. */
#pragma once

#include <stdint.h>

unsigned self_count_fds(void);
uint64_t self_rss_kb(void);
uint64_t self_heap_kb(void);
