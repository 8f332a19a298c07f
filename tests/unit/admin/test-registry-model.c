/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on the registry beside a naive model of it: after each one the list is the model's, and readers of
 * every speed that apply what they are told arrive at the list. */
#include "unit/admin/entries.h"

#define N_AGENTS     4
#define N_UNITS      6
#define N_READERS    6
#define N_OPERATIONS 4000
#define N_SEEDS      12

static const char *const agents[N_AGENTS] = { "givc-ghaf-host.service", "givc-a.service", "givc-b.service",
        "givc-c.service" };
static const char *const units[N_UNITS] = { "", "x.service", "y.service", "foot@0.service", "foot@1.service",
        "microvm@a.service" }; /* the first stands for the agent itself */

/* One place in the model for each possible key. */
typedef struct Cell {
        bool there;
        ServiceType service;
        unsigned state; /* index into states */
} Cell;

/* How an entry was seen after the operation before. */
typedef struct Seen {
        bool there;
        VmStatus status;
        usec_t since;
} Seen;

typedef struct Model {
        Cell cells[N_AGENTS][N_UNITS];
        Seen seen[N_AGENTS][N_UNITS];
        bool reachable[N_AGENTS];
        usec_t began; /* the operation */
} Model;

typedef struct Reader {
        Watch *watch;
        unsigned speed; /* reads once in so many operations */
        unsigned greed; /* takes at most so many events at a time; 0: all */
        EntryImage *known[N_AGENTS * N_UNITS];
        size_t n_known;
} Reader;

static unsigned seed;

static unsigned dice(unsigned n) {
        seed = seed * 1103515245 + 12345;
        return (seed >> 16) % n;
}

static const char *unit_name(unsigned agent, unsigned unit) {
        return unit == 0 ? agents[agent] : units[unit];
}

static UnitStatus state_of(const char *name, unsigned state) {
        static const char *const states[][3] = {
                { "active", "running", "running" },
                { "active", "running", "frozen" },
                { "active", "exited", "running" },
                { "activating", "start", "running" },
                { "inactive", "dead", "running" },
                { "failed", "failed", "running" },
        };

        return status_of(name, states[state][0], states[state][1], states[state][2]);
}

static ServiceType service_of(unsigned unit) {
        if (unit == 0)
                return SERVICE_MGR;
        return unit == 5 ? SERVICE_VM : unit >= 3 ? SERVICE_APP : SERVICE_SVC;
}

static bool model_agent_is_empty(const Model *m, unsigned a) {
        for (unsigned u = 0; u < N_UNITS; u++)
                if (m->cells[a][u].there)
                        return false;
        return true;
}

/* The registry forgets that an agent was unreachable with its last entry. */
static void model_drop(Model *m, unsigned a, unsigned u) {
        m->cells[a][u] = (Cell){};
        if (model_agent_is_empty(m, a))
                m->reachable[a] = true;
}

static void model_drop_agent(Model *m, unsigned a) {
        for (unsigned u = 0; u < N_UNITS; u++)
                model_drop(m, a, u);
}

static void do_put(Registry *r, Model *m, unsigned a, unsigned u) {
        /* Now and then a unit comes back as another kind of thing. */
        ServiceType service = u == 1 && dice(4) == 0 ? SERVICE_APP : service_of(u);
        unsigned state = dice(4);
        UnitStatus s = state_of(unit_name(a, u), state);

        assert_true(put(r, agents[a], unit_name(a, u), VM_SYS, service, &s) >= 0);
        m->cells[a][u] = (Cell){ true, service, state };
}

static void do_update(Registry *r, Model *m, unsigned a, unsigned u) {
        unsigned state = dice(6);
        UnitStatus s = state_of(unit_name(a, u), state);
        Cell *c = &m->cells[a][u];
        int k = registry_update(r, agents[a], unit_name(a, u), &s);

        assert_int_equal(k == -ENOENT, !c->there);
        if (!c->there)
                return;
        c->state = state;
        if (c->service == SERVICE_APP && state >= 4)
                model_drop(m, a, u);
}

static void do_remove(Registry *r, Model *m, unsigned a, unsigned u) {
        bool there = m->cells[a][u].there;

        assert_int_equal(registry_remove(r, agents[a], unit_name(a, u)), there ? 0 : -ENOENT);
        if (!there)
                return;
        if (u == 0)
                model_drop_agent(m, a);
        else if (m->cells[a][u].service == SERVICE_VM && a != 1)
                model_drop_agent(m, 1); /* microvm@a runs givc-a */
        model_drop(m, a, u);
}

static void do_reach(Registry *r, Model *m, unsigned a) {
        bool reachable = dice(2);

        registry_set_reachable(r, agents[a], reachable);
        if (!model_agent_is_empty(m, a))
                m->reachable[a] = reachable;
}

static void do_something(Registry *r, Model *m) {
        unsigned a = dice(N_AGENTS), u = dice(N_UNITS);

        switch (dice(8)) {
        case 0:
        case 1:
        case 2:
                do_put(r, m, a, u);
                break;
        case 3:
        case 4:
        case 5:
                do_update(r, m, a, u);
                break;
        case 6:
                do_remove(r, m, a, u);
                break;
        default:
                do_reach(r, m, a);
        }
}

/* Its time changes with its status and with nothing else. */
static void assert_since(Model *m, unsigned a, unsigned u, const EntryImage *image) {
        Seen *seen = &m->seen[a][u];

        if (seen->there && seen->status == image->status)
                assert_int_equal(image->since_usec, seen->since);
        else
                assert_true(image->since_usec >= m->began);
        *seen = (Seen){ true, image->status, image->since_usec };
}

static void assert_model(const Registry *r, Model *m) {
        size_t n = 0;

        for (unsigned a = 0; a < N_AGENTS; a++)
                for (unsigned u = 0; u < N_UNITS; u++) {
                        const Cell *c = &m->cells[a][u];
                        const Entry *e = registry_get(r, agents[a], unit_name(a, u));
                        UnitStatus s = state_of(unit_name(a, u), c->state);

                        assert_int_equal(e != NULL, c->there);
                        if (!c->there) {
                                m->seen[a][u] = (Seen){};
                                continue;
                        }
                        n++;
                        assert_int_equal(e->type.service, c->service);
                        assert_true(unit_status_equal(&e->status, &s));
                        assert_int_equal(e->image->status,
                                        m->reachable[a] ? vm_status_from_unit(&s) : VM_STATUS_POWERED_OFF);
                        assert_since(m, a, u, e->image);
                }
        assert_int_equal(registry_count(r), n);
}

static void reader_forget_all(Reader *reader) {
        while (reader->n_known > 0)
                entry_image_unref(reader->known[--reader->n_known]);
}

static size_t reader_find(Reader *reader, const EntryImage *image) {
        for (size_t i = 0; i < reader->n_known; i++)
                if (entry_image_equal(reader->known[i], image))
                        return i;
        return SIZE_MAX;
}

/* The line that an update is about: there must be exactly one. */
static size_t reader_find_line(Reader *reader, const EntryImage *image) {
        size_t found = SIZE_MAX;

        for (size_t i = 0; i < reader->n_known; i++)
                if (streq(reader->known[i]->name, image->name) && streq(reader->known[i]->vm, image->vm)) {
                        assert_true(found == SIZE_MAX);
                        found = i;
                }
        return found;
}

static void reader_add(Reader *reader, EntryImage *image) {
        assert_true(reader->n_known < ELEMENTSOF(reader->known));
        reader->known[reader->n_known++] = entry_image_ref(image);
}

static void reader_remove(Reader *reader, size_t i) {
        assert_true(i < reader->n_known);
        entry_image_unref(reader->known[i]);
        reader->known[i] = reader->known[--reader->n_known];
}

static void reader_apply(Reader *reader, const Registry *r, const WatchEvent *event) {
        switch (event->type) {
        case WATCH_INITIAL:
                reader_forget_all(reader);
                for (const Entry *e = registry_next(r, NULL, NULL); e; e = registry_next(r, NULL, e))
                        reader_add(reader, e->image);
                break;
        case WATCH_ADDED:
                reader_add(reader, event->image);
                break;
        case WATCH_UPDATED:
                reader_remove(reader, reader_find_line(reader, event->image));
                reader_add(reader, event->image);
                break;
        case WATCH_REMOVED:
                reader_remove(reader, reader_find(reader, event->image));
                break;
        }
}

static bool reader_step(Reader *reader, const Registry *r) {
        _cleanup_(watch_event_done) WatchEvent event = {};
        int k = watch_next(reader->watch, &event);

        assert_true(k >= 0);
        if (k == 0)
                return false;
        reader_apply(reader, r, &event);
        return true;
}

static void assert_reader(Reader *reader, const Registry *r) {
        assert_int_equal(reader->n_known, registry_count(r));
        for (const Entry *e = registry_next(r, NULL, NULL); e; e = registry_next(r, NULL, e))
                assert_true(reader_find(reader, e->image) != SIZE_MAX);
}

/* Only who has taken all that there was has to have arrived. */
static void reader_read(Reader *reader, const Registry *r) {
        for (unsigned n = 0; reader->greed == 0 || n < reader->greed; n++)
                if (!reader_step(reader, r)) {
                        assert_reader(reader, r);
                        return;
                }
}

static void on_ready(void *userdata) {
        (void) userdata;
}

static void run(unsigned with_seed) {
        _cleanup_(registry_freep) Registry *r = NULL;
        Reader readers[N_READERS] = { { .speed = 1 }, { .speed = 3 }, { .speed = 50 }, { .speed = 1000 },
                { .speed = 1, .greed = 1 }, { .speed = 2, .greed = 1 } };
        Model m = { .reachable = { true, true, true, true } };

        seed = with_seed;
        assert_int_equal(registry_new(&r), 0);
        for (size_t i = 0; i < N_READERS; i++)
                assert_int_equal(watch_new(registry_get_hub(r), on_ready, NULL, &readers[i].watch), 0);
        for (unsigned n = 1; n <= N_OPERATIONS; n++) {
                m.began = time_now(CLOCK_REALTIME);
                do_something(r, &m);
                assert_model(r, &m);
                for (size_t i = 0; i < N_READERS; i++)
                        if (n % readers[i].speed == 0)
                                reader_read(&readers[i], r);
                watch_hub_dispatch(registry_get_hub(r));
        }
        for (size_t i = 0; i < N_READERS; i++) {
                readers[i].greed = 0;
                reader_read(&readers[i], r);
                reader_forget_all(&readers[i]);
                watch_free(readers[i].watch);
        }
}

static void test_readers_arrive_at_the_list(void **state) {
        (void) state;
        for (unsigned i = 1; i <= N_SEEDS; i++)
                run(i * 7919);
}

/* What waits for a reader that never reads does not grow with what happens. */
static void test_what_waits_is_bounded(void **state) {
        _cleanup_(registry_freep) Registry *r = NULL;
        Watch *watch;
        unsigned n = 0;

        (void) state;
        assert_int_equal(registry_new(&r), 0);
        assert_int_equal(watch_new(registry_get_hub(r), on_ready, NULL, &watch), 0);
        assert_int_equal(watch_next(watch, &(WatchEvent){}), 1);
        assert_int_equal(put(r, agents[1], agents[1], VM_APP, SERVICE_MGR, NULL), 1);
        for (unsigned i = 0; i < 10000; i++) {
                _cleanup_free_ char *name = strf("foot@%u.service", i);
                UnitStatus s = dead(name);

                assert_int_equal(put(r, agents[1], name, VM_APP, SERVICE_APP, NULL), 1);
                assert_int_equal(registry_update(r, agents[1], name, &s), 1);
        }
        for (;; n++) {
                _cleanup_(watch_event_done) WatchEvent event = {};

                if (watch_next(watch, &event) == 0)
                        break;
        }
        assert_int_equal(n, 1);
        watch_free(watch);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_readers_arrive_at_the_list),
                cmocka_unit_test(test_what_waits_is_bounded),
        };

        return cmocka_run_group_tests_name("admin-registry-model", tests, NULL, NULL);
}
