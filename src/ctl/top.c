/* SPDX-License-Identifier: Apache-2.0 */
/* givcctl top: how busy the VMs are. All are asked at once, and one that does not answer delays the others no longer
 * than an answer may take. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin.pb-c.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/table.h"
#include "ctl/verbs.h"
#include "event/task.h"
#include "proto/unpack.h"

#define ANSWER_USEC  (3 * USEC_PER_SEC)
#define REFRESH_USEC (2 * USEC_PER_SEC)
#define BUSIEST      3 /* processes that are shown */
#define CELL_SIZE    128
#define CLEAR        "\033[H\033[J"

typedef struct Row {
        Ctl *ctl;
        const Admin__QueryListItem *item;
        char *vm;
        Stats__StatsResponse *stats; /* NULL: there is no answer */
        RpcStatus status;
} Row;

static void rows_free(Row *rows, size_t n) {
        for (size_t i = 0; rows && i < n; i++) {
                free(rows[i].vm);
                proto_free((ProtobufCMessage *) rows[i].stats);
                rpc_status_done(&rows[i].status);
        }
        free(rows);
}

static int row_compare(const void *a, const void *b) {
        const Row *x = a, *y = b;
        unsigned i = entry_vm_rank(x->item), k = entry_vm_rank(y->item);

        return i != k ? (i < k ? -1 : 1) : strcmp(x->vm, y->vm);
}

/* A VM is asked by its agent. */
static int rows_new(Ctl *ctl, const Admin__QueryListResponse *list, char *const *patterns, Row **ret, size_t *ret_n) {
        Row *rows = mem_new0(Row, MAX(list->n_list, (size_t) 1));
        size_t n = 0;

        for (size_t i = 0; rows && i < list->n_list; i++) {
                const Admin__QueryListItem *item = list->list[i];

                if (entry_get_kind(item) != ENTRY_AGENT || !entry_matches(item, patterns))
                        continue;
                rows[n] = (Row){ .ctl = ctl, .item = item, .vm = entry_get_vm(item) };
                if (!rows[n++].vm) {
                        rows_free(rows, n);
                        return -ENOMEM;
                }
        }
        if (!rows)
                return -ENOMEM;
        qsort(rows, n, sizeof(Row), row_compare);
        *ret = rows;
        *ret_n = n;
        return 0;
}

/* That one does not answer is no failure of the others. */
static int row_main(void *userdata) {
        Row *row = userdata;
        Admin__StatsRequest request = ADMIN__STATS_REQUEST__INIT;
        int r;

        request.vmname = row->vm;
        r = client_call_wait(row->ctl->client, "GetStats", &request, &row->stats, &row->status);
        return r == -ECANCELED || r == -ENOMEM ? r : 0;
}

static int rows_ask_wait(Row *rows, size_t n) {
        _cleanup_(task_group_freep) TaskGroup *group = task_group_new();
        int r = group ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = task_group_start(group, row_main, &rows[i]);
        return r < 0 ? r : task_group_wait(group);
}

static int rows_print_json(const Options *o, const Row *rows, size_t n) {
        json_t *array = json_array(), *all = json_pack("{s:o}", "VMs", array);
        int r = all ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                json_t *row = rows[i].stats
                                ? json_pack("{s:s, s:o}", "VmName", rows[i].vm, "Stats",
                                                  proto_to_json(&rows[i].stats->base, PROTO_JSON_ALL_FIELDS))
                                : json_pack("{s:s, s:s}", "VmName", rows[i].vm, "Error",
                                                  strempty(rows[i].status.message));

                r = row && json_array_append_new(array, row) >= 0 ? 0 : -ENOMEM;
        }
        if (r >= 0)
                r = output_json_value(stdout, all, o->output, false);
        json_decref(all);
        return r;
}

enum { COLUMN_VM, COLUMN_CPU, COLUMN_LOAD, COLUMN_MEMORY, COLUMN_PROCESSES, COLUMN_BUSIEST, N_COLUMNS };

static const TableColumn columns[N_COLUMNS] = {
        [COLUMN_VM] = { "VM" },
        [COLUMN_CPU] = { "CPU", 0, SCOLS_FL_RIGHT },
        [COLUMN_LOAD] = { "LOAD", 0, SCOLS_FL_RIGHT },
        [COLUMN_MEMORY] = { "MEMORY", 0, SCOLS_FL_RIGHT },
        [COLUMN_PROCESSES] = { "PROCESSES", 0, SCOLS_FL_RIGHT },
        [COLUMN_BUSIEST] = { "BUSIEST", 0.1, SCOLS_FL_TRUNC },
};

static void write_bytes(uint64_t bytes, char *ret, size_t size) {
        double mib = (double) bytes / (1024 * 1024);

        (void) snprintf(ret, size, mib < 1024 ? "%.0fM" : "%.1fG", mib < 1024 ? mib : mib / 1024);
}

static void write_busiest(const Stats__ProcessStats *p, char ret[CELL_SIZE]) {
        size_t n = 0;

        for (size_t i = 0; i < MIN(p->n_cpuprocesses, (size_t) BUSIEST) && n < CELL_SIZE; i++) {
                const Stats__ProcessStat *s = p->cpuprocesses[i];

                n += (size_t) snprintf(ret + n, CELL_SIZE - n, "%s%s %.0f%%", i > 0 ? ", " : "", s->name,
                                (double) (s->user + s->sys));
        }
}

/* Agents of the system before this one leave out what they do not know. */
static void write_cells(const Stats__StatsResponse *s, char cells[N_COLUMNS][CELL_SIZE]) {
        char used[32], total[32];

        if (s->process && s->process->totalcycles > 0)
                (void) snprintf(cells[COLUMN_CPU], CELL_SIZE, "%.0f%%",
                                100.0 * (double) (s->process->usercycles + s->process->syscycles) /
                                                (double) s->process->totalcycles);
        if (s->process && s->process->total > 0)
                (void) snprintf(cells[COLUMN_PROCESSES], CELL_SIZE, "%" PRIu64, s->process->total);
        if (s->process)
                write_busiest(s->process, cells[COLUMN_BUSIEST]);
        if (s->load)
                (void) snprintf(cells[COLUMN_LOAD], CELL_SIZE, "%.2f", (double) s->load->load1min);
        if (!s->memory)
                return;
        write_bytes(s->memory->total - MIN(s->memory->available, s->memory->total), used, sizeof(used));
        write_bytes(s->memory->total, total, sizeof(total));
        (void) snprintf(cells[COLUMN_MEMORY], CELL_SIZE, "%s/%s", used, total);
}

static int row_add(struct libscols_table *t, const Row *row) {
        char texts[N_COLUMNS][CELL_SIZE] = {};
        const char *cells[N_COLUMNS];

        if (row->stats) {
                message_make_printable(&row->stats->base);
                write_cells(row->stats, texts);
        } else
                (void) snprintf(texts[COLUMN_BUSIEST], CELL_SIZE, "(%s)", strempty(row->status.message));
        (void) snprintf(texts[COLUMN_VM], CELL_SIZE, "%s", row->vm);
        str_make_printable(texts[COLUMN_VM], '?');
        str_make_printable(texts[COLUMN_BUSIEST], '?');
        for (size_t i = 0; i < N_COLUMNS; i++)
                cells[i] = texts[i];
        return table_add(t, NULL, cells) ? 0 : -ENOMEM;
}

static int rows_print_table(const Options *o, const Row *rows, size_t n, bool live) {
        _cleanup_(scols_unref_tablep) struct libscols_table *t = NULL;
        Look look;
        int r = 0;

        look_init(&look, o);
        t = table_new(stdout, &look, columns, N_COLUMNS);
        if (!t)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = row_add(t, &rows[i]);
        if (r < 0)
                return r;
        if (live)
                fputs(CLEAR, stdout);
        r = table_print(t);
        if (r < 0)
                return r;
        return fflush(stdout) == 0 ? 0 : -errno;
}

static int top_round_wait(Ctl *ctl, char **patterns, bool live, RpcStatus *reterr) {
        _cleanup_proto_ Admin__QueryListResponse *list = NULL;
        Admin__Empty request = ADMIN__EMPTY__INIT;
        const Options *o = &ctl->options;
        Row *rows = NULL;
        size_t n = 0;
        int r;

        client_set_timeout(ctl->client, o->timeout_usec > 0 ? o->timeout_usec : ANSWER_USEC);
        r = client_call_wait(ctl->client, "QueryList", &request, &list, reterr);
        if (r >= 0)
                r = rows_new(ctl, list, patterns, &rows, &n);
        if (r >= 0)
                r = rows_ask_wait(rows, n);
        if (r >= 0)
                r = o->output != OUTPUT_TEXT ? rows_print_json(o, rows, n) : rows_print_table(o, rows, n, live);
        rows_free(rows, n);
        return r;
}

CtlExit verb_top(Ctl *ctl, char **words, _unused_ size_t n_words) {
        const Options *o = &ctl->options;
        bool live = isatty(STDOUT_FILENO) && o->output == OUTPUT_TEXT;
        uint64_t left = o->limit ? o->n_limit : live ? UINT64_MAX : 1;
        RpcStatus status = {};
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < left; i++) {
                if (i > 0)
                        r = fiber_sleep_wait(REFRESH_USEC);
                if (r >= 0)
                        r = top_round_wait(ctl, words, live, &status);
        }
        return r < 0 ? ctl_fail(ctl, r, &status, "see how busy the VMs are") : CTL_OK;
}
