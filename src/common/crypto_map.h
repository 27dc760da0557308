/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto, mapped when it is first needed and not at the start: its 21,000
 * relocations take longer than all the rest of a program's start, and most
 * runs verify and sign nothing. Calls by OpenSSL's own names arrive here.
 * Threads: any. */
#ifndef COMMON_CRYPTO_MAP_H
#define COMMON_CRYPTO_MAP_H

#include "common/rc.h"

/* A millisecond or two the first time, free afterwards. The first call of a
 * function maps it by itself, and ends the process where that fails: who can
 * refuse beforehand calls this.
 * RC_UNSUPPORTED: it is not installed. */
RC_MUST_USE int crypto_map(struct err *err);

#endif
