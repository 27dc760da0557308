/* SPDX-License-Identifier: Apache-2.0 */
/* The two texts that travel: the channel's frame and the head of a shared
 * value. */
#include <check.h>

#include "cache/frame.h"
#include "cache/shared.h"
#include "common/buf.h"

START_TEST(reads_each_kind)
{
    struct generation gen;
    enum frame_kind kind;
    struct str payload;

    ck_assert(
        frame_parse(STR("00000000000000ff:7:pabc:def"), &gen, &kind, &payload));
    ck_assert_uint_eq(gen.epoch, 255);
    ck_assert_uint_eq(gen.counter, 7);
    ck_assert_int_eq(kind, FRAME_PAYLOAD);
    ck_assert(str_eq(payload, STR("abc:def")));
    ck_assert(frame_parse(STR("a:0:g"), &gen, &kind, &payload));
    ck_assert_int_eq(kind, FRAME_GAP);
    ck_assert(frame_parse(STR("0:0:b"), &gen, &kind, &payload));
    ck_assert_int_eq(kind, FRAME_BEAT);
    ck_assert_uint_eq(payload.len, 0);
}
END_TEST

static const char *const broken_frames[] = {
    "",
    ":",
    "a",
    "a:1",
    "a:1:",
    "a:1:x",
    "g:1:p",
    ":1:p",
    "a::p",
    "A:1:p",
    "a:-1:p",
    "a:1x:p",
    "00000000000000000:1:p",
    "a:99999999999999999999999:p",
};
START_TEST(refuses_anything_else)
{
    struct generation gen;
    enum frame_kind kind;
    struct str payload;

    ck_assert_msg(
        !frame_parse(str_from(broken_frames[_i]), &gen, &kind, &payload), "%s",
        broken_frames[_i]);
}
END_TEST

START_TEST(epoch_comes_back_as_it_went)
{
    static const uint64_t epochs[] = {0, 1, 255, UINT64_MAX,
                                      0x0123456789abcdef};

    for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
        char text[FRAME_EPOCH + 1];
        uint64_t out = 7;

        frame_put_epoch(text, epochs[i]);
        ck_assert_uint_eq(strlen(text), FRAME_EPOCH);
        ck_assert(frame_parse_epoch(str_from(text), &out));
        ck_assert_uint_eq(out, epochs[i]);
    }
}
END_TEST

START_TEST(shared_value_comes_back_as_it_went)
{
    struct generation gen = {0xfeed, UINT64_MAX}, back;
    int64_t born = 1732437600000000, born_back;
    struct str bytes;
    struct buf b;

    buf_init(&b, 1000);
    shared_put_head(&b, gen, born);
    ck_assert_uint_le(b.len, SHARED_HEAD_MAX);
    buf_puts(&b, "bytes\nmore");
    ck_assert(shared_parse(buf_as_str(&b), &back, &born_back, &bytes));
    ck_assert_uint_eq(back.epoch, gen.epoch);
    ck_assert_uint_eq(back.counter, gen.counter);
    ck_assert_int_eq(born_back, born);
    ck_assert(str_eq(bytes, STR("bytes\nmore")));
    ck_assert(str_starts(buf_as_str(&b), shared_head(buf_as_str(&b))));
    buf_fini(&b);
}
END_TEST

static const char *const broken_values[] = {
    "",           "1",          "1 a 1 1",    "2 a 1 1\nx", "1 a 1\nx",
    "1 g 1 1\nx", "1 a x 1\nx", "1 a 1 x\nx", "1  1 1\nx",  "\n",
};
START_TEST(refuses_what_is_no_shared_value)
{
    struct generation gen;
    int64_t born;
    struct str bytes;

    ck_assert_msg(
        !shared_parse(str_from(broken_values[_i]), &gen, &born, &bytes), "%s",
        broken_values[_i]);
    ck_assert_uint_le(shared_head(str_from(broken_values[_i])).len,
                      SHARED_HEAD_MAX);
}
END_TEST

Suite *suite_frame(void)
{
    Suite *s = suite_create("frame");
    TCase *t = tcase_create("frame");

    tcase_add_test(t, reads_each_kind);
    tcase_add_loop_test(t, refuses_anything_else, 0,
                        sizeof(broken_frames) / sizeof(broken_frames[0]));
    tcase_add_test(t, epoch_comes_back_as_it_went);
    tcase_add_test(t, shared_value_comes_back_as_it_went);
    tcase_add_loop_test(t, refuses_what_is_no_shared_value, 0,
                        sizeof(broken_values) / sizeof(broken_values[0]));
    suite_add_tcase(s, t);
    return s;
}
