/* SPDX-License-Identifier: Apache-2.0 */
#include "common/timefmt.h"

#include "common/clock.h"

enum {
    SECONDS_A_DAY = 86400
};

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "SunMonTueWedThuFriSat";

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Eras of 400 years from 1 March, so that the leap day comes last. */
int64_t timefmt_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void timefmt_civil_from_days(int64_t days, int64_t *year, unsigned *month,
                             unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

struct cursor {
    const char *p, *end;
};

/* Exactly `n` digits, or -1. */
static int64_t digits(struct cursor *c, int n)
{
    int64_t v = 0;

    if (c->end - c->p < n)
        return -1;
    for (int i = 0; i < n; i++, c->p++) {
        if (*c->p < '0' || *c->p > '9')
            return -1;
        v = v * 10 + (*c->p - '0');
    }
    return v;
}

static bool eat(struct cursor *c, char a, char b)
{
    if (c->p == c->end || (*c->p != a && *c->p != b))
        return false;
    c->p++;
    return true;
}

static unsigned days_in_month(int64_t year, int64_t month)
{
    static const unsigned char n[] = {31, 28, 31, 30, 31, 30,
                                      31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : n[month - 1];
}

static const char *parse_date(struct cursor *c, int64_t *days)
{
    int64_t year = digits(c, 4), month, day;

    if (year < 0 || !eat(c, '-', '-') || (month = digits(c, 2)) < 0 ||
        !eat(c, '-', '-') || (day = digits(c, 2)) < 0)
        return "is not an RFC 3339 time such as 2025-01-14T10:00:00Z";
    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return "names a date that does not exist";
    *days = timefmt_days_from_civil(year, (unsigned)month, (unsigned)day);
    return NULL;
}

static const char *parse_fraction(struct cursor *c, int64_t *us)
{
    int n = 0;

    *us = 0;
    if (!eat(c, '.', '.'))
        return NULL;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, n++) {
        if (n < 6)
            *us = *us * 10 + (*c->p - '0');
    }
    if (n == 0)
        return "has a point without fraction digits";
    if (n > 6)
        return "has more than six fraction digits";
    for (; n < 6; n++)
        *us *= 10;
    return NULL;
}

static const char *parse_clock(struct cursor *c, int64_t *seconds)
{
    int64_t h = digits(c, 2), m, s;

    if (h < 0 || !eat(c, ':', ':') || (m = digits(c, 2)) < 0 ||
        !eat(c, ':', ':') || (s = digits(c, 2)) < 0)
        return "is not an RFC 3339 time such as 2025-01-14T10:00:00Z";
    if (s == 60)
        return "is a leap second, which cannot be stored";
    if (h > 23 || m > 59 || s > 59)
        return "names a time of day that does not exist";
    *seconds = h * 3600 + m * 60 + s;
    return NULL;
}

static const char *parse_offset(struct cursor *c, int64_t *seconds)
{
    int64_t h, m;
    int sign;

    *seconds = 0;
    if (eat(c, 'Z', 'z'))
        return NULL;
    if (c->p == c->end || (*c->p != '+' && *c->p != '-'))
        return "has no time zone: add Z or an offset such as +00:00";
    sign = *c->p++ == '-' ? -1 : 1;
    if ((h = digits(c, 2)) < 0 || !eat(c, ':', ':') || (m = digits(c, 2)) < 0)
        return "has a malformed offset: write +hh:mm";
    if (h > 23 || m > 59)
        return "has an offset that does not exist";
    *seconds = sign * (h * 3600 + m * 60);
    return NULL;
}

static const char *parse(struct str text, int64_t *out_us)
{
    struct cursor c = {text.p, text.p + text.len};
    int64_t days, seconds, us, offset, total;
    const char *why;

    if ((why = parse_date(&c, &days)) != NULL)
        return why;
    if (!eat(&c, 'T', 't') && !eat(&c, ' ', ' '))
        return "is not an RFC 3339 time such as 2025-01-14T10:00:00Z";
    if ((why = parse_clock(&c, &seconds)) != NULL ||
        (why = parse_fraction(&c, &us)) != NULL ||
        (why = parse_offset(&c, &offset)) != NULL)
        return why;
    if (c.p != c.end)
        return "has characters after the time";
    total = days * SECONDS_A_DAY + seconds - offset;
    if (total < timefmt_days_from_civil(1, 1, 1) * SECONDS_A_DAY ||
        total >= timefmt_days_from_civil(10000, 1, 1) * SECONDS_A_DAY)
        return "leaves the years 1 to 9999";
    *out_us = total * US_PER_S + us;
    return NULL;
}

int timefmt_parse(struct str text, int64_t *out_us, const char **reason)
{
    const char *why = parse(text, out_us);

    if (why && reason)
        *reason = why;
    return why ? RC_INVALID : RC_OK;
}

static char *put2(char *at, int64_t v)
{
    at[0] = (char)('0' + v / 10 % 10);
    at[1] = (char)('0' + v % 10);
    return at + 2;
}

static char *put_clock(char *at, int64_t seconds)
{
    at = put2(at, seconds / 3600);
    *at++ = ':';
    at = put2(at, seconds / 60 % 60);
    *at++ = ':';
    return put2(at, seconds % 60);
}

static size_t format(char *out, int64_t us, const char *zone, size_t zone_len)
{
    int64_t seconds = floor_div(us, US_PER_S);
    int64_t fraction = us - seconds * US_PER_S;
    int64_t days = floor_div(seconds, SECONDS_A_DAY);
    int64_t year;
    unsigned month, day;
    char *at = out;

    timefmt_civil_from_days(days, &year, &month, &day);
    at = put2(put2(at, year / 100), year % 100);
    *at++ = '-';
    at = put2(at, month);
    *at++ = '-';
    at = put2(at, day);
    *at++ = 'T';
    at = put_clock(at, seconds - days * SECONDS_A_DAY);
    if (fraction) {
        *at++ = '.';
        at = put2(put2(put2(at, fraction / 10000), fraction / 100), fraction);
    }
    memcpy(at, zone, zone_len + 1);
    return (size_t)(at - out) + zone_len;
}

size_t timefmt_format(char *out, int64_t us)
{
    return format(out, us, "+00:00", 6);
}

size_t timefmt_format_z(char *out, int64_t us)
{
    return format(out, us, "Z", 1);
}

size_t timefmt_format_http(char *out, int64_t us)
{
    int64_t seconds = floor_div(us, US_PER_S);
    int64_t days = floor_div(seconds, SECONDS_A_DAY);
    int64_t year;
    unsigned month, day;
    size_t weekday = (size_t)(((days + 4) % 7 + 7) % 7); /* 1970: Thursday */
    char *at = out;

    timefmt_civil_from_days(days, &year, &month, &day);
    memcpy(at, day_names + weekday * 3, 3);
    memcpy(at + 3, ", ", 2);
    at = put2(at + 5, day);
    *at++ = ' ';
    memcpy(at, month_names + (size_t)(month - 1) * 3, 3);
    at[3] = ' ';
    at = put2(put2(at + 4, year / 100), year % 100);
    *at++ = ' ';
    at = put_clock(at, seconds - days * SECONDS_A_DAY);
    memcpy(at, " GMT", 5);
    return (size_t)(at - out) + 4;
}
