/* SPDX-License-Identifier: Apache-2.0 */
/* Who the emulators say they are: one RSA key, made at its first use and kept
 * with the state, signs the OIDC tokens of service accounts; the documents by
 * which anybody verifies them are served over HTTP.
 *
 * The key is made on a thread of its own: nobody waits for it but who needs a
 * token. Times in tokens are wall time.
 * Threads: loop-confined. */
#ifndef EMULATOR_IDENTITY_IDENTITY_H
#define EMULATOR_IDENTITY_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct http_req;
struct identity;
struct loop;

enum {
    IDENTITY_TOKEN_LIFE_S = 3600 /* as Google's */
};

/* All borrowed. `state_dir` (NULL: memory only) keeps the key; `issuer` (NULL:
 * Google's own) is what tokens and discovery name; `project` is where the
 * metadata server says that this runs. Costs nothing. */
struct identity *identity_new(struct loop *loop, const char *state_dir,
                              const char *issuer, const char *project);
void identity_free(struct identity *id); /* NULL is allowed */

/* One wait for the key; embedded by its owner. */
struct identity_wait {
    void (*ready)(struct identity_wait *wait);
    struct identity_wait *next;
    bool is_waiting; /* zero before the first call */
};
/* True: the key is there. Otherwise it is being made, and `wait` (may be NULL)
 * is told on the loop, once, when identity_token has something to say, be it
 * that there is no key. */
bool identity_prepare(struct identity *id, struct identity_wait *wait);
void identity_forget(struct identity *id, struct identity_wait *wait);

/* An ID token of a service account for an audience, as Google signs them; good
 * for IDENTITY_TOKEN_LIFE_S from now. Waits for the key if it is still being
 * made. Caller owns `*out`. RC_IO, RC_INVALID: what is wrong with the key. */
RC_MUST_USE int identity_token(struct identity *id, const char *email,
                               const char *audience, char **out,
                               struct err *err);
/* The numeric id of an account (the claim `sub`): 21 digits of its address. */
enum {
    IDENTITY_SUBJECT_LEN = 21
};
void identity_subject(const char *email, char out[IDENTITY_SUBJECT_LEN + 1]);

/* Answers the request if it is for one of the documents: discovery
 * (/.well-known/openid-configuration), key set (/oauth2/v3/certs, where Google
 * has it, and /.well-known/jwks.json) and certificates (/oauth2/v1/certs).
 * False: it is not ours. */
bool identity_serve(struct identity *id, struct http_req *req);

/* The same for what gives tokens out, to whoever asks: the metadata server
 * (/computeMetadata/v1), OAuth's and STS' token endpoints (/token,
 * /oauth2/v4/token, /v1/token), IAM credentials' generateAccessToken and
 * generateIdToken. The caller has looked at who asks. */
bool identity_issue(struct identity *id, struct http_req *req);

#endif
