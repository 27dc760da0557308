/* SPDX-License-Identifier: Apache-2.0 */
#include "api/query.h"

#include <inttypes.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/timefmt.h"
#include "http/http.h"

enum {
    VALUE_MAX = 8192,
    CURSOR_VERSION = 1,
    CURSOR_HEAD = 2 + 3 * 8 + 4, /* version, flags, three times, check */
    CURSOR_MAX = CURSOR_HEAD + ROW_ID_MAX
};

enum {
    FLAG_SINCE = 1,
    FLAG_UNTIL = 2
};

static int refuse(struct query_error *why, struct str field, const char *reason)
{
    size_t n =
        field.len < sizeof(why->field) - 1 ? field.len : sizeof(why->field) - 1;

    /* a parameter's name is the caller's: told only if it is plain */
    for (size_t i = 0; i < n; i++)
        why->field[i] = field.p[i] > ' ' && field.p[i] < 127 ? field.p[i] : '?';
    why->field[n] = '\0';
    why->reason = reason;
    return RC_INVALID;
}

/* --- the cursor --------------------------------------------------------------
 */

static void put_u64(unsigned char *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(v >> (56 - 8 * i));
}

static uint64_t get_u64(const unsigned char *at)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | at[i];
    return v;
}

/* Not a secret: it only tells a cut or mistyped cursor from a real one. */
static uint32_t check_of(const unsigned char *p, size_t len)
{
    uint64_t h = str_hash(str_of((const char *)p, len));

    return (uint32_t)(h ^ h >> 32);
}

static size_t cursor_pack(const struct query *q, int64_t after_us,
                          struct str after_id, unsigned char *out)
{
    size_t len = CURSOR_HEAD - 4;
    uint32_t check;

    out[0] = CURSOR_VERSION;
    out[1] = (unsigned char)((q->has_since ? FLAG_SINCE : 0) |
                             (q->has_until ? FLAG_UNTIL : 0));
    put_u64(out + 2, (uint64_t)after_us);
    put_u64(out + 10, q->has_since ? (uint64_t)q->since_us : 0);
    put_u64(out + 18, q->has_until ? (uint64_t)q->until_us : 0);
    memcpy(out + len, after_id.p, after_id.len);
    len += after_id.len;
    check = check_of(out, len);
    for (int i = 0; i < 4; i++)
        out[len++] = (unsigned char)(check >> (24 - 8 * i));
    return len;
}

static bool is_id(struct str id)
{
    if (id.len == 0 || id.len > ROW_ID_MAX || !json_is_utf8(id))
        return false;
    for (size_t i = 0; i < id.len; i++) {
        if ((unsigned char)id.p[i] < 0x20 || id.p[i] == 0x7f)
            return false;
    }
    return true;
}

static bool is_time(int64_t us)
{
    /* years 1..9999: what timestamps can be */
    return us >= -62135596800000000LL && us <= 253402300799999999LL;
}

static bool cursor_unpack(struct str text, struct query *q)
{
    unsigned char raw[CURSOR_MAX + 4];
    size_t len, id_len;
    uint32_t check = 0;

    if (text.len > base64_encoded_max(CURSOR_MAX) ||
        !base64_decode(text, raw, &len) || len <= CURSOR_HEAD ||
        len > CURSOR_MAX || raw[0] != CURSOR_VERSION || raw[1] > 3)
        return false;
    for (size_t i = len - 4; i < len; i++)
        check = check << 8 | raw[i];
    if (check != check_of(raw, len - 4))
        return false;
    id_len = len - CURSOR_HEAD;
    q->has_after = true;
    q->after_us = (int64_t)get_u64(raw + 2);
    q->has_since = raw[1] & FLAG_SINCE;
    q->since_us = (int64_t)get_u64(raw + 10);
    q->has_until = raw[1] & FLAG_UNTIL;
    q->until_us = (int64_t)get_u64(raw + 18);
    memcpy(q->after_id, raw + CURSOR_HEAD - 4, id_len);
    q->after_id_len = id_len;
    return is_time(q->after_us) && is_time(q->since_us) &&
           is_time(q->until_us) && is_id(query_after_id(q));
}

/* --- parameters --- */

static int take_limit(struct str value, struct query *q,
                      struct query_error *why)
{
    uint64_t n;

    if (value.len > 4 || !str_to_u64(value, &n) || n < 1 || n > QUERY_LIMIT_MAX)
        return refuse(why, STR("limit"), "must be a number from 1 to 1000");
    q->limit = (size_t)n;
    return RC_OK;
}

/* A plus sign that was not encoded arrives as a blank; here that can mean
 * nothing else. */
static int take_time(struct str name, struct str value, int64_t *us,
                     struct query_error *why)
{
    char text[TIMEFMT_MAX];
    const char *reason = NULL;

    if (value.len < 6 || value.len >= sizeof(text))
        return refuse(why, name, "must be an RFC 3339 time");
    memcpy(text, value.p, value.len);
    if (text[value.len - 6] == ' ' && value.len > 19)
        text[value.len - 6] = '+';
    if (timefmt_parse(str_of(text, value.len), us, &reason))
        return refuse(why, name, reason ? reason : "must be an RFC 3339 time");
    return RC_OK;
}

enum parameter {
    LIMIT,
    SINCE,
    UNTIL,
    ID,
    CURSOR,
    N_PARAMETERS
};
static const char *const names[N_PARAMETERS] = {"limit", "since", "until", "id",
                                                "cursor"};

static int take(struct query *q, enum parameter which, struct str value,
                struct query_error *why)
{
    switch (which) {
    case LIMIT:
        return take_limit(value, q, why);
    case SINCE:
        q->has_since = true;
        return take_time(STR("since"), value, &q->since_us, why);
    case UNTIL:
        q->has_until = true;
        return take_time(STR("until"), value, &q->until_us, why);
    case ID:
        if (!is_id(value))
            return refuse(why, STR("id"),
                          "must be 1 to 1024 bytes of UTF-8 without control "
                          "characters");
        q->has_id = true;
        q->id_len = value.len;
        memcpy(q->id, value.p, value.len);
        return RC_OK;
    default:
        if (!cursor_unpack(value, q))
            return refuse(why, STR("cursor"),
                          "is not a cursor that this service gave");
        return RC_OK;
    }
}

static void query_reset(struct query *q)
{
    /* the ids' room need not be cleared */
    q->limit = QUERY_LIMIT_DEFAULT;
    q->has_since = q->has_until = q->has_after = q->has_id = q->single = false;
    q->since_us = q->until_us = q->after_us = 0;
    q->id_len = q->after_id_len = 0;
}

static int parse_all(struct str raw, struct query *q, struct buf *scratch,
                     struct query_error *why)
{
    unsigned seen = 0;
    struct str name, value;
    int rc;

    while (http_query_next(&raw, scratch, &name, &value, &rc)) {
        unsigned i = 0;

        while (i < N_PARAMETERS && !str_eq(name, str_from(names[i])))
            i++;
        if (i == N_PARAMETERS)
            return refuse(why, name, "is not a parameter of this path");
        if (seen & 1U << i)
            return refuse(why, name, "may be given once");
        seen |= 1U << i;
        rc = take(q, (enum parameter)i, value, why);
        if (rc)
            return rc;
    }
    if (rc)
        return refuse(why, STR(""), "the query has a bad percent escape");
    if (seen & 1U << CURSOR && seen & (1U << SINCE | 1U << UNTIL | 1U << ID))
        return refuse(why, STR("cursor"),
                      "holds the filters already: give only limit beside it");
    return RC_OK;
}

int query_parse(struct str raw, struct query *out, struct query_error *why)
{
    struct buf scratch;
    int rc;

    query_reset(out);
    if (raw.p == NULL || raw.len == 0)
        return RC_OK;
    buf_init(&scratch, VALUE_MAX);
    rc = parse_all(raw, out, &scratch, why);
    buf_fini(&scratch);
    return rc;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int query_parse_id(struct str segment, struct query *out,
                   struct query_error *why)
{
    size_t n = 0;

    query_reset(out);
    for (size_t i = 0; i < segment.len; i++, n++) {
        char c = segment.p[i];

        if (n == ROW_ID_MAX)
            return refuse(why, STR("id"), "has more than 1024 bytes");
        if (c == '%') {
            int high = i + 2 < segment.len ? hex_value(segment.p[i + 1]) : -1;
            int low = i + 2 < segment.len ? hex_value(segment.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return refuse(why, STR("id"), "has a bad percent escape");
            c = (char)(high * 16 + low);
            i += 2;
        }
        out->id[n] = c;
    }
    out->id_len = n;
    out->has_id = out->single = true;
    out->limit = 1;
    if (!is_id(query_id(out)))
        return refuse(why, STR("id"),
                      "must be 1 to 1024 bytes of UTF-8 without control "
                      "characters");
    return RC_OK;
}

/* --- keys and links --- */

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

void query_put_encoded(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char escape[3] = {'%', hex[c >> 4], hex[c & 15]};

        if (is_unreserved((char)c))
            buf_putc(out, (char)c);
        else
            buf_append(out, escape, 3);
    }
}

bool query_id_fits_path(struct str id)
{
    /* `stream` is a path of its own, dot segments are resolved by clients,
     * and an encoded slash is decoded by many a proxy */
    if (str_eq(id, STR("stream")) || str_eq(id, STR(".")) ||
        str_eq(id, STR("..")))
        return false;
    return memchr(id.p, '/', id.len) == NULL &&
           memchr(id.p, '\\', id.len) == NULL;
}

void query_put_key(const struct query *q, struct buf *out)
{
    buf_printf(out, "%zu", q->limit);
    if (q->single)
        buf_putc(out, 'r');
    if (q->has_since)
        buf_printf(out, " s%" PRId64, q->since_us);
    if (q->has_until)
        buf_printf(out, " u%" PRId64, q->until_us);
    if (q->has_after) {
        buf_printf(out, " a%" PRId64 ":", q->after_us);
        query_put_encoded(out, query_after_id(q));
    }
    if (q->has_id) {
        buf_puts(out, " i");
        query_put_encoded(out, query_id(q));
    }
}

/* The inverse of query_put_encoded, whose output is well-formed. */
static size_t put_decoded(char *out, struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len && n < ROW_ID_MAX; i++) {
        char c = s.p[i];
        if (c == '%' && i + 2 < s.len) {
            c = (char)(hex_value(s.p[i + 1]) * 16 + hex_value(s.p[i + 2]));
            i += 2;
        }
        out[n++] = c;
    }
    return n;
}

int query_from_key(struct str key, struct query *q)
{
    struct str rest = key, word = str_cut(&rest, ' ');
    uint64_t limit;

    query_reset(q);
    if (word.len && word.p[word.len - 1] == 'r') {
        q->single = true;
        word.len--;
    }
    if (!str_to_u64(word, &limit) || limit < 1 || limit > QUERY_LIMIT_MAX)
        return RC_INVALID;
    q->limit = (size_t)limit;
    while (rest.p) {
        struct str value;
        bool ok = true;

        word = str_cut(&rest, ' ');
        if (word.len < 2)
            return RC_INVALID;
        value = str_of(word.p + 1, word.len - 1);
        switch (word.p[0]) {
        case 's':
            q->has_since = ok = str_to_i64(value, &q->since_us);
            break;
        case 'u':
            q->has_until = ok = str_to_i64(value, &q->until_us);
            break;
        case 'a':
            q->has_after = ok = str_to_i64(str_cut(&value, ':'), &q->after_us);
            if (value.p)
                q->after_id_len = put_decoded(q->after_id, value);
            break;
        case 'i':
            q->has_id = true;
            q->id_len = put_decoded(q->id, value);
            break;
        default:
            ok = false;
        }
        if (!ok)
            return RC_INVALID;
    }
    return RC_OK;
}

void query_put_link(const struct query *q, const struct row *last,
                    struct buf *out)
{
    unsigned char raw[CURSOR_MAX + 4];
    char text[(CURSOR_MAX + 4) * 2];
    size_t len = cursor_pack(q, last->timestamp_us, last->id, raw);

    buf_printf(out, "</datos?limit=%zu&cursor=%.*s>; rel=\"next\"", q->limit,
               (int)base64_encode_url(text, raw, len), text);
}

/* --- ranges --- */

struct str query_id(const struct query *q)
{
    return str_of(q->id, q->id_len);
}

struct str query_after_id(const struct query *q)
{
    return str_of(q->after_id, q->after_id_len);
}

bool query_matches(const struct query *q, int64_t timestamp_us, struct str id)
{
    if (q->has_id && !str_eq(id, query_id(q)))
        return false;
    if (q->has_since && timestamp_us < q->since_us)
        return false;
    if (q->has_until && timestamp_us >= q->until_us)
        return false;
    if (!q->has_after || timestamp_us < q->after_us)
        return true;
    return timestamp_us == q->after_us && str_cmp(id, query_after_id(q)) > 0;
}
