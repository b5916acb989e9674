/*
 * Compiled twice and linked into one program: each half calls the kevent() of its interface, and
 * EV_SET fills the structure of its interface, whatever the other half is.
 */
#include <string.h>
#include <sys/event.h>

#ifdef KEVENT_FREEBSD
#define HALF freebsd_half
#else
#define HALF portable_half
#endif

#ifdef __cplusplus
extern "C"
#endif
int HALF(void);

int HALF(void)
{
    struct {
        struct kevent kev;
        unsigned char behind[64];
    } both;
    size_t i;

    memset(&both, 0xff, sizeof both);
    EV_SET(&both.kev, 1, EVFILT_READ, EV_ADD, 0, 0, NULL);
    for (i = 0; i < sizeof both.behind; i++) {
        if (both.behind[i] != 0xff)
            return -1;
    }
    return kevent(0, &both.kev, 1, NULL, 0, NULL);
}
