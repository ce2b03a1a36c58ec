// The first file of JSONSchema replaces this one.
