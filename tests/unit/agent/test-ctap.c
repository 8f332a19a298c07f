/* SPDX-License-Identifier: Apache-2.0 */
/* ctap.Ctap over a channel; the test plays the program that talks to the key. */
#include "unit/agent/calling.h"

#include <fcntl.h>
#include <signal.h>

#include "base/fd.h"
#include "base/strv.h"
#include "ctap.pb-c.h"
#include "unit/agent/root.h"

#define CTAP (&ctap__ctap__descriptor)

static FakeUnit *find_program(World *w) {
        return fake_systemd_find_by_prefix(w->fake, "givc-exec-");
}

typedef struct Program {
        World *w;
        const char *input;     /* that it waits for */
        const char *out, *err; /* that it writes */
        int status, signal;    /* that it ends with */
        const char *argv[3];   /* that it was started with, filled in */
} Program;

static int program_main(void *userdata) {
        Program *p = userdata;
        FakeUnit *unit;
        char text[64] = "";

        check_becomes(find_program(p->w) && find_program(p->w)->stdio[1] >= 0);
        unit = find_program(p->w);
        check(strv_length(unit->argv) <= ELEMENTSOF(p->argv));
        for (size_t i = 0; unit->argv[i]; i++)
                p->argv[i] = strdup(unit->argv[i]);
        check(fcntl(unit->stdio[0], F_SETFL, O_NONBLOCK) == 0);
        if (p->input) {
                check_becomes(read(unit->stdio[0], text + strlen(text), 1) != 0 && streq(text, p->input));
                check_becomes(read(unit->stdio[0], text, 1) == 0);
        }
        check(write(unit->stdio[1], p->out, strlen(p->out)) == (ssize_t) strlen(p->out));
        check(write(unit->stdio[2], p->err, strlen(p->err)) == (ssize_t) strlen(p->err));
        for (size_t i = 0; i < ELEMENTSOF(unit->stdio); i++)
                unit->stdio[i] = fd_close(unit->stdio[i]);
        if (p->signal)
                fake_unit_kill(p->w->fake, unit->name, p->signal);
        else
                fake_unit_exit(p->w->fake, unit->name, p->status);
        return 0;
}

static int ask(World *w, const char *what, const char *arg, const char *payload, usec_t usec, Ctap__CtapResponse **ret,
                RpcStatus *reterr) {
        Ctap__CtapRequest request = CTAP__CTAP_REQUEST__INIT;
        const RpcCallOptions options = within(usec);

        request.req = (char *) what;
        request.args = (char **) &arg;
        request.n_args = arg ? 1 : 0;
        request.payload = (ProtobufCBinaryData){ .data = (uint8_t *) payload, .len = strlen(strempty(payload)) };
        return rpc_channel_call_wait(w->channel, CTAP, "Ctap", &request, &options, ret, reterr);
}

static void program_done(Program *p) {
        for (size_t i = 0; i < ELEMENTSOF(p->argv); i++)
                free((char *) p->argv[i]);
}

static int test_answers(World *w) {
        static const struct {
                const char *request, *program, *out, *err;
                int status;
        } rows[] = {
                { "ctap.ClientPin", "qctap-client-pin", "answer", "", 0 },
                { "ctap.GetInfo", "qctap-get-info", "", "chatter\n", 0 },
                { "u2f.Authenticate", "qctap-get-assertion", "\x2e", "no credentials\n", 1 }, /* the key's refusal */
                { "u2f.Register", "qctap-make-credential", "x", "", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(program_done)
                                Program program = { w, "payload", rows[i].out, rows[i].err, rows[i].status, 0, {} };
                _cleanup_proto_ Ctap__CtapResponse *reply = NULL;
                RpcStatus status = {};
                Fiber *fiber;

                check(fiber_start(&fiber, program_main, &program) == 0);
                check(ask(w, rows[i].request, "$app", "payload", 10 * USEC_PER_SEC, &reply, &status) == 0);
                check(reply->output.len == strlen(rows[i].out));
                check(reply->output.len == 0 || memcmp(reply->output.data, rows[i].out, reply->output.len) == 0);
                check_streq(program.argv[0], rows[i].program);
                check_streq(program.argv[1], "$$app"); /* that systemd puts nothing in its place */
                check(!program.argv[2]);
                check_becomes(!find_program(w));
        }
        return 0;
}

static int test_failures(World *w) {
        static const struct {
                const char *out, *err;
                int status, signal;
                const char *message;
        } rows[] = {
                { "", "Traceback\n  File x\nno key\x1b found\n\n", 1, 0,
                                "'qctap-get-info' has failed (exit-code, status 1): no key? found" },
                { "", "", 3, 0, "'qctap-get-info' has failed (exit-code, status 3): it does not say why." },
                { "half an answ", "", 0, SIGSEGV,
                                "'qctap-get-info' has failed (signal, SIGSEGV): it does not say why." },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(program_done) Program program = { w, NULL, rows[i].out, rows[i].err, rows[i].status,
                        rows[i].signal, {} };
                _cleanup_(rpc_status_done) RpcStatus status = {};
                Fiber *fiber;

                check(fiber_start(&fiber, program_main, &program) == 0);
                check(ask(w, "ctap.GetInfo", NULL, NULL, 10 * USEC_PER_SEC, NULL, &status) < 0);
                check(status.code == RPC_FAILED_PRECONDITION);
                check_streq(status.message, rows[i].message);
                check_becomes(!find_program(w));
        }
        return 0;
}

static int test_refusals(World *w) {
        char *many[65] = {};
        Ctap__CtapRequest request = CTAP__CTAP_REQUEST__INIT;
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        _cleanup_(rpc_status_done) RpcStatus unknown = {}, too_many = {}, missing = {};

        check(ask(w, "ctap.Reset", NULL, NULL, 10 * USEC_PER_SEC, NULL, &unknown) < 0);
        check(unknown.code == RPC_INVALID_ARGUMENT);
        check_streq(unknown.message, "'ctap.Reset' is nothing that a security key is asked for.");
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = (char *) "x";
        request.req = (char *) "ctap.GetInfo";
        request.args = many;
        request.n_args = ELEMENTSOF(many);
        check(rpc_channel_call_wait(w->channel, CTAP, "Ctap", &request, &options, NULL, &too_many) < 0);
        check(too_many.code == RPC_INVALID_ARGUMENT);
        check(fake_systemd_count_calls(w->fake, "StartTransientUnit") == 0);
        fake_systemd_set_job_result(w->fake, "failed");
        fake_systemd_set_failure_status(w->fake, 203);
        check(ask(w, "ctap.GetInfo", NULL, NULL, 10 * USEC_PER_SEC, NULL, &missing) < 0);
        check(missing.code == RPC_NOT_FOUND);
        check_streq(missing.message, "There is no program 'qctap-get-info' on this machine.");
        return 0;
}

/* More than any key says, and more than is kept of what is complained of. */
static int test_much(World *w) {
        static char much[60 * 1024];
        _cleanup_(rpc_status_done) RpcStatus status = {};
        Program program = { w, NULL, much, much, 0, 0, {} };
        Fiber *fiber;

        memset(much, 'x', sizeof(much) - 1);
        check(fiber_start(&fiber, program_main, &program) == 0);
        check(ask(w, "ctap.GetInfo", NULL, NULL, 10 * USEC_PER_SEC, NULL, &status) == 0); /* that much is well */
        program_done(&program);
        check_becomes(!find_program(w));
        return 0;
}

/* The caller leaves while the user does not touch the key: the program goes with it. */
static int test_leaving(World *w) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        usec_t usec;

        for (unsigned i = 0; i < 2; i++) {
                if (i == 0)
                        fake_systemd_set_jobs(w->fake, FAKE_JOBS_HELD); /* before it runs */
                usec = 200 * USEC_PER_MSEC;
                check(ask(w, "u2f.Register", NULL, "payload", usec, NULL, &status) < 0);
                check(status.code == RPC_DEADLINE_EXCEEDED);
                rpc_status_done(&status);
                status = (RpcStatus){};
                fake_systemd_set_jobs(w->fake, FAKE_JOBS_AT_ONCE);
                check_becomes(count_handlers(w) == 0 && !find_program(w));
        }
        check(fake_systemd_count_calls(w->fake, "StartTransientUnit") == 2);
        return 0;
}

/* Where the agent was told to look, also when the manager was not. */
static int test_path(World *w) {
        _cleanup_(program_done) Program program = { w, NULL, "x", "", 0, 0, {} };
        _cleanup_free_ char *wanted = NULL, *path = NULL, *before = strdup(getenv("PATH"));
        RpcStatus status = {};
        Fiber *fiber;
        ROOT root;

        root_init(&root);
        root_write(&root, "/bin/qctap-get-info", "#!/bin/sh\n");
        wanted = strf("%s/bin/qctap-get-info", root.path);
        path = strf("/nonexistent::relative:%s/bin", root.path);
        check(chmod(wanted, 0755) == 0 && setenv("PATH", path, true) == 0);
        check(fiber_start(&fiber, program_main, &program) == 0);
        check(ask(w, "ctap.GetInfo", NULL, NULL, 10 * USEC_PER_SEC, NULL, &status) == 0);
        check_streq(program.argv[0], wanted);
        check(setenv("PATH", before, true) == 0);
        return 0;
}

static void run(void **body) {
        World w;

        assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as a daemon does */
        world_init(&w, false);
        w.config.ctap = true;
        world_play(&w, *body);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                world_test_by(run, test_answers),
                world_test_by(run, test_failures),
                world_test_by(run, test_refusals),
                world_test_by(run, test_much),
                world_test_by(run, test_leaving),
                world_test_by(run, test_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
