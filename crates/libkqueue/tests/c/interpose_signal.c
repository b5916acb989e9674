/* sigaction(2) and its relatives while EVFILT_SIGNAL counts: the program sees what it has set. */
#define _GNU_SOURCE
#include "interpose.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/syscall.h>

/* Not in every version of the C library's headers. */
extern sighandler_t bsd_signal(int, sighandler_t);
extern int siginterrupt(int, int);

static volatile sig_atomic_t runs, blocked_inside, last_code;

static void plain(int signal)
{
    sigset_t mask;

    (void)signal;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    blocked_inside = (sigismember(&mask, SIGUSR1) == 1) + 2 * (sigismember(&mask, SIGUSR2) == 1);
    runs++;
}

static void full(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    last_code = context ? info->si_code : -1;
    runs++;
}

static void count(int kq, int signal)
{
    CHECK(one_change(kq, signal, EVFILT_SIGNAL, EV_ADD, 0, 0) == 0);
}

static long counted(int kq, int signal)
{
    struct kevent event;
    int result = ready(kq, &event);

    CHECK(result >= 0);
    CHECK(result == 0 || event.ident == (uintptr_t)signal);
    return result ? (long)event.data : 0;
}

static struct sigaction action_of(int signal)
{
    struct sigaction action;

    CHECK(sigaction(signal, NULL, &action) == 0);
    return action;
}

/* S-16, and the other way round. */
static void before_or_after(void)
{
    int kq = kqueue();

    CHECK(signal(SIGUSR1, plain) == SIG_DFL);
    count(kq, SIGUSR1);
    count(kq, SIGUSR2);
    CHECK(signal(SIGUSR2, plain) == SIG_DFL);
    for (int i = 0; i < 3; i++) {
        raise(SIGUSR1);
        raise(SIGUSR2);
    }
    CHECK(runs == 6);
    CHECK(one_change(kq, SIGUSR2, EVFILT_SIGNAL, EV_DISABLE, 0, 0) == 0);
    CHECK(counted(kq, SIGUSR1) == 3);
    CHECK(one_change(kq, SIGUSR2, EVFILT_SIGNAL, EV_ENABLE, 0, 0) == 0);
    CHECK(counted(kq, SIGUSR2) == 3);
    close(kq);
    CHECK(signal(SIGUSR1, SIG_IGN) == plain && signal(SIGUSR2, SIG_IGN) == plain);
}

static void a_view(int kq)
{
    struct sigaction set, seen;

    memset(&set, 0, sizeof set);
    set.sa_sigaction = full;
    set.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigaddset(&set.sa_mask, SIGUSR2);
    CHECK(sigaction(SIGUSR1, &set, NULL) == 0);
    seen = action_of(SIGUSR1);
    CHECK(seen.sa_sigaction == full);
    CHECK((seen.sa_flags & ~0x04000000) == set.sa_flags);
    CHECK(sigismember(&seen.sa_mask, SIGUSR2) == 1 && sigismember(&seen.sa_mask, SIGHUP) == 0);
    runs = 0;
    last_code = 0;
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(runs == 1 && last_code == SI_USER);

    set.sa_handler = plain;
    set.sa_flags = 0;
    CHECK(sigaction(SIGUSR1, &set, &seen) == 0 && seen.sa_sigaction == full);
    raise(SIGUSR1);
    CHECK(runs == 2 && blocked_inside == 3);
    CHECK((action_of(SIGUSR1).sa_flags & ~0x04000000) == 0);
    set.sa_flags = SA_NODEFER;
    CHECK(sigaction(SIGUSR1, &set, NULL) == 0);
    raise(SIGUSR1);
    CHECK(blocked_inside == 2);

    CHECK(signal(SIGUSR1, SIG_IGN) == plain);
    CHECK(action_of(SIGUSR1).sa_handler == SIG_IGN);
    raise(SIGUSR1);
    CHECK(runs == 3);
    CHECK(bsd_signal(SIGUSR1, plain) == SIG_IGN);
    seen = action_of(SIGUSR1);
    CHECK((seen.sa_flags & ~0x04000000) == SA_RESTART && sigismember(&seen.sa_mask, SIGUSR1) == 1);
    CHECK(siginterrupt(SIGUSR1, 1) == 0 && !(action_of(SIGUSR1).sa_flags & SA_RESTART));
    CHECK(signal(SIGUSR1, plain) == plain && !(action_of(SIGUSR1).sa_flags & SA_RESTART));
    CHECK(siginterrupt(SIGUSR1, 0) == 0 && action_of(SIGUSR1).sa_flags & SA_RESTART);
    CHECK(sysv_signal(SIGUSR1, plain) == plain);
    CHECK((action_of(SIGUSR1).sa_flags & ~0x04000000) == (int)(SA_RESETHAND | SA_NODEFER));
    raise(SIGUSR1);
    CHECK(runs == 4 && action_of(SIGUSR1).sa_handler == SIG_DFL);

    CHECK(signal(SIGKILL, plain) == SIG_ERR && errno == EINVAL);
    CHECK(signal(0, plain) == SIG_ERR && errno == EINVAL);
    CHECK(signal(1000, plain) == SIG_ERR && errno == EINVAL);
    CHECK(signal(SIGUSR1, SIG_ERR) == SIG_ERR && errno == EINVAL);
    CHECK(sigaction(-1, NULL, &seen) == -1 && errno == EINVAL);
    errno = 77;
    CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL && errno == 77);
    if (kq >= 0)
        CHECK(counted(kq, SIGUSR1) == 5);
}

static void a_view_uncounted(void)
{
    a_view(-1);
}

static void a_view_counted(void)
{
    int kq = kqueue();

    count(kq, SIGUSR1);
    a_view(kq);
}

static void sigset_family(void)
{
    int kq = kqueue();

    count(kq, SIGUSR1);
    CHECK(sigset(SIGUSR1, plain) == SIG_DFL);
    CHECK(sigset(SIGUSR1, SIG_HOLD) == plain);
    CHECK(sigset(SIGUSR1, SIG_HOLD) == SIG_HOLD);
    raise(SIGUSR1);
    CHECK(runs == 0);
    CHECK(sigset(SIGUSR1, plain) == SIG_HOLD);
    CHECK(runs == 1);
    CHECK(sigignore(SIGUSR1) == 0);
    CHECK(action_of(SIGUSR1).sa_handler == SIG_IGN);
    raise(SIGUSR1);
    CHECK(counted(kq, SIGUSR1) == 2);
    CHECK(sigset(0, plain) == SIG_ERR && errno == EINVAL);
    CHECK(sigignore(0) == -1 && errno == EINVAL);
}

/* The program's handler runs once, ours stays where the default action is to do nothing. */
static void once(void)
{
    int kq = kqueue();
    struct sigaction set, seen;

    memset(&set, 0, sizeof set);
    set.sa_handler = plain;
    set.sa_flags = SA_RESETHAND;
    count(kq, SIGURG);
    CHECK(sigaction(SIGURG, &set, NULL) == 0);
    CHECK(action_of(SIGURG).sa_flags & SA_RESETHAND);
    raise(SIGURG);
    seen = action_of(SIGURG);
    CHECK(runs == 1 && seen.sa_handler == SIG_DFL);
    raise(SIGURG);
    raise(SIGURG);
    CHECK(runs == 1);
    CHECK(counted(kq, SIGURG) == 3);
}

static void resets(int signal)
{
    (void)signal;
    struct sigaction set;

    memset(&set, 0, sizeof set);
    set.sa_handler = runs % 2 ? resets : plain;
    sigaction(SIGUSR2, &set, NULL);
    set.sa_handler = resets;
    sigaction(SIGALRM, &set, NULL);
    runs++;
}

/* Handlers that change actions while the thread they interrupt does the same. */
static void in_handlers(void)
{
    int kq = kqueue();
    struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};

    CHECK(signal(SIGALRM, resets) == SIG_DFL);
    count(kq, SIGUSR2);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < 20000 || runs < 100; i++) {
        count(kq, SIGALRM);
        CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
        one_change(kq, SIGALRM, EVFILT_SIGNAL, EV_DELETE, 0, 0);
    }
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

static void *flips(void *stop)
{
    while (!*(volatile int *)stop)
        CHECK(signal(SIGUSR1, plain) != SIG_ERR && action_of(SIGUSR1).sa_handler == plain);
    return NULL;
}

/* An action set at the very moment the counting begins or ends is not lost. */
static void races(void)
{
    int kq = kqueue(), stop = 0;
    pthread_t thread;

    CHECK(signal(SIGUSR1, plain) == SIG_DFL);
    CHECK(pthread_create(&thread, NULL, flips, &stop) == 0);
    for (int i = 0; i < 5000; i++) {
        count(kq, SIGUSR1);
        CHECK(action_of(SIGUSR1).sa_handler == plain);
        raise(SIGUSR1);
        CHECK(counted(kq, SIGUSR1) == 1);
        CHECK(one_change(kq, SIGUSR1, EVFILT_SIGNAL, EV_DELETE, 0, 0) == 0);
    }
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(runs == 5000);
}

/* What an executed program finds: SIGUSR1 ignored, the others by default. */
static int found(void)
{
    return (action_of(SIGUSR1).sa_handler == SIG_IGN)
           + 2 * (action_of(SIGUSR2).sa_handler == SIG_DFL)
           + 4 * (action_of(SIGHUP).sa_handler == SIG_DFL);
}

static void finds(void)
{
    exit(found());
}

static void finds_all(void)
{
    CHECK(found() == 7);
}

static char *self_path;

static void executed(void)
{
    int kq = kqueue();
    char *arguments[] = {self_path, "finds", NULL};
    pid_t child;

    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, plain);
    count(kq, SIGUSR1);
    count(kq, SIGUSR2);
    count(kq, SIGHUP);
    child = fork();
    if (child == 0) {
        execl(self_path, self_path, "finds", NULL);
        _exit(99);
    }
    CHECK(exit_status(child) == 7);
    child = vfork();
    if (child == 0) {
        execv(self_path, arguments);
        _exit(99);
    }
    CHECK(exit_status(child) == 7);
    child = vfork();
    if (child == 0) {
        execvp(self_path, arguments);
        _exit(99);
    }
    CHECK(exit_status(child) == 7);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        execve(self_path, arguments, environ);
        _exit(99);
    }
    CHECK(exit_status(child) == 7);
    child = vfork();
    if (child == 0) {
        execve("/nowhere", arguments, environ);
        _exit(98);
    }
    CHECK(exit_status(child) == 98);
    CHECK(execve("/nowhere", arguments, environ) == -1 && errno == ENOENT);
    raise(SIGUSR1);
    CHECK(counted(kq, SIGUSR1) == 1);
    /* In the place of this program. */
    arguments[1] = "finds_all";
    execv(self_path, arguments);
    exit(99);
}

/* A child of vfork(2) sets actions of its own; the parent's stay. */
static void in_a_vfork_child(void)
{
    int kq = kqueue();
    pid_t child;

    signal(SIGUSR1, plain);
    count(kq, SIGUSR1);
    child = vfork();
    if (child == 0)
        _exit(!(signal(SIGUSR1, SIG_IGN) == plain && signal(SIGUSR1, SIG_DFL) == SIG_IGN));
    CHECK(exit_status(child) == 0);
    raise(SIGUSR1);
    CHECK(runs == 1 && counted(kq, SIGUSR1) == 1);
    CHECK(action_of(SIGUSR1).sa_handler == plain);
}

/* A forked child counts for itself. */
static void in_a_child(void)
{
    int kq = kqueue();
    pid_t child;

    signal(SIGUSR1, SIG_IGN);
    count(kq, SIGUSR1);
    child = fork();
    if (child == 0) {
        CHECK(action_of(SIGUSR1).sa_handler == SIG_IGN);
        kq = kqueue();
        CHECK(signal(SIGUSR1, plain) == SIG_IGN);
        count(kq, SIGUSR1);
        raise(SIGUSR1);
        CHECK(runs == 1 && counted(kq, SIGUSR1) == 1);
        exit(0);
    }
    CHECK(exit_status(child) == 0);
    raise(SIGUSR1);
    CHECK(runs == 0 && counted(kq, SIGUSR1) == 1);
}

#define CASE(name) {#name, name}

int main(int argc, char **argv)
{
    static const struct named_case cases[] = {
        CASE(before_or_after),
        CASE(a_view_uncounted),
        CASE(a_view_counted),
        CASE(sigset_family),
        CASE(once),
        CASE(in_handlers),
        CASE(races),
        CASE(executed),
        CASE(finds),
        CASE(finds_all),
        CASE(in_a_vfork_child),
        CASE(in_a_child),
    };

    self_path = argv[0];
    return run_named(argc, argv, cases, sizeof cases / sizeof *cases);
}
