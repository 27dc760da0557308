/* SPDX-License-Identifier: Apache-2.0 */
/* Google's Application Default Credentials: finds the credential and opens
 * its token source.
 *
 * The order: the file that GOOGLE_APPLICATION_CREDENTIALS names; gcloud's own
 * file ($CLOUDSDK_CONFIG or ~/.config/gcloud,
 * application_default_credentials.json); the metadata server. A file that is
 * named or there but cannot be used is an error, never passed over. */
#ifndef NET_CREDENTIALS_H
#define NET_CREDENTIALS_H

#include "net/token.h"

#define CREDENTIALS_SCOPE "https://www.googleapis.com/auth/cloud-platform"

/* Reads environment and files, asks no server yet. RC_INVALID, RC_DENIED (the
 * file cannot be read), RC_UNSUPPORTED. */
RC_MUST_USE int credentials_open(struct loop *loop, struct token_source **out,
                                 struct err *err);
/* The same from the bytes of a credential file; `name` is for the errors. */
RC_MUST_USE int credentials_parse(struct loop *loop, struct str json,
                                  const char *name, struct token_source **out,
                                  struct err *err);

#endif
