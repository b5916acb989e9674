/*
 * KQUEUE_INTERPOSE=0: close-like and signal functions go straight to the system, and the queue
 * finds out by itself, as in a program that loaded the library late.
 */
#include "case.h"

/* Starts the case again with the variable set, which is read once. */
static void without_interposition(const char *name)
{
    const char *value = getenv("KQUEUE_INTERPOSE");

    if (value && strcmp(value, "0") == 0)
        return;
    CHECK(setenv("KQUEUE_INTERPOSE", "0", 1) == 0);
    execl("/proc/self/exe", "uninterposed", name, (char *)NULL);
    FAIL("cannot be executed again");
}

static volatile sig_atomic_t handled;

static void count(int number)
{
    (void)number;
    handled++;
}

TEST(the_signal_functions_are_the_systems)
{
    struct sigaction now;
    int kq;

    without_interposition(__func__);
    kq = new_queue();
    signal(SIGUSR1, count);
    add(kq, SIGUSR1, EVFILT_SIGNAL, 0, NULL);
    CHECK(raise(SIGUSR1) == 0);
    SAME(wait_one(kq).ident, SIGUSR1);
    SAME(handled, 1);
    /* The library's handler is seen, and may be replaced. */
    CHECK(sigaction(SIGUSR1, NULL, &now) == 0);
    CHECK(now.sa_handler != count);
    signal(SIGUSR1, count);
    CHECK(raise(SIGUSR1) == 0);
    SAME(handled, 2);
    EXPECT_NONE(kq);
}

TEST(the_queue_finds_out_about_closed_numbers)
{
    int pair[2], other[2], kq, copy;

    without_interposition(__func__);
    kq = new_queue();
    socket_pair(pair);
    socket_pair(other);
    CHECK((copy = dup(pair[0])) >= 0);
    add(kq, (uintptr_t)pair[0], EVFILT_READ, 0, NULL);
    CHECK(close(pair[0]) == 0);
    send_bytes(pair[1], 5);
    settles_without_an_event(kq);
    SAME(dup2(other[0], pair[0]), pair[0]);
    send_bytes(other[1], 7);
    add(kq, (uintptr_t)pair[0], EVFILT_READ, 0, NULL);
    SAME(wait_one(kq).data, 7);
    (void)copy;
}

/* Of a queue that is closed unseen the system tells, as soon as it is asked for events. */
TEST(a_closed_queue_is_ebadf_all_the_same)
{
    struct kevent event;
    int pair[2], kq;

    without_interposition(__func__);
    kq = new_queue();
    add(kq, 1, EVFILT_USER, 0, NULL);
    CHECK(close(kq) == 0);
    FAILS(kevent(kq, NULL, 0, &event, 1, &no_time), EBADF);
    socket_pair(pair);
    SAME(pair[0], kq);
    FAILS(kevent(kq, NULL, 0, &event, 1, &no_time), EINVAL);
    CHECK(close(kq) == 0);
    SAME(new_queue(), kq);
    EXPECT_NONE(kq);
    CHECK(!is_registered(kq, 1, EVFILT_USER));
}

TEST(a_number_that_was_a_queues_is_any_other_file)
{
    int pair[2], old, kq;

    without_interposition(__func__);
    old = new_queue();
    kq = new_queue();
    CHECK(close(old) == 0);
    socket_pair(pair);
    SAME(pair[0], old);
    add(kq, (uintptr_t)old, EVFILT_WRITE, 0, NULL);
    SAME(wait_one(kq).filter, EVFILT_WRITE);
    CHECK(change(kq, (uintptr_t)old, EVFILT_WRITE, EV_DELETE, 0, 0, NULL) == 0);
    send_bytes(pair[1], 5);
    add(kq, (uintptr_t)old, EVFILT_READ, 0, NULL);
    SAME(wait_one(kq).data, 5);
}
