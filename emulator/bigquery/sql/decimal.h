/* SPDX-License-Identifier: Apache-2.0 */
/* NUMERIC and BIGNUMERIC: exact decimals as integers of 256 bits times
 * 10^-scale. Results round half away from zero. Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_SQL_DECIMAL_H
#define EMULATOR_BIGQUERY_SQL_DECIMAL_H

#include "common/str.h"

enum {
    DEC_NUMERIC = 9,
    DEC_BIGNUMERIC = 38
}; /* the scale names the type */
enum {
    DEC_WORDS = 8,
    DEC_TEXT_MAX = 96
};

struct dec {
    bool neg;
    uint32_t w[DEC_WORDS]; /* least first */
};

enum dec_status {
    DEC_OK,
    DEC_SYNTAX,
    DEC_OVERFLOW,
    DEC_ZERO
};

enum dec_status dec_parse(struct dec *d, struct str text, int scale);
/* Without needless zeros. Returns the length. */
size_t dec_format(char *out, const struct dec *d, int scale);

void dec_from_i64(struct dec *d, int64_t v, int scale);
enum dec_status dec_from_double(struct dec *d, double v, int scale);
double dec_to_double(const struct dec *d, int scale);
enum dec_status dec_to_i64(const struct dec *d, int scale, int64_t *out);

int dec_cmp(const struct dec *a, const struct dec *b);
bool dec_is_zero(const struct dec *d);
enum dec_status dec_add(struct dec *out, const struct dec *a,
                        const struct dec *b, int scale);
enum dec_status dec_mul(struct dec *out, const struct dec *a,
                        const struct dec *b, int scale);
enum dec_status dec_div(struct dec *out, const struct dec *a,
                        const struct dec *b, int scale);
/* Quotient cut to a whole number, and the remainder with a's sign. */
enum dec_status dec_divmod(struct dec *q, struct dec *r, const struct dec *a,
                           const struct dec *b, int scale);
enum dec_rounding {
    DEC_ROUND,
    DEC_TRUNC,
    DEC_FLOOR,
    DEC_CEIL
};
/* To `digits` behind the point (may be negative). */
enum dec_status dec_round(struct dec *d, int64_t digits, int scale,
                          enum dec_rounding mode);

#endif
