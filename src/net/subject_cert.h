/* SPDX-License-Identifier: Apache-2.0 */
/* An X.509 certificate as the proof of an external account: the certificates
 * are the subject token, and the exchange is made with the key over mutual
 * TLS. Private to src/net. Threads: start-up, or its loop. */
#ifndef NET_SUBJECT_CERT_H
#define NET_SUBJECT_CERT_H

#include "net/credential.h"

struct subject_cert;

/* `certificate` of a credential source. Reads no file yet. */
RC_MUST_USE int subject_cert_open(const struct credential *c,
                                  const json_t *certificate,
                                  struct subject_cert **out, struct err *err);
/* Reads the files, which may have been renewed: the certificates, ours first,
 * as a JSON array of base64. Owned by the caller. */
RC_MUST_USE int subject_cert_read(struct subject_cert *s, char **token,
                                  struct err *err);
/* After that: the files for mutual TLS. */
const char *subject_cert_path(const struct subject_cert *s);
const char *subject_cert_key(const struct subject_cert *s);
void subject_cert_free(struct subject_cert *s);

#endif
