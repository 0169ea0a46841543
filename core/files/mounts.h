/* What kind of mount a descriptor stands on. Private to the core. */
#ifndef OKS_CORE_MOUNTS_H
#define OKS_CORE_MOUNTS_H

/*
 * May a walk go from `parent` into the folder behind the O_PATH descriptor `handle`? 0: yes (the same mount,
 * or another one that is not remote); -EXDEV: no, or it cannot be told; another negative errno: it cannot be
 * told now (base/passing.h). Asks no file system anything.
 */
int oks_mount_crossing(int parent, int handle);

/*
 * 1 where the O_PATH descriptor stands in a mount of okstrafs; 0 where not, or unknown; a negative errno
 * where it cannot be told now. *other is a mount that is known to be none of ours, 0 at first: on the way
 * along a path nearly every name stands in the mount of the one before, and is told by its number alone. It
 * must not be kept longer than such a way takes.
 */
int oks_mount_is_ours(int handle, long *other);
/* The same for a remote filesystem: a network filesystem, FUSE, or anything else that may not answer. */
int oks_mount_is_remote(int handle, long *other);
/* The id of its mount; a negative errno: unknown. */
long oks_mount_of(int handle);

#endif
