/* SPDX-License-Identifier: Apache-2.0 */
/* `datos tail`: the API's live stream (server-sent events) on standard output,
 * one row a line. A broken stream is resumed where it ended. */
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"
#include "config/args.h"
#include "net/http_client.h"

enum {
    LINE_MAX_BYTES = 4 << 20,
    ID_MAX = 128
};
#define FOR_EVER_US  (366LL * 86400 * US_PER_S)
#define SILENCE_US   (45 * US_PER_S) /* the API speaks every 15 s */
#define RECONNECT_US US_PER_S

struct tail {
    struct loop *loop;
    struct http_client *client;
    struct http_call call;
    struct loop_timer silence, reconnect;
    char *url;
    struct buf line;
    char id[ID_MAX]; /* of the last row, for Last-Event-ID */
    bool is_reset;   /* the event being read starts anew */
    bool is_stopping, has_begun, tells_loss;
    int code;
};

/* --- events --------------------------------------------------------------- */

static void on_line(struct tail *t, struct str line)
{
    if (str_eq(line, STR("event: reset"))) {
        t->is_reset = true;
    } else if (str_starts(line, STR("id: "))) {
        snprintf(t->id, sizeof(t->id), "%.*s", (int)line.len - 4, line.p + 4);
    } else if (str_starts(line, STR("data: ")) && t->is_reset) {
        if (t->tells_loss)
            fputs("datos tail: too far behind, rows are missing here; the "
                  "newest ones follow\n",
                  stderr);
        t->is_reset = false;
        t->tells_loss = true;
    } else if (str_starts(line, STR("data: "))) {
        fwrite(line.p + 6, 1, line.len - 6, stdout);
        if (putchar('\n') == EOF || fflush(stdout)) {
            t->is_stopping = true; /* nobody reads */
            loop_stop(t->loop);
        }
    }
}

/* `datos tail | head`: who reads has gone, and no row need come to tell. */
static bool nobody_reads(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) > 0 && out.revents & POLLERR;
}

static void on_data(struct http_call *call, struct str bytes)
{
    struct tail *t = LOOP_OWNER(call, struct tail, call);
    const char *end;

    if (nobody_reads()) {
        t->is_stopping = true;
        loop_stop(t->loop);
    }
    t->has_begun = true;
    loop_timer_arm(&t->silence, SILENCE_US);
    buf_str(&t->line, bytes);
    while (t->line.len && (end = memchr(t->line.data, '\n', t->line.len))) {
        size_t len = (size_t)(end - t->line.data);

        on_line(t, str_of(t->line.data, len));
        buf_consume(&t->line, len + 1);
    }
    if (t->line.failed)
        buf_reset(&t->line);
}

/* --- the connection ------------------------------------------------------- */

static void on_done(struct http_call *call);

static void connect_stream(struct tail *t)
{
    t->call = (struct http_call){
        .method = "GET",
        .url = t->url,
        .fields = {{"Accept", "text/event-stream"}, {"Last-Event-ID", t->id}},
        .n_fields = 2,
        .max_response = 64 << 10,
        .total_us = FOR_EVER_US,
        .on_data = on_data,
        .done = on_done,
    };
    buf_reset(&t->line);
    loop_timer_arm(&t->silence, SILENCE_US);
    http_call_start(t->client, &t->call);
}

static void on_done(struct http_call *call)
{
    struct tail *t = LOOP_OWNER(call, struct tail, call);
    bool refused = call->rc == RC_OK && call->status / 100 != 2;

    loop_timer_cancel(&t->silence);
    if (t->is_stopping) {
        loop_stop(t->loop);
        return;
    }
    if (refused)
        fprintf(stderr, "datos tail: %s answered %d: %.*s\n", t->url,
                call->status, STR_ARG(buf_as_str(&call->response)));
    else if (call->rc && !t->has_begun)
        fprintf(stderr,
                "datos tail: %s: is the API running there? --api URL names "
                "another\n",
                call->err.text);
    else if (call->rc)
        fprintf(stderr, "datos tail: %s; trying again\n", call->err.text);
    http_call_fini(call);
    if ((refused && call->status != 503) || !t->has_begun) {
        t->code = ARGS_EXIT_FAILED;
        loop_stop(t->loop);
        return;
    }
    loop_timer_arm(&t->reconnect, RECONNECT_US);
}

static void on_silence(struct loop_timer *timer)
{
    http_call_cancel(&LOOP_OWNER(timer, struct tail, silence)->call);
}

static void on_reconnect(struct loop_timer *timer)
{
    connect_stream(LOOP_OWNER(timer, struct tail, reconnect));
}

static void on_interrupt(int signo, void *arg)
{
    struct tail *t = arg;

    (void)signo;
    t->is_stopping = true;
    if (http_call_is_active(&t->call))
        http_call_cancel(&t->call);
    else
        loop_stop(t->loop);
}

static int run(const char *api)
{
    struct tail t = {.id = "0"}; /* unknown: begins with the newest ten */
    size_t len = strlen(api);

    while (len && api[len - 1] == '/')
        len--;
    signal(SIGPIPE, SIG_IGN);
    t.url = mem_printf("%.*s/datos/stream", (int)len, api);
    t.loop = loop_new();
    t.client = http_client_new(t.loop, 1);
    buf_init(&t.line, LINE_MAX_BYTES);
    loop_timer_init(&t.silence, t.loop, on_silence);
    loop_timer_init(&t.reconnect, t.loop, on_reconnect);
    loop_on_terminate(t.loop, on_interrupt, &t);
    connect_stream(&t);
    loop_run(t.loop);
    http_client_free(t.client);
    loop_timer_fini(&t.reconnect);
    loop_timer_fini(&t.silence);
    buf_fini(&t.line);
    loop_free(t.loop);
    mem_free(t.url);
    return t.code;
}

/* --- the command ---------------------------------------------------------- */

static struct args_flag flag_of(const char **api)
{
    return (struct args_flag){
        "--api",
        ARGS_TEXT,
        api,
        0,
        0,
        "URL",
        "of the API; default: DATOS_API_URL, else http://127.0.0.1:8080"};
}

int cli_tail(int argc, char **argv)
{
    const char *api = getenv("DATOS_API_URL");
    struct args_flag flag = flag_of(&api);
    struct err err;
    int code;

    if (!api || !*api)
        api = "http://127.0.0.1:8080";
    if (args_take(&flag, 1, &argc, argv, &err))
        return args_refuse("tail", &err);
    code = args_finish("tail", &flag, 1, false, argc, argv);
    return code ? code : run(api);
}

void cli_tail_help(FILE *out)
{
    const char *api;
    struct args_flag flag = flag_of(&api);

    args_print_help(&flag, 1, out);
}
