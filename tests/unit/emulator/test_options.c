/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "emulator/options.h"

/* The options point into the words: kept until the next call. */
static int parse(struct options *o, const char *line, struct err *err)
{
    static char name[] = "datos-emulator", copy[500];
    char *words[20] = {name};
    int n = 1;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *p = strtok(copy, " "); p && n < 20; p = strtok(NULL, " "))
        words[n++] = p;
    return options_parse(o, n, words, err);
}

START_TEST(has_the_contracts_defaults)
{
    struct options o;

    ck_assert_int_eq(parse(&o, "", NULL), RC_OK);
    ck_assert_int_eq(o.command, OPTIONS_START);
    ck_assert_str_eq(o.host, "127.0.0.1");
    ck_assert_int_eq(o.pubsub_port, 8085);
    ck_assert_int_eq(o.bigquery_port, 9050);
    ck_assert_int_eq(o.bigquery_grpc_port, 9060);
    ck_assert_int_eq(o.console_port, 4000);
    ck_assert_str_eq(o.project, "datos-local");
    ck_assert_int_eq(o.ready_fd, -1);
}
END_TEST

START_TEST(takes_the_forms_of_other_emulators)
{
    struct options o;

    ck_assert_int_eq(
        parse(&o, "start --host-port=0.0.0.0:8432 --project=p", NULL), RC_OK);
    ck_assert_str_eq(o.host, "0.0.0.0");
    ck_assert_int_eq(o.pubsub_port, 8432);
    ck_assert_int_eq(parse(&o, "--host-port [::1]:0", NULL), RC_OK);
    ck_assert_str_eq(o.host, "::1");
    ck_assert_int_eq(o.pubsub_port, 0);
    ck_assert_int_eq(parse(&o,
                           "--project=p --dataset=d --port=9051 "
                           "--grpc-port=9061 --database=f "
                           "--data-from-yaml=y",
                           NULL),
                     RC_OK);
    ck_assert_int_eq(o.bigquery_port, 9051);
    ck_assert_int_eq(o.bigquery_grpc_port, 9061);
    ck_assert_str_eq(o.data_from_yaml, "y");
}
END_TEST

START_TEST(takes_what_has_an_effect)
{
    struct options o;

    ck_assert_int_eq(
        parse(&o, "--fsync --state d --ready-fd 2 --project=google.com:p-1_x",
              NULL),
        RC_OK);
    ck_assert_int_eq(parse(&o, "--fsync --database d", NULL), RC_OK);
    ck_assert_int_eq(parse(&o, "--host [::1] --oidc-issuer http://i:8/x", NULL),
                     RC_OK);
    ck_assert_str_eq(o.host, "::1");
}
END_TEST

static const struct {
    const char *line, *why;
} wrongs[] = {
    {"--consol-port 1", "unknown flag '--consol-port': did you mean "
                        "--console-port?"},
    {"--pubsub-port", "--pubsub-port needs a value: --pubsub-port N"},
    {"--pubsub-port x", "--pubsub-port: 'x' is no port (0 to 65535)"},
    {"--pubsub-port=65536", "--pubsub-port: '65536' is no port (0 to 65535)"},
    {"--fsync=1", "--fsync takes no value"},
    {"--state=", "--state needs a value"},
    {"--memory --state d", "--memory and --state exclude each other"},
    {"--profile soft", "--profile: 'soft' is neither strict nor lenient"},
    {"hola", "unknown word 'hola': see datos-emulator --help"},
    {"--host-port=a:b", "--host-port: 'a:b' is no HOST:PORT"},
    {"--fsync", "--fsync needs --state: in memory nothing is kept"},
    {"--fsync --memory", "--fsync needs --state: in memory nothing is kept"},
    {"--project BAD/PROJECT", "--project: 'BAD/PROJECT' is no project's id"},
    {"--ready-fd 99999999999",
     "--ready-fd: 99999999999 is not open for writing"},
    {"--ready-fd 1000000", "--ready-fd: 1000000 is not open for writing"},
    {"--oidc-issuer notaurl",
     "--oidc-issuer: 'notaurl' is no http or https URL"},
    {"--oidc-issuer https://",
     "--oidc-issuer: 'https://' is no http or https URL"},
    {"--oidc-issuer https://a?b",
     "--oidc-issuer: 'https://a?b' is no http or https URL"},
};

START_TEST(names_what_is_wrong)
{
    struct options o;
    struct err err = {0};

    ck_assert_int_eq(parse(&o, wrongs[_i].line, &err), RC_INVALID);
    ck_assert_str_eq(err.text, wrongs[_i].why);
}
END_TEST

Suite *suite_options(void);
Suite *suite_options(void)
{
    Suite *s = suite_create("options");
    TCase *tc = tcase_create("options");

    tcase_add_test(tc, has_the_contracts_defaults);
    tcase_add_test(tc, takes_the_forms_of_other_emulators);
    tcase_add_test(tc, takes_what_has_an_effect);
    tcase_add_loop_test(tc, names_what_is_wrong, 0,
                        sizeof(wrongs) / sizeof(wrongs[0]));
    suite_add_tcase(s, tc);
    return s;
}
