/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials_world.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"

struct credentials_world world = {.dir = "/tmp/datos-test-XXXXXX"};

static void on_request(struct http_req *req, void *arg)
{
    struct str path = http_req_path(req);
    struct http_field fields[] = {
        {STR("metadata-flavor"), str_from(world.flavor)},
    };
    struct str answer = STR("{\"access_token\":\"plain\",\"expires_in\":3599}");
    struct str own = http_req_field(req, STR("x-own"));

    (void)arg;
    if (!own.p)
        own = http_req_field(req, STR("x-aws-ec2-metadata-token"));
    snprintf(world.seen[world.n_requests++ % 8], sizeof(world.seen[0]),
             "%.*s|%.*s|%.*s|%.*s", STR_ARG(path),
             STR_ARG(http_req_known(req, HTTP_H_AUTHORIZATION)), STR_ARG(own),
             STR_ARG(http_req_body(req)));
    if (world.token_status) {
        http_reply(req, world.token_status, NULL, 0,
                   STR("{\"error\":\"invalid_grant\",\"error_description\":"
                       "\"Token has been revoked.\"}"));
        return;
    }
    if (str_eq(path, STR("/sts")))
        answer = STR("{\"access_token\":\"federated\",\"expires_in\":3600}");
    else if (str_starts(path, STR("/v1/act")))
        answer = STR("{\"accessToken\":\"acting\",\"expireTime\":"
                     "\"2100-01-01T00:00:00Z\"}");
    else if (str_eq(path, STR("/subject.json")))
        answer = STR("{\"tok\":\"from-url\"}");
    else if (str_eq(path, STR("/aws/session")))
        answer = http_req_method(req) == HTTP_PUT ? STR("session-1") : STR("");
    else if (str_eq(path, STR("/aws/zone")))
        answer = STR("us-east-2b");
    else if (str_eq(path, STR("/aws/roles")))
        answer = STR("a-role");
    else if (str_eq(path, STR("/aws/roles/a-role")))
        answer = STR("{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"SECRET\","
                     "\"Token\":\"TOKEN\"}");
    else if (str_ends(path, STR("/instance/region")))
        answer = STR("projects/1/regions/southamerica-west1");
    else if (str_starts(path, STR("/computeMetadata/")))
        answer = STR("{\"access_token\":\"attached\",\"expires_in\":300}");
    http_reply(req, 200, fields, 1, answer);
}

static void setup(void)
{
    log_init(LOG_OFF, "test", "test");
    strcpy(world.dir + strlen(world.dir) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(world.dir));
    unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
    unsetenv("GOOGLE_CLOUD_QUOTA_PROJECT");
    unsetenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
    setenv("CLOUDSDK_CONFIG", world.dir, 1);
    world.loop = loop_new();
    world.service = (struct service){0};
    service_start(&world.service, world.loop, on_request, NULL);
    world.source = NULL;
    world.n_requests = 0;
    world.token_status = 0;
    world.flavor = "Google";
}

static void remove_dir(void)
{
    char *command = mem_printf("rm -rf '%s'", world.dir);

    ck_assert_int_eq(system(command), 0);
    mem_free(command);
}

static void teardown(void)
{
    token_source_free(world.source);
    service_stop(&world.service);
    loop_free(world.loop);
    remove_dir();
}

void world_write_file(const char *name, const char *text, mode_t mode)
{
    char *path = mem_printf("%s/%s", world.dir, name);
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
    mem_free(path);
}

void question_done(struct token_get *get)
{
    struct question *q = LOOP_OWNER(get, struct question, get);

    q->is_done = true;
    snprintf(q->bearer, sizeof(q->bearer), "%.*s", STR_ARG(get->bearer));
}

const char *world_ask(void)
{
    static struct question q;

    q = (struct question){.get = {.done = question_done}};
    token_get(world.source, &q.get);
    ck_assert(!q.is_done);
    run_until(world.loop, flag_is_set, &q.is_done);
    if (q.get.rc == RC_OK)
        return q.bearer;
    snprintf(q.bearer, sizeof(q.bearer), "error: %s", q.get.err.text);
    return q.bearer;
}

/* `text` with each ~ replaced by the service's address. */
char *world_with_base(const char *text)
{
    struct buf b;

    buf_init(&b, 65536);
    for (; *text; text++) {
        if (*text == '~')
            buf_puts(&b, world.service.base);
        else
            buf_putc(&b, *text);
    }
    return buf_take(&b, NULL);
}

int world_parse(const char *text, struct err *err)
{
    char *json = world_with_base(text);
    int rc = credentials_parse(world.loop, str_from(json), "test.json",
                               &world.source, err);

    mem_free(json);
    return rc;
}

void world_open(const char *text)
{
    struct err err = {0};

    ck_assert_msg(world_parse(text, &err) == RC_OK, "%s", err.text);
}

TCase *world_case(const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    return tc;
}
