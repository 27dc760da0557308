/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "emulator/grpc_reflection.h"

static const struct {
    const char *symbol;
    bool known;
} symbols[] = {
    {"google.pubsub.v1.Publisher", true},
    {"google.pubsub.v1.Publisher.Publish", true},
    {"google.pubsub.v1.Topic", true},
    {"google.pubsub.v1.Topic.name", true},
    {"google.pubsub.v1.Topic.State", true},
    {"google.pubsub.v1.StreamingPullResponse.SubscriptionProperties", true},
    {"google.pubsub.v1.Encoding", true},
    {"grpc.health.v1.Health", true},
    {"google.pubsub.v1.Top", false},
    {"google.pubsub.v1", false},
    {"google.pubsub.v1.Topic.name.x", false},
    {"", false},
};

START_TEST(finds_symbols)
{
    struct str file = grpc_reflection_symbol(str_from(symbols[_i].symbol));

    ck_assert_msg((file.p != NULL) == symbols[_i].known, "%s",
                  symbols[_i].symbol);
}
END_TEST

START_TEST(finds_files)
{
    ck_assert_ptr_nonnull(
        grpc_reflection_file(STR("google/pubsub/v1/pubsub.proto")).p);
    ck_assert_ptr_nonnull(
        grpc_reflection_file(STR("google/protobuf/timestamp.proto")).p);
    ck_assert_ptr_null(grpc_reflection_file(STR("pubsub.proto")).p);
}
END_TEST

Suite *suite_reflection(void);
Suite *suite_reflection(void)
{
    Suite *s = suite_create("reflection");
    TCase *tc = tcase_create("reflection");

    tcase_add_loop_test(tc, finds_symbols, 0,
                        sizeof(symbols) / sizeof(symbols[0]));
    tcase_add_test(tc, finds_files);
    suite_add_tcase(s, tc);
    return s;
}
