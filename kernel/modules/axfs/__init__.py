"""axfs: the file tree. Mounts and path walks, ramfs, /dev and /proc."""
