/* Makes the N-th durable write of a process fail. Loaded by LD_PRELOAD; armed by the process itself (`arm`), or
   from its start by PASSERELLE_FAULT="<N> <kind> <folder>".

   A durable write is a call that changes what is on disk below one folder: write, pwrite, ftruncate, fsync,
   fdatasync, rename, link, unlink, mkdir, rmdir, or open of a file that is not there or is to be emptied.
   Reads never fail. SQLite writes through these too; what it keeps in shared memory (-shm) is no durable state.
   Where the power is cut, what was not synchronised is lost with the process: see undo.c. */

#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COUNT, EIO_ONCE, FULL, KILL_BEFORE, TORN, SYNC, CUT, CUT_DATA, CUT_SOME };

static char below[PATH_MAX];
static size_t length;
static atomic_long writes;
static long due;
static int kind;

/* From now on the `at`-th durable write below `folder` fails as `how` says; COUNT only counts. */
void fault_arm(const char *folder, long at, int how) {
    snprintf(below, sizeof below, "%s", folder);
    length = strlen(below);
    atomic_store(&writes, 0);
    due = at;
    kind = how;
    if (kind >= CUT) undo_begin(folder);
}

__attribute__((constructor)) static void armed_from_the_start(void) {
    const char *asked = getenv("PASSERELLE_FAULT");
    long at;
    int how, folder;
    if (asked && sscanf(asked, "%ld %d %n", &at, &how, &folder) == 2) fault_arm(asked + folder, at, how);
}

long fault_count(void) { return atomic_load(&writes); }

static void die(void) {
    kill(getpid(), SIGKILL);
    pause();
}

static int inside(const char *path) {
    size_t size = strlen(path);
    if (!length || strncmp(path, below, length) || (path[length] && path[length] != '/')) return 0;
    return !(size > 4 && !strcmp(path + size - 4, "-shm"));
}

static int inside_fd(int fd) {
    char link[32], path[PATH_MAX];
    if (!length) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return inside(path);
}

/* Counts, `sync` telling a synchronisation; returns the errno to fail with, 0 to go on, -1 to do half and die. */
static int turn(int sync) {
    long at = atomic_fetch_add(&writes, 1) + 1;
    if (kind == FULL && at >= due) return ENOSPC;
    if (kind == SYNC && sync && at >= due) {
        kind = COUNT;
        return EIO;
    }
    if (at != due) return 0;
    switch (kind) {
    case EIO_ONCE: return EIO;
    case KILL_BEFORE: die(); return 0;
    case TORN: return -1;
    case CUT: case CUT_DATA: case CUT_SOME:
        undo_all((enum lost)(kind - CUT), (unsigned)at);
        die();
        return 0;
    default: return 0;
    }
}

#define FAULTY(applies, real, half, frees) FAULTY_AS(0, applies, real, half, frees)
#define FAULTY_AS(sync, applies, real, half, frees) do { \
    int fault = (applies) ? turn(sync) : 0; \
    if (fault > 0 && !(fault == ENOSPC && (frees))) { errno = fault; return -1; } \
    if (fault < 0) { half; die(); } \
    return (real); \
} while (0)

ssize_t write(int fd, const void *from, size_t size) {
    FAULTY(inside_fd(fd), undoable_write(fd, from, size), REAL(write)(fd, from, size / 2), 0);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    FAULTY(inside_fd(fd), undoable_pwrite(fd, from, size, at), REAL(pwrite64)(fd, from, size / 2, at), 0);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { return pwrite64(fd, from, size, at); }
int ftruncate64(int fd, off64_t size) { FAULTY(inside_fd(fd), undoable_ftruncate(fd, size), , 1); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fsync(int fd) { FAULTY_AS(1, inside_fd(fd), undoable_fsync(fd), , 0); }
int fdatasync(int fd) { FAULTY_AS(1, inside_fd(fd), undoable_fdatasync(fd), , 0); }
int rename(const char *from, const char *to) { FAULTY(inside(to), undoable_rename(from, to), , 0); }
int link(const char *from, const char *to) { FAULTY(inside(to), undoable_link(from, to), , 0); }
int mkdir(const char *path, mode_t mode) { FAULTY(inside(path), undoable_mkdir(path, mode), , 0); }
int unlinkat(int folder, const char *path, int flags) {
    FAULTY(folder == AT_FDCWD ? inside(path) : inside_fd(folder), undoable_unlinkat(folder, path, flags), , 1);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

static int changes(const char *path, int flags) {
    struct stat facts;
    if (!(flags & (O_CREAT | O_TRUNC)) || !inside(path)) return 0;
    return stat(path, &facts) ? flags & O_CREAT : flags & O_TRUNC && facts.st_size;
}
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (!changes(path, flags)) return REAL(open64)(path, flags, mode);
    FAULTY(1, undoable_open(path, flags, mode), , 0);
}
int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open64(path, flags, mode);
}
