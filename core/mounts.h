/* What kind of mount a descriptor stands on. Private to the core. */
#ifndef OKS_CORE_MOUNTS_H
#define OKS_CORE_MOUNTS_H

/*
 * May a walk go from `parent` into the folder behind the O_PATH descriptor `handle`? 0: yes (the same mount,
 * or another one that is no FUSE); -EXDEV: no, or it cannot be told. Asks no file system anything.
 */
int oks_mount_crossing(int parent, int handle);

/* 1 where the O_PATH descriptor stands in a mount of okstrafs; 0 where not, or unknown. */
int oks_mount_is_ours(int handle);

#endif
