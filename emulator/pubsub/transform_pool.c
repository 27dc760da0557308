/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs wait in one list; a process that is free takes the first whose chain no
 * other has. A process that ends with a job unfinished has its place taken by
 * a new one, which goes on behind the message that ended it. */
#include "emulator/pubsub/transform_pool.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/mem.h"
#include "emulator/pubsub/transform_process.h"
#include "grpc/wire.h"

enum {
    PROCESSES = 2,
    RESULTS_MAX = 256 << 20, /* of one job */
    RESULTS_CUT = 16 << 20,  /* of one that may end early */
    TRY_MS = 20000,          /* a whole chain that hangs, on a busy machine */
    BUFFER_KEPT = 1 << 20,
    KNOWN = 64,
    IDLE_S = 60 /* after which a process ends */
};

struct runner {
    struct transform_pool *pool;
    struct transform_process process;
    struct event *readable, *writable;
    struct transform_job *job; /* NULL: free */
    size_t end;                /* the request goes up to this item */
    bool is_ready;             /* its functions are compiled */
    struct buf out, in;
    struct loop_timer idle;
};

struct transform_pool {
    struct loop *loop;
    uint64_t n_chains;
    struct runner runners[PROCESSES];
    struct transform_job *first, **last;
    size_t n_waiting; /* bytes of jobs not finished */
    struct loop_timer start;
    uint64_t known[KNOWN]; /* hashes of code that could be run: a ring */
    unsigned next_known;
};

/* --- chains --------------------------------------------------------------- */

struct chain *chain_new(struct transform_pool *pool)
{
    struct chain *c = MEM_NEW(struct chain);

    c->number = ++pool->n_chains;
    c->refs = 1;
    buf_init(&c->steps, SIZE_MAX / 4);
    return c;
}

void chain_add(struct chain *c, struct str name, struct str code)
{
    struct buf step;

    buf_init(&step, SIZE_MAX / 4);
    wire_put_bytes(&step, 1, name);
    wire_put_bytes(&step, 2, code);
    wire_put_bytes(&c->steps, WORKER_STEP, buf_as_str(&step));
    buf_fini(&step);
    c->n++;
}

void chain_ref(struct chain *c)
{
    c->refs++;
}

void chain_unref(struct chain *c)
{
    if (!c || --c->refs)
        return;
    buf_fini(&c->steps);
    mem_free(c);
}

bool chain_is_known(const struct transform_pool *pool, const struct chain *c)
{
    uint64_t hash = str_hash(buf_as_str(&c->steps));

    for (unsigned i = 0; i < KNOWN; i++)
        if (pool->known[i] == hash)
            return true;
    return false;
}

void chain_set_known(struct transform_pool *pool, const struct chain *c)
{
    pool->known[pool->next_known++ % KNOWN] = str_hash(buf_as_str(&c->steps));
}

/* --- jobs ----------------------------------------------------------------- */

struct transform_job *transform_job_new(struct chain *chain,
                                        void (*done)(struct transform_job *job),
                                        void *arg)
{
    struct transform_job *job = MEM_NEW(struct transform_job);

    chain_ref(chain);
    job->chain = chain;
    job->done = done;
    job->arg = arg;
    buf_init(&job->request, SIZE_MAX / 4);
    buf_init(&job->results, RESULTS_MAX);
    return job;
}

void transform_job_add(struct transform_job *job, uint64_t tag,
                       struct str message, uint64_t id, int64_t publish_us)
{
    size_t from = job->request.len;
    struct buf tail;

    buf_init(&tail, 64);
    wire_put_uint(&tail, 2, id);
    wire_put_uint(&tail, 3, (uint64_t)publish_us);
    if (job->n == job->cap) {
        job->cap = job->cap ? job->cap * 2 : 16;
        job->items = mem_realloc(job->items, job->cap * sizeof(*job->items));
    }
    wire_put_varint(&job->request, WORKER_MESSAGE << 3 | WIRE_BYTES);
    wire_put_varint(&job->request,
                    1 + wire_varint_len(message.len) + message.len + tail.len);
    wire_put_bytes(&job->request, 1, message);
    buf_str(&job->request, buf_as_str(&tail));
    buf_fini(&tail);
    job->items[job->n++] =
        (struct transform_item){.tag = tag,
                                .from = (uint32_t)from,
                                .len = (uint32_t)(job->request.len - from),
                                .outcome = TRANSFORM_FAILED};
}

struct str transform_job_result(const struct transform_job *job, size_t i)
{
    const struct transform_item *item = &job->items[i];

    return str_of((job->results.data ? job->results.data : "") + item->at,
                  item->result_len);
}

void transform_job_free(struct transform_job *job)
{
    if (!job)
        return;
    chain_unref(job->chain);
    buf_fini(&job->request);
    buf_fini(&job->results);
    mem_free(job->items);
    mem_free(job);
}

static void answer(struct transform_job *job, enum transformed outcome,
                   uint32_t took_us, struct str bytes)
{
    struct transform_item *item = &job->items[job->n_done++];

    if (!buf_reserve(&job->results, bytes.len)) {
        job->results.failed = false; /* shorter ones may fit */
        outcome = TRANSFORM_FAILED;
        bytes = STR("the results of the request are too large together");
    }
    item->outcome = outcome;
    item->took_us = took_us;
    item->at = (uint32_t)job->results.len;
    buf_str(&job->results, bytes);
    item->result_len = (uint32_t)(job->results.len - item->at);
    if (job->may_end_early && job->results.len > RESULTS_CUT)
        job->n = job->n_done;
}

/* Not one of its messages can be transformed; nor could any. */
static void refuse(struct transform_job *job, int rc, struct str why)
{
    job->rc = rc;
    if (job->n == 0)
        buf_str(&job->results, why);
    while (job->n_done < job->n)
        answer(job, TRANSFORM_FAILED, 0, why);
}

/* --- a process ------------------------------------------------------------ */

static void dispatch(struct transform_pool *pool);

/* What a large job made of a buffer goes; a small one's stays for the next. */
static void slim(struct buf *b)
{
    if (b->len == 0 && b->cap > BUFFER_KEPT) {
        buf_fini(b);
        buf_init(b, SIZE_MAX / 4);
    }
}

static void stop(struct runner *r)
{
    if (!r->process.pid)
        return;
    loop_timer_cancel(&r->idle);
    event_free(r->readable);
    event_free(r->writable);
    r->readable = r->writable = NULL;
    transform_process_end(&r->process);
    buf_reset(&r->in);
    buf_reset(&r->out);
}

static void on_idle(struct loop_timer *timer)
{
    stop(LOOP_OWNER(timer, struct runner, idle));
}

static void finish(struct runner *r)
{
    struct transform_job *job = r->job;

    r->job = NULL;
    slim(&r->in);
    slim(&r->out);
    r->pool->n_waiting -= job->request.len;
    job->chain->is_busy = false;
    if (r->process.pid)
        loop_timer_arm(&r->idle, IDLE_S * 1000000LL);
    job->done(job);
}

static void send_more(struct runner *r)
{
    while (r->out.len) {
        ssize_t n = send(r->process.fd, r->out.data, r->out.len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            /* an end shows when it is read */
            event_add(r->writable, NULL);
            return;
        }
        buf_consume(&r->out, (size_t)n);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    send_more(arg);
}

/* What the job still needs, or one message of it. */
static void ask(struct runner *r)
{
    struct transform_job *job = r->job;
    size_t from = job->n_done;
    struct str messages = STR("");
    struct buf head;
    uint32_t len;

    r->end = job->is_alone && job->n ? from + 1 : job->n;
    r->is_ready = false;
    if (from < r->end) {
        const struct transform_item *first = &job->items[from];
        const struct transform_item *last = &job->items[r->end - 1];

        messages = str_of(job->request.data + first->from,
                          last->from + last->len - first->from);
    }
    buf_init(&head, SIZE_MAX / 4);
    wire_put_uint(&head, WORKER_CHAIN, job->chain->number);
    buf_str(&head, buf_as_str(&job->chain->steps));
    len = (uint32_t)(head.len + messages.len);
    buf_append(&r->out, &len, sizeof(len));
    buf_str(&r->out, buf_as_str(&head));
    buf_str(&r->out, messages);
    buf_fini(&head);
    send_more(r);
}

/* Behind all others, but those of its chain must not overtake it. */
static void put_back(struct transform_pool *pool, struct transform_job *job)
{
    struct transform_job **at = &pool->first;

    while (*at && (*at)->chain != job->chain)
        at = &(*at)->next;
    job->next = *at;
    *at = job;
    if (!job->next)
        pool->last = &job->next;
}

/* The process is gone with the job unfinished. */
static void on_broken(struct runner *r, bool late)
{
    struct transform_job *job = r->job;

    stop(r);
    if (!job)
        return;
    if (late && !r->is_ready)
        refuse(job, RC_INVALID,
               STR("the code took too long before any function was called"));
    else if (late)
        answer(job, TRANSFORM_FAILED, WORKER_LIMIT_MS * 1000,
               STR("the function took more than 500 ms of processor time"));
    else if (job->is_alone && job->n == 0)
        refuse(job, RC_INVALID, STR("the code broke the JavaScript engine"));
    else if (job->is_alone)
        answer(job, TRANSFORM_FAILED, 0,
               STR("the function broke the JavaScript engine"));
    else
        job->is_alone = true; /* which message it was shows now */
    if (job->rc || (job->n && job->n_done == job->n)) {
        finish(r);
        return;
    }
    r->job = NULL;
    job->chain->is_busy = false;
    put_back(r->pool, job);
}

static void hear(struct runner *r, const struct worker_answer *a,
                 struct str text)
{
    switch ((enum worker_said)a->said) {
    case WORKER_READY:
        r->is_ready = true;
        break;
    case WORKER_KEPT:
        answer(r->job, TRANSFORM_KEPT, a->took_us, text);
        break;
    case WORKER_DROPPED:
        answer(r->job, TRANSFORM_DROPPED, a->took_us, text);
        break;
    case WORKER_FAILED:
        answer(r->job, TRANSFORM_FAILED, a->took_us, text);
        break;
    case WORKER_BROKEN:
    case WORKER_NEWER:
        r->is_ready = true;
        refuse(r->job, a->said == WORKER_NEWER ? RC_MALFORMED : RC_INVALID,
               text);
        break;
    case WORKER_LATE:
        break;
    }
}

/* True: the process has said its last. */
static bool take_answers(struct runner *r, bool *late)
{
    struct str in = buf_as_str(&r->in), text;
    struct worker_answer a;

    *late = false;
    while (r->job && (!r->is_ready || r->job->n_done < r->job->n) &&
           transform_answer_next(&in, &a, &text)) {
        *late = a.said == WORKER_LATE;
        if (*late)
            return true;
        hear(r, &a, text);
    }
    buf_consume(&r->in, r->in.len - in.len);
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct runner *r = arg;
    struct transform_pool *pool = r->pool;
    bool late = false, ended = false;

    (void)what;
    for (;;) {
        ssize_t n;

        if (!buf_reserve(&r->in, 64 << 10)) {
            ended = true;
            break;
        }
        n = read(fd, r->in.data + r->in.len, 64 << 10);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            ended = n == 0 || errno != EAGAIN;
            break;
        }
        r->in.len += (size_t)n;
    }
    ended = take_answers(r, &late) || ended;
    if (r->job && r->is_ready && r->job->n_done == r->job->n) {
        if (ended || r->job->n < r->end)
            stop(r);
        finish(r);
    } else if (ended) {
        on_broken(r, late);
    } else if (r->job && r->job->n_done == r->end) {
        ask(r); /* the next one alone */
    }
    dispatch(pool);
}

static int start(struct runner *r, struct err *err)
{
    struct event_base *base = loop_base(r->pool->loop);
    int rc = transform_process_start(&r->process, err);
    int fd = r->process.fd;

    if (rc)
        return rc;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    r->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, r);
    r->writable = event_new(base, fd, EV_WRITE, on_writable, r);
    event_add(r->readable, NULL);
    return RC_OK;
}

static void run(struct runner *r, struct transform_job *job)
{
    struct err err = {0};

    loop_timer_cancel(&r->idle);
    r->job = job;
    job->chain->is_busy = true;
    if (!r->process.pid && start(r, &err)) {
        refuse(job, RC_IO, str_from(err.text));
        finish(r);
        return;
    }
    ask(r);
}

/* --- the pool ------------------------------------------------------------- */

/* One that runs already, if any is free. */
static struct runner *free_runner(struct transform_pool *pool)
{
    struct runner *found = NULL;

    for (size_t i = 0; i < PROCESSES; i++) {
        struct runner *r = &pool->runners[i];

        if (!r->job && (!found || (r->process.pid && !found->process.pid)))
            found = r;
    }
    return found;
}

static struct transform_job *take_job(struct transform_pool *pool)
{
    struct transform_job **at = &pool->first;
    struct transform_job *job;

    while (*at && (*at)->chain->is_busy)
        at = &(*at)->next;
    job = *at;
    if (!job)
        return NULL;
    *at = job->next;
    if (!*at)
        pool->last = at;
    job->next = NULL;
    return job;
}

static void dispatch(struct transform_pool *pool)
{
    for (;;) {
        struct runner *r = free_runner(pool);
        struct transform_job *job = r ? take_job(pool) : NULL;

        if (!job)
            return;
        run(r, job);
    }
}

static void on_start(struct loop_timer *timer)
{
    dispatch(LOOP_OWNER(timer, struct transform_pool, start));
}

void transform_job_submit(struct transform_pool *pool,
                          struct transform_job *job)
{
    *pool->last = job;
    pool->last = &job->next;
    pool->n_waiting += job->request.len;
    /* never answered before this returns */
    loop_timer_arm(&pool->start, 0);
}

bool transform_pool_is_idle(const struct transform_pool *pool)
{
    for (size_t i = 0; i < PROCESSES; i++)
        if (pool->runners[i].job)
            return false;
    return !pool->first;
}

size_t transform_pool_waiting(const struct transform_pool *pool)
{
    return pool->n_waiting;
}

struct transform_pool *transform_pool_new(struct loop *loop)
{
    struct transform_pool *pool = MEM_NEW(struct transform_pool);

    pool->loop = loop;
    pool->last = &pool->first;
    loop_timer_init(&pool->start, loop, on_start);
    for (size_t i = 0; i < PROCESSES; i++) {
        struct runner *r = &pool->runners[i];

        r->pool = pool;
        buf_init(&r->in, SIZE_MAX / 4);
        buf_init(&r->out, SIZE_MAX / 4);
        loop_timer_init(&r->idle, loop, on_idle);
    }
    return pool;
}

static void cancel(struct transform_job *job)
{
    job->is_cancelled = true;
    job->done(job);
}

void transform_pool_free(struct transform_pool *pool)
{
    struct transform_job *job;

    if (!pool)
        return;
    while ((job = pool->first)) {
        pool->first = job->next;
        cancel(job);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        struct runner *r = &pool->runners[i];

        stop(r);
        if (r->job)
            cancel(r->job);
        buf_fini(&r->in);
        buf_fini(&r->out);
        loop_timer_fini(&r->idle);
    }
    loop_timer_fini(&pool->start);
    mem_free(pool);
}
