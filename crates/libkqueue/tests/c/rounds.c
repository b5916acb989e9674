/*
 * Queues come and go, and leave neither descriptors nor memory behind. KQUEUE_ROUNDS says how
 * often: 1,000,000 for the full size.
 */
#include "case.h"

#include <dirent.h>

static int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    CHECK(directory != NULL);
    while (readdir(directory))
        count++;
    CHECK(closedir(directory) == 0);
    return count;
}

/* A figure of /proc/self/status in kibibytes. */
static long status(const char *name)
{
    char line[256];
    long figure = -1;
    FILE *file = fopen("/proc/self/status", "r");

    CHECK(file != NULL);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            figure = strtol(line + strlen(name) + 1, NULL, 10);
    CHECK(fclose(file) == 0);
    CHECK(figure >= 0);
    return figure;
}

static void stays_flat(void (*once)(long round))
{
    long all = rounds("KQUEUE_ROUNDS", 50000), warm_up = all / 10;
    long memory = 0, address_space = 0;
    int descriptors = 0;

    for (long round = 0; round < all; round++) {
        if (round == warm_up) {
            libkqueue_drain_pending_close();
            memory = status("VmRSS");
            address_space = status("VmSize");
            descriptors = open_descriptors();
        }
        once(round);
    }
    libkqueue_drain_pending_close();
    fprintf(stderr, "note: %ld rounds, VmRSS %+ld KiB, VmSize %+ld KiB\n", all - warm_up,
            status("VmRSS") - memory, status("VmSize") - address_space);
    SAME(open_descriptors(), descriptors);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which remember the dead */
    /* Eight bytes lost in each round would be more than this. */
    CHECK(status("VmRSS") - memory < 256 + (all - warm_up) / 128);
#endif
}

static void an_empty_queue(long round)
{
    int kq = new_queue();

    (void)round;
    CHECK(close(kq) == 0);
}

TEST(empty_queues_leave_nothing)
{
    stays_flat(an_empty_queue);
}

static int ends[2];

static void a_queue_with_all_in_it(long round)
{
    struct kevent changes[4], events[4];
    int kq = new_queue(), copy = round % 3 == 0 ? dup(kq) : -1;

    EV_SET(&changes[0], ends[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
    EV_SET(&changes[1], 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
    EV_SET(&changes[2], 1, EVFILT_TIMER, EV_ADD, 0, 1000000, NULL);
    EV_SET(&changes[3], SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL);
    CHECK(kevent(kq, changes, 4, NULL, 0, NULL) == 0);
    trigger(kq, 1);
    SAME(kevent(kq, NULL, 0, events, 4, &no_time), 2);
    CHECK(close(kq) == 0);
    if (copy >= 0) {
        SAME(kevent(copy, NULL, 0, events, 4, &no_time), 2);
        CHECK(close(copy) == 0);
    }
}

TEST(queues_closed_with_all_in_them_leave_nothing)
{
    CHECK(pipe(ends) == 0);
    send_bytes(ends[1], 1);
    signal(SIGUSR1, SIG_IGN);
    stays_flat(a_queue_with_all_in_it);
}

/* Descriptors come and go under one queue, which is never asked for events. */
static int lasting;

static void a_descriptor(long round)
{
    int pair[2];

    socket_pair(pair);
    add(lasting, (uintptr_t)pair[0], EVFILT_READ, round % 2 ? EV_CLEAR : 0, NULL);
    add(lasting, (uintptr_t)pair[1], EVFILT_WRITE, EV_ONESHOT, NULL);
    CHECK(close(pair[0]) == 0);
    CHECK(close(pair[1]) == 0);
}

TEST(descriptors_closed_while_watched_leave_nothing)
{
    lasting = new_queue();
    stays_flat(a_descriptor);
}

/* The other way: a queue replaced by dup2, again and again. */
static void a_queue_replaced(long round)
{
    int kq = new_queue();

    (void)round;
    add(kq, 1, EVFILT_USER, 0, NULL);
    SAME(dup2(kq, lasting), lasting);
    CHECK(close(kq) == 0);
    CHECK(is_registered(lasting, 1, EVFILT_USER));
}

TEST(queues_replaced_by_dup2_leave_nothing)
{
    lasting = new_queue();
    stays_flat(a_queue_replaced);
}
