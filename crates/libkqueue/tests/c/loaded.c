/*
 * A program that is not linked to the library: dlopen, use, dlclose. Nothing of the library may be
 * called after dlclose() took it away: no handler, no function at fork or exit.
 */
#include "case.h"

#include <dlfcn.h>

static void *library;
static int (*make_queue)(void);
static int (*call)(int, const struct kevent *, int, struct kevent *, int,
                   const struct timespec *);

static void load(void)
{
    const char *entry =
#ifdef KEVENT_FREEBSD
        "kevent_freebsd";
#else
        "kevent";
#endif

    if (!(library = dlopen("libkqueue.so.0", RTLD_NOW | RTLD_LOCAL)))
        FAIL("%s", dlerror());
    *(void **)&make_queue = dlsym(library, "kqueue");
    *(void **)&call = dlsym(library, entry);
    CHECK(make_queue && call);
}

static int changed(int kq, uintptr_t ident, int filter, int flags, unsigned fflags, long data)
{
    struct kevent kev;

    EV_SET(&kev, ident, (short)filter, (unsigned short)flags, fflags, data, NULL);
    return call(kq, &kev, 1, NULL, 0, NULL);
}

static void use(int is_closed)
{
    struct kevent event;
    int kq = make_queue(), ends[2];

    CHECK(kq >= 0);
    CHECK(pipe(ends) == 0);
    CHECK(changed(kq, (uintptr_t)ends[0], EVFILT_READ, EV_ADD, 0, 0) == 0);
    CHECK(changed(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5) == 0);
    CHECK(changed(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0) == 0);
    CHECK(changed(kq, (uintptr_t)getpid(), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0) == 0);
    SAME(call(kq, NULL, 0, &event, 1, &deadline), 1);
    SAME(event.filter, EVFILT_TIMER);
    send_bytes(ends[1], 5);
    SAME(call(kq, NULL, 0, &event, 1, &deadline), 1);
    SAME(event.data, 5);
    CHECK(close(ends[0]) == 0);
    CHECK(raise(SIGUSR1) == 0);
    SAME(call(kq, NULL, 0, &event, 1, &deadline), 1);
    SAME(event.ident, SIGUSR1);
    if (is_closed)
        CHECK(close(kq) == 0);
}

static void live_on(void)
{
    pid_t child;

    CHECK(raise(SIGUSR1) == 0);
    CHECK((child = fork()) >= 0);
    if (child == 0)
        exit(0);
    SAME(ended(child), 0);
}

TEST(loaded_used_and_unloaded)
{
    signal(SIGUSR1, SIG_IGN);
    for (int round = 0; round < 5; round++) {
        load();
        use(1);
        CHECK(dlclose(library) == 0);
        live_on();
    }
}

TEST(unloaded_with_a_queue_still_open)
{
    signal(SIGUSR1, SIG_IGN);
    load();
    use(0);
    CHECK(dlclose(library) == 0);
    live_on();
    load();
    use(1);
}

/* Nobody asked for forks or execs: no thread was started. */
TEST(no_thread_is_started)
{
    char line[256];
    FILE *file;
    int threads = 0;

    signal(SIGUSR1, SIG_IGN);
    load();
    use(0);
    CHECK((file = fopen("/proc/self/status", "r")) != NULL);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "Threads:", 8) == 0)
            threads = atoi(line + 8);
    SAME(threads, 1);
}
