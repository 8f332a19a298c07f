/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/table.h"

struct libscols_table *table_new(FILE *f, const Look *look, const TableColumn *columns, size_t n) {
        _cleanup_(scols_unref_tablep) struct libscols_table *t = scols_new_table();

        if (!t || scols_table_set_stream(t, f) < 0)
                return NULL;
        scols_table_enable_minout(t, true);
        scols_table_enable_colors(t, look->colours);
        scols_table_enable_ascii(t, !look->unicode);
        scols_table_enable_noheadings(t, !look->legend);
        scols_table_set_termforce(t, look->width > 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
        if (look->width > 0)
                scols_table_set_termwidth(t, look->width);
        for (size_t i = 0; i < n; i++)
                if (!scols_table_new_column(t, columns[i].title, columns[i].hint, columns[i].flags))
                        return NULL;
        return TAKE_PTR(t);
}

struct libscols_line *table_add(struct libscols_table *t, struct libscols_line *parent, const char *const *cells) {
        struct libscols_line *line = scols_table_new_line(t, parent);

        for (size_t i = 0; line && i < scols_table_get_ncols(t); i++)
                if (!cells[i] || scols_line_set_data(line, i, cells[i]) < 0)
                        return NULL;
        return line;
}

int table_print(struct libscols_table *t) {
        return scols_table_get_nlines(t) > 0 && scols_print_table(t) < 0 ? -EIO : 0;
}
