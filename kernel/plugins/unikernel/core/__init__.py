"""The Unikernel without its functions: image, threads, exports, open files."""
