/*
 * Threads that close: a queue others wait in, and descriptors others register and wait for.
 */
#include "case.h"

#include <pthread.h>

static void *wait_without_limit(void *argument)
{
    struct kevent event;
    int count = kevent(*(int *)argument, NULL, 0, &event, 1, NULL);

    return (void *)(intptr_t)(count < 0 ? errno : -count);
}

TEST(closing_a_queue_wakes_its_waiters)
{
    for (long round = rounds("KQUEUE_WAKE_ROUNDS", 200); round > 0; round--) {
        pthread_t waiters[8];
        int kq = new_queue();

        for (int i = 0; i < LENGTH(waiters); i++)
            CHECK(pthread_create(&waiters[i], NULL, wait_without_limit, &kq) == 0);
        /* Some sleep already, others are on their way. */
        if (round % 4 == 0)
            usleep((useconds_t)(round % 40) * 100);
        CHECK(close(kq) == 0);
        for (int i = 0; i < LENGTH(waiters); i++) {
            void *result;

            CHECK(pthread_join(waiters[i], &result) == 0);
            SAME((intptr_t)result, EBADF);
        }
        FAILS(kevent(kq, NULL, 0, NULL, 0, NULL), EBADF);
    }
}

TEST(dup2_over_a_queue_wakes_its_waiters)
{
    for (int round = 0; round < 50; round++) {
        pthread_t waiters[4];
        int kq = new_queue(), number = kq;

        for (int i = 0; i < LENGTH(waiters); i++)
            CHECK(pthread_create(&waiters[i], NULL, wait_without_limit, &kq) == 0);
        if (round % 2)
            usleep(2000);
        SAME(dup2(2, number), number);
        for (int i = 0; i < LENGTH(waiters); i++) {
            void *result;

            CHECK(pthread_join(waiters[i], &result) == 0);
            /* One that came late found the new file. */
            CHECK((intptr_t)result == EBADF || (intptr_t)result == EINVAL);
        }
        CHECK(close(number) == 0);
    }
}

/*
 * Descriptors are closed, duplicated and reused by four threads, registered by two, waited for by
 * two. The proof that no event of an old file comes under a new registration:
 *
 * - There are FILES files. File `i` holds `i` bytes for ever, and file 0 none: it is silent. All
 *   files stay open under other numbers, so that what is left of a closed number can speak.
 * - Each of NUMBERS numbers belongs to one of the closing threads, which counts a version: odd
 *   while it closes or replaces the number, even while `file` says what is there.
 * - Each registration has a record of its own as udata. It holds the number's version and file
 *   from before EV_ADD, and the version from after it: if they are the same and even, then the
 *   registration is for that file.
 * - Whoever gets an event marks in the record which `data` it came with.
 *
 * In the end, a record that is sure of its file must have no mark but that of its file's length:
 * the silent one none at all. And what is registered then speaks as it should.
 */
enum { FILES = 8, NUMBERS = 32, BASE = 600, RECORDS = 1 << 20, CLOSERS = 4 };

struct number {
    unsigned version;
    int file;
};

struct record {
    uintptr_t ident;
    unsigned before, after;
    int file;
    unsigned marks; /* bit n: an event with data n; bit 31: with something else, or EV_EOF */
};

static struct {
    int kq;
    int files[FILES];
    struct number numbers[NUMBERS];
    struct record *records;
    unsigned next_record;
    int closers_left;
    long turns;
    unsigned long events;
} arena;

static unsigned next_random(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Owns the numbers whose remainder is `which`. */
static void *close_and_reuse(void *argument)
{
    int which = (int)(intptr_t)argument;
    unsigned dice = 2463534242u + (unsigned)which;

    for (long turn = 0; turn < arena.turns; turn++) {
        int index = (int)(next_random(&dice) % (NUMBERS / CLOSERS)) * CLOSERS + which;
        int file = (int)(next_random(&dice) % FILES), fd = BASE + index;
        struct number *number = &arena.numbers[index];
        unsigned version = number->version;

        __atomic_store_n(&number->version, version + 1, __ATOMIC_SEQ_CST);
        switch (next_random(&dice) % 4) {
        case 0:
            SAME(dup2(arena.files[file], fd), fd);
            break;
        case 1:
            SAME(dup3(arena.files[file], fd, O_CLOEXEC), fd);
            break;
        case 2:
            CHECK(close(fd) == 0);
            SAME(dup2(arena.files[file], fd), fd);
            break;
        default:
            CHECK(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
            SAME(fcntl(arena.files[file], F_DUPFD_CLOEXEC, fd), fd);
        }
        __atomic_store_n(&number->file, file, __ATOMIC_SEQ_CST);
        __atomic_store_n(&number->version, version + 2, __ATOMIC_SEQ_CST);
        if (turn % 16 == 0)
            sched_yield();
    }
    __atomic_fetch_sub(&arena.closers_left, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static int register_number(int index, int flags)
{
    struct number *number = &arena.numbers[index];
    unsigned slot = __atomic_fetch_add(&arena.next_record, 1, __ATOMIC_SEQ_CST);
    struct record *record = &arena.records[slot];
    int result;

    if (slot >= RECORDS)
        return 0;
    record->ident = (uintptr_t)(BASE + index);
    record->before = __atomic_load_n(&number->version, __ATOMIC_SEQ_CST);
    record->file = __atomic_load_n(&number->file, __ATOMIC_SEQ_CST);
    result = change(arena.kq, record->ident, EVFILT_READ, EV_ADD | flags, 0, 0, record);
    /* Closed at the moment: a registration of nothing. */
    CHECK(result == 0 || errno == EBADF || errno == ENOENT);
    record->after = __atomic_load_n(&number->version, __ATOMIC_SEQ_CST);
    if (result != 0)
        record->after = record->before + 1;
    return 1;
}

static void *register_all(void *argument)
{
    unsigned dice = 88172645u + (unsigned)(intptr_t)argument;

    while (__atomic_load_n(&arena.closers_left, __ATOMIC_SEQ_CST) > 0) {
        int index = (int)(next_random(&dice) % NUMBERS);

        if (!register_number(index, next_random(&dice) % 2 ? EV_CLEAR : 0))
            break;
        if (next_random(&dice) % 8 == 0)
            change(arena.kq, (uintptr_t)(BASE + index), EVFILT_READ, EV_DELETE, 0, 0, NULL);
    }
    return NULL;
}

static void mark(const struct kevent *event)
{
    struct record *record = event->udata;
    int is_ordinary = !(event->flags & EV_EOF) && event->data >= 0 && event->data < FILES;

    CHECK(event->filter == EVFILT_READ && event->ident == record->ident);
    __atomic_fetch_or(&record->marks, 1u << (is_ordinary ? event->data : 31), __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&arena.events, 1, __ATOMIC_RELAXED);
}

static void *wait_for_all(void *argument)
{
    const struct timespec soon = {0, 1000000};
    struct kevent events[16];

    (void)argument;
    while (__atomic_load_n(&arena.closers_left, __ATOMIC_SEQ_CST) > 0) {
        int count = kevent(arena.kq, NULL, 0, events, LENGTH(events), &soon);

        CHECK(count >= 0);
        for (int i = 0; i < count; i++)
            mark(&events[i]);
    }
    return NULL;
}

/* How many records are sure of their file; fails if one has heard of another file. */
static long judge(void)
{
    unsigned used = arena.next_record < RECORDS ? arena.next_record : RECORDS;
    long sure = 0;

    for (unsigned i = 0; i < used; i++) {
        struct record *record = &arena.records[i];
        unsigned expected = record->file == 0 ? 0 : 1u << record->file;

        if (record->before != record->after || record->before % 2)
            continue;
        sure++;
        if (record->marks & ~expected)
            FAIL("record %u: number %ju is file %d, and had events %#x", i,
                 (uintmax_t)record->ident, record->file, record->marks);
    }
    return sure;
}

TEST(no_event_of_an_old_file_under_a_new_registration)
{
    void *(*const parts[])(void *) = {close_and_reuse, close_and_reuse, close_and_reuse,
                                      close_and_reuse, register_all,    register_all,
                                      wait_for_all,    wait_for_all};
    pthread_t threads[LENGTH(parts)];
    struct kevent events[NUMBERS];
    long sure;
    int pair[2], loud = 0, count;

    arena.kq = new_queue();
    arena.turns = rounds("KQUEUE_STORM_TURNS", 20000);
    arena.closers_left = CLOSERS;
    CHECK((arena.records = calloc(RECORDS, sizeof *arena.records)) != NULL);
    for (int i = 0; i < FILES; i++) {
        socket_pair(pair);
        arena.files[i] = pair[0];
        if (i > 0)
            send_bytes(pair[1], i);
    }
    for (int i = 0; i < NUMBERS; i++)
        SAME(dup2(arena.files[0], BASE + i), BASE + i);
    for (int i = 0; i < LENGTH(parts); i++)
        CHECK(pthread_create(&threads[i], NULL, parts[i], (void *)(intptr_t)i) == 0);
    for (int i = 0; i < LENGTH(parts); i++)
        CHECK(pthread_join(threads[i], NULL) == 0);

    sure = judge();
    fprintf(stderr, "note: %u registrations, %ld sure of their file, %lu events\n",
            arena.next_record, sure, arena.events);
    CHECK(sure > 100);
    CHECK(arena.events > 100);

    /* The dust settles: each number speaks for the file that it has now. */
    memset(arena.records, 0, RECORDS * sizeof *arena.records);
    arena.next_record = 0;
    for (int i = 0; i < NUMBERS; i++) {
        change(arena.kq, (uintptr_t)(BASE + i), EVFILT_READ, EV_DELETE, 0, 0, NULL);
        CHECK(register_number(i, 0));
        loud += arena.numbers[i].file != 0;
    }
    count = poll0(arena.kq, events, NUMBERS);
    SAME(count, loud);
    for (int i = 0; i < count; i++)
        mark(&events[i]);
    SAME(judge(), NUMBERS);
    for (int i = 0; i < NUMBERS; i++)
        CHECK(close(BASE + i) == 0);
    EXPECT_NONE(arena.kq);
    CHECK(!is_readable(arena.kq));
}

/* Queues are opened, used and closed by threads that share nothing but the process. */
static void *open_and_close(void *argument)
{
    long turns = (long)(intptr_t)argument;

    for (long turn = 0; turn < turns; turn++) {
        int kq = new_queue(), ends[2], copy = dup(kq);

        CHECK(pipe(ends) == 0);
        add(kq, (uintptr_t)ends[0], EVFILT_READ, 0, NULL);
        send_bytes(ends[1], 1);
        SAME(wait_one(copy).ident, ends[0]);
        CHECK(close(turn % 2 ? kq : copy) == 0);
        CHECK(close(ends[0]) == 0);
        EXPECT_NONE(turn % 2 ? copy : kq);
        CHECK(close(turn % 2 ? copy : kq) == 0);
        CHECK(close(ends[1]) == 0);
    }
    return NULL;
}

TEST(queues_of_many_threads_do_not_meet)
{
    pthread_t threads[8];

    for (int i = 0; i < LENGTH(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, open_and_close, (void *)(intptr_t)1000) == 0);
    for (int i = 0; i < LENGTH(threads); i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}
