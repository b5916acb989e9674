/*
 * Calls for KQUEUE_DEBUG to tell of, one group per argument. tests/trace.rs compares what is told.
 * Descriptors have the lowest numbers from 3.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            printf("line %d: %s\n", __LINE__, #condition);                      \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

static const struct timespec at_once = {0, 0};
static const struct timespec ten_seconds = {10, 500};

static int apply(int kq, uintptr_t ident, short filter, unsigned short flags, unsigned fflags,
                 intptr_t data)
{
    struct kevent change;
    EV_SET(&change, ident, filter, flags, fflags, data, NULL);
    return kevent(kq, &change, 1, NULL, 0, NULL);
}

static void several(void)
{
    struct kevent list[4];
    int ends[2];
    CHECK(pipe(ends) == 0);
    int kq = kqueue();
    CHECK(kqueue1(0x80000 | 3) == -1 && kqueuex(KQUEUE_CLOEXEC) == kq + 1);
    EV_SET(&list[0], ends[0], EVFILT_READ, EV_ADD | EV_CLEAR, NOTE_LOWAT, 3, (void *)0x1234);
    EV_SET(&list[1], 7, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_USECONDS, 2000, NULL);
    EV_SET(&list[2], SIGUSR1, EVFILT_SIGNAL, EV_ADD | EV_DISABLE, 0, 0, NULL);
    EV_SET(&list[3], -1, EVFILT_USER, EV_ADD, NOTE_FFCOPY | 0x21, 0, NULL);
    CHECK(kevent(kq, list, 4, NULL, 0, NULL) == 0);
    CHECK(kevent(kq, NULL, 0, list, 4, &ten_seconds) == 1);
    CHECK(write(ends[1], "hello", 5) == 5);
    CHECK(kevent(kq, NULL, 0, list, 4, NULL) == 1 && list[0].data == 5);
    CHECK(close(ends[1]) == 0);
    CHECK(kevent(kq, NULL, 0, list, 4, NULL) == 1);
    CHECK(close(ends[0]) == 0);
    CHECK(kevent(kq, NULL, 0, list, 4, &at_once) == 0);
    CHECK(close(kq) == 0);
    CHECK(kevent(kq, NULL, 0, list, 4, &at_once) == -1);
}

static void errors(void)
{
    struct kevent list[3];
    int kq = kqueue();
    EV_SET(&list[0], 99, EVFILT_VNODE, EV_ADD, NOTE_WRITE | NOTE_TRUNCATE | NOTE_OPEN | 0x80000, 0,
           NULL);
    EV_SET(&list[1], 1, -77, EV_ADD | 0x800, 0x55, -1, NULL);
    EV_SET(&list[2], 1, EVFILT_USER, EV_ADD | EV_RECEIPT, 0, 0, NULL);
    CHECK(kevent(kq, list, 3, list, 3, NULL) == 3);
    CHECK(apply(kq, 99, EVFILT_READ, EV_DELETE, 0, 0) == -1);
    CHECK(kevent(kq, NULL, 1, NULL, 0, NULL) == -1);
    CHECK(kevent(kq, NULL, -1, NULL, 0, NULL) == -1);
    CHECK(kevent(0, NULL, 0, NULL, 0, NULL) == -1);
}

static void process(void)
{
    struct kevent event;
    int kq = kqueue();
    pid_t children[2];
    for (int which = 0; which < 2; which++) {
        children[which] = fork();
        if (children[which] == 0) {
            if (which == 0)
                _exit(3);
            pause();
        }
        CHECK(apply(kq, children[which], EVFILT_PROC, EV_ADD, NOTE_EXIT, 0) == 0);
        if (which == 1)
            kill(children[which], SIGTERM);
        CHECK(kevent(kq, NULL, 0, &event, 1, &ten_seconds) == 1);
        CHECK(waitpid(children[which], NULL, 0) == children[which]);
    }
    printf("%d\n%d\n", (int)children[0], (int)children[1]);
}

#ifdef KEVENT_FREEBSD
static void freebsd(void)
{
    struct kevent list[2];
    int kq = kqueue();
    EV_SET(&list[0], 1, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS | NOTE_ABSTIME, 1, NULL);
    list[0].ext[3] = 0x20;
    EV_SET(&list[1], 99, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT | NOTE_REAP, 0, NULL);
    CHECK(kevent(kq, list, 2, list, 2, NULL) == 1);
    CHECK(kevent(kq, NULL, 0, list, 2, &ten_seconds) == 1);
}
#else
static int asked_from_printer;
static int the_queue;

static void printer(const char *format, ...)
{
    va_list arguments;
    printf("printed: ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    if (asked_from_printer)
        CHECK(apply(the_queue, 9, EVFILT_USER, EV_ADD, 0, 0) == 0);
}

static intptr_t ask(unsigned question, intptr_t data)
{
    struct kevent change, answer;
    EV_SET(&change, 0, EVFILT_LIBKQUEUE, EV_ADD | EV_RECEIPT, question, data, NULL);
    CHECK(kevent(the_queue, &change, 1, &answer, 1, &at_once) == 1);
    CHECK(answer.filter == EVFILT_LIBKQUEUE);
    return answer.data;
}

static void switched(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    the_queue = kqueue();
    CHECK(ask(NOTE_DEBUG, 1) == 0);
    CHECK(apply(the_queue, ends[0], EVFILT_READ, EV_ADD, 0, 0) == 0);
    ask(NOTE_DEBUG_PREFIX, (intptr_t) "a prefix");
    CHECK(ask(NOTE_DEBUG_FUNC, (intptr_t)printer) == 0);
    asked_from_printer = 1;
    CHECK(apply(the_queue, 5, EVFILT_USER, EV_ADD, 0, 0) == 0);
    asked_from_printer = 0;
    /* Not told to the function: it may be in a signal handler. */
    CHECK(close(ends[0]) == 0);
    CHECK(close(kqueue()) == 0);
    ask(NOTE_DEBUG_PREFIX, (intptr_t) "0123456789012345678901234567890 and not this");
    CHECK(ask(NOTE_DEBUG_FUNC, 0) == (intptr_t)printer);
    ask(NOTE_DEBUG_PREFIX, 0);
    CHECK(ask(NOTE_DEBUG, 0) == 1);
    CHECK(apply(the_queue, 6, EVFILT_USER, EV_ADD, 0, 0) == 0);
}
#endif

static int to_close;

static void close_in_handler(int number)
{
    (void)number;
    close(to_close);
}

static void handler(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    int kq = kqueue();
    CHECK(apply(kq, ends[0], EVFILT_READ, EV_ADD, 0, 0) == 0);
    to_close = ends[0];
    CHECK(signal(SIGUSR2, close_in_handler) != SIG_ERR);
    CHECK(raise(SIGUSR2) == 0);
}

static int cancelled_thread;

static void *wait_for_ever(void *kq)
{
    struct kevent event;
    __atomic_store_n(&cancelled_thread, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    kevent(*(int *)kq, NULL, 0, &event, 1, NULL);
    return NULL;
}

/* Until the thread sleeps in its call: then the second field behind its name is S. */
static void until_it_sleeps(void)
{
    for (int tries = 0; tries < 10000; tries++) {
        char name[64], text[256] = "";
        int thread = __atomic_load_n(&cancelled_thread, __ATOMIC_ACQUIRE);
        snprintf(name, sizeof name, "/proc/self/task/%d/stat", thread);
        FILE *file = thread ? fopen(name, "r") : NULL;
        if (file != NULL) {
            CHECK(fread(text, 1, sizeof text - 1, file) > 0);
            fclose(file);
            const char *behind = strrchr(text, ')');
            if (behind != NULL && behind[2] == 'S')
                return;
        }
        usleep(1000);
    }
    CHECK(!"it sleeps");
}

static void cancel(void)
{
    pthread_t thread;
    void *result;
    int kq = kqueue();
    CHECK(pthread_create(&thread, NULL, wait_for_ever, &kq) == 0);
    until_it_sleeps();
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
}

static void *call_often(void *kq)
{
    for (int turn = 0; turn < 200; turn++)
        CHECK(apply(*(int *)kq, turn, EVFILT_USER, EV_ADD, 0, 0) == 0);
    return NULL;
}

static void threads(void)
{
    pthread_t all[4];
    int kq = kqueue();
    for (int which = 0; which < 4; which++)
        CHECK(pthread_create(&all[which], NULL, call_often, &kq) == 0);
    for (int which = 0; which < 4; which++)
        CHECK(pthread_join(all[which], NULL) == 0);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } groups[] = {
        {"several", several}, {"errors", errors}, {"process", process},
        {"handler", handler}, {"cancel", cancel}, {"threads", threads},
#ifdef KEVENT_FREEBSD
        {"freebsd", freebsd},
#else
        {"switched", switched},
#endif
    };
    CHECK(count == 2);
    setvbuf(stdout, NULL, _IONBF, 0);
    CHECK(syscall(SYS_close_range, 3, ~0U, 0) == 0);
    for (size_t which = 0; which < sizeof groups / sizeof *groups; which++) {
        if (strcmp(groups[which].name, arguments[1]) == 0) {
            groups[which].run();
            return 0;
        }
    }
    printf("no group %s\n", arguments[1]);
    return 1;
}
