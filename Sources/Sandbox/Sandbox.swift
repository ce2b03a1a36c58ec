// The first file of Sandbox replaces this one.
