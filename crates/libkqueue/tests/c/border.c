/*
 * The C library as a file and as an interface: its symbols and name, the numbers of its default
 * binary interface, what interrupts a call.
 */
#include "case.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <sys/time.h>

/* The file that the symbol comes from, as its own dynamic section names it. */
static const char *soname_of(void *symbol)
{
    const ElfW(Dyn) *entry;
    const char *strings = NULL;
    struct link_map *map;
    Dl_info info;
    size_t name = SIZE_MAX;

    CHECK(dladdr1(symbol, &info, (void **)&map, RTLD_DL_LINKMAP) != 0);
    for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_STRTAB)
            strings = (const char *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_SONAME)
            name = (size_t)entry->d_un.d_val;
    }
    CHECK(strings != NULL);
    return name == SIZE_MAX ? "no name" : strings + name;
}

CASE(q_c_03_the_library_has_its_name_and_symbols,
     "symbols kqueue, kevent exported, SONAME libkqueue.so.0 | yes")
{
    const char *const names[] = {"kqueue",         "kqueue1",
                                 "kqueuex",        "kevent",
                                 "kevent_freebsd", "libkqueue_drain_pending_close"};

    for (int i = 0; i < LENGTH(names); i++) {
        void *symbol = dlsym(RTLD_DEFAULT, names[i]);

        if (!symbol)
            FAIL("no symbol %s", names[i]);
        if (strcmp(soname_of(symbol), "libkqueue.so.0") != 0)
            FAIL("%s comes from %s", names[i], soname_of(symbol));
    }
}

static void interrupt(int number)
{
    (void)number;
}

CASE(q_c_07_an_interrupted_call_is_eintr,
     "kevent from a signal-interrupted call with errno | EINTR")
{
    const struct itimerval often = {{0, 5000}, {0, 5000}};
    struct sigaction action = {0};
    struct kevent kev;
    int kq = new_queue();

    action.sa_handler = interrupt;
    action.sa_flags = SA_RESTART; /* which is of no account */
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    FAILS(kevent(kq, NULL, 0, &kev, 1, NULL), EINTR);
    FAILS(kevent(kq, NULL, 0, &kev, 1, &deadline), EINTR);
    EV_SET(&kev, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
    FAILS(kevent(kq, &kev, 1, &kev, 1, &deadline), EINTR);
    CHECK(is_registered(kq, 1, EVFILT_USER));
}

#ifndef KEVENT_FREEBSD
/* A timer with raw numbers fires before one of `other` milliseconds, and not before its time. */
static void fires_between(unsigned int unit, long period, long nanoseconds, long other)
{
    struct timespec start, end;
    struct kevent event;
    int kq = new_queue();

    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK(change(kq, 1, -7, EV_ADD | EV_ONESHOT, unit, period, NULL) == 0);
    CHECK(change(kq, 2, -7, EV_ADD | EV_ONESHOT, 0, other, NULL) == 0);
    SAME(kevent(kq, NULL, 0, &event, 1, &deadline), 1);
    clock_gettime(CLOCK_MONOTONIC, &end);
    SAME(event.ident, 1);
    CHECK((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec >= nanoseconds);
}

CASE(q_c_04_two_is_microseconds, "NOTE_USECONDS (0x2) timer of 2000 | 2 ms")
{
    fires_between(0x2, 2000, 2000000, 1500);
    fires_between(0x4, 2000000, 2000000, 1500);
    fires_between(0x0, 20, 20000000, 5000);
    fires_between(0x1, 1, 1000000000, 5000);
}

TEST(two_units_are_einval)
{
    const unsigned int pairs[] = {0x1 | 0x2, 0x1 | 0x4, 0x2 | 0x4, 0x1 | 0x2 | 0x4};
    int kq = new_queue();

    for (int i = 0; i < LENGTH(pairs); i++) {
        FAILS(change(kq, 1, EVFILT_TIMER, EV_ADD, pairs[i], 1, NULL), EINVAL);
        FAILS(change(kq, 1, EVFILT_TIMER, EV_ADD, pairs[i] | NOTE_ABSOLUTE, 1, NULL), EINVAL);
    }
}

CASE(q_c_05_eight_is_an_absolute_time, "NOTE_ABSOLUTE (0x8) past | fires")
{
    struct kevent event;
    int kq = new_queue();

    CHECK(change(kq, 1, EVFILT_TIMER, EV_ADD, 0x8, 1000, NULL) == 0);
    event = wait_one(kq);
    SAME(event.ident, 1);
    SAME(event.data, 1);
    CHECK(change(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL) == 0);
    /* 0x10 says the same, and so does 0x8 with a unit: 2100, and 1971. */
    CHECK(change(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0x8 | 0x1, 4102444800, NULL) == 0);
    CHECK(change(kq, 3, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0x10 | 0x1, 31536000, NULL) == 0);
    SAME(wait_one(kq).ident, 3);
}

CASE(q_c_06_the_library_answers_questions,
     "EVFILT_LIBKQUEUE NOTE_VERSION / VERSION_STR | answered in the same call")
{
    struct kevent kev, answer;
    unsigned major, minor, patch;
    int kq = new_queue();

    EV_SET(&kev, 0, EVFILT_LIBKQUEUE, EV_ADD, NOTE_VERSION_STR, 0, NULL);
    SAME(kevent(kq, &kev, 1, &answer, 1, &no_time), 1);
    CHECK(!(answer.flags & EV_ERROR));
    CHECK(answer.udata != NULL);
    SAME(sscanf(answer.udata, "%u.%u.%u", &major, &minor, &patch), 3);

    EV_SET(&kev, 0, EVFILT_LIBKQUEUE, EV_ADD, NOTE_VERSION, 0, NULL);
    SAME(kevent(kq, &kev, 1, &answer, 1, NULL), 1);
    CHECK(!(answer.flags & EV_ERROR));
    SAME(answer.filter, EVFILT_LIBKQUEUE);
    SAME(answer.data & 0xff, 0); /* MMmmpprr */
    SAME((unsigned long)answer.data >> 8, major << 16 | minor << 8 | patch);
    EXPECT_NONE(kq);
}

/* Programs written for the other library compare flags: it returns EV_ADD, and adds EV_ERROR. */
TEST(flags_are_those_of_the_other_library)
{
    struct kevent kev, answer;
    int ends[2], kq = new_queue();

    CHECK(pipe(ends) == 0);
    send_bytes(ends[1], 1);
    EV_SET(&kev, ends[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0, NULL);
    SAME(kevent(kq, &kev, 1, &answer, 1, &no_time), 1);
    SAME(answer.flags, EV_ADD | EV_ONESHOT);
    EV_SET(&kev, ends[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
    SAME(kevent(kq, &kev, 1, &answer, 1, &no_time), 1);
    SAME(answer.flags, EV_DELETE | EV_ERROR);
    SAME(answer.data, ENOENT);
    EV_SET(&kev, ends[0], EVFILT_READ, EV_ADD | EV_RECEIPT, 0, 0, NULL);
    SAME(kevent(kq, &kev, 1, &answer, 1, &no_time), 1);
    SAME(answer.flags, EV_ADD | EV_RECEIPT | EV_ERROR);
    SAME(answer.data, 0);
}

/* The names that the other library's header gives to numbers it does not share with FreeBSD. */
TEST(numbers_are_those_of_the_other_library)
{
    struct kevent event;
    char name[] = "/tmp/border-XXXXXX";
    int kq = new_queue(), fd = mkstemp(name);

    CHECK(fd >= 0);
    CHECK(unlink(name) == 0);
    send_bytes(fd, 10);
    CHECK(change(kq, (uintptr_t)fd, -4, EV_ADD | EV_CLEAR, 0x80, 0, NULL) == 0);
    CHECK(ftruncate(fd, 5) == 0);
    event = wait_one(kq);
    CHECK(event.fflags & 0x80); /* NOTE_TRUNCATE */
    FAILS(change(kq, 0x7fffff, -8, EV_ADD, 1, 0, NULL), ENXIO); /* EVFILT_NETDEV */
}
#else
TEST(flags_are_freebsds)
{
    struct kevent kev, answer;
    int ends[2], kq = new_queue();

    CHECK(pipe(ends) == 0);
    send_bytes(ends[1], 1);
    EV_SET(&kev, ends[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0, NULL);
    kev.ext[2] = 1;
    kev.ext[3] = UINT64_MAX;
    SAME(kevent(kq, &kev, 1, &answer, 1, &no_time), 1);
    SAME(answer.flags, EV_ONESHOT);
    SAME(answer.ext[2], 1);
    CHECK(answer.ext[3] == UINT64_MAX);
    EV_SET(&kev, ends[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
    SAME(kevent(kq, &kev, 1, &answer, 1, &no_time), 1);
    SAME(answer.flags, EV_ERROR);
    SAME(answer.data, ENOENT);
}
#endif
