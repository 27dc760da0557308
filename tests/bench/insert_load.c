/* SPDX-License-Identifier: Apache-2.0 */
/* Load for BigQuery servers: tabledata.insertAll over HTTP/1.1, every body
 * made before the first is sent. Prints one line, "NAME VALUE" pairs. Ids rise
 * or are scattered over 64 bits (random, scattered); timestamps rise by a
 * millisecond a row, or lie anywhere in SPREAD_DAYS days (scattered).
 *
 *   insert_load PORT PATH ROWS BATCH CONNECTIONS rising|random|scattered FIRST
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ROW_BYTES = 256, /* of JSON, at most */
    CONNECTIONS_MAX = 64,
    SPREAD_DAYS = 240,
    BASE_S = 1735689600 /* 2025-01-01T00:00:00Z */
};

enum order {
    RISING,
    RANDOM,
    SCATTERED
};

struct request {
    char *bytes;
    size_t len;
};

struct connection {
    int fd;
    char in[8192];
    size_t n_in, sent;
    const struct request *request; /* NULL: none under way */
};

static void fail(const char *what)
{
    fprintf(stderr, "bench client: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* splitmix64: a different number for each `n`, in no order. */
static uint64_t scattered(uint64_t n)
{
    n += 0x9e3779b97f4a7c15U;
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9U;
    n = (n ^ (n >> 27)) * 0x94d049bb133111ebU;
    return n ^ (n >> 31);
}

static char *put_row(char *p, uint64_t n, enum order order)
{
    uint64_t ms =
        order == SCATTERED ? scattered(~n) % (SPREAD_DAYS * 86400000ULL) : n;
    time_t s = BASE_S + (time_t)(ms / 1000);
    struct tm t;
    char id[32];

    gmtime_r(&s, &t);
    snprintf(id, sizeof(id), order == RISING ? "r%012llu" : "%016llx",
             (unsigned long long)(order == RISING ? n : scattered(n)));
    return p + snprintf(p, ROW_BYTES,
                        "{\"insertId\":\"%s\",\"json\":{\"id\":\"%s\","
                        "\"contenido\":\"Este es un mensaje de prueba\","
                        "\"timestamp\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\""
                        "}}",
                        id, id, t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                        t.tm_hour, t.tm_min, t.tm_sec, (int)(ms % 1000));
}

static struct request make(const char *path, uint64_t first, unsigned batch,
                           enum order order)
{
    char *body = malloc((size_t)batch * ROW_BYTES + 64), *p = body;
    char head[512];
    struct request r;
    size_t n_head, n_body;

    if (!body)
        fail("no memory");
    p += sprintf(p, "{\"rows\":[");
    for (unsigned i = 0; i < batch; i++) {
        if (i)
            *p++ = ',';
        p = put_row(p, first + i, order);
    }
    p += sprintf(p, "]}");
    n_body = (size_t)(p - body);
    n_head = (size_t)snprintf(head, sizeof(head),
                              "POST %s HTTP/1.1\r\nHost: bench\r\n"
                              "Content-Type: application/json\r\n"
                              "Content-Length: %zu\r\n\r\n",
                              path, n_body);
    r.len = n_head + n_body;
    r.bytes = malloc(r.len);
    if (!r.bytes)
        fail("no memory");
    memcpy(r.bytes, head, n_head);
    memcpy(r.bytes + n_head, body, n_body);
    free(body);
    return r;
}

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (fd < 0)
        fail("no socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)connect(fd, (struct sockaddr *)&a, sizeof(a));
    if (poll(&p, 1, 5000) != 1 || (p.revents & (POLLERR | POLLHUP)))
        fail("cannot connect");
    return fd;
}

static void push(struct connection *c)
{
    ssize_t n = send(c->fd, c->request->bytes + c->sent,
                     c->request->len - c->sent, MSG_NOSIGNAL);

    if (n > 0)
        c->sent += (size_t)n;
}

/* Has the whole answer come? Any row refused ends the program. */
static bool pull(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->n_in, sizeof(c->in) - 1 - c->n_in, 0);
    const char *end, *length;

    if (n == 0)
        fail("closed by the server");
    if (n < 0)
        return false;
    c->n_in += (size_t)n;
    c->in[c->n_in] = '\0';
    end = strstr(c->in, "\r\n\r\n");
    length = strcasestr(c->in, "\r\nContent-Length:");
    if (strncmp(c->in, "HTTP/1.1 200", 12) != 0 && c->n_in > 12)
        fail(c->in);
    if (!end || !length ||
        c->in + c->n_in < end + 4 + strtoul(length + 17, NULL, 10))
        return false;
    if (strstr(end, "insertErrors"))
        fail(end);
    c->n_in = 0;
    c->request = NULL;
    return true;
}

static void turn(struct connection *all, nfds_t n, size_t *n_done)
{
    struct pollfd polls[CONNECTIONS_MAX];

    for (nfds_t i = 0; i < n; i++) {
        struct connection *c = &all[i];
        bool writes = c->request && c->sent < c->request->len;

        polls[i] =
            (struct pollfd){c->fd, (short)(writes ? POLLOUT : POLLIN), 0};
    }
    if (poll(polls, n, 30000) < 1)
        fail("no answer in 30 s");
    for (nfds_t i = 0; i < n; i++) {
        if (polls[i].revents & POLLOUT)
            push(&all[i]);
        else if (polls[i].revents)
            *n_done += pull(&all[i]);
    }
}

int main(int argc, char **argv)
{
    static struct connection all[CONNECTIONS_MAX];
    size_t n_requests, n_sent = 0, n_done = 0;
    struct request *requests;
    unsigned batch, n;
    int64_t start;

    if (argc != 8)
        fail("PORT PATH ROWS BATCH CONNECTIONS rising|random|scattered FIRST");
    batch = (unsigned)strtoul(argv[4], NULL, 10);
    n = (unsigned)strtoul(argv[5], NULL, 10);
    if (batch == 0 || n == 0 || n > CONNECTIONS_MAX)
        fail("a batch has a row at least, connections are 1 to 64");
    n_requests = strtoul(argv[3], NULL, 10) / batch;
    requests = calloc(n_requests + 1, sizeof(*requests));
    if (!requests)
        fail("no memory");
    for (size_t i = 0; i < n_requests; i++)
        requests[i] =
            make(argv[2], strtoull(argv[7], NULL, 10) + i * batch, batch,
                 strcmp(argv[6], "random") == 0      ? RANDOM
                 : strcmp(argv[6], "scattered") == 0 ? SCATTERED
                                                     : RISING);
    for (unsigned i = 0; i < n; i++)
        all[i].fd = dial(atoi(argv[1]));
    start = now_ns();
    while (n_done < n_requests) {
        for (unsigned i = 0; i < n && n_sent < n_requests; i++)
            if (!all[i].request) {
                all[i].request = &requests[n_sent++];
                all[i].sent = 0;
                push(&all[i]);
            }
        turn(all, n, &n_done);
    }
    printf("rows_per_s %.0f\n",
           (double)(n_requests * batch) / ((double)(now_ns() - start) / 1e9));
    return 0;
}
