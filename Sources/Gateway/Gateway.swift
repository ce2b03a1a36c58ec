// The first file of Gateway replaces this one.
