/* SPDX-License-Identifier: Apache-2.0 */
/* What the shell (ports, control API, start and end) asks of a service, and
 * what it gives one. A service registers one `struct service` from its
 * `_new`; main.c is the only place that names services.
 *
 * Threads: all calls on the shell's loop. A service with a thread of its own
 * (storage) keeps it to itself and calls `done` on the loop. */
#ifndef EMULATOR_SERVICE_H
#define EMULATOR_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct faults;
struct http_app;
struct http_req;
struct identity;
struct loop;
struct requests;
struct rpc;
struct vclock;

enum emulator_profile {
    PROFILE_STRICT, /* production's rules and texts */
    PROFILE_LENIENT /* Google's emulator's */
};

/* The BigQuery service as others in the process ask it: method and path of its
 * REST interface ("/projects/p/datasets/..."), a JSON body; `done` gets status
 * and answer on the loop, once, never before ask returned. */
struct bigquery_door {
    void (*ask)(void *self, const char *method, const char *path,
                struct str body,
                void (*done)(void *arg, int status, struct str answer),
                void *arg);
    void *self; /* NULL: there is none */
};

/* What every service is born with; borrowed for its life. */
struct emulator {
    struct loop *loop;
    struct vclock *clock;
    struct faults *faults;
    struct requests *requests;
    const char *state_dir; /* NULL: memory only; exists, is writable, is ours */
    /* Folder of the buckets that Cloud Storage subscriptions write into; NULL:
     * there is none. With `storage_existing` only its folders are buckets,
     * else one is made when it is first named. */
    const char *storage_dir;
    bool storage_existing;
    bool fsync; /* a commit survives a power cut, not only a kill */
    enum emulator_profile profile;
    const char *project; /* of the default resources; "datos-local" */
    const char *host;    /* that the services are bound to */
    uint64_t seed;
    struct bigquery_door bigquery; /* set by that service */
    struct identity *identity;     /* signs tokens */
    bool push_insecure;            /* any http endpoint, any certificate */
};

/* Ends an asynchronous step: RC_OK, or a code and one sentence. Called exactly
 * once, on the loop; may be called before the step's function returns. */
typedef void service_done(void *arg, int rc, const char *text);

struct service {
    const char *name; /* "pubsub" */
    void *self;
    struct rpc *rpc; /* serves its port, through rpc_http_app */
    /* NULL; or what serves its port instead, with `self` as its app. */
    const struct http_app *app;

    /* "ok", or one sentence why not (a constant, or valid until the next
     * call). */
    const char *(*health)(void *self);

    /* Empties everything: resources, messages, leases; streams that lose
     * their subscription end as when it is deleted. */
    void (*reset)(void *self, service_done *done, void *arg);

    /* The whole state at one instant: appends bytes of its own format, which
     * begins with a version of its own. Synchronous: nothing else of the
     * loop runs in between, so that all services save the same instant.
     * What is being written must be finished or left out whole.
     * RC_TOO_LARGE when `out` is full. */
    int (*save)(void *self, struct buf *out, struct err *err);
    /* Replaces the whole state, atomically: on any error (RC_MALFORMED: not
     * ours, or damaged) the old state stays. */
    int (*load)(void *self, struct str bytes, struct err *err);

    /* Appends metric families in Prometheus text form. May be NULL. */
    void (*metrics)(void *self, struct buf *out);

    /* Resources from --config's file or the defaults: `json` is one object
     * in the form of emulator/README.md; members of other services are not
     * this service's business. What exists already stays as it is. NULL: the
     * shell creates topics, subscriptions and schemas through `rpc`. */
    int (*provide)(void *self, struct str json, struct err *err);

    /* Requests for the console port below "/_emulator/NAME/" (peek, purge,
     * backlog ...): true if the service answers it, at once or later. `rest`
     * is the path behind that prefix. May be NULL. */
    bool (*control)(void *self, struct http_req *req, struct str rest);

    /* Stop: refuse new work, end streams (UNAVAILABLE), write what is held,
     * then call done. Followed by `free` after the loop has ended. */
    void (*drain)(void *self, service_done *done, void *arg);
    void (*free)(void *self);
};

#endif
