/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a request, runs it, answers. Functions stay compiled for the next
 * request that names the same chain.
 *
 * The limit is a timer on the process's own time: it fires in the middle of
 * whatever the function does, and all that its handler does is to send what
 * is ready and to end the process. What is ready is only changed while no
 * timer runs. */
#include "emulator/pubsub/transform_worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/io.h"
#include "common/mem.h"
#include "emulator/pubsub/transform_js.h"
#include "grpc/wire.h"

enum {
    CHAINS = 8, /* kept compiled */
    FLUSH_AT = 64 << 10
};

struct compiled {
    uint64_t chain; /* 0: none */
    uint64_t used;  /* when */
    struct js *steps[WORKER_STEPS_MAX];
    size_t n;
};

struct worker {
    int fd;
    timer_t timer;
    struct buf out;
    struct compiled chains[CHAINS];
    uint64_t n_requests;
};

/* --- out ------------------------------------------------------------------ */

static void flush(struct worker *w)
{
    if (io_write_all(w->fd, buf_as_str(&w->out)))
        _exit(0); /* nobody listens */
    buf_reset(&w->out);
}

static void say_it_took(struct worker *w, enum worker_said said,
                        int64_t took_us, struct str bytes)
{
    struct worker_answer answer = {said, (uint32_t)took_us,
                                   (uint32_t)bytes.len};

    buf_append(&w->out, &answer, sizeof(answer));
    buf_str(&w->out, bytes);
    if (w->out.len > FLUSH_AT)
        flush(w);
}

static void say(struct worker *w, enum worker_said said, struct str bytes)
{
    say_it_took(w, said, 0, bytes);
}

/* --- the limit ------------------------------------------------------------ */

static void on_late(int signo, siginfo_t *info, void *context)
{
    const struct worker *w = info->si_value.sival_ptr;
    const struct worker_answer answer = {WORKER_LATE, 0, 0};

    (void)signo;
    (void)context;
    /* write and _exit may be called here */
    if (io_write_all(w->fd, buf_as_str(&w->out)) == 0)
        (void)io_write_all(w->fd,
                           str_of((const char *)&answer, sizeof(answer)));
    _exit(0);
}

static void limit(struct worker *w, long ms)
{
    struct itimerspec when = {.it_value = {ms / 1000, ms % 1000 * 1000000L}};

    timer_settime(w->timer, 0, &when, NULL);
}

static bool set_up(struct worker *w, int fd)
{
    struct sigaction late = {.sa_sigaction = on_late, .sa_flags = SA_SIGINFO};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo = SIGALRM};
    const struct rlimit none = {0, 0};

    *w = (struct worker){.fd = fd};
    buf_init(&w->out, SIZE_MAX / 4);
    event.sigev_value.sival_ptr = w;
    /* Ctrl-C is for the emulator, which closes the socket */
    sigaction(SIGINT, &ignored, NULL);
    sigaction(SIGTERM, &ignored, NULL);
    sigaction(SIGPIPE, &ignored, NULL);
    setrlimit(RLIMIT_CORE, &none);
    return sigaction(SIGALRM, &late, NULL) == 0 &&
           timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &w->timer) == 0;
}

/* --- functions ------------------------------------------------------------ */

static void forget(struct compiled *c)
{
    for (size_t i = 0; i < c->n; i++)
        js_free(c->steps[i]);
    *c = (struct compiled){0};
}

static struct compiled *place_for(struct worker *w, uint64_t chain)
{
    struct compiled *oldest = &w->chains[0];

    for (size_t i = 0; i < CHAINS; i++) {
        if (w->chains[i].chain == chain)
            return &w->chains[i];
        if (w->chains[i].used < oldest->used)
            oldest = &w->chains[i];
    }
    forget(oldest);
    return oldest;
}

static bool add_step(struct worker *w, struct compiled *c, struct str step)
{
    struct wire in = wire_of(step);
    struct wire_field f;
    struct str name = STR(""), code = STR("");
    struct err err = {0};
    int rc;

    while (wire_next(&in, &f))
        if (f.number == 1 && f.type == WIRE_BYTES)
            name = f.bytes;
        else if (f.number == 2 && f.type == WIRE_BYTES)
            code = f.bytes;
    limit(w, WORKER_LIMIT_MS);
    rc = js_new(name, code, &c->steps[c->n], &err);
    limit(w, 0);
    if (rc) {
        say(w, rc == RC_MALFORMED ? WORKER_NEWER : WORKER_BROKEN,
            str_from(err.text));
        return false;
    }
    c->n++;
    return true;
}

static struct compiled *functions_of(struct worker *w, struct str request)
{
    struct wire in = wire_of(request);
    struct wire_field f;
    uint64_t chain = 0;
    struct compiled *c;

    if (wire_next(&in, &f) && f.number == WORKER_CHAIN)
        chain = f.value;
    c = place_for(w, chain);
    c->used = ++w->n_requests;
    if (c->chain != chain || chain == 0) {
        forget(c);
        c->used = w->n_requests;
        while (wire_next(&in, &f) && f.number == WORKER_STEP) {
            if (c->n == WORKER_STEPS_MAX)
                say(w, WORKER_BROKEN, STR("there are too many functions"));
            if (c->n == WORKER_STEPS_MAX || !add_step(w, c, f.bytes)) {
                forget(c);
                return NULL;
            }
        }
        c->chain = chain;
    }
    say(w, WORKER_READY, STR(""));
    return c;
}

/* --- messages ------------------------------------------------------------- */

static void transform(struct worker *w, struct compiled *c, struct str entry)
{
    struct wire in = wire_of(entry);
    struct wire_field f;
    struct str message = STR("");
    uint64_t id = 0, publish_us = 0;
    struct buf bytes[2];
    enum js_outcome outcome = JS_KEPT;
    int64_t start_us = clock_mono_us();

    while (wire_next(&in, &f))
        if (f.number == 1 && f.type == WIRE_BYTES)
            message = f.bytes;
        else if (f.number == 2)
            id = f.value;
        else if (f.number == 3)
            publish_us = f.value;
    buf_init(&bytes[0], SIZE_MAX / 4);
    buf_init(&bytes[1], SIZE_MAX / 4);
    for (size_t i = 0; i < c->n && outcome == JS_KEPT; i++) {
        buf_reset(&bytes[i & 1]);
        limit(w, WORKER_LIMIT_MS);
        outcome = js_run(c->steps[i], message, id, (int64_t)publish_us,
                         &bytes[i & 1]);
        limit(w, 0);
        message = buf_as_str(&bytes[i & 1]);
    }
    say_it_took(w,
                outcome == JS_KEPT      ? WORKER_KEPT
                : outcome == JS_DROPPED ? WORKER_DROPPED
                                        : WORKER_FAILED,
                clock_mono_us() - start_us,
                outcome == JS_DROPPED ? STR("") : message);
    buf_fini(&bytes[0]);
    buf_fini(&bytes[1]);
}

static void serve(struct worker *w, struct str request)
{
    struct compiled *c = functions_of(w, request);
    struct wire in = wire_of(request);
    struct wire_field f;

    while (c && wire_next(&in, &f))
        if (f.number == WORKER_MESSAGE && f.type == WIRE_BYTES)
            transform(w, c, f.bytes);
    flush(w);
}

/* --- in ------------------------------------------------------------------- */

int transform_worker_run(int fd)
{
    struct worker w;
    uint32_t len;

    if (!set_up(&w, fd))
        return 1;
    while (io_read_all(fd, &len, sizeof(len)) == 0 &&
           len <= WORKER_REQUEST_MAX) {
        char *request = mem_try_alloc(len + 1U);

        if (!request || io_read_all(fd, request, len) != 0)
            return 1;
        serve(&w, str_of(request, len));
        mem_free(request);
    }
    for (size_t i = 0; i < CHAINS; i++)
        forget(&w.chains[i]);
    timer_delete(w.timer);
    buf_fini(&w.out);
    return 0;
}
