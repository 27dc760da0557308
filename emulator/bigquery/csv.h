/* SPDX-License-Identifier: Apache-2.0 */
/* A puller of CSV records (RFC 4180 with BigQuery's options). Pure. */
#ifndef EMULATOR_BIGQUERY_CSV_H
#define EMULATOR_BIGQUERY_CSV_H

#include "common/buf.h"

struct csv_field {
    size_t at, len; /* in csv->text */
    bool quoted;
};

struct csv {
    struct str rest;       /* what is not read yet */
    char delimiter, quote; /* quote '\0': none */
    bool newlines;         /* may stand within quotes */
    struct buf text;       /* the record's fields, unquoted */
    struct csv_field *fields;
    size_t n, cap;
    size_t line; /* of the record, from 1 */
    size_t next_line;
    const char *error; /* the record is malformed: why */
    bool no_memory;
};

void csv_init(struct csv *c, struct str text);
void csv_fini(struct csv *c);
/* The next record (blank lines are none); false at the end. */
bool csv_next(struct csv *c);
static inline struct str csv_field(const struct csv *c, size_t i)
{
    return str_of(buf_as_str(&c->text).p + c->fields[i].at, c->fields[i].len);
}

#endif
