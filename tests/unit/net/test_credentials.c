/* SPDX-License-Identifier: Apache-2.0 */
/* Users, the metadata server, impersonation; where a credential is looked for,
 * and which one is refused. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/mem.h"
#include "credentials_world.h"
#include "net/credentials.h"
#include "net/metadata.h"

START_TEST(a_user_trades_the_refresh_token)
{
    world_open(USER);
    ck_assert_str_eq(world_ask(), "plain");
    ck_assert_str_eq(world.seen[0],
                     "/token|||grant_type=refresh_token&client_id=id&"
                     "client_secret=s%26cret&refresh_token=r%2Ft");
    ck_assert_str_eq(world_ask(), "plain");
    ck_assert_uint_eq(world.n_requests, 1);
}
END_TEST

START_TEST(a_refusal_is_told_without_secrets)
{
    const char *text;

    world_open(USER);
    world.token_status = 400;
    text = world_ask();
    ck_assert_ptr_nonnull(strstr(text, "Token has been revoked."));
    ck_assert_ptr_null(strstr(text, "s&cret"));
    ck_assert_ptr_null(strstr(text, "r/t"));
    world.token_status = 0;
    ck_assert_str_eq(world_ask(), "plain");
}
END_TEST

START_TEST(the_metadata_server_gives_the_attached_accounts_token)
{
    struct err err;

    setenv("GCE_METADATA_HOST", world.service.base + 7, 1);
    ck_assert_int_eq(credentials_open(world.loop, &world.source, &err), RC_OK);
    ck_assert_str_eq(world_ask(), "attached");
    ck_assert_ptr_nonnull(
        strstr(world.seen[0],
               "/computeMetadata/v1/instance/service-accounts/default/token"));
}
END_TEST

static void *read_region(void *arg)
{
    char **region = arg;
    struct err err;

    if (metadata_read("instance/region", 5000000, region, &err) != RC_OK)
        *region = mem_strdup(err.text);
    loop_stop(world.loop);
    return NULL;
}

START_TEST(start_up_reads_project_and_region)
{
    pthread_t thread;
    char *region = NULL;
    struct err err;

    setenv("GCE_METADATA_HOST", world.service.base + 7, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_region, &region), 0);
    loop_run(world.loop);
    pthread_join(thread, NULL);
    ck_assert_str_eq(region, "southamerica-west1");
    mem_free(region);
    setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
    ck_assert_int_ne(metadata_read("x", 5000000, &region, &err), RC_OK);
    setenv("GCE_METADATA_HOST", "a/b", 1);
    ck_assert_int_eq(metadata_read("x", 5000000, &region, &err), RC_INVALID);
}
END_TEST

START_TEST(an_impostor_of_the_metadata_server_is_not_believed)
{
    struct err err;

    setenv("GCE_METADATA_HOST", world.service.base + 7, 1);
    world.flavor = "Other";
    ck_assert_int_eq(credentials_open(world.loop, &world.source, &err), RC_OK);
    ck_assert_ptr_nonnull(
        strstr(world_ask(), "is not Google's metadata server"));
}
END_TEST

START_TEST(without_any_credential_it_says_what_to_do)
{
    struct err err;

    setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
    ck_assert_int_eq(credentials_open(world.loop, &world.source, &err), RC_OK);
    ck_assert_ptr_nonnull(strstr(
        world_ask(), "set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth "
                     "application-default login"));
}
END_TEST

START_TEST(impersonation_trades_the_base_token)
{
    world_open(
        "{\"type\":\"impersonated_service_account\",\"delegates\":[\"d\"],"
        "\"service_account_impersonation_url\":\"~/v1/act:gen\","
        "\"source_credentials\":" USER "}");
    ck_assert_str_eq(world_ask(), "acting");
    ck_assert_ptr_nonnull(strstr(world.seen[1], "/v1/act:gen|Bearer plain||"));
    ck_assert_ptr_nonnull(strstr(world.seen[1], "\"delegates\":[\"d\"]"));
    ck_assert_ptr_nonnull(strstr(world.seen[1], "\"lifetime\":\"3600s\""));
}
END_TEST

static const struct {
    const char *json;
    int rc;
    const char *word;
} refused[] = {
    {"", RC_INVALID, "no JSON object"},
    {"[]", RC_INVALID, "no JSON object"},
    {"{}", RC_INVALID, "\"type\""},
    {"{\"type\":\"gdch_service_account\"}", RC_UNSUPPORTED, "not supported"},
    {"{\"type\":\"service_account\",\"client_email\":\"a@b\"}", RC_INVALID,
     "\"private_key\""},
    {"{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":"
     "\"SECRET\"}",
     RC_INVALID, "RSA key"},
    {"{\"type\":\"authorized_user\",\"client_id\":\"i\",\"client_secret\":"
     "\"SECRET\"}",
     RC_INVALID, "\"refresh_token\""},
    {"{\"type\":\"authorized_user\",\"client_id\":\"i\",\"client_secret\":"
     "\"SECRET\",\"refresh_token\":\"r\",\"token_uri\":\"http://evil.org/\"}",
     RC_INVALID, "https://"},
    {EXTERNAL "\"credential_source\":{\"url\":\"http://evil.org/\"}}",
     RC_INVALID, "https://"},
    {EXTERNAL "\"credential_source\":{\"environment_id\":\"aws2\",\"url\":"
              "\"http://169.254.169.254/\"}}",
     RC_UNSUPPORTED, "aws1"},
    {EXTERNAL "\"credential_source\":{\"environment_id\":\"aws1\",\"url\":"
              "\"http://169.254.169.254/\"}}",
     RC_INVALID, "regional_cred_verification_url"},
    {EXTERNAL "\"credential_source\":{\"environment_id\":\"aws1\",\"url\":"
              "\"http://evil.org/\",\"regional_cred_verification_url\":"
              "\"https://sts/\"}}",
     RC_INVALID, "metadata address"},
    {EXTERNAL "\"credential_source\":{\"certificate\":{}}}", RC_INVALID,
     "certificate_config_location"},
    {EXTERNAL "\"credential_source\":{\"else\":{}}}", RC_UNSUPPORTED,
     "environment_id"},
    {EXTERNAL "\"service_account_impersonation_url\":\"ftp://x\","
              "\"credential_source\":{\"file\":\"/x\"}}",
     RC_INVALID, "https://"},
    {"{\"type\":\"authorized_user\",\"universe_domain\":\"other.org\"}",
     RC_INVALID, "client_id"},
};

START_TEST(a_bad_file_is_an_error_that_names_it_and_no_secret)
{
    struct err err = {0};

    ck_assert_int_eq(world_parse(refused[_i].json, &err), refused[_i].rc);
    ck_assert_msg(strstr(err.text, refused[_i].word) != NULL, "%s", err.text);
    ck_assert_ptr_nonnull(strstr(err.text, "test.json"));
    ck_assert_ptr_null(strstr(err.text, "SECRET"));
}
END_TEST

START_TEST(a_named_file_that_cannot_be_read_is_an_error)
{
    struct err err;

    setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file.json", 1);
    ck_assert_int_eq(credentials_open(world.loop, &world.source, &err),
                     RC_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "/no/such/file.json"));
    ck_assert_ptr_nonnull(strstr(err.text, "GOOGLE_APPLICATION_CREDENTIALS"));
}
END_TEST

START_TEST(gclouds_own_file_is_found)
{
    char *text = world_with_base(USER);
    struct err err;

    world_write_file("application_default_credentials.json", text, 0600);
    mem_free(text);
    ck_assert_int_eq(credentials_open(world.loop, &world.source, &err), RC_OK);
    ck_assert_str_eq(world_ask(), "plain");
}
END_TEST

START_TEST(another_universe_than_the_credentials_is_refused)
{
    struct err err;

    setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "other.org", 1);
    ck_assert_int_eq(world_parse(USER, &err), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "other.org"));
}
END_TEST

START_TEST(the_environment_names_the_quota_project)
{
    setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "mine", 1);
    world_open(USER);
    ck_assert_str_eq(token_quota_project(world.source), "mine");
}
END_TEST

Suite *suite_credentials(void)
{
    Suite *s = suite_create("credentials");
    TCase *tc = world_case("credentials");

    tcase_add_test(tc, a_user_trades_the_refresh_token);
    tcase_add_test(tc, a_refusal_is_told_without_secrets);
    tcase_add_test(tc, the_metadata_server_gives_the_attached_accounts_token);
    tcase_add_test(tc, start_up_reads_project_and_region);
    tcase_add_test(tc, an_impostor_of_the_metadata_server_is_not_believed);
    tcase_add_test(tc, without_any_credential_it_says_what_to_do);
    tcase_add_test(tc, impersonation_trades_the_base_token);
    tcase_add_loop_test(tc, a_bad_file_is_an_error_that_names_it_and_no_secret,
                        0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tc, a_named_file_that_cannot_be_read_is_an_error);
    tcase_add_test(tc, gclouds_own_file_is_found);
    tcase_add_test(tc, another_universe_than_the_credentials_is_refused);
    tcase_add_test(tc, the_environment_names_the_quota_project);
    suite_add_tcase(s, tc);
    return s;
}
