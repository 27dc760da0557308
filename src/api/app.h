/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the API share: the process, a loop, a request under way.
 *
 * Threads: `struct api` is read-only after the start except where a member
 * says otherwise; `struct api_loop` and `struct exchange` belong to their
 * loop. */
#ifndef API_APP_H
#define API_APP_H

#include <pthread.h>
#include <stdatomic.h>

#include "admin/admin.h"
#include "api/answer.h"
#include "api/api.h"
#include "api/commits.h"
#include "api/feed.h"
#include "api/head.h"
#include "api/reply.h"
#include "api/routes.h"
#include "cache/cache.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "common/rand.h"
#include "config/settings.h"
#include "http/http.h"
#include "store/writer.h"

struct api;
struct auth;
struct bucket;
struct check;
struct copy;
struct health;
struct hot_entry;

enum {
    API_ID_MAX = 64,
    API_STATUS_CLASSES = 6
};

enum api_cache_result {
    CACHED_LOCAL,
    CACHED_REDIS,
    CACHED_MISS,
    CACHED_STALE,
    N_CACHED
};

/* One request from its head to on_close; longer if something that it asked
 * for is still under way (`busy`). Comes from the loop's pool. */
struct exchange {
    struct http_req *req; /* NULL: closed */
    struct api_loop *l;
    const struct route *route;
    struct exchange *next, *prev;        /* pool; parked; streams */
    void (*abandon)(struct exchange *x); /* on_close while streaming */
    void *work;                          /* of a handler; freed by it */
    bool busy;
    bool parked;
    size_t id_len;
    char id[API_ID_MAX];
};

struct api_loop {
    struct api *api;
    struct loop *loop;
    unsigned index;
    pthread_t thread;
    struct channel *channel; /* NULL: no Redis */
    struct redis *redis;     /* the channel's, for the cache */
    struct writer *writer;
    /* the hot path */
    struct head_view *view;
    uint64_t seen_version;
    int64_t fresh_until_us; /* of the view */
    struct hot_entry *hot;
    /* requests that wait for the head */
    struct exchange *parked;
    struct loop_timer park_over;
    struct loop_task wake;
    atomic_bool wake_posted;
    /* streams */
    struct exchange *streams;
    unsigned n_streams;
    struct loop_task pump;
    atomic_bool pump_posted;
    struct loop_timer keep_alive;
    /* */
    struct exchange *pool;
    struct rand rand;
    unsigned n_logged;
    struct metric *seconds[N_ROUTES][HTTP_OTHER + 1][API_STATUS_CLASSES];
    struct metric *cached[N_CACHED];
    struct loop_task drain;
    bool draining, running;
};

struct api {
    const struct settings *settings;
    struct schema *schema;
    struct store *store;
    struct metrics *metrics;
    struct head *head;       /* any thread */
    struct commits *commits; /* any thread */
    struct feed *feed;       /* any thread */
    struct cache *cache;     /* any thread */
    struct bucket *reads;    /* any thread; DATOS_STORE_QPS */
    struct check *check;     /* main loop; check_request: any thread */
    struct copy *copy;       /* main loop; NULL: no Redis */
    struct health *health;   /* main loop; health_*: any thread */
    struct api_loop *loops;
    unsigned n_loops;
    struct auth *auth;      /* any thread; NULL: everybody may POST */
    struct auth *push_auth; /* likewise, for /pubsub/push */
    bool takes_pushes;
    bool no_local; /* DATOS_CACHE_LOCAL_MB=0 */
    struct http_server *server, *admin_server;
    struct admin admin, admin_public;
    _Atomic uint64_t cut_told[3]; /* of datos_http_connections_cut_total */
    struct http_prepared *openapi, *docs;
    const struct api_guest *guest_ops;
    void *guest;
    struct metric *visible;
    /* Operations given to the store and not answered: the process ends when
     * there are none. */
    atomic_int pending;
    atomic_int draining_left;
    atomic_bool stopping;
    bool guest_busy, told_ready;
    int ready_fd;
    struct loop_task drained;
    struct loop_timer end;
    int64_t end_by_us;
};

/* Some routes are there only if a setting says so. */
bool api_serves(const struct api *api, enum route_id id);

/* --- start.c --- */
/* channel_config's */
void api_on_payload(struct generation gen, struct str payload, void *arg);
void api_on_gap(void *arg);
void api_on_channel(bool up, void *arg);
/* Main loop: something that readiness waits for has come. */
void api_tell_ready(struct api *api);

/* --- server.c: loops, listeners, the end --- */
RC_MUST_USE int server_open(struct api *api, struct err *err);
void server_run(struct api *api);
void server_terminate(struct api *api);
void server_close(struct api *api);

/* --- request.c --- */
struct exchange *exchange_new(struct api_loop *l, struct http_req *req);
/* A handler began something that ends later; end_busy frees what was closed
 * meanwhile. False: it was. */
void exchange_begin(struct exchange *x);
bool exchange_end(struct exchange *x);
void on_request(struct http_req *req, void *app);
void on_close(struct http_req *req, int status, void *app);
/* The series of what may happen to a route stand at 0 from the start: a rate
 * does not see a first burst of errors in a series that begins with it. */
void request_count_from_the_start(struct api_loop *l);
/* The id and common fields of what the HTTP server refuses by itself. */
size_t error_fields(struct http_req *req, struct http_field *out, size_t room,
                    char *scratch, void *app);

/* --- commit.c: what commits do to this process' readers --- */
/* A notice, of the channel (`gen`) or of an own writer (epoch 0). Any thread;
 * rows are visible to every loop when it returns. */
void api_apply_notice(struct api *api, struct str notice,
                      struct generation gen);
void api_on_commit(struct str notice, void *arg); /* writer_config's */
/* Rows that a check found: by others. */
void api_apply_rows(struct api *api, struct row *const *rows, size_t n);
void api_wake_all(struct api *api); /* parked requests look again */

/* --- get.c --- */
void get_datos(struct exchange *x);
void get_record(struct exchange *x);
void get_free(struct api_loop *l);
void get_wake(struct api_loop *l);
void get_park_over(struct loop_timer *t);
/* Any thread: cache_config's. */
void get_load(struct cache_load *load, void *arg);

/* --- others' handlers --- */
void post_datos(struct exchange *x);
void get_health(struct exchange *x);
void get_stream(struct exchange *x);
void get_openapi(struct exchange *x);
void get_docs(struct exchange *x);
void get_admin(struct exchange *x);
void post_push(struct exchange *x);

/* --- stream.c --- */
void stream_pump(struct api_loop *l);
void stream_post(struct api *api); /* any thread: new rows */
void stream_end_all(struct api_loop *l);
void stream_writable(struct exchange *x);
void stream_keep_alive(struct loop_timer *t);

/* --- openapi.c, docs.c --- */
struct http_prepared *openapi_new(const struct api *api);
struct http_prepared *docs_new(const struct api *api);

#endif
