/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: which source wins, what is refused and in which words, what is
 * shown. Each test forks, so the environment is its own. */
#include "config/settings.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct settings s;
static struct err err;

static void clean(void)
{
    clearenv();
}

/* Loads with up to three words of command line; what nobody took is in
 * `left`. */
static int left;
static int load(const char *a, const char *b, const char *c)
{
    char *argv[5] = {(char *)"datos", (char *)a, (char *)b, (char *)c, NULL};
    int argc = 1;
    int rc;

    while (argc < 4 && argv[argc])
        argc++;
    rc = settings_load(&s, &argc, argv, &err);
    left = argc - 1;
    return rc;
}

static char *shown(void (*print)(const struct settings *, FILE *))
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    print(&s, f);
    fclose(f);
    return text;
}

START_TEST(defaults_are_those_of_the_table)
{
    ck_assert_int_eq(load(NULL, NULL, NULL), 0);
    ck_assert_int_eq(s.port, 8080);
    ck_assert_str_eq(s.bind, "127.0.0.1");
    ck_assert_str_eq(s.topic, "datos-topic");
    ck_assert_str_eq(s.store, "bigquery");
    ck_assert_ptr_null(s.redis_url);
    ck_assert_int_eq(s.admin_port, -1);
    ck_assert_int_eq(s.cache_stale_ms, 86400000);
    ck_assert(!s.allow_mixed && !s.in_cloud);
    ck_assert_str_eq(s.auth, "none");
    ck_assert_int_eq(settings_cache_check_ms(&s), 300000);
    ck_assert_int_eq(settings_store_qps(&s), 5);
    ck_assert_int_ge(settings_threads(&s), 1);
}
END_TEST

START_TEST(flag_beats_environment_beats_default)
{
    setenv("PORT", "9", 1);
    setenv("DATOS_TOPIC", "t", 1);
    ck_assert_int_eq(load("--port", "10", "rest"), 0);
    ck_assert_int_eq(s.port, 10);
    ck_assert_str_eq(s.topic, "t");
    ck_assert_int_eq(left, 1);
}
END_TEST

START_TEST(flag_takes_its_value_after_an_equals_sign)
{
    ck_assert_int_eq(load("--port=11", "--allow-mixed", NULL), 0);
    ck_assert_int_eq(s.port, 11);
    ck_assert(s.allow_mixed);
    ck_assert_int_eq(left, 0);
}
END_TEST

START_TEST(nothing_behind_a_double_dash_is_touched)
{
    ck_assert_int_eq(load("--", "--port", "12"), 0);
    ck_assert_int_eq(s.port, 8080);
    ck_assert_int_eq(left, 3);
}
END_TEST

START_TEST(empty_variable_is_not_set)
{
    setenv("REDIS_URL", "", 1);
    setenv("PORT", "", 1);
    ck_assert_int_eq(load(NULL, NULL, NULL), 0);
    ck_assert_ptr_null(s.redis_url);
    ck_assert_int_eq(s.port, 8080);
}
END_TEST

START_TEST(empty_flag_takes_a_variable_away)
{
    setenv("REDIS_URL", "redis://h:1/0", 1);
    ck_assert_int_eq(load("--redis-url=", NULL, NULL), 0);
    ck_assert_ptr_null(s.redis_url);
}
END_TEST

START_TEST(cloud_changes_defaults)
{
    setenv("K_SERVICE", "datos", 1);
    ck_assert_int_eq(load(NULL, NULL, NULL), 0);
    ck_assert(s.in_cloud);
    ck_assert_str_eq(s.bind, "0.0.0.0");
    ck_assert_ptr_null(s.auth);
    ck_assert_int_ne(settings_check_start(&s, true, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "DATOS_AUTH"));
    ck_assert_int_eq(settings_check_start(&s, false, &err), 0);
}
END_TEST

START_TEST(datos_cloud_is_cloud_too)
{
    setenv("DATOS_CLOUD", "1", 1);
    ck_assert_int_eq(load("--auth", "none", NULL), 0);
    ck_assert(s.in_cloud);
    ck_assert_int_eq(settings_check_start(&s, true, &err), 0);
}
END_TEST

static const struct {
    const char *variable, *value, *store, *allow;
    bool ok;
} mixed[] = {
    {"PUBSUB_EMULATOR_HOST", "h:1", "bigquery", "0", false},
    {"BIGQUERY_EMULATOR_HOST", "http://h:1", "bigquery", "0", false},
    {"PUBSUB_EMULATOR_HOST", "h:1", "bigquery", "1", true},
    {"PUBSUB_EMULATOR_HOST", "h:1", "sqlite:/tmp/x", "0", true},
    {"BIGQUERY_EMULATOR_HOST", "http://h:1", "sqlite:/tmp/x", "0", false},
    {"DATOS_LOG", "info", "bigquery", "0", true},
};

START_TEST(refuses_one_emulator_beside_one_real_service)
{
    setenv(mixed[_i].variable, mixed[_i].value, 1);
    setenv("DATOS_ALLOW_MIXED", mixed[_i].allow, 1);
    ck_assert_int_eq(load("--store", mixed[_i].store, NULL), 0);
    ck_assert_int_eq(settings_check_start(&s, true, &err) == 0, mixed[_i].ok);
}
END_TEST

static const struct {
    const char *flag, *value;
    const char *told[2]; /* words the one line must hold */
} bad[] = {
    {"--port", "65536", {"--port=65536", "65535"}},
    {"--port", "8080x", {"8080x", "whole number"}},
    {"--port", "-1", {"-1", "0 to"}},
    {"--threads", "0", {"--threads=0", "from 1"}},
    {"--store", "postgres", {"--store=postgres", "sqlite:PATH"}},
    {"--store", "sqlite:", {"sqlite:", "sqlite:PATH"}},
    {"--ingest", "poll", {"poll", "one of pull, push, off"}},
    {"--auth", "basic", {"basic", "none, jwt"}},
    {"--log", "loud", {"loud", "debug"}},
    {"--allow-mixed=maybe", NULL, {"maybe", "1 or 0"}},
    {"--port", NULL, {"--port", "needs a value"}},
    {"--cache-stale-ms", "2592000001", {"2592000001", "2592000000"}},
    {"--env-file", "/nonexistent/f", {"/nonexistent/f", "No such file"}},
};

START_TEST(refuses_in_one_line_that_says_what_and_how)
{
    ck_assert_int_eq(load(bad[_i].flag, bad[_i].value, NULL), RC_INVALID);
    for (int k = 0; k < 2; k++)
        ck_assert_msg(strstr(err.text, bad[_i].told[k]) != NULL, "%s: %s",
                      bad[_i].told[k], err.text);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(names_the_variable_when_the_environment_is_wrong)
{
    setenv("DATOS_CACHE_CHECK_MS", "9", 1);
    ck_assert_int_eq(load(NULL, NULL, NULL), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "DATOS_CACHE_CHECK_MS=9"));
}
END_TEST

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(env_file_is_weaker_than_the_environment)
{
    char path[] = "/tmp/datos-envXXXXXX";
    char *shown_text;

    close(mkstemp(path));
    write_file(path, "# comment\n\nexport DATOS_TOPIC=\"a b\"\r\n"
                     "PORT=12 # why\nDATOS_REGION='x'\nOTHER=1\n"
                     "DATOS_SYSTEM=\"q\\\"q\"");
    setenv("PORT", "13", 1);
    ck_assert_int_eq(load("--env-file", path, NULL), 0);
    ck_assert_str_eq(s.topic, "a b");
    ck_assert_int_eq(s.port, 13);
    ck_assert_str_eq(s.region, "x");
    ck_assert_str_eq(s.system, "q\"q");
    ck_assert_str_eq(getenv("OTHER"), "1");
    shown_text = shown(settings_print);
    ck_assert_ptr_nonnull(strstr(shown_text, "env file"));
    free(shown_text);
    unlink(path);
}
END_TEST

static const char *const bad_files[] = {"PORT\n", "A=1\n9X=2\n", "A='x\n",
                                        "A=\"\\", "=x"};

START_TEST(env_file_errors_name_file_and_line)
{
    char path[] = "/tmp/datos-envXXXXXX";

    close(mkstemp(path));
    write_file(path, bad_files[_i]);
    ck_assert_int_eq(load("--env-file", path, NULL), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    unlink(path);
}
END_TEST

START_TEST(shows_values_and_sources_and_no_secret)
{
    char *text;

    setenv("REDIS_URL", "redis://me:hunter2@host:6379/1?token=hunter3", 1);
    ck_assert_int_eq(load("--topic", "t2", NULL), 0);
    text = shown(settings_print);
    ck_assert_ptr_null(strstr(text, "hunter"));
    ck_assert_ptr_nonnull(strstr(text, "redis://***@host:6379/1?***"));
    ck_assert_ptr_nonnull(strstr(text, "flag --topic"));
    ck_assert_ptr_nonnull(strstr(text, "environment"));
    free(text);
}
END_TEST

START_TEST(masks_a_secret_that_is_no_url_whole)
{
    char *text;

    setenv("REDIS_URL", "hunter2@host", 1);
    ck_assert_int_eq(load(NULL, NULL, NULL), 0);
    text = shown(settings_print);
    ck_assert_ptr_null(strstr(text, "hunter2"));
    free(text);
}
END_TEST

START_TEST(nearest_flag_is_offered_only_when_near)
{
    ck_assert_str_eq(settings_nearest_flag("--prot"), "--port");
    ck_assert_str_eq(settings_nearest_flag("--toppic=x"), "--topic");
    ck_assert_ptr_null(settings_nearest_flag("--completely-else"));
}
END_TEST

START_TEST(exports_what_came_from_flags)
{
    ck_assert_int_eq(load("--topic", "t3", NULL), 0);
    settings_export_flags(&s);
    ck_assert_str_eq(getenv("DATOS_TOPIC"), "t3");
    ck_assert_ptr_null(getenv("DATOS_DATASET"));
}
END_TEST

START_TEST(warns_of_unknown_variables_once)
{
    char text[4096] = "";
    int out[2];
    ssize_t n;

    ck_assert_int_eq(pipe(out), 0);
    setenv("DATOS_TOPICC", "x", 1);
    setenv("DATOS_CLOUD", "0", 1);
    dup2(out[1], 2);
    ck_assert_int_eq(load(NULL, NULL, NULL), 0);
    close(out[1]);
    close(2);
    n = read(out[0], text, sizeof(text) - 1);
    ck_assert_int_gt(n, 0);
    ck_assert_ptr_nonnull(strstr(text, "DATOS_TOPICC"));
    ck_assert_ptr_nonnull(strstr(text, "did you mean DATOS_TOPIC?"));
    ck_assert_ptr_null(strstr(text, "DATOS_CLOUD"));
}
END_TEST

START_TEST(markdown_has_a_row_for_each_setting)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    settings_print_markdown(f);
    settings_print_help(f, NULL);
    fclose(f);
#define SETTING(member, kind, variable, flag, value, cloud, low, high, help)   \
    ck_assert_msg(strstr(text, "| `" variable "` | `" flag "` |") != NULL,     \
                  variable);
#include "config/settings.def"
#undef SETTING
    free(text);
}
END_TEST

Suite *suite_settings(void);
Suite *suite_settings(void)
{
    Suite *suite = suite_create("settings");
    TCase *t = tcase_create("load");

    tcase_add_checked_fixture(t, clean, NULL);
    tcase_add_test(t, defaults_are_those_of_the_table);
    tcase_add_test(t, flag_beats_environment_beats_default);
    tcase_add_test(t, flag_takes_its_value_after_an_equals_sign);
    tcase_add_test(t, nothing_behind_a_double_dash_is_touched);
    tcase_add_test(t, empty_variable_is_not_set);
    tcase_add_test(t, empty_flag_takes_a_variable_away);
    tcase_add_test(t, cloud_changes_defaults);
    tcase_add_test(t, datos_cloud_is_cloud_too);
    tcase_add_loop_test(t, refuses_one_emulator_beside_one_real_service, 0,
                        (int)(sizeof(mixed) / sizeof(mixed[0])));
    tcase_add_loop_test(t, refuses_in_one_line_that_says_what_and_how, 0,
                        (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(t, names_the_variable_when_the_environment_is_wrong);
    tcase_add_test(t, env_file_is_weaker_than_the_environment);
    tcase_add_loop_test(t, env_file_errors_name_file_and_line, 0,
                        (int)(sizeof(bad_files) / sizeof(bad_files[0])));
    tcase_add_test(t, shows_values_and_sources_and_no_secret);
    tcase_add_test(t, masks_a_secret_that_is_no_url_whole);
    tcase_add_test(t, nearest_flag_is_offered_only_when_near);
    tcase_add_test(t, exports_what_came_from_flags);
    tcase_add_test(t, warns_of_unknown_variables_once);
    tcase_add_test(t, markdown_has_a_row_for_each_setting);
    suite_add_tcase(suite, t);
    return suite;
}
