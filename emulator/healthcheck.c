/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/healthcheck.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char request[] = "GET /_emulator/health HTTP/1.1\r\n"
                              "Host: 127.0.0.1\r\n"
                              "Connection: close\r\n\r\n";

/* The status line is enough. */
static int ask(uint16_t port, char *line, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 2};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t n = -1;
    int why;

    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)(const void *)&at, sizeof(at)) ==
            0 &&
        send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0)
        n = recv(fd, line, size - 1, 0);
    why = errno;
    close(fd);
    if (n <= 0)
        return n == 0 ? ECONNRESET : why;
    line[n] = '\0';
    return 0;
}

int healthcheck_run(uint16_t console_port)
{
    char line[256];
    int why = ask(console_port, line, sizeof(line));

    if (why) {
        fprintf(stderr, "datos-emulator: not ready: port %u: %s\n",
                console_port, strerror(why));
        return 1;
    }
    if (strncmp(line, "HTTP/1.1 200 ", 13) != 0) {
        fprintf(stderr, "datos-emulator: not ready: port %u: %.*s\n",
                console_port, (int)strcspn(line, "\r\n"), line);
        return 1;
    }
    return 0;
}
