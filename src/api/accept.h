/* SPDX-License-Identifier: Apache-2.0 */
/* What a client takes: Accept and Accept-Encoding (RFC 9110 section 12.5).
 * Pure; threads: any. */
#ifndef API_ACCEPT_H
#define API_ACCEPT_H

#include <stdbool.h>

#include "common/str.h"

/* `type`: "application/json". An absent or empty field takes anything. */
bool accept_type(struct str accept, struct str type);
bool accept_gzip(struct str accept_encoding);
/* The media type of Content-Type without parameters, and whether its charset
 * (if any) is UTF-8. */
struct str accept_media_type(struct str content_type, bool *is_utf8);

#endif
