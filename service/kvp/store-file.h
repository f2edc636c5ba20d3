/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One pool file that others write too: its descriptor, its two locks, and whether it still is what memory was
 * made from.
 *
 * Locks: upstream's daemon and Microsoft's samples take POSIX record locks, cloud-init and azure-init
 * flock(), libazureinit both. The two kinds do not see each other, so we take both, flock first. Ours is an
 * OFD lock: it conflicts with POSIX locks, but closing some other descriptor of the file does not drop it.
 *
 * Seeing a change: size, mtime, ctime, nlink and the inode's identity. The kernel stamps files with the time
 * of its last tick (4 ms apart on Debian's kernels), so two writes within one tick look the same; what was
 * read less than 20 ms after the last write is therefore not trusted and is read again (git's "racily
 * clean"). A file system that keeps whole seconds needs two seconds. Our own writes end, still under the
 * locks, with a stamp of our own in full nanoseconds: whoever writes next sets another time, so that reading
 * after our own write costs one fstat().
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

G_BEGIN_DECLS

typedef struct StoreFile {
        char *path;
        int fd; /* -1: not open */
        dev_t dev;
        ino_t ino; /* of the descriptor */
        bool writable;
        int write_error; /* why not, when it should have been */
        bool locked;
        bool known, trusted; /* seen says what memory was made from; and nothing else can look the same */
        struct stat seen;
} StoreFile;

void store_file_init(StoreFile *file, char *path);
void store_file_done(StoreFile *file);

/* Read-write if possible and not read_only, else for reading. A link, a directory or a pipe is not a pool
 * file (-EINVAL). */
int store_file_open(StoreFile *file, bool read_only);
/* Makes an empty file, mode 0644 whatever the umask, and opens it. -EEXIST. */
int store_file_create(StoreFile *file);
/* What was seen stays: it says which inode it belongs to. */
void store_file_close(StoreFile *file);

/* Both locks without waiting. -EAGAIN: somebody holds one. */
int store_file_lock(StoreFile *file);
void store_file_unlock(StoreFile *file);

/* Asks the descriptor, or (at a cheap moment) the path: -ESTALE if the path names another file or none. */
int store_file_stat(StoreFile *file, struct stat *ret);
int store_file_stat_path(StoreFile *file, struct stat *ret);

bool store_file_is_unchanged(const StoreFile *file, const struct stat *now);
/* Memory was made from the file as it was at that fstat(), asked before reading. */
void store_file_remember(StoreFile *file, const struct stat *seen);
/* Memory and file are equal after a write of ours; stamps the file. Size: what we believe it has now. */
void store_file_stamp(StoreFile *file, off_t size);

G_END_DECLS
