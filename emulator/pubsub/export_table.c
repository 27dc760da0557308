/* SPDX-License-Identifier: Apache-2.0 */
/* Token by token, as what is not a time goes on as it was written: a parsed
 * number would lose the digits that NUMERIC and BIGNUMERIC have beyond a
 * double's. */
#include "emulator/pubsub/export_table.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "emulator/pubsub/export_value.h"

struct row {
    struct json_scan scan;
    struct buf *out;
    struct err *err;
};

static int malformed(const struct row *r)
{
    return err_set(r->err, r->scan.no_memory ? RC_NOMEM : RC_INVALID,
                   "the data is no JSON object: %s", r->scan.error);
}

static int refuse(const struct row *r, const json_t *column, const char *takes)
{
    return err_set(r->err, RC_INVALID, "column %.128s %s",
                   json_string_value(json_object_get(column, "name")), takes);
}

static int copy(struct row *r, const struct json_token *t)
{
    struct str value;

    if (!json_scan_skip(&r->scan, t, &value))
        return malformed(r);
    json_put_compact(r->out, value);
    return RC_OK;
}

/* A date or time out of its number. */
static int put_time(struct row *r, const json_t *column, struct str number)
{
    struct export_value v = {.kind = EXPORT_INT};
    json_t *json = NULL;
    char *text;
    int rc;

    if (!str_to_i64(number, &v.i))
        return refuse(r, column, "takes no number of more than 64 bits");
    rc = export_value_json(column, &v, &json, r->err);
    if (rc)
        return rc;
    text = json_dumps(json, JSON_ENCODE_ANY);
    json_decref(json);
    if (!text)
        return err_set(r->err, RC_NOMEM, "out of memory");
    buf_puts(r->out, text);
    mem_free(text);
    return RC_OK;
}

static bool is_whole(struct str number)
{
    return !memchr(number.p, '.', number.len) &&
           !memchr(number.p, 'e', number.len) &&
           !memchr(number.p, 'E', number.len);
}

static int put_members(struct row *r, const json_t *columns);

/* Numbers stand for times; numbers of machines may not stand in quotes. */
static int put_one(struct row *r, const json_t *column,
                   const struct json_token *t)
{
    int rc;

    if (t->kind == JSON_T_OBJECT && export_takes(column, EXPORT_RECORD)) {
        buf_putc(r->out, '{');
        rc = put_members(r, json_object_get(column, "fields"));
        buf_putc(r->out, '}');
        return rc;
    }
    if (t->kind == JSON_T_NUMBER && is_whole(t->text) && export_is_time(column))
        return put_time(r, column, t->text);
    if (t->kind == JSON_T_STRING && export_is_integer(column))
        return refuse(r, column,
                      "is an integer: it takes a number without quotes");
    return copy(r, t);
}

static int put_list(struct row *r, const json_t *column,
                    const struct json_token *begin)
{
    struct json_token t;
    bool first = true;

    if (begin->kind == JSON_T_NULL) {
        buf_puts(r->out, "[]");
        return RC_OK;
    }
    if (begin->kind != JSON_T_ARRAY)
        return refuse(r, column, "is REPEATED: it takes an array");
    buf_putc(r->out, '[');
    while (json_scan_next(&r->scan, &t) != JSON_T_ARRAY_END) {
        int rc;

        if (t.kind == JSON_T_ERROR)
            return malformed(r);
        if (!first)
            buf_putc(r->out, ',');
        first = false;
        rc = put_one(r, column, &t);
        if (rc)
            return rc;
    }
    buf_putc(r->out, ']');
    return RC_OK;
}

static const json_t *column_of(const json_t *columns,
                               const struct json_token *key)
{
    char *name = mem_alloc(key->text.len + 1);
    size_t len = json_decode(name, key->text);
    const json_t *column = export_column(columns, str_of(name, len));

    mem_free(name);
    return column;
}

/* Behind the brace that opens an object, to the one that closes it. */
static int put_members(struct row *r, const json_t *columns)
{
    struct json_token t;
    bool first = true;

    while (json_scan_next(&r->scan, &t) == JSON_T_KEY) {
        const json_t *column = column_of(columns, &t);
        int rc;

        if (!first)
            buf_putc(r->out, ',');
        first = false;
        json_put_text(r->out, &t);
        buf_putc(r->out, ':');
        if (json_scan_next(&r->scan, &t) == JSON_T_ERROR)
            return malformed(r);
        rc = !column                      ? copy(r, &t)
             : export_is_repeated(column) ? put_list(r, column, &t)
                                          : put_one(r, column, &t);
        if (rc)
            return rc;
    }
    return t.kind == JSON_T_OBJECT_END ? RC_OK : malformed(r);
}

int export_table_put(struct buf *out, const json_t *columns, struct str data,
                     struct err *err)
{
    struct row r = {.out = out, .err = err};
    struct json_token t;
    int rc;

    json_scan_init(&r.scan, data);
    if (json_scan_next(&r.scan, &t) == JSON_T_ERROR)
        rc = malformed(&r);
    else if (t.kind != JSON_T_OBJECT)
        rc = err_set(err, RC_INVALID, "the data is no JSON object");
    else
        rc = put_members(&r, columns);
    if (rc == RC_OK && json_scan_next(&r.scan, &t) != JSON_T_DONE)
        rc = malformed(&r);
    json_scan_fini(&r.scan);
    return rc;
}
