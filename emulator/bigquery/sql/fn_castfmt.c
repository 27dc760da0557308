/* SPDX-License-Identifier: Apache-2.0 */
/* CAST(x AS STRING FORMAT model) of dates and times (Format elements, Format
 * date and time as string). */
#include <stdio.h>
#include <strings.h>

#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/part.h"

enum needs {
    NEEDS_DATE = 1,
    NEEDS_TIME = 2,
    NEEDS_ZONE = 4
};

/* Whichever is found first: longer ones stand before what they begin with. */
static const struct element {
    const char *name;
    enum needs needs;
} elements[] = {
    {"SSSSS", NEEDS_TIME}, {"MONTH", NEEDS_DATE}, {"YYYY", NEEDS_DATE},
    {"RRRR", NEEDS_DATE},  {"HH12", NEEDS_TIME},  {"HH24", NEEDS_TIME},
    {"A.M.", NEEDS_TIME},  {"P.M.", NEEDS_TIME},  {"YYY", NEEDS_DATE},
    {"DDD", NEEDS_DATE},   {"DAY", NEEDS_DATE},   {"MON", NEEDS_DATE},
    {"TZH", NEEDS_ZONE},   {"TZM", NEEDS_ZONE},   {"FF", NEEDS_TIME},
    {"YY", NEEDS_DATE},    {"RR", NEEDS_DATE},    {"MM", NEEDS_DATE},
    {"DD", NEEDS_DATE},    {"DY", NEEDS_DATE},    {"HH", NEEDS_TIME},
    {"MI", NEEDS_TIME},    {"SS", NEEDS_TIME},    {"AM", NEEDS_TIME},
    {"PM", NEEDS_TIME},    {"Y", NEEDS_DATE},     {"D", NEEDS_DATE}};

struct cast {
    struct civil c;
    int64_t us, offset; /* local; seconds east of UTC */
    unsigned has;       /* enum needs */
    struct buf out;
};

static int part_of(const struct cast *k, const char *name)
{
    int64_t v = 0;

    part_extract(k->us, str_from(name), &v);
    return (int)v;
}

/* Case matching: by the first two letters of the element. */
static void put_word(struct cast *k, struct str as, const char *word, int width)
{
    bool upper = as.p[0] < 'a', rest = upper && as.p[1] < 'a';
    int n = 0;

    for (; *word && (!width || n < width); n++, word++) {
        bool keep = n == 0 ? upper : rest;

        buf_putc(&k->out, keep ? (char)(*word & ~0x20) : (char)(*word | 0x20));
    }
}

static void put_name(struct cast *k, struct str as)
{
    static const char *const months[] = {
        "january", "february", "march",     "april",   "may",      "june",
        "july",    "august",   "september", "october", "november", "december"};
    static const char *const days[] = {"sunday",    "monday",   "tuesday",
                                       "wednesday", "thursday", "friday",
                                       "saturday"};
    bool is_month = (as.p[0] | 0x20) == 'm';
    const char *name =
        is_month ? months[k->c.month - 1] : days[part_of(k, "DAYOFWEEK") - 1];
    bool is_day = as.len == 3 && !is_month;

    put_word(k, as, name, as.len == 5 || is_day ? 0 : 3);
    for (size_t n = strlen(name); is_day && n < 9; n++)
        buf_putc(&k->out, ' ');
}

static void put_date(struct cast *k, struct str as)
{
    int year = (int)k->c.year;

    switch (as.p[0] | 0x20) {
    case 'y':
    case 'r':
        buf_printf(&k->out, "%0*d", (int)as.len,
                   as.len == 4   ? year
                   : as.len == 3 ? year % 1000
                   : as.len == 2 ? year % 100
                                 : year % 10);
        break;
    case 'm':
        if (as.len == 2)
            buf_printf(&k->out, "%02d", (int)k->c.month);
        else
            put_name(k, as);
        break;
    default:
        if ((as.p[as.len - 1] | 0x20) == 'y')
            put_name(k, as);
        else if (as.len == 3)
            buf_printf(&k->out, "%03d", part_of(k, "DAYOFYEAR"));
        else if (as.len == 2)
            buf_printf(&k->out, "%02d", (int)k->c.day);
        else
            buf_printf(&k->out, "%d", part_of(k, "DAYOFWEEK"));
    }
}

static void put_time(struct cast *k, struct str as)
{
    int h = part_of(k, "HOUR");

    switch (as.p[0] | 0x20) {
    case 'h':
        if (as.len < 4 || as.p[3] == '2')
            h = h % 12 ? h % 12 : 12;
        buf_printf(&k->out, "%02d", h);
        break;
    case 'm':
        buf_printf(&k->out, "%02d", part_of(k, "MINUTE"));
        break;
    case 's':
        if (as.len == 5)
            buf_printf(&k->out, "%05d", (int)(k->c.of_day / 1000000));
        else
            buf_printf(&k->out, "%02d", part_of(k, "SECOND"));
        break;
    default:
        buf_putc(&k->out, (char)((h < 12 ? 'A' : 'P') | (as.p[0] & 0x20)));
        if (as.len == 4)
            buf_putc(&k->out, '.');
        buf_putc(&k->out, (char)('M' | (as.p[0] & 0x20)));
        if (as.len == 4)
            buf_putc(&k->out, '.');
    }
}

/* FFn: as many digits; the rest is cut off, as the page's examples do (its
 * text says rounded). */
static void put_fraction(struct cast *k, int n)
{
    char text[16];

    snprintf(text, sizeof(text), "%06d000", (int)(k->c.of_day % 1000000));
    buf_append(&k->out, text, (size_t)n);
}

static void put_zone(struct cast *k, struct str as)
{
    int64_t minutes = (k->offset < 0 ? -k->offset : k->offset) / 60;

    if ((as.p[2] | 0x20) == 'h')
        buf_printf(&k->out, "%c%02d", k->offset < 0 ? '-' : '+',
                   (int)(minutes / 60));
    else
        buf_printf(&k->out, "%02d", (int)(minutes % 60));
}

static const struct element *element_at(struct str rest)
{
    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        size_t n = strlen(elements[i].name);

        if (rest.len >= n && !strncasecmp(rest.p, elements[i].name, n) &&
            (n != 2 || (rest.p[0] | 0x20) != 'f' ||
             (rest.len > 2 && rest.p[2] >= '1' && rest.p[2] <= '9')))
            return &elements[i];
    }
    return NULL;
}

/* Bytes of the model that were read; 0: nothing is known that begins so. */
static size_t put_element(struct fn *f, struct cast *k, struct str rest)
{
    const struct element *e = element_at(rest);
    struct str as;

    if (!e)
        return 0;
    as = str_of(rest.p, strlen(e->name));
    if (!(k->has & e->needs)) {
        fn_fail(f, "Format element %s is not in a %s", e->name,
                k->has == NEEDS_DATE   ? "DATE"
                : k->has == NEEDS_TIME ? "TIME"
                                       : "DATETIME");
        return as.len;
    }
    if (e->needs == NEEDS_DATE)
        put_date(k, as);
    else if (e->needs == NEEDS_ZONE)
        put_zone(k, as);
    else if ((as.p[0] | 0x20) == 'f')
        put_fraction(k, rest.p[as.len++] - '0');
    else
        put_time(k, as);
    return as.len;
}

/* "text", with its quotes; 0: it does not end. */
static size_t put_text(struct cast *k, struct str rest)
{
    for (size_t i = 1; i < rest.len; i++) {
        char c = rest.p[i];

        if (c == '"')
            return i + 1;
        if (c == '\\') {
            if (++i == rest.len || (rest.p[i] != '"' && rest.p[i] != '\\'))
                return 0;
            c = rest.p[i];
        }
        buf_putc(&k->out, c);
    }
    return 0;
}

/* (type letter, model, value, zone) */
void rt_cast_format(struct fn *f)
{
    char type = fn_letter(f, 0);
    struct str model = fn_str(f, 1);
    const struct tz *z = fn_zone(f, 3);
    struct cast k = {.us = fn_int(f, 2)};

    if (!z)
        return;
    k.has = (type != 'C' ? NEEDS_DATE : 0) | (type != 'D' ? NEEDS_TIME : 0) |
            (type == 'T' ? NEEDS_ZONE : 0);
    if (type == 'D')
        k.us *= US_A_DAY;
    if (type == 'T') {
        k.offset = tz_offset(z, k.us);
        k.us += k.offset * 1000000;
    }
    civil_split(k.us, &k.c);
    fn_buf(&k.out);
    for (size_t i = 0, n; i < model.len && !fn_failed(f); i += n) {
        struct str rest = str_of(model.p + i, model.len - i);

        n = 1;
        if (strchr("-./,';: ", rest.p[0]) && rest.p[0])
            buf_putc(&k.out, rest.p[0]);
        else if (rest.p[0] == '"')
            n = put_text(&k, rest);
        else
            n = put_element(f, &k, rest);
        if (n == 0) {
            fn_fail(f, "Cannot find matched format element at %d of \"%.*s\"",
                    (int)i, STR_ARG(model));
            n = model.len;
        }
    }
    if (fn_failed(f))
        buf_fini(&k.out);
    else
        fn_set_buf(f, &k.out);
}
