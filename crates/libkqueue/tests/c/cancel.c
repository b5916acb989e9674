/*
 * pthread_cancel() and kevent(): a cancellation point while it may sleep, and one that leaves the
 * queue as it was, for its own cleanup handlers and for other threads.
 */
#include "case.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/syscall.h>

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

/* Said first where a thread is cancelled while it waits. */
static void cancels_a_waiting_thread(void)
{
#ifdef __SANITIZE_THREAD__
    SKIP("the thread sanitizer loses count in a thread that is cancelled in a system call");
#endif
}

struct sleeper {
    int kq;
    int is_cleaned_up;
    pid_t thread;
};

/* Whether the thread sleeps, by the letter that /proc shows. */
static int is_asleep(struct sleeper *sleeper)
{
    pid_t thread = __atomic_load_n(&sleeper->thread, __ATOMIC_ACQUIRE);
    char path[64], text[256] = {0}, *state;
    FILE *file;

    if (thread == 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    if (!(file = fopen(path, "r")))
        return 0;
    CHECK(fread(text, 1, sizeof text - 1, file) > 0);
    CHECK(fclose(file) == 0);
    state = strrchr(text, ')');
    return state && state[2] == 'S';
}

static void clean_up(void *argument)
{
    struct sleeper *sleeper = argument;
    struct kevent events[4];

    /* The queue works here, as it would have before. */
    add(sleeper->kq, 77, EVFILT_USER, EV_ONESHOT, NULL);
    trigger(sleeper->kq, 77);
    SAME(kevent(sleeper->kq, NULL, 0, events, 4, &no_time), 1);
    SAME(events[0].ident, 77);
    sleeper->is_cleaned_up++;
}

static void *sleep_in_the_queue(void *argument)
{
    struct sleeper *sleeper = argument;
    struct kevent event;

    pthread_cleanup_push(clean_up, sleeper);
    __atomic_store_n(&sleeper->thread, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    kevent(sleeper->kq, NULL, 0, &event, 1, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

static void is_cancelled(pthread_t thread)
{
    void *result;

    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
}

CASE(q_c_08_a_blocked_thread_is_cancelled,
     "pthread_cancel while blocked | thread cancelled, kq usable (C library: "
     "`docs/design.md`, section 3)")
{
    int kq, before = 0;

    cancels_a_waiting_thread();
    kq = new_queue();

    for (int round = 0; round < 100; round++) {
        struct sleeper sleeper = {kq, 0, 0};
        pthread_t thread;

        CHECK(pthread_create(&thread, NULL, sleep_in_the_queue, &sleeper) == 0);
        if (round % 2) /* asleep, or wherever it is */
            EVENTUALLY(is_asleep(&sleeper));
        else
            EVENTUALLY(__atomic_load_n(&sleeper.thread, __ATOMIC_ACQUIRE) != 0);
        CHECK(pthread_cancel(thread) == 0);
        is_cancelled(thread);
        SAME(sleeper.is_cleaned_up, 1);
        add(kq, 1, EVFILT_USER, EV_CLEAR, NULL);
        trigger(kq, 1);
        SAME(wait_one(kq).ident, 1);
        if (round == 10)
            before = open_descriptors();
    }
    SAME(open_descriptors(), before);
    CHECK(close(kq) == 0);
    FAILS(kevent(kq, NULL, 0, NULL, 0, NULL), EBADF);
}

/* Waits without limit: 0 for an event, or the errno. */
static void *wait_for_the_end(void *argument)
{
    struct sleeper *sleeper = argument;
    struct kevent event;
    int count;

    __atomic_store_n(&sleeper->thread, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    count = kevent(sleeper->kq, NULL, 0, &event, 1, NULL);
    return (void *)(intptr_t)(count < 0 ? errno : 0);
}

TEST(other_waiters_sleep_on_and_are_woken)
{
    struct sleeper cancelled = {new_queue(), 0, 0}, left = {cancelled.kq, 0, 0};
    pthread_t first, second;
    void *result;

    cancels_a_waiting_thread();
    CHECK(pthread_create(&first, NULL, wait_for_the_end, &cancelled) == 0);
    CHECK(pthread_create(&second, NULL, wait_for_the_end, &left) == 0);
    EVENTUALLY(is_asleep(&cancelled) && is_asleep(&left));
    CHECK(pthread_cancel(first) == 0);
    is_cancelled(first);
    add(left.kq, 1, EVFILT_USER, EV_CLEAR, NULL);
    trigger(left.kq, 1);
    CHECK(pthread_join(second, &result) == 0);
    SAME((intptr_t)result, 0);
}

TEST(a_close_after_a_cancel_wakes_the_others)
{
    struct sleeper cancelled = {new_queue(), 0, 0}, left = {cancelled.kq, 0, 0};
    pthread_t first, second;
    void *result;

    cancels_a_waiting_thread();
    CHECK(pthread_create(&first, NULL, wait_for_the_end, &cancelled) == 0);
    CHECK(pthread_create(&second, NULL, wait_for_the_end, &left) == 0);
    EVENTUALLY(is_asleep(&cancelled) && is_asleep(&left));
    CHECK(pthread_cancel(first) == 0);
    is_cancelled(first);
    CHECK(close(left.kq) == 0);
    CHECK(pthread_join(second, &result) == 0);
    SAME((intptr_t)result, EBADF);
    FAILS(kevent(left.kq, NULL, 0, NULL, 0, NULL), EBADF);
}

static void *wait_uncancellably(void *argument)
{
    struct sleeper *sleeper = argument;
    struct kevent event;
    int old, count;

    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0);
    __atomic_store_n(&sleeper->thread, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    count = kevent(sleeper->kq, NULL, 0, &event, 1, NULL);
    SAME(count, 1);
    return sleeper;
}

TEST(a_thread_that_is_not_cancellable_sleeps_on)
{
    struct sleeper sleeper = {new_queue(), 0, 0};
    pthread_t thread;
    void *result;

    add(sleeper.kq, 1, EVFILT_USER, EV_CLEAR, NULL);
    CHECK(pthread_create(&thread, NULL, wait_uncancellably, &sleeper) == 0);
    EVENTUALLY(is_asleep(&sleeper));
    CHECK(pthread_cancel(thread) == 0);
    trigger(sleeper.kq, 1);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == &sleeper);
}

/* Without room for events it is no cancellation point: the changes are applied. */
static void *change_while_cancelled(void *argument)
{
    struct sleeper *sleeper = argument;

    CHECK(pthread_cancel(pthread_self()) == 0);
    add(sleeper->kq, 1, EVFILT_USER, 0, NULL);
    trigger(sleeper->kq, 1);
    sleeper->is_cleaned_up = 1;
    pthread_testcancel();
    return NULL;
}

TEST(a_call_without_room_is_no_cancellation_point)
{
    struct sleeper sleeper = {new_queue(), 0, 0};
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, change_while_cancelled, &sleeper) == 0);
    is_cancelled(thread);
    SAME(sleeper.is_cleaned_up, 1);
    SAME(wait_one(sleeper.kq).ident, 1);
}

/* A cancel that was asked for before the call acts in the call, before it sleeps or instead. */
static void *wait_while_cancelled(void *argument)
{
    struct sleeper *sleeper = argument;
    struct kevent event;

    CHECK(pthread_cancel(pthread_self()) == 0);
    kevent(sleeper->kq, NULL, 0, &event, 1, NULL);
    sleeper->is_cleaned_up = 1;
    return NULL;
}

TEST(a_pending_cancel_acts_in_the_call)
{
    struct sleeper sleeper = {new_queue(), 0, 0};
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, wait_while_cancelled, &sleeper) == 0);
    is_cancelled(thread);
    SAME(sleeper.is_cleaned_up, 0);
    add(sleeper.kq, 1, EVFILT_USER, 0, NULL);
    trigger(sleeper.kq, 1);
    SAME(wait_one(sleeper.kq).ident, 1);
}

/* Threads cancelled wherever they are, while others add, trigger and take: nothing is stuck. */
static void *work(void *argument)
{
    struct sleeper *sleeper = argument;

    for (;;) {
        struct kevent event;
        const struct timespec soon = {0, 100000};

        change(sleeper->kq, 5, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0, NULL);
        kevent(sleeper->kq, NULL, 0, &event, 1, &soon);
    }
    return NULL;
}

TEST(cancels_at_any_moment_leave_no_lock_behind)
{
    struct sleeper sleeper = {new_queue(), 0, 0};

    cancels_a_waiting_thread();
    for (int round = 0; round < 200; round++) {
        pthread_t threads[4];

        for (int i = 0; i < 4; i++)
            CHECK(pthread_create(&threads[i], NULL, work, &sleeper) == 0);
        usleep((useconds_t)(round * 10));
        for (int i = 0; i < 4; i++)
            CHECK(pthread_cancel(threads[i]) == 0);
        for (int i = 0; i < 4; i++)
            is_cancelled(threads[i]);
    }
    add(sleeper.kq, 1, EVFILT_USER, EV_CLEAR, NULL);
    CHECK(change(sleeper.kq, 5, EVFILT_USER, EV_DELETE, 0, 0, NULL) == 0);
    trigger(sleeper.kq, 1);
    SAME(wait_one(sleeper.kq).ident, 1);
}
