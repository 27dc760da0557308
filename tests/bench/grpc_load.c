/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    WINDOW = 64 << 20,
    CHUNK = 256 << 10
};

struct load_call {
    struct load *load;
    int32_t stream;
    uint8_t *out; /* framed request bytes not yet sent */
    size_t out_len, out_at;
    uint8_t *in;
    size_t in_len, in_cap;
    bool is_stream, has_failed;
    void (*message)(void *arg, const uint8_t *bytes, size_t len);
    void *arg;
};

struct load {
    int fd;
    nghttp2_session *session;
    unsigned n_open;
    char authority[64];
    uint8_t *chunk;
};

void load_fail(const char *what)
{
    fprintf(stderr, "bench client: %s\n", what);
    exit(1);
}

int64_t load_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* --- protocol buffers ------------------------------------------------------
 */

static uint8_t *put_varint(uint8_t *out, uint64_t v)
{
    for (; v > 127; v >>= 7)
        *out++ = (uint8_t)(v | 128);
    *out++ = (uint8_t)v;
    return out;
}

uint8_t *load_put_bytes(uint8_t *out, unsigned number, const void *bytes,
                        size_t len)
{
    out = put_varint(out, number << 3 | 2);
    out = put_varint(out, len);
    memcpy(out, bytes, len);
    return out + len;
}

uint8_t *load_put_uint(uint8_t *out, unsigned number, uint64_t value)
{
    return put_varint(put_varint(out, number << 3), value);
}

static uint64_t get_varint(const uint8_t **p, const uint8_t *end)
{
    uint64_t v = 0;

    for (unsigned shift = 0; *p < end; shift += 7) {
        uint8_t c = *(*p)++;

        v |= (uint64_t)(c & 127) << shift;
        if (c < 128)
            break;
    }
    return v;
}

unsigned load_next(const uint8_t **p, const uint8_t *end, const uint8_t **value,
                   size_t *len)
{
    uint64_t tag;

    if (*p >= end)
        return 0;
    tag = get_varint(p, end);
    *value = NULL;
    *len = 0;
    if ((tag & 7) == 2) {
        *len = get_varint(p, end);
        *value = *p;
        *p += *len;
    } else if ((tag & 7) == 0) {
        *len = get_varint(p, end);
    } else {
        load_fail("an unexpected wire type");
    }
    return (unsigned)(tag >> 3);
}

/* --- frames in -------------------------------------------------------------
 */

static void deliver(struct load_call *c)
{
    size_t at = 0;

    while (c->in_len - at >= 5) {
        const uint8_t *p = c->in + at;
        size_t len =
            (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];

        if (c->in_len - at < 5 + len)
            break;
        c->message(c->arg, p + 5, len);
        at += 5 + len;
    }
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
                   const uint8_t *data, size_t len, void *user)
{
    struct load_call *c = nghttp2_session_get_stream_user_data(session, stream);

    (void)flags;
    (void)user;
    if (!c)
        return 0;
    if (c->in_len + len > c->in_cap) {
        c->in_cap = (c->in_len + len) * 2;
        c->in = realloc(c->in, c->in_cap);
        if (!c->in)
            load_fail("no memory");
    }
    memcpy(c->in + c->in_len, data, len);
    c->in_len += len;
    deliver(c);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user)
{
    (void)session;
    (void)frame;
    (void)flags;
    (void)user;
    if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0 &&
        (value_len != 1 || *value != '0')) {
        fprintf(stderr, "bench client: grpc-status %.*s\n", (int)value_len,
                value);
        exit(1);
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error,
                    void *user)
{
    struct load_call *c = nghttp2_session_get_stream_user_data(session, stream);
    struct load *l = user;

    if (!c)
        return 0;
    if (error)
        load_fail("a stream was reset");
    if (!c->is_stream)
        l->n_open--;
    free(c->in);
    free(c->out);
    free(c);
    return 0;
}

/* --- frames out ------------------------------------------------------------
 */

static ssize_t read_out(nghttp2_session *session, int32_t stream, uint8_t *buf,
                        size_t len, uint32_t *flags,
                        nghttp2_data_source *source, void *user)
{
    struct load_call *c = source->ptr;
    size_t n = c->out_len - c->out_at;

    (void)session;
    (void)stream;
    (void)user;
    if (n == 0 && c->is_stream)
        return NGHTTP2_ERR_DEFERRED;
    if (n > len)
        n = len;
    memcpy(buf, c->out + c->out_at, n);
    c->out_at += n;
    if (c->out_at == c->out_len) {
        c->out_at = c->out_len = 0;
        if (!c->is_stream)
            *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

static void frame(struct load_call *c, const void *request, size_t len)
{
    uint8_t *p;

    c->out = realloc(c->out, c->out_len + len + 5);
    if (!c->out)
        load_fail("no memory");
    p = c->out + c->out_len;
    p[0] = 0;
    p[1] = (uint8_t)(len >> 24);
    p[2] = (uint8_t)(len >> 16);
    p[3] = (uint8_t)(len >> 8);
    p[4] = (uint8_t)len;
    memcpy(p + 5, request, len);
    c->out_len += len + 5;
}

#define FIELD(name, value)                                                     \
    {                                                                          \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value),           \
            strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE                  \
    }

static struct load_call *
begin(struct load *l, const char *path, const void *request, size_t len,
      bool is_stream,
      void (*message)(void *arg, const uint8_t *bytes, size_t len), void *arg)
{
    struct load_call *c = calloc(1, sizeof(*c));
    nghttp2_nv fields[] = {
        FIELD(":method", "POST"), FIELD(":scheme", "http"),
        FIELD(":path", path),     FIELD(":authority", l->authority),
        FIELD("te", "trailers"),  FIELD("content-type", "application/grpc"),
    };
    nghttp2_data_provider out = {.source.ptr = c, .read_callback = read_out};

    if (!c)
        load_fail("no memory");
    c->load = l;
    c->is_stream = is_stream;
    c->message = message;
    c->arg = arg;
    frame(c, request, len);
    c->stream = nghttp2_submit_request(
        l->session, NULL, fields, sizeof(fields) / sizeof(fields[0]), &out, c);
    if (c->stream < 0)
        load_fail(nghttp2_strerror(c->stream));
    return c;
}

void load_call(struct load *l, const char *path, const void *request,
               size_t len,
               void (*done)(void *arg, const uint8_t *bytes, size_t len),
               void *arg)
{
    l->n_open++;
    begin(l, path, request, len, false, done, arg);
}

struct load_call *
load_stream(struct load *l, const char *path, const void *request, size_t len,
            void (*on_message)(void *arg, const uint8_t *bytes, size_t len),
            void *arg)
{
    return begin(l, path, request, len, true, on_message, arg);
}

unsigned load_n_open(const struct load *l)
{
    return l->n_open;
}

/* --- the connection --------------------------------------------------------
 */

struct load *load_connect(const char *host, int port)
{
    struct load *l = calloc(1, sizeof(*l));
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port)};
    nghttp2_session_callbacks *callbacks;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    int one = 1;

    if (!l || !(l->chunk = malloc(CHUNK)))
        load_fail("no memory");
    snprintf(l->authority, sizeof(l->authority), "%s:%d", host, port);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, host, &to.sin_addr);
    if (connect(l->fd, (struct sockaddr *)&to, sizeof(to)))
        load_fail(strerror(errno));
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(l->fd, F_SETFL, O_NONBLOCK);
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_client_new(&l->session, callbacks, l);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(l->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(l->session, NGHTTP2_FLAG_NONE, 0,
                                          WINDOW);
    return l;
}

void load_close(struct load *l)
{
    nghttp2_session_del(l->session);
    close(l->fd);
    free(l->chunk);
    free(l);
}

static void await(struct load *l, short events, int ms)
{
    struct pollfd p = {.fd = l->fd, .events = events};

    if (poll(&p, 1, ms) < 0 && errno != EINTR)
        load_fail(strerror(errno));
}

static void flush(struct load *l)
{
    const uint8_t *bytes;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(l->session, &bytes)) > 0)
        for (ssize_t at = 0; at < n;) {
            ssize_t sent =
                send(l->fd, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);

            if (sent < 0 && errno == EAGAIN) {
                /* the server may wait for us to read */
                ssize_t got = recv(l->fd, l->chunk, CHUNK, 0);

                if (got > 0)
                    nghttp2_session_mem_recv(l->session, l->chunk, (size_t)got);
                else
                    await(l, POLLIN | POLLOUT, 100);
            } else if (sent < 0) {
                load_fail(strerror(errno));
            } else {
                at += sent;
            }
        }
}

void load_wait(struct load *const *ls, unsigned n, int ms)
{
    struct pollfd p[16];

    if (n > 16)
        load_fail("too many connections");
    for (unsigned i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = ls[i]->fd, .events = POLLIN};
    if (poll(p, n, ms) < 0 && errno != EINTR)
        load_fail(strerror(errno));
}

void load_turn(struct load *l, int ms)
{
    ssize_t n;

    flush(l);
    n = recv(l->fd, l->chunk, CHUNK, 0);
    if (n < 0 && errno == EAGAIN && ms) {
        await(l, POLLIN, ms);
        n = recv(l->fd, l->chunk, CHUNK, 0);
    }
    if (n == 0)
        load_fail("the server closed the connection");
    if (n > 0 && nghttp2_session_mem_recv(l->session, l->chunk, (size_t)n) < 0)
        load_fail("the server's frames are wrong");
    flush(l);
}
