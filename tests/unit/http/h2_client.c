/* SPDX-License-Identifier: Apache-2.0 */
#include "h2_client.h"

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

struct harness *h;
struct client *c;

struct stream *stream_of(int32_t id)
{
    return &c->streams[(id - 1) / 2];
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags,
                     void *arg)
{
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name);
    nghttp2_vec v = nghttp2_rcbuf_get_buf(value);
    struct stream *s = stream_of(frame->hd.stream_id);

    (void)session;
    (void)flags;
    (void)arg;
    if (n.len == 7 && memcmp(n.base, ":status", 7) == 0) {
        s->status = (int)strtol((const char *)v.base, NULL, 10);
        s->informational += s->status / 100 == 1;
    }
    if (n.len == 11 && memcmp(n.base, "grpc-status", 11) == 0)
        s->has_trailer = true;
    return 0;
}

static int on_chunk(nghttp2_session *session, uint8_t flags, int32_t id,
                    const uint8_t *data, size_t len, void *arg)
{
    struct stream *s = stream_of(id);

    (void)session;
    (void)flags;
    (void)arg;
    for (size_t i = 0; i < len && s->got + i < sizeof(s->data) - 1; i++)
        s->data[s->got + i] = (char)data[i];
    s->got += len;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *arg)
{
    (void)session;
    (void)arg;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        c->goaway = true;
        c->last_stream_id = frame->goaway.last_stream_id;
        c->goaway_error = frame->goaway.error_code;
    }
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & 1))
        c->pings++;
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        stream_of(frame->hd.stream_id)->ended = true;
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error,
                           void *arg)
{
    (void)session;
    (void)arg;
    stream_of(id)->closed = true;
    stream_of(id)->error = error;
    c->n_closed++;
    return 0;
}

struct client *client_new(bool auto_window)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *option;
    struct client *client = MEM_NEW(struct client);

    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_header_callback2(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, !auto_window);
    nghttp2_session_client_new2(&client->session, cb, NULL, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(cb);
    client->fd = client_connect(h);
    nghttp2_submit_settings(client->session, 0, NULL, 0);
    return client;
}

void client_free(void)
{
    close(c->fd);
    nghttp2_session_del(c->session);
    mem_free(c);
}

/* Sends what waits and takes what comes within `ms`. */
void turn(int ms)
{
    static char in[65536];
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    const uint8_t *out;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(c->session, &out)) > 0)
        client_send_bytes(c->fd, out, (size_t)n);
    if (poll(&p, 1, ms) <= 0)
        return;
    n = recv(c->fd, in, sizeof(in), 0);
    if (n <= 0 ||
        nghttp2_session_mem_recv(c->session, (uint8_t *)in, (size_t)n) < 0)
        c->broken = true;
}

/* Turns until `*flag`, 30 s passed or the peer closed. */
void run_until(const bool *flag)
{
    int64_t until_us = clock_mono_us() + 30 * US_PER_S;

    while (!*flag && !c->broken && clock_mono_us() < until_us)
        turn(20);
}

void run_for(int64_t us)
{
    int64_t until_us = clock_mono_us() + us;

    while (!c->broken && clock_mono_us() < until_us)
        turn(5);
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *out,
                         size_t max, uint32_t *flags,
                         nghttp2_data_source *source, void *arg)
{
    struct stream *s = stream_of(id);
    size_t n = s->to_send < max ? s->to_send : max;

    (void)session;
    (void)source;
    (void)arg;
    memset(out, 'b', n);
    s->to_send -= n;
    if (s->to_send == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

#define NV(name, value)                                                        \
    {                                                                          \
        (uint8_t *)(name), (uint8_t *)(value), strlen(name), strlen(value), 0  \
    }

int32_t ask_with(const char *method, const char *path, size_t body,
                 const char *name, const char *value)
{
    nghttp2_nv nv[] = {NV(":method", method), NV(":scheme", "http"),
                       NV(":path", path), NV(":authority", "a"),
                       NV(name, value)};
    nghttp2_data_provider source = {.read_callback = read_body};
    int32_t id = nghttp2_submit_request(c->session, NULL, nv, 5,
                                        body ? &source : NULL, NULL);

    ck_assert_int_gt(id, 0);
    stream_of(id)->to_send = body;
    return id;
}

int32_t ask(const char *method, const char *path, size_t body)
{
    return ask_with(method, path, body, "accept", "*/*");
}

/* Asks and waits for the stream's end. */
struct stream *talk(const char *method, const char *path, size_t body)
{
    struct stream *s = stream_of(ask(method, path, body));

    run_until(&s->closed);
    ck_assert_msg(s->closed, "%s %s was not answered (%zu bytes, broken %d)",
                  method, path, s->got, c->broken);
    return s;
}

static ssize_t stall(nghttp2_session *session, int32_t id, uint8_t *out,
                     size_t max, uint32_t *flags, nghttp2_data_source *source,
                     void *arg)
{
    (void)session;
    (void)id;
    (void)out;
    (void)max;
    (void)flags;
    (void)source;
    (void)arg;
    return NGHTTP2_ERR_DEFERRED;
}

struct stream *ask_stalled(const char *path)
{
    nghttp2_nv nv[] = {NV(":method", "POST"), NV(":scheme", "http"),
                       NV(":path", path), NV(":authority", "a")};
    nghttp2_data_provider source = {.read_callback = stall};

    return stream_of(
        nghttp2_submit_request(c->session, NULL, nv, 4, &source, NULL));
}
