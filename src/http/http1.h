/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1.1 request parser (RFC 9110, RFC 9112): bytes in, spans out.
 *
 * A head is found first (http1_scan, resumable, one pass over each byte) and
 * parsed when it is complete (http1_parse_head), so that how the bytes arrived
 * can never change what they mean. Whatever two parsers could read in two
 * ways is refused. Pure; threads: any. */
#ifndef HTTP_HTTP1_H
#define HTTP_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"
#include "http/http.h"

/* All rows of known.def, the framing ones too. */
enum http_known_all {
#define KNOWN(id, name) HTTP_K_##id,
#include "http/known.def"
#undef KNOWN
    HTTP_K_COUNT
};
/* The row of a lower-case name; HTTP_K_COUNT if it has none. */
enum http_known_all http_known_find(const char *name, size_t len);

enum {
    HTTP_MAX_FIELDS = 128
};

/* Bytes of a head, counted from its first byte. */
struct http_span {
    uint32_t at;
    uint32_t len;
};

struct http_field_at {
    struct http_span name; /* lower case */
    struct http_span value;
};

/* What a request's head says; HTTP/2 fills the same. */
struct http_head {
    enum http_method method;
    uint8_t minor; /* HTTP/1.x */
    bool chunked;  /* the body is chunked */
    bool has_length;
    bool keep_alive; /* the client wants it */
    bool expect;     /* 100-continue */
    bool has_query;
    struct http_span method_name;
    struct http_span target;
    struct http_span path; /* len 0: "/" */
    struct http_span query;
    struct http_span authority; /* len 0: the Host field counts */
    uint64_t length;
    unsigned n_fields;
    /* Index of the first field of that name, plus one. */
    uint8_t known[HTTP_K_COUNT];
    /* The caller's, room for n_fields_max. */
    struct http_field_at *fields;
    unsigned n_fields_max;
};

/* Where the search for a head's end stands. All zero at its start. */
struct http1_scan {
    uint32_t at;      /* bytes looked at */
    uint32_t line_at; /* where the current line begins */
    unsigned n_lines; /* complete lines, the blank one not counted */
};

/* Looks for the end of the head in p[0..len), which must begin where it did
 * in the last call. Returns 0 and sets `*head_len` (0: more bytes needed), or
 * a status: 400 for a bare LF or CR, 414/431 over `limit`. */
int http1_scan(struct http1_scan *scan, const char *p, size_t len, size_t limit,
               size_t *head_len, const char **detail);

/* Parses a complete head of p[0..len) in place: names become lower case.
 * Returns 0, or the status to refuse it with and a sentence. */
int http1_parse_head(struct http_head *head, char *p, size_t len,
                     const char **detail);

/* Adds a field to `head`, both protocols. False: too many. */
bool http_head_add(struct http_head *head, const char *base,
                   struct http_span name, struct http_span value);
enum http_method http_method_of(struct str name);
/* Splits head->target into path and query. */
void http_head_split_target(struct http_head *head, const char *base,
                            struct http_span path_and_query);
/* May stand in a field value: no controls but the tab. */
bool http_value_ok(struct str value);
/* A token (RFC 9110 section 5.6.2) in lower case. */
bool http_name_ok(struct str name);
/* Is `token` (lower case) an element of this comma-separated list? */
bool http_list_has(struct str list, struct str token);

/* --- chunked bodies --------------------------------------------------- */

struct http1_chunks {
    uint64_t left;   /* of the current chunk */
    uint32_t n_line; /* bytes of the current size line or of all trailers */
    uint8_t state;
    uint8_t n_digits;
};

/* Takes bytes of a chunked body: returns how many (data or framing), or -1
 * for bad framing (400), -2 for oversized trailers (431). `*data` is the data
 * among them (len 0: framing only); `*end` is set with the last byte of the
 * body. Call again until all is taken. All zero at its start. */
ptrdiff_t http1_chunks_feed(struct http1_chunks *c, const char *p, size_t len,
                            size_t trailer_limit, struct str *data, bool *end);

#endif
