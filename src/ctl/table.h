/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people, as wide as what they look at. */
#pragma once

#include <libsmartcols/libsmartcols.h>

#include "base/macro.h"
#include "ctl/output.h"

typedef struct TableColumn {
        const char *title;
        double hint; /* of its width; 0: as its cells need */
        int flags;   /* SCOLS_FL_… */
} TableColumn;

DEFINE_CLEANUP(struct libscols_table *, scols_unref_table)

/* NULL when out of memory. */
struct libscols_table *table_new(FILE *f, const Look *look, const TableColumn *columns, size_t n);
/* A line under parent (NULL: none) with a cell for each column; NULL when out of memory, which a cell that is NULL
 * is. */
struct libscols_line *table_add(struct libscols_table *t, struct libscols_line *parent, const char *const *cells);
/* Nothing when there are no lines. 0 or -EIO. */
int table_print(struct libscols_table *t) _warn_unused_;
