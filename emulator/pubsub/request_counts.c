/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/request_counts.h"

#include <ctype.h>

#include "common/mem.h"

static const struct {
    const char *path, *name, *help;
} kinds[REQUEST_KINDS] = {
    [REQUEST_SEND] = {"/google.pubsub.v1.Publisher/Publish",
                      "topic_send_request_count",
                      "Publish requests by result."},
    [REQUEST_PULL] = {"/google.pubsub.v1.Subscriber/Pull",
                      "subscription_pull_request_count",
                      "Pull requests by result."},
    [REQUEST_PULL_ACK] = {"/google.pubsub.v1.Subscriber/Acknowledge",
                          "subscription_pull_ack_request_count",
                          "Acknowledge requests by result."},
    [REQUEST_MOD_ACK] = {"/google.pubsub.v1.Subscriber/ModifyAckDeadline",
                         "subscription_mod_ack_deadline_request_count",
                         "ModifyAckDeadline requests by result."},
    [REQUEST_SEEK] = {"/google.pubsub.v1.Subscriber/Seek",
                      "subscription_seek_request_count",
                      "Seek requests by result."},
    [REQUEST_STREAMING_PULL] = {"/google.pubsub.v1.Subscriber/StreamingPull",
                                "subscription_streaming_pull_response_count",
                                "Answers of streaming pulls by result."},
};

enum request_kind request_kind_of(struct str path)
{
    int kind = 0;

    while (kind < REQUEST_KINDS && !str_eq(str_from(kinds[kind].path), path))
        kind++;
    return (enum request_kind)kind;
}

const char *request_counts_name(enum request_kind kind)
{
    return kinds[kind].name;
}

const char *request_counts_help(enum request_kind kind)
{
    return kinds[kind].help;
}

void request_counts_add(struct request_counts **counts, enum request_kind kind,
                        enum grpc_status status)
{
    if ((unsigned)status >= REQUEST_STATUSES)
        status = GRPC_UNKNOWN;
    if (!*counts)
        *counts = MEM_NEW(struct request_counts);
    (*counts)->n[kind][status]++;
}

/* Whose fault it was: nobody's, the client's, the service's. */
static const char *class_of(unsigned status)
{
    switch (status) {
    case GRPC_OK:
        return "success";
    case GRPC_UNKNOWN:
    case GRPC_DEADLINE_EXCEEDED:
    case GRPC_ABORTED:
    case GRPC_INTERNAL:
    case GRPC_UNAVAILABLE:
    case GRPC_DATA_LOSS:
        return "internal";
    default:
        return "invalid";
    }
}

static void put_code(struct buf *out, unsigned status)
{
    const char *name = grpc_status_name((enum grpc_status)status);

    if (status == GRPC_OK)
        name = "success";
    for (; *name; name++)
        buf_putc(out, (char)tolower((unsigned char)*name));
}

void request_counts_put(const struct request_counts *counts,
                        enum request_kind kind, const char *family,
                        const char *labels, struct buf *out)
{
    for (unsigned i = 0; counts && i < REQUEST_STATUSES; i++) {
        if (!counts->n[kind][i])
            continue;
        buf_printf(out, "%s{%s,response_class=\"%s\",response_code=\"", family,
                   labels, class_of(i));
        put_code(out, i);
        buf_printf(out, "\"} %llu\n", (unsigned long long)counts->n[kind][i]);
    }
}
