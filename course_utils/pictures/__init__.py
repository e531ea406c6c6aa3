"""Pictures that move: plots, films of them, and a lesson's widget in one call."""
