/* SPDX-License-Identifier: Apache-2.0 */
/* Generations of the host's system, by the tool that its machine has for them. */

#include "admin.pb-c.h"
#include "admin/calls/command.h"
#include "admin/forward.h"
#include "admin/services/admin-service.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "proto/json.h"

#define SERVICE         (&admin__admin_service__descriptor)
#define TOOL            "ota-update"
#define TOKEN_VARIABLE  "CACHIX_TOKEN" /* where the tool looks for it: others can read a command line */
#define PATH_OF_A_HOST  "/run/wrappers/bin:/run/current-system/sw/bin:/usr/local/bin:/usr/bin:/bin"
#define LIST_USEC       (60 * USEC_PER_SEC)
#define GENERATIONS_MAX 4096

typedef struct Generations {
        Admin__ListGenerationsResponse response;
        Admin__Generation *items;
        json_t *json; /* that the items borrow from */
} Generations;

static void generations_done(Generations *g) {
        for (size_t i = 0; i < g->response.n_list; i++)
                free(g->items[i].specialisations);
        free(g->items);
        free(g->response.list);
        json_decref(g->json);
}

/* The text of a member, or otherwise; borrowed. */
static char *get_text(const json_t *o, const char *key, const char *otherwise) {
        const char *text = json_string_value(json_object_get(o, key));

        return (char *) (text ? text : otherwise);
}

static int generation_fill(Admin__Generation *item, json_t *o) {
        const json_t *names = json_object_get(o, "specialisations"), *name;
        size_t i;

        if (!json_is_object(o) || !json_is_integer(json_object_get(o, "generation")))
                return -EBADMSG;
        item->generation = (int32_t) json_integer_value(json_object_get(o, "generation"));
        item->date = get_text(o, "date", "");
        item->nixosversion = get_text(o, "nixosVersion", "");
        item->kernelversion = get_text(o, "kernelVersion", "");
        item->configurationrevision = get_text(o, "configurationRevision", "unknown");
        item->current = json_is_true(json_object_get(o, "current"));
        item->storepath = get_text(o, "storePath", "");
        if (json_array_size(names) == 0)
                return 0;
        item->specialisations = mem_new(char *, json_array_size(names));
        if (!item->specialisations)
                return -ENOMEM;
        json_array_foreach(names, i, name) if (json_is_string(name)) item->specialisations[item->n_specialisations++] =
                        (char *) json_string_value(name);
        return 0;
}

static int generations_fill(Generations *g, const char *text) {
        size_t n, i;
        json_t *o;
        int r;

        g->json = json_loads(text, 0, NULL);
        n = json_array_size(g->json);
        if (!json_is_array(g->json) || n > GENERATIONS_MAX)
                return -EBADMSG;
        g->items = mem_new(Admin__Generation, n + 1);
        g->response.list = mem_new(Admin__Generation *, n + 1);
        if (!g->items || !g->response.list)
                return -ENOMEM;
        json_array_foreach(g->json, i, o) {
                admin__generation__init(&g->items[i]);
                g->response.list[i] = &g->items[i];
                g->response.n_list = i + 1;
                r = generation_fill(&g->items[i], o);
                if (r < 0)
                        return r;
        }
        return 0;
}

int method_list_generations(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(generations_done) Generations g = { .response = ADMIN__LIST_GENERATIONS_RESPONSE__INIT };
        const Command command = { .program = TOOL, .arguments = (char *const[]){ (char *) "get", NULL } };
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        _cleanup_(forward_done) Forward forward = {};
        _cleanup_free_ char *text = NULL;
        Admin *admin = userdata;
        int r;

        r = agents_find_host(&admin->agents, &agent, reterr);
        if (r >= 0)
                r = forward_reserve(&forward, admin, call, agent, SERVICE, reterr);
        if (r < 0)
                return r;
        r = command_collect_wait(agent->channel, &command, call_get_deadline(call, LIST_USEC), &text, reterr);
        if (r < 0)
                return r;
        r = generations_fill(&g, text);
        if (r == -EBADMSG)
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "'" TOOL "' of the host lists no generations.");
        return r < 0 ? r : rpc_call_reply(call, &g.response);
}

static int on_output(bool error, const char *text, void *userdata) {
        Admin__SetGenerationResponse response = ADMIN__SET_GENERATION_RESPONSE__INIT;

        if (error) {
                response.has_error_case = ADMIN__SET_GENERATION_RESPONSE__HAS_ERROR_ERROR;
                response.error = (char *) text;
        } else {
                response.has_output_case = ADMIN__SET_GENERATION_RESPONSE__HAS_OUTPUT_OUTPUT;
                response.output = (char *) text;
        }
        return rpc_call_send_wait(userdata, &response);
}

/* A name or host that looks like an option would be one. */
static int add_argument(char ***argv, const char *option, const char *value, RpcStatus *reterr) {
        int r = 0;

        if (isempty(value) || value[0] == '-' || !str_is_printable(value))
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "'%s' is no name of a pin, a cache or a host.", value);
        if (option)
                r = strv_extend(argv, option);
        return r < 0 ? r : strv_extend(argv, value);
}

static int cachix_arguments(const Admin__Cachix *cachix, char ***argv, RpcStatus *reterr) {
        int r;

        r = strv_extend(argv, "cachix");
        if (r < 0)
                return r;
        r = add_argument(argv, NULL, cachix->pin, reterr);
        if (r < 0)
                return r;
        r = add_argument(argv, "--cache", cachix->cache, reterr);
        if (r < 0 || !cachix->has_cachix_host_case)
                return r;
        return add_argument(argv, "--cachix-host", cachix->cachixhost, reterr);
}

int method_set_generation(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        Admin__SetGenerationResponse last = ADMIN__SET_GENERATION_RESPONSE__INIT;
        const Admin__SetGenerationRequest *req = request;
        _cleanup_(agent_unrefp) Agent *agent = NULL;
        _cleanup_(forward_done) Forward forward = {};
        _cleanup_strv_free_ char **argv = NULL;
        Command command = { .program = TOOL };
        Admin *admin = userdata;
        int status, r;

        if (req->update_case != ADMIN__SET_GENERATION_REQUEST__UPDATE_CACHIX)
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "No update is named.");
        r = cachix_arguments(req->cachix, &argv, reterr);
        if (r < 0)
                return r;
        r = agents_find_host(&admin->agents, &agent, reterr);
        if (r >= 0)
                r = forward_reserve(&forward, admin, call, agent, SERVICE, reterr);
        if (r < 0)
                return r;
        command.arguments = argv;
        if (req->cachix->has_token_case) {
                command.variable = TOKEN_VARIABLE;
                command.value = req->cachix->token;
                command.path = agent->polled ? PATH_OF_A_HOST : NULL;
        }
        r = command_wait(agent->channel, &command, rpc_call_get_deadline(call), on_output, call, &status, reterr);
        if (r < 0)
                return r;
        last.finished = true;
        r = rpc_call_send_wait(call, &last);
        if (r < 0)
                return r;
        return status == 0 ? 0 : rpc_error(reterr, RPC_INVALID_ARGUMENT, "'" TOOL "' failed with %i.", status);
}
