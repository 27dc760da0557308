/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, mapped when it is first needed and not at the start: with its TLS
 * it takes longer than all the rest of the emulator's start, and most runs
 * never push anything. What net/ calls by curl's own names arrives here.
 * Threads: one at a time. */
#ifndef EMULATOR_CURL_H
#define EMULATOR_CURL_H

#include "common/rc.h"

/* Before the first http_client of the process makes a call; again is free.
 * RC_UNSUPPORTED: it is not installed. */
RC_MUST_USE int curl_map(struct err *err);

#endif
