/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP library's own cost: one loop that answers every request with one
 * prepared body. `http_const [PORT [BYTES]]`; port 0 takes any free one,
 * which is printed. */
#include <stdio.h>
#include <stdlib.h>

#include "common/loop.h"
#include "common/mem.h"
#include "http/http.h"

static void on_request(struct http_req *req, void *app)
{
    http_reply_prepared(req, app, 0, NULL, 0);
}

static void on_signal(int signo, void *arg)
{
    (void)signo;
    loop_stop(arg);
}

int main(int argc, char **argv)
{
    static const struct http_app app = {.on_request = on_request};
    struct http_field type = {STR("content-type"), STR("application/json")};
    size_t len = argc > 2 ? strtoul(argv[2], NULL, 10) : 1021;
    char *body = mem_alloc(len);
    struct loop *loop = loop_new();
    struct http_prepared *prepared;
    struct http_limits limits;
    struct http_server *server;
    struct err err;

    memset(body, 'x', len);
    prepared = http_prepared_new(200, &type, 1, str_of(body, len));
    http_limits_default(&limits);
    server = http_server_new(&app, &limits);
    if (http_server_listen(
            server, loop, "127.0.0.1",
            (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0), prepared,
            &err)) {
        fprintf(stderr, "http_const: %s\n", err.text);
        return EXIT_FAILURE;
    }
    printf("http://127.0.0.1:%u/\n", http_server_port(server));
    fflush(stdout);
    loop_on_terminate(loop, on_signal, loop);
    loop_run(loop);
    http_server_free(server);
    http_prepared_unref(prepared);
    mem_free(body);
    loop_free(loop);
    return EXIT_SUCCESS;
}
