/*
 * What a queue takes: descriptors, threads, system calls, memory. None of it grows with what is
 * asked of one call.
 */
#include "case.h"

#include <dirent.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>

static int entries(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;

    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    CHECK(closedir(directory) == 0);
    return count;
}

TEST(a_queue_of_sockets_is_one_descriptor_and_no_thread)
{
    struct kevent event;
    int before = entries("/proc/self/fd"), kq, pair[2];

    kq = new_queue();
    SAME(entries("/proc/self/fd"), before + 1);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    add(kq, pair[0], EVFILT_READ, 0, NULL);
    add(kq, pair[0], EVFILT_WRITE, 0, NULL);
    SAME(kevent(kq, NULL, 0, &event, 1, NULL), 1);
    SAME(event.filter, EVFILT_WRITE);
    SAME(entries("/proc/self/fd"), before + 3);
    /* One way of telling for what comes in, another for what goes out: then it takes a second. */
    add(kq, pair[1], EVFILT_READ, EV_CLEAR, NULL);
    add(kq, pair[1], EVFILT_WRITE, EV_ONESHOT, NULL);
    SAME(entries("/proc/self/fd"), before + 4);
    SAME(entries("/proc/self/task"), 1);
}

/* Every filter but PROC's forks and execs does without a thread. */
TEST(timers_files_signals_and_processes_need_no_thread)
{
    struct kevent changes[5], event;
    int kq, file;
    char name[] = "/tmp/kqueue-costs-XXXXXX";
    pid_t child;

    kq = new_queue();
    CHECK((file = mkstemp(name)) >= 0);
    CHECK((child = fork()) >= 0);
    if (child == 0)
        _exit(0);
    EV_SET(&changes[0], 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1, NULL);
    EV_SET(&changes[1], file, EVFILT_VNODE, EV_ADD | EV_ONESHOT, NOTE_DELETE, 0, NULL);
    EV_SET(&changes[2], SIGCHLD, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL);
    EV_SET(&changes[3], child, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    EV_SET(&changes[4], 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
    SAME(kevent(kq, changes, LENGTH(changes), NULL, 0, NULL), 0);
    CHECK(unlink(name) == 0);
    for (int seen = 0; seen != 7;) {
        SAME(kevent(kq, NULL, 0, &event, 1, NULL), 1);
        seen |= event.filter == EVFILT_TIMER  ? 1
                : event.filter == EVFILT_VNODE ? 2
                : event.filter == EVFILT_PROC  ? 4
                                               : 0;
    }
    SAME(entries("/proc/self/task"), 1);
    CHECK(waitpid(child, NULL, 0) == child);
}

TEST(one_call_returns_as_many_events_as_there_is_room_for)
{
    enum { MANY = 20000 };
    static struct kevent changes[MANY], events[MANY];
    int kq, count = 0;

    kq = new_queue();
    for (int each = 0; each < MANY; each++)
        EV_SET(&changes[each], each, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
    SAME(kevent(kq, changes, MANY, NULL, 0, NULL), 0);
    count = kevent(kq, NULL, 0, events, MANY, NULL);
    SAME(count, MANY);
}

#ifndef __SANITIZE_ADDRESS__
TEST(a_watched_descriptor_takes_80_bytes_at_most)
{
    enum { WANTED = 19000 };
    struct rlimit limit;
    struct mallinfo2 before, after;
    static int numbers[WANTED];
    int kq, pair[2], count = 0;
    double each;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    kq = new_queue();
    while (count + 2 <= WANTED && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) {
        numbers[count++] = pair[0];
        numbers[count++] = pair[1];
    }
    before = mallinfo2();
    for (int at = 0; at < count; at++)
        add(kq, numbers[at], EVFILT_READ, 0, NULL);
    after = mallinfo2();
    each = (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / count;
    fprintf(stderr, "note: %d descriptors, %.1f bytes each\n", count, each);
    /* With few descriptors the tables' ends weigh too much. */
    CHECK(count < 10000 || each <= 80);
}
#endif

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
/* The next system call of a traced child; -1 when it has ended. */
static long next_call(pid_t child)
{
    struct user_regs_struct registers;
    int status;

    for (int stop = 0; stop < 2; stop++) {
        CHECK(ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0);
        CHECK(waitpid(child, &status, 0) == child);
        if (WIFEXITED(status)) {
            SAME(WEXITSTATUS(status), 0);
            return -1;
        }
        CHECK(WIFSTOPPED(status));
        if (stop == 0)
            CHECK(ptrace(PTRACE_GETREGS, child, NULL, &registers) == 0);
    }
    return (long)registers.orig_rax;
}

TEST(a_registration_is_one_system_call)
{
    pid_t child;
    int status, marks = 0, calls = 0;

    CHECK((child = fork()) >= 0);
    if (child == 0) {
        int kq = new_queue(), pair[2];

        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        add(kq, pair[0], EVFILT_READ, 0, NULL);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(SKIPPED);
        raise(SIGSTOP);
        syscall(SYS_getppid);
        add(kq, pair[1], EVFILT_READ, 0, NULL);
        syscall(SYS_getppid);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status))
        exit(WEXITSTATUS(status));
    for (long call; (call = next_call(child)) >= 0;) {
        if (call == SYS_getppid)
            marks++;
        else if (marks == 1) {
            SAME(call, SYS_epoll_ctl);
            calls++;
        }
        if (call == SYS_exit_group)
            break;
    }
    SAME(marks, 2);
    SAME(calls, 1);
}
#endif
