/* The library's place is taken by two functions that say who was called. */
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
int freebsd_half(void);
int portable_half(void);
int kevent(int kq, const void *changes, int nchanges, void *events, int nevents, const void *time);
int kevent_freebsd(int kq, const void *changes, int nchanges, void *events, int nevents,
                   const void *time);

int kevent(int kq, const void *changes, int nchanges, void *events, int nevents, const void *time)
{
    (void)kq, (void)changes, (void)nchanges, (void)events, (void)nevents, (void)time;
    return 32;
}

int kevent_freebsd(int kq, const void *changes, int nchanges, void *events, int nevents,
                   const void *time)
{
    (void)kq, (void)changes, (void)nchanges, (void)events, (void)nevents, (void)time;
    return 64;
}
#ifdef __cplusplus
}
#endif

int main(void)
{
    printf("%d %d\n", portable_half(), freebsd_half());
    return 0;
}
