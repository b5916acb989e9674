/*
 * A queue is a descriptor: duplicated, closed, reused, sent to another process, inherited by fork.
 */
#include "case.h"

#include <pthread.h>
#include <sys/prctl.h>

/* Registers through one number and collects through the other. */
static void are_one_queue(int one, int other)
{
    struct kevent event;

    add(one, 1, EVFILT_USER, EV_CLEAR, &event);
    trigger(other, 1);
    event = wait_one(one);
    SAME(event.ident, 1);
    trigger(one, 1);
    event = wait_one(other);
    SAME(event.ident, 1);
    EXPECT_NONE(one);
    CHECK(change(other, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL) == 0);
    CHECK(!is_registered(one, 1, EVFILT_USER));
}

CASE(q_l_05_a_duplicate_is_the_same_queue,
     "dup(kq): register via one, collect via other | works")
{
    int kq = new_queue(), pair[2];

    socket_pair(pair);
    are_one_queue(kq, dup(kq));
    are_one_queue(kq, dup2(kq, 200));
    are_one_queue(kq, dup2(kq, pair[0])); /* over a socket */
    are_one_queue(kq, dup3(kq, 201, O_CLOEXEC));
    are_one_queue(kq, fcntl(kq, F_DUPFD, 300));
    are_one_queue(kq, fcntl(kq, F_DUPFD_CLOEXEC, 300));
    are_one_queue(200, 201);
}

CASE(q_l_06_a_queue_lives_as_long_as_its_last_number, "close one of two dups | queue lives")
{
    for (int is_first = 0; is_first < 2; is_first++) {
        int kq = new_queue(), other = dup(kq), ends[2];
        int closed = is_first ? kq : other, left = is_first ? other : kq;

        CHECK(pipe(ends) == 0);
        add(closed, (uintptr_t)ends[0], EVFILT_READ, 0, NULL);
        CHECK(change(closed, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20, NULL) == 0);
        CHECK(close(closed) == 0);
        SAME(wait_one(left).filter, EVFILT_TIMER);
        send_bytes(ends[1], 5);
        SAME(wait_one(left).data, 5);
        FAILS(kevent(closed, NULL, 0, NULL, 0, NULL), EBADF);
        CHECK(close(left) == 0);
        FAILS(kevent(left, NULL, 0, NULL, 0, NULL), EBADF);
    }
}

CASE(q_l_08_a_reused_number_is_no_queue,
     "fd number of kq reused by a socket | kevent on it EINVAL")
{
    for (int way = 0; way < 2; way++) {
        int kq = new_queue(), pair[2];

        add(kq, 1, EVFILT_USER, 0, NULL);
        trigger(kq, 1);
        if (way == 0) {
            CHECK(close(kq) == 0);
            socket_pair(pair);
            SAME(pair[0], kq); /* the lowest free number is given again */
        } else {
            socket_pair(pair);
            SAME(dup2(pair[0], kq), kq);
        }
        FAILS(change(kq, 2, EVFILT_USER, EV_ADD, 0, 0, NULL), EINVAL);
        FAILS(kevent(kq, NULL, 0, NULL, 0, NULL), EINVAL);
        CHECK(close(kq) == 0);
        CHECK(close(pair[1]) == 0);
        if (way == 1)
            CHECK(close(pair[0]) == 0);
        /* The next owner of the number may be a queue, and an empty one. */
        SAME(new_queue(), kq);
        EXPECT_NONE(kq);
        CHECK(!is_registered(kq, 1, EVFILT_USER));
        CHECK(close(kq) == 0);
    }
}

static void send_descriptor(int channel, int fd)
{
    char byte = 0;
    struct iovec data = {&byte, 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {0};
    struct cmsghdr *header;

    memset(&control, 0, sizeof control);
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    SAME(sendmsg(channel, &message, 0), 1);
}

static int receive_descriptor(int channel)
{
    char byte;
    struct iovec data = {&byte, 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {0};
    int fd;

    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    SAME(recvmsg(channel, &message, 0), 1);
    CHECK(CMSG_FIRSTHDR(&message) != NULL);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

CASE(q_l_09_a_queue_sent_to_another_process_is_none_there,
     "SCM_RIGHTS receiver in another process | kevent EINVAL")
{
    struct kevent event;
    int channel[2], kq;
    pid_t child;

    socket_pair(channel);
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        int sent = receive_descriptor(channel[1]);

        FAILS(change(sent, 1, EVFILT_USER, EV_ADD, 0, 0, NULL), EINVAL);
        FAILS(kevent(sent, NULL, 0, &event, 1, &no_time), EINVAL);
        CHECK(close(sent) == 0);
        _exit(0);
    }
    kq = new_queue();
    add(kq, 1, EVFILT_USER, EV_CLEAR, NULL);
    trigger(kq, 1);
    send_descriptor(channel[0], kq);
    SAME(ended(child), 0);
    SAME(wait_one(kq).ident, 1);
}

TEST(a_forked_child_gets_ebadf_and_the_parent_notices_nothing)
{
    struct kevent events[4];
    int kq = new_queue(), ends[2];
    pid_t child;

    CHECK(pipe(ends) == 0);
    add(kq, (uintptr_t)ends[0], EVFILT_READ, 0, NULL);
    add(kq, 1, EVFILT_USER, 0, NULL);
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        int copy = dup(kq);

        FAILS(kevent(kq, NULL, 0, events, 4, NULL), EBADF);
        FAILS(kevent(kq, NULL, 0, NULL, 0, NULL), EBADF);
        FAILS(change(kq, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL), EBADF);
        FAILS(change(kq, (uintptr_t)ends[0], EVFILT_READ, EV_DELETE, 0, 0, NULL), EBADF);
        /* On BSD the number is free; what a duplicate of it is called matters less. */
        CHECK(kevent(copy, NULL, 0, events, 4, NULL) == -1);
        CHECK(errno == EBADF || errno == EINVAL);
        close(copy);
        close(kq);
        close(ends[0]);
        /* A queue of its own, perhaps under the same number. */
        kq = new_queue();
        EXPECT_NONE(kq);
        add(kq, 1, EVFILT_USER, 0, NULL);
        trigger(kq, 1);
        SAME(wait_one(kq).ident, 1);
        _exit(0);
    }
    SAME(ended(child), 0);
    EXPECT_NONE(kq);
    send_bytes(ends[1], 5);
    trigger(kq, 1);
    SAME(poll0(kq, events, 4), 2);
    CHECK(is_registered(kq, (uintptr_t)ends[0], EVFILT_READ));
}

/* What a daemon does after fork, and what a shell does before exec: everything goes. */
TEST(a_forked_child_may_close_all_it_has)
{
    int kq = new_queue(), ends[2];

    CHECK(pipe(ends) == 0);
    add(kq, (uintptr_t)ends[0], EVFILT_READ, EV_CLEAR, NULL);
    for (int way = 0; way < 4; way++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            if (way == 0)
                for (int fd = 3; fd < 1024; fd++)
                    close(fd);
            else if (way == 1)
                CHECK(close_range(3, ~0u, 0) == 0);
            else if (way == 2)
                closefrom(3);
            else
                for (int fd = 3; fd < 64; fd++)
                    dup2(2, fd);
            kq = kqueue();
            _exit(kq < 0 || poll0(kq, &(struct kevent){0}, 1) != 0);
        }
        SAME(ended(child), 0);
        EXPECT_NONE(kq);
        send_bytes(ends[1], 1);
        SAME(wait_one(kq).data, way + 1);
    }
}

static void *wait_for_one(void *argument)
{
    struct kevent event;
    int count = kevent(*(int *)argument, NULL, 0, &event, 1, &deadline);

    return (void *)(intptr_t)(count == 1 ? (int)event.ident : -errno);
}

/* A thread that sleeps in the queue, or is about to, neither hinders fork nor is it disturbed. */
TEST(a_fork_beside_a_waiting_thread)
{
    int kq = new_queue();
    pthread_t waiter;
    void *result;

    add(kq, 7, EVFILT_USER, EV_CLEAR, NULL);
    CHECK(pthread_create(&waiter, NULL, wait_for_one, &kq) == 0);
    for (int round = 0; round < 50; round++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            FAILS(kevent(kq, NULL, 0, NULL, 0, NULL), EBADF);
            kq = new_queue();
            _exit(change(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1, NULL) != 0 ||
                  wait_one(kq).ident != 1);
        }
        SAME(ended(child), 0);
    }
    trigger(kq, 7);
    CHECK(pthread_join(waiter, &result) == 0);
    SAME((intptr_t)result, 7);
}

/* fork() while other threads are inside every kind of call: the child must find no lock held. */
struct commotion {
    int kq;
    int stop;
};

static void *commotion(void *argument)
{
    struct commotion *shared = argument;

    while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
        int kq = new_queue(), ends[2];

        CHECK(pipe(ends) == 0);
        add(shared->kq, (uintptr_t)ends[0], EVFILT_READ, 0, NULL);
        add(kq, (uintptr_t)ends[0], EVFILT_READ, 0, NULL);
        add(kq, SIGUSR2, EVFILT_SIGNAL, 0, NULL);
        CHECK(change(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1000, NULL) == 0);
        EXPECT_NONE(kq);
        CHECK(close(ends[0]) == 0);
        CHECK(close(ends[1]) == 0);
        CHECK(close(kq) == 0);
    }
    return NULL;
}

TEST(a_fork_amid_commotion_leaves_no_lock_behind)
{
    struct commotion shared = {new_queue(), 0};
    pthread_t threads[3];

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("a fork may leave the sanitizer's own locks behind");
#endif
    for (int i = 0; i < LENGTH(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, commotion, &shared) == 0);
    for (int round = 0; round < 200; round++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            int kq;

            alarm(DEADLINE); /* a lock left behind ends here */
            CHECK((kq = kqueue()) >= 0);
            add(kq, 1, EVFILT_USER, 0, NULL);
            trigger(kq, 1);
            SAME(wait_one(kq).ident, 1);
            add(kq, SIGUSR1, EVFILT_SIGNAL, 0, NULL);
            /* The parent's number is free, and may have been given again. */
            if (shared.kq != kq)
                close(shared.kq);
            CHECK(close(kq) == 0);
            _exit(0);
        }
        SAME(ended(child), 0);
    }
    __atomic_store_n(&shared.stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < LENGTH(threads); i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    EXPECT_NONE(shared.kq);
}

TEST(a_queue_is_not_there_after_exec)
{
    int kq = new_queue(), copy;
    char path[64];
    pid_t child;

    snprintf(path, sizeof path, "/proc/self/fd/%d", kq);
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        execlp("test", "test", "-e", path, (char *)NULL);
        _exit(99);
    }
    SAME(ended(child), 1);
    /* Nor are its duplicates, whatever made them. */
    CHECK((copy = dup(kq)) >= 0);
    SAME(fcntl(copy, F_GETFD), FD_CLOEXEC);
}

TEST(drain_returns)
{
    for (int i = 0; i < 10; i++) {
        int kq = new_queue();

        add(kq, 1, EVFILT_USER, 0, NULL);
        CHECK(close(kq) == 0);
    }
    libkqueue_drain_pending_close();
    libkqueue_drain_pending_close();
}
