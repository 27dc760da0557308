/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl on the loop: curl tells which descriptors and which time it waits
 * for, libevent waits, and each finished transfer becomes one `done`. */
#include "net/http_client.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "net/curl_map.h"
#include "net/gzip.h"

enum {
    SPARE_HANDLES = 4,
    RECEIVE_BYTES = 64 * 1024, /* a reply of 1,000 messages in few reads */
    GZIP_WORTH = 1024,         /* smaller bodies are sent as they are */
    CONNECT_DEFAULT_US = 10 * 1000000,
    TOTAL_DEFAULT_US = 60 * 1000000
};

/* What one call holds while it is in flight. */
struct http_io {
    struct http_call *call;
    CURL *easy;
    struct curl_slist *fields;
    struct loop_timer first_byte;
    char *packed; /* the compressed body */
    int stop_rc;  /* why we broke it off, or 0 */
    bool at_102;  /* broken off there, as was asked for */
    char error[CURL_ERROR_SIZE];
};

struct http_client {
    struct loop *loop;
    CURLM *multi;
    unsigned connections;
    struct loop_timer timer;   /* curl's */
    struct loop_timer sweeper; /* calls that we end ourselves */
    struct http_call *active;
    CURL *spare[SPARE_HANDLES];
    size_t n_spare;
};

/* --- ends ----------------------------------------------------------------- */

static void unlink_call(struct http_client *c, struct http_call *call)
{
    if (call->prev)
        call->prev->next = call->next;
    else
        c->active = call->next;
    if (call->next)
        call->next->prev = call->prev;
    call->next = call->prev = NULL;
}

static void release_io(struct http_client *c, struct http_io *io)
{
    loop_timer_fini(&io->first_byte);
    if (io->easy) {
        curl_multi_remove_handle(c->multi, io->easy);
        if (c->n_spare < SPARE_HANDLES) {
            curl_easy_reset(io->easy);
            c->spare[c->n_spare++] = io->easy;
        } else {
            curl_easy_cleanup(io->easy);
        }
    }
    curl_slist_free_all(io->fields);
    mem_free(io->packed);
    mem_free(io);
}

/* `why` NULL: call->err says it already. */
static void finish(struct http_call *call, int rc, const char *why)
{
    struct http_client *c = call->client;
    struct http_io *io = call->io;

    call->rc = rc;
    if (rc != RC_OK && why)
        err_set(&call->err, (enum rc)rc, "%s", why);
    unlink_call(c, call);
    call->io = NULL;
    release_io(c, io);
    call->done(call);
}

static int rc_of_curl(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return RC_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return RC_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return RC_NOMEM;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return RC_INVALID;
    default:
        return RC_UNAVAILABLE;
    }
}

static void finish_transfer(struct http_call *call, CURLcode code)
{
    struct http_io *io = call->io;
    const char *why = io->error[0] ? io->error : curl_easy_strerror(code);
    char text[CURL_ERROR_SIZE];
    long status = 0;
    curl_off_t wait_s = 0;
    int rc = io->stop_rc ? io->stop_rc : io->at_102 ? RC_OK : rc_of_curl(code);

    if (io->stop_rc == RC_TOO_LARGE)
        why = "the answer is larger than allowed";
    else if (io->stop_rc == RC_NOMEM)
        why = "no memory for the answer";
    snprintf(text, sizeof(text), "%s", why); /* io goes before it is used */
    curl_easy_getinfo(io->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(io->easy, CURLINFO_RETRY_AFTER, &wait_s);
    call->status = io->at_102 ? 102 : (int)status;
    call->retry_after_us =
        wait_s > 0 && wait_s < 86400 ? (int64_t)wait_s * US_PER_S : 0;
    finish(call, rc, text);
}

static void collect_finished(struct http_client *c)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left))) {
        struct http_io *io = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &io);
        finish_transfer(io->call, code);
    }
}

/* Ends what was cancelled, fell silent or could not begin. */
static void on_sweep(struct loop_timer *timer)
{
    struct http_client *c = LOOP_OWNER(timer, struct http_client, sweeper);
    struct http_call *call = c->active;

    while (call) {
        int rc = call->io->stop_rc;
        if (rc != RC_CANCELLED && rc != RC_TIMEOUT &&
            (rc == 0 || call->io->easy)) {
            call = call->next;
            continue;
        }
        finish(call, rc,
               rc == RC_CANCELLED     ? "cancelled"
               : rc == RC_TIMEOUT     ? "no answer in time"
               : rc == RC_UNSUPPORTED ? NULL
                                      : "the request could not be started");
        call = c->active; /* `done` may have changed the list */
    }
}

static void stop_call(struct http_call *call, int rc)
{
    if (call->io->stop_rc == 0)
        call->io->stop_rc = rc;
    loop_timer_arm(&call->client->sweeper, 0);
}

static void on_silence(struct loop_timer *timer)
{
    stop_call(LOOP_OWNER(timer, struct http_io, first_byte)->call, RC_TIMEOUT);
}

/* --- curl's callbacks ------------------------------------------------------
 */

static void on_curl_timer(struct loop_timer *timer)
{
    struct http_client *c = LOOP_OWNER(timer, struct http_client, timer);
    int running;

    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_finished(c);
}

static int set_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_client *c = arg;

    (void)multi;
    if (timeout_ms < 0)
        loop_timer_cancel(&c->timer);
    else
        loop_timer_arm(&c->timer, (int64_t)timeout_ms * US_PER_MS);
    return 0;
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    int mask = ((what & EV_READ) ? CURL_CSELECT_IN : 0) |
               ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(c->multi, fd, mask, &running);
    collect_finished(c);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                        void *socket_arg)
{
    struct http_client *c = arg;
    struct event *ev = socket_arg;
    short events = (short)(((what & CURL_POLL_IN) ? EV_READ : 0) |
                           ((what & CURL_POLL_OUT) ? EV_WRITE : 0));

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (ev)
            event_free(ev);
        curl_multi_assign(c->multi, fd, NULL);
        return 0;
    }
    events |= EV_PERSIST;
    if (!ev) {
        ev = event_new(loop_base(c->loop), fd, events, on_socket, c);
        if (!ev)
            return -1;
        curl_multi_assign(c->multi, fd, ev);
    } else {
        event_del(ev);
        event_assign(ev, loop_base(c->loop), fd, events, on_socket, c);
    }
    event_add(ev, NULL);
    return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct http_io *io = arg;
    struct http_call *call = io->call;
    struct buf *out = &call->response;
    curl_off_t expected = -1;
    long status = 0;

    if (call->on_data) {
        curl_easy_getinfo(io->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status / 100 == 2) {
            call->on_data(call, str_of(p, size * n));
            return size * n;
        }
    }
    if (out->len == 0 && size * n > 0) {
        /* one allocation where the length is known */
        curl_easy_getinfo(io->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                          &expected);
        if (expected > 0 && (uint64_t)expected <= out->limit)
            buf_reserve(out, (size_t)expected);
    }
    if (size * n > out->limit - out->len) {
        io->stop_rc = RC_TOO_LARGE;
        return 0;
    }
    buf_append(out, p, size * n);
    if (out->failed) {
        io->stop_rc = RC_NOMEM;
        return 0;
    }
    return size * n;
}

/* "HTTP/1.1 102 Processing" */
static bool is_102(struct str line)
{
    struct str word = str_cut(&line, ' ');

    return str_starts(word, STR("HTTP/")) && str_starts(line, STR("102"));
}

static size_t on_field(char *p, size_t size, size_t n, void *arg)
{
    struct http_io *io = arg;
    struct http_call *call = io->call;
    struct str value = str_of(p, size * n);
    struct str name;

    if (io->first_byte.event)
        loop_timer_cancel(&io->first_byte);
    if (call->ends_at_102 && is_102(value)) {
        io->at_102 = true;
        return 0;
    }
    if (!call->want_field)
        return size * n;
    name = str_cut(&value, ':');
    if (value.p && str_ieq(name, str_from(call->want_field))) {
        while (value.len && strchr("\r\n", value.p[value.len - 1]))
            value.len--;
        value = str_trim(value);
        snprintf(call->field, sizeof(call->field), "%.*s", STR_ARG(value));
    }
    return size * n;
}

/* --- a call ----------------------------------------------------------------
 */

static int open_multi(struct http_client *c, struct err *err)
{
    if (c->multi)
        return RC_OK;
    if (curl_map(err))
        return RC_UNSUPPORTED;
    /* counted, and safe from several threads since 7.84 */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return RC_NOMEM;
    c->multi = curl_multi_init();
    if (!c->multi) {
        curl_global_cleanup();
        return RC_NOMEM;
    }
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_curl_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->connections);
    curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (long)c->connections);
    return RC_OK;
}

static bool add_field(struct http_io *io, const char *name, const char *value)
{
    /* curl's forms of a field left out, and of an empty one */
    char *line = !value   ? mem_printf("%s:", name)
                 : *value ? mem_printf("%s: %s", name, value)
                          : mem_printf("%s;", name);
    struct curl_slist *more = curl_slist_append(io->fields, line);

    mem_free(line);
    if (!more)
        return false;
    io->fields = more;
    return true;
}

static bool set_fields(struct http_io *io, const struct http_call *call)
{
    if (!add_field(io, "Expect", NULL))
        return false;
    for (size_t i = 0; i < call->n_fields; i++) {
        if (!add_field(io, call->fields[i].name, call->fields[i].value))
            return false;
    }
    for (size_t i = 0; i < call->n_more; i++) {
        if (!add_field(io, call->more[i].name, call->more[i].value))
            return false;
    }
    if (io->packed && !add_field(io, "content-encoding", "gzip"))
        return false;
    return curl_easy_setopt(io->easy, CURLOPT_HTTPHEADER, io->fields) ==
           CURLE_OK;
}

static void set_body(struct http_io *io, struct http_call *call)
{
    struct str body = call->body;
    bool is_post = strcmp(call->method, "POST") == 0;

    if (body.p && call->gzip && body.len >= GZIP_WORTH) {
        size_t len;
        io->packed = gzip_pack(body, &len);
        if (io->packed)
            body = str_of(io->packed, len);
    }
    if (body.p || is_post) {
        curl_easy_setopt(io->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(io->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)body.len);
        curl_easy_setopt(io->easy, CURLOPT_POSTFIELDS, body.p ? body.p : "");
    }
    if (!is_post && (body.p || strcmp(call->method, "GET") != 0))
        curl_easy_setopt(io->easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static long ms_of(int64_t us, int64_t fallback_us)
{
    return (long)(((us > 0 ? us : fallback_us) + 999) / US_PER_MS);
}

static void set_options(struct http_io *io, struct http_call *call)
{
    CURL *easy = io->easy;
    bool tls = str_starts(str_from(call->url), STR("https://"));

    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, io);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, io->error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "datos (gzip)");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, io);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_field);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, io);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 20L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     ms_of(call->connect_us, CONNECT_DEFAULT_US));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     ms_of(call->total_us, TOTAL_DEFAULT_US));
    if (call->gzip)
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (tls) {
        /* as everything built on OpenSSL or Go does */
        const char *authorities = getenv("SSL_CERT_FILE");
        if (authorities && authorities[0])
            curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                         (long)CURL_SSLVERSION_TLSv1_2);
        if (call->client_cert) {
            curl_easy_setopt(easy, CURLOPT_SSLCERT, call->client_cert);
            curl_easy_setopt(easy, CURLOPT_SSLKEY, call->client_key);
        }
        if (call->insecure) {
            curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
            curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        }
        /* share one HTTP/2 connection rather than open several at once */
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_1_1);
        /* emulators and metadata servers: whatever http_proxy says */
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
}

static int begin(struct http_client *c, struct http_call *call)
{
    struct http_io *io = call->io;
    int rc;

    rc = open_multi(c, &call->err);
    if (rc)
        return rc;
    if (c->n_spare)
        io->easy = c->spare[--c->n_spare];
    else
        io->easy = curl_easy_init();
    if (!io->easy)
        return RC_NOMEM;
    set_options(io, call);
    set_body(io, call);
    if (!set_fields(io, call) ||
        curl_multi_add_handle(c->multi, io->easy) != CURLM_OK) {
        curl_easy_cleanup(io->easy);
        io->easy = NULL;
        return RC_NOMEM;
    }
    if (call->first_byte_us > 0) {
        loop_timer_init(&io->first_byte, c->loop, on_silence);
        loop_timer_arm(&io->first_byte, call->first_byte_us);
    }
    return RC_OK;
}

void http_call_start(struct http_client *c, struct http_call *call)
{
    int rc;

    call->rc = RC_OK;
    call->status = 0;
    call->retry_after_us = 0;
    call->field[0] = '\0';
    if (call->response.data)
        buf_reset(&call->response);
    call->response.limit = call->max_response;
    call->client = c;
    call->io = MEM_NEW(struct http_io);
    call->io->call = call;
    call->prev = NULL;
    call->next = c->active;
    if (c->active)
        c->active->prev = call;
    c->active = call;
    rc = begin(c, call);
    if (rc)
        stop_call(call, rc);
}

void http_call_cancel(struct http_call *call)
{
    if (call->io)
        stop_call(call, RC_CANCELLED);
}

bool http_call_is_active(const struct http_call *call)
{
    return call->io != NULL;
}

void http_call_fini(struct http_call *call)
{
    buf_fini(&call->response);
}

struct http_client *http_client_new(struct loop *loop, unsigned connections)
{
    struct http_client *c = MEM_NEW(struct http_client);

    c->loop = loop;
    c->connections = connections;
    loop_timer_init(&c->timer, loop, on_curl_timer);
    loop_timer_init(&c->sweeper, loop, on_sweep);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    while (c->active)
        finish(c->active, RC_CANCELLED, "cancelled");
    for (size_t i = 0; i < c->n_spare; i++)
        curl_easy_cleanup(c->spare[i]);
    if (c->multi) {
        curl_multi_cleanup(c->multi);
        curl_global_cleanup();
    }
    loop_timer_fini(&c->timer);
    loop_timer_fini(&c->sweeper);
    mem_free(c);
}
