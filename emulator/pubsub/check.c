/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and defaults of settings (cloud.google.com/pubsub/quotas, and the
 * comments of google/pubsub/v1/pubsub.proto). */
#include "emulator/pubsub/check.h"

#include <ctype.h>
#include <stdio.h>

#include "common/mem.h"
#include "emulator/pubsub/filter.h"

enum {
    MINUTE = 60,
    DAY = 86400,
    RETENTION_MIN = 10 * MINUTE,
    RETENTION_MAX = 31 * DAY,
    RETENTION_DEFAULT = 7 * DAY,
    EXPIRATION_MIN = DAY,
    EXPIRATION_DEFAULT = 31 * DAY,
    DEADLINE_DEFAULT = 10,
    DEADLINE_MIN = 10,
    DEADLINE_MAX = 600,
    BACKOFF_MIN_DEFAULT = 10,
    BACKOFF_MAX = 600,
    ATTEMPTS_DEFAULT = 5,
    ATTEMPTS_MIN = 5,
    ATTEMPTS_MAX = 100,
    LABELS_MAX = 64,
    LABEL_LEN_MAX = 63
};

static enum grpc_status invalid(struct err *err, const char *text)
{
    err_set(err, RC_INVALID, "%s", text);
    return GRPC_INVALID_ARGUMENT;
}

static Google__Protobuf__Duration *seconds(int64_t s)
{
    Google__Protobuf__Duration *d = MEM_NEW(Google__Protobuf__Duration);

    google__protobuf__duration__init(d);
    d->seconds = s;
    return d;
}

static bool is_within(const Google__Protobuf__Duration *d, int64_t min,
                      int64_t max)
{
    return d->nanos >= 0 && d->seconds >= min &&
           (d->seconds < max || (d->seconds == max && d->nanos == 0));
}

/* 599 s as "9m59s", as Go prints durations. */
static const char *human(char out[48], const Google__Protobuf__Duration *d)
{
    long long s = d->seconds, h = s / 3600, m = s / 60 % 60;
    int at = 0;

    if (h)
        at += snprintf(out + at, 48 - (size_t)at, "%lldh", h);
    if (m)
        at += snprintf(out + at, 48 - (size_t)at, "%lldm", m);
    if (s % 60 || at == 0)
        snprintf(out + at, 48 - (size_t)at, "%llds", s % 60);
    return out;
}

static enum grpc_status check_retention(const Google__Protobuf__Duration *d,
                                        bool strict, struct err *err)
{
    char text[48];

    if (is_within(d, RETENTION_MIN, RETENTION_MAX))
        return GRPC_OK;
    if (!strict)
        return invalid(err, "message_retention_duration out of bounds");
    err_set(err, RC_INVALID,
            "The value for message retention duration is out of bounds. You "
            "passed %s in the request, but the value must be between 10m and "
            "744h.",
            human(text, d));
    return GRPC_INVALID_ARGUMENT;
}

/* --- labels --------------------------------------------------------------- */

static bool is_label_text(const char *text)
{
    size_t n = 0;

    for (const char *p = text; *p; p++) {
        uint8_t c = (uint8_t)*p;

        n += (c & 0xc0) != 0x80;
        if (c < 0x80 && !islower(c) && !isdigit(c) && c != '_' && c != '-')
            return false;
    }
    return n <= LABEL_LEN_MAX;
}

enum grpc_status check_labels(size_t n, bool strict,
                              const char *(*key)(const void *rows, size_t i),
                              const char *(*value)(const void *rows, size_t i),
                              const void *rows, struct err *err)
{
    if (!strict)
        return GRPC_OK;
    if (n > LABELS_MAX)
        return invalid(err,
                       "You have passed an invalid argument to the service "
                       "(argument=Invalid labels: more than 64).");
    for (size_t i = 0; i < n; i++) {
        const char *k = key(rows, i), *v = value(rows, i);

        if (*k && (islower((uint8_t)*k) || (uint8_t)*k >= 0x80) &&
            is_label_text(k) && is_label_text(v))
            continue;
        err_set(err, RC_INVALID,
                "You have passed an invalid argument to the service "
                "(argument=Invalid labels: key '%.80s', value '%.80s').",
                k, v);
        return GRPC_INVALID_ARGUMENT;
    }
    return GRPC_OK;
}

static const char *topic_key(const void *rows, size_t i)
{
    return ((Google__Pubsub__V1__Topic__LabelsEntry *const *)rows)[i]->key;
}

static const char *topic_value(const void *rows, size_t i)
{
    return ((Google__Pubsub__V1__Topic__LabelsEntry *const *)rows)[i]->value;
}

static const char *sub_key(const void *rows, size_t i)
{
    return ((Google__Pubsub__V1__Subscription__LabelsEntry *const *)rows)[i]
        ->key;
}

static const char *sub_value(const void *rows, size_t i)
{
    return ((Google__Pubsub__V1__Subscription__LabelsEntry *const *)rows)[i]
        ->value;
}

static const char *snapshot_key(const void *rows, size_t i)
{
    return ((Google__Pubsub__V1__Snapshot__LabelsEntry *const *)rows)[i]->key;
}

static const char *snapshot_value(const void *rows, size_t i)
{
    return ((Google__Pubsub__V1__Snapshot__LabelsEntry *const *)rows)[i]->value;
}

enum grpc_status check_snapshot(const Google__Pubsub__V1__Snapshot *n,
                                bool strict, struct err *err)
{
    if (!n->expire_time)
        return invalid(err, "You have passed an invalid argument to the "
                            "service (argument=expire_time).");
    return check_labels(n->n_labels, strict, snapshot_key, snapshot_value,
                        n->labels, err);
}

/* --- topics --------------------------------------------------------------- */

enum grpc_status check_topic(Google__Pubsub__V1__Topic *t, bool strict,
                             struct err *err)
{
    enum grpc_status status = check_labels(t->n_labels, strict, topic_key,
                                           topic_value, t->labels, err);

    if (status == GRPC_OK && t->message_retention_duration)
        status = check_retention(t->message_retention_duration, strict, err);
    if (status == GRPC_OK)
        status = check_ingestion(t, strict, err);
    t->state = GOOGLE__PUBSUB__V1__TOPIC__STATE__ACTIVE;
    return status;
}

/* --- subscriptions -------------------------------------------------------- */

static enum grpc_status check_deadline(Google__Pubsub__V1__Subscription *s,
                                       bool strict, struct err *err)
{
    if (s->ack_deadline_seconds == 0)
        s->ack_deadline_seconds = DEADLINE_DEFAULT;
    if (s->ack_deadline_seconds <= DEADLINE_MAX &&
        s->ack_deadline_seconds >= (strict ? DEADLINE_MIN : 1))
        return GRPC_OK;
    if (!strict)
        return invalid(err, "ack_deadline_secs out of bounds");
    err_set(err, RC_INVALID,
            "Invalid ack deadline given (ack_deadline=%d). The ack deadline "
            "must be between 10 and 600 seconds.",
            s->ack_deadline_seconds);
    return GRPC_INVALID_ARGUMENT;
}

static enum grpc_status check_expiration(Google__Pubsub__V1__Subscription *s,
                                         bool strict, struct err *err)
{
    char text[48];

    if (!s->expiration_policy) {
        Google__Pubsub__V1__ExpirationPolicy *p =
            MEM_NEW(Google__Pubsub__V1__ExpirationPolicy);

        google__pubsub__v1__expiration_policy__init(p);
        p->ttl = seconds(EXPIRATION_DEFAULT);
        s->expiration_policy = p;
    }
    if (!s->expiration_policy->ttl || !strict ||
        s->expiration_policy->ttl->seconds >= EXPIRATION_MIN)
        return GRPC_OK;
    err_set(err, RC_INVALID,
            "The value for expiration duration is too small. You passed %s in "
            "the request, but the minimum value is 24h.",
            human(text, s->expiration_policy->ttl));
    return GRPC_INVALID_ARGUMENT;
}

static enum grpc_status check_sub_retention(Google__Pubsub__V1__Subscription *s,
                                            bool strict, struct err *err)
{
    const Google__Protobuf__Duration *ttl = s->expiration_policy->ttl;
    int64_t keep = RETENTION_DEFAULT;

    if (s->message_retention_duration)
        return check_retention(s->message_retention_duration, strict, err);
    if (ttl && ttl->seconds < keep)
        keep = ttl->seconds;
    s->message_retention_duration = seconds(keep);
    return GRPC_OK;
}

static enum grpc_status check_attempts(Google__Pubsub__V1__DeadLetterPolicy *p,
                                       struct err *err)
{
    if (p->max_delivery_attempts == 0)
        p->max_delivery_attempts = ATTEMPTS_DEFAULT;
    if (p->max_delivery_attempts >= ATTEMPTS_MIN &&
        p->max_delivery_attempts <= ATTEMPTS_MAX)
        return GRPC_OK;
    if (p->max_delivery_attempts < ATTEMPTS_MIN)
        err_set(err, RC_INVALID,
                "The value for max_delivery_attempts is too small. You passed "
                "%d in the request, but the minimum value is %d.",
                p->max_delivery_attempts, ATTEMPTS_MIN);
    else
        err_set(err, RC_INVALID,
                "The value for max_delivery_attempts is too large. You passed "
                "%d in the request, but the maximum value is %d.",
                p->max_delivery_attempts, ATTEMPTS_MAX);
    return GRPC_OUT_OF_RANGE;
}

static enum grpc_status check_backoff(const char *name,
                                      const Google__Protobuf__Duration *d,
                                      struct err *err)
{
    char rest[16] = "";

    if (is_within(d, 0, BACKOFF_MAX))
        return GRPC_OK;
    if (d->nanos)
        snprintf(rest, sizeof(rest), ".%09u", (unsigned)d->nanos % 1000000000);
    err_set(err, RC_INVALID,
            "The value for %s is out of bounds. You passed %lld%ss in the "
            "request, but the value must be between 0s and %ds.",
            name, (long long)d->seconds, rest, BACKOFF_MAX);
    return GRPC_INVALID_ARGUMENT;
}

static enum grpc_status check_retry(Google__Pubsub__V1__RetryPolicy *p,
                                    struct err *err)
{
    char most[48], least[48];
    enum grpc_status status;

    if (!p->minimum_backoff)
        p->minimum_backoff = seconds(BACKOFF_MIN_DEFAULT);
    if (!p->maximum_backoff)
        p->maximum_backoff = seconds(BACKOFF_MAX);
    status = check_backoff("minimum_backoff", p->minimum_backoff, err);
    if (status == GRPC_OK)
        status = check_backoff("maximum_backoff", p->maximum_backoff, err);
    if (status)
        return status;
    if (p->minimum_backoff->seconds <= p->maximum_backoff->seconds)
        return GRPC_OK;
    err_set(err, RC_INVALID,
            "The value for maximum_backoff is too small. You passed %s in the "
            "request, but the minimum value is %s.",
            human(most, p->maximum_backoff), human(least, p->minimum_backoff));
    return GRPC_INVALID_ARGUMENT;
}

static enum grpc_status check_filter(const char *text, struct err *err)
{
    struct filter *filter = NULL;
    struct err why = {0};

    if (!*text)
        return GRPC_OK;
    if (filter_parse(str_from(text), &filter, &why)) {
        err_set(err, RC_INVALID, "Invalid filter given: %s", why.text);
        return GRPC_INVALID_ARGUMENT;
    }
    filter_free(filter);
    return GRPC_OK;
}

static Google__Pubsub__V1__PushConfig *no_push(void)
{
    Google__Pubsub__V1__PushConfig *push =
        MEM_NEW(Google__Pubsub__V1__PushConfig);

    google__pubsub__v1__push_config__init(push);
    return push;
}

enum grpc_status check_subscription(Google__Pubsub__V1__Subscription *s,
                                    bool strict, struct err *err)
{
    enum grpc_status status = check_deadline(s, strict, err);

    if (status == GRPC_OK)
        status = check_labels(s->n_labels, strict, sub_key, sub_value,
                              s->labels, err);
    if (status == GRPC_OK)
        status = check_expiration(s, strict, err);
    if (status == GRPC_OK)
        status = check_sub_retention(s, strict, err);
    if (status == GRPC_OK && s->dead_letter_policy)
        status = check_attempts(s->dead_letter_policy, err);
    if (status == GRPC_OK && s->retry_policy)
        status = check_retry(s->retry_policy, err);
    if (status == GRPC_OK)
        status = check_filter(s->filter, err);
    if (!s->push_config && !s->bigquery_config && !s->cloud_storage_config)
        s->push_config = no_push(); /* shown, as production does */
    s->state = GOOGLE__PUBSUB__V1__SUBSCRIPTION__STATE__ACTIVE;
    return status;
}
