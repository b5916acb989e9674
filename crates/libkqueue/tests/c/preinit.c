/*
 * Before any library has been initialised, this one among them, the functions that it stands in
 * front of work already, and so does it itself.
 */
#include "case.h"

static void (*was_usr1)(int) = SIG_ERR;
static int closed = -1, early_queue = -1;

static void before_all(int argc, char **argv, char **environment)
{
    int pair[2];

    (void)argc, (void)argv, (void)environment;
    was_usr1 = signal(SIGUSR1, SIG_IGN);
    if (pipe(pair) == 0)
        closed = close(dup(pair[0])) | close(pair[0]) | close(pair[1]);
    early_queue = kqueue();
}

#ifndef __SANITIZE_THREAD__ /* which is not there yet */
__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) =
    before_all;
#endif

TEST(what_comes_before_every_library_is_served)
{
    struct sigaction now;

#ifdef __SANITIZE_THREAD__
    before_all(0, NULL, NULL);
#endif
    CHECK(was_usr1 == SIG_DFL);
    CHECK(sigaction(SIGUSR1, NULL, &now) == 0);
    CHECK(now.sa_handler == SIG_IGN);
    SAME(closed, 0);
    add(early_queue, SIGUSR1, EVFILT_SIGNAL, 0, NULL);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    SAME(wait_one(early_queue).ident, SIGUSR1);
    CHECK(close(early_queue) == 0);
}
