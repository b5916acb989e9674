/*
 * close() and dup2() in a signal handler, wherever the signal strikes: also inside kevent() and
 * close() of the same thread. They are async-signal-safe, so they must be so here.
 */
#include "case.h"

#include <pthread.h>

enum { VICTIMS = 8, FIRST = 500 };

static int kq;
static int source;
static int struck; /* read by the thread that sends the signals: by atomic operations only */
static volatile sig_atomic_t is_wrong;

static int how_often(void)
{
    return __atomic_load_n(&struck, __ATOMIC_RELAXED);
}

/* Closes one watched number, and opens another one on the same file. */
static void strike(int number)
{
    int before = errno;
    int now = how_often();
    int victim = FIRST + now % VICTIMS;

    (void)number;
    if (close(victim) != 0 || dup2(source, victim) != victim)
        is_wrong = 1;
    if (now % 3 == 0 && dup2(source, FIRST + (now + 1) % VICTIMS) < 0)
        is_wrong = 1;
    __atomic_store_n(&struck, how_often() + 1, __ATOMIC_RELAXED);
    errno = before;
}

struct storm {
    pthread_t victim;
    long strikes;
    int is_over;
};

static void *send_signals(void *argument)
{
    struct storm *storm = argument;

    for (long sent = 0; sent < storm->strikes; sent++) {
        CHECK(pthread_kill(storm->victim, SIGUSR1) == 0);
        while (how_often() <= sent)
            sched_yield();
    }
    __atomic_store_n(&storm->is_over, 1, __ATOMIC_RELEASE);
    return NULL;
}

TEST(close_in_a_signal_handler)
{
    int pair[2];

    kq = new_queue();
    socket_pair(pair);
    source = pair[0];
    for (int i = 0; i < VICTIMS; i++) {
        SAME(dup2(source, FIRST + i), FIRST + i);
        add(kq, (uintptr_t)(FIRST + i), EVFILT_READ, 0, NULL);
    }
    send_bytes(pair[1], 1);
    signal(SIGUSR1, strike);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(!is_wrong);
    SAME(poll0(kq, (struct kevent[8]){0}, 8), VICTIMS - 2);
    CHECK(!is_registered(kq, FIRST, EVFILT_READ));
    CHECK(!is_registered(kq, FIRST + 1, EVFILT_READ));
    CHECK(is_registered(kq, FIRST + 2, EVFILT_READ));
}

/*
 * The main thread registers, waits, closes and duplicates the numbers that the handler closes. A
 * lock or a list caught half-way ends in a deadlock or a crash; a knote caught half-way in an
 * event that no registration stands for.
 */
TEST(a_storm_of_signals_that_close)
{
    struct storm storm = {pthread_self(), rounds("KQUEUE_STRIKES", 20000), 0};
    const struct timespec soon = {0, 1000};
    int pair[2], quiet[2];
    pthread_t sender;
    long turn = 0;

    kq = new_queue();
    socket_pair(pair);
    socket_pair(quiet);
    source = pair[0]; /* has nothing to say */
    for (int i = 0; i < VICTIMS; i++)
        SAME(dup2(source, FIRST + i), FIRST + i);
    signal(SIGUSR1, strike);
    CHECK(pthread_create(&sender, NULL, send_signals, &storm) == 0);
    for (; !__atomic_load_n(&storm.is_over, __ATOMIC_ACQUIRE); turn++) {
        struct kevent changes[VICTIMS], event;
        int count, own;

        for (int i = 0; i < VICTIMS; i++)
            EV_SET(&changes[i], FIRST + i, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, NULL);
        /* A number may be closed at the moment: then the change fails, and says so. */
        kevent(kq, changes, VICTIMS, changes, VICTIMS, &no_time);
        count = kevent(kq, NULL, 0, &event, 1, &soon);
        CHECK(count == 0 || errno == EINTR);
        CHECK((own = dup(quiet[0])) >= 0);
        CHECK(own < FIRST);
        add(kq, (uintptr_t)own, EVFILT_READ, 0, NULL);
        if (turn % 2)
            CHECK(close(own) == 0);
        else if (turn % 4)
            CHECK(dup2(quiet[1], own) == own && close(own) == 0);
        else
            CHECK(change(kq, (uintptr_t)own, EVFILT_READ, EV_DELETE, 0, 0, NULL) == 0 &&
                  close(own) == 0);
        CHECK(!is_wrong);
    }
    CHECK(pthread_join(sender, NULL) == 0);

    /* Afterwards the queue does what it always did. */
    for (int i = 0; i < VICTIMS; i++)
        add(kq, (uintptr_t)(FIRST + i), EVFILT_READ, 0, NULL);
    EXPECT_NONE(kq);
    send_bytes(pair[1], 1);
    SAME(poll0(kq, (struct kevent[VICTIMS]){0}, VICTIMS), VICTIMS);
    for (int i = 0; i < VICTIMS; i++)
        CHECK(close(FIRST + i) == 0);
    EXPECT_NONE(kq);
    CHECK(!is_readable(kq));
}

/* The handler closes the very queue that the thread waits in, or is changing. */
static void close_the_queue(int number)
{
    int before = errno;

    (void)number;
    if (kq >= 0 && close(kq) != 0)
        is_wrong = 1;
    kq = -1;
    __atomic_store_n(&struck, how_often() + 1, __ATOMIC_RELAXED);
    errno = before;
}

TEST(a_handler_closes_the_queue_it_interrupts)
{
    struct storm storm = {pthread_self(), rounds("KQUEUE_STRIKES", 20000) / 10, 0};
    pthread_t sender;

    kq = -1;
    signal(SIGUSR1, close_the_queue);
    CHECK(pthread_create(&sender, NULL, send_signals, &storm) == 0);
    while (!__atomic_load_n(&storm.is_over, __ATOMIC_ACQUIRE)) {
        int own = kqueue(), result;
        struct kevent event;
        const struct timespec soon = {0, 1000000};

        CHECK(own >= 0);
        kq = own;
        for (int i = 0; kq >= 0 && i < 50; i++) {
            result = change(own, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0, NULL);
            CHECK(result == 0 || (errno == EBADF && kq < 0));
            result = kevent(own, NULL, 0, &event, 1, &soon);
            CHECK(result >= 0 || errno == EINTR || (errno == EBADF && kq < 0));
        }
        {
            int left = kq;

            kq = -1;
            if (left >= 0)
                close(left);
        }
        CHECK(!is_wrong);
    }
    CHECK(pthread_join(sender, NULL) == 0);
    kq = new_queue();
    add(kq, 1, EVFILT_USER, 0, NULL);
    trigger(kq, 1);
    SAME(wait_one(kq).ident, 1);
}
