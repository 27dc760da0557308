/* SPDX-License-Identifier: Apache-2.0 */
/* FORMAT_DATE and its like: strftime's elements as GoogleSQL has them
 * (Format elements for date and time parts). */
#include <stdio.h>

#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/part.h"

struct shown {
    struct civil c;
    int64_t us;     /* local */
    int64_t utc;    /* TIMESTAMP only */
    int64_t offset; /* seconds */
    bool has_date, has_time, has_zone;
};

static const char *const months[] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
static const char *const weekdays[] = {"Sunday",    "Monday",   "Tuesday",
                                       "Wednesday", "Thursday", "Friday",
                                       "Saturday"};

static int64_t part(const struct shown *s, const char *name)
{
    int64_t v = 0;
    part_extract(s->us, str_from(name), &v);
    return v;
}

static void number(struct buf *out, char fill, int width, int64_t v)
{
    buf_printf(out, fill == '0' ? "%0*d" : "%*d", width, (int)v);
}

static void format(struct buf *out, const struct shown *s, struct str fmt);

static void date_element(struct buf *out, const struct shown *s, char c)
{
    const struct civil *d = &s->c;
    int64_t weekday = part(s, "DAYOFWEEK") - 1;

    switch (c) {
    case 'A':
        buf_puts(out, weekdays[weekday]);
        break;
    case 'a':
        buf_append(out, weekdays[weekday], 3);
        break;
    case 'B':
        buf_puts(out, months[d->month - 1]);
        break;
    case 'b':
    case 'h':
        buf_append(out, months[d->month - 1], 3);
        break;
    case 'C':
        number(out, '0', 2, d->year / 100);
        break;
    case 'D':
        format(out, s, STR("%m/%d/%y"));
        break;
    case 'd':
        number(out, '0', 2, d->day);
        break;
    case 'e':
        number(out, ' ', 2, d->day);
        break;
    case 'F':
        format(out, s, STR("%Y-%m-%d"));
        break;
    case 'G':
        number(out, ' ', 0, part(s, "ISOYEAR"));
        break;
    case 'g':
        number(out, '0', 2, part(s, "ISOYEAR") % 100);
        break;
    case 'j':
        number(out, '0', 3, part(s, "DAYOFYEAR"));
        break;
    case 'm':
        number(out, '0', 2, d->month);
        break;
    case 'Q':
        number(out, ' ', 0, part(s, "QUARTER"));
        break;
    case 'U':
        number(out, '0', 2, part(s, "WEEK"));
        break;
    case 'u':
        number(out, ' ', 0, weekday ? weekday : 7);
        break;
    case 'V':
        number(out, '0', 2, part(s, "ISOWEEK"));
        break;
    case 'W':
        number(out, '0', 2, part(s, "WEEK(MONDAY)"));
        break;
    case 'w':
        number(out, ' ', 0, weekday);
        break;
    case 'x':
        format(out, s, STR("%m/%d/%y"));
        break;
    case 'Y':
        number(out, ' ', 0, d->year);
        break;
    case 'y':
        number(out, '0', 2, d->year % 100);
        break;
    }
}

static void time_element(struct buf *out, const struct shown *s, char c)
{
    int64_t h = part(s, "HOUR");

    switch (c) {
    case 'H':
        number(out, '0', 2, h);
        break;
    case 'I':
        number(out, '0', 2, h % 12 ? h % 12 : 12);
        break;
    case 'k':
        number(out, ' ', 2, h);
        break;
    case 'l':
        number(out, ' ', 2, h % 12 ? h % 12 : 12);
        break;
    case 'M':
        number(out, '0', 2, part(s, "MINUTE"));
        break;
    case 'P':
        buf_puts(out, h < 12 ? "am" : "pm");
        break;
    case 'p':
        buf_puts(out, h < 12 ? "AM" : "PM");
        break;
    case 'R':
        format(out, s, STR("%H:%M"));
        break;
    case 'r':
        format(out, s, STR("%I:%M:%S %p"));
        break;
    case 'S':
        number(out, '0', 2, part(s, "SECOND"));
        break;
    case 'T':
    case 'X':
        format(out, s, STR("%H:%M:%S"));
        break;
    }
}

static void zone_element(struct buf *out, const struct shown *s, char c,
                         bool colon)
{
    int64_t o = s->offset < 0 ? -s->offset : s->offset;
    char text[16];

    if (c == 'Z') {
        buf_puts(out, "UTC");
        if (o)
            buf_printf(out, "%c%d", s->offset < 0 ? '-' : '+', (int)(o / 3600));
        if (o / 60 % 60)
            buf_printf(out, ":%02d", (int)(o / 60 % 60));
    } else if (c == 's') {
        buf_i64(out, floor_div(s->utc, 1000000));
    } else {
        snprintf(text, sizeof(text), "%c%02d%s%02d", s->offset < 0 ? '-' : '+',
                 (int)(o / 3600), colon ? ":" : "", (int)(o / 60 % 60));
        buf_puts(out, text);
    }
}

/* %E4Y, %E3S, %E*S, %Ez: returns the bytes read behind %E, or 0. */
static size_t extended(struct buf *out, const struct shown *s, struct str fmt)
{
    char text[16];
    int digits = 0;

    if (fmt.len && fmt.p[0] == 'z' && s->has_zone) {
        zone_element(out, s, 'z', true);
        return 1;
    }
    if (fmt.len < 2)
        return 0;
    if (!memcmp(fmt.p, "4Y", 2) && s->has_date) {
        number(out, '0', 4, s->c.year);
        return 2;
    }
    if (fmt.p[1] != 'S' || !s->has_time)
        return 0;
    number(out, '0', 2, part(s, "SECOND"));
    snprintf(text, sizeof(text), "%06d", (int)(s->c.of_day % 1000000));
    if (fmt.p[0] == '*') {
        digits = 6;
        while (digits > 0 && text[digits - 1] == '0')
            digits--;
    } else if (fmt.p[0] >= '0' && fmt.p[0] <= '6') {
        digits = fmt.p[0] - '0';
    } else {
        return 0;
    }
    if (digits) {
        buf_putc(out, '.');
        buf_append(out, text, (size_t)digits);
    }
    return 2;
}

static void format(struct buf *out, const struct shown *s, struct str fmt)
{
    for (size_t i = 0; i < fmt.len; i++) {
        char c = fmt.p[i];
        size_t n;
        if (c != '%' || i + 1 == fmt.len) {
            buf_putc(out, c);
            continue;
        }
        c = fmt.p[++i];
        if (c == 'E' || c == 'O') {
            n = extended(out, s, str_of(fmt.p + i + 1, fmt.len - i - 1));
            if (n) {
                i += n;
                continue;
            }
            if (i + 1 < fmt.len)
                c = fmt.p[++i];
        }
        if (c == '%')
            buf_putc(out, '%');
        else if (c == 'n')
            buf_putc(out, '\n');
        else if (c == 't')
            buf_putc(out, '\t');
        else if (c == 'c' && s->has_date && s->has_time)
            format(out, s, STR("%a %b %e %H:%M:%S %Y"));
        else if (strchr("AaBbhCDdeFGgjmQUuVWwxYy", c) && s->has_date)
            date_element(out, s, c);
        else if (strchr("HIklMPpRrSTX", c) && s->has_time)
            time_element(out, s, c);
        else if (strchr("Zzs", c) && s->has_zone)
            zone_element(out, s, c, false);
        else {
            buf_putc(out, '%');
            buf_putc(out, c);
        }
    }
}

/* (type letter, format, value, zone) */
void rt_format_time(struct fn *f)
{
    char type = fn_letter(f, 0);
    const struct tz *z = fn_zone(f, 3);
    struct shown s = {.us = fn_int(f, 2)};
    struct buf out;

    if (!z)
        return;
    s.has_date = type != 'C';
    s.has_time = type != 'D';
    s.has_zone = type == 'T';
    if (type == 'D')
        s.us *= US_A_DAY;
    s.utc = s.us;
    if (type == 'T') {
        s.offset = tz_offset(z, s.us);
        s.us += s.offset * 1000000;
    }
    civil_split(s.us, &s.c);
    fn_buf(&out);
    format(&out, &s, fn_str(f, 1));
    fn_set_buf(f, &out);
}
