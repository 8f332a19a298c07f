/* SPDX-License-Identifier: Apache-2.0 */
/* Names that starts in progress have taken, and what becomes of their units meanwhile. Which names are free is the
 * registry's to say. */
#pragma once

#include "base/list.h"

typedef struct Reservation Reservation;

/* All that there are. */
typedef struct Reservations {
        List list;
        unsigned n;
} Reservations;

void reservations_init(Reservations *all);
/* Whether any agent's start has that name. */
bool reservations_have_name(const Reservations *all, const char *name);
bool reservations_include(const Reservations *all, const char *agent, const char *name);
unsigned reservations_count(const Reservations *all, const char *agent);
/* The state of a unit has become known. */
void reservations_tell(Reservations *all, const char *agent, const char *name, bool exited);

/* Takes the name, which is copied, until it is freed; not after all has gone. 0 or -ENOMEM. */
int reservation_new(Reservations *all, const char *agent, const char *name, Reservation **ret) _warn_unused_;
const char *reservation_get_name(const Reservation *v);
/* The unit was seen to run and then to end since it was reserved. */
bool reservation_has_exited(const Reservation *v);
Reservation *reservation_free(Reservation *v);
DEFINE_CLEANUP(Reservation *, reservation_free)
