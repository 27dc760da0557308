/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/pull_response.h"

#include <check.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"

static int parse(const char *text, struct pull_batch **out)
{
    struct err err;

    return pull_response_parse(mem_strdup(text), strlen(text), out, &err);
}

static const char *text_of(struct str s)
{
    static char buffers[4][256];
    static unsigned at;
    char *b = buffers[at++ % 4];

    snprintf(b, 256, "%.*s", STR_ARG(s));
    return b;
}

START_TEST(reads_all_of_a_message)
{
    struct pull_batch *b;
    const struct message *m;

    ck_assert_int_eq(
        parse("{\n  \"receivedMessages\": [\n    {\n"
              "\"ackId\": \"a\\u002d1\", \"message\": {\"data\": "
              "\"eyJpZCI6IjEifQ==\", \"attributes\": {\"k\": \"v\\n\", "
              "\"\\u00e9x\": \"\"}, \"messageId\": \"77\", \"publishTime\": "
              "\"2025-01-14T10:00:00.123456789Z\", \"orderingKey\": \"o\", "
              "\"unknown\": [1, {}]}, \"deliveryAttempt\": 3, \"new\": null},"
              "{\"message\": {\"attributes\": {\"only\": \"me\"}}, "
              "\"ackId\": \"b\"}]}",
              &b),
        RC_OK);
    ck_assert_uint_eq(b->n, 2);
    ck_assert_uint_eq(b->live, 2);
    m = &b->messages[0].message;
    ck_assert_str_eq(text_of(b->messages[0].ack_id), "a-1");
    ck_assert_str_eq(text_of(m->data), "{\"id\":\"1\"}");
    ck_assert_str_eq(text_of(m->id), "77");
    ck_assert_str_eq(text_of(m->ordering_key), "o");
    ck_assert_int_eq(m->publish_us, 1736848800123456);
    ck_assert_int_eq(m->delivery_attempt, 3);
    ck_assert_uint_eq(m->n_attributes, 2);
    ck_assert_str_eq(text_of(m->attributes[0].value), "v\n");
    ck_assert_str_eq(text_of(m->attributes[1].key), "\xc3\xa9x");
    m = &b->messages[1].message;
    ck_assert_uint_eq(m->data.len, 0);
    ck_assert_uint_eq(m->n_attributes, 1);
    ck_assert_str_eq(text_of(m->attributes[0].key), "only");
    ck_assert_ptr_eq(b->messages[1].batch, b);
    pull_batch_free(b);
}
END_TEST

static const char *const empties[] = {
    "{}",
    " { } \n",
    "{\"receivedMessages\":[]}",
    "{\"receivedMessages\":null}",
    "{\"other\":{\"receivedMessages\":[{\"ackId\":\"x\"}]}}",
    /* without an ack id nothing could settle it */
    "{\"receivedMessages\":[{\"message\":{\"data\":\"\",\"attributes\":"
    "{\"a\":\"b\"}}}]}",
};

START_TEST(an_answer_without_messages_is_empty)
{
    struct pull_batch *b;

    ck_assert_msg(parse(empties[_i], &b) == RC_OK, "%s", empties[_i]);
    ck_assert_uint_eq(b->n, 0);
    ck_assert_uint_eq(b->n_attributes, 0);
    pull_batch_free(b);
}
END_TEST

static const char *const broken[] = {
    "",
    "[]",
    "null",
    "<html>",
    "{\"receivedMessages\":[{\"ackId\":\"x\"",
    "{\"receivedMessages\":[7]}",
    "{\"receivedMessages\":[{\"ackId\":\"x\",\"message\":{\"attributes\":"
    "{\"a\":1}}}]}",
    "{} {}",
};

START_TEST(what_is_no_pull_answer_is_malformed)
{
    struct pull_batch *b;

    ck_assert_msg(parse(broken[_i], &b) == RC_MALFORMED, "%s", broken[_i]);
}
END_TEST

START_TEST(both_base64_alphabets_are_read_and_others_delivered_as_they_are)
{
    struct pull_batch *b;

    ck_assert_int_eq(
        parse("{\"receivedMessages\":[{\"ackId\":\"1\",\"message\":{\"data\":"
              "\"_-8\"}},{\"ackId\":\"2\",\"message\":{\"data\":\"\\/+8=\"}},"
              "{\"ackId\":\"3\",\"message\":{\"data\":\"no base64\"}}]}",
              &b),
        RC_OK);
    ck_assert_str_eq(text_of(b->messages[0].message.data), "\xff\xef");
    ck_assert_str_eq(text_of(b->messages[1].message.data), "\xff\xef");
    ck_assert_str_eq(text_of(b->messages[2].message.data), "no base64");
    pull_batch_free(b);
}
END_TEST

START_TEST(attributes_stay_with_their_message_as_arrays_grow)
{
    struct buf text;
    struct pull_batch *b;
    struct err err;
    char *body;
    size_t len;

    buf_init(&text, 1 << 20);
    buf_puts(&text, "{\"receivedMessages\":[");
    for (int i = 0; i < 1000; i++)
        buf_printf(&text,
                   "%s{\"ackId\":\"a%d\",\"message\":{\"attributes\":{"
                   "\"n\":\"%d\",\"m\":\"x\"}}}",
                   i ? "," : "", i, i);
    buf_puts(&text, "]}");
    body = buf_take(&text, &len);
    ck_assert_int_eq(pull_response_parse(body, len, &b, &err), RC_OK);
    ck_assert_uint_eq(b->n, 1000);
    for (int i = 0; i < 1000; i++) {
        char number[12];
        snprintf(number, sizeof(number), "%d", i);
        ck_assert_str_eq(text_of(b->messages[i].message.attributes[0].value),
                         number);
    }
    pull_batch_free(b);
}
END_TEST

START_TEST(survives_when_memory_is_gone)
{
    struct pull_batch *b;
    int rc = RC_NOMEM;
    const char *text = "{\"receivedMessages\":[{\"ackId\":\"a\",\"message\":"
                       "{\"attributes\":{\"a\":\"b\"}}}]}";

    for (unsigned long n = 1; rc != RC_OK; n++) {
        ck_assert_uint_lt(n, 10);
        mem_fail_after(n, 0);
        rc = parse(text, &b);
        mem_fail_after(0, 0);
        if (rc != RC_OK)
            ck_assert_int_eq(rc, RC_NOMEM);
    }
    pull_batch_free(b);
}
END_TEST

Suite *suite_pull_response(void)
{
    Suite *s = suite_create("pull_response");
    TCase *tc = tcase_create("pull_response");

    tcase_add_test(tc, reads_all_of_a_message);
    tcase_add_loop_test(tc, an_answer_without_messages_is_empty, 0,
                        sizeof(empties) / sizeof(empties[0]));
    tcase_add_loop_test(tc, what_is_no_pull_answer_is_malformed, 0,
                        sizeof(broken) / sizeof(broken[0]));
    tcase_add_test(
        tc, both_base64_alphabets_are_read_and_others_delivered_as_they_are);
    tcase_add_test(tc, attributes_stay_with_their_message_as_arrays_grow);
    tcase_add_test(tc, survives_when_memory_is_gone);
    suite_add_tcase(s, tc);
    return s;
}
