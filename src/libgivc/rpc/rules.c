/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rules.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/str.h"
#include "base/time.h"
#include "policy/policy.h"
#include "rpc/rules-context.h"
#include "rpc/rules-file.h"
#include "tls/file-watch.h"

#define BLOCK_SIZE       (64 * 1024) /* what a decision about a usual message takes is less */
#define TOLD_MAX         8           /* rules that one line of the log names */
#define TARGET_SHOWN_MAX 255         /* bytes: no name of a unit is longer */

struct RpcRules {
        char *file, *local, *text;
        bool deny_on_error;
        PolicySet *set;
        char *refused; /* why the file that is there now is not in use */
        void *block;   /* of a decision, one at a time */
        RpcRulesCounts counts;

        FileWatch *watch;
        sd_event_source *timer;
        bool is_late; /* the timer runs */
        void (*counted)(void *userdata);
        void *userdata;
};

/* A call, in the words of the rules. */
typedef struct Question {
        const Identity *identity;
        const ProtobufCServiceDescriptor *service;
        const RpcMethod *method;
        const ProtobufCMessage *request;
        const RpcTarget *target;
        EntityUid principal, action, resource;
        bool is_local;
} Question;

/* A relative name is meant where the program was started, and a watch wants to know where that is. */
static char *path_make_absolute(const char *path) {
        char directory[PATH_MAX];

        if (path[0] == '/' || !getcwd(directory, sizeof(directory)))
                return strdup(path);
        return strf("%s/%s", directory, path);
}

int rpc_rules_new(const RpcRulesOptions *options, RpcRules **ret, char **reterr) {
        _cleanup_(rpc_rules_freep) RpcRules *r = mem_new0(RpcRules, 1);
        int q;

        if (!r)
                return -ENOMEM;
        r->deny_on_error = options->deny_on_error;
        r->file = path_make_absolute(options->file);
        r->text = strdup(options->text);
        r->local = strdup(strempty(options->local));
        r->block = malloc(BLOCK_SIZE);
        if (!r->file || !r->text || !r->local || !r->block)
                return -ENOMEM;
        q = rules_file_read(r->file, &r->set, reterr);
        if (q < 0)
                return q;
        rules_file_log(r->file, r->set);
        *ret = TAKE_PTR(r);
        return 0;
}

RpcRules *rpc_rules_free(RpcRules *r) {
        if (!r)
                return NULL;
        file_watch_free(r->watch);
        sd_event_source_disable_unref(r->timer);
        policy_set_free(r->set);
        free(r->refused);
        free(r->block);
        free(r->file);
        free(r->local);
        free(r->text);
        free(r);
        return NULL;
}

static void keep_rules(RpcRules *r, int error, const char *why) {
        const char *reason = why ? why : strerror(-error);

        if (str_replace(&r->refused, reason) == 0)
                return;
        rpc_rules_log_refused(reason);
        log_error("The access rules stay as they were");
}

void rpc_rules_reload(RpcRules *r) {
        _cleanup_free_ char *why = NULL;
        PolicySet *set = NULL;
        int q;

        q = rules_file_read(r->file, &set, &why);
        if (q < 0) {
                keep_rules(r, q, why);
                return;
        }
        policy_set_free(r->set);
        r->set = set;
        free(TAKE_PTR(r->refused));
        rules_file_log(r->file, r->set);
}

static void on_file_changed(void *userdata) {
        rpc_rules_reload(userdata);
}

static int on_late(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        RpcRules *r = userdata;

        r->is_late = false;
        r->counted(r->userdata);
        return 0;
}

int rpc_rules_watch(RpcRules *r, sd_event *e, void (*counted)(void *userdata), void *userdata) {
        const char *const paths[] = { r->file };
        int q;

        r->counted = counted;
        r->userdata = userdata;
        q = sd_event_add_time(e, &r->timer, CLOCK_MONOTONIC, 0, 100 * USEC_PER_MSEC, on_late, r);
        if (q >= 0)
                q = sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
        return q < 0 ? q : file_watch_new(e, paths, ELEMENTSOF(paths), on_file_changed, r, &r->watch);
}

RpcRulesCounts rpc_rules_get_counts(const RpcRules *r) {
        return r->counts;
}

static void count(RpcRules *r, bool allowed, size_t n_faults) {
        if (allowed)
                r->counts.n_allowed++;
        else
                r->counts.n_denied++;
        r->counts.n_faults += n_faults;
        if (!r->timer || r->is_late)
                return;
        r->is_late = sd_event_source_set_time_relative(r->timer, RPC_RULES_COUNT_USEC) >= 0 &&
                        sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT) >= 0;
}

/* "policy3 "no-poweroff" (/etc/rules.cedar:12)" */
static void print_policy(FILE *f, const Policy *p) {
        _cleanup_free_ char *name = policy_to_name(p);
        unsigned line, column;

        source_position(p->source, p->span, &line, &column);
        fprintf(f, "%s (%s:%u)", name ? name : p->id, p->source->name, line);
}

static void print_reasons(FILE *f, const PolicyDecision *d) {
        for (size_t i = 0; i < MIN(d->n_reasons, (size_t) TOLD_MAX); i++) {
                fputs(i > 0 ? ", " : "forbidden by ", f);
                print_policy(f, d->reasons[i]);
        }
        if (d->n_reasons > TOLD_MAX)
                fprintf(f, " and %zu more", d->n_reasons - TOLD_MAX);
        if (d->n_reasons == 0)
                fputs("no rule permits it", f);
}

static void print_faults(FILE *f, const PolicyDecision *d) {
        for (size_t i = 0; i < MIN(d->n_faults, (size_t) TOLD_MAX); i++) {
                if (i > 0)
                        fputs("; ", f);
                print_policy(f, d->faults[i].policy);
                fprintf(f, " cannot be evaluated: %s", d->faults[i].why);
        }
        if (d->n_faults > TOLD_MAX)
                fprintf(f, "; so can't %zu more", d->n_faults - TOLD_MAX);
}

/* New string, on one line whatever rules and names have in them; NULL when out of memory. */
static char *describe(const PolicyDecision *d, void (*print)(FILE *f, const PolicyDecision *d)) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        print(f, d);
        if (fclose(f) != 0)
                return NULL;
        str_make_printable(text, '?');
        return TAKE_PTR(text);
}

/* What a caller says it acts on may be as long as a message, and would fill the journal. */
static char *target_to_string(const Text *t) {
        char *s = t && t->size > 0 ? strndup(t->data, MIN(t->size, (size_t) TARGET_SHOWN_MAX)) : NULL;

        if (s)
                str_make_printable(s, '?');
        return s;
}

static void log_denied(const Question *q, const char *reason, const char *faults) {
        _cleanup_free_ char *path = strf("%s/%s", q->service->name, q->method->name),
                            *vm = q->target ? target_to_string(&q->target->vm) : NULL,
                            *unit = q->target ? target_to_string(&q->target->unit) : NULL;

        log_write(LOG_WARNING,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ACCESS_DENIED },
                                        { "GIVC_PEER", identity_get_key(q->identity) }, { "GIVC_METHOD", path },
                                        { "GIVC_VM", vm }, { "UNIT", unit }, { "GIVC_REASON", reason },
                                        { "GIVC_ERRORS", isempty(faults) ? NULL : faults }),
                        "Refused %s, which called %s%s%s%s%s%s%s: %s%s%s%s", identity_to_string(q->identity),
                        strempty(path), unit ? " for '" : "", strempty(unit), unit ? "'" : "", vm ? " in VM '" : "",
                        strempty(vm), vm ? "'" : "", strempty(reason), isempty(faults) ? "" : " (", strempty(faults),
                        isempty(faults) ? "" : ")");
}

static void log_faults(const Question *q, const char *faults) {
        _cleanup_free_ char *path = strf("%s/%s", q->service->name, q->method->name);

        log_write(LOG_WARNING,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_RULE_FAILED },
                                        { "GIVC_PEER", identity_get_key(q->identity) }, { "GIVC_METHOD", path },
                                        { "GIVC_ERRORS", faults }),
                        "%s was allowed to %s, but not by all rules: %s", strempty(path),
                        identity_to_string(q->identity), strempty(faults));
}

static int deny(RpcRules *r, const Question *q, const char *reason, const PolicyDecision *d, RpcStatus *reterr) {
        _cleanup_free_ char *faults = d->n_faults > 0 ? describe(d, print_faults) : NULL,
                            *reasons = reason ? NULL : describe(d, print_reasons);

        count(r, false, d->n_faults);
        log_denied(q, reason ? reason : reasons, faults);
        return rpc_error(reterr, RPC_PERMISSION_DENIED, "%s", r->text);
}

static bool is_allowed(const RpcRules *r, const Question *q, const PolicyDecision *d) {
        if (r->deny_on_error && d->n_faults > 0)
                return false;
        return d->allow || (q->is_local && d->n_reasons == 0);
}

static int decide(RpcRules *r, const Question *q, Arena *arena, PolicyDecision *ret, char **reterr) {
        PolicyRequest request = { &q->principal, &q->action, &q->resource };
        int k;

        k = rules_context_new(arena, q->service, q->request, q->target, &request.context, reterr);
        return k < 0 ? k : policy_set_decide(r->set, &request, arena, ret);
}

/* Whether a handler may begin to do something for a caller who has not said anything yet. */
static int judge_silence(RpcRules *r, const Question *q, Arena *arena) {
        _cleanup_free_ char *why = NULL;
        PolicyDecision d = {};

        return decide(r, q, arena, &d, &why) >= 0 && is_allowed(r, q, &d) ? 0 : 1;
}

static int judge_message(RpcRules *r, const Question *q, Arena *arena, RpcStatus *reterr) {
        _cleanup_free_ char *why = NULL, *faults = NULL;
        PolicyDecision d = {};
        int k;

        k = decide(r, q, arena, &d, &why);
        if (k < 0)
                return deny(r, q, why ? why : "the message is too large to be judged", &(PolicyDecision){}, reterr);
        if (!is_allowed(r, q, &d))
                return deny(r, q, d.allow ? "a rule cannot be evaluated" : NULL, &d, reterr);
        if (d.n_faults > 0) {
                faults = describe(&d, print_faults);
                log_faults(q, faults);
        }
        count(r, true, d.n_faults);
        return 0;
}

static bool method_has_stream(const RpcMethod *m) {
        return m->kind == RPC_CLIENT_STREAM || m->kind == RPC_BIDI_STREAM;
}

static int judge(RpcRules *r, const Question *q, Arena *arena, RpcStatus *reterr) {
        if (q->request)
                return judge_message(r, q, arena, reterr);
        if (!q->is_local && !policy_set_may_permit(r->set, &q->principal, &q->action, &q->resource))
                return deny(r, q, NULL, &(PolicyDecision){}, reterr);
        return method_has_stream(q->method) ? judge_silence(r, q, arena) : 0;
}

int rpc_rules_judge(RpcRules *r, const Identity *identity, const ProtobufCServiceDescriptor *service,
                const RpcMethod *method, const ProtobufCMessage *request, const RpcTarget *target, RpcStatus *reterr) {
        const bool is_local = identity_get_kind(identity) == IDENTITY_UNIX;
        const char *principal = is_local ? r->local : identity_get_principal(identity);
        const Question q = {
                .identity = identity,
                .service = service,
                .method = method,
                .request = request,
                .target = target,
                .principal = { TEXT(RULES_PRINCIPAL), text_of(principal) },
                .action = { TEXT(RULES_ACTION), text_of(method->name) },
                .resource = { TEXT(RULES_RESOURCE), rules_package(service) },
                .is_local = is_local,
        };
        _cleanup_arena_ Arena arena;

        arena_init(&arena, r->block, BLOCK_SIZE, POLICY_DECISION_MAX);
        if (!principal)
                return deny(r, &q, "the caller has no certificate", &(PolicyDecision){}, reterr);
        return judge(r, &q, &arena, reterr);
}
