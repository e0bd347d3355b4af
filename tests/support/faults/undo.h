/* Writes that a power cut may take back. See undo.c. */

#ifndef UNDO_H
#define UNDO_H

#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/types.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum lost { EVERYTHING, DATA_ALONE, SOME };

void undo_begin(const char *folder);
void undo_all(enum lost which, unsigned seed);

ssize_t undoable_write(int fd, const void *from, size_t size);
ssize_t undoable_pwrite(int fd, const void *from, size_t size, off64_t at);
int undoable_ftruncate(int fd, off64_t size);
int undoable_fsync(int fd);
int undoable_fdatasync(int fd);
int undoable_open(const char *path, int flags, mode_t mode);
int undoable_mkdir(const char *path, mode_t mode);
int undoable_rename(const char *from, const char *to);
int undoable_link(const char *from, const char *to);
int undoable_unlinkat(int folder, const char *path, int flags);

#endif
