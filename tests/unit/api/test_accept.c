/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "api/accept.h"

static const struct {
    const char *field;
    bool json, gzip;
} cases[] = {
    {"*/*", true, false},
    {"application/json", true, false},
    {"Application/JSON", true, false},
    {"application/*;q=0.2", true, false},
    {"text/html,application/xhtml+xml,*/*;q=0.8", true, false},
    {"text/html", false, false},
    {"application/json;q=0", false, false},
    {"application/json;q=0.000", false, false},
    {"application/json;q=0.001", true, false},
    {"*/*, application/json;q=0", false, false},
    {"application/*;q=0, application/json", true, false},
    {"gzip", false, true},
    {"GZip ; q=1", false, true},
    {"x-gzip", false, true},
    {"deflate, gzip;q=0.5", false, true},
    {"gzip;q=0", false, false},
    {"gzip;q=0, *", false, false},
    {"*", false, true},
    {"*;q=0", false, false},
    {"identity", false, false},
    {",,;;q=,", false, false},
};

START_TEST(closest_range_decides)
{
    struct str field = str_from(cases[_i].field);

    ck_assert_msg(accept_type(field, STR("application/json")) == cases[_i].json,
                  "%s", cases[_i].field);
    ck_assert_msg(accept_gzip(field) == cases[_i].gzip, "%s", cases[_i].field);
}
END_TEST

START_TEST(absent_field_takes_json_and_no_gzip)
{
    ck_assert(accept_type(STR_NULL, STR("application/json")));
    ck_assert(accept_type(STR(""), STR("application/json")));
    ck_assert(!accept_gzip(STR_NULL));
}
END_TEST

static const struct {
    const char *field, *type;
    bool is_utf8;
} media[] = {
    {"application/json", "application/json", true},
    {" application/json ; charset=utf-8", "application/json", true},
    {"application/json;charset=\"UTF-8\"", "application/json", true},
    {"application/json; charset=latin1", "application/json", false},
    {"application/json; boundary=x; charset=us-ascii", "application/json",
     true},
    {"", "", true},
};

START_TEST(media_type_is_taken_apart)
{
    bool is_utf8;
    struct str type = accept_media_type(str_from(media[_i].field), &is_utf8);

    ck_assert(str_eq(type, str_from(media[_i].type)));
    ck_assert_int_eq(is_utf8, media[_i].is_utf8);
}
END_TEST

Suite *suite_accept(void)
{
    Suite *s = suite_create("accept");
    TCase *t = tcase_create("accept");

    tcase_add_loop_test(t, closest_range_decides, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(t, absent_field_takes_json_and_no_gzip);
    tcase_add_loop_test(t, media_type_is_taken_apart, 0,
                        sizeof(media) / sizeof(media[0]));
    suite_add_tcase(s, t);
    return s;
}
