/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals digit by digit (no double ever sees them), dates through the one
 * time parser. */
#include "schema/value_text.h"

#include "common/timefmt.h"

const char *value_decimal(struct str s, int whole, int scale, struct buf *out)
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
static const char *civil(struct str s, struct str before, struct str after,
                         size_t from, size_t len, struct buf *out,
                         const char *reason)
{
    char text[80], shown[TIMEFMT_MAX];
    size_t n = before.len + s.len, all;
    int64_t us;

    if (n + after.len > sizeof(text))
        return reason;
    memcpy(text, before.p, before.len);
    memcpy(text + before.len, s.p, s.len);
    memcpy(text + n, after.p, after.len);
    if (timefmt_parse(str_of(text, n + after.len), &us, NULL) != RC_OK)
        return reason;
    all = timefmt_format_z(shown, us) - 1; /* without the Z */
    buf_append(out, shown + from, (len ? len : all) - from);
    return NULL;
}

/* BIGNUMERIC reaches to (2^255 - 1) / 10^38, which has 39 digits. */
static const char *bignumeric(struct str text, struct buf *out)
{
    static const char most[] = "578960446186580977117854925043439539266."
                               "34992332820282019728792003956564819967";
    size_t from = out->len;
    const char *why = value_decimal(text, 39, 38, out), *point;
    struct str shown;

    if (why || out->failed)
        return why;
    shown = str_of(out->data + from, out->len - from);
    if (shown.p[0] == '-')
        shown = str_of(shown.p + 1, shown.len - 1);
    point = memchr(shown.p, '.', shown.len);
    if ((point ? (size_t)(point - shown.p) : shown.len) == 39 &&
        str_cmp(shown, str_from(most)) > 0)
        return "is out of range";
    return NULL;
}

const char *value_text(const struct schema_field *f, struct str text,
                       struct buf *out)
{
    bool fixed = f->precision > 0;

    switch (f->type) {
    case SCHEMA_NUMERIC:
        return fixed ? value_decimal(text, (int)(f->precision - f->scale),
                                     (int)f->scale, out)
                     : value_decimal(text, 29, 9, out);
    case SCHEMA_BIGNUMERIC:
        return fixed ? value_decimal(text, (int)(f->precision - f->scale),
                                     (int)f->scale, out)
                     : bignumeric(text, out);
    case SCHEMA_DATE:
        return civil(text, STR(""), STR("T00:00:00Z"), 0, 10, out,
                     "is no date such as 2025-01-14");
    case SCHEMA_TIME:
        return civil(text, STR("1970-01-01T"), STR("Z"), 11, 0, out,
                     "is no time of day such as 10:00:00 or 10:00:00.5");
    case SCHEMA_DATETIME:
        return civil(text, STR(""), STR("Z"), 0, 0, out,
                     "is no date and time without a zone such as "
                     "2025-01-14T10:00:00");
    default:
        return "has a type without a text form";
    }
}
