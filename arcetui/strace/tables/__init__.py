"""Names of flags and constants, in the order strace prints them. Source: include/uapi of Linux."""
