/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the identity service only. */
#ifndef EMULATOR_IDENTITY_PRIV_H
#define EMULATOR_IDENTITY_PRIV_H

#include <pthread.h>

#include "common/loop.h"
#include "emulator/identity/identity.h"
#include "emulator/identity/key.h"
#include "net/jwt_sign.h"

#define IDENTITY_GOOGLE "https://accounts.google.com"

enum identity_phase {
    IDENTITY_NONE,   /* nobody asked for the key yet */
    IDENTITY_MAKING, /* on the thread */
    IDENTITY_DONE    /* `rc` says how it went */
};

/* The word that the thread is done: outlives whom it is for. */
struct identity_made {
    struct loop_task task;
    struct identity *identity; /* NULL: it has gone */
};

struct identity {
    struct loop *loop;
    const char *state_dir, *issuer, *project;
    char *account; /* that the machine runs as */
    enum identity_phase phase;
    pthread_t thread;
    struct identity_made *made; /* until it was told */
    struct identity_wait *waits;
    int rc;
    struct err err;
    char *pem, *certificate;
    struct key_public public;
    struct jwt_key *key;
};

/* Every project's number; service agents are named by it. */
#define IDENTITY_NUMBER "123456789012"
#define IDENTITY_SCOPE  "https://www.googleapis.com/auth/cloud-platform"

struct buf;
struct http_req;

/* metadata.c: false, it is not for the metadata server. */
bool identity_serve_metadata(struct identity *id, struct http_req *req);
/* grants.c: an OAuth answer without its last brace. */
void identity_put_access_token(struct buf *json);

/* Waits for the key if it is being made. */
RC_MUST_USE int identity_need_key(struct identity *id, struct err *err);

#endif
