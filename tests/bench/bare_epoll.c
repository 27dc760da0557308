/* SPDX-License-Identifier: Apache-2.0 */
/* The physical limit: an epoll loop that answers each blank line with constant
 * bytes and looks at nothing. `bare_epoll PORT BODY_FILE` */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    READ_BYTES = 16384,
    ANSWER_MAX = 1 << 16
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static size_t make_answer(const char *path, char *answer)
{
    static char body[ANSWER_MAX / 2];
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(body, 1, sizeof(body), f) : 0;
    int head = snprintf(answer, ANSWER_MAX / 2,
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                        "content-length: %zu\r\n\r\n",
                        len);

    if (!f)
        fail(path);
    fclose(f);
    memcpy(answer + head, body, len);
    return (size_t)head + len;
}

static int listen_on(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1024))
        fail("listen");
    return fd;
}

static void take(int ep, int listener)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
    }
}

static void serve(int fd, const char *answer, size_t len)
{
    char buf[READ_BYTES];
    ssize_t n = read(fd, buf, sizeof(buf));

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            close(fd);
        return;
    }
    if (n >= 4 && memcmp(buf + n - 4, "\r\n\r\n", 4) == 0 &&
        write(fd, answer, len) < 0)
        close(fd);
}

int main(int argc, char **argv)
{
    static char answer[ANSWER_MAX];
    struct epoll_event events[EVENTS];
    int listener, ep = epoll_create1(0);
    size_t len;

    if (argc != 3)
        return 2;
    len = make_answer(argv[2], answer);
    listener = listen_on((int)strtol(argv[1], NULL, 10));
    events[0] = (struct epoll_event){.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &events[0]);
    for (;;) {
        int n = epoll_wait(ep, events, EVENTS, -1);

        for (int i = 0; i < n; i++)
            if (events[i].data.fd == listener)
                take(ep, listener);
            else
                serve(events[i].data.fd, answer, len);
    }
}
