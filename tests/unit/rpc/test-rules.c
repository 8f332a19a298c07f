/* SPDX-License-Identifier: Apache-2.0 */
/* Access rules as a server asks them: what a message looks like to a rule, whatever its sender wants it to look like,
 * what is asked before it has come, what is logged, and what becomes of the rules when their file changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>

#include "admin.pb-c.h"
#include "base/log.h"
#include "base/message-id.h"
#include "base/strv.h"
#include "base/time.h"
#include "event/fiber.h"
#include "exec.pb-c.h"
#include "kinds.pb-c.h"
#include "proto/json.h"
#include "proto/unpack.h"
#include "rpc/rules.h"
#include "unit/failing.h"
#include "unit/peers.h"

#define TEXT_DENIED "denied by the test's rules"
#define SERVICE     (&admin__admin_service__descriptor)

static char directory[] = "/tmp/givc-rules-XXXXXX";
static char *file;
static char **lines; /* of the log: MESSAGE_ID name, then the sentence */
static size_t longest_field;
static Identity *app_vm, *gui_vm, *local;

static const RpcMethod start_vm = { .name = "StartVM", .kind = RPC_UNARY },
                       run_command = { .name = "RunCommand", .kind = RPC_BIDI_STREAM };

static const char *word_of(const LogField *fields) {
        static const struct {
                const char *id, *word;
        } words[] = {
                { MESSAGE_ACCESS_DENIED, "denied: " },
                { MESSAGE_RULE_FAILED, "failed: " },
                { MESSAGE_RULES_LOADED, "loaded: " },
                { MESSAGE_RULES_REFUSED, "refused: " },
                { MESSAGE_RULE_DOUBTFUL, "doubtful: " },
        };

        for (size_t i = 0; fields && fields->key && i < ELEMENTSOF(words); i++)
                if (streq_ptr(fields->value, words[i].id))
                        return words[i].word;
        return "";
}

static void sink(_unused_ int level, const LogField *fields, const char *text) {
        _cleanup_free_ char *line = strf("%s%s", word_of(fields), text);

        for (const LogField *f = fields; f && f->key; f++)
                longest_field = MAX(longest_field, strlen(strempty(f->value)));
        assert_null(strchr(text, '\n'));
        assert_int_equal(strv_extend(&lines, line), 0);
}

static void forget_lines(void) {
        longest_field = 0;
        strv_free(TAKE_PTR(lines));
}

/* The n-th line since they were forgotten. */
static void assert_line(size_t n, const char *text) {
        assert_true(strv_length(lines) > n);
        if (!strstr(lines[n], text))
                fail_msg("'%s' is not in '%s'", text, lines[n]);
}

static void write_rules(const char *rules) {
        assert_int_equal(file_write(file, rules, strlen(rules), 0600), 0);
}

static RpcRules *rules_new(const char *text, bool deny_on_error) {
        const RpcRulesOptions options = { file, deny_on_error, "admin-vm", TEXT_DENIED };
        _cleanup_free_ char *why = NULL;
        RpcRules *rules = NULL;

        write_rules(text);
        if (rpc_rules_new(&options, &rules, &why) < 0)
                fail_msg("%s", strempty(why));
        forget_lines();
        return rules;
}

static int judge_target(RpcRules *rules, const Identity *who, const ProtobufCServiceDescriptor *service,
                const RpcMethod *method, const void *message, const RpcTarget *target) {
        _cleanup_(rpc_status_done) RpcStatus status = {};
        int r;

        r = rpc_rules_judge(rules, who, service, method, message, target, &status);
        if (r < 0) {
                assert_int_equal(status.code, RPC_PERMISSION_DENIED);
                assert_string_equal(status.message, TEXT_DENIED);
        }
        return r;
}

static int judge(RpcRules *rules, const Identity *who, const RpcMethod *method, const void *message) {
        return judge_target(rules, who, SERVICE, method, message, NULL);
}

/* Whether a permit under this condition holds for the message; the rule has to be one that can be evaluated. */
static void assert_sees(const ProtobufCMessage *m, const char *condition) {
        _cleanup_free_ char *text = strf("permit(principal, action, resource) when { %s };", condition);
        _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new(text, false);

        if (judge(rules, app_vm, &start_vm, m) < 0)
                fail_msg("%s: %s", condition, strempty(lines[0]));
        forget_lines();
}

static ProtobufCMessage *message_from(const ProtobufCMessageDescriptor *type, const char *json) {
        json_t *root = json_loads(json, 0, NULL);
        _cleanup_free_ char *error = NULL;
        ProtobufCMessage *m = NULL;

        assert_non_null(root);
        if (proto_from_json(root, type, &m, &error) < 0)
                fail_msg("%s", strempty(error));
        json_decref(root);
        return m;
}

static void test_kinds(_unused_ void **state) {
        static const struct {
                const ProtobufCMessageDescriptor *type;
                const char *json, *condition;
        } cases[] = {
                /* Scalars are there, set or not; numbers with fractions are not. */
                { &kinds__single__descriptor, "{}",
                                "context.an_int32 == 0 && context.a_uint64 == 0 && context.a_bool == false && "
                                "context.a_string == \"\" && context.some_bytes == \"\" && context.a_colour == "
                                "\"BLACK\"" },
                { &kinds__single__descriptor, "{\"a_float\": 1.5, \"a_double\": 2}",
                                "!(context has a_float) && !(context has a_double) && !(context has single)" },
                { &kinds__single__descriptor,
                                "{\"an_int32\": -2147483648, \"a_sint32\": -5, \"an_sfixed32\": -6, "
                                "\"a_uint32\": 4294967295, \"a_fixed32\": 4294967294}",
                                "context.an_int32 == -2147483648 && context.a_sint32 == -5 && context.an_sfixed32 == "
                                "-6 && context.a_uint32 == 4294967295 && context.a_fixed32 == 4294967294" },
                /* 64 bits exactly, not by way of a double. */
                { &kinds__single__descriptor,
                                "{\"an_int64\": \"-9223372036854775808\", \"a_sint64\": \"9007199254740993\", "
                                "\"an_sfixed64\": \"-9007199254740993\", \"a_uint64\": \"9223372036854775807\", "
                                "\"a_fixed64\": \"9007199254740993\"}",
                                "context.an_int64 == -9223372036854775808 && context.a_sint64 == 9007199254740993 && "
                                "context.an_sfixed64 == -9007199254740993 && context.a_uint64 == 9223372036854775807 "
                                "&& context.a_fixed64 == 9007199254740993" },
                { &kinds__single__descriptor, "{\"a_colour\": \"GREEN\", \"a_bool\": true, \"some_bytes\": \"AP8=\"}",
                                "context.a_colour == \"GREEN\" && context.a_bool && context.some_bytes == \"AP8=\"" },
                { &kinds__single__descriptor, "{\"a_colour\": 1234}", "context.a_colour == 1234" },
                { &kinds__single__descriptor, "{\"single\": {\"single\": {\"an_int32\": 3}}}",
                                "context has single.single.an_int32 && context.single.single.an_int32 == 3 && "
                                "!(context.single.single has single) && context.single.a_bool == false" },
                /* What is optional is there where it is set, to whatever. */
                { &kinds__optional__descriptor, "{}",
                                "!(context has an_int32) && !(context has a_string) && !(context has a_colour) && "
                                "!(context has some_bytes) && !(context has single) && !(context has a_bool)" },
                { &kinds__optional__descriptor, "{\"an_int32\": 0, \"a_string\": \"\", \"single\": {}}",
                                "context.an_int32 == 0 && context.a_string == \"\" && context.single.an_int32 == 0" },
                { &kinds__one_of__descriptor, "{\"a_bool\": false}",
                                "context.a_bool == false && !(context has an_int32) && !(context has text) && "
                                "context.before == \"\"" },
                { &kinds__repeated__descriptor, "{}", "context.strings.isEmpty() && context.singles.isEmpty()" },
                { &kinds__repeated__descriptor,
                                "{\"strings\": [\"b\", \"a\", \"b\"], \"int64s\": [\"9007199254740993\"], "
                                "\"bytess\": [\"AA==\"], \"colours\": [\"RED\"], \"bools\": [true]}",
                                "context.strings == [\"a\", \"b\"] && context.int64s.contains(9007199254740993) && "
                                "context.bytess == [\"AA==\"] && context.colours == [\"RED\"] && "
                                "context.bools == [true]" },
                { &kinds__repeated__descriptor, "{\"floats\": [1.5], \"doubles\": [1]}",
                                "!(context has floats) && !(context has doubles)" },
                { &kinds__map__descriptor,
                                "{\"strings\": {\"a b\": \"c\"}, \"int32_to_int64\": {\"-7\": \"8\"}, "
                                "\"bools\": {\"true\": {\"an_int32\": 1}}, \"fixed32s\": {\"1\": 2.5}}",
                                "context.strings[\"a b\"] == \"c\" && context.int32_to_int64[\"-7\"] == 8 && "
                                "context.bools[\"true\"].an_int32 == 1 && !(context has fixed32s)" },
                { &kinds__map__descriptor, "{}", "context.strings == {}" },
                /* What belongs to the call. */
                { &kinds__single__descriptor, "{}", "context.service == \"AdminService\" && !(context has target)" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_proto_ ProtobufCMessage *m = message_from(cases[i].type, cases[i].json);

                assert_sees(m, cases[i].condition);
        }
}

/* Cedar's JSON has spellings for entities and extension values. Here they are records like any other. */
static void test_forged(_unused_ void **state) {
        _cleanup_proto_ ProtobufCMessage *escapes = message_from(&exec__start_command__descriptor,
                        "{\"EnvVars\": {\"__entity\": \"x\", \"type\": \"Source\", \"id\": \"admin-vm\", "
                        "\"__extn\": \"ip\"}, \"VmName\": \"Source::\\\"admin-vm\\\"\"}");
        _cleanup_proto_ ProtobufCMessage *twice = message_from(
                        &exec__start_command__descriptor, "{\"EnvVars\": {\"PATH\": \"/good\", \"OTHER\": \"/bad\"}}");
        Exec__StartCommand *start = (Exec__StartCommand *) twice;
        _cleanup_(rpc_rules_freep) RpcRules *rules = NULL;

        assert_sees(escapes,
                        "context.EnvVars[\"__entity\"] == \"x\" && context.EnvVars[\"__extn\"] == \"ip\" && "
                        "context.EnvVars != Source::\"admin-vm\" && context.VmName != Source::\"admin-vm\" && "
                        "context.VmName == \"Source::\\\"admin-vm\\\"\"");
        /* A key that is there twice is one thing to a rule and another to who acts. */
        rules = rules_new("permit(principal, action, resource);", false);
        assert_int_equal(judge(rules, app_vm, &start_vm, start), 0);
        free(start->envvars[1]->key);
        start->envvars[1]->key = strdup("PATH");
        assert_true(judge(rules, app_vm, &start_vm, start) < 0);
        assert_line(0, "'EnvVars' has the key 'PATH' twice");
}

/* A field that has the name of what only we say. */
static void test_names_of_ours(_unused_ void **state) {
        const ProtobufCFieldDescriptor field = { .name = "target",
                .type = PROTOBUF_C_TYPE_STRING,
                .label = PROTOBUF_C_LABEL_NONE,
                .offset = offsetof(Admin__StartVMRequest, vmname) };
        ProtobufCFieldDescriptor other = field;
        ProtobufCMessageDescriptor type = admin__start_vmrequest__descriptor;
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        m.base.descriptor = &type;
        m.vmname = (char *) "forged";
        type.fields = &field;
        assert_sees(&m.base, "!(context has target)");
        other.name = "service";
        type.fields = &other;
        assert_sees(&m.base, "context.service == \"AdminService\"");
}

static void test_too_large_a_number(_unused_ void **state) {
        _cleanup_proto_ ProtobufCMessage *m =
                        message_from(&kinds__single__descriptor, "{\"a_uint64\": \"9223372036854775808\"}");
        _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new("permit(principal, action, resource);", false);

        assert_true(judge(rules, app_vm, &start_vm, m) < 0);
        assert_line(0, "denied: ");
        assert_line(0, "'a_uint64' is 9223372036854775808, more than a Long holds");
        assert_int_equal(rpc_rules_get_counts(rules).n_denied, 1);
}

static void test_principal_action_resource(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules =
                        rules_new("permit(principal == Source::\"gui-vm\", action == Command::\"StartVM\", "
                                  "resource == Module::\"admin\");",
                                        false);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        assert_int_equal(judge(rules, gui_vm, &start_vm, NULL), 0);
        assert_int_equal(judge(rules, gui_vm, &start_vm, &m), 0);
        assert_true(judge(rules, app_vm, &start_vm, &m) < 0);
        assert_true(judge(rules, gui_vm, &run_command, &m) < 0);
        assert_true(judge_target(rules, gui_vm, &exec__exec__descriptor, &start_vm, &m, NULL) < 0);
        assert_int_equal(rpc_rules_get_counts(rules).n_allowed, 1); /* a call is counted when it is decided */
        assert_int_equal(rpc_rules_get_counts(rules).n_denied, 3);
}

static void test_target(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules =
                        rules_new("permit(principal, action, resource) when { context.target.vm == \"app-vm\" && "
                                  "context.target.unit == \"foot@0.service\" && !(context.target has app) };",
                                        false);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;
        RpcTarget target = { .vm = TEXT("app-vm"), .unit = TEXT("foot@0.service") };

        assert_int_equal(judge_target(rules, app_vm, SERVICE, &start_vm, &m, &target), 0);
        target.vm = TEXT("gui-vm");
        assert_true(judge_target(rules, app_vm, SERVICE, &start_vm, &m, &target) < 0);
        assert_line(0, "called admin.AdminService/StartVM for 'foot@0.service' in VM 'gui-vm': no rule permits it");
        /* Without a target the rule fails, and a permit that fails does not permit. */
        assert_true(judge_target(rules, app_vm, SERVICE, &start_vm, &m, NULL) < 0);
        assert_line(1, "policy0 (");
        assert_line(1, "cannot be evaluated: ");
}

/* A name that is as long as a message hides nothing of the line, and does not fill the journal. */
static void test_long_target(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new("", false);
        _cleanup_free_ char *name = malloc(1 << 20), *shown = strf(" for '%0255d' in VM '%0255d': no rule", 0, 0);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;
        RpcTarget target;

        memset(name, '0', 1 << 20);
        target = (RpcTarget){ .vm = { name, 1 << 20 }, .unit = { name, 1 << 20 } };
        assert_true(judge_target(rules, app_vm, SERVICE, &start_vm, &m, &target) < 0);
        assert_line(0, shown);
        assert_int_equal(longest_field, 255);
}

/* What no message could make permitted is refused without one; the rest waits for it. */
static void test_stages(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new(
                        "permit(principal == Source::\"app-vm\", action, resource) when { context.VmName == \"a\" };",
                        false);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        assert_true(judge(rules, gui_vm, &start_vm, NULL) < 0);
        assert_line(0, "denied: Refused gui-vm");
        forget_lines();
        assert_int_equal(judge(rules, app_vm, &start_vm, NULL), 0);
        assert_int_equal(judge(rules, app_vm, &run_command, NULL), 1); /* a stream: not before its first message */
        assert_null(lines);
        assert_true(judge(rules, app_vm, &start_vm, &m) < 0);
        m.vmname = (char *) "a";
        assert_int_equal(judge(rules, app_vm, &run_command, &m), 0);
}

static void test_stream_that_may_begin(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules =
                        rules_new("permit(principal == Source::\"app-vm\", action, resource);\n"
                                  "forbid(principal, action, resource) when { context has VmName && context.VmName == "
                                  "\"a\" };",
                                        false);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        assert_int_equal(judge(rules, app_vm, &run_command, NULL), 0);
        m.vmname = (char *) "a";
        assert_true(judge(rules, app_vm, &run_command, &m) < 0); /* and yet its message is judged */
        assert_line(0, "forbidden by policy1 (");
        assert_line(0, "/rules.cedar:2)");
}

static const char fails[] = "permit(principal, action, resource);\n"
                            "@id(\"no such field\")\n"
                            "forbid(principal, action, resource) when { context.nothing == 1 };";

static void test_error_is_skipped(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new(fails, false);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        assert_int_equal(judge(rules, app_vm, &start_vm, &m), 0);
        assert_line(0, "failed: admin.AdminService/StartVM was allowed to app-vm");
        assert_line(0, "policy1 \"no such field\" (");
        assert_int_equal(rpc_rules_get_counts(rules).n_faults, 1);
}

static void test_error_denies(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new(fails, true);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        assert_true(judge(rules, app_vm, &start_vm, &m) < 0);
        assert_line(0, "denied: ");
        assert_line(0, ": a rule cannot be evaluated (policy1 \"no such field\" (");
        assert_int_equal(judge(rules, app_vm, &run_command, NULL), 1);
        assert_true(judge(rules, local, &start_vm, &m) < 0);
}

/* The socket of this machine is its owner's, who may do what nothing forbids. */
static void test_local(_unused_ void **state) {
        _cleanup_(rpc_rules_freep)
                        RpcRules *none = rules_new("", false),
                                 *some = rules_new("forbid(principal == Source::\"admin-vm\", action == "
                                                   "Command::\"StartVM\", resource) when { context.VmName == \"a\" };",
                                                 false);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        assert_int_equal(judge(none, local, &start_vm, NULL), 0);
        assert_int_equal(judge(none, local, &start_vm, &m), 0);
        assert_int_equal(judge(none, local, &run_command, NULL), 0);
        m.vmname = (char *) "a";
        assert_int_equal(judge(some, local, &run_command, &m), 0);
        assert_true(judge(some, local, &start_vm, &m) < 0);
}

static void test_empty_file_denies(_unused_ void **state) {
        static const char *const empty[] = { "", "\n", "// permit(principal, action, resource);\n" };
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        for (size_t i = 0; i < ELEMENTSOF(empty); i++) {
                _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new(empty[i], false);

                assert_true(judge(rules, app_vm, &start_vm, NULL) < 0);
                assert_true(judge(rules, app_vm, &start_vm, &m) < 0);
        }
}

static void test_nobody(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new("permit(principal, action, resource);", false);
        _cleanup_(identity_freep) Identity *plain = peer_plain("192.168.101.5");

        assert_true(judge(rules, plain, &start_vm, NULL) < 0);
        assert_line(0, "the caller has no certificate");
}

static void test_bad_file(_unused_ void **state) {
        RpcRulesOptions options = { file, false, "admin-vm", TEXT_DENIED };
        _cleanup_free_ char *why = NULL, *missing = NULL;
        RpcRules *rules = NULL;

        write_rules("permit(principal, action, resource);\npermit(principal action, resource);\n");
        assert_int_equal(rpc_rules_new(&options, &rules, &why), -EINVAL);
        assert_non_null(strstr(why, "rules.cedar:2:"));
        assert_non_null(strstr(why, "\n"));
        forget_lines();
        rpc_rules_log_refused(why);
        assert_int_equal(strv_length(lines), 3);
        assert_line(0, "refused: Access rules: ");
        assert_line(1, "permit(principal action, resource);");
        assert_line(2, "^");
        options.file = "/nowhere/rules.cedar";
        assert_int_equal(rpc_rules_new(&options, &rules, &missing), -ENOENT);
        assert_string_equal(missing, "/nowhere/rules.cedar: No such file or directory");
}

static void test_reload(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules = rules_new("permit(principal, action, resource);", false);
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;

        write_rules("permit(principal == Source::\"gui-vm\", action, resource);");
        rpc_rules_reload(rules);
        assert_line(0, "loaded: Access rules: 1 from ");
        forget_lines();
        assert_true(judge(rules, app_vm, &start_vm, &m) < 0);
        assert_int_equal(judge(rules, gui_vm, &start_vm, &m), 0);
        forget_lines();
        /* A bad file changes nothing, and is told once. */
        write_rules("permit(");
        rpc_rules_reload(rules);
        assert_line(0, "refused: ");
        assert_line(strv_length(lines) - 1, "The access rules stay as they were");
        forget_lines();
        rpc_rules_reload(rules);
        assert_null(lines);
        assert_int_equal(judge(rules, gui_vm, &start_vm, &m), 0);
        assert_true(judge(rules, app_vm, &start_vm, &m) < 0);
        forget_lines();
        assert_int_equal(unlink(file), 0);
        rpc_rules_reload(rules);
        assert_line(0, "No such file or directory");
        assert_int_equal(judge(rules, gui_vm, &start_vm, &m), 0);
        forget_lines();
        write_rules("");
        rpc_rules_reload(rules);
        assert_line(0, "so everything is denied");
        assert_true(judge(rules, gui_vm, &start_vm, &m) < 0);
}

/* What was hardly meant so is told with its place, each time that the rules are read, and decides all the same. */
static void test_doubtful_rules(_unused_ void **state) {
        const RpcRulesOptions options = { file, false, "admin-vm", TEXT_DENIED };
        _cleanup_(rpc_rules_freep) RpcRules *rules = NULL;
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;
        const RpcMethod newer = { .name = "StartVn", .kind = RPC_UNARY };
        _cleanup_free_ char *why = NULL, *method = NULL, *others = NULL;

        write_rules("permit(principal, action, resource)\n"
                    "when { action == Command::\"StartVn\" && resource == Module::\"admn\" ||\n"
                    "       action == Command::\"StartVM\" && context.VmNam == \"a\" };\n");
        assert_int_equal(rpc_rules_new(&options, &rules, &why), 0);
        assert_int_equal(strv_length(lines), 4);
        assert_line(0, "loaded: Access rules: 1 from ");
        method = strf("doubtful: Access rules: %s:2:18: there is no method 'StartVn': did you mean 'StartVM'?", file);
        assert_string_equal(lines[1], method);
        assert_line(2, "rules.cedar:2:52: there is no module 'admn': did you mean 'admin'?");
        assert_line(3, "rules.cedar:3:40: no call that gets here has 'VmNam' in its context (it has VmName)");
        forget_lines();
        write_rules("permit(principal, action == Command::\"StartVn\", resource);");
        rpc_rules_reload(rules);
        assert_int_equal(strv_length(lines), 2);
        assert_line(1, ":1:19: there is no method 'StartVn': did you mean 'StartVM'?");
        assert_int_equal(judge(rules, app_vm, &newer, &m), 0);
        forget_lines();
        for (size_t i = 0; i < 60; i++)
                assert_true(str_extend(&others, "\n", "permit(principal, action == Command::\"StartVn\", resource);") >=
                                0);
        write_rules(others);
        rpc_rules_reload(rules);
        assert_int_equal(strv_length(lines), 52);
        assert_line(51, "and more like that");
}

static void on_counted(void *userdata) {
        ++*(unsigned *) userdata;
}

static void turn_until(sd_event *e, const char *line) {
        const usec_t end = time_now(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC;

        while (strv_length(lines) == 0 || !strstr(lines[0], line)) {
                assert_true(sd_event_run(e, 50 * USEC_PER_MSEC) >= 0);
                assert_true(time_now(CLOCK_MONOTONIC) < end);
        }
        forget_lines();
}

/* Renamed over, and behind a link that is swapped, as NixOS does with /etc. */
static void test_watch(_unused_ void **state) {
        _cleanup_free_ char *link = strf("%s/link", directory), *other = strf("%s/other", directory),
                            *next = strf("%s/next", directory);
        const RpcRulesOptions options = { link, false, "admin-vm", TEXT_DENIED };
        _cleanup_(rpc_rules_freep) RpcRules *rules = NULL;
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;
        _cleanup_free_ char *why = NULL;
        unsigned n_counted = 0;
        sd_event *e = NULL;

        assert_int_equal(sd_event_new(&e), 0);
        write_rules("permit(principal, action, resource);");
        assert_int_equal(symlink(file, link), 0);
        assert_int_equal(rpc_rules_new(&options, &rules, &why), 0);
        assert_int_equal(rpc_rules_watch(rules, e, on_counted, &n_counted), 0);
        forget_lines();
        write_rules("permit(principal, action, resource); permit(principal, action, resource);");
        turn_until(e, "Access rules: 2 from ");
        assert_int_equal(file_write(other, "", 0, 0600), 0);
        assert_int_equal(symlink(other, next), 0);
        assert_int_equal(rename(next, link), 0);
        turn_until(e, "Access rules: 0 from ");
        assert_true(judge(rules, app_vm, &start_vm, &m) < 0);
        assert_true(judge(rules, app_vm, &start_vm, &m) < 0);
        while (n_counted == 0)
                assert_true(sd_event_run(e, 50 * USEC_PER_MSEC) >= 0);
        assert_int_equal(n_counted, 1);
        forget_lines();
        (void) unlink(link);
        (void) unlink(other);
        rules = rpc_rules_free(rules);
        sd_event_unref(e);
}

/* An allowed call takes no memory of the heap. */
static void test_no_memory_for_an_allow(_unused_ void **state) {
        _cleanup_(rpc_rules_freep) RpcRules *rules =
                        rules_new("permit(principal == Source::\"app-vm\", action == Command::\"StartVM\", resource == "
                                  "Module::\"admin\") when { context has \"VmName\" && context.VmName == \"app-vm\" };",
                                        false);
        RpcTarget target = { .vm = TEXT("app-vm") };
        Admin__StartVMRequest m = ADMIN__START_VMREQUEST__INIT;
        int r, q;

        m.vmname = (char *) "app-vm";
        assert_int_equal(judge_target(rules, app_vm, SERVICE, &start_vm, &m, &target), 0);
        allocations_left = 0;
        r = judge_target(rules, app_vm, SERVICE, &start_vm, NULL, NULL);
        q = judge_target(rules, app_vm, SERVICE, &start_vm, &m, &target);
        allocations_left = SIZE_MAX;
        assert_int_equal(r, 0);
        assert_int_equal(q, 0);
}

static int setup(void **state) {
        if (peers_setup(state) < 0)
                return -1;
        assert_non_null(mkdtemp(directory));
        file = strf("%s/rules.cedar", directory);
        app_vm = peer_certified("app-vm", "192.168.101.5");
        gui_vm = peer_certified("gui-vm", "192.168.101.3");
        local = peer_local(0, 0);
        log_set_sink(sink);
        return 0;
}

static int teardown(void **state) {
        identity_free(app_vm);
        identity_free(gui_vm);
        identity_free(local);
        (void) unlink(file);
        (void) rmdir(directory);
        free(file);
        forget_lines();
        return peers_teardown(state);
}

static int forget(_unused_ void **state) {
        forget_lines();
        return 0;
}

#define rules_test(f) cmocka_unit_test_teardown(f, forget)

int main(void) {
        const struct CMUnitTest tests[] = {
                rules_test(test_kinds),
                rules_test(test_forged),
                rules_test(test_names_of_ours),
                rules_test(test_too_large_a_number),
                rules_test(test_principal_action_resource),
                rules_test(test_target),
                rules_test(test_long_target),
                rules_test(test_stages),
                rules_test(test_stream_that_may_begin),
                rules_test(test_error_is_skipped),
                rules_test(test_error_denies),
                rules_test(test_local),
                rules_test(test_empty_file_denies),
                rules_test(test_nobody),
                rules_test(test_bad_file),
                rules_test(test_reload),
                rules_test(test_doubtful_rules),
                rules_test(test_watch),
                rules_test(test_no_memory_for_an_allow),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
