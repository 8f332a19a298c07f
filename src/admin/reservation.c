/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/reservation.h"

#include "base/mem.h"
#include "base/str.h"

struct Reservation {
        List list;
        Reservations *all;
        char *agent, *name;
        bool has_run, has_exited;
};

void reservations_init(Reservations *all) {
        list_init(&all->list);
        all->n = 0;
}

bool reservations_have_name(const Reservations *all, const char *name) {
        LIST_FOREACH(v, &all->list, Reservation, list)
                if (streq(v->name, name))
                        return true;
        return false;
}

bool reservations_include(const Reservations *all, const char *agent, const char *name) {
        LIST_FOREACH(v, &all->list, Reservation, list)
                if (streq(v->agent, agent) && streq(v->name, name))
                        return true;
        return false;
}

unsigned reservations_count(const Reservations *all, const char *agent) {
        unsigned n = 0;

        LIST_FOREACH(v, &all->list, Reservation, list)
                n += streq(v->agent, agent);
        return n;
}

void reservations_tell(Reservations *all, const char *agent, const char *name, bool exited) {
        LIST_FOREACH(v, &all->list, Reservation, list)
                if (streq(v->name, name) && streq(v->agent, agent)) {
                        v->has_exited = exited && v->has_run;
                        v->has_run = v->has_run || !exited;
                }
}

int reservation_new(Reservations *all, const char *agent, const char *name, Reservation **ret) {
        _cleanup_(reservation_freep) Reservation *v = NULL;

        v = mem_new0(Reservation, 1);
        if (!v)
                return -ENOMEM;
        v->all = all;
        all->n++;
        v->agent = strdup(agent);
        v->name = strdup(name);
        if (!v->agent || !v->name)
                return -ENOMEM;
        list_append(&all->list, &v->list);
        *ret = TAKE_PTR(v);
        return 0;
}

const char *reservation_get_name(const Reservation *v) {
        return v->name;
}

bool reservation_has_exited(const Reservation *v) {
        return v->has_exited;
}

Reservation *reservation_free(Reservation *v) {
        if (!v)
                return NULL;
        list_remove(&v->list);
        v->all->n--;
        free(v->agent);
        free(v->name);
        free(v);
        return NULL;
}
