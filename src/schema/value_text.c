/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/value_text.h"

#include "common/timefmt.h"

/* A decimal with at most `whole` digits before the point and `scale` behind,
 * without leading and trailing zeros; an exponent is worked in. */
static const char *decimal(struct str s, int whole, int scale, struct buf *out)
{
    char digits[160];
    int n = 0, point = -1, exponent = 0, first = 0;
    bool negative = false;
    size_t i = 0;

    if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
        negative = s.p[i++] == '-';
    for (; i < s.len && n < (int)sizeof(digits); i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9')
            digits[n++] = s.p[i];
        else if (s.p[i] == '.' && point < 0)
            point = n;
        else
            break;
    }
    if (n == 0)
        return "is no decimal number";
    if (point < 0)
        point = n;
    if (i < s.len && (s.p[i] == 'e' || s.p[i] == 'E')) {
        int64_t e;
        struct str text = str_of(s.p + i + 1, s.len - i - 1);
        if (text.len && text.p[0] == '+')
            text = str_of(text.p + 1, text.len - 1);
        if (text.len > 4 || !str_to_i64(text, &e))
            return "is no decimal number";
        exponent = (int)e;
        i = s.len;
    }
    if (i < s.len)
        return "is no decimal number";
    point += exponent;
    while (first < n && digits[first] == '0')
        first++;
    while (n > first && digits[n - 1] == '0')
        n--;
    if (n == first) {
        buf_putc(out, '0');
        return NULL;
    }
    if (point - first > whole)
        return "has too many digits before the point";
    if (n - point > scale)
        return "has too many digits behind the point";
    if (negative)
        buf_putc(out, '-');
    if (point <= first)
        buf_putc(out, '0');
    for (int d = first; d < point; d++)
        buf_putc(out, d < n ? digits[d] : '0');
    if (n > point) {
        buf_putc(out, '.');
        for (int d = point; d < n; d++)
            buf_putc(out, d < first ? '0' : digits[d]);
    }
    return NULL;
}

/* Reads through the one time parser by giving what is missing. */
static const char *civil(struct str s, const char *before, const char *after,
                         bool is_date_only, bool is_time_only, struct buf *out)
{
    char text[80], shown[TIMEFMT_MAX];
    size_t before_len = strlen(before), after_len = strlen(after), len;
    const char *why = NULL;
    int64_t us;

    if (s.len + before_len + after_len > sizeof(text))
        return "is too long";
    memcpy(text, before, before_len);
    memcpy(text + before_len, s.p, s.len);
    memcpy(text + before_len + s.len, after, after_len);
    if (timefmt_parse(str_of(text, before_len + s.len + after_len), &us,
                      &why) != RC_OK)
        return why;
    len = timefmt_format_z(shown, us) - 1;
    if (is_date_only)
        len = 10;
    buf_append(out, shown + (is_time_only ? 11 : 0),
               len - (is_time_only ? 11 : 0));
    return NULL;
}

const char *value_text(enum schema_type type, struct str text, struct buf *out)
{
    switch (type) {
    case SCHEMA_NUMERIC:
        return decimal(text, 29, 9, out);
    case SCHEMA_BIGNUMERIC:
        return decimal(text, 38, 38, out);
    case SCHEMA_DATE:
        if (text.len != 10)
            return "is no date such as 2025-01-14";
        return civil(text, "", "T00:00:00Z", true, false, out);
    case SCHEMA_TIME:
        return civil(text, "1970-01-01T", "Z", false, true, out);
    case SCHEMA_DATETIME:
        return civil(text, "", "Z", false, false, out);
    default:
        return "has a type without a text form";
    }
}
