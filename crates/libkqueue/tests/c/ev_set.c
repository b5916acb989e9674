/* EV_SET: each argument once, every field. C89 to C++17, both interfaces. */
#include <stdio.h>
#include <string.h>
#include <sys/event.h>

static int calls;

static int once(int value)
{
    calls++;
    return value;
}

static int check(int is_true, const char *what)
{
    if (!is_true)
        printf("wrong: %s\n", what);
    return !is_true;
}

int main(void)
{
    struct kevent list[3];
    struct kevent *next = list;
    /* Names that a careless macro would have used inside. */
    struct kevent kev, *kevp = &kev;
    int ident = 5, filter = 6, flags = 7, fflags = 8, data = 9, bad = 0;
    void *udata = &calls;
#ifdef __cplusplus
    struct kevent &same = kev;
#endif

    memset(list, 0xff, sizeof list);
    EV_SET(next++, (uintptr_t)once(3), (short)once(EVFILT_VNODE),
           (unsigned short)once(EV_ADD | EV_CLEAR), (unsigned)once(NOTE_WRITE), once(-4), udata);
    bad += check(calls == 5, "arguments are evaluated once");
    bad += check(next == list + 1, "the first one, too");
    bad += check(list[0].ident == 3, "ident");
    bad += check(list[0].filter == EVFILT_VNODE, "filter");
    bad += check(list[0].flags == (EV_ADD | EV_CLEAR), "flags");
    bad += check(list[0].fflags == NOTE_WRITE, "fflags");
    bad += check(list[0].data == -4, "data");
    bad += check(list[0].udata == &calls, "udata");
#ifdef KEVENT_FREEBSD
    bad += check((list[0].ext[0] | list[0].ext[1] | list[0].ext[2] | list[0].ext[3]) == 0, "ext");
#endif
    bad += check(list[1].filter == -1 && list[1].ident == (uintptr_t)-1, "the next is untouched");

    EV_SET(&kev, (uintptr_t)ident, (short)filter, (unsigned short)flags, (unsigned)fflags, data,
           udata);
    bad += check(kev.ident == 5 && kev.filter == 6 && kev.flags == 7 && kev.fflags == 8
                     && kev.data == 9 && kev.udata == udata,
                 "variables with the names of fields");

    /* Fields of the structure itself, each in another's place. */
    EV_SET(kevp, kevp->fflags, (short)kevp->data, kevp->flags, (unsigned)kevp->ident, kevp->filter,
           kevp->udata);
    bad += check(kev.ident == 8 && kev.filter == 9 && kev.flags == 7 && kev.fflags == 5
                     && kev.data == 6,
                 "the old fields are read before the new ones are written");

    if (bad)
        EV_SET(&list[1], 1, EVFILT_READ, EV_ADD, 0, 0, NULL);
    else
        EV_SET(&list[1], 0, EVFILT_PROC, EV_ADD, NOTE_EXIT | NOTE_TRACK, 0, NULL);
    bad += check(list[1].fflags == 0x80000001 && list[1].udata == NULL, "a statement of its own");

    (EV_SET(&list[2], 1, EVFILT_WRITE, EV_DELETE, 0, 0, NULL), calls = 0);
    bad += check(list[2].filter == EVFILT_WRITE, "an expression");

#ifdef __cplusplus
    EV_SET(&same, 2, EVFILT_USER, EV_ADD, NOTE_FFCOPY, 0, &kev);
    bad += check(kev.udata == &kev, "a pointer of another type");
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L
    EV_SET(&(struct kevent){0}, 2, EVFILT_USER, EV_ADD, NOTE_FFCOPY, 0, &(int){3});
    EV_SET((&(struct kevent){.ident = 1, .filter = 2}), 2, EVFILT_USER, EV_ADD, 0, 0, NULL);
#endif

    /* The names that the tables of macros share with functions and structures do not collide. */
    bad += check(sizeof(struct kevent) == sizeof kev, "struct kevent and kevent() are two names");
    if (!bad)
        printf("as it should be\n");
    return bad;
}
