/* SPDX-License-Identifier: Apache-2.0 */
/* exec.Exec over a channel; the test plays the command, at the ends of the streams that the manager was given. */
#include "unit/agent/calling.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/strv.h"
#include "exec.pb-c.h"

#define EXEC (&exec__exec__descriptor)

typedef struct Session {
        World *w;
        RpcStream *stream;
        RpcStatus status;
        FakeUnit *unit;
} Session;

static void session_done(Session *s) {
        rpc_stream_free(s->stream);
        rpc_status_done(&s->status);
}
#define SESSION _cleanup_(session_done) Session

static void open_session(World *w, usec_t usec, Session *ret) {
        const RpcCallOptions options = within(usec);

        *ret = (Session){ .w = w };
        check(rpc_stream_open_wait(w->channel, EXEC, "RunCommand", &options, &ret->stream, &ret->status) == 0);
}

static void send_start(Session *s, Exec__StartCommand *start) {
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;

        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_START;
        request.start = start;
        check(rpc_stream_send_wait(s->stream, &request) == 0);
}

static int send_input(Session *s, const void *data, size_t n) {
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        Exec__CommandIO io = EXEC__COMMAND_IO__INIT;

        io.payload = (ProtobufCBinaryData){ .data = (uint8_t *) data, .len = n };
        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_STDIN;
        request.stdin = &io;
        return rpc_stream_send_wait(s->stream, &request);
}

static void send_signal(Session *s, int number) {
        Exec__CommandRequest request = EXEC__COMMAND_REQUEST__INIT;
        Exec__SignalCommand command = EXEC__SIGNAL_COMMAND__INIT;

        command.signal = number;
        request.command_case = EXEC__COMMAND_REQUEST__COMMAND_SIGNAL;
        request.signal = &command;
        check(rpc_stream_send_wait(s->stream, &request) == 0);
}

typedef Exec__CommandResponse__EventCase Kind;

/* The next response, which must be of that kind; NULL at the end, whose status is in the session. */
static Exec__CommandResponse *receive(Session *s, Kind kind) {
        Exec__CommandResponse *response = NULL;
        int r = rpc_stream_receive_wait(s->stream, &response, &s->status);

        check((r > 0) == (kind != EXEC__COMMAND_RESPONSE__EVENT__NOT_SET));
        check(r <= 0 || response->event_case == kind);
        return r > 0 ? response : NULL;
}

static void receive_output(Session *s, Kind kind, const char *text) {
        size_t n = 0;

        while (n < strlen(text)) {
                Exec__CommandResponse *response = receive(s, kind);
                const ProtobufCBinaryData *data = &response->stdout->payload;

                check(data->len <= strlen(text) - n && memcmp(data->data, text + n, data->len) == 0);
                n += data->len;
                proto_free((ProtobufCMessage *) response);
        }
}

static void receive_end(Session *s, int status) {
        Exec__CommandResponse *response = receive(s, EXEC__COMMAND_RESPONSE__EVENT_FINISHED);

        check(response->finished->returncode == status);
        proto_free((ProtobufCMessage *) response);
        check(!receive(s, EXEC__COMMAND_RESPONSE__EVENT__NOT_SET));
        check(s->status.code == RPC_OK);
}

static void check_end(Session *s, RpcCode code, const char *message) {
        check(!receive(s, EXEC__COMMAND_RESPONSE__EVENT__NOT_SET));
        check_streq(rpc_code_to_string(s->status.code), rpc_code_to_string(code));
        check(!message || strstr(strempty(s->status.message), message));
}

static FakeUnit *find_program(World *w) {
        return fake_systemd_find_by_prefix(w->fake, "givc-exec-");
}

/* Opens a session and has the command run. */
static void run(World *w, Exec__StartCommand *start, Session *ret) {
        Exec__CommandResponse *response;

        open_session(w, 10 * USEC_PER_SEC, ret);
        send_start(ret, start);
        response = receive(ret, EXEC__COMMAND_RESPONSE__EVENT_STARTED);
        check(response->started->pid == FAKE_PID);
        proto_free((ProtobufCMessage *) response);
        ret->unit = find_program(w);
        check(ret->unit);
}

static void program_say(Session *s, int fd, const char *text) {
        check(write(s->unit->stdio[fd], text, strlen(text)) == (ssize_t) strlen(text));
}

static void program_exit(Session *s, int status) {
        for (size_t i = 0; i < ELEMENTSOF(s->unit->stdio); i++)
                s->unit->stdio[i] = fd_close(s->unit->stdio[i]);
        fake_unit_exit(s->w->fake, s->unit->name, status);
}

static void check_nothing_left(World *w) {
        check_becomes(count_handlers(w) == 0);
        check_becomes(!find_program(w));
}

static const char *arguments[] = { "-c", "echo $HOME $$" };

static Exec__StartCommand command(const char *name) {
        Exec__StartCommand start = EXEC__START_COMMAND__INIT;

        start.command = (char *) name;
        return start;
}

static int body_output(World *w) {
        Exec__StartCommand start = command("sh");
        Exec__StartCommand__EnvVarsEntry variable = EXEC__START_COMMAND__ENV_VARS_ENTRY__INIT, *variables = &variable;
        SESSION s;

        variable.key = (char *) "A";
        variable.value = (char *) "b $c \"\\";
        start.n_envvars = 1;
        start.envvars = &variables;
        start.n_arguments = ELEMENTSOF(arguments);
        start.arguments = (char **) arguments;
        start.has_working_directory_case = EXEC__START_COMMAND__HAS_WORKING_DIRECTORY_WORKING_DIRECTORY;
        start.workingdirectory = (char *) "/srv";
        run(w, &start, &s);
        check(strv_length(s.unit->argv) == 3);
        check_streq(s.unit->argv[2], "echo $$HOME $$$$"); /* that systemd leaves alone what the shell is to see */
        check(!s.unit->environment);                      /* which anybody could ask the manager for */
        check_streq(s.unit->environment_file, "A=\"b \\$c \\\"\\\\\"\n");
        check_streq(s.unit->working_directory, "/srv");
        check(strv_length(s.unit->binds_to) == 1);
        check_streq(s.unit->binds_to[0], "givc-agent.service");
        check(s.unit->tasks_max == 7 && s.unit->memory_max == (uint64_t) 5000 << 20);
        program_say(&s, 1, "out\n");
        receive_output(&s, EXEC__COMMAND_RESPONSE__EVENT_STDOUT, "out\n");
        program_say(&s, 2, "err\n");
        receive_output(&s, EXEC__COMMAND_RESPONSE__EVENT_STDERR, "err\n");
        program_say(&s, 1, "last words");
        program_exit(&s, 3);
        receive_output(&s, EXEC__COMMAND_RESPONSE__EVENT_STDOUT, "last words");
        receive_end(&s, 3);
        check_nothing_left(w);
        return 0;
}

/* What is permitted by its whole name, by how it begins, and everywhere. */
static int body_variables(World *w) {
        static const char *const names[] = { "SECRET_KEY", "LC_ALL", "COLORTERM" };
        Exec__StartCommand__EnvVarsEntry variables[ELEMENTSOF(names)], *list[ELEMENTSOF(names)];
        Exec__StartCommand start = command("sh");
        SESSION s;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                variables[i] = (Exec__StartCommand__EnvVarsEntry) EXEC__START_COMMAND__ENV_VARS_ENTRY__INIT;
                variables[i].key = (char *) names[i];
                variables[i].value = (char *) (i == 0 ? "/%" : "C.UTF-8@x");
                list[i] = &variables[i];
        }
        start.n_envvars = ELEMENTSOF(names);
        start.envvars = list;
        run(w, &start, &s);
        check_streq(s.unit->environment_file, "SECRET_KEY=\"/%\"\nLC_ALL=\"C.UTF-8@x\"\nCOLORTERM=\"C.UTF-8@x\"\n");
        program_exit(&s, 0);
        receive_end(&s, 0);
        return 0;
}

static int body_input(World *w) {
        Exec__StartCommand start = command("sh");
        char text[16] = "";
        SESSION s;

        start.has_stdin_case = EXEC__START_COMMAND__HAS_STDIN_STDIN;
        start.stdin = (ProtobufCBinaryData){ .data = (uint8_t *) "one ", .len = 4 };
        run(w, &start, &s);
        check(fcntl(s.unit->stdio[0], F_SETFL, O_NONBLOCK) == 0);
        check(send_input(&s, "two", 3) == 0);
        check_becomes(read(s.unit->stdio[0], text + strlen(text), 1) != 0 && strlen(text) == 7);
        check_streq(text, "one two");
        check(rpc_stream_close_send_wait(s.stream) == 0);
        check_becomes(read(s.unit->stdio[0], text, 1) == 0); /* half-closed: it may still speak */
        program_say(&s, 1, "bye");
        receive_output(&s, EXEC__COMMAND_RESPONSE__EVENT_STDOUT, "bye");
        program_exit(&s, 0);
        receive_end(&s, 0);
        check_nothing_left(w);
        return 0;
}

/* Without input of its own it reads the end at once, and more of it harms nobody. */
static int body_no_input(World *w) {
        Exec__StartCommand start = command("sh");
        char byte;
        SESSION s;

        run(w, &start, &s);
        check(read(s.unit->stdio[0], &byte, 1) == 0);
        check(send_input(&s, "x", 1) == 0);
        program_exit(&s, 0);
        receive_end(&s, 0);
        return 0;
}

/* It does not read: its caller is slowed, can still signal, and learns its end. */
static int body_deaf(World *w) {
        static const uint8_t much[200 * 1024];
        Exec__StartCommand start = command("sh");
        SESSION s;

        start.has_stdin_case = EXEC__START_COMMAND__HAS_STDIN_STDIN;
        run(w, &start, &s);
        check(send_input(&s, much, sizeof(much)) == 0);
        send_signal(&s, SIGTERM);
        check_becomes(s.unit->last_signal == SIGTERM);
        program_exit(&s, 0);
        receive_end(&s, 0);
        check_nothing_left(w);
        return 0;
}

static int body_signals(World *w) {
        Exec__StartCommand start = command("sh");
        SESSION s, refused;

        run(w, &start, &s);
        fake_unit_kill(w->fake, s.unit->name, SIGKILL);
        for (size_t i = 0; i < ELEMENTSOF(s.unit->stdio); i++)
                s.unit->stdio[i] = fd_close(s.unit->stdio[i]);
        receive_end(&s, 128 + SIGKILL);

        run(w, &start, &refused);
        send_signal(&refused, 0);
        check_end(&refused, RPC_INVALID_ARGUMENT, "0 is not the number of a signal.");
        check_nothing_left(w);
        return 0;
}

static int body_refusals(World *w) {
        const struct {
                const char *command, *variable, *directory;
                RpcCode code;
                const char *message, *value;
        } rows[] = {
                { "", NULL, NULL, RPC_INVALID_ARGUMENT, "There is no command" },
                { "rm", NULL, NULL, RPC_PERMISSION_DENIED, "Command 'rm' is not one that this agent runs." },
                { "/bin/sh", NULL, NULL, RPC_PERMISSION_DENIED, "'/bin/sh'" },
                { "sh ", NULL, NULL, RPC_PERMISSION_DENIED, "'sh '" },
                { "sh", "LD_PRELOAD", NULL, RPC_PERMISSION_DENIED, "LD_PRELOAD" },
                { "sh", "PATH", NULL, RPC_PERMISSION_DENIED, "PATH" },
                { "sh", "GIO_EXTRA_MODULES", NULL, RPC_PERMISSION_DENIED, "GIO_EXTRA_MODULES" },
                { "sh", "OF_ITS_AUTHOR", NULL, RPC_PERMISSION_DENIED, "capabilities.exec.environment" },
                { "sh", "a", NULL, RPC_PERMISSION_DENIED, "Variable 'a' is not one" },
                { "sh", "AB", NULL, RPC_PERMISSION_DENIED, "'AB'" },
                { "sh", "SECRE", NULL, RPC_PERMISSION_DENIED, "'SECRE'" },
                { "sh", "LC", NULL, RPC_PERMISSION_DENIED, "'LC'" },
                { "sh", "LANG", NULL, RPC_INVALID_ARGUMENT, "Variable 'LANG' may have no '/' or '%' in it." },
                { "sh", "LC_ALL", NULL, RPC_INVALID_ARGUMENT, "'LC_ALL'", "%n" },
                { "sh", "TERM", NULL, RPC_INVALID_ARGUMENT, "'TERM'", "../../tmp/x" },
                { "sh", "SECRET_*", NULL, RPC_INVALID_ARGUMENT, "'SECRET_*'" },
                { "sh", "A=B", NULL, RPC_INVALID_ARGUMENT, "'A=B'" },
                { "sh", "", NULL, RPC_INVALID_ARGUMENT, "''" },
                { "sh", "1A", NULL, RPC_INVALID_ARGUMENT, "'1A'" },
                { "sh", NULL, "tmp", RPC_INVALID_ARGUMENT, "'tmp' is not an absolute path" },
                { "sh", NULL, "/\nExecStopPost=+rm", RPC_INVALID_ARGUMENT, "is not an absolute path" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Exec__StartCommand start = command(rows[i].command);
                Exec__StartCommand__EnvVarsEntry variable = EXEC__START_COMMAND__ENV_VARS_ENTRY__INIT;
                Exec__StartCommand__EnvVarsEntry *variables = &variable;
                SESSION s;

                variable.key = (char *) rows[i].variable;
                variable.value = (char *) (rows[i].value ?: "/tmp/x");
                start.n_envvars = rows[i].variable ? 1 : 0;
                start.envvars = &variables;
                if (rows[i].directory) {
                        start.has_working_directory_case = EXEC__START_COMMAND__HAS_WORKING_DIRECTORY_WORKING_DIRECTORY;
                        start.workingdirectory = (char *) rows[i].directory;
                }
                open_session(w, 10 * USEC_PER_SEC, &s);
                send_start(&s, &start);
                check_end(&s, rows[i].code, rows[i].message);
        }
        check(fake_systemd_count_calls(w->fake, "StartTransientUnit") == 0);
        return 0;
}

/* Where no list is configured, a caller may tell a command what it likes, but not make it execute something else. */
static int body_unlisted(World *w) {
        static const char *const refused[] = { "PATH", "LD_PRELOAD", "PS4", "SHELLOPTS", "BASHOPTS", "BASH_ENV",
                "BASH_FUNC_x", "PERLLIB", "OPENSSL_CONF", "SYSTEMD_PAGER", "NIX_SSHOPTS", "SSH_ASKPASS",
                "GIO_EXTRA_MODULES", "HOME" };
        Exec__StartCommand__EnvVarsEntry variable = EXEC__START_COMMAND__ENV_VARS_ENTRY__INIT, *list = &variable;
        Exec__StartCommand start = command("sh");
        SESSION s;

        w->config.exec_environment = NULL;
        start.n_envvars = 1;
        start.envvars = &list;
        variable.value = (char *) "/tmp/x";
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                SESSION refusal;

                variable.key = (char *) refused[i];
                open_session(w, 10 * USEC_PER_SEC, &refusal);
                send_start(&refusal, &start);
                check_end(&refusal, RPC_PERMISSION_DENIED, "would choose what else the command executes");
        }
        variable.key = (char *) "OF_ITS_AUTHOR";
        run(w, &start, &s);
        check_streq(s.unit->environment_file, "OF_ITS_AUTHOR=\"/tmp/x\"\n");
        program_exit(&s, 0);
        receive_end(&s, 0);
        return 0;
}

static int body_order(World *w) {
        Exec__StartCommand start = command("sh");
        SESSION silent, signal_first, twice, sizeless;
        Exec__CommandRequest resize = EXEC__COMMAND_REQUEST__INIT;
        Exec__Terminal terminal = EXEC__TERMINAL__INIT;

        open_session(w, 10 * USEC_PER_SEC, &silent);
        check(rpc_stream_close_send_wait(silent.stream) == 0);
        check_end(&silent, RPC_INVALID_ARGUMENT, "The first message must say what to start.");

        open_session(w, 10 * USEC_PER_SEC, &signal_first);
        send_signal(&signal_first, SIGTERM);
        check_end(&signal_first, RPC_INVALID_ARGUMENT, "The first message must say what to start.");

        run(w, &start, &twice);
        send_start(&twice, &start);
        check_end(&twice, RPC_INVALID_ARGUMENT, "The command has been started already.");
        check_nothing_left(w);

        run(w, &start, &sizeless);
        resize.command_case = EXEC__COMMAND_REQUEST__COMMAND_RESIZE;
        resize.resize = &terminal;
        check(rpc_stream_send_wait(sizeless.stream, &resize) == 0);
        check_end(&sizeless, RPC_INVALID_ARGUMENT, "no terminal");
        check_nothing_left(w);
        return 0;
}

static int body_missing(World *w) {
        static const struct {
                int status;
                RpcCode code;
                const char *message;
        } rows[] = {
                { 203, RPC_NOT_FOUND, "There is no program 'sh' on this machine." },
                { 217, RPC_FAILED_PRECONDITION, "Command 'sh' cannot be run as user 'nemo'." },
                { 200, RPC_FAILED_PRECONDITION, "Command 'sh' cannot be run in '/nowhere'." },
        };
        Exec__StartCommand start = command("sh");

        start.has_role_case = EXEC__START_COMMAND__HAS_ROLE_ROLE;
        start.role = (char *) "nemo";
        start.has_working_directory_case = EXEC__START_COMMAND__HAS_WORKING_DIRECTORY_WORKING_DIRECTORY;
        start.workingdirectory = (char *) "/nowhere";
        fake_systemd_set_job_result(w->fake, "failed");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                SESSION s;

                fake_systemd_set_failure_status(w->fake, rows[i].status);
                open_session(w, 10 * USEC_PER_SEC, &s);
                send_start(&s, &start);
                check_end(&s, rows[i].code, rows[i].message);
                check_nothing_left(w);
        }
        return 0;
}

/* The caller leaves: before the command runs, while it is silent, while it speaks to nobody, by its deadline. */
static int body_leaving(World *w) {
        static const char much[60 * 1024] = { 'x' };
        Exec__StartCommand start = command("sh");
        {
                SESSION s;

                fake_systemd_set_jobs(w->fake, FAKE_JOBS_HELD);
                open_session(w, 10 * USEC_PER_SEC, &s);
                send_start(&s, &start);
                check_becomes(find_program(w));
                fake_systemd_set_jobs(w->fake, FAKE_JOBS_AT_ONCE);
        }
        check_nothing_left(w);
        for (int speaks = 0; speaks <= 1; speaks++) {
                {
                        SESSION s;

                        run(w, &start, &s);
                        if (speaks)
                                check(write(s.unit->stdio[1], much, sizeof(much)) > 0);
                }
                check_nothing_left(w);
        }
        {
                Exec__CommandResponse *response;
                SESSION s;

                open_session(w, 200 * USEC_PER_MSEC, &s);
                send_start(&s, &start);
                response = receive(&s, EXEC__COMMAND_RESPONSE__EVENT_STARTED);
                proto_free((ProtobufCMessage *) response);
                check_end(&s, RPC_DEADLINE_EXCEEDED, NULL);
        }
        check_nothing_left(w);
        return 0;
}

static int body_agent_stops(World *w) {
        Exec__StartCommand start = command("sh");
        SESSION s;

        run(w, &start, &s);
        feed_close(agent_get_feed(w->agent));
        check_end(&s, RPC_UNAVAILABLE, "The agent stops.");
        check_nothing_left(w);
        return 0;
}

static int body_terminal(World *w) {
        Exec__CommandRequest resize = EXEC__COMMAND_REQUEST__INIT;
        Exec__Terminal terminal = EXEC__TERMINAL__INIT;
        Exec__StartCommand start = command("sh");
        struct winsize size = {};
        char line[16];
        int tty;
        SESSION s;

        terminal.rows = 25;
        terminal.columns = 81;
        terminal.type = (char *) "xterm";
        start.terminal = &terminal;
        start.has_stdin_case = EXEC__START_COMMAND__HAS_STDIN_STDIN;
        run(w, &start, &s);
        check_streq(s.unit->environment_file, "TERM=\"xterm\"\n");
        tty = open(s.unit->tty, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        check(tty >= 0);
        check(ioctl(tty, TIOCGWINSZ, &size) == 0 && size.ws_row == 25 && size.ws_col == 81);
        check(send_input(&s, "ls\n", 3) == 0);
        receive_output(&s, EXEC__COMMAND_RESPONSE__EVENT_STDOUT, "ls\r\n"); /* a terminal echoes */
        check_becomes(read(tty, line, sizeof(line)) == 3);
        terminal.rows = 50;
        resize.command_case = EXEC__COMMAND_REQUEST__COMMAND_RESIZE;
        resize.resize = &terminal;
        check(rpc_stream_send_wait(s.stream, &resize) == 0);
        check_becomes(ioctl(tty, TIOCGWINSZ, &size) == 0 && size.ws_row == 50);
        check(rpc_stream_close_send_wait(s.stream) == 0);
        check_becomes(read(tty, line, sizeof(line)) == 0); /* ^D */
        check(write(tty, "bye", 3) == 3);
        check(close(tty) == 0);
        program_exit(&s, 0);
        receive_output(&s, EXEC__COMMAND_RESPONSE__EVENT_STDOUT, "bye");
        receive_end(&s, 0);
        check_nothing_left(w);
        return 0;
}

static void run_world(int (*body)(World *w)) {
        static char *commands[] = { (char *) "sh", NULL }, *variables[] = { (char *) "A", (char *) "SECRET_*", NULL };
        World w;

        assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as a daemon does */
        world_init(&w, false);
        w.config.exec = true;
        w.config.exec_commands = commands;
        w.config.exec_environment = variables;
        w.config.exec_tasks_max = 7;
        w.config.exec_memory_max_mib = 5000;
        world_play(&w, body);
}

static int test_disabled(World *w) {
        const RpcCallOptions options = within(10 * USEC_PER_SEC);
        SESSION s = { .w = w };

        check(rpc_stream_open_wait(w->channel, EXEC, "RunCommand", &options, &s.stream, &s.status) == 0);
        check_end(&s, RPC_UNIMPLEMENTED, NULL);
        return 0;
}

#define TEST(name)                                                                                                     \
        static void test_##name(_unused_ void **state) {                                                               \
                run_world(body_##name);                                                                                \
        }
TEST(output)
TEST(variables)
TEST(unlisted)
TEST(input)
TEST(no_input)
TEST(deaf)
TEST(signals)
TEST(refusals)
TEST(order)
TEST(missing)
TEST(leaving)
TEST(agent_stops)
TEST(terminal)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_output),
                cmocka_unit_test(test_variables),
                cmocka_unit_test(test_unlisted),
                cmocka_unit_test(test_input),
                cmocka_unit_test(test_no_input),
                cmocka_unit_test(test_deaf),
                cmocka_unit_test(test_signals),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_missing),
                cmocka_unit_test(test_leaving),
                cmocka_unit_test(test_agent_stops),
                cmocka_unit_test(test_terminal),
                world_test(test_disabled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
