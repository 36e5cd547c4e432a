"""Time travel: snapshots, exact replay, and the one operation they make: going to a position."""
