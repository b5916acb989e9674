/* close(2) and its relatives: a closed number takes its knotes along, a queue's duplicate is it. */
#define _GNU_SOURCE
#include "interpose.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* A readable number that is watched, while a duplicate keeps the file open. */
static int watched(int kq, int *survivor)
{
    int ends[2];

    readable_pipe(ends);
    watch(kq, ends[0]);
    *survivor = dup(ends[0]);
    CHECK(*survivor >= 0);
    return ends[0];
}

static void gone(int kq, int fd)
{
    struct kevent event;

    CHECK(ready(kq, &event) == 0);
    CHECK(!has_knote(kq, fd));
}

static void by_close(void)
{
    int kq = kqueue(), survivor, fd = watched(kq, &survivor);

    errno = 77;
    CHECK(close(fd) == 0 && errno == 77);
    gone(kq, fd);
    CHECK(close(fd) == -1 && errno == EBADF);
    CHECK(close(-1) == -1 && errno == EBADF);
}

static void by_dup2(void)
{
    int kq = kqueue(), survivor, ends[2], fd = watched(kq, &survivor);
    struct kevent event;

    CHECK(pipe(ends) == 0);
    /* One that fails changes nothing. */
    CHECK(dup2(1000, fd) == -1 && errno == EBADF);
    CHECK(dup3(fd, fd, 0) == -1 && errno == EINVAL);
    CHECK(dup2(fd, fd) == fd);
    CHECK(ready(kq, &event) == 1 && event.ident == (uintptr_t)fd);
    CHECK(dup2(ends[0], fd) == fd);
    gone(kq, fd);
    watch(kq, fd);
    CHECK(ready(kq, &event) == 0);
    CHECK(dup3(survivor, fd, O_CLOEXEC) == fd);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    gone(kq, fd);
}

static void by_range(void)
{
    int kq = kqueue(), survivor, fd = watched(kq, &survivor);
    struct kevent event;

    CHECK(close_range((unsigned)fd, (unsigned)fd, 4) == 0);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK(ready(kq, &event) == 1);
    CHECK(close_range(5, 4, 0) == -1 && errno == EINVAL);
    CHECK(close_range(3, 4, 64) == -1 && errno == EINVAL);
    CHECK(ready(kq, &event) == 1);
    CHECK(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
    gone(kq, fd);
    fd = watched(kq, &survivor);
    CHECK(close_range((unsigned)fd, (unsigned)fd, 2) == 0);
    gone(kq, fd);
}

/* A queue with a timer, a user event, an odd pair and a file has descriptors of its own. */
static void fill(int kq, const char *file)
{
    int fd = open(file, O_RDONLY);

    CHECK(fd >= 0 && fd < 50 && dup2(fd, 50) == 50);
    close(fd);
    CHECK(one_change(kq, 50, EVFILT_VNODE, EV_ADD, NOTE_ATTRIB, 0) == 0);
    CHECK(one_change(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1) == 0);
    CHECK(one_change(kq, 2, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0) == 0);
    CHECK(one_change(kq, getpid(), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0) == 0);
}

static void works(int kq)
{
    struct kevent event;

    CHECK(await(kq, &event) == 1 && event.filter == EVFILT_TIMER);
    CHECK(one_change(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0) == 0);
    CHECK(one_change(kq, 2, EVFILT_USER, 0, NOTE_TRIGGER, 0) == 0);
    CHECK(await(kq, &event) == 1 && event.filter == EVFILT_USER);
}

static void a_queue_below_survives_closefrom(void)
{
    int kq = kqueue(), other;

    fill(kq, "/");
    other = kqueue();
    CHECK(other > kq);
    errno = 77;
    closefrom(kq + 1);
    CHECK(errno == 77);
    CHECK(fcntl(other, F_GETFD) == -1 && fcntl(50, F_GETFD) == -1);
    CHECK(kevent(other, NULL, 0, NULL, 0, NULL) == -1 && errno == EBADF);
    works(kq);
}

static void a_queue_below_survives_a_loop(void)
{
    int kq = kqueue(), other;

    fill(kq, "/");
    other = kqueue();
    for (int fd = kq + 1; fd < 256; fd++)
        close(fd);
    CHECK(fcntl(other, F_GETFD) == -1);
    works(kq);
}

static void everything_is_closed(void)
{
    int kq = kqueue();

    fill(kq, "/");
    CHECK(close_range(3, ~0U, 0) == 0);
    for (int fd = 3; fd < 256; fd++)
        CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
    CHECK(kqueue() == 3);
}

static void by_stream(void)
{
    int kq = kqueue(), survivor, fd = watched(kq, &survivor);
    FILE *stream = fdopen(fd, "r");

    CHECK(stream && fclose(stream) == 0);
    CHECK(fcntl(fd, F_GETFD) == -1);
    gone(kq, fd);
    stream = popen("echo x", "r");
    CHECK(stream);
    fd = fileno(stream);
    watch(kq, fd);
    CHECK((survivor = dup(fd)) >= 0);
    CHECK(pclose(stream) == 0);
    gone(kq, fd);
    stream = fopen("/dev/null", "r");
    CHECK(stream && fclose(stream) == 0);
    char memory[4];
    stream = fmemopen(memory, sizeof memory, "w");
    CHECK(stream && fclose(stream) == 0);
}

static void by_directory(void)
{
    int kq = kqueue(), fd;
    DIR *directory = opendir("/");

    CHECK(directory);
    fd = dirfd(directory);
    CHECK(one_change(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0) == 0);
    CHECK(closedir(directory) == 0);
    CHECK(one_change(kq, fd, EVFILT_VNODE, EV_DELETE, 0, 0) == -1);
    directory = opendir("/");
    CHECK(directory && closedir(directory) == 0);
}

static void queue_by_stream(void)
{
    int kq = kqueue();
    FILE *stream = fdopen(kq, "r");

    CHECK(stream && fclose(stream) == 0);
    CHECK(kevent(kq, NULL, 0, NULL, 0, NULL) == -1 && errno == EBADF);
    CHECK(kqueue() == kq);
}

/* L-05, L-06 */
static void duplicates(void)
{
    int kq = kqueue(), ends[2], copies[4];
    struct kevent event;

    readable_pipe(ends);
    copies[0] = dup(kq);
    copies[1] = fcntl(kq, F_DUPFD, 20);
    copies[2] = fcntl(kq, F_DUPFD_CLOEXEC, 30);
    CHECK(copies[1] == 20 && copies[2] == 30);
    CHECK(dup2(kq, 40) == 40);
    copies[3] = 40;
    watch(copies[0], ends[0]);
    for (int i = 0; i < 4; i++) {
        CHECK(fcntl(copies[i], F_GETFD) == FD_CLOEXEC);
        CHECK(ready(copies[i], &event) == 1 && event.ident == (uintptr_t)ends[0]);
    }
    CHECK(ready(kq, &event) == 1);
    CHECK(close(kq) == 0);
    CHECK(fcntl(kq, F_GETFD) == -1);
    CHECK(kevent(kq, NULL, 0, NULL, 0, NULL) == -1 && errno == EBADF);
    CHECK(one_change(30, 7, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0) == 0);
    CHECK(one_change(30, 7, EVFILT_USER, 0, NOTE_TRIGGER, 0) == 0);
    CHECK(one_change(20, ends[0], EVFILT_READ, EV_DELETE, 0, 0) == 0);
    CHECK(await(40, &event) == 1 && event.filter == EVFILT_USER);
    CHECK(close(20) == 0 && close(30) == 0 && close(copies[0]) == 0);
    CHECK(ready(40, &event) == 1);
    watch(40, ends[0]);
    CHECK(close(40) == 0);
    CHECK(kevent(40, NULL, 0, NULL, 0, NULL) == -1 && errno == EBADF);
    CHECK(kqueue() == kq);
}

/* A duplicate that nobody saw being made. */
static void an_unseen_duplicate(void)
{
    int kq = kqueue(), ends[2], copy = (int)syscall(SYS_dup, kq);
    struct kevent event;

    readable_pipe(ends);
    watch(copy, ends[0]);
    CHECK(ready(kq, &event) == 1);
    CHECK(close(kq) == 0);
    CHECK(ready(copy, &event) == 1);
    CHECK(close(copy) == 0);
    CHECK(kevent(ends[0], NULL, 0, NULL, 0, NULL) == -1 && errno == EINVAL);
    CHECK(kevent(copy, NULL, 0, NULL, 0, NULL) == -1 && errno == EBADF);
}

/* A watched number goes however often the queue has moved. */
static void a_moved_queue_still_hears(void)
{
    int kq = kqueue(), survivor, fd = watched(kq, &survivor), copy = dup(kq);

    CHECK(close(kq) == 0);
    CHECK(close(fd) == 0);
    gone(copy, fd);
}

/* L-08 */
static void a_queue_is_replaced(void)
{
    int kq = kqueue(), other = kqueue(), ends[2];
    struct kevent event;

    readable_pipe(ends);
    watch(kq, ends[0]);
    CHECK(dup2(ends[1], kq) == kq);
    CHECK(kevent(kq, NULL, 0, NULL, 0, NULL) == -1 && errno == EINVAL);
    CHECK(write(kq, "y", 1) == 1);
    CHECK(dup2(other, kq) == kq);
    CHECK(ready(kq, &event) == 0);
    watch(other, ends[0]);
    CHECK(ready(kq, &event) == 1 && event.data == 2);
}

static void *waiter(void *kq)
{
    struct kevent event;
    int result = kevent(*(int *)kq, NULL, 0, &event, 1, NULL);

    return (void *)(intptr_t)(result == -1 ? errno : -1);
}

/* Waits until another thread of this process sleeps in the kernel. */
static void await_sleeper(pid_t *thread)
{
    char path[64], state = 0;

    while (*(volatile pid_t *)thread == 0)
        sched_yield();
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)*thread);
    while (state != 'S') {
        FILE *stat = fopen(path, "r");
        CHECK(stat && fscanf(stat, "%*d %*s %c", &state) == 1);
        fclose(stat);
    }
}

struct sleeper {
    int kq;
    pid_t thread;
};

static void *sleeper(void *argument)
{
    struct sleeper *sleeper = argument;

    *(volatile pid_t *)&sleeper->thread = (pid_t)syscall(SYS_gettid);
    return waiter(&sleeper->kq);
}

static void closed_under(int by_replacement)
{
    struct sleeper asleep = {kqueue(), 0};
    pthread_t thread;
    void *result;

    CHECK(pthread_create(&thread, NULL, sleeper, &asleep) == 0);
    await_sleeper(&asleep.thread);
    if (by_replacement)
        CHECK(dup2(1, asleep.kq) == asleep.kq);
    else
        CHECK(close(asleep.kq) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == (void *)(intptr_t)EBADF);
}

static void a_waiter_is_woken_by_close(void)
{
    closed_under(0);
}

static void a_waiter_is_woken_by_dup2(void)
{
    closed_under(1);
}

/* A thread that was cancelled leaves nothing behind. */
static int cancelled_kq, cancelled_fd;

static void *closes_cancelled(void *unused)
{
    pthread_cancel(pthread_self());
    close(cancelled_fd);
    return unused;
}

static void cancelled(void)
{
    int survivor;
    pthread_t thread;
    void *result;
    struct kevent event;

    cancelled_kq = kqueue();
    cancelled_fd = watched(cancelled_kq, &survivor);
    CHECK(pthread_create(&thread, NULL, closes_cancelled, NULL) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    CHECK(fcntl(cancelled_fd, F_GETFD) == 0);
    CHECK(ready(cancelled_kq, &event) == 1);
    CHECK(close(cancelled_fd) == 0);
    gone(cancelled_kq, cancelled_fd);
}

/* In a child nothing is a queue, and the parent's descriptors are gone. */
static void in_a_child(void)
{
    int kq = kqueue(), survivor, fd = watched(kq, &survivor), copy = dup(kq);
    struct kevent event;
    pid_t child;

    fill(kq, "/");
    child = fork();
    if (child == 0) {
        CHECK(kevent(kq, NULL, 0, NULL, 0, NULL) == -1 && errno == EBADF);
        CHECK(fcntl(kq, F_GETFD) == -1 && fcntl(copy, F_GETFD) == -1);
        CHECK(fcntl(fd, F_GETFD) == 0);
        int own = kqueue();
        CHECK(own == kq);
        watch(own, fd);
        CHECK(ready(own, &event) == 1);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            CHECK(fcntl(own, F_GETFD) == -1 && kqueue() == own);
            watch(own, fd);
            CHECK(close(fd) == 0);
            gone(own, fd);
            exit(0);
        }
        CHECK(exit_status(grandchild) == 0);
        CHECK(close(fd) == 0);
        gone(own, fd);
        exit(0);
    }
    CHECK(exit_status(child) == 0);
    CHECK(has_knote(copy, fd));
    works(kq);
}

/* A child by a bare system call has called no handlers. */
static void in_a_raw_child(void)
{
    int kq = kqueue(), survivor, fd = watched(kq, &survivor);
    struct kevent event;
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (child == 0) {
        if (kevent(kq, NULL, 0, &event, 1, NULL) != -1 || errno != EBADF)
            _exit(1);
        int own = kqueue();
        watch(own, fd);
        if (close(fd) != 0 || ready(own, &event) != 0 || has_knote(own, fd))
            _exit(2);
        _exit(0);
    }
    CHECK(exit_status(child) == 0);
    CHECK(ready(kq, &event) == 1);
}

/* Nothing of the parent's memory changes by what a vfork child closes. */
static void in_a_vfork_child(void)
{
    int kq = kqueue(), survivor, fd = watched(kq, &survivor);
    struct kevent event;
    pid_t child = vfork();

    if (child == 0) {
        close(fd);
        close(kq);
        dup2(1, survivor);
        closefrom(3);
        _exit(0);
    }
    CHECK(exit_status(child) == 0);
    CHECK(ready(kq, &event) == 1 && event.ident == (uintptr_t)fd);
    CHECK(close(kq) == 0);
    CHECK(kqueue() == kq);
}

static void *closer(void *stop)
{
    while (!*(volatile int *)stop) {
        int kq = kqueue(), ends[2];

        readable_pipe(ends);
        watch(kq, ends[0]);
        close(ends[0]);
        close(kq);
        close(ends[1]);
    }
    return NULL;
}

static void forks_in_a_storm(void)
{
    pthread_t threads[3];
    int stop = 0;

    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, closer, &stop) == 0);
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();

        if (child == 0) {
            struct kevent event;
            int kq = kqueue(), ends[2];

            readable_pipe(ends);
            watch(kq, ends[0]);
            if (ready(kq, &event) != 1)
                _exit(1);
            close(ends[0]);
            _exit(has_knote(kq, ends[0]));
        }
        CHECK(exit_status(child) == 0);
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

/* With interposition off, a closed number is found out as any is. */
static void switched_off(void)
{
    int kq = kqueue(), survivor, fd = watched(kq, &survivor);

    CHECK(close(fd) == 0);
    CHECK(fcntl(fd, F_GETFD) == -1);
    CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL);
    CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
}

static int handler_kq;

static void close_in_handler(int signal)
{
    (void)signal;
    close(handler_kq);
}

/* The queue that the thread itself waits in. */
static void closed_in_a_handler(void)
{
    struct kevent event;
    struct sigaction action;
    struct timespec patience = {10, 0};

    memset(&action, 0, sizeof action);
    action.sa_handler = close_in_handler;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    handler_kq = kqueue();
    alarm(1);
    CHECK(kevent(handler_kq, NULL, 0, &event, 1, &patience) == -1 && errno == EBADF);
    CHECK(fcntl(handler_kq, F_GETFD) == -1);
    CHECK(kqueue() == handler_kq);
}

/* Descriptors of a queue's own keep out of the way of those that programs number themselves. */
static void the_first_three_are_the_programs(void)
{
    int saved = dup(2), kq;

    close(0);
    close(1);
    close(2);
    kq = kqueue();
    fill(kq, "/");
    CHECK(dup2(saved, 2) == 2 && open("/dev/null", O_RDWR) == 1);
    works(kq);
}

#define CASE(name) {#name, name}

int main(int argc, char **argv)
{
    static const struct named_case cases[] = {
        CASE(by_close),
        CASE(by_dup2),
        CASE(by_range),
        CASE(a_queue_below_survives_closefrom),
        CASE(a_queue_below_survives_a_loop),
        CASE(everything_is_closed),
        CASE(by_stream),
        CASE(by_directory),
        CASE(queue_by_stream),
        CASE(duplicates),
        CASE(an_unseen_duplicate),
        CASE(a_moved_queue_still_hears),
        CASE(a_queue_is_replaced),
        CASE(a_waiter_is_woken_by_close),
        CASE(a_waiter_is_woken_by_dup2),
        CASE(cancelled),
        CASE(in_a_child),
        CASE(in_a_raw_child),
        CASE(in_a_vfork_child),
        CASE(forks_in_a_storm),
        CASE(switched_off),
        CASE(closed_in_a_handler),
        CASE(the_first_three_are_the_programs),
    };

    return run_named(argc, argv, cases, sizeof cases / sizeof *cases);
}
