/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the supervisor that need no children: ports and their owners, the
 * count of deaths, the line that a part tells its address with, the state
 * folder and its lock. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "dev/part.h"
#include "dev/port.h"
#include "dev/spawn.h"
#include "dev/state.h"

static int listen_somewhere(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

START_TEST(taken_port_is_told_with_its_owner)
{
    struct err err;
    char me[32];
    int port, fd = listen_somewhere(&port);

    ck_assert_int_eq(dev_port_check(port, "--x-port", &err), RC_EXISTS);
    snprintf(me, sizeof(me), "pid %d", (int)getpid());
    ck_assert_msg(strstr(err.text, me) != NULL, "%s", err.text);
    ck_assert_ptr_nonnull(strstr(err.text, "--x-port"));
    close(fd);
    ck_assert_int_eq(dev_port_check(port, "--x-port", &err), 0);
    ck_assert_int_eq(dev_port_check(0, "--x-port", &err), 0);
}
END_TEST

START_TEST(fifth_death_in_ten_seconds_is_one_too_many)
{
    struct part part = {.pid = 0};

    for (int i = 0; i < 4; i++)
        ck_assert(!part_died(&part, i * 2 * US_PER_S));
    ck_assert(part_died(&part, 8 * US_PER_S));
}
END_TEST

START_TEST(deaths_far_apart_are_forgiven)
{
    struct part part = {.pid = 0};

    for (int i = 0; i < 50; i++)
        ck_assert(!part_died(&part, i * 3 * US_PER_S));
}
END_TEST

static const struct {
    const char *line;
    enum part_id id;
    bool ok;
    int64_t port;
} lines[] = {
    {"{\"api\":\"http://127.0.0.1:8080\"}\n", PART_API, true, 8080},
    {"{\"pubsub\":\"127.0.0.1:8085\"}\n", PART_EMULATOR, true, 8085},
    {"{\"x\":\"y:1\",\"ingest\":\"http://[::1]:77\"}\n", PART_INGEST, true, 77},
    {"{\"api\":\"http://127.0.0.1:8080\"}", PART_API, false, 0},
    {"{\"api\":\"http://127.0.0.1:\"}\n", PART_API, false, 0},
    {"{\"ingest\":\"http://127.0.0.1:1\"}\n", PART_API, false, 0},
    {"", PART_API, false, 0},
};

START_TEST(ready_line_tells_the_port)
{
    struct parts parts = {.own_dir = NULL};
    struct part *part = &parts.part[lines[_i].id];
    const int64_t *port = lines[_i].id == PART_API      ? &parts.api_port
                          : lines[_i].id == PART_INGEST ? &parts.ingest_port
                                                        : &parts.pubsub_port;
    int fds[2];
    bool ok = false;

    ck_assert_int_eq(pipe(fds), 0);
    part->ready_fd = fds[0];
    ck_assert_int_ge(write(fds[1], lines[_i].line, strlen(lines[_i].line)), 0);
    close(fds[1]);
    while (part->ready_fd >= 0)
        ok = part_read_line(&parts, lines[_i].id);
    ck_assert_int_eq(ok, lines[_i].ok);
    ck_assert_int_eq(*port, lines[_i].port);
}
END_TEST

START_TEST(state_folder_is_locked_and_made_with_its_parents)
{
    char base[] = "/tmp/datos-unit-XXXXXX";
    struct dev_state one, two;
    char path[64];
    struct err err;

    ck_assert_ptr_nonnull(mkdtemp(base));
    snprintf(path, sizeof(path), "%s/a/b", base);
    ck_assert_int_eq(dev_state_open(path, &one, &err), 0);
    ck_assert_str_eq(one.dir, path);
    ck_assert_str_eq(one.socket_dir, path);
    ck_assert_int_eq(dev_state_open(path, &two, &err), RC_EXISTS);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    dev_state_close(&one);
    ck_assert_int_eq(dev_state_open(path, &two, &err), 0);
    dev_state_close(&two);
    snprintf(path, sizeof(path), "rm -rf %s", base);
    ck_assert_int_eq(system(path), 0);
}
END_TEST

START_TEST(temporary_folder_goes_at_the_end)
{
    struct dev_state state;
    struct stat st;
    char path[100];
    struct err err;

    ck_assert_int_eq(dev_state_open(NULL, &state, &err), 0);
    snprintf(path, sizeof(path), "%s", state.dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    dev_state_close(&state);
    ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

START_TEST(probe_of_a_silent_server_ends_soon)
{
    struct spawn_probe probe = {.request = "PING\r\n", .reply = "+PONG"};
    int64_t start = clock_mono_us();
    int port, fd = listen_somewhere(&port);

    probe.port = (uint16_t)port;
    ck_assert(!spawn_answers(&probe));
    ck_assert_int_lt(clock_mono_us() - start, 20 * US_PER_S);
    close(fd);
    ck_assert(!spawn_answers(&probe));
}
END_TEST

Suite *suite_dev(void);
Suite *suite_dev(void)
{
    Suite *suite = suite_create("dev");
    TCase *t = tcase_create("dev");

    tcase_add_test(t, taken_port_is_told_with_its_owner);
    tcase_add_test(t, fifth_death_in_ten_seconds_is_one_too_many);
    tcase_add_test(t, deaths_far_apart_are_forgiven);
    tcase_add_loop_test(t, ready_line_tells_the_port, 0,
                        (int)(sizeof(lines) / sizeof(lines[0])));
    tcase_add_test(t, state_folder_is_locked_and_made_with_its_parents);
    tcase_add_test(t, temporary_folder_goes_at_the_end);
    tcase_add_test(t, probe_of_a_silent_server_ends_soon);
    suite_add_tcase(suite, t);
    return suite;
}
