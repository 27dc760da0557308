/* SPDX-License-Identifier: Apache-2.0 */
/* PARSE_DATE and its like. What the text leaves open is 1970-01-01 00:00:00.
 */
#include <strings.h>

#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/fn.h"

struct parsed {
    const char *p, *end;
    int64_t year, month, day, hour, minute, second, us;
    int64_t day_of_year, epoch;
    int pm; /* -1 unknown, 0 AM, 1 PM */
    bool twelve, has_epoch, bad_element;
    const struct tz *zone;
    struct tz_set *zones;
    int64_t century;
    /* A week names a day beside its year and a weekday, and only then. */
    int64_t week, weekday, iso_year; /* weekday: 0 Sunday; -1: not given */
    char week_of;                    /* 'U', 'W' or 'V'; 0: not given */
    bool has_year, has_day;          /* has_day: of a month, or of the year */
};

static bool number(struct parsed *s, int most, int64_t low, int64_t high,
                   int64_t *out)
{
    int64_t v = 0;
    int n = 0;

    while (s->p < s->end && n < most && *s->p >= '0' && *s->p <= '9') {
        v = v * 10 + (*s->p++ - '0');
        n++;
    }
    *out = v;
    return n > 0 && v >= low && v <= high;
}

static bool word(struct parsed *s, const char *const *words, int n,
                 int64_t *out)
{
    for (int i = 0; i < n; i++) {
        size_t full = strlen(words[i]), left = (size_t)(s->end - s->p);
        if (left >= full && !strncasecmp(s->p, words[i], full)) {
            s->p += full;
            *out = i;
            return true;
        }
    }
    for (int i = 0; i < n; i++) {
        if (s->end - s->p >= 3 && !strncasecmp(s->p, words[i], 3)) {
            s->p += 3;
            *out = i;
            return true;
        }
    }
    return false;
}

static void skip_space(struct parsed *s)
{
    while (s->p < s->end && (*s->p == ' ' || (*s->p >= '\t' && *s->p <= '\r')))
        s->p++;
}

static bool zone_offset(struct parsed *s)
{
    const char *from = s->p;
    char text[8];
    size_t n = 0;

    if (s->p < s->end && (*s->p == 'Z' || *s->p == 'z')) {
        s->p++;
        s->zone = tz_utc();
        return true;
    }
    if (s->p == s->end || (*s->p != '+' && *s->p != '-'))
        return false;
    s->p++;
    while (s->p < s->end && s->p - from < 6 &&
           ((*s->p >= '0' && *s->p <= '9') || *s->p == ':'))
        s->p++;
    for (const char *c = from; c < s->p && n < 6; c++) {
        if (*c == ':')
            continue;
        if (n == 3)
            text[n++] = ':';
        text[n++] = *c;
    }
    s->zone = tz_find(s->zones, str_of(text, n));
    return s->zone != NULL;
}

static bool zone_name(struct parsed *s)
{
    const char *from = s->p;

    while (s->p < s->end && *s->p != ' ')
        s->p++;
    s->zone = tz_find(s->zones, str_of(from, (size_t)(s->p - from)));
    return s->zone != NULL;
}

static bool parse(struct parsed *s, struct str fmt);

static bool fraction(struct parsed *s)
{
    int64_t unit = 100000;

    if (s->p == s->end || *s->p != '.')
        return true;
    s->p++;
    s->us = 0;
    if (s->p == s->end || *s->p < '0' || *s->p > '9')
        return false;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
        s->us += (*s->p - '0') * unit;
        unit /= 10;
    }
    return true;
}

static bool epoch(struct parsed *s)
{
    int64_t sign = 1;

    if (s->p < s->end && *s->p == '-') {
        sign = -1;
        s->p++;
    }
    if (!number(s, 12, 0, 253402300799LL, &s->epoch))
        return false;
    s->epoch *= sign;
    s->has_epoch = true;
    return true;
}

/* The number of a week, and the ISO year, which counts weeks alone. */
static bool week_element(struct parsed *s, char c)
{
    if (c == 'G')
        return number(s, 4, 1, 9999, &s->iso_year);
    s->week_of = c;
    return number(s, 2, c == 'V' ? 1 : 0, 53, &s->week);
}

static bool weekday_element(struct parsed *s, char c)
{
    if (!number(s, 1, c == 'u' ? 1 : 0, c == 'u' ? 7 : 6, &s->weekday))
        return false;
    s->weekday %= 7;
    return true;
}

static bool date_element(struct parsed *s, char c)
{
    static const char *const months[] = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"};
    static const char *const days[] = {"Sunday",    "Monday",   "Tuesday",
                                       "Wednesday", "Thursday", "Friday",
                                       "Saturday"};
    int64_t v;

    switch (c) {
    case 'A':
    case 'a':
        return word(s, days, 7, &s->weekday);
    case 'B':
    case 'b':
    case 'h':
        if (!word(s, months, 12, &v))
            return false;
        s->month = v + 1;
        s->has_day = true;
        return true;
    case 'D':
    case 'x':
        return parse(s, STR("%m/%d/%y"));
    case 'd':
    case 'e':
        skip_space(s);
        s->has_day = true;
        return number(s, 2, 1, 31, &s->day);
    case 'F':
        return parse(s, STR("%Y-%m-%d"));
    case 'j':
        s->has_day = true;
        return number(s, 3, 1, 366, &s->day_of_year);
    case 'm':
        s->has_day = true;
        return number(s, 2, 1, 12, &s->month);
    case 'Y':
        s->has_year = true;
        return number(s, 4, 1, 9999, &s->year);
    case 'y':
        if (!number(s, 2, 0, 99, &v))
            return false;
        s->year = v < 69 ? 2000 + v : 1900 + v;
        s->has_year = true;
        return true;
    default:
        return false;
    }
}

static bool time_element(struct parsed *s, char c)
{
    switch (c) {
    case 'H':
    case 'k':
        skip_space(s);
        return number(s, 2, 0, 23, &s->hour);
    case 'I':
    case 'l':
        skip_space(s);
        s->twelve = true;
        return number(s, 2, 1, 12, &s->hour);
    case 'M':
        return number(s, 2, 0, 59, &s->minute);
    case 'S':
        return number(s, 2, 0, 60, &s->second);
    case 'P':
    case 'p':
        if (s->end - s->p < 2 || (s->p[1] | 0x20) != 'm' ||
            ((s->p[0] | 0x20) != 'a' && (s->p[0] | 0x20) != 'p'))
            return false;
        s->pm = (s->p[0] | 0x20) == 'p';
        s->p += 2;
        return true;
    case 'R':
        return parse(s, STR("%H:%M"));
    case 'r':
        return parse(s, STR("%I:%M:%S %p"));
    case 'T':
    case 'X':
        return parse(s, STR("%H:%M:%S"));
    default:
        return false;
    }
}

static bool element(struct parsed *s, struct str *fmt)
{
    char c = fmt->p[0];
    size_t used = 1;
    bool ok;

    if (c == 'E' && fmt->len >= 3 && fmt->p[2] == 'S' &&
        strchr("*0123456", fmt->p[1])) {
        ok = number(s, 2, 0, 60, &s->second) && fraction(s);
        used = 3;
    } else if (c == 'E' && fmt->len >= 3 && !memcmp(fmt->p, "E4Y", 3)) {
        ok = date_element(s, 'Y');
        used = 3;
    } else if (c == 'E' && fmt->len >= 2 && fmt->p[1] == 'z') {
        ok = zone_offset(s);
        used = 2;
    } else if (c == '%') {
        ok = s->p < s->end && *s->p++ == '%';
    } else if (c == 'n' || c == 't') {
        skip_space(s);
        ok = true;
    } else if (c == 'c') {
        ok = parse(s, STR("%a %b %e %H:%M:%S %Y"));
    } else if (c == 'z') {
        ok = zone_offset(s);
    } else if (c == 'Z') {
        ok = zone_name(s);
    } else if (c == 's') {
        ok = epoch(s);
    } else if (strchr("UWVG", c)) {
        ok = week_element(s, c);
    } else if (strchr("uw", c)) {
        ok = weekday_element(s, c);
    } else if (strchr("AaBbhDxdeFjmYy", c)) {
        ok = date_element(s, c);
    } else if (strchr("HkIlMSPpRrTX", c)) {
        ok = time_element(s, c);
    } else {
        s->bad_element = true;
        return false;
    }
    *fmt = str_of(fmt->p + used, fmt->len - used);
    return ok;
}

static bool parse(struct parsed *s, struct str fmt)
{
    while (fmt.len) {
        char c = fmt.p[0];
        fmt = str_of(fmt.p + 1, fmt.len - 1);
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            skip_space(s);
        } else if (c == '%' && fmt.len) {
            if (!element(s, &fmt))
                return false;
        } else if (s->p == s->end || *s->p++ != c) {
            return false;
        }
    }
    return true;
}

static int64_t in_week(int64_t days)
{
    return days - 7 * floor_div(days, 7);
}

/* What a week or an ISO year needs beside it; NULL: it is all there. */
static const char *missing(const struct parsed *s)
{
    bool iso = s->iso_year || s->week_of == 'V';

    if (!iso && !s->week_of)
        return NULL;
    if (s->has_day || (s->week_of && iso != (s->week_of == 'V')))
        return "no other day";
    if (!s->week_of)
        return "%V";
    if (iso && !s->iso_year)
        return "%G";
    if (!iso && !s->has_year)
        return "a year";
    return s->weekday < 0 ? "a weekday" : NULL;
}

/* Of the day that a week's number and a weekday name: of days since 1970, whose
 * first was a Thursday. */
static bool day_of_week(const struct parsed *s, int64_t *days)
{
    int64_t monday_based = (s->weekday + 6) % 7, first, of_year, length;

    if (s->week_of == 'V') { /* the week of January 4 is the first */
        if (!civil_date(s->iso_year, 1, 4, &first))
            return false;
        first -= in_week(first + 3);
        *days = first + 7 * (s->week - 1) + monday_based;
        if (s->week < 53)
            return true;
        /* there is a 53rd if its Thursday is of that year */
        return civil_date(s->iso_year, 12, 31, &of_year) &&
               first + 7 * 52 + 3 <= of_year;
    }
    if (!civil_date(s->year, 1, 1, &first))
        return false;
    length = civil_is_leap(s->year) ? 366 : 365;
    /* week 1 begins with the first Sunday, or Monday, of the year */
    of_year = s->week_of == 'U' ? in_week(-(first + 4)) + s->weekday
                                : in_week(-(first + 3)) + monday_based;
    of_year += 7 * (s->week - 1);
    *days = first + of_year;
    return of_year >= 0 && of_year < length;
}

static bool assemble(struct parsed *s, char type, int64_t *out)
{
    int64_t days, of_day;
    bool leap;

    if (s->twelve) {
        s->hour %= 12;
        if (s->pm == 1)
            s->hour += 12;
    }
    leap = s->second == 60; /* the next minute, without a fraction */
    if (!civil_date(s->year, s->month, s->day, &days) ||
        !civil_time(s->hour, s->minute, leap ? 59 : s->second, leap ? 0 : s->us,
                    &of_day))
        return false;
    of_day += leap ? 1000000 : 0;
    if (s->day_of_year) {
        if (!civil_date(s->year, 1, 1, &days) ||
            (s->day_of_year == 366 && !civil_is_leap(s->year)))
            return false;
        days += s->day_of_year - 1;
    }
    if (s->week_of && !day_of_week(s, &days))
        return false;
    if (s->has_epoch) {
        *out = s->epoch * 1000000;
        days = floor_div(*out, US_A_DAY);
        of_day = *out - days * US_A_DAY;
    }
    if (type == 'D')
        *out = days;
    else if (type == 'C')
        *out = of_day % US_A_DAY;
    else if (type == 'M' || s->has_epoch)
        *out = days * US_A_DAY + of_day;
    else
        *out = tz_to_utc(s->zone, days * US_A_DAY + of_day);
    return (type != 'T' && type != 'M') ||
           (*out >= CIVIL_MIN_US && *out <= CIVIL_MAX_US);
}

/* (type letter, format, text, zone) */
void rt_parse_time(struct fn *f)
{
    char type = fn_letter(f, 0);
    struct str text = fn_str(f, 2), fmt = fn_str(f, 1);
    struct parsed s = {.p = text.p,
                       .end = text.p + text.len,
                       .year = 1970,
                       .month = 1,
                       .day = 1,
                       .pm = -1,
                       .weekday = -1,
                       .zones = fn_zones(f)};
    int64_t out;

    s.zone = fn_zone(f, 3);
    if (!s.zone)
        return;
    skip_space(&s); /* around the text it is always allowed */
    if (!parse(&s, fmt)) {
        if (s.bad_element)
            fn_fail(f, "Invalid or unsupported format element in \"%.*s\"",
                    STR_ARG(fmt));
        else
            fn_fail(f, "Failed to parse input string \"%.*s\"", STR_ARG(text));
        return;
    }
    skip_space(&s);
    if (s.p != s.end)
        fn_fail(f, "Failed to parse input string \"%.*s\"", STR_ARG(text));
    else if (missing(&s))
        fn_fail(f,
                "The week or ISO year in format \"%.*s\" names no day without "
                "a year of its kind and a weekday: it needs %s",
                STR_ARG(fmt), missing(&s));
    else if (!assemble(&s, type, &out))
        fn_fail(f, "Failed to parse input string \"%.*s\"", STR_ARG(text));
    else
        fn_set_int(f, out);
}
