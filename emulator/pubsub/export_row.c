/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/export_row.h"

#include <strings.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/pubsub/export_decode.h"
#include "emulator/pubsub/export_table.h"
#include "emulator/pubsub/export_value.h"
#include "emulator/pubsub/message.h"
#include "grpc/wire.h"

/* --- the table ------------------------------------------------------------ */

/* Columns that are written whatever the schema says, and their types. */
static const struct {
    const char *name;
    const char *types[4];
} own[] = {{"data", {"BYTES", "STRING", "JSON", NULL}},
           {"subscription_name", {"STRING", NULL}},
           {"message_id", {"STRING", NULL}},
           {"publish_time", {"TIMESTAMP", NULL}},
           {"attributes", {"STRING", "JSON", NULL}}};

enum {
    N_OWN = sizeof(own) / sizeof(own[0])
};

static int check_own(const json_t *columns, size_t i, struct err *err)
{
    const json_t *column = export_column(columns, str_from(own[i].name));
    const char *type = json_string_value(json_object_get(column, "type"));
    const char *const *t = own[i].types;

    if (!column)
        return err_set(err, RC_SCHEMA, "the table has no column %s",
                       own[i].name);
    while (*t && (!type || strcasecmp(*t, type) != 0))
        t++;
    if (*t && !export_is_repeated(column))
        return RC_OK;
    return err_set(err, RC_SCHEMA,
                   "Incompatible schema type for field %s: expected %s%s%s, "
                   "got %s%s",
                   own[i].name, own[i].types[0], own[i].types[1] ? " or " : "",
                   own[i].types[1] ? own[i].types[1] : "",
                   export_is_repeated(column) ? "REPEATED " : "",
                   type ? type : "no type");
}

static bool is_data(const void *arg, struct str name)
{
    (void)arg;
    return str_ieq(name, STR("data"));
}

int export_how_learn(struct export_how *how, struct str table, struct err *err)
{
    json_t *json = json_loadb(table.p, table.len, 0, NULL);
    const char *type = json_string_value(json_object_get(json, "type"));
    bool is_table = !type || strcmp(type, "TABLE") == 0;
    int rc = RC_OK;

    export_how_forget(how);
    how->columns =
        json_incref(json_object_get(json_object_get(json, "schema"), "fields"));
    json_decref(json);
    if (!is_table)
        return err_set(err, RC_SCHEMA, "it is no table that rows go into");
    for (size_t i = how->by == EXPORT_WHOLE ? 0 : 1;
         i < (how->metadata ? N_OWN : 1U) && rc == RC_OK; i++)
        rc = check_own(how->columns, i, err);
    if (rc == RC_OK && how->by == EXPORT_WHOLE)
        rc = export_check_required(how->columns, how->metadata, is_data, NULL,
                                   err);
    return rc;
}

void export_how_forget(struct export_how *how)
{
    json_decref(how->columns);
    how->columns = NULL;
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

static int put_data(struct buf *out, struct str data, const json_t *columns,
                    struct err *err)
{
    const json_t *column = export_column(columns, STR("data"));
    bool is_bytes = column && export_takes(column, EXPORT_BYTES);

    if (!is_bytes && !json_is_utf8(data))
        return err_set(err, RC_INVALID, "the message's data is not UTF-8");
    buf_puts(out, "\"data\":");
    if (!is_bytes) {
        buf_json_str(out, data);
        return RC_OK;
    }
    buf_putc(out, '"');
    base64_append(out, data);
    buf_putc(out, '"');
    return RC_OK;
}

static int decode(const struct export_message *m, const struct export_how *how,
                  struct str data, json_t **out, struct err *err)
{
    const struct export_into into = {how->columns, how->drop_unknown};

    if (m->avro)
        return export_avro_json(m->avro, data, m->is_json, &into, out, err);
    if (m->proto)
        return export_proto_json(m->proto, data, m->is_json, &into, out, err);
    return err_set(err, RC_INVALID,
                   "it was published without the topic's schema, or that has "
                   "gone");
}

/* The members of the row's object, without its braces. */
static int put_members(struct buf *out, const struct export_message *m,
                       const struct export_how *how, struct str data,
                       struct err *err)
{
    json_t *json = NULL;
    char *text;
    int rc;

    if (how->by == EXPORT_WHOLE)
        return put_data(out, data, how->columns, err);
    if (how->by == EXPORT_BY_TABLE)
        return export_table_put(out, how->columns, data, err);
    rc = decode(m, how, data, &json, err);
    if (rc)
        return rc;
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!text)
        return err_set(err, RC_INVALID, "its values cannot be written");
    buf_append(out, text + 1, strlen(text) - 2);
    mem_free(text);
    return RC_OK;
}

int export_row_write(struct buf *out, const struct export_message *m,
                     const struct export_how *how, struct err *err)
{
    struct str data = message_data(m->message);
    struct buf members;
    int rc;

    buf_init(&members, SIZE_MAX / 4);
    rc = put_members(&members, m, how, data.p ? data : STR(""), err);
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
