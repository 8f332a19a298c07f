/* SPDX-License-Identifier: Apache-2.0 */
/* stats.StatsService, on a /proc and a /sys that are made up; the test plays the program that knows the version. */
#include "agent/stats.h"
#include "base/fd.h"
#include "stats.pb-c.h"
#include "unit/agent/calling.h"
#include "unit/agent/root.h"

#define STATS (&stats__stats_service__descriptor)
#define PAGE  ((uint64_t) sysconf(_SC_PAGESIZE))

static void write_times(const Root *root, unsigned user, unsigned system, unsigned idle) {
        root_write(root, "/proc/stat",
                        "cpu  %u 1 %u %u 0 2 3 0 77 0\ncpu0 1 1 1 1 0 0 0 0 0 0\ncpu1 1 1 1 1 0 0 0 0 0 0\nintr 5 1\n",
                        user, system, idle);
}

static void write_process(const Root *root, unsigned pid, const char *name, char state, unsigned user, unsigned system,
                unsigned start, unsigned pages) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%u/stat", pid);
        root_write(root, path, "%u (%s) %c 1 2 3 4 -1 5 6 7 8 9 %u %u 10 11 20 0 1 0 %u 4096 %u 184467 1\n", pid, name,
                        state, user, system, start, pages);
}

static void write_rest(const Root *root) {
        root_write(root, "/proc/meminfo",
                        "MemTotal: 1000 kB\nMemFree:  400 kB\nMemAvailable: 700 kB\nBuffers: 5 kB\nCached: 200 kB\n"
                        "SwapCached: 1 kB\n");
        root_write(root, "/proc/loadavg", "0.50 1.25 2.00 1/234 5678\n");
        root_write(root, "/proc/uptime", "1 1\n");
}

typedef struct Caller {
        Stats *stats;
        const Root *root;
        Fiber *fiber;
        bool began;
        Figures figures;
        int r;
} Caller;

static int caller_main(void *userdata) {
        Caller *c = userdata;

        c->began = true; /* whoever sees this runs when it waits */
        c->r = stats_get_wait(c->stats, c->root->path, &c->figures);
        return c->r;
}

/* Its first look is over when this returns, unless there are many processes. */
static void caller_start(Caller *c, Stats *stats, const Root *root) {
        *c = (Caller){ .stats = stats, .root = root, .r = 1 };
        check(fiber_start(&c->fiber, caller_main, c) == 0);
        check_becomes(c->began);
}

static bool is_near(float a, double b) {
        return a > b - 0.01 && a < b + 0.01;
}

/* Times of processes that stay, come, go, and take the number of one that has gone. */
static int test_difference(World *w) {
        Stats *stats = agent_get_stats(w->agent);
        const Figures *f;
        Caller c;
        ROOT root;

        root_init(&root);
        write_rest(&root);
        write_times(&root, 100, 50, 1000);
        write_process(&root, 1, "init", 'S', 10, 10, 1, 3);
        write_process(&root, 10, "a (b) c", 'R', 100, 100, 5, 100);
        write_process(&root, 20, "goes", 'S', 5000, 0, 6, 1);
        write_process(&root, 30, "old", 'S', 9000, 9000, 7, 1);
        root_write(&root, "/proc/50/comm", "vanishes\n");
        caller_start(&c, stats, &root);
        check(c.r == 1);
        write_times(&root, 300, 150, 1700);
        write_process(&root, 10, "a (b) c", 'R', 160, 130, 5, 100);
        root_remove(&root, "/proc/20/stat");
        write_process(&root, 30, "reused", 'S', 5, 6, 70, 2);
        write_process(&root, 40, "new\xff", 'D', 20, 0, 80, 50);
        check_becomes(c.r != 1);
        check(c.r == 0);
        f = &c.figures;
        check(f->spent.user == 200 && f->spent.system == 100 && f->spent.total == 1000 && f->spent.n_cpus == 2);
        check(f->n_processes == 4 && f->n_running == 1);
        check(f->n_by_cpu == 3 && f->n_by_memory == 4);
        check_streq(f->by_cpu[0].process.name, "a (b) c");
        check(is_near(f->by_cpu[0].user, 6) && is_near(f->by_cpu[0].system, 3));
        check_streq(f->by_cpu[1].process.name, "new?");
        check(is_near(f->by_cpu[1].user, 2) && is_near(f->by_cpu[1].system, 0));
        check_streq(f->by_cpu[2].process.name, "reused");
        check(is_near(f->by_cpu[2].user, 0.5) && is_near(f->by_cpu[2].system, 0.6));
        check_streq(f->by_memory[0].process.name, "a (b) c");
        check(f->by_memory[0].process.resident == 100 * PAGE);
        check_streq(f->by_memory[1].process.name, "new?");
        check(f->by_memory[3].process.resident == 2 * PAGE);
        check(f->memory.total == 1000 * 1024 && f->memory.free == 400 * 1024 && f->memory.available == 700 * 1024);
        check(f->memory.cached == 200 * 1024);
        check(is_near(f->load[0], 0.5) && is_near(f->load[1], 1.25) && is_near(f->load[2], 2));
        return 0;
}

/* Nothing has happened, or time went back: nobody divides by it, and nothing underflows. */
static int test_no_time(World *w) {
        ROOT root;

        root_init(&root);
        write_rest(&root);
        for (unsigned back = 0; back <= 1; back++) {
                Stats *stats = stats_new();
                Caller c;

                write_times(&root, 100, 50, 1000);
                write_process(&root, 1, "init", 'S', 10, 10, 1, 3);
                caller_start(&c, stats, &root);
                if (back) {
                        write_times(&root, 90, 40, 900);
                        write_process(&root, 1, "init", 'S', 9, 9, 1, 3);
                }
                check_becomes(c.r != 1);
                check(c.r == 0 && c.figures.spent.total == 0 && c.figures.spent.user == 0);
                check(c.figures.n_by_cpu == 0 && c.figures.n_by_memory == 1);
                check(c.figures.by_memory[0].user == 0 && c.figures.by_memory[0].system == 0);
                stats_free(stats);
        }
        check(w);
        return 0;
}

static int spin_main(void *userdata) {
        unsigned *n = userdata;

        for (;;) {
                int r = fiber_sleep_wait(0);

                if (r < 0)
                        return r;
                (*n)++;
        }
}

/* The five of each kind, most first, of many; and others run while all of them are read. */
static int test_many(World *w) {
        unsigned turns = 0;
        Fiber *spinner;
        Caller c;
        ROOT root;

        root_init(&root);
        write_rest(&root);
        write_times(&root, 0, 0, 0);
        caller_start(&c, agent_get_stats(w->agent), &root);
        check_becomes(c.r != 1);
        check(fiber_sleep_wait(STATS_MIN_USEC) == 0);
        for (unsigned i = 1; i <= 1000; i++)
                write_process(&root, i, "x", 'S', (i * 11) % 1000, 0, 1, (i * 7) % 1000);
        write_times(&root, 100000, 0, 0);
        check(fiber_start(&spinner, spin_main, &turns) == 0);
        caller_start(&c, agent_get_stats(w->agent), &root);
        check_becomes(c.r != 1);
        check(turns >= 5);
        fiber_cancel(spinner);
        check(c.r == 0 && c.figures.n_by_cpu == STATS_TOP && c.figures.n_by_memory == STATS_TOP);
        check(c.figures.n_processes == 1000);
        for (unsigned i = 0; i < STATS_TOP; i++) {
                check(c.figures.by_cpu[i].ticks == 999 - i);
                check(c.figures.by_memory[i].process.resident == (999 - i) * PAGE);
        }
        return 0;
}

/* Callers at one time get one answer; who leaves takes it from nobody. */
static int test_callers(World *w) {
        Stats *stats = agent_get_stats(w->agent);
        Caller c[4];
        ROOT root;

        root_init(&root);
        write_rest(&root);
        write_times(&root, 0, 0, 0);
        write_process(&root, 1, "init", 'S', 0, 0, 1, 3);
        for (size_t i = 0; i < ELEMENTSOF(c); i++)
                caller_start(&c[i], stats, &root);
        fiber_cancel(c[0].fiber); /* who looks */
        fiber_cancel(c[2].fiber); /* who waits for that */
        write_process(&root, 1, "init", 'S', 100, 0, 1, 3);
        write_times(&root, 1000, 0, 0);
        check_becomes(c[0].r != 1 && c[1].r != 1 && c[2].r != 1 && c[3].r != 1);
        check(c[0].r == -ECANCELED && c[2].r == -ECANCELED);
        check(c[1].r == 0 && c[3].r == 0);
        check(memcmp(&c[1].figures.spent, &c[3].figures.spent, sizeof(ProcTimes)) == 0);
        return 0;
}

/* Who calls often is told of the last seconds, not of the time since somebody else has called, and does not wait. */
static int test_often(World *w) {
        Stats *stats = agent_get_stats(w->agent);
        usec_t begin;
        Caller c;
        ROOT root;

        root_init(&root);
        write_rest(&root);
        write_times(&root, 0, 0, 0);
        write_process(&root, 1, "init", 'S', 0, 0, 1, 3);
        caller_start(&c, stats, &root);
        check_becomes(c.r != 1);
        check(fiber_sleep_wait(STATS_MIN_USEC) == 0);
        write_times(&root, 600, 0, 400);
        caller_start(&c, stats, &root);
        check(c.r == 0 && c.figures.spent.user == 600 && c.figures.spent.total == 1000);
        begin = time_now(CLOCK_MONOTONIC);
        while (time_now(CLOCK_MONOTONIC) - begin < 2 * STATS_SAME_USEC)
                check(fiber_sleep_wait(10 * USEC_PER_MSEC) == 0);
        write_times(&root, 700, 0, 500);
        caller_start(&c, stats, &root);
        check(c.r == 0 && c.figures.spent.user == 700 && c.figures.spent.total == 1200);
        return 0;
}

static void test_lines(_unused_ void **state) {
        static const char *const processes[] = { "", "1", "1 (x", "1 x) S", "1 )( S 1", "1 (x)", "1 (x) S 1 2 3",
                "1 (x) S 1 2 3 4 -1 5 6 7 8 9 u s 10 11 20 0 1 0 7 4096 8" };
        static const char *const times[] = { "", "cpu", "cpu \n", "cpu  1 2 3\n", "intr 1 2 3 4 5 6 7 8\n" };
        static const char *const memories[] = { "", "MemTotal: 1 kB\n",
                "MemTotal: 1 MB\nMemFree: 1 kB\nMemAvailable: 1 kB\nCached: 1 kB\n" };
        static const char *const loads[] = { "", "1 2", "a b c d" };
        ProcProcess process;
        ProcMemory memory;
        ProcTimes t;
        float load[3];

        for (size_t i = 0; i < ELEMENTSOF(processes); i++)
                assert_int_equal(proc_parse_process(processes[i], &process), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(times); i++)
                assert_int_equal(proc_parse_times(times[i], &t), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(memories); i++)
                assert_int_equal(proc_parse_memory(memories[i], &memory), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(loads); i++)
                assert_int_equal(proc_parse_load(loads[i], load), -EBADMSG);
}

static int call_stats(World *w, const char *method, usec_t usec, void *ret, RpcStatus *reterr) {
        Stats__StatsRequest request = STATS__STATS_REQUEST__INIT;
        const RpcCallOptions options = within(usec);

        return rpc_channel_call_wait(w->channel, STATS, method, &request, &options, ret, reterr);
}

/* This machine's own. */
static int test_get_stats(World *w) {
        _cleanup_proto_ Stats__StatsResponse *reply = NULL;
        RpcStatus status = {};

        check(call_stats(w, "GetStats", 10 * USEC_PER_SEC, &reply, &status) == 0);
        check(reply->memory->total > reply->memory->available && reply->memory->available > 0);
        check(reply->process->cpus == (unsigned) sysconf(_SC_NPROCESSORS_ONLN) && reply->process->total > 1);
        check(reply->process->running >= 1 && reply->process->totalcycles > 0);
        check(reply->process->n_memprocesses == STATS_TOP && reply->load);
        check(reply->process->memprocesses[0]->ressetsize >= reply->process->memprocesses[4]->ressetsize);
        return 0;
}

static int test_unreadable(World *w) {
        _cleanup_(rpc_status_done) RpcStatus missing = {}, malformed = {};
        ROOT root;

        root_init(&root);
        agent_set_root(w->agent, root.path);
        check(call_stats(w, "GetStats", 10 * USEC_PER_SEC, NULL, &missing) < 0);
        check(missing.code == RPC_UNAVAILABLE);
        check_streq(missing.message, "The figures of this machine cannot be read: No such file or directory.");
        write_rest(&root);
        write_times(&root, 0, 0, 0);
        root_write(&root, "/proc/7/stat", "nonsense");
        check(call_stats(w, "GetStats", 10 * USEC_PER_SEC, NULL, &malformed) < 0);
        check(malformed.code == RPC_UNAVAILABLE);
        return 0;
}

static FakeUnit *find_program(World *w) {
        return fake_systemd_find_by_prefix(w->fake, "givc-exec-");
}

static void program_exit(World *w, FakeUnit *unit, int status) {
        for (size_t i = 0; i < ELEMENTSOF(unit->stdio); i++)
                unit->stdio[i] = fd_close(unit->stdio[i]);
        fake_unit_exit(w->fake, unit->name, status);
}

/* Leaves while the agent looks, and while the program does not answer. */
static int test_leaving(World *w) {
        _cleanup_(rpc_status_done) RpcStatus looking = {}, asking = {};

        check(call_stats(w, "GetStats", 50 * USEC_PER_MSEC, NULL, &looking) < 0);
        check(looking.code == RPC_DEADLINE_EXCEEDED);
        check_becomes(count_handlers(w) == 0);
        check(call_stats(w, "GetSysinfo", 300 * USEC_PER_MSEC, NULL, &asking) < 0);
        check(asking.code == RPC_DEADLINE_EXCEEDED);
        check(fake_systemd_count_calls(w->fake, "StartTransientUnit") == 1);
        check_becomes(count_handlers(w) == 0 && !find_program(w));
        return 0;
}

typedef struct Version {
        World *w;
        const char *text;
        int status;
} Version;

/* The program that the agent asks. */
static int version_main(void *userdata) {
        const Version *v = userdata;
        FakeUnit *unit;

        check_becomes(find_program(v->w) && find_program(v->w)->stdio[1] >= 0);
        unit = find_program(v->w);
        check_streq(unit->argv[0], "ghaf-version");
        check(write(unit->stdio[1], v->text, strlen(v->text)) == (ssize_t) strlen(v->text));
        program_exit(v->w, unit, v->status);
        return 0;
}

static Stats__SysinfoResponse *get_sysinfo(World *w, const char *text) {
        Version version = { w, text, 0 };
        Stats__SysinfoResponse *reply = NULL;
        RpcStatus status = {};
        Fiber *fiber = NULL;

        check(fiber_sleep_wait(STATS_VERSION_USEC + USEC_PER_MSEC) == 0); /* else it would be the answer before */
        if (text)
                check(fiber_start(&fiber, version_main, &version) == 0);
        check(call_stats(w, "GetSysinfo", 10 * USEC_PER_SEC, &reply, &status) == 0);
        check(!fiber);
        check_becomes(!find_program(w));
        return reply;
}

#define EFI "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static int test_sysinfo(World *w) {
        static const struct {
                const char *said, *version, *uuid;
                int variable, secure, encrypted; /* -1: unset */
        } rows[] = {
                { "25.06\n", "25.06", NULL, -1, -1, -1 },
                { "", "Unknown", "LVM-abc", 0, 0, 0 },
                { " \n", "Unknown", "CRYPT-LUKS2-abc-root", 1, 1, 1 },
        };
        ROOT root;

        root_init(&root);
        agent_set_root(w->agent, root.path);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const uint8_t variable[] = { 6, 0, 0, 0, (uint8_t) rows[i].variable };
                _cleanup_proto_ Stats__SysinfoResponse *reply = NULL;

                if (rows[i].variable >= 0)
                        root_write_bytes(&root, EFI, variable, sizeof(variable));
                if (rows[i].uuid) {
                        root_write(&root, "/sys/block/sda/size", "1\n");
                        root_write(&root, "/sys/block/dm-0/dm/uuid", "%s\n", rows[i].uuid);
                }
                reply = get_sysinfo(w, rows[i].said);
                check_streq(reply->ghafversion, rows[i].version);
                check((reply->has_secure_boot_case != 0) == (rows[i].secure >= 0));
                check(!reply->has_secure_boot_case || reply->secureboot == rows[i].secure);
                check((reply->has_disk_encrypted_case != 0) == (rows[i].encrypted >= 0));
                check(!reply->has_disk_encrypted_case || reply->diskencrypted == rows[i].encrypted);
        }
        root_write(&root, EFI, "too long to be one");
        proto_free((ProtobufCMessage *) get_sysinfo(w, "x"));
        return 0;
}

/* Without the program, with one that talks without end, and without a manager. */
static int test_no_version(World *w) {
        static char much[5000];
        Stats__SysinfoResponse *reply;

        memset(much, 'x', sizeof(much) - 1);
        reply = get_sysinfo(w, much);
        check_streq(reply->ghafversion, "Unknown");
        proto_free(&reply->base);
        fake_systemd_set_job_result(w->fake, "failed");
        fake_systemd_set_failure_status(w->fake, 203);
        reply = get_sysinfo(w, NULL);
        check_streq(reply->ghafversion, "Unknown");
        proto_free(&reply->base);
        return 0;
}

static int sysinfo_main(void *userdata) {
        const Version *v = userdata;
        _cleanup_proto_ Stats__SysinfoResponse *reply = NULL;
        RpcStatus status = {};

        check(call_stats(v->w, "GetSysinfo", 10 * USEC_PER_SEC, &reply, &status) == 0);
        check_streq(reply->ghafversion, v->text);
        return 0;
}

/* A crowd that asks at once, or one after the other as fast as it can, does not make the manager start unit on unit. */
static int test_crowd(World *w) {
        Version said = { w, "25.06", 0 };
        Fiber *fibers[8] = {}, *program = NULL;

        for (size_t i = 0; i < ELEMENTSOF(fibers); i++)
                check(fiber_start(&fibers[i], sysinfo_main, &said) == 0);
        check(fiber_start(&program, version_main, &said) == 0);
        for (size_t i = 0; i < ELEMENTSOF(fibers); i++)
                check_becomes(!fibers[i]);
        check(sysinfo_main(&said) == 0);
        check(fake_systemd_count_calls(w->fake, "StartTransientUnit") == 1);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test(test_difference),
                world_test(test_no_time),
                world_test(test_many),
                world_test(test_callers),
                world_test(test_often),
                cmocka_unit_test(test_lines),
                world_test(test_get_stats),
                world_test(test_unreadable),
                world_test(test_leaving),
                world_test(test_sysinfo),
                world_test(test_no_version),
                world_test(test_crowd),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
