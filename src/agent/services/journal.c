/* SPDX-License-Identifier: Apache-2.0 */
/* journal.JournalService: what exposed units have to say, see proto/journal.proto. */
#include "agent/journal.h"

#include "agent/services/places.h"
#include "agent/services/services.h"
#include "agent/services/unit-error.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "journal.pb-c.h"

static Places places = PLACES_INIT(places, "readers of the journal", JOURNAL_READERS_MAX);

/* All that the agent exposes, as systemd calls it. */
static int names_of_all(const Agent *agent, char ***names) {
        const Exposure *exposure = agent_get_exposure(agent);
        const Config *config = agent_get_config(agent);
        const ExposedUnit *units;
        size_t n;
        int r;

        r = strv_extend(names, agent_real_name(agent, exposure_get_own_name(exposure)));
        units = exposure_get_units(exposure, &n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = strv_extend(names, units[i].name);
        for (size_t i = 0; r >= 0 && i < config->n_applications; i++)
                if (!isempty(config->applications[i].name))
                        r = strv_extend(names, config->applications[i].name);
        return r;
}

static int names_of_unit(const Agent *agent, const char *unit, JournalQuery *query, RpcStatus *reterr) {
        _cleanup_free_ char *complete = NULL;
        int r;

        if (config_find_application(agent_get_config(agent), unit, strlen(unit))) {
                query->instances = true;
                return strv_extend(&query->names, unit);
        }
        complete = unit_name_is_valid(unit) ? strdup(unit) : strf("%s.service", unit);
        if (!complete)
                return -ENOMEM;
        r = unit_check_exposed(agent, complete, RPC_NOT_FOUND, reterr);
        return r < 0 ? r : strv_extend(&query->names, agent_real_name(agent, complete));
}

static int check_vm(const Agent *agent, const char *vm, RpcStatus *reterr) {
        const char *own = strempty(agent_get_config(agent)->identity.name);

        if (isempty(vm) || streq(vm, own))
                return 0;
        return rpc_error(reterr, RPC_NOT_FOUND, "This agent speaks for VM '%s', not for '%s'.", own, vm);
}

static int query_from_request(
                const Agent *agent, const Journal__JournalRequest *req, JournalQuery *ret, RpcStatus *reterr) {
        int r;

        r = check_vm(agent, req->vmname, reterr);
        if (r < 0)
                return r;
        *ret = (JournalQuery){
                .user = bus_get_scope(agent_get_bus(agent)) == BUS_USER,
                .follow = req->follow,
                .has_n_lines = req->has_lines_case == JOURNAL__JOURNAL_REQUEST__HAS_LINES_LINES,
                .n_lines = req->lines,
                .since_usec = req->since,
                .after = isempty(req->aftercursor) ? NULL : req->aftercursor,
        };
        if (!isempty(req->unitname))
                return names_of_unit(agent, req->unitname, ret, reterr);
        ret->instances = true;
        return names_of_all(agent, &ret->names);
}

static int journal_error(int r, RpcStatus *reterr) {
        switch (r) {
        case -EACCES:
                return rpc_error(reterr, RPC_FAILED_PRECONDITION,
                                "The agent may not read the journal of this machine: its user is not in group "
                                "'systemd-journal'.");
        case -ENOENT:
                return rpc_error(reterr, RPC_FAILED_PRECONDITION, "This machine keeps no journal.");
        case -EINVAL:
                return rpc_error(reterr, RPC_INVALID_ARGUMENT, "AfterCursor is not a cursor of a journal.");
        case -EBUSY:
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED,
                                "%d read the journal of this machine, or have just left it.", JOURNAL_READERS_MAX);
        case -ESHUTDOWN:
                return rpc_error(reterr, RPC_UNAVAILABLE, "The agent stops.");
        default:
                return r;
        }
}

static int send_entry_wait(RpcCall *call, const Agent *agent, const JournalEntry *e) {
        const Exposure *exposure = agent_get_exposure(agent);
        Journal__JournalEntry message = JOURNAL__JOURNAL_ENTRY__INIT;
        const char *own = exposure_get_own_name(exposure);

        message.realtime = e->usec;
        message.priority = e->priority;
        message.unitname = streq(e->unit, agent_real_name(agent, own)) ? (char *) own : e->unit;
        message.identifier = (char *) strempty(e->identifier);
        message.pid = e->pid;
        message.message = e->message;
        message.cut = e->cut;
        message.cursor = e->cursor;
        return rpc_call_send_wait(call, &message);
}

static int send_entries_wait(RpcCall *call, const Agent *agent, Journal *journal, RpcStatus *reterr) {
        int r;

        for (;;) {
                _cleanup_(journal_entry_done) JournalEntry e = {};

                r = journal_next_wait(journal, USEC_INFINITY, &e);
                if (r <= 0)
                        return r < 0 ? journal_error(r, reterr) : 0;
                r = send_entry_wait(call, agent, &e);
                if (r < 0)
                        return r;
        }
}

static int method_read_journal(RpcCall *call, const void *request, RpcStatus *reterr, void *userdata) {
        _cleanup_(journal_freep) Journal *journal = NULL;
        _cleanup_(place_leave) Place place = {};
        JournalQuery query = {};
        const Agent *agent = userdata;
        int r;

        r = query_from_request(agent, request, &query, reterr);
        if (r >= 0)
                r = place_take(&place, &places, rpc_call_get_identity(call), agent_get_config(agent), reterr);
        if (r >= 0) {
                r = journal_new(&query, &journal);
                if (r < 0)
                        r = journal_error(r, reterr);
        }
        strv_free(query.names);
        return r < 0 ? r : send_entries_wait(call, agent, journal, reterr);
}

static const RpcMethod methods[] = {
        { "ReadJournal", RPC_SERVER_STREAM, method_read_journal },
        {},
};

const RpcService journal_service = { &journal__journal_service__descriptor, methods };
