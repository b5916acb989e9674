/*
 * kqueue(2) and kevent(2) for Linux: the interface of libkqueue.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Two binary interfaces share this header. The default one has a struct kevent of 32 bytes and the
 * numbers that programs built with earlier libraries named libkqueue have compiled in. A program
 * that defines KEVENT_FREEBSD before it includes this header gets the structure of FreeBSD 12 and
 * later (64 bytes, data of 64 bits everywhere, ext[4]) with FreeBSD's numbers; its calls of
 * kevent() go to another symbol. Object files of both kinds may be linked into one program.
 *
 * Every EVFILT_ and NOTE_ name is a macro, so that #ifdef finds it. What a name means is in
 * kqueue(2). "Own number": FreeBSD has no such name, or its number means something else here.
 */
#ifndef _SYS_EVENT_H_
#define _SYS_EVENT_H_

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Strict C89 and C99 have no struct timespec, and glibc's <time.h> keeps to it. */
struct timespec;
#ifdef __has_include
#if __has_include(<bits/types/struct_timespec.h>)
#include <bits/types/struct_timespec.h>
#endif
#endif

#define LIBKQUEUE 1

#ifdef KEVENT_FREEBSD
struct kevent {
    uintptr_t ident;      /* what is watched: a descriptor, a process, any number */
    short filter;         /* EVFILT_: which filter watches it */
    unsigned short flags; /* EV_: what to do; what an event says */
    unsigned int fflags;  /* NOTE_: what interests; what happened */
    int64_t data;         /* the filter's number */
    void *udata;          /* the program's own; comes back with each event */
    uint64_t ext[4];      /* likewise, as given at EV_ADD */
};
#else
struct kevent {
    uintptr_t ident;      /* what is watched: a descriptor, a process, any number */
    short filter;         /* EVFILT_: which filter watches it */
    unsigned short flags; /* EV_: what to do; what an event says */
    unsigned int fflags;  /* NOTE_: what interests; what happened */
    intptr_t data;        /* the filter's number */
    void *udata;          /* the program's own; comes back with each event */
};
#endif

/* Filters. */
#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_AIO (-3) /* reserved: ENXIO */
#define EVFILT_VNODE (-4)
#define EVFILT_PROC (-5)
#define EVFILT_SIGNAL (-6)
#define EVFILT_TIMER (-7)
#define EVFILT_FS (-9)
#define EVFILT_LIO (-10) /* reserved: ENXIO */
#define EVFILT_USER (-11)
#define EVFILT_EMPTY (-13)
#define EVFILT_JAIL (-14)     /* reserved: EINVAL */
#define EVFILT_JAILDESC (-15) /* reserved: EINVAL */
#define EVFILT_EXCEPT (-101)  /* own number */
#ifdef KEVENT_FREEBSD
#define EVFILT_PROCDESC (-8)
#define EVFILT_SENDFILE (-12) /* reserved: ENXIO */
#define EVFILT_NETDEV (-100)  /* own number */
#define EVFILT_SYSCOUNT 15
#else
#define EVFILT_NETDEV (-8)
#define EVFILT_LIBKQUEUE (-12)
#define EVFILT_PROCDESC (-102) /* own number */
#define EVFILT_SENDFILE (-103) /* own number; reserved: ENXIO */
#define EVFILT_SYSCOUNT 12     /* those of the other library */
#endif

/* Flags of a change: what to do. */
#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ENABLE 0x0004
#define EV_DISABLE 0x0008
#define EV_FORCEONESHOT 0x0100
#define EV_KEEPUDATA 0x0200

/* Flags of a change: how events are delivered. */
#define EV_ONESHOT 0x0010
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040
#define EV_DISPATCH 0x0080

/* Flags of an event. A change cannot set these, nor those without a meaning here. */
#define EV_EOF 0x8000
#define EV_ERROR 0x4000
#define EV_DROP 0x1000
#define EV_FLAG1 0x2000
#define EV_FLAG2 0x4000
#define EV_SYSFLAGS 0xF000

/* EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT. */
#define NOTE_LOWAT 0x00000001
#define NOTE_FILE_POLL 0x00000002
#define NOTE_OOB 0x00000004 /* own number */

/* EVFILT_VNODE. */
#define NOTE_DELETE 0x00000001
#define NOTE_WRITE 0x00000002
#define NOTE_EXTEND 0x00000004
#define NOTE_ATTRIB 0x00000008
#define NOTE_LINK 0x00000010
#define NOTE_RENAME 0x00000020
#define NOTE_REVOKE 0x00000040
#define NOTE_CLOSE 0x00000100
#define NOTE_CLOSE_WRITE 0x00000200
#define NOTE_READ 0x00000400
#ifdef KEVENT_FREEBSD
#define NOTE_OPEN 0x00000080
#define NOTE_TRUNCATE 0x00001000 /* own number */
#else
#define NOTE_TRUNCATE 0x00000080
#define NOTE_OPEN 0x00000800 /* own number */
#endif

/* EVFILT_PROC, EVFILT_PROCDESC. */
#define NOTE_EXIT 0x80000000
#define NOTE_FORK 0x40000000
#define NOTE_EXEC 0x20000000
#define NOTE_PDSIGCHLD 0x10000000 /* reserved */
#define NOTE_REAP 0x04000000
#define NOTE_EXITSTATUS 0x00000000 /* the status comes with every NOTE_EXIT */
#define NOTE_PDATAMASK 0x000fffff
#define NOTE_TRACK 0x00000001
#define NOTE_TRACKERR 0x00000002
#define NOTE_CHILD 0x00000004
#ifdef KEVENT_FREEBSD
#define NOTE_PCTRLMASK 0xfc000000
#else
#define NOTE_PCTRLMASK 0xf0000000
#endif

/* EVFILT_TIMER: the unit of data; none means milliseconds. */
#define NOTE_SECONDS 0x00000001
#define NOTE_ABSTIME 0x00000010
#ifdef KEVENT_FREEBSD
#define NOTE_MSECONDS 0x00000002
#define NOTE_USECONDS 0x00000004
#define NOTE_NSECONDS 0x00000008
#else
#define NOTE_MSECONDS 0x00000000
#define NOTE_USECONDS 0x00000002
#define NOTE_NSECONDS 0x00000004
#define NOTE_ABSOLUTE 0x00000008 /* as NOTE_ABSTIME */
#endif

/* EVFILT_USER. */
#define NOTE_FFNOP 0x00000000
#define NOTE_FFAND 0x40000000
#define NOTE_FFOR 0x80000000
#define NOTE_FFCOPY 0xc0000000
#define NOTE_FFCTRLMASK 0xc0000000
#define NOTE_FFLAGSMASK 0x00ffffff
#define NOTE_TRIGGER 0x01000000

/* EVFILT_NETDEV. */
#define NOTE_LINKUP 0x00000001
#define NOTE_LINKDOWN 0x00000002
#define NOTE_LINKINV 0x00000004

/* EVFILT_FS: the notes of an event. Linux tells of VQ_MOUNT and VQ_UNMOUNT. */
#define VQ_NOTRESP 0x0001
#define VQ_NEEDAUTH 0x0002
#define VQ_LOWDISK 0x0004
#define VQ_MOUNT 0x0008
#define VQ_UNMOUNT 0x0010
#define VQ_DEAD 0x0020
#define VQ_ASSIST 0x0040
#define VQ_NOTRESPLOCK 0x0080

/* EVFILT_JAIL, EVFILT_JAILDESC: reserved, there are no jails. */
#define NOTE_JAIL_CHILD 0x80000000
#define NOTE_JAIL_SET 0x40000000
#define NOTE_JAIL_ATTACH 0x20000000
#define NOTE_JAIL_REMOVE 0x10000000
#define NOTE_JAIL_MULTI 0x08000000
#define NOTE_JAIL_CTRLMASK 0xf0000000

/* EVFILT_LIBKQUEUE: questions to the library itself; these are numbers, not bits. */
#ifndef KEVENT_FREEBSD
#define NOTE_VERSION 1
#define NOTE_VERSION_STR 2
#define NOTE_THREAD_SAFE 3
#define NOTE_FORK_CLEANUP 4
#define NOTE_DEBUG 5
#define NOTE_DEBUG_PREFIX 6
#define NOTE_DEBUG_FUNC 7
#define NOTE_FILE_POLL_INTERVAL 8
#endif

/* kqueuex(). */
#define KQUEUE_CLOEXEC 0x00000001
#define KQUEUE_CPONFORK 0x00000002

#ifdef __cplusplus
extern "C" {
#endif

int kqueue(void);
int kqueuex(unsigned int flags);
int kqueue1(int flags);

#if defined(__cplusplus) && defined(__GNUC__)
/* A function that has the name of a structure, as stat() has: no mistake. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
int kevent(int kq, const struct kevent *changelist, int nchanges, struct kevent *eventlist,
           int nevents, const struct timespec *timeout)
#ifdef KEVENT_FREEBSD
    /* A macro could not do this: it would rename the structure as well. */
    __asm__("kevent_freebsd")
#endif
    ;
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* Returns once queues that were closed have given their memory back. */
void libkqueue_drain_pending_close(void);

#ifdef __cplusplus
}
#endif

/*
 * EV_SET sets every field, and is an expression without a value. Behind it is a function, so that
 * each argument is evaluated once and before any field changes, whatever names it mentions. In C it
 * has no symbol, so that inline functions of other headers may use it, too; in C++ the two
 * interfaces have one each, so that the linker never takes one for the other.
 */
#if defined(__cplusplus)
#define __LIBKQUEUE_INLINE inline
#elif defined(__GNUC__)
#define __LIBKQUEUE_INLINE \
    extern __inline__ __attribute__((__gnu_inline__, __always_inline__, __unused__))
#else
#define __LIBKQUEUE_INLINE static inline
#endif

#ifdef KEVENT_FREEBSD
__LIBKQUEUE_INLINE void
__kevent_freebsd_set(struct kevent *kev, uintptr_t ident, short filter, unsigned short flags,
                     unsigned int fflags, int64_t data, void *udata)
{
    kev->ident = ident;
    kev->filter = filter;
    kev->flags = flags;
    kev->fflags = fflags;
    kev->data = data;
    kev->udata = udata;
    kev->ext[0] = 0;
    kev->ext[1] = 0;
    kev->ext[2] = 0;
    kev->ext[3] = 0;
}

#define EV_SET(kev, ident, filter, flags, fflags, data, udata) \
    __kevent_freebsd_set((kev), (ident), (filter), (flags), (fflags), (data), (udata))
#else
__LIBKQUEUE_INLINE void
__kevent_set(struct kevent *kev, uintptr_t ident, short filter, unsigned short flags,
             unsigned int fflags, intptr_t data, void *udata)
{
    kev->ident = ident;
    kev->filter = filter;
    kev->flags = flags;
    kev->fflags = fflags;
    kev->data = data;
    kev->udata = udata;
}

#define EV_SET(kev, ident, filter, flags, fflags, data, udata) \
    __kevent_set((kev), (ident), (filter), (flags), (fflags), (data), (udata))
#endif

#undef __LIBKQUEUE_INLINE

#endif /* !_SYS_EVENT_H_ */
