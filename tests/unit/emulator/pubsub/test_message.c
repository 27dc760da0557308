/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/message.h"

#include <check.h>

#include "common/mem.h"
#include "emulator/pubsub/tlog.h"
#include "grpc/wire.h"

static void put_request(struct buf *out, struct str message)
{
    wire_put_bytes(out, 2, message);
}

static int read_one(struct str message, bool limits, struct publish *p,
                    struct err *err)
{
    struct buf request;
    int rc;

    buf_init(&request, 32 << 20);
    wire_put_bytes(&request, 1, STR("projects/p/topics/t"));
    put_request(&request, message);
    rc = publish_read(buf_as_str(&request), limits, p, err);
    buf_fini(&request);
    return rc;
}

START_TEST(strips_what_the_client_may_not_set)
{
    struct buf m;
    struct publish p;
    struct batch *b;
    uint32_t next;
    struct str got;

    buf_init(&m, 4096);
    wire_put_bytes(&m, MESSAGE_ID, STR("mine"));
    wire_put_bytes(&m, MESSAGE_DATA, STR("hello"));
    wire_put_bytes(&m, MESSAGE_PUBLISH_TIME, STR("\x08\x01"));
    wire_put_bytes(&m, 77, STR("unknown"));
    message_put_attribute(&m, STR("k"), STR("v"));
    wire_put_bytes(&m, MESSAGE_ORDERING_KEY, STR("o"));
    ck_assert_int_eq(read_one(buf_as_str(&m), true, &p, NULL), RC_OK);
    ck_assert_uint_eq(p.n, 1);
    b = batch_new(p.bytes, p.len, p.n);
    got = batch_message_at(b, 0, &next);
    ck_assert_uint_eq(next, p.len);
    ck_assert(str_eq(message_data(got), STR("hello")));
    ck_assert(str_eq(message_attribute(got, STR("k")), STR("v")));
    ck_assert(str_eq(message_ordering_key(got), STR("o")));
    ck_assert_uint_eq(got.len, 7 + 8 + 3);
    batch_free(b);
    buf_fini(&m);
}
END_TEST

START_TEST(refuses_what_production_refuses)
{
    static char big[MESSAGE_MAX_VALUE + 2];
    struct err err;
    struct publish p;
    struct buf m;

    memset(big, 'x', sizeof(big) - 1);
    buf_init(&m, 1 << 20);
    ck_assert_int_eq(read_one(STR(""), true, &p, &err), RC_INVALID);
    ck_assert(strstr(err.text, "is empty"));
    message_put_attribute(&m, str_of(big, 257), STR("v"));
    ck_assert_int_eq(read_one(buf_as_str(&m), true, &p, &err), RC_INVALID);
    ck_assert_int_eq(read_one(buf_as_str(&m), false, &p, &err), RC_OK);
    mem_free(p.bytes);
    buf_reset(&m);
    message_put_attribute(&m, STR("k"), str_of(big, 1025));
    ck_assert_int_eq(read_one(buf_as_str(&m), true, &p, &err), RC_INVALID);
    buf_reset(&m);
    message_put_attribute(&m, STR("googx"), STR("v"));
    ck_assert_int_eq(read_one(buf_as_str(&m), true, &p, &err), RC_INVALID);
    buf_reset(&m);
    message_put_attribute(&m, STR("googclient_traceparent"), STR("00-1-2-01"));
    ck_assert_int_eq(read_one(buf_as_str(&m), true, &p, &err), RC_OK);
    mem_free(p.bytes);
    buf_reset(&m);
    message_put_attribute(&m, STR("k"), STR("\xff"));
    ck_assert_int_eq(read_one(buf_as_str(&m), false, &p, &err), RC_INVALID);
    buf_reset(&m);
    wire_put_bytes(&m, 1, STR("d"));
    wire_put_bytes(&m, 5, str_of(big, 1025));
    ck_assert_int_eq(read_one(buf_as_str(&m), true, &p, &err), RC_INVALID);
    buf_reset(&m);
    for (int i = 0; i < 101; i++)
        message_put_attribute(&m, str_of(big, (size_t)i + 1), STR("v"));
    ck_assert_int_eq(read_one(buf_as_str(&m), true, &p, &err), RC_INVALID);
    ck_assert_int_eq(read_one(STR("\x0a\x7f"), true, &p, &err), RC_MALFORMED);
    buf_fini(&m);
}
END_TEST

START_TEST(counts_messages_and_keys)
{
    struct buf r;
    struct publish p;
    struct err err;

    buf_init(&r, 1 << 20);
    ck_assert_int_eq(publish_read(STR(""), true, &p, &err), RC_INVALID);
    ck_assert(strstr(err.text, "message_count is too small"));
    for (int i = 0; i < 1001; i++)
        put_request(&r, STR("\x0a\x01x"));
    ck_assert_int_eq(publish_read(buf_as_str(&r), true, &p, &err), RC_INVALID);
    ck_assert_str_eq(err.text,
                     "The value for message_count is too large. You passed "
                     "1001 in the request, but the maximum value is 1000.");
    buf_reset(&r);
    put_request(&r, STR("\x0a\x01x\x2a\x01k"));
    put_request(&r, STR("\x0a\x01x"));
    ck_assert_int_eq(publish_read(buf_as_str(&r), true, &p, &err), RC_INVALID);
    ck_assert_int_eq(publish_read(buf_as_str(&r), false, &p, &err), RC_OK);
    ck_assert_uint_eq(p.n, 2);
    mem_free(p.bytes);
    buf_fini(&r);
}
END_TEST

START_TEST(writes_a_received_message)
{
    struct received r = {.ack_id = "abcdefghijklmnopqrstuvwxyz012345",
                         .message = STR("\x0a\x01x"),
                         .id = 12345678901234567ULL,
                         .publish_us = 1736848800500000,
                         .attempt = 300};
    struct buf out;
    struct wire w;
    struct wire_field f;

    buf_init(&out, 4096);
    message_put_received(&out, &r);
    w = wire_of(buf_as_str(&out));
    ck_assert(wire_next(&w, &f) && f.number == 1 && w.p == w.end);
    w = wire_of(f.bytes);
    ck_assert(wire_next(&w, &f) && f.number == 1);
    ck_assert(str_eq(f.bytes, str_from(r.ack_id)));
    ck_assert(wire_next(&w, &f) && f.number == 2);
    ck_assert(str_eq(message_data(f.bytes), STR("x")));
    ck_assert(memmem(f.bytes.p, f.bytes.len, "12345678901234567", 17));
    ck_assert(wire_next(&w, &f) && f.number == 3 && f.value == 300);
    ck_assert(!wire_next(&w, &f) && !wire_is_bad(&w));
    buf_fini(&out);
}
END_TEST

START_TEST(ack_ids_are_sealed)
{
    char id[ACK_ID_LEN];
    uint64_t seq;
    uint32_t nonce;

    ack_id_write(id, 42, 7, 9);
    ck_assert(ack_id_read(str_of(id, ACK_ID_LEN), 42, &seq, &nonce));
    ck_assert_uint_eq(seq, 7);
    ck_assert_uint_eq(nonce, 9);
    ck_assert(!ack_id_read(str_of(id, ACK_ID_LEN), 43, &seq, &nonce));
    for (int i = 0; i < ACK_ID_LEN; i++) {
        char was = id[i];

        id[i] = was == 'A' ? 'B' : 'A';
        ck_assert(!ack_id_read(str_of(id, ACK_ID_LEN), 42, &seq, &nonce));
        id[i] = was;
    }
    ck_assert(
        !ack_id_read(STR("projects/p/subscriptions/s:1"), 42, &seq, &nonce));
}
END_TEST

Suite *suite_message(void)
{
    Suite *s = suite_create("message");
    TCase *t = tcase_create("message");

    tcase_add_test(t, strips_what_the_client_may_not_set);
    tcase_add_test(t, refuses_what_production_refuses);
    tcase_add_test(t, counts_messages_and_keys);
    tcase_add_test(t, writes_a_received_message);
    tcase_add_test(t, ack_ids_are_sealed);
    suite_add_tcase(s, t);
    return s;
}
