/* SPDX-License-Identifier: Apache-2.0 */
/* A topic's ingestion settings (comments of google/pubsub/v1/pubsub.proto):
 * what a source must say, what it says by default, and its state. They are
 * kept and shown; nothing is ingested, so every source is fine for ever. */
#include "common/mem.h"
#include "emulator/pubsub/check.h"
#include "emulator/pubsub/cloud_storage_name.h"

#define SETTINGS(name) Google__Pubsub__V1__IngestionDataSourceSettings##name
#define SEVERITIES                                                             \
    google__pubsub__v1__platform_logs_settings__severity__descriptor

/* Members that a source cannot do without. */
static const struct {
    const char *source;
    const char *fields[6];
} required[] = {
    {"aws_kinesis",
     {"stream_arn", "consumer_arn", "aws_role_arn", "gcp_service_account"}},
    {"aws_msk",
     {"cluster_arn", "topic", "aws_role_arn", "gcp_service_account"}},
    {"confluent_cloud",
     {"bootstrap_server", "cluster_id", "topic", "identity_pool_id",
      "gcp_service_account"}},
};

static const ProtobufCFieldDescriptor *field_named(const ProtobufCMessage *m,
                                                   const char *name)
{
    return protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);
}

static const char *text_of(const ProtobufCMessage *m, const char *name)
{
    const ProtobufCFieldDescriptor *f = field_named(m, name);

    return *(char *const *)(const void *)((const char *)m + f->offset);
}

static int check_required(const ProtobufCMessage *source, const char *name,
                          struct err *err)
{
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
        if (strcmp(required[i].source, name) != 0)
            continue;
        for (const char *const *f = required[i].fields; *f; f++)
            if (!*text_of(source, *f))
                return err_set(err, RC_INVALID,
                               "ingestion_data_source_settings.%s.%s must be "
                               "set.",
                               name, *f);
    }
    return RC_OK;
}

static int check_bucket(SETTINGS(__CloudStorage) * c, struct err *err)
{
    struct err why = {0};

    if (cloud_storage_check_bucket(str_from(c->bucket), &why))
        return err_set(err, RC_INVALID,
                       "ingestion_data_source_settings.cloud_storage.bucket: "
                       "%s",
                       why.text);
    if (c->input_format_case == 0) {
        c->input_format_case =
            GOOGLE__PUBSUB__V1__INGESTION_DATA_SOURCE_SETTINGS__CLOUD_STORAGE__INPUT_FORMAT_TEXT_FORMAT;
        c->text_format = MEM_NEW(SETTINGS(__CloudStorage__TextFormat));
        google__pubsub__v1__ingestion_data_source_settings__cloud_storage__text_format__init(
            c->text_format);
    }
    return RC_OK;
}

/* The member of the oneof that is set; NULL: none. */
static const ProtobufCFieldDescriptor *source_of(const SETTINGS() * s)
{
    return s->source_case == 0 ? NULL
                               : protobuf_c_message_descriptor_get_field(
                                     s->base.descriptor, s->source_case);
}

/* ACTIVE is 1 of every source. */
static void set_active(ProtobufCMessage *source)
{
    *(int *)(void *)((char *)source + field_named(source, "state")->offset) = 1;
}

static int check(SETTINGS() * s, bool strict, struct err *err)
{
    const ProtobufCFieldDescriptor *f = source_of(s);
    ProtobufCMessage *source = &s->aws_kinesis->base; /* whichever it is */
    int rc = RC_OK;

    if (s->platform_logs_settings &&
        !protobuf_c_enum_descriptor_get_value(
            &SEVERITIES, (int)s->platform_logs_settings->severity))
        return err_set(err, RC_INVALID,
                       "ingestion_data_source_settings.platform_logs_settings."
                       "severity: %d is no severity.",
                       (int)s->platform_logs_settings->severity);
    if (!f)
        return RC_OK;
    if (strict)
        rc = check_required(source, f->name, err);
    if (rc == RC_OK && strict &&
        s->source_case ==
            GOOGLE__PUBSUB__V1__INGESTION_DATA_SOURCE_SETTINGS__SOURCE_CLOUD_STORAGE)
        rc = check_bucket(s->cloud_storage, err);
    if (rc == RC_OK)
        set_active(source);
    return rc;
}

enum grpc_status check_ingestion(Google__Pubsub__V1__Topic *t, bool strict,
                                 struct err *err)
{
    SETTINGS() *s = t->ingestion_data_source_settings;

    if (!s)
        return GRPC_OK;
    if (s->source_case == 0 && !s->platform_logs_settings) {
        /* how clients take them away */
        protobuf_c_message_free_unpacked(&s->base, NULL);
        t->ingestion_data_source_settings = NULL;
        return GRPC_OK;
    }
    return check(s, strict, err) ? GRPC_INVALID_ARGUMENT : GRPC_OK;
}
