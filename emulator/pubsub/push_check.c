/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/push_check.h"

#include "common/mem.h"
#include "common/str.h"
#include "net/endpoint.h"

#define VERSION_KEY "x-goog-version"

enum {
    ENDPOINT_MAX = 2048
};

bool push_has_endpoint(const Google__Pubsub__V1__PushConfig *push)
{
    return push && *push->push_endpoint;
}

static enum grpc_status invalid(struct err *err, const char *text)
{
    err_set(err, RC_INVALID, "%s", text);
    return GRPC_INVALID_ARGUMENT;
}

/* An absolute URL of a server; nothing in it that would end a line. */
static bool is_url(struct str url, bool safe)
{
    struct str rest = url, scheme = str_cut(&rest, ':'), host;

    if (url.len > ENDPOINT_MAX || !rest.p || !str_starts(rest, STR("//")) ||
        (!str_ieq(scheme, STR("http")) && !str_ieq(scheme, STR("https"))))
        return false;
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f ||
            url.p[i] == '\\')
            return false;
    rest = str_of(rest.p + 2, rest.len - 2);
    host = str_cut(&rest, '/');
    if (!host.len || host.p[0] == ':' || host.p[0] == '?' || host.p[0] == '#' ||
        memchr(host.p, '@', host.len))
        return false;
    return !safe || endpoint_url_is_safe(url);
}

static enum grpc_status check_endpoint(const char *endpoint, bool strict,
                                       bool insecure, struct err *err)
{
    if (is_url(str_from(endpoint), strict && !insecure))
        return GRPC_OK;
    if (strict)
        err_set(err, RC_INVALID,
                "Invalid push endpoint given (endpoint=%.300s). Refer to "
                "https://cloud.google.com/pubsub/subscriber#create for "
                "more information. (An https URL is "
                "wanted, or http to this machine; --push-insecure takes any "
                "http URL.)",
                endpoint);
    else
        err_set(err, RC_INVALID, "Unsupported push_endpoint");
    return GRPC_INVALID_ARGUMENT;
}

static enum grpc_status check_oidc(const Google__Pubsub__V1__PushConfig *push,
                                   struct err *err)
{
    struct str email;

    if (push->authentication_method_case !=
        GOOGLE__PUBSUB__V1__PUSH_CONFIG__AUTHENTICATION_METHOD_OIDC_TOKEN)
        return GRPC_OK;
    email = str_from(push->oidc_token->service_account_email);
    if (email.len && memchr(email.p, '@', email.len))
        return GRPC_OK;
    return invalid(err, "Invalid push config given: "
                        "oidc_token.service_account_email must be the "
                        "address of a service account.");
}

/* The one attribute there is. */
static enum grpc_status
check_attributes(const Google__Pubsub__V1__PushConfig *push, bool strict,
                 struct err *err)
{
    for (size_t i = 0; i < push->n_attributes; i++) {
        const char *key = push->attributes[i]->key;
        const char *value = push->attributes[i]->value;

        if (strcmp(key, VERSION_KEY) == 0 &&
            (strcmp(value, "v1") == 0 || strcmp(value, "v1beta2") == 0))
            continue;
        if (strcmp(key, VERSION_KEY) != 0 && !strict)
            continue;
        err_set(err, RC_INVALID,
                "Invalid push config given: attribute %.100s=%.100s is not "
                "supported (only " VERSION_KEY " with v1 or v1beta2).",
                key, value);
        return GRPC_INVALID_ARGUMENT;
    }
    return GRPC_OK;
}

/* "If not present it defaults to the version of the API used" (the field's
 * comment in Google's API); production shows it. */
static void fill_in_version(Google__Pubsub__V1__PushConfig *push)
{
    Google__Pubsub__V1__PushConfig__AttributesEntry *row;

    if (push->n_attributes)
        return;
    row = MEM_NEW(Google__Pubsub__V1__PushConfig__AttributesEntry);
    google__pubsub__v1__push_config__attributes_entry__init(row);
    row->key = mem_strdup(VERSION_KEY);
    row->value = mem_strdup("v1");
    push->attributes =
        MEM_ARRAY(Google__Pubsub__V1__PushConfig__AttributesEntry *, 1);
    push->attributes[0] = row;
    push->n_attributes = 1;
}

enum grpc_status push_check(Google__Pubsub__V1__Subscription *config,
                            bool strict, bool insecure, struct err *err)
{
    Google__Pubsub__V1__PushConfig *push = config->push_config;
    enum grpc_status status;

    if (!push_has_endpoint(push)) {
        if (push && push->authentication_method_case)
            return invalid(err, "Invalid push config given: oidc_token is set, "
                                "but push_endpoint is not.");
        return GRPC_OK;
    }
    if (config->bigquery_config || config->cloud_storage_config ||
        config->bigtable_config)
        return invalid(err, "A subscription may have only one of push_config, "
                            "bigquery_config and cloud_storage_config.");
    if (config->enable_exactly_once_delivery && strict)
        return invalid(err, "Exactly-once delivery is not supported for push "
                            "subscriptions.");
    status = check_endpoint(push->push_endpoint, strict, insecure, err);
    if (status == GRPC_OK)
        status = check_oidc(push, err);
    if (status == GRPC_OK)
        status = check_attributes(push, strict, err);
    if (status == GRPC_OK && strict)
        fill_in_version(push);
    return status;
}
