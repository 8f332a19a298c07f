/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/listing.h"

#include "base/mem.h"
#include "base/str.h"
#include "ctl/entry.h"
#include "ctl/table.h"

enum { COLUMN_NAME, COLUMN_STATE, COLUMN_SINCE, COLUMN_TYPE, COLUMN_DESCRIPTION, N_COLUMNS };

#define TREE_WIDTH  2  /* of the branch before a name */
#define STATE_WIDTH 10 /* PoweredOff */
#define TYPE_WIDTH  9  /* system VM */

typedef struct Row {
        const Admin__QueryListItem *item;
        char *vm;
        char since[AGO_MAX]; /* "" when nobody says */
        unsigned rank;       /* of the VM: the lowest that one of its entries has */
} Row;

static void rows_free(Row *rows, size_t n) {
        for (size_t i = 0; rows && i < n; i++)
                free(rows[i].vm);
        free(rows);
}

static int row_compare_vm(const void *a, const void *b) {
        const Row *x = a, *y = b;
        int r = strcmp(x->vm, y->vm);

        return r != 0 ? r : (int) x->rank - (int) y->rank;
}

static int row_compare(const void *a, const void *b) {
        const Row *x = a, *y = b;
        int kind = (int) entry_get_kind(x->item) - (int) entry_get_kind(y->item), vm = strcmp(x->vm, y->vm);

        if (x->rank != y->rank)
                return x->rank < y->rank ? -1 : 1;
        if (vm != 0)
                return vm;
        return kind != 0 ? kind : strcmp(x->item->name, y->item->name);
}

static int row_init(Row *row, Admin__QueryListItem *item, usec_t now) {
        *row = (Row){ .item = item, .vm = entry_get_vm(item), .rank = entry_vm_rank(item) };
        if (item->has_since_case && item->since > 0)
                ago_to_text(item->since, now, row->since);
        return row->vm ? 0 : -ENOMEM;
}

/* In the order in which they are shown: host, admin, system and application VMs; in each the VM itself, its agent, then
 * services, then applications. */
static int rows_new(Admin__QueryListItem *const *items, size_t n, usec_t now, Row **ret) {
        Row *rows = mem_new0(Row, MAX(n, (size_t) 1));

        for (size_t i = 0; rows && i < n; i++)
                if (row_init(rows + i, items[i], now) < 0) {
                        rows_free(rows, n);
                        return -ENOMEM;
                }
        if (!rows)
                return -ENOMEM;
        qsort(rows, n, sizeof(Row), row_compare_vm);
        for (size_t i = 1; i < n; i++)
                if (streq(rows[i].vm, rows[i - 1].vm))
                        rows[i].rank = rows[i - 1].rank;
        qsort(rows, n, sizeof(Row), row_compare);
        *ret = rows;
        return 0;
}

/* 0: nobody says, and there is no such column. */
static size_t rows_find_since_width(const Row *rows, size_t n) {
        size_t longest = 0;

        for (size_t i = 0; i < n; i++)
                longest = MAX(longest, strlen(rows[i].since));
        return longest > 0 ? MAX(longest, strlen("SINCE")) : 0;
}

/* Names are what one copies from here, so descriptions give way to them; a name gives way to the terminal only. */
static size_t rows_find_name_width(const Row *rows, size_t n, size_t since_width, size_t width) {
        size_t longest = strlen("NAME"), others = STATE_WIDTH + TYPE_WIDTH + 2 + since_width + (since_width > 0);

        for (size_t i = 0; i < n; i++)
                longest = MAX(longest,
                                entry_get_kind(rows[i].item) == ENTRY_VM ? strlen(rows[i].vm)
                                                                         : strlen(rows[i].item->name) + TREE_WIDTH);
        return MIN(longest, width > others ? width - others : (size_t) 1);
}

static struct libscols_table *listing_new(FILE *f, const Look *look, size_t name_width, size_t since_width) {
        const TableColumn columns[N_COLUMNS] = {
                [COLUMN_NAME] = { "NAME", name_width, SCOLS_FL_TREE | (look->width > 0 ? SCOLS_FL_TRUNC : 0) },
                [COLUMN_STATE] = { "STATE", STATE_WIDTH, 0 },
                [COLUMN_SINCE] = { "SINCE", since_width, since_width > 0 ? 0 : SCOLS_FL_HIDDEN },
                [COLUMN_TYPE] = { "TYPE", TYPE_WIDTH, 0 },
                [COLUMN_DESCRIPTION] = { "DESCRIPTION", 0.1, SCOLS_FL_TRUNC },
        };

        return table_new(f, look, columns, N_COLUMNS);
}

static int row_add(struct libscols_table *t, struct libscols_line *parent, const char *const cells[N_COLUMNS],
                struct libscols_line **ret) {
        struct libscols_line *line = table_add(t, parent, cells);
        const char *colour = state_to_colour(cells[COLUMN_STATE]);

        if (!line || (colour && scols_cell_set_color(scols_line_get_cell(line, COLUMN_STATE), colour) < 0))
                return -ENOMEM;
        if (ret)
                *ret = line;
        return 0;
}

/* The line of the VM that begins at this row. Its state is that of its unit on the host, where it has one, else that of
 * its agent. */
static int table_add_vm(struct libscols_table *t, const Row *row, struct libscols_line **ret) {
        bool has_state = entry_get_kind(row->item) <= ENTRY_AGENT;
        const char *cells[N_COLUMNS] = {
                [COLUMN_NAME] = isempty(row->vm) ? "(no VM)" : row->vm,
                [COLUMN_STATE] = has_state ? row->item->vmstatus : "",
                [COLUMN_SINCE] = has_state ? row->since : "",
                [COLUMN_TYPE] = entry_vm_type_to_word(row->item),
                [COLUMN_DESCRIPTION] = entry_get_kind(row->item) == ENTRY_VM ? row->item->description : "",
        };

        return row_add(t, NULL, cells, ret);
}

static int table_add_entry(struct libscols_table *t, struct libscols_line *parent, const Row *row) {
        const char *cells[N_COLUMNS] = {
                [COLUMN_NAME] = row->item->name,
                [COLUMN_STATE] = row->item->vmstatus,
                [COLUMN_SINCE] = row->since,
                [COLUMN_TYPE] = entry_kind_to_word(row->item),
                [COLUMN_DESCRIPTION] = row->item->description,
        };

        return row_add(t, parent, cells, NULL);
}

static int table_fill(struct libscols_table *t, const Row *rows, size_t n, size_t *n_vms, size_t *n_units) {
        struct libscols_line *vm = NULL;
        int r;

        for (size_t i = 0; i < n; i++) {
                if (i == 0 || !streq(rows[i].vm, rows[i - 1].vm)) {
                        r = table_add_vm(t, rows + i, &vm);
                        if (r < 0)
                                return r;
                        *n_vms += !isempty(rows[i].vm);
                }
                if (entry_get_kind(rows[i].item) == ENTRY_VM)
                        continue;
                r = table_add_entry(t, vm, rows + i);
                if (r < 0)
                        return r;
                (*n_units)++;
        }
        return 0;
}

int listing_print(FILE *f, const Look *look, usec_t now, Admin__QueryListItem *const *items, size_t n) {
        _cleanup_(scols_unref_tablep) struct libscols_table *t = NULL;
        size_t n_vms = 0, n_units = 0, width = look->width > 0 ? look->width : SIZE_MAX, since_width;
        Row *rows = NULL;
        int r;

        r = rows_new(items, n, now, &rows);
        if (r < 0)
                return r;
        since_width = rows_find_since_width(rows, n);
        t = listing_new(f, look, rows_find_name_width(rows, n, since_width, width), since_width);
        r = t ? table_fill(t, rows, n, &n_vms, &n_units) : -ENOMEM;
        rows_free(rows, n);
        if (r >= 0)
                r = table_print(t);
        if (r < 0)
                return r;
        if (look->legend)
                fprintf(f, "%s%zu VM%s, %zu unit%s.\n", n > 0 ? "\n" : "", n_vms, n_vms == 1 ? "" : "s", n_units,
                                n_units == 1 ? "" : "s");
        return 0;
}
