/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/export_value.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/timefmt.h"

enum {
    DECIMAL_BYTES = 32,
    DECIMAL_DIGITS = 80
};

#define DAY_US      (86400 * US_PER_S)
#define FIRST_DAY   (-719162) /* 0001-01-01 */
#define LAST_DAY    2932896   /* 9999-12-31 */
#define CIVIL_SHIFT 20        /* of the seconds, in a packed civil time */

/* --- columns -------------------------------------------------------------- */

enum column {
    C_STRING,
    C_BYTES,
    C_INTEGER,
    C_FLOAT,
    C_NUMERIC,
    C_BOOLEAN,
    C_TIMESTAMP,
    C_DATE,
    C_TIME,
    C_DATETIME,
    C_JSON,
    C_RECORD,
    C_OTHER
};

#define BIT(c) (1U << (c))
/* A string stands for what BigQuery reads out of it, but for numbers of
 * machines: those come as such. */
#define FROM_TEXT                                                              \
    (BIT(C_STRING) | BIT(C_JSON) | BIT(C_TIMESTAMP) | BIT(C_DATETIME) |        \
     BIT(C_DATE) | BIT(C_TIME) | BIT(C_NUMERIC) | BIT(C_OTHER))

static const unsigned takes[] = {
    [EXPORT_BOOL] = BIT(C_BOOLEAN),
    [EXPORT_INT] = BIT(C_INTEGER) | BIT(C_FLOAT) | BIT(C_NUMERIC) |
                   BIT(C_DATE) | BIT(C_TIMESTAMP) | BIT(C_DATETIME) |
                   BIT(C_TIME),
    [EXPORT_UINT] = BIT(C_NUMERIC),
    [EXPORT_FLOAT] = BIT(C_FLOAT) | BIT(C_NUMERIC),
    [EXPORT_TEXT] = FROM_TEXT,
    [EXPORT_BYTES] = BIT(C_BYTES),
    [EXPORT_DECIMAL] = BIT(C_NUMERIC) | BIT(C_BYTES),
    [EXPORT_DATE] = BIT(C_DATE) | BIT(C_INTEGER),
    [EXPORT_TIME] = BIT(C_TIME) | BIT(C_INTEGER),
    [EXPORT_TIMESTAMP] = BIT(C_TIMESTAMP) | BIT(C_INTEGER),
    [EXPORT_DATETIME] = BIT(C_DATETIME) | BIT(C_INTEGER),
    [EXPORT_ENUM] = BIT(C_INTEGER) | BIT(C_STRING),
    [EXPORT_RECORD] = BIT(C_RECORD)};

static const char *const kind_names[] = {
    [EXPORT_BOOL] = "a boolean",       [EXPORT_INT] = "an integer",
    [EXPORT_UINT] = "a uint64",        [EXPORT_FLOAT] = "a floating number",
    [EXPORT_TEXT] = "a string",        [EXPORT_BYTES] = "bytes",
    [EXPORT_DECIMAL] = "a decimal",    [EXPORT_DATE] = "a date",
    [EXPORT_TIME] = "a time",          [EXPORT_TIMESTAMP] = "a timestamp",
    [EXPORT_DATETIME] = "a date-time", [EXPORT_ENUM] = "an enum",
    [EXPORT_RECORD] = "a record"};

static const char *member(const json_t *column, const char *name)
{
    const char *text = json_string_value(json_object_get(column, name));

    return text ? text : "";
}

static enum column type_of(const json_t *column)
{
    static const struct {
        const char *name;
        enum column type;
    } types[] = {{"STRING", C_STRING},       {"BYTES", C_BYTES},
                 {"INTEGER", C_INTEGER},     {"INT64", C_INTEGER},
                 {"FLOAT", C_FLOAT},         {"FLOAT64", C_FLOAT},
                 {"NUMERIC", C_NUMERIC},     {"BIGNUMERIC", C_NUMERIC},
                 {"BOOLEAN", C_BOOLEAN},     {"BOOL", C_BOOLEAN},
                 {"TIMESTAMP", C_TIMESTAMP}, {"DATE", C_DATE},
                 {"TIME", C_TIME},           {"DATETIME", C_DATETIME},
                 {"JSON", C_JSON},           {"RECORD", C_RECORD},
                 {"STRUCT", C_RECORD}};
    const char *name = member(column, "type");

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcasecmp(name, types[i].name) == 0)
            return types[i].type;
    return C_OTHER;
}

const json_t *export_column(const json_t *columns, struct str name)
{
    const json_t *column;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)columns, i, column)
    {
        if (str_ieq(str_from(member(column, "name")), name))
            return column;
    }
    return NULL;
}

bool export_is_repeated(const json_t *column)
{
    return strcasecmp(member(column, "mode"), "REPEATED") == 0;
}

bool export_is_required(const json_t *column)
{
    return strcasecmp(member(column, "mode"), "REQUIRED") == 0 &&
           !*member(column, "defaultValueExpression");
}

bool export_is_integer(const json_t *column)
{
    return type_of(column) == C_INTEGER;
}

bool export_is_time(const json_t *column)
{
    static const unsigned times =
        BIT(C_TIMESTAMP) | BIT(C_DATETIME) | BIT(C_DATE) | BIT(C_TIME);

    return (times & BIT(type_of(column))) != 0;
}

bool export_takes(const json_t *column, enum export_kind kind)
{
    return (takes[kind] & BIT(type_of(column))) != 0;
}

static bool is_metadata(struct str name)
{
    return str_ieq(name, STR("subscription_name")) ||
           str_ieq(name, STR("message_id")) ||
           str_ieq(name, STR("publish_time")) ||
           str_ieq(name, STR("attributes"));
}

int export_check_required(const json_t *columns, bool metadata,
                          bool (*is_written)(const void *arg, struct str name),
                          const void *arg, struct err *err)
{
    const json_t *column;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)columns, i, column)
    {
        const char *name = member(column, "name");

        if (export_is_required(column) && !is_written(arg, str_from(name)) &&
            !(metadata && is_metadata(str_from(name))))
            return err_set(err, RC_SCHEMA,
                           "column %.128s is REQUIRED, but no field of this "
                           "name is written",
                           name);
    }
    return RC_OK;
}

int export_check_takes(const json_t *column, enum export_kind kind,
                       bool repeated, struct err *err)
{
    if (export_takes(column, kind) && export_is_repeated(column) == repeated)
        return RC_OK;
    /* begins as production's does */
    return err_set(err, RC_SCHEMA,
                   "Incompatible schema type for field %.128s: the field is "
                   "%s%s, the column %s%s",
                   member(column, "name"),
                   repeated ? "a list of values, each " : "", kind_names[kind],
                   export_is_repeated(column) ? "REPEATED " : "",
                   member(column, "type"));
}

/* --- texts ---------------------------------------------------------------- */

static int out_of_range(const json_t *column, int64_t i, struct err *err)
{
    return err_set(err, RC_INVALID, "column %.128s: %lld is no %s",
                   member(column, "name"), (long long)i,
                   member(column, "type"));
}

static json_t *date_text(int64_t days)
{
    int64_t year;
    unsigned month, day;

    timefmt_civil_from_days(days, &year, &month, &day);
    return json_sprintf("%04lld-%02u-%02u", (long long)year, month, day);
}

static json_t *time_text(int64_t us)
{
    int64_t s = us / US_PER_S;

    return json_sprintf("%02d:%02d:%02d.%06d", (int)(s / 3600),
                        (int)(s / 60 % 60), (int)(s % 60),
                        (int)(us % US_PER_S));
}

/* With "Z" a point in time, without it what a clock on a wall shows. */
static json_t *instant_text(int64_t us, bool zone)
{
    char text[TIMEFMT_MAX];
    size_t len = timefmt_format_z(text, us);

    return json_stringn(text, zone ? len : len - 1);
}

static bool is_instant(int64_t us)
{
    return us >= FIRST_DAY * DAY_US && us < (LAST_DAY + 1) * DAY_US;
}

/* CivilTimeEncoder's: year 14 bits, month 4, day 5, hour 5, minute 6, second
 * 6, microsecond 20. */
static json_t *packed_civil(int64_t packed, bool with_date)
{
    int64_t s = packed >> CIVIL_SHIFT;
    int us = (int)(packed & ((1 << CIVIL_SHIFT) - 1)), year = (int)(s >> 26);
    int month = (int)(s >> 22 & 15), day = (int)(s >> 17 & 31);
    int hour = (int)(s >> 12 & 31), minute = (int)(s >> 6 & 63);
    int second = (int)(s & 63);

    if (packed < 0 || hour > 23 || minute > 59 || second > 59 || us > 999999)
        return NULL;
    if (!with_date)
        return s >> 17 ? NULL
                       : json_sprintf("%02d:%02d:%02d.%06d", hour, minute,
                                      second, us);
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return NULL;
    return json_sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06d", year, month, day,
                        hour, minute, second, us);
}

/* Digits of a big-endian number in two's complement, the last first. */
static size_t digits_of(struct str bytes, bool *negative, char *digits)
{
    uint8_t n[DECIMAL_BYTES];
    size_t len = bytes.len, count = 0;
    unsigned carry = 1;
    bool left = true;

    memcpy(n, bytes.p, len);
    *negative = n[0] >= 0x80;
    for (size_t i = len; *negative && i-- > 0; carry >>= 8) {
        carry += (uint8_t)~n[i];
        n[i] = (uint8_t)carry;
    }
    while (left) {
        unsigned rest = 0;

        left = false;
        for (size_t i = 0; i < len; i++) {
            rest = rest << 8 | n[i];
            n[i] = (uint8_t)(rest / 10);
            rest %= 10;
            left = left || n[i];
        }
        digits[count++] = (char)('0' + rest);
    }
    return count;
}

/* NULL: more than any NUMERIC holds. */
static json_t *decimal_text(struct str bytes, unsigned scale)
{
    char digits[DECIMAL_DIGITS + 1];
    struct buf text;
    json_t *json;
    bool negative;
    size_t n;

    if (bytes.len == 0)
        return json_string("0");
    if (bytes.len > DECIMAL_BYTES || scale >= DECIMAL_DIGITS)
        return NULL;
    n = digits_of(bytes, &negative, digits);
    while (n <= scale)
        digits[n++] = '0';
    buf_init(&text, 256);
    if (negative)
        buf_putc(&text, '-');
    while (n > 0) {
        if (n == scale)
            buf_putc(&text, '.');
        buf_putc(&text, digits[--n]);
    }
    json = json_stringn(text.data, text.len);
    buf_fini(&text);
    return json;
}

static json_t *base64_text(struct str bytes)
{
    struct buf text;
    json_t *json;

    buf_init(&text, SIZE_MAX / 4);
    base64_append(&text, bytes);
    json = json_stringn(text.data ? text.data : "", text.len);
    buf_fini(&text);
    return json;
}

/* JSON has no such numbers: BigQuery takes their names. */
static json_t *float_json(double f)
{
    if (isnan(f))
        return json_string("NaN");
    if (isinf(f))
        return json_string(f < 0 ? "-Infinity" : "Infinity");
    return json_real(f);
}

/* --- a value -------------------------------------------------------------- */

/* NULL: the number is none of the column's. */
static json_t *integer_json(enum column type, int64_t i)
{
    switch (type) {
    case C_DATE:
        return i < FIRST_DAY || i > LAST_DAY ? NULL : date_text(i);
    case C_TIMESTAMP:
        return is_instant(i) ? instant_text(i, true) : NULL;
    case C_DATETIME:
    case C_TIME:
        return packed_civil(i, type == C_DATETIME);
    case C_NUMERIC:
        return json_sprintf("%lld", (long long)i);
    default:
        return json_integer(i);
    }
}

static json_t *when_json(enum export_kind kind, int64_t i)
{
    switch (kind) {
    case EXPORT_DATE:
        return i < FIRST_DAY || i > LAST_DAY ? NULL : date_text(i);
    case EXPORT_TIME:
        return i < 0 || i >= DAY_US ? NULL : time_text(i);
    default:
        return is_instant(i) ? instant_text(i, kind == EXPORT_TIMESTAMP) : NULL;
    }
}

int export_value_json(const json_t *column, const struct export_value *v,
                      json_t **out, struct err *err)
{
    enum column type = type_of(column);
    int rc = RC_OK;

    if (!export_takes(column, v->kind))
        return export_check_takes(column, v->kind, export_is_repeated(column),
                                  err);
    switch (v->kind) {
    case EXPORT_BOOL:
        *out = json_boolean(v->i);
        break;
    case EXPORT_INT:
        *out = integer_json(type, v->i);
        break;
    case EXPORT_UINT:
        *out = json_sprintf("%llu", (unsigned long long)v->u);
        break;
    case EXPORT_FLOAT:
        *out = float_json(v->f);
        break;
    case EXPORT_TEXT:
        *out = json_stringn(v->text.p, v->text.len);
        break;
    case EXPORT_BYTES:
        *out = base64_text(v->text);
        break;
    case EXPORT_DECIMAL:
        *out = type == C_BYTES ? base64_text(v->text)
                               : decimal_text(v->text, v->scale);
        break;
    case EXPORT_ENUM:
        *out = type == C_STRING ? json_stringn(v->text.p, v->text.len)
                                : json_integer(v->i);
        break;
    default:
        *out =
            type == C_INTEGER ? json_integer(v->i) : when_json(v->kind, v->i);
        break;
    }
    if (!*out)
        rc = v->kind == EXPORT_DECIMAL
                 ? err_set(err, RC_INVALID,
                           "column %.128s: the decimal has "
                           "too many digits",
                           member(column, "name"))
             : v->kind == EXPORT_TEXT
                 ? err_set(err, RC_INVALID, "column %.128s: not UTF-8",
                           member(column, "name"))
                 : out_of_range(column, v->i, err);
    return rc;
}
