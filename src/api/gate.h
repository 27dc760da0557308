/* SPDX-License-Identifier: Apache-2.0 */
/* Lets a request pass if its token holds; answers 401, 403 or 503 if not.
 * Threads: the request's loop. */
#ifndef API_GATE_H
#define API_GATE_H

struct auth;
struct exchange;

/* `auth` NULL: everybody passes. `go` is called at once, or later if the keys
 * must be fetched first. */
void gate_pass(struct exchange *x, struct auth *auth,
               void (*go)(struct exchange *x));

#endif
