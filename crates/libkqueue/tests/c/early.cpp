/*
 * Queues made before main(): by the constructor of a global object, and by functions that run
 * earlier still; and used after it, by destructors and functions of atexit().
 */
#include "case.h"

static int by_constructor_function = -1;
static int ends[2];

__attribute__((constructor(101))) static void earlier_than_any_object()
{
    CHECK(pipe(ends) == 0);
    by_constructor_function = new_queue();
    add(by_constructor_function, static_cast<uintptr_t>(ends[0]), EVFILT_READ, 0, nullptr);
    /* What is interposed works this early, too. */
    int copy = dup(by_constructor_function);
    CHECK(copy >= 0);
    CHECK(close(copy) == 0);
    signal(SIGUSR1, SIG_IGN);
    add(by_constructor_function, SIGUSR1, EVFILT_SIGNAL, 0, nullptr);
}

class Queue {
public:
    Queue() : number(new_queue())
    {
        add(number, 1, EVFILT_USER, EV_CLEAR, this);
        trigger(number, 1);
    }

    ~Queue()
    {
        trigger(number, 1);
        if (wait_one(number).udata != this || close(number) != 0)
            FAIL("the queue did not last until the destructor");
        fputs("destroyed\n", stderr);
    }

    int number;
};

static Queue global;

static void at_exit()
{
    trigger(global.number, 1);
    if (wait_one(global.number).udata != &global)
        FAIL("the queue did not last until exit");
}

TEST(a_global_object_has_a_queue)
{
    struct kevent event = wait_one(global.number);

    SAME(event.ident, 1);
    CHECK(event.udata == &global);
    CHECK(atexit(at_exit) == 0);
}

TEST(a_constructor_function_has_a_queue)
{
    struct kevent event;

    EXPECT_NONE(by_constructor_function);
    send_bytes(ends[1], 5);
    event = wait_one(by_constructor_function);
    SAME(event.data, 5);
    CHECK(close(ends[0]) == 0);
    EXPECT_NONE(by_constructor_function);
    CHECK(raise(SIGUSR1) == 0);
    SAME(wait_one(by_constructor_function).ident, SIGUSR1);
}
