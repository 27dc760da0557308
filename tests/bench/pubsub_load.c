/* SPDX-License-Identifier: Apache-2.0 */
/* Load for Pub/Sub servers, ours and Google's emulator alike. Prints one line,
 * "NAME VALUE" pairs.
 *
 *   pubsub_load PORT publish TOPIC MESSAGES BATCH SIZE CONNECTIONS STREAMS
 *   pubsub_load PORT drain SUBSCRIPTION MESSAGES
 *   pubsub_load PORT latency TOPIC SUBSCRIPTION MESSAGES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc_load.h"

#define PUBLISH "/google.pubsub.v1.Publisher/Publish"
#define PULL    "/google.pubsub.v1.Subscriber/StreamingPull"
#define ACK     "/google.pubsub.v1.Subscriber/Acknowledge"

/* --- publish ---------------------------------------------------------------
 */

static void ignore(void *arg, const uint8_t *bytes, size_t len)
{
    (void)arg;
    (void)bytes;
    (void)len;
}

/* A PublishRequest of `batch` messages of `size` bytes. */
static uint8_t *make_request(const char *topic, unsigned batch, unsigned size,
                             size_t *len)
{
    uint8_t *request = malloc(strlen(topic) + 16 + (size_t)batch * (size + 24));
    uint8_t *data = malloc(size), *message = malloc(size + 16), *p = request;

    if (!request || !data || !message)
        load_fail("no memory");
    memset(data, 'x', size);
    p = load_put_bytes(p, 1, topic, strlen(topic));
    for (unsigned i = 0; i < batch; i++) {
        uint8_t *end = load_put_bytes(message, 1, data, size);

        p = load_put_bytes(p, 2, message, (size_t)(end - message));
    }
    free(message);
    free(data);
    *len = (size_t)(p - request);
    return request;
}

static unsigned long count_of(const char *text)
{
    return strtoul(text, NULL, 10);
}

static void publish(struct load **ls, unsigned n_ls, char **argv)
{
    unsigned long n = count_of(argv[1]), batch = count_of(argv[2]), sent = 0;
    unsigned streams = (unsigned)count_of(argv[5]);
    size_t len;
    uint8_t *request = make_request(argv[0], (unsigned)batch,
                                    (unsigned)count_of(argv[3]), &len);
    int64_t start = load_now_ns();
    double seconds;
    bool open = true;

    while (sent < n || open) {
        open = false;
        for (unsigned i = 0; i < n_ls; i++) {
            while (sent < n && load_n_open(ls[i]) < streams) {
                load_call(ls[i], PUBLISH, request, len, ignore, NULL);
                sent += batch;
            }
            load_turn(ls[i], 0);
            open |= load_n_open(ls[i]) > 0;
        }
        if (open)
            load_wait(ls, n_ls, 1000);
    }
    seconds = (double)(load_now_ns() - start) / 1e9;
    printf("messages_per_s %.0f calls_per_s %.0f\n", (double)sent / seconds,
           (double)sent / (double)batch / seconds);
    free(request);
}

static void publish_over(int port, char **argv)
{
    struct load *ls[16];
    unsigned n = (unsigned)count_of(argv[4]);

    if (n == 0 || n > sizeof(ls) / sizeof(ls[0]))
        load_fail("CONNECTIONS is from 1 to 16");
    for (unsigned i = 0; i < n; i++)
        ls[i] = load_connect("127.0.0.1", port);
    publish(ls, n, argv);
    for (unsigned i = 0; i < n; i++)
        load_close(ls[i]);
}

/* --- drain -----------------------------------------------------------------
 */

enum {
    ACK_BATCH = 2500
};

struct drain {
    struct load *load;
    const char *subscription;
    uint8_t *request, *end;
    unsigned n_ids;
    unsigned long n, half; /* messages; half: of those that will come */
    int64_t last_ns, half_ns;
};

static void begin_acks(struct drain *d)
{
    d->end =
        load_put_bytes(d->request, 1, d->subscription, strlen(d->subscription));
    d->n_ids = 0;
}

static void send_acks(struct drain *d)
{
    if (d->n_ids == 0)
        return;
    load_call(d->load, ACK, d->request, (size_t)(d->end - d->request), ignore,
              NULL);
    begin_acks(d);
}

/* ReceivedMessage: 1 ack_id. */
static void add_ack(struct drain *d, const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len, *value;
    size_t n;
    unsigned number;

    while ((number = load_next(&p, end, &value, &n)))
        if (number == 1) {
            d->end = load_put_bytes(d->end, 2, value, n);
            d->n_ids++;
        }
    if (d->n_ids == ACK_BATCH)
        send_acks(d);
}

static void on_messages(void *arg, const uint8_t *p, size_t len)
{
    struct drain *d = arg;
    const uint8_t *end = p + len, *value;
    size_t n;
    unsigned number;

    while ((number = load_next(&p, end, &value, &n)))
        if (number == 1) {
            add_ack(d, value, n);
            d->n++;
        }
    d->last_ns = load_now_ns();
    if (!d->half_ns && d->n >= d->half)
        d->half_ns = d->last_ns;
}

static void open_stream(struct drain *d, struct load *l, const char *name)
{
    uint8_t first[512], *p;

    d->load = l;
    d->subscription = name;
    d->request = malloc(512 + ACK_BATCH * 256);
    if (!d->request)
        load_fail("no memory");
    begin_acks(d);
    p = load_put_bytes(first, 1, name, strlen(name));
    p = load_put_uint(p, 5, 60);
    load_stream(l, PULL, first, (size_t)(p - first), on_messages, d);
}

static void drain(struct load *l, char **argv)
{
    unsigned long n = strtoul(argv[1], NULL, 10);
    struct drain d = {.half = n / 2};
    int64_t start = load_now_ns();
    double seconds;

    open_stream(&d, l, argv[0]);
    while (d.n < n || load_n_open(l)) {
        load_turn(l, 20);
        if (d.n >= n)
            send_acks(&d);
        if (load_now_ns() - start > 120000000000LL)
            load_fail("the backlog is not there, or the server stands still");
    }
    seconds = (double)(load_now_ns() - start) / 1e9;
    printf("messages_per_s %.0f first_half_per_s %.0f second_half_per_s %.0f "
           "received %lu\n",
           (double)d.n / seconds,
           (double)d.half / ((double)(d.half_ns - start) / 1e9),
           (double)(d.n - d.half) / ((double)(d.last_ns - d.half_ns) / 1e9),
           d.n);
    free(d.request);
}

/* --- latency ---------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void latency(struct load *l, struct load *other, char **argv)
{
    unsigned long n = strtoul(argv[2], NULL, 10);
    double *us = calloc(n, sizeof(*us));
    struct drain d = {0};
    size_t len;
    uint8_t *request = make_request(argv[0], 1, 150, &len);

    if (!us)
        load_fail("no memory");
    open_stream(&d, other, argv[1]);
    for (int i = 0; i < 20; i++)
        load_turn(other, 10);
    for (unsigned long i = 0; i < n; i++) {
        unsigned long before = d.n;
        int64_t start = load_now_ns();

        load_call(l, PUBLISH, request, len, ignore, NULL);
        load_turn(l, 0);
        while (d.n == before)
            load_turn(other, 1000);
        us[i] = (double)(d.last_ns - start) / 1e3;
        send_acks(&d);
        while (load_n_open(l) || load_n_open(other)) {
            if (load_n_open(l))
                load_turn(l, 1);
            if (load_n_open(other))
                load_turn(other, 1);
        }
    }
    qsort(us, n, sizeof(*us), compare);
    printf("p50_us %.1f p99_us %.1f\n", us[n / 2], us[n * 99 / 100]);
    free(us);
    free(request);
    free(d.request);
}

int main(int argc, char **argv)
{
    struct load *l, *other;
    int port = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0;

    if (argc < 5)
        load_fail("see the head of pubsub_load.c");
    if (strcmp(argv[2], "publish") == 0 && argc == 9) {
        publish_over(port, argv + 3);
        return 0;
    }
    l = load_connect("127.0.0.1", port);
    if (strcmp(argv[2], "drain") == 0) {
        drain(l, argv + 3);
    } else if (strcmp(argv[2], "latency") == 0 && argc == 6) {
        other = load_connect("127.0.0.1", port);
        latency(l, other, argv + 3);
        load_close(other);
    } else {
        load_fail("see the head of pubsub_load.c");
    }
    load_close(l);
    return 0;
}
