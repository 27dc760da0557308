/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline with a writer, a subscriber and a dead-letter topic that do what a
 * test says, and remember what was done. One world a (forked) test. */
#ifndef TESTS_PIPELINE_HARNESS_H
#define TESTS_PIPELINE_HARNESS_H

#include "ingest/pipeline.h"

enum {
    MOST = 3000
};

enum fate {
    FATE_HELD,
    FATE_ACKED,
    FATE_RETURNED
};

struct given {
    struct message message;
    enum fate fate;
    char id[16];
    char data[400];
};

extern struct loop *loop;
extern struct schema *schema;
extern struct pipeline pipeline;
extern bool is_drained;

/* the subscriber */
extern struct given messages[MOST];
extern unsigned n_messages, n_acked, n_returned, n_pauses, n_resumes;

/* the writer */
extern struct writer_put *pending[16];
extern unsigned n_puts, n_put_calls;
extern size_t last_rows;
extern bool answers_at_once;                /* each call, with STORED */
extern int store_rc;                        /* of calls answered at once */
extern int (*judge)(const struct row *row); /* NULL: STORED */
void answer_put(int rc);                    /* the oldest pending one */

/* the dead-letter topic */
extern struct publish *letters[MOST];
extern unsigned n_letters, n_published;
extern int topic_rc;
extern bool topic_waits;
extern char last_error[32], last_field[300];
extern size_t last_n_attributes;
extern struct loop_timer letter_timer;
void on_letter_timer(struct loop_timer *timer);

void setup(void);
void teardown(void);
unsigned deliver_data(const char *data, size_t len);
/* A message whose record has this id, or a bad one ("bad"). */
unsigned deliver(const char *id);
void deliver_n(unsigned n);
void wait_for(unsigned *what, unsigned n);
/* Of "family{label=..." or "family". */
double metric_of(const char *series);

#endif
