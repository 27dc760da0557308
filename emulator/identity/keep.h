/* SPDX-License-Identifier: Apache-2.0 */
/* The key's file in the state folder. Threads: any. */
#ifndef EMULATOR_IDENTITY_KEEP_H
#define EMULATOR_IDENTITY_KEEP_H

#include "common/rc.h"

#define KEEP_KEY_FILE "identity.pem"

/* The key that is kept in `dir`, or a new one that is from now on. Whole or
 * not there after a kill at any instant. Caller owns `*pem`. RC_IO. */
RC_MUST_USE int keep_key(const char *dir, char **pem, struct err *err);

#endif
