/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    LIMIT_S = 2,
    STATUS_AT = 9, /* behind "HTTP/1.1 " */
    STATUS_END = 12
};

/* The wildcard is an address to listen on, none to call. */
static bool parse(const char *host, uint16_t port, struct sockaddr_storage *at,
                  socklen_t *len)
{
    struct sockaddr_in *v4 = (void *)at;
    struct sockaddr_in6 *v6 = (void *)at;

    memset(at, 0, sizeof(*at));
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        if (v4->sin_addr.s_addr == htonl(INADDR_ANY))
            v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    if (IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
        v6->sin6_addr = in6addr_loopback;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *len = sizeof(*v6);
    return true;
}

/* Fills `line` up to the status; 0 or an errno. */
static int exchange(int fd, const struct sockaddr_storage *at, socklen_t len,
                    const char *request, char *line, size_t size)
{
    struct timeval limit = {.tv_sec = LIMIT_S};
    size_t have = 0;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)at, len) != 0)
        return errno == EINPROGRESS ? ETIMEDOUT : errno;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        return errno;
    while (have < STATUS_END && have + 1 < size) {
        ssize_t n = recv(fd, line + have, size - 1 - have, 0);

        if (n <= 0)
            return n == 0 ? ECONNRESET : errno == EAGAIN ? ETIMEDOUT : errno;
        have += (size_t)n;
    }
    line[have] = '\0';
    return 0;
}

int ask_status(const char *host, uint16_t port, const char *path,
               struct err *err)
{
    struct sockaddr_storage at;
    socklen_t len;
    char request[256], line[256];
    int fd, why;

    if (!parse(host, port, &at, &len))
        return err_set(err, RC_INVALID, "'%s' is no IP address", host);
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, RC_IO, "no socket: %s", strerror(errno));
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
             path);
    why = exchange(fd, &at, len, request, line, sizeof(line));
    close(fd);
    if (why)
        return err_set(err, RC_IO, "port %u: %s", port, strerror(why));
    if (strncmp(line, "HTTP/1.", 7) != 0 ||
        strncmp(line + STATUS_AT, "200", 3) != 0)
        return err_set(err, RC_IO, "port %u: %s answers '%.*s'", port, path,
                       (int)strcspn(line, "\r\n"), line);
    return RC_OK;
}
