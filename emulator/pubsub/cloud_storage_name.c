/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/cloud_storage_name.h"

#include <ctype.h>
#include <stdbool.h>

#include "common/clock.h"
#include "common/timefmt.h"

enum {
    BUCKET_MIN = 3,
    BUCKET_MAX = 222,
    PART_MAX = 63,         /* between a bucket's dots */
    NAME_MAX_BYTES = 1024, /* cloud.google.com/storage/docs/objects#naming */
    SEGMENT_MAX = 255      /* of a file's name here */
};

/* --- buckets -------------------------------------------------------------- */

static bool is_bucket_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool is_bucket_part(struct str part)
{
    for (size_t i = 0; i < part.len; i++)
        if (!is_bucket_char(part.p[i]))
            return false;
    return part.len > 0 && part.len <= PART_MAX;
}

int cloud_storage_check_bucket(struct str bucket, struct err *err)
{
    struct str rest = bucket;
    bool ok = bucket.len >= BUCKET_MIN && bucket.len <= BUCKET_MAX &&
              isalnum((uint8_t)bucket.p[0]) &&
              isalnum((uint8_t)bucket.p[bucket.len - 1]) &&
              !str_starts(bucket, STR("goog"));

    while (ok && rest.p)
        ok = is_bucket_part(str_cut(&rest, '.'));
    return ok ? RC_OK
              : err_set(err, RC_INVALID,
                        "Invalid Cloud Storage bucket given (bucket=%.*s): it "
                        "must be the bucket's name without \"gs://\", see "
                        "https://cloud.google.com/storage/docs/buckets#naming.",
                        bucket.len > 230 ? 230 : (int)bucket.len, bucket.p);
}

/* --- times ---------------------------------------------------------------- */

enum part {
    YEAR,
    MONTH,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    SEPARATOR,
    ZONE,
    N_PARTS
};

/* Longer ones first. */
static const struct {
    struct str text;
    enum part part;
} matchers[] = {
    {{"YYYY", 4}, YEAR},   {{"YY", 2}, YEAR},     {{"MM", 2}, MONTH},
    {{"DD", 2}, DAY},      {{"hh", 2}, HOUR},     {{"mm", 2}, MINUTE},
    {{"ss", 2}, SECOND},   {{"T", 1}, SEPARATOR}, {{"Z", 1}, ZONE},
    {{"+00:00", 6}, ZONE},
};
enum {
    N_MATCHERS = sizeof(matchers) / sizeof(matchers[0])
};

/* Cuts the next matcher, or one character between them (N_MATCHERS). */
static int next(struct str *format)
{
    for (int i = 0; i < N_MATCHERS; i++)
        if (str_starts(*format, matchers[i].text)) {
            *format = str_of(format->p + matchers[i].text.len,
                             format->len - matchers[i].text.len);
            return i;
        }
    *format = str_of(format->p + 1, format->len - 1);
    return N_MATCHERS;
}

static int refuse_format(struct err *err, struct str format, const char *why)
{
    return err_set(err, RC_INVALID,
                   "Invalid filename datetime format given (format=%.*s): %s.",
                   format.len > 100 ? 100 : (int)format.len, format.p, why);
}

int cloud_storage_check_format(struct str format, struct err *err)
{
    unsigned seen[N_PARTS] = {0};
    struct str rest = format;

    if (format.len == 0)
        return RC_OK;
    while (rest.len) {
        char c = *rest.p;
        int i = next(&rest);

        if (i == N_MATCHERS && (c == '\0' || !strchr("-_:/", c)))
            return refuse_format(err, format,
                                 "it may have YYYY or YY, MM, DD, hh, mm, ss, "
                                 "T, Z or +00:00, and - _ : / between them");
        if (i < N_MATCHERS && ++seen[matchers[i].part] > 1)
            return refuse_format(err, format, "each part may be there once");
    }
    for (int i = YEAR; i <= SECOND; i++)
        if (!seen[i])
            return refuse_format(
                err, format,
                "it must have year, month, day, hour, minute and second");
    return RC_OK;
}

static void put_time(struct buf *out, struct str format, int64_t time_us)
{
    int64_t s = time_us / US_PER_S, year;
    int64_t day_s = s % 86400;
    unsigned month, day;
    struct str rest = format;

    timefmt_civil_from_days(s / 86400, &year, &month, &day);
    while (rest.len) {
        const char *at = rest.p;
        int i = next(&rest);
        const int64_t values[] = {year,         month,           day,
                                  day_s / 3600, day_s / 60 % 60, day_s % 60};

        if (i == N_MATCHERS || matchers[i].part >= SEPARATOR)
            buf_append(out, at, (size_t)(rest.p - at));
        else if (matchers[i].text.len == 4)
            buf_printf(out, "%04lld", (long long)year);
        else
            buf_printf(out, "%02lld",
                       (long long)(values[matchers[i].part] % 100));
    }
}

static bool ends_in_matcher(struct str format)
{
    int last = N_MATCHERS;

    while (format.len)
        last = next(&format);
    return last < N_MATCHERS;
}

/* --- whole names ---------------------------------------------------------- */

void cloud_storage_put_name(struct buf *out, struct str prefix,
                            struct str format, struct str suffix,
                            int64_t time_us, struct str id)
{
    if (format.len == 0)
        format = STR(CLOUD_STORAGE_FORMAT);
    buf_str(out, prefix);
    put_time(out, format, time_us);
    if (ends_in_matcher(format)) /* else its last character separates */
        buf_putc(out, '_');
    buf_str(out, id);
    buf_str(out, suffix);
}

static bool is_segment(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return s.len > 0 && s.len <= SEGMENT_MAX && !str_eq(s, STR(".")) &&
           !str_eq(s, STR(".."));
}

int cloud_storage_check_names(struct str prefix, struct str format,
                              struct str suffix, struct err *err)
{
    struct buf name;
    struct str rest;
    bool ok;

    if (str_ends(suffix, STR("/")))
        return err_set(err, RC_INVALID,
                       "Invalid filename suffix given (suffix=%.*s): it must "
                       "not end in \"/\".",
                       suffix.len > 200 ? 200 : (int)suffix.len, suffix.p);
    buf_init(&name, 1 << 20);
    cloud_storage_put_name(&name, prefix, format, suffix, 0,
                           STR("00000000-0000-0000-0000-000000000000"));
    ok = !name.failed && name.len <= NAME_MAX_BYTES;
    for (rest = buf_as_str(&name); ok && rest.p;)
        ok = is_segment(str_cut(&rest, '/'));
    buf_fini(&name);
    return ok ? RC_OK
              : err_set(err, RC_INVALID,
                        "Invalid filename prefix, datetime format or suffix "
                        "given: a name made of them must be the path of a file "
                        "in the bucket's folder, without empty parts, \".\", "
                        "\"..\" or control characters, at most 1,024 bytes and "
                        "255 between slashes.");
}
