/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/slab.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "common/mem.h"
#include "emulator/pubsub/tlog.h"

enum {
    N = 2000
};

START_TEST(blocks_are_zeroed_aligned_and_their_own)
{
    struct slabs slabs = {0};
    unsigned char *blocks[N];

    for (size_t i = 0; i < N; i++) {
        size_t size = 1 + i % 300;

        blocks[i] = slab_alloc(&slabs, size);
        ck_assert_uint_eq((uintptr_t)blocks[i] % sizeof(uint64_t), 0);
        for (size_t k = 0; k < size; k++)
            ck_assert_uint_eq(blocks[i][k], 0);
        memset(blocks[i], (int)(i % 251 + 1), size);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 1 + i % 300; k++)
            ck_assert_uint_eq(blocks[i][k], i % 251 + 1);
    for (size_t i = 0; i < N; i += 2)
        slab_free(blocks[i]);
    /* those that are left outlive their maker */
    slabs_fini(&slabs);
    for (size_t i = 1; i < N; i += 2) {
        ck_assert_uint_eq(blocks[i][0], i % 251 + 1);
        slab_free(blocks[i]);
    }
    slab_free(NULL);
}
END_TEST

START_TEST(large_blocks_stand_alone)
{
    struct slabs slabs = {0};
    char *small = slab_alloc(&slabs, 8);
    char *large = slab_alloc(&slabs, 1 << 20);

    large[(1 << 20) - 1] = 'x';
    slab_free(small);
    ck_assert_int_eq(large[(1 << 20) - 1], 'x');
    slab_free(large);
    slabs_fini(&slabs);
}
END_TEST

START_TEST(a_whole_batch_has_its_bytes_as_any_other)
{
    static const uint32_t lengths[] = {2, 15, 16, 17, 500};
    struct slabs slabs = {0};
    uint32_t len = lengths[_i], next;
    char *bytes = mem_alloc(len);
    struct batch *b;
    struct str message;

    memset(bytes, 'm', len);
    bytes[0] = (char)(len > 128 ? 0x80 | ((len - 2) & 0x7f) : len - 1);
    if (len > 128)
        bytes[1] = (char)((len - 2) >> 7);
    b = batch_new_whole(&slabs, bytes, len, 1);
    ck_assert_uint_eq(b->n, 1);
    ck_assert_uint_eq(b->len, len);
    message = batch_message_at(b, 0, &next);
    ck_assert_uint_eq(next, len);
    ck_assert_uint_eq(message.len, len > 128 ? len - 2 : len - 1);
    for (size_t i = 0; i < message.len; i++)
        ck_assert_int_eq(message.p[i], 'm');
    batch_drop_bytes(b);
    ck_assert_ptr_null(b->bytes);
    batch_free(b);
    slabs_fini(&slabs);
}
END_TEST

Suite *suite_slab(void);
Suite *suite_slab(void)
{
    Suite *s = suite_create("slab");
    TCase *tc = tcase_create("slab");

    tcase_add_test(tc, blocks_are_zeroed_aligned_and_their_own);
    tcase_add_test(tc, large_blocks_stand_alone);
    tcase_add_loop_test(tc, a_whole_batch_has_its_bytes_as_any_other, 0, 5);
    suite_add_tcase(s, tc);
    return s;
}
