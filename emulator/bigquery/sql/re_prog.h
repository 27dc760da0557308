/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled pattern, between re_parse.c and re.c. */
#ifndef EMULATOR_BIGQUERY_SQL_RE_PROG_H
#define EMULATOR_BIGQUERY_SQL_RE_PROG_H

#include "emulator/bigquery/sql/re.h"

enum re_op {
    RE_CHAR, /* x: code point */
    RE_FOLD, /* x: code point in lower case */
    RE_ANY,  /* but the line end */
    RE_ALL,
    RE_CLASS, /* x: first range, y: number of ranges */
    RE_NOT_CLASS,
    RE_SPLIT, /* to x first, then y */
    RE_JUMP,
    RE_SAVE, /* x: slot */
    RE_BEGIN,
    RE_END, /* of the text */
    RE_LINE_BEGIN,
    RE_LINE_END, /* (?m) */
    RE_WORD,
    RE_NOT_WORD,
    RE_MATCH
};

struct re_inst {
    enum re_op op;
    uint32_t x, y;
};

struct re_range {
    uint32_t from, to;
};

struct re {
    struct re_inst *code;
    uint32_t n_code, cap_code;
    struct re_range *ranges;
    uint32_t n_ranges, cap_ranges;
    int n_groups;
};

#endif
