/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are at AWS, for an external account: region and keys from the
 * environment or the instance's metadata (IMDSv2 where the file names it), as
 * a signed request. Private to src/net. Threads: belongs to its loop. */
#ifndef NET_SUBJECT_AWS_H
#define NET_SUBJECT_AWS_H

#include "net/credential.h"

struct subject_aws;

RC_MUST_USE int subject_aws_open(const struct credential *c,
                                 const json_t *source, struct subject_aws **out,
                                 struct err *err);
/* One at a time; `done` comes later, on the loop. RC_OK: `token` is owned by
 * who is told (token_forget). */
void subject_aws_fetch(struct subject_aws *a,
                       void (*done)(int rc, const struct err *err, char *token,
                                    void *arg),
                       void *arg);
void subject_aws_free(struct subject_aws *a); /* no `done` after it */

#endif
