/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl update: generations of the host's system, what a server of updates offers, and the way to another one. */
#include <stdio.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/reference.h"
#include "ctl/table.h"
#include "ctl/verbs.h"
#include "http/http.h"
#include "http/url.h"
#include "proto/unpack.h"

#define PIN_DEFAULT    "ghaf-updates"
#define CACHE_DEFAULT  "ghaf-dev"
#define LOOK_USEC      (60 * USEC_PER_SEC)
#define OFFER_SIZE_MAX ((size_t) 1024 * 1024) /* bytes of what a server of updates says */

/* As in RFC 3986: what needs no encoding in a URL. */
#define UNRESERVED                                                                                                     \
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"                                               \
        "-._~"

static usec_t look_timeout(const Options *o) {
        return o->timeout_usec > 0 ? o->timeout_usec : LOOK_USEC;
}

enum {
        COLUMN_GENERATION,
        COLUMN_CURRENT,
        COLUMN_DATE,
        COLUMN_NIXOS,
        COLUMN_KERNEL,
        COLUMN_REVISION,
        COLUMN_SPECIAL,
        N_COLUMNS
};

static const TableColumn columns[N_COLUMNS] = {
        [COLUMN_GENERATION] = { "GENERATION", 0, SCOLS_FL_RIGHT },
        [COLUMN_CURRENT] = { "CURRENT" },
        [COLUMN_DATE] = { "DATE" },
        [COLUMN_NIXOS] = { "NIXOS" },
        [COLUMN_KERNEL] = { "KERNEL" },
        [COLUMN_REVISION] = { "REVISION", 0, SCOLS_FL_TRUNC },
        [COLUMN_SPECIAL] = { "SPECIALISATIONS", 0, SCOLS_FL_TRUNC },
};

/* New string, NULL when out of memory. */
static char *words_join(char *const *words, size_t n) {
        _cleanup_free_ char *all = NULL;

        for (size_t i = 0; i < n; i++)
                if (str_extend(&all, " ", "%s", words[i]) < 0)
                        return NULL;
        return all ? TAKE_PTR(all) : strdup("");
}

static int generation_add(struct libscols_table *t, const Admin__Generation *g) {
        _cleanup_free_ char *number = strf("%i", g->generation),
                            *special = words_join(g->specialisations, g->n_specialisations);
        const char *cells[N_COLUMNS] = {
                [COLUMN_GENERATION] = number,
                [COLUMN_CURRENT] = g->current ? "yes" : "",
                [COLUMN_DATE] = g->date,
                [COLUMN_NIXOS] = g->nixosversion,
                [COLUMN_KERNEL] = g->kernelversion,
                [COLUMN_REVISION] = g->configurationrevision,
                [COLUMN_SPECIAL] = special,
        };

        return table_add(t, NULL, cells) ? 0 : -ENOMEM;
}

static int generations_print(const Options *o, Admin__ListGenerationsResponse *reply) {
        _cleanup_(scols_unref_tablep) struct libscols_table *t = NULL;
        Look look;
        int r;

        message_make_printable(&reply->base);
        look_init(&look, o);
        t = table_new(stdout, &look, columns, N_COLUMNS);
        if (!t)
                return -ENOMEM;
        for (size_t i = 0; i < reply->n_list; i++) {
                r = generation_add(t, reply->list[i]);
                if (r < 0)
                        return r;
        }
        pager_open(o);
        return table_print(t);
}

CtlExit verb_update_list(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        _cleanup_proto_ Admin__ListGenerationsResponse *reply = NULL;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        const Options *o = &ctl->options;
        RpcStatus status = {};
        int r;

        client_set_timeout(ctl->client, look_timeout(o));
        r = client_call_wait(ctl->client, "ListGenerations", &request, &reply, &status);
        if (r >= 0 && o->output != OUTPUT_TEXT)
                r = output_json(stdout, reply, o->output, false);
        else if (r >= 0 && o->reference)
                reference_print_generations(stdout, reply);
        else if (r >= 0)
                r = generations_print(o, reply);
        return r < 0 ? ctl_fail(ctl, r, &status, "list the generations of the host's system") : CTL_OK;
}

/* The members that a server has to say, and no others. NULL when it is no such object. */
static json_t *offer_to_json(json_t *o) {
        const char *name, *path, *key;
        int current;

        if (json_unpack(o, "{s:s, s:s, s:b, s:s}", "name", &name, "storePath", &path, "current", &current, "pubKey",
                            &key) < 0)
                return NULL;
        return json_pack("{s:s, s:s, s:b, s:s}", "name", name, "storePath", path, "current", current, "pubKey", key);
}

/* The current ones of what the server offers, or all. */
static int offers_choose(const Buffer *body, bool all, json_t **ret) {
        _cleanup_(json_decrefp) json_t *offers = json_loadb((const char *) buffer_head(body), body->size, 0, NULL),
                                       *chosen = json_array();
        json_t *o;
        size_t i;

        if (!json_is_array(offers))
                return -EBADMSG;
        json_array_foreach(offers, i, o) {
                json_t *offer = offer_to_json(o);

                if (!offer)
                        return -EBADMSG;
                if (!all && json_is_false(json_object_get(offer, "current")))
                        json_decref(offer);
                else if (json_array_append_new(chosen, offer) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(chosen);
        return 0;
}

static int offers_print(const Options *o, const json_t *offers) {
        const json_t *offer;
        size_t i;

        if (!o->raw)
                return output_json_value(stdout, offers, o->output, false);
        json_array_foreach(offers, i, offer) {
                _cleanup_free_ char *path = strdup(json_string_value(json_object_get(offer, "storePath")));

                if (!path)
                        return -ENOMEM;
                str_make_printable(path, '?');
                puts(path);
        }
        return 0;
}

static int query_wait(const Options *o, const char *url, RpcStatus *reterr) {
        const HttpRequest request = {
                .url = url,
                .size_max = OFFER_SIZE_MAX,
                .deadline = usec_add(time_now(CLOCK_MONOTONIC), look_timeout(o)),
        };
        _cleanup_(http_response_done) HttpResponse response = {};
        _cleanup_(json_decrefp) json_t *offers = NULL;
        _cleanup_free_ char *error = NULL;
        int r;

        r = http_get_wait(&request, &response, &error);
        if (r < 0) {
                if (error)
                        (void) rpc_error(reterr, r == -EPROTO ? RPC_UNAVAILABLE : rpc_code_from_errno(r), "%s", error);
                return r;
        }
        r = offers_choose(&response.body, o->current, &offers);
        if (r == -EBADMSG)
                return rpc_error(reterr, RPC_UNAVAILABLE, "'%s' is no list of updates.", url);
        return r < 0 ? r : offers_print(o, offers);
}

/* As if the server of updates were the admin. */
static CtlExit query_exit(int error, RpcCode code) {
        static const int unreachable[] = { -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH, -EKEYREJECTED };

        for (size_t i = 0; i < ELEMENTSOF(unreachable); i++)
                if (error == unreachable[i])
                        return CTL_UNREACHABLE;
        return ctl_exit_from_code(code);
}

CtlExit verb_update_query(Ctl *ctl, _unused_ char **words, _unused_ size_t n_words) {
        const Options *o = &ctl->options;
        const char *pin = o->pin_name ? o->pin_name : PIN_DEFAULT;
        _cleanup_free_ char *url = NULL;
        RpcStatus status = {};
        CtlExit e, failed;
        size_t n;
        int r;

        if (!o->source || !http_url_is_valid(o->source) || strpbrk(o->source, "?#"))
                return ctl_usage("'update query' needs --source=URL, of http or https.");
        if (isempty(pin) || pin[strspn(pin, UNRESERVED)])
                return ctl_usage("--pin-name=%s is no name of letters, digits and '-._~'.", pin);
        n = strlen(o->source);
        url = strf("%.*s/update/%s", (int) (o->source[n - 1] == '/' ? n - 1 : n), o->source, pin);
        r = url ? query_wait(o, url, &status) : -ENOMEM;
        if (r >= 0)
                return CTL_OK;
        rpc_status_from_errno(&status, r);
        e = query_exit(r, status.code);
        failed = ctl_fail(ctl, r, &status, "ask for updates");
        return failed == CTL_FAILED && !o->reference ? e : failed;
}

/* A terminal shall not obey the host. */
static void print_piece(FILE *f, char *piece) {
        for (char *p = piece; p; piece = p) {
                char end = 0;

                p = strpbrk(piece, "\n\r\t");
                if (p) {
                        end = *p;
                        *p++ = 0;
                }
                str_make_printable(piece, '?');
                fputs(piece, f);
                if (end)
                        fputc(end, f);
        }
        (void) fflush(f);
}

/* By the name of the program before this one nothing is on standard output: it logged what it heard. */
static int cachix_print(const Options *o, Admin__SetGenerationResponse *response) {
        FILE *out = o->reference ? stderr : stdout;

        if (o->output != OUTPUT_TEXT)
                return output_json(stdout, response, o->output, true);
        if (response->has_output_case == ADMIN__SET_GENERATION_RESPONSE__HAS_OUTPUT_OUTPUT)
                print_piece(out, response->output);
        if (response->has_error_case == ADMIN__SET_GENERATION_RESPONSE__HAS_ERROR_ERROR)
                print_piece(stderr, response->error);
        return 0;
}

static int cachix_wait(Ctl *ctl, Admin__Cachix *cachix, RpcStatus *reterr) {
        Admin__SetGenerationRequest request = ADMIN__SET_GENERATION_REQUEST__INIT;
        _cleanup_(rpc_stream_freep) RpcStream *stream = NULL;
        int r;

        request.update_case = ADMIN__SET_GENERATION_REQUEST__UPDATE_CACHIX;
        request.cachix = cachix;
        r = client_stream_wait(ctl->client, "SetGeneration", &request, &stream, reterr);
        while (r >= 0) {
                _cleanup_proto_ Admin__SetGenerationResponse *response = NULL;

                r = rpc_stream_receive_wait(stream, &response, reterr);
                if (r == 0)
                        return 0;
                if (r > 0)
                        r = cachix_print(&ctl->options, response);
        }
        return r;
}

CtlExit verb_update_cachix(Ctl *ctl, char **words, _unused_ size_t n_words) {
        const Options *o = &ctl->options;
        Admin__Cachix cachix = ADMIN__CACHIX__INIT;
        _cleanup_free_ char *what = strf("update the host's system to '%s'", words[0]);
        RpcStatus status = {};
        int r;

        cachix.pin = words[0];
        cachix.cache = (char *) (o->cache ? o->cache : CACHE_DEFAULT);
        if (o->cachix_host) {
                cachix.has_cachix_host_case = ADMIN__CACHIX__HAS_CACHIX_HOST_CACHIX_HOST;
                cachix.cachixhost = (char *) o->cachix_host;
        }
        if (o->token) {
                cachix.has_token_case = ADMIN__CACHIX__HAS_TOKEN_TOKEN;
                cachix.token = (char *) o->token;
        }
        r = cachix_wait(ctl, &cachix, &status);
        return r < 0 ? ctl_fail(ctl, r, &status, what ? what : "update the host's system") : CTL_OK;
}
