/* What the programs about interposition share: one case per run, named by the first argument. */
#ifndef INTERPOSE_H
#define INTERPOSE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);      \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

struct named_case {
    const char *name;
    void (*run)(void);
};

static inline int one_change(int kq, int ident, int filter, int flags, int fflags, long data)
{
    struct kevent change;

    EV_SET(&change, (uintptr_t)ident, (short)filter, (unsigned short)flags, (unsigned)fflags, data,
           NULL);
    return kevent(kq, &change, 1, NULL, 0, NULL);
}

static inline void watch(int kq, int fd)
{
    CHECK(one_change(kq, fd, EVFILT_READ, EV_ADD, 0, 0) == 0);
}

/* How many events there are at once. */
static inline int ready(int kq, struct kevent *event)
{
    struct timespec at_once = {0, 0};

    return kevent(kq, NULL, 0, event, 1, &at_once);
}

/* An event, awaited for at most ten seconds. */
static inline int await(int kq, struct kevent *event)
{
    struct timespec patience = {10, 0};

    return kevent(kq, NULL, 0, event, 1, &patience);
}

static inline void readable_pipe(int ends[2])
{
    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], "x", 1) == 1);
}

/* Whether the number has a knote: deleting it says so. */
static inline int has_knote(int kq, int fd)
{
    return one_change(kq, fd, EVFILT_READ, EV_DELETE, 0, 0) == 0;
}

static inline int exit_status(pid_t child)
{
    int status;

    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int run_named(int argc, char **argv, const struct named_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (argc > 1 && strcmp(argv[1], cases[i].name) == 0) {
            cases[i].run();
            return 0;
        }
    fprintf(stderr, "no such case\n");
    return 2;
}

#endif
