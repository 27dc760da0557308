/* SPDX-License-Identifier: Apache-2.0 */
/* What a Cloud Storage subscription's settings must be (comments of
 * google/pubsub/v1/pubsub.proto), and their defaults. */
#include "common/mem.h"
#include "emulator/pubsub/cloud_storage_format.h"
#include "emulator/pubsub/cloud_storage_name.h"
#include "emulator/pubsub/export_priv.h"
#include "emulator/pubsub/schema.h"

enum {
    DURATION_MIN = 60,
    DURATION_DEFAULT = 300,
    DURATION_MAX = 600,
    BYTES_MIN = 1000,
    MESSAGES_MIN = 1000
};
#define BYTES_MAX (10LL << 30)

static int check_limits(PB(CloudStorageConfig) * c, struct err *err)
{
    const Google__Protobuf__Duration *d;

    if (!c->max_duration) {
        c->max_duration = MEM_NEW(Google__Protobuf__Duration);
        google__protobuf__duration__init(c->max_duration);
        c->max_duration->seconds = DURATION_DEFAULT;
    }
    d = c->max_duration;
    if (d->seconds < DURATION_MIN || d->nanos < 0 ||
        d->seconds > DURATION_MAX || (d->seconds == DURATION_MAX && d->nanos))
        return err_set(err, RC_INVALID,
                       "The value for max_duration is out of bounds. You "
                       "passed %llds in the request, but the value must be "
                       "between 1m and 10m.",
                       (long long)d->seconds);
    if (c->max_bytes && (c->max_bytes < BYTES_MIN || c->max_bytes > BYTES_MAX))
        return err_set(err, RC_INVALID,
                       "The value for max_bytes is out of bounds. You passed "
                       "%lld in the request, but the value must be between "
                       "1 KB and 10 GiB.",
                       (long long)c->max_bytes);
    if (c->max_messages && c->max_messages < MESSAGES_MIN)
        return err_set(err, RC_INVALID,
                       "The value for max_messages is too small. You passed "
                       "%lld in the request, but the minimum value is 1000.",
                       (long long)c->max_messages);
    return RC_OK;
}

static int check_topic_schema(const PB(CloudStorageConfig__AvroConfig) * avro,
                              const struct topic *t, struct err *err)
{
    const PB(SchemaSettings) *settings = t->config->schema_settings;
    const struct schema *schema =
        settings ? schema_find(t->service, str_from(settings->schema)) : NULL;
    const struct revision *r = schema ? schema_newest(schema) : NULL;

    if (!avro->use_topic_schema)
        return RC_OK;
    if (!settings)
        return err_set(err, RC_INVALID,
                       "use_topic_schema is set, but the topic has no schema.");
    if (!r)
        return RC_OK; /* it was deleted: nothing is published any more */
    if (!r->avro)
        return err_set(err, RC_INVALID,
                       "use_topic_schema is set, but the topic's schema is not "
                       "an Avro schema.");
    return avro->write_metadata ? cloud_format_check(r->avro, err) : RC_OK;
}

static PB(CloudStorageConfig__TextConfig) * text_config(void)
{
    PB(CloudStorageConfig__TextConfig) *text =
        MEM_NEW(PB(CloudStorageConfig__TextConfig));

    google__pubsub__v1__cloud_storage_config__text_config__init(text);
    return text;
}

enum grpc_status cloud_storage_check(PB(Subscription) * config,
                                     const struct topic *t, struct err *err)
{
    PB(CloudStorageConfig) *c = config->cloud_storage_config;
    int rc;

    if (!c)
        return GRPC_OK;
    if (!t->service->e->storage_dir) {
        err_set(err, RC_INVALID,
                "Cloud Storage subscriptions need a folder for their buckets: "
                "start datos-emulator with --storage DIR or --state DIR");
        return GRPC_FAILED_PRECONDITION;
    }
    if (c->output_format_case ==
        GOOGLE__PUBSUB__V1__CLOUD_STORAGE_CONFIG__OUTPUT_FORMAT__NOT_SET) {
        c->output_format_case =
            GOOGLE__PUBSUB__V1__CLOUD_STORAGE_CONFIG__OUTPUT_FORMAT_TEXT_CONFIG;
        c->text_config = text_config();
    }
    rc = cloud_storage_check_bucket(str_from(c->bucket), err);
    if (rc == RC_OK)
        rc = cloud_storage_check_format(str_from(c->filename_datetime_format),
                                        err);
    if (rc == RC_OK)
        rc = cloud_storage_check_names(str_from(c->filename_prefix),
                                       str_from(c->filename_datetime_format),
                                       str_from(c->filename_suffix), err);
    if (rc == RC_OK)
        rc = check_limits(c, err);
    if (rc == RC_OK &&
        c->output_format_case ==
            GOOGLE__PUBSUB__V1__CLOUD_STORAGE_CONFIG__OUTPUT_FORMAT_AVRO_CONFIG)
        rc = check_topic_schema(c->avro_config, t, err);
    return rc ? GRPC_INVALID_ARGUMENT : GRPC_OK;
}
