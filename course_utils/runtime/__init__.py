"""How to run with care: files, memory, interrupts, progress, randomness, arguments."""
