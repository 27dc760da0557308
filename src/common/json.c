/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner: one state, one bit a level, the keys of the open objects. See
 * the header for what it refuses and why it exists. */
#include "common/json.h"

#include "common/mem.h"

enum state {
    AT_VALUE,       /* a value must come */
    AT_FIRST_VALUE, /* a value or ] */
    AT_FIRST_KEY,   /* a key or } */
    AT_NEXT,        /* a comma or the end of the level */
    AT_END,         /* depth 0, the text is over */
    AT_ERROR
};

enum {
    /* Up to here each new key is compared with those before it; beyond, the
     * keys are sorted once at the object's end, so that a hostile object of
     * many keys costs n log n. */
    COMPARE_KEYS = 12
};

#define ESCAPED_BIT ((size_t)1 << (sizeof(size_t) * 8 - 1))
#define ONES        UINT64_C(0x0101010101010101)
#define HIGHS       UINT64_C(0x8080808080808080)

void json_scan_init(struct json_scan *s, struct str text)
{
    /* field by field: the arrays need no clearing, and this is a hot path */
    s->start = s->p = text.p ? text.p : "";
    s->end = s->p + text.len;
    s->error = NULL;
    s->no_memory = false;
    s->same_keys = false;
    s->state = AT_VALUE;
    s->depth = 0;
    s->objects = 0;
    s->keys = s->inline_keys;
    s->n_keys = 0;
    s->cap_keys = JSON_INLINE_KEYS;
}

void json_scan_fini(struct json_scan *s)
{
    if (s->keys != s->inline_keys)
        mem_free(s->keys);
    s->keys = s->inline_keys;
    s->state = AT_ERROR;
}

static enum json_kind fail(struct json_scan *s, struct json_token *t,
                           const char *error)
{
    if (s->state != AT_ERROR)
        s->error = error;
    s->state = AT_ERROR;
    return t->kind = JSON_T_ERROR;
}

static inline void skip_blanks(struct json_scan *s)
{
    while (s->p < s->end &&
           (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

/* --- strings ------------------------------------------------------------ */

/* Bytes of the well-formed UTF-8 sequence at `p` (which is no ASCII), or 0:
 * the table of RFC 3629 section 4. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    unsigned char c = p[0], low = 0x80, high = 0xbf;
    size_t n;

    if (c >= 0xc2 && c <= 0xdf) {
        n = 2;
    } else if (c >= 0xe0 && c <= 0xef) {
        n = 3;
        low = c == 0xe0 ? 0xa0 : 0x80;
        high = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        n = 4;
        low = c == 0xf0 ? 0x90 : 0x80;
        high = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    }
    return n;
}

/* First byte that a string cannot simply take: a quote, a backslash, a
 * control character, or one that begins a longer UTF-8 sequence. */
static inline const char *plain_run(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t w, quote, slash, hit;
        memcpy(&w, p, 8);
        quote = w ^ (ONES * '"');
        slash = w ^ (ONES * '\\');
        hit = ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) |
              ((w - ONES * 0x20) & ~w) | w;
        if (hit & HIGHS)
            break;
        p += 8;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 &&
           *p != '"' && *p != '\\')
        p++;
    return p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits at `p`, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* At a backslash: moves behind the escape; an error's sentence or NULL. */
static const char *skip_escape(struct json_scan *s, struct json_token *t)
{
    int32_t unit, low;

    if (s->end - s->p < 2)
        return "a string does not end";
    t->escaped = true;
    if (s->p[1] != 'u') {
        if (!memchr("\"\\/bfnrt", s->p[1], 8))
            return "an unknown escape stands in a string";
        s->p += 2;
        return NULL;
    }
    unit = hex4(s->p + 2, s->end);
    if (unit < 0)
        return "a \\u escape has not four hex digits";
    if (unit == 0)
        t->has_nul = true;
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return "a lone surrogate is escaped";
    s->p += 6;
    if (unit < 0xd800 || unit > 0xdbff)
        return NULL;
    if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' ||
        (low = hex4(s->p + 2, s->end)) < 0xdc00 || low > 0xdfff)
        return "a lone surrogate is escaped";
    s->p += 6;
    return NULL;
}

/* At the opening quote. */
static bool scan_string(struct json_scan *s, struct json_token *t)
{
    const char *from = ++s->p, *why;

    t->escaped = t->has_nul = false;
    for (;;) {
        size_t n;
        s->p = plain_run(s->p, s->end);
        if (s->p == s->end) {
            fail(s, t, "a string does not end");
            return false;
        }
        if (*s->p == '"') {
            t->text = str_of(from, (size_t)(s->p++ - from));
            return true;
        }
        if (*s->p == '\\') {
            if ((why = skip_escape(s, t)) != NULL) {
                fail(s, t, why);
                return false;
            }
            continue;
        }
        if ((unsigned char)*s->p < 0x20) {
            fail(s, t, "a control character stands unescaped in a string");
            return false;
        }
        n = utf8_sequence((const unsigned char *)s->p, (size_t)(s->end - s->p));
        if (n == 0) {
            fail(s, t, "a string is not UTF-8");
            return false;
        }
        s->p += n;
    }
}

/* --- keys --------------------------------------------------------------- */

static struct str key_text(const struct json_key *k)
{
    return str_of(k->p, k->len & ~ESCAPED_BIT);
}

static int key_cmp(const struct json_key *a, const struct json_key *b)
{
    if ((a->len | b->len) & ESCAPED_BIT)
        return json_text_cmp(key_text(a), key_text(b));
    return str_cmp(key_text(a), key_text(b));
}

static bool key_eq(const struct json_key *a, const struct json_key *b)
{
    if ((a->len | b->len) & ESCAPED_BIT)
        return key_cmp(a, b) == 0;
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static void sift_down(struct json_key *k, size_t at, size_t n)
{
    struct json_key moved = k[at];

    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && key_cmp(&k[child], &k[child + 1]) < 0)
            child++;
        if (key_cmp(&moved, &k[child]) >= 0)
            break;
        k[at] = k[child];
    }
    k[at] = moved;
}

/* Heap sort: no allocation, no bad case that a sender could choose. */
static bool has_duplicate(struct json_key *k, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(k, i, n);
    for (size_t last = n - 1; last > 0; last--) {
        struct json_key greatest = k[0];
        k[0] = k[last];
        k[last] = greatest;
        sift_down(k, 0, last);
        if (key_eq(&k[0], &k[last]))
            return true;
    }
    return false;
}

static bool grow_keys(struct json_scan *s)
{
    size_t cap = s->cap_keys * 2;
    bool is_inline = s->keys == s->inline_keys;
    struct json_key *keys =
        mem_try_realloc(is_inline ? NULL : s->keys, cap * sizeof(*keys));

    if (!keys)
        return false;
    if (is_inline)
        memcpy(keys, s->inline_keys, sizeof(s->inline_keys));
    s->keys = keys;
    s->cap_keys = cap;
    return true;
}

/* Remembers the key; an error's sentence or NULL. */
static const char *admit_key(struct json_scan *s, const struct json_token *t)
{
    struct json_key key = {t->text.p, t->text.len};
    size_t base = s->bases[s->depth - 1];

    if (s->same_keys)
        return NULL;
    if (t->escaped)
        key.len |= ESCAPED_BIT;
    if (s->n_keys - base < COMPARE_KEYS) {
        for (size_t i = base; i < s->n_keys; i++) {
            if (key_eq(&s->keys[i], &key))
                return "an object holds the same key twice";
        }
    }
    if (s->n_keys == s->cap_keys && !grow_keys(s)) {
        s->no_memory = true;
        return "memory is gone";
    }
    s->keys[s->n_keys++] = key;
    return NULL;
}

static enum json_kind scan_key(struct json_scan *s, struct json_token *t)
{
    const char *why;

    if (s->p == s->end || *s->p != '"')
        return fail(s, t, "a key in quotes is missing");
    if (!scan_string(s, t))
        return JSON_T_ERROR;
    if ((why = admit_key(s, t)) != NULL)
        return fail(s, t, why);
    skip_blanks(s);
    if (s->p == s->end || *s->p != ':')
        return fail(s, t, "a key has no colon behind it");
    s->p++;
    s->state = AT_VALUE;
    return t->kind = JSON_T_KEY;
}

/* --- values ------------------------------------------------------------- */

static bool is_digit(const struct json_scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static enum json_kind scan_number(struct json_scan *s, struct json_token *t)
{
    const char *from = s->p;

    t->escaped = t->has_nul = false;
    if (*s->p == '-')
        s->p++;
    if (!is_digit(s))
        return fail(s, t, "a number has no digits");
    if (*s->p == '0') {
        s->p++;
        if (is_digit(s))
            return fail(s, t, "a number begins with 0");
    }
    while (is_digit(s))
        s->p++;
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!is_digit(s))
            return fail(s, t, "a number has no digits behind its point");
        while (is_digit(s))
            s->p++;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (!is_digit(s))
            return fail(s, t, "a number has no digits in its exponent");
        while (is_digit(s))
            s->p++;
    }
    t->text = str_of(from, (size_t)(s->p - from));
    s->state = AT_NEXT;
    return t->kind = JSON_T_NUMBER;
}

static enum json_kind scan_word(struct json_scan *s, struct json_token *t,
                                struct str word, enum json_kind kind)
{
    if (!str_starts(str_of(s->p, (size_t)(s->end - s->p)), word))
        return fail(s, t, "a value is missing or unknown");
    t->escaped = t->has_nul = false;
    t->text = str_of(s->p, word.len);
    s->p += word.len;
    s->state = AT_NEXT;
    return t->kind = kind;
}

static enum json_kind open_level(struct json_scan *s, struct json_token *t,
                                 bool is_object)
{
    if (s->depth == JSON_MAX_DEPTH)
        return fail(s, t, "it is nested too deeply (more than 64 levels)");
    if (is_object)
        s->objects |= UINT64_C(1) << s->depth;
    else
        s->objects &= ~(UINT64_C(1) << s->depth);
    s->bases[s->depth++] = s->n_keys;
    t->escaped = t->has_nul = false;
    t->text = str_of(s->p++, 1);
    s->state = is_object ? AT_FIRST_KEY : AT_FIRST_VALUE;
    return t->kind = is_object ? JSON_T_OBJECT : JSON_T_ARRAY;
}

static bool in_object(const struct json_scan *s)
{
    return s->objects >> (s->depth - 1) & 1;
}

static enum json_kind close_level(struct json_scan *s, struct json_token *t)
{
    bool is_object = in_object(s);
    size_t base = s->bases[s->depth - 1];

    if (s->n_keys - base > COMPARE_KEYS &&
        has_duplicate(s->keys + base, s->n_keys - base))
        return fail(s, t, "an object holds the same key twice");
    s->n_keys = base;
    s->depth--;
    t->text = str_of(s->p++, 1);
    s->state = AT_NEXT;
    return t->kind = is_object ? JSON_T_OBJECT_END : JSON_T_ARRAY_END;
}

static enum json_kind scan_value(struct json_scan *s, struct json_token *t)
{
    if (s->p == s->end)
        return fail(s, t, s->depth ? "the text ends too early" : "it is empty");
    switch (*s->p) {
    case '"':
        if (!scan_string(s, t))
            return JSON_T_ERROR;
        s->state = AT_NEXT;
        return t->kind = JSON_T_STRING;
    case '{':
        return open_level(s, t, true);
    case '[':
        return open_level(s, t, false);
    case 't':
        return scan_word(s, t, STR("true"), JSON_T_TRUE);
    case 'f':
        return scan_word(s, t, STR("false"), JSON_T_FALSE);
    case 'n':
        return scan_word(s, t, STR("null"), JSON_T_NULL);
    case '\xef':
        if (s->p == s->start)
            return fail(s, t, "it begins with a byte order mark");
        return fail(s, t, "a value is missing or unknown");
    default:
        if (*s->p == '-' || is_digit(s))
            return scan_number(s, t);
        return fail(s, t, "a value is missing or unknown");
    }
}

/* Behind a value. */
static enum json_kind scan_next(struct json_scan *s, struct json_token *t)
{
    char c;

    if (s->depth == 0) {
        s->state = AT_END;
        if (s->p < s->end)
            return fail(s, t, "something stands behind the value");
        return t->kind = JSON_T_DONE;
    }
    if (s->p == s->end)
        return fail(s, t, "the text ends too early");
    c = *s->p;
    if (c == (in_object(s) ? '}' : ']'))
        return close_level(s, t);
    if (c != ',')
        return fail(s, t,
                    in_object(s) ? "a comma or } is missing"
                                 : "a comma or ] is missing");
    s->p++;
    skip_blanks(s);
    return in_object(s) ? scan_key(s, t) : scan_value(s, t);
}

enum json_kind json_scan_next(struct json_scan *s, struct json_token *t)
{
    if (s->state == AT_ERROR)
        return t->kind = JSON_T_ERROR;
    skip_blanks(s);
    switch (s->state) {
    case AT_FIRST_KEY:
        if (s->p < s->end && *s->p == '}')
            return close_level(s, t);
        return scan_key(s, t);
    case AT_FIRST_VALUE:
        if (s->p < s->end && *s->p == ']')
            return close_level(s, t);
        return scan_value(s, t);
    case AT_VALUE:
        return scan_value(s, t);
    case AT_NEXT:
        return scan_next(s, t);
    default:
        return t->kind = JSON_T_DONE;
    }
}

bool json_scan_skip(struct json_scan *s, const struct json_token *t,
                    struct str *value)
{
    const char *from = t->text.p - (t->kind == JSON_T_STRING);
    struct json_token inner;

    if (t->kind == JSON_T_OBJECT || t->kind == JSON_T_ARRAY) {
        unsigned outside = s->depth - 1;
        while (s->depth > outside) {
            if (json_scan_next(s, &inner) == JSON_T_ERROR)
                return false;
        }
    }
    *value = str_of(from, (size_t)(s->p - from));
    return true;
}

static int check(struct str text, bool same_keys, const char **why, size_t *at)
{
    struct json_scan s;
    struct json_token t;
    int rc = RC_OK;

    json_scan_init(&s, text);
    s.same_keys = same_keys;
    do {
        json_scan_next(&s, &t);
    } while (t.kind != JSON_T_ERROR && t.kind != JSON_T_DONE);
    if (t.kind == JSON_T_ERROR) {
        rc = s.no_memory ? RC_NOMEM : RC_MALFORMED;
        if (why)
            *why = s.error;
        if (at)
            *at = (size_t)(s.p - s.start);
    }
    json_scan_fini(&s);
    return rc;
}

int json_check(struct str text, const char **why, size_t *at)
{
    return check(text, false, why, at);
}

int json_check_same_keys(struct str text, const char **why, size_t *at)
{
    return check(text, true, why, at);
}

bool json_is_utf8(struct str s)
{
    const char *p = s.p, *end = s.p + s.len;

    while (p < end) {
        uint64_t w;
        size_t n;
        if (end - p >= 8 && (memcpy(&w, p, 8), (w & HIGHS) == 0)) {
            p += 8;
            continue;
        }
        if ((unsigned char)*p < 0x80) {
            p++;
            continue;
        }
        n = utf8_sequence((const unsigned char *)p, (size_t)(end - p));
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}
