// The first file of Approval replaces this one.
