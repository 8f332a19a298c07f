/* SPDX-License-Identifier: Apache-2.0 */
/* A service manager for one agent of the soak, on a bus of its own: SOCKET SEED UNIT… It obeys the words on its
 * standard input, one a line, and answers each with a line: "churn" lets units change by themselves and jobs take their
 * time, "quiet" ends that, "state" tells about all units, "reload", "drop" (all connections) and "restart" (of the
 * manager) are what befalls a bus. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "fake/fake-systemd.h"

#define TICK_USEC      (15 * USEC_PER_MSEC)
#define INSTANCES      256 /* more than a round has starts at a time */
#define MANY_INSTANCES 8   /* from here on they end soon */

typedef struct Manager {
        sd_event *event;
        FakeSystemd *fake;
        sd_event_source *timer;
        char **units;
        size_t n_units;
        unsigned seed;
} Manager;

static unsigned dice(Manager *m, unsigned n) {
        return (unsigned) rand_r(&m->seed) % n;
}

/* Names of units that may be there: those that were given, then instances of the application. */
static FakeUnit *unit_at(Manager *m, size_t i) {
        char name[32];

        if (i < m->n_units)
                return fake_systemd_find(m->fake, m->units[i]);
        (void) snprintf(name, sizeof(name), "app@%zu.service", i - m->n_units);
        return fake_systemd_find(m->fake, name);
}

static void churn_service(Manager *m, FakeUnit *u) {
        static const char *const states[][2] = {
                { "active", "running" },
                { "inactive", "dead" },
                { "failed", "failed" },
                { "activating", "start" },
        };
        unsigned k = dice(m, ELEMENTSOF(states));

        if (dice(m, 4) == 0 && streq(u->active_state, "active"))
                fake_unit_set_freezer_state(m->fake, u->name, dice(m, 2) ? "frozen" : "running");
        else
                fake_unit_set_state(m->fake, u->name, states[k][0], states[k][1]);
}

static void finish_jobs(Manager *m) {
        for (size_t i = 0; i < m->n_units + INSTANCES; i++) {
                FakeUnit *u = unit_at(m, i);

                if (u && u->job != 0)
                        fake_job_finish(m->fake, u->name, "done");
        }
}

/* One of those that are there; *ret_n: how many instances these are. */
static FakeUnit *pick(Manager *m, unsigned *ret_n) {
        FakeUnit *there[INSTANCES];
        unsigned n = 0, k;

        for (size_t i = 0; i < INSTANCES; i++) {
                there[n] = unit_at(m, m->n_units + i);
                n += there[n] != NULL;
        }
        *ret_n = n;
        k = dice(m, m->n_units + n);
        return k < m->n_units ? unit_at(m, k) : there[k - m->n_units];
}

static void churn(Manager *m) {
        static const FakeJobs jobs[] = { FAKE_JOBS_AT_ONCE, FAKE_JOBS_EARLY, FAKE_JOBS_HELD };
        FakeUnit *u;
        unsigned n;

        if (dice(m, 5) == 0)
                finish_jobs(m);
        if (dice(m, 20) == 0)
                fake_systemd_set_jobs(m->fake, jobs[dice(m, ELEMENTSOF(jobs))]);
        u = pick(m, &n);
        if (u->job != 0 || startswith(u->name, "givc-") || startswith(u->name, "microvm@"))
                return;
        if (!startswith(u->name, "app@"))
                churn_service(m, u);
        else if (streq(u->active_state, "active") && (n > MANY_INSTANCES || dice(m, 10) == 0))
                fake_unit_exit(m->fake, u->name, dice(m, 3));
}

static int on_tick(sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        churn(userdata);
        return sd_event_source_set_time_relative(source, TICK_USEC);
}

static void tell_state(Manager *m) {
        const char *comma = "";

        printf("{");
        for (size_t i = 0; i < m->n_units + INSTANCES; i++) {
                FakeUnit *u = unit_at(m, i);

                if (!u)
                        continue;
                printf("%s\"%s\": [\"%s\", \"%s\", \"%s\"]", comma, u->name, u->active_state, u->sub_state,
                                u->freezer_state);
                comma = ", ";
        }
        printf("}\n");
}

static void obey(Manager *m, const char *word) {
        if (streq(word, "state"))
                return tell_state(m);
        if (streq(word, "churn"))
                (void) sd_event_source_set_enabled(m->timer, SD_EVENT_ON);
        else if (streq(word, "quiet")) {
                (void) sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
                fake_systemd_set_jobs(m->fake, FAKE_JOBS_AT_ONCE);
                finish_jobs(m);
        } else if (streq(word, "reload"))
                fake_systemd_reload(m->fake);
        else if (streq(word, "drop"))
                fake_systemd_disconnect(m->fake);
        else if (streq(word, "restart")) {
                fake_systemd_leave(m->fake);
                fake_systemd_return(m->fake);
        }
        printf("ok\n");
}

static int on_words(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        Manager *m = userdata;
        char text[256], *rest = text;
        ssize_t n = read(fd, text, sizeof(text) - 1);

        if (n <= 0)
                return sd_event_exit(m->event, 0);
        text[n] = '\0';
        for (char *word; (word = strsep(&rest, "\n"));)
                if (!isempty(word))
                        obey(m, word);
        return 0;
}

int main(int argc, char **argv) {
        Manager m = {};

        if (argc < 3)
                return 2;
        setvbuf(stdout, NULL, _IOLBF, 0);
        m.seed = (unsigned) atoi(argv[2]);
        m.units = argv + 3;
        m.n_units = (size_t) argc - 3;
        if (sd_event_default(&m.event) < 0)
                return 1;
        fake_systemd_new(m.event, &m.fake);
        fake_systemd_announce_freezer(m.fake, true); /* what nobody says, nobody can know */
        for (size_t i = 0; i < m.n_units; i++) {
                (void) fake_systemd_add(m.fake, m.units[i]);
                fake_unit_set_state(m.fake, m.units[i], "active", "running");
        }
        fake_systemd_listen(m.fake, argv[1]);
        if (sd_event_add_time_relative(m.event, &m.timer, CLOCK_MONOTONIC, 0, 1, on_tick, &m) < 0 ||
                        sd_event_source_set_enabled(m.timer, SD_EVENT_OFF) < 0 ||
                        sd_event_add_io(m.event, NULL, STDIN_FILENO, EPOLLIN, on_words, &m) < 0)
                return 1;
        puts("ok");
        (void) sd_event_loop(m.event);
        sd_event_source_disable_unref(m.timer);
        fake_systemd_free(m.fake);
        sd_event_unref(m.event);
        return 0;
}
