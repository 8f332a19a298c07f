/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/policy-source.h"

#include "admin/policy-git.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message-id.h"
#include "base/str.h"
#include "bus/unit-program.h"
#include "event/backoff.h"
#include "http/http.h"

/* Where the path of a URL ends, and the name of the file in it begins. */
static char *file_from_url(const char *url) {
        const size_t end = strcspn(url, "?#");
        size_t begin = end;

        while (begin > 0 && url[begin - 1] != '/')
                begin--;
        return strndup(url + begin, end - begin);
}

static int take_response_wait(PolicySource *s, const HttpResponse *response, char **reterr) {
        const ConfigPolicy *config = s->policy->config;
        _cleanup_free_ char *file = file_from_url(config->url);
        int r;

        if (!file)
                return -ENOMEM;
        r = policy_set_wait(s->policy, buffer_head(&response->body), response->body.size, file, config->url);
        if (r < 0) {
                if (r != -ECANCELED)
                        *reterr = strf("it cannot be kept in '%s': %s.", s->policies->directory, strerror(-r));
                return r;
        }
        r = str_replace(&s->etag, response->etag);
        return r < 0 ? r : str_replace(&s->last_modified, response->last_modified);
}

static int url_poll_wait(PolicySource *s, char **reterr) {
        const HttpRequest request = {
                .url = s->policy->config->url,
                .etag = s->etag,
                .last_modified = s->last_modified,
                .size_max = POLICY_SIZE_MAX,
                .deadline = usec_add(time_now(CLOCK_MONOTONIC), POLICY_FETCH_USEC),
        };
        HttpResponse response = {};
        int r;

        r = http_get_wait(&request, &response, reterr);
        if (r >= 0 && !response.unchanged)
                r = take_response_wait(s, &response, reterr);
        http_response_done(&response);
        return r;
}

static const char *source_get_url(const PolicySource *s) {
        return s->policy ? s->policy->config->url : s->policies->config->url;
}

/* Once for each reason, however often it is tried. */
static void source_judge(PolicySource *s, int result, const char *why) {
        const char *reason = result >= 0 ? NULL : why ? why : strerror(-result);
        const char *name = s->policy ? s->policy->config->name : "*";

        if (streq_ptr(s->reason, reason))
                return;
        if (reason)
                log_write(LOG_WARNING,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_POLICY_FAILED }, { "GIVC_POLICY", name },
                                                { "GIVC_REASON", reason }),
                                "Policy '%s' stays as it is and is tried again: %s", name, reason);
        else
                log_write(LOG_NOTICE, LOG_FIELDS({ "GIVC_POLICY", name }), "Policy '%s' can be fetched again from '%s'",
                                name, source_get_url(s));
        (void) str_replace(&s->reason, reason);
        s->policies->on_change(s->policies->userdata);
}

static usec_t source_get_interval(const PolicySource *s) {
        usec_t interval = s->policy ? s->policy->config->interval_usec : s->policies->config->interval_usec;

        return interval > 0 ? interval : USEC_INFINITY;
}

static int source_run(void *userdata) {
        Backoff backoff = { .min_usec = POLICY_RETRY_MIN_USEC, .max_usec = POLICY_RETRY_MAX_USEC };
        PolicySource *s = userdata;
        int r;

        do {
                _cleanup_free_ char *why = NULL;

                s->news = (Promise){};
                r = s->policy ? url_poll_wait(s, &why) : policy_git_poll_wait(s, &why);
                if (fiber_is_canceled(fiber_current()))
                        return 0;
                source_judge(s, r, why);
                if (r >= 0)
                        backoff_reset(&backoff);
                r = promise_wait_until(&s->news,
                                usec_add(time_now(CLOCK_MONOTONIC),
                                                r >= 0 ? source_get_interval(s) : backoff_next_usec(&backoff)));
        } while (r != -ECANCELED);
        return 0;
}

static int source_add(Policies *p, Policy *policy) {
        PolicySource *s = &p->sources[p->n_sources++];

        *s = (PolicySource){ .policies = p, .policy = policy };
        return fiber_start(&s->fiber, source_run, s);
}

int policy_sources_start(Policies *p, Bus *bus) {
        int r;

        if (p->n_items == 0 || p->config->source == POLICY_SOURCE_NONE)
                return 0;
        p->sources = mem_new0(PolicySource, p->n_items);
        if (!p->sources)
                return -ENOMEM;
        if (p->config->source == POLICY_SOURCE_GIT_URL) {
                p->bus = bus;
                r = unit_programs_new(bus, "givc-policies", &p->programs);
                return r < 0 ? r : source_add(p, NULL);
        }
        for (size_t i = 0; i < p->n_items; i++) {
                if (!p->items[i].config->url) {
                        log_notice("Policy '%s' has no URL; it stays as it is", p->items[i].config->name);
                        continue;
                }
                r = source_add(p, &p->items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

void policy_sources_poll(Policies *p) {
        for (size_t i = 0; i < p->n_sources; i++)
                promise_resolve(&p->sources[i].news, 0);
}

void policy_sources_stop(Policies *p) {
        for (size_t i = 0; i < p->n_sources; i++) {
                PolicySource *s = &p->sources[i];

                fiber_cancel(s->fiber);
                free(s->etag);
                free(s->last_modified);
                free(s->commit);
                free(s->reason);
        }
        free(TAKE_PTR(p->sources));
        p->n_sources = 0;
        p->programs = unit_programs_free(p->programs);
}

unsigned policy_sources_failing(const Policies *p) {
        unsigned n = 0;

        for (size_t i = 0; i < p->n_sources; i++)
                if (p->sources[i].reason)
                        n += p->sources[i].policy ? 1 : (unsigned) p->n_items;
        return n;
}
