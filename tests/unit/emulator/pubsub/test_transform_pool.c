/* SPDX-License-Identifier: Apache-2.0 */
/* Real processes: this program, started again as one of them. */
#include "emulator/pubsub/transform_pool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "emulator/pubsub/message.h"
#include "emulator/pubsub/transform_worker.h"
#include "grpc/wire.h"

__attribute__((constructor)) static void become_worker(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], TRANSFORM_WORKER) == 0)
        exit(transform_worker_run(WORKER_FD));
}

static struct loop *loop;
static struct transform_pool *pool;
static struct transform_job *finished[8];
static unsigned n_finished, n_wanted;

static void setup(void)
{
    loop = loop_new();
    pool = transform_pool_new(loop);
    n_finished = 0;
}

static void teardown(void)
{
    for (unsigned i = 0; i < n_finished; i++)
        transform_job_free(finished[i]);
    transform_pool_free(pool);
    loop_free(loop);
}

static struct chain *chain_of(const char *code)
{
    struct chain *c = chain_new(pool);

    chain_add(c, STR("f"), str_from(code));
    return c;
}

static void on_done(struct transform_job *job)
{
    finished[n_finished++] = job;
    if (n_finished == n_wanted)
        loop_stop(loop);
}

/* A job of the words of `texts`; the chain's reference is the job's now. */
static void submit(struct chain *chain, const char *texts)
{
    struct transform_job *job = transform_job_new(chain, on_done, NULL);
    struct str rest = str_from(texts);

    while (rest.p) {
        struct str word = str_cut(&rest, ' ');
        struct buf message;

        buf_init(&message, 4096);
        wire_put_bytes(&message, MESSAGE_DATA, word);
        transform_job_add(job, job->n, buf_as_str(&message), 100 + job->n, 1);
        buf_fini(&message);
    }
    transform_job_submit(pool, job);
}

static void run(unsigned n)
{
    n_wanted = n;
    loop_run(loop);
    ck_assert(transform_pool_is_idle(pool));
    ck_assert_uint_eq(transform_pool_waiting(pool), 0);
}

/* "data" of each, "-" dropped, "!" failed, joined by spaces. */
static const char *outcome(const struct transform_job *job)
{
    static char text[512];

    *text = '\0';
    for (size_t i = 0; i < job->n; i++) {
        struct str data = message_data(transform_job_result(job, i));
        size_t at = strlen(text);

        if (job->items[i].outcome == TRANSFORM_KEPT)
            snprintf(text + at, sizeof(text) - at, "%s%.*s", i ? " " : "",
                     STR_ARG(data));
        else
            snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "",
                     job->items[i].outcome == TRANSFORM_DROPPED ? "-" : "!");
    }
    return text;
}

#define SHOUT                                                                  \
    "function f(m) {"                                                          \
    "  if (m.data === 'drop') return null;"                                    \
    "  if (m.data === 'bad') throw 1;"                                         \
    "  while (m.data === 'loop') ;"                                            \
    "  if (m.data === 'slow') /(x+x+)+y/.test(new Array(40).join('x'));"       \
    "  return {data: m.data.toUpperCase()}; }"

START_TEST(each_message_has_its_outcome)
{
    struct chain *c = chain_of(SHOUT);

    submit(c, "a drop bad b");
    chain_unref(c);
    run(1);
    ck_assert_str_eq(outcome(finished[0]), "A - ! B");
}
END_TEST

START_TEST(a_loop_costs_its_own_message_alone)
{
    struct chain *c = chain_of(SHOUT);

    submit(c, "a loop b slow c");
    chain_unref(c);
    run(1);
    ck_assert_str_eq(outcome(finished[0]), "A ! B ! C");
    ck_assert(
        str_eq(transform_job_result(finished[0], 1),
               STR("the function took more than 500 ms of processor time")));
}
END_TEST

START_TEST(jobs_of_a_chain_are_done_in_order)
{
    struct chain *c = chain_of("var n = 0; function f(m) {"
                               "  return {data: m.data + n++}; }");

    submit(c, "a b");
    submit(c, "c");
    submit(c, "d");
    chain_unref(c);
    run(3);
    ck_assert_str_eq(outcome(finished[0]), "a0 b1");
    ck_assert_str_eq(outcome(finished[1]), "c2");
    ck_assert_str_eq(outcome(finished[2]), "d3");
}
END_TEST

START_TEST(chains_do_not_wait_for_one_that_hangs)
{
    struct chain *slow = chain_of("function f(m) { for (;;) ; }");
    struct chain *quick = chain_of(SHOUT);

    submit(slow, "a b");
    submit(quick, "c");
    chain_unref(slow);
    chain_unref(quick);
    run(2);
    ck_assert_str_eq(outcome(finished[0]), "C");
    ck_assert_str_eq(outcome(finished[1]), "! !");
}
END_TEST

START_TEST(those_that_hang_take_turns_with_others)
{
    struct chain *slow[2] = {chain_of("function f(m) { for (;;) ; }"),
                             chain_of("function f(m) { for (;;) ; }")};
    struct chain *quick = chain_of(SHOUT);

    submit(slow[0], "a b c");
    submit(slow[1], "a b c");
    submit(quick, "c");
    submit(slow[0], "d");
    for (unsigned i = 0; i < 2; i++)
        chain_unref(slow[i]);
    chain_unref(quick);
    run(4);
    ck_assert_str_eq(outcome(finished[0]), "C");
    ck_assert_uint_eq(finished[3]->n + finished[2]->n, 4);
}
END_TEST

START_TEST(functions_of_a_chain_follow_each_other)
{
    struct chain *c = chain_of(SHOUT);

    chain_add(c, STR("g"),
              STR("function g(m) { return m.data === 'B' ? null"
                  " : {data: m.data + '+'}; }"));
    submit(c, "a b drop bad");
    chain_unref(c);
    run(1);
    ck_assert_str_eq(outcome(finished[0]), "A+ - - !");
}
END_TEST

START_TEST(code_that_cannot_start_fails_all)
{
    struct chain *c = chain_of("throw new Error('at start')");

    submit(c, "a b");
    chain_unref(c);
    run(1);
    ck_assert_str_eq(outcome(finished[0]), "! !");
    ck_assert(
        str_eq(transform_job_result(finished[0], 1), STR("Error: at start")));
}
END_TEST

START_TEST(a_job_that_may_ends_early_when_results_are_large)
{
    struct chain *c = chain_of("function f(m) {"
                               "  return {data: 'x'.repeat(9 << 20)};"
                               "}");
    struct transform_job *job = transform_job_new(c, on_done, NULL);

    for (unsigned i = 0; i < 10; i++)
        transform_job_add(job, i, STR("\n\1x"), i + 1, 1);
    job->may_end_early = true;
    transform_job_submit(pool, job);
    chain_unref(c);
    run(1);
    ck_assert_uint_eq(finished[0]->n, 2);
}
END_TEST

START_TEST(what_is_under_way_at_the_end_is_cancelled)
{
    struct chain *c = chain_of("function f(m) { for (;;) ; }");

    submit(c, "a");
    submit(c, "b");
    chain_unref(c);
    n_wanted = 2;
    transform_pool_free(pool);
    ck_assert_uint_eq(n_finished, 2);
    ck_assert(finished[0]->is_cancelled && finished[1]->is_cancelled);
    pool = NULL;
}
END_TEST

static const struct {
    const char *code;
    int rc;
    const char *reason;
} tries[] = {
    {"function f(m) { return m; }", RC_OK, ""},
    {"function f(m) { return m => m; }", RC_MALFORMED, "line 1"},
    {"function g() {}", RC_INVALID, "no function f"},
    {"for (;;) ;", RC_INVALID, "took too long"},
    {"/(x+x+)+y/.test(new Array(40).join('x'))", RC_INVALID, "took too long"},
    {"var s = 'x'; for (;;) s += s + s;", RC_INVALID, ""},
};

START_TEST(code_is_tried_before_it_is_taken)
{
    struct chain *c = chain_of(tries[_i].code);
    struct str reason;

    transform_job_submit(pool, transform_job_new(c, on_done, NULL));
    chain_unref(c);
    run(1);
    reason = buf_as_str(&finished[0]->results);
    ck_assert_int_eq(finished[0]->rc, tries[_i].rc);
    ck_assert_msg(strstr(reason.p, tries[_i].reason) != NULL, "%.*s",
                  STR_ARG(reason));
}
END_TEST

Suite *suite_transform_pool(void);
Suite *suite_transform_pool(void)
{
    Suite *s = suite_create("transform_pool");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, each_message_has_its_outcome);
    tcase_add_test(t, a_loop_costs_its_own_message_alone);
    tcase_add_test(t, jobs_of_a_chain_are_done_in_order);
    tcase_add_test(t, chains_do_not_wait_for_one_that_hangs);
    tcase_add_test(t, those_that_hang_take_turns_with_others);
    tcase_add_test(t, functions_of_a_chain_follow_each_other);
    tcase_add_test(t, code_that_cannot_start_fails_all);
    tcase_add_test(t, a_job_that_may_ends_early_when_results_are_large);
    tcase_add_test(t, what_is_under_way_at_the_end_is_cancelled);
    tcase_add_loop_test(t, code_is_tried_before_it_is_taken, 0,
                        sizeof(tries) / sizeof(tries[0]));
    suite_add_tcase(s, t);
    return s;
}
