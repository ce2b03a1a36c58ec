// The first file of Screening replaces this one.
