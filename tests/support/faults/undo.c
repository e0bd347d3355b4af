/* What is not synchronised when the power goes is lost: the changes of a process, to be taken back.

   Kept for each change: old bytes and old size of the file; or, of the folder, the name that came, went or
   moved, and what had it before (a second link in a folder beside). Synchronising a file forgets the changes
   of its bytes, synchronising a folder those of its names, a move's with the folder it went to; nothing else
   forgets. Files and folders are held open, so that a moved folder or a removed file is still the same one.

   A disk may keep any part of what was not synchronised. Taken back, newest first, is everything, or the
   bytes alone (what is named before it is written shows), or each change by the toss of a coin.
   For one thread; without `undo_begin` these only do what they are called after. */

#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HELD = 1024 };
enum what { BYTES, CAME, WENT, MOVED };

struct change {
    enum what what;
    int node, from_node;            /* the file, or the folder; of a move, also the folder before */
    off64_t at, size;               /* of bytes: where, and how long the file was */
    size_t length;
    void *old;
    char *name, *from;
    long kept;                      /* what had the name before, in the folder beside; 0: nothing */
};

static struct { dev_t dev; ino_t ino; int fd; } nodes[HELD];
static int held;
static struct change *changes;
static size_t count, room;
static int beside = -1;
static long kept;

/* From now on; what names lose is kept in `<folder>.kept`. */
void undo_begin(const char *folder) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.kept", folder);
    if (mkdir(path, 0700) && errno != EEXIST) abort();
    beside = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (beside < 0) abort();
}

/* The place of an open file or folder among those that are held. */
static int node(int fd) {
    struct stat facts;
    char own[32];
    if (fstat(fd, &facts)) abort();
    for (int one = 0; one < held; one++)
        if (nodes[one].dev == facts.st_dev && nodes[one].ino == facts.st_ino) return one;
    if (held == HELD) abort();
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    nodes[held].dev = facts.st_dev;
    nodes[held].ino = facts.st_ino;
    nodes[held].fd = REAL(open64)(own, (S_ISDIR(facts.st_mode) ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (nodes[held].fd < 0) abort();
    return held++;
}

/* The folder of a path, and its name there. */
static int folder_of(int at, const char *path, char **name) {
    char *first = strdup(path), *second = strdup(path);
    int fd = REAL(openat64)(at, dirname(first), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) abort();
    int folder = node(fd);
    *name = strdup(basename(second));
    close(fd);
    free(first);
    free(second);
    return folder;
}

static struct change *more(enum what what) {
    if (count == room && !(changes = realloc(changes, (room += 1024) * sizeof *changes))) abort();
    struct change *one = &changes[count++];
    memset(one, 0, sizeof *one);
    one->what = what;
    return one;
}

static void forget(struct change *one) {
    free(one->old);
    free(one->name);
    free(one->from);
}

/* Bytes from `at` on are about to change. */
static void bytes(int fd, off64_t at, size_t length) {
    struct stat facts;
    if (fstat(fd, &facts)) abort();
    struct change *one = more(BYTES);
    one->node = node(fd);
    one->at = at;
    one->size = facts.st_size;
    off64_t there = facts.st_size > at ? facts.st_size - at : 0;
    one->length = (off64_t)length < there ? length : (size_t)there;
    one->old = malloc(one->length + 1);
    if (!one->old || pread(nodes[one->node].fd, one->old, one->length, at) != (ssize_t)one->length) abort();
}

/* Link what a name stands for into the folder beside; 0 where it stands for nothing. */
static long keep(int at, const char *path) {
    char name[32];
    snprintf(name, sizeof name, "%ld", kept + 1);
    return linkat(at, path, beside, name, 0) ? 0 : ++kept;
}

ssize_t undoable_write(int fd, const void *from, size_t size) {
    struct stat facts;
    if (beside >= 0 && !fstat(fd, &facts))
        bytes(fd, fcntl(fd, F_GETFL) & O_APPEND ? facts.st_size : lseek(fd, 0, SEEK_CUR), size);
    return REAL(write)(fd, from, size);
}

ssize_t undoable_pwrite(int fd, const void *from, size_t size, off64_t at) {
    if (beside >= 0) bytes(fd, at, size);
    return REAL(pwrite64)(fd, from, size, at);
}

int undoable_ftruncate(int fd, off64_t size) {
    if (beside >= 0) bytes(fd, size, SSIZE_MAX);
    return REAL(ftruncate64)(fd, size);
}

/* What is on disk is not taken back. */
static int synchronised(int fd, int failed) {
    if (failed || beside < 0) return failed;
    int which = node(fd);
    size_t left = 0;
    for (size_t one = 0; one < count; one++) {
        if (changes[one].node == which) forget(&changes[one]);
        else changes[left++] = changes[one];
    }
    count = left;
    return 0;
}

int undoable_fsync(int fd) { return synchronised(fd, REAL(fsync)(fd)); }
int undoable_fdatasync(int fd) { return synchronised(fd, REAL(fdatasync)(fd)); }

int undoable_open(const char *path, int flags, mode_t mode) {
    int is_new = access(path, F_OK);
    int fd = REAL(open64)(path, flags & ~(beside < 0 ? 0 : O_TRUNC), mode);
    if (fd < 0 || beside < 0) return fd;
    if (is_new) {
        struct change *one = more(CAME);
        one->node = folder_of(AT_FDCWD, path, &one->name);
    } else if (flags & O_TRUNC && undoable_ftruncate(fd, 0)) abort();
    return fd;
}

int undoable_mkdir(const char *path, mode_t mode) {
    int failed = REAL(mkdir)(path, mode);
    if (failed || beside < 0) return failed;
    struct change *one = more(CAME);
    one->node = folder_of(AT_FDCWD, path, &one->name);
    return 0;
}

int undoable_rename(const char *from, const char *to) {
    long before = beside < 0 ? 0 : keep(AT_FDCWD, to);
    int failed = REAL(rename)(from, to);
    if (failed || beside < 0) return failed;
    struct change *one = more(MOVED);
    one->node = folder_of(AT_FDCWD, to, &one->name);
    one->from_node = folder_of(AT_FDCWD, from, &one->from);
    one->kept = before;
    return 0;
}

int undoable_link(const char *from, const char *to) {
    int failed = REAL(link)(from, to);
    if (failed || beside < 0) return failed;
    struct change *one = more(CAME);
    one->node = folder_of(AT_FDCWD, to, &one->name);
    return 0;
}

/* An empty folder that is removed stays away: a disk may do that too. */
int undoable_unlinkat(int folder, const char *path, int flags) {
    long before = beside < 0 || flags & AT_REMOVEDIR ? 0 : keep(folder, path);
    int failed = REAL(unlinkat)(folder, path, flags);
    if (failed || !before) return failed;
    struct change *one = more(WENT);
    one->node = folder_of(folder, path, &one->name);
    one->kept = before;
    return 0;
}

static void give_back(long which, int folder, const char *name) {
    char of[32];
    snprintf(of, sizeof of, "%ld", which);
    if (which) renameat(beside, of, folder, name);
}

/* What does not fit any more, since something it stood on was kept or lost, stays as it is. */
static void take_back(const struct change *one) {
    int fd = nodes[one->node].fd;
    char aside[32];
    switch (one->what) {
    case BYTES:
        if (REAL(ftruncate64)(fd, one->size)) abort();
        if (REAL(pwrite64)(fd, one->old, one->length, one->at) != (ssize_t)one->length) abort();
        break;
    case CAME: /* with all that is in it, where it is a folder */
        snprintf(aside, sizeof aside, "%ld", ++kept);
        renameat(fd, one->name, beside, aside);
        break;
    case WENT:
        give_back(one->kept, fd, one->name);
        break;
    case MOVED:
        renameat(fd, one->name, nodes[one->from_node].fd, one->from);
        give_back(one->kept, fd, one->name);
        break;
    }
}

/* The power is gone: take back what was not synchronised; the process must not write any more. */
void undo_all(enum lost which, unsigned seed) {
    for (size_t one = count; one-- > 0;) {
        if (which == DATA_ALONE && changes[one].what != BYTES) continue;
        if (which == SOME && rand_r(&seed) % 2) continue;
        take_back(&changes[one]);
    }
}
