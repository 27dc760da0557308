/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, mapped when it is first needed and not at the start: with its TLS
 * it takes longer than all the rest of a program's start, and an API whose
 * store is a file, or an emulator that pushes nothing, never calls anybody.
 * What http_client.c calls by curl's own names arrives here.
 * Threads: any. */
#ifndef NET_CURL_MAP_H
#define NET_CURL_MAP_H

#include "common/rc.h"

/* Some milliseconds the first time, free afterwards. An http_client maps it
 * by itself; who calls this wants to know beforehand.
 * RC_UNSUPPORTED: it is not installed. */
RC_MUST_USE int curl_map(struct err *err);

/* Maps it and gives its version: static. NULL: it is not installed. */
const char *curl_mapped_version(void);

#endif
