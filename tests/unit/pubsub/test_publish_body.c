/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/publish_body.h"

#include <check.h>

#include "common/mem.h"
#include "pubsub/names.h"

START_TEST(renders_messages_as_the_service_reads_them)
{
    const struct message_attribute attributes[] = {{STR("a"), STR("x\"y")},
                                                   {STR("b"), STR("")}};
    struct publish second = {.data = STR("")};
    struct publish first = {.data = STR("{\"id\":1}"),
                            .attributes = attributes,
                            .n_attributes = 2,
                            .ordering_key = STR("k"),
                            .next = &second};
    struct buf b;

    buf_init(&b, 10000);
    publish_body(&b, &first);
    ck_assert_str_eq(b.data, "{\"messages\":[{\"data\":\"eyJpZCI6MX0=\","
                             "\"attributes\":{\"a\":\"x\\\"y\",\"b\":\"\"},"
                             "\"orderingKey\":\"k\"},{\"data\":\"\"}]}");
    ck_assert(!b.failed);
    buf_fini(&b);
}
END_TEST

START_TEST(gives_each_message_its_id)
{
    struct publish second = {0};
    struct publish first = {.next = &second};

    ck_assert_int_eq(
        publish_read_ids(STR("{\n\"messageIds\": [\"11\", \"12\"]}"), &first),
        RC_OK);
    ck_assert_str_eq(first.id, "11");
    ck_assert_str_eq(second.id, "12");
}
END_TEST

static const char *const wrong[] = {
    "",
    "{}",
    "{\"messageIds\":[]}",
    "{\"messageIds\":[\"1\"]}",
    "{\"messageIds\":[\"1\",\"2\",\"3\"]}",
    "{\"messageIds\":[1,2]}",
    "{\"messageIds\":\"1\"}",
};

START_TEST(refuses_an_answer_with_other_than_one_id_each)
{
    struct publish second = {0};
    struct publish first = {.next = &second};

    ck_assert_msg(publish_read_ids(str_from(wrong[_i]), &first) == RC_MALFORMED,
                  "%s", wrong[_i]);
}
END_TEST

START_TEST(names_are_made_and_escaped)
{
    char *name = pubsub_full_name("example.com:p", "subscriptions", "a%b?c");
    char *path = pubsub_path(name, ":pull");
    char *whole = pubsub_full_name("p", "topics", "projects/q/topics/t");

    ck_assert_str_eq(path,
                     "/v1/projects/example.com:p/subscriptions/a%25b%3Fc:pull");
    ck_assert_str_eq(whole, "projects/q/topics/t");
    mem_free(name);
    mem_free(path);
    mem_free(whole);
}
END_TEST

Suite *suite_publish_body(void)
{
    Suite *s = suite_create("publish_body");
    TCase *tc = tcase_create("publish_body");

    tcase_add_test(tc, renders_messages_as_the_service_reads_them);
    tcase_add_test(tc, gives_each_message_its_id);
    tcase_add_loop_test(tc, refuses_an_answer_with_other_than_one_id_each, 0,
                        sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(tc, names_are_made_and_escaped);
    suite_add_tcase(s, tc);
    return s;
}
