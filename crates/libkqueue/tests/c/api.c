/*
 * What kevent() says to arguments that only C can pass: raw numbers, null pointers, negative
 * counts, invalid times, one array for both lists.
 */
#include "case.h"

#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

CASE(q_a_06_a_queue_number_of_minus_one_is_ebadf, "kevent(-1, …) | -1 EBADF")
{
    struct kevent kev;

    EV_SET(&kev, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
    FAILS(kevent(-1, &kev, 1, NULL, 0, NULL), EBADF);
    FAILS(kevent(-1, NULL, 0, &kev, 1, &no_time), EBADF);
    FAILS(kevent(-1, NULL, 0, NULL, 0, NULL), EBADF);
    FAILS(kevent(INT_MIN, &kev, 1, &kev, 1, &no_time), EBADF);
    FAILS(kevent(INT_MAX, &kev, 1, &kev, 1, &no_time), EBADF);
}

CASE(q_a_07_a_closed_queue_is_ebadf, "kevent on a closed kq number | -1 EBADF")
{
    struct kevent kev;
    int kq = new_queue();

    add(kq, 1, EVFILT_USER, 0, NULL);
    trigger(kq, 1);
    CHECK(close(kq) == 0);
    EV_SET(&kev, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
    FAILS(kevent(kq, &kev, 1, NULL, 0, NULL), EBADF);
    FAILS(kevent(kq, NULL, 0, &kev, 1, &no_time), EBADF);
    FAILS(close(kq), EBADF);
}

CASE(q_a_08_a_descriptor_that_is_no_queue_is_einval,
     "kevent on a pipe fd | -1 EINVAL (EBADF accepted)")
{
    struct kevent kev;
    int others[5], ends[2];

    CHECK(pipe(ends) == 0);
    others[0] = ends[0];
    others[1] = epoll_create1(EPOLL_CLOEXEC); /* A queue is one of these, but this is no queue. */
    others[2] = eventfd(0, EFD_CLOEXEC);
    others[3] = socket(AF_INET, SOCK_STREAM, 0);
    others[4] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < LENGTH(others); i++) {
        CHECK(others[i] >= 0);
        EV_SET(&kev, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
        FAILS(kevent(others[i], &kev, 1, NULL, 0, NULL), EINVAL);
        FAILS(kevent(others[i], NULL, 0, &kev, 1, &no_time), EINVAL);
    }
}

CASE(q_a_09_a_negative_count_of_changes_is_einval, "nchanges = -1 | -1 EINVAL, nothing applied")
{
    struct kevent kev;
    int kq = new_queue();

    EV_SET(&kev, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
    FAILS(kevent(kq, &kev, -1, NULL, 0, NULL), EINVAL);
    FAILS(kevent(kq, &kev, INT_MIN, &kev, 1, &no_time), EINVAL);
    FAILS(kevent(kq, NULL, -1, NULL, 0, NULL), EINVAL);
    CHECK(!is_registered(kq, 1, EVFILT_USER));
}

CASE(q_a_10_a_negative_room_is_einval_after_the_changes,
     "valid change, nevents = -1 | -1 EINVAL; change applied")
{
    struct kevent kev;
    int kq = new_queue();

    EV_SET(&kev, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
    FAILS(kevent(kq, &kev, 1, &kev, -1, &no_time), EINVAL);
    CHECK(is_registered(kq, 1, EVFILT_USER));
    EV_SET(&kev, 2, EVFILT_USER, EV_ADD, 0, 0, NULL);
    FAILS(kevent(kq, &kev, 1, NULL, INT_MIN, NULL), EINVAL);
    CHECK(is_registered(kq, 2, EVFILT_USER));
}

CASE(q_a_12_without_room_the_timeout_is_not_looked_at,
     "nevents 0, timeout {-1,0} | 0 (not validated)")
{
    struct timespec negative = {-1, 0};
    struct timespec wild = {0, -1};
    int kq = new_queue();

    SAME(kevent(kq, NULL, 0, NULL, 0, &negative), 0);
    SAME(kevent(kq, NULL, 0, NULL, 0, &wild), 0);
}

CASE(q_a_13_a_negative_timeout_is_einval, "nevents 1, timeout tv_sec -1 | EINVAL")
{
    struct timespec negative = {-1, 0};
    struct kevent event;
    int kq = new_queue();

    FAILS(kevent(kq, NULL, 0, &event, 1, &negative), EINVAL);
    negative.tv_sec = LONG_MIN;
    FAILS(kevent(kq, NULL, 0, &event, 1, &negative), EINVAL);
}

CASE(q_a_14_nanoseconds_beyond_a_second_are_einval,
     "timeout tv_nsec 1e9; tv_nsec -1 | EINVAL each")
{
    struct kevent event;
    struct timespec wild = {0, 1000000000};
    int kq = new_queue();

    add(kq, 1, EVFILT_USER, 0, NULL);
    trigger(kq, 1);
    FAILS(kevent(kq, NULL, 0, &event, 1, &wild), EINVAL);
    wild.tv_nsec = -1;
    FAILS(kevent(kq, NULL, 0, &event, 1, &wild), EINVAL);
    wild.tv_nsec = LONG_MAX;
    FAILS(kevent(kq, NULL, 0, &event, 1, &wild), EINVAL);
    SAME(wait_one(kq).ident, 1);
}

CASE(q_a_15_a_bad_timeout_comes_after_the_changes,
     "add READ in the call with a bad timeout, nevents 1 | EINVAL and the knote exists afterwards")
{
    struct kevent kev;
    struct timespec wild = {0, 1000000000};
    int ends[2], kq = new_queue();

    CHECK(pipe(ends) == 0);
    send_bytes(ends[1], 5);
    EV_SET(&kev, ends[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
    FAILS(kevent(kq, &kev, 1, &kev, 1, &wild), EINVAL);
    CHECK(is_registered(kq, (uintptr_t)ends[0], EVFILT_READ));
    SAME(wait_one(kq).data, 5);
}

CASE(q_a_41_one_array_for_a_change_and_its_event,
     "same array as change and event list, 1 change 1 event | works, event returned")
{
    struct kevent kev;
    int ends[2], kq = new_queue();

    CHECK(pipe(ends) == 0);
    send_bytes(ends[1], 5);
    EV_SET(&kev, ends[0], EVFILT_READ, EV_ADD, 0, 0, &kev);
    SAME(kevent(kq, &kev, 1, &kev, 1, &deadline), 1);
    SAME(kev.ident, ends[0]);
    SAME(kev.filter, EVFILT_READ);
    SAME(kev.data, 5);
    CHECK(kev.udata == &kev);
    CHECK(!(kev.flags & EV_ERROR));
}

CASE(q_a_42_one_array_for_changes_and_receipts,
     "same array, 10 EV_RECEIPT changes | 10 receipts, all registered")
{
    struct kevent both[10];
    int kq = new_queue();

    for (int i = 0; i < 10; i++)
        EV_SET(&both[i], 100 + i, EVFILT_USER, EV_ADD | EV_RECEIPT, 0, 0, &both[i]);
    SAME(kevent(kq, both, 10, both, 10, NULL), 10);
    for (int i = 0; i < 10; i++) {
        SAME(both[i].ident, 100 + i);
        CHECK(both[i].flags & EV_ERROR);
        SAME(both[i].data, 0);
        CHECK(both[i].udata == &both[i]);
        CHECK(is_registered(kq, (uintptr_t)(100 + i), EVFILT_USER));
    }
}

CASE(q_a_51_a_null_changelist_is_efault,
     "NULL changelist with nchanges 1 (C ABI) | EFAULT (other bad pointers fault in a user-space "
     "library: not tested)")
{
    struct kevent event;
    int kq = new_queue();

    FAILS(kevent(kq, NULL, 1, NULL, 0, NULL), EFAULT);
    FAILS(kevent(kq, NULL, 1, &event, 1, &no_time), EFAULT);
    FAILS(kevent(kq, NULL, INT_MAX, &event, 1, &no_time), EFAULT);
}

TEST(a_null_eventlist_with_room_is_efault)
{
    struct kevent kev;
    int kq = new_queue();

    add(kq, 1, EVFILT_USER, 0, NULL);
    trigger(kq, 1);
    FAILS(kevent(kq, NULL, 0, NULL, 1, &no_time), EFAULT);
    SAME(wait_one(kq).ident, 1);
    /* Without room it is nothing that could be wrong. */
    EV_SET(&kev, 2, EVFILT_USER, EV_ADD, 0, 0, NULL);
    SAME(kevent(kq, &kev, 1, NULL, 0, NULL), 0);
}

TEST(a_call_that_asks_for_nothing_does_nothing)
{
    struct kevent kev;
    int kq = new_queue();

    SAME(kevent(kq, NULL, 0, NULL, 0, NULL), 0);
    SAME(kevent(kq, &kev, 0, &kev, 0, NULL), 0);
}

TEST(more_room_than_there_is_memory_is_room_enough)
{
    struct kevent events[2];
    int kq = new_queue();

    memset(events, 0x5a, sizeof events);
    add(kq, 1, EVFILT_USER, 0, NULL);
    trigger(kq, 1);
    SAME(kevent(kq, NULL, 0, events, INT_MAX, &no_time), 1);
    SAME(events[0].ident, 1);
    SAME(*(unsigned char *)&events[1], 0x5a);
}

TEST(wild_idents_have_the_errno_of_the_reference)
{
    const uintptr_t no_descriptors[] = {1000000, (uintptr_t)INT_MAX + 1, UINTPTR_MAX, 1UL << 40};
    const int descriptor_filters[] = {EVFILT_READ, EVFILT_WRITE, EVFILT_VNODE, EVFILT_EMPTY,
                                      EVFILT_EXCEPT, EVFILT_PROCDESC};
    const int flags[] = {EV_ADD, EV_DELETE, EV_ENABLE, EV_DISABLE, 0};
    int kq = new_queue();

    for (int i = 0; i < LENGTH(no_descriptors); i++)
        for (int f = 0; f < LENGTH(descriptor_filters); f++)
            for (int g = 0; g < LENGTH(flags); g++)
                FAILS(change(kq, no_descriptors[i], descriptor_filters[f], flags[g], NOTE_WRITE,
                             0, NULL),
                      EBADF);
    FAILS(change(kq, 1UL << 40, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL), ESRCH);
    FAILS(change(kq, UINTPTR_MAX, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL), ESRCH);
    FAILS(change(kq, UINTPTR_MAX, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL), EINVAL);
    FAILS(change(kq, 65, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL), EINVAL);
    FAILS(change(kq, UINTPTR_MAX, EVFILT_NETDEV, EV_ADD, NOTE_LINKUP, 0, NULL), ENXIO);
    /* Their idents are the program's own, so none is wild. */
    add(kq, UINTPTR_MAX, EVFILT_USER, 0, NULL);
    CHECK(change(kq, UINTPTR_MAX, EVFILT_TIMER, EV_ADD, 0, 1000000, NULL) == 0);
    FAILS(change(kq, (uintptr_t)kq, EVFILT_READ, EV_ADD, 0, 0, NULL), EINVAL);
}

TEST(unknown_filters_are_einval)
{
    const int unknown[] = {1, 2, 12, 15, 99, SHRT_MAX, -16, -17, -99, -200, SHRT_MIN};
    int kq = new_queue();

    for (int i = 0; i < LENGTH(unknown); i++) {
        FAILS(change(kq, 0, unknown[i], EV_ADD, 0, 0, NULL), EINVAL);
        FAILS(change(kq, 0, unknown[i], EV_DELETE, 0, 0, NULL), EINVAL);
    }
}

TEST(reserved_filters_are_refused)
{
    int kq = new_queue();

    FAILS(change(kq, 0, EVFILT_AIO, EV_ADD, 0, 0, NULL), ENXIO);
    FAILS(change(kq, 0, EVFILT_LIO, EV_ADD, 0, 0, NULL), ENXIO);
    FAILS(change(kq, 0, EVFILT_SENDFILE, EV_ADD, 0, 0, NULL), ENXIO);
    FAILS(change(kq, 0, EVFILT_JAIL, EV_ADD, 0, 0, NULL), EINVAL);
    FAILS(change(kq, 0, EVFILT_JAILDESC, EV_ADD, 0, 0, NULL), EINVAL);
}

/*
 * Any change at all has an answer that the reference knows, and the queue works afterwards. The
 * numbers are pseudo-random, the same ones in each run.
 */
TEST(no_change_is_too_wild)
{
    const int answers[] = {EBADF,  EINVAL, ENOENT, ENXIO,   ESRCH, EACCES,
                           ENOMEM, EPERM,  EPIPE,  ENOTSUP, EMFILE};
    const uintptr_t idents[] = {0, 1, 2, 3, 4, 5, 9, 15, 17, 1000, INT_MAX, UINTPTR_MAX};
    long long const data[] = {0, 1, -1, 1000, INT_MAX, LLONG_MAX, LLONG_MIN};
    uint64_t dice = 0x9e3779b97f4a7c15u;
    int ends[2], kq;

    CHECK(pipe(ends) == 0);
    kq = new_queue();
    for (long round = 50000; round > 0; round--) {
        struct kevent kev, answer;
        int count, is_known = 0;

        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        EV_SET(&kev, idents[dice % 12], (short)(-(int)(dice >> 8 & 31)),
               (unsigned short)(dice >> 16), 1u << (dice >> 32 & 31) | 1u << (dice >> 37 & 31),
               data[(dice >> 42) % 7], NULL);
        if (dice >> 62 == 0)
            kev.fflags = 0;
#ifdef EVFILT_LIBKQUEUE
        if (kev.filter == EVFILT_LIBKQUEUE)
            continue; /* answers questions instead */
#endif
        kev.flags |= EV_RECEIPT;
        count = kevent(kq, &kev, 1, &answer, 1, &no_time);
        if (kev.filter == 0)
            continue; /* skipped; what is returned are events */
        SAME(count, 1);
        for (int i = 0; i < LENGTH(answers); i++)
            is_known |= answer.data == answers[i];
        if (!(answer.flags & EV_ERROR) || (answer.data != 0 && !is_known))
            FAIL("flags %#x, data %lld for ident %ju, filter %d, flags %#x, fflags %#x",
                 (unsigned)answer.flags, (long long)answer.data, (uintmax_t)kev.ident, kev.filter,
                 (unsigned)kev.flags, kev.fflags);
    }
    close(kq);
    kq = new_queue();
    add(kq, 1, EVFILT_USER, 0, NULL);
    trigger(kq, 1);
    SAME(wait_one(kq).ident, 1);
}

TEST(flags_of_kqueue1_and_kqueuex)
{
    int kq;

    FAILS(kqueue1(O_APPEND), EINVAL);
    FAILS(kqueue1(-1), EINVAL);
    FAILS(kqueuex(0x80), EINVAL);
    FAILS(kqueuex(KQUEUE_CPONFORK), EINVAL);
    CHECK((kq = kqueue1(O_CLOEXEC)) >= 0);
    CHECK(fcntl(kq, F_GETFD) & FD_CLOEXEC);
    CHECK((kq = kqueuex(KQUEUE_CLOEXEC)) >= 0);
    CHECK(fcntl(kq, F_GETFD) & FD_CLOEXEC);
    CHECK((kq = kqueue1(0)) >= 0);
    CHECK((kq = kqueuex(0)) >= 0);
}

/* kevent() sets errno when it fails, and leaves it alone otherwise. */
TEST(errno_stays_where_nothing_failed)
{
    struct kevent event;
    int kq = new_queue();

    errno = EDOM;
    add(kq, 1, EVFILT_USER, EV_CLEAR, NULL);
    trigger(kq, 1);
    SAME(kevent(kq, NULL, 0, &event, 1, NULL), 1);
    SAME(poll0(kq, &event, 1), 0);
    SAME(errno, EDOM);
}
