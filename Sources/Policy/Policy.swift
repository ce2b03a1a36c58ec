// The first file of Policy replaces this one.
