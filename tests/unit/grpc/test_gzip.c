/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/buf.h"
#include "common/mem.h"
#include "grpc/gzip.h"

static struct grpc_gzip *z;
static struct buf packed, out;

static void setup(void)
{
    z = grpc_gzip_new();
    buf_init(&packed, 1 << 20);
    buf_init(&out, 4 << 20);
}

static void teardown(void)
{
    grpc_gzip_free(z);
    buf_fini(&packed);
    buf_fini(&out);
}

static void pack(size_t len)
{
    char *zeros = mem_alloc(len);

    buf_reset(&packed);
    ck_assert(grpc_gzip(z, str_of(zeros, len), &packed));
    ck_assert_uint_lt(packed.len, len);
    mem_free(zeros);
}

START_TEST(packs_and_unpacks_again_and_again)
{
    for (size_t len = 1000; len < 1000000; len *= 10) {
        pack(len);
        buf_reset(&out);
        ck_assert_int_eq(grpc_gunzip(z, buf_as_str(&packed), len, &out), RC_OK);
        ck_assert_uint_eq(out.len, len);
    }
}
END_TEST

START_TEST(stops_a_bomb_at_the_limit)
{
    pack(1000000);
    ck_assert_int_eq(grpc_gunzip(z, buf_as_str(&packed), 999999, &out),
                     RC_TOO_LARGE);
}
END_TEST

START_TEST(refuses_cut_trailing_and_foreign_bytes)
{
    struct str all;

    pack(5000);
    all = buf_as_str(&packed);
    for (size_t n = 0; n < all.len; n++) {
        buf_reset(&out);
        ck_assert_int_eq(grpc_gunzip(z, str_of(all.p, n), 9999, &out),
                         RC_MALFORMED);
    }
    buf_putc(&packed, 'x');
    buf_reset(&out);
    ck_assert_int_eq(grpc_gunzip(z, buf_as_str(&packed), 9999, &out),
                     RC_MALFORMED);
    ck_assert_int_eq(grpc_gunzip(z, STR("hola, hola, hola"), 9999, &out),
                     RC_MALFORMED);
}
END_TEST

START_TEST(does_not_grow_what_does_not_compress)
{
    ck_assert(!grpc_gzip(z, STR("a"), &packed));
    buf_reset(&packed);
    ck_assert(grpc_gzip_any(z, STR("a"), &packed));
    ck_assert_uint_gt(packed.len, 18);
}
END_TEST

Suite *suite_gzip(void);
Suite *suite_gzip(void)
{
    Suite *s = suite_create("gzip");
    TCase *tc = tcase_create("gzip");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, packs_and_unpacks_again_and_again);
    tcase_add_test(tc, stops_a_bomb_at_the_limit);
    tcase_add_test(tc, refuses_cut_trailing_and_foreign_bytes);
    tcase_add_test(tc, does_not_grow_what_does_not_compress);
    suite_add_tcase(s, tc);
    return s;
}
