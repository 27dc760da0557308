/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "emulator/bigquery/api.h"
#include "emulator/bigquery/resource.h"

static const struct {
    const char *method, *path, *name, *vars;
} cases[] = {
    {"GET", "/bigquery/v2/projects/p/datasets", "datasets.list", "p"},
    {"GET", "/projects/p/datasets", "datasets.list", "p"},
    {"GET", "/v2/projects/p/datasets/", "datasets.list", "p"},
    {"GET", "//bigquery/v2/projects/p/datasets", "datasets.list", "p"},
    {"PUT", "/projects/p/datasets/d", "datasets.update", "p d"},
    {"GET", "/projects/p/datasets/d/tables/t%2420250101", "tables.get",
     "p d t$20250101"},
    {"POST", "/projects/p/datasets/d/tables/t:getIamPolicy",
     "tables.getIamPolicy", "p d t"},
    {"POST", "/projects/p/datasets/d/tables/t/insertAll", "tabledata.insertAll",
     "p d t"},
    {"POST", "/projects/p/queries", "jobs.query", "p"},
    {"GET", "/projects/p/queries/j", "jobs.getQueryResults", "p j"},
    {"DELETE", "/projects/p/jobs/j/delete", "jobs.delete", "p j"},
    {"POST", "/upload/bigquery/v2/projects/p/jobs", "jobs.insert", "p"},
    {"PUT", "/resumable/upload/bigquery/v2/projects/p/jobs", "jobs.insert",
     "p"},
    {"GET", "/discovery/v1/apis/bigquery/v2/rest", "discovery.getRest", ""},
    {"GET", "/projects/p", NULL, ""},
    {"GET", "/projects//datasets", NULL, ""},
    {"PATCH", "/projects/p/datasets", NULL, ""},
};

START_TEST(a_path_finds_its_method)
{
    struct str vars[CALL_MAX_VARS];
    struct buf path, text;
    const struct route *r;
    char got[200] = "";
    bool known = false;
    size_t n = 0;

    buf_init(&path, 4096);
    buf_init(&text, 4096);
    buf_reserve(&text, 4000);
    route_strip(str_from(cases[_i].path), &path);
    r = route_find(str_from(cases[_i].method), buf_as_str(&path), &text, vars,
                   &known);
    ck_assert_msg(!r == !cases[_i].name, "%s", cases[_i].path);
    if (r) {
        ck_assert_str_eq(r->name, cases[_i].name);
        for (size_t i = 0; i < CALL_MAX_VARS && vars[i].len; i++)
            n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s",
                                  i ? " " : "", vars[i].p);
        ck_assert_str_eq(got, cases[_i].vars);
    } else {
        ck_assert_int_eq(known, cases[_i].method[0] == 'P');
    }
    buf_fini(&path);
    buf_fini(&text);
}
END_TEST

START_TEST(a_patch_merges_objects_and_removes_nulls)
{
    json_t *was = json_loads(
        "{\"a\":1,\"labels\":{\"x\":\"1\",\"y\":\"2\"},\"l\":[1]}", 0, NULL);
    json_t *patch = json_loads(
        "{\"a\":null,\"labels\":{\"x\":null,\"z\":\"3\"},\"l\":[2,3]}", 0,
        NULL);
    json_t *want = json_loads(
        "{\"labels\":{\"y\":\"2\",\"z\":\"3\"},\"l\":[2,3]}", 0, NULL);
    json_t *got = resource_merge(was, patch);

    ck_assert(json_equal(got, want));
    json_decref(was);
    json_decref(patch);
    json_decref(want);
    json_decref(got);
}
END_TEST

START_TEST(a_filter_wants_all_its_labels)
{
    json_t *body =
        json_loads("{\"labels\":{\"env\":\"dev\",\"team\":\"\"}}", 0, NULL);

    ck_assert(resource_filter(STR_NULL, body));
    ck_assert(resource_filter(STR("labels.env:dev"), body));
    ck_assert(resource_filter(STR("labels.env labels.team"), body));
    ck_assert(!resource_filter(STR("labels.env:prod"), body));
    ck_assert(!resource_filter(STR("labels.env:dev labels.no"), body));
    json_decref(body);
}
END_TEST

Suite *suite_routes(void)
{
    Suite *s = suite_create("routes");
    TCase *tc = tcase_create("routes");

    tcase_add_loop_test(tc, a_path_finds_its_method, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, a_patch_merges_objects_and_removes_nulls);
    tcase_add_test(tc, a_filter_wants_all_its_labels);
    suite_add_tcase(s, tc);
    return s;
}
