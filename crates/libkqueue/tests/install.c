/*
 * What a C programmer's first program does. scripts/check-install compiles it against an installed
 * library, as C and as C++, for both interfaces, shared and static.
 */
#include <stdio.h>
#include <string.h>
#include <sys/event.h>
#include <unistd.h>

static int fail(const char *what)
{
    perror(what);
    return 1;
}

int main(void)
{
    struct kevent change[2], event;
    struct timespec at_once = {0, 0};
    int ends[2], kq = kqueue();

    if (kq < 0)
        return fail("kqueue");
    if (pipe(ends) != 0)
        return fail("pipe");
    EV_SET(&change[0], (uintptr_t)ends[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, &ends);
    EV_SET(&change[1], 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_USECONDS, 2000, NULL);
    if (kevent(kq, change, 2, NULL, 0, NULL) != 0)
        return fail("kevent: changes");

    if (kevent(kq, NULL, 0, &event, 1, NULL) != 1 || event.filter != EVFILT_TIMER)
        return fail("kevent: the timer");
    if (write(ends[1], "hello", 5) != 5)
        return fail("write");
    if (kevent(kq, NULL, 0, &event, 1, NULL) != 1)
        return fail("kevent: the pipe");
    if (event.ident != (uintptr_t)ends[0] || event.filter != EVFILT_READ || event.data != 5
        || event.udata != &ends)
        return fail("the event");
    if (kevent(kq, NULL, 0, &event, 1, &at_once) != 0)
        return fail("kevent: nothing is left");
    if (close(kq) != 0)
        return fail("close");
    printf("installed and running, struct kevent of %d bytes\n", (int)sizeof event);
    return 0;
}
