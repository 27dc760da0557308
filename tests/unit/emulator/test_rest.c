/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/buf.h"
#include "emulator/rest.h"
#include "emulator/transcode.h"
#include "google/pubsub/v1/pubsub.pb-c.h"

#define T "projects/*/topics/*"

static const struct {
    const char *rule, *method, *path;
    const char *bound; /* "field=value field=value", NULL: does not fit */
} paths[] = {
    {"GET /v1/{topic=" T "}", "GET", "/v1/projects/p/topics/t",
     "topic=projects/p/topics/t"},
    {"GET /v1/{topic=" T "}", "POST", "/v1/projects/p/topics/t", NULL},
    {"GET /v1/{topic=" T "}", "GET", "/v1/projects/p/topics/t/x", NULL},
    {"GET /v1/{topic=" T "}", "GET", "/v1/projects/p/topics/", NULL},
    {"GET /v1/{topic=" T "}", "GET", "/v1/projects//topics/t", NULL},
    {"GET /v1/{topic=" T "}", "GET", "/v1/projects/p/topic/t", NULL},
    {"GET /v1/{topic=" T "}", "GET", "/v1", NULL},
    {"GET /v1/{topic=" T "}", "GET", "", NULL},
    {"POST /v1/{topic=" T "}:publish body=*", "POST",
     "/v1/projects/p/topics/t:publish", "topic=projects/p/topics/t"},
    {"POST /v1/{topic=" T "}:publish body=*", "POST",
     "/v1/projects/a.com:p/topics/t:publish",
     "topic=projects/a.com:p/topics/t"},
    {"POST /v1/{topic=" T "}:publish body=*", "POST",
     "/v1/projects/p/topics/:publish", NULL},
    {"POST /v1/{topic=" T "}:publish body=*", "POST", "/v1/projects/p/topics/t",
     NULL},
    {"GET /v1/{project=projects/*}/topics", "GET", "/v1/projects/p/topics",
     "project=projects/p"},
    {"PATCH /v1/{topic.name=" T "} body=*", "PATCH", "/v1/projects/p/topics/t",
     "topic.name=projects/p/topics/t"},
    {"POST /v1/{parent=projects/*}/schemas:validate body=*", "POST",
     "/v1/projects/p/schemas:validate", "parent=projects/p"},
    {"GET /b/{a}/x/{b=**}", "GET", "/b/1/x/2/3", "a=1 b=2/3"},
};

START_TEST(matches_paths)
{
    struct rest_match m;
    struct buf bound;
    bool fits = rest_matches(paths[_i].rule, str_from(paths[_i].method), false,
                             str_from(paths[_i].path), &m);

    ck_assert_msg(fits == (paths[_i].bound != NULL), "%s %s", paths[_i].rule,
                  paths[_i].path);
    if (!fits)
        return;
    buf_init(&bound, 1000);
    for (size_t i = 0; i < m.n_vars; i++)
        buf_printf(&bound, "%s%.*s=%.*s", i ? " " : "",
                   STR_ARG(m.vars[i].field), STR_ARG(m.vars[i].value));
    ck_assert_str_eq(bound.data, paths[_i].bound);
    buf_fini(&bound);
}
END_TEST

static const struct {
    const char *rule, *path, *query, *body;
    const char *shown; /* NULL: refused */
} requests[] = {
    {"P /v1/{topic=" T "}:publish body=*", "/v1/projects/p/topics/t:publish",
     NULL, "{\"messages\":[{}],\"topic\":\"other\"}",
     "{\"topic\":\"projects/p/topics/t\",\"messages\":[{}]}"},
    {"P /v1/{topic=" T "}:publish body=*",
     "/v1/projects/p/topics/%C3%A9%2f:publish",
     "alt=json&$alt=json;enum-encoding=int&key=k", "",
     "{\"topic\":\"projects/p/topics/é/\"}"},
    {"P /v1/{topic=" T "}", "/v1/projects/p/topics/t", "nada=1", "", NULL},
    {"P /v1/{topic=" T "}", "/v1/projects/p/topics/t", "alt=media", "", NULL},
    {"P /v1/{topic=" T "}", "/v1/projects/p/topics/t", "callback=f", "", NULL},
    {"P /v1/{topic=" T "}", "/v1/projects/p/topics/t", "fields=nada", "", NULL},
    {"P /v1/{topic=" T "}", "/v1/projects/p/topics/t", "fields=a(", "", NULL},
    {"P /v1/{topic=" T "}", "/v1/projects/p/topics/t%2", "", "", NULL},
    {"P /v1/{topic=" T "}", "/v1/projects/p/topics/t", "a=%zz", "", NULL},
    {"P /v1/{topic=" T "}", "/v1/projects/p/topics/t", "", "not looked at",
     "{\"topic\":\"projects/p/topics/t\"}"},
    {"P /v1/{topic=" T "} body=*", "/v1/projects/p/topics/t", "", "{", NULL},
};

START_TEST(makes_the_message)
{
    ProtobufCMessage *m = NULL;
    struct rest_match match;
    struct err err = {0};
    struct buf out;
    struct rest_form form;
    int rc;

    ck_assert(rest_matches(requests[_i].rule, STR("P"), false,
                           str_from(requests[_i].path), &match));
    rc = rest_read(&google__pubsub__v1__publish_request__descriptor,
                   &google__pubsub__v1__publish_response__descriptor, &match,
                   str_from(requests[_i].query), str_from(requests[_i].body),
                   &m, &form, &err);
    ck_assert_int_eq(rc, requests[_i].shown ? RC_OK : RC_INVALID);
    if (rc)
        return;
    buf_init(&out, 10000);
    transcode_write_compact(m, &out);
    ck_assert_str_eq(out.data, requests[_i].shown);
    buf_fini(&out);
    protobuf_c_message_free_unpacked(m, NULL);
}
END_TEST

Suite *suite_rest(void);
Suite *suite_rest(void)
{
    Suite *s = suite_create("rest");
    TCase *tc = tcase_create("rest");

    tcase_add_loop_test(tc, matches_paths, 0, sizeof(paths) / sizeof(paths[0]));
    tcase_add_loop_test(tc, makes_the_message, 0,
                        sizeof(requests) / sizeof(requests[0]));
    suite_add_tcase(s, tc);
    return s;
}
