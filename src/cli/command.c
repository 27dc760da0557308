/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <arpa/inet.h>
#include <string.h>

#include "cache/redis_url.h"
#include "config/args.h"
#include "config/settings.h"
#include "net/endpoint.h"

static int check_endpoint(const char *service, const char *value,
                          const char *variable, struct err *err)
{
    struct endpoint e;

    return value ? endpoint_init(&e, service, value, variable, NULL, err)
                 : RC_OK;
}

static bool is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return strcmp(text, "localhost") == 0 ||
           inet_pton(AF_INET, text, bytes) == 1 ||
           inet_pton(AF_INET6, text, bytes) == 1;
}

int command_check(const struct settings *s, struct err *err)
{
    struct redis_url url;
    int rc;

    if (!is_address(s->bind))
        return err_set(err, RC_INVALID,
                       "DATOS_BIND=%.100s: must be an IP address to listen on, "
                       "such as 127.0.0.1 or 0.0.0.0",
                       s->bind);
    rc = check_endpoint("pubsub", s->pubsub_emulator_host,
                        "PUBSUB_EMULATOR_HOST", err);
    if (!rc)
        rc = check_endpoint("bigquery", s->bigquery_emulator_host,
                            "BIGQUERY_EMULATOR_HOST", err);
    if (!rc && s->redis_url) {
        rc = redis_url_parse(str_from(s->redis_url), &url, err);
        if (!rc)
            redis_url_fini(&url);
    }
    return rc;
}

int command_open(const char *name, const struct args_flag *flags, size_t n,
                 int argc, char **argv, struct settings *s)
{
    struct err err;
    int code;

    if (args_take(flags, n, &argc, argv, &err) ||
        settings_load(s, &argc, argv, &err))
        return args_refuse(name, &err);
    code = args_finish(name, flags, n, true, argc, argv);
    if (!code && command_check(s, &err))
        code = args_refuse(name, &err);
    if (code)
        settings_free(s);
    return code;
}
