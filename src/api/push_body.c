/* SPDX-License-Identifier: Apache-2.0 */
#include "api/push_body.h"

#include <jansson.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/timefmt.h"

static struct str text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value))
        return STR_NULL;
    return str_of(json_string_value(value), json_string_length(value));
}

/* Both spellings stand in an envelope. */
static struct str either(const json_t *object, const char *one, const char *two)
{
    struct str text = text_of(object, one);

    return text.p ? text : text_of(object, two);
}

static bool take_data(const json_t *message, struct push_body *out)
{
    struct str text = text_of(message, "data");
    size_t len = 0;

    if (!text.p)
        return !json_object_get(message, "data");
    out->data = mem_try_alloc(base64_decoded_max(text.len) + 1);
    if (!out->data || !base64_decode(text, out->data, &len))
        return false;
    out->push.data = str_of(out->data, len);
    return true;
}

static bool take_attributes(json_t *attributes, struct api_push *push)
{
    const char *name;
    json_t *value;

    if (!attributes)
        return true;
    if (!json_is_object(attributes))
        return false;
    push->attributes =
        MEM_ARRAY(struct api_push_attribute, json_object_size(attributes) + 1);
    json_object_foreach(attributes, name, value)
    {
        struct api_push_attribute *a = &push->attributes[push->n_attributes++];

        if (!json_is_string(value))
            return false;
        a->key = str_from(name);
        a->value = str_of(json_string_value(value), json_string_length(value));
    }
    return true;
}

static int take_envelope(const json_t *json, const json_t *message,
                         struct push_body *out, const char **why)
{
    const json_t *attempt = json_object_get(json, "deliveryAttempt");
    struct api_push *push = &out->push;
    struct str published = either(message, "publishTime", "publish_time");

    push->data = STR("");
    push->id = either(message, "messageId", "message_id");
    push->ordering_key = either(message, "orderingKey", "ordering_key");
    out->subscription = text_of(json, "subscription");
    if (json_is_integer(attempt) && json_integer_value(attempt) < 1000000)
        push->delivery_attempt = (int)json_integer_value(attempt);
    /* a time that cannot be read costs a figure, not the message */
    if (published.p && timefmt_parse(published, &push->publish_us, NULL))
        push->publish_us = 0;
    if (!take_data(message, out))
        *why = "message.data is not base64";
    else if (!take_attributes(json_object_get(message, "attributes"), push))
        *why = "message.attributes are not texts";
    else
        return RC_OK;
    return RC_MALFORMED;
}

int push_body_parse(struct str body, struct push_body *out, const char **why)
{
    json_t *json = NULL;
    const json_t *message;

    *out = (struct push_body){.data = NULL};
    if (body.len && body.p[0] == '{')
        json = json_loadb(body.p, body.len,
                          JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    message = json_object_get(json, "message");
    if (json_is_object(message)) {
        out->json = json;
        return take_envelope(json, message, out, why);
    }
    /* no wrapper: whatever it is, ingest judges it */
    json_decref(json);
    out->data = mem_dup(body.len ? body.p : "", body.len ? body.len : 1);
    out->push.data = str_of(out->data, body.len);
    return RC_OK;
}

void push_body_fini(struct push_body *b)
{
    json_decref(b->json);
    mem_free(b->data);
    mem_free(b->push.attributes);
}
