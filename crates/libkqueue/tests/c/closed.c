/*
 * A registration goes with its number, as on BSD: whatever closes a descriptor removes the knotes
 * of that number in every queue, at once and without an event, also where a duplicate keeps the
 * file open; and nothing else goes.
 */
#include "case.h"

#include <dirent.h>
#include <linux/close_range.h>
#include <sys/stat.h>

/* Ways to close the number `fd`. Those that put another file there give it `other`. */
enum way {
    CLOSE,
    DUP2,
    DUP3,
    FCLOSE,
    CLOSE_RANGE,
    CLOSEFROM,
    WAYS,
};

static void close_by(enum way way, int fd, int other)
{
    FILE *stream;

    switch (way) {
    case CLOSE:
        CHECK(close(fd) == 0);
        break;
    case DUP2:
        SAME(dup2(other, fd), fd);
        break;
    case DUP3:
        SAME(dup3(other, fd, O_CLOEXEC), fd);
        break;
    case FCLOSE:
        CHECK((stream = fdopen(fd, "r+")) != NULL);
        CHECK(fclose(stream) == 0);
        break;
    case CLOSE_RANGE:
        CHECK(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
        break;
    case CLOSEFROM:
        closefrom(fd);
        break;
    case WAYS:
        FAIL("no way");
    }
}

/* A number above all others in use, so that closefrom() takes it alone. */
static int high(int fd)
{
    int number = fcntl(fd, F_DUPFD_CLOEXEC, 400);

    CHECK(number >= 400);
    CHECK(close(fd) == 0);
    return number;
}

static void a_number_closed_by(enum way way)
{
    struct kevent event;
    int pair[2], other[2], kq = new_queue(), second = new_queue(), watched, survivor;

    socket_pair(pair);
    socket_pair(other);
    CHECK((survivor = dup(pair[0])) >= 0);
    watched = high(pair[0]);
    add(kq, (uintptr_t)watched, EVFILT_READ, 0, &watched);
    add(kq, (uintptr_t)watched, EVFILT_WRITE, EV_CLEAR, NULL);
    add(second, (uintptr_t)watched, EVFILT_READ, EV_CLEAR, NULL);
    add(kq, (uintptr_t)watched, EVFILT_USER, 0, NULL);
    CHECK(change(kq, (uintptr_t)watched, EVFILT_TIMER, EV_ADD, 0, 1000000, NULL) == 0);
    if (way % 2) /* before, or after */
        send_bytes(pair[1], 5);
    close_by(way, watched, other[0]);
    if (way % 2 == 0)
        send_bytes(pair[1], 5);

    EXPECT_NONE(kq);
    EXPECT_NONE(second);
    CHECK(!is_readable(kq));
    CHECK(!is_readable(second));
    /* Knotes whose ident merely looks alike stay. */
    CHECK(is_registered(kq, (uintptr_t)watched, EVFILT_USER));
    CHECK(is_registered(kq, (uintptr_t)watched, EVFILT_TIMER));

    /* The next owner of the number is not watched until somebody says so. */
    SAME(dup2(other[0], watched), watched);
    send_bytes(other[1], 7);
    EXPECT_NONE(kq);
    FAILS(change(kq, (uintptr_t)watched, EVFILT_READ, EV_DELETE, 0, 0, NULL), ENOENT);
    FAILS(change(kq, (uintptr_t)watched, EVFILT_WRITE, EV_ENABLE, 0, 0, NULL), ENOENT);
    FAILS(change(second, (uintptr_t)watched, EVFILT_READ, EV_DELETE, 0, 0, NULL), ENOENT);
    add(kq, (uintptr_t)watched, EVFILT_READ, EV_CLEAR, &event);
    event = wait_one(kq);
    SAME(event.ident, watched);
    SAME(event.data, 7);
    EXPECT_NONE(kq);
    /* The old file lives on, and may be watched under its own number. */
    add(kq, (uintptr_t)survivor, EVFILT_READ, 0, NULL);
    event = wait_one(kq);
    SAME(event.ident, survivor);
    SAME(event.data, 5);
}

TEST(close_takes_the_registration)
{
    a_number_closed_by(CLOSE);
}

TEST(dup2_takes_the_registration)
{
    a_number_closed_by(DUP2);
}

TEST(dup3_takes_the_registration)
{
    a_number_closed_by(DUP3);
}

TEST(fclose_takes_the_registration)
{
    a_number_closed_by(FCLOSE);
}

/* Nobody sees freopen(): what it replaced is found out when it speaks, or at the next EV_ADD. */
TEST(freopen_is_found_out)
{
    int pair[2], silent[2], kq = new_queue(), watched, survivor;
    char path[64];
    FILE *stream;

    socket_pair(pair);
    CHECK(pipe(silent) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", silent[0]);
    CHECK((survivor = dup(pair[0])) >= 0);
    watched = pair[0];
    add(kq, (uintptr_t)watched, EVFILT_READ, 0, NULL);
    CHECK((stream = fdopen(watched, "r+")) != NULL);
    CHECK(freopen(path, "r", stream) != NULL);
    SAME(fileno(stream), watched);
    send_bytes(pair[1], 5);
    add(kq, (uintptr_t)survivor, EVFILT_READ, EV_CLEAR, NULL);
    SAME(wait_one(kq).ident, survivor);
}

TEST(close_range_takes_the_registration)
{
    a_number_closed_by(CLOSE_RANGE);
}

TEST(closefrom_takes_the_registration)
{
    a_number_closed_by(CLOSEFROM);
}

TEST(a_closed_number_is_ebadf)
{
    for (enum way way = CLOSE; way < WAYS; way++) {
        int pair[2], kq = new_queue(), watched;

        if (way == DUP2 || way == DUP3)
            continue;
        socket_pair(pair);
        watched = high(pair[0]);
        add(kq, (uintptr_t)watched, EVFILT_READ, 0, NULL);
        close_by(way, watched, -1);
        FAILS(change(kq, (uintptr_t)watched, EVFILT_READ, EV_DELETE, 0, 0, NULL), EBADF);
        FAILS(change(kq, (uintptr_t)watched, EVFILT_READ, EV_ADD, 0, 0, NULL), EBADF);
        FAILS(close(watched), EBADF);
    }
}

/* Two numbers of one file: each has its own knotes, and its own end. */
TEST(a_duplicate_keeps_its_own_registration)
{
    struct kevent events[4];

    for (int is_first = 0; is_first < 2; is_first++) {
        int pair[2], kq = new_queue(), copy, closed, left;

        socket_pair(pair);
        CHECK((copy = dup(pair[0])) >= 0);
        closed = is_first ? pair[0] : copy;
        left = is_first ? copy : pair[0];
        add(kq, (uintptr_t)pair[0], EVFILT_READ, 0, &pair[0]);
        add(kq, (uintptr_t)copy, EVFILT_READ, 0, &copy);
        send_bytes(pair[1], 3);
        SAME(poll0(kq, events, 4), 2);
        CHECK(close(closed) == 0);
        SAME(poll0(kq, events, 4), 1);
        SAME(events[0].ident, left);
        CHECK(events[0].udata == (is_first ? &copy : &pair[0]));
        CHECK(is_registered(kq, (uintptr_t)left, EVFILT_READ));
        CHECK(close(left) == 0);
        CHECK(close(pair[1]) == 0);
        EXPECT_NONE(kq);
    }
}

/* What fails, or changes nothing, takes nothing. */
TEST(calls_that_close_nothing_take_nothing)
{
    int pair[2], kq = new_queue(), copy, fd;

    socket_pair(pair);
    fd = pair[0];
    add(kq, (uintptr_t)fd, EVFILT_READ, 0, NULL);
    SAME(dup2(fd, fd), fd);
    FAILS(dup3(fd, fd, 0), EINVAL);
    FAILS(dup2(-1, fd), EBADF);
    FAILS(dup2(999, fd), EBADF);
    FAILS(dup3(999, fd, 0), EBADF);
    FAILS(dup3(pair[1], fd, O_APPEND), EINVAL);
    FAILS(close_range((unsigned)fd, (unsigned)fd - 1, 0), EINVAL);
    FAILS(close_range((unsigned)fd, (unsigned)fd, 0x80), EINVAL);
    CHECK(close_range((unsigned)fd, (unsigned)fd, CLOSE_RANGE_CLOEXEC) == 0);
    CHECK((copy = dup(fd)) >= 0);
    CHECK(close(copy) == 0);
    FAILS(close(-1), EBADF);
    FAILS(close(999), EBADF);
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    send_bytes(pair[1], 5);
    SAME(wait_one(kq).data, 5);
    CHECK(is_registered(kq, (uintptr_t)fd, EVFILT_READ));
}

TEST(files_and_directories_go_as_well)
{
    char name[] = "/tmp/closed-XXXXXX", text[] = "more";
    int kq = new_queue(), fd = mkstemp(name), copy;
    DIR *directory = opendir("/tmp");
    struct kevent kev;

    CHECK(fd >= 0 && directory != NULL);
    CHECK(unlink(name) == 0);
    CHECK((copy = dup(fd)) >= 0);
    EV_SET(&kev, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB, 0, NULL);
    CHECK(kevent(kq, &kev, 1, NULL, 0, NULL) == 0);
    add(kq, (uintptr_t)fd, EVFILT_READ, 0, NULL); /* a file that epoll refuses */
    EV_SET(&kev, dirfd(directory), EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0, NULL);
    CHECK(kevent(kq, &kev, 1, NULL, 0, NULL) == 0);

    CHECK(close(fd) == 0);
    CHECK(closedir(directory) == 0);
    send_bytes(copy, (int)sizeof text);
    CHECK(fchmod(copy, 0600) == 0);
    strcpy(name, "/tmp/closed-XXXXXX");
    CHECK(close(mkstemp(name)) == 0);
    CHECK(unlink(name) == 0);
    EXPECT_NONE(kq);
    CHECK(!is_readable(kq));
    SAME(dup2(copy, fd), fd);
    CHECK(!is_registered(kq, (uintptr_t)fd, EVFILT_VNODE));
    CHECK(!is_registered(kq, (uintptr_t)fd, EVFILT_READ));
}

TEST(a_process_opened_by_popen_goes_with_pclose)
{
    int kq = new_queue(), fd, copy;
    FILE *process = popen("echo words", "r");

    CHECK(process != NULL);
    fd = fileno(process);
    CHECK((copy = dup(fd)) >= 0);
    add(kq, (uintptr_t)fd, EVFILT_READ, 0, NULL);
    SAME(wait_one(kq).ident, fd);
    CHECK(pclose(process) == 0);
    EXPECT_NONE(kq);
    SAME(dup2(copy, fd), fd);
    CHECK(!is_registered(kq, (uintptr_t)fd, EVFILT_READ));
}

/* A queue watched by a queue, and a queue whose own number is closed by something else. */
TEST(a_queue_in_a_queue_goes_as_well)
{
    int outer = new_queue(), inner = new_queue(), copy;

    CHECK((copy = dup(inner)) >= 0);
    add(outer, (uintptr_t)inner, EVFILT_READ, 0, NULL);
    add(inner, 1, EVFILT_USER, 0, NULL);
    trigger(inner, 1);
    SAME(wait_one(outer).ident, inner);
    CHECK(close(inner) == 0);
    EXPECT_NONE(outer);
    CHECK(!is_readable(outer));
    SAME(wait_one(copy).ident, 1);
    SAME(dup2(copy, inner), inner);
    CHECK(!is_registered(outer, (uintptr_t)inner, EVFILT_READ));
    add(outer, (uintptr_t)inner, EVFILT_READ, 0, NULL);
    SAME(wait_one(outer).ident, inner);
}

TEST(a_queue_closed_in_any_way_is_gone)
{
    for (enum way way = CLOSE; way < WAYS; way++) {
        int pair[2], kq = high(new_queue());

        socket_pair(pair);
        add(kq, (uintptr_t)pair[0], EVFILT_READ, 0, NULL);
        send_bytes(pair[1], 1);
        close_by(way, kq, pair[0]);
        errno = 0;
        CHECK(kevent(kq, NULL, 0, NULL, 0, NULL) == -1);
        SAME(errno, way == DUP2 || way == DUP3 ? EINVAL : EBADF);
        close(kq);
    }
}

TEST(a_range_takes_all_within_it_and_nothing_beside)
{
    int kq = new_queue(), pairs[6][2], numbers[6];

    for (int i = 0; i < 6; i++) {
        socket_pair(pairs[i]);
        SAME(dup2(pairs[i][0], numbers[i] = 400 + i), 400 + i);
        add(kq, (uintptr_t)numbers[i], EVFILT_READ, 0, NULL);
        send_bytes(pairs[i][1], i + 1);
    }
    CHECK(close_range(401, 404, 0) == 0);
    {
        struct kevent events[8];

        SAME(poll0(kq, events, 8), 2);
        SAME(events[0].ident + events[1].ident, 400 + 405);
        SAME(events[0].data + events[1].data, 1 + 6);
    }
    closefrom(400);
    EXPECT_NONE(kq);
    CHECK(!is_readable(kq));
}

/* Ten thousand owners of one number; each is alone. */
TEST(a_number_reused_again_and_again)
{
    struct kevent event;
    int kq = new_queue();

    for (int round = 0; round < 10000; round++) {
        int pair[2], old;

        socket_pair(pair);
        add(kq, (uintptr_t)pair[0], EVFILT_READ, round % 3 ? EV_CLEAR : 0,
            (void *)(intptr_t)round);
        if (round % 2)
            send_bytes(pair[1], 1 + round % 50);
        if (round % 4 == 3) {
            event = wait_one(kq);
            SAME((intptr_t)event.udata, round);
            SAME(event.data, 1 + round % 50);
        }
        CHECK((old = fcntl(pair[0], F_DUPFD_CLOEXEC, 300)) >= 300);
        CHECK(close(pair[0]) == 0);
        if (round % 5 == 0)
            EXPECT_NONE(kq);
        CHECK(close(old) == 0);
        CHECK(close(pair[1]) == 0);
    }
    EXPECT_NONE(kq);
}

/* Errno is the original's, and nothing else touches it. */
TEST(errno_is_the_originals)
{
    int pair[2], kq = new_queue();

    socket_pair(pair);
    add(kq, (uintptr_t)pair[0], EVFILT_READ, 0, NULL);
    add(kq, (uintptr_t)pair[1], EVFILT_READ, 0, NULL);
    errno = EDOM;
    CHECK(close(pair[0]) == 0);
    SAME(errno, EDOM);
    SAME(dup2(2, pair[1]), pair[1]);
    SAME(errno, EDOM);
    CHECK(close(kq) == 0);
    SAME(errno, EDOM);
    FAILS(close(pair[0]), EBADF);
}

/* More open files, and higher numbers, than anything was made for. */
TEST(high_numbers_are_as_good_as_low_ones)
{
    int pair[2], kq = new_queue(), survivor;

    socket_pair(pair);
    survivor = pair[0];
    for (int number = 3; number < 1000; number++) {
        if (number == kq || number == pair[0] || number == pair[1])
            continue;
        SAME(dup2(survivor, number), number);
        add(kq, (uintptr_t)number, EVFILT_READ, 0, NULL);
    }
    send_bytes(pair[1], 1);
    SAME(poll0(kq, (struct kevent[8]){0}, 8), 8);
    for (int number = 3; number < 1000; number++)
        if (number != kq && number != pair[0] && number != pair[1])
            CHECK(close(number) == 0);
    EXPECT_NONE(kq);
    CHECK(!is_readable(kq));
}
