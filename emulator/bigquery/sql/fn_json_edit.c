/* SPDX-License-Identifier: Apache-2.0 */
/* JSON_SET, JSON_REMOVE, JSON_ARRAY_APPEND, JSON_ARRAY_INSERT and
 * JSON_STRIP_NULLS. Arguments: the JSON, the options, then the paths, each with
 * its value's type and value. */
#include "common/json.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/json_edit.h"
#include "emulator/bigquery/sql/json_norm.h"
#include "emulator/bigquery/sql/show.h"

/* The JSON as it is after the edits so far, in one of two buffers. */
struct editing {
    struct fn *f;
    struct buf now, next;
};

static void editing_init(struct editing *e, struct fn *f)
{
    e->f = f;
    fn_buf(&e->now);
    fn_buf(&e->next);
    buf_str(&e->now, json_trim(fn_str(f, 0)));
}

static void apply(struct editing *e, enum json_edit_kind kind, struct str path,
                  struct str value)
{
    struct buf swap = e->now;

    buf_reset(&e->next);
    if (!json_edit(kind, buf_as_str(&e->now), path, value, &e->next))
        return;
    e->now = e->next;
    e->next = swap;
}

/* Ends the call: keys in order again. */
static void finish(struct editing *e)
{
    const char *why;
    struct buf out;
    size_t at;

    fn_buf(&out);
    if (e->now.failed) {
        out.failed = true;
    } else if (json_check(buf_as_str(&e->now), &why, &at) != RC_OK) {
        fn_fail(e->f, "The JSON value is nested deeper than %d levels",
                JSON_MAX_DEPTH);
        buf_fini(&out);
    } else {
        json_normalize(buf_as_str(&e->now), &out);
    }
    buf_fini(&e->now);
    buf_fini(&e->next);
    if (!fn_failed(e->f))
        fn_set_buf(e->f, &out);
}

/* False after fn_fail. */
static bool path_is_good(struct fn *f, int i, bool root)
{
    struct str path = fn_str(f, i);
    int n = json_path_check(path);

    if (n < 0)
        fn_fail(f, "Invalid JSONPath: %.*s", STR_ARG(path));
    else if (n == 0 && !root)
        fn_fail(f, "The JSONPath cannot be '$'");
    else if (n > JSON_MAX_DEPTH)
        fn_fail(f, "The JSONPath has more than %d steps", JSON_MAX_DEPTH);
    return !fn_failed(f);
}

/* The value of arguments i (its type) and i + 1 as a JSON text. */
static void put_value(struct fn *f, int i, struct buf *out)
{
    struct arena mem;
    struct value v;

    arena_init(&mem);
    fn_get(f, i + 1, &v, false);
    show_json(out, type_from_descriptor(&mem, fn_str(f, i)), &v, SHOW_JSON);
    arena_fini(&mem);
}

/* Options, argument 1: `each` means that an array's elements go one by one. */
static void edit_pairs(struct fn *f, enum json_edit_kind kind, bool each)
{
    struct editing e;
    struct buf value;

    if (fn_is_null(f, 0)) {
        fn_null(f);
        return;
    }
    for (int i = 2; i + 2 < fn_count(f); i += 3) {
        if (!fn_is_null(f, i) && !path_is_good(f, i, true))
            return;
    }
    editing_init(&e, f);
    fn_buf(&value);
    for (int i = 2; i + 2 < fn_count(f) && !fn_is_null(f, 1); i += 3) {
        struct str text;
        if (fn_is_null(f, i))
            continue;
        buf_reset(&value);
        put_value(f, i + 1, &value);
        text = buf_as_str(&value);
        if (each && fn_letter(f, i + 1) == '[' && text.len > 1 &&
            text.p[0] == '[')
            text = str_of(text.p + 1, text.len - 2);
        apply(&e, kind, fn_str(f, i), text);
        e.now.failed |= value.failed;
    }
    buf_fini(&value);
    finish(&e);
}

void rt_json_set(struct fn *f)
{
    bool create = !fn_is_null(f, 1) && fn_bool(f, 1);

    edit_pairs(f, create ? JSON_EDIT_SET : JSON_EDIT_REPLACE, false);
}

void rt_json_array_append(struct fn *f)
{
    edit_pairs(f, JSON_EDIT_APPEND, fn_bool(f, 1));
}

void rt_json_array_insert(struct fn *f)
{
    edit_pairs(f, JSON_EDIT_INSERT, fn_bool(f, 1));
}

void rt_json_remove(struct fn *f)
{
    struct editing e;

    if (fn_is_null(f, 0)) {
        fn_null(f);
        return;
    }
    for (int i = 1; i < fn_count(f); i++) {
        if (!fn_is_null(f, i) && !path_is_good(f, i, false))
            return;
    }
    editing_init(&e, f);
    for (int i = 1; i < fn_count(f); i++) {
        if (!fn_is_null(f, i))
            apply(&e, JSON_EDIT_REMOVE, fn_str(f, i), STR_NULL);
    }
    finish(&e);
}

/* JSON, path, include_arrays, remove_empty */
void rt_json_strip_nulls(struct fn *f)
{
    struct editing e;
    struct str found;
    struct buf out;

    for (int i = 1; i < 4 && !fn_is_null(f, 0); i++) {
        if (fn_is_null(f, i)) {
            fn_set_arg(f, 0);
            return;
        }
    }
    if (fn_is_null(f, 0)) {
        fn_null(f);
        return;
    }
    if (!path_is_good(f, 1, true))
        return;
    editing_init(&e, f);
    if (json_find(buf_as_str(&e.now), fn_str(f, 1), &found) == JSON_FOUND) {
        fn_buf(&out);
        json_strip_nulls(found, fn_bool(f, 2), fn_bool(f, 3), &out);
        apply(&e, JSON_EDIT_REPLACE, fn_str(f, 1), buf_as_str(&out));
        e.now.failed |= out.failed;
        buf_fini(&out);
    }
    finish(&e);
}
