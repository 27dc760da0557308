/* SPDX-License-Identifier: Apache-2.0 */
#include "common/timefmt.h"

#include <check.h>

static const struct {
    const char *text;
    int64_t us;
    const char *shown; /* NULL: refused */
} cases[] = {
    {"2025-01-14T10:00:00Z", 1736848800000000, "2025-01-14T10:00:00+00:00"},
    {"2025-01-14T10:00:00.5Z", 1736848800500000,
     "2025-01-14T10:00:00.500000+00:00"},
    {"2025-01-14T07:00:00-03:00", 1736848800000000,
     "2025-01-14T10:00:00+00:00"},
    {"1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999+00:00"},
    {"2000-02-29T00:00:00z", 951782400000000, "2000-02-29T00:00:00+00:00"},
    {"0001-01-01T00:00:00Z", -62135596800000000, "0001-01-01T00:00:00+00:00"},
    {"9999-12-31T23:59:59.999999Z", 253402300799999999,
     "9999-12-31T23:59:59.999999+00:00"},
    {"2023-02-29T00:00:00Z", 0, NULL},
    {"1900-02-29T00:00:00Z", 0, NULL},
    {"2016-12-31T23:59:60Z", 0, NULL},
    {"2025-01-14T24:00:00Z", 0, NULL},
    {"2025-01-14T10:00:00.1234567Z", 0, NULL},
    {"2025-01-14T10:00:00.Z", 0, NULL},
    {"2025-01-14T10:00:00", 0, NULL},
    {"2025-01-14T10:00:00+24:00", 0, NULL},
    {"2025-01-14T10:00:00+0000", 0, NULL},
    {"2025-01-14T10:00:00Zx", 0, NULL},
    {"0001-01-01T00:00:00+00:01", 0, NULL},
    {"9999-12-31T23:59:59-00:01", 0, NULL},
    {"2025-1-14T10:00:00Z", 0, NULL},
    {"", 0, NULL},
};

START_TEST(reads_and_shows_what_rfc_3339_allows)
{
    char out[TIMEFMT_MAX];
    const char *why = NULL;
    int64_t us = 0;
    int rc = timefmt_parse(str_from(cases[_i].text), &us, &why);

    if (!cases[_i].shown) {
        ck_assert_msg(rc == RC_INVALID, "accepted: %s", cases[_i].text);
        ck_assert_ptr_nonnull(why);
        return;
    }
    ck_assert_msg(rc == RC_OK, "%s: %s", cases[_i].text, why ? why : "");
    ck_assert_int_eq(us, cases[_i].us);
    ck_assert_uint_eq(timefmt_format(out, us), strlen(cases[_i].shown));
    ck_assert_str_eq(out, cases[_i].shown);
}
END_TEST

START_TEST(shows_the_http_date_of_rfc_9110)
{
    char out[TIMEFMT_MAX];

    ck_assert_uint_eq(timefmt_format_http(out, 784887151000000), 29);
    ck_assert_str_eq(out, "Tue, 15 Nov 1994 08:12:31 GMT");
}
END_TEST

START_TEST(days_and_dates_are_inverse)
{
    for (int64_t day = -719162; day < 2932896; day += 97) {
        int64_t year;
        unsigned m, d;
        timefmt_civil_from_days(day, &year, &m, &d);
        ck_assert_int_eq(timefmt_days_from_civil(year, m, d), day);
    }
}
END_TEST

Suite *suite_timefmt(void);
Suite *suite_timefmt(void)
{
    Suite *s = suite_create("timefmt");
    TCase *tc = tcase_create("timefmt");

    tcase_add_loop_test(tc, reads_and_shows_what_rfc_3339_allows, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, shows_the_http_date_of_rfc_9110);
    tcase_add_test(tc, days_and_dates_are_inverse);
    suite_add_tcase(s, tc);
    return s;
}
