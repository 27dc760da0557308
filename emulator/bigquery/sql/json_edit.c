/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/json_edit.h"

#include "common/json.h"
#include "emulator/bigquery/sql/json_norm.h"

struct edit {
    enum json_edit_kind kind;
    struct str value;
    struct buf *out;
};

static bool at(struct edit *e, struct str text, struct str path);

static void cut(struct buf *out, size_t len)
{
    if (out->len > len) {
        out->len = len;
        out->data[len] = '\0';
    }
}

static void pad(struct edit *e, int64_t n)
{
    for (int64_t i = 0; i < n && !e->out->failed; i++)
        buf_puts(e->out, i ? ",null" : "null");
}

/* The value below a path of which nothing is there. */
static void create(struct edit *e, struct str path)
{
    struct str name;
    int64_t index;

    if (!path.len || !json_path_step(&path, &name, &index)) {
        buf_str(e->out, e->value);
        return;
    }
    if (index < 0) {
        buf_putc(e->out, '{');
        buf_json_str(e->out, name);
        buf_putc(e->out, ':');
        create(e, path);
        buf_putc(e->out, '}');
        return;
    }
    buf_putc(e->out, '[');
    pad(e, index);
    buf_puts(e->out, index ? "," : "");
    create(e, path);
    buf_putc(e->out, ']');
}

/* `rest` is the path below the member `name`. */
static bool in_object(struct edit *e, struct str text, struct str name,
                      struct str rest)
{
    struct json_scan s;
    struct json_token t;
    bool found = false, changed = false;
    struct str value;
    int n = 0;

    json_scan_init(&s, text);
    json_scan_next(&s, &t);
    buf_putc(e->out, '{');
    while (json_scan_next(&s, &t) == JSON_T_KEY) {
        struct json_token key = t;
        bool here = !found && json_text_eq(&key, name);
        found |= here;
        json_scan_next(&s, &t);
        if (!json_scan_skip(&s, &t, &value))
            break;
        if (here && !rest.len && e->kind == JSON_EDIT_REMOVE) {
            changed = true;
            continue;
        }
        buf_puts(e->out, n++ ? "," : "");
        json_put_text(e->out, &key);
        buf_putc(e->out, ':');
        if (here && at(e, value, rest))
            changed = true;
        else
            buf_str(e->out, value);
    }
    if (!found && e->kind == JSON_EDIT_SET) {
        buf_puts(e->out, n ? "," : "");
        buf_json_str(e->out, name);
        buf_putc(e->out, ':');
        create(e, rest);
        changed = true;
    }
    json_scan_fini(&s);
    buf_putc(e->out, '}');
    return changed;
}

/* Behind the last of `n` elements: true if the edit goes on there. */
static bool beyond(struct edit *e, int64_t n, int64_t index, struct str rest)
{
    bool inserts = e->kind == JSON_EDIT_INSERT && !rest.len && e->value.len;

    if (e->kind != JSON_EDIT_SET && !inserts)
        return false;
    buf_puts(e->out, n && index > n ? "," : "");
    pad(e, index - n);
    buf_puts(e->out, index ? "," : "");
    create(e, rest);
    return true;
}

static bool in_array(struct edit *e, struct str text, int64_t index,
                     struct str rest)
{
    struct json_scan s;
    struct json_token t;
    bool changed = false;
    struct str value;
    int64_t i = 0;
    int n = 0;

    json_scan_init(&s, text);
    json_scan_next(&s, &t);
    buf_putc(e->out, '[');
    for (;; i++) {
        enum json_kind k = json_scan_next(&s, &t);
        if (k == JSON_T_ARRAY_END || k == JSON_T_ERROR ||
            !json_scan_skip(&s, &t, &value))
            break;
        if (i == index && !rest.len && e->kind == JSON_EDIT_REMOVE) {
            changed = true;
            continue;
        }
        buf_puts(e->out, n++ ? "," : "");
        if (i == index && !rest.len && e->kind == JSON_EDIT_INSERT) {
            buf_str(e->out, e->value);
            buf_puts(e->out, e->value.len ? "," : "");
            changed = true;
        } else if (i == index && at(e, value, rest)) {
            changed = true;
            continue;
        }
        buf_str(e->out, value);
    }
    json_scan_fini(&s);
    if (index >= i)
        changed = beyond(e, i, index, rest);
    buf_putc(e->out, ']');
    return changed;
}

/* The value that the path names. */
static bool here(struct edit *e, struct str text)
{
    if (e->kind == JSON_EDIT_SET || e->kind == JSON_EDIT_REPLACE) {
        buf_str(e->out, e->value);
        return true;
    }
    if (e->kind != JSON_EDIT_APPEND || (text.p[0] != '[' && text.p[0] != 'n'))
        return false;
    buf_putc(e->out, '[');
    if (text.p[0] == '[' && text.len > 2) {
        buf_append(e->out, text.p + 1, text.len - 2);
        buf_puts(e->out, e->value.len ? "," : "");
    }
    buf_str(e->out, e->value);
    buf_putc(e->out, ']');
    return true;
}

/* Writes `text` changed; what it wrote is to be taken back if it was not. */
static bool at(struct edit *e, struct str text, struct str path)
{
    size_t start = e->out->len;
    struct str name, rest = path;
    bool changed = false;
    int64_t index;

    if (!path.len) {
        changed = here(e, text);
    } else if (json_path_step(&rest, &name, &index)) {
        if (text.p[0] == '{' && index < 0) {
            changed = in_object(e, text, name, rest);
        } else if (text.p[0] == '[' && index >= 0) {
            changed = in_array(e, text, index, rest);
        } else if (text.p[0] == 'n' &&
                   (e->kind == JSON_EDIT_SET ||
                    (e->kind == JSON_EDIT_INSERT && index >= 0 && !rest.len &&
                     e->value.len))) {
            create(e, path);
            changed = true;
        }
    }
    if (!changed)
        cut(e->out, start);
    return changed;
}

bool json_edit(enum json_edit_kind kind, struct str text, struct str path,
               struct str value, struct buf *out)
{
    struct edit e = {kind, value, out};

    return at(&e, json_trim(text), str_of(path.p + 1, path.len - 1));
}

/* Writes what is left of a value; false if that is nothing. */
static bool strip(struct str text, bool arrays, bool remove_empty,
                  struct buf *out)
{
    struct json_scan s;
    struct json_token t;
    struct str value;
    bool object = text.p[0] == '{';
    int n = 0;

    if (text.p[0] == 'n')
        return false;
    if (!object && text.p[0] != '[') {
        buf_str(out, text);
        return true;
    }
    json_scan_init(&s, text);
    json_scan_next(&s, &t);
    buf_putc(out, object ? '{' : '[');
    for (;;) {
        enum json_kind k = json_scan_next(&s, &t);
        size_t start = out->len;
        if (k == JSON_T_OBJECT_END || k == JSON_T_ARRAY_END ||
            k == JSON_T_ERROR)
            break;
        buf_puts(out, n ? "," : "");
        if (object) {
            json_put_text(out, &t);
            buf_putc(out, ':');
            json_scan_next(&s, &t);
        }
        if (!json_scan_skip(&s, &t, &value))
            break;
        if (strip(value, arrays, remove_empty, out)) {
            n++;
        } else if (!object && !arrays) {
            buf_puts(out, value.p[0] == 'n' ? "null" : "");
            n++;
        } else {
            cut(out, start);
        }
    }
    json_scan_fini(&s);
    buf_putc(out, object ? '}' : ']');
    return n || !remove_empty || (!object && !arrays);
}

void json_strip_nulls(struct str text, bool arrays, bool remove_empty,
                      struct buf *out)
{
    size_t start = out->len;

    if (strip(json_trim(text), arrays, remove_empty, out))
        return;
    cut(out, start);
    buf_puts(out, "null");
}
