/* SPDX-License-Identifier: Apache-2.0 */
/* A strict scanner of JSON texts (RFC 8259): the caller pulls tokens out of
 * bytes that it keeps.
 *
 * Refused are: bytes that are not UTF-8 (overlong forms, surrogates, beyond
 * U+10FFFF), a byte order mark, lone surrogate escapes, a key given twice in
 * one object (compared decoded), nesting beyond JSON_MAX_DEPTH, anything
 * behind the text. U+0000 is well-formed JSON: it is told, not refused.
 *
 * Why not jansson, which the rest of the program uses: it refuses big numbers
 * and rounds long ones (NUMERIC and INT64 must keep every digit), cannot tell
 * U+0000 from malformed text, and costs 1.9 us for a message that this
 * scans in a tenth of that, without an allocation (only texts whose open
 * objects hold more than JSON_INLINE_KEYS keys cost one).
 * Pure; threads: one a scanner. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/rc.h"
#include "common/str.h"

struct buf;

enum {
    JSON_MAX_DEPTH = 64,
    JSON_INLINE_KEYS = 32
};

enum json_kind {
    JSON_T_ERROR, /* malformed: see json_scan.error; stays so */
    JSON_T_DONE,  /* the one text is over and nothing stands behind it */
    JSON_T_OBJECT,
    JSON_T_OBJECT_END,
    JSON_T_ARRAY,
    JSON_T_ARRAY_END,
    JSON_T_KEY, /* the colon is consumed */
    JSON_T_STRING,
    JSON_T_NUMBER,
    JSON_T_TRUE,
    JSON_T_FALSE,
    JSON_T_NULL
};

struct json_token {
    enum json_kind kind;
    bool escaped;    /* `text` holds escapes: json_decode gives the value */
    bool has_nul;    /* the value holds U+0000 */
    struct str text; /* strings without their quotes, as written */
};

struct json_key {
    const char *p;
    size_t len; /* top bit: escaped */
};

struct json_scan {
    const char *start, *p, *end;
    const char *error; /* a constant: "... at byte" may follow */
    bool no_memory;    /* the error is ours, not the text's */
    bool same_keys;    /* may be set after init: a key may come twice */
    /* private */
    int state;
    unsigned depth;
    uint64_t objects; /* bit d: level d is an object */
    struct json_key *keys;
    size_t n_keys, cap_keys;
    size_t bases[JSON_MAX_DEPTH]; /* first key of each open object */
    struct json_key inline_keys[JSON_INLINE_KEYS];
};

/* Borrows `text` until fini. */
void json_scan_init(struct json_scan *s, struct str text);
void json_scan_fini(struct json_scan *s);

enum json_kind json_scan_next(struct json_scan *s, struct json_token *t);

/* After a token that begins a value: moves behind that value and sets
 * `*value` to its bytes as written (strings with their quotes). False if what
 * is skipped is malformed. */
bool json_scan_skip(struct json_scan *s, const struct json_token *t,
                    struct str *value);

/* RC_OK if `text` is one well-formed JSON text; RC_MALFORMED with `*why` and
 * `*at` (the byte's index), or RC_NOMEM. */
RC_MUST_USE int json_check(struct str text, const char **why, size_t *at);

/* The same, but an object may hold a key twice. */
RC_MUST_USE int json_check_same_keys(struct str text, const char **why,
                                     size_t *at);

/* --- strings as a scanner gave them (so: well-formed) ------------------- */

/* The value of an escaped text; `out` holds `text.len` and may be its own
 * bytes. Returns its length. */
size_t json_decode(char *out, struct str text);
bool json_text_eq(const struct json_token *t, struct str value);
/* Bytewise order of the values of two texts, escaped or not. */
int json_text_cmp(struct str a, struct str b);
/* Appends the value as a JSON string with its quotes, escaped no more than
 * RFC 8259 demands. */
void json_put_text(struct buf *out, const struct json_token *t);

/* Appends one well-formed value without blanks and with strings escaped no
 * more than needed; numbers as written, keys in their order. */
void json_put_compact(struct buf *out, struct str value);

/* Is it well-formed UTF-8? (U+0000 is.) */
bool json_is_utf8(struct str s);
/* The longest prefix of at most `max` bytes that cuts no character. */
struct str json_cut_utf8(struct str s, size_t max);

#endif
