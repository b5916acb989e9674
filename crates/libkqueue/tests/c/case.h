/*
 * What the programs here share: cases by name, and expectations that say what they found.
 *
 * A program is one file with CASEs. Run without an argument it lists them; run with a name it does
 * that one and exits with 0, or says what was not so and exits with 1. A case of the reference
 * (docs/semantics.md, section F) has the row's id in its name and quotes the row; a test compares
 * the two. Every wait ends after DEADLINE seconds.
 */
#ifndef CASE_H
#define CASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE 10
/* The exit code of a case that cannot run here. */
#define SKIPPED 77

#define LENGTH(array) ((int)(sizeof(array) / sizeof(*(array))))

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

static struct test_case *all_cases;

/* CASE(identifier, "row of the reference") { ... } */
#define CASE(identifier, row)                                         \
    static void identifier(void);                                     \
    __attribute__((constructor)) static void add_##identifier(void)   \
    {                                                                 \
        static struct test_case self;                                 \
        (void)row;                                                    \
        self.name = #identifier;                                      \
        self.run = identifier;                                        \
        self.next = all_cases;                                        \
        all_cases = &self;                                            \
    }                                                                 \
    static void identifier(void)

/* TEST(identifier) { ... }: a case that is no row of the reference. */
#define TEST(identifier) CASE(identifier, "")

int main(int argc, char **argv)
{
    struct test_case *each;

    for (each = all_cases; each; each = each->next) {
        if (argc < 2) {
            puts(each->name);
        } else if (strcmp(argv[1], each->name) == 0) {
            each->run();
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}

#define FAIL(...)                                           \
    do {                                                    \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);     \
        fprintf(stderr, __VA_ARGS__);                       \
        fputc('\n', stderr);                                \
        _exit(1);                                           \
    } while (0)

#define SKIP(reason)                                  \
    do {                                              \
        fprintf(stderr, "SKIPPED: %s\n", reason);     \
        _exit(SKIPPED);                               \
    } while (0)

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition))                                                           \
            FAIL("not so: %s (errno %d, %s)", #condition, errno, strerror(errno));  \
    } while (0)

/* Two whole numbers are equal. */
#define SAME(found, wanted)                                                  \
    do {                                                                     \
        long long found_ = (long long)(found), wanted_ = (long long)(wanted); \
        if (found_ != wanted_)                                               \
            FAIL("%s is %lld, not %s = %lld", #found, found_, #wanted, wanted_); \
    } while (0)

/* A call that must fail with this errno. */
#define FAILS(call, wanted)                                                          \
    do {                                                                             \
        long long result_;                                                           \
        errno = 0;                                                                   \
        result_ = (long long)(call);                                                 \
        if (result_ != -1 || errno != (wanted))                                      \
            FAIL("%s gives %lld with errno %d (%s), not -1 with %s", #call, result_, \
                 errno, strerror(errno), #wanted);                                   \
    } while (0)

static const struct timespec no_time = {0, 0};
static const struct timespec deadline = {DEADLINE, 0};

static inline int new_queue(void)
{
    int kq = kqueue();

    CHECK(kq >= 0);
    return kq;
}

/* One change with no room for an answer: kevent()'s result and errno. */
static inline int change(int kq, uintptr_t ident, int filter, int flags, unsigned int fflags,
                         long long data, void *udata)
{
    struct kevent kev;

    EV_SET(&kev, ident, (short)filter, (unsigned short)flags, fflags, data, udata);
    return kevent(kq, &kev, 1, NULL, 0, NULL);
}

/* EV_ADD that must succeed. */
static inline void add(int kq, uintptr_t ident, int filter, int flags, void *udata)
{
    CHECK(change(kq, ident, filter, EV_ADD | flags, 0, 0, udata) == 0);
}

static inline void trigger(int kq, uintptr_t ident)
{
    CHECK(change(kq, ident, EVFILT_USER, EV_KEEPUDATA, NOTE_TRIGGER, 0, NULL) == 0);
}

/* Whether the knote exists: asks by a change that changes nothing. */
static inline int is_registered(int kq, uintptr_t ident, int filter)
{
    if (change(kq, ident, filter, EV_KEEPUDATA, 0, 0, NULL) == 0)
        return 1;
    CHECK(errno == ENOENT || errno == EBADF);
    return 0;
}

/* What is there now. */
static inline int poll0(int kq, struct kevent *events, int room)
{
    int count = kevent(kq, NULL, 0, events, room, &no_time);

    CHECK(count >= 0);
    return count;
}

#define EXPECT_NONE(kq)                                                                    \
    do {                                                                                   \
        struct kevent events_[8];                                                          \
        if (poll0(kq, events_, 8) != 0)                                                    \
            FAIL("an event: ident %ju, filter %d, flags %#x, data %jd",                    \
                 (uintmax_t)events_[0].ident, events_[0].filter, (unsigned)events_[0].flags, \
                 (intmax_t)events_[0].data);                                               \
    } while (0)

/* Waits for exactly one event. */
static inline struct kevent wait_one(int kq)
{
    struct kevent events[8];
    int count = kevent(kq, NULL, 0, events, 8, &deadline);

    SAME(count, 1);
    return events[0];
}

static inline int is_readable(int fd)
{
    struct pollfd one = {fd, POLLIN, 0};

    return poll(&one, 1, 0) == 1;
}

/*
 * Looks until the queue's descriptor is quiet; no look may show an event. A queue that cannot know
 * of a close needs a look or two to find out.
 */
static inline void settles_without_an_event(int kq)
{
    struct timespec now, start;

    clock_gettime(CLOCK_MONOTONIC, &start);
    EXPECT_NONE(kq);
    while (is_readable(kq)) {
        EXPECT_NONE(kq);
        clock_gettime(CLOCK_MONOTONIC, &now);
        CHECK(now.tv_sec - start.tv_sec < DEADLINE);
    }
}

static inline void send_bytes(int fd, int count)
{
    char bytes[64] = {0};

    CHECK(count <= LENGTH(bytes));
    SAME(write(fd, bytes, (size_t)count), count);
}

/* A connected pair of stream sockets. */
static inline void socket_pair(int pair[2])
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
}

/* Reaps the child: its exit code, or minus the signal that ended it. */
static inline int ended(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) != child)
        CHECK(errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* How many times, by the environment or by default. */
static inline long rounds(const char *variable, long by_default)
{
    const char *text = getenv(variable);

    return text ? strtol(text, NULL, 10) : by_default;
}

/* Waits until `condition` holds. */
#define EVENTUALLY(condition)                                            \
    do {                                                                 \
        struct timespec start_, now_;                                    \
        clock_gettime(CLOCK_MONOTONIC, &start_);                         \
        while (!(condition)) {                                           \
            clock_gettime(CLOCK_MONOTONIC, &now_);                       \
            if (now_.tv_sec - start_.tv_sec >= DEADLINE)                 \
                FAIL("not within %d s: %s", DEADLINE, #condition);       \
            usleep(100);                                                 \
        }                                                                \
    } while (0)

#endif
