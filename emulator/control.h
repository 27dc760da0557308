/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the control API: what its routes (control.c) and its operations
 * (control_ops.c) need of one another. Threads: loop-confined. */
#ifndef EMULATOR_CONTROL_H
#define EMULATOR_CONTROL_H

#include "emulator/shell_priv.h"

struct http_req;

/* --- answers ---------------------------------------------------------------
 */
void control_json(struct http_req *req, int status, struct str json);
void control_error(struct http_req *req, int status, const char *text);
void control_buf(struct http_req *req, struct buf *json); /* ends `json` */
void control_done(struct http_req *req);                  /* {"status":"ok"} */

/* --- operations ------------------------------------------------------------
 */
void control_reset(struct shell *s, struct http_req *req);
void control_save(struct shell *s, struct http_req *req);
void control_load(struct shell *s, struct http_req *req);
void control_clock_get(struct shell *s, struct http_req *req);
void control_clock_put(struct shell *s, struct http_req *req);
void control_clock_delete(struct shell *s, struct http_req *req);
void control_faults_get(struct shell *s, struct http_req *req);
void control_faults_put(struct shell *s, struct http_req *req);
void control_faults_delete(struct shell *s, struct http_req *req);
void control_requests(struct shell *s, struct http_req *req);
/* The request is over, however. */
void control_closed(struct http_req *req);

#endif
