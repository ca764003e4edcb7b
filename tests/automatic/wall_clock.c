/* Stands between a program and its wall clock: an hour ahead while the file is there. Every other clock is as it is. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *now)
{
    long done = syscall(SYS_clock_gettime, which, now);
    if (which == CLOCK_REALTIME && access("/opt/lab/stepped", F_OK) == 0)
        now->tv_sec += 3600;
    return (int)done;
}
