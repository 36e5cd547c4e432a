"""Pure algorithms with no knowledge of the machine; standard library only (ArceOS's crates)."""
