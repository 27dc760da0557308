/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/batch.h"

#include <check.h>

static const struct batch_limits limits = {100, 1000, 50, 2};

static const struct {
    const char *name;
    struct batch_state state;
    int64_t now, wait;
} cases[] = {
    {"nothing waits", {0, 0, 0, 0}, 1000, -1},
    {"idle: at once", {1, 10, 1000, 0}, 1000, 0},
    {"a call is under way: gather", {1, 10, 1000, 1}, 1000, 50},
    {"... until it is old", {1, 10, 1000, 1}, 1049, 1},
    {"... and then send", {1, 10, 1000, 1}, 1050, 0},
    {"full by count", {100, 10, 1000, 1}, 1000, 0},
    {"full by bytes", {2, 1000, 1000, 1}, 1000, 0},
    {"no call left, however full", {100, 1000, 0, 2}, 1000, -1},
};

START_TEST(sends_when_idle_full_or_old)
{
    ck_assert_msg(batch_wait_us(&limits, &cases[_i].state, cases[_i].now) ==
                      cases[_i].wait,
                  "%s", cases[_i].name);
}
END_TEST

Suite *suite_batch(void)
{
    Suite *s = suite_create("batch");
    TCase *tc = tcase_create("batch");

    tcase_add_loop_test(tc, sends_when_idle_full_or_old, 0,
                        sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(s, tc);
    return s;
}
