/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON forms of Timestamp, Duration and FieldMask. */
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/transcode_priv.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"

enum {
    NANOS_PER_S = 1000000000,
    NANOS_DIGITS = 9
};
#define DURATION_MAX_S 315576000000LL /* 10,000 years, duration.proto */

enum known_type transcode_known(const ProtobufCMessageDescriptor *type)
{
    if (type == &google__protobuf__timestamp__descriptor)
        return KNOWN_TIMESTAMP;
    if (type == &google__protobuf__duration__descriptor)
        return KNOWN_DURATION;
    if (type == &google__protobuf__field_mask__descriptor)
        return KNOWN_FIELD_MASK;
    if (type == &google__protobuf__struct__descriptor)
        return KNOWN_STRUCT;
    if (type == &google__protobuf__value__descriptor)
        return KNOWN_VALUE;
    if (type == &google__protobuf__list_value__descriptor)
        return KNOWN_LIST;
    return KNOWN_NONE;
}

/* Fraction digits behind a dot, as nanoseconds; `*rest` moves behind them. */
static bool read_nanos(struct str *rest, int32_t *nanos)
{
    size_t n = 0;

    *nanos = 0;
    if (!rest->len || rest->p[0] != '.')
        return true;
    rest->p++, rest->len--;
    while (n < rest->len && rest->p[n] >= '0' && rest->p[n] <= '9') {
        if (n >= NANOS_DIGITS)
            return false;
        *nanos = *nanos * 10 + (rest->p[n++] - '0');
    }
    if (n == 0)
        return false;
    *rest = str_of(rest->p + n, rest->len - n);
    for (; n < NANOS_DIGITS; n++)
        *nanos *= 10;
    return true;
}

static bool read_timestamp(Google__Protobuf__Timestamp *t, struct str text)
{
    enum {
        WHOLE = sizeof("2025-01-14T10:00:00") - 1
    };
    char plain[TIMEFMT_MAX];
    struct str rest;
    int32_t nanos;
    int64_t us;

    if (text.len <= WHOLE || text.p[10] == ' ')
        return false;
    rest = str_of(text.p + WHOLE, text.len - WHOLE);
    if (!read_nanos(&rest, &nanos) || rest.len > 6)
        return false;
    memcpy(plain, text.p, WHOLE);
    memcpy(plain + WHOLE, rest.p, rest.len);
    if (timefmt_parse(str_of(plain, WHOLE + rest.len), &us, NULL))
        return false;
    t->seconds = us / 1000000; /* whole seconds: no rounding */
    t->nanos = nanos;
    return true;
}

static bool read_duration(Google__Protobuf__Duration *d, struct str text)
{
    bool negative = text.len && text.p[0] == '-';
    struct str rest = text, whole;
    size_t n = 0;
    uint64_t seconds;
    int32_t nanos;

    if (!text.len || text.p[text.len - 1] != 's')
        return false;
    rest = str_of(text.p + negative, text.len - negative - 1);
    while (n < rest.len && rest.p[n] >= '0' && rest.p[n] <= '9')
        n++;
    whole = str_of(rest.p, n);
    rest = str_of(rest.p + n, rest.len - n);
    if (!str_to_u64(whole, &seconds) || seconds > DURATION_MAX_S ||
        !read_nanos(&rest, &nanos) || rest.len)
        return false;
    d->seconds = negative ? -(int64_t)seconds : (int64_t)seconds;
    d->nanos = negative ? -nanos : nanos;
    return true;
}

static bool read_mask(Google__Protobuf__FieldMask *mask, struct str text)
{
    struct str rest = text;
    const ProtobufCFieldDescriptor *f =
        transcode_field(mask->base.descriptor, STR("paths"));
    size_t cap = mask->n_paths;
    struct buf snake;
    bool ok = true;

    if (!text.len)
        return true;
    buf_init(&snake, text.len * 2 + 1);
    while (ok && rest.p) {
        struct str part = str_trim(str_cut(&rest, ','));
        char **slot;

        if (!part.len)
            continue;
        buf_reset(&snake);
        transcode_snake(&snake, part);
        slot = transcode_grow(&mask->base, f, &cap);
        ok = slot && (*slot = transcode_copy(buf_as_str(&snake)));
        if (!ok && slot)
            mask->n_paths--;
    }
    buf_fini(&snake);
    return ok;
}

bool transcode_known_read(ProtobufCMessage *m, struct str text)
{
    switch (transcode_known(m->descriptor)) {
    case KNOWN_TIMESTAMP:
        return read_timestamp((Google__Protobuf__Timestamp *)m, text);
    case KNOWN_DURATION:
        return read_duration((Google__Protobuf__Duration *)m, text);
    case KNOWN_FIELD_MASK:
        return read_mask((Google__Protobuf__FieldMask *)m, text);
    default:
        return false;
    }
}

/* None, or 3, 6 or 9 digits: as few of these as are exact. */
static void put_nanos(struct buf *out, int32_t nanos)
{
    if (nanos < 0)
        nanos = -nanos;
    if (nanos == 0)
        return;
    if (nanos % 1000000 == 0)
        buf_printf(out, ".%03d", (int)(nanos / 1000000));
    else if (nanos % 1000 == 0)
        buf_printf(out, ".%06d", (int)(nanos / 1000));
    else
        buf_printf(out, ".%09d", (int)nanos);
}

static void write_timestamp(const Google__Protobuf__Timestamp *t,
                            struct buf *out)
{
    static const int64_t first = -62135596800, last = 253402300799;
    int64_t s = t->seconds;
    char text[TIMEFMT_MAX];
    size_t len;

    /* years 1 to 9999: what lies outside is shown as their edge */
    s = s < first ? first : s > last ? last : s;
    len = timefmt_format_z(text, s * 1000000);
    buf_append(out, text, len - 1);
    if (t->nanos > 0 && t->nanos < NANOS_PER_S)
        put_nanos(out, t->nanos);
    buf_putc(out, 'Z');
}

void transcode_known_write(const ProtobufCMessage *m, struct buf *out)
{
    const Google__Protobuf__Duration *d = (const void *)m;
    const Google__Protobuf__FieldMask *mask = (const void *)m;

    buf_putc(out, '"');
    switch (transcode_known(m->descriptor)) {
    case KNOWN_TIMESTAMP:
        write_timestamp((const void *)m, out);
        break;
    case KNOWN_DURATION:
        if (d->seconds == 0 && d->nanos < 0)
            buf_putc(out, '-');
        buf_i64(out, d->seconds);
        put_nanos(out, d->nanos);
        buf_putc(out, 's');
        break;
    case KNOWN_FIELD_MASK:
        for (size_t i = 0; i < mask->n_paths; i++) {
            if (i)
                buf_putc(out, ',');
            transcode_camel(out, str_from(mask->paths[i]));
        }
        break;
    default:
        break;
    }
    buf_putc(out, '"');
}
