/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/identity/identity.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"
#include "emulator/identity/keep.h"
#include "emulator/identity/key.h"
#include "service.h"

static struct loop *loop;
static struct identity *id;
static char folder[64];

static void setup(void)
{
    loop = loop_new();
    id = identity_new(loop, NULL, NULL, "p");
    snprintf(folder, sizeof(folder), "/tmp/datos-identity-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
    char path[128];

    identity_free(id);
    loop_free(loop); /* what the thread has posted meets nobody */
    snprintf(path, sizeof(path), "%s/" KEEP_KEY_FILE, folder);
    unlink(path);
    rmdir(folder);
}

static void write_key(const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/" KEEP_KEY_FILE, folder);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* Part 0 or 1 of a JWT. */
static json_t *part_of(const char *jwt, int which)
{
    struct str rest = str_from(jwt), part = str_cut(&rest, '.');
    char bytes[2048];
    size_t len;
    json_t *json;

    if (which)
        part = str_cut(&rest, '.');
    ck_assert_uint_lt(base64_decoded_max(part.len), sizeof(bytes));
    ck_assert(base64_decode(part, bytes, &len));
    json = json_loadb(bytes, len, 0, NULL);
    ck_assert_ptr_nonnull(json);
    return json;
}

static const char *text_of(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    ck_assert_ptr_nonnull(text);
    return text;
}

START_TEST(token_says_whose_and_for_whom)
{
    struct err err = {0};
    char *token;
    json_t *claims, *header;
    char subject[IDENTITY_SUBJECT_LEN + 1];

    ck_assert_int_eq(identity_token(id, "a@b.c", "\"them\"", &token, &err), 0);
    header = part_of(token, 0);
    claims = part_of(token, 1);
    identity_subject("a@b.c", subject);
    ck_assert_str_eq(text_of(header, "alg"), "RS256");
    ck_assert_uint_eq(strlen(text_of(header, "kid")), KEY_ID_LEN);
    ck_assert_str_eq(text_of(claims, "aud"), "\"them\"");
    ck_assert_str_eq(text_of(claims, "email"), "a@b.c");
    ck_assert_str_eq(text_of(claims, "sub"), subject);
    ck_assert_str_eq(text_of(claims, "iss"), "https://accounts.google.com");
    ck_assert_int_eq(json_integer_value(json_object_get(claims, "exp")) -
                         json_integer_value(json_object_get(claims, "iat")),
                     IDENTITY_TOKEN_LIFE_S);
    json_decref(header);
    json_decref(claims);
    mem_free(token);
}
END_TEST

START_TEST(subjects_are_stable_and_apart)
{
    char a[IDENTITY_SUBJECT_LEN + 1], b[IDENTITY_SUBJECT_LEN + 1],
        c[IDENTITY_SUBJECT_LEN + 1];

    identity_subject("a@b.c", a);
    identity_subject("a@b.c", b);
    identity_subject("b@b.c", c);
    ck_assert_str_eq(a, b);
    ck_assert_str_ne(a, c);
    ck_assert_uint_eq(strspn(a, "0123456789"), IDENTITY_SUBJECT_LEN);
}
END_TEST

/* --- waiting -------------------------------------------------------------- */

struct told {
    struct identity_wait wait;
    unsigned n;
};

static void on_ready(struct identity_wait *wait)
{
    LOOP_OWNER(wait, struct told, wait)->n++;
}

static bool was_told(void *arg)
{
    return ((struct told *)arg)->n > 0;
}

START_TEST(who_waits_is_told_once_and_who_forgot_is_not)
{
    struct told a = {.wait.ready = on_ready}, b = a, c = a;

    ck_assert(!identity_prepare(id, &a.wait));
    ck_assert(!identity_prepare(id, &a.wait));
    ck_assert(!identity_prepare(id, &b.wait));
    ck_assert(!identity_prepare(id, &c.wait));
    identity_forget(id, &b.wait);
    run_until(loop, was_told, &a);
    ck_assert_uint_eq(a.n, 1);
    ck_assert_uint_eq(b.n, 0);
    ck_assert_uint_eq(c.n, 1);
    ck_assert(identity_prepare(id, &a.wait));
    identity_forget(id, &a.wait);
}
END_TEST

START_TEST(a_token_while_others_wait_does_not_take_their_word_away)
{
    struct told a = {.wait.ready = on_ready};
    struct err err = {0};
    char *token;

    ck_assert(!identity_prepare(id, &a.wait));
    ck_assert_int_eq(identity_token(id, "a@b.c", "x", &token, &err), 0);
    mem_free(token);
    ck_assert_uint_eq(a.n, 0);
    run_until(loop, was_told, &a);
}
END_TEST

START_TEST(may_go_while_the_key_is_made)
{
    (void)identity_prepare(id, NULL);
    identity_free(id);
    id = NULL;
}
END_TEST

/* --- kept ----------------------------------------------------------------- */

START_TEST(a_kept_key_is_the_same_again)
{
    struct err err = {0};
    char *first, *again;
    struct stat st;
    char path[128];

    ck_assert_int_eq(keep_key(folder, &first, &err), RC_OK);
    ck_assert_int_eq(keep_key(folder, &again, &err), RC_OK);
    ck_assert_str_eq(first, again);
    snprintf(path, sizeof(path), "%s/" KEEP_KEY_FILE, folder);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    mem_free(first);
    mem_free(again);
}
END_TEST

START_TEST(a_damaged_key_is_named_with_its_file)
{
    static const char *const texts[] = {"", "no key",
                                        "-----BEGIN PRIVATE KEY-----\nAAAA\n"
                                        "-----END PRIVATE KEY-----\n"};
    struct err err = {0};
    char *token;

    write_key(texts[_i]);
    identity_free(id);
    id = identity_new(loop, folder, NULL, "p");
    ck_assert_int_eq(identity_token(id, "a@b.c", "x", &token, &err),
                     RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, folder));
    ck_assert_ptr_nonnull(strstr(err.text, "remove it"));
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named)
{
    struct err err = {0};
    char *token;

    identity_free(id);
    id = identity_new(loop, "/nonexistent/folder", NULL, "p");
    ck_assert_int_eq(identity_token(id, "a@b.c", "x", &token, &err), RC_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/folder"));
}
END_TEST

Suite *suite_identity(void)
{
    Suite *s = suite_create("identity");
    TCase *c = tcase_create("identity");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, token_says_whose_and_for_whom);
    tcase_add_test(c, subjects_are_stable_and_apart);
    tcase_add_test(c, who_waits_is_told_once_and_who_forgot_is_not);
    tcase_add_test(c, a_token_while_others_wait_does_not_take_their_word_away);
    tcase_add_test(c, may_go_while_the_key_is_made);
    tcase_add_test(c, a_kept_key_is_the_same_again);
    tcase_add_loop_test(c, a_damaged_key_is_named_with_its_file, 0, 3);
    tcase_add_test(c, a_folder_that_is_not_there_is_named);
    suite_add_tcase(s, c);
    return s;
}
