/*
 * Children that share more with the queue's owner than they should know: after vfork and within
 * posix_spawn a child runs in the parent's memory, and what it closes are its own descriptors.
 */
#include "case.h"

#include <spawn.h>

extern char **environ;

/* A queue that watches one socket with a duplicate, so that nothing goes by itself. */
struct watched {
    int kq;
    int pair[2];
    int copy;
};

static struct watched watch(void)
{
    struct watched w;

    w.kq = new_queue();
    socket_pair(w.pair);
    CHECK((w.copy = dup(w.pair[0])) >= 0);
    CHECK(fcntl(w.copy, F_SETFD, FD_CLOEXEC) == 0);
    add(w.kq, (uintptr_t)w.pair[0], EVFILT_READ, EV_CLEAR, NULL);
    add(w.kq, 1, EVFILT_USER, EV_CLEAR, NULL);
    return w;
}

/* The parent's registrations are what they were. */
static void is_undisturbed(struct watched *w)
{
    struct kevent event;
    char byte;

    EXPECT_NONE(w->kq);
    send_bytes(w->pair[1], 1);
    event = wait_one(w->kq);
    SAME(event.ident, w->pair[0]);
    SAME(event.data, 1);
    SAME(read(w->copy, &byte, 1), 1);
    trigger(w->kq, 1);
    SAME(wait_one(w->kq).ident, 1);
    CHECK(is_registered(w->kq, (uintptr_t)w->pair[0], EVFILT_READ));
}

TEST(vfork_close_and_exec_disturb_nothing)
{
    struct watched w = watch();

    for (int round = 0; round < 20; round++) {
        pid_t child = vfork();

        if (child == 0) {
            close(w.pair[0]);
            close(w.kq);
            dup2(2, w.pair[1]);
            close_range(3, ~0u, 0);
            execlp("true", "true", (char *)NULL);
            _exit(99);
        }
        CHECK(child > 0);
        SAME(ended(child), 0);
        is_undisturbed(&w);
    }
}

TEST(vfork_dup2_over_the_watched_number_disturbs_nothing)
{
    struct watched w = watch();
    int other[2];

    socket_pair(other);
    for (int round = 0; round < 20; round++) {
        pid_t child = vfork();

        if (child == 0) {
            dup2(other[0], w.pair[0]);
            dup3(other[0], w.kq, O_CLOEXEC);
            closefrom(3);
            _exit(0);
        }
        CHECK(child > 0);
        SAME(ended(child), 0);
        is_undisturbed(&w);
    }
}

/* The child may even set its signals in the parent's memory; the kernel's are its own. */
TEST(vfork_and_signals_disturb_nothing)
{
    struct kevent event;
    int kq = new_queue();
    struct sigaction now;
    pid_t child;

    signal(SIGUSR1, SIG_IGN);
    add(kq, SIGUSR1, EVFILT_SIGNAL, 0, NULL);
    child = vfork();
    if (child == 0) {
        signal(SIGUSR1, SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        execlp("true", "true", (char *)NULL);
        _exit(99);
    }
    CHECK(child > 0);
    SAME(ended(child), 0);
    CHECK(sigaction(SIGUSR1, NULL, &now) == 0);
    CHECK(now.sa_handler == SIG_IGN);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    event = wait_one(kq);
    SAME(event.ident, SIGUSR1);
}

TEST(fork_and_close_in_the_child_disturb_nothing)
{
    struct watched w = watch();

    for (int round = 0; round < 20; round++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            CHECK(close(w.pair[0]) == 0);
            SAME(dup2(w.pair[1], w.pair[0]), w.pair[0]);
            CHECK(close(w.pair[0]) == 0);
            close(w.kq); /* perhaps not there */
            exit(0);
        }
        SAME(ended(child), 0);
        is_undisturbed(&w);
    }
}

TEST(posix_spawn_with_file_actions_disturbs_nothing)
{
    char *arguments[] = {(char *)"true", NULL};
    struct watched w = watch();

    for (int round = 0; round < 20; round++) {
        posix_spawn_file_actions_t actions;
        pid_t child;

        CHECK(posix_spawn_file_actions_init(&actions) == 0);
        CHECK(posix_spawn_file_actions_addclose(&actions, w.pair[0]) == 0);
        CHECK(posix_spawn_file_actions_adddup2(&actions, 2, w.pair[0]) == 0);
        CHECK(posix_spawn_file_actions_adddup2(&actions, 2, w.kq) == 0);
        CHECK(posix_spawn_file_actions_addclosefrom_np(&actions, 3) == 0);
        CHECK(posix_spawnp(&child, "true", &actions, NULL, arguments, environ) == 0);
        CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
        SAME(ended(child), 0);
        is_undisturbed(&w);
    }
}

TEST(system_and_popen_disturb_nothing)
{
    struct watched w = watch();
    FILE *output;

    SAME(system("exec 3<&- 4<&- 5<&- 6<&-; true"), 0);
    is_undisturbed(&w);
    CHECK((output = popen("echo", "r")) != NULL);
    SAME(fgetc(output), '\n');
    CHECK(pclose(output) == 0);
    is_undisturbed(&w);
}
