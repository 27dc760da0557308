/* SPDX-License-Identifier: Apache-2.0 */
/* Duktape behind the door of transform_js.h. Whatever can throw runs under
 * duk_safe_call; buffers are the caller's, so nothing leaks then.
 *
 * Strings: Pub/Sub's are UTF-8, the engine's are CESU-8 (a character beyond
 * U+FFFF is two surrogates of three bytes each), so that length and charAt
 * count as JavaScript says. */
#include "emulator/pubsub/transform_js.h"

#include <duktape.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/pubsub/message.h"
#include "emulator/pubsub/transform_prelude.h"
#include "grpc/wire.h"

struct js {
    duk_context *ctx;
    size_t used;
    bool is_full; /* the limit was met */
    struct buf scratch;
    struct str name, code; /* while it is made */
};

/* --- the heap ------------------------------------------------------------- */

/* In front of each block, so that what it gives back is known. */
union head {
    size_t size;
    max_align_t align;
};

static void *heap_realloc(void *user, void *p, duk_size_t size)
{
    struct js *js = user;
    union head *old = p ? (union head *)p - 1 : NULL, *fresh;
    size_t before = old ? old->size : 0;

    if (size == 0) {
        js->used -= before;
        mem_free(old);
        return NULL;
    }
    if (size > JS_HEAP_MAX || js->used - before + size > JS_HEAP_MAX) {
        js->is_full = true;
        return NULL;
    }
    fresh = mem_try_realloc(old, size + sizeof(*fresh));
    if (!fresh)
        return NULL;
    fresh->size = size;
    js->used += size - before;
    return fresh + 1;
}

static void *heap_alloc(void *user, duk_size_t size)
{
    return heap_realloc(user, NULL, size);
}

static void heap_free(void *user, void *p)
{
    (void)heap_realloc(user, p, 0);
}

/* Only when the engine itself is at its wits' end; the process ends, which
 * whoever started it takes for this function's failure. */
static void on_fatal(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "datos-emulator: the JavaScript engine gave up: %s\n",
            text ? text : "");
    _Exit(70);
}

/* --- strings -------------------------------------------------------------- */

static void put_unit(struct buf *out, unsigned unit)
{
    buf_putc(out, (char)(0xe0 | unit >> 12));
    buf_putc(out, (char)(0x80 | (unit >> 6 & 0x3f)));
    buf_putc(out, (char)(0x80 | (unit & 0x3f)));
}

/* Pushes valid UTF-8. */
static void push_utf8(struct js *js, struct str s)
{
    size_t from = 0, i = 0;

    buf_reset(&js->scratch);
    while (i < s.len) {
        const uint8_t *p = (const uint8_t *)s.p + i;
        unsigned c;

        if (*p < 0xf0) {
            i++;
            continue;
        }
        buf_append(&js->scratch, s.p + from, i - from);
        c = (unsigned)((p[0] & 7) << 18 | (p[1] & 0x3f) << 12 |
                       (p[2] & 0x3f) << 6 | (p[3] & 0x3f)) -
            0x10000;
        put_unit(&js->scratch, 0xd800 | c >> 10);
        put_unit(&js->scratch, 0xdc00 | (c & 0x3ff));
        from = i += 4;
    }
    if (from == 0) {
        duk_push_lstring(js->ctx, s.p, s.len);
        return;
    }
    buf_append(&js->scratch, s.p + from, s.len - from);
    if (js->scratch.failed)
        duk_error(js->ctx, DUK_ERR_RANGE_ERROR, "the message is too large");
    duk_push_lstring(js->ctx, js->scratch.data, js->scratch.len);
}

/* A surrogate's code unit at `p`, or 0. */
static unsigned surrogate_at(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 3 || p[0] != 0xed || p[1] < 0xa0)
        return 0;
    return 0xd000U | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
}

/* The engine's string as UTF-8, appended. */
static bool put_utf8(struct buf *out, const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s, *end = p + len, *from = p;
    size_t start = out->len;

    while (p < end) {
        unsigned high = surrogate_at(p, end), low;
        uint32_t c;

        if (!high) {
            p++;
            continue;
        }
        low = surrogate_at(p + 3, end);
        if (high >= 0xdc00 || low < 0xdc00)
            return false; /* half a character */
        buf_append(out, from, (size_t)(p - from));
        c = 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
        buf_putc(out, (char)(0xf0 | c >> 18));
        buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
        from = p += 6;
    }
    buf_append(out, from, (size_t)(p - from));
    return json_is_utf8(
        str_of(out->data ? out->data + start : "", out->len - start));
}

/* --- made ----------------------------------------------------------------- */

/* Ways out of the script, and what is Duktape's own. */
static void remove_extras(duk_context *ctx)
{
    static const char *const names[] = {"Duktape", "CBOR", "Buffer",
                                        "performance", NULL};

    duk_push_global_object(ctx);
    for (size_t i = 0; names[i]; i++)
        duk_del_prop_string(ctx, -1, names[i]);
    duk_pop(ctx);
}

static duk_ret_t prepare(duk_context *ctx, void *arg)
{
    const struct js *js = arg;

    remove_extras(ctx);
    duk_eval_string_noresult(ctx, transform_prelude);
    /* the file's name in texts; only their first line is shown */
    duk_push_string(ctx, "code");
    duk_compile_lstring_filename(ctx, 0, js->code.p, js->code.len);
    return 1;
}

static duk_ret_t define(duk_context *ctx, void *arg)
{
    struct js *js = arg;

    duk_call(ctx, 0);
    duk_pop(ctx);
    if (!duk_get_global_lstring(ctx, js->name.p, js->name.len) ||
        !duk_is_callable(ctx, -1))
        duk_error(ctx, DUK_ERR_REFERENCE_ERROR, "the code has no function %s",
                  js->name.p);
    return 1;
}

/* The thrown value's text, on one line; pops it. */
static void take_error(struct js *js, struct buf *out)
{
    duk_size_t len;
    const char *text;

    text = duk_safe_to_lstring(js->ctx, -1, &len);
    if (js->is_full && strstr(text, "alloc failed")) {
        buf_printf(out, "the function needs more than %d MB of memory",
                   JS_HEAP_MAX >> 20);
        len = 0;
    }
    if (len > 500)
        len = 500;
    for (size_t i = 0; i < len; i++)
        buf_putc(out, (unsigned char)text[i] < ' ' ? ' ' : text[i]);
    duk_pop(js->ctx);
}

static int fail(struct js *js, int rc, struct err *err)
{
    struct buf text;

    buf_init(&text, 4096);
    take_error(js, &text);
    err_set(err, rc, "%.*s", STR_ARG(buf_as_str(&text)));
    buf_fini(&text);
    js_free(js);
    return rc;
}

int js_new(struct str name, struct str code, struct js **out, struct err *err)
{
    struct js *js = MEM_NEW(struct js);
    char *text = mem_strndup(name.p, name.len);
    int rc = RC_OK;

    js->code = code;
    js->name = str_from(text);
    buf_init(&js->scratch, SIZE_MAX / 4);
    js->ctx =
        duk_create_heap(heap_alloc, heap_realloc, heap_free, js, on_fatal);
    if (!js->ctx)
        rc = err_set(err, RC_NOMEM, "no memory for the JavaScript engine");
    else if (duk_safe_call(js->ctx, prepare, js, 0, 1))
        rc = fail(js, RC_MALFORMED, err);
    else if (duk_safe_call(js->ctx, define, js, 1, 1))
        rc = fail(js, RC_INVALID, err);
    mem_free(text);
    if (rc == RC_NOMEM)
        js_free(js);
    if (rc == RC_OK)
        *out = js;
    return rc;
}

void js_free(struct js *js)
{
    if (!js)
        return;
    if (js->ctx)
        duk_destroy_heap(js->ctx);
    buf_fini(&js->scratch);
    mem_free(js);
}

/* --- a message ------------------------------------------------------------ */

struct run {
    struct js *js;
    struct str message;
    uint64_t id;
    int64_t publish_us;
    struct buf data, attributes; /* of the result */
    bool dropped;
};

/* Properties of its own, also one that is called __proto__. */
static void define_string(struct js *js, duk_idx_t object, struct str key,
                          struct str value)
{
    push_utf8(js, key);
    push_utf8(js, value);
    duk_def_prop(js->ctx, object,
                 DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC |
                     DUK_DEFPROP_FORCE);
}

static void push_message(struct run *r)
{
    duk_context *ctx = r->js->ctx;
    struct str data = message_data(r->message);
    struct wire w = wire_of(r->message);
    struct attribute a;
    duk_idx_t object = duk_push_object(ctx), attributes;

    if (!data.p)
        data = STR("");
    if (!json_is_utf8(data))
        duk_error(ctx, DUK_ERR_TYPE_ERROR,
                  "the message's data is not valid UTF-8, which a "
                  "JavaScript transform needs");
    define_string(r->js, object, STR("data"), data);
    attributes = duk_push_object(ctx);
    while (message_next_attribute(&w, &a))
        if (json_is_utf8(a.key) && json_is_utf8(a.value))
            define_string(r->js, attributes, a.key, a.value);
    duk_put_prop_string(ctx, object, "attributes");
}

static void push_metadata(struct run *r)
{
    duk_idx_t object = duk_push_object(r->js->ctx);
    struct str key = message_ordering_key(r->message);
    char text[TIMEFMT_MAX];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)r->id);
    define_string(r->js, object, STR("message_id"), str_from(text));
    /* "YYYY-MM-DDTHH:MM:SSZ", as the API's comments say */
    timefmt_format_z(text, r->publish_us - r->publish_us % 1000000);
    define_string(r->js, object, STR("publish_time"), str_from(text));
    if (key.len && json_is_utf8(key)) /* a damaged state's may not be */
        define_string(r->js, object, STR("ordering_key"), key);
}

static void take_string(struct run *r, struct buf *out, const char *what)
{
    duk_size_t len;
    const char *s;

    if (!duk_is_string(r->js->ctx, -1) || duk_is_symbol(r->js->ctx, -1))
        duk_error(r->js->ctx, DUK_ERR_TYPE_ERROR,
                  "the result's %s must be a string, and is %s", what,
                  duk_is_undefined(r->js->ctx, -1) ? "undefined"
                  : duk_is_null(r->js->ctx, -1)    ? "null"
                  : duk_is_object(r->js->ctx, -1)  ? "an object"
                                                   : "something else");
    s = duk_get_lstring(r->js->ctx, -1, &len);
    if (!put_utf8(out, s, len))
        duk_error(r->js->ctx, DUK_ERR_TYPE_ERROR,
                  "the result's %s is not valid Unicode: half of a surrogate "
                  "pair",
                  what);
}

static void take_attributes(struct run *r)
{
    duk_context *ctx = r->js->ctx;
    struct buf *key = &r->js->scratch;

    if (!duk_is_object(ctx, -1) || duk_is_array(ctx, -1) ||
        duk_is_function(ctx, -1))
        duk_error(ctx, DUK_ERR_TYPE_ERROR,
                  "the result's attributes must be an object of strings");
    duk_enum(ctx, -1, DUK_ENUM_OWN_PROPERTIES_ONLY);
    while (duk_next(ctx, -1, 1)) {
        size_t at = r->data.len, key_len;

        take_string(r, &r->data, "attributes' values");
        duk_pop(ctx);
        buf_reset(key);
        take_string(r, key, "attributes' keys");
        duk_pop(ctx);
        key_len = key->len;
        message_put_attribute(&r->attributes,
                              str_of(key_len ? key->data : "", key_len),
                              str_of(r->data.len > at ? r->data.data + at : "",
                                     r->data.len - at));
        r->data.len = at;
    }
    duk_pop(ctx);
}

static void take_result(struct run *r)
{
    duk_context *ctx = r->js->ctx;

    if (duk_is_null(ctx, -1)) {
        r->dropped = true;
        return;
    }
    if (!duk_is_object(ctx, -1) || duk_is_array(ctx, -1) ||
        duk_is_function(ctx, -1))
        duk_error(ctx, DUK_ERR_TYPE_ERROR,
                  "the function must return the message, or null to filter "
                  "it, and returned %s",
                  duk_is_undefined(ctx, -1)  ? "undefined"
                  : duk_is_string(ctx, -1)   ? "a string"
                  : duk_is_array(ctx, -1)    ? "an array"
                  : duk_is_boolean(ctx, -1)  ? "a boolean"
                  : duk_is_function(ctx, -1) ? "a function"
                                             : "a number");
    duk_get_prop_string(ctx, -1, "data");
    take_string(r, &r->data, "data");
    duk_pop(ctx);
    duk_get_prop_string(ctx, -1, "attributes");
    if (!duk_is_null_or_undefined(ctx, -1))
        take_attributes(r);
    duk_pop(ctx);
    if (r->data.failed || r->attributes.failed || r->js->scratch.failed ||
        r->data.len + r->attributes.len > JS_RESULT_MAX)
        duk_error(ctx, DUK_ERR_RANGE_ERROR, "the result has more than %d bytes",
                  JS_RESULT_MAX);
}

static duk_ret_t call(duk_context *ctx, void *arg)
{
    struct run *r = arg;

    duk_dup(ctx, 0); /* the function stays at the bottom */
    push_message(r);
    push_metadata(r);
    duk_call(ctx, 2);
    take_result(r);
    return 0;
}

static void put_result(const struct run *r, struct buf *out)
{
    struct str key = message_ordering_key(r->message);

    if (r->data.len)
        wire_put_bytes(out, MESSAGE_DATA, buf_as_str(&r->data));
    buf_str(out, buf_as_str(&r->attributes));
    if (key.len)
        wire_put_bytes(out, MESSAGE_ORDERING_KEY, key);
}

enum js_outcome js_run(struct js *js, struct str message, uint64_t id,
                       int64_t publish_us, struct buf *out)
{
    struct run r = {
        .js = js, .message = message, .id = id, .publish_us = publish_us};
    enum js_outcome outcome = JS_KEPT;

    buf_init(&r.data, 2 * JS_RESULT_MAX);
    buf_init(&r.attributes, 2 * JS_RESULT_MAX);
    js->is_full = false;
    if (duk_safe_call(js->ctx, call, &r, 0, 1)) {
        take_error(js, out);
        outcome = JS_FAILED;
    } else {
        duk_pop(js->ctx);
        if (r.dropped)
            outcome = JS_DROPPED;
        else
            put_result(&r, out);
    }
    buf_fini(&r.data);
    buf_fini(&r.attributes);
    return outcome;
}
