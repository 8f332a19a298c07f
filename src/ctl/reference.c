/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/reference.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/str.h"

void rust_print_string(FILE *f, const char *s) {
        static const char *const escapes[] = {
                ['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\"
        };

        fputc('"', f);
        for (; *s; s++) {
                unsigned char c = (unsigned char) *s, next = (unsigned char) s[1];

                if (c < ELEMENTSOF(escapes) && escapes[c])
                        fputs(escapes[c], f);
                else if (c < 0x20 || c == 0x7f)
                        fprintf(f, "\\u{%x}", c);
                else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
                        fprintf(f, "\\u{%x}", next); /* U+0080 to U+009F control terminals as well */
                        s++;
                } else
                        fputc(c, f);
        }
        fputc('"', f);
}

/* null where the admin says nothing. */
static json_t *item_to_json(const Admin__QueryListItem *item) {
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?}", "name", item->name, "description",
                        item->description, "status", item->vmstatus, "trust_level", item->trustlevel, "vm_type",
                        item->vmtype, "service_type", item->servicetype, "vm_name",
                        item->has_vm_name_case ? item->vmname : NULL, "agent_name",
                        item->has_agent_name_case ? item->agentname : NULL);
}

json_t *reference_list_to_json(const Admin__QueryListResponse *list) {
        json_t *array = json_array();

        for (size_t i = 0; array && i < list->n_list; i++)
                if (json_array_append_new(array, item_to_json(list->list[i])) < 0) {
                        json_decref(array);
                        return NULL;
                }
        return array;
}

static int json_print_line(FILE *f, json_t *json) {
        int r = json ? json_dumpf(json, f, JSON_COMPACT) : -1;

        json_decref(json);
        if (r < 0)
                return -ENOMEM;
        fputc('\n', f);
        return 0;
}

static void item_print_option(FILE *f, const char *indent, const char *name, const char *value) {
        if (!value) {
                fprintf(f, "%s    %s: None,\n", indent, name);
                return;
        }
        fprintf(f, "%s    %s: Some(\n%s        ", indent, name, indent);
        rust_print_string(f, value);
        fprintf(f, ",\n%s    ),\n", indent);
}

/* The words of the enumerations are bare in Rust, which knows no others; here they may be anything. */
static void item_print_word(FILE *f, const char *indent, const char *name, const char *word) {
        bool known = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == strlen(word);

        fprintf(f, "%s    %s: ", indent, name);
        if (known && !isempty(word))
                fputs(word, f);
        else
                rust_print_string(f, word);
        fputs(",\n", f);
}

static void item_print(FILE *f, const char *indent, const Admin__QueryListItem *item) {
        fprintf(f, "%sQueryResult {\n%s    name: ", indent, indent);
        rust_print_string(f, item->name);
        fprintf(f, ",\n%s    description: ", indent);
        rust_print_string(f, item->description);
        fputs(",\n", f);
        item_print_word(f, indent, "status", item->vmstatus);
        item_print_word(f, indent, "trust_level", item->trustlevel);
        item_print_word(f, indent, "vm_type", item->vmtype);
        item_print_word(f, indent, "service_type", item->servicetype);
        item_print_option(f, indent, "vm_name", item->has_vm_name_case ? item->vmname : NULL);
        item_print_option(f, indent, "agent_name", item->has_agent_name_case ? item->agentname : NULL);
        fprintf(f, "%s},\n", indent);
}

int reference_print_list(FILE *f, const Admin__QueryListResponse *list, bool as_json) {
        if (as_json)
                return json_print_line(f, reference_list_to_json(list));
        fputs(list->n_list > 0 ? "[\n" : "[", f);
        for (size_t i = 0; i < list->n_list; i++)
                item_print(f, "    ", list->list[i]);
        fputs("]\n", f);
        return 0;
}

int reference_print_event(FILE *f, const Admin__WatchItem *event, bool as_json) {
        static const char *const names[] = {
                [ADMIN__WATCH_ITEM__STATUS_ADDED] = "UnitRegistered",
                [ADMIN__WATCH_ITEM__STATUS_UPDATED] = "UnitStatusChanged",
                [ADMIN__WATCH_ITEM__STATUS_REMOVED] = "UnitShutdown",
        };
        const char *name = event->status_case < ELEMENTSOF(names) ? names[event->status_case] : NULL;

        if (!name)
                return 0;
        if (as_json)
                return json_print_line(f, json_pack("{s:o}", name, item_to_json(event->added)));
        fprintf(f, "%s(\n", name);
        item_print(f, "    ", event->added); /* the members of the union are alike */
        fputs(")\n", f);
        return 0;
}

void reference_print_started(FILE *f, const Admin__StartResponse *reply) {
        fputs("StartResponse { registry_id: ", f);
        rust_print_string(f, reply->registryid);
        fputs(" }\n", f);
}

void reference_print_status(FILE *f, const Systemd__UnitStatus *u) {
        const struct {
                const char *name, *value;
        } fields[] = {
                { "name", u->name },
                { "description", u->description },
                { "load_state", u->loadstate },
                { "active_state", u->activestate },
                { "sub_state", u->substate },
                { "path", u->path },
                { "freezer_state", u->freezerstate },
        };

        fputs("UnitStatus {", f);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                fprintf(f, "%s %s: ", i > 0 ? "," : "", fields[i].name);
                rust_print_string(f, fields[i].value);
        }
        fputs(" }", f);
}

static void generation_print(FILE *f, const Admin__Generation *g) {
        const struct {
                const char *name, *value;
        } fields[] = {
                { "date", g->date },
                { "nixos_version", g->nixosversion },
                { "kernel_version", g->kernelversion },
                { "configuration_revision", g->configurationrevision },
        };

        fprintf(f, "Generation { generation: %i", g->generation);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                fprintf(f, ", %s: ", fields[i].name);
                rust_print_string(f, fields[i].value);
        }
        fputs(", specialisations: [", f);
        for (size_t i = 0; i < g->n_specialisations; i++) {
                fputs(i > 0 ? ", " : "", f);
                rust_print_string(f, g->specialisations[i]);
        }
        fprintf(f, "], current: %s, store_path: ", g->current ? "true" : "false");
        rust_print_string(f, g->storepath);
        fputs(" }", f);
}

void reference_print_generations(FILE *f, const Admin__ListGenerationsResponse *reply) {
        fputc('[', f);
        for (size_t i = 0; i < reply->n_list; i++) {
                fputs(i > 0 ? ", " : "", f);
                generation_print(f, reply->list[i]);
        }
        fputs("]\n", f);
}

void reference_print_notified(FILE *f, const Notify__Status *reply) {
        fputs("Status { status: ", f);
        rust_print_string(f, reply->status);
        fputs(" }", f);
}

/* As Rust writes an f32: the fewest digits that are read as the same number, and always a point. */
static void rust_print_float(FILE *f, float value) {
        char text[32] = "";
        int digits = 0;

        do
                (void) snprintf(text, sizeof(text), "%.*e", digits, (double) value);
        while (strtof(text, NULL) != value && ++digits < 9);
        fprintf(f, "%.*f", MAX(digits - atoi(strchr(text, 'e') + 1), 1), (double) value);
}

static void processes_print(FILE *f, const char *name, Stats__ProcessStat *const *list, size_t n) {
        fprintf(f, "%s: [", name);
        for (size_t i = 0; i < n; i++) {
                fputs(i > 0 ? ", ProcessStat { name: " : "ProcessStat { name: ", f);
                rust_print_string(f, list[i]->name);
                fputs(", user: ", f);
                rust_print_float(f, list[i]->user);
                fputs(", sys: ", f);
                rust_print_float(f, list[i]->sys);
                fprintf(f, ", res_set_size: %" PRIu64 " }", list[i]->ressetsize);
        }
        fputs("], ", f);
}

static void load_print(FILE *f, const Stats__LoadStats *l) {
        if (!l) {
                fputs("None", f);
                return;
        }
        fputs("Some(LoadStats { load1_min: ", f);
        rust_print_float(f, l->load1min);
        fputs(", load5_min: ", f);
        rust_print_float(f, l->load5min);
        fputs(", load15_min: ", f);
        rust_print_float(f, l->load15min);
        fputs(" })", f);
}

static void process_print(FILE *f, const Stats__ProcessStats *p) {
        if (!p) {
                fputs("None", f);
                return;
        }
        fputs("Some(ProcessStats { ", f);
        processes_print(f, "cpu_processes", p->cpuprocesses, p->n_cpuprocesses);
        processes_print(f, "mem_processes", p->memprocesses, p->n_memprocesses);
        fprintf(f, "total: %" PRIu64 ", running: %" PRIu64 ", ", p->total, p->running);
        fprintf(f, "user_cycles: %" PRIu64 ", sys_cycles: %" PRIu64 ", ", p->usercycles, p->syscycles);
        fprintf(f, "total_cycles: %" PRIu64 " })", p->totalcycles);
}

void reference_print_stats(FILE *f, const Stats__StatsResponse *s) {
        const Stats__MemoryStats *m = s->memory;

        fputs("StatsResponse { memory: ", f);
        if (m) {
                fprintf(f, "Some(MemoryStats { total: %" PRIu64 ", free: %" PRIu64 ", ", m->total, m->free);
                fprintf(f, "available: %" PRIu64 ", cached: %" PRIu64 " })", m->available, m->cached);
        } else
                fputs("None", f);
        fputs(", load: ", f);
        load_print(f, s->load);
        fputs(", process: ", f);
        process_print(f, s->process);
        fputs(" }\n", f);
}
