/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/export_row.h"

#include <jansson.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/pubsub/message.h"
#include "grpc/wire.h"

/* --- the table ------------------------------------------------------------ */

static const char *type_of(const json_t *fields, const char *name)
{
    const json_t *field;
    size_t i;

    json_array_foreach(fields, i, field)
    {
        const char *own = json_string_value(json_object_get(field, "name"));

        if (own && strcasecmp(own, name) == 0)
            return json_string_value(json_object_get(field, "type"));
    }
    return NULL;
}

static int lacks(struct err *err, const char *column)
{
    return err_set(err, RC_SCHEMA, "the table has no column %s", column);
}

int export_columns_read(struct str table, bool whole_data, bool metadata,
                        struct export_columns *out, struct err *err)
{
    static const char *const added[] = {"subscription_name", "message_id",
                                        "publish_time", "attributes"};
    json_t *json = json_loadb(table.p, table.len, 0, NULL);
    const json_t *fields =
        json_object_get(json_object_get(json, "schema"), "fields");
    const char *data = type_of(fields, "data");
    const char *attributes = type_of(fields, "attributes");
    int rc = RC_OK;

    *out = (struct export_columns){
        .data_is_bytes = data && strcmp(data, "BYTES") == 0,
        .attributes_is_json = attributes && strcmp(attributes, "JSON") == 0};
    if (whole_data && !data)
        rc = lacks(err, "data");
    for (size_t i = 0; metadata && rc == RC_OK && i < 4; i++)
        if (!type_of(fields, added[i]))
            rc = lacks(err, added[i]);
    json_decref(json);
    return rc;
}

/* --- the row -------------------------------------------------------------- */

/* All attributes as one object, the ordering key among them. */
static void put_attributes(struct buf *out, struct str message)
{
    struct wire w = wire_of(message);
    struct str key = message_ordering_key(message);
    struct attribute a;
    struct buf object;

    buf_init(&object, SIZE_MAX / 4);
    buf_putc(&object, '{');
    while (message_next_attribute(&w, &a)) {
        if (object.len > 1)
            buf_putc(&object, ',');
        buf_json_str(&object, a.key);
        buf_putc(&object, ':');
        buf_json_str(&object, a.value);
    }
    if (key.len) {
        buf_puts(&object,
                 object.len > 1 ? ",\"ordering_key\":" : "\"ordering_key\":");
        buf_json_str(&object, key);
    }
    buf_putc(&object, '}');
    buf_json_str(out, buf_as_str(&object));
    buf_fini(&object);
}

static void put_metadata(struct buf *out, const struct export_message *m,
                         const struct export_how *how)
{
    char when[TIMEFMT_MAX];

    timefmt_format_z(when, m->publish_us);
    buf_puts(out, "\"subscription_name\":");
    buf_json_str(out, str_from(how->subscription));
    buf_printf(out, ",\"message_id\":\"%llu\",\"publish_time\":\"%s\"",
               (unsigned long long)m->id, when);
    buf_puts(out, ",\"attributes\":");
    put_attributes(out, m->message);
}

static void put_data(struct buf *out, struct str data, bool is_bytes)
{
    buf_puts(out, "\"data\":");
    if (!is_bytes) {
        buf_json_str(out, data);
        return;
    }
    buf_putc(out, '"');
    base64_append(out, data);
    buf_putc(out, '"');
}

/* The members of the data's object, without its braces. */
static int put_members(struct buf *out, struct str data, struct err *err)
{
    json_error_t why;
    json_t *json = json_loadb(data.p, data.len, JSON_REJECT_DUPLICATES, &why);
    char *text;

    if (!json_is_object(json)) {
        err_set(err, RC_INVALID, "the message's data is no JSON object%s%s",
                json ? "" : ": ", json ? "" : why.text);
        json_decref(json);
        return RC_INVALID;
    }
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    buf_append(out, text + 1, strlen(text) - 2);
    mem_free(text);
    return RC_OK;
}

int export_row_write(struct buf *out, const struct export_message *m,
                     const struct export_how *how, struct err *err)
{
    struct str data = message_data(m->message);
    struct buf members;
    int rc = RC_OK;

    buf_init(&members, SIZE_MAX / 4);
    if (how->by_fields)
        rc = put_members(&members, data.p ? data : STR(""), err);
    else if (!how->columns.data_is_bytes && !json_is_utf8(data))
        rc = err_set(err, RC_INVALID, "the message's data is not UTF-8");
    else
        put_data(&members, data.p ? data : STR(""), how->columns.data_is_bytes);
    if (rc == RC_OK) {
        if (out->len && out->data[out->len - 1] == '}')
            buf_putc(out, ',');
        buf_printf(out, "{\"insertId\":\"%llu\",\"json\":{",
                   (unsigned long long)m->id);
        if (how->metadata)
            put_metadata(out, m, how);
        if (how->metadata && members.len)
            buf_putc(out, ',');
        buf_str(out, buf_as_str(&members));
        buf_puts(out, "}}");
    }
    buf_fini(&members);
    return rc;
}
