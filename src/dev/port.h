/* SPDX-License-Identifier: Apache-2.0 */
/* Who has a port. */
#ifndef DEV_PORT_H
#define DEV_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "common/rc.h"

/* RC_OK: nobody listens on 127.0.0.1:port (0 is always free). RC_EXISTS: the
 * port is taken; `err` names it, its flag and the owner. Waits a moment for a
 * process that is just ending. */
RC_MUST_USE int dev_port_check(int64_t port, const char *flag, struct err *err);

#endif
