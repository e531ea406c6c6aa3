"""What a course needs around its lessons: claims, and a look at the machine."""
