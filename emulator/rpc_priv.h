/* SPDX-License-Identifier: Apache-2.0 */
/* What rpc.c (calls), rpc_http.c (the port) and rpc_fail.c share. */
#ifndef EMULATOR_RPC_PRIV_H
#define EMULATOR_RPC_PRIV_H

#include "common/buf.h"
#include "common/loop.h"
#include "emulator/faults.h"
#include "emulator/rest.h"
#include "emulator/rpc.h"

enum {
    RPC_MAX_DETAILS = 8,
    RPC_MAX_NOTED = 320 /* of a raw call's resource */
};

struct grpc_gzip;
struct grpc_health;
struct grpc_reflection;

struct rpc {
    struct emulator *emulator;
    const char *name;
    void *service;
    const struct rpc_method *methods;
    size_t n_methods;
    const struct grpc_method *streams;
    size_t n_streams;
    size_t max_message, n_open;
    struct grpc_method *rows; /* methods, streams, health, reflection */
    struct grpc_server *grpc;
    struct grpc_gzip *gzip;
    struct grpc_health *health;
    struct grpc_reflection *reflection;
    void (*ended)(void *service, const struct rpc_method *method,
                  struct str resource, enum grpc_status status);
};

struct rpc_call {
    struct rpc *rpc;
    const struct rpc_method *method;
    ProtobufCMessage *in;
    struct grpc_call *grpc; /* NULL: REST, JSON, or the client has gone */
    struct http_req *req;   /* the same for REST */
    void (*done)(void *arg, enum grpc_status status, struct str text);
    void *done_arg; /* rpc_run_json */
    struct str raw;
    char *raw_copy; /* while a fault delays the call */
    char resource[RPC_MAX_NOTED];
    size_t resource_len; /* raw calls */
    int64_t start_us, deadline_us;
    uint64_t n;
    bool is_rest, dropped, has_timer;
    struct rest_form form; /* of a REST answer */
    struct fault fault;
    struct loop_timer timer; /* of a delay */
    void (*gone)(struct rpc_call *call, void *user);
    void *gone_user;
    ProtobufCBinaryData
        details[RPC_MAX_DETAILS]; /* packed google.protobuf.Any */
    size_t n_details;
    struct buf details_json;
};

/* Takes `in`. The call is begun: faults first, then the method. */
struct rpc_call *rpc_call_new(struct rpc *rpc, const struct rpc_method *method,
                              ProtobufCMessage *in);
/* The request's bytes, lent until rpc_begin returns. */
void rpc_call_set_raw(struct rpc_call *call, struct str raw);
void rpc_begin(struct rpc_call *call);
/* Its client has gone; the call may end with it. */
void rpc_client_gone(struct rpc_call *call);
/* Notes it, frees it. */
void rpc_end(struct rpc_call *call, enum grpc_status status, int http_status);

/* Does it answer as Google's emulator does? */
bool rpc_is_lenient(const struct rpc *rpc);
void rpc_put_error(struct buf *out, bool compact, int http_status,
                   enum grpc_status status, struct str text,
                   struct str details_json);
void rpc_rest_answer(struct http_req *req, int http_status, struct str json);

#endif
