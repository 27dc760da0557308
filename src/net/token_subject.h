/* SPDX-License-Identifier: Apache-2.0 */
/* The foreign token that an external account trades for Google's: from a
 * file, a local URL, a program, AWS, or a certificate. Private to src/net. */
#ifndef NET_TOKEN_SUBJECT_H
#define NET_TOKEN_SUBJECT_H

#include "net/credential.h"

struct subject;

struct subject_answer {
    int rc;
    struct err err;
    struct str token; /* valid during the callback */
};

RC_MUST_USE int subject_open(const struct credential *c, struct subject **out,
                             struct err *err);
/* One at a time; `done` comes later, on the loop. */
void subject_fetch(struct subject *s,
                   void (*done)(const struct subject_answer *answer, void *arg),
                   void *arg);
/* After a fetch: the files for mutual TLS with the token service, or NULL. */
void subject_client(const struct subject *s, const char **cert,
                    const char **key);
void subject_free(struct subject *s); /* no `done` after it */

/* The token in what a file or a URL gave: all of it (less the blanks at its
 * ends), or one member of a JSON object if `field` is not NULL. Caller owns.
 */
RC_MUST_USE int subject_extract(struct str text, const char *field, char **out,
                                struct err *err);
/* The same from what a program printed (its own format, version 1). `now_s`:
 * wall seconds. */
RC_MUST_USE int subject_read_program(struct str text, int64_t now_s, char **out,
                                     struct err *err);

#endif
