/* SPDX-License-Identifier: Apache-2.0 */
/* Workload identity: each source of a subject token, and its exchange. */
#include <check.h>
#include <stdlib.h>

#include "common/mem.h"
#include "credentials_world.h"
#include "net/credentials.h"

START_TEST(an_external_account_trades_a_file)
{
    char *text = mem_printf(
        EXTERNAL "\"credential_source\":{\"file\":\"%s/subject\"}}", world.dir);

    world_write_file("subject", " from-file\n", 0600);

    world_open(text);
    mem_free(text);
    ck_assert_str_eq(world_ask(), "federated");
    ck_assert_ptr_nonnull(strstr(world.seen[0], "audience=%2F%2Fiam%2Fpool"));
    ck_assert_ptr_nonnull(strstr(world.seen[0], "subject_token=from-file"));
    ck_assert_ptr_nonnull(strstr(world.seen[0], "grant-type%3Atoken-exchange"));
}
END_TEST

/* Half a token would be refused by the exchange, in words that do not help. */
START_TEST(a_subject_file_that_is_too_large_or_a_folder_is_told)
{
    char *text = mem_printf(
        EXTERNAL "\"credential_source\":{\"file\":\"%s/subject\"}}", world.dir);
    char *folder = mem_printf(
        EXTERNAL "\"credential_source\":{\"file\":\"%s\"}}", world.dir);
    char *big = mem_alloc((256 << 10) + 1);

    memset(big, 'x', 256 << 10);
    big[256 << 10] = '\0';
    world_write_file("subject", big, 0600);
    world_open(text);
    ck_assert_ptr_nonnull(strstr(world_ask(), "/subject: it is too large"));
    token_source_free(world.source);
    world_open(folder);
    ck_assert_ptr_nonnull(strstr(world_ask(), ": Is a directory"));
    ck_assert_uint_eq(world.n_requests, 0);
    mem_free(big);
    mem_free(folder);
    mem_free(text);
}
END_TEST

START_TEST(an_external_account_trades_what_a_url_gives_and_impersonates)
{
    world_open(EXTERNAL
               "\"service_account_impersonation_url\":\"~/v1/act\","
               "\"service_account_impersonation\":{\"token_lifetime_seconds\":"
               "1200},\"credential_source\":{\"url\":\"~/subject.json\","
               "\"headers\":{\"x-own\":\"yes\"},\"format\":{\"type\":\"json\","
               "\"subject_token_field_name\":\"tok\"}}}");
    ck_assert_str_eq(world_ask(), "acting");
    ck_assert_str_eq(world.seen[0], "/subject.json||yes|");
    ck_assert_ptr_nonnull(strstr(world.seen[1], "subject_token=from-url"));
    ck_assert_ptr_nonnull(strstr(world.seen[2], "/v1/act|Bearer federated|"));
    ck_assert_ptr_nonnull(strstr(world.seen[2], "1200s"));
}
END_TEST

#define AWS                                                                    \
    EXTERNAL                                                                   \
    "\"credential_source\":{\"environment_id\":\"aws1\",\"region_url\":"       \
    "\"~/aws/zone\",\"url\":\"~/aws/roles\",\"imdsv2_session_token_url\":"     \
    "\"~/aws/session\",\"regional_cred_verification_url\":"                    \
    "\"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version="   \
    "2011-06-15\"}}"

START_TEST(an_external_account_of_aws_asks_the_instance)
{
    world_open(AWS);
    ck_assert_str_eq(world_ask(), "federated");
    ck_assert_str_eq(world.seen[0], "/aws/session|||");
    ck_assert_str_eq(world.seen[1], "/aws/zone||session-1|");
    ck_assert_str_eq(world.seen[2], "/aws/roles||session-1|");
    ck_assert_str_eq(world.seen[3], "/aws/roles/a-role||session-1|");
    ck_assert_ptr_nonnull(strstr(world.seen[4],
                                 "subject_token=%257B%2522url%2522"
                                 "%253A%2522https%253A%252F%252Fsts."
                                 "us-east-2.amazonaws.com"));
    ck_assert_ptr_null(strstr(world.seen[4], "SECRET"));
}
END_TEST

START_TEST(an_external_account_of_aws_takes_the_environment)
{
    setenv("AWS_REGION", "eu-west-1", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "SECRET", 1);
    world_open(AWS);
    ck_assert_str_eq(world_ask(), "federated");
    ck_assert_uint_eq(world.n_requests, 1);
    ck_assert_ptr_nonnull(strstr(world.seen[0], "sts.eu-west-1.amazonaws.com"));
}
END_TEST

START_TEST(an_external_account_shows_its_certificates)
{
    char *text =
        mem_printf(EXTERNAL "\"credential_source\":{\"certificate\":{"
                            "\"certificate_config_location\":\"%s/config\","
                            "\"trust_chain_path\":\"%s/chain\"}}}",
                   world.dir, world.dir);
    char *config = mem_printf("{\"cert_configs\":{\"workload\":{\"cert_path\":"
                              "\"%s/cert\",\"key_path\":\"%s/key\"}}}",
                              world.dir, world.dir);

    world_write_file("config", config, 0600);
    world_write_file("cert",
                     "Bag\n-----BEGIN CERTIFICATE-----\nTE\nVBRg==\n-----END "
                     "CERTIFICATE-----\n",
                     0600);
    world_write_file(
        "chain",
        "-----BEGIN CERTIFICATE-----\nTEVBRg==\n-----END "
        "CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nQ0E=\n-----END "
        "CERTIFICATE-----\n",
        0600);
    world_open(text);
    ck_assert_str_eq(world_ask(), "federated");
    ck_assert_ptr_nonnull(
        strstr(world.seen[0],
               "subject_token=%5B%22TEVBRg%3D%3D%22%2C%22Q0E%3D%22%5D"));
    mem_free(text);
    mem_free(config);
}
END_TEST

START_TEST(a_certificate_that_is_not_there_is_told)
{
    char *text =
        mem_printf(EXTERNAL "\"credential_source\":{\"certificate\":{"
                            "\"use_default_certificate_config\":true}}}");

    world_open(text);
    ck_assert_ptr_nonnull(strstr(world_ask(), "certificate_config.json"));
    mem_free(text);
}
END_TEST

static void open_program(const char *script)
{
    char *text = mem_printf(EXTERNAL "\"credential_source\":{\"executable\":{"
                                     "\"command\":\"%s/program x\"}}}",
                            world.dir);

    world_write_file("program", script, 0700);
    world_open(text);
    mem_free(text);
}

START_TEST(an_external_account_runs_a_program_only_if_allowed)
{
    struct err err;

    ck_assert_int_eq(world_parse(EXTERNAL
                                 "\"credential_source\":{\"executable\":{"
                                 "\"command\":\"/bin/true\"}}}",
                                 &err),
                     RC_DENIED);
    ck_assert_ptr_nonnull(
        strstr(err.text, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"));
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    open_program("#!/bin/sh\necho '{\"version\":1,\"success\":true,"
                 "\"id_token\":\"'$1-$GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE'\"}'");
    ck_assert_str_eq(world_ask(), "federated");
    ck_assert_ptr_nonnull(strstr(world.seen[0], "subject_token=x-urn%3Ajwt"));
}
END_TEST

static const struct {
    const char *script, *error;
} programs[] = {
    {"#!/bin/sh\nexit 3", "failed"},
    {"#!/bin/sh\necho nothing", "no JSON"},
    {"#!/bin/sh\necho '{\"version\":1,\"success\":false,\"message\":\"no "
     "luck\"}'",
     "no luck"},
    {"#!/bin/sh\necho '{\"version\":2,\"success\":true,\"id_token\":\"x\"}'",
     "version"},
    {"#!/bin/sh\necho '{\"version\":1,\"success\":true,\"id_token\":\"x\","
     "\"expiration_time\":5}'",
     "expired"},
    {"#!/no/such/interpreter\n", "started"},
};

START_TEST(a_program_that_fails_is_an_error)
{
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    open_program(programs[_i].script);
    ck_assert_ptr_nonnull(strstr(world_ask(), programs[_i].error));
    ck_assert_uint_eq(world.n_requests, 0);
}
END_TEST

START_TEST(a_source_can_go_while_it_asks)
{
    static struct question q;

    world_open(EXTERNAL "\"credential_source\":{\"url\":\"~/subject.json\"}}");
    q = (struct question){.get = {.done = question_done}};
    token_get(world.source, &q.get);
    run_for(world.loop, 1);
    token_get_cancel(&q.get);
    token_source_free(world.source);
    world.source = NULL;
    run_for(world.loop, 20000);
    ck_assert(!q.is_done);
}
END_TEST

Suite *suite_credentials_external(void)
{
    Suite *s = suite_create("credentials_external");
    TCase *tc = world_case("credentials_external");

    tcase_add_test(tc, an_external_account_trades_a_file);
    tcase_add_test(tc, a_subject_file_that_is_too_large_or_a_folder_is_told);
    tcase_add_test(
        tc, an_external_account_trades_what_a_url_gives_and_impersonates);
    tcase_add_test(tc, an_external_account_of_aws_asks_the_instance);
    tcase_add_test(tc, an_external_account_of_aws_takes_the_environment);
    tcase_add_test(tc, an_external_account_shows_its_certificates);
    tcase_add_test(tc, a_certificate_that_is_not_there_is_told);
    tcase_add_test(tc, an_external_account_runs_a_program_only_if_allowed);
    tcase_add_loop_test(tc, a_program_that_fails_is_an_error, 0,
                        sizeof(programs) / sizeof(programs[0]));
    tcase_add_test(tc, a_source_can_go_while_it_asks);
    suite_add_tcase(s, tc);
    return s;
}
