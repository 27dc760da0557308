/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/cloud_storage_format.h"

#include <jansson.h>
#include <stdio.h>

#include "common/mem.h"
#include "emulator/pubsub/avro.h"
#include "emulator/pubsub/avro_file.h"
#include "emulator/pubsub/message.h"
#include "grpc/wire.h"

#define METADATA_FIELDS                                                        \
    "{\"name\":\"subscription_name\",\"type\":\"string\"},"                    \
    "{\"name\":\"message_id\",\"type\":\"string\"},"                           \
    "{\"name\":\"publish_time\",\"type\":{\"type\":\"long\","                  \
    "\"logicalType\":\"timestamp-micros\"}},"                                  \
    "{\"name\":\"attributes\",\"type\":{\"type\":\"map\","                     \
    "\"values\":\"string\"}}"
#define RECORD(name, fields)                                                   \
    "{\"type\":\"record\",\"namespace\":\"com.google.pubsub\",\"name\":"       \
    "\"" name "\",\"fields\":[" fields "]}"
#define DATA_FIELD "{\"name\":\"data\",\"type\":\"bytes\"}"

/* --- the schema ----------------------------------------------------------- */

int cloud_format_check(const struct avro *avro, struct err *err)
{
    static const char *const taken[] = {"subscription_name", "message_id",
                                        "publish_time", "attributes"};
    const struct avro_type *root = avro_root(avro);

    if (root->kind != AVRO_RECORD)
        return err_set(err, RC_INVALID,
                       "use_topic_schema with write_metadata needs a record at "
                       "the root of the topic's schema.");
    for (size_t i = 0; i < root->n; i++)
        for (size_t k = 0; k < sizeof(taken) / sizeof(taken[0]); k++)
            if (str_eq(root->fields[i].name, str_from(taken[k])))
                return err_set(err, RC_INVALID,
                               "The topic's schema has a field %s, which "
                               "write_metadata needs.",
                               taken[k]);
    return RC_OK;
}

/* The record's fields, behind the metadata's. */
static void put_extended(struct buf *out, struct str topic_schema)
{
    json_t *schema = json_loadb(topic_schema.p, topic_schema.len, 0, NULL);
    json_t *fields = json_loads("[" METADATA_FIELDS "]", 0, NULL);
    char *text;

    json_array_extend(fields, json_object_get(schema, "fields"));
    json_object_set_new(schema, "fields", fields);
    text = json_dumps(schema, JSON_COMPACT);
    json_decref(schema);
    buf_puts(out, text);
    mem_free(text);
}

void cloud_format_put_schema(struct buf *out, bool metadata,
                             struct str topic_schema)
{
    if (topic_schema.p && metadata)
        put_extended(out, topic_schema);
    else if (topic_schema.p)
        buf_str(out, topic_schema);
    else if (metadata)
        buf_puts(out, RECORD("PubsubMessageWithMetadata",
                             METADATA_FIELDS "," DATA_FIELD));
    else
        buf_puts(out, RECORD("PubsubMessage", DATA_FIELD));
}

/* --- messages ------------------------------------------------------------- */

static void put_entry(struct buf *out, struct str key, struct str value)
{
    avro_put_bytes(out, key);
    avro_put_bytes(out, value);
}

/* The ordering key among them. */
static void put_attributes(struct buf *out, struct str message)
{
    struct wire w = wire_of(message);
    struct str key = message_ordering_key(message);
    struct attribute a;
    int64_t n = key.len > 0;

    while (message_next_attribute(&w, &a))
        n++;
    if (n)
        avro_put_long(out, n);
    w = wire_of(message);
    while (message_next_attribute(&w, &a))
        put_entry(out, a.key, a.value);
    if (key.len)
        put_entry(out, STR("ordering_key"), key);
    avro_put_long(out, 0);
}

static void put_metadata(struct buf *out, const struct export_message *m,
                         const char *subscription)
{
    char id[24];

    snprintf(id, sizeof(id), "%llu", (unsigned long long)m->id);
    avro_put_bytes(out, str_from(subscription));
    avro_put_bytes(out, str_from(id));
    avro_put_long(out, m->publish_us);
    put_attributes(out, m->message);
}

int cloud_format_put(struct buf *out, const struct export_message *m,
                     const struct cloud_format *how, struct err *err)
{
    struct str data = message_data(m->message);
    int rc;

    if (!data.p)
        data = STR("");
    if (how->metadata)
        put_metadata(out, m, how->subscription);
    if (how->avro && how->data_is_json)
        return avro_put_json(out, how->avro, data, err);
    if (how->avro) {
        rc = avro_check_binary(how->avro, data, err);
        if (rc)
            return rc;
        buf_str(out, data);
        return RC_OK;
    }
    avro_put_bytes(out, data);
    return RC_OK;
}
