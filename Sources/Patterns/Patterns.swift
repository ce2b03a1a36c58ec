// The first file of Patterns replaces this one.
