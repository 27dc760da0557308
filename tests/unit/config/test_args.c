/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of one command. */
#include "config/args.h"

#include <check.h>
#include <string.h>

static const char *text;
static int64_t number = 5;
static double real;
static bool flag;
static struct err err;

static const struct args_flag flags[] = {
    {"--text", ARGS_TEXT, &text, 0, 0, "WORD", "a word"},
    {"--number", ARGS_INT, &number, 1, 9, "N", "a number"},
    {"--real", ARGS_REAL, &real, 0, 100, "R", "a rate"},
    {"--flag", ARGS_FLAG, &flag, 0, 0, NULL, "a switch"},
    {"--quiet-one", ARGS_FLAG, &flag, 0, 0, NULL, NULL},
};
#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

START_TEST(takes_its_own_and_leaves_the_rest_in_order)
{
    char *argv[] = {(char *)"p",
                    (char *)"a",
                    (char *)"--text",
                    (char *)"x",
                    (char *)"b",
                    (char *)"--number=7",
                    (char *)"--flag",
                    (char *)"--real",
                    (char *)"2.5",
                    (char *)"--",
                    (char *)"--number",
                    (char *)"8",
                    NULL};
    int argc = 12;

    ck_assert_int_eq(args_take(flags, N_FLAGS, &argc, argv, &err), 0);
    ck_assert_int_eq(argc, 6);
    ck_assert_str_eq(argv[1], "a");
    ck_assert_str_eq(argv[2], "b");
    ck_assert_str_eq(argv[3], "--");
    ck_assert_str_eq(argv[5], "8");
    ck_assert_str_eq(text, "x");
    ck_assert_int_eq(number, 7);
    ck_assert(flag && real == 2.5);
    ck_assert_str_eq(args_left_over(argc, argv), "a");
}
END_TEST

static const struct {
    const char *words[2];
    const char *told;
} bad[] = {
    {{"--number", "10"}, "from 1 to 9"},
    {{"--number", "x"}, "--number=x"},
    {{"--number", NULL}, "needs a value"},
    {{"--number", "--"}, "needs a value"},
    {{"--flag=1", NULL}, "takes no value"},
    {{"--real", "1e9"}, "0 to 100"},
    {{"--real", "nan"}, "0 to 100"},
    {{"--real", ""}, "0 to 100"},
};

START_TEST(refuses_and_names_the_flag)
{
    char *argv[] = {(char *)"p", (char *)bad[_i].words[0],
                    (char *)bad[_i].words[1], NULL};
    int argc = bad[_i].words[1] ? 3 : 2;

    ck_assert_int_eq(args_take(flags, N_FLAGS, &argc, argv, &err), RC_INVALID);
    ck_assert_msg(strstr(err.text, bad[_i].told) != NULL, "%s", err.text);
}
END_TEST

START_TEST(nearest_knows_listed_flags_only)
{
    unsigned distance = 4;

    ck_assert_str_eq(args_nearest(flags, N_FLAGS, "--nubmer=3", &distance),
                     "--number");
    distance = 4;
    ck_assert_ptr_null(args_nearest(flags, N_FLAGS, "--quiet-one", &distance));
}
END_TEST

Suite *suite_args(void);
Suite *suite_args(void)
{
    Suite *suite = suite_create("args");
    TCase *t = tcase_create("args");

    tcase_add_test(t, takes_its_own_and_leaves_the_rest_in_order);
    tcase_add_loop_test(t, refuses_and_names_the_flag, 0,
                        (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(t, nearest_knows_listed_flags_only);
    suite_add_tcase(suite, t);
    return suite;
}
