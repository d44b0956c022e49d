/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interpose-calls.c: the calls that can be made to go wrong, by either of their names. Counterpart
 * of interpose.c.
 */
#undef _FILE_OFFSET_BITS
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "interpose.h"

/*
 * How each begins: looks up @real, the one that is stood in for, and gives @failed with errno when the
 * call is to go wrong. Leaves `piece`: the call is to do less than asked for.
 */
#define INTERPOSE(real, symbol, name, failed) \
    bool piece = false; \
    int failure = interpose(name, &piece); \
\
    (void)piece; \
    if (!(real)) \
        *(void **)&(real) = dlsym(RTLD_NEXT, symbol); \
    if (failure) { \
        errno = failure; \
        return failed; \
    }

/* A function that fails with -1 and errno. */
#define CALL_AS(type, symbol, name, list, arguments) \
    type symbol list; \
    type symbol list \
    { \
        static type(*real) list; \
        INTERPOSE(real, #symbol, #name, (type)-1) \
        return real arguments; \
    }
#define CALL(type, name, list, arguments) CALL_AS(type, name, name, list, arguments)

/* One that moves bytes, at @fd. */
#define MOVE_AS(symbol, name, list, size, arguments) \
    ssize_t symbol list; \
    ssize_t symbol list \
    { \
        static ssize_t(*real) list; \
        INTERPOSE(real, #symbol, #name, -1) \
        if (piece && size > 1 && interpose_is_stream(fd)) \
            size = 1; \
        return real arguments; \
    }
#define MOVE(name, list, size, arguments) MOVE_AS(name, name, list, size, arguments)

MOVE(read, (int fd, void *data, size_t size), size, (fd, data, size))
MOVE(write, (int fd, const void *data, size_t size), size, (fd, data, size))
MOVE(pread, (int fd, void *data, size_t size, off_t at), size, (fd, data, size, at))
MOVE_AS(pread64, pread, (int fd, void *data, size_t size, off64_t at), size, (fd, data, size, at))
MOVE(recv, (int fd, void *data, size_t size, int flags), size, (fd, data, size, flags))
/*
 * A byte in a packet of its own takes most of a page of the socket's buffer: here one is held back
 * instead.
 */
ssize_t
send(int fd, const void *data, size_t size, int flags)
{
    static ssize_t (*real)(int, const void *, size_t, int);
    INTERPOSE(real, "send", "send", -1)

    if (piece && size > 1 && interpose_is_stream(fd))
        size--;
    return real(fd, data, size, flags);
}

CALL(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
CALL_AS(ssize_t, pwrite64, pwrite, (int fd, const void *data, size_t size, off64_t at),
        (fd, data, size, at))
CALL(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence))
CALL_AS(off64_t, lseek64, lseek, (int fd, off64_t at, int whence), (fd, at, whence))
CALL(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
CALL_AS(int, fallocate64, fallocate, (int fd, int mode, off64_t at, off64_t size),
        (fd, mode, at, size))
CALL(int, ftruncate, (int fd, off_t size), (fd, size))
CALL_AS(int, ftruncate64, ftruncate, (int fd, off64_t size), (fd, size))
CALL(int, fsync, (int fd), (fd))
CALL(int, fstat, (int fd, struct stat *st), (fd, st))
CALL_AS(int, fstat64, fstat, (int fd, struct stat64 *st), (fd, st))
CALL(int, fstatat, (int fd, const char *path, struct stat *st, int flags), (fd, path, st, flags))
CALL_AS(int, fstatat64, fstatat, (int fd, const char *path, struct stat64 *st, int flags),
        (fd, path, st, flags))
CALL(int, faccessat, (int fd, const char *path, int mode, int flags), (fd, path, mode, flags))
CALL(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new))
CALL(int, renameat2, (int from, const char *old, int to, const char *new, unsigned int flags),
     (from, old, to, new, flags))
CALL(int, linkat, (int from, const char *old, int to, const char *new, int flags),
     (from, old, to, new, flags))
CALL(int, symlinkat, (const char *target, int fd, const char *path), (target, fd, path))
CALL(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
CALL(ssize_t, readlinkat, (int fd, const char *path, char *text, size_t size),
     (fd, path, text, size))
CALL(ssize_t, readlink, (const char *path, char *text, size_t size), (path, text, size))
CALL(int, flock, (int fd, int operation), (fd, operation))
CALL(int, dup2, (int from, int to), (from, to))
CALL(int, pipe2, (int ends[2], int flags), (ends, flags))
CALL(int, chdir, (const char *path), (path))
CALL(pid_t, setsid, (void), ())
CALL(int, getrlimit, (__rlimit_resource_t what, struct rlimit *limit), (what, limit))
CALL_AS(int, getrlimit64, getrlimit, (__rlimit_resource_t what, struct rlimit64 *limit),
        (what, limit))
CALL(int, setrlimit, (__rlimit_resource_t what, const struct rlimit *limit), (what, limit))
CALL_AS(int, setrlimit64, setrlimit, (__rlimit_resource_t what, const struct rlimit64 *limit),
        (what, limit))
CALL(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old))
CALL(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
CALL(int, kill, (pid_t pid, int number), (pid, number))
CALL(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options))
CALL(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
CALL(int, poll, (struct pollfd *polled, nfds_t count, int timeout), (polled, count, timeout))
CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
CALL(int, socketpair, (int domain, int type, int protocol, int pair[2]),
     (domain, type, protocol, pair))
CALL(int, bind, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
CALL(int, listen, (int fd, int backlog), (fd, backlog))
CALL(int, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags),
     (fd, address, size, flags))
CALL(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
     (fd, level, name, value, size))
CALL(int, inotify_init1, (int flags), (flags))
CALL(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
CALL(ssize_t, getdents64, (int fd, void *data, size_t size), (fd, data, size))
CALL(ssize_t, process_vm_readv,
     (pid_t pid, const struct iovec *own, unsigned long owns, const struct iovec *other,
      unsigned long others, unsigned long flags),
     (pid, own, owns, other, others, flags))

/* --- those with any number of arguments, or their own way to fail --- */

#define WITH_MODE(flags, mode) \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
\
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

#define OPEN_AS(symbol, name, real_list, list, arguments) \
    int symbol list; \
    int symbol list \
    { \
        static int(*real) real_list; \
        mode_t mode = 0; \
        INTERPOSE(real, #symbol, #name, -1) \
        WITH_MODE(flags, mode) \
        return real arguments; \
    }
#define OPEN(symbol) \
    OPEN_AS(symbol, open, (const char *, int, ...), (const char *path, int flags, ...), \
            (path, flags, mode))
#define OPENAT(symbol) \
    OPEN_AS(symbol, openat, (int, const char *, int, ...), \
            (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* What follows @last; as many registers, read or not. */
#define REST(last, type, values) \
    { \
        va_list rest; \
\
        va_start(rest, last); \
        for (size_t i = 0; i < sizeof(values) / sizeof(*(values)); i++) \
            (values)[i] = va_arg(rest, type); \
        va_end(rest); \
    }

#define FCNTL(symbol) \
    int symbol(int fd, int command, ...); \
    int symbol(int fd, int command, ...) \
    { \
        static int (*real)(int, int, ...); \
        void *more[1]; \
        INTERPOSE(real, #symbol, "fcntl", -1) \
        REST(command, void *, more) \
        return real(fd, command, more[0]); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

int
prctl(int option, ...)
{
    static int (*real)(int, ...);
    unsigned long more[4];
    INTERPOSE(real, "prctl", "prctl", -1)

    REST(option, unsigned long, more)
    return real(option, more[0], more[1], more[2], more[3]);
}

/* By the names of those that are made this way. */
static const char *
name_of(long number)
{
    switch (number) {
    case SYS_close_range:
        return "close_range";
    case SYS_pidfd_open:
        return "pidfd_open";
    case SYS_pidfd_send_signal:
        return "pidfd_send_signal";
    case SYS_capget:
        return "capget";
    case SYS_capset:
        return "capset";
    default:
        return "syscall";
    }
}

long
syscall(long number, ...)
{
    static long (*real)(long, ...);
    long more[6];
    INTERPOSE(real, "syscall", name_of(number), -1)

    REST(number, long, more)
    return real(number, more[0], more[1], more[2], more[3], more[4], more[5]);
}

int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
            const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    static int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    bool piece = false;
    int failure = interpose("posix_spawn", &piece);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "posix_spawn");
    return failure ? failure : real(pid, path, actions, attributes, argv, envp);
}

#ifdef WITH_MEMORY
/* The real ones by the names that need no looking up, which would allocate. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static bool
no_memory(const char *name)
{
    bool piece = false;
    int failure = interpose(name, &piece);

    if (failure)
        errno = failure;
    return failure;
}

void *
malloc(size_t size)
{
    return no_memory("malloc") ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return no_memory("calloc") ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
    return no_memory("realloc") ? NULL : __libc_realloc(old, size);
}
#endif
