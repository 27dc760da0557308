/* SPDX-License-Identifier: Apache-2.0 */
/* Publish requests: production's limits, and the copy into a batch. */
#include "emulator/pubsub/message.h"

#include "common/json.h"
#include "common/mem.h"
#include "grpc/wire.h"

/* What the checks of one message find. */
struct seen {
    bool has_data;
    bool has_foreign; /* fields that are not stored */
    uint32_t n_attributes;
    struct str ordering_key;
};

static int refuse(struct err *err, const char *text)
{
    return err_set(err, RC_INVALID, "%s", text);
}

static int too_large(struct err *err, const char *what, size_t is, size_t most)
{
    return err_set(err, RC_INVALID,
                   "The value for %s is too large. You passed %zu in the "
                   "request, but the maximum value is %zu.",
                   what, is, most);
}

static int check_attribute(struct str entry, bool limits, struct err *err)
{
    struct wire w = wire_of(entry);
    struct wire_field f;
    struct str key = STR(""), value = STR("");

    while (wire_next(&w, &f))
        if (f.type == WIRE_BYTES && f.number == 1)
            key = f.bytes;
        else if (f.type == WIRE_BYTES && f.number == 2)
            value = f.bytes;
    if (wire_is_bad(&w))
        return RC_MALFORMED;
    if (!json_is_utf8(key) || !json_is_utf8(value))
        return refuse(err, "Attributes must be valid UTF-8.");
    if (!limits)
        return RC_OK;
    if (key.len == 0)
        return refuse(err, "You have passed an invalid argument to the service"
                           " (argument=attributes: a key is empty).");
    if (key.len > MESSAGE_MAX_KEY)
        return too_large(err, "attribute key size", key.len, MESSAGE_MAX_KEY);
    if (value.len > MESSAGE_MAX_VALUE)
        return too_large(err, "attribute value size", value.len,
                         MESSAGE_MAX_VALUE);
    /* googclient_...: what Google's own clients send along (traces) */
    if (str_starts(key, STR("goog")) && !str_starts(key, STR("googclient_")))
        return err_set(err, RC_INVALID,
                       "Attribute keys may not begin with \"goog\" (key=%.*s).",
                       STR_ARG(key));
    return RC_OK;
}

static int check_message(struct str message, bool limits, struct seen *seen,
                         struct err *err)
{
    struct wire w = wire_of(message);
    struct wire_field f;

    *seen = (struct seen){.ordering_key = STR("")};
    while (wire_next(&w, &f)) {
        int rc = RC_OK;

        if (f.number <= MESSAGE_ORDERING_KEY && f.type != WIRE_BYTES)
            return RC_MALFORMED;
        switch (f.number) {
        case MESSAGE_DATA:
            seen->has_data = f.bytes.len > 0;
            break;
        case MESSAGE_ATTRIBUTES:
            seen->n_attributes++;
            rc = check_attribute(f.bytes, limits, err);
            break;
        case MESSAGE_ORDERING_KEY:
            seen->ordering_key = f.bytes;
            break;
        default:
            seen->has_foreign = true;
            break;
        }
        if (rc)
            return rc;
    }
    if (wire_is_bad(&w))
        return RC_MALFORMED;
    if (!json_is_utf8(seen->ordering_key))
        return refuse(err, "The ordering key must be valid UTF-8.");
    if (!seen->has_data && seen->n_attributes == 0)
        return refuse(
            err, limits ? "One or more messages in the publish request is "
                          "empty. Each message must contain either non-empty "
                          "data, or at least one attribute."
                        : "Some messages are empty");
    if (limits && seen->n_attributes > MESSAGE_MAX_ATTRIBUTES)
        return too_large(err, "attribute count", seen->n_attributes,
                         MESSAGE_MAX_ATTRIBUTES);
    if (limits && seen->ordering_key.len > MESSAGE_MAX_ORDERING_KEY)
        return too_large(err, "ordering key size", seen->ordering_key.len,
                         MESSAGE_MAX_ORDERING_KEY);
    return RC_OK;
}

bool message_is_sound(struct str message)
{
    struct seen seen;
    struct err err;
    int rc = check_message(message, false, &seen, &err);

    return rc == RC_OK ||
           (rc == RC_INVALID && !seen.has_data && seen.n_attributes == 0 &&
            json_is_utf8(seen.ordering_key)); /* what a transform left empty */
}

/* Only the fields that are the publisher's. */
static uint8_t *copy_own_fields(uint8_t *to, struct str message)
{
    struct wire w = wire_of(message);
    struct wire_field f;

    while (wire_next(&w, &f)) {
        size_t len = (size_t)(w.p - f.from);

        if (f.number != MESSAGE_DATA && f.number != MESSAGE_ATTRIBUTES &&
            f.number != MESSAGE_ORDERING_KEY)
            continue;
        memcpy(to, f.from, len);
        to += len;
    }
    return to;
}

static uint8_t *copy_message(uint8_t *to, struct str message, bool has_foreign)
{
    uint8_t *start = to;
    uint8_t *end;
    size_t len;

    if (!has_foreign) {
        to = wire_write_varint(to, message.len);
        memcpy(to, message.p, message.len);
        return to + message.len;
    }
    /* The length in front may need fewer bytes than the original's. */
    end = copy_own_fields(to, message);
    len = (size_t)(end - start);
    memmove(start + wire_varint_len(len), start, len);
    return wire_write_varint(start, len) + len;
}

static int count_messages(struct str request, struct publish *out,
                          size_t *bytes)
{
    struct wire w = wire_of(request);
    struct wire_field f;

    *out = (struct publish){.topic = STR("")};
    *bytes = 0;
    while (wire_next(&w, &f)) {
        if (f.number <= 2 && f.type != WIRE_BYTES)
            return RC_MALFORMED;
        if (f.number == 1) {
            out->topic = f.bytes;
        } else if (f.number == 2) {
            out->n++;
            *bytes += (size_t)(w.p - f.from);
        }
    }
    return wire_is_bad(&w) ? RC_MALFORMED : RC_OK;
}

static int check_count(size_t n, bool limits, struct err *err)
{
    if (n > PUBLISH_MAX_MESSAGES)
        return limits ? too_large(err, "message_count", n, PUBLISH_MAX_MESSAGES)
                      : refuse(err, "Too many messages to publish");
    if (n > 0)
        return RC_OK;
    return refuse(err, limits
                           ? "The value for message_count is too small. You "
                             "passed 0 in the request, but the minimum value "
                             "is 1."
                           : "No messages to publish");
}

static int copy_all(struct str request, bool limits, struct publish *out,
                    struct err *err)
{
    struct wire w = wire_of(request);
    struct wire_field f;
    struct str key = STR_NULL;
    uint8_t *to = (uint8_t *)out->bytes;

    while (wire_next(&w, &f)) {
        struct seen seen;
        int rc;

        if (f.number != 2)
            continue;
        rc = check_message(f.bytes, limits, &seen, err);
        if (rc)
            return rc;
        if (limits && key.p && !str_eq(key, seen.ordering_key))
            return refuse(err, "All messages in a publish request must have "
                               "the same ordering key.");
        key = seen.ordering_key;
        to = copy_message(to, f.bytes, seen.has_foreign);
    }
    out->len = (uint32_t)(to - (uint8_t *)out->bytes);
    return RC_OK;
}

int publish_read(struct str request, bool limits, struct publish *out,
                 struct err *err)
{
    size_t bytes;
    int rc = count_messages(request, out, &bytes);

    if (rc)
        return rc;
    rc = check_count(out->n, limits, err);
    if (rc)
        return rc;
    if (limits && request.len > REQUEST_MAX_BYTES)
        return refuse(
            err, "Request payload size exceeds the limit: 10485760 bytes.");
    if (limits && request.len > PUBLISH_MAX_BYTES)
        return too_large(err, "request_size", request.len, PUBLISH_MAX_BYTES);
    out->bytes = mem_try_alloc(bytes);
    if (!out->bytes)
        return err_set(err, RC_NOMEM, "no memory for %zu bytes", bytes);
    rc = copy_all(request, limits, out, err);
    if (rc) {
        mem_free(out->bytes);
        out->bytes = NULL;
    }
    return rc;
}

int publish_check_message(struct str message, bool limits, struct err *err)
{
    struct seen seen;
    int rc = check_message(message, limits, &seen, err);

    return rc == RC_MALFORMED ? refuse(err, "It is no PubsubMessage.") : rc;
}

bool publish_topic(struct str request, struct str *topic)
{
    struct publish p;
    size_t bytes;

    if (count_messages(request, &p, &bytes))
        return false;
    *topic = p.topic;
    return true;
}
