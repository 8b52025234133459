/* A clock that is set while somebody looks at it: preloaded, it adds the seconds in the file named
   by CHAOS_CLOCK to the time of day. What counts seconds since the start goes on as it did, as it
   does where a real clock is set. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    const char *path = getenv("CHAOS_CLOCK");
    if (!failed && clock == CLOCK_REALTIME && path) {
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            char text[32] = {0};
            if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
            close(file);
        }
    }
    return failed;
}
