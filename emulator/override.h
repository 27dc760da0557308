/* SPDX-License-Identifier: Apache-2.0 */
/* What a REST request stands for, where its sender could not say so itself:
 * Google's front end takes X-HTTP-Method-Override on a POST, for clients and
 * proxies that know no other method, or whose query is too long for a GET.
 * Pure but for the request; threads: the request's. */
#ifndef EMULATOR_OVERRIDE_H
#define EMULATOR_OVERRIDE_H

#include <stdbool.h>

#include "common/str.h"

struct http_req;

/* The method that counts. */
struct str override_method(struct http_req *req);
/* Is its body a query (a GET that came as a form)? */
bool override_has_form(struct http_req *req);

#endif
