/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and bytes cut, joined, padded and changed. Where both exist, the
 * bytes form counts bytes and the string form characters. */
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/utf8.h"

enum {
    REPEAT_MAX = 1 << 20
};

static bool is_bytes(const struct fn *f)
{
    return fn_kind(f, 0) == FN_BLOB;
}

static size_t count(const struct fn *f, struct str s)
{
    return is_bytes(f) ? s.len : utf8_count(s);
}

static size_t bytes_of(const struct fn *f, struct str s, size_t n)
{
    return is_bytes(f) ? (n < s.len ? n : s.len) : utf8_bytes(s, n);
}

static struct str skip(struct str s, size_t n)
{
    return str_of(s.p + n, s.len - n);
}

void rt_char_length(struct fn *f)
{
    fn_set_int(f, (int64_t)utf8_count(fn_str(f, 0)));
}

void rt_byte_length(struct fn *f)
{
    fn_set_int(f, (int64_t)fn_str(f, 0).len);
}

/* Copies s up to the first byte that is not ASCII, or all with `bytes`, with
 * the letters from `first` on changed; returns how much. */
static size_t change_ascii(struct buf *out, struct str s, char first,
                           bool bytes)
{
    size_t n = 0;

    if (!buf_reserve(out, s.len))
        return s.len; /* out tells */
    for (; n < s.len && (bytes || (unsigned char)s.p[n] < 128); n++) {
        char c = s.p[n];

        out->data[out->len++] =
            c >= first && c < first + 26 ? (char)(c ^ 0x20) : c;
    }
    out->data[out->len] = '\0';
    return n;
}

static void change_case(struct fn *f, char first,
                        void (*put)(struct buf *, uint32_t))
{
    struct str s = fn_str(f, 0);
    bool bytes = is_bytes(f);
    struct buf out;

    fn_buf(&out);
    while (s.len) {
        s = skip(s, change_ascii(&out, s, first, bytes));
        while (s.len && (unsigned char)*s.p >= 128)
            put(&out, utf8_next(&s));
    }
    if (bytes)
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

void rt_upper(struct fn *f)
{
    change_case(f, 'a', utf8_put_upper);
}

void rt_lower(struct fn *f)
{
    change_case(f, 'A', utf8_put_lower);
}

static bool contains_char(struct str set, uint32_t c)
{
    while (set.len) {
        if (utf8_next(&set) == c)
            return true;
    }
    return false;
}

void rt_initcap(struct fn *f)
{
    struct str s = fn_str(f, 0);
    struct str delimiters = fn_count(f) > 1
                                ? fn_str(f, 1)
                                : STR(" \t\n\r\v\f[](){}/|<>!?@\"^#$&~_,.:;"
                                      "*%+-\\'`=");
    bool first = true;
    struct buf out;

    fn_buf(&out);
    while (s.len) {
        uint32_t c = utf8_next(&s);
        utf8_put(&out, first ? utf8_upper(c) : utf8_lower(c));
        first = contains_char(delimiters, c);
    }
    fn_set_buf(f, &out);
}

void rt_concat(struct fn *f)
{
    struct buf out;

    fn_buf(&out);
    for (int i = 0; i < fn_count(f); i++)
        buf_str(&out, fn_str(f, i));
    if (is_bytes(f))
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

/* Position 0 counts as 1; negative ones from the end (String functions). */
void rt_substr(struct fn *f)
{
    struct str s = fn_str(f, 0);
    int64_t n = (int64_t)count(f, s), at = fn_int(f, 1), len;

    if (fn_count(f) > 2 && fn_int(f, 2) < 0) {
        fn_fail(f, "Third argument in SUBSTR() cannot be negative");
        return;
    }
    if (at < 0)
        at = at < -n ? 1 : n + at + 1;
    if (at == 0)
        at = 1;
    if (at > n) {
        fn_set_same(f, 0, STR(""));
        return;
    }
    s = skip(s, bytes_of(f, s, (size_t)at - 1));
    len = fn_count(f) > 2 ? fn_int(f, 2) : n;
    s.len = bytes_of(f, s, (size_t)len);
    fn_set_same(f, 0, s);
}

static void side(struct fn *f, bool left)
{
    struct str s = fn_str(f, 0);
    int64_t n = fn_int(f, 1), all = (int64_t)count(f, s);

    if (n < 0) {
        fn_fail(f, "Second argument in %s() cannot be negative",
                left ? "LEFT" : "RIGHT");
        return;
    }
    if (left)
        s.len = bytes_of(f, s, (size_t)n);
    else if (n < all)
        s = skip(s, bytes_of(f, s, (size_t)(all - n)));
    fn_set_same(f, 0, s);
}

void rt_left(struct fn *f)
{
    side(f, true);
}

void rt_right(struct fn *f)
{
    side(f, false);
}

static bool in_set(const struct fn *f, struct str set, struct str c)
{
    struct str one = c;
    uint32_t ch;

    if (is_bytes(f))
        return set.len && memchr(set.p, c.p[0], set.len);
    ch = utf8_next(&one);
    return fn_count(f) > 1 ? contains_char(set, ch) : utf8_is_space(ch);
}

static size_t last_char(const struct fn *f, struct str s)
{
    size_t at = s.len - 1;

    while (!is_bytes(f) && at > 0 && ((unsigned char)s.p[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static void trim(struct fn *f, bool left, bool right)
{
    struct str s = fn_str(f, 0), set = STR("");

    if (fn_count(f) > 1)
        set = fn_str(f, 1);
    while (left && s.len && in_set(f, set, s))
        s = skip(s, bytes_of(f, s, 1));
    while (right && s.len && in_set(f, set, skip(s, last_char(f, s))))
        s.len = last_char(f, s);
    fn_set_same(f, 0, s);
}

void rt_trim(struct fn *f)
{
    trim(f, true, true);
}

void rt_ltrim(struct fn *f)
{
    trim(f, true, false);
}

void rt_rtrim(struct fn *f)
{
    trim(f, false, true);
}

static void pad(struct fn *f, bool left)
{
    struct str s = fn_str(f, 0), with = STR(" ");
    int64_t n = fn_int(f, 1), have = (int64_t)count(f, s), unit;
    struct buf out;

    if (fn_count(f) > 2)
        with = fn_str(f, 2);
    if (n < 0 || with.len == 0) {
        fn_fail(f,
                n < 0 ? "Second argument (output size) for %s cannot be "
                        "negative"
                      : "Third argument (pad pattern) for %s cannot be "
                        "empty",
                left ? "LPAD" : "RPAD");
        return;
    }
    if (n > REPEAT_MAX) {
        fn_fail(f, "Output of %s exceeds max allowed output size of 1MB",
                left ? "LPAD" : "RPAD");
        return;
    }
    if (n <= have) {
        s.len = bytes_of(f, s, (size_t)n);
        fn_set_same(f, 0, s);
        return;
    }
    unit = (int64_t)count(f, with);
    fn_buf(&out);
    if (!left)
        buf_str(&out, s);
    for (int64_t left_n = n - have; left_n > 0; left_n -= unit)
        buf_append(&out, with.p,
                   left_n >= unit ? with.len
                                  : bytes_of(f, with, (size_t)left_n));
    if (left)
        buf_str(&out, s);
    if (is_bytes(f))
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

void rt_lpad(struct fn *f)
{
    pad(f, true);
}

void rt_rpad(struct fn *f)
{
    pad(f, false);
}

void rt_repeat(struct fn *f)
{
    struct str s = fn_str(f, 0);
    int64_t n = fn_int(f, 1);
    struct buf out;

    if (n < 0) {
        fn_fail(f, "Second argument in REPEAT() cannot be negative");
        return;
    }
    if (s.len && n > (int64_t)(REPEAT_MAX / s.len)) {
        fn_fail(f, "Output of REPEAT exceeds max allowed output size of 1MB");
        return;
    }
    fn_buf(&out);
    for (int64_t i = 0; s.len && i < n; i++)
        buf_str(&out, s);
    if (is_bytes(f))
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

void rt_reverse(struct fn *f)
{
    struct str s = fn_str(f, 0);
    struct buf out;

    fn_buf(&out);
    while (s.len) {
        size_t at = last_char(f, s);
        buf_append(&out, s.p + at, s.len - at);
        s.len = at;
    }
    if (is_bytes(f))
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

static const char *find(struct str s, struct str what)
{
    return what.len == 0 ? s.p
           : s.len       ? memmem(s.p, s.len, what.p, what.len)
                         : NULL;
}

void rt_replace(struct fn *f)
{
    struct str s = fn_str(f, 0), from = fn_str(f, 1), to = fn_str(f, 2);
    const char *hit;
    struct buf out;

    if (from.len == 0) {
        fn_set_arg(f, 0);
        return;
    }
    fn_buf(&out);
    while ((hit = find(s, from))) {
        buf_append(&out, s.p, (size_t)(hit - s.p));
        buf_str(&out, to);
        s = skip(s, (size_t)(hit - s.p) + from.len);
    }
    buf_str(&out, s);
    if (is_bytes(f))
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

void rt_starts_with(struct fn *f)
{
    fn_set_bool(f, str_starts(fn_str(f, 0), fn_str(f, 1)));
}

void rt_ends_with(struct fn *f)
{
    fn_set_bool(f, str_ends(fn_str(f, 0), fn_str(f, 1)));
}

void rt_strpos(struct fn *f)
{
    struct str s = fn_str(f, 0);
    const char *hit = find(s, fn_str(f, 1));

    fn_set_int(f, hit ? (int64_t)count(f, str_of(s.p, (size_t)(hit - s.p))) + 1
                      : 0);
}

/* INSTR(value, sub[, position[, occurrence]]); a negative position searches
 * backwards from there. */
void rt_instr(struct fn *f)
{
    struct str s = fn_str(f, 0), what = fn_str(f, 1);
    int64_t at = fn_count(f) > 2 ? fn_int(f, 2) : 1;
    int64_t nth = fn_count(f) > 3 ? fn_int(f, 3) : 1;
    int64_t n = (int64_t)count(f, s), step = at < 0 ? -1 : 1;

    if (at == 0 || nth <= 0) {
        fn_fail(f, at == 0 ? "Position argument of INSTR cannot be 0"
                           : "Occurrence argument of INSTR must be positive");
        return;
    }
    if (at < 0)
        at = n + at + 1;
    for (; at >= 1 && at <= n; at += step) {
        struct str rest = skip(s, bytes_of(f, s, (size_t)at - 1));
        if (what.len && str_starts(rest, what) && --nth == 0) {
            fn_set_int(f, at);
            return;
        }
    }
    fn_set_int(f, 0);
}

/* One character off the front, or one byte. */
static uint32_t next_unit(const struct fn *f, struct str *s)
{
    uint32_t c;

    if (!is_bytes(f))
        return utf8_next(s);
    c = (unsigned char)*s->p;
    *s = skip(*s, 1);
    return c;
}

static bool check_sources(struct fn *f, struct str from)
{
    while (from.len) {
        struct str one = from, after;
        uint32_t c = next_unit(f, &from);

        for (after = from; after.len;) {
            if (next_unit(f, &after) != c)
                continue;
            if (is_bytes(f))
                fn_fail(f, "Duplicate byte 0x%02x in TRANSLATE source bytes",
                        (unsigned)c);
            else
                fn_fail(f,
                        "Duplicate character \"%.*s\" in TRANSLATE source "
                        "characters",
                        (int)(one.len - from.len), one.p);
            return false;
        }
    }
    return true;
}

/* What is in `from` and has no partner in `to` is left out. */
void rt_translate(struct fn *f)
{
    struct str s = fn_str(f, 0), from = fn_str(f, 1);
    struct buf out;

    if (!check_sources(f, from))
        return;
    fn_buf(&out);
    while (s.len) {
        struct str one = s, search = from, to = fn_str(f, 2), put;
        uint32_t c = next_unit(f, &s);

        put = str_of(one.p, one.len - s.len);
        while (search.len) {
            bool found = next_unit(f, &search) == c;
            struct str target = to;

            if (to.len)
                (void)next_unit(f, &to);
            if (!found)
                continue;
            put = str_of(target.p, target.len - to.len);
            break;
        }
        buf_str(&out, put);
    }
    if (is_bytes(f))
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

void rt_edit_distance(struct fn *f)
{
    struct str a = fn_str(f, 0), b = fn_str(f, 1);
    size_t n = utf8_count(b), i = 0;
    struct buf rows;
    uint32_t *row;

    fn_buf(&rows);
    if (a.len > 20000 || !buf_reserve(&rows, (n + 1) * sizeof(*row))) {
        buf_fini(&rows);
        fn_fail(f, "EDIT_DISTANCE: the arguments are too long");
        return;
    }
    row = (uint32_t *)(void *)rows.data;
    for (size_t j = 0; j <= n; j++)
        row[j] = (uint32_t)j;
    while (a.len) {
        uint32_t c = utf8_next(&a), diagonal = row[0];
        struct str rest = b;
        row[0] = (uint32_t)++i;
        for (size_t j = 1; j <= n; j++) {
            uint32_t best = diagonal + (utf8_next(&rest) != c);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    fn_set_int(f, row[n]);
    buf_fini(&rows);
}

/* Letters with one sound have one digit; H and W do not part two of them. */
void rt_soundex(struct fn *f)
{
    static const char digits[] = "01230120022455012623010202";
    struct str s = fn_str(f, 0);
    char out[5] = "", last = 0;
    size_t n = 0;

    for (size_t i = 0; i < s.len && n < 4; i++) {
        char c = (char)(s.p[i] & ~0x20), digit;
        if (c < 'A' || c > 'Z' || (unsigned char)s.p[i] >= 0x80)
            continue;
        digit = digits[c - 'A'];
        if (n == 0)
            out[n++] = c;
        else if (digit != '0' && digit != last)
            out[n++] = digit;
        if (c != 'H' && c != 'W')
            last = digit;
    }
    while (n && n < 4)
        out[n++] = '0';
    fn_set_str(f, str_of(out, n));
}
