/* SPDX-License-Identifier: Apache-2.0 */
/* Where a Google service is: the real one over TLS, or an emulator in plain
 * text. The only place that knows the difference; everything behind it asks
 * for `base` and, rarely, `is_emulator`. Pure; threads: any. */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include <stdbool.h>

#include "common/rc.h"
#include "common/str.h"

struct endpoint {
    char base[300];   /* scheme://authority, no slash at the end */
    bool is_emulator; /* plain text: no credentials; reconnect eagerly */
};

#define ENDPOINT_UNIVERSE "googleapis.com"

/* `emulator`: host:port (an http:// before it and a slash behind are
 * forgiven), NULL or empty for the real service in `universe` (NULL or empty:
 * googleapis.com). RC_INVALID names `variable`, the value and the form. */
RC_MUST_USE int endpoint_init(struct endpoint *e, const char *service,
                              const char *emulator, const char *variable,
                              const char *universe, struct err *err);

/* An address that never leaves this machine: plain text is harmless there. */
bool endpoint_host_is_loopback(struct str host);
/* `https://...`, or `http://` to a loopback host: what a credential file may
 * name. */
bool endpoint_url_is_safe(struct str url);

#endif
