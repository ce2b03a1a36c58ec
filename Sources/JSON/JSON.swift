// The first file of JSON replaces this one.
