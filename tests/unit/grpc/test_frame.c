/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "grpc/frame.h"

static const char two[] = "\0\0\0\0\3abc"
                          "\1\0\0\0\0"
                          "\0\0\0\0\2de";

static void check_two(size_t piece)
{
    struct grpc_frames f;
    struct buf seen;
    size_t len = sizeof(two) - 1;

    grpc_frames_init(&f, 100);
    buf_init(&seen, 100);
    for (size_t at = 0; at < len; at += piece) {
        struct str data = str_of(two + at, len - at < piece ? len - at : piece);
        struct str message;

        while (grpc_frames_next(&f, &data, &message) == GRPC_FRAME_MESSAGE) {
            buf_str(&seen, message);
            buf_putc(&seen, f.compressed ? 'z' : '|');
        }
        ck_assert_uint_eq(data.len, 0);
    }
    ck_assert(!grpc_frames_is_within(&f));
    ck_assert_str_eq(seen.data, "abc|zde|");
    buf_fini(&seen);
    grpc_frames_fini(&f);
}

START_TEST(finds_messages_however_the_bytes_are_cut)
{
    check_two((size_t)_i);
}
END_TEST

START_TEST(hands_out_a_whole_message_without_a_copy)
{
    struct str data = str_of(two, sizeof(two) - 1), message;
    struct grpc_frames f;

    grpc_frames_init(&f, 100);
    ck_assert_int_eq(grpc_frames_next(&f, &data, &message), GRPC_FRAME_MESSAGE);
    ck_assert_ptr_eq(message.p, two + 5);
    grpc_frames_fini(&f);
}
END_TEST

START_TEST(refuses_what_is_too_large_or_no_frame)
{
    struct str data = STR("\0\0\0\1\0"), message;
    struct grpc_frames f;

    grpc_frames_init(&f, 255);
    ck_assert_int_eq(grpc_frames_next(&f, &data, &message),
                     GRPC_FRAME_TOO_LARGE);
    ck_assert_uint_eq(f.length, 256);
    grpc_frames_fini(&f);

    data = STR("\2\0\0\0\0");
    grpc_frames_init(&f, 255);
    ck_assert_int_eq(grpc_frames_next(&f, &data, &message), GRPC_FRAME_BAD);
    grpc_frames_fini(&f);
}
END_TEST

START_TEST(knows_when_it_is_within_a_message)
{
    struct str data = STR("\0\0\0\0\3ab"), message;
    struct grpc_frames f;

    grpc_frames_init(&f, 255);
    ck_assert(!grpc_frames_is_within(&f));
    ck_assert_int_eq(grpc_frames_next(&f, &data, &message), GRPC_FRAME_MORE);
    ck_assert(grpc_frames_is_within(&f));
    grpc_frames_fini(&f);
}
END_TEST

Suite *suite_frame(void);
Suite *suite_frame(void)
{
    Suite *s = suite_create("frame");
    TCase *tc = tcase_create("frame");

    tcase_add_loop_test(tc, finds_messages_however_the_bytes_are_cut, 1,
                        (int)sizeof(two));
    tcase_add_test(tc, hands_out_a_whole_message_without_a_copy);
    tcase_add_test(tc, refuses_what_is_too_large_or_no_frame);
    tcase_add_test(tc, knows_when_it_is_within_a_message);
    suite_add_tcase(s, tc);
    return s;
}
