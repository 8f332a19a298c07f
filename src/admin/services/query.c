/* SPDX-License-Identifier: Apache-2.0 */
/* What is there: QueryList and Watch. */
#include "admin.pb-c.h"
#include "admin/services/admin-service.h"
#include "base/mem.h"

static void item_fill(Admin__QueryListItem *item, const EntryImage *i) {
        admin__query_list_item__init(item);
        item->name = i->name;
        item->description = i->description;
        item->vmstatus = (char *) vm_status_to_string(i->status);
        item->trustlevel = (char *) "Warning";
        item->vmtype = (char *) vm_type_to_string(i->type.vm);
        item->servicetype = (char *) service_type_to_string(i->type.service);
        item->has_vm_name_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_NAME_VM_NAME;
        item->vmname = i->vm_name;
        item->has_agent_name_case = ADMIN__QUERY_LIST_ITEM__HAS_AGENT_NAME_AGENT_NAME;
        item->agentname = i->agent_name;
        item->has_vm_case = ADMIN__QUERY_LIST_ITEM__HAS_VM_VM;
        item->vm = i->vm;
        item->has_since_case = ADMIN__QUERY_LIST_ITEM__HAS_SINCE_SINCE;
        item->since = i->since_usec;
}

typedef struct ItemList {
        Admin__QueryListResponse response;
        Admin__QueryListItem *items;
} ItemList;

static void item_list_done(ItemList *l) {
        free(l->items);
        free(l->response.list);
}

/* Borrows the entries' images: pack it before anything waits. */
static int item_list_fill(ItemList *l, const Registry *registry) {
        size_t n = registry_count(registry), i = 0;

        admin__query_list_response__init(&l->response);
        l->items = mem_new(Admin__QueryListItem, n + 1);
        l->response.list = mem_new(Admin__QueryListItem *, n + 1);
        if (!l->items || !l->response.list)
                return -ENOMEM;
        for (const Entry *e = registry_next(registry, NULL, NULL); e; e = registry_next(registry, NULL, e)) {
                item_fill(&l->items[i], e->image);
                l->response.list[i] = &l->items[i];
                i++;
        }
        l->response.n_list = i;
        return 0;
}

static int pack_list(const Registry *registry, Answers *answers) {
        _cleanup_(item_list_done) ItemList list = {};
        int r;

        if (answers->list)
                return 0;
        r = item_list_fill(&list, registry);
        return r < 0 ? r : rpc_packed_new(&list.response, &answers->list);
}

static int pack_initial(const Registry *registry, Answers *answers) {
        _cleanup_(item_list_done) ItemList list = {};
        Admin__WatchItem item = ADMIN__WATCH_ITEM__INIT;
        int r;

        if (answers->initial)
                return 0;
        r = item_list_fill(&list, registry);
        if (r < 0)
                return r;
        item.status_case = ADMIN__WATCH_ITEM__STATUS_INITIAL;
        item.initial = &list.response;
        return rpc_packed_new(&item, &answers->initial);
}

static int pack_event(const WatchEvent *event, RpcPacked **ret) {
        static const Admin__WatchItem__StatusCase cases[] = {
                [WATCH_ADDED] = ADMIN__WATCH_ITEM__STATUS_ADDED,
                [WATCH_UPDATED] = ADMIN__WATCH_ITEM__STATUS_UPDATED,
                [WATCH_REMOVED] = ADMIN__WATCH_ITEM__STATUS_REMOVED,
        };
        Admin__WatchItem item = ADMIN__WATCH_ITEM__INIT;
        Admin__QueryListItem content;

        item_fill(&content, event->image);
        item.status_case = cases[event->type];
        item.added = &content; /* the same place for all three */
        return rpc_packed_new(&item, ret);
}

int method_query_list(RpcCall *call, _unused_ const void *request, _unused_ RpcStatus *reterr, void *userdata) {
        Admin *admin = userdata;
        int r;

        answers_refresh(&admin->answers, admin->registry);
        r = pack_list(admin->registry, &admin->answers);
        return r < 0 ? r : rpc_call_reply_packed(call, admin->answers.list);
}

static int send_initial_wait(RpcCall *call, Admin *admin) {
        int r;

        answers_refresh(&admin->answers, admin->registry);
        r = pack_initial(admin->registry, &admin->answers);
        return r < 0 ? r : rpc_call_send_packed_wait(call, admin->answers.initial);
}

static int send_event_wait(RpcCall *call, Admin *admin, const WatchEvent *event) {
        _cleanup_(rpc_packed_unrefp) RpcPacked *packed = NULL;
        int r;

        if (event->type == WATCH_INITIAL)
                return send_initial_wait(call, admin);
        packed = rpc_packed_ref(answers_get_event(&admin->answers, event));
        if (!packed) {
                r = pack_event(event, &packed);
                if (r < 0)
                        return r;
                answers_keep_event(&admin->answers, event, packed);
        }
        return rpc_call_send_packed_wait(call, packed);
}

static void on_watch_ready(void *userdata) {
        promise_resolve(userdata, 0);
}

static int watch_run_wait(RpcCall *call, Admin *admin, Watch *watch, Promise *news, RpcStatus *reterr) {
        int r;

        for (;;) {
                _cleanup_(watch_event_done) WatchEvent event = {};

                r = watch_next(watch, &event);
                if (r == -ESHUTDOWN)
                        return rpc_error(reterr, RPC_UNAVAILABLE, "The admin is stopping.");
                if (r > 0)
                        r = send_event_wait(call, admin, &event);
                else if (r == 0) {
                        r = promise_wait(news);
                        *news = (Promise){};
                }
                if (r < 0)
                        return r;
        }
}

int method_watch(RpcCall *call, _unused_ const void *request, RpcStatus *reterr, void *userdata) {
        Admin *admin = userdata;
        Promise news = {};
        Watch *watch;
        int r;

        r = watch_new(registry_get_hub(admin->registry), on_watch_ready, &news, &watch);
        if (r == -EUSERS)
                return rpc_error(reterr, RPC_RESOURCE_EXHAUSTED, "There are %d watchers already.", WATCHES_MAX);
        if (r < 0)
                return r;
        admin_changed(admin);
        r = watch_run_wait(call, admin, watch, &news, reterr);
        watch_free(watch);
        admin_changed(admin);
        return r;
}
