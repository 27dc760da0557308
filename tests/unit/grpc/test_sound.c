/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/sound.h"

#include <check.h>
#include <stdlib.h>

#include "grpc/wire.h"

/* message Node { string name = 1; Node next = 2; bytes data = 3; int32 n = 4; }
 */
static const ProtobufCMessageDescriptor node;
static const ProtobufCFieldDescriptor fields[] = {
    {.name = "name", .id = 1, .type = PROTOBUF_C_TYPE_STRING},
    {.name = "next",
     .id = 2,
     .type = PROTOBUF_C_TYPE_MESSAGE,
     .descriptor = &node},
    {.name = "data", .id = 3, .type = PROTOBUF_C_TYPE_BYTES},
    {.name = "n", .id = 4, .type = PROTOBUF_C_TYPE_INT32},
};
static const ProtobufCMessageDescriptor node = {
    .name = "Node", .n_fields = 4, .fields = fields};

static const char *flaw(const char *bytes, size_t len)
{
    static struct err err;

    return grpc_is_sound(&node, str_of(bytes, len), &err) ? err.text : NULL;
}
#define FLAW(literal) flaw(literal, sizeof(literal) - 1)

START_TEST(what_is_well_is_let_through)
{
    ck_assert_ptr_null(FLAW(""));
    ck_assert_ptr_null(FLAW("\x0a\x03"
                            "abc\x20\x05"));
    ck_assert_ptr_null(FLAW("\x0a\x02\xc3\xa1"));
    /* bytes may be anything, and so may a field that is not known */
    ck_assert_ptr_null(FLAW("\x1a\x02\xff\x00"));
    ck_assert_ptr_null(FLAW("\x2a\x02\xff\x00"));
}
END_TEST

START_TEST(strings_are_utf8_and_hold_no_nul)
{
    ck_assert_str_eq(FLAW("\x0a\x01\xff"), "name is not valid UTF-8");
    ck_assert_str_eq(FLAW("\x0a\x03"
                          "a\x00"
                          "b"),
                     "name holds a NUL character");
    /* as deep as it may be, and behind what is well */
    ck_assert_str_eq(FLAW("\x0a\x01"
                          "a\x12\x07\x20\x01\x12\x03\x0a\x01\xc3"),
                     "name is not valid UTF-8");
}
END_TEST

START_TEST(malformed_bytes_are_left_to_the_decoder)
{
    ck_assert_ptr_null(FLAW("\x0a"));
    ck_assert_ptr_null(FLAW("\x0a\x05"
                            "abc"));
    ck_assert_ptr_null(FLAW("\x0b"));
    ck_assert_ptr_null(FLAW("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    ck_assert_ptr_null(FLAW("\x22\x01\xff")); /* of another wire type */
}
END_TEST

/* `n` nodes, each in the one before. */
static size_t nested(unsigned n, char *out, size_t max)
{
    size_t at = max;

    for (unsigned i = 0; i < n; i++) {
        size_t len = max - at;
        if (len >= 128) {
            out[--at] = (char)(len >> 7);
            out[--at] = (char)(len | 0x80);
        } else {
            out[--at] = (char)len;
        }
        out[--at] = 0x12;
    }
    return at;
}

START_TEST(nesting_has_an_end)
{
    static char bytes[4096];
    size_t at = nested(GRPC_DEPTH_MAX, bytes, sizeof(bytes));

    ck_assert_ptr_null(flaw(bytes + at, sizeof(bytes) - at));
    at = nested(GRPC_DEPTH_MAX + 1, bytes, sizeof(bytes));
    ck_assert_str_eq(flaw(bytes + at, sizeof(bytes) - at),
                     "it is nested too deeply");
}
END_TEST

Suite *suite_sound(void)
{
    Suite *s = suite_create("sound");
    TCase *t = tcase_create("all");

    tcase_add_test(t, what_is_well_is_let_through);
    tcase_add_test(t, strings_are_utf8_and_hold_no_nul);
    tcase_add_test(t, malformed_bytes_are_left_to_the_decoder);
    tcase_add_test(t, nesting_has_an_end);
    suite_add_tcase(s, t);
    return s;
}
