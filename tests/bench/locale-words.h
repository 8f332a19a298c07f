/* SPDX-License-Identifier: Apache-2.0 */
/* For C++ of locale.proto: the contract names its enumerators with words that are macros in libc. */
#pragma once

#include <clocale>

#undef LC_ALL
#undef LC_CTYPE
#undef LC_NUMERIC
#undef LC_TIME
#undef LC_COLLATE
#undef LC_MONETARY
#undef LC_MESSAGES
#undef LC_PAPER
#undef LC_NAME
#undef LC_ADDRESS
#undef LC_TELEPHONE
#undef LC_MEASUREMENT
#undef LC_IDENTIFICATION
